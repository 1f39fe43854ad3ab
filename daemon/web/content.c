/*
 * Contents: immutable once made, counted, the loop's alone. The tag is a hash of the
 * identity body; an encoded body is another representation and has its own.
 */
#include "web/content.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "web/header.h"

#define CONTENT_MAGIC 0x636e746e
#define RESPONSE_BYTES 400 /* what a library's response takes, about */

/* With no more memory than it needs: contents live long. */
static void
take_body(struct buf *to, struct buf *from)
{
	*to = *from;
	*from = (struct buf)BUF_INIT;
	if (to->size <= to->length + 1)
		return;
	to->data = mem_resize(to->data, to->length + 1, 1);
	to->size = to->length + 1;
}

struct server_content *
server_content_create(unsigned status, const char *type,
    struct buf bodies[SERVER_ENCODINGS], const char *const *headers)
{
	static const char *const suffix[SERVER_ENCODINGS] = {"", "-gz", "-br"};
	struct server_content *content = mem_zalloc(sizeof(*content));
	size_t count = 0, i;
	uint64_t hash = 0;
	bool tagged = status == 200;
	int e;

	MAGIC_SET(content, CONTENT_MAGIC);
	content->references = 1;
	content->status = status;
	content->type = mem_strdup(type);
	while (headers != NULL && headers[count] != NULL)
		count++;
	content->headers = mem_array(count + 1, sizeof(char *));
	content->size = sizeof(*content);
	for (i = 0; i < count; i++) {
		content->headers[i] = mem_strdup(headers[i]);
		content->size += 2 * strlen(headers[i]);
		if (strcasestr(headers[i], "no-store") != NULL)
			tagged = false; /* nobody may have it to ask by */
	}
	if (tagged)
		hash = text_hash(bodies[SERVER_IDENTITY].data,
		    bodies[SERVER_IDENTITY].length, TEXT_HASH_SEED);
	for (e = 0; e < SERVER_ENCODINGS; e++) {
		take_body(&content->body[e], &bodies[e]);
		if (content->body[e].length == 0 && e != SERVER_IDENTITY)
			continue;
		content->size += content->body[e].size + RESPONSE_BYTES;
		content->several = content->several || e != SERVER_IDENTITY;
		if (tagged)
			snprintf(content->tag[e], CONTENT_TAG_SIZE, "\"%016llx%s\"",
			    (unsigned long long)hash, suffix[e]);
	}
	return content;
}

struct server_content *
content_of_text(unsigned status, const char *type, const char *text, const char *header)
{
	const char *const headers[] = {header, NULL};
	struct buf bodies[SERVER_ENCODINGS] = {0};

	buf_add_text(&bodies[SERVER_IDENTITY], text);
	return server_content_create(status, type, bodies, headers);
}

void
server_content_ref(struct server_content *content)
{
	MAGIC_CHECK(content, CONTENT_MAGIC);
	content->references++;
}

void
server_content_unref(struct server_content *content)
{
	size_t i;
	int e;

	if (content == NULL)
		return;
	MAGIC_CHECK(content, CONTENT_MAGIC);
	if (--content->references > 0)
		return;
	if (content->forget != NULL)
		content->forget(content);
	for (e = 0; e < SERVER_ENCODINGS; e++)
		buf_free(&content->body[e]);
	for (i = 0; content->headers[i] != NULL; i++)
		free(content->headers[i]);
	free(content->headers);
	free(content->type);
	MAGIC_CLEAR(content);
	free(content);
}

size_t
server_content_size(const struct server_content *content)
{
	return content->size;
}

enum server_encoding
content_choose(const struct server_content *content, const char *accepts)
{
	static const struct {
		enum server_encoding encoding;
		const char *name;
	} choices[] = {{SERVER_GZIP, "gzip"}, {SERVER_BROTLI, "br"}};
	enum server_encoding best = SERVER_IDENTITY;
	int weight, best_weight;
	size_t i;

	if (!content->several || accepts == NULL)
		return best;
	best_weight = header_weight(accepts, "identity");
	for (i = 0; i < ARRAY_LENGTH(choices); i++) {
		if (content->body[choices[i].encoding].length == 0)
			continue;
		weight = header_weight(accepts, choices[i].name);
		if (weight > 0 && weight >= best_weight) {
			best = choices[i].encoding;
			best_weight = weight;
		}
	}
	return best;
}

bool
content_is_known(const struct server_content *content, enum server_encoding encoding,
    const char *tags)
{
	return tags != NULL && content->tag[encoding][0] != '\0' &&
	       header_names_tag(tags, content->tag[encoding]);
}
