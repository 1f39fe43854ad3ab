/*
 * web/server over raw sockets, client and server in one thread: pipelines, heads that
 * drip, heads too large, bodies, encodings, tags, answers that come late or to nobody.
 */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "web/crowd.h"
#include "web/server.h"

static struct loop *loop;
static struct server *server;
static struct server_request *held[8];
static const struct server_head *held_head;
static struct server_content *page, *large;
static int held_count, handled;
static char folder[] = "/tmp/vetrina-server-XXXXXX";
static char socket_path[64];

static void
handler(struct server_request *request, const struct server_head *head, void *arg)
{
	char text[1024];

	handled++;
	if (strcmp(head->path, "/hold") == 0) {
		held[held_count++] = request;
		held_head = head;
	} else if (strcmp(head->path, "/page") == 0) {
		server_reply(request, page);
	} else if (strcmp(head->path, "/large") == 0) {
		server_reply(request, large);
	} else if (strcmp(head->path, "/none") == 0) {
		server_reply_text(request, 404, "text/plain", "none");
	} else {
		snprintf(text, sizeof(text), "path=%s query=%s host=%s accept=%s%s",
		    head->path, head->query, head->host, head->accept,
		    head->loopback ? " loopback" : "");
		server_reply_text(request, 200, "text/plain; charset=utf-8", text);
	}
}

static struct server_content *
make_content(const char *identity, const char *gzip, const char *brotli)
{
	static const char *const headers[] = {"Cache-Control: public, max-age=0",
	    "Content-Security-Policy: default-src 'self'", NULL};
	struct buf bodies[SERVER_ENCODINGS] = {0};

	buf_add_text(&bodies[SERVER_IDENTITY], identity);
	if (gzip != NULL)
		buf_add_text(&bodies[SERVER_GZIP], gzip);
	if (brotli != NULL)
		buf_add_text(&bodies[SERVER_BROTLI], brotli);
	return server_content_create(200, "text/html; charset=utf-8", bodies, headers);
}

static void
open_server(unsigned connections_max)
{
	char local[80];
	char v4[] = "127.0.0.1:0", v6[] = "[::1]:0";
	char *items[] = {v4, local, v6};
	struct conf_strings addresses = {.count = 3, .items = items};
	int probe = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in6 any = {
	    .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

	/* A machine without IPv6 tests the rest. */
	if (probe < 0 || bind(probe, (struct sockaddr *)&any, sizeof(any)) != 0)
		addresses.count = 2;
	if (probe >= 0)
		close(probe);
	snprintf(local, sizeof(local), "unix:%s", socket_path);
	assert_int_equal(
	    server_open(loop, &addresses, connections_max, handler, NULL, &server), 0);
}

static int
setup(void **state)
{
	struct buf body = BUF_INIT;

	loop = loop_create();
	snprintf(socket_path, sizeof(socket_path), "%s/web.sock", folder);
	page = make_content("the page itself", "zipped", "brotlied");
	while (body.length < 4000000)
		buf_add_text(&body, "0123456789abcdef");
	large = make_content(body.data, NULL, NULL);
	buf_free(&body);
	handled = held_count = 0;
	open_server(100);
	return 0;
}

static int
teardown(void **state)
{
	server_close(server);
	server_content_unref(page);
	server_content_unref(large);
	loop_destroy(loop);
	return 0;
}

static int
dial(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons(atoi(strrchr(server_address(server, 0), ':') + 1));
	assert_true(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ||
		    errno == EINPROGRESS);
	return fd;
}

static void
say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Turns the loop until the end of the stream, or until what came holds text count
 * times. -> false at the end of the stream */
static bool
hear(int fd, struct buf *in, const char *text, int count)
{
	int64_t until = clock_mono_us() + 5 * CLOCK_SECOND;
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	char data[65536];
	const char *p;
	ssize_t n;
	int seen;

	while (clock_mono_us() < until) {
		loop_poll(loop);
		n = recv(fd, data, sizeof(data), 0);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			return false;
		if (n > 0)
			buf_add(in, data, n);
		seen = 0;
		for (p = in->data;
		     text != NULL && p != NULL && (p = strstr(p, text)) != NULL; p++)
			seen++;
		if (text != NULL && seen >= count)
			return true;
		if (n < 0)
			poll(&pfd, 1, 1);
	}
	fail_msg("no answer: %s", in->data != NULL ? in->data : "");
	return false;
}

/* One request on a connection of its own; the whole answer. */
static void
ask(const char *request, struct buf *in)
{
	int fd = dial();

	buf_clear(in);
	loop_poll(loop);
	say(fd, request);
	assert_false(hear(fd, in, NULL, 0));
	close(fd);
}

static void
check(const char *request, const char *status, const char *part)
{
	struct buf in = BUF_INIT;

	ask(request, &in);
	assert_non_null(in.data);
	if (strncmp(in.data + 9, status, 3) != 0 || strstr(in.data, part) == NULL)
		fail_msg("asked: %s\nwanted %s %s, came:\n%s", request, status, part,
		    in.data);
	buf_free(&in);
}

#define END "Host: A.example:80\r\nConnection: close\r\n\r\n"

static void
what_a_handler_sees(void **state)
{
	check("GET /citt%C3%A0/x?p=1&q=%20 HTTP/1.1\r\nAccept: text/html\r\nAccept: "
	      "a/b\r\n" END,
	    "200",
	    "path=/citt\xc3\xa0/x query=p=1&q=%20 host=a.example:80 "
	    "accept=text/html, a/b loopback");
	check("GET http://Other.example/x?y HTTP/1.1\r\n" END, "200",
	    "path=/x query=y host=other.example");
	check("GET / HTTP/1.0\r\n\r\n", "200", "path=/ query= host= accept= loopback");
	check("GET /none HTTP/1.1\r\n" END, "404", "\r\n\r\nnone");
	assert_int_equal(handled, 4);
}

static void
what_is_refused(void **state)
{
	struct server_stats stats;
	char request[20000];

	check("GET /a/../b HTTP/1.1\r\n" END, "400", "nosniff");
	check("GET /%00 HTTP/1.1\r\n" END, "400", "");
	check("GET /%ff HTTP/1.1\r\n" END, "400", "");
	check("GET / HTTP/1.1\r\nHost: a/b\r\nConnection: close\r\n\r\n", "400", "");
	check("GET / HTTP/1.1\r\nHost: a\r\n" END, "400", "");
	check("GET http:///x HTTP/1.1\r\n" END, "400", "");
	check("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "400", "");
	check("POST / HTTP/1.1\r\nContent-Length: 3\r\n" END "abc", "405",
	    "\r\nAllow: GET, HEAD\r\n");
	check("DELETE / HTTP/1.1\r\n" END, "405", "\r\nAllow: GET, HEAD\r\n");
	check("OPTIONS * HTTP/1.1\r\n" END, "405", "\r\nAllow: GET, HEAD\r\n");
	/* A body that never comes is not waited for. */
	check("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000\r\n\r\n",
	    "413", "\r\nConnection: close\r\n");
	check("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "413",
	    "");
	check("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\nExpect: "
	      "100-continue\r\n\r\n",
	    "405", "");
	server_stats(server, &stats);
	assert_int_equal(handled, 0);
	assert_true(stats.refused >= 12);
	assert_int_equal(stats.by_status[2], 0);
	/* A head without end. */
	memset(request, 'x', sizeof(request));
	memcpy(request, "GET /", 5);
	strcpy(request + sizeof(request) - 40, " HTTP/1.1\r\nHost: a\r\n\r\n");
	check(request, "414", "");
	memcpy(request, "GET / HTTP/1.1\r\nX: ", 19);
	check(request, "431", "");
	assert_int_equal(handled, 0);
}

static void
check_tag(const char *accepts, const char *body, const char *encoding, char tag[64])
{
	struct buf in = BUF_INIT;
	char request[256], *at;

	snprintf(request, sizeof(request), "GET /page HTTP/1.1\r\n%s%s%s" END,
	    accepts != NULL ? "Accept-Encoding: " : "", accepts != NULL ? accepts : "",
	    accepts != NULL ? "\r\n" : "");
	ask(request, &in);
	assert_string_equal(strstr(in.data, "\r\n\r\n") + 4, body);
	at = strstr(in.data, "Content-Encoding: ");
	if (encoding == NULL)
		assert_null(at);
	else
		assert_memory_equal(at + 18, encoding, strlen(encoding));
	at = strstr(in.data, "\r\nETag: ");
	assert_non_null(at);
	memcpy(tag, at + 8, strcspn(at + 8, "\r"));
	tag[strcspn(at + 8, "\r")] = '\0';
	assert_non_null(strstr(in.data, "\r\nVary: Accept-Encoding\r\n"));
	assert_non_null(strstr(in.data, "\r\nCache-Control: public, max-age=0\r\n"));
	assert_non_null(strstr(in.data, "\r\nX-Content-Type-Options: nosniff\r\n"));
	assert_non_null(
	    strstr(in.data, "\r\nContent-Type: text/html; charset=utf-8\r\n"));
	buf_free(&in);
}

static void
encodings_and_tags(void **state)
{
	char plain[64], gzip[64], brotli[64], other[64], request[512];
	struct server_stats stats;
	struct buf in = BUF_INIT;

	check_tag(NULL, "the page itself", NULL, plain);
	check_tag("", "the page itself", NULL, other);
	assert_string_equal(plain, other);
	check_tag("deflate, gzip", "zipped", "gzip", gzip);
	check_tag("gzip, deflate, br", "brotlied", "br", brotli);
	assert_string_not_equal(plain, gzip);
	assert_string_not_equal(gzip, brotli);
	check_tag("br;q=0.5, gzip", "zipped", "gzip", other);
	check_tag("*", "brotlied", "br", other);
	check_tag("br;q=0, *;q=0.1", "zipped", "gzip", other);
	check_tag("gzip;q=0.5, identity;q=0.9", "the page itself", NULL, other);
	check_tag("identity;q=0", "the page itself", NULL, other);
	/* What the client has is not sent again; what it has of another encoding is. */
	snprintf(request, sizeof(request),
	    "GET /page HTTP/1.1\r\nAccept-Encoding: gzip\r\nIf-None-Match: \"x\", "
	    "W/%s\r\n" END,
	    gzip);
	ask(request, &in);
	assert_memory_equal(in.data, "HTTP/1.1 304", 12);
	assert_non_null(strstr(in.data, gzip));
	assert_non_null(strstr(in.data, "\r\nVary: Accept-Encoding\r\n"));
	assert_non_null(strstr(in.data, "\r\nCache-Control: public, max-age=0\r\n"));
	assert_null(strstr(in.data, "Content-Length: 6"));
	assert_null(strstr(in.data, "\r\nContent-Type"));
	assert_string_equal(strstr(in.data, "\r\n\r\n"), "\r\n\r\n");
	snprintf(request, sizeof(request),
	    "GET /page HTTP/1.1\r\nIf-None-Match: %s\r\n" END, gzip);
	check(request, "200", "the page itself");
	check("GET /page HTTP/1.1\r\nIf-None-Match: *\r\n" END, "304", "");
	check("HEAD /page HTTP/1.1\r\nIf-None-Match: *\r\n" END, "304", "");
	check("GET /none HTTP/1.1\r\nIf-None-Match: *\r\n" END, "404", "none");
	check("GET /no-store HTTP/1.1\r\nIf-None-Match: *\r\n" END, "200",
	    "path=/no-store");
	ask("HEAD /page HTTP/1.1\r\n" END, &in);
	assert_non_null(strstr(in.data, "\r\nContent-Length: 15\r\n"));
	assert_string_equal(strstr(in.data, "\r\n\r\n"), "\r\n\r\n");
	server_stats(server, &stats);
	assert_int_equal(stats.not_modified, 3);
	assert_int_equal(stats.by_status[3], 3);
	assert_int_equal(stats.by_status[4], 1);
	buf_free(&in);
}

static void
a_pipeline_and_a_dripping_head(void **state)
{
	static const char request[] = "GET /x?1 HTTP/1.1\r\nHost: a\r\n\r\n"
				      "HEAD /page HTTP/1.1\r\nHost: a\r\n\r\n"
				      "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";
	struct buf in = BUF_INIT;
	int fd = dial();
	const char *p;

	say(fd, request);
	assert_true(hear(fd, &in, "the page itself", 1));
	assert_non_null(strstr(in.data, "path=/x"));
	assert_true(strstr(in.data, "path=/x") < strstr(in.data, "Content-Length: 15"));
	buf_clear(&in);
	for (p = request; *p != '\0'; p++) {
		assert_int_equal(send(fd, p, 1, MSG_NOSIGNAL), 1);
		loop_poll(loop);
	}
	assert_true(hear(fd, &in, "the page itself", 1));
	assert_non_null(strstr(in.data, "path=/x"));
	close(fd);
	buf_free(&in);
}

static void
an_answer_later(void **state)
{
	struct buf in = BUF_INIT;
	int fd = dial(), other = dial();

	say(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\nGET /page HTTP/1.1\r\nHost: "
		"a\r\n\r\n");
	say(other, "GET /page HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_true(hear(other, &in, "the page itself", 1)); /* meanwhile */
	assert_int_equal(held_count, 1);
	buf_clear(&in);
	server_reply_text(held[0], 200, "text/plain", "held back");
	assert_true(hear(fd, &in, "the page itself", 1));
	assert_non_null(strstr(in.data, "held back"));
	close(other);
	/* To one who is gone. */
	say(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	while (held_count < 2)
		loop_poll(loop);
	close(fd);
	loop_poll(loop);
	server_reply(held[1], large);
	check("GET /page HTTP/1.1\r\n" END, "200", "the page itself");
	buf_free(&in);
}

static void
an_answer_after_the_server(void **state)
{
	int fd = dial(), cut = dial();

	say(fd, "GET /hold?q HTTP/1.1\r\nHost: a\r\nAccept: text/x\r\n\r\n");
	say(cut, "GET /hold HTTP/1.1\r\nHo"); /* begun, never whole */
	while (held_count < 1)
		loop_poll(loop);
	server_close(server);
	server = NULL;
	assert_string_equal(held_head->accept, "text/x");
	assert_string_equal(held_head->query, "q");
	assert_string_equal(held_head->host, "a");
	server_reply(held[0], page);
	close(fd);
	close(cut);
	assert_int_equal(access(socket_path, F_OK), -1);
}

static void
a_large_answer_in_pieces(void **state)
{
	struct buf in = BUF_INIT;
	int fd = dial(), other = dial();

	say(fd, "GET /large HTTP/1.1\r\n" END);
	loop_poll(loop);
	say(other, "GET /page HTTP/1.1\r\n" END);
	assert_false(hear(other, &in, NULL, 0)); /* nobody reads the large one yet */
	assert_non_null(strstr(in.data, "the page itself"));
	buf_clear(&in);
	assert_false(hear(fd, &in, NULL, 0));
	assert_int_equal(
	    in.length - (strstr(in.data, "\r\n\r\n") + 4 - in.data), 4000000);
	close(fd);
	close(other);
	buf_free(&in);
}

static void
a_local_socket(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct buf in = BUF_INIT;
	struct server *second = NULL, *first = server;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), stale;

	strcpy(address.sun_path, socket_path);
	assert_string_equal(server_address(server, 1) + 5, socket_path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	say(fd, "GET /x HTTP/1.1\r\n" END);
	assert_false(hear(fd, &in, NULL, 0));
	assert_non_null(strstr(in.data, "host=a.example:80 accept= loopback"));
	close(fd);
	/* A live one is not taken away, one left behind is. */
	assert_int_equal(
	    server_open(loop,
		&(struct conf_strings){
		    .count = 1, .items = (char *[]){(char *)server_address(server, 1)}},
		10, handler, NULL, &second),
	    -EADDRINUSE);
	server_close(first);
	stale = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(stale, (struct sockaddr *)&address, sizeof(address)), 0);
	close(stale);
	open_server(10);
	check("GET /x HTTP/1.1\r\n" END, "200", "path=/x");
	buf_free(&in);
}

static void
addresses_that_are_none(void **state)
{
	static const char *const wrong[] = {"localhost:80", "127.0.0.1",
	    "127.0.0.1:99999", "::1:80", "[127.0.0.1]:80", "[::1]", ":80",
	    "unix:/nowhere/at/all"};
	struct server *other = NULL;
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(wrong); i++) {
		struct conf_strings one = {.count = 1, .items = (char **)&wrong[i]};
		assert_true(server_open(loop, &one, 10, handler, NULL, &other) < 0);
		assert_null(other);
	}
	server_close(NULL);
}

static void
the_longest_idle_gives_way(void **state)
{
	struct buf in = BUF_INIT;
	struct server_stats stats;
	int fd[6], waiting, i;

	server_close(server);
	open_server(6);
	waiting = dial();
	say(waiting, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	while (held_count < 1)
		loop_poll(loop);
	for (i = 0; i < 5; i++) {
		fd[i] = dial();
		say(fd[i], "GET /page HTTP/1.1\r\nHost: a\r\n\r\n");
		buf_clear(&in);
		assert_true(hear(fd[i], &in, "the page itself", 1));
	}
	say(fd[0],
	    "GET /page HTTP/1.1\r\nHost: a\r\n\r\n"); /* not the longest any more */
	buf_clear(&in);
	assert_true(hear(fd[0], &in, "the page itself", 1));
	say(fd[1], "GET /drip HTTP/1.1\r\nHos"); /* a head that drips is idle */
	loop_poll(loop);
	fd[5] = dial();
	say(fd[5], "GET /page HTTP/1.1\r\nHost: a\r\n\r\n");
	buf_clear(&in);
	assert_true(hear(fd[5], &in, "the page itself", 1));
	buf_clear(&in);
	assert_false(hear(fd[1], &in, NULL, 0));
	server_stats(server, &stats);
	assert_int_equal(stats.connections, 6);
	assert_int_equal(stats.dismissed, 1);
	server_reply(held[0], page); /* who waits for a page keeps its place */
	assert_true(hear(waiting, &in, "the page itself", 1));
	for (i = 0; i < 6; i++)
		close(fd[i]);
	close(waiting);
	buf_free(&in);
}

static void
a_crowd(void **state)
{
	enum { CROWD = 1200 };
	static int fd[CROWD];
	struct rlimit limit;
	struct server_stats stats;
	int64_t until = clock_mono_us() + 30 * CLOCK_SECOND;
	int i;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < 2 * CROWD + 300)
		skip();
	server_close(server);
	open_server(1000);
	for (i = 0; i < CROWD; i++) {
		fd[i] = dial();
		if (i % 10 == 0) /* or the kernel's queue overflows, and dials again */
			loop_poll(loop);
	}
	do {
		loop_poll(loop);
		server_stats(server, &stats);
	} while ((stats.dismissed < 200 || stats.connections > 1000) &&
		 clock_mono_us() < until);
	assert_int_equal(stats.connections, 1000);
	assert_int_equal(stats.dismissed, 200);
	check("GET /page HTTP/1.1\r\n" END, "200", "the page itself");
	for (i = 0; i < CROWD; i++)
		close(fd[i]);
}

static bool
is_open(int peer)
{
	char byte;

	return recv(peer, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* Last: the clock is ours from here on. */
static void
who_is_too_slow_goes(void **state)
{
	enum { IDLE, SENDING, BUSY, MEMBERS };
	struct crowd_member *member[MEMBERS];
	struct crowd *crowd;
	int pair[MEMBERS][2], i;

	clock_fake(0, 0);
	loop = loop_create();
	crowd = crowd_create(loop, 10, 30 * CLOCK_SECOND, 600 * CLOCK_SECOND);
	for (i = 0; i < MEMBERS; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair[i]), 0);
		member[i] = crowd_enter(crowd, pair[i][0]);
	}
	crowd_move(member[SENDING], CROWD_SENDING);
	crowd_move(member[BUSY], CROWD_BUSY);
	loop_advance(loop, 29 * CLOCK_SECOND);
	assert_true(is_open(pair[IDLE][1]));
	loop_advance(loop, 7 * CLOCK_SECOND);
	assert_false(is_open(pair[IDLE][1]));
	assert_true(is_open(pair[SENDING][1]));
	loop_advance(loop, 600 * CLOCK_SECOND);
	assert_false(is_open(pair[SENDING][1]));
	assert_true(is_open(pair[BUSY][1]));
	assert_int_equal(crowd_dismissed(crowd), 2);
	crowd_move(member[IDLE], CROWD_SENDING); /* too late, and harmless */
	for (i = 0; i < MEMBERS; i++) {
		crowd_leave(member[i]);
		close(pair[i][0]);
		close(pair[i][1]);
	}
	assert_int_equal(crowd_count(crowd), 0);
	crowd_destroy(crowd);
	loop_destroy(loop);
}

static int
make_folder(void **state)
{
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int
remove_folder(void **state)
{
	return rmdir(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_a_handler_sees),
	    TEST(what_is_refused),
	    TEST(encodings_and_tags),
	    TEST(a_pipeline_and_a_dripping_head),
	    TEST(an_answer_later),
	    TEST(an_answer_after_the_server),
	    TEST(a_large_answer_in_pieces),
	    TEST(a_local_socket),
	    TEST(addresses_that_are_none),
	    TEST(the_longest_idle_gives_way),
	    TEST(a_crowd),
	    cmocka_unit_test(who_is_too_slow_goes),
	};

	return cmocka_run_group_tests_name("server", tests, make_folder, remove_folder);
}
