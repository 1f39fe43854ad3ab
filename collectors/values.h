/*
 * Numbers that a check takes out of what it gets, each by a name of the configuration:
 * `values: {pending: {at: /queue/pending, unit: "1"}}`. What says where a value stands
 * (`at`, `label`, `column`) is the collector's word for `from`.
 */
#ifndef VT_COLLECTORS_VALUES_H
#define VT_COLLECTORS_VALUES_H

#include "conf/option.h"
#include "watch/probe.h"

#define VALUES_MAX 10	/* of one check */

struct value_option {
	struct conf_item item;	/* its name */
	char *from;		/* where it stands; NULL: as its name */
	char *unit;
};

/* A row of a table for struct value_option. */
#define VALUE_UNIT_OPTION \
	{.name = "unit", \
	    .type = OPTION_STRING, \
	    .offset = offsetof(struct value_option, unit), \
	    .fallback = "1", \
	    .min = 1, \
	    .max = 15, \
	    .text = "What it is counted in: s, bytes, days, 1 (a number, or a part of " \
		    "the whole), or a word of yours"}

/* As conf_collector's extra, of the map. */
size_t values_extra(const struct conf_map *values, struct archive_source *out);
/* Complains of option `values`: too many, or names that no data source may have. */
void values_check(const struct conf_map *values, const struct archive_source *own,
    size_t own_count, conf_complain *complain, void *arg);
const struct value_option *values_item(const struct conf_map *values, size_t i);

#endif
