/*
 * The openmetrics collector: chosen series of an endpoint that Prometheus would scrape,
 * each the sum of what its selector matches. A counter is stored as what it grew a
 * second since the run before; one that fell was reset.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/mem.h"
#include "collectors/collectors.h"
#include "collectors/reading.h"
#include "collectors/scrape.h"
#include "collectors/values.h"

struct openmetrics_options {
	struct request_options request;
	struct conf_map values;
};

struct openmetrics_plan {
	struct judge_plan base;
	struct values values;
	struct selector selectors[VALUES_MAX];
	size_t count; /* of selectors */
};

static const struct archive_source sources[] = {READING_SOURCE_ROWS};

static const struct option value_options[] = {
    {.name = "series",
	.type = OPTION_STRING,
	.offset = offsetof(struct value_option, from),
	.min = 1,
	.max = 1000,
	.example = "'http_requests_total{code=\"500\"}'",
	.text = "The series: a name, and labels that must be (=) or must not be (!=) "
		"what is said; of several that match the sum. The value's name by "
		"default"},
    VALUE_UNIT_OPTION,
    VALUE_BOUND_OPTIONS,
    OPTION_END,
};

#define AT(field) offsetof(struct openmetrics_options, field)
static const struct option openmetrics_options[] = {
    REQUEST_URL_OPTION(AT(request), true, "http://app.example.it:9100/metrics"),
    {.name = "values",
	.type = OPTION_MAP,
	.offset = AT(values),
	.unit = "NAME",
	.group = value_options,
	.size = sizeof(struct value_option),
	.required = true,
	.example = "errors",
	.text =
	    "Numbers to keep, at most 10. Of a counter (by its TYPE, or by _total at "
	    "the end of its name) what it grows a second is kept, so its unit may be "
	    "1/s; NaN and infinity are unknown. One that matches no series or is "
	    "beyond its bounds is a failure of class match"},
    REQUEST_FIRST_OPTIONS(AT(request)),
    REQUEST_LAST_OPTIONS(AT(request)),
    OPTION_END,
};
#undef AT

static void
openmetrics_check(const void *options, conf_complain *complain, void *arg)
{
	const struct openmetrics_options *opts = options;
	char wrong[256], problem[400];
	struct selector selector;
	size_t i;

	reading_check(options, complain, arg);
	values_check(&opts->values, sources, READING_SOURCES, complain, arg);
	for (i = 0; i < opts->values.count; i++) {
		const struct value_option *value = values_item(&opts->values, i);

		if (value->from == NULL)
			continue;
		if (selector_parse(value->from, &selector, wrong) == 0) {
			selector_free(&selector);
			continue;
		}
		snprintf(problem, sizeof(problem), "%.63s.series is no selector: %s",
		    value->item.id, wrong);
		complain(arg, "values", NULL, problem);
	}
}

static size_t
openmetrics_extra(const void *options, struct archive_source *out)
{
	const struct openmetrics_options *opts = options;

	return values_extra(&opts->values, out);
}

static bool
says_openmetrics(const struct expect_answer *answer)
{
	static const char type[] = "application/openmetrics-text";
	size_t length = sizeof(type) - 1, i;

	for (i = 0; i + length <= answer->headers_length; i++)
		if (strncasecmp(answer->headers + i, type, length) == 0)
			return true;
	return false;
}

static void
openmetrics_judge(const struct judge_plan *base, const struct expect_answer *answer,
    struct judgement *out)
{
	const struct openmetrics_plan *plan = (const struct openmetrics_plan *)base;
	const struct selector *selectors[VALUES_MAX];
	struct scrape_sum sums[VALUES_MAX];
	size_t i;

	for (i = 0; i < plan->count; i++)
		selectors[i] = &plan->selectors[i];
	if (scrape_read(answer->body, answer->body_length, says_openmetrics(answer),
		selectors, plan->count, sums, out->sentence) != 0) {
		out->class = PROBE_PROTOCOL;
		return;
	}
	for (i = 0; i < plan->count; i++) {
		if (sums[i].matched == 0) {
			if (out->class == PROBE_OK)
				snprintf(out->sentence, sizeof(out->sentence),
				    "no series matches %.200s",
				    plan->values.items[i].from);
			out->class = PROBE_MATCH;
			continue;
		}
		if (isfinite(sums[i].value))
			out->values[READING_SOURCES + i] = sums[i].value;
		if (sums[i].counter)
			out->counters |= UINT32_C(1) << (READING_SOURCES + i);
	}
}

static void
openmetrics_destroy(struct judge_plan *base)
{
	struct openmetrics_plan *plan = (struct openmetrics_plan *)base;

	while (plan->count > 0)
		selector_free(&plan->selectors[--plan->count]);
	values_free(&plan->values);
	free(plan);
}

static int
openmetrics_open(const struct probe_env *env, const void *options, int64_t dns_cache_us,
    void **state, char error[256])
{
	const struct openmetrics_options *opts = options;
	struct openmetrics_plan *plan = mem_zalloc(sizeof(*plan));

	plan->base = (struct judge_plan){1, openmetrics_judge, openmetrics_destroy};
	values_copy(&opts->values, "", &plan->values);
	for (; plan->count < plan->values.count; plan->count++) {
		if (selector_parse(plan->values.items[plan->count].from,
			&plan->selectors[plan->count], error) == 0)
			continue;
		judge_plan_unref(&plan->base);
		return ERR_SYNTAX;
	}
	*state = reading_create(
	    env, options, dns_cache_us, &plan->base, &plan->values, PROBE_MATCH);
	return 0;
}

const struct collector collector_openmetrics = {
    .name = "openmetrics",
    .text = "Takes numbers out of metrics as Prometheus scrapes them",
    .options = openmetrics_options,
    .options_size = sizeof(struct openmetrics_options),
    .check = openmetrics_check,
    .sources = sources,
    .source_count = READING_SOURCES,
    .extra = openmetrics_extra,
    .total = READING_TOTAL,
    .open = openmetrics_open,
    .start = reading_start,
    .cancel = reading_cancel,
    .close = reading_close,
    .rebind = reading_rebind,
    .retries = reading_retries,
    .load_us = reading_load_us,
};
