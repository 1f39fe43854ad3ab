/* web/chart: drawings are whole, gaps are gaps, one point is seen. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/civil.h"
#include "base/mem.h"
#include "web/chart.h"
#include "web/route.h"
#include "web_fake.h"
#include "wellformed.h"

static struct words *words;
static struct civil_zone *zone;

static int
set_up(void **state)
{
	words = fake_words("it");
	zone = civil_zone_open("Europe/Rome");
	return zone == NULL;
}

static int
tear_down(void **state)
{
	words_destroy(words);
	civil_zone_close(zone);
	return 0;
}

static unsigned
count_of(const char *text, const char *what)
{
	unsigned count = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		count++;
	return count;
}

/* The first path of a class: what stands in d. */
static char *
path_of(const char *svg, const char *class)
{
	char name[64];
	const char *at;

	snprintf(name, sizeof(name), "<path class=\"%s\" d=\"", class);
	at = strstr(svg, name);
	assert_non_null(at);
	at += strlen(name);
	return mem_strndup(at, strcspn(at, "\""));
}

static void
draw(const struct history_point *points, size_t count, int64_t span_s, struct buf *out)
{
	struct chart chart = {
	    .words = words,
	    .zone = zone,
	    .id = "c",
	    .title = "Tempo <di> risposta & \"altro\"",
	    .description = "Frase",
	    .from_s = FAKE_NOW_S - span_s,
	    .to_s = FAKE_NOW_S,
	    .step_s = count > 0 ? span_s / (int64_t)count : 60,
	    .count = count,
	    .points = points,
	    .limit_s = 0.5,
	};

	buf_clear(out);
	chart_lines(&chart, out);
	assert_true(is_well_formed(out->data, false));
	assert_int_equal(count_of(out->data, "<svg"), 2);
	assert_int_equal(count_of(out->data, "<title"), 2);
	assert_int_equal(count_of(out->data, "<desc"), 2);
	assert_null(strstr(out->data, "style="));
	assert_null(strstr(out->data, "nan"));
	assert_null(strstr(out->data, "inf"));
}

static void
fill(struct history_point *points, size_t count, int64_t span_s, double value)
{
	size_t i;

	for (i = 0; i < count; i++)
		points[i] = (struct history_point){
		    .at_s = FAKE_NOW_S - span_s + (i + 1) * span_s / (int64_t)count,
		    .mean = value,
		    .min = value / 2,
		    .max = value * 2,
		    .up = 1,
		    .known = 1,
		};
}

static void
gaps_are_gaps(void **state)
{
	struct history_point points[60];
	struct buf out = BUF_INIT;
	char *path;

	fill(points, 60, 86400, 0.3);
	draw(points, 60, 86400, &out);
	path = path_of(out.data, "vt-line");
	assert_int_equal(count_of(path, "M"), 1);
	free(path);
	points[20].mean = points[20].min = points[20].max = NAN;
	points[40].mean = points[40].min = points[40].max = NAN;
	draw(points, 60, 86400, &out);
	path = path_of(out.data, "vt-line");
	assert_int_equal(count_of(path, "M"), 3);
	free(path);
	path = path_of(out.data, "vt-band");
	assert_int_equal(count_of(path, "Z"), 3);
	free(path);
	buf_free(&out);
}

static void
nothing_and_one_point(void **state)
{
	struct history_point point;
	struct buf out = BUF_INIT;
	char *path;

	draw(NULL, 0, 86400, &out);
	path = path_of(out.data, "vt-line");
	assert_string_equal(path, "");
	free(path);
	fill(&point, 1, 86400, 0.3);
	draw(&point, 1, 86400, &out);
	path = path_of(out.data, "vt-line");
	assert_non_null(strchr(path, 'h'));
	free(path);
	point.mean = point.min = point.max = point.up = NAN;
	draw(&point, 1, 86400, &out);
	fill(&point, 1, 86400, 0);
	draw(&point, 1, 86400, &out);
	fill(&point, 1, 86400, 1e9);
	draw(&point, 1, 86400, &out);
	fill(&point, 1, 86400, 1e-9);
	draw(&point, 1, 86400, &out);
	buf_free(&out);
}

static void
outages_are_marked(void **state)
{
	struct history_point points[60];
	struct buf out = BUF_INIT;

	fill(points, 60, 86400, 0.3);
	draw(points, 60, 86400, &out);
	assert_null(strstr(out.data, "vt-down"));
	points[30].up = 0.5;
	draw(points, 60, 86400, &out);
	assert_int_equal(count_of(out.data, "vt-down"), 2);
	buf_free(&out);
}

/* Each period has some labels of time, none so many that they overlap. */
static void
times_are_labelled(void **state)
{
	struct history_point points[360];
	struct buf out = BUF_INIT;
	unsigned labels;
	int period;

	for (period = 0; period < ROUTE_PERIODS; period++) {
		char *narrow;
		fill(points, 360, route_period_s[period], 0.3);
		draw(points, 360, route_period_s[period], &out);
		narrow = strstr(out.data + 1, "<svg");
		labels = count_of(narrow, "text-anchor=\"middle\"");
		if (labels < 2 || labels > 6)
			fail_msg("%s: %u labels", route_period_names[period], labels);
		labels = count_of(out.data, "text-anchor=\"middle\"") - labels;
		if (labels < 3 || labels > 10)
			fail_msg(
			    "%s: %u labels, wide", route_period_names[period], labels);
		assert_true(out.length < 32000);
	}
	draw(points, 360, 3600, &out); /* an hour */
	buf_free(&out);
}

static void
bars(void **state)
{
	enum chart_day days[90];
	struct buf out = BUF_INIT;
	size_t i;

	for (i = 0; i < 90; i++)
		days[i] = i < 40    ? CHART_NONE
			  : i == 70 ? CHART_BAD
			  : i == 71 ? CHART_SOME
				    : CHART_OK;
	chart_bars("b", "Gli <ultimi>", "Frase", days, 90, &out);
	assert_true(is_well_formed(out.data, false));
	assert_int_equal(count_of(out.data, "<path"), 4);
	assert_int_equal(count_of(out.data, "M"), 5); /* runs of like days */
	assert_int_equal(count_of(out.data, "h3v-"), 90);
	assert_non_null(strstr(out.data, "M280 32h3v-12h-3z\""));
	buf_clear(&out);
	chart_bars("b", "x", "y", days, 0, &out);
	assert_true(is_well_formed(out.data, false));
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gaps_are_gaps),
	    cmocka_unit_test(nothing_and_one_point),
	    cmocka_unit_test(outages_are_marked),
	    cmocka_unit_test(times_are_labelled),
	    cmocka_unit_test(bars),
	};

	return cmocka_run_group_tests_name("chart", tests, set_up, tear_down);
}
