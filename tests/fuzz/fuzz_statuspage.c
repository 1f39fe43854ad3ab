/* collectors/statuspage: the first line is component/group, each may be empty; the rest
 * a body. */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "collectors/collectors.h"
#include "collectors/reading.h"
#include "tests/lib/answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *input = (const char *)data,
		   *end = size > 0 ? memchr(input, '\n', size) : NULL;
	struct {
		struct request_options request;
		char *component, *group;
	} options = {0};
	const struct probe_result *result;
	char *line, *group;

	if (end == NULL)
		return 0;
	line = mem_strndup(input, end - input);
	group = line + strcspn(line, "/");
	if (*group == '/')
		*group++ = '\0';
	options.component = line[0] != '\0' ? line : NULL;
	options.group = group[0] != '\0' ? group : NULL;
	answers_request(&options.request, "http://x/");
	result = answers_once(
	    &collector_statuspage, &options, end + 1, size - (end + 1 - input));
	assert(result->class == PROBE_OK || result->class == PROBE_JSON ||
	       result->class == PROBE_STATUS);
	assert(text_is_utf8(result->message, strlen(result->message)));
	assert(isnan(result->values[READING_SOURCES]) == (result->class == PROBE_JSON));
	free(line);
	return 0;
}
