/* Values by name: from the configuration's map to data sources. */
#include "collectors/values.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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
