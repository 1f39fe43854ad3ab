/*
 * An arena: memory that is given back all at once. A snapshot is thousands of small
 * strings and structs with one life; the tree of nodes it is bound from, likewise.
 */
#ifndef VT_CONF_ARENA_H
#define VT_CONF_ARENA_H

#include <stddef.h>

struct arena {
	struct arena_chunk *chunk; /* the one being filled, linked to those before */
	size_t total;		   /* bytes taken from the system */
};

#define ARENA_INIT {0}

void *arena_zalloc(struct arena *arena, size_t size); /* zeroed, for any type */
void *arena_array(struct arena *arena, size_t count, size_t size); /* zeroed */
char *arena_strdup(struct arena *arena, const char *text); /* NULL gives NULL */
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void arena_free(struct arena *arena); /* empty and usable afterwards */

#endif
