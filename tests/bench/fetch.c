/*
 * What a request costs: tests/bench/fetch URL COUNT CONCURRENCY [WORD...]
 * runs COUNT requests, CONCURRENCY at a time, and prints the CPU time of this
 * process for each. Words: session, connection (reuse), certificate, ca=FILE,
 * spread (to the addresses 127.1.x.y, one for each request under way).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "loop/fetch.h"
#include "loop/loop.h"
#include "loop/resolve.h"

static struct loop *loop;
static struct fetch_pool *pool;
static struct fetch_request request = {
    .method = "GET",
    .dns_cache_us = -1,
    .timeout_us = 10 * CLOCK_SECOND,
    .max_body = 1 << 20,
    .follow = 5,
};
static long count, started, done, failed;
static int version;
static double connect_sum, tls_sum, first_sum, total_sum;

static int64_t
cpu_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * CLOCK_SECOND +
	       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void on_reply(struct fetch_reply *reply, void *arg);

static void
start(char *url)
{
	if (started == count)
		return;
	started++;
	request.url = url;
	fetch_start(pool, &request, on_reply, url);
}

static void
on_reply(struct fetch_reply *reply, void *arg)
{
	if (reply->class != FETCH_OK || reply->status != 200) {
		if (failed++ == 0)
			fprintf(stderr, "%s: %s (status %d)\n",
			    fetch_class_name(reply->class), reply->sentence,
			    reply->status);
	}
	connect_sum += isnan(reply->connect) ? 0 : reply->connect;
	tls_sum += isnan(reply->tls) ? 0 : reply->tls;
	first_sum += isnan(reply->first_byte) ? 0 : reply->first_byte;
	total_sum += reply->total;
	version = reply->http_version;
	done++;
	start(arg);
	if (done == count)
		loop_stop(loop);
}

static char *
url_of(const char *text, int i, bool spread)
{
	char *url = malloc(strlen(text) + 32);
	const char *host = strstr(text, "://") + 3, *rest = host + strcspn(host, ":/");

	if (spread)
		sprintf(url, "%.*s127.1.%d.%d%s", (int)(host - text), text, i / 250,
		    i % 250 + 1, rest);
	else
		strcpy(url, text);
	return url;
}

int
main(int argc, char **argv)
{
	struct resolve *resolve;
	bool spread = false;
	int64_t began, cpu;
	int i, concurrency;

	if (argc < 4) {
		fprintf(stderr,
		    "usage: fetch URL COUNT CONCURRENCY [session] [connection] "
		    "[certificate] [spread] [ca=FILE]\n");
		return 2;
	}
	count = atol(argv[2]);
	concurrency = atoi(argv[3]);
	for (i = 4; i < argc; i++) {
		if (strcmp(argv[i], "session") == 0)
			request.reuse = FETCH_REUSE_SESSION;
		else if (strcmp(argv[i], "connection") == 0)
			request.reuse = FETCH_REUSE_CONNECTION;
		else if (strcmp(argv[i], "certificate") == 0)
			request.want_certificate = true;
		else if (strcmp(argv[i], "spread") == 0)
			spread = true;
		else if (strncmp(argv[i], "ca=", 3) == 0)
			request.ca_file = argv[i] + 3;
	}
	loop = loop_create();
	resolve = resolve_create(loop, NULL, 10000);
	pool = fetch_pool_create(loop, resolve);
	began = clock_mono_us();
	cpu = cpu_us();
	for (i = 0; i < concurrency; i++)
		start(url_of(argv[1], i, spread));
	loop_run(loop);
	cpu = cpu_us() - cpu;
	began = clock_mono_us() - began;
	printf("%ld requests, %ld failed: %.1f us CPU each, %.0f a second; on average "
	       "connect %.3f, TLS %.3f, first byte %.3f, total %.3f ms, HTTP/%.1f\n",
	    done, failed, (double)cpu / done, done * 1e6 / began,
	    connect_sum / done * 1e3, tls_sum / done * 1e3, first_sum / done * 1e3,
	    total_sum / done * 1e3, version / 10.0);
	fetch_pool_destroy(pool);
	resolve_destroy(resolve);
	loop_destroy(loop);
	return failed > 0;
}
