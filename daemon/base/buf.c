/* A growing byte buffer with an optional limit. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
buf_free(struct buf *buf)
{
	free(buf->data);
	buf->data = NULL;
	buf->length = buf->size = 0;
	buf->full = false;
}

void
buf_clear(struct buf *buf)
{
	buf->length = 0;
	buf->full = false;
	if (buf->data != NULL)
		buf->data[0] = '\0';
}

void
buf_reserve(struct buf *buf, size_t more)
{
	size_t need = buf->length + more + 1;
	size_t size = buf->size > 0 ? buf->size : 64;

	if (need <= buf->size)
		return;
	while (size < need)
		size *= 2;
	buf->data = mem_resize(buf->data, size, 1);
	buf->size = size;
}

void
buf_add(struct buf *buf, const void *data, size_t length)
{
	if (buf->limit > 0 && length > buf->limit - buf->length) {
		length = buf->limit - buf->length;
		buf->full = true;
	}
	buf_reserve(buf, length);
	if (length > 0)
		memcpy(buf->data + buf->length, data, length);
	buf->length += length;
	buf->data[buf->length] = '\0';
}

void
buf_add_text(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void
buf_add_char(struct buf *buf, char c)
{
	buf_add(buf, &c, 1);
}

void
buf_printf(struct buf *buf, const char *format, ...)
{
	char small[256], *large;
	va_list ap, again;
	int length;

	va_start(ap, format);
	va_copy(again, ap);
	length = vsnprintf(small, sizeof(small), format, ap);
	va_end(ap);
	assert(length >= 0);
	if ((size_t)length < sizeof(small)) {
		buf_add(buf, small, length);
	} else {
		large = mem_alloc(length + 1);
		vsnprintf(large, length + 1, format, again);
		buf_add(buf, large, length);
		free(large);
	}
	va_end(again);
}

void
buf_remove(struct buf *buf, size_t length)
{
	assert(length <= buf->length);
	if (length == 0)
		return;
	memmove(buf->data, buf->data + length, buf->length - length + 1);
	buf->length -= length;
}

void
buf_add_html(struct buf *buf, const char *text, size_t length)
{
	size_t start = 0, i;

	for (i = 0; i < length; i++) {
		unsigned char c = text[i];
		const char *entity = NULL;

		switch (c) {
		case '&':
			entity = "&amp;";
			break;
		case '<':
			entity = "&lt;";
			break;
		case '>':
			entity = "&gt;";
			break;
		case '"':
			entity = "&quot;";
			break;
		case '\'':
			entity = "&#39;";
			break;
		default:
			if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
				entity = "\xef\xbf\xbd";
			else
				continue;
		}
		buf_add(buf, text + start, i - start);
		buf_add_text(buf, entity);
		start = i + 1;
	}
	buf_add(buf, text + start, length - start);
}

void
buf_add_csv(struct buf *buf, const char *text)
{
	bool number = text[0] == '-' && text[1] >= '0' && text[1] <= '9';
	bool risky = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL && !number;
	const char *p;

	if (!risky && strpbrk(text, ",;\"\r\n") == NULL) {
		buf_add_text(buf, text);
		return;
	}
	buf_add_char(buf, '"');
	if (risky)
		buf_add_char(buf, '\'');
	for (p = text; *p != '\0'; p++) {
		if (*p == '"')
			buf_add_char(buf, '"');
		buf_add_char(buf, *p);
	}
	buf_add_char(buf, '"');
}

char *
buf_take(struct buf *buf)
{
	char *data;

	buf_reserve(buf, 0);
	buf->data[buf->length] = '\0';
	data = buf->data;
	buf->data = NULL;
	buf->length = buf->size = 0;
	return data;
}
