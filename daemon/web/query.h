/*
 * What stands in a request's target: the path and the query, from bytes that
 * anybody may have sent. Pure functions, bounded by the buffers they are given.
 */
#ifndef VT_WEB_QUERY_H
#define VT_WEB_QUERY_H

#include <stddef.h>

/* Percent-decodes a path (up to ? or the end) into UTF-8 that begins with a slash.
 * out has room for length + 1 bytes. -> 0; ERR_SYNTAX: a broken escape, a control
 * character or NUL, no UTF-8, a "." or ".." segment, no slash in front. */
int query_path(const char *raw, size_t length, char *out);

/* The value of the first parameter of this name, decoded (+ is a space), as UTF-8
 * without control characters. -> 0; ERR_NOT_FOUND; ERR_SYNTAX, ERR_RANGE (longer
 * than out holds): out is "" then. A parameter without = has the value "". */
int query_get(const char *query, const char *name, char *out, size_t size);

#endif
