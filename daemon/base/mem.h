/*
 * Memory: allocation that aborts when there is none, and the magic numbers that
 * catch a wrong pointer behind a void *.
 */
#ifndef VT_BASE_MEM_H
#define VT_BASE_MEM_H

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* All abort with a message when memory is out; the result is never NULL. */
void *mem_alloc(size_t size);
void *mem_zalloc(size_t size); /* zeroed */
void *mem_array(size_t count, size_t size); /* zeroed; aborts on overflow */
void *mem_resize(void *old, size_t count, size_t size);
char *mem_strdup(const char *text); /* NULL gives NULL */
char *mem_strndup(const char *text, size_t length);
char *mem_vprintf(const char *format, va_list ap) __attribute__((format(printf, 1, 0)));
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *mem_dup(const void *data, size_t size);
/* Big buffers (a page being compressed, rows of an archive) go back to the system as
 * soon as they are freed, instead of staying as holes; once, before threads begin. */
void mem_set_up(void);
/* Gives back the pages of program and libraries that only their start needed: the
 * linker touches each of some eighty libraries, and the kernel maps what lies around.
 * What is still used comes back from the page cache by itself. Takes about a
 * millisecond; any thread. */
void mem_release_start(void);

/* A struct that travels as void * begins with MAGIC; MAGIC_CHECK asserts ours. */
#define MAGIC uint32_t magic
#define MAGIC_SET(object, value) ((object)->magic = (value))
#define MAGIC_CHECK(object, value) \
	assert((object) != NULL && (object)->magic == (value))
#define MAGIC_CLEAR(object) ((object)->magic = 0xdeadbeef)

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#endif
