/*
 * Numbers that a check takes out of what it gets, each by a name of the configuration:
 * `values: {pending: {at: /queue/pending, unit: "1"}}`. What says where a value stands
 * (`at`, `label`, `column`) is the collector's word for `from`.
 */
#ifndef VT_COLLECTORS_VALUES_H
#define VT_COLLECTORS_VALUES_H

#include <stdbool.h>

#include "conf/option.h"
#include "watch/probe.h"

#define VALUES_MAX 10	/* of one check */

struct value_option {
	struct conf_item item;	/* its name */
	char *from;		/* where it stands; NULL: as its name */
	char *unit;
	double min, max;	/* NAN: none. Of a table with VALUE_BOUND_OPTIONS */
	struct conf_strings where; /* of the collector csv, as take */
	int take;
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

#define VALUE_BOUND_OPTIONS \
	{.name = "min", \
	    .type = OPTION_NUMBER, \
	    .offset = offsetof(struct value_option, min), \
	    .unset_nan = true, \
	    .example = "0", \
	    .text = "What is less is a failure, and the value unknown"}, \
	{.name = "max", \
	    .type = OPTION_NUMBER, \
	    .offset = offsetof(struct value_option, max), \
	    .unset_nan = true, \
	    .example = "1000", \
	    .text = "What is more is a failure, and the value unknown"}

/* Copies of what a map says, for a plan that lives longer than the options. */
struct values {
	size_t count;
	struct value_wanted {
		char *name, *from;
		double min, max;
	} items[VALUES_MAX];
};

/* prefix and the name is where a value stands that does not say it. */
void values_copy(const struct conf_map *map, const char *prefix, struct values *out);
void values_free(struct values *values);
/* NAN is. -> false with a sentence */
bool value_is_within(const struct value_wanted *wanted, double value, char sentence[256]);

/* Something that counts up: what it grew a second since the run before; NAN the first
 * time and after a reset. A retry is the same run once more: the moment between is no time
 * to divide by. */
struct value_counter {
	struct {
		double value;
		int64_t at_us;
	} now, before;
};
#define VALUE_COUNTER_INIT \
	((struct value_counter){.now.value = NAN, .before.value = NAN})
/* A run begins, and no retry. */
void value_counters_turn(struct value_counter *counters, size_t count);
double value_growth(struct value_counter *counter, double value);

/* As conf_collector's extra, of the map. */
size_t values_extra(const struct conf_map *values, struct archive_source *out);
/* Complains of option `values`: too many, or names that no data source may have. */
void values_check(const struct conf_map *values, const struct archive_source *own,
    size_t own_count, conf_complain *complain, void *arg);
const struct value_option *values_item(const struct conf_map *values, size_t i);

#endif
