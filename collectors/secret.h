/*
 * A secret that stands in a file: read when it is needed and again when the file
 * changed, kept in memory between, wiped when it goes. The file is small and local,
 * so it is read on the loop.
 */
#ifndef VT_COLLECTORS_SECRET_H
#define VT_COLLECTORS_SECRET_H

struct secret; /* opaque */

struct secret *secret_create(const char *path);
void secret_destroy(struct secret *secret); /* NULL is fine */

/* The file's text without newlines at its end; borrowed until the next call. -> NULL
 * with a sentence, which names the file and never its content: unreadable, empty, over
 * 64 KiB, or with control characters in it (a header would end there). */
const char *secret_get(struct secret *secret, char error[256]);

#endif
