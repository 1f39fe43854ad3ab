/*
 * Binding: nodes of a file to the fields of structs, row by row of a table. Every
 * error is reported, none stops the rest; a value in error leaves its default and
 * its node marked as refused.
 */
#ifndef VT_CONF_BIND_H
#define VT_CONF_BIND_H

#include <stdbool.h>

#include "base/buf.h"
#include "conf/option.h"

struct arena;
struct report;
struct conf_node;

struct binder {
	struct arena *arena;	/* of the snapshot */
	struct report *report;
	const struct conf_collector *collectors;
	bool check_system;	/* opens what SECRET_FILE names */
};

/* Binds a mapping to the zeroed object of a table. map NULL: all defaults. */
void bind_table(struct binder *binder, const struct option *table, struct conf_node *map,
    void *object);

/* One value of a row that is neither GROUP, MAP nor COLLECTOR. -> false: reported. */
bool value_bind(struct binder *binder, const struct option *row, struct conf_node *node,
    void *field);
/* What a row takes, in words: "a whole number from 1 to 10". */
void value_expected(const struct option *row, struct buf *out);
/* "it", "de-AT" */
bool value_is_language(const char *text);

const struct option *option_find(const struct option *table, const char *name);

#define FIELD(object, row) ((void *)((char *)(object) + (row)->offset))

#endif
