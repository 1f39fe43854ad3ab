/*
 * collectors/expect, base/pattern, base/pointer. The input: a letter (h header, m
 * match, n not_match, j json) and the expectation on the first line, then an answer's
 * headers, a blank line, its body.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "collectors/expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct expect *
create(char kind, char *text)
{
	static const struct conf_statuses status = {1, {{200, 299}}};
	static const struct conf_strings none;
	const struct conf_strings one = {1, &text, NULL};
	const struct expect_config config = {
	    .status = &status,
	    .header = kind == 'h' ? &one : &none,
	    .match = kind == 'm' ? &one : &none,
	    .not_match = kind == 'n' ? &one : &none,
	    .json = kind == 'j' ? &one : &none,
	};
	const char *option;
	char error[256] = "";
	struct expect *expect = expect_create(&config, &option, error);

	assert((expect == NULL) == (error[0] != '\0'));
	return expect;
}

static void
judge(const struct expect *expect, const char *text, size_t length)
{
	const char *blank = length > 0 ? memmem(text, length, "\n\n", 2) : NULL;
	size_t headers = blank != NULL ? (size_t)(blank - text) + 2 : 0;
	/* Copies of their own, so that reading past an end is seen. */
	char *first = mem_dup(text, headers),
	     *second = mem_dup(text + headers, length - headers);
	const struct expect_answer answer = {
	    .status = 200,
	    .headers = first,
	    .headers_length = headers,
	    .body = second,
	    .body_length = length - headers,
	};
	char sentence[256] = "";
	enum probe_class class = expect_judge(expect, &answer, sentence);

	assert(class == PROBE_OK || class == PROBE_MATCH || class == PROBE_JSON);
	assert((class == PROBE_OK) == (sentence[0] == '\0'));
	text_clean(sentence);
	assert(text_is_utf8(sentence, strlen(sentence)));
	free(first);
	free(second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *input = (const char *)data, *end;
	struct expect *expect;
	char *text;

	end = size > 1 ? memchr(input, '\n', size) : NULL;
	if (end == NULL || end == input)
		return 0;
	text = mem_strndup(input + 1, end - input - 1);
	expect = create(input[0], text);
	if (expect != NULL)
		judge(expect, end + 1, size - (end + 1 - input));
	expect_destroy(expect);
	free(text);
	return 0;
}
