/*
 * Charts. Coordinates are tenths of a unit at most, paths are relative to nothing and
 * grouped by class, so that a chart of 360 points is some 6 kB and compresses well.
 */
#include "web/chart.h"

#include <math.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/mem.h"
#include "web/words.h"

struct frame {
	const char *name; /* suffix of the id */
	const char *class;
	int width, height;
	int left, right, top, bottom; /* edges of the plot */
	int ticks;                    /* of time, at most */
	size_t columns;               /* points at most */
};

static const struct frame frames[] = {
    {"w", "vt-chart d-none d-md-block", 720, 260, 52, 708, 26, 222, 8, 360},
    {"n", "vt-chart d-md-none", 340, 220, 42, 332, 26, 182, 4, 150},
};

/* A nice scale: steps of 1, 2 or 5 times a power of ten, at most five. */
struct scale {
	double top, step;
	int decimals;
};

static double
find_top(const struct chart *chart)
{
	double high = 0, mean = 0, top;
	size_t i;

	for (i = 0; i < chart->count; i++) {
		if (chart->points[i].max > high)
			high = chart->points[i].max;
		if (chart->points[i].mean > mean)
			mean = chart->points[i].mean;
	}
	/* A single spike must not flatten all the rest: the band is cut. */
	top = fmin(high, 3 * mean);
	top = fmax(top, chart->limit_s * 1.1);
	return isfinite(top) && top > 0 ? top : 1;
}

static struct scale
find_scale(double top)
{
	static const double steps[] = {1, 2, 5, 10};
	struct scale scale;
	double power = pow(10, floor(log10(top / 4)));
	size_t i = 0;

	while (i < 3 && steps[i] * power * 4 < top)
		i++;
	scale.step = steps[i] * power;
	scale.top = ceil(top / scale.step - 1e-9) * scale.step;
	scale.decimals = fmax(0, -floor(log10(scale.step) + 1e-9));
	return scale;
}

static double
x_of(const struct chart *chart, const struct frame *frame, int64_t at_s)
{
	double x = (double)(at_s - chart->from_s) / (chart->to_s - chart->from_s);

	return frame->left + fmin(fmax(x, 0), 1) * (frame->right - frame->left);
}

static double
y_of(const struct frame *frame, const struct scale *scale, double value)
{
	double y = fmin(fmax(value / scale->top, 0), 1);

	return frame->bottom - y * (frame->bottom - frame->top);
}

static void
draw_values(const struct chart *chart, const struct frame *frame,
    const struct scale *scale, struct buf *out)
{
	int i, count = round(scale->top / scale->step);

	buf_printf(out, "<path class=\"vt-grid\" d=\"");
	for (i = 0; i <= count; i++)
		buf_printf(out, "M%d %.1fH%d", frame->left,
		    y_of(frame, scale, i * scale->step), frame->right);
	buf_add_text(out, "\"/>");
	for (i = 0; i <= count; i++) {
		buf_printf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">",
		    frame->left - 6, y_of(frame, scale, i * scale->step) + 4);
		words_number(
		    chart->words, out, i * scale->step, i == 0 ? 0 : scale->decimals);
		buf_add_text(out, "</text>");
	}
	buf_printf(out, "<text x=\"0\" y=\"12\">%s</text>",
	    words_get(chart->words, "chart_axis_seconds"));
}

/* The ticks of time stand on civil hours, days, months or years. */
struct tick_rule {
	int64_t span_s; /* for periods up to this */
	enum words_axis form;
	int hours, days, months; /* one of them: the unit */
};

static const struct tick_rule tick_rules[] = {
    {6 * 3600, WORDS_CLOCK, 1, 0, 0},
    {2 * 86400, WORDS_CLOCK, 3, 0, 0},
    {8 * 86400, WORDS_DAY, 0, 1, 0},
    {40 * 86400, WORDS_DAY, 0, 4, 0},
    {100 * 86400, WORDS_DAY, 0, 14, 0},
    {400 * 86400, WORDS_MONTH, 0, 0, 2},
    {INT64_MAX, WORDS_YEAR, 0, 0, 12},
};

static int64_t
tick_after(
    struct civil_zone *zone, const struct tick_rule *rule, int times, int64_t at_s)
{
	struct civil c;
	int month;

	if (rule->days > 0)
		return civil_day_start(zone, at_s, rule->days * times);
	civil_from(zone, at_s, &c);
	if (rule->hours > 0)
		return civil_to(zone, c.year, c.month, c.day,
		    (c.hour / (rule->hours * times) + 1) * rule->hours * times, 0, 0);
	month = c.month - 1 + rule->months * times;
	month -= month % rule->months;
	return civil_to(zone, c.year + month / 12, month % 12 + 1, 1, 0, 0, 0);
}

static void
draw_times(const struct chart *chart, const struct frame *frame, struct buf *out)
{
	const struct tick_rule *rule = tick_rules;
	int64_t span = chart->to_s - chart->from_s, unit, at_s;
	int times = 1, i;

	while (span > rule->span_s)
		rule++;
	unit = rule->hours * 3600 + rule->days * INT64_C(86400) +
	       rule->months * INT64_C(2592000);
	while (span / (unit * times) > frame->ticks)
		times *= 2;
	at_s = chart->from_s - 1;
	if (rule->days > 0) /* as many whole steps as fit, ending today */
		at_s = civil_day_start(chart->zone, chart->to_s,
		    -(int)(span / (unit * times)) * rule->days * times -
			rule->days * times);
	for (i = 0; i < 40; i++) {
		double x;
		at_s = tick_after(chart->zone, rule, times, at_s);
		if (at_s > chart->to_s)
			break;
		x = x_of(chart, frame, at_s);
		/* Not over the edge: a label is some 40 units wide. */
		if (at_s < chart->from_s || x < frame->left + 12 ||
		    x > frame->right - 16)
			continue;
		buf_printf(out,
		    "<path class=\"vt-grid\" d=\"M%.1f %dv5\"/>"
		    "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">",
		    x, frame->bottom + 8, x, frame->bottom + 28);
		words_axis(chart->words, out, chart->zone, at_s, rule->form);
		buf_add_text(out, "</text>");
	}
}

/* Points of one column of the drawing, merged. */
struct column {
	double x, low, mean, high, up;
	bool known;
};

static size_t
merge_columns(
    const struct chart *chart, const struct frame *frame, struct column *columns)
{
	size_t per = (chart->count + frame->columns - 1) / frame->columns, count = 0, i,
	       n = 0;
	double half = chart->step_s / 2.0, sum = 0;

	for (i = 0; i < chart->count; i++) {
		const struct history_point *p = &chart->points[i];
		struct column *c = &columns[count];
		if (n == 0) {
			*c = (struct column){
			    .low = INFINITY, .high = -INFINITY, .up = 1};
			sum = 0;
			c->x = x_of(chart, frame, p->at_s - half);
		}
		n++;
		if (!isnan(p->up))
			c->up = fmin(c->up, p->up);
		if (!isnan(p->mean)) {
			sum = c->known ? sum + p->mean : p->mean;
			c->mean += 1; /* counts until the end */
			c->low = fmin(c->low, isnan(p->min) ? p->mean : p->min);
			c->high = fmax(c->high, isnan(p->max) ? p->mean : p->max);
			c->known = true;
		}
		if (n == per || i + 1 == chart->count) {
			if (c->known)
				c->mean = sum / c->mean;
			count++;
			n = 0;
		}
	}
	return count;
}

static void
draw_band(const struct frame *frame, const struct scale *scale,
    const struct column *columns, size_t first, size_t end, struct buf *out)
{
	size_t i;

	for (i = first; i < end; i++)
		buf_printf(out, "%c%.1f %.1f", i == first ? 'M' : 'L', columns[i].x,
		    y_of(frame, scale, columns[i].high));
	for (i = end; i-- > first;)
		buf_printf(out, "L%.1f %.1f", columns[i].x,
		    y_of(frame, scale, columns[i].low));
	buf_add_char(out, 'Z');
}

static void
draw_mean(const struct frame *frame, const struct scale *scale,
    const struct column *columns, size_t first, size_t end, struct buf *out)
{
	size_t i;

	for (i = first; i < end; i++)
		buf_printf(out, "%c%.1f %.1f", i == first ? 'M' : 'L', columns[i].x,
		    y_of(frame, scale, columns[i].mean));
	if (end == first + 1) /* alone it would be nothing: a dash */
		buf_add_text(out, "h1");
}

typedef void run_fn(const struct frame *frame, const struct scale *scale,
    const struct column *columns, size_t first, size_t end, struct buf *out);

/* Calls fn for each run of columns without a gap. */
static void
draw_runs(const struct frame *frame, const struct scale *scale,
    const struct column *columns, size_t count, run_fn *fn, struct buf *out)
{
	size_t i, first = 0;

	for (i = 0; i <= count; i++) {
		if (i < count && columns[i].known)
			continue;
		if (i > first)
			fn(frame, scale, columns, first, i, out);
		first = i + 1;
	}
}

static void
draw_down(const struct chart *chart, const struct frame *frame,
    const struct column *columns, size_t count, struct buf *out)
{
	double width = (double)(frame->right - frame->left) / (count > 0 ? count : 1);
	bool open = false;
	size_t i;

	for (i = 0; i < count; i++) {
		if (columns[i].up >= 0.999)
			continue;
		if (!open)
			buf_add_text(out, "<path class=\"vt-down\" d=\"");
		open = true;
		buf_printf(out, "M%.1f %dh%.1fv6h-%.1fz", columns[i].x - width / 2,
		    frame->bottom + 2, fmax(width, 1.5), fmax(width, 1.5));
	}
	if (open)
		buf_add_text(out, "\"/>");
}

static void
draw_limit(const struct chart *chart, const struct frame *frame,
    const struct scale *scale, struct buf *out)
{
	double y = y_of(frame, scale, chart->limit_s);

	if (chart->limit_s <= 0)
		return;
	buf_printf(out,
	    "<path class=\"vt-limit\" d=\"M%d %.1fH%d\"/>"
	    "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>",
	    frame->left, y, frame->right, frame->right, y - 4,
	    words_get(chart->words, "chart_limit"));
}

static void
draw(const struct chart *chart, const struct frame *frame, struct buf *out)
{
	struct scale scale = find_scale(find_top(chart));
	struct column *columns = mem_array(frame->columns + 1, sizeof(*columns));
	size_t count = merge_columns(chart, frame, columns);

	buf_printf(out,
	    "<svg class=\"%s\" viewBox=\"0 0 %d %d\" role=\"img\" "
	    "aria-labelledby=\"%s-%s-t %s-%s-d\"><title id=\"%s-%s-t\">",
	    frame->class, frame->width, frame->height, chart->id, frame->name,
	    chart->id, frame->name, chart->id, frame->name);
	buf_add_html(out, chart->title, strlen(chart->title));
	buf_printf(out, "</title><desc id=\"%s-%s-d\">", chart->id, frame->name);
	buf_add_html(out, chart->description, strlen(chart->description));
	buf_add_text(out, "</desc>");
	draw_values(chart, frame, &scale, out);
	draw_times(chart, frame, out);
	buf_add_text(out, "<path class=\"vt-band\" d=\"");
	draw_runs(frame, &scale, columns, count, draw_band, out);
	buf_add_text(out, "\"/><path class=\"vt-line\" d=\"");
	draw_runs(frame, &scale, columns, count, draw_mean, out);
	buf_add_text(out, "\"/>");
	draw_limit(chart, frame, &scale, out);
	draw_down(chart, frame, columns, count, out);
	buf_add_text(out, "</svg>");
	free(columns);
}

void
chart_lines(const struct chart *chart, struct buf *out)
{
	size_t i;

	assert(chart->to_s > chart->from_s);
	for (i = 0; i < ARRAY_LENGTH(frames); i++)
		draw(chart, &frames[i], out);
}

void
chart_bars(const char *id, const char *title, const char *description,
    const enum chart_day *days, size_t count, struct buf *out)
{
	/* The height says it too, for those who do not tell the colours apart. */
	static const struct {
		const char *class, *shape;
	} kinds[CHART_DAYS] = {
	    [CHART_NONE] = {"vt-none", "h3v-4h-3z"},
	    [CHART_OK] = {"vt-ok", "h3v-32h-3z"},
	    [CHART_SOME] = {"vt-some", "h3v-22h-3z"},
	    [CHART_BAD] = {"vt-bad", "h3v-12h-3z"},
	};
	size_t i;
	int kind;
	bool open;

	buf_printf(out,
	    "<svg class=\"vt-bars\" viewBox=\"0 0 %zu 32\" "
	    "preserveAspectRatio=\"none\" "
	    "role=\"img\" aria-labelledby=\"%s-t %s-d\"><title id=\"%s-t\">",
	    count * 4, id, id, id);
	buf_add_html(out, title, strlen(title));
	buf_printf(out, "</title><desc id=\"%s-d\">", id);
	buf_add_html(out, description, strlen(description));
	buf_add_text(out, "</desc>");
	for (kind = 0; kind < CHART_DAYS; kind++) {
		open = false;
		for (i = 0; i < count; i++) {
			if ((int)days[i] != kind)
				continue;
			if (!open)
				buf_printf(
				    out, "<path class=\"%s\" d=\"", kinds[kind].class);
			open = true;
			/* A neighbour is drawn from where the last one began. */
			if (i > 0 && days[i - 1] == days[i])
				buf_add_text(out, "m4 0");
			else
				buf_printf(out, "M%zu 32", i * 4);
			buf_add_text(out, kinds[kind].shape);
		}
		if (open)
			buf_add_text(out, "\"/>");
	}
	buf_add_text(out, "</svg>");
}
