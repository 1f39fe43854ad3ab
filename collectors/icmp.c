/*
 * The icmp collector: some echoes to one address, how many come back and how fast.
 *
 * State belongs to the probe that opened it, options are its caller's.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "collectors/collectors.h"
#include "collectors/request.h"
#include "loop/address.h"
#include "loop/echo.h"
#include "loop/resolve.h"

#define ICMP_MAGIC 0x69636d70

struct icmp_options {
	char *address;
	int64_t count, spacing_us, size;
	int ip; /* enum resolve_family */
	double warn_loss, max_loss;
	int64_t max_time_us;
};

struct icmp {
	MAGIC;
	struct probe_env env;
	const struct icmp_options *options;
	int64_t dns_cache_us;
	struct probe_run *run; /* NULL: idle */
	int64_t deadline_us;
	struct resolve_query *query; /* or NULL */
	struct echo_run *echoes;     /* or NULL */
	char target[112];            /* for sentences: the address, and its name */
};

#define AT(field) offsetof(struct icmp_options, field)
static const struct option options[] = {
    {.name = "address",
	.type = OPTION_STRING,
	.offset = AT(address),
	.required = true,
	.min = 1,
	.max = 255,
	.example = "192.0.2.1",
	.text = "Where the echoes go, an address or a name"},
    {.name = "count",
	.type = OPTION_INTEGER,
	.offset = AT(count),
	.fallback = "5",
	.min = 1,
	.max = ECHO_COUNT_MAX,
	.text = "How many echoes a run sends"},
    {.name = "spacing",
	.type = OPTION_DURATION,
	.offset = AT(spacing_us),
	.fallback = "200ms",
	.min = 10e3,
	.max = 10e6,
	.text =
	    "From one echo to the next; less, if the last one would go out after half "
	    "of the check's timeout"},
    {.name = "size",
	.type = OPTION_SIZE,
	.offset = AT(size),
	.fallback = "56",
	.min = ECHO_SIZE_MIN,
	.max = ECHO_SIZE_MAX,
	.unit = "bytes",
	.text = "Length of an echo, without the headers of ICMP and IP"},
    {.name = "ip",
	.type = OPTION_CHOICE,
	.offset = AT(ip),
	.fallback = "any",
	.choices = request_families,
	.text = "The version of IP, where address is a name"},
    {.name = "warn_loss",
	.type = OPTION_NUMBER,
	.offset = AT(warn_loss),
	.fallback = "20",
	.min = 0,
	.max = 100,
	.unit = "%",
	.text = "If more of the echoes are lost, the check is degraded"},
    {.name = "max_loss",
	.type = OPTION_NUMBER,
	.offset = AT(max_loss),
	.fallback = "50",
	.min = 0,
	.max = 99,
	.unit = "%",
	.text =
	    "If more of the echoes are lost, it is down, and so it is when all are"},
    {.name = "max_time",
	.type = OPTION_DURATION,
	.offset = AT(max_time_us),
	.min = 100,
	.max = 60e6,
	.example = "100ms",
	.text = "A median round trip that took longer is a failure of class slow"},
    OPTION_END,
};
#undef AT

enum { LOSS, MIN, AVG, MAX, STDDEV, TOTAL, SOURCES };

static const struct archive_source sources[SOURCES] = {
    [LOSS] = {"loss", "1", 0, 1, "Share of the echoes that no reply came to"},
    [MIN] = {"min", "s", 0, NAN, "The fastest round trip"},
    [AVG] = {"avg", "s", 0, NAN, "The round trips on average"},
    [MAX] = {"max", "s", 0, NAN, "The slowest round trip"},
    [STDDEV] = {"stddev", "s", 0, NAN, "Their standard deviation"},
    [TOTAL] = {"total", "s", 0, NAN,
	"The median round trip, which one slow echo does not move"},
};

static void
options_check(const void *arg, conf_complain *complain, void *complain_arg)
{
	const struct icmp_options *opts = arg;
	struct address address;

	if (opts->address != NULL && !address_is_name(opts->address) &&
	    !address_parse(opts->address, &address))
		complain(complain_arg, "address", NULL,
		    "expected an address or a name, such as 192.0.2.1, 2001:db8::1 or "
		    "www.example.it");
	if (opts->warn_loss > opts->max_loss)
		complain(complain_arg, "warn_loss", "max_loss",
		    "it would never be reached: expected at most max_loss");
}

static void
finish(struct icmp *icmp, struct probe_result *result)
{
	struct probe_run *run = icmp->run;

	icmp->run = NULL;
	text_clean(result->message);
	/* Who hears of it may start the next run at once, or close. */
	probe_done(run, result);
}

/* Nothing was measured. */
static void
explain_error(
    struct icmp *icmp, const struct echo_result *echoes, struct probe_result *result)
{
	size_t size = sizeof(result->message);

	result->class = PROBE_INTERNAL;
	if (echoes->error == -EACCES)
		snprintf(result->message, size,
		    "no right to send ICMP echoes: let net.ipv4.ping_group_range "
		    "include a group of the daemon, or give it CAP_NET_RAW "
		    "(AmbientCapabilities= of its unit)");
	else
		snprintf(result->message, size, "not one echo to %s could be sent: %s",
		    icmp->target, err_text(echoes->error));
}

static void
explain_silence(
    struct icmp *icmp, const struct echo_result *echoes, struct probe_result *result)
{
	size_t size = sizeof(result->message);

	if (echoes->unreachable == 0) {
		result->class = PROBE_FIRST_BYTE_TIMEOUT;
		snprintf(result->message, size, "no reply from %s to %u echo%s",
		    icmp->target, echoes->sent, echoes->sent == 1 ? "" : "es");
		return;
	}
	result->class = PROBE_REFUSED;
	snprintf(result->message, size, "%s cannot be reached: %.40s%s%s", icmp->target,
	    err_text(-echoes->unreachable),
	    echoes->router[0] != '\0' ? ", says " : ", says this host itself",
	    echoes->router);
}

static void
judge(struct icmp *icmp, const struct echo_result *echoes, struct probe_result *result)
{
	const struct icmp_options *opts = icmp->options;
	unsigned lost = echoes->sent - echoes->received;
	double percent = 100.0 * lost / echoes->sent;
	size_t size = sizeof(result->message);
	char limit[TEXT_DURATION_SIZE];

	if (echoes->received == 0) {
		explain_silence(icmp, echoes, result);
	} else if (percent > opts->max_loss) {
		result->class = PROBE_READ_TIMEOUT;
		snprintf(result->message, size,
		    "%u of %u echoes to %s were lost, more than %g %%", lost,
		    echoes->sent, icmp->target, opts->max_loss);
	} else if (opts->max_time_us > 0 &&
		   echoes->median_s * CLOCK_SECOND > opts->max_time_us) {
		result->class = PROBE_SLOW;
		snprintf(result->message, size,
		    "the median round trip to %s took %.1f ms, more than %s",
		    icmp->target, echoes->median_s * 1e3,
		    text_duration_format(opts->max_time_us, limit));
	} else {
		result->warn = percent > opts->warn_loss;
		snprintf(result->message, size,
		    "%u of %u echoes came back from %s, in %.3g to %.3g ms",
		    echoes->received, echoes->sent, icmp->target, echoes->min_s * 1e3,
		    echoes->max_s * 1e3);
	}
}

static void
on_echoes(const struct echo_result *echoes, void *arg)
{
	struct icmp *icmp = arg;
	struct probe_result result;

	MAGIC_CHECK(icmp, ICMP_MAGIC);
	icmp->echoes = NULL;
	probe_result_clear(&result);
	if (echoes->error != 0) {
		explain_error(icmp, echoes, &result);
		finish(icmp, &result);
		return;
	}
	result.values[LOSS] = (double)(echoes->sent - echoes->received) / echoes->sent;
	result.values[MIN] = echoes->min_s;
	result.values[AVG] = echoes->average_s;
	result.values[MAX] = echoes->max_s;
	result.values[STDDEV] = echoes->deviation_s;
	result.values[TOTAL] = echoes->median_s;
	judge(icmp, echoes, &result);
	finish(icmp, &result);
}

static void
on_address(const struct resolve_answer *answer, void *arg)
{
	struct icmp *icmp = arg;
	const struct icmp_options *opts = icmp->options;
	struct echo_request request = {
	    .count = (unsigned)opts->count,
	    .size = (unsigned)opts->size,
	    .spacing_us = opts->spacing_us,
	    .timeout_us = icmp->deadline_us - clock_mono_us(),
	};
	struct probe_result result;

	MAGIC_CHECK(icmp, ICMP_MAGIC);
	icmp->query = NULL;
	if (answer->error != 0 ||
	    !address_parse(answer->address[0], &request.address)) {
		probe_result_clear(&result);
		result.class = PROBE_RESOLVE;
		snprintf(
		    result.message, sizeof(result.message), "%s", answer->sentence);
		finish(icmp, &result);
		return;
	}
	if (strcmp(answer->address[0], opts->address) == 0)
		strlcpy(icmp->target, opts->address, sizeof(icmp->target));
	else
		snprintf(icmp->target, sizeof(icmp->target), "%.60s (%s)",
		    opts->address, answer->address[0]);
	icmp->echoes = echo_start(icmp->env.echo, &request, on_echoes, icmp);
}

static void
icmp_start(void *arg, struct probe_run *run, int64_t timeout_us, bool fresh)
{
	struct icmp *icmp = arg;

	MAGIC_CHECK(icmp, ICMP_MAGIC);
	assert(icmp->run == NULL);
	icmp->run = run;
	icmp->deadline_us = clock_mono_us() + timeout_us;
	icmp->query = resolve_start(icmp->env.resolve, icmp->options->address,
	    (enum resolve_family)icmp->options->ip, fresh ? 0 : icmp->dns_cache_us,
	    timeout_us, on_address, icmp);
}

static void
icmp_rebind(void *arg, const void *opts)
{
	struct icmp *icmp = arg;

	MAGIC_CHECK(icmp, ICMP_MAGIC);
	icmp->options = opts;
}

static int
icmp_open(const struct probe_env *env, const void *opts, int64_t dns_cache_us,
    void **state, char error[256])
{
	struct icmp *icmp = mem_zalloc(sizeof(*icmp));

	MAGIC_SET(icmp, ICMP_MAGIC);
	icmp->env = *env;
	icmp->options = opts;
	icmp->dns_cache_us = dns_cache_us;
	*state = icmp;
	return 0;
}

static void
icmp_cancel(void *arg)
{
	struct icmp *icmp = arg;

	MAGIC_CHECK(icmp, ICMP_MAGIC);
	if (icmp->query != NULL)
		resolve_cancel(icmp->query);
	if (icmp->echoes != NULL)
		echo_cancel(icmp->echoes);
	icmp->query = NULL;
	icmp->echoes = NULL;
	icmp->run = NULL;
}

static void
icmp_close(void *arg)
{
	struct icmp *icmp = arg;

	icmp_cancel(icmp);
	MAGIC_CLEAR(icmp);
	free(icmp);
}

/* As measured. The echoes of a run are its repetitions: it is not run again. */
static int64_t
icmp_load_us(const void *arg)
{
	const struct icmp_options *opts = arg;

	return 40 + 22 * opts->count;
}

const struct collector collector_icmp = {
    .name = "icmp",
    .text = "Sends ICMP echoes (ping), counts the replies and times them",
    .options = options,
    .options_size = sizeof(struct icmp_options),
    .shorthand = "address",
    .check = options_check,
    .sources = sources,
    .source_count = SOURCES,
    .total = TOTAL,
    .open = icmp_open,
    .start = icmp_start,
    .cancel = icmp_cancel,
    .close = icmp_close,
    .rebind = icmp_rebind,
    .load_us = icmp_load_us,
};
