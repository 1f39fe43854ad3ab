/*
 * The options of vetrina.yaml(5) in mdoc: a subsection a table, an item a row. Groups
 * stand in the table that they belong to, by their dotted names, and so do the mappings
 * of a collector.
 */
#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "conf/bind.h"
#include "conf/conf.h"
#include "conf/schema.h"

#define WIDTH 80

/* One character of text as roff reads it. -> bytes taken */
static size_t
add_character(struct buf *out, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	unsigned point;
	size_t length;

	if (*p == '\\') {
		buf_add_text(out, "\\e");
		return 1;
	}
	if (*p < 0x80) {
		buf_add_char(out, *p);
		return 1;
	}
	length = *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;
	point = *p & (0x7f >> length);
	for (size_t i = 1; i < length; i++)
		point = point << 6 | (p[i] & 0x3f);
	buf_printf(out, "\\[u%04X]", point);
	return length;
}

/* Running text, filled; each sentence begins a line, as mdoc wants. */
static void
add_sentences(struct buf *out, const char *text)
{
	size_t line = 0, i;

	while (*text != '\0') {
		size_t length = strcspn(text, " ");
		bool ends = length > 0 && text[length - 1] == '.';
		if (line > 0 && line + 1 + length > WIDTH) {
			buf_add_char(out, '\n');
			line = 0;
		} else if (line > 0) {
			buf_add_char(out, ' ');
		}
		if (line == 0 && (*text == '.' || *text == '\''))
			buf_add_text(out, "\\&");
		for (i = 0; i < length;)
			i += add_character(out, text + i);
		line += length + 1;
		text += length;
		text += strspn(text, " ");
		if (ends && *text != '\0') {
			buf_add_char(out, '\n');
			line = 0;
		}
	}
	buf_add_char(out, '\n');
}

/* An argument of a macro, whatever it holds. */
static void
add_argument(struct buf *out, const char *text)
{
	size_t i = 0;

	buf_add_text(out, "\"\\&");
	while (text[i] != '\0') {
		if (text[i] == '"') {
			buf_add_text(out, "\"\"");
			i++;
		} else {
			i += add_character(out, text + i);
		}
	}
	buf_add_char(out, '"');
}

static void
add_row(struct buf *out, const char *prefix, const struct option *row)
{
	struct buf line = BUF_INIT;

	buf_printf(out, ".It Cm %s%s\n", prefix, row->name);
	buf_printf(&line, "%s.", row->text);
	add_sentences(out, line.data);
	buf_clear(&line);
	value_expected(row, &line);
	line.data[0] = toupper((unsigned char)line.data[0]);
	if (row->required)
		buf_add_text(&line, "; required.");
	else
		buf_add_text(&line, row->fallback != NULL ? "; the default is" : ".");
	add_sentences(out, line.data);
	if (row->fallback != NULL) {
		buf_add_text(out, ".Li ");
		add_argument(out, row->fallback);
		buf_add_text(out, " .\n");
	}
	if (row->example != NULL) {
		buf_clear(&line);
		buf_printf(&line, "%s: %s", row->name, row->example);
		buf_add_text(out, ".Dl ");
		add_argument(out, line.data);
		buf_add_char(out, '\n');
	}
	buf_free(&line);
}

static void
add_rows(
    struct buf *out, const char *prefix, const struct option *table, bool with_maps)
{
	const struct option *row;
	struct buf deeper = BUF_INIT;

	for (row = table; row->name != NULL; row++) {
		switch (row->type) {
		case OPTION_GROUP:
			buf_clear(&deeper);
			buf_printf(&deeper, "%s%s.", prefix, row->name);
			add_rows(out, deeper.data, row->group, with_maps);
			break;
		case OPTION_MAP:
			buf_clear(&deeper);
			buf_printf(
			    &deeper, with_maps ? "%s." : "%s; see below.", row->text);
			buf_printf(out, ".It Cm %s%s.\\& Ns Ar %s\n", prefix, row->name,
			    row->unit);
			add_sentences(out, deeper.data);
			if (!with_maps)
				break;
			buf_clear(&deeper);
			buf_printf(&deeper, "%s%s.%s.", prefix, row->name, row->unit);
			add_rows(out, deeper.data, row->group, true);
			break;
		case OPTION_COLLECTOR:
			buf_add_text(out, ".It Ar collector\n");
			buf_printf(out, "%s.\n", row->text);
			break;
		default:
			add_row(out, prefix, row);
			break;
		}
	}
	buf_free(&deeper);
}

static void
add_table(
    struct buf *out, const char *heading, const char *path, const struct option *table)
{
	const struct option *row;
	struct buf deeper = BUF_INIT;

	buf_printf(out, ".Ss %s\n.Bl -tag -width Ds\n", heading);
	add_rows(out, "", table, false);
	buf_add_text(out, ".El\n");
	for (row = table; row->name != NULL; row++) {
		if (row->type != OPTION_MAP)
			continue;
		buf_clear(&deeper);
		buf_printf(&deeper, "%s%s%s.%s", path, path[0] != '\0' ? "." : "",
		    row->name, row->unit);
		add_table(out, deeper.data, deeper.data, row->group);
	}
	buf_free(&deeper);
}

void
conf_write_manual(const struct conf_collector *collectors, struct buf *out)
{
	const struct conf_collector *collector;
	struct buf line = BUF_INIT;

	add_table(out, "Outside the sites", "", schema_top);
	for (collector = collectors; collector->name != NULL; collector++) {
		buf_printf(out, ".Ss The collector %s\n", collector->name);
		buf_clear(&line);
		buf_printf(&line, "%s.", collector->text);
		add_sentences(out, line.data);
		if (collector->shorthand != NULL)
			buf_printf(out,
			    "Where its other options keep their defaults, the value "
			    "of\n"
			    ".Cm %s\nmay stand in place of the mapping.\n",
			    collector->shorthand);
		buf_add_text(out, ".Bl -tag -width Ds\n");
		add_rows(out, "", collector->options, true);
		buf_add_text(out, ".El\n");
	}
	buf_free(&line);
}
