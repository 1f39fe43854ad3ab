/*
 * The json collector: numbers out of a JSON document, by pointer, and what must hold in
 * it. A number may come as a text; null is not known; what is not there, is no number
 * or is beyond its bounds fails the check, and the other values are kept.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pointer.h"
#include "base/text.h"
#include "collectors/collectors.h"
#include "collectors/document.h"
#include "collectors/reading.h"
#include "collectors/values.h"

struct json_options {
	struct request_options request;
	struct conf_map values;
	struct conf_strings expect;
};

struct json_plan {
	struct judge_plan base;
	struct values values;
	size_t expected;
	struct pointer **expect;
};

static const struct archive_source sources[] = {READING_SOURCE_ROWS};

static const struct option value_options[] = {
    {.name = "at",
	.type = OPTION_STRING,
	.offset = offsetof(struct value_option, from),
	.min = 1,
	.max = 1000,
	.example = "/queue/pending",
	.text = "A JSON pointer to it (RFC 6901); / and the value's name by default"},
    VALUE_UNIT_OPTION,
    VALUE_BOUND_OPTIONS,
    OPTION_END,
};

#define AT(field) offsetof(struct json_options, field)
static const struct option json_options[] = {
    REQUEST_URL_OPTION(AT(request), true, "https://www.example.it/api/queue"),
    {.name = "values",
	.type = OPTION_MAP,
	.offset = AT(values),
	.unit = "NAME",
	.group = value_options,
	.size = sizeof(struct value_option),
	.example = "pending",
	.text =
	    "Numbers to keep, at most 10. A text that is a number is one, true is 1 "
	    "and false 0; null is unknown. One that is not there, is no number or is "
	    "beyond its bounds is a failure of class json"},
    {.name = "expect",
	.type = OPTION_STRINGS,
	.offset = AT(expect),
	.example = "['/status = \"ok\"', /queue/pending < 10]",
	.text = "What must hold in the document, as json of the collector http"},
    REQUEST_FIRST_OPTIONS(AT(request)),
    REQUEST_LAST_OPTIONS(AT(request)),
    OPTION_END,
};
#undef AT

static void
json_check(const void *options, conf_complain *complain, void *arg)
{
	const struct json_options *opts = options;
	char wrong[256], problem[320];
	size_t i;

	reading_check(options, complain, arg);
	values_check(&opts->values, sources, READING_SOURCES, complain, arg);
	if (opts->values.count + opts->expect.count == 0)
		complain(arg, "values", NULL, "names no value, expected one or more");
	for (i = 0; i < opts->values.count; i++) {
		const struct value_option *value = values_item(&opts->values, i);

		if (value->from == NULL || value->from[0] == '/')
			continue;
		snprintf(problem, sizeof(problem),
		    "%.63s.at begins with no /, expected a JSON pointer as "
		    "/queue/pending",
		    value->item.id);
		complain(arg, "values", NULL, problem);
	}
	for (i = 0; i < opts->expect.count; i++) {
		struct pointer *pointer = pointer_parse(opts->expect.items[i], wrong);

		pointer_free(pointer);
		if (pointer != NULL)
			continue;
		snprintf(problem, sizeof(problem), "%zu of %zu: %s", i + 1,
		    opts->expect.count, wrong);
		complain(arg, "expect", NULL, problem);
	}
}

static size_t
json_extra(const void *options, struct archive_source *out)
{
	const struct json_options *opts = options;

	return values_extra(&opts->values, out);
}

/* ---- the document ---- */

static const char *
kind(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	default:
		return "a text";
	}
}

/* -> false if it is no number; NAN of null */
static bool
take_number(const json_t *value, double *out)
{
	*out = NAN;
	if (json_is_number(value))
		*out = json_number_value(value);
	else if (json_is_boolean(value))
		*out = json_is_true(value);
	else if (json_is_string(value))
		return strlen(json_string_value(value)) == json_string_length(value) &&
		       text_double(json_string_value(value), out) == 0;
	else
		return json_is_null(value);
	return true;
}

static void
take_value(const struct value_wanted *wanted, json_t *document, double *out,
    struct judgement *judgement)
{
	json_t *found = pointer_find(document, wanted->from);
	char sentence[256];

	if (found == NULL)
		snprintf(sentence, sizeof(sentence), "%.180s is not in the document",
		    wanted->from);
	else
		snprintf(sentence, sizeof(sentence), "%.180s is %s, expected a number",
		    wanted->from, kind(found));
	if (found != NULL && take_number(found, out))
		return;
	if (judgement->class == PROBE_OK)
		strlcpy(judgement->sentence, sentence, sizeof(judgement->sentence));
	judgement->class = PROBE_JSON;
}

static void
json_judge(const struct judge_plan *base, const struct expect_answer *answer,
    struct judgement *out)
{
	const struct json_plan *plan = (const struct json_plan *)base;
	json_t *document =
	    document_parse(answer->body, answer->body_length, out->sentence);
	size_t i;

	if (document == NULL) {
		out->class = PROBE_JSON;
		return;
	}
	for (i = 0; i < plan->expected && out->class == PROBE_OK; i++)
		if (pointer_test(plan->expect[i], document, out->sentence) != 1)
			out->class = PROBE_JSON;
	for (i = 0; i < plan->values.count; i++)
		take_value(&plan->values.items[i], document,
		    &out->values[READING_SOURCES + i], out);
	json_decref(document);
}

/* ---- plans ---- */

static void
json_destroy(struct judge_plan *base)
{
	struct json_plan *plan = (struct json_plan *)base;
	size_t i;

	for (i = 0; i < plan->expected; i++)
		pointer_free(plan->expect[i]);
	free(plan->expect);
	values_free(&plan->values);
	free(plan);
}

static int
json_open(const struct probe_env *env, const void *options, int64_t dns_cache_us,
    void **state, char error[256])
{
	const struct json_options *opts = options;
	struct json_plan *plan = mem_zalloc(sizeof(*plan));

	plan->base = (struct judge_plan){1, json_judge, json_destroy};
	values_copy(&opts->values, "/", &plan->values);
	plan->expect = mem_array(opts->expect.count + 1, sizeof(*plan->expect));
	for (; plan->expected < opts->expect.count; plan->expected++) {
		struct pointer *pointer =
		    pointer_parse(opts->expect.items[plan->expected], error);

		if (pointer == NULL) {
			judge_plan_unref(&plan->base);
			return ERR_SYNTAX;
		}
		plan->expect[plan->expected] = pointer;
	}
	*state = reading_create(
	    env, options, dns_cache_us, &plan->base, &plan->values, PROBE_JSON);
	return 0;
}

const struct collector collector_json = {
    .name = "json",
    .text = "Takes numbers out of a JSON document",
    .options = json_options,
    .options_size = sizeof(struct json_options),
    .check = json_check,
    .sources = sources,
    .source_count = READING_SOURCES,
    .extra = json_extra,
    .total = READING_TOTAL,
    .open = json_open,
    .start = reading_start,
    .cancel = reading_cancel,
    .close = reading_close,
    .rebind = reading_rebind,
    .retries = reading_retries,
    .load_us = reading_load_us,
};
