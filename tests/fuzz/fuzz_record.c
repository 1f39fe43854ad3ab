/*
 * store/record: what a journal's file may hold. The first byte chooses: the rest is
 * the file; or it is a row of payloads (type, length, bytes), framed with their right
 * sums so that the parsers behind them are reached; or that, and then damaged at the
 * place that the last bytes tell.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "store/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	size_t count; /* of values, of the last definition */
	uint64_t samples;
};

static void *
on_definition(const struct record_definition *definition, void *arg)
{
	size_t i;

	assert(text_is_identifier(definition->site) &&
	       text_is_identifier(definition->service) &&
	       text_is_identifier(definition->check));
	assert(definition->count >= 1 && definition->count <= RECORD_VALUES_MAX);
	assert(definition->id >= 1 && definition->id < RECORD_SERIES_MAX);
	assert(definition->step_s >= 1);
	for (i = 0; i < definition->count; i++)
		assert(strlen(definition->names[i]) >= 1 &&
		       strlen(definition->names[i]) <= 19);
	return definition->id % 5 != 0 ? arg : NULL;
}

static void
on_sample(void *series, int64_t time_s, const double *values, size_t count, void *arg)
{
	struct seen *seen = arg;
	volatile double sum = 0;
	size_t i;

	assert(
	    series == arg && time_s >= 0 && count >= 1 && count <= RECORD_VALUES_MAX);
	for (i = 0; i < count; i++)
		sum += values[i];
	(void)sum;
	seen->samples++;
}

static void
frame(struct buf *file, const uint8_t *data, size_t size)
{
	size_t length;

	while (size >= 2) {
		length = data[1] < size - 2 ? data[1] : size - 2;
		record_add(file, data[0] % 5, data + 2, length);
		data += 2 + length;
		size -= 2 + length;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf file = BUF_INIT;
	struct seen seen = {0};
	const struct record_reader reader = {on_definition, on_sample, &seen};
	struct record_stats stats = {0};
	char *exact;

	if (size < 4 || size > 65536)
		return 0;
	if (data[0] % 3 == 0)
		buf_add(&file, data + 1, size - 1);
	else
		frame(&file, data + 1, size - 1);
	if (data[0] % 3 == 2 && file.length > 0)
		file.data[(data[size - 1] << 8 | data[size - 2]) % file.length] ^= 0x55;
	exact = mem_dup(file.data, file.length); /* its end is the memory's */
	(void)record_generation(exact, file.length);
	record_read(exact, file.length, &reader, &stats);
	assert(seen.samples <= stats.samples);
	assert(stats.damaged_bytes + stats.torn <= file.length);
	free(exact);
	buf_free(&file);
	return 0;
}
