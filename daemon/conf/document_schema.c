/*
 * The JSON Schema (draft 7, which editors know) of vetrina.yaml. It is for help while
 * typing: what only holds across values is told by vetrinad -t.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "conf/arena.h"
#include "conf/bind.h"
#include "conf/conf.h"
#include "conf/document.h"
#include "conf/report.h"
#include "conf/schema.h"
#include "conf/yaml.h"

#define IDENTIFIER "^[a-z0-9][a-z0-9_-]{0,62}$"
#define DURATION "(0|[0-9]+(us|ms|s|m|h|d|y))"

static json_t *
of_scalar(const struct option *row, const char *text)
{
	int64_t integer;
	double number;

	if (row->type == OPTION_BOOL)
		return json_boolean(strcmp(text, "true") == 0);
	if (row->type == OPTION_INTEGER && text_integer(text, &integer) == 0)
		return json_integer(integer);
	if (row->type == OPTION_NUMBER && text_double(text, &number) == 0)
		return number == (double)(json_int_t)number ? json_integer(number)
							    : json_real(number);
	return json_string(text);
}

static json_t *
of_node(const struct option *row, const struct conf_node *node)
{
	const struct conf_node *child;
	json_t *value;

	if (node->kind == NODE_SCALAR)
		return of_scalar(row, node->text);
	value = node->kind == NODE_LIST ? json_array() : json_object();
	for (child = node->first; child != NULL; child = child->next) {
		if (node->kind == NODE_LIST)
			json_array_append_new(value, of_node(row, child));
		else
			json_object_set_new(value, child->key, of_node(row, child));
	}
	return value;
}

json_t *
document_value(const struct option *row, const char *text)
{
	static const struct conf_file nowhere = {.name = "table", .folder = "/"};
	struct report report = REPORT_INIT;
	struct arena arena = ARENA_INIT;
	struct conf_node *node =
	    yaml_read(&arena, &report, &nowhere, text, strlen(text));
	json_t *value;

	assert(node != NULL && report.lists[REPORT_ERROR].count == 0);
	value = of_node(row, node);
	arena_free(&arena);
	report_free(&report);
	return value;
}

static json_t *
string_of(const char *pattern)
{
	return pattern == NULL
		   ? json_pack("{s:s}", "type", "string")
		   : json_pack("{s:s, s:s}", "type", "string", "pattern", pattern);
}

static json_t *
list_or_one(json_t *item)
{
	json_t *list = json_pack("{s:s, s:O}", "type", "array", "items", item);

	return json_pack("{s:[o, o]}", "anyOf", item, list);
}

static json_t *
of_choices(const struct option *row)
{
	json_t *names = json_array();
	size_t i;

	for (i = 0; row->choices[i] != NULL; i++)
		json_array_append_new(names, json_string(row->choices[i]));
	return json_pack("{s:o}", "enum", names);
}

static json_t *
of_strings(const struct option *row)
{
	json_t *schema =
	    list_or_one(row->choices != NULL ? of_choices(row) : string_of(NULL));
	json_t *list = json_array_get(json_object_get(schema, "anyOf"), 1);

	if (row->max > row->min) {
		json_object_set_new(list, "minItems", json_integer(row->min));
		json_object_set_new(list, "maxItems", json_integer(row->max));
	}
	return schema;
}

static json_t *
of_duration(const struct option *row)
{
	struct buf pattern = BUF_INIT;
	json_t *schema;
	size_t i;

	buf_add_text(&pattern, "^(" DURATION);
	for (i = 0; row->choices != NULL && row->choices[i] != NULL; i++)
		buf_printf(&pattern, "|%s", row->choices[i]);
	buf_add_text(&pattern, ")$");
	/* A bare 0 is a number to an editor. */
	schema = json_pack("{s:[s, s], s:s, s:i, s:i}", "type", "string", "integer",
	    "pattern", pattern.data, "minimum", 0, "maximum", 0);
	buf_free(&pattern);
	return schema;
}

static json_t *
of_number(const struct option *row)
{
	json_t *schema = json_pack(
	    "{s:s}", "type", row->type == OPTION_INTEGER ? "integer" : "number");

	if (row->min == 0 && row->max == 0)
		return schema;
	json_object_set_new(schema, "minimum", json_real(row->min));
	if (row->max > row->min)
		json_object_set_new(schema, "maximum", json_real(row->max));
	return schema;
}

static json_t *
of_text(void)
{
	return json_pack("{s:[{s:s, s:i}, {s:s, s:i, s:{s:s}, s:{s:s, s:i}}]}", "anyOf",
	    "type", "string", "minLength", 1, "type", "object", "minProperties", 1,
	    "propertyNames", "pattern", "^[a-z]{2,3}(-[A-Z]{2})?$",
	    "additionalProperties", "type", "string", "minLength", 1);
}

static json_t *of_table(
    const struct option *table, const struct conf_collector *collectors);

static json_t *
of_row(const struct option *row, const struct conf_collector *collectors)
{
	switch (row->type) {
	case OPTION_BOOL:
		return json_pack("{s:s}", "type", "boolean");
	case OPTION_INTEGER:
	case OPTION_NUMBER:
		return of_number(row);
	case OPTION_DURATION:
		return of_duration(row);
	case OPTION_SIZE:
		return json_pack("{s:[s, s], s:s, s:i}", "type", "string", "integer",
		    "pattern", "^[0-9]+[KMGT]?$", "minimum", 0);
	case OPTION_CHOICE:
		return of_choices(row);
	case OPTION_URL:
		return string_of("^https?://");
	case OPTION_SECRET_FILES:
		return json_pack("{s:[s, s], s:{s:s}}", "type", "object", "null",
		    "additionalProperties", "type", "string");
	case OPTION_STRINGS:
		return of_strings(row);
	case OPTION_TEXT:
		return of_text();
	case OPTION_STATUSES:
		return list_or_one(
		    json_pack("{s:[s, s], s:s, s:i, s:i}", "type", "string", "integer",
			"pattern", "^[0-9, -]+$", "minimum", 100, "maximum", 599));
	case OPTION_RETENTION:
		return list_or_one(string_of("^" DURATION ":" DURATION "$"));
	case OPTION_GROUP:
		return of_table(row->group, collectors);
	case OPTION_MAP:
		return json_pack("{s:[s, s], s:{s:s}, s:o}", "type", "object", "null",
		    "propertyNames", "pattern", IDENTIFIER, "additionalProperties",
		    of_table(row->group, collectors));
	default:
		return string_of(NULL);
	}
}

static void
describe(json_t *schema, const struct option *row)
{
	if (row->text != NULL)
		json_object_set_new(schema, "description", json_string(row->text));
	if (row->fallback != NULL)
		json_object_set_new(
		    schema, "default", document_value(row, row->fallback));
	if (row->example != NULL && row->type != OPTION_MAP)
		json_object_set_new(schema, "examples",
		    json_pack("[o]", document_value(row, row->example)));
}

/* Exactly one of them; one with a shorthand also as its scalar. */
static void
add_collectors(json_t *schema, const struct conf_collector *collectors)
{
	json_t *properties = json_object_get(schema, "properties"), *one = json_array();
	const struct conf_collector *collector;

	for (collector = collectors; collector->name != NULL; collector++) {
		json_t *options = of_table(collector->options, collectors);
		if (collector->shorthand != NULL)
			options = json_pack("{s:[o, o]}", "anyOf", options,
			    of_row(
				option_find(collector->options, collector->shorthand),
				collectors));
		json_object_set_new(
		    options, "description", json_string(collector->text));
		json_object_set_new(properties, collector->name, options);
		json_array_append_new(
		    one, json_pack("{s:[s]}", "required", collector->name));
	}
	if (json_array_size(one) > 0)
		json_object_set(schema, "oneOf", one);
	json_decref(one);
}

static json_t *
of_table(const struct option *table, const struct conf_collector *collectors)
{
	json_t *properties = json_object(), *required = json_array(), *schema;
	const struct option *row;
	bool open = false;

	for (row = table; row->name != NULL; row++) {
		json_t *value;
		if (row->type == OPTION_COLLECTOR) {
			open = true;
			continue;
		}
		value = of_row(row, collectors);
		describe(value, row);
		json_object_set_new(properties, row->name, value);
		if (row->required)
			json_array_append_new(required, json_string(row->name));
	}
	schema = json_pack("{s:[s, s], s:b, s:o}", "type", "object", "null",
	    "additionalProperties", 0, "properties", properties);
	if (json_array_size(required) > 0) {
		json_object_set(schema, "required", required);
		json_object_set_new(schema, "type", json_string("object"));
	}
	json_decref(required);
	if (open) {
		json_object_set_new(schema, "type", json_string("object"));
		add_collectors(schema, collectors);
	}
	return schema;
}

void
conf_write_schema(const struct conf_collector *collectors, struct buf *out)
{
	json_t *schema = json_object(), *top = of_table(schema_top, collectors);
	char *text;

	json_object_set_new(
	    schema, "$schema", json_string("http://json-schema.org/draft-07/schema#"));
	json_object_set_new(schema, "title", json_string("vetrina.yaml"));
	json_object_update(schema, top);
	json_decref(top);
	text = json_dumps(schema, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	assert(text != NULL);
	buf_add_text(out, text);
	buf_add_char(out, '\n');
	free(text);
	json_decref(schema);
}
