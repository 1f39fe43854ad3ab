/*
 * The words before TLS: how a client of SMTP, IMAP, LDAP or PostgreSQL asks for it in the
 * clear. Only the dialogue, fed with what came; the connection is the caller's.
 */
#ifndef VT_COLLECTORS_STARTTLS_H
#define VT_COLLECTORS_STARTTLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum starttls_kind {
	STARTTLS_NONE, STARTTLS_SMTP, STARTTLS_IMAP, STARTTLS_LDAP, STARTTLS_POSTGRES
};
extern const char *const starttls_names[]; /* by kind, NULL-terminated */

struct starttls {
	enum starttls_kind kind;
	int stage;
	unsigned lines;
	bool offered;
};

enum starttls_step {
	STARTTLS_MORE,		/* there has to come more */
	STARTTLS_GO,		/* TLS begins now */
	STARTTLS_FAILED,
};

/* What a message may be long at most: the caller need not keep more unread. */
#define STARTTLS_UNREAD_MAX 4096

/* What is to be sent first, if anything, goes to out. kind is not NONE. */
void starttls_begin(struct starttls *it, enum starttls_kind kind, struct buf *out);
/* data: all that is unread; *used of it is done with. What is to be sent goes to out.
 * error: why it failed, which quotes what the server said: to be cleaned. */
enum starttls_step starttls_feed(struct starttls *it, const char *data, size_t length,
    size_t *used, struct buf *out, char error[256]);
/* What ends a session politely once it is secured; *length 0: nothing does. */
const char *starttls_goodbye(enum starttls_kind kind, size_t *length);

#endif
