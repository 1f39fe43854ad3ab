/* Metrics as text. */
#include "web/exposition.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "web/header.h"

static void
add_escaped(struct buf *out, const char *text, bool quote)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n') {
			buf_add_text(out, "\\n");
			continue;
		}
		if (*text == '\\' || (*text == '"' && quote))
			buf_add_char(out, '\\');
		buf_add_char(out, *text);
	}
}

static void
add_number(struct buf *out, double value)
{
	char text[TEXT_DURATION_SIZE];

	if (isinf(value))
		buf_add_text(out, value > 0 ? "+Inf" : "-Inf");
	else if (fabs(value) < 1e15 && value == (double)(int64_t)value)
		buf_printf(out, "%lld", (long long)value);
	else
		buf_add_text(out, text_double_format(value, text));
}

static const char *
suffix_of(enum exposition_type type)
{
	return type == EXPOSITION_COUNTER ? "_total"
	       : type == EXPOSITION_INFO  ? "_info"
					  : "";
}

void
exposition_family(struct exposition *exposition, enum exposition_type type,
    const char *name, const char *unit, const char *help)
{
	static const char *const types[] = {"gauge", "counter", "info", "histogram"};
	/* OpenMetrics names the family, the older format the samples, and knows no
	 * info. */
	const char *suffix = exposition->openmetrics ? "" : suffix_of(type);
	const char *word =
	    type == EXPOSITION_INFO && !exposition->openmetrics ? "gauge" : types[type];
	struct buf *out = exposition->out;

	exposition->family = name;
	exposition->type = type;
	buf_printf(out, "# HELP %s%s ", name, suffix);
	add_escaped(out, help, exposition->openmetrics);
	buf_printf(out, "\n# TYPE %s%s %s\n", name, suffix, word);
	if (unit != NULL && exposition->openmetrics)
		buf_printf(out, "# UNIT %s %s\n", name, unit);
}

static void
add_line(
    struct exposition *exposition, const char *suffix, const char *labels, double value)
{
	struct buf *out = exposition->out;

	buf_add_text(out, exposition->family);
	buf_add_text(out, suffix);
	if (labels != NULL && labels[0] != '\0') {
		buf_add_char(out, '{');
		buf_add_text(out, labels);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ' ');
	add_number(out, value);
	buf_add_char(out, '\n');
}

void
exposition_sample(struct exposition *exposition, const char *labels, double value)
{
	add_line(exposition, suffix_of(exposition->type), labels, value);
}

void
exposition_histogram(struct exposition *exposition, const char *labels,
    const struct histogram *histogram)
{
	char bound[TEXT_DURATION_SIZE] = "+Inf";
	struct buf all = BUF_INIT;
	uint64_t sum = 0;
	int i;

	for (i = 0; i < HISTOGRAM_BUCKETS; i++) {
		sum += histogram->count[i];
		buf_clear(&all);
		buf_add_text(&all, labels != NULL ? labels : "");
		exposition_label(&all, "le",
		    i < HISTOGRAM_BUCKETS - 1
			? text_double_format(histogram_bounds_us[i] / 1e6, bound)
			: "+Inf");
		add_line(exposition, "_bucket", all.data, sum);
	}
	buf_free(&all);
	add_line(exposition, "_sum", labels, histogram->sum_us / 1e6);
	add_line(exposition, "_count", labels, histogram->total);
}

void
exposition_end(struct exposition *exposition)
{
	if (exposition->openmetrics)
		buf_add_text(exposition->out, "# EOF\n");
}

void
exposition_label(struct buf *labels, const char *name, const char *value)
{
	if (labels->length > 0)
		buf_add_char(labels, ',');
	buf_add_text(labels, name);
	buf_add_text(labels, "=\"");
	add_escaped(labels, value, true);
	buf_add_char(labels, '"');
}

bool
exposition_wants_openmetrics(const char *accept)
{
	int openmetrics = header_media_weight(accept, "application/openmetrics-text");
	int text = header_media_weight(accept, "text/plain");

	/* A wildcard for both is no wish. */
	return strcasestr(accept, "application/openmetrics-text") != NULL &&
	       openmetrics > 0 && openmetrics >= text;
}
