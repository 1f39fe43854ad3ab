/* JSON documents: what jansson may take for one is estimated first. */
#include "collectors/document.h"

#include <stdio.h>
#include <string.h>

#define JSON_MEMORY_MAX ((size_t)64 << 20)

static json_t *
parse(const char *body, size_t length, json_error_t *error)
{
	json_t *document;

	if (length >= 3 && memcmp(body, "\xef\xbb\xbf", 3) == 0) {
		body += 3;
		length -= 3;
	}
	document = json_loadb(body, length, JSON_DECODE_ANY | JSON_ALLOW_NUL, error);
	/* An integer beyond 64 bits is no reason to see nothing of the rest. */
	if (document == NULL && json_error_code(error) == json_error_numeric_overflow)
		document = json_loadb(body, length,
		    JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, error);
	return document;
}

/* About what jansson takes for a document, in bytes: an empty object is 200 times as
 * large as its text. Commas within texts count too, which is not much. */
static size_t
json_memory(const char *body, size_t length)
{
	size_t bytes = 0, i;

	for (i = 0; i < length; i++) {
		if (body[i] == '{')
			bytes += 256;
		else if (body[i] == '[')
			bytes += 128;
		else if (body[i] == ':')
			bytes += 72;
		else if (body[i] == ',')
			bytes += 40;
	}
	return bytes;
}

json_t *
document_parse(const char *body, size_t length, char sentence[256])
{
	json_error_t error;
	json_t *document;

	if (length == 0) {
		snprintf(sentence, 256, "the body is empty, expected JSON");
		return NULL;
	}
	if (json_memory(body, length) > JSON_MEMORY_MAX) {
		snprintf(sentence, 256, "the JSON has too many values to look into");
		return NULL;
	}
	document = parse(body, length, &error);
	if (document == NULL)
		snprintf(sentence, 256,
		    "the body is not JSON: line %d, column %d: %.120s", error.line,
		    error.column, error.text);
	return document;
}
