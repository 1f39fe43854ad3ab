/* Aligned columns of text for a terminal; cells are UTF-8. */
#ifndef VT_CTL_TABLE_H
#define VT_CTL_TABLE_H

struct table;

struct table *table_create(const char *const *headings); /* NULL-terminated */
void table_cell(struct table *table, const char *text); /* rows fill by themselves */
void table_print(struct table *table); /* on stdout, and frees it */

#endif
