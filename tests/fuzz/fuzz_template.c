/* web/template: a template, a NUL, a document; the template is its own partial. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "web/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct template *
itself(const char *name, void *arg)
{
	return arg;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\0', size);
	size_t length = end != NULL ? (size_t)(end - data) : size;
	struct buf out = {.limit = 65536};
	struct template *template;
	json_t *context = NULL;
	char error[256];

	template = template_compile("fuzz", (const char *)data, length, error);
	if (template == NULL)
		return 0;
	if (end != NULL)
		context = json_loadb(
		    (const char *)end + 1, size - length - 1, JSON_DECODE_ANY, NULL);
	template_render(template, context, itself, template, &out);
	json_decref(context);
	template_free(template);
	buf_free(&out);
	return 0;
}
