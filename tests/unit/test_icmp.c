/* collectors/icmp over loop/echo, whose socket is a UDP one here: a host on the same
 * loop answers as the test wants, so that no right is needed and loss can be made. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "collectors/collectors.h"
#include "conf/conf.h"
#include "loop/echo.h"
#include "loop/loop.h"
#include "loop/resolve.h"

/* As collectors/icmp.c has it. */
struct icmp_options {
	char *address;
	int64_t count, spacing_us, size;
	int ip;
	double warn_loss, max_loss;
	int64_t max_time_us;
};

/* In the place of loop/resolve.c and watch/runner.c. */
struct resolve_query {
	resolve_cb *cb;
	void *arg;
	bool running;
	enum resolve_family family;
	int64_t max_age_us;
};

static struct resolve_query query;
static struct probe_result result;
static int results;
static struct probe_run *const run = (struct probe_run *)&results;
static struct loop *loop;
static struct echo *echo;

/* The host that is pinged. */
static struct {
	int fd, version;
	unsigned port;
	struct loop_watch *watch;
	struct loop_timer *timer;
	int echoes, mute_from, mute_to; /* replies to those but these, from 1 */
	int64_t delay_us;               /* before each reply */
	bool raw;
	size_t last_length;
	int copies;
	int forge; /* 1 another number, 2 another cookie, 3 another length, 4 not a
		      reply */
	unsigned char last[2048];
	struct sockaddr_storage from;
	socklen_t from_length;
} host;

struct resolve_query *
resolve_start(struct resolve *resolve, const char *name, enum resolve_family family,
    int64_t max_age_us, int64_t timeout_us, resolve_cb *cb, void *arg)
{
	assert_false(query.running);
	query = (struct resolve_query){cb, arg, true, family, max_age_us};
	return &query;
}

void
resolve_cancel(struct resolve_query *it)
{
	assert_true(it->running);
	it->running = false;
}

static void
resolved(const char *address)
{
	struct resolve_answer answer = {.count = address != NULL};

	if (address == NULL) {
		answer.error = ERR_NOT_FOUND;
		answer.sentence = "the name nowhere does not exist";
	} else {
		snprintf(answer.address[0], sizeof(answer.address[0]), "%s", address);
	}
	assert_true(query.running);
	query.running = false;
	query.cb(&answer, query.arg);
}

void
probe_done(struct probe_run *it, const struct probe_result *of)
{
	assert_ptr_equal(it, run);
	result = *of;
	results++;
}

static void
send_reply(void)
{
	unsigned char out[20 + 2048] = {0x45};
	size_t header = host.raw && host.version == 4 ? 20 : 0;

	memcpy(out + header, host.last, host.last_length);
	out[header] = host.version == 4 ? 0 : 129;
	if (host.forge == 1)
		out[header + 6] ^= 0x40;
	if (host.forge == 2)
		out[header + 8] ^= 1;
	if (host.forge == 4)
		out[header] = host.version == 4 ? 8 : 128;
	sendto(host.fd, out, header + host.last_length - (host.forge == 3), 0,
	    (struct sockaddr *)&host.from, host.from_length);
}

static void
on_delay(void *arg)
{
	int i;

	for (i = 0; i < 1 + host.copies; i++)
		send_reply();
}

static void
on_echo(int fd, int events, void *arg)
{
	host.from_length = sizeof(host.from);
	host.last_length = recvfrom(fd, host.last, sizeof(host.last), 0,
	    (struct sockaddr *)&host.from, &host.from_length);
	host.echoes++;
	assert_int_equal(host.last[0], host.version == 4 ? 8 : 128);
	if (host.echoes >= host.mute_from && host.echoes <= host.mute_to)
		return;
	if (host.delay_us > 0)
		loop_timer_set(host.timer, host.delay_us);
	else
		on_delay(NULL);
}

static int
open_udp(int version, unsigned *port)
{
	struct sockaddr_in four = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 six = {
	    .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr *at = version == 4 ? (void *)&four : (void *)&six;
	socklen_t length = version == 4 ? sizeof(four) : sizeof(six);
	int fd = socket(at->sa_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, at, length) != 0 || getsockname(fd, at, &length) != 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*port = ntohs(version == 4 ? four.sin_port : six.sin6_port);
	return fd;
}

static void
host_open(int version, bool raw)
{
	unsigned port;
	int fd;

	memset(&host, 0, sizeof(host));
	host.version = version;
	host.raw = raw;
	host.fd = open_udp(version, &host.port);
	if (host.fd < 0)
		skip(); /* no IPv6 here */
	host.watch = loop_watch_create(loop, host.fd, LOOP_READ, on_echo, NULL);
	host.timer = loop_timer_create(loop, on_delay, NULL);
	fd = open_udp(version, &port);
	echo_use(echo, version, fd, host.port, raw);
}

static void
host_close(void)
{
	loop_watch_destroy(host.watch);
	loop_timer_destroy(host.timer);
	host.watch = NULL;
	host.timer = NULL;
	if (host.fd >= 0)
		close(host.fd);
	host.fd = -1;
}

static void
turn(void)
{
	int i;

	for (i = 0; i < 30; i++) {
		loop_advance(loop, 0);
		sched_yield();
	}
}

static void
pass(int64_t us)
{
	turn();
	loop_advance(loop, us);
	turn();
}

static struct icmp_options
defaults(void)
{
	return (struct icmp_options){.address = (char *)"host.test",
	    .count = 5,
	    .spacing_us = 200000,
	    .size = 56,
	    .warn_loss = 20,
	    .max_loss = 50};
}

static void *
start(const struct icmp_options *options)
{
	const struct probe_env env = {.loop = loop, .echo = echo};
	char error[256];
	void *check;

	results = 0;
	assert_int_equal(collector_icmp.open(&env, options, 7, &check, error), 0);
	collector_icmp.start(check, run, 10 * CLOCK_SECOND, false);
	assert_int_equal(results, 0);
	return check;
}

static double
value(const char *name)
{
	size_t i;

	for (i = 0; i < collector_icmp.source_count; i++)
		if (strcmp(collector_icmp.sources[i].name, name) == 0)
			return result.values[i];
	fail_msg("no source %s", name);
	return NAN;
}

static const char *
loopback(void)
{
	return host.version == 4 ? "127.0.0.1" : "::1";
}

static bool
about(double value, double wanted)
{
	return fabs(value - wanted) < 1e-9;
}

static void
five_echoes_and_their_times(int version, bool raw)
{
	struct icmp_options options = defaults();
	void *check;
	int i;

	host_open(version, raw);
	check = start(&options);
	assert_int_equal(query.max_age_us, 7);
	host.delay_us = 10000;
	resolved(loopback());
	for (i = 1; i <= 5; i++) {
		assert_int_equal(results, 0);
		turn();
		pass(100000);
		assert_int_equal(host.echoes, i);
		assert_int_equal(host.last_length, 64);
		host.delay_us = 10000 * (i + 1);
		if (i < 5)
			loop_advance(loop, 100000);
	}
	assert_int_equal(results, 1);
	assert_int_equal(result.class, PROBE_OK);
	assert_false(result.warn);
	assert_true(value("loss") == 0);
	assert_true(about(value("min"), 0.01) && about(value("max"), 0.05));
	assert_true(about(value("avg"), 0.03) && about(value("total"), 0.03));
	assert_true(about(value("stddev"), sqrt(2) / 100));
	if (version == 4)
		assert_string_equal(result.message,
		    "5 of 5 echoes came back from "
		    "host.test (127.0.0.1), in 10 to 50 ms");
	collector_icmp.close(check);
	host_close();
}

static void
echoes_come_back(void **state)
{
	five_echoes_and_their_times(4, false);
}

static void
echoes_come_back_with_an_ip_header(void **state)
{
	five_echoes_and_their_times(4, true);
}

static void
echoes_come_back_by_ipv6(void **state)
{
	five_echoes_and_their_times(6, false);
}

static void
some_are_lost(void **state)
{
	struct icmp_options options = defaults();
	void *check;
	int lost;

	host_open(4, false);
	options.spacing_us = 10000;
	check = start(&options);
	for (lost = 1; lost <= 5; lost++) {
		if (lost > 1)
			collector_icmp.start(check, run, CLOCK_SECOND, false);
		results = 0;
		host.echoes = 0;
		host.mute_from = 1;
		host.mute_to = lost;
		resolved("127.0.0.1");
		pass(40000);
		assert_int_equal(host.echoes, 5);
		assert_int_equal(results, 0); /* what is lost may still come */
		pass(10 * CLOCK_SECOND);
		assert_int_equal(results, 1);
		assert_true(about(value("loss"), lost / 5.0));
		assert_int_equal(isnan(value("total")), lost == 5);
		assert_int_equal(result.class, lost <= 2   ? PROBE_OK
					       : lost == 5 ? PROBE_FIRST_BYTE_TIMEOUT
							   : PROBE_READ_TIMEOUT);
		assert_int_equal(result.warn, lost == 2);
	}
	assert_string_equal(
	    result.message, "no reply from host.test (127.0.0.1) to 5 echoes");
	collector_icmp.close(check);
	host_close();
}

static void
late_double_and_forged_replies_do_not_count(void **state)
{
	struct icmp_options options = defaults();
	struct echo_stats stats;
	void *check;

	host_open(4, true);
	options.count = 2;
	options.spacing_us = 10000;
	host.copies = 2;
	check = start(&options);
	resolved("127.0.0.1");
	pass(10000);
	assert_int_equal(results, 1);
	assert_true(value("loss") == 0);
	echo_stats(echo, &stats);
	assert_int_equal(stats.received, 2);
	assert_int_equal(stats.strangers, 4);
	assert_int_equal(stats.waiting, 0);
	host.copies = 0;
	for (host.forge = 1; host.forge <= 4; host.forge++) {
		collector_icmp.start(check, run, CLOCK_SECOND, false);
		resolved("127.0.0.1");
		pass(CLOCK_SECOND);
		assert_int_equal(result.class, PROBE_FIRST_BYTE_TIMEOUT);
	}
	assert_int_equal(results, 5);
	host.forge = 0;
	send_reply(); /* after the end */
	turn();
	echo_stats(echo, &stats);
	assert_int_equal(stats.received, 2);
	assert_int_equal(stats.strangers, 4 + 6 + 1); /* no reply is no stranger */
	collector_icmp.close(check);
	host_close();
}

static void
nobody_is_there(void **state)
{
	struct icmp_options options = defaults();
	void *check;

	host_open(4, false);
	host_close(); /* the kernel says so by ICMP */
	options.spacing_us = 10000;
	check = start(&options);
	resolved("127.0.0.1");
	pass(40000);
	assert_int_equal(results, 1); /* no need to wait */
	assert_int_equal(result.class, PROBE_REFUSED);
	assert_string_equal(result.message, "host.test (127.0.0.1) cannot be reached: "
					    "Connection refused, says 127.0.0.1");
	assert_true(value("loss") == 1);
	collector_icmp.close(check);
}

/* What ICMP says of one target is reported to whoever sends next. */
static void
an_error_hits_its_own_run_only(void **state)
{
	struct icmp_options options = defaults(), other = defaults();
	void *bad, *good;

	host_open(4, false);
	options.count = other.count = 1;
	bad = start(&other);
	resolved("127.0.0.2"); /* nobody, and the error is there at once */
	good = start(&options);
	resolved("127.0.0.1");
	turn();
	assert_int_equal(results, 2);
	assert_int_equal(result.class, PROBE_OK);
	assert_true(value("loss") == 0);
	collector_icmp.start(bad, run, CLOCK_SECOND, false);
	resolved("127.0.0.2");
	turn();
	assert_int_equal(results, 3);
	assert_int_equal(result.class, PROBE_REFUSED);
	assert_non_null(strstr(result.message, "Connection refused, says 127.0.0.2"));
	/* Where we may not even send to. */
	collector_icmp.start(bad, run, CLOCK_SECOND, false);
	resolved("255.255.255.255");
	turn();
	assert_int_equal(results, 4);
	assert_int_equal(result.class, PROBE_REFUSED);
	assert_non_null(strstr(result.message, "says this host itself"));
	collector_icmp.close(bad);
	collector_icmp.close(good);
	host_close();
}

static void
names_and_limits(void **state)
{
	struct icmp_options options = defaults();
	void *check;

	host_open(4, false);
	options.ip = RESOLVE_IPV4;
	options.spacing_us = 10 * CLOCK_SECOND;
	check = start(&options);
	assert_int_equal(query.family, RESOLVE_IPV4);
	resolved(NULL);
	assert_int_equal(results, 1);
	assert_int_equal(result.class, PROBE_RESOLVE);
	assert_string_equal(result.message, "the name nowhere does not exist");
	assert_true(isnan(value("loss")) && isnan(value("total")));

	/* The last of five leaves after half of 10 s. */
	options.max_time_us = 5000;
	host.delay_us = 6000;
	collector_icmp.start(check, run, 10 * CLOCK_SECOND, true);
	assert_int_equal(query.max_age_us, 0);
	resolved("127.0.0.1");
	pass(5010000);
	assert_int_equal(results, 2);
	assert_int_equal(result.class, PROBE_SLOW);
	assert_non_null(strstr(result.message, "took 6.0 ms, more than 5ms"));

	/* Taken back while it resolves, while it waits. */
	collector_icmp.start(check, run, 10 * CLOCK_SECOND, false);
	collector_icmp.cancel(check);
	assert_false(query.running);
	host.mute_to = 99;
	collector_icmp.start(check, run, 10 * CLOCK_SECOND, false);
	resolved("127.0.0.1");
	turn();
	collector_icmp.close(check);
	turn();
	assert_int_equal(results, 2);
	host_close();
}

static char complaints[1024];

static void
note_complaint(void *arg, const char *option, const char *other, const char *problem)
{
	size_t length = strlen(complaints);

	snprintf(complaints + length, sizeof(complaints) - length, "%s: %s\n", option,
	    problem);
}

static void
options_that_make_no_sense_are_told(void **state)
{
	struct icmp_options options = defaults();

	complaints[0] = '\0';
	collector_icmp.check(&options, note_complaint, NULL);
	options.address = (char *)"2001:db8::1";
	collector_icmp.check(&options, note_complaint, NULL);
	assert_string_equal(complaints, "");
	options.address = (char *)"http://a";
	options.warn_loss = 60;
	collector_icmp.check(&options, note_complaint, NULL);
	assert_non_null(strstr(complaints, "address: expected an address or a name"));
	assert_non_null(strstr(complaints, "warn_loss: it would never be reached"));
	assert_true(collector_icmp.load_us(&options) > 0);
	assert_null(collector_icmp.retries);
}

static int
setup(void **state)
{
	clock_fake(CLOCK_SECOND, 1764000000 * CLOCK_SECOND);
	loop = loop_create();
	echo = echo_create(loop);
	memset(&host, 0, sizeof(host));
	host.fd = -1;
	memset(&query, 0, sizeof(query));
	return 0;
}

static int
teardown(void **state)
{
	host_close();
	echo_destroy(echo);
	loop_destroy(loop);
	return 0;
}

#define WITH_ECHO(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_ECHO(echoes_come_back),
	    WITH_ECHO(echoes_come_back_with_an_ip_header),
	    WITH_ECHO(echoes_come_back_by_ipv6),
	    WITH_ECHO(some_are_lost),
	    WITH_ECHO(late_double_and_forged_replies_do_not_count),
	    WITH_ECHO(nobody_is_there),
	    WITH_ECHO(an_error_hits_its_own_run_only),
	    WITH_ECHO(names_and_limits),
	    WITH_ECHO(options_that_make_no_sense_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
