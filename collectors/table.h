/*
 * A stranger's CSV as rows (RFC 4180): UTF-8 or Windows-1252, separated by comma,
 * semicolon or tab, cells quoted or not. Any thread; bounded by the body's length.
 */
#ifndef VT_COLLECTORS_TABLE_H
#define VT_COLLECTORS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#define TABLE_COLUMNS_MAX 1000

enum table_encoding { TABLE_ANY, TABLE_UTF8, TABLE_WINDOWS_1252 };

struct table; /* opaque */

/* encoding TABLE_ANY: UTF-8 if it is that. separator 0: what the first line has most of,
 * or says as sep=;. Reads the first row, the names of the columns. -> NULL with a
 * sentence */
struct table *table_open(const char *body, size_t length, enum table_encoding encoding,
    char separator, char sentence[256]);
void table_close(struct table *table); /* NULL is fine */
char table_separator(const struct table *table);

/* Column of that name. -> 0; ERR_NOT_FOUND; ERR_EXISTS: there is more than one */
int table_column(const struct table *table, const char *name, size_t *column);
/* -> 1: the next row is there; 0: no more; ERR_SYNTAX with a sentence: it has not the
 * cells that the first has, or its quotes do not end */
int table_next(struct table *table, char sentence[256]);
size_t table_line(const struct table *table); /* of the row, from 1 */
/* Without blanks around it, UTF-8; until the next row. */
const char *table_cell(const struct table *table, size_t column);

/* 1234.5 and 1,234.5; with a decimal comma 1234,5 and 1.234,5. -> 0; ERR_SYNTAX */
int table_number(const char *cell, bool comma, double *out);

#endif
