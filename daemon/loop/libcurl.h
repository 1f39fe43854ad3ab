/*
 * libcurl, for the files of loop/transfer alone: the one file that includes
 * curl/curl.h, and what those files share.
 *
 * transfer.c	an exchange: handles, options, what is received
 * multi.c	multi handles on the loop
 * outcome.c	how an exchange ended
 * url.c	URLs, read by the same parser that libcurl uses
 */
#ifndef VT_LOOP_LIBCURL_H
#define VT_LOOP_LIBCURL_H

#include <curl/curl.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/tree.h"
#include "loop/transfer.h"

#define TRANSFER_MAGIC 0x7866657a
#define TRANSFER_POOL_MAGIC 0x7866706c

struct transfer {
	MAGIC;
	TAILQ_ENTRY(transfer) entry; /* running, idle or keyed list */
	RB_ENTRY(transfer) key_link;
	struct transfer_pool *pool;
	struct multi *multi; /* while it runs */
	CURL *easy;
	char *key; /* of those that keep TLS sessions */
	int64_t created_us;
	int64_t expires_s; /* of the certificate seen last, keyed only */
	bool dirty;
	/* of the exchange */
	transfer_cb *cb;
	void *arg;
	struct buf *headers, *body;
	struct curl_slist *header_list, *connect_list;
	int64_t opened_us, tls_began_us; /* the socket, the handshake; 0: not yet */
	int64_t max_body, body_bytes;
	size_t header_bytes, tunnel_bytes;
	int open_error; /* errno of socket() */
	int open_family;
	unsigned codings; /* upon the body */
	bool tls, proxied, wants_certificate, drop_redirect_body, too_large, headers_too_large;
	char error[CURL_ERROR_SIZE];
};

struct multi {
	MAGIC;
	TAILQ_ENTRY(multi) entry;
	struct transfer_pool *pool;
	CURLM *curl;
	struct loop_timer *timer;
	char *ca_file;
	struct stat ca_seen;
	int64_t ca_checked_us;
	bool stale; /* the CA file is another by now */
	unsigned running, draining;
};

RB_HEAD(key_tree, transfer);
TAILQ_HEAD(transfer_list, transfer);
TAILQ_HEAD(multi_list, multi);

struct transfer_pool {
	MAGIC;
	struct loop *loop;
	struct multi_list multis; /* most recently used first */
	unsigned multi_count;
	struct transfer_list running, idle;
	struct transfer_list keyed; /* least recently used first; idle or not */
	struct key_tree keys;
	unsigned idle_count, keyed_count;
};

/* multi.c. transfer_done() is called from within, once libcurl has returned; the
 * transfer is not in the multi handle any more. */
struct multi *multi_get(struct transfer_pool *pool, const char *ca_file);
void multi_rest(struct multi *multi); /* a transfer has left it: it may go, too */
void multi_destroy(struct multi *multi);
void transfer_done(struct transfer *transfer, CURLcode code);

/* Takes note of it while there is a connection, once an exchange. */
void transfer_see_certificate(struct transfer *transfer);

/* outcome.c */
void outcome_take(struct transfer *transfer, struct transfer_outcome *out);
enum fetch_class outcome_class(struct transfer *transfer, CURLcode code,
    struct transfer_outcome *out);
enum fetch_class outcome_timeout(struct transfer *transfer);

#endif
