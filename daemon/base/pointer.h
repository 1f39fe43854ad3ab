/*
 * JSON pointers (RFC 6901) and comparisons with what they point to, as written in
 * the configuration:
 *
 *	/status = "ok"		= or ==, !=: with a text, a number, true, false, null
 *	/queue/pending < 10	<, <=, >, >=: with a number
 *	/a/b			it is there, whatever it is (null too)
 *	"/a key" = 1		a pointer with a blank or an operator in it, quoted
 *
 * What is missing satisfies nothing, != neither.
 */
#ifndef VT_BASE_POINTER_H
#define VT_BASE_POINTER_H

#include <jansson.h>

/* What an RFC 6901 pointer ("" or "/a/0/b~1c") leads to, borrowed; or NULL. */
json_t *pointer_find(json_t *document, const char *pointer);

struct pointer; /* a comparison, opaque */

/* -> NULL with what is wrong and what was expected. */
struct pointer *pointer_parse(const char *text, char error[256]);
void pointer_free(struct pointer *pointer); /* NULL is fine */

/* -> 1 it holds; 0 it does not; ERR_NOT_FOUND nothing is there; ERR_RANGE what is
 * there has no order with a number. All but 1 with a sentence: "/queue/pending is 12,
 * expected < 10", of which what the document gives is cut short. */
int pointer_test(const struct pointer *pointer, json_t *document, char sentence[256]);

#endif
