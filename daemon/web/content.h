/*
 * What the server keeps of a content: the bodies, their tags, and a place for the
 * responses that it makes of them. For web/server only; others see server.h.
 */
#ifndef VT_WEB_CONTENT_H
#define VT_WEB_CONTENT_H

#include "base/mem.h"
#include "web/server.h"

#define CONTENT_TAG_SIZE 32

struct MHD_Response;

struct server_content {
	MAGIC;
	unsigned references;
	unsigned status;
	char *type;
	char **headers;	/* "Name: value", NULL-terminated */
	struct buf body[SERVER_ENCODINGS];
	char tag[SERVER_ENCODINGS][CONTENT_TAG_SIZE]; /* with quotes; "" if none */
	bool several;	/* encodings are offered */
	bool closes;	/* the connection */
	size_t size;
	/* The server's: made at the first use, destroyed by forget. */
	struct MHD_Response *full[SERVER_ENCODINGS];
	struct MHD_Response *same[SERVER_ENCODINGS]; /* 304 */
	void (*forget)(struct server_content *content);
};

/* A few bytes of text; header: one more, or NULL. */
struct server_content *content_of_text(unsigned status, const char *type,
    const char *text, const char *header);
/* The encoding that an Accept-Encoding (NULL: none was sent) likes best; the smaller
 * of two equals. A client that takes none gets the identity: it can still say no. */
enum server_encoding content_choose(const struct server_content *content,
    const char *accepts);
/* Whether an If-None-Match (or NULL) names this encoding's tag. */
bool content_is_known(const struct server_content *content, enum server_encoding encoding,
    const char *tags);

#endif
