/*
 * Binding. A mapping is walked in the file's order, so that its errors come in that
 * order; what it does not say gets its default, or is reported if it is required.
 */
#include "conf/bind.h"

#include <math.h>

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "conf/arena.h"
#include "conf/check.h"
#include "conf/report.h"
#include "conf/value.h"
#include "conf/yaml.h"

#define NAMES_MAX 128

const struct option *
option_find(const struct option *table, const char *name)
{
	for (; table->name != NULL; table++) {
		if (table->type != OPTION_COLLECTOR && strcmp(table->name, name) == 0)
			return table;
	}
	return NULL;
}

static const struct conf_collector *
find_collector(const struct binder *binder, const char *name)
{
	const struct conf_collector *collector = binder->collectors;

	for (; collector->name != NULL; collector++) {
		if (strcmp(collector->name, name) == 0)
			return collector;
	}
	return NULL;
}

/* All keys that a mapping of the table may have. */
static size_t
list_names(const struct binder *binder, const struct option *table, const char **names)
{
	const struct conf_collector *collector;
	size_t n = 0;

	for (; table->name != NULL && n < NAMES_MAX; table++) {
		if (table->type != OPTION_COLLECTOR) {
			names[n++] = table->name;
			continue;
		}
		for (collector = binder->collectors;
		     collector->name != NULL && n < NAMES_MAX; collector++)
			names[n++] = collector->name;
	}
	return n;
}

static void
report_unknown(
    struct binder *binder, const struct option *table, const struct conf_node *node)
{
	const char *names[NAMES_MAX] = {NULL}, *near;
	size_t n = list_names(binder, table, names), i;
	struct buf list = BUF_INIT;

	near = text_nearest(node->key, names, n);
	if (near != NULL) {
		report_key(binder->report, REPORT_ERROR, node,
		    "unknown option, did you mean \"%s\"?", near);
		return;
	}
	for (i = 0; i < n; i++)
		buf_printf(&list, "%s%s",
		    i == 0       ? ""
		    : i + 1 == n ? " or "
				 : ", ",
		    names[i]);
	report_key(binder->report, REPORT_ERROR, node, "unknown option, expected %s",
	    list.data);
	buf_free(&list);
}

/* A default as YAML text: a scalar as it stands, a list by the parser. */
static void
bind_fallback(struct binder *binder, const struct option *row, void *object)
{
	static const struct conf_file nowhere = {.name = "default", .folder = "/"};
	struct conf_node scalar = {.kind = NODE_SCALAR,
	    .plain = true,
	    .file = &nowhere,
	    .text = row->fallback};
	struct conf_node *node = &scalar, *item;
	struct arena arena = ARENA_INIT;
	struct binder quiet = *binder;
	bool good;

	if (row->unset_nan)
		*(double *)FIELD(object, row) = NAN;
	if (row->fallback == NULL)
		return;
	quiet.check_system = false;
	if (row->fallback[0] == '[' || row->fallback[0] == '{')
		node = yaml_read(&arena, binder->report, &nowhere, row->fallback,
		    strlen(row->fallback));
	assert(node != NULL);
	for (item = node->first; item != NULL; item = item->next)
		item->line = item->column = 0;
	good = value_bind(&quiet, row, node, FIELD(object, row));
	assert(good); /* a default that its own row does not take is a bug of ours */
	(void)good;
	arena_free(&arena);
}

static void
bind_defaults(struct binder *binder, const struct option *table, void *object)
{
	const struct option *row;

	for (row = table; row->name != NULL; row++) {
		if (row->type == OPTION_GROUP)
			bind_defaults(binder, row->group, FIELD(object, row));
		else if (row->type != OPTION_MAP && row->type != OPTION_COLLECTOR)
			bind_fallback(binder, row, object);
	}
}

/* Whether a node is a mapping; one that says nothing is an empty one. */
static bool
is_map(struct binder *binder, const struct option *row, struct conf_node *node)
{
	if (node->kind == NODE_MAP || yaml_is_null(node))
		return true;
	if (node->kind != NODE_BAD)
		value_wrong(binder, row, node, "is a %s",
		    node->kind == NODE_LIST ? "list" : "single value");
	node->refused = true;
	return false;
}

static bool
is_item(struct binder *binder, const struct conf_node *node)
{
	if (node->twin != NULL) {
		report_twin(binder->report, node);
		return false;
	}
	if (text_is_identifier(node->key))
		return true;
	report_key(binder->report, REPORT_ERROR, node,
	    "is not an identifier, expected a-z 0-9 _ -, beginning with a letter or "
	    "digit, at most 63");
	return false;
}

static void fill(struct binder *binder, const struct option *table,
    struct conf_node *map, void *object);

static void
bind_map(struct binder *binder, const struct option *row, struct conf_node *map,
    struct conf_map *out)
{
	struct conf_item *item;
	struct conf_node *node;
	static const struct option group = {.type = OPTION_GROUP};

	if (!is_map(binder, row, map))
		return;
	out->items = arena_array(binder->arena, map->count, row->size);
	for (node = map->first; node != NULL; node = node->next) {
		if (!is_item(binder, node) || !is_map(binder, &group, node))
			continue;
		item = (void *)((char *)out->items + out->count++ * row->size);
		item->id = arena_strdup(binder->arena, node->key);
		item->place = (struct conf_place){
		    node->file->name, node->key_line, node->key_column};
		node->object = item;
		fill(binder, row->group, node, item);
	}
}

struct collector_check {
	struct binder *binder;
	const struct conf_node *node;
};

static bool
is_refused(const struct conf_node *node, const char *key)
{
	return key != NULL && node->kind == NODE_MAP && check_refused(node, key);
}

static void
complain_collector(
    void *arg, const char *option, const char *other, const char *problem)
{
	const struct collector_check *check = arg;
	const struct conf_node *node = check->node;

	if (is_refused(node, option) || is_refused(node, other))
		return;
	if (node->kind == NODE_MAP)
		check_complain(
		    check->binder, REPORT_ERROR, node, option, "%s", problem);
	else
		report_value(check->binder->report, REPORT_ERROR, node, "%s", problem);
}

struct collector_field {
	const struct conf_collector *collector;
	void *options;
};

static void
bind_collector(struct binder *binder, const struct conf_collector *collector,
    struct conf_node *node, struct collector_field *field)
{
	static const struct option group = {.type = OPTION_GROUP};
	struct collector_check check = {binder, node};
	const struct option *alone;

	if (field->collector != NULL) {
		report_key(binder->report, REPORT_ERROR, node,
		    "a second collector beside \"%s\", expected one in a check",
		    field->collector->name);
		return;
	}
	field->collector = collector;
	field->options = arena_zalloc(binder->arena, collector->size);
	node->object = field->options;
	if (node->kind == NODE_BAD)
		return;
	if (collector->shorthand != NULL && node->kind != NODE_MAP &&
	    !yaml_is_null(node)) {
		alone = option_find(collector->options, collector->shorthand);
		assert(alone != NULL);
		bind_defaults(binder, collector->options, field->options);
		value_bind(binder, alone, node, FIELD(field->options, alone));
	} else if (is_map(binder, &group, node)) {
		fill(binder, collector->options, node, field->options);
	}
	if (collector->check != NULL && !node->refused)
		collector->check(field->options, complain_collector, &check);
}

static void
bind_row(struct binder *binder, const struct option *row, struct conf_node *node,
    void *object)
{
	switch (row->type) {
	case OPTION_GROUP:
		if (is_map(binder, row, node))
			fill(binder, row->group, node, FIELD(object, row));
		break;
	case OPTION_MAP:
		bind_map(binder, row, node, FIELD(object, row));
		break;
	default:
		value_bind(binder, row, node, FIELD(object, row));
		break;
	}
}

static void
bind_key(struct binder *binder, const struct option *table, struct conf_node *node,
    void *object)
{
	const struct option *row = option_find(table, node->key), *r;
	const struct conf_collector *collector;

	if (node->twin != NULL) {
		report_twin(binder->report, node);
		return;
	}
	if (row != NULL) {
		bind_row(binder, row, node, object);
		return;
	}
	for (r = table; r->name != NULL; r++) {
		if (r->type != OPTION_COLLECTOR)
			continue;
		collector = find_collector(binder, node->key);
		if (collector == NULL)
			continue;
		bind_collector(binder, collector, node, FIELD(object, r));
		return;
	}
	report_unknown(binder, table, node);
}

/* The object has its own fields zeroed; groups within get their defaults here too. */
static void
fill(struct binder *binder, const struct option *table, struct conf_node *map,
    void *object)
{
	struct buf expected = BUF_INIT;
	const struct option *row;
	struct conf_node *node;

	bind_defaults(binder, table, object);
	for (node = map->first; node != NULL; node = node->next)
		bind_key(binder, table, node, object);
	for (row = table; row->name != NULL; row++) {
		if (!row->required || yaml_child(map, row->name) != NULL)
			continue;
		buf_clear(&expected);
		value_expected(row, &expected);
		report_absent(binder->report, REPORT_ERROR, map, row->name,
		    "is missing, expected %s", expected.data);
	}
	buf_free(&expected);
}

void
bind_table(struct binder *binder, const struct option *table, struct conf_node *map,
    void *object)
{
	static const struct option group = {.type = OPTION_GROUP};

	if (map == NULL || !is_map(binder, &group, map))
		bind_defaults(binder, table, object);
	else
		fill(binder, table, map, object);
}
