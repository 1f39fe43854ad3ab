/*
 * What is wrong with a configuration, collected while it is read and told sorted by
 * place. The number of lines kept is bounded, the count is not.
 */
#ifndef VT_CONF_REPORT_H
#define VT_CONF_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct conf_node;
struct conf_file;

enum report_kind { REPORT_ERROR, REPORT_WARNING, REPORT_KINDS };

struct report {
	struct report_list {
		struct report_line *lines;
		size_t kept, size;
		unsigned count;
	} lists[REPORT_KINDS];
};

#define REPORT_INIT {0}

/* At a place, without a path of option. */
void report_at(struct report *report, enum report_kind kind, const struct conf_file *file,
    unsigned line, unsigned column, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
/* At a value, with its path. */
void report_value(struct report *report, enum report_kind kind,
    const struct conf_node *node, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* At a key of a mapping, with its path. */
void report_key(struct report *report, enum report_kind kind, const struct conf_node *node,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Of a key that a mapping does not have: at the mapping's own key. */
void report_absent(struct report *report, enum report_kind kind,
    const struct conf_node *map, const char *key, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* A key that stands twice in its mapping. */
void report_twin(struct report *report, const struct conf_node *node);

/* Bytes of the control character that begins at p: what a terminal obeys, or YAML does
 * not print or takes for a new line. 0: none does. */
size_t report_control(const char *p);
/* "text" in quotes, short and without control characters, as messages show it. */
#define REPORT_QUOTE_SIZE 80
const char *report_quote(const char *text, char out[REPORT_QUOTE_SIZE]);

/* One line each, sorted; the rest beyond the bound as "and N more". */
void report_write(struct report *report, enum report_kind kind, struct buf *out);
void report_free(struct report *report);

#endif
