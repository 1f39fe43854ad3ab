/* collectors/tls: against OpenSSL on loopback, at once and after each protocol's words.
 */
#include "unit.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "collectors/collectors.h"
#include "collectors/starttls.h"
#include "loop/loop.h"
#include "loop/resolve.h"
#include "loop/stream.h"
#include "tests/lib/peer.h"

#define DAY 86400L

static struct loop *loop;
static struct resolve *resolve;
static struct stream_pool *streams;
static struct probe_result result;
static int results;
static char folder[] = "/tmp/vetrina-tls.XXXXXX", ca_file[64], address[32];
static struct certificate root, middle, good, soon, expired, wrong, under_middle;

/* In the place of watch/probe.c. */
void
probe_done(struct probe_run *run, const struct probe_result *it)
{
	assert_ptr_equal(run, &results);
	result = *it;
	results++;
	loop_stop(loop);
}

static void
set(void *options, const char *name, ...)
{
	const struct option *row = collector_tls.options;
	char *field;
	va_list ap;

	while (strcmp(row->name, name) != 0)
		row++;
	field = (char *)options + row->offset;
	va_start(ap, name);
	if (row->type == OPTION_DURATION)
		*(int64_t *)field = va_arg(ap, int64_t);
	else if (row->type == OPTION_CHOICE)
		*(int *)field = va_arg(ap, int);
	else
		*(const char **)field = va_arg(ap, const char *);
	va_end(ap);
}

static void *
options_for(int port)
{
	void *options = mem_zalloc(collector_tls.options_size);

	snprintf(address, sizeof(address), "127.0.0.1:%d", port);
	set(options, "address", address);
	set(options, "ca_file", ca_file);
	set(options, "min_protocol", TLS_1_2);
	set(options, "warn", 21 * DAY * CLOCK_SECOND);
	return options;
}

/* ---- a peer that says its words and then speaks TLS ---- */

struct service {
	enum starttls_kind kind;
	SSL_CTX *context;
	const char *more; /* said in the clear with the last words */
	char goodbye[64];
};

static void
add_more(int fd, const struct service *service)
{
	if (service->more != NULL)
		peer_say(fd, service->more);
}

/* -> whether TLS begins */
static bool
say_words(int fd, const struct service *service)
{
	char last[64];

	switch (service->kind) {
	case STARTTLS_SMTP:
		peer_say(fd, "220-mail.example\r\n220 ready\r\n");
		if (!peer_hear(fd, "EHLO ", 5))
			return false;
		peer_say(fd, "250-mail.example\r\n250-STARTTLS\r\n250 HELP\r\n");
		if (!peer_hear(fd, "STARTTLS\r\n", 10))
			return false;
		snprintf(last, sizeof(last), "220 go\r\n%s",
		    service->more ? service->more : "");
		peer_say(fd, last);
		return true;
	case STARTTLS_IMAP:
		peer_say(fd, "* OK ready\r\n");
		if (!peer_hear(fd, "v1 STARTTLS\r\n", 13))
			return false;
		peer_say(fd, "v1 OK go\r\n");
		return true;
	case STARTTLS_LDAP:
		if (!peer_hear(fd, "1.3.6.1.4.1.1466.20037", 22))
			return false;
		(void)send(fd,
		    "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00", 14,
		    MSG_NOSIGNAL);
		return true;
	case STARTTLS_POSTGRES:
		if (!peer_hear(fd, "\x00\x00\x00\x08\x04\xd2\x16\x2f", 8))
			return false;
		peer_say(fd, "S");
		add_more(fd, service);
		return true;
	default:
		return true;
	}
}

static void
serve(int fd, void *arg)
{
	struct service *service = arg;
	SSL *ssl;

	if (!say_words(fd, service))
		return;
	ssl = peer_secure(fd, service->context);
	if (ssl == NULL)
		return;
	(void)SSL_read(ssl, service->goodbye, sizeof(service->goodbye) - 1);
	SSL_free(ssl);
}

static struct service service;

static struct peer *
offer(enum starttls_kind kind, const struct certificate *own,
    const struct certificate *chain)
{
	service = (struct service){.kind = kind, .context = peer_context(own, chain)};
	return peer_start(serve, &service);
}

static void
withdraw(struct peer *peer)
{
	peer_stop(peer);
	SSL_CTX_free(service.context);
}

static void
run_for(void *options, int64_t timeout_us)
{
	const struct probe_env env = {.loop = loop, .streams = streams};
	char error[256];
	void *check;

	if (collector_tls.open(&env, options, -1, &check, error) != 0)
		fail_msg("%s", error);
	results = 0;
	collector_tls.start(check, (struct probe_run *)&results, timeout_us, false);
	assert_int_equal(results, 0);
	loop_run(loop);
	assert_int_equal(results, 1);
	collector_tls.close(check);
}

static double
value(const char *name)
{
	size_t i;

	for (i = 0; i < collector_tls.source_count; i++)
		if (strcmp(collector_tls.sources[i].name, name) == 0)
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

/* Runs against a certificate and its chain. */
static void
shown(const struct certificate *own, const struct certificate *chain)
{
	struct peer *peer = offer(STARTTLS_NONE, own, chain);
	void *options = options_for(peer_port(peer));

	run_for(options, 5 * CLOCK_SECOND);
	free(options);
	withdraw(peer);
}

/* ---- tests ---- */

static void
a_good_certificate_has_its_days(void **state)
{
	shown(&good, NULL);
	comes(PROBE_OK, "TLSv1.3, TLS_");
	comes(PROBE_OK, ", issued by Root, expires in 59 days, on 20");
	assert_false(result.warn);
	assert_true(fabs(value("certificate_days") - 60) < 0.1);
	assert_true(value("tls") > 0 && value("connect") > 0);
	assert_true(value("total") >= value("tls") + value("connect"));
	assert_true(isnan(value("dns")));
}

static void
the_first_to_expire_warns(void **state)
{
	shown(&soon, NULL);
	comes(PROBE_OK, "the certificate expires in 9 days, on 20");
	assert_true(result.warn);
	shown(&under_middle, &middle);
	comes(
	    PROBE_OK, "the certificate of its issuer Middle expires in 4 days, on 20");
	assert_true(result.warn);
	assert_true(fabs(value("certificate_days") - 5) < 0.1);
}

static void
how_soon_is_an_option(void **state)
{
	struct peer *peer = offer(STARTTLS_NONE, &soon, NULL);
	void *options = options_for(peer_port(peer));

	set(options, "warn", INT64_C(0));
	run_for(options, 5 * CLOCK_SECOND);
	comes(PROBE_OK, "expires in 9 days");
	assert_false(result.warn);
	set(options, "warn", 9 * DAY * CLOCK_SECOND);
	run_for(options, 5 * CLOCK_SECOND);
	assert_false(result.warn);
	free(options);
	withdraw(peer);
}

static void
a_bad_certificate_has_its_days_too(void **state)
{
	shown(&expired, NULL);
	comes(PROBE_CERTIFICATE_EXPIRED, "is not valid today: it has expired on 20");
	assert_false(result.warn);
	assert_true(fabs(value("certificate_days") + 3) < 0.1);
	assert_true(value("tls") > 0);
	assert_true(isnan(value("total")));
	shown(&wrong, NULL);
	comes(PROBE_CERTIFICATE_NAME,
	    "is not made out to 127.0.0.1 but to other.example");
	shown(&under_middle, NULL);
	comes(PROBE_CERTIFICATE_ISSUER, "is not trusted");
	assert_true(fabs(value("certificate_days") - 60) < 0.1);
}

static void
a_name_may_be_given(void **state)
{
	struct peer *peer = offer(STARTTLS_NONE, &wrong, NULL);
	void *options = options_for(peer_port(peer));

	set(options, "name", "other.example");
	run_for(options, 5 * CLOCK_SECOND);
	comes(PROBE_OK, "");
	free(options);
	withdraw(peer);
}

static void
after_the_words(enum starttls_kind kind, const char *goodbye, size_t length)
{
	struct peer *peer = offer(kind, &good, NULL);
	void *options = options_for(peer_port(peer));

	set(options, "starttls", kind);
	run_for(options, 5 * CLOCK_SECOND);
	comes(PROBE_OK, "TLSv1.3");
	assert_true(fabs(value("certificate_days") - 60) < 0.1);
	free(options);
	loop_poll(loop); /* libevent closes in its next round */
	loop_poll(loop);
	peer_finish(peer);
	SSL_CTX_free(service.context);
	assert_memory_equal(service.goodbye, goodbye, length);
}

static void
each_protocol_has_its_words(void **state)
{
	after_the_words(STARTTLS_SMTP, "QUIT\r\n", 7);
	after_the_words(STARTTLS_IMAP, "v2 LOGOUT\r\n", 12);
	after_the_words(STARTTLS_LDAP, "\x30\x05\x02\x01\x02\x42\x00", 8);
	after_the_words(STARTTLS_POSTGRES, "", 1);
}

static void
what_is_said_in_the_clear_does_not_count(void **state)
{
	struct peer *peer = offer(STARTTLS_SMTP, &good, NULL);
	void *options = options_for(peer_port(peer));

	service.more = "250 injected\r\n";
	set(options, "starttls", STARTTLS_SMTP);
	run_for(options, 5 * CLOCK_SECOND);
	comes(PROBE_PROTOCOL, "said more in the clear before TLS could begin");
	free(options);
	withdraw(peer);
}

static void
speaks(int fd, void *arg)
{
	peer_say(fd, arg);
	peer_wait(fd);
}

static void
floods(int fd, void *arg)
{
	while (send(fd, arg, strlen(arg), MSG_NOSIGNAL) > 0)
		;
}

static void
talk(peer_serve *serve_it, const char *said, int kind, int64_t timeout_us)
{
	struct peer *peer = peer_start(serve_it, (void *)said);
	void *options = options_for(peer_port(peer));

	set(options, "starttls", kind);
	run_for(options, timeout_us);
	free(options);
	peer_stop(peer);
	assert_true(isnan(value("tls")) && isnan(value("total")));
}

static void
words_that_lead_nowhere_are_told(void **state)
{
	talk(speaks, "554 no service\r\n", STARTTLS_SMTP, 5 * CLOCK_SECOND);
	comes(PROBE_PROTOCOL, "does not take mail now: \"554 no service\"");
	talk(speaks, "N", STARTTLS_POSTGRES, 5 * CLOCK_SECOND);
	comes(PROBE_PROTOCOL, "TLS switched off");
	talk(speaks, "220-", STARTTLS_SMTP, CLOCK_SECOND / 20);
	comes(PROBE_READ_TIMEOUT, "did not end within 0.05 s: 4 bytes came");
	talk(speaks, "", STARTTLS_IMAP, CLOCK_SECOND / 20);
	comes(PROBE_FIRST_BYTE_TIMEOUT, "then nothing");
	talk(speaks, "", STARTTLS_NONE, CLOCK_SECOND / 20);
	comes(PROBE_TLS_TIMEOUT, "the handshake did not end");
	talk(floods, "220-again\r\n", STARTTLS_SMTP, 5 * CLOCK_SECOND);
	comes(PROBE_PROTOCOL, "do not end");
	talk(floods, "xxxxxxxxxx", STARTTLS_IMAP, 5 * CLOCK_SECOND);
	comes(PROBE_PROTOCOL, "do not end");
	talk(floods, "\x30\x82\x0f\xf0", STARTTLS_LDAP, 5 * CLOCK_SECOND);
	comes(PROBE_PROTOCOL, "not of LDAP");
	talk(speaks, "SSH-2.0-x\r\n", STARTTLS_NONE, 5 * CLOCK_SECOND);
	comes(PROBE_TLS, "does not speak TLS");
}

static void
cancelled_it_stays_silent(void **state)
{
	const struct probe_env env = {.loop = loop, .streams = streams};
	struct peer *peer = offer(STARTTLS_NONE, &good, NULL);
	void *options = options_for(peer_port(peer)), *check;
	char error[256];
	int i, rounds;

	assert_int_equal(collector_tls.open(&env, options, -1, &check, error), 0);
	results = 0;
	for (rounds = 0; rounds < 20 && results == 0; rounds++) {
		collector_tls.start(
		    check, (struct probe_run *)&results, CLOCK_SECOND, false);
		for (i = 0; i < rounds / 4 && results == 0; i++)
			loop_poll(loop);
		collector_tls.cancel(check);
	}
	i = results;
	loop_poll(loop);
	assert_int_equal(results, i);
	collector_tls.start(check, (struct probe_run *)&results, CLOCK_SECOND, false);
	collector_tls.close(check);
	free(options);
	withdraw(peer);
}

static struct complaints {
	int count;
	char option[32];
} complaints;

static void
on_complaint(void *arg, const char *option, const char *other, const char *problem)
{
	complaints.count++;
	snprintf(complaints.option, sizeof(complaints.option), "%s", option);
	assert_non_null(strstr(problem, "expected"));
}

static void
options_are_checked(void **state)
{
	void *options = options_for(443), *check;
	const struct probe_env env = {.loop = loop, .streams = streams};
	char error[256];

	collector_tls.check(options, on_complaint, NULL);
	assert_int_equal(complaints.count, 0);
	set(options, "name", "other.example:443");
	collector_tls.check(options, on_complaint, NULL);
	assert_int_equal(complaints.count, 1);
	assert_string_equal(complaints.option, "name");
	assert_int_not_equal(collector_tls.open(&env, options, -1, &check, error), 0);
	set(options, "name", NULL);
	set(options, "address", "https://www.example.it");
	collector_tls.check(options, on_complaint, NULL);
	assert_int_equal(complaints.count, 2);
	assert_string_equal(complaints.option, "address");
	assert_int_not_equal(collector_tls.open(&env, options, -1, &check, error), 0);
	assert_int_equal(collector_tls.load_us(options), 1000);
	free(options);
}

static int
set_up(void **state)
{
	const char *name = "DNS:www.vetrina.example,IP:127.0.0.1";

	signal(SIGPIPE, SIG_IGN);
	assert_non_null(mkdtemp(folder));
	certificate_make(&root, NULL, "Root", NULL, true, -DAY, 300 * DAY);
	certificate_make(&middle, &root, "Middle", NULL, true, -DAY, 5 * DAY);
	certificate_make(&good, &root, "good", name, false, -DAY, 60 * DAY);
	certificate_make(&soon, &root, "soon", name, false, -DAY, 10 * DAY);
	certificate_make(&expired, &root, "expired", name, false, -9 * DAY, -3 * DAY);
	certificate_make(
	    &wrong, &root, "wrong", "DNS:other.example", false, -DAY, 60 * DAY);
	certificate_make(&under_middle, &middle, "leaf", name, false, -DAY, 60 * DAY);
	snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", folder);
	certificate_write(&root, ca_file);
	loop = loop_create();
	resolve = resolve_create(loop, "127.0.0.1:9", 100);
	streams = stream_pool_create(loop, resolve);
	return 0;
}

static int
tear_down(void **state)
{
	struct certificate *all[] = {
	    &root, &middle, &good, &soon, &expired, &wrong, &under_middle};
	size_t i;

	stream_pool_destroy(streams);
	resolve_destroy(resolve);
	loop_destroy(loop);
	for (i = 0; i < ARRAY_LENGTH(all); i++)
		certificate_free(all[i]);
	unlink(ca_file);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_good_certificate_has_its_days),
	    cmocka_unit_test(the_first_to_expire_warns),
	    cmocka_unit_test(how_soon_is_an_option),
	    cmocka_unit_test(a_bad_certificate_has_its_days_too),
	    cmocka_unit_test(a_name_may_be_given),
	    cmocka_unit_test(each_protocol_has_its_words),
	    cmocka_unit_test(what_is_said_in_the_clear_does_not_count),
	    cmocka_unit_test(words_that_lead_nowhere_are_told),
	    cmocka_unit_test(cancelled_it_stays_silent),
	    cmocka_unit_test(options_are_checked),
	};

	return cmocka_run_group_tests_name("tls", tests, set_up, tear_down);
}
