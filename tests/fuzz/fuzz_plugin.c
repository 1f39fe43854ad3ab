/* collectors/plugin: what a plugin prints. */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "collectors/plugin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct plugin_output output;
	size_t i;

	plugin_parse((const char *)data, size, &output);
	assert(text_is_utf8(output.text, strlen(output.text)));
	assert(output.count <= PLUGIN_DATA_MAX);
	for (i = 0; i < output.count; i++) {
		const struct plugin_datum *datum = &output.data[i];
		assert(datum->label[0] != '\0' && !isinf(datum->value));
		assert(text_is_utf8(datum->label, strlen(datum->label)));
		assert(text_is_utf8(datum->unit, strlen(datum->unit)));
		assert(plugin_find(&output, datum->label) != NULL);
	}
	(void)plugin_range_is((const char *)data, size);
	plugin_free(&output);
	return 0;
}
