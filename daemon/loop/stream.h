/*
 * One TCP connection to a name and port, with TLS at once, later (STARTTLS) or never,
 * for the collectors whose protocol is not HTTP. Names are resolved by loop/resolve,
 * addresses tried in turn, each for its share of the one deadline, as fetch does; the
 * classes and times of the phases are fetch's too.
 *
 * Whatever is wrong with a certificate, the handshake is made, so that what was shown
 * can be told; then the stream ends: nothing is ever sent to whom it does not trust.
 */
#ifndef VT_LOOP_STREAM_H
#define VT_LOOP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/fetch.h"
#include "loop/resolve.h"
#include "loop/tls.h"

struct loop;
struct stream_pool;
struct stream;

struct stream_request {		/* pointers are borrowed until stream_start() returns */
	const char *host;	/* a name or an address, no brackets */
	unsigned port;
	enum resolve_family family;
	int64_t dns_cache_us;	/* as resolve's max_age_us */
	int64_t timeout_us;	/* from the start to stream_close() */
	bool tls;		/* as soon as it is connected */
	const char *name;	/* what TLS asks for and checks; NULL: host */
	const char *ca_file;	/* NULL: the system's bundle */
	enum tls_version least;
	size_t read_max;	/* unread bytes kept; more waits at the sender */
};

struct stream_info {
	enum fetch_class class;	/* FETCH_OK until it ends */
	char sentence[256];	/* why it ended, English; may hold addresses: admin only */
	double dns, connect, tls; /* seconds; NAN where it did not take place */
	int64_t received;	/* bytes of what they said, decrypted */
	char address[RESOLVE_ADDRESS_SIZE]; /* connected to, or tried last */
	struct tls_seen seen;	/* of a handshake that was made, good or not */
};

enum stream_event {
	STREAM_READY,		/* connected, and secured if TLS was asked for; comes
				 * again after stream_start_tls() */
	STREAM_DATA,		/* there is more to read */
	STREAM_END,		/* it failed, or the other side closed it: FETCH_CLOSED.
				 * What came before can be read. The last event */
};

/* -> NULL never. Streams must be closed before their pool. */
struct stream_pool *stream_pool_create(struct loop *loop, struct resolve *resolve);
void stream_pool_destroy(struct stream_pool *pool); /* NULL is fine */

/* cb comes from the loop, never from within a call of ours; it may close the stream. */
typedef void stream_cb(struct stream *stream, enum stream_event event, void *arg);
struct stream *stream_start(struct stream_pool *pool, const struct stream_request *request,
    stream_cb *cb, void *arg);
/* At any time, after STREAM_END too; no event comes any more. goodbye: sent before if
 * the connection is good and takes it at once; NULL: nothing. */
void stream_close(struct stream *stream, const char *goodbye, size_t length);

/* Between STREAM_READY and the end. */
void stream_write(struct stream *stream, const void *data, size_t length);
/* What came in the clear must have been read: more of it is the end (FETCH_PROTOCOL). */
void stream_start_tls(struct stream *stream);
/* What is unread, to be looked at until the next call; "" if nothing. */
const char *stream_peek(struct stream *stream, size_t *length);
void stream_consume(struct stream *stream, size_t length);

const struct stream_info *stream_info(const struct stream *stream);

#endif
