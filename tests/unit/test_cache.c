/* web/cache behind a real server: single flight, generations, limits, what is gone. */
#include "unit.h"

#include <arpa/inet.h>
#include <brotli/decode.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "web/cache.h"
#include "web/compress.h"
#include "web/server.h"

static struct loop *loop;
static struct worker_pool *io;
static struct server *server;
static struct cache *cache;
static struct cache_build *open_build;
static uint64_t generation;
static int64_t lives_us;
static int builds;
static size_t body_length;
static unsigned status;

/* The body tells its key and the count of builds. */
static void
complete(struct cache_build *build, const char *key)
{
	static const char *const headers[] = {"Cache-Control: no-cache", NULL};
	struct buf body = BUF_INIT;

	buf_printf(&body, "%s %d", key, builds);
	while (body.length < body_length)
		buf_add_text(&body, " again and again");
	cache_built(
	    build, status, "text/html; charset=utf-8", headers, &body, lives_us);
}

static void
build_now(struct cache_build *build, const char *key, void *arg)
{
	builds++;
	complete(build, key);
}

static void
build_later(struct cache_build *build, const char *key, void *arg)
{
	builds++;
	assert_null(open_build);
	open_build = build;
}

static void
handler(struct server_request *request, const struct server_head *head, void *arg)
{
	cache_get(cache, head->path, generation, request,
	    strncmp(head->path, "/later", 6) == 0 ? build_later : build_now, NULL);
}

static int
setup(void **state)
{
	char any[] = "127.0.0.1:0", *items[] = {any};
	struct conf_strings addresses = {.count = 1, .items = items};

	loop = loop_create();
	io = worker_pool_create(loop, "io", 1, 4);
	cache = cache_create(loop, io, 100000);
	open_build = NULL;
	generation = 1;
	lives_us = 60 * CLOCK_SECOND;
	builds = 0;
	body_length = 0;
	status = 200;
	return server_open(loop, &addresses, 2000, handler, NULL, &server);
}

static int
teardown(void **state)
{
	cache_destroy(cache);
	server_close(server);
	worker_pool_destroy(io);
	loop_destroy(loop);
	return 0;
}

static int
ask(const char *path, const char *headers)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	char request[256];

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons(atoi(strrchr(server_address(server, 0), ':') + 1));
	(void)!connect(fd, (struct sockaddr *)&address, sizeof(address));
	snprintf(request, sizeof(request),
	    "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n", path, headers);
	assert_int_equal(
	    send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	return fd;
}

static void
hear(int fd, struct buf *in)
{
	int64_t until = clock_mono_us() + 5 * CLOCK_SECOND;
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	char data[4096];
	ssize_t n;

	buf_clear(in);
	while (clock_mono_us() < until) {
		loop_poll(loop);
		n = recv(fd, data, sizeof(data), 0);
		if (n == 0)
			break;
		if (n > 0)
			buf_add(in, data, n);
		else
			poll(&pfd, 1, 1);
	}
	assert_true(clock_mono_us() < until);
	close(fd);
}

static void
check(const char *path, const char *body)
{
	struct buf in = BUF_INIT;
	const char *end;

	hear(ask(path, ""), &in);
	end = strstr(in.data, "\r\n\r\n");
	assert_non_null(end);
	assert_string_equal(end + 4, body);
	buf_free(&in);
}

static void
a_page_is_built_once_a_generation(void **state)
{
	struct cache_stats stats;

	check("/a", "/a 1");
	check("/a", "/a 1");
	check("/b", "/b 2");
	generation++;
	check("/a", "/a 3");
	check("/a", "/a 3");
	generation = 0;
	check("/a", "/a 3");
	cache_stats(cache, &stats);
	assert_int_equal(stats.hits, 3);
	assert_int_equal(stats.builds, 3);
	assert_int_equal(stats.entries, 2);
	/* Ahead of any request. */
	cache_get(cache, "/c", 0, NULL, build_now, NULL);
	cache_get(cache, "/c", 0, NULL, build_now, NULL);
	assert_int_equal(builds, 4);
	check("/c", "/c 4");
}

static void
what_lives_shortly(void **state)
{
	lives_us = 0;
	check("/a", "/a 1");
	check("/a", "/a 2");
	status = 500; /* a build that failed answers too */
	check("/a", "/a 3");
	lives_us = 1; /* gone before anybody asks again */
	check("/a", "/a 4");
	check("/a", "/a 5");
}

static void
one_build_for_all_who_wait(void **state)
{
	struct buf in = BUF_INIT;
	struct cache_stats stats;
	int fd[50], i;

	for (i = 0; i < 50; i++) {
		fd[i] = ask("/later", "");
		generation++;
		loop_poll(loop);
	}
	do {
		loop_poll(loop);
		cache_stats(cache, &stats);
	} while (stats.waits < 49);
	assert_int_equal(builds, 1);
	close(fd[49]); /* gone meanwhile */
	check("/a", "/a 2");
	builds = 1;
	complete(open_build, "/later");
	open_build = NULL;
	for (i = 0; i < 49; i++) {
		hear(fd[i], &in);
		assert_non_null(strstr(in.data, "\r\n\r\n/later 1"));
	}
	buf_free(&in);
}

/* On pages that are not there, however many these are; a visitor who left counts. */
static void
too_many_wait(void **state)
{
	enum { MANY = 1030 };
	static int fd[MANY];
	struct rlimit limit;
	struct buf in = BUF_INIT;
	struct cache_stats stats;
	int i;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < 2 * MANY + 100)
		skip();
	for (i = 0; i < MANY; i++) {
		fd[i] = ask("/later", "");
		loop_poll(loop);
	}
	do {
		loop_poll(loop);
		cache_stats(cache, &stats);
	} while (stats.waits < MANY - 1);
	assert_int_equal(stats.refused, MANY - 1024);
	close(fd[0]);
	hear(ask("/x", ""), &in); /* another one has no room either */
	assert_memory_equal(in.data, "HTTP/1.1 503", 12);
	hear(fd[MANY - 1], &in);
	assert_memory_equal(in.data, "HTTP/1.1 503", 12);
	complete(open_build, "/later");
	open_build = NULL;
	for (i = 1; i < 1024; i++)
		hear(fd[i], &in);
	assert_memory_equal(in.data, "HTTP/1.1 200", 12);
	while (i < MANY - 1)
		close(fd[i++]);
	hear(ask("/x", ""), &in); /* all places are free again */
	assert_memory_equal(in.data, "HTTP/1.1 200", 12);
	buf_free(&in);
}

static void
large_pages_are_compressed(void **state)
{
	struct buf in = BUF_INIT;
	char *plain, *body, out[10000];
	z_stream stream = {0};
	size_t length = sizeof(out);

	body_length = 5000;
	hear(ask("/a", ""), &in);
	plain = mem_strdup(strstr(in.data, "\r\n\r\n") + 4);
	assert_true(strlen(plain) >= 5000);
	hear(ask("/a", "Accept-Encoding: gzip\r\n"), &in);
	assert_non_null(strstr(in.data, "\r\nContent-Encoding: gzip\r\n"));
	body = strstr(in.data, "\r\n\r\n") + 4;
	assert_true(in.length < 1000);
	stream.next_in = (Bytef *)body;
	stream.avail_in = in.length - (body - in.data);
	stream.next_out = (Bytef *)out;
	stream.avail_out = sizeof(out);
	assert_int_equal(inflateInit2(&stream, 31), Z_OK);
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	assert_int_equal(stream.total_out, strlen(plain));
	assert_memory_equal(out, plain, strlen(plain));
	inflateEnd(&stream);
	hear(ask("/a", "Accept-Encoding: br\r\n"), &in);
	assert_non_null(strstr(in.data, "\r\nContent-Encoding: br\r\n"));
	body = strstr(in.data, "\r\n\r\n") + 4;
	assert_int_equal(BrotliDecoderDecompress(in.length - (body - in.data),
			     (const uint8_t *)body, &length, (uint8_t *)out),
	    BROTLI_DECODER_RESULT_SUCCESS);
	assert_int_equal(length, strlen(plain));
	assert_memory_equal(out, plain, length);
	assert_int_equal(builds, 1);
	assert_false(compress_helps("image/png", 100000));
	assert_false(compress_helps("text/html", 499));
	assert_true(compress_helps("application/json; charset=utf-8", 500));
	free(plain);
	buf_free(&in);
}

static void
the_least_used_goes(void **state)
{
	struct cache_stats stats;
	struct buf in = BUF_INIT;
	char path[16];
	int i;

	body_length = 20000; /* and as much again would not fit five times */
	for (i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "/%d", i);
		hear(ask(path, ""), &in);
		hear(ask("/0", ""), &in); /* used again and again */
	}
	cache_stats(cache, &stats);
	assert_true(stats.evictions > 0);
	assert_true(stats.bytes <= 100000);
	assert_int_equal(builds, 6);
	hear(ask("/0", ""), &in);
	assert_int_equal(builds, 6);
	hear(ask("/1", ""), &in);
	assert_int_equal(builds, 7);
	body_length = 30000; /* more than its share: answered, not kept */
	hear(ask("/large", ""), &in);
	hear(ask("/large", ""), &in);
	assert_int_equal(builds, 9);
	buf_free(&in);
}

static void
the_cache_goes_first(void **state)
{
	struct buf in = BUF_INIT;
	struct worker_stats before, now;
	int fd = ask("/later", ""), other;

	while (open_build == NULL)
		loop_poll(loop);
	body_length = 5000;
	worker_stats(io, &before);
	other = ask("/a", "");
	do { /* one is being compressed, or just was */
		loop_poll(loop);
		worker_stats(io, &now);
	} while (now.submitted == before.submitted);
	cache_destroy(cache);
	cache = NULL;
	hear(fd, &in);
	assert_memory_equal(in.data, "HTTP/1.1 503", 12);
	hear(other, &in);
	assert_non_null(in.data);
	complete(open_build, "/later");
	buf_free(&in);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* A different page each time: 200 builds a second, then what is there or a 503. The
 * last test: it holds the clock. */
static void
builds_are_bounded_a_second(void **state)
{
	struct buf in = BUF_INIT;
	struct cache_stats stats;
	char path[16];
	int i;

	clock_fake(10 * CLOCK_SECOND, 10 * CLOCK_SECOND);
	for (i = 0; i < 200; i++) {
		snprintf(path, sizeof(path), "/%d", i);
		hear(ask(path, ""), &in);
	}
	assert_int_equal(builds, 200);
	hear(ask("/new", ""), &in);
	assert_memory_equal(in.data, "HTTP/1.1 503", 12);
	generation++;
	hear(ask("/199", ""), &in); /* that of before: it has not expired */
	assert_non_null(strstr(in.data, "\r\n\r\n/199 200"));
	assert_int_equal(builds, 200);
	cache_stats(cache, &stats);
	assert_int_equal(stats.refused, 2);
	clock_fake_advance(CLOCK_SECOND);
	hear(ask("/199", ""), &in);
	assert_non_null(strstr(in.data, "\r\n\r\n/199 201"));
	buf_free(&in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_page_is_built_once_a_generation),
	    TEST(what_lives_shortly),
	    TEST(one_build_for_all_who_wait),
	    TEST(too_many_wait),
	    TEST(large_pages_are_compressed),
	    TEST(the_least_used_goes),
	    TEST(the_cache_goes_first),
	    TEST(builds_are_bounded_a_second),
	};

	return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
