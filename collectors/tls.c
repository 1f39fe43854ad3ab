/*
 * The tls collector: a handshake with any TLS service, if need be after the words that
 * its protocol has for it (collectors/starttls), and how long the certificates last.
 *
 * Nothing is asked of the service beyond that; a stream ends at a certificate that does
 * not hold, and its dates are told all the same.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "collectors/collectors.h"
#include "collectors/endpoint.h"
#include "collectors/request.h"
#include "collectors/starttls.h"
#include "loop/stream.h"

#define TLS_CHECK_MAGIC 0x63746c73
#define DAY (86400 * CLOCK_SECOND)

struct tls_options {
	char *address, *name, *ca_file;
	int starttls; /* enum starttls_kind */
	int least;    /* enum tls_version */
	int ip;       /* enum resolve_family */
	int64_t warn_us, retry;
};

struct check {
	MAGIC;
	struct probe_env env;
	const struct tls_options *options;
	int64_t dns_cache_us;
	struct endpoint endpoint;
	char *name;            /* of the options, as DNS knows it; or NULL */
	struct probe_run *run; /* NULL: idle */
	struct stream *stream;
	struct starttls starttls;
	int64_t started_us;
	struct probe_result result;
};

enum { DNS, CONNECT, TLS, TOTAL, CERTIFICATE_DAYS, SOURCES };

static const struct archive_source sources[SOURCES] = {
    [DNS] = {"dns", "s", 0, NAN, "Finding the address"},
    [CONNECT] = {"connect", "s", 0, NAN, "Opening the connection"},
    [TLS] = {"tls", "s", 0, NAN, "Agreeing on encryption"},
    [TOTAL] = {"total", "s", 0, NAN, "All of it, until encryption is agreed on"},
    [CERTIFICATE_DAYS] = {"certificate_days", "days", NAN, NAN,
	"Until the first certificate of the chain expires"},
};

static const char *const versions[] = {"1.0", "1.1", "1.2", "1.3", NULL};

#define AT(field) offsetof(struct tls_options, field)
static const struct option options[] = {
    ADDRESS_OPTION(AT(address), "www.example.it:443"),
    {.name = "starttls",
	.type = OPTION_CHOICE,
	.offset = AT(starttls),
	.fallback = "none",
	.choices = starttls_names,
	.text = "How TLS begins: none at once, the others when the words of that "
		"protocol have asked for it"},
    SERVER_NAME_OPTION(AT(name), "www.example.it"),
    {.name = "warn",
	.type = OPTION_DURATION,
	.offset = AT(warn_us),
	.fallback = "21d",
	.max = 3650.0 * DAY,
	.text = "The service is degraded when the first certificate of the chain "
		"expires sooner than this; 0s: never"},
    {.name = "min_protocol",
	.type = OPTION_CHOICE,
	.offset = AT(least),
	.fallback = "1.2",
	.choices = versions,
	.text = "The oldest version of TLS that is well; with 1.0 or 1.1 the weak keys "
		"and ciphers of their time are well too"},
    CA_FILE_OPTION(AT(ca_file)),
    RETRY_OPTION(AT(retry)),
    IP_OPTION(AT(ip)),
    OPTION_END,
};
#undef AT

static void
tls_check(const void *arg, conf_complain *complain, void *complain_arg)
{
	const struct tls_options *opts = arg;

	endpoint_check(opts->address, opts->name, complain, complain_arg);
}

/* ---- a run ---- */

static void
finish(struct check *check)
{
	const struct stream_info *info = stream_info(check->stream);
	struct probe_result result = check->result;
	struct probe_run *run = check->run;
	const char *goodbye;
	size_t length;

	result.values[DNS] = info->dns;
	result.values[CONNECT] = info->connect;
	result.values[TLS] = info->tls;
	goodbye = starttls_goodbye(check->options->starttls, &length);
	stream_close(check->stream, goodbye, length);
	check->stream = NULL;
	check->run = NULL;
	text_clean(result.message);
	/* Who hears of it may start the next run at once, or close. */
	probe_done(run, &result);
}

static void
fail(struct check *check, enum probe_class class, const char *sentence)
{
	check->result.class = class;
	strlcpy(check->result.message, sentence, sizeof(check->result.message));
	finish(check);
}

/* "2026-12-06", the day in UTC */
static void
day_of(int64_t at_s, char out[TEXT_TIME_SIZE])
{
	text_time_format(at_s * CLOCK_SECOND, out);
	out[strcspn(out, "T")] = '\0';
}

static void
take_days(struct check *check, const struct tls_seen *seen)
{
	if (seen->chain.expires_s != 0)
		check->result.values[CERTIFICATE_DAYS] =
		    ((double)seen->chain.expires_s * CLOCK_SECOND -
			(double)clock_wall_us()) /
		    DAY;
}

/* "9 days" */
static void
count_days(double days, char out[32])
{
	snprintf(out, 32, "%.0f day%s", floor(days), floor(days) == 1 ? "" : "s");
}

static void
describe(struct check *check, const struct tls_seen *seen)
{
	const struct certificate_chain *chain = &seen->chain;
	const char *issuer = chain->issuer[0] != '\0' ? chain->issuer : "nobody";
	double days = check->result.values[CERTIFICATE_DAYS];
	struct buf out = {.limit = sizeof(check->result.message) - 1};
	char day[TEXT_TIME_SIZE], left[32];

	day_of(chain->expires_s, day);
	count_days(days, left);
	if (check->result.warn)
		buf_printf(&out, "the certificate%s%s expires in %s, on %s (",
		    chain->expires_first[0] != '\0' ? " of its issuer " : "",
		    chain->expires_first, left, day);
	buf_printf(&out, "%s, %s, issued by %s", seen->protocol, seen->cipher, issuer);
	if (check->result.warn)
		buf_add_char(&out, ')');
	else if (!isnan(days))
		buf_printf(&out, ", expires in %s, on %s", left, day);
	strlcpy(check->result.message, out.data, sizeof(check->result.message));
	buf_free(&out);
}

static void
succeed(struct check *check)
{
	const struct tls_seen *seen = &stream_info(check->stream)->seen;
	int64_t warn_us = check->options->warn_us;

	take_days(check, seen);
	check->result.values[TOTAL] =
	    (double)(clock_mono_us() - check->started_us) / CLOCK_SECOND;
	check->result.warn =
	    warn_us > 0 && check->result.values[CERTIFICATE_DAYS] * DAY < warn_us;
	describe(check, seen);
	finish(check);
}

static void
begin_words(struct check *check)
{
	struct buf out = BUF_INIT;

	starttls_begin(&check->starttls, check->options->starttls, &out);
	if (out.length > 0)
		stream_write(check->stream, out.data, out.length);
	buf_free(&out);
}

static void
hear(struct check *check)
{
	struct buf out = BUF_INIT;
	size_t length, used;
	const char *data = stream_peek(check->stream, &length);
	enum starttls_step step;
	char error[256] = "";

	step = starttls_feed(&check->starttls, data, length, &used, &out, error);
	stream_consume(check->stream, used);
	if (out.length > 0)
		stream_write(check->stream, out.data, out.length);
	buf_free(&out);
	if (step == STARTTLS_GO)
		stream_start_tls(check->stream);
	else if (step == STARTTLS_FAILED)
		fail(check, PROBE_PROTOCOL, error);
}

static void
on_stream(struct stream *stream, enum stream_event event, void *arg)
{
	struct check *check = arg;
	const struct stream_info *info = stream_info(stream);

	MAGIC_CHECK(check, TLS_CHECK_MAGIC);
	switch (event) {
	case STREAM_READY:
		if (info->seen.protocol[0] != '\0')
			succeed(check);
		else
			begin_words(check);
		break;
	case STREAM_DATA:
		hear(check);
		break;
	case STREAM_END:
		take_days(check, &info->seen);
		fail(check, request_class(info->class), info->sentence);
		break;
	}
}

static void
tls_start(void *arg, struct probe_run *run, int64_t timeout_us, bool fresh)
{
	struct check *check = arg;
	const struct tls_options *opts = check->options;
	const struct stream_request request = {
	    .host = check->endpoint.host,
	    .port = check->endpoint.port,
	    .family = (enum resolve_family)opts->ip,
	    .dns_cache_us = fresh ? 0 : check->dns_cache_us,
	    .timeout_us = timeout_us,
	    .tls = opts->starttls == STARTTLS_NONE,
	    .name = check->name,
	    .ca_file = opts->ca_file,
	    .least = (enum tls_version)opts->least,
	    .read_max = STARTTLS_UNREAD_MAX,
	};

	MAGIC_CHECK(check, TLS_CHECK_MAGIC);
	assert(check->run == NULL);
	check->run = run;
	probe_result_clear(&check->result);
	check->started_us = clock_mono_us();
	check->stream = stream_start(check->env.streams, &request, on_stream, check);
}

/* ---- a check ---- */

static void
tls_cancel(void *arg)
{
	struct check *check = arg;

	MAGIC_CHECK(check, TLS_CHECK_MAGIC);
	if (check->stream != NULL)
		stream_close(check->stream, NULL, 0);
	check->stream = NULL;
	check->run = NULL;
}

static void
tls_close_check(void *arg)
{
	struct check *check = arg;

	tls_cancel(check);
	endpoint_free(&check->endpoint);
	free(check->name);
	MAGIC_CLEAR(check);
	free(check);
}

static void
tls_rebind(void *arg, const void *opts)
{
	struct check *check = arg;

	MAGIC_CHECK(check, TLS_CHECK_MAGIC);
	check->options = opts;
}

static int
tls_open_check(const struct probe_env *env, const void *arg, int64_t dns_cache_us,
    void **state, char error[256])
{
	const struct tls_options *opts = arg;
	struct check *check = mem_zalloc(sizeof(*check));

	MAGIC_SET(check, TLS_CHECK_MAGIC);
	check->env = *env;
	check->dns_cache_us = dns_cache_us;
	check->options = opts;
	if (endpoint_parse(opts->address, &check->endpoint, error) != 0 ||
	    (opts->name != NULL &&
		(check->name = endpoint_host(opts->name, error)) == NULL)) {
		tls_close_check(check);
		return ERR_SYNTAX;
	}
	*state = check;
	return 0;
}

static int
tls_retries(const void *arg)
{
	const struct tls_options *opts = arg;

	return (int)opts->retry;
}

/* As measured by tests/bench/checks.sh for http. */
static int64_t
tls_load_us(const void *arg)
{
	return 1000;
}

const struct collector collector_tls = {
    .name = "tls",
    .text = "Shakes hands with a TLS service and tells how long its certificates last",
    .options = options,
    .options_size = sizeof(struct tls_options),
    .shorthand = "address",
    .check = tls_check,
    .sources = sources,
    .source_count = SOURCES,
    .total = TOTAL,
    .open = tls_open_check,
    .start = tls_start,
    .cancel = tls_cancel,
    .close = tls_close_check,
    .rebind = tls_rebind,
    .retries = tls_retries,
    .load_us = tls_load_us,
};
