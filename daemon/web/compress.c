/* gzip and brotli, a whole body at a time. */
#include "web/compress.h"

#include <brotli/encode.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"

#define LENGTH_MIN 500
#define GZIP_LEVEL 6
#define BROTLI_LEVEL 5        /* a page of 100 KB in 2 ms; 11 would take 200 */
#define GZIP_WINDOW (15 + 16) /* 32 KiB, with a gzip header */

static void
keep(struct buf *out, size_t length, size_t original)
{
	if (length >= original)
		length = 0;
	out->length = length;
	out->data[length] = '\0';
}

void
compress_gzip(const void *data, size_t length, struct buf *out)
{
	z_stream stream = {.next_in = (Bytef *)data, .avail_in = length};
	size_t bound;
	int code;

	buf_clear(out);
	if (deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8,
		Z_DEFAULT_STRATEGY) != Z_OK)
		return;
	bound = deflateBound(&stream, length);
	buf_reserve(out, bound);
	stream.next_out = (Bytef *)out->data;
	stream.avail_out = bound;
	code = deflate(&stream, Z_FINISH);
	keep(out, code == Z_STREAM_END ? stream.total_out : length, length);
	deflateEnd(&stream);
}

void
compress_brotli(const void *data, size_t length, struct buf *out)
{
	size_t bound = BrotliEncoderMaxCompressedSize(length), size = bound;

	buf_clear(out);
	if (bound == 0)
		return;
	buf_reserve(out, bound);
	if (!BrotliEncoderCompress(BROTLI_LEVEL, BROTLI_DEFAULT_WINDOW,
		BROTLI_MODE_TEXT, length, data, &size, (uint8_t *)out->data))
		size = length;
	keep(out, size, length);
}

bool
compress_helps(const char *type, size_t length)
{
	static const char *const text[] = {"text/", "application/json",
	    "application/javascript", "application/xml", "application/ld+json",
	    "application/atom+xml", "application/openmetrics-text", "image/svg+xml"};
	size_t i;

	if (type == NULL || length < LENGTH_MIN)
		return false;
	for (i = 0; i < ARRAY_LENGTH(text); i++)
		if (strncmp(type, text[i], strlen(text[i])) == 0)
			return true;
	return false;
}
