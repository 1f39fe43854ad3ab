/* web/query, web/header, web/head: a byte that chooses, then what a visitor may send.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "web/head.h"
#include "web/header.h"
#include "web/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fuzz_path(const char *text)
{
	size_t length = strlen(text);
	char *out = mem_alloc(length + 1);

	if (query_path(text, length, out) == 0)
		assert(out[0] == '/' && text_is_utf8(out, strlen(out)) &&
		       strstr(out, "/../") == NULL);
	free(out);
}

static void
fuzz_query(const char *text)
{
	char value[16];

	if (query_get(text, "p", value, sizeof(value)) == 0)
		assert(strlen(value) < sizeof(value));
	else
		assert(value[0] == '\0');
}

static void
fuzz_headers(const char *text)
{
	char host[32];

	assert(header_weight(text, "gzip") <= 1000);
	assert(header_media_weight(text, "text/plain") <= 1000);
	header_names_tag(text, "\"0123456789abcdef\"");
	if (header_host(text, strlen(text), host, sizeof(host)))
		assert(strpbrk(host, "/<>\"' \n@") == NULL);
}

/* A target, then header fields, a line each. */
static void
fuzz_head(char *text)
{
	struct head head = {0};
	char *target = text, *line = strchr(text, '\n'), *colon, *room;

	if (line != NULL)
		*line++ = '\0';
	room = mem_alloc(2 * strlen(target) + 2);
	head_target(&head, target, room);
	while (line != NULL && *line != '\0') {
		char *next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		colon = strchr(line, ':');
		if (colon != NULL)
			head_field(
			    &head, line, colon - line, colon + 1, strlen(colon + 1));
		line = next;
	}
	head_end(&head);
	head_keep(&head);
	assert(head.bad || (head.seen.path[0] == '/' && strlen(head.seen.host) < 264));
	head_clear(&head);
	free(room);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0)
		return 0;
	text = mem_strndup((const char *)data + 1, size - 1);
	if (data[0] == 'p')
		fuzz_path(text);
	else if (data[0] == 'q')
		fuzz_query(text);
	else if (data[0] == 't')
		fuzz_head(text);
	else
		fuzz_headers(text);
	free(text);
	return 0;
}
