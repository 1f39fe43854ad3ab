/*
 * One HTTP exchange with one address, by libcurl's multi interface on the loop.
 * Which address, how long, and what follows a redirect are in loop/fetch.
 */
#ifndef VT_LOOP_TRANSFER_H
#define VT_LOOP_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "loop/fetch.h"
#include "loop/url.h"

struct loop;
struct transfer_pool;
struct transfer;

/* All pointers must stay until the transfer ends. */
struct transfer_request {
	const struct url *url;
	const char *method;
	const char *const *headers;	/* "Name: value", NULL-terminated; or NULL */
	const char *body;
	size_t body_length;
	const char *user, *password, *bearer;
	const char *address;		/* textual; of the proxy if there is one */
	const struct url *proxy;	/* http://, or NULL */
	const char *ca_file;
	const char *certificate_file, *private_key_file;
	enum fetch_reuse reuse;
	int64_t max_body;
	bool want_certificate;
	bool drop_redirect_body;	/* of an answer with a redirecting status */
};

struct transfer_outcome {
	enum fetch_class class;
	char detail[160];		/* the library's words, or empty */
	int status, http_version;	/* 0 if no answer came */
	bool headers_too_large;
	bool no_way;			/* we have none to an address of that family */
	int proxy_status;		/* to CONNECT, where it was not 2xx; else 0 */
	int64_t connect_us, tls_us, first_byte_us; /* -1: did not take place */
	int64_t certificate_expires_s;
	int64_t wire_bytes, body_bytes;
};

struct transfer_pool *transfer_pool_create(struct loop *loop);
void transfer_pool_destroy(struct transfer_pool *pool); /* all transfers have ended */

/* cb is called once, never before this returns; the transfer is gone by then.
 * headers and body are filled meanwhile. -> NULL if libcurl refuses (logged) */
typedef void transfer_cb(const struct transfer_outcome *outcome, void *arg);
struct transfer *transfer_start(struct transfer_pool *pool,
    const struct transfer_request *request, struct buf *headers, struct buf *body,
    transfer_cb *cb, void *arg);
/* Ends it now, without cb; out, if not NULL, tells what was under way as the class
 * of a time-out. Not from within libcurl's callbacks; from cb of another it may be. */
void transfer_stop(struct transfer *transfer, struct transfer_outcome *out);
bool transfer_is_connected(struct transfer *transfer); /* TCP */

const char *transfer_ca_file(void); /* the system's bundle */

#endif
