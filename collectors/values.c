/* Values by name: from the configuration's map to data sources. */
#include "collectors/values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#define NAME_MAX_BYTES 19 /* of a data source, RRDtool's limit */

const struct value_option *
values_item(const struct conf_map *values, size_t i)
{
	return (const struct value_option *)values->items + i;
}

size_t
values_extra(const struct conf_map *values, struct archive_source *out)
{
	size_t i;

	for (i = 0; out != NULL && i < values->count; i++) {
		const struct value_option *value = values_item(values, i);

		out[i] = (struct archive_source){.name = value->item.id,
		    .unit = value->unit,
		    .min = NAN,
		    .max = NAN,
		    .text = ""};
	}
	return values->count;
}

void
values_copy(const struct conf_map *map, const char *prefix, struct values *out)
{
	out->count = 0;
	for (; out->count < map->count && out->count < VALUES_MAX; out->count++) {
		const struct value_option *value = values_item(map, out->count);

		out->items[out->count] =
		    (struct value_wanted){.name = mem_strdup(value->item.id),
			.from = value->from != NULL
				    ? mem_strdup(value->from)
				    : mem_printf("%s%s", prefix, value->item.id),
			.min = value->min,
			.max = value->max};
	}
}

void
values_free(struct values *values)
{
	for (; values->count > 0; values->count--) {
		free(values->items[values->count - 1].name);
		free(values->items[values->count - 1].from);
	}
}

bool
value_is_within(const struct value_wanted *wanted, double value, char sentence[256])
{
	char is[TEXT_DURATION_SIZE], bound[TEXT_DURATION_SIZE];

	text_double_format(value, is);
	if (value < wanted->min)
		snprintf(sentence, 256, "%s is %s, expected %s or more", wanted->name,
		    is, text_double_format(wanted->min, bound));
	else if (value > wanted->max)
		snprintf(sentence, 256, "%s is %s, expected %s or less", wanted->name,
		    is, text_double_format(wanted->max, bound));
	else
		return true;
	return false;
}

void
value_counters_turn(struct value_counter *counters, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		counters[i].before = counters[i].now;
}

double
value_growth(struct value_counter *counter, double value)
{
	double grown;
	int64_t past_us;

	counter->now.value = value;
	counter->now.at_us = clock_mono_us();
	grown = value - counter->before.value;
	past_us = counter->now.at_us - counter->before.at_us;
	return grown >= 0 && past_us > 0 ? grown * CLOCK_SECOND / (double)past_us : NAN;
}

static bool
is_taken(const char *name, const struct archive_source *own, size_t own_count)
{
	size_t i;

	for (i = 0; i < own_count; i++)
		if (strcmp(own[i].name, name) == 0)
			return true;
	return strcmp(name, "up") == 0 || strcmp(name, "known") == 0;
}

void
values_check(const struct conf_map *values, const struct archive_source *own,
    size_t own_count, conf_complain *complain, void *arg)
{
	char problem[256];
	size_t i;

	if (values->count > VALUES_MAX) {
		snprintf(problem, sizeof(problem),
		    "has %zu values, expected at most %d", values->count, VALUES_MAX);
		complain(arg, "values", NULL, problem);
	}
	for (i = 0; i < values->count; i++) {
		const char *name = values_item(values, i)->item.id;

		if (is_taken(name, own, own_count))
			snprintf(problem, sizeof(problem),
			    "%.63s is measured in any case, expected another name",
			    name);
		else if (strchr(name, '-') != NULL || strlen(name) > NAME_MAX_BYTES)
			snprintf(problem, sizeof(problem),
			    "%.63s is no name of a value, expected at most %d of a-z, "
			    "0-9 and _",
			    name, NAME_MAX_BYTES);
		else
			continue;
		complain(arg, "values", NULL, problem);
	}
}
