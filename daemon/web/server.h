/*
 * The HTTP server: libmicrohttpd without threads, its epoll descriptor an event of
 * the loop. The only file with microhttpd.h. Reads only: GET and HEAD, a body is
 * refused. Heads, idle time and the number of connections are bounded; when full,
 * the longest idle gives way. No address of a visitor is kept or logged.
 */
#ifndef VT_WEB_SERVER_H
#define VT_WEB_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "conf/option.h"

struct loop;
struct server;
struct server_request;

enum server_encoding { SERVER_IDENTITY, SERVER_GZIP, SERVER_BROTLI, SERVER_ENCODINGS };

/* What is sent: immutable, counted, shared by any number of requests. */
struct server_content;
/* Takes the memory of the bodies; an encoding with an empty body is not offered
 * (identity always is). headers: "Name: value", NULL-terminated, or NULL. A 200 gets
 * an ETag, made from the identity body, unless its headers say no-store. The caller
 * holds one reference. */
struct server_content *server_content_create(unsigned status, const char *type,
    struct buf bodies[SERVER_ENCODINGS], const char *const *headers);
void server_content_ref(struct server_content *content);
void server_content_unref(struct server_content *content);
size_t server_content_size(const struct server_content *content); /* memory, bytes */

/* What a request says; belongs to the request until it is answered. */
struct server_head {
	const char *path;	/* percent-decoded UTF-8 without NUL, begins with / */
	const char *query;	/* as sent, without the ?; "" if none */
	const char *host;	/* lower case, with :port if sent; "" if none */
	const char *accept;	/* "" if none */
	bool loopback;		/* the peer is on this machine (or a Unix socket) */
};

/* Answers exactly once with server_reply(), now or later. */
typedef void server_handler(struct server_request *request, const struct server_head *head,
    void *arg);
/* Chooses the encoding, answers 304 where the client has it. Borrows the content. */
void server_reply(struct server_request *request, struct server_content *content);
/* The same for a few bytes that nobody keeps. */
void server_reply_text(struct server_request *request, unsigned status, const char *type,
    const char *text);

/* addresses: "127.0.0.1:8080", "[::1]:8080", "unix:/path"; port 0 takes a free one.
 * Beyond connections_max the longest idle gives way. -> 0 or negative,
 * the log has the words. */
int server_open(struct loop *loop, const struct conf_strings *addresses,
    unsigned connections_max, server_handler *handler, void *arg, struct server **out);
/* Requests not yet answered are dropped: answering them later is safe. */
void server_close(struct server *server);
/* The i-th address as bound ("127.0.0.1:43211"), NULL beyond the last. */
const char *server_address(const struct server *server, size_t i);

struct server_stats {
	uint64_t requests, not_modified;
	uint64_t refused;	/* requests and connections that no handler saw */
	uint64_t dismissed;	/* connections that gave way, or were too slow */
	uint64_t by_status[6];	/* 1xx..5xx at 1..5 */
	unsigned connections;
};
void server_stats(const struct server *server, struct server_stats *out);

#endif
