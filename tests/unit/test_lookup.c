/* loop/lookup: against DNS servers on the same loop, which do what the name says. */
#include "unit.h"

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "loop/dnsmessage.h"
#include "loop/loop.h"
#include "loop/lookup.h"

struct server {
	int udp, tcp;
	unsigned port;
	struct loop_watch *udp_watch, *tcp_watch, *peer_watch;
	int asked, asked_by_tcp;
	unsigned char last_flags, last_edns;
	int code; /* of every answer, if not 0 */
	bool mute, half;
};

static struct loop *loop;
static struct server servers[3];
static struct lookup_answer got;
static char got_text[64];
static int answers;

static bool
asks_for(const unsigned char *question, const char *label)
{
	return question[12] == strlen(label) &&
	       memcmp(question + 13, label, question[12]) == 0;
}

/* An answer with one address, unless the name says something else. */
static size_t
reply_to(struct server *server, const unsigned char *in, size_t length, bool tcp,
    unsigned char *out)
{
	static const unsigned char record[] = {
	    0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1};
	size_t end = 12;

	while (in[end] != 0)
		end += in[end] + 1;
	end += 5;
	server->last_flags = in[3];
	server->last_edns = in[11];
	memcpy(out, in, end);
	out[2] = 0x81;
	out[3] = 0x80;
	out[11] = 0;
	if (server->code != 0 || (asks_for(in, "old") && in[11] != 0)) {
		out[3] = server->code != 0 ? server->code : 1;
		return end;
	}
	if (asks_for(in, "cut") && !tcp) {
		out[2] |= 2;
		return end + 3; /* and what is left of a record */
	}
	out[7] = 1;
	memcpy(out + end, record, sizeof(record));
	if (asks_for(in, "broken"))
		return end + sizeof(record) - 1;
	return end + sizeof(record);
}

static void
on_udp(int fd, int events, void *arg)
{
	struct server *server = arg;
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	unsigned char in[512], out[600];
	ssize_t n = recvfrom(fd, in, sizeof(in), 0, (struct sockaddr *)&from, &size);
	size_t length;

	assert_true(n > 12);
	server->asked++;
	if (server->mute || asks_for(in, "silent"))
		return;
	length = reply_to(server, in, n, false, out);
	if (asks_for(in, "forged")) {
		out[0] ^= 1;
		sendto(fd, out, length, 0, (struct sockaddr *)&from, size);
		sendto(fd, "x", 1, 0, (struct sockaddr *)&from, size);
		return;
	}
	if (asks_for(in, "first")) { /* a forger is faster */
		out[0] ^= 1;
		sendto(fd, out, length, 0, (struct sockaddr *)&from, size);
		out[0] ^= 1;
	}
	sendto(fd, out, length, 0, (struct sockaddr *)&from, size);
}

static void
on_peer(int fd, int events, void *arg)
{
	struct server *server = arg;
	unsigned char in[512], out[600];
	ssize_t n = recv(fd, in, sizeof(in), 0);
	size_t length, at;

	if (n > 14 && !server->mute) {
		server->asked_by_tcp++;
		length = reply_to(server, in + 2, n - 2, true, out + 2);
		out[0] = length >> 8;
		out[1] = length & 255;
		length += 2;
		if (asks_for(in + 2, "cut") && server->half)
			length -= 10;
		for (at = 0; at < length; at++)
			assert_int_equal(send(fd, out + at, 1, MSG_NOSIGNAL), 1);
	} else if (n > 14) {
		return;
	}
	loop_watch_destroy(server->peer_watch);
	server->peer_watch = NULL;
	close(fd);
}

static void
on_tcp(int listener, int events, void *arg)
{
	struct server *server = arg;
	int fd = accept(listener, NULL, NULL);

	assert_true(fd >= 0 && server->peer_watch == NULL);
	server->peer_watch = loop_watch_create(loop, fd, LOOP_READ, on_peer, server);
}

/* UDP and TCP on the same port, which nobody has. */
static void
server_open(struct server *server, bool tcp)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	int i;

	memset(server, 0, sizeof(*server));
	for (i = 0; i < 100; i++) {
		server->tcp = socket(AF_INET, SOCK_STREAM, 0);
		server->udp = socket(AF_INET, SOCK_DGRAM, 0);
		at.sin_port = 0;
		assert_int_equal(bind(server->tcp, (struct sockaddr *)&at, size), 0);
		getsockname(server->tcp, (struct sockaddr *)&at, &size);
		if (bind(server->udp, (struct sockaddr *)&at, size) == 0)
			break;
		close(server->tcp);
		close(server->udp);
	}
	assert_true(i < 100);
	server->port = ntohs(at.sin_port);
	server->udp_watch =
	    loop_watch_create(loop, server->udp, LOOP_READ, on_udp, server);
	if (!tcp)
		return; /* bound, but nobody listens */
	assert_int_equal(listen(server->tcp, 5), 0);
	server->tcp_watch =
	    loop_watch_create(loop, server->tcp, LOOP_READ, on_tcp, server);
}

static void
server_close(struct server *server)
{
	loop_watch_destroy(server->udp_watch);
	loop_watch_destroy(server->tcp_watch);
	loop_watch_destroy(server->peer_watch);
	close(server->udp);
	close(server->tcp);
}

static void
on_answer(const struct lookup_answer *answer, void *arg)
{
	got = *answer;
	got_text[0] = '\0';
	if (answer->message.count > 0)
		snprintf(
		    got_text, sizeof(got_text), "%s", answer->message.answers[0].text);
	answers++;
}

static struct lookup *
ask(const char *name, size_t count)
{
	struct lookup_request request = {.name = name,
	    .type = 1,
	    .recurse = true,
	    .server_count = count,
	    .timeout_us = 10 * CLOCK_SECOND};
	struct lookup *lookup;
	size_t i;

	for (i = 0; i < count; i++) {
		address_parse("127.0.0.1", &request.servers[i].address);
		request.servers[i].port = servers[i].port;
	}
	answers = 0;
	lookup = lookup_start(loop, &request, on_answer, &got);
	assert_int_equal(answers, 0);
	return lookup;
}

/* All is on loopback: what was sent is there. The clock stands still. */
static void
turn(void)
{
	int i;

	for (i = 0; i < 50; i++) {
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

static void
an_answer_comes_by_udp(void **state)
{
	ask("ok.test", 1);
	loop_advance(loop, 25000);
	turn();
	assert_int_equal(answers, 1);
	assert_int_equal(got.class, LOOKUP_OK);
	assert_string_equal(got_text, "192.0.2.1");
	assert_string_equal(got.sentence, "");
	assert_false(got.tcp);
	assert_int_equal(got.asked, 1);
	assert_true(got.total_s > 0.0249 && got.total_s < 0.026);
	assert_int_equal(servers[0].last_edns, 1);
	assert_int_equal(servers[0].last_flags & 0x20, 0);
}

static void
what_does_not_fit_comes_by_tcp(void **state)
{
	ask("cut.test", 1);
	turn();
	assert_int_equal(answers, 1);
	assert_int_equal(got.class, LOOKUP_OK);
	assert_true(got.tcp);
	assert_int_equal(servers[0].asked_by_tcp, 1);

	ask("cut.test", 1);
	servers[0].half = true;
	turn();
	assert_int_equal(answers, 1);
	assert_int_equal(got.class, LOOKUP_CLOSED);
	assert_non_null(strstr(got.sentence, "closed the TCP connection"));

	ask("cut.test", 1);
	loop_poll(loop);
	loop_poll(loop);
	servers[0].mute = true; /* the connection stays, nothing comes */
	turn();
	assert_int_equal(answers, 0);
	pass(10 * CLOCK_SECOND);
	assert_int_equal(answers, 1);
	assert_int_equal(got.class, LOOKUP_READ_TIMEOUT);
	assert_non_null(strstr(got.sentence, "does not fit into UDP"));
}

static void
tcp_that_fails_is_told(void **state)
{
	ask("cut.test", 1);
	turn();
	assert_int_equal(answers, 1);
	assert_int_equal(got.class, LOOKUP_REFUSED);
	assert_non_null(strstr(got.sentence, "TCP failed to 127.0.0.1:"));
	assert_non_null(strstr(got.sentence, "Connection refused"));
}

static void
a_silent_server_is_asked_again(void **state)
{
	struct lookup *lookup = ask("silent.test", 1);

	assert_non_null(lookup);
	turn();
	assert_int_equal(servers[0].asked, 1);
	pass(CLOCK_SECOND);
	assert_int_equal(servers[0].asked, 2);
	pass(1900000);
	assert_int_equal(servers[0].asked, 2);
	pass(100000);
	assert_int_equal(servers[0].asked, 3);
	pass(4 * CLOCK_SECOND);
	assert_int_equal(servers[0].asked, 4);
	assert_int_equal(answers, 0);
	pass(3 * CLOCK_SECOND);
	assert_int_equal(answers, 1);
	assert_int_equal(got.class, LOOKUP_SILENT);
	assert_int_equal(got.asked, 4);
	assert_true(isnan(got.total_s));
	assert_non_null(strstr(got.sentence, "within 10s, asked 4 times"));
}

static void
a_forger_is_passed_over(void **state)
{
	ask("first.test", 1);
	turn();
	assert_int_equal(got.class, LOOKUP_OK);
	assert_string_equal(got_text, "192.0.2.1");

	ask("forged.test", 1);
	turn();
	assert_int_equal(answers, 0);
	pass(10 * CLOCK_SECOND);
	assert_int_equal(answers, 1);
	assert_int_equal(got.class, LOOKUP_PROTOCOL);
	assert_non_null(strstr(got.sentence, " packets came from 127.0.0.1:"));
	assert_non_null(strstr(got.sentence, "none of them an answer"));
}

static void
a_broken_answer_is_told(void **state)
{
	ask("broken.test", 1);
	turn();
	assert_int_equal(answers, 1);
	assert_int_equal(got.class, LOOKUP_PROTOCOL);
	assert_non_null(strstr(got.sentence, "broken"));
	assert_true(isnan(got.total_s));
}

static void
an_old_server_is_asked_without_edns(void **state)
{
	ask("old.test", 1);
	turn();
	assert_int_equal(answers, 1);
	assert_int_equal(got.class, LOOKUP_OK);
	assert_int_equal(got.message.code, 0);
	assert_string_equal(got_text, "192.0.2.1");
	assert_int_equal(got.asked, 2);
	assert_int_equal(servers[0].last_edns, 0);
}

static void
nobody_listens(void **state)
{
	loop_watch_destroy(servers[0].udp_watch);
	servers[0].udp_watch = NULL;
	close(servers[0].udp);
	servers[0].udp = -1;
	ask("ok.test", 1);
	turn();
	assert_int_equal(answers, 1);
	assert_int_equal(got.class, LOOKUP_REFUSED);
	assert_non_null(strstr(got.sentence, "no DNS server answers at 127.0.0.1:"));
	/* Another one does. */
	ask("ok.test", 2);
	turn();
	assert_int_equal(answers, 1);
	assert_int_equal(got.class, LOOKUP_OK);
	assert_int_equal(servers[1].asked, 1);
}

static void
the_next_server_is_asked(void **state)
{
	char first[64];

	/* One fails, one is silent, one answers. */
	servers[0].code = 2;
	servers[1].mute = true;
	ask("ok.test", 3);
	turn();
	assert_int_equal(answers, 0);
	assert_int_equal(servers[0].asked + servers[1].asked, 2);
	pass(CLOCK_SECOND);
	assert_int_equal(answers, 1);
	assert_int_equal(got.class, LOOKUP_OK);
	assert_int_equal(got.message.code, 0);
	assert_int_equal(servers[2].asked, 1);

	/* One fails, the others are silent: its failure is what we know. */
	servers[2].mute = true;
	ask("ok.test", 3);
	pass(10 * CLOCK_SECOND);
	assert_int_equal(answers, 1);
	assert_int_equal(got.class, LOOKUP_OK);
	assert_int_equal(got.message.code, 2);
	snprintf(first, sizeof(first), "127.0.0.1:%u", servers[0].port);
	assert_string_equal(got.server, first);

	/* All fail: the last one tells. */
	servers[1].mute = servers[2].mute = false;
	servers[1].code = servers[2].code = 5;
	ask("ok.test", 3);
	turn();
	assert_int_equal(answers, 1);
	assert_int_equal(got.message.code, 5);
	/* NXDOMAIN is an answer. */
	servers[0].code = 3;
	ask("ok.test", 3);
	turn();
	assert_int_equal(got.message.code, 3);
	assert_int_equal(got.asked, 1);
}

static void
a_lookup_can_be_taken_back(void **state)
{
	struct lookup *lookup = ask("ok.test", 1);

	lookup_cancel(lookup);
	turn();
	assert_int_equal(answers, 0);
	lookup = ask("cut.test", 1);
	loop_poll(loop);
	loop_poll(loop);
	lookup_cancel(lookup);
	turn();
	assert_int_equal(answers, 0);
}

static void
servers_of_a_resolv_conf(void **state)
{
	static const char text[] = "# nameserver 192.0.2.9\n"
				   "nameserver\t192.0.2.1 # the first\n"
				   "nameserver fe80::1%eth0\n"
				   "nameserver\n"
				   "nameservers 192.0.2.8\n"
				   "search example.it\n"
				   "nameserver 2001:db8::1\r\n"
				   "nameserver 192.0.2.3\n"
				   "nameserver 192.0.2.4";
	struct lookup_server out[LOOKUP_SERVERS_MAX];
	char words[LOOKUP_SERVER_SIZE];

	assert_int_equal(lookup_parse_servers(text, strlen(text), out), 3);
	assert_string_equal(lookup_server_format(&out[0], words), "192.0.2.1");
	assert_string_equal(lookup_server_format(&out[1], words), "2001:db8::1");
	out[1].port = 5353;
	assert_string_equal(lookup_server_format(&out[1], words), "[2001:db8::1]:5353");
	assert_string_equal(lookup_server_format(&out[2], words), "192.0.2.3");
	assert_int_equal(lookup_system_servers("/nonexistent", out), 1);
	assert_string_equal(lookup_server_format(&out[0], words), "127.0.0.1");
}

static int
setup_with(bool tcp)
{
	size_t i;

	clock_fake(CLOCK_SECOND, 1764000000 * CLOCK_SECOND);
	loop = loop_create();
	for (i = 0; i < ARRAY_LENGTH(servers); i++)
		server_open(&servers[i], tcp);
	return 0;
}

static int
setup(void **state)
{
	return setup_with(true);
}

static int
setup_without_tcp(void **state)
{
	return setup_with(false);
}

static int
teardown(void **state)
{
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(servers); i++)
		server_close(&servers[i]);
	loop_destroy(loop);
	return 0;
}

#define WITH_SERVERS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_SERVERS(an_answer_comes_by_udp),
	    WITH_SERVERS(what_does_not_fit_comes_by_tcp),
	    cmocka_unit_test_setup_teardown(
		tcp_that_fails_is_told, setup_without_tcp, teardown),
	    WITH_SERVERS(a_silent_server_is_asked_again),
	    WITH_SERVERS(a_forger_is_passed_over),
	    WITH_SERVERS(a_broken_answer_is_told),
	    WITH_SERVERS(an_old_server_is_asked_without_edns),
	    WITH_SERVERS(nobody_listens),
	    WITH_SERVERS(the_next_server_is_asked),
	    WITH_SERVERS(a_lookup_can_be_taken_back),
	    cmocka_unit_test(servers_of_a_resolv_conf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
