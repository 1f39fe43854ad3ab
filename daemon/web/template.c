/*
 * Mustache, compiled into a flat array of nodes: a section knows where it ends, so
 * rendering walks the array and jumps. What the specification says of the source
 * (standalone lines, delimiters, where a partial's indentation goes) is settled
 * when compiling: NODE_INDENT stands at the start of every line that is not
 * standalone, and writes the indentation of the partial that is being rendered.
 *
 * A template owns its nodes, and they their text. Rendering owns nothing but the
 * indentation; contexts are a list on the C stack, borrowed from the caller.
 * Bounds: nested sections and nested partials, nodes rendered (a list in a list in
 * a list, a partial that calls itself twice), and the limit of the output buffer.
 */
#include "web/template.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#define TEMPLATE_MAGIC 0x746d706c
#define DEPTH_MAX 32
#define STEPS_MAX 2000000
#define DELIMITER_MAX 8

enum node_kind {
	NODE_TEXT,
	NODE_INDENT,
	NODE_ESCAPED,
	NODE_RAW,
	NODE_SECTION,
	NODE_INVERTED,
	NODE_PARTIAL, /* text is the name, indent what stands before it */
};

struct node {
	enum node_kind kind;
	bool standalone; /* a partial alone on its line */
	char *text;      /* bytes, or the parts of a name, a NUL after each */
	size_t length;
	unsigned parts; /* of the name; 0 is the implicit iterator */
	size_t end;     /* section: index of the node after it */
	char *indent;
};

struct template
{
	MAGIC;
	char *name;
	struct node *nodes;
	size_t count, size;
};

/* --- compiling --- */

struct tag {
	const char *start, *end; /* with its delimiters */
	const char *body;        /* trimmed, without the sigil */
	size_t length;
	char sigil; /* 0 for plain interpolation */
};

struct open_section {
	size_t node;
	const char *name;
	size_t length;
	unsigned line;
};

struct compiler {
	struct template *template;
	const char *text, *p, *end;
	char open[DELIMITER_MAX + 1], close[DELIMITER_MAX + 1];
	struct open_section stack[DEPTH_MAX];
	unsigned depth;
	bool line_begins; /* nothing of this line was put out yet */
	char *error;
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static unsigned
line_of(const struct compiler *c, const char *at)
{
	unsigned line = 1;
	const char *p;

	for (p = c->text; p < at; p++)
		line += *p == '\n';
	return line;
}

static int __attribute__((format(printf, 3, 4)))
fail_at(struct compiler *c, unsigned line, const char *format, ...)
{
	char what[192];
	va_list ap;

	va_start(ap, format);
	vsnprintf(what, sizeof(what), format, ap);
	va_end(ap);
	snprintf(c->error, 256, "%.40s:%u: %s", c->template->name, line, what);
	return ERR_SYNTAX;
}

static struct node *
add_node(struct compiler *c, enum node_kind kind)
{
	struct template *template = c->template;
	struct node *node;

	if (template->count == template->size) {
		template->size = template->size > 0 ? template->size * 2 : 32;
		template->nodes =
		    mem_resize(template->nodes, template->size, sizeof(*node));
	}
	node = &template->nodes[template->count++];
	memset(node, 0, sizeof(*node));
	node->kind = kind;
	return node;
}

static void
begin_line(struct compiler *c)
{
	if (c->line_begins)
		add_node(c, NODE_INDENT);
	c->line_begins = false;
}

/* Text becomes a node a line, each led by NODE_INDENT where a line begins. */
static void
add_text(struct compiler *c, const char *from, const char *to)
{
	const char *newline, *end;
	struct node *node;

	while (from < to) {
		newline = memchr(from, '\n', to - from);
		end = newline != NULL ? newline + 1 : to;
		begin_line(c);
		node = add_node(c, NODE_TEXT);
		node->text = mem_strndup(from, end - from);
		node->length = end - from;
		c->line_begins = newline != NULL;
		from = end;
	}
}

/* Splits a dotted name. -> 0, ERR_SYNTAX */
static int
add_name(struct compiler *c, struct node *node, const struct tag *tag)
{
	size_t i;

	for (i = 0; i < tag->length; i++)
		if (is_space(tag->body[i]) || tag->body[i] == '\0')
			return fail_at(c, line_of(c, tag->start),
			    "a space in the name '%.*s'",
			    (int)(tag->length < 60 ? tag->length : 60), tag->body);
	if (tag->length == 0)
		return fail_at(c, line_of(c, tag->start), "a tag without a name");
	node->text = mem_strndup(tag->body, tag->length);
	node->length = tag->length;
	if (node->kind == NODE_PARTIAL || strcmp(node->text, ".") == 0)
		return 0;
	node->parts = 1;
	for (i = 0; i < tag->length; i++) {
		if (node->text[i] != '.')
			continue;
		if (i == 0 || i + 1 == tag->length || node->text[i - 1] == '\0')
			return fail_at(c, line_of(c, tag->start),
			    "an empty part in '%.*s'",
			    (int)(tag->length < 60 ? tag->length : 60), tag->body);
		node->text[i] = '\0';
		node->parts++;
	}
	return 0;
}

/* One of the two delimiters, from *at on. */
static bool
take_delimiter(const char **at, const char *end, char out[DELIMITER_MAX + 1])
{
	const char *p = *at;
	size_t length = 0;

	while (p < end && is_space(*p))
		p++;
	while (p < end && !is_space(*p)) {
		if (*p == '=' || *p == '\0' || length == DELIMITER_MAX)
			return false;
		out[length++] = *p++;
	}
	out[length] = '\0';
	*at = p;
	return length > 0;
}

static int
set_delimiters(struct compiler *c, const struct tag *tag)
{
	const char *p = tag->body, *end = tag->body + tag->length;
	char open[DELIMITER_MAX + 1], close[DELIMITER_MAX + 1];

	if (!take_delimiter(&p, end, open) || !take_delimiter(&p, end, close) ||
	    p != end)
		return fail_at(c, line_of(c, tag->start),
		    "expected two delimiters of at most %d characters", DELIMITER_MAX);
	strcpy(c->open, open);
	strcpy(c->close, close);
	return 0;
}

static int
open_section(struct compiler *c, const struct tag *tag)
{
	struct open_section *open;
	struct node *node;

	if (c->depth == DEPTH_MAX)
		return fail_at(c, line_of(c, tag->start),
		    "sections nest deeper than %d", DEPTH_MAX);
	open = &c->stack[c->depth++];
	open->node = c->template->count;
	open->name = tag->body;
	open->length = tag->length;
	open->line = line_of(c, tag->start);
	node = add_node(c, tag->sigil == '#' ? NODE_SECTION : NODE_INVERTED);
	return add_name(c, node, tag);
}

static int
close_section(struct compiler *c, const struct tag *tag)
{
	struct open_section *open;

	if (c->depth == 0)
		return fail_at(c, line_of(c, tag->start), "'%.*s' closes no section",
		    (int)(tag->length < 60 ? tag->length : 60), tag->body);
	open = &c->stack[--c->depth];
	if (open->length != tag->length ||
	    memcmp(open->name, tag->body, tag->length) != 0)
		return fail_at(c, line_of(c, tag->start),
		    "'%.*s' closes the section '%.*s' of line %u",
		    (int)(tag->length < 40 ? tag->length : 40), tag->body,
		    (int)(open->length < 40 ? open->length : 40), open->name,
		    open->line);
	c->template->nodes[open->node].end = c->template->count;
	return 0;
}

/* The tag that begins at start, up to and with its closing delimiter. */
static int
read_tag(struct compiler *c, const char *start, struct tag *tag)
{
	const char *p = start + strlen(c->open), *close;
	char closing[DELIMITER_MAX + 2] = "";

	memset(tag, 0, sizeof(*tag));
	tag->start = start;
	while (p < c->end && is_space(*p))
		p++;
	if (p < c->end && *p != '\0' && strchr("!=#^/>{&", *p) != NULL)
		tag->sigil = *p++;
	if (tag->sigil == '=' || tag->sigil == '{')
		closing[0] = tag->sigil == '=' ? '=' : '}';
	strcat(closing, c->close);
	close = memmem(p, c->end - p, closing, strlen(closing));
	if (close == NULL)
		return fail_at(
		    c, line_of(c, start), "a tag is not closed by %s", closing);
	tag->end = close + strlen(closing);
	while (p < close && is_space(*p))
		p++;
	while (close > p && is_space(close[-1]))
		close--;
	tag->body = p;
	tag->length = close - p;
	return 0;
}

/* A tag of this kind alone on its line takes the line away: its start, and the
 * start of the next line. */
static bool
is_standalone(
    struct compiler *c, const struct tag *tag, const char **from, const char **to)
{
	const char *before = tag->start, *after = tag->end;

	if (tag->sigil == '\0' || strchr("!=#^/>", tag->sigil) == NULL)
		return false;
	while (before > c->text && (before[-1] == ' ' || before[-1] == '\t'))
		before--;
	if (before > c->text && before[-1] != '\n')
		return false;
	while (after < c->end && (*after == ' ' || *after == '\t'))
		after++;
	if (after < c->end && *after == '\r' && after + 1 < c->end && after[1] == '\n')
		after++;
	if (after < c->end && *after != '\n')
		return false;
	*from = before;
	*to = after < c->end ? after + 1 : after;
	return true;
}

static int
add_tag(struct compiler *c, const struct tag *tag, bool standalone, const char *line)
{
	struct node *node;
	int code;

	if (!standalone && tag->sigil != '!' && tag->sigil != '=')
		begin_line(c);
	switch (tag->sigil) {
	case '!':
		return 0;
	case '=':
		return set_delimiters(c, tag);
	case '#':
	case '^':
		return open_section(c, tag);
	case '/':
		return close_section(c, tag);
	case '>':
		node = add_node(c, NODE_PARTIAL);
		code = add_name(c, node, tag);
		node->standalone = standalone;
		if (standalone)
			node->indent = mem_strndup(line, tag->start - line);
		return code;
	default:
		node = add_node(c, tag->sigil == '\0' ? NODE_ESCAPED : NODE_RAW);
		return add_name(c, node, tag);
	}
}

static int
compile(struct compiler *c)
{
	struct tag tag;
	const char *start, *from, *to;
	bool standalone;
	int code;

	while (
	    (start = memmem(c->p, c->end - c->p, c->open, strlen(c->open))) != NULL) {
		code = read_tag(c, start, &tag);
		if (code != 0)
			return code;
		from = tag.start;
		to = tag.end;
		standalone = is_standalone(c, &tag, &from, &to);
		add_text(c, c->p, from);
		code = add_tag(c, &tag, standalone, from);
		if (code != 0)
			return code;
		c->p = to;
	}
	add_text(c, c->p, c->end);
	if (c->depth > 0) {
		const struct open_section *open = &c->stack[c->depth - 1];
		return fail_at(c, open->line, "the section '%.*s' is not closed",
		    (int)(open->length < 60 ? open->length : 60), open->name);
	}
	return 0;
}

struct template *
template_compile(const char *name, const char *text, size_t length, char error[256])
{
	struct template *template = mem_zalloc(sizeof(*template));
	struct compiler c = {.template = template,
	    .text = text,
	    .p = text,
	    .end = text + length,
	    .open = "{{",
	    .close = "}}",
	    .line_begins = true,
	    .error = error};

	MAGIC_SET(template, TEMPLATE_MAGIC);
	template->name = mem_strdup(name);
	error[0] = '\0';
	if (compile(&c) == 0)
		return template;
	template_free(template);
	return NULL;
}

void
template_free(struct template *template)
{
	size_t i;

	if (template == NULL)
		return;
	MAGIC_CHECK(template, TEMPLATE_MAGIC);
	for (i = 0; i < template->count; i++) {
		free(template->nodes[i].text);
		free(template->nodes[i].indent);
	}
	free(template->nodes);
	free(template->name);
	MAGIC_CLEAR(template);
	free(template);
}

/* --- rendering --- */

struct context {
	const struct context *up;
	json_t *value;
};

struct renderer {
	template_partial_fn *partial;
	void *arg;
	struct buf *out;
	struct buf indent;
	unsigned depth; /* of partials */
	unsigned steps;
};

static int render(struct renderer *r, const struct template *template, size_t from,
    size_t to, const struct context *context);

/* The first part of a name is looked for outwards, the others within it alone. */
static json_t *
look_up(const struct node *node, const struct context *context)
{
	const char *part = node->text;
	json_t *value = NULL;
	unsigned i;

	if (node->parts == 0)
		return context->value;
	for (; context != NULL && value == NULL; context = context->up)
		value = json_object_get(context->value, part);
	for (i = 1; i < node->parts && value != NULL; i++) {
		part += strlen(part) + 1;
		value = json_object_get(value, part);
	}
	return value;
}

static bool
is_true(const json_t *value)
{
	switch (value != NULL ? json_typeof(value) : JSON_NULL) {
	case JSON_NULL:
	case JSON_FALSE:
		return false;
	case JSON_ARRAY:
		return json_array_size(value) > 0;
	case JSON_STRING:
		return json_string_length(value) > 0;
	default:
		return true;
	}
}

static void
interpolate(struct renderer *r, const json_t *value, bool escaped)
{
	char number[TEXT_DURATION_SIZE];

	switch (value != NULL ? json_typeof(value) : JSON_NULL) {
	case JSON_STRING:
		if (escaped)
			buf_add_html(r->out, json_string_value(value),
			    json_string_length(value));
		else
			buf_add(r->out, json_string_value(value),
			    json_string_length(value));
		break;
	case JSON_INTEGER:
		buf_printf(r->out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		buf_add_text(
		    r->out, text_double_format(json_real_value(value), number));
		break;
	case JSON_TRUE:
		buf_add_text(r->out, "true");
		break;
	case JSON_FALSE:
		buf_add_text(r->out, "false");
		break;
	default: /* nothing there, or nothing that has one text */
		break;
	}
}

static int
render_section(struct renderer *r, const struct template *template, size_t at,
    const struct context *context)
{
	const struct node *node = &template->nodes[at];
	json_t *value = look_up(node, context);
	struct context inner = {.up = context, .value = value};
	size_t i;
	int code = 0;

	if (node->kind == NODE_INVERTED)
		return is_true(value) ? 0
				      : render(r, template, at + 1, node->end, context);
	if (!is_true(value))
		return 0;
	if (!json_is_array(value))
		return render(r, template, at + 1, node->end, &inner);
	for (i = 0; i < json_array_size(value) && code == 0; i++) {
		if (++r->steps > STEPS_MAX)
			return ERR_FULL;
		inner.value = json_array_get(value, i);
		code = render(r, template, at + 1, node->end, &inner);
	}
	return code;
}

static int
render_partial(
    struct renderer *r, const struct node *node, const struct context *context)
{
	const struct template *partial = NULL;
	struct buf outer = r->indent;
	int code;

	if (r->partial != NULL)
		partial = r->partial(node->text, r->arg);
	if (partial == NULL)
		return 0;
	MAGIC_CHECK(partial, TEMPLATE_MAGIC);
	if (r->depth == DEPTH_MAX)
		return ERR_FULL;
	r->depth++;
	if (node->standalone) {
		buf_add_text(&r->indent, node->indent);
		code = render(r, partial, 0, partial->count, context);
		r->indent.length = outer.length;
	} else { /* its lines begin in the middle of one: nothing to indent by */
		r->indent = (struct buf)BUF_INIT;
		code = render(r, partial, 0, partial->count, context);
		buf_free(&r->indent);
		r->indent = outer;
	}
	r->depth--;
	return code;
}

static int
render(struct renderer *r, const struct template *template, size_t from, size_t to,
    const struct context *context)
{
	const struct node *node;
	size_t i = from;
	int code = 0;

	while (i < to && code == 0) {
		node = &template->nodes[i];
		if (++r->steps > STEPS_MAX || r->out->full)
			return ERR_FULL;
		switch (node->kind) {
		case NODE_TEXT:
			buf_add(r->out, node->text, node->length);
			break;
		case NODE_INDENT:
			if (r->indent.length > 0)
				buf_add(r->out, r->indent.data, r->indent.length);
			break;
		case NODE_ESCAPED:
		case NODE_RAW:
			interpolate(
			    r, look_up(node, context), node->kind == NODE_ESCAPED);
			break;
		case NODE_PARTIAL:
			code = render_partial(r, node, context);
			break;
		case NODE_SECTION:
		case NODE_INVERTED:
			code = render_section(r, template, i, context);
			i = node->end;
			continue;
		}
		i++;
	}
	return code;
}

int
template_render(const struct template *template, json_t *context,
    template_partial_fn *partial, void *arg, struct buf *out)
{
	struct renderer r = {.partial = partial, .arg = arg, .out = out};
	struct context root = {.value = context};
	int code;

	MAGIC_CHECK(template, TEMPLATE_MAGIC);
	code = render(&r, template, 0, template->count, &root);
	buf_free(&r.indent);
	if (code == 0 && out->full)
		code = ERR_FULL;
	return code;
}
