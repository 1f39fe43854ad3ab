/* What a row takes, in words: for errors, and for the documents. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "conf/mask.h"
#include "conf/report.h"
#include "conf/value.h"
#include "conf/yaml.h"

static void
add_range(const struct option *row, struct buf *out)
{
	char low[TEXT_DURATION_SIZE], high[TEXT_DURATION_SIZE];

	if (row->min == 0 && row->max == 0)
		return;
	if (row->type == OPTION_DURATION) {
		text_duration_format(row->min, low);
		text_duration_format(row->max, high);
	} else if (row->type == OPTION_SIZE) {
		text_size_format(row->min, low);
		text_size_format(row->max, high);
	} else {
		text_double_format(row->min, low);
		text_double_format(row->max, high);
	}
	if (row->max > row->min)
		buf_printf(out, " from %s to %s", low, high);
	else
		buf_printf(out, " of at least %s", low);
}

static void
add_choices(const struct option *row, const char *before, struct buf *out)
{
	size_t i;

	for (i = 0; row->choices != NULL && row->choices[i] != NULL; i++)
		buf_printf(out, "%s%s",
		    i == 0                        ? before
		    : row->choices[i + 1] == NULL ? " or "
						  : ", ",
		    row->choices[i]);
}

void
value_expected(const struct option *row, struct buf *out)
{
	static const char *const words[] = {
	    [OPTION_BOOL] = "true or false",
	    [OPTION_INTEGER] = "a whole number",
	    [OPTION_NUMBER] = "a number",
	    [OPTION_DURATION] = "a duration",
	    [OPTION_SIZE] = "a size",
	    [OPTION_STRING] = "text",
	    [OPTION_CHOICE] = "one of ",
	    [OPTION_URL] = "an address that begins with http:// or https://",
	    [OPTION_PATH] = "a path",
	    [OPTION_SECRET_FILE] = "the path of a readable file with the secret",
	    [OPTION_SECRET_FILES] =
		"a mapping of names to paths of readable files, each with a secret",
	    [OPTION_REGEX] = "a regular expression",
	    [OPTION_STRINGS] = "a list of texts",
	    [OPTION_TEXT] = "text, or a mapping of languages to texts",
	    [OPTION_STATUSES] = "HTTP statuses such as 200-299, 301",
	    [OPTION_RETENTION] = "a list of step:time such as [1m:14d, 1h:3y]",
	    [OPTION_GROUP] = "a mapping",
	    [OPTION_MAP] = "a mapping of identifiers",
	    [OPTION_COLLECTOR] = "a collector",
	};

	buf_add_text(out, words[row->type]);
	switch (row->type) {
	case OPTION_INTEGER:
	case OPTION_NUMBER:
		add_range(row, out);
		if (row->unit != NULL)
			buf_printf(out, " (%s)", row->unit);
		break;
	case OPTION_DURATION:
	case OPTION_SIZE:
		if (row->min == 0 && row->max == 0)
			buf_add_text(out, row->type == OPTION_SIZE
					      ? " such as 64K, 1M or 2G"
					      : " such as 90s, 15m or 30d");
		add_range(row, out);
		add_choices(row, ", or ", out);
		break;
	case OPTION_STRING:
		if (row->max > 0 && row->min == row->max)
			buf_printf(out, " of %.0f bytes", row->min);
		else if (row->max > 0 && row->min == 0)
			buf_printf(out, " of at most %.0f bytes", row->max);
		else if (row->max > row->min)
			buf_printf(out, " of %.0f to %.0f bytes", row->min, row->max);
		break;
	case OPTION_CHOICE:
		add_choices(row, "", out);
		break;
	case OPTION_STRINGS:
		add_choices(row, " out of ", out);
		break;
	default:
		break;
	}
}

bool
value_wrong(struct binder *binder, const struct option *row,
    const struct conf_node *node, const char *format, ...)
{
	char quoted[REPORT_QUOTE_SIZE], what[512];
	struct buf expected = BUF_INIT, text = BUF_INIT;
	bool shown = node->kind == NODE_SCALAR && !yaml_is_null(node) &&
		     row->type != OPTION_SECRET_FILE &&
		     !(row->type == OPTION_URL && strchr(node->text, '@') != NULL);
	va_list ap;

	va_start(ap, format);
	vsnprintf(what, sizeof(what), format, ap);
	va_end(ap);
	value_expected(row, &expected);
	if (shown && row->type == OPTION_URL)
		mask_url(node->text, &text);
	else if (shown && row->headers)
		mask_header(node->text, &text);
	else if (shown)
		buf_add_text(&text, node->text);
	report_value(binder->report, REPORT_ERROR, node, "%s%s%s, expected %s",
	    shown ? report_quote(text.length > 0 ? text.data : "", quoted) : "",
	    shown ? " " : "", what, expected.data);
	buf_free(&expected);
	buf_free(&text);
	return false;
}
