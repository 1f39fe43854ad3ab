/* collectors/dns: over lookups of our own, which answer what a test tells them to. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "collectors/collectors.h"
#include "collectors/dns_expect.h"
#include "collectors/dns_options.h"
#include "loop/loop.h"
#include "loop/lookup.h"
#include "loop/resolve.h"

/* In the place of loop/lookup.c, loop/resolve.c and watch/runner.c. */
struct lookup {
	struct lookup_request request;
	char name[300];
	lookup_cb *cb;
	void *arg;
	bool running;
};

struct resolve_query {
	char host[256];
	int64_t max_age_us;
	resolve_cb *cb;
	void *arg;
	bool running;
};

static struct lookup lookups[64];
static struct resolve_query queries[64];
static size_t lookup_count, query_count;
static int cancelled, results;
static struct probe_result result;
static struct loop *loop;
static struct probe_run *const run = (struct probe_run *)&results;

struct lookup *
lookup_start(
    struct loop *on, const struct lookup_request *request, lookup_cb *cb, void *arg)
{
	struct lookup *it = &lookups[lookup_count++];

	assert_true(lookup_count <= ARRAY_LENGTH(lookups));
	it->request = *request;
	snprintf(it->name, sizeof(it->name), "%s", request->name);
	it->cb = cb;
	it->arg = arg;
	it->running = true;
	return it;
}

void
lookup_cancel(struct lookup *it)
{
	assert_true(it->running);
	it->running = false;
	cancelled++;
}

const char *
lookup_server_format(const struct lookup_server *server, char out[LOOKUP_SERVER_SIZE])
{
	char text[ADDRESS_TEXT_SIZE];

	snprintf(out, LOOKUP_SERVER_SIZE, "%s/%u",
	    address_format(&server->address, text), server->port);
	return out;
}

size_t
lookup_system_servers(const char *path, struct lookup_server out[LOOKUP_SERVERS_MAX])
{
	address_parse("192.0.2.53", &out[0].address);
	address_parse("192.0.2.54", &out[1].address);
	out[0].port = out[1].port = 53;
	return 2;
}

struct resolve_query *
resolve_start(struct resolve *resolve, const char *host, enum resolve_family family,
    int64_t max_age_us, int64_t timeout_us, resolve_cb *cb, void *arg)
{
	struct resolve_query *it = &queries[query_count++];

	assert_true(query_count <= ARRAY_LENGTH(queries));
	snprintf(it->host, sizeof(it->host), "%s", host);
	it->max_age_us = max_age_us;
	it->cb = cb;
	it->arg = arg;
	it->running = true;
	return it;
}

void
resolve_cancel(struct resolve_query *it)
{
	assert_true(it->running);
	it->running = false;
	cancelled++;
}

void
probe_done(struct probe_run *it, const struct probe_result *of)
{
	assert_ptr_equal(it, run);
	result = *of;
	results++;
}

static void
address(size_t i, const char *first, const char *second)
{
	struct resolve_answer answer = {.count = first == NULL    ? 0
						 : second == NULL ? 1
								  : 2};

	if (first == NULL) {
		answer.error = ERR_NOT_FOUND;
		answer.sentence = "the name nowhere does not exist";
	} else {
		snprintf(answer.address[0], sizeof(answer.address[0]), "%s", first);
		snprintf(
		    answer.address[1], sizeof(answer.address[1]), "%s", second ?: "");
	}
	assert_true(queries[i].running);
	queries[i].running = false;
	queries[i].cb(&answer, queries[i].arg);
}

/* texts: NULL-terminated */
static struct lookup_answer
answer_with(const char *const *texts, struct dnsmessage_answer records[8])
{
	struct lookup_answer answer = {
	    .class = LOOKUP_OK, .total_s = 0.012, .asked = 1, .server = "192.0.2.53"};
	size_t n = 0;

	for (; texts[n] != NULL; n++) {
		records[n].text = (char *)texts[n];
		records[n].ttl_s = 300;
	}
	answer.message.answers = records;
	answer.message.count = n;
	answer.message.ttl_s = n > 0 ? 300 : 0;
	answer.message.detail = -1;
	return answer;
}

static void
reply(size_t i, const struct lookup_answer *answer)
{
	assert_true(lookups[i].running);
	lookups[i].running = false;
	lookups[i].cb(answer, lookups[i].arg);
	loop_advance(loop, 0);
}

#define REPLY(i, change, ...)                                              \
	do {                                                               \
		static const char *const texts[] = {__VA_ARGS__};          \
		struct dnsmessage_answer records[8];                       \
		struct lookup_answer answer = answer_with(texts, records); \
		change;                                                    \
		reply(i, &answer);                                         \
	} while (0)

static void *
open_check(const struct dns_options *options)
{
	const struct probe_env env = {.loop = loop};
	char error[256];
	void *state;

	results = cancelled = 0;
	lookup_count = query_count = 0;
	if (collector_dns.open(&env, options, -1, &state, error) != 0)
		fail_msg("%s", error);
	return state;
}

static void *
start(const struct dns_options *options)
{
	void *check = open_check(options);

	collector_dns.start(check, run, 10 * CLOCK_SECOND, false);
	assert_int_equal(results, 0);
	return check;
}

static double
value(const char *name)
{
	size_t i;

	for (i = 0; i < collector_dns.source_count; i++)
		if (strcmp(collector_dns.sources[i].name, name) == 0)
			return result.values[i];
	fail_msg("no source %s", name);
	return NAN;
}

#define TELLS(of, words)                                                        \
	do {                                                                    \
		assert_int_equal(result.class, of);                             \
		if (strstr(result.message, words) == NULL)                      \
			fail_msg("\"%s\" lacks \"%s\"", result.message, words); \
	} while (0)

static void
a_good_answer_has_all_its_values(void **state)
{
	struct dns_options options = {.name = (char *)"WWW.Example.it.", .retry = 2};
	void *check = start(&options);
	size_t i;

	assert_int_equal(lookup_count, 1);
	assert_string_equal(lookups[0].name, "www.example.it");
	assert_int_equal(lookups[0].request.type, 1);
	assert_int_equal(lookups[0].request.server_count, 2);
	assert_true(lookups[0].request.recurse);
	assert_false(lookups[0].request.dnssec);
	assert_int_equal(lookups[0].request.timeout_us, 10 * CLOCK_SECOND);
	REPLY(0, , "192.0.2.1", "192.0.2.2", NULL);
	assert_int_equal(results, 1);
	assert_int_equal(result.class, PROBE_OK);
	assert_string_equal(result.message, "192.0.2.1, 192.0.2.2, from 192.0.2.53");
	assert_true(value("total") == 0.012 && value("answers") == 2);
	assert_true(value("ttl_seconds") == 300);
	for (i = collector_dns.source_count; i < ARCHIVE_SOURCES_MAX; i++)
		assert_true(isnan(result.values[i]));
	assert_int_equal(collector_dns.retries(&options), 2);
	assert_string_equal(collector_dns.sources[collector_dns.total].name, "total");
	collector_dns.close(check);
}

static void
the_server_may_have_a_name(void **state)
{
	struct dns_options options = {.name = (char *)"example.it",
	    .type = (char *)"mx",
	    .server = (char *)"ns.example.it:5353",
	    .dnssec = true};
	void *check = start(&options);

	assert_int_equal(lookup_count, 0);
	assert_string_equal(queries[0].host, "ns.example.it");
	address(0, "2001:db8::1", "192.0.2.7");
	assert_int_equal(lookups[0].request.server_count, 2);
	assert_int_equal(lookups[0].request.servers[1].port, 5353);
	assert_int_equal(lookups[0].request.type, 15);
	assert_true(lookups[0].request.dnssec);
	REPLY(0, answer.message.authentic = true;
	      answer.tcp = true, "10 mail.example.it", NULL);
	assert_int_equal(result.class, PROBE_OK);
	assert_string_equal(
	    result.message, "10 mail.example.it, from 192.0.2.53 by TCP, validated");

	collector_dns.start(check, run, CLOCK_SECOND, true); /* a retry */
	assert_int_equal(queries[1].max_age_us, 0);
	address(1, NULL, NULL);
	assert_int_equal(results, 2);
	TELLS(PROBE_RESOLVE,
	    "the DNS server's own address is not found: the name nowhere");

	collector_dns.start(check, run, CLOCK_SECOND, false);
	collector_dns.close(check);
	assert_int_equal(cancelled, 1);
	assert_int_equal(results, 2);
}

static void
what_dns_says_is_told(void **state)
{
	struct dns_options options = {
	    .name = (char *)"www.example.it", .server = (char *)"[2001:db8::53]"};
	void *check = start(&options);

	assert_int_equal(lookups[0].request.server_count, 1);
	assert_int_equal(lookups[0].request.servers[0].port, 53);
	REPLY(0, answer.message.code = 3, NULL);
	TELLS(PROBE_RESOLVE,
	    "the name www.example.it does not exist (NXDOMAIN), says 192.0.2.53");
	assert_true(value("total") == 0.012 && value("answers") == 0);
	assert_true(isnan(value("ttl_seconds")));
	collector_dns.start(check, run, 1, false);
	REPLY(1, answer.message.code = 3;
	      answer.message.alias = (char *)"cdn.example.net", NULL);
	TELLS(PROBE_RESOLVE,
	    "cdn.example.net does not exist (NXDOMAIN), says 192.0.2.53; "
	    "www.example.it is an alias of it");
	collector_dns.start(check, run, 1, false);
	REPLY(2, answer.message.code = 2; answer.message.detail = 7;
	      snprintf(answer.message.detail_text, 96, "signature expired"), NULL);
	TELLS(PROBE_RESOLVE,
	    "192.0.2.53 cannot answer for www.example.it (SERVFAIL): a "
	    "DNSSEC signature has expired (signature expired)");
	collector_dns.start(check, run, 1, false);
	REPLY(3, answer.message.code = 5, NULL);
	TELLS(
	    PROBE_RESOLVE, "192.0.2.53 refuses to answer for www.example.it (REFUSED)");
	collector_dns.start(check, run, 1, false);
	REPLY(4, , NULL);
	TELLS(PROBE_RESOLVE, "the name www.example.it exists, but has no A record");
	collector_dns.start(check, run, 1, false);
	REPLY(5, answer.message.alias = (char *)"b.example.net", NULL);
	TELLS(PROBE_RESOLVE,
	    "b.example.net, of which www.example.it is an alias, has no A");
	collector_dns.start(check, run, 1, false);
	REPLY(6, answer.message.referral = true, NULL);
	TELLS(PROBE_RESOLVE, "it only names the servers that may");
	collector_dns.close(check);
}

static void
each_failure_of_a_lookup_has_its_class(void **state)
{
	static const enum probe_class classes[] = {
	    [LOOKUP_SILENT] = PROBE_RESOLVE,
	    [LOOKUP_REFUSED] = PROBE_REFUSED,
	    [LOOKUP_CONNECT_TIMEOUT] = PROBE_CONNECT_TIMEOUT,
	    [LOOKUP_READ_TIMEOUT] = PROBE_READ_TIMEOUT,
	    [LOOKUP_CLOSED] = PROBE_CLOSED,
	    [LOOKUP_TOO_LARGE] = PROBE_TOO_LARGE,
	    [LOOKUP_PROTOCOL] = PROBE_PROTOCOL,
	    [LOOKUP_INTERNAL] = PROBE_INTERNAL,
	};
	struct dns_options options = {.name = (char *)"example.it"};
	void *check = open_check(&options);
	size_t i;

	for (i = LOOKUP_SILENT; i <= LOOKUP_INTERNAL; i++) {
		struct lookup_answer answer = {.class = i, .total_s = NAN};

		snprintf(answer.sentence, sizeof(answer.sentence), "the reason %zu", i);
		collector_dns.start(check, run, 1, false);
		reply(lookup_count - 1, &answer);
		TELLS(classes[i], "the reason");
		assert_true(isnan(value("total")) && isnan(value("answers")));
	}
	collector_dns.close(check);
}

static void
validation_and_time_are_judged(void **state)
{
	struct dns_options options = {
	    .name = (char *)"example.it", .dnssec = true, .max_time_us = 10000};
	void *check = start(&options);

	REPLY(0, , "192.0.2.1", NULL);
	TELLS(PROBE_MATCH,
	    "not validated by DNSSEC (no AD flag): example.it is not signed, "
	    "or 192.0.2.53 does not validate");
	collector_dns.start(check, run, 1, false);
	REPLY(1, answer.message.authentic = true, "192.0.2.1", NULL);
	TELLS(PROBE_SLOW, "the answer took 0.012 s, more than 10ms");
	assert_true(value("total") == 0.012);
	collector_dns.close(check);
}

/* ---- expectations ---- */

static struct conf_strings
strings(char **items)
{
	struct conf_strings out = {.items = items};

	while (items[out.count] != NULL)
		out.count++;
	return out;
}

static const struct {
	const char *type;
	const char *expect[4], *not_expect[3];
	bool exact;
	const char *answers[4];
	const char *problem; /* NULL: all is well */
} expectations[] = {
    {"A", {"192.0.2.2"}, {NULL}, false, {"192.0.2.1", "192.0.2.2"}, NULL},
    {"A", {"192.0.2.3"}, {NULL}, false, {"192.0.2.1", "192.0.2.2"},
	"192.0.2.3 is missing, the answers are 192.0.2.1, 192.0.2.2"},
    {"A", {NULL}, {"192.0.2.1"}, false, {"192.0.2.1"},
	"192.0.2.1 must not be there, the answer is 192.0.2.1"},
    {"A", {NULL}, {"192.0.2.9"}, false, {"192.0.2.1"}, NULL},
    {"A", {"192.0.2.1"}, {NULL}, true, {"192.0.2.1", "192.0.2.66"},
	"192.0.2.66 is there and was not expected"},
    {"A", {"192.0.2.66", "192.0.2.1"}, {NULL}, true, {"192.0.2.1", "192.0.2.66"}, NULL},
    {"AAAA", {"2001:DB8:0::1"}, {NULL}, true, {"2001:db8::1"}, NULL},
    {"MX", {"MAIL.example.it."}, {NULL}, true, {"10 mail.example.it"}, NULL},
    {"MX", {"10 MAIL.example.it."}, {NULL}, true, {"10 mail.example.it"}, NULL},
    {"MX", {"20 mail.example.it"}, {NULL}, false, {"10 mail.example.it"}, "is missing"},
    {"SOA", {"2026112401"}, {NULL}, false,
	{"ns.example.it h.example.it 2026112401 1 2 3 4"}, NULL},
    {"SOA", {"2026112402"}, {NULL}, false,
	{"ns.example.it h.example.it 2026112401 1 2 3 4"}, "is missing"},
    {"SOA", {"1"}, {NULL}, false, {"ns.example.it h.example.it 2026112401 1 2 3 4"},
	"1 is missing"},
    {"TXT", {"/^v=spf1 .*-all$/"}, {"/redirect/"}, false, {"google=1", "v=spf1 a -all"},
	NULL},
    {"TXT", {"/^v=spf1 .*-all$/"}, {NULL}, false, {"google=1", "v=spf1 a ~all"},
	"/^v=spf1 .*-all$/ does not match, the answers are google=1, v=spf1 a ~all"},
    {"TXT", {NULL}, {"/^google/"}, false, {"google=1"}, "matches and must not"},
    {"TXT", {"\"a\" \"b\""}, {NULL}, false, {"ab"}, NULL},
    {"CAA", {"0 issue letsencrypt.org"}, {NULL}, false, {"0 issue \"letsencrypt.org\""},
	NULL},
};

static void
answers_are_compared_as_what_they_mean(void **state)
{
	struct dnsmessage_answer records[8];
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(expectations); i++) {
		struct dns_options options = {.name = (char *)"example.it",
		    .type = (char *)expectations[i].type,
		    .expect = strings((char **)expectations[i].expect),
		    .not_expect = strings((char **)expectations[i].not_expect),
		    .exact = expectations[i].exact};
		struct lookup_answer answer =
		    answer_with(expectations[i].answers, records);
		void *check = start(&options);

		reply(0, &answer);
		if (expectations[i].problem == NULL) {
			if (result.class != PROBE_OK)
				fail_msg("%zu: %s", i, result.message);
		} else {
			TELLS(PROBE_MATCH, expectations[i].problem);
		}
		assert_true(value("total") == 0.012);
		collector_dns.close(check);
	}
}

static void
long_answers_are_bounded(void **state)
{
	char *pattern[] = {(char *)"/(a+a+)+[bc]/", NULL};
	struct dns_options options = {.name = (char *)"example.it",
	    .type = (char *)"TXT",
	    .expect = strings(pattern)};
	struct dnsmessage_answer record = {.ttl_s = 1};
	struct lookup_answer answer = {.class = LOOKUP_OK,
	    .total_s = 0.012,
	    .message = {.count = 1, .answers = &record, .detail = -1}};
	void *check = start(&options);

	record.text = mem_zalloc(60001);
	memset(record.text, 'a', 60000);
	reply(0, &answer);
	TELLS(PROBE_TOO_LARGE, "the answers are 60000 bytes long");
	record.text[2000] = '\0';
	collector_dns.start(check, run, 1, false);
	reply(1, &answer);
	TELLS(PROBE_MATCH, "was given up");
	free(record.text);
	collector_dns.close(check);
}

static void
a_list_of_answers_fits(void **state)
{
	static const char *const texts[] = {
	    "192.0.2.1", "192.0.2.2", "192.0.2.3", NULL};
	struct dnsmessage_answer records[8],
	    longer = {.text = (char *)"a text that is much longer than there is room "
				      "for in a sentence like this"};
	char out[48];

	answer_with(texts, records);
	dns_expect_list(records, 3, out, sizeof(out));
	assert_string_equal(out, "192.0.2.1, 192.0.2.2 and 1 more");
	dns_expect_list(records, 1, out, sizeof(out));
	assert_string_equal(out, "192.0.2.1");
	dns_expect_list(&longer, 1, out, sizeof(out));
	assert_string_equal(out, "a text that is much lon...");
	records[0].text = longer.text;
	dns_expect_list(records, 3, out, sizeof(out));
	assert_string_equal(out, "a text that is much lon... and 2 more");
}

/* ---- a zone ---- */

#define SOA(serial) "ns1.example.it h.example.it " serial " 1 2 3 4"

static void
servers_of_one_mind(void **state)
{
	char *serial[] = {(char *)"2026112401", NULL};
	struct dns_options options = {.name = (char *)"example.it",
	    .soa_agreement = true,
	    .expect = strings(serial)};
	void *check = start(&options);

	assert_int_equal(lookups[0].request.type, 2);
	assert_true(lookups[0].request.recurse);
	REPLY(0, , "ns1.example.it", "ns2.example.it", NULL);
	assert_int_equal(query_count, 2);
	address(0, "192.0.2.1", "2001:db8::1");
	address(1, "192.0.2.2", NULL);
	assert_int_equal(lookup_count, 4);
	assert_int_equal(lookups[1].request.type, 6);
	assert_int_equal(lookups[1].request.servers[0].port, 53);
	assert_false(lookups[1].request.recurse);
	REPLY(1, answer.message.authoritative = true, SOA("2026112401"), NULL);
	REPLY(2, answer.message.authoritative = true;
	      answer.total_s = 0.5, SOA("2026112401"), NULL);
	assert_int_equal(results, 0);
	REPLY(3, answer.message.authoritative = true, SOA("2026112401"), NULL);
	assert_int_equal(results, 1);
	TELLS(PROBE_OK, "serial 2026112401 at all 3 servers");
	assert_true(value("total") == 0.5 && value("answers") == 3);
	assert_true(value("ttl_seconds") == 300);
	collector_dns.close(check);
}

static void
servers_that_differ_are_named(void **state)
{
	char *names[] = {(char *)"192.0.2.1:5301", (char *)"ns2.example.it", NULL};
	struct dns_options options = {.name = (char *)"example.it",
	    .soa_agreement = true,
	    .nameservers = strings(names)};
	void *check = start(&options);

	assert_int_equal(lookup_count, 0);
	address(0, "192.0.2.2", NULL);
	assert_int_equal(lookup_count, 2);
	assert_int_equal(lookups[0].request.servers[0].port, 5301);
	/* Past the end of the numbers, 5 is newer. */
	REPLY(0, answer.message.authoritative = true, SOA("4294967290"), NULL);
	REPLY(1, answer.message.authoritative = true, SOA("5"), NULL);
	TELLS(PROBE_MATCH, "192.0.2.1/5301: serial 4294967290 instead of 5");
	assert_true(value("answers") == 1);

	collector_dns.start(check, run, 1, false);
	address(1, NULL, NULL);
	assert_int_equal(results, 1);
	REPLY(2, , SOA("5"), NULL);
	TELLS(PROBE_RESOLVE,
	    "ns2.example.it: the name nowhere does not exist; 192.0.2.1/5301: "
	    "answers without authority");
	assert_true(isnan(value("total")) && value("answers") == 0);

	collector_dns.start(check, run, 1, false);
	address(2, "192.0.2.2", NULL);
	REPLY(3, answer.message.authoritative = true, SOA("5"), NULL);
	REPLY(4, answer.class = LOOKUP_SILENT;
	      snprintf(answer.sentence, 99, "no answer"), NULL);
	TELLS(PROBE_RESOLVE, "ns2.example.it (192.0.2.2/53): no answer");
	assert_true(value("answers") == 1);

	/* Taken back in each of its steps. */
	collector_dns.start(check, run, 1, false);
	collector_dns.cancel(check);
	assert_int_equal(cancelled, 1);
	collector_dns.start(check, run, 1, false);
	address(query_count - 1, "192.0.2.2", NULL);
	collector_dns.close(check);
	assert_int_equal(cancelled, 3);
	assert_int_equal(results, 3);
}

static void
a_zone_without_servers_is_told(void **state)
{
	struct dns_options options = {
	    .name = (char *)"www.example.it", .soa_agreement = true};
	void *check = start(&options);

	REPLY(0, , NULL);
	TELLS(PROBE_RESOLVE, "www.example.it exists, but has no NS record");
	collector_dns.start(check, run, 1, false);
	collector_dns.close(check);
	assert_int_equal(cancelled, 1);
}

/* ---- options ---- */

static char complaints[2048];

static void
note_complaint(void *arg, const char *option, const char *other, const char *problem)
{
	size_t length = strlen(complaints);

	snprintf(complaints + length, sizeof(complaints) - length, "%s: %s\n", option,
	    problem);
}

static void
refuses(struct dns_options options, const char *wanted)
{
	complaints[0] = '\0';
	if (options.name == NULL)
		options.name = (char *)"example.it";
	dns_options_check(&options, note_complaint, NULL);
	if (wanted == NULL)
		assert_string_equal(complaints, "");
	else if (strstr(complaints, wanted) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", complaints, wanted);
}

#define LIST(...) strings((char *[]){__VA_ARGS__, NULL})
#define REFUSES(words, ...) refuses((struct dns_options){__VA_ARGS__}, words)

static void
options_that_make_no_sense_are_told(void **state)
{
	REFUSES(NULL, .name = (char *)"_sip._tcp.example.it", .type = (char *)"SRV");
	REFUSES("name: not a name", .name = (char *)"a..b");
	REFUSES("did you mean HTTPS?", .type = (char *)"HTPS");
	REFUSES("type: any is no type of a record", .type = (char *)"any");
	REFUSES("type: TYPE0 is no type", .type = (char *)"TYPE0");
	REFUSES(NULL, .server = (char *)"2001:db8::1");
	REFUSES(NULL, .server = (char *)"[2001:db8::1]:53");
	REFUSES("server: expected an address", .server = (char *)"192.0.2.1:0");
	REFUSES("server: expected an address", .server = (char *)"192.0.2.1:65536");
	REFUSES("server: expected an address", .server = (char *)"a b");
	REFUSES("server: expected an address", .server = (char *)":53");
	REFUSES("expect: 2 of 2: \"x\": expected an IPv4 address",
	    .expect = LIST((char *)"192.0.2.1", (char *)"x"));
	REFUSES("not_expect: at 2: missing closing", .not_expect = LIST((char *)"/(/"));
	REFUSES("exact: expected the answers", .exact = true);
	REFUSES("exact: it goes with answers", .exact = true,
	    .expect = LIST((char *)"/1/"));
	REFUSES("type: soa_agreement compares", .type = (char *)"NS",
	    .soa_agreement = true);
	REFUSES(NULL, .type = (char *)"soa", .soa_agreement = true);
	REFUSES(
	    "dnssec: the zone's own servers", .dnssec = true, .soa_agreement = true);
	REFUSES("nameservers: it is of use",
	    .nameservers = LIST((char *)"a.b", (char *)"c.d"));
	REFUSES("nameservers: expected two", .soa_agreement = true,
	    .nameservers = LIST((char *)"a.b"));
	REFUSES("nameservers: 2 of 2: expected an address", .soa_agreement = true,
	    .nameservers = LIST((char *)"a.b", (char *)"c d"));
}

static int
setup(void **state)
{
	clock_fake(CLOCK_SECOND, 1764000000 * CLOCK_SECOND);
	loop = loop_create();
	return 0;
}

static int
teardown(void **state)
{
	loop_destroy(loop);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_good_answer_has_all_its_values),
	    cmocka_unit_test(the_server_may_have_a_name),
	    cmocka_unit_test(what_dns_says_is_told),
	    cmocka_unit_test(each_failure_of_a_lookup_has_its_class),
	    cmocka_unit_test(validation_and_time_are_judged),
	    cmocka_unit_test(answers_are_compared_as_what_they_mean),
	    cmocka_unit_test(long_answers_are_bounded),
	    cmocka_unit_test(a_list_of_answers_fits),
	    cmocka_unit_test(servers_of_one_mind),
	    cmocka_unit_test(servers_that_differ_are_named),
	    cmocka_unit_test(a_zone_without_servers_is_told),
	    cmocka_unit_test(options_that_make_no_sense_are_told),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
