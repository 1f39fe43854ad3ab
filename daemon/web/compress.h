/*
 * Bodies made small: gzip and brotli. Pure functions, safe on any thread; the only
 * file with zlib.h and brotli/encode.h.
 */
#ifndef VT_WEB_COMPRESS_H
#define VT_WEB_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Replaces what is in out; leaves it empty if the result is not smaller. The effort is
 * for pages that the next poll changes: what stays is compressed when it is built. */
void compress_gzip(const void *data, size_t length, struct buf *out);
void compress_brotli(const void *data, size_t length, struct buf *out);

/* Whether a body of this type and length is worth it: text of 500 bytes or more. */
bool compress_helps(const char *type, size_t length);

#endif
