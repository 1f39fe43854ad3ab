/*
 * What of a text must not be shown, because it looks like a secret: the value of a
 * header or of a parameter of a URL, by its name.
 */
#ifndef VT_CONF_MASK_H
#define VT_CONF_MASK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define MASK "********"

/* Whether what stands under a name is likely to be a secret. */
bool mask_looks_secret(const char *name, size_t length);
/* "X-Api-Key: abc" as "X-Api-Key: ********", any other line as it is. */
void mask_header(const char *line, struct buf *out);
/* The user and password of a URL, and what its query's parameters hold where they look
 * like it. */
void mask_url(const char *url, struct buf *out);

#endif
