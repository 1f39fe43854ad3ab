/*
 * The statuspage collector: what a supplier says of itself, in the summary that every
 * Atlassian Statuspage has (/api/v2/summary.json): of the whole page, one group or one
 * component. Their words become the verdict, and stand in the message with the title of
 * what they have open.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "collectors/collectors.h"
#include "collectors/document.h"
#include "collectors/reading.h"

struct statuspage_options {
	struct request_options request;
	char *component, *group;
};

struct statuspage_plan {
	struct judge_plan base;
	char *component, *group; /* NULL: not asked for */
};

enum { INDICATOR = READING_SOURCES, INCIDENTS, SOURCES };

static const struct archive_source sources[SOURCES] = {
    READING_SOURCE_ROWS,
    [INDICATOR] = {"indicator", "1", 0, 3,
	"What they say: 0 well, 1 degraded or under maintenance, 2 partial outage, "
	"3 major outage"},
    [INCIDENTS] = {"incidents", "1", 0, NAN, "Incidents that they have open"},
};

#define AT(field) offsetof(struct statuspage_options, field)
static const struct option statuspage_options[] = {
    REQUEST_URL_OPTION(
	AT(request), true, "https://status.example.it/api/v2/summary.json"),
    {.name = "component",
	.type = OPTION_STRING,
	.offset = AT(component),
	.min = 1,
	.max = 250,
	.example = "API",
	.text = "The component that is looked at, by its name or id; without it and "
		"group it is the whole page"},
    {.name = "group",
	.type = OPTION_STRING,
	.offset = AT(group),
	.min = 1,
	.max = 250,
	.example = "Italia",
	.text = "The group of components that is looked at, by its name or id: the "
		"worst of them, or of them the component named"},
    REQUEST_LAST_OPTIONS(AT(request)),
    OPTION_END,
};
#undef AT

/* ---- their words ---- */

static const struct word {
	const char *word;
	enum { WELL, MAINTENANCE, DEGRADED, PARTIAL, MAJOR } level; /* worse is more */
} component_words[] =
    {
	{"operational", WELL},
	{"under_maintenance", MAINTENANCE},
	{"degraded_performance", DEGRADED},
	{"partial_outage", PARTIAL},
	{"major_outage", MAJOR},
	{NULL, WELL},
},
  page_words[] = {
      {"none", WELL},
      {"maintenance", MAINTENANCE},
      {"minor", DEGRADED},
      {"major", PARTIAL},
      {"critical", MAJOR},
      {NULL, WELL},
};

static const double indicators[] = {
    [WELL] = 0, [MAINTENANCE] = 1, [DEGRADED] = 1, [PARTIAL] = 2, [MAJOR] = 3};

/* -> "" of what is no text */
static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static const struct word *
find_word(const struct word *words, const char *text)
{
	for (; words->word != NULL; words++)
		if (strcmp(words->word, text) == 0)
			return words;
	return NULL;
}

static void fail(struct judgement *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
fail(struct judgement *out, const char *format, ...)
{
	va_list ap;

	out->class = PROBE_JSON;
	va_start(ap, format);
	vsnprintf(out->sentence, sizeof(out->sentence), format, ap);
	va_end(ap);
}

static bool
is_open(const json_t *incident, bool maintenance)
{
	const char *status = text_of(incident, "status");

	if (maintenance)
		return strcmp(status, "in_progress") == 0 ||
		       strcmp(status, "verifying") == 0;
	return strcmp(status, "resolved") != 0 && strcmp(status, "postmortem") != 0;
}

/* Whether an incident is about one of the components with a mark. */
static bool
concerns(const json_t *incident, const json_t *ids)
{
	const json_t *list = json_object_get(incident, "components"), *component;
	size_t i;

	if (ids == NULL)
		return true;
	json_array_foreach (list, i, component)
		if (json_object_get(ids, text_of(component, "id")) != NULL)
			return true;
	return false;
}

/* -> how many are open; title is of the first of them */
static size_t
count_open(const json_t *list, const json_t *ids, bool maintenance, const char **title)
{
	const json_t *incident;
	size_t count = 0, i;

	json_array_foreach (list, i, incident) {
		if (!json_is_object(incident) || !is_open(incident, maintenance) ||
		    !concerns(incident, ids))
			continue;
		if (count++ == 0)
			*title = text_of(incident, "name");
	}
	return count;
}

/* ---- what is looked at ---- */

static bool
is_called(const json_t *component, const char *name)
{
	return strcmp(text_of(component, "name"), name) == 0 ||
	       strcmp(text_of(component, "id"), name) == 0;
}

/* -> the group's id, or NULL with the judgement */
static const char *
find_group(const json_t *components, const char *name, struct judgement *out)
{
	const json_t *component;
	size_t i;

	json_array_foreach (components, i, component)
		if (json_is_true(json_object_get(component, "group")) &&
		    is_called(component, name))
			return text_of(component, "id");
	fail(out, "the page has no group %.180s", name);
	return NULL;
}

static bool
is_wanted(
    const struct statuspage_plan *plan, const json_t *component, const char *group)
{
	bool within =
	    group == NULL || strcmp(text_of(component, "group_id"), group) == 0;

	if (plan->component != NULL)
		return within && is_called(component, plan->component);
	return within || strcmp(text_of(component, "id"), group) == 0;
}

/* The components that are wanted: their ids, and the worst of their words. */
static const struct word *
find_worst(const struct statuspage_plan *plan, const json_t *components, json_t *ids,
    struct judgement *out)
{
	const struct word *worst = NULL, *word;
	const char *group = NULL;
	const json_t *component;
	size_t i;

	if (plan->group != NULL &&
	    (group = find_group(components, plan->group, out)) == NULL)
		return NULL;
	json_array_foreach (components, i, component) {
		if (!json_is_object(component) || !is_wanted(plan, component, group))
			continue;
		if (plan->component != NULL && worst != NULL) {
			fail(out,
			    "the page has more than one component %.150s, expected its "
			    "id or its group",
			    plan->component);
			return NULL;
		}
		word = find_word(component_words, text_of(component, "status"));
		if (word == NULL) {
			fail(out, "a component has the unknown status %.100s",
			    text_of(component, "status"));
			return NULL;
		}
		json_object_set_new(ids, text_of(component, "id"), json_true());
		if (worst == NULL || word->level > worst->level)
			worst = word;
	}
	if (worst == NULL)
		fail(out, "the page has no component %.180s", plan->component);
	return worst;
}

/* "API: partial outage (No calls from Turkey, and 1 more)" */
static void
describe(const struct statuspage_plan *plan, const char *words, const char *title,
    size_t open, char out[256])
{
	const char *name = plan->component != NULL ? plan->component : plan->group;
	char more[32] = "";
	size_t i, length;

	if (name != NULL)
		length = snprintf(out, 256, "%.100s: ", name);
	else
		length = 0;
	strlcpy(out + length, words, 256 - length);
	for (i = length; name != NULL && out[i] != '\0'; i++)
		if (out[i] == '_')
			out[i] = ' ';
	length = strnlen(out, 255);
	if (open > 1)
		snprintf(more, sizeof(more), ", and %zu more", open - 1);
	if (open > 0)
		snprintf(out + length, 256 - length, " (%.100s%s)", title, more);
}

static void
judge_components(const struct statuspage_plan *plan, const json_t *summary,
    const json_t *ids, const struct word *word, const char *words,
    struct judgement *out)
{
	const char *title = "";
	size_t open =
	    count_open(json_object_get(summary, "incidents"), ids, false, &title);

	out->values[INDICATOR] = indicators[word->level];
	out->values[INCIDENTS] = (double)open;
	if (open == 0)
		open = count_open(json_object_get(summary, "scheduled_maintenances"),
		    ids, true, &title);
	if (word->level >= PARTIAL)
		out->class = PROBE_STATUS;
	out->warn = word->level == MAINTENANCE || word->level == DEGRADED;
	describe(plan, words, title, open, out->sentence);
}

static void
judge_summary(
    const struct statuspage_plan *plan, const json_t *summary, struct judgement *out)
{
	const json_t *status = json_object_get(summary, "status"),
		     *components = json_object_get(summary, "components");
	bool whole = plan->component == NULL && plan->group == NULL;
	const struct word *word;
	json_t *ids;

	if (!json_is_object(status) || !json_is_array(components) ||
	    !json_is_array(json_object_get(summary, "incidents"))) {
		fail(out, "the document is no summary of a Statuspage: it has no %s",
		    !json_is_object(status)      ? "status"
		    : !json_is_array(components) ? "components"
						 : "incidents");
		return;
	}
	if (whole) {
		word = find_word(page_words, text_of(status, "indicator"));
		if (word == NULL)
			fail(out, "the page has the unknown indicator %.100s",
			    text_of(status, "indicator"));
		else
			judge_components(plan, summary, NULL, word,
			    text_of(status, "description"), out);
		return;
	}
	ids = json_object();
	word = find_worst(plan, components, ids, out);
	if (word != NULL)
		judge_components(plan, summary, ids, word, word->word, out);
	json_decref(ids);
}

static void
statuspage_judge(const struct judge_plan *base, const struct expect_answer *answer,
    struct judgement *out)
{
	const struct statuspage_plan *plan = (const struct statuspage_plan *)base;
	json_t *document =
	    document_parse(answer->body, answer->body_length, out->sentence);

	if (document == NULL) {
		out->class = PROBE_JSON;
		return;
	}
	judge_summary(plan, document, out);
	json_decref(document);
}

/* ---- plans ---- */

static void
statuspage_destroy(struct judge_plan *base)
{
	struct statuspage_plan *plan = (struct statuspage_plan *)base;

	free(plan->component);
	free(plan->group);
	free(plan);
}

static int
statuspage_open(const struct probe_env *env, const void *options, int64_t dns_cache_us,
    void **state, char error[256])
{
	const struct statuspage_options *opts = options;
	struct statuspage_plan *plan = mem_zalloc(sizeof(*plan));

	plan->base = (struct judge_plan){1, statuspage_judge, statuspage_destroy};
	plan->component = mem_strdup(opts->component);
	plan->group = mem_strdup(opts->group);
	*state =
	    reading_create(env, options, dns_cache_us, &plan->base, NULL, PROBE_OK);
	return 0;
}

const struct collector collector_statuspage = {
    .name = "statuspage",
    .text = "Reads what a supplier says of itself on its Atlassian Statuspage",
    .options = statuspage_options,
    .options_size = sizeof(struct statuspage_options),
    .shorthand = "url",
    .check = reading_check,
    .sources = sources,
    .source_count = SOURCES,
    .total = READING_TOTAL,
    .open = statuspage_open,
    .start = reading_start,
    .cancel = reading_cancel,
    .close = reading_close,
    .rebind = reading_rebind,
    .retries = reading_retries,
    .load_us = reading_load_us,
};
