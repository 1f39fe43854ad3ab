/*
 * A table is a copy of the body in UTF-8, in which cells are unquoted and ended in
 * place, row by row.
 */
#include "collectors/table.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

struct table {
	char *text, *at; /* at: behind the last row */
	char separator;
	size_t line, next_line; /* of the row; of at */
	size_t columns, cells;
	char **names, **row; /* of TABLE_COLUMNS_MAX */
};

static const uint16_t windows_1252[32] = {0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e,
    0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0xfffd, 0x017d,
    0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc,
    0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178};

static char *
decode(const char *body, size_t length)
{
	struct buf out = BUF_INIT;
	size_t i;

	buf_reserve(&out, length + length / 8);
	for (i = 0; i < length; i++) {
		unsigned c = (unsigned char)body[i];

		if (c >= 0x80 && c < 0xa0)
			c = windows_1252[c - 0x80];
		if (c < 0x80) {
			buf_add_char(&out, (char)c);
			continue;
		}
		if (c >= 0x800) {
			buf_add_char(&out, (char)(0xe0 | c >> 12));
			buf_add_char(&out, (char)(0x80 | (c >> 6 & 0x3f)));
		} else {
			buf_add_char(&out, (char)(0xc0 | c >> 6));
		}
		buf_add_char(&out, (char)(0x80 | (c & 0x3f)));
	}
	return buf_take(&out);
}

/* -> NULL with a sentence */
static char *
to_utf8(
    const char *body, size_t length, enum table_encoding encoding, char sentence[256])
{
	if (length >= 3 && memcmp(body, "\xef\xbb\xbf", 3) == 0) {
		body += 3;
		length -= 3;
	}
	if (length == 0)
		snprintf(sentence, 256, "the table is empty");
	else if (memchr(body, '\0', length) != NULL)
		snprintf(sentence, 256, "the table has a NUL in it, it is no CSV");
	else if (encoding != TABLE_WINDOWS_1252 && text_is_utf8(body, length))
		return mem_strndup(body, length);
	else if (encoding == TABLE_UTF8)
		snprintf(sentence, 256, "the table is not UTF-8");
	else
		return decode(body, length);
	return NULL;
}

/* A line sep=; is Excel's, and says it; else the first line has most of it. */
static char
find_separator(struct table *table)
{
	static const char separators[] = ",;\t";
	size_t counts[3] = {0}, best = 0, i;
	bool quoted = false;
	const char *at = table->at;

	if (strncmp(at, "sep=", 4) == 0 && at[4] != '\0' &&
	    strchr(separators, at[4]) != NULL && (at[5] == '\r' || at[5] == '\n')) {
		table->at += 5 + strspn(at + 5, "\r\n");
		table->next_line++;
		return at[4];
	}
	for (; *at != '\0' && (quoted || *at != '\n'); at++) {
		const char *found = strchr(separators, *at);

		quoted ^= *at == '"';
		if (found != NULL && !quoted)
			counts[found - separators]++;
	}
	for (i = 1; i < 3; i++)
		if (counts[i] > counts[best])
			best = i;
	return separators[best];
}

static char *
trim(char *cell, char *end)
{
	while (cell < end && (*cell == ' ' || *cell == '\t'))
		cell++;
	while (end > cell && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	*end = '\0';
	return cell;
}

/* Behind an opening quote. -> the end of the cell, *at behind the quote; or NULL */
static char *
unquote(struct table *table, char **at)
{
	char *from = *at, *to = from;

	for (; *from != '\0'; *to++ = *from++) {
		if (*from == '\n')
			table->next_line++;
		if (*from != '"')
			continue;
		if (from[1] != '"') {
			*at = from + 1;
			return to;
		}
		from++;
	}
	return NULL;
}

static void
skip_blanks(const struct table *table, char **at)
{
	while (**at == ' ' || (**at == '\t' && table->separator != '\t'))
		++*at;
}

/* -> the cell, *at on what stands behind it; NULL: its quotes do not end it */
static char *
read_cell(struct table *table, char **at, char *stop)
{
	char *cell = *at, *end;

	skip_blanks(table, &cell);
	if (*cell == '"') {
		*at = ++cell;
		end = unquote(table, at);
		if (end == NULL)
			return NULL;
		skip_blanks(table, at);
		*at += **at == '\r' && (*at)[1] == '\n';
	} else {
		while (**at != '\0' && **at != '\n' && **at != table->separator)
			++*at;
		end = *at;
	}
	*stop = **at;
	if (*stop != '\0' && *stop != '\n' && *stop != table->separator)
		return NULL;
	return trim(cell, end);
}

/* -> 1 a row; 0 nothing more; ERR_SYNTAX */
static int
read_row(struct table *table, char sentence[256])
{
	char *at = table->at, *cell, stop;

	while (*at == '\n' || (*at == '\r' && at[1] == '\n')) {
		at += *at == '\r' ? 2 : 1;
		table->next_line++;
	}
	table->line = table->next_line;
	table->cells = 0;
	if (*at == '\0')
		return 0;
	do {
		if (table->cells == TABLE_COLUMNS_MAX) {
			snprintf(sentence, 256, "line %zu has more than %d cells",
			    table->line, TABLE_COLUMNS_MAX);
			return ERR_SYNTAX;
		}
		cell = read_cell(table, &at, &stop);
		if (cell == NULL) {
			snprintf(sentence, 256,
			    "line %zu has quotes that do not end with a cell",
			    table->line);
			return ERR_SYNTAX;
		}
		table->row[table->cells++] = cell;
		at += stop != '\0';
		table->next_line += stop == '\n';
	} while (stop == table->separator);
	table->at = at;
	return 1;
}

struct table *
table_open(const char *body, size_t length, enum table_encoding encoding,
    char separator, char sentence[256])
{
	char *text = to_utf8(body, length, encoding, sentence);
	struct table *table;
	char **row;
	int code;

	if (text == NULL)
		return NULL;
	table = mem_zalloc(sizeof(*table));
	table->text = table->at = text;
	table->next_line = 1;
	table->names = mem_array(TABLE_COLUMNS_MAX, sizeof(*table->names));
	table->row = mem_array(TABLE_COLUMNS_MAX, sizeof(*table->row));
	table->separator = separator != '\0' ? separator : find_separator(table);
	code = read_row(table, sentence);
	if (code == 1) {
		row = table->names;
		table->names = table->row;
		table->row = row;
		table->columns = table->cells;
		return table;
	}
	if (code == 0)
		snprintf(sentence, 256, "the table is empty");
	table_close(table);
	return NULL;
}

void
table_close(struct table *table)
{
	if (table == NULL)
		return;
	free(table->names);
	free(table->row);
	free(table->text);
	free(table);
}

char
table_separator(const struct table *table)
{
	return table->separator;
}

int
table_column(const struct table *table, const char *name, size_t *column)
{
	bool found = false;
	size_t i;

	for (i = 0; i < table->columns; i++) {
		if (strcmp(table->names[i], name) != 0)
			continue;
		if (found)
			return ERR_EXISTS;
		found = true;
		*column = i;
	}
	return found ? 0 : ERR_NOT_FOUND;
}

int
table_next(struct table *table, char sentence[256])
{
	int code = read_row(table, sentence);

	if (code == 1 && table->cells != table->columns) {
		snprintf(sentence, 256, "line %zu has %zu cell%s, expected %zu",
		    table->line, table->cells, table->cells == 1 ? "" : "s",
		    table->columns);
		return ERR_SYNTAX;
	}
	return code;
}

size_t
table_line(const struct table *table)
{
	return table->line;
}

const char *
table_cell(const struct table *table, size_t column)
{
	return table->row[column];
}

int
table_number(const char *cell, bool comma, double *out)
{
	char text[64], *to = text, decimal = comma ? ',' : '.',
		       group = comma ? '.' : ',';
	size_t digits = 0;
	bool grouped = false;
	int code;

	if (strlen(cell) >= sizeof(text))
		return ERR_SYNTAX;
	if (*cell == '-' || *cell == '+')
		*to++ = *cell++;
	for (; (*cell >= '0' && *cell <= '9') || *cell == group; cell++) {
		if (*cell != group) {
			*to++ = *cell;
			digits++;
			continue;
		}
		if (digits == 0 || digits > 3 || (grouped && digits != 3))
			return ERR_SYNTAX;
		grouped = true;
		digits = 0;
	}
	if (grouped && digits != 3)
		return ERR_SYNTAX;
	if (*cell == decimal) {
		*to++ = '.';
		cell++;
	}
	strlcpy(to, cell, sizeof(text) - (to - text));
	code = text_double(text, out);
	return code == 0 ? 0 : ERR_SYNTAX;
}
