/* Reports: lines kept with their place, sorted when they are written. */
#include "conf/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/yaml.h"

#define LINES_MAX 200
#define PATH_DEPTH_MAX 32
#define TEXT_MAX 1024

struct report_line {
	const struct conf_file *file;
	unsigned line, column;
	unsigned sequence;
	char *text;
};

static void
add_line(struct report *report, enum report_kind kind, const struct conf_file *file,
    unsigned line, unsigned column, const struct buf *text)
{
	struct report_list *list = &report->lists[kind];

	list->count++;
	if (list->kept >= LINES_MAX)
		return;
	if (list->kept >= list->size) {
		list->size = list->size > 0 ? list->size * 2 : 16;
		list->lines = mem_resize(list->lines, list->size, sizeof(*list->lines));
	}
	list->lines[list->kept++] = (struct report_line){
	    .file = file,
	    .line = line,
	    .column = column,
	    .sequence = list->count,
	    .text = mem_strndup(text->data, text->length),
	};
}

size_t
report_control(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	if (p[0] < 0x20 || p[0] == 0x7f)
		return 1;
	if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) /* C1 */
		return 2;
	if (p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9))
		return 3; /* U+2028, U+2029 */
	if (p[0] == 0xef && ((p[1] == 0xbb && p[2] == 0xbf) ||
				(p[1] == 0xbf && (p[2] == 0xbe || p[2] == 0xbf))))
		return 3; /* U+FEFF, U+FFFE, U+FFFF */
	return 0;
}

static void
add_clean(struct buf *out, const char *text, size_t max)
{
	size_t i, control;

	for (i = 0; text[i] != '\0' && i<max; i += control> 0 ? control : 1) {
		control = report_control(text + i);
		buf_add_char(out, control > 0 ? '?' : text[i]);
	}
	while (text[i] != '\0' && out->length > 0 && (text[i] & 0xc0) == 0x80) {
		out->length--; /* a character cut in two goes whole */
		i--;
	}
	if (text[i] != '\0')
		buf_add_text(out, "...");
}

/* sites.vicoforte.url: the keys from the root to the node, and one more. */
static void
add_path(struct buf *out, const struct conf_node *node, const char *more)
{
	const char *keys[PATH_DEPTH_MAX];
	size_t n = 0;

	for (; node != NULL && n < PATH_DEPTH_MAX; node = node->parent) {
		if (node->key != NULL)
			keys[n++] = node->key;
	}
	while (n > 0) {
		add_clean(out, keys[--n], 64);
		if (n > 0)
			buf_add_char(out, '.');
	}
	if (more != NULL) {
		if (out->length > 0)
			buf_add_char(out, '.');
		buf_add_text(out, more);
	}
	if (out->length > 0)
		buf_add_text(out, ": ");
}

static void __attribute__((format(printf, 2, 0)))
add_format(struct buf *out, const char *format, va_list ap)
{
	char text[TEXT_MAX];

	vsnprintf(text, sizeof(text), format, ap);
	add_clean(out, text, sizeof(text));
}

/* A line at a place: node's path and more in front. */
static void __attribute__((format(printf, 8, 0))) add_report(struct report *report,
    enum report_kind kind, const struct conf_file *file, unsigned line, unsigned column,
    const struct conf_node *node, const char *more, const char *format, va_list ap)
{
	struct buf text = BUF_INIT;

	if (node != NULL)
		add_path(&text, node, more);
	add_format(&text, format, ap);
	add_line(report, kind, file, line, column, &text);
	buf_free(&text);
}

void
report_at(struct report *report, enum report_kind kind, const struct conf_file *file,
    unsigned line, unsigned column, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add_report(report, kind, file, line, column, NULL, NULL, format, ap);
	va_end(ap);
}

void
report_value(struct report *report, enum report_kind kind, const struct conf_node *node,
    const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add_report(
	    report, kind, node->file, node->line, node->column, node, NULL, format, ap);
	va_end(ap);
}

void
report_key(struct report *report, enum report_kind kind, const struct conf_node *node,
    const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add_report(report, kind, node->file, node->key_line, node->key_column, node,
	    NULL, format, ap);
	va_end(ap);
}

void
report_absent(struct report *report, enum report_kind kind, const struct conf_node *map,
    const char *key, const char *format, ...)
{
	bool keyed = map->key != NULL;
	va_list ap;

	va_start(ap, format);
	add_report(report, kind, map->file, keyed ? map->key_line : map->line,
	    keyed ? map->key_column : map->column, map, key, format, ap);
	va_end(ap);
}

void
report_twin(struct report *report, const struct conf_node *node)
{
	const struct conf_node *first = node->twin;

	if (first->file == node->file)
		report_key(report, REPORT_ERROR, node,
		    "duplicate key, expected once; the first is at line %u",
		    first->key_line);
	else
		report_key(report, REPORT_ERROR, node,
		    "duplicate key, expected once; the first is at %s:%u",
		    first->file->name, first->key_line);
}

const char *
report_quote(const char *text, char out[REPORT_QUOTE_SIZE])
{
	struct buf quoted = BUF_INIT;

	buf_add_char(&quoted, '"');
	add_clean(&quoted, text, REPORT_QUOTE_SIZE - 8);
	buf_add_char(&quoted, '"');
	memcpy(out, quoted.data, quoted.length + 1);
	buf_free(&quoted);
	return out;
}

static int
compare_lines(const void *a, const void *b)
{
	const struct report_line *x = a, *y = b;

	if (x->file->number != y->file->number)
		return x->file->number < y->file->number ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return x->sequence < y->sequence ? -1 : 1;
}

void
report_write(struct report *report, enum report_kind kind, struct buf *out)
{
	struct report_list *list = &report->lists[kind];
	size_t i;

	if (list->kept > 0)
		qsort(list->lines, list->kept, sizeof(*list->lines), compare_lines);
	for (i = 0; i < list->kept; i++) {
		const struct report_line *line = &list->lines[i];
		buf_printf(out, "%s:%u:%u: %s%s\n", line->file->name, line->line,
		    line->column, kind == REPORT_WARNING ? "warning: " : "",
		    line->text);
	}
	if (list->count > list->kept)
		buf_printf(out, "and %zu more\n", list->count - list->kept);
}

void
report_free(struct report *report)
{
	int kind;

	for (kind = 0; kind < REPORT_KINDS; kind++) {
		struct report_list *list = &report->lists[kind];
		size_t i;
		for (i = 0; i < list->kept; i++)
			free(list->lines[i].text);
		free(list->lines);
	}
	memset(report, 0, sizeof(*report));
}
