/*
 * A growing byte buffer. It is a plain struct, so that it can stand on the stack
 * or within another; data is always followed by a NUL that length does not count.
 */
#ifndef VT_BASE_BUF_H
#define VT_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;
	size_t length;
	size_t size;
	size_t limit;	/* 0: none. What would pass it is dropped and sets full */
	bool full;
};

#define BUF_INIT {0}

void buf_free(struct buf *buf); /* the buffer is empty and usable afterwards */
void buf_clear(struct buf *buf); /* length 0, memory kept */
void buf_reserve(struct buf *buf, size_t more);
void buf_add(struct buf *buf, const void *data, size_t length);
void buf_add_text(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void buf_remove(struct buf *buf, size_t length); /* from the front */
/* Escaped for text and double-quoted attributes of HTML and XML; control
 * characters that XML does not know become U+FFFD. */
void buf_add_html(struct buf *buf, const char *text, size_t length);
/* One field of a CSV record (RFC 4180), quoted where needed; a leading = + - @
 * gets an apostrophe, so that a spreadsheet does not run it. */
void buf_add_csv(struct buf *buf, const char *text);
/* Gives the memory to the caller, to be freed with free(); never NULL. */
char *buf_take(struct buf *buf);

#endif
