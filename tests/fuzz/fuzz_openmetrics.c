/* collectors/scrape: the first line is a selector, the rest what an exporter prints. */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "collectors/scrape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_both(const struct selector *selector, const char *text, size_t length)
{
	/* A copy of its own size, so that reading past its end is seen. */
	char *copy = mem_dup(text, length), sentence[256];
	struct scrape_sum sum, again;
	int code, whole;

	code = scrape_read(copy, length, false, &selector, 1, &sum, sentence);
	whole = scrape_read(copy, length, true, &selector, 1, &again, sentence);
	assert(whole != 0 || code == 0);
	assert(sum.matched > 0 || (sum.value == 0 && !sum.counter));
	assert(again.matched == sum.matched);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *input = (const char *)data,
		   *end = size > 0 ? memchr(input, '\n', size) : NULL;
	struct selector selector;
	char *line, error[256];

	if (end == NULL)
		return 0;
	line = mem_strndup(input, end - input);
	if (selector_parse(line, &selector, error) == 0) {
		read_both(&selector, end + 1, size - (end + 1 - input));
		selector_free(&selector);
	}
	free(line);
	return 0;
}
