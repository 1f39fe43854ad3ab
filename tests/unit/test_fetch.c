/* loop/fetch with transfer, redirect, url: against real sockets on loopback. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "loop/fetch.h"
#include "loop/libcurl.h"
#include "loop/loop.h"
#include "loop/redirect.h"
#include "loop/resolve.h"
#include "loop/url.h"
#include "tests/lib/server.h"

static struct loop *loop;
static struct resolve *resolve;
static struct fetch_pool *pool;
static struct server *server, *other;
static char folder[] = "/tmp/vetrina-fetch.XXXXXX";

/* What the last request got. */
static struct got {
	int calls;
	struct fetch_reply reply;
	char *headers, *body;
} got;

static void
on_reply(struct fetch_reply *reply, void *arg)
{
	got.calls++;
	got.reply = *reply;
	free(got.headers);
	free(got.body);
	got.headers = buf_take(&reply->headers);
	got.body = buf_take(&reply->body);
	loop_stop(loop);
}

static struct fetch_request
request_for(const char *url)
{
	return (struct fetch_request){
	    .method = "GET",
	    .url = url,
	    .dns_cache_us = -1,
	    .timeout_us = 5 * CLOCK_SECOND,
	    .max_body = 1 << 20,
	    .follow = 5,
	};
}

static void
run(const struct fetch_request *request)
{
	got.calls = 0;
	fetch_start(pool, request, on_reply, NULL);
	assert_int_equal(got.calls, 0);
	loop_run(loop);
	assert_int_equal(got.calls, 1);
}

static void
run_within(const char *url, int64_t timeout_us)
{
	struct fetch_request request = request_for(url);

	request.timeout_us = timeout_us;
	run(&request);
}

static char *
local(const char *path)
{
	static char url[8][512];
	static int next;

	next = (next + 1) % 8;
	snprintf(url[next], sizeof(url[next]), "http://127.0.0.1:%d%s",
	    server_port(server), path);
	return url[next];
}

static void
get(const char *path)
{
	run_within(local(path), 5 * CLOCK_SECOND);
}

static void assert_class(enum fetch_class class)
{
	if (got.reply.class != class)
		print_error(
		    "%s: %s\n", fetch_class_name(got.reply.class), got.reply.sentence);
	assert_int_equal(got.reply.class, class);
	assert_true((class == FETCH_OK) == (got.reply.sentence[0] == '\0'));
}

#define assert_between(x, low, high)                           \
	do {                                                   \
		if (!((x) >= (low) && (x) <= (high)))          \
			fail_msg("%s is %g", #x, (double)(x)); \
	} while (0)

/* ---- answers ---- */

static void
an_answer_comes_whole_with_its_phases(void **state)
{
	get("/slow");
	assert_class(FETCH_OK);
	assert_int_equal(got.reply.status, 200);
	assert_int_equal(got.reply.http_version, 11);
	assert_string_equal(got.body, "hello");
	assert_int_equal(got.reply.wire_bytes, 5);
	assert_non_null(
	    strstr(got.headers, "HTTP/1.1 200 Test\r\nContent-Type: text/plain"));
	assert_true(isnan(got.reply.dns)); /* it is an address */
	assert_true(isnan(got.reply.tls));
	assert_between(got.reply.connect, 0.000001, 0.5);
	assert_between(got.reply.first_byte, 0.039, 1);
	assert_between(got.reply.total, got.reply.first_byte + got.reply.connect, 2);
	get("/status/503");
	assert_class(FETCH_OK);
	assert_int_equal(got.reply.status, 503);
}

static void
methods_and_bodies_are_sent(void **state)
{
	const char *headers[] = {
	    "X-Town: Borgosereno", "X-Empty:", "X-Evil: a\r\nb: c", NULL};
	struct fetch_request request = request_for(local("/echo"));

	request.headers = headers;
	request.user = "anna";
	request.password = "segreto";
	run(&request);
	assert_memory_equal(got.body, "GET /echo HTTP/1.1\r\n", 20);
	assert_non_null(strstr(got.body, "X-Town: Borgosereno\r\n"));
	assert_non_null(strstr(got.body, "X-Empty:\r\n"));
	assert_null(strstr(got.body, "X-Evil"));
	assert_non_null(strstr(got.body, "Authorization: Basic YW5uYTpzZWdyZXRv\r\n"));
	assert_non_null(strstr(got.body, "User-Agent: Vetrina/"));
	assert_non_null(strstr(got.body, "Accept-Encoding: deflate, gzip"));
	request = request_for(local("/echo"));
	request.method = "POST";
	request.body = "citizen=1";
	request.body_length = 9;
	request.bearer = "token";
	run(&request);
	assert_memory_equal(got.body, "POST /echo HTTP/1.1\r\n", 21);
	assert_non_null(strstr(got.body, "Authorization: Bearer token\r\n"));
	assert_null(strstr(got.body, "Basic"));
	assert_null(strstr(got.body, "Expect"));
	assert_non_null(strstr(got.body, "\r\n\r\ncitizen=1"));
	request.url = local("/slow");
	run(&request);
	assert_between(got.reply.first_byte, 0.039, 1);
	request.url = local("/silent");
	request.timeout_us = 100000;
	run(&request);
	assert_class(FETCH_FIRST_BYTE_TIMEOUT);
	request.timeout_us = CLOCK_SECOND;
	request.url = local("/echo");
	request.method = "PUT";
	run(&request);
	assert_memory_equal(got.body, "PUT /echo", 9);
	assert_non_null(strstr(got.body, "citizen=1"));
	request.method = "GET /evil";
	run(&request);
	assert_class(FETCH_INTERNAL);
	request = request_for(local("/ok"));
	request.method = "HEAD";
	run(&request);
	assert_class(FETCH_OK);
	assert_string_equal(got.body, "");
	get("/echo"); /* the handle that did all that does a plain one */
	assert_memory_equal(got.body, "GET /echo", 9);
	assert_null(strstr(got.body, "Authorization"));
	assert_null(strstr(got.body, "X-Town"));
}

static void
bodies_are_unpacked_and_bounded(void **state)
{
	struct fetch_request request;

	get("/gzip");
	assert_class(FETCH_OK);
	assert_string_equal(got.body, "hello");
	assert_true(got.reply.wire_bytes > 5);
	get("/bomb");
	assert_class(FETCH_TOO_LARGE);
	assert_string_equal(
	    got.reply.sentence, "the body of the answer has more than 1048576 bytes");
	get("/huge");
	assert_class(FETCH_TOO_LARGE);
	get("/flood");
	assert_class(FETCH_TOO_LARGE);
	assert_true(got.reply.wire_bytes < 4 << 20);
	get("/hollow"); /* it is what was received that is too much */
	assert_class(FETCH_TOO_LARGE);
	assert_string_equal(got.body, "");
	assert_true(got.reply.wire_bytes < 4 << 20);
	request = request_for(local("/ok"));
	request.max_body = 5;
	run(&request);
	assert_class(FETCH_OK);
	request.max_body = 4;
	run(&request);
	assert_class(FETCH_TOO_LARGE);
	get("/many");
	assert_class(FETCH_TOO_LARGE);
	assert_string_equal(
	    got.reply.sentence, "the headers of the answer have more than 65536 bytes");
	get("/fields");
	assert_class(FETCH_TOO_LARGE);
	get("/hints");
	assert_class(FETCH_TOO_LARGE);
	get("/line");
	assert_class(FETCH_TOO_LARGE);
	assert_string_equal(
	    got.reply.sentence, "the headers of the answer have more than 65536 bytes");
}

/* A little that unpacks to much that unpacks to nothing would hold the loop. */
static void
a_body_is_packed_once(void **state)
{
	static const char *const once[] = {"Content-Encoding:gzip",
	    "content-encoding:_identity,_gzip_",
	    "Content-Encoding:gzip;X-Encoding:gzip,br"};
	static const char *const twice[] = {"Content-Encoding:gzip,gzip",
	    "Content-Encoding:gzip;CONTENT-ENCODING:_gzip",
	    "Transfer-Encoding:gzip;Content-Encoding:gzip",
	    "early/Content-Encoding:gzip",
	    "Content-Encoding:_,identity,gzip_,_chunked,_gzip,gzip"};
	char path[128];
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(once); i++) {
		snprintf(path, sizeof(path), "/packed/%s", once[i]);
		get(path);
		assert_class(FETCH_OK);
		if (i < 2)
			assert_string_equal(got.body, "hello");
	}
	for (i = 0; i < ARRAY_LENGTH(twice); i++) {
		snprintf(path, sizeof(path), "/packed/%s", twice[i]);
		get(path);
		assert_class(FETCH_PROTOCOL);
		assert_non_null(
		    strstr(got.reply.sentence, ": the body is packed more than once"));
	}
}

/* ---- failures ---- */

static void
silence_has_a_class_for_each_phase(void **state)
{
	run_within(local("/silent"), 150000);
	assert_class(FETCH_FIRST_BYTE_TIMEOUT);
	assert_memory_equal(got.reply.sentence,
	    "no answer within 0.15 s: connected to 127.0.0.1 port ", 49);
	assert_non_null(strstr(got.reply.sentence, " s, then nothing"));
	assert_between(got.reply.total, 0.149, 1);
	assert_true(isnan(got.reply.first_byte));
	assert_false(isnan(got.reply.connect));
	run_within(local("/drip"), 150000);
	assert_class(FETCH_READ_TIMEOUT);
	assert_int_equal(got.reply.status, 200);
	assert_false(isnan(got.reply.first_byte));
	assert_non_null(strstr(got.reply.sentence, " bytes of the body"));
}

/* A listener that takes no more: connecting to it waits. */
static int
full_listener(int *port, int clients[4])
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), i;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 0), 0);
	getsockname(fd, (struct sockaddr *)&at, &length);
	*port = ntohs(at.sin_port);
	for (i = 0; i < 4; i++) {
		clients[i] =
		    socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (connect(clients[i], (struct sockaddr *)&at, sizeof(at)) != 0)
			assert_true(errno == EINPROGRESS);
	}
	return fd;
}

static void
connecting_fails_in_its_ways(void **state)
{
	struct rlimit before, none;
	int clients[4], port, fd, i;
	char url[64];

	fd = full_listener(&port, clients);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", port);
	run_within(url, 60000);
	assert_class(FETCH_CONNECT_TIMEOUT);
	assert_between(got.reply.connect, 0.04, 0.5);
	/* The second address answers after the share of the first is over. */
	snprintf(url, sizeof(url), "http://two.test:%d/", port);
	run_within(url, 600000);
	assert_class(FETCH_REFUSED);
	assert_between(got.reply.total, 0.299, 0.599);
	assert_non_null(strstr(got.reply.sentence, "127.0.0.2 port "));
	assert_non_null(strstr(
	    got.reply.sentence, " refused the connection, the last of 2 addresses"));
	for (i = 0; i < 4; i++)
		close(clients[i]);
	close(fd);
	run_within(url, CLOCK_SECOND);
	assert_class(FETCH_REFUSED);
	/* The first address refuses, the second serves. */
	snprintf(url, sizeof(url), "http://back.test:%d/ok", server_port(server));
	run_within(url, CLOCK_SECOND);
	assert_class(FETCH_OK);
	assert_false(isnan(got.reply.connect));
	assert_true(got.reply.dns == 0);
	/* The second one, of a kind to which there is no way, says nothing of it. */
	snprintf(url, sizeof(url), "http://cast.test:%d/", port);
	run_within(url, CLOCK_SECOND);
	assert_class(FETCH_REFUSED);
	assert_memory_equal(got.reply.sentence, "127.0.0.1 port ", 15);
	assert_non_null(
	    strstr(got.reply.sentence, " refused the connection, one of 2 addresses"));
	snprintf(url, sizeof(url), "http://224.0.0.1:%d/", port);
	run_within(url, CLOCK_SECOND);
	assert_class(FETCH_REFUSED);
	assert_non_null(
	    strstr(got.reply.sentence, " cannot be reached: Network is unreachable"));
	run_within("http://nowhere.test/", 50000);
	assert_class(FETCH_RESOLVE);
	assert_true(isnan(got.reply.connect));
	/* That we have no descriptor left is not the other's fault. */
	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	get("/ok");
	assert_class(FETCH_INTERNAL);
	run_within("http://nowhere.test/", CLOCK_SECOND);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_class(FETCH_INTERNAL);
	assert_string_equal(got.reply.sentence,
	    "no descriptor is left to ask DNS for the name nowhere.test");
}

static void
both_families_serve(void **state)
{
	struct server *six = server_start_v6();
	struct fetch_request request;
	char url[64];

	if (six == NULL)
		skip();
	snprintf(url, sizeof(url), "http://[::1]:%d/ok", server_port(six));
	run_within(url, CLOCK_SECOND);
	assert_class(FETCH_OK);
	snprintf(url, sizeof(url), "http://six.test:%d/ok", server_port(six));
	run_within(url, CLOCK_SECOND);
	assert_class(FETCH_OK);
	request = request_for(url);
	request.family = RESOLVE_IPV4;
	run(&request);
	assert_class(FETCH_REFUSED);
	request.family = RESOLVE_IPV6;
	run(&request);
	assert_class(FETCH_OK);
	server_stop(six);
	run(&request);
	assert_class(FETCH_REFUSED);
	assert_memory_equal(got.reply.sentence, "::1 port ", 9);
}

static void
broken_answers_have_their_class(void **state)
{
	get("/empty");
	assert_class(FETCH_CLOSED);
	assert_non_null(
	    strstr(got.reply.sentence, " closed the connection without an answer"));
	get("/half");
	assert_class(FETCH_CLOSED);
	assert_int_equal(got.reply.status, 200);
	assert_string_equal(got.body, "0123456789");
	assert_non_null(strstr(got.reply.sentence, "after 10 bytes of the body"));
	get("/garbage");
	assert_class(FETCH_PROTOCOL);
	get("/chunk");
	assert_class(FETCH_PROTOCOL);
	run_within("ftp://127.0.0.1/", CLOCK_SECOND);
	assert_class(FETCH_INTERNAL);
	run_within("http://", CLOCK_SECOND);
	assert_class(FETCH_INTERNAL);
	run_within("http://a b/", CLOCK_SECOND);
	assert_class(FETCH_INTERNAL);
}

/* ---- redirects ---- */

static void
redirects_are_followed_and_bounded(void **state)
{
	struct fetch_request request = request_for(local("/to/302//ok"));
	char url[64];

	get("/to/302//to/307//ok?a=1");
	assert_class(FETCH_OK);
	assert_int_equal(got.reply.hops, 2);
	assert_string_equal(got.body, "hello");
	get("/loop");
	assert_class(FETCH_REDIRECTS);
	assert_int_equal(got.reply.hops, 5);
	assert_string_equal(got.reply.sentence, "more than 5 redirects");
	request.follow = 0;
	run(&request);
	assert_class(FETCH_OK);
	assert_int_equal(got.reply.status, 302);
	assert_string_equal(got.body, "moved");
	get("/to/302/file:///etc/passwd");
	assert_class(FETCH_REDIRECTS);
	get("/to/302/ftp://anna:segreto@127.0.0.1/");
	assert_string_equal(
	    got.reply.sentence, "a redirect to \"ftp:...\", which is not followed");
	get("/to/302/ftp://127.0.0.1/?ticket=segreto");
	assert_string_equal(got.reply.sentence,
	    "a redirect to \"ftp://127.0.0.1/...\", which is not followed");
	get("/to/302/ftp://127.0.0.1/");
	assert_class(FETCH_REDIRECTS);
	get("/to/302/http://nowhere.test:99999/");
	assert_class(FETCH_REDIRECTS);
	get("/status/302"); /* to nowhere */
	assert_class(FETCH_OK);
	assert_int_equal(got.reply.status, 302);
	assert_string_equal(got.body, "x");
	request = request_for(local("/to/303//echo"));
	request.method = "POST";
	request.body = "secret";
	request.body_length = 6;
	run(&request);
	assert_memory_equal(got.body, "GET /echo", 9);
	assert_null(strstr(got.body, "secret"));
	request.url = local("/to/308//echo");
	run(&request);
	assert_memory_equal(got.body, "POST /echo", 10);
	assert_non_null(strstr(got.body, "\r\n\r\nsecret"));
	snprintf(
	    url, sizeof(url), "/to/307/http://127.0.0.1:%d/echo", server_port(other));
	request.url = local(url);
	run(&request);
	assert_class(FETCH_REDIRECTS);
	assert_non_null(strstr(
	    got.reply.sentence, "/echo\", another origin, which is not sent the body"));
	/* The version of IP holds for all of them. */
	request = request_for(local("/to/302/http://[::1]:1/"));
	request.family = RESOLVE_IPV4;
	run(&request);
	assert_class(FETCH_RESOLVE);
	assert_string_equal(got.reply.sentence,
	    "::1 is not an address of the family that is asked for (after 1 redirect)");
	request.family = RESOLVE_IPV6;
	run(&request);
	assert_class(FETCH_RESOLVE);
	assert_int_equal(got.reply.hops, 0);
}

static void
another_host_gets_no_secrets(void **state)
{
	const char *headers[] = {"Authorization: Digest x", "Cookie: session=1",
	    "X-Api-Key: secret", "Accept: text/html", NULL};
	struct fetch_request request;
	char url[256];

	snprintf(url, sizeof(url), "/to/302//to/302/http://one.test:%d/echo",
	    server_port(server));
	request = request_for(local(url));
	request.headers = headers;
	request.bearer = "secret";
	run(&request); /* first to the same place: they go along */
	assert_class(FETCH_OK);
	assert_null(strstr(got.body, "secret"));
	assert_null(strstr(got.body, "ession"));
	assert_null(strstr(got.body, "Authorization"));
	assert_non_null(strstr(got.body, "Accept: text/html\r\n"));
	snprintf(
	    url, sizeof(url), "/to/307/http://127.0.0.1:%d/echo", server_port(other));
	request.url = local(url); /* another port */
	run(&request);
	assert_null(strstr(got.body, "secret"));
	request.url = local("/to/302//echo");
	run(&request);
	assert_non_null(strstr(got.body, "X-Api-Key: secret"));
	snprintf(url, sizeof(url), "http://anna:segreto@127.0.0.1:%d/to/302//echo",
	    server_port(server));
	request = request_for(url);
	run(&request);
	assert_non_null(strstr(got.body, "Authorization: Basic YW5uYTpzZWdyZXRv"));
	snprintf(url, sizeof(url), "/to/302/http://anna:segreto@127.0.0.1:%d/echo",
	    server_port(server));
	get(url); /* nor does a redirect make us log in */
	assert_null(strstr(got.body, "Authorization"));
}

static void
redirect_rules(void **state)
{
	static const char lines[] =
	    "HTTP/1.1 302 x\r\nLocationx: no\r\nLOCATION:\t /a b \r\n";
	struct url url;
	char *value = redirect_header(lines, sizeof(lines) - 1, "Location");

	assert_string_equal(value, "/a b");
	free(value);
	assert_null(redirect_header(lines, 10, "Location"));
	assert_true(redirect_makes_get(303, "PUT"));
	assert_false(redirect_makes_get(303, "HEAD"));
	assert_true(redirect_makes_get(301, "POST"));
	assert_false(redirect_makes_get(301, "PUT"));
	assert_false(redirect_makes_get(307, "POST"));
	assert_false(redirect_keeps_header("Content-Type: a", true, true));
	assert_true(redirect_keeps_header("content-type: a", false, false));
	assert_false(redirect_keeps_header("Host: a", false, false));
	assert_int_equal(
	    url_parse("../c d?e#f", "HTTP://u:p@Exa%6dple.IT:80/a/b/", &url), 0);
	assert_string_equal(url.text, "http://Example.IT:80/a/c%20d?e");
	assert_string_equal(url.host, "Example.IT");
	assert_int_equal(url.port, 80);
	url_free(&url);
	assert_int_equal(url_parse("http://Caff\xc3\xa8.it/\xc3\xa8", NULL, &url), 0);
	assert_string_equal(url.text, "http://xn--caff-8oa.it/%c3%a8");
	url_free(&url);
	assert_int_equal(url_parse("http://\xff\xfe.it/", NULL, &url), ERR_SYNTAX);
	url_free(&url);
	assert_int_equal(url_parse("//[::1]/x", "https://a/", &url), 0);
	assert_string_equal(url.host, "::1");
	assert_int_equal(url.port, 443);
	url_free(&url);
}

/* ---- reuse, cancelling, proxies ---- */

static void
connections_are_kept_when_asked_for(void **state)
{
	struct fetch_request request = request_for(local("/ok"));
	int before = server_connections(server);

	run(&request);
	run(&request);
	assert_int_equal(server_connections(server), before + 2);
	request.reuse = FETCH_REUSE_CONNECTION;
	run(&request);
	assert_false(isnan(got.reply.connect));
	run(&request);
	assert_class(FETCH_OK);
	assert_true(isnan(got.reply.connect));
	assert_false(isnan(got.reply.first_byte));
	assert_int_equal(server_connections(server), before + 3);
	request.fresh = true;
	run(&request);
	assert_int_equal(server_connections(server), before + 4);
	request.fresh = false;
	request.url = local("/bye");
	run(&request);
	request.url = local("/ok"); /* the one that was kept is gone */
	run(&request);
	assert_class(FETCH_OK);
	assert_int_equal(server_connections(server), before + 5);
	request.fresh = false;
	request.url = local("/silent");
	request.timeout_us = 100000;
	run(&request);
	assert_class(FETCH_FIRST_BYTE_TIMEOUT);
	assert_non_null(
	    strstr(got.reply.sentence, "on the connection kept to 127.0.0.1"));
}

static struct fetch *victims[3];
static int killed;

static void
kill_the_rest(struct fetch_reply *reply, void *arg)
{
	int i;

	for (i = 0; i < 3; i++)
		if (i != (intptr_t)arg)
			fetch_cancel(victims[i]);
	killed++;
	loop_stop(loop);
}

static void
a_request_may_be_cancelled_at_any_time(void **state)
{
	struct fetch_request request = request_for(local("/ok")), silent;
	intptr_t i;

	fetch_cancel(fetch_start(pool, &request, on_reply, NULL));
	silent = request_for("http://nowhere.test/");
	fetch_cancel(fetch_start(pool, &silent, on_reply, NULL));
	silent = request_for("nonsense");
	fetch_cancel(fetch_start(pool, &silent, on_reply, NULL));
	for (i = 0; i < 3; i++)
		victims[i] = fetch_start(pool, &request, kill_the_rest, (void *)i);
	loop_run(loop);
	assert_int_equal(killed, 1);
	silent = request_for(local("/silent"));
	silent.timeout_us = 3600 * CLOCK_SECOND;
	for (i = 0; i < 3; i++) /* left to the pool's end */
		fetch_start(pool, &silent, on_reply, NULL);
	run(&request);
	assert_class(FETCH_OK);
}

static void
a_proxy_is_asked_and_the_environment_is_not(void **state)
{
	struct fetch_request request = request_for("http://far.test/echo");
	char proxy[64];

	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("all_proxy", "http://127.0.0.1:1", 1);
	get("/ok");
	assert_class(FETCH_OK);
	setenv("no_proxy", "far.test", 1);
	snprintf(proxy, sizeof(proxy), "http://one.test:%d", server_port(server));
	request.proxy = proxy;
	run(&request);
	unsetenv("http_proxy");
	unsetenv("all_proxy");
	unsetenv("no_proxy");
	assert_class(FETCH_OK);
	assert_memory_equal(got.body, "GET http://far.test/echo HTTP/1.1\r\n", 35);
	assert_null(strstr(got.body, "Proxy-Authorization"));
	snprintf(proxy, sizeof(proxy), "http://anna:segreto@one.test:%d",
	    server_port(server));
	run(&request);
	assert_class(FETCH_OK);
	assert_non_null(
	    strstr(got.body, "Proxy-Authorization: Basic YW5uYTpzZWdyZXRv\r\n"));
	assert_null(strstr(got.body, "\nAuthorization"));
	request.proxy = "http://127.0.0.1:1";
	run(&request);
	assert_class(FETCH_REFUSED);
	assert_string_equal(
	    got.reply.sentence, "the proxy 127.0.0.1 port 1 refused the connection");
	request.proxy = "nonsense";
	run(&request);
	assert_class(FETCH_INTERNAL);
}

/* ---- TLS: openssl s_server tells in its page whether a session was resumed ---- */

__attribute__((format(printf, 1, 2))) static void
shell(const char *format, ...)
{
	char command[2048];
	va_list ap;
	int n;

	n = snprintf(command, sizeof(command), "cd %s && ", folder);
	va_start(ap, format);
	vsnprintf(command + n, sizeof(command) - n, format, ap);
	va_end(ap);
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static void
make_certificates(void)
{
	shell("openssl ecparam -genkey -name prime256v1 -out key.pem && "
	      "openssl req -x509 -new -key key.pem -subj /CN=ca -days 2 -out ca.pem && "
	      "openssl req -x509 -new -key key.pem -subj /CN=self -days 2 "
	      "-addext subjectAltName=DNS:one.test -out self.pem && "
	      "openssl req -new -key key.pem -subj /CN=one.test -out one.csr && "
	      "echo subjectAltName=DNS:one.test >one.ext && "
	      "echo subjectAltName=DNS:else.test >else.ext");
	shell("sign() { openssl x509 -req -in one.csr -CA ca.pem -CAkey key.pem "
	      "-set_serial $1 -days $2 -extfile $3.ext -out $4.pem 2>>log; } && "
	      "sign 1 30 one good && sign 2 -1 one expired && sign 3 30 else name && "
	      "sign 4 2 one soon");
}

static const char *peer_mode = "-www";

struct peer {
	pid_t pid;
	int port;
};

/* With a client certificate of our CA asked for, or not. */
static struct peer
peer_start_asking(const char *certificate, bool ask)
{
	struct peer peer = {0};
	char path[64], key[64], ca[64], line[256];
	int fds[2];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s.pem", folder, certificate);
	snprintf(key, sizeof(key), "%s/key.pem", folder);
	snprintf(ca, sizeof(ca), "%s/ca.pem", folder);
	assert_int_equal(pipe(fds), 0);
	peer.pid = fork();
	if (peer.pid == 0) {
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		if (freopen("/dev/null", "w", stderr) == NULL || chdir(folder) != 0)
			_exit(126);
		execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0",
		    "-cert", path, "-key", key, peer_mode, "-CAfile", ca,
		    ask ? "-Verify" : NULL, "1", NULL);
		_exit(127);
	}
	close(fds[1]);
	out = fdopen(fds[0], "r");
	while (fgets(line, sizeof(line), out) != NULL)
		if (sscanf(line, "ACCEPT 127.0.0.1:%d", &peer.port) == 1)
			break;
	fclose(out);
	assert_true(peer.port > 0);
	return peer;
}

static struct peer
peer_start(const char *certificate)
{
	return peer_start_asking(certificate, false);
}

static void
peer_stop(struct peer peer)
{
	kill(peer.pid, SIGKILL);
	waitpid(peer.pid, NULL, 0);
}

static struct fetch_request
tls_request(struct peer peer)
{
	static char url[64], ca[64];
	struct fetch_request request;

	snprintf(url, sizeof(url), "https://one.test:%d/", peer.port);
	snprintf(ca, sizeof(ca), "%s/ca.pem", folder);
	request = request_for(url);
	request.ca_file = ca;
	return request;
}

static void
certificates_are_verified(void **state)
{
	struct peer peer = peer_start("good");
	struct fetch_request request = tls_request(peer);

	request.want_certificate = true;
	run(&request);
	assert_class(FETCH_OK);
	assert_false(isnan(got.reply.tls));
	assert_between(got.reply.total,
	    got.reply.connect + got.reply.tls + got.reply.first_byte, 4);
	assert_between(
	    got.reply.certificate_expires_s - time(NULL), 29 * 86400, 30 * 86400 + 1);
	request.ca_file = NULL; /* the system's does not know ours */
	run(&request);
	assert_class(FETCH_CERTIFICATE_ISSUER);
	peer_stop(peer);
	peer = peer_start("expired");
	request = tls_request(peer);
	run(&request);
	assert_class(FETCH_CERTIFICATE_EXPIRED);
	peer_stop(peer);
	peer = peer_start("name");
	request = tls_request(peer);
	run(&request);
	assert_class(FETCH_CERTIFICATE_NAME);
	assert_string_equal(
	    got.reply.sentence, "the certificate is not made out to one.test");
	peer_stop(peer);
	peer = peer_start("self");
	request = tls_request(peer);
	run(&request);
	assert_class(FETCH_CERTIFICATE_ISSUER);
	assert_string_equal(got.reply.sentence,
	    "the certificate of one.test is not trusted: self-signed certificate");
	peer_stop(peer);
}

static void
tls_goes_through_a_proxy(void **state)
{
	struct peer peer = peer_start("good");
	struct fetch_request request = tls_request(peer);
	char proxy[64];

	snprintf(proxy, sizeof(proxy), "http://one.test:%d", server_port(server));
	request.proxy = proxy;
	run(&request);
	assert_class(FETCH_OK);
	assert_null(strstr(got.headers, "OK\r\n\r\n")); /* not the proxy's */
	peer_stop(peer);
	run(&request);
	assert_class(FETCH_REFUSED);
	assert_memory_equal(got.reply.sentence, "the proxy 127.0.0.1 port ", 25);
	assert_non_null(strstr(
	    got.reply.sentence, " answered 403 instead of connecting to one.test"));
}

static void
a_proxy_without_end_is_left(void **state)
{
	static const char *const urls[] = {
	    "https://flood.test/", "https://drown.test/"};
	struct fetch_request request;
	char proxy[64];
	size_t i;

	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", server_port(server));
	for (i = 0; i < ARRAY_LENGTH(urls); i++) {
		request = request_for(urls[i]);
		request.proxy = proxy;
		run(&request);
		assert_class(FETCH_TOO_LARGE);
		assert_string_equal(got.reply.sentence,
		    "the answer of the proxy has more than 65536 bytes");
		assert_between(got.reply.total, 0, 4); /* not the deadline's end */
	}
}

static void
ca_files_change_and_are_many(void **state)
{
	struct transfer_pool *transfers = transfer_pool_create(loop);
	struct multi *busy, *again;
	char path[64];
	int i;

	shell("cp self.pem changing.pem");
	snprintf(path, sizeof(path), "%s/changing.pem", folder);
	busy = multi_get(transfers, path);
	assert_ptr_equal(multi_get(transfers, path), busy);
	busy->running = 1;
	shell("cp ca.pem changing.pem.new && mv changing.pem.new changing.pem");
	assert_ptr_equal(multi_get(transfers, path), busy); /* looked at each second */
	busy->ca_checked_us = 0;
	again = multi_get(transfers, path);
	assert_ptr_not_equal(again, busy);
	assert_int_equal(transfers->multi_count, 2);
	busy->running = 0;
	multi_rest(busy); /* has no more to do */
	assert_int_equal(transfers->multi_count, 1);
	again->running = 1;
	for (i = 0; i < 40; i++) {
		snprintf(path, sizeof(path), "/nonexistent/%d", i);
		multi_get(transfers, path);
	}
	assert_int_equal(transfers->multi_count, 16);
	again->running = 0;
	transfer_pool_destroy(transfers);
}

/* More destinations than sessions are kept for, and more at once than wait. */
static void
what_is_kept_is_bounded(void **state)
{
	struct fetch_request request = request_for(NULL);
	char url[64];
	int i;

	request.reuse = FETCH_REUSE_SESSION;
	for (i = 0; i < 1200; i++) {
		snprintf(url, sizeof(url), "http://n%d.localhost:1/ok", i);
		request.url = url;
		run(&request);
		assert_class(FETCH_REFUSED);
	}
	request.url = local("/ok");
	got.calls = 0;
	for (i = 0; i < 150; i++)
		fetch_start(pool, &request, on_reply, NULL);
	while (got.calls < 150)
		loop_run(loop);
	assert_class(FETCH_OK);
}

static bool
is_resumed(void)
{
	assert_class(FETCH_OK);
	assert_true(strstr(got.body, "New, TLS") || strstr(got.body, "Reused, TLS"));
	return strstr(got.body, "Reused, TLS") != NULL;
}

static void
sessions_are_resumed_when_asked_for(void **state)
{
	struct peer peer = peer_start("good");
	struct fetch_request request = tls_request(peer);

	run(&request);
	run(&request);
	assert_false(is_resumed());
	request.reuse = FETCH_REUSE_SESSION;
	request.want_certificate = true;
	run(&request);
	assert_false(is_resumed());
	run(&request);
	assert_true(is_resumed());
	assert_true(got.reply.certificate_expires_s > 0); /* remembered */
	request.fresh = true;
	run(&request);
	assert_false(is_resumed());
	/* A connection that was not kept is not resumed: that shows no certificate. */
	request.fresh = false;
	request.reuse = FETCH_REUSE_CONNECTION;
	run(&request);
	run(&request);
	assert_false(is_resumed());
	request.reuse = FETCH_REUSE_SESSION;
	peer_stop(peer);
	run(&request); /* nobody is met, nothing is known */
	assert_class(FETCH_REFUSED);
	assert_int_equal(got.reply.certificate_expires_s, 0);
}

static void
the_certificate_that_expires_first_counts(void **state)
{
	struct peer peer = peer_start("good"), soon;
	struct fetch_request request = tls_request(peer);
	char url[256];

	shell("printf 'HTTP/1.0 302 x\\r\\nLocation: %s\\r\\n\\r\\n' >to", request.url);
	peer_mode = "-HTTP"; /* what a file holds, head and all */
	soon = peer_start("soon");
	peer_mode = "-www";
	snprintf(url, sizeof(url), "https://one.test:%d/to", soon.port);
	request.url = url;
	request.want_certificate = true;
	run(&request);
	assert_class(FETCH_OK);
	assert_int_equal(got.reply.hops, 1);
	assert_between(got.reply.certificate_expires_s - time(NULL), 1, 2 * 86400 + 1);
	peer_stop(peer);
	peer_stop(soon);
}

static void
a_client_certificate_is_shown(void **state)
{
	struct peer peer = peer_start_asking("good", true);
	struct fetch_request request = tls_request(peer);
	char path[64], key[64], url[256];

	run(&request);
	assert_class(FETCH_TLS);
	snprintf(path, sizeof(path), "%s/good.pem", folder);
	snprintf(key, sizeof(key), "%s/key.pem", folder);
	request.certificate_file = path;
	request.private_key_file = key;
	run(&request);
	assert_class(FETCH_OK);
	assert_non_null(strstr(got.body, "CN=one.test"));
	snprintf(url, sizeof(url), "/to/302/%s", request.url);
	request.url = local(url); /* not meant for the second place */
	run(&request);
	assert_class(FETCH_TLS);
	assert_int_equal(got.reply.hops, 1);
	request = tls_request(peer);
	request.certificate_file = "/nonexistent";
	run(&request);
	assert_class(FETCH_INTERNAL);
	/* Nobody is there to be asked for a passphrase. */
	shell("openssl ec -in key.pem -aes128 -passout pass:segreto -out locked.pem "
	      "2>>log");
	snprintf(key, sizeof(key), "%s/locked.pem", folder);
	request.certificate_file = path;
	request.private_key_file = key;
	run(&request);
	assert_class(FETCH_INTERNAL);
	assert_non_null(strstr(got.reply.sentence, "locked.pem"));
	assert_non_null(strstr(got.reply.sentence, "without a passphrase?"));
	peer_stop(peer);
}

static void
tls_fails_in_its_ways(void **state)
{
	char url[64];

	snprintf(url, sizeof(url), "https://127.0.0.1:%d/", server_port(server));
	run_within(url, 300000); /* waits for a request that does not come */
	assert_class(FETCH_TLS_TIMEOUT);
	assert_false(isnan(got.reply.connect));
	assert_true(isnan(got.reply.tls));
	assert_non_null(strstr(got.reply.sentence, "then the handshake did not end"));
}

static int
set_up(void **state)
{
	char path[64];
	FILE *file;

	assert_non_null(mkdtemp(folder));
	make_certificates();
	snprintf(path, sizeof(path), "%s/hosts", folder);
	file = fopen(path, "w");
	fprintf(file, "127.0.0.1 one.test two.test\n127.0.0.2 two.test back.test\n"
		      "127.0.0.1 back.test six.test cast.test\n::1 six.test\n"
		      "224.0.0.1 cast.test\n");
	fclose(file);
	loop = loop_create();
	resolve = resolve_create(loop, "127.0.0.1:1", 100);
	resolve_hosts(resolve, path);
	pool = fetch_pool_create(loop, resolve);
	server = server_start();
	other = server_start();
	return 0;
}

static int
tear_down(void **state)
{
	fetch_pool_destroy(pool);
	resolve_destroy(resolve);
	loop_destroy(loop);
	server_stop(server);
	server_stop(other);
	free(got.headers);
	free(got.body);
	shell("rm -r %s", folder);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_answer_comes_whole_with_its_phases),
	    cmocka_unit_test(methods_and_bodies_are_sent),
	    cmocka_unit_test(bodies_are_unpacked_and_bounded),
	    cmocka_unit_test(a_body_is_packed_once),
	    cmocka_unit_test(silence_has_a_class_for_each_phase),
	    cmocka_unit_test(connecting_fails_in_its_ways),
	    cmocka_unit_test(both_families_serve),
	    cmocka_unit_test(broken_answers_have_their_class),
	    cmocka_unit_test(redirects_are_followed_and_bounded),
	    cmocka_unit_test(another_host_gets_no_secrets),
	    cmocka_unit_test(redirect_rules),
	    cmocka_unit_test(connections_are_kept_when_asked_for),
	    cmocka_unit_test(a_request_may_be_cancelled_at_any_time),
	    cmocka_unit_test(a_proxy_is_asked_and_the_environment_is_not),
	    cmocka_unit_test(certificates_are_verified),
	    cmocka_unit_test(tls_goes_through_a_proxy),
	    cmocka_unit_test(a_proxy_without_end_is_left),
	    cmocka_unit_test(ca_files_change_and_are_many),
	    cmocka_unit_test(what_is_kept_is_bounded),
	    cmocka_unit_test(sessions_are_resumed_when_asked_for),
	    cmocka_unit_test(the_certificate_that_expires_first_counts),
	    cmocka_unit_test(a_client_certificate_is_shown),
	    cmocka_unit_test(tls_fails_in_its_ways),
	};

	return cmocka_run_group_tests_name("fetch", tests, set_up, tear_down);
}
