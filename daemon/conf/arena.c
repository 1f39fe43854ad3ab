/* The arena: chunks that double up to a bound, each filled from its front. */
#include "conf/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CHUNK_MIN 4096
#define CHUNK_MAX 262144
#define ALIGNMENT 16

struct arena_chunk {
	struct arena_chunk *before;
	size_t size, used;
	_Alignas(ALIGNMENT) char data[];
};

static void *
take(struct arena *arena, size_t size, size_t alignment)
{
	struct arena_chunk *chunk = arena->chunk;
	size_t at, wanted;

	if (chunk != NULL) {
		at = (chunk->used + alignment - 1) & ~(alignment - 1);
		if (at <= chunk->size && size <= chunk->size - at) {
			chunk->used = at + size;
			return chunk->data + at;
		}
	}
	wanted = chunk == NULL ? CHUNK_MIN : chunk->size * 2;
	if (wanted > CHUNK_MAX)
		wanted = CHUNK_MAX;
	if (wanted < size)
		wanted = size;
	chunk = mem_zalloc(sizeof(*chunk) + wanted);
	chunk->before = arena->chunk;
	chunk->size = wanted;
	chunk->used = size;
	arena->chunk = chunk;
	arena->total += sizeof(*chunk) + wanted;
	return chunk->data;
}

void *
arena_zalloc(struct arena *arena, size_t size)
{
	return take(arena, size, ALIGNMENT);
}

void *
arena_array(struct arena *arena, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		abort();
	return take(arena, bytes, ALIGNMENT);
}

char *
arena_strndup(struct arena *arena, const char *text, size_t length)
{
	char *copy = take(arena, length + 1, 1);

	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

char *
arena_strdup(struct arena *arena, const char *text)
{
	return text == NULL ? NULL : arena_strndup(arena, text, strlen(text));
}

char *
arena_printf(struct arena *arena, const char *format, ...)
{
	va_list ap;
	char *copy;
	int length;

	va_start(ap, format);
	length = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	assert(length >= 0);
	copy = take(arena, (size_t)length + 1, 1);
	va_start(ap, format);
	vsnprintf(copy, (size_t)length + 1, format, ap);
	va_end(ap);
	return copy;
}

void
arena_free(struct arena *arena)
{
	struct arena_chunk *chunk = arena->chunk, *before;

	for (; chunk != NULL; chunk = before) {
		before = chunk->before;
		free(chunk);
	}
	arena->chunk = NULL;
	arena->total = 0;
}
