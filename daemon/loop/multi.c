/*
 * libcurl's multi handles on the loop: sockets, the timer, what has ended.
 *
 * There is a multi handle for each CA file, because a multi handle caches one
 * parsed bundle, and parsing the system's takes 20 ms. A CA file that changes gets
 * a new one, and the old one goes when it has no more to do. Of more than MULTIS_MAX
 * the idle ones go, the least recently used first.
 *
 * libcurl's own callbacks do no more than set watches and the timer; what has ended
 * is told by drain(), after libcurl has returned.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "loop/libcurl.h"
#include "loop/loop.h"

#define MULTI_MAGIC 0x6d756c74
#define MULTIS_MAX 16
#define CONNECTIONS_MAX 1000

/* Nothing but libcurl's own list is held while callbacks run: they may start
 * and stop transfers. */
static void
drain(struct multi *multi)
{
	struct transfer *transfer;
	CURLMsg *message;
	CURLcode code;
	int left;

	multi->draining++;
	while ((message = curl_multi_info_read(multi->curl, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		code = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		MAGIC_CHECK(transfer, TRANSFER_MAGIC);
		transfer_done(transfer, code);
	}
	multi->draining--;
	multi_rest(multi);
}

static void
on_socket(int fd, int events, void *arg)
{
	struct multi *multi = arg;
	int running;

	MAGIC_CHECK(multi, MULTI_MAGIC);
	curl_multi_socket_action(multi->curl, fd,
	    (events & LOOP_READ ? CURL_CSELECT_IN : 0) |
		(events & LOOP_WRITE ? CURL_CSELECT_OUT : 0),
	    &running);
	drain(multi);
}

static void
on_timer(void *arg)
{
	struct multi *multi = arg;
	int running;

	MAGIC_CHECK(multi, MULTI_MAGIC);
	curl_multi_socket_action(multi->curl, CURL_SOCKET_TIMEOUT, 0, &running);
	drain(multi);
}

static int
on_curl_timer(CURLM *curl, long ms, void *arg)
{
	struct multi *multi = arg;

	if (ms < 0)
		loop_timer_clear(multi->timer);
	else
		loop_timer_set(multi->timer, (int64_t)ms * 1000);
	return 0;
}

static int
on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct multi *multi = arg;
	struct loop_watch *watch = socket_arg;
	int events = (what & CURL_POLL_IN ? LOOP_READ : 0) |
		     (what & CURL_POLL_OUT ? LOOP_WRITE : 0);

	if (what == CURL_POLL_REMOVE) {
		loop_watch_destroy(watch);
		curl_multi_assign(multi->curl, fd, NULL);
	} else if (watch == NULL) {
		watch =
		    loop_watch_create(multi->pool->loop, fd, events, on_socket, multi);
		curl_multi_assign(multi->curl, fd, watch);
	} else {
		loop_watch_set(watch, events);
	}
	return 0;
}

void
multi_destroy(struct multi *multi)
{
	assert(multi->running == 0 && multi->draining == 0);
	TAILQ_REMOVE(&multi->pool->multis, multi, entry);
	multi->pool->multi_count--;
	curl_multi_cleanup(multi->curl); /* closes sockets: before the timer */
	loop_timer_destroy(multi->timer);
	free(multi->ca_file);
	MAGIC_CLEAR(multi);
	free(multi);
}

static bool
is_idle(const struct multi *multi)
{
	return multi->running == 0 && multi->draining == 0;
}

void
multi_rest(struct multi *multi)
{
	if (multi->stale && is_idle(multi))
		multi_destroy(multi);
}

static void
make_room(struct transfer_pool *pool)
{
	struct multi *multi, *previous;

	TAILQ_FOREACH_REVERSE_SAFE (multi, &pool->multis, multi_list, entry, previous)
		if (is_idle(multi) && pool->multi_count >= MULTIS_MAX)
			multi_destroy(multi);
}

static struct multi *
multi_new(struct transfer_pool *pool, const char *ca_file)
{
	struct multi *multi = mem_zalloc(sizeof(*multi));

	make_room(pool);
	MAGIC_SET(multi, MULTI_MAGIC);
	multi->pool = pool;
	multi->ca_file = mem_strdup(ca_file);
	multi->ca_checked_us = -1;
	multi->timer = loop_timer_create(pool->loop, on_timer, multi);
	multi->curl = curl_multi_init();
	assert(multi->curl != NULL);
	curl_multi_setopt(multi->curl, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(multi->curl, CURLMOPT_SOCKETDATA, multi);
	curl_multi_setopt(multi->curl, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(multi->curl, CURLMOPT_TIMERDATA, multi);
	curl_multi_setopt(multi->curl, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX);
	TAILQ_INSERT_HEAD(&pool->multis, multi, entry);
	pool->multi_count++;
	return multi;
}

/* Looks at the CA file at most once a second. -> false: it is another by now */
static bool
ca_is_same(struct multi *multi)
{
	int64_t now_us = clock_mono_us();
	struct stat now;

	if (multi->ca_checked_us >= 0 && now_us - multi->ca_checked_us < CLOCK_SECOND)
		return true;
	if (stat(multi->ca_file, &now) != 0)
		memset(&now, 0, sizeof(now));
	if (multi->ca_checked_us >= 0 &&
	    (now.st_ino != multi->ca_seen.st_ino ||
		now.st_size != multi->ca_seen.st_size ||
		now.st_mtim.tv_sec != multi->ca_seen.st_mtim.tv_sec ||
		now.st_mtim.tv_nsec != multi->ca_seen.st_mtim.tv_nsec))
		return false;
	multi->ca_seen = now;
	multi->ca_checked_us = now_us;
	return true;
}

struct multi *
multi_get(struct transfer_pool *pool, const char *ca_file)
{
	struct multi *multi;

	TAILQ_FOREACH (multi, &pool->multis, entry)
		if (!multi->stale && strcmp(multi->ca_file, ca_file) == 0)
			break;
	if (multi != NULL && !ca_is_same(multi)) {
		log_info("fetch: %s changed, read again", ca_file);
		multi->stale = true;
		multi_rest(multi);
		multi = NULL;
	}
	if (multi == NULL) {
		multi = multi_new(pool, ca_file);
		ca_is_same(multi);
	} else if (multi != TAILQ_FIRST(&pool->multis)) {
		TAILQ_REMOVE(&pool->multis, multi, entry);
		TAILQ_INSERT_HEAD(&pool->multis, multi, entry);
	}
	return multi;
}
