/* Values of several parts: texts, files, languages, statuses, tiers. */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "conf/arena.h"
#include "conf/report.h"
#include "conf/value.h"
#include "conf/yaml.h"

#define SECOND INT64_C(1000000)
#define STRINGS_MAX_ITEMS 256
#define FILES_MAX_ITEMS 64
#define TIER_ROWS_MAX 5000000
#define PART_SIZE 32

static bool
is_choice(const struct option *row, const char *text)
{
	size_t i;

	if (row->choices == NULL)
		return true;
	for (i = 0; row->choices[i] != NULL; i++) {
		if (strcmp(row->choices[i], text) == 0)
			return true;
	}
	return false;
}

bool
value_bind_strings(struct binder *binder, const struct option *row,
    struct conf_node *node, void *field)
{
	struct conf_strings *strings = field;
	struct conf_node *item, *first = node;
	size_t count = 1, i = 0;
	bool good = true;

	if (node->kind == NODE_LIST || yaml_is_null(node)) {
		count = node->count;
		first = node->first;
	}
	if (value_is_outside(row, count) || count > STRINGS_MAX_ITEMS)
		return value_wrong(binder, row, node, "holds %zu items", count);
	for (item = first; i < count; item = item->next, i++) {
		if (!value_is_text(binder, row, item))
			good = false;
		else if (!is_choice(row, item->text))
			good = value_wrong(binder, row, item, "is unknown");
	}
	if (!good)
		return false;
	strings->items = arena_array(binder->arena, count, sizeof(*strings->items));
	strings->places = arena_array(binder->arena, count, sizeof(*strings->places));
	strings->count = count;
	for (item = first, i = 0; i < count; item = item->next, i++) {
		strings->items[i] = arena_strdup(binder->arena, item->text);
		strings->places[i] =
		    (struct conf_place){item->file->name, item->line, item->column};
	}
	return true;
}

bool
value_bind_secret_files(struct binder *binder, const struct option *row,
    struct conf_node *node, void *field)
{
	static const struct option one = {.type = OPTION_SECRET_FILE};
	struct conf_files *files = field;
	struct conf_node *item;
	bool good = true;
	size_t i = 0;

	if (yaml_is_null(node))
		return true;
	if (node->kind != NODE_MAP)
		return value_wrong(binder, row, node, "is a %s",
		    node->kind == NODE_LIST ? "list" : "single value");
	if (node->count > FILES_MAX_ITEMS)
		return value_wrong(binder, row, node, "holds %zu items", node->count);
	files->items = arena_array(binder->arena, node->count, sizeof(*files->items));
	for (item = node->first; item != NULL; item = item->next) {
		if (item->twin != NULL) {
			report_twin(binder->report, item);
			good = false;
			continue;
		}
		files->items[i].name = arena_strdup(binder->arena, item->key);
		good &= value_bind(binder, &one, item, &files->items[i++].path);
	}
	files->count = i;
	return good;
}

bool
value_is_language(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz");

	if (n < 2 || n > 3)
		return false;
	return text[n] == '\0' ||
	       (text[n] == '-' && strlen(text + n) == 3 &&
		   strspn(text + n + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 2);
}

static bool
is_language_key(struct binder *binder, const struct conf_node *item)
{
	if (item->twin != NULL) {
		report_twin(binder->report, item);
		return false;
	}
	if (value_is_language(item->key))
		return true;
	report_key(binder->report, REPORT_ERROR, item,
	    "is not a language, expected a code such as it, en or de-AT");
	return false;
}

static bool
is_blank(const char *text)
{
	return text[strspn(text, " \t\n")] == '\0';
}

bool
value_bind_text(struct binder *binder, const struct option *row, struct conf_node *node,
    void *field)
{
	struct conf_text *text = field;
	struct conf_node *item, *first = node;
	size_t count = 1, i = 0;
	bool good = true;

	if (node->kind == NODE_MAP) {
		count = node->count;
		first = node->first;
		if (count == 0)
			return value_wrong(binder, row, node, "is empty");
	}
	for (item = first; i < count; item = item->next, i++) {
		if (first != node && !is_language_key(binder, item))
			good = false;
		if (!value_is_text(binder, row, item))
			good = false;
		else if (is_blank(item->text))
			good = value_wrong(binder, row, item, "is empty");
	}
	if (!good)
		return false;
	text->items = arena_array(binder->arena, count, sizeof(*text->items));
	text->count = count;
	for (item = first, i = 0; i < count; item = item->next, i++) {
		if (first != node)
			text->items[i].language =
			    arena_strdup(binder->arena, item->key);
		text->items[i].text = arena_strdup(binder->arena, item->text);
	}
	return true;
}

static bool
add_status(struct conf_statuses *statuses, const char *text)
{
	char part[PART_SIZE], *dash;
	int64_t first, last;

	if (strlen(text) >= sizeof(part) ||
	    statuses->count >= ARRAY_LENGTH(statuses->ranges))
		return false;
	strcpy(part, text);
	dash = strchr(part, '-');
	if (dash != NULL)
		*dash++ = '\0';
	if (text_integer(part, &first) != 0)
		return false;
	last = first;
	if (dash != NULL && text_integer(dash, &last) != 0)
		return false;
	if (first < 100 || last > 599 || first > last)
		return false;
	statuses->ranges[statuses->count].first = first;
	statuses->ranges[statuses->count].last = last;
	statuses->count++;
	return true;
}

/* The parts of a text between commas, without the spaces around them. */
static bool
next_part(const char **text, char part[PART_SIZE])
{
	const char *p = *text, *end;
	size_t length;

	if (p == NULL)
		return false;
	p += strspn(p, " ");
	end = strchr(p, ',');
	length = end != NULL ? (size_t)(end - p) : strlen(p);
	*text = end != NULL ? end + 1 : NULL;
	while (length > 0 && p[length - 1] == ' ')
		length--;
	if (length > PART_SIZE - 1)
		length = PART_SIZE - 1;
	memcpy(part, p, length);
	part[length] = '\0';
	return true;
}

bool
value_bind_statuses(struct binder *binder, const struct option *row,
    struct conf_node *node, void *field)
{
	struct conf_statuses statuses = {0};
	struct conf_node *item = node->kind == NODE_LIST ? node->first : node;
	char part[PART_SIZE];

	if (node->kind == NODE_LIST && node->count == 0)
		return value_wrong(binder, row, node, "is empty");
	for (; item != NULL; item = node->kind == NODE_LIST ? item->next : NULL) {
		const char *text = item->text;
		if (!value_is_scalar(binder, row, item))
			return false;
		while (next_part(&text, part)) {
			if (!add_status(&statuses, part))
				return value_wrong(binder, row, item, "%s",
				    statuses.count < ARRAY_LENGTH(statuses.ranges)
					? "is no status or range of them"
					: "is one too many");
		}
	}
	*(struct conf_statuses *)field = statuses;
	return true;
}

/* -> NULL or what is wrong */
static const char *
add_tier(struct conf_retention *retention, const char *text)
{
	char part[PART_SIZE], *colon;
	int64_t step, keep_us;

	if (retention->count >= ARRAY_LENGTH(retention->tiers))
		return "is one tier too many";
	if (strlen(text) >= sizeof(part))
		return "is not step:time";
	strcpy(part, text);
	colon = strchr(part, ':');
	if (colon == NULL)
		return "is not step:time";
	*colon++ = '\0';
	if (text_duration(part, &step) != 0 || text_duration(colon, &keep_us) != 0)
		return "is not step:time";
	if (step < SECOND || step % SECOND != 0)
		return "has a step that is not whole seconds";
	if (keep_us < step || keep_us / step > TIER_ROWS_MAX)
		return "keeps less than a row or more than five million";
	if (retention->count > 0) {
		if (step <= retention->tiers[retention->count - 1].step_us)
			return "has a step that is not longer than the one before";
		if (keep_us <= retention->tiers[retention->count - 1].keep_us)
			return "keeps no longer than the one before";
	}
	retention->tiers[retention->count].step_us = step;
	retention->tiers[retention->count].keep_us = keep_us;
	retention->count++;
	return NULL;
}

bool
value_bind_retention(struct binder *binder, const struct option *row,
    struct conf_node *node, void *field)
{
	struct conf_retention retention = {0};
	struct conf_node *item = node->kind == NODE_LIST ? node->first : node;
	const char *problem;
	char part[PART_SIZE];

	if (node->kind == NODE_LIST && node->count == 0)
		return value_wrong(binder, row, node, "is empty");
	for (; item != NULL; item = node->kind == NODE_LIST ? item->next : NULL) {
		const char *text = item->text;
		if (!value_is_scalar(binder, row, item))
			return false;
		while (next_part(&text, part)) {
			problem = add_tier(&retention, part);
			if (problem != NULL)
				return value_wrong(binder, row, item, "%s", problem);
		}
	}
	*(struct conf_retention *)field = retention;
	return true;
}
