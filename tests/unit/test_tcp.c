/* collectors/tcp with endpoint and escape: against real sockets on loopback. */
#include "unit.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "collectors/collectors.h"
#include "collectors/endpoint.h"
#include "collectors/escape.h"
#include "loop/loop.h"
#include "loop/resolve.h"
#include "loop/stream.h"
#include "tests/lib/peer.h"

static struct loop *loop;
static struct resolve *resolve;
static struct stream_pool *streams;
static struct probe_result result;
static int results;

/* In the place of watch/probe.c. */
void
probe_done(struct probe_run *run, const struct probe_result *it)
{
	assert_ptr_equal(run, &results);
	result = *it;
	results++;
	loop_stop(loop);
}

/* ---- options, as a configuration gives them ---- */

/* Sets one of the options by its name. */
static void
set(void *options, const char *name, ...)
{
	const struct option *row = collector_tcp.options;
	char *field;
	va_list ap;

	while (strcmp(row->name, name) != 0)
		row++;
	field = (char *)options + row->offset;
	va_start(ap, name);
	switch (row->type) {
	case OPTION_BOOL:
		*(bool *)field = va_arg(ap, int);
		break;
	case OPTION_SIZE:
	case OPTION_INTEGER:
		*(int64_t *)field = va_arg(ap, int);
		break;
	case OPTION_CHOICE:
		*(int *)field = va_arg(ap, int);
		break;
	default:
		*(const char **)field = va_arg(ap, const char *);
	}
	va_end(ap);
}

static char address[32];

static void *
options_for(int port)
{
	void *options = mem_zalloc(collector_tcp.options_size);

	snprintf(address, sizeof(address), "127.0.0.1:%d", port);
	set(options, "address", address);
	set(options, "max_bytes", 4096);
	set(options, "retry", 1);
	return options;
}

static void *
open_check(void *options)
{
	const struct probe_env env = {.loop = loop, .streams = streams};
	char error[256];
	void *check;

	if (collector_tcp.open(&env, options, -1, &check, error) != 0)
		fail_msg("%s", error);
	return check;
}

static void
run_for(void *options, int64_t timeout_us)
{
	void *check = open_check(options);

	results = 0;
	collector_tcp.start(check, (struct probe_run *)&results, timeout_us, false);
	assert_int_equal(results, 0);
	loop_run(loop);
	assert_int_equal(results, 1);
	collector_tcp.close(check);
}

static double
value(const char *name)
{
	size_t i;

	for (i = 0; i < collector_tcp.source_count; i++)
		if (strcmp(collector_tcp.sources[i].name, name) == 0)
			return result.values[i];
	fail_msg("no source %s", name);
	return NAN;
}

static void
comes(enum probe_class class, const char *message)
{
	if (result.class != class || strstr(result.message, message) == NULL)
		fail_msg(
		    "%d: \"%s\" is not \"%s\"", result.class, result.message, message);
}

/* ---- what a peer does ---- */

struct script {
	const char *first;   /* said at once */
	const char *awaited; /* then heard, if not NULL */
	const char *then;    /* and said */
	bool closes;
};

static void
serve(int fd, void *arg)
{
	const struct script *script = arg;
	const char *p;

	if (script->first != NULL)
		peer_say(fd, script->first);
	if (script->awaited != NULL &&
	    !peer_hear(fd, script->awaited, strlen(script->awaited)))
		return;
	for (p = script->then; p != NULL && *p != '\0'; p++)
		peer_say(fd, (const char[]){*p, '\0'}); /* byte by byte */
	if (!script->closes)
		peer_wait(fd);
}

static struct peer *
play(struct script *script)
{
	return peer_start(serve, script);
}

/* ---- tests ---- */

static void
a_connection_alone_is_enough(void **state)
{
	struct script script = {0};
	struct peer *peer = play(&script);
	void *options = options_for(peer_port(peer));
	char wanted[64];

	run_for(options, 5 * CLOCK_SECOND);
	snprintf(
	    wanted, sizeof(wanted), "connected to 127.0.0.1 port %d", peer_port(peer));
	comes(PROBE_OK, "");
	assert_string_equal(result.message, wanted);
	assert_true(value("connect") > 0 && value("total") >= value("connect"));
	assert_true(isnan(value("dns")) && isnan(value("tls")));
	assert_true(isnan(value("first_byte")));
	peer_stop(peer);
	run_for(options, 5 * CLOCK_SECOND);
	comes(PROBE_REFUSED, "refused the connection");
	assert_true(isnan(value("connect")) && isnan(value("total")));
	free(options);
}

static void
a_greeting_is_expected(void **state)
{
	struct script script = {.first = "220 mail.example ESMTP\r\nmore\r\n"};
	struct peer *peer = play(&script);
	void *options = options_for(peer_port(peer));

	set(options, "expect", "^220 .* ESMTP");
	run_for(options, 5 * CLOCK_SECOND);
	comes(PROBE_OK, ", it said \"220 mail.example ESMTP\"");
	assert_true(value("first_byte") >= 0 && value("total") >= value("first_byte"));
	/* It says something else, and then waits. */
	set(options, "expect", "^250");
	run_for(options, CLOCK_SECOND / 10);
	comes(PROBE_MATCH, "does not match the pattern ^250: it began with \"220 "
			   "mail.example ESMTP\"");
	assert_true(isnan(value("total")) && !isnan(value("first_byte")));
	peer_stop(peer);
	script = (struct script){.first = "554 no\r\n", .closes = true};
	peer = play(&script);
	snprintf(address, sizeof(address), "127.0.0.1:%d", peer_port(peer));
	run_for(options, 5 * CLOCK_SECOND);
	comes(PROBE_MATCH, "began with \"554 no\"");
	peer_stop(peer);
	script = (struct script){.closes = true};
	peer = play(&script);
	snprintf(address, sizeof(address), "127.0.0.1:%d", peer_port(peer));
	run_for(options, 5 * CLOCK_SECOND);
	comes(PROBE_CLOSED, "closed the connection without a word");
	peer_stop(peer);
	script = (struct script){0};
	peer = play(&script);
	snprintf(address, sizeof(address), "127.0.0.1:%d", peer_port(peer));
	run_for(options, CLOCK_SECOND / 20);
	comes(PROBE_FIRST_BYTE_TIMEOUT, "then nothing");
	peer_stop(peer);
	free(options);
}

static void
what_is_sent_is_answered(void **state)
{
	struct script script = {.awaited = "PING\r\n\xff", .then = "+PONG\r\n"};
	struct peer *peer = play(&script);
	void *options = options_for(peer_port(peer));

	set(options, "send", "PING\\r\\n\\xff");
	set(options, "expect", "^\\+PONG\\r\\n$");
	run_for(options, 5 * CLOCK_SECOND);
	comes(PROBE_OK, "it said \"+PONG\"");
	/* Any answer is one. */
	set(options, "expect", NULL);
	run_for(options, 5 * CLOCK_SECOND);
	comes(PROBE_OK, "it said \"+");
	assert_false(isnan(value("first_byte")));
	set(options, "send", "PONG");
	run_for(options, CLOCK_SECOND / 20);
	comes(PROBE_FIRST_BYTE_TIMEOUT, "");
	peer_stop(peer);
	free(options);
}

static void
an_answer_is_read_so_far(void **state)
{
	char flood[5000];
	struct script script = {.first = flood};
	struct peer *peer;
	void *options;

	memset(flood, 'x', sizeof(flood) - 1);
	flood[sizeof(flood) - 1] = '\0';
	peer = play(&script);
	options = options_for(peer_port(peer));
	set(options, "expect", "y");
	run_for(options, 5 * CLOCK_SECOND);
	comes(PROBE_MATCH, "does not match");
	set(options, "max_bytes", 10);
	set(options, "expect", "^x{10}$");
	run_for(options, 5 * CLOCK_SECOND);
	comes(PROBE_OK, "");
	/* A pattern that runs away is given up. */
	set(options, "max_bytes", 4096);
	set(options, "expect", "(x+x+)+[yz]");
	run_for(options, 5 * CLOCK_SECOND);
	comes(PROBE_MATCH, "is too much work for the pattern (x+x+)+[yz]");
	peer_stop(peer);
	free(options);
}

/* Each byte might be matched anew: they are not. */
static void
dripping_does_not_hold_the_loop(void **state)
{
	char drip[3000];
	struct script script = {.first = "", .then = drip};
	struct peer *peer;
	void *options;
	int64_t began_us;

	memset(drip, 'a', sizeof(drip) - 1);
	drip[sizeof(drip) - 2] = '!';
	drip[sizeof(drip) - 1] = '\0';
	peer = play(&script);
	options = options_for(peer_port(peer));
	set(options, "expect", "(?s)a.*a.*!$");
	began_us = clock_mono_us();
	run_for(options, 20 * CLOCK_SECOND);
	comes(PROBE_OK, "");
	assert_true(clock_mono_us() - began_us < 10 * CLOCK_SECOND);
	peer_stop(peer);
	free(options);
}

static void
cancelled_it_stays_silent(void **state)
{
	struct script script = {0};
	struct peer *peer = play(&script);
	void *options = options_for(peer_port(peer)), *moved, *check;

	set(options, "expect", "x");
	check = open_check(options);
	results = 0;
	collector_tcp.start(check, (struct probe_run *)&results, CLOCK_SECOND, false);
	loop_poll(loop);
	collector_tcp.cancel(check);
	collector_tcp.cancel(check);
	loop_poll(loop);
	assert_int_equal(results, 0);
	/* Options may move meanwhile. */
	collector_tcp.start(
	    check, (struct probe_run *)&results, CLOCK_SECOND / 20, true);
	moved = mem_dup(options, collector_tcp.options_size);
	collector_tcp.rebind(check, moved);
	memset(options, 0xff, collector_tcp.options_size);
	loop_run(loop);
	comes(PROBE_FIRST_BYTE_TIMEOUT, "");
	assert_int_equal(collector_tcp.retries(moved), 1);
	assert_int_equal(collector_tcp.load_us(moved), 100);
	/* Closed while it runs. */
	collector_tcp.start(check, (struct probe_run *)&results, CLOCK_SECOND, false);
	collector_tcp.close(check);
	free(options);
	free(moved);
	peer_stop(peer);
}

static struct complaints {
	int count;
	char option[32], problem[300];
} complaints;

static void
on_complaint(void *arg, const char *option, const char *other, const char *problem)
{
	complaints.count++;
	snprintf(complaints.option, sizeof(complaints.option), "%s", option);
	snprintf(complaints.problem, sizeof(complaints.problem), "%s", problem);
}

static void
complains(void *options, const char *option, const char *problem)
{
	complaints.count = 0;
	collector_tcp.check(options, on_complaint, NULL);
	assert_int_equal(complaints.count, 1);
	assert_string_equal(complaints.option, option);
	if (strstr(complaints.problem, problem) == NULL)
		fail_msg("\"%s\" is not \"%s\"", complaints.problem, problem);
}

static void
options_are_checked(void **state)
{
	void *options = options_for(80);

	complaints.count = 0;
	collector_tcp.check(options, on_complaint, NULL);
	assert_int_equal(complaints.count, 0);
	set(options, "address", "host");
	complains(options, "address", "\"host\" is not a host and its port");
	set(options, "address", "host:80");
	set(options, "send", "a\\q");
	complains(options, "send", "at 3: expected \\r");
	set(options, "send", NULL);
	set(options, "ca_file", "/ca.pem");
	complains(options, "ca_file", "tls: true");
	set(options, "ca_file", NULL);
	set(options, "tls", true);
	set(options, "name", "a b");
	complains(options, "name", "is not a host");
	assert_int_equal(collector_tcp.load_us(options), 1000);
	free(options);
}

static void
endpoints_are_read(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned port;
	} good[] = {
	    {"www.example.it:443", "www.example.it", 443},
	    {"192.0.2.1:25", "192.0.2.1", 25},
	    {"[2001:db8::1]:443", "2001:db8::1", 443},
	    {"Host:65535", "host", 65535},
	    {"comune.citt\xc3\xa0.it:1", "comune.xn--citt-3na.it", 1},
	};
	static const char *const bad[] = {"", ":", "host", "host:", ":80", "host:0",
	    "host:65536", "host:a", "http://host:80", "host:80/x", "a@host:80",
	    "2001:db8::1:443", "[2001:db8::1]", "ho st:80", "host:80?x", "host:80#x",
	    "1.2.3:80", "%68ost:80", "host:-1", "a..b:80"};
	struct endpoint endpoint;
	char error[256], *host;
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(good); i++) {
		if (endpoint_parse(good[i].text, &endpoint, error) != 0)
			fail_msg("%s", error);
		assert_int_equal(strcasecmp(endpoint.host, good[i].host), 0);
		assert_int_equal(endpoint.port, good[i].port);
		endpoint_free(&endpoint);
	}
	for (i = 0; i < ARRAY_LENGTH(bad); i++) {
		error[0] = '\0';
		if (endpoint_parse(bad[i], &endpoint, error) == 0) {
			print_message("\"%s\" is %s port %u\n", bad[i], endpoint.host,
			    endpoint.port);
			endpoint_free(&endpoint);
			fail_msg("\"%s\" is taken", bad[i]);
		}
		assert_non_null(strstr(error, "expected"));
	}
	host = endpoint_host("::1", error);
	assert_string_equal(host, "::1");
	free(host);
	host = endpoint_host("a.example", error);
	assert_string_equal(host, "a.example");
	free(host);
	assert_null(endpoint_host("a.example:80", error));
	assert_null(endpoint_host("", error));
}

static void
escapes_are_read(void **state)
{
	struct buf out = BUF_INIT;
	char error[256];

	assert_int_equal(
	    escape_read("a\\r\\n\\t\\\\\\x00\\xfF\xc3\xa0", &out, error), 0);
	assert_int_equal(out.length, 9);
	assert_memory_equal(out.data, "a\r\n\t\\\x00\xff\xc3\xa0", 9);
	assert_int_equal(escape_read("a\\", &out, error), ERR_SYNTAX);
	assert_int_equal(escape_read("\\x", &out, error), ERR_SYNTAX);
	assert_int_equal(escape_read("\\x1", &out, error), ERR_SYNTAX);
	assert_int_equal(escape_read("\\x1g", &out, error), ERR_SYNTAX);
	assert_non_null(strstr(error, "at 2: expected"));
	buf_free(&out);
}

static int
set_up(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	loop = loop_create();
	resolve = resolve_create(loop, "127.0.0.1:9", 100);
	streams = stream_pool_create(loop, resolve);
	return 0;
}

static int
tear_down(void **state)
{
	stream_pool_destroy(streams);
	resolve_destroy(resolve);
	loop_destroy(loop);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_connection_alone_is_enough),
	    cmocka_unit_test(a_greeting_is_expected),
	    cmocka_unit_test(what_is_sent_is_answered),
	    cmocka_unit_test(an_answer_is_read_so_far),
	    cmocka_unit_test(dripping_does_not_hold_the_loop),
	    cmocka_unit_test(cancelled_it_stays_silent),
	    cmocka_unit_test(options_are_checked),
	    cmocka_unit_test(endpoints_are_read),
	    cmocka_unit_test(escapes_are_read),
	};

	return cmocka_run_group_tests_name("tcp", tests, set_up, tear_down);
}
