/*
 * etc/vetrina.yaml: every option with its default, or an example, behind a "#" in the
 * first column; without that "#" it is YAML. Words stand behind "# ", indented as
 * their option. Of a collector's options, those without a default are words too,
 * because not all of them go together.
 */
#include <ctype.h>
#include <string.h>

#include "conf/bind.h"
#include "conf/conf.h"
#include "conf/schema.h"

#define WIDTH 88

static void
add_indent(struct buf *out, unsigned indent)
{
	while (indent-- > 0)
		buf_add_text(out, "  ");
}

/* Words, filled. */
static void
add_words(struct buf *out, unsigned indent, const char *text)
{
	size_t line = 0;

	while (*text != '\0') {
		size_t length = strcspn(text, " ");
		if (line > 0 && line + 1 + length > WIDTH) {
			buf_add_char(out, '\n');
			line = 0;
		}
		if (line == 0) {
			add_indent(out, indent);
			buf_add_char(out, '#');
			line = indent * 2 + 1;
		}
		buf_add_char(out, ' ');
		buf_add(out, text, length);
		line += 1 + length;
		text += length;
		text += strspn(text, " ");
	}
	buf_add_char(out, '\n');
}

static void
add_description(struct buf *out, unsigned indent, const struct option *row)
{
	struct buf words = BUF_INIT;

	size_t before;

	buf_printf(&words, "%s. ", row->text);
	before = words.length;
	value_expected(row, &words);
	words.data[before] = toupper((unsigned char)words.data[before]);
	buf_add_text(&words, row->required ? "; required." : ".");
	add_words(out, indent, words.data);
	buf_free(&words);
}

static void
add_option(struct buf *out, unsigned indent, const struct option *row, bool together)
{
	const char *value = row->fallback != NULL ? row->fallback : row->example;
	bool live = row->fallback != NULL || row->required || row->shown ||
		    (together && value != NULL);

	buf_add_text(out, live ? "#" : "");
	add_indent(out, indent);
	buf_printf(out, "%s%s:%s%s\n", live ? "" : "# ", row->name,
	    value != NULL ? " " : "", value != NULL ? value : "");
}

static void add_table(struct buf *out, unsigned indent, const struct option *table,
    const struct conf_collector *collectors, const struct conf_collector *only);

/* One item; of checks, one a collector. */
static void
add_items(struct buf *out, unsigned indent, const struct option *row,
    const struct conf_collector *collectors)
{
	const struct conf_collector *collector;

	if (row->group != schema_check) {
		buf_add_char(out, '#');
		add_indent(out, indent);
		buf_printf(out, "%s:\n", row->example);
		add_table(out, indent + 1, row->group, collectors, NULL);
		return;
	}
	for (collector = collectors; collector->name != NULL; collector++) {
		buf_add_char(out, '#');
		add_indent(out, indent);
		if (collector == collectors)
			buf_printf(out, "%s:\n", row->example);
		else
			buf_printf(out, "%s-%s:\n", row->example, collector->name);
		add_table(out, indent + 1, row->group, collectors, collector);
	}
}

static void
add_row(struct buf *out, unsigned indent, const struct option *row,
    const struct conf_collector *collectors, bool together)
{
	add_description(out, indent, row);
	if (row->type != OPTION_GROUP && row->type != OPTION_MAP) {
		add_option(out, indent, row, together);
		return;
	}
	buf_add_char(out, '#');
	add_indent(out, indent);
	buf_printf(out, "%s:\n", row->name);
	if (row->type == OPTION_GROUP)
		add_table(out, indent + 1, row->group, collectors, NULL);
	else
		add_items(out, indent + 1, row, collectors);
}

static void
add_collector(struct buf *out, unsigned indent, const struct conf_collector *collector)
{
	const struct option *row;

	add_words(out, indent, collector->text);
	buf_add_char(out, '#');
	add_indent(out, indent);
	buf_printf(out, "%s:\n", collector->name);
	for (row = collector->options; row->name != NULL; row++)
		add_row(out, indent + 1, row, NULL, false);
}

static void
add_table(struct buf *out, unsigned indent, const struct option *table,
    const struct conf_collector *collectors, const struct conf_collector *only)
{
	const struct option *row;

	for (row = table; row->name != NULL; row++) {
		if (indent == 0)
			buf_add_char(out, '\n');
		if (row->type != OPTION_COLLECTOR)
			add_row(out, indent, row, collectors, true);
		else if (only != NULL)
			add_collector(out, indent, only);
	}
}

void
conf_write_example(const struct conf_collector *collectors, struct buf *out)
{
	buf_add_text(out,
	    "# yaml-language-server: $schema=vetrina.schema.json\n"
	    "#\n"
	    "# Every option with its default, or an example where there is none; see\n"
	    "# vetrina.yaml(5). To use one, take away the # in its first column, and "
	    "those\n"
	    "# of the headings above it. Check the result with vetrinad -t.\n");
	add_table(out, 0, schema_top, collectors, NULL);
}
