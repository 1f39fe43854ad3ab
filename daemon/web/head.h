/*
 * The head of a request as the server reads it: the target and the few header fields
 * that matter here, one call each. Knows nothing of libmicrohttpd.
 */
#ifndef VT_WEB_HEAD_H
#define VT_WEB_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "web/server.h"

#define HEAD_HOST_SIZE 264

struct head {
	struct server_head seen; /* what the handler is shown */
	bool bad;		 /* target or Host do not parse */
	bool body;		 /* one is announced */
	bool absolute;		 /* the target named the host, which then counts */
	unsigned hosts;		 /* Host lines */
	/* As sent, NULL if not: borrowed from the caller of head_field(), or joined. */
	const char *accept, *accept_encoding, *if_none_match;
	char *joined[3];
	char host[HEAD_HOST_SIZE];
};

/* Reads the target into head, which is zeroed; text has room for twice its length
 * and two bytes, and is borrowed. */
void head_target(struct head *head, const char *target, char *text);
/* One header field. Lines of the same name are one list. */
void head_field(struct head *head, const char *name, size_t name_length,
    const char *value, size_t length);
/* After the last. */
void head_end(struct head *head);
/* What head_field() was given goes away; seen stays readable. */
void head_keep(struct head *head);
void head_clear(struct head *head); /* frees what it joined */

#endif
