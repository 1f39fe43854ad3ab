/*
 * Values: the text of a node to a field, by the type of its row. Each converter
 * reports what is wrong with the value; what was expected is said in expected.c.
 */
#include "conf/value.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pattern.h"
#include "base/text.h"
#include "conf/arena.h"
#include "conf/report.h"
#include "conf/url.h"
#include "conf/yaml.h"

#define STRING_MAX_BYTES 65536
#define SECRET_MAX_BYTES 65536

bool
value_is_scalar(
    struct binder *binder, const struct option *row, const struct conf_node *node)
{
	switch (node->kind) {
	case NODE_SCALAR:
		if (yaml_is_null(node))
			return value_wrong(binder, row, node, "has no value");
		return true;
	case NODE_LIST:
		return value_wrong(binder, row, node, "is a list");
	case NODE_MAP:
		return value_wrong(binder, row, node, "is a mapping");
	case NODE_BAD:
		break;
	}
	return false;
}

bool
value_is_outside(const struct option *row, double value)
{
	if (row->min == 0 && row->max == 0)
		return false;
	return value < row->min || (row->max >= row->min && value > row->max);
}

/* Newlines and tabs only where text may have lines. */
static bool
has_controls(const char *text, bool lines)
{
	for (; *text != '\0'; text++) {
		if (lines && (*text == '\n' || *text == '\t'))
			continue;
		if (report_control(text) > 0)
			return true;
	}
	return false;
}

static bool
bind_bool(struct binder *binder, const struct option *row, struct conf_node *node,
    void *field)
{
	bool yes;

	if (!value_is_scalar(binder, row, node))
		return false;
	yes = strcmp(node->text, "true") == 0;
	if (!yes && strcmp(node->text, "false") != 0)
		return value_wrong(binder, row, node, "is neither");
	*(bool *)field = yes;
	return true;
}

static bool
bind_integer(struct binder *binder, const struct option *row, struct conf_node *node,
    void *field)
{
	int64_t value;
	int code;

	if (!value_is_scalar(binder, row, node))
		return false;
	code = text_integer(node->text, &value);
	if (code == ERR_SYNTAX)
		return value_wrong(binder, row, node, "is not a whole number");
	if (code != 0 || value_is_outside(row, value))
		return value_wrong(binder, row, node, "is out of range");
	*(int64_t *)field = value;
	return true;
}

static bool
bind_number(struct binder *binder, const struct option *row, struct conf_node *node,
    void *field)
{
	double value;
	int code;

	if (!value_is_scalar(binder, row, node))
		return false;
	code = text_double(node->text, &value);
	if (code == ERR_SYNTAX)
		return value_wrong(binder, row, node, "is not a number");
	if (code != 0 || value_is_outside(row, value))
		return value_wrong(binder, row, node, "is out of range");
	*(double *)field = value;
	return true;
}

static bool
bind_duration(struct binder *binder, const struct option *row, struct conf_node *node,
    void *field)
{
	int64_t value;
	int code, i;

	if (!value_is_scalar(binder, row, node))
		return false;
	for (i = 0; row->choices != NULL && row->choices[i] != NULL; i++) {
		if (strcmp(row->choices[i], node->text) == 0) {
			*(int64_t *)field = -1 - i;
			return true;
		}
	}
	code = text_duration(node->text, &value);
	if (code == ERR_SYNTAX)
		return value_wrong(binder, row, node,
		    text_double(node->text, &(double){0}) == 0 ? "has no unit"
							       : "is not a duration");
	if (code != 0 || value_is_outside(row, value))
		return value_wrong(binder, row, node, "is out of range");
	*(int64_t *)field = value;
	return true;
}

static bool
bind_size(struct binder *binder, const struct option *row, struct conf_node *node,
    void *field)
{
	int64_t value;
	int code;

	if (!value_is_scalar(binder, row, node))
		return false;
	code = text_size(node->text, &value);
	if (code == ERR_SYNTAX)
		return value_wrong(binder, row, node, "is not a size");
	if (code != 0 || value_is_outside(row, value))
		return value_wrong(binder, row, node, "is out of range");
	*(int64_t *)field = value;
	return true;
}

/* The snapshot's copy; what a default says is static. */
static char *
keep(struct binder *binder, const struct conf_node *node)
{
	return node->line == 0 ? (char *)node->text
			       : arena_strdup(binder->arena, node->text);
}

bool
value_is_text(
    struct binder *binder, const struct option *row, const struct conf_node *node)
{
	if (!value_is_scalar(binder, row, node))
		return false;
	if (has_controls(node->text, row->type == OPTION_TEXT))
		return value_wrong(binder, row, node, "holds control characters");
	if (strlen(node->text) > STRING_MAX_BYTES)
		return value_wrong(binder, row, node, "is too long");
	return true;
}

static bool
bind_string(struct binder *binder, const struct option *row, struct conf_node *node,
    void *field)
{
	size_t length;

	if (!value_is_text(binder, row, node))
		return false;
	length = strlen(node->text);
	if (value_is_outside(row, length))
		return value_wrong(binder, row, node, "has %zu bytes", length);
	*(char **)field = keep(binder, node);
	return true;
}

static bool
bind_choice(struct binder *binder, const struct option *row, struct conf_node *node,
    void *field)
{
	const char *near;
	int i;

	if (!value_is_scalar(binder, row, node))
		return false;
	for (i = 0; row->choices[i] != NULL; i++) {
		if (strcmp(row->choices[i], node->text) == 0) {
			*(int *)field = i;
			return true;
		}
	}
	near = text_nearest(node->text, row->choices, i);
	if (near != NULL)
		return value_wrong(
		    binder, row, node, "is unknown (did you mean \"%s\"?)", near);
	return value_wrong(binder, row, node, "is unknown");
}

static bool
bind_url(struct binder *binder, const struct option *row, struct conf_node *node,
    void *field)
{
	const char *problem;
	struct url url;

	if (!value_is_text(binder, row, node))
		return false;
	problem = url_split(node->text, &url);
	if (problem != NULL)
		return value_wrong(binder, row, node, "%s", problem);
	*(char **)field = keep(binder, node);
	return true;
}

static bool
bind_path(struct binder *binder, const struct option *row, struct conf_node *node,
    void *field)
{
	if (!value_is_text(binder, row, node))
		return false;
	if (node->text[0] == '\0')
		return value_wrong(binder, row, node, "is empty");
	if (node->text[0] == '/' || node->line == 0)
		*(char **)field = keep(binder, node);
	else
		*(char **)field = arena_printf(
		    binder->arena, "%s/%s", node->file->folder, node->text);
	return true;
}

bool
value_bind_secret_file(struct binder *binder, const struct option *row,
    struct conf_node *node, void *field)
{
	const char *path;
	struct stat st;
	int fd;

	if (!bind_path(binder, row, node, field))
		return false;
	if (!binder->check_system)
		return true;
	path = *(char **)field;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return value_wrong(
		    binder, row, node, "cannot be read: %s", err_text(-errno));
	if (fstat(fd, &st) != 0)
		st.st_mode = 0;
	close(fd);
	if (!S_ISREG(st.st_mode))
		return value_wrong(binder, row, node, "is not a file");
	if (st.st_size == 0 || st.st_size > SECRET_MAX_BYTES)
		return value_wrong(binder, row, node,
		    st.st_size == 0 ? "is an empty file" : "is too large a file");
	if (st.st_mode & S_IROTH)
		report_value(binder->report, REPORT_WARNING, node,
		    "can be read by everybody, expected mode 0640 or less");
	return true;
}

static bool
bind_regex(struct binder *binder, const struct option *row, struct conf_node *node,
    void *field)
{
	char error[256];

	if (!bind_string(binder, row, node, field))
		return false;
	if (pattern_check(node->text, error) != 0)
		return value_wrong(binder, row, node, "does not compile: %s", error);
	return true;
}

bool
value_bind(struct binder *binder, const struct option *row, struct conf_node *node,
    void *field)
{
	static bool (*const binds[])(
	    struct binder *, const struct option *, struct conf_node *, void *) = {
	    [OPTION_BOOL] = bind_bool,
	    [OPTION_INTEGER] = bind_integer,
	    [OPTION_NUMBER] = bind_number,
	    [OPTION_DURATION] = bind_duration,
	    [OPTION_SIZE] = bind_size,
	    [OPTION_STRING] = bind_string,
	    [OPTION_CHOICE] = bind_choice,
	    [OPTION_URL] = bind_url,
	    [OPTION_PATH] = bind_path,
	    [OPTION_SECRET_FILE] = value_bind_secret_file,
	    [OPTION_SECRET_FILES] = value_bind_secret_files,
	    [OPTION_REGEX] = bind_regex,
	    [OPTION_STRINGS] = value_bind_strings,
	    [OPTION_TEXT] = value_bind_text,
	    [OPTION_STATUSES] = value_bind_statuses,
	    [OPTION_RETENTION] = value_bind_retention,
	};
	bool good;

	assert(row->type < ARRAY_LENGTH(binds));
	if (node->kind == NODE_BAD) {
		node->refused = true;
		return false;
	}
	good = binds[row->type](binder, row, node, field);
	node->refused = !good;
	return good;
}
