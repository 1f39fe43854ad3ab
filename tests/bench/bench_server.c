/*
 * Serves a file's bytes at every path through the cache, as the daemon serves a page
 * that is built: bench_server FILE. Prints its address; ends with its input.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "web/cache.h"
#include "web/server.h"

static struct loop *loop;
static struct cache *cache;
static struct buf page;

static void
build(struct cache_build *open, const char *key, void *arg)
{
	static const char *const headers[] = {"Cache-Control: public, max-age=30",
	    "Content-Security-Policy: default-src 'self'",
	    "Referrer-Policy: same-origin", NULL};
	struct buf body = BUF_INIT;

	buf_add(&body, page.data, page.length);
	cache_built(open, 200, "text/html; charset=utf-8", headers, &body,
	    INT64_C(3600) * CLOCK_SECOND);
}

static void
handler(struct server_request *request, const struct server_head *head, void *arg)
{
	cache_get(cache, head->path, 1, request, build, NULL);
}

static void
on_input(int fd, int events, void *arg)
{
	loop_stop(loop);
}

int
main(int argc, char **argv)
{
	char any[] = "127.0.0.1:0", *items[] = {any};
	struct conf_strings addresses = {.count = 1, .items = items};
	struct worker_pool *io;
	struct loop_watch *input;
	struct server *server;
	char data[4096];
	size_t n;
	FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;

	if (file == NULL)
		return 2;
	while ((n = fread(data, 1, sizeof(data), file)) > 0)
		buf_add(&page, data, n);
	fclose(file);
	loop = loop_create();
	io = worker_pool_create(loop, "io", 1, 16);
	cache = cache_create(loop, io, 64 << 20);
	if (server_open(loop, &addresses, 2000, handler, NULL, &server) != 0)
		return 1;
	input = loop_watch_create(loop, 0, LOOP_READ, on_input, NULL);
	printf("%s\n", server_address(server, 0));
	fflush(stdout);
	loop_run(loop);
	loop_watch_destroy(input);
	cache_destroy(cache);
	server_close(server);
	worker_pool_destroy(io);
	loop_destroy(loop);
	buf_free(&page);
	return 0;
}
