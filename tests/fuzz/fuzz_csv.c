/* collectors/table: a CSV, in each encoding; its cells as numbers. */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "collectors/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_rows(struct table *table)
{
	char sentence[256];
	size_t column, i;
	double number;

	/* A row has at least one cell. */
	for (i = 0; table_next(table, sentence) == 1; i++) {
		const char *cell = table_cell(table, 0);

		assert(text_is_utf8(cell, strlen(cell)));
		if (table_number(cell, i % 2 == 0, &number) == 0)
			assert(isfinite(number));
	}
	(void)table_column(table, "a", &column);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char separators[] = {'\0', ',', ';', '\t'};
	char sentence[256];
	int encoding;

	for (encoding = TABLE_ANY; encoding <= TABLE_WINDOWS_1252; encoding++) {
		struct table *table = table_open((const char *)data, size,
		    (enum table_encoding)encoding, separators[size % 4], sentence);

		if (table != NULL)
			read_rows(table);
		table_close(table);
	}
	return 0;
}
