/* Aligned columns: cells are kept until the widest of each column is known. */
#include "ctl/table.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

struct table {
	size_t columns, count;
	char **cells;
};

struct table *
table_create(const char *const *headings)
{
	struct table *table = mem_zalloc(sizeof(*table));

	while (headings[table->columns] != NULL)
		table_cell(table, headings[table->columns++]);
	return table;
}

void
table_cell(struct table *table, const char *text)
{
	table->cells =
	    mem_resize(table->cells, table->count + 1, sizeof(*table->cells));
	table->cells[table->count++] = mem_strdup(text != NULL ? text : "-");
}

/* Characters, not bytes: continuation bytes do not count. */
static size_t
width(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

void
table_print(struct table *table)
{
	size_t widest[32] = {0}, i, column;

	assert(table->columns > 0 && table->columns <= ARRAY_LENGTH(widest));
	for (i = 0; i < table->count; i++) {
		column = i % table->columns;
		if (width(table->cells[i]) > widest[column])
			widest[column] = width(table->cells[i]);
	}
	for (i = 0; i < table->count; i++) {
		column = i % table->columns;
		fputs(table->cells[i], stdout);
		if (column + 1 == table->columns)
			putchar('\n');
		else
			printf("%*s",
			    (int)(widest[column] - width(table->cells[i]) + 2), "");
		free(table->cells[i]);
	}
	free(table->cells);
	free(table);
}
