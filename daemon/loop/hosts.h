/*
 * A hosts file, read again when it changes; the file is looked at no more than
 * once a second.
 */
#ifndef VT_LOOP_HOSTS_H
#define VT_LOOP_HOSTS_H

#include <stddef.h>

#include "loop/address.h"

struct hosts;

struct hosts *hosts_open(const char *path); /* the file need not exist */
void hosts_close(struct hosts *hosts);

/* Addresses of a name (lower case) in the order of the file; version 4, 6, or 0
 * for both. -> how many of them are in out, at most max */
size_t hosts_find(struct hosts *hosts, const char *name, int version, struct address *out,
    size_t max);

/* Parses a hosts file's text instead; for tests and fuzzing. */
void hosts_parse(struct hosts *hosts, const char *text, size_t length);

#endif
