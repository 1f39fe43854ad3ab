/*
 * The dns collector: one question to a DNS server, as a measurement of that server,
 * and what its answer is expected to be; or the same question to all servers of a
 * zone, whether they agree (collectors/dns_zone).
 *
 * State belongs to the probe that opened it, options are its caller's.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "collectors/collectors.h"
#include "collectors/dns_expect.h"
#include "collectors/dns_options.h"
#include "collectors/dns_words.h"
#include "collectors/dns_zone.h"
#include "loop/dnstype.h"
#include "loop/lookup.h"
#include "loop/resolve.h"

#define CHECK_MAGIC 0x636b646e
#define DNS_PORT 53

struct dns_check {
	MAGIC;
	struct probe_env env;
	const struct dns_options *options;
	int64_t dns_cache_us;
	unsigned type;
	char *name; /* canonical */
	bool has_server;
	struct dns_server server;
	struct dns_server *nameservers; /* as options->nameservers */
	struct dns_expect *expect;
	struct probe_run *run; /* NULL: idle */
	int64_t deadline_us;
	struct resolve_query *query; /* for the server's address, or NULL */
	struct lookup *lookup;       /* or NULL */
	struct dns_zone *zone;       /* or NULL */
	struct probe_result result;
};

enum { TOTAL, ANSWERS, TTL, SOURCES };

static const struct archive_source sources[SOURCES] = {
    [TOTAL] = {"total", "s", 0, NAN, "From the question to its answer"},
    [ANSWERS] = {"answers", "1", 0, NAN,
	"Records of the type asked for; servers of one mind with soa_agreement"},
    [TTL] = {"ttl_seconds", "1", 0, NAN,
	"How long the answer may be kept, the shortest of its records"},
};

static void
finish(struct dns_check *check, enum probe_class class)
{
	struct probe_result result = check->result;
	struct probe_run *run = check->run;

	result.class = class;
	check->run = NULL;
	text_clean(result.message);
	/* Who hears of it may start the next run at once, or close. */
	probe_done(run, &result);
}

/* What is expected of answers that are there. The message is that of success. */
static enum probe_class
judge(struct dns_check *check, const struct dnsmessage *message)
{
	struct probe_result *result = &check->result;
	int64_t max_us = check->options->max_time_us;
	char sentence[256], limit[TEXT_DURATION_SIZE];
	enum probe_class class;

	class =
	    dns_expect_judge(check->expect, message->answers, message->count, sentence);
	if (class != PROBE_OK) {
		strlcpy(result->message, sentence, sizeof(result->message));
	} else if (max_us > 0 && result->values[TOTAL] * CLOCK_SECOND > max_us) {
		class = PROBE_SLOW;
		snprintf(result->message, sizeof(result->message),
		    "the answer took %.3f s, more than %s", result->values[TOTAL],
		    text_duration_format(max_us, limit));
	}
	return class;
}

static void
describe(struct dns_check *check, const struct lookup_answer *answer)
{
	const struct dnsmessage *message = &answer->message;
	char list[140];

	dns_expect_list(message->answers, message->count, list, sizeof(list));
	snprintf(check->result.message, sizeof(check->result.message),
	    "%s, from %s%s%s", list, answer->server, answer->tcp ? " by TCP" : "",
	    message->authentic && check->options->dnssec ? ", validated" : "");
}

static void
on_lookup(const struct lookup_answer *answer, void *arg)
{
	struct dns_check *check = arg;
	struct probe_result *result = &check->result;
	const struct dnsmessage *message = &answer->message;
	enum probe_class class;

	MAGIC_CHECK(check, CHECK_MAGIC);
	check->lookup = NULL;
	result->values[TOTAL] = answer->total_s;
	if (answer->class == LOOKUP_OK)
		result->values[ANSWERS] = (double)message->count;
	class = dns_words(answer, check->name, check->type, result->message);
	if (class == PROBE_OK) {
		result->values[TTL] = message->ttl_s;
		if (check->options->dnssec && !message->authentic) {
			class = PROBE_MATCH;
			snprintf(result->message, sizeof(result->message),
			    "the answer is not validated by DNSSEC (no AD flag): "
			    "%.80s is not signed, or %s does not validate",
			    check->name, answer->server);
		} else {
			describe(check, answer);
			class = judge(check, message);
		}
	}
	finish(check, class);
}

static void
on_zone(const struct dns_zone_answer *answer, void *arg)
{
	struct dns_check *check = arg;
	enum probe_class class = answer->class;

	MAGIC_CHECK(check, CHECK_MAGIC);
	check->zone = NULL;
	strlcpy(check->result.message, answer->sentence, sizeof(check->result.message));
	check->result.values[TOTAL] = answer->total_s;
	check->result.values[ANSWERS] = (double)answer->agreeing;
	if (answer->newest != NULL)
		check->result.values[TTL] = answer->newest->ttl_s;
	if (class == PROBE_OK)
		class = judge(check, answer->newest);
	finish(check, class);
}

static void
ask(struct dns_check *check, const struct lookup_server *servers, size_t count)
{
	struct lookup_request request = {
	    .name = check->name,
	    .type = check->type,
	    .recurse = true,
	    .dnssec = check->options->dnssec,
	    .server_count = count,
	    .timeout_us = check->deadline_us - clock_mono_us(),
	};
	struct dns_zone_config config = {
	    .env = &check->env,
	    .name = check->name,
	    .server_count = count,
	    .nameservers = check->nameservers,
	    .nameserver_count = check->options->nameservers.count,
	    .port = DNS_PORT,
	    .dns_cache_us = check->dns_cache_us,
	    .timeout_us = request.timeout_us,
	};

	memcpy(request.servers, servers, count * sizeof(*servers));
	memcpy(config.servers, servers, count * sizeof(*servers));
	if (check->options->soa_agreement)
		check->zone = dns_zone_start(&config, on_zone, check);
	else
		check->lookup =
		    lookup_start(check->env.loop, &request, on_lookup, check);
}

static void
on_server(const struct resolve_answer *answer, void *arg)
{
	struct dns_check *check = arg;
	struct lookup_server servers[LOOKUP_SERVERS_MAX];
	size_t count = 0, i;

	MAGIC_CHECK(check, CHECK_MAGIC);
	check->query = NULL;
	if (answer->error != 0) {
		snprintf(check->result.message, sizeof(check->result.message),
		    "the DNS server's own address is not found: %s", answer->sentence);
		finish(check, PROBE_RESOLVE);
		return;
	}
	for (i = 0; i < answer->count && count < LOOKUP_SERVERS_MAX; i++)
		if (address_parse(answer->address[i], &servers[count].address))
			servers[count++].port = check->server.port;
	ask(check, servers, count);
}

static void
dns_start(void *arg, struct probe_run *run, int64_t timeout_us, bool fresh)
{
	struct dns_check *check = arg;
	struct lookup_server servers[LOOKUP_SERVERS_MAX];

	MAGIC_CHECK(check, CHECK_MAGIC);
	assert(check->run == NULL);
	check->run = run;
	check->deadline_us = clock_mono_us() + timeout_us;
	probe_result_clear(&check->result);
	if (check->has_server && !check->server.literal) {
		check->query =
		    resolve_start(check->env.resolve, check->server.host, RESOLVE_ANY,
			fresh ? 0 : check->dns_cache_us, timeout_us, on_server, check);
	} else if (check->has_server) {
		servers[0].address = check->server.address;
		servers[0].port = check->server.port;
		ask(check, servers, 1);
	} else {
		ask(check, servers, lookup_system_servers(NULL, servers));
	}
}

static void
dns_rebind(void *arg, const void *options)
{
	struct dns_check *check = arg;

	MAGIC_CHECK(check, CHECK_MAGIC);
	check->options = options;
}

static void
dns_cancel(void *arg)
{
	struct dns_check *check = arg;

	MAGIC_CHECK(check, CHECK_MAGIC);
	if (check->query != NULL)
		resolve_cancel(check->query);
	if (check->lookup != NULL)
		lookup_cancel(check->lookup);
	if (check->zone != NULL)
		dns_zone_cancel(check->zone);
	check->query = NULL;
	check->lookup = NULL;
	check->zone = NULL;
	check->run = NULL;
}

static void
dns_close(void *arg)
{
	struct dns_check *check = arg;

	dns_cancel(check);
	dns_expect_destroy(check->expect);
	free(check->nameservers);
	free(check->name);
	MAGIC_CLEAR(check);
	free(check);
}

static int
read_servers(struct dns_check *check, char error[256])
{
	const struct dns_options *opts = check->options;
	char problem[160];
	size_t i;

	check->has_server = opts->server != NULL;
	if (check->has_server &&
	    dns_server_parse(opts->server, &check->server, problem) != 0) {
		snprintf(error, 256, "server: %s", problem);
		return ERR_SYNTAX;
	}
	check->nameservers =
	    mem_array(opts->nameservers.count + 1, sizeof(*check->nameservers));
	for (i = 0; i < opts->nameservers.count; i++)
		if (dns_server_parse(opts->nameservers.items[i], &check->nameservers[i],
			problem) != 0) {
			snprintf(error, 256, "nameservers: %s", problem);
			return ERR_SYNTAX;
		}
	return 0;
}

static int
read_name(struct dns_check *check, char error[256])
{
	struct buf name = BUF_INIT;
	char problem[160];

	if (dnstype_canonical_name(check->options->name, &name) != 0) {
		snprintf(error, 256, "name: not a name of DNS");
		buf_free(&name);
		return ERR_SYNTAX;
	}
	check->name = buf_take(&name);
	if (dns_options_type(check->options, &check->type, problem) == 0)
		return 0;
	snprintf(error, 256, "type: %s", problem);
	return ERR_SYNTAX;
}

static int
dns_open(const struct probe_env *env, const void *arg, int64_t dns_cache_us,
    void **state, char error[256])
{
	const struct dns_options *opts = arg;
	struct dns_check *check = mem_zalloc(sizeof(*check));
	const char *option;

	MAGIC_SET(check, CHECK_MAGIC);
	check->env = *env;
	check->options = opts;
	check->dns_cache_us = dns_cache_us;
	if (read_name(check, error) == 0 && read_servers(check, error) == 0)
		check->expect = dns_expect_create(check->type, &opts->expect,
		    &opts->not_expect, opts->exact, &option, error);
	if (check->expect == NULL) {
		dns_close(check);
		return ERR_SYNTAX;
	}
	*state = check;
	return 0;
}

static int
dns_retries(const void *arg)
{
	const struct dns_options *opts = arg;

	return (int)opts->retry;
}

/* As measured; of a zone with four servers. */
static int64_t
dns_load_us(const void *arg)
{
	const struct dns_options *opts = arg;

	return opts->soa_agreement ? 100 : 50;
}

const struct collector collector_dns = {
    .name = "dns",
    .text = "Asks a DNS server for records, times its answer and compares it with what "
	    "is expected",
    .options = dns_options,
    .options_size = sizeof(struct dns_options),
    .shorthand = "name",
    .check = dns_options_check,
    .sources = sources,
    .source_count = SOURCES,
    .total = TOTAL,
    .open = dns_open,
    .start = dns_start,
    .cancel = dns_cancel,
    .close = dns_close,
    .rebind = dns_rebind,
    .retries = dns_retries,
    .load_us = dns_load_us,
};
