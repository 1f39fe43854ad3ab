/*
 * HTTP requests by libcurl's multi interface on the loop. Names are resolved by
 * loop/resolve and the connection is pinned to the address (CURLOPT_CONNECT_TO);
 * addresses are tried in order; redirects are followed hop by hop here, each hop
 * resolved, credentials and cookies dropped when scheme, host or port change, phases summed.
 */
#ifndef VT_LOOP_FETCH_H
#define VT_LOOP_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "loop/resolve.h"

struct loop;
struct fetch_pool;
struct fetch;
struct url;

/* How a request ended. The names of these are the classes of vetrinad(8). */
enum fetch_class {
	FETCH_OK,		/* an HTTP answer came, whole, whatever its status */
	FETCH_RESOLVE, FETCH_REFUSED, FETCH_CONNECT_TIMEOUT, FETCH_TLS_TIMEOUT,
	FETCH_FIRST_BYTE_TIMEOUT, FETCH_READ_TIMEOUT, FETCH_CERTIFICATE_EXPIRED,
	FETCH_CERTIFICATE_NAME, FETCH_CERTIFICATE_ISSUER, FETCH_TLS, FETCH_TOO_LARGE,
	FETCH_REDIRECTS, FETCH_CLOSED, FETCH_PROTOCOL, FETCH_INTERNAL,
};

enum fetch_reuse { FETCH_REUSE_NONE, FETCH_REUSE_SESSION, FETCH_REUSE_CONNECTION };

/* All pointers are borrowed until fetch_start() returns. Zero is a fit default
 * but for method, url, timeout_us, max_body, follow. */
struct fetch_request {
	const char *method;		/* "GET", "HEAD", "POST", ... */
	const char *url;		/* http or https */
	const struct url *parsed;	/* the same, from url_parse(), or NULL */
	const char *const *headers;	/* "Name: value", NULL-terminated; or NULL */
	const char *body;
	size_t body_length;
	const char *user, *password;	/* basic; not sent to another host */
	const char *bearer;		/* token; the same */
	const char *ca_file;		/* NULL: the system's bundle */
	const char *certificate_file, *private_key_file;
	const char *proxy;		/* http:// URL or NULL; environment is not read */
	enum resolve_family family;
	enum fetch_reuse reuse;
	bool fresh;			/* this once no reuse at all (a retry) */
	int64_t dns_cache_us;		/* as resolve's max_age_us */
	int64_t timeout_us;		/* whole request, all hops and addresses */
	int64_t max_body;		/* bytes, after decompression too */
	int follow;			/* redirects at most */
	bool want_certificate;		/* certificate_expires_s is wanted */
};

struct fetch_reply {
	enum fetch_class class;
	char sentence[256];	/* what failed, English; may hold addresses: admin only */
	int status;		/* HTTP, 0 if none came */
	int http_version;	/* 10, 11, 20, 0 unknown */
	int hops;		/* redirects followed */
	/* Seconds, summed over hops; NAN where the phase did not take place. */
	double dns, connect, tls, first_byte, total;
	int64_t certificate_expires_s; /* since 1970, the leaf's, of hops the first to; 0 unknown */
	struct buf headers;	/* of the last hop, lines as received (capped at 64 KiB) */
	struct buf body;	/* decompressed */
	int64_t wire_bytes;	/* of the body as received */
};

/* -> NULL if libcurl cannot begin (logged) */
struct fetch_pool *fetch_pool_create(struct loop *loop, struct resolve *resolve);
/* Running requests are cancelled. Not from within a callback of ours. */
void fetch_pool_destroy(struct fetch_pool *pool);

/* reply is the callee's to read until it returns. Called once, never before
 * fetch_start() returns. */
typedef void fetch_cb(struct fetch_reply *reply, void *arg);
struct fetch *fetch_start(struct fetch_pool *pool, const struct fetch_request *request,
    fetch_cb *cb, void *arg);
void fetch_cancel(struct fetch *fetch); /* cb is not called */

const char *fetch_class_name(enum fetch_class class);

#endif
