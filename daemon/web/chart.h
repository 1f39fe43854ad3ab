/*
 * Charts as SVG written by us: real text, classes instead of colours (the style sheet
 * has them), a title and a description for those who do not see it. A gap in the data
 * is a gap in the drawing. Two widths of the line chart are written, because text
 * scales with the drawing; the style sheet shows the one that fits.
 *
 * Classes (dashboards/src/style.css): vt-chart; vt-grid, vt-limit, vt-line, vt-band,
 * vt-down for the strip below; vt-bars with vt-ok, vt-some, vt-bad, vt-none.
 */
#ifndef VT_WEB_CHART_H
#define VT_WEB_CHART_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/history.h"

struct civil_zone;
struct words;

struct chart {
	const struct words *words;
	struct civil_zone *zone;
	const char *id;		/* of the drawing, unique in its document */
	const char *title, *description;
	int64_t from_s, to_s, step_s;
	size_t count;
	const struct history_point *points; /* in the order of time */
	double limit_s;		/* the objective; 0 none */
};

/* Both widths of the response time over a period. */
void chart_lines(const struct chart *chart, struct buf *out);

enum chart_day { CHART_NONE, CHART_OK, CHART_SOME, CHART_BAD, CHART_DAYS };
/* One bar a day, the oldest first. */
void chart_bars(const char *id, const char *title, const char *description,
    const enum chart_day *days, size_t count, struct buf *out);

#endif
