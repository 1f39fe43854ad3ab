/*
 * The csv collector: numbers out of a table at a URL or in a local file, by the name of
 * a column and what the row has in others: of the last such row, or the first, the sum
 * of all, or how many there are.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "collectors/collectors.h"
#include "collectors/reading.h"
#include "collectors/table.h"
#include "collectors/values.h"

#define WHERE_MAX 8

struct csv_options {
	struct request_options request;
	char *path;
	struct conf_map values;
	int encoding, separator, decimal;
};

enum take { TAKE_LAST, TAKE_FIRST, TAKE_SUM, TAKE_COUNT };

struct csv_wanted {
	enum take take;
	size_t count;
	struct {
		char *column, *value;
	} where[WHERE_MAX];
};

struct csv_plan {
	struct judge_plan base;
	enum table_encoding encoding;
	int separator, decimal; /* as the options */
	struct values values;
	struct csv_wanted wanted[VALUES_MAX];
};

static const struct archive_source sources[] = {READING_SOURCE_ROWS};

static const char *const takes[] = {"last", "first", "sum", "count", NULL};
static const char *const encodings[] = {"any", "utf-8", "windows-1252", NULL};
static const char *const separators[] = {"any", "comma", "semicolon", "tab", NULL};
static const char separator_chars[] = {'\0', ',', ';', '\t'};
static const char *const decimals[] = {"any", "point", "comma", NULL};

static const struct option value_options[] = {
    {.name = "column",
	.type = OPTION_STRING,
	.offset = offsetof(struct value_option, from),
	.min = 1,
	.max = 250,
	.example = "Importo",
	.text =
	    "The name of its column, in the first row; the value's name by default"},
    {.name = "where",
	.type = OPTION_STRINGS,
	.offset = offsetof(struct value_option, where),
	.min = 0,
	.max = WHERE_MAX,
	.example = "[\"Stato=aperto\"]",
	.text = "What a row has in other columns, each as COLUMN=VALUE; all rows by "
		"default"},
    {.name = "take",
	.type = OPTION_CHOICE,
	.offset = offsetof(struct value_option, take),
	.fallback = "last",
	.choices = takes,
	.text = "Of several such rows: the last, the first, the sum (without empty "
		"cells), or how many they are"},
    VALUE_UNIT_OPTION,
    VALUE_BOUND_OPTIONS,
    OPTION_END,
};

#define AT(field) offsetof(struct csv_options, field)
static const struct option csv_options[] = {
    REQUEST_URL_OPTION(AT(request), false, "https://www.example.it/dati.csv"),
    {.name = "path",
	.type = OPTION_PATH,
	.offset = AT(path),
	.example = "/srv/dati.csv",
	.text = "A local file instead of the url; max_body and retry hold for it too"},
    {.name = "values",
	.type = OPTION_MAP,
	.offset = AT(values),
	.unit = "NAME",
	.group = value_options,
	.size = sizeof(struct value_option),
	.required = true,
	.example = "amount",
	.text =
	    "Numbers to keep, at most 10. An empty cell is unknown. One whose column "
	    "or row is not there, that is no number or is beyond its bounds is a "
	    "failure of class match"},
    {.name = "encoding",
	.type = OPTION_CHOICE,
	.offset = AT(encoding),
	.fallback = "any",
	.choices = encodings,
	.text = "How characters are written; any is utf-8 where that fits, else "
		"windows-1252"},
    {.name = "separator",
	.type = OPTION_CHOICE,
	.offset = AT(separator),
	.fallback = "any",
	.choices = separators,
	.text = "What stands between cells; any is what the first row has most of"},
    {.name = "decimal",
	.type = OPTION_CHOICE,
	.offset = AT(decimal),
	.fallback = "any",
	.choices = decimals,
	.text = "What stands before the decimals; the other one may stand between "
		"thousands. any is a comma where a semicolon stands between cells"},
    REQUEST_FIRST_OPTIONS(AT(request)),
    REQUEST_LAST_OPTIONS(AT(request)),
    OPTION_END,
};
#undef AT

static void
csv_check(const void *options, conf_complain *complain, void *arg)
{
	const struct csv_options *opts = options;
	char problem[256];
	size_t i, j;

	reading_check(options, complain, arg);
	values_check(&opts->values, sources, READING_SOURCES, complain, arg);
	if ((opts->request.url == NULL) == (opts->path == NULL))
		complain(arg, "url", "path", "expected either url or path");
	for (i = 0; i < opts->values.count; i++) {
		const struct value_option *value = values_item(&opts->values, i);

		for (j = 0; j < value->where.count; j++) {
			const char *text = value->where.items[j];

			if (strchr(text, '=') != NULL && text[0] != '=')
				continue;
			snprintf(problem, sizeof(problem),
			    "%.63s.where: %zu of %zu: expected COLUMN=VALUE",
			    value->item.id, j + 1, value->where.count);
			complain(arg, "values", NULL, problem);
		}
	}
}

static size_t
csv_extra(const void *options, struct archive_source *out)
{
	const struct csv_options *opts = options;

	return values_extra(&opts->values, out);
}

/* ---- the table ---- */

/* One value while rows go by. */
struct gathering {
	bool failed; /* nothing more is taken */
	size_t column, where[WHERE_MAX], rows;
	double value;
	char wrong[256]; /* what was taken is no number */
};

static void
fail(struct gathering *it, struct judgement *out, enum probe_class class,
    const char *sentence)
{
	it->failed = true;
	if (out->class == PROBE_OK)
		strlcpy(out->sentence, sentence, sizeof(out->sentence));
	if (out->class == PROBE_OK)
		out->class = class;
}

static void
find_column(const struct table *table, const char *name, size_t *column,
    struct gathering *it, struct judgement *out)
{
	int code = table_column(table, name, column);
	char sentence[256];

	if (code == 0)
		return;
	snprintf(sentence, sizeof(sentence), "the table has %s column %.200s",
	    code == ERR_NOT_FOUND ? "no" : "more than one", name);
	fail(it, out, PROBE_MATCH, sentence);
}

static void
find_columns(const struct csv_plan *plan, const struct table *table,
    struct gathering *its, struct judgement *out)
{
	size_t i, j;

	for (i = 0; i < plan->values.count; i++) {
		const struct csv_wanted *wanted = &plan->wanted[i];

		if (wanted->take != TAKE_COUNT)
			find_column(table, plan->values.items[i].from, &its[i].column,
			    &its[i], out);
		for (j = 0; j < wanted->count; j++)
			find_column(table, wanted->where[j].column, &its[i].where[j],
			    &its[i], out);
	}
}

static bool
is_row(const struct csv_wanted *wanted, const struct table *table,
    const struct gathering *it)
{
	size_t i;

	for (i = 0; i < wanted->count; i++)
		if (strcmp(table_cell(table, it->where[i]), wanted->where[i].value) !=
		    0)
			return false;
	return true;
}

static void
gather(const struct csv_plan *plan, size_t i, const struct table *table, bool comma,
    struct gathering *it)
{
	enum take take = plan->wanted[i].take;
	const char *cell;
	double value = NAN;

	if (it->failed || !is_row(&plan->wanted[i], table, it) ||
	    (it->rows++ > 0 && take == TAKE_FIRST) || take == TAKE_COUNT)
		return;
	if (take == TAKE_LAST)
		it->wrong[0] = '\0';
	cell = table_cell(table, it->column);
	if (cell[0] != '\0' && table_number(cell, comma, &value) != 0 &&
	    it->wrong[0] == '\0')
		snprintf(it->wrong, sizeof(it->wrong),
		    "line %zu: %.80s is %.80s, expected a number with a decimal %s",
		    table_line(table), plan->values.items[i].from, cell,
		    comma ? "comma" : "point");
	if (take != TAKE_SUM)
		it->value = value;
	else if (!isnan(value))
		it->value += value;
}

static void
conclude(
    const struct csv_plan *plan, size_t i, struct gathering *it, struct judgement *out)
{
	enum take take = plan->wanted[i].take;
	char sentence[256];

	if (it->failed)
		return;
	if (it->rows == 0 && (take == TAKE_LAST || take == TAKE_FIRST)) {
		snprintf(sentence, sizeof(sentence), "the table has no row for %s",
		    plan->values.items[i].name);
		fail(it, out, PROBE_MATCH, sentence);
		return;
	}
	if (it->wrong[0] != '\0') {
		fail(it, out, PROBE_MATCH, it->wrong);
		return;
	}
	out->values[READING_SOURCES + i] =
	    take == TAKE_COUNT ? (double)it->rows : it->value;
	if (!isfinite(out->values[READING_SOURCES + i]))
		out->values[READING_SOURCES + i] = NAN;
}

static void
csv_judge(const struct judge_plan *base, const struct expect_answer *answer,
    struct judgement *out)
{
	const struct csv_plan *plan = (const struct csv_plan *)base;
	struct table *table = table_open(answer->body, answer->body_length,
	    plan->encoding, separator_chars[plan->separator], out->sentence);
	struct gathering its[VALUES_MAX] = {0};
	char sentence[256];
	bool comma;
	size_t i;
	int code;

	if (table == NULL) {
		out->class = PROBE_PROTOCOL;
		return;
	}
	comma =
	    plan->decimal == 2 || (plan->decimal == 0 && table_separator(table) == ';');
	find_columns(plan, table, its, out);
	while ((code = table_next(table, sentence)) == 1)
		for (i = 0; i < plan->values.count; i++)
			gather(plan, i, table, comma, &its[i]);
	if (code == 0) {
		for (i = 0; i < plan->values.count; i++)
			conclude(plan, i, &its[i], out);
	} else {
		out->class = PROBE_PROTOCOL;
		strlcpy(out->sentence, sentence, sizeof(out->sentence));
	}
	table_close(table);
}

/* ---- plans ---- */

static void
csv_destroy(struct judge_plan *base)
{
	struct csv_plan *plan = (struct csv_plan *)base;
	size_t i, j;

	for (i = 0; i < plan->values.count; i++) {
		for (j = 0; j < plan->wanted[i].count; j++) {
			free(plan->wanted[i].where[j].column);
			free(plan->wanted[i].where[j].value);
		}
	}
	values_free(&plan->values);
	free(plan);
}

static void
copy_wanted(const struct value_option *value, struct csv_wanted *wanted)
{
	wanted->take = (enum take)value->take;
	for (; wanted->count < value->where.count && wanted->count < WHERE_MAX;
	     wanted->count++) {
		const char *text = value->where.items[wanted->count];
		size_t length = strcspn(text, "=");

		wanted->where[wanted->count].column = mem_strndup(text, length);
		wanted->where[wanted->count].value =
		    mem_strdup(text + length + (text[length] == '='));
	}
}

static int
csv_open(const struct probe_env *env, const void *options, int64_t dns_cache_us,
    void **state, char error[256])
{
	const struct csv_options *opts = options;
	struct csv_plan *plan = mem_zalloc(sizeof(*plan));
	size_t i;

	plan->base = (struct judge_plan){1, csv_judge, csv_destroy};
	plan->encoding = (enum table_encoding)opts->encoding;
	plan->separator = opts->separator;
	plan->decimal = opts->decimal;
	values_copy(&opts->values, "", &plan->values);
	for (i = 0; i < plan->values.count; i++)
		copy_wanted(values_item(&opts->values, i), &plan->wanted[i]);
	*state = reading_create(
	    env, options, dns_cache_us, &plan->base, &plan->values, PROBE_MATCH);
	if (opts->path != NULL)
		reading_set_file(*state, opts->path);
	return 0;
}

const struct collector collector_csv = {
    .name = "csv",
    .text = "Takes numbers out of a table at a URL or in a file",
    .options = csv_options,
    .options_size = sizeof(struct csv_options),
    .check = csv_check,
    .sources = sources,
    .source_count = READING_SOURCES,
    .extra = csv_extra,
    .total = READING_TOTAL,
    .open = csv_open,
    .start = reading_start,
    .cancel = reading_cancel,
    .close = reading_close,
    .rebind = reading_rebind,
    .retries = reading_retries,
    .load_us = reading_load_us,
};
