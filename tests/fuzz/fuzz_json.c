/* collectors/json: the first line is the pointer of a value, the rest a body. */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/answers.h"
#include "base/mem.h"
#include "base/text.h"
#include "collectors/collectors.h"
#include "collectors/reading.h"
#include "collectors/values.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *input = (const char *)data,
		   *end = size > 0 ? memchr(input, '\n', size) : NULL;
	struct value_option value = {
	    .item = {.id = (char *)"x"}, .min = -1e6, .max = 1e6};
	struct {
		struct request_options request;
		struct conf_map values;
		struct conf_strings expect;
	} options = {.values = {1, &value}};
	const struct probe_result *result;
	double got;

	if (end == NULL)
		return 0;
	value.from = mem_strndup(input, end - input);
	answers_request(&options.request, "http://x/");
	result =
	    answers_once(&collector_json, &options, end + 1, size - (end + 1 - input));
	got = result->values[READING_SOURCES];
	assert(result->class == PROBE_OK || result->class == PROBE_JSON);
	assert(result->message[0] != '\0');
	assert(text_is_utf8(result->message, strlen(result->message)));
	assert(isnan(got) || (got >= -1e6 && got <= 1e6 && result->class == PROBE_OK));
	free(value.from);
	return 0;
}
