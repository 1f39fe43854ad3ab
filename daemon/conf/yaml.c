/*
 * YAML. The events of libyaml become nodes by recursion, as deep as the bound
 * allows. What the subset does not have is reported and read on, so that one run
 * tells all of it; a syntax error ends the file.
 */
#include "conf/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/mem.h"
#include "conf/arena.h"
#include "conf/report.h"

#define TWINS_BY_LOOP 16

struct reader {
	yaml_parser_t parser;
	yaml_event_t event;
	struct arena *arena;
	struct report *report;
	const struct conf_file *file;
	const char *data;
	size_t length;
	size_t nodes;
};

/* Where a byte of the input is. */
static void
locate(const struct reader *reader, size_t offset, unsigned *line, unsigned *column)
{
	size_t i;

	*line = *column = 1;
	for (i = 0; i < offset && i < reader->length; i++) {
		if (reader->data[i] == '\n') {
			(*line)++;
			*column = 1;
		} else if ((reader->data[i] & 0xc0) != 0x80) {
			(*column)++;
		}
	}
}

static bool
is_tab(const struct reader *reader, unsigned line, unsigned column)
{
	const char *p = reader->data, *end = p + reader->length;

	for (; line > 1 && p < end; line--) {
		p = memchr(p, '\n', end - p);
		if (p == NULL)
			return false;
		p++;
	}
	for (; column > 1 && p < end; p++) /* of characters, not bytes */
		column -= (p[0] & 0xc0) != 0x80;
	return p < end && *p == '\t';
}

static void
report_syntax(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	const char *problem = parser->problem != NULL ? parser->problem : "is not YAML";
	unsigned line = parser->problem_mark.line + 1;
	unsigned column = parser->problem_mark.column + 1;

	if (parser->error == YAML_READER_ERROR)
		locate(reader, parser->problem_offset, &line, &column);
	else if (is_tab(reader, line, column))
		problem = "found a tab, expected spaces";
	if (parser->context == NULL)
		report_at(reader->report, REPORT_ERROR, reader->file, line, column,
		    "YAML syntax: %s", problem);
	else
		report_at(reader->report, REPORT_ERROR, reader->file, line, column,
		    "YAML syntax: %s, %s that begins at %zu:%zu", problem,
		    parser->context, parser->context_mark.line + 1,
		    parser->context_mark.column + 1);
}

/* The next event into reader->event. */
static bool
advance(struct reader *reader)
{
	yaml_event_delete(&reader->event);
	memset(&reader->event, 0, sizeof(reader->event));
	if (yaml_parser_parse(&reader->parser, &reader->event))
		return true;
	report_syntax(reader);
	return false;
}

static struct conf_node *
add_node(struct reader *reader, struct conf_node *parent, const struct conf_node *key,
    enum conf_node_kind kind)
{
	struct conf_node *node = arena_zalloc(reader->arena, sizeof(*node));

	node->kind = kind;
	node->file = reader->file;
	node->line = reader->event.start_mark.line + 1;
	node->column = reader->event.start_mark.column + 1;
	node->parent = parent;
	if (key != NULL && key->kind == NODE_SCALAR) {
		node->key = key->text;
		node->key_line = key->line;
		node->key_column = key->column;
	}
	reader->nodes++;
	return node;
}

static void
append(struct conf_node *parent, struct conf_node *node)
{
	if (parent->last != NULL)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	parent->count++;
}

static void
refuse(struct reader *reader, struct conf_node *node, const char *what)
{
	report_value(reader->report, REPORT_ERROR, node, "%s", what);
	node->kind = NODE_BAD;
}

static void
fill_scalar(struct reader *reader, struct conf_node *node)
{
	const char *text = (const char *)reader->event.data.scalar.value;
	size_t length = reader->event.data.scalar.length;
	yaml_scalar_style_t style = reader->event.data.scalar.style;

	node->plain = style == YAML_PLAIN_SCALAR_STYLE;
	if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE) {
		while (length > 0 && text[length - 1] == '\n')
			length--;
	}
	node->text = arena_strndup(reader->arena, text, length);
	if (strlen(node->text) != length)
		refuse(reader, node, "holds a NUL character, expected text");
}

static int
compare_keys(const void *a, const void *b)
{
	const struct conf_node *x = *(struct conf_node *const *)a;
	const struct conf_node *y = *(struct conf_node *const *)b;
	int order = strcmp(x->key, y->key);

	if (order != 0)
		return order;
	if (x->file->number != y->file->number)
		return x->file->number < y->file->number ? -1 : 1;
	if (x->key_line != y->key_line)
		return x->key_line < y->key_line ? -1 : 1;
	return x->key_column < y->key_column ? -1 : x->key_column > y->key_column;
}

void
yaml_mark_twins(struct conf_node *map)
{
	struct conf_node *node, *other, **all;
	size_t i, n = 0;

	if (map->count <= TWINS_BY_LOOP) {
		for (node = map->first; node != NULL; node = node->next) {
			for (other = map->first; other != node; other = other->next) {
				if (strcmp(other->key, node->key) == 0)
					break;
			}
			node->twin = other != node ? other : NULL;
		}
		return;
	}
	all = mem_array(map->count, sizeof(struct conf_node *));
	for (node = map->first; node != NULL; node = node->next)
		all[n++] = node;
	qsort(all, n, sizeof(struct conf_node *), compare_keys);
	for (i = 1; i < n; i++) {
		if (strcmp(all[i]->key, all[i - 1]->key) == 0)
			all[i]->twin = all[i - 1]->twin ? all[i - 1]->twin : all[i - 1];
	}
	free(all);
}

static struct conf_node *read_node(struct reader *reader, struct conf_node *parent,
    const struct conf_node *key, unsigned depth);

static bool
read_map(struct reader *reader, struct conf_node *map, unsigned depth)
{
	struct conf_node *key, *value;

	for (;;) {
		if (!advance(reader))
			return false;
		if (reader->event.type == YAML_MAPPING_END_EVENT)
			break;
		key = read_node(reader, map, NULL, depth + 1);
		if (key == NULL)
			return false;
		if (key->kind == NODE_LIST || key->kind == NODE_MAP)
			refuse(reader, key, "is not a key, expected a name");
		if (!advance(reader))
			return false;
		value = read_node(reader, map, key, depth + 1);
		if (value == NULL)
			return false;
		if (value->key != NULL)
			append(map, value);
	}
	yaml_mark_twins(map);
	return true;
}

static bool
read_list(struct reader *reader, struct conf_node *list, unsigned depth)
{
	struct conf_node *item;

	for (;;) {
		if (!advance(reader))
			return false;
		if (reader->event.type == YAML_SEQUENCE_END_EVENT)
			return true;
		item = read_node(reader, list, NULL, depth + 1);
		if (item == NULL)
			return false;
		append(list, item);
	}
}

/* Reads the node whose first event stands in the reader. */
static struct conf_node *
read_node(struct reader *reader, struct conf_node *parent, const struct conf_node *key,
    unsigned depth)
{
	yaml_char_t *anchor = NULL, *tag = NULL;
	struct conf_node *node = add_node(reader, parent, key, NODE_BAD);
	bool whole = true;

	if (depth > YAML_DEPTH_MAX || reader->nodes > YAML_NODES_MAX) {
		report_value(reader->report, REPORT_ERROR, node,
		    "%s, expected at most %d",
		    depth > YAML_DEPTH_MAX ? "is nested too deep"
					   : "holds too many values",
		    depth > YAML_DEPTH_MAX ? YAML_DEPTH_MAX : YAML_NODES_MAX);
		return NULL;
	}
	switch (reader->event.type) {
	case YAML_SCALAR_EVENT:
		anchor = reader->event.data.scalar.anchor;
		tag = reader->event.data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = reader->event.data.sequence_start.anchor;
		tag = reader->event.data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = reader->event.data.mapping_start.anchor;
		tag = reader->event.data.mapping_start.tag;
		break;
	default:
		break;
	}
	if (anchor != NULL || tag != NULL)
		report_value(reader->report, REPORT_ERROR, node,
		    "%s is not accepted, expected a plain value",
		    anchor != NULL ? "an anchor (&)" : "a tag (!)");
	switch (reader->event.type) {
	case YAML_SCALAR_EVENT:
		node->kind = NODE_SCALAR;
		fill_scalar(reader, node);
		break;
	case YAML_SEQUENCE_START_EVENT:
		node->kind = NODE_LIST;
		whole = read_list(reader, node, depth);
		break;
	case YAML_MAPPING_START_EVENT:
		node->kind = NODE_MAP;
		whole = read_map(reader, node, depth);
		break;
	default: /* an alias */
		report_value(reader->report, REPORT_ERROR, node,
		    "an alias (*) is not accepted, expected a plain value");
		break;
	}
	return whole ? node : NULL;
}

static struct conf_node *
read_stream(struct reader *reader)
{
	struct conf_node *root;

	if (!advance(reader) || !advance(reader)) /* stream, document */
		return NULL;
	if (reader->event.type == YAML_STREAM_END_EVENT) {
		root = add_node(reader, NULL, NULL, NODE_MAP);
		root->line = root->column = 1;
		return root;
	}
	if (!advance(reader) || (root = read_node(reader, NULL, NULL, 0)) == NULL)
		return NULL;
	if (!advance(reader) || !advance(reader)) /* ends of both */
		return NULL;
	if (reader->event.type != YAML_STREAM_END_EVENT)
		report_at(reader->report, REPORT_ERROR, reader->file,
		    reader->event.start_mark.line + 1,
		    reader->event.start_mark.column + 1,
		    "a second document begins, expected one");
	if (root->kind == NODE_SCALAR && yaml_is_null(root))
		root->kind = NODE_MAP;
	return root;
}

struct conf_node *
yaml_read(struct arena *arena, struct report *report, const struct conf_file *file,
    const char *data, size_t length)
{
	struct reader reader = {.arena = arena,
	    .report = report,
	    .file = file,
	    .data = data,
	    .length = length};
	struct conf_node *root;
	int ready = yaml_parser_initialize(&reader.parser);

	if (!ready)
		abort(); /* out of memory */
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
	    &reader.parser, (const unsigned char *)data, length);
	root = read_stream(&reader);
	yaml_event_delete(&reader.event);
	yaml_parser_delete(&reader.parser);
	return root;
}

struct conf_node *
yaml_child(const struct conf_node *map, const char *key)
{
	struct conf_node *node;

	for (node = map->first; node != NULL; node = node->next) {
		if (node->key != NULL && strcmp(node->key, key) == 0)
			return node;
	}
	return NULL;
}

bool
yaml_is_null(const struct conf_node *node)
{
	return node->kind == NODE_SCALAR && node->plain &&
	       (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
		   strcmp(node->text, "null") == 0);
}

void
yaml_merge(struct conf_node *into, struct conf_node *from)
{
	struct conf_node *node, *next;

	for (node = from->first; node != NULL; node = next) {
		next = node->next;
		node->next = NULL;
		node->parent = into;
		append(into, node);
	}
	from->first = from->last = NULL;
	from->count = 0;
}
