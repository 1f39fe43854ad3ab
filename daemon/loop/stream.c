/*
 * A stream: a connection (loop/connect) that becomes a bufferevent, and another one, on
 * OpenSSL, when TLS begins. With loop.c the one file that includes libevent's headers.
 *
 * Bufferevents tell by deferred callbacks, from the loop and not from within OpenSSL,
 * so that a callback may close the stream. The descriptor is the stream's until TLS
 * begins, then, with the SSL, the bufferevent's: that outlives its stream by a round of
 * the loop, and amid a handshake it cannot be kept from watching.
 *
 * A timer ends the whole, or tells what could not be told within a call.
 */
#include "loop/stream.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "loop/connect.h"
#include "loop/loop.h"
#include "loop/stream_words.h"
#include "loop/transfer.h"

#define POOL_MAGIC 0x73747270
#define STREAM_MAGIC 0x7374726d

enum state { CONNECTING, SECURING, OPEN, ENDED };

struct stream {
	MAGIC;
	LIST_ENTRY(stream) entry;
	struct stream_pool *pool;
	stream_cb *cb;
	void *arg;
	char *host, *name, *ca_file;
	struct stream_request request;
	enum state state;
	struct loop_timer *timer;
	struct connect *connecting;
	size_t addresses, tried;
	int fd; /* in the clear; with TLS the bufferevent has it */
	struct bufferevent *bev;
	struct tls *tls;
	int64_t deadline_us, secure_us; /* the latter: when TLS began */
	size_t unread;
	struct stream_info info;
};

struct stream_pool {
	MAGIC;
	struct loop *loop;
	struct resolve *resolve;
	struct tls_pool *tls;
	LIST_HEAD(, stream) streams;
};

/* ---- the end ---- */

static void
explain(struct stream *stream, enum fetch_class class, const char *detail)
{
	const struct stream_words words = {
	    .info = &stream->info,
	    .name = stream->name,
	    .port = stream->request.port,
	    .detail = detail,
	    .addresses = stream->addresses,
	    .tried = stream->tried,
	    .timeout_us = stream->request.timeout_us,
	};

	stream->info.class = class;
	stream_words(&words, class, stream->info.sentence);
}

/* What has come remains to be read. */
static void
stop(struct stream *stream)
{
	stream->state = ENDED;
	loop_timer_clear(stream->timer);
	if (stream->bev != NULL)
		bufferevent_disable(stream->bev, EV_READ | EV_WRITE);
}

static void
end(struct stream *stream)
{
	stop(stream);
	stream->cb(stream, STREAM_END, stream->arg);
}

static void
fail(struct stream *stream, enum fetch_class class, const char *detail)
{
	explain(stream, class, detail);
	end(stream);
}

/* From within a call of the owner's. */
static void
end_later(struct stream *stream)
{
	stop(stream);
	loop_timer_set(stream->timer, 0);
}

static void
fail_later(struct stream *stream, enum fetch_class class, const char *detail)
{
	explain(stream, class, detail);
	end_later(stream);
}

static double
since(int64_t began_us)
{
	return (double)(clock_mono_us() - began_us) / CLOCK_SECOND;
}

/* ---- what a bufferevent tells ---- */

static void
on_data(struct bufferevent *bev, void *arg)
{
	struct stream *stream = arg;
	size_t unread = evbuffer_get_length(bufferevent_get_input(bev));

	MAGIC_CHECK(stream, STREAM_MAGIC);
	if (stream->state == ENDED || unread <= stream->unread)
		return;
	stream->info.received += unread - stream->unread;
	stream->unread = unread;
	stream->cb(stream, STREAM_DATA, stream->arg);
}

static void
on_secured(struct stream *stream)
{
	unsigned defects;

	stream->info.tls = since(stream->secure_us);
	stream->state = OPEN;
	tls_look(stream->tls, &stream->info.seen);
	defects = stream->info.seen.defects;
	if (defects == 0)
		stream->cb(stream, STREAM_READY, stream->arg);
	else
		fail(stream,
		    defects & TLS_UNTRUSTED ? FETCH_CERTIFICATE_ISSUER
		    : defects & TLS_EXPIRED ? FETCH_CERTIFICATE_EXPIRED
					    : FETCH_CERTIFICATE_NAME,
		    "");
}

/* errno is of the call that failed, if OpenSSL has nothing to say. */
static void
on_broken(struct stream *stream, short what)
{
	unsigned long error = 0;
	bool end_of_it = (what & BEV_EVENT_EOF) != 0;
	char detail[160] = "";

	if (!end_of_it && errno != 0)
		strlcpy(detail, err_text(-errno), sizeof(detail));
	if (stream->tls != NULL) {
		error = bufferevent_get_openssl_error(stream->bev);
		end_of_it = end_of_it || tls_is_end(error);
		if (error != 0 && !end_of_it)
			tls_explain(error, detail);
	}
	if (stream->state == SECURING)
		fail(stream, FETCH_TLS,
		    end_of_it ? "the connection was closed amid it" : detail);
	else if (error != 0 && !end_of_it)
		fail(stream, FETCH_TLS, detail);
	else
		fail(stream, FETCH_CLOSED, end_of_it ? "" : detail);
}

static void
on_change(struct bufferevent *bev, short what, void *arg)
{
	struct stream *stream = arg;

	MAGIC_CHECK(stream, STREAM_MAGIC);
	if (stream->state == ENDED)
		return;
	if (what & BEV_EVENT_CONNECTED)
		on_secured(stream);
	else
		on_broken(stream, what);
}

/* ---- a connection ---- */

static void
drop_bufferevent(struct stream *stream)
{
	if (stream->bev == NULL)
		return;
	/* It lives on for a round of the loop. In the clear it must not touch the
	 * descriptor any more; with TLS both that and the SSL are its own. */
	bufferevent_disable(stream->bev, EV_READ | EV_WRITE);
	bufferevent_free(stream->bev);
	stream->bev = NULL;
	stream->unread = 0;
}

static void
take_bufferevent(struct stream *stream, struct bufferevent *bev)
{
	assert(bev != NULL);
	stream->bev = bev;
	bufferevent_setcb(bev, on_data, NULL, on_change, stream);
	bufferevent_setwatermark(bev, EV_READ, 0, stream->request.read_max);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

/* -> whether it is under way; if not, it is explained */
static bool
begin_tls(struct stream *stream)
{
	char error[256];

	if (tls_open(stream->pool->tls, stream->ca_file, stream->name,
		stream->request.least, &stream->tls, error) != 0) {
		explain(stream, FETCH_INTERNAL, error);
		return false;
	}
	drop_bufferevent(stream);
	stream->state = SECURING;
	stream->secure_us = clock_mono_us();
	take_bufferevent(stream,
	    bufferevent_openssl_socket_new(loop_base(stream->pool->loop), stream->fd,
		tls_take_ssl(stream->tls), BUFFEREVENT_SSL_CONNECTING,
		BEV_OPT_DEFER_CALLBACKS | BEV_OPT_CLOSE_ON_FREE));
	stream->fd = -1;
	bufferevent_openssl_set_allow_dirty_shutdown(stream->bev, 1);
	return true;
}

static void
on_connected(const struct connect_outcome *outcome, void *arg)
{
	struct stream *stream = arg;

	MAGIC_CHECK(stream, STREAM_MAGIC);
	stream->connecting = NULL;
	stream->fd = outcome->fd;
	stream->addresses = outcome->addresses;
	stream->tried = outcome->tried;
	stream->info.dns = outcome->dns;
	stream->info.connect = outcome->connect;
	strlcpy(stream->info.address, outcome->address, sizeof(stream->info.address));
	if (outcome->class != FETCH_OK) {
		fail(stream, outcome->class, outcome->detail);
		return;
	}
	loop_timer_set_at(stream->timer, stream->deadline_us);
	if (stream->request.tls) {
		if (!begin_tls(stream))
			end(stream);
		return;
	}
	stream->state = OPEN;
	take_bufferevent(stream, bufferevent_socket_new(loop_base(stream->pool->loop),
				     stream->fd, BEV_OPT_DEFER_CALLBACKS));
	stream->cb(stream, STREAM_READY, stream->arg);
}

static void
on_timer(void *arg)
{
	struct stream *stream = arg;

	MAGIC_CHECK(stream, STREAM_MAGIC);
	switch (stream->state) {
	case ENDED:
		stream->cb(stream, STREAM_END, stream->arg);
		break;
	case SECURING:
		fail(stream, FETCH_TLS_TIMEOUT, "");
		break;
	default:
		fail(stream,
		    stream->info.received > 0 ? FETCH_READ_TIMEOUT
					      : FETCH_FIRST_BYTE_TIMEOUT,
		    "");
	}
}

/* ---- the beginning ---- */

static void
begin_connecting(struct stream *stream)
{
	const struct connect_request request = {
	    .host = stream->host,
	    .port = stream->request.port,
	    .family = stream->request.family,
	    .dns_cache_us = stream->request.dns_cache_us,
	    .timeout_us = stream->request.timeout_us,
	};

	stream->connecting = connect_start(
	    stream->pool->loop, stream->pool->resolve, &request, on_connected, stream);
}

struct stream *
stream_start(struct stream_pool *pool, const struct stream_request *request,
    stream_cb *cb, void *arg)
{
	struct stream *stream = mem_zalloc(sizeof(*stream));

	MAGIC_CHECK(pool, POOL_MAGIC);
	MAGIC_SET(stream, STREAM_MAGIC);
	stream->pool = pool;
	stream->cb = cb;
	stream->arg = arg;
	stream->fd = -1;
	stream->request = *request;
	stream->host = mem_strdup(request->host);
	stream->name = mem_strdup(request->name ? request->name : request->host);
	stream->ca_file =
	    mem_strdup(request->ca_file ? request->ca_file : transfer_ca_file());
	stream->deadline_us = clock_mono_us() + request->timeout_us;
	stream->timer = loop_timer_create(pool->loop, on_timer, stream);
	stream->info.dns = stream->info.connect = stream->info.tls = NAN;
	LIST_INSERT_HEAD(&pool->streams, stream, entry);
	begin_connecting(stream);
	return stream;
}

void
stream_close(struct stream *stream, const char *goodbye, size_t length)
{
	bool good = stream->state == OPEN;

	MAGIC_CHECK(stream, STREAM_MAGIC);
	if (stream->connecting != NULL)
		connect_cancel(stream->connecting);
	if (good && stream->tls == NULL && length > 0)
		(void)send(stream->fd, goodbye, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	tls_close(stream->tls, goodbye, good ? length : 0);
	drop_bufferevent(stream);
	if (stream->fd >= 0)
		close(stream->fd);
	loop_timer_destroy(stream->timer);
	LIST_REMOVE(stream, entry);
	free(stream->host);
	free(stream->name);
	free(stream->ca_file);
	MAGIC_CLEAR(stream);
	free(stream);
}

void
stream_write(struct stream *stream, const void *data, size_t length)
{
	MAGIC_CHECK(stream, STREAM_MAGIC);
	if (stream->state == OPEN)
		bufferevent_write(stream->bev, data, length);
}

void
stream_start_tls(struct stream *stream)
{
	MAGIC_CHECK(stream, STREAM_MAGIC);
	assert(stream->tls == NULL);
	if (stream->state != OPEN)
		return;
	/* Said in the clear by whoever stands between, it would count as secured. */
	if (evbuffer_get_length(bufferevent_get_input(stream->bev)) > 0)
		fail_later(stream, FETCH_PROTOCOL,
		    "the server said more in the clear before TLS could begin");
	else if (!begin_tls(stream))
		end_later(stream);
}

const char *
stream_peek(struct stream *stream, size_t *length)
{
	struct evbuffer *input;
	const unsigned char *data;

	MAGIC_CHECK(stream, STREAM_MAGIC);
	*length = 0;
	if (stream->bev == NULL)
		return "";
	input = bufferevent_get_input(stream->bev);
	*length = evbuffer_get_length(input);
	data = evbuffer_pullup(input, -1);
	return data != NULL ? (const char *)data : "";
}

void
stream_consume(struct stream *stream, size_t length)
{
	struct evbuffer *input = bufferevent_get_input(stream->bev);

	MAGIC_CHECK(stream, STREAM_MAGIC);
	assert(length <= evbuffer_get_length(input));
	/* What came since on_data() is still to be told of, and counted. */
	stream->unread -= length < stream->unread ? length : stream->unread;
	evbuffer_drain(input, length);
}

const struct stream_info *
stream_info(const struct stream *stream)
{
	return &stream->info;
}

struct stream_pool *
stream_pool_create(struct loop *loop, struct resolve *resolve)
{
	struct stream_pool *pool = mem_zalloc(sizeof(*pool));

	MAGIC_SET(pool, POOL_MAGIC);
	pool->loop = loop;
	pool->resolve = resolve;
	pool->tls = tls_pool_create();
	LIST_INIT(&pool->streams);
	return pool;
}

void
stream_pool_destroy(struct stream_pool *pool)
{
	if (pool == NULL)
		return;
	MAGIC_CHECK(pool, POOL_MAGIC);
	assert(LIST_EMPTY(&pool->streams));
	tls_pool_destroy(pool->tls);
	MAGIC_CLEAR(pool);
	free(pool);
}
