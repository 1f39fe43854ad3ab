/*
 * store/history, strip, timeline: real files with known values against what
 * a naive count of the same rows says. archive_run() is ours here: a thread and files.
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/civil.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "store/history.h"
#include "store/rrdfile.h"

#define S INT64_C(1000000)
#define MINUTE_S 60
#define HOUR_S 3600
#define DAY_S INT64_C(86400)
#define STEP_S 300
#define T0 INT64_C(1767225600) /* 2026-01-01, a multiple of a day */

static char folder[] = "/tmp/vetrina-history-XXXXXX";
static const char *paths[4];
static int files;

static const struct archive_source sources[] = {
    {"up", "1", 0, 1, ""},
    {"known", "1", 0, 1, ""},
    {"dns", "s", 0, NAN, ""},
    {"total", "s", 0, NAN, ""},
};
enum { UP, KNOWN, DNS, TOTAL, SOURCES };

/* What a check measured in the slot that ends at end_s; false: nothing was stored. */
typedef bool model(int64_t end_s, double row[SOURCES]);

static double
total_at(int64_t end_s)
{
	return 0.1 + (double)((uint64_t)end_s * 2654435761U % 1000003) / 1000003;
}

static bool
fine(int64_t end_s, double row[SOURCES])
{
	row[UP] = 1;
	row[KNOWN] = 1;
	row[DNS] = 0.001;
	row[TOTAL] = total_at(end_s);
	return true;
}

static void
failed(double row[SOURCES])
{
	row[UP] = 0;
	row[TOTAL] = 99;
}

static void
blind(double row[SOURCES])
{
	row[UP] = NAN;
	row[KNOWN] = 0;
	row[DNS] = row[TOTAL] = NAN;
}

static const char *
write_file(model *m, int64_t step_s, int64_t from_s, int64_t to_s)
{
	const struct rrdfile_shape shape = {
	    .step_s = step_s,
	    .source_count = SOURCES,
	    .sources = sources,
	    .retention = {.count = 4,
		.tiers = {{300 * S, 2 * DAY_S * S}, {900 * S, 10 * DAY_S * S},
		    {HOUR_S * S, 60 * DAY_S * S}, {DAY_S * S, 400 * DAY_S * S}}},
	};
	size_t room = (to_s - from_s) / step_s, n = 0, skipped;
	int64_t *times = mem_array(room, sizeof(*times)), at_s;
	double *rows = mem_array(room * SOURCES, sizeof(*rows));
	char *path = mem_printf("%s/%d.rrd", folder, files++);

	for (at_s = from_s + step_s; at_s <= to_s; at_s += step_s) {
		times[n] = at_s;
		n += m(at_s, rows + n * SOURCES);
	}
	assert_int_equal(rrdfile_create(path, &shape, from_s), 0);
	assert_int_equal(rrdfile_update(path, times, rows, n, SOURCES, &skipped), 0);
	assert_int_equal(skipped, 0);
	free(times);
	free(rows);
	return path;
}

static int
teardown(void **state)
{
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(paths); i++) {
		if (paths[i] != NULL)
			unlink(paths[i]);
		free((char *)(uintptr_t)paths[i]);
		paths[i] = NULL;
	}
	return 0;
}

static void
assert_near(double value, double expected)
{
	if (isnan(expected) ? isnan(value) : fabs(value - expected) <= 1e-9)
		return;
	print_error("%.12g, not %.12g\n", value, expected);
	fail_msg("%s", "not near");
}

static struct history_period
read_period(size_t count, int64_t from_s, int64_t to_s, int64_t now_s)
{
	struct history_period period = {.from_s = from_s, .to_s = to_s};
	struct history_query query = {
	    .series_count = count, .period_count = 1, .periods = &period};

	history_read(&query, paths, now_s);
	history_query_clear(&query);
	return period;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* ---------------------------------------------------------------- periods */

static bool
two_failures(int64_t end_s, double row[SOURCES])
{
	fine(end_s, row);
	if (end_s == T0 + HOUR_S || end_s == T0 + 5 * HOUR_S)
		failed(row);
	return true;
}

static void
a_raw_day_is_exact(void **state)
{
	double values[288], sum = 0;
	struct history_period day;
	size_t n = 0, i;

	for (i = 1; i <= 288; i++) {
		int64_t end_s = T0 + (int64_t)i * STEP_S;
		if (end_s == T0 + HOUR_S || end_s == T0 + 5 * HOUR_S)
			continue;
		values[n] = total_at(end_s);
		sum += values[n++];
	}
	qsort(values, n, sizeof(*values), compare);
	paths[0] = write_file(two_failures, STEP_S, T0, T0 + DAY_S);
	day = read_period(1, T0, T0 + DAY_S, T0 + DAY_S);
	assert_near(day.availability, 286.0 / 288);
	assert_near(day.coverage, 1);
	assert_near(day.down_s, 600);
	assert_int_equal(day.samples, 286);
	assert_near(day.p50, values[143 - 1]);
	assert_near(day.p95, values[272 - 1]); /* ceil(271.7) */
	assert_near(day.p99, values[284 - 1]); /* ceil(283.14) */
	assert_near(day.min, values[0]);
	assert_near(day.max, values[285]); /* a failure's 99 s is no response time */
	assert_near(day.mean, sum / 286);
	/* A part of it; from and to belong to the slots that end after and at them. */
	day = read_period(1, T0 + HOUR_S - STEP_S, T0 + HOUR_S, T0 + DAY_S);
	assert_near(day.availability, 0);
	assert_near(day.p50, NAN);
	assert_int_equal(day.samples, 0);
	day = read_period(1, T0 + HOUR_S, T0 + 2 * HOUR_S, T0 + DAY_S);
	assert_near(day.availability, 1);
	assert_int_equal(day.samples, 12);
	/* Half of the failed slot. */
	day = read_period(1, T0 + HOUR_S - STEP_S / 2, T0 + 2 * HOUR_S, T0 + DAY_S);
	assert_near(day.down_s, STEP_S / 2);
}

static bool
gaps(int64_t end_s, double row[SOURCES])
{
	fine(end_s, row);
	if (end_s > T0 + HOUR_S && end_s <= T0 + 2 * HOUR_S)
		return false; /* stopped: nothing stored */
	if (end_s > T0 + 3 * HOUR_S && end_s <= T0 + 4 * HOUR_S)
		blind(row);
	if (end_s > T0 + 5 * HOUR_S && end_s <= T0 + 6 * HOUR_S)
		failed(row);
	return true;
}

static void
unknown_is_not_down(void **state)
{
	struct history_period p;

	paths[0] = write_file(gaps, STEP_S, T0, T0 + DAY_S);
	p = read_period(1, T0, T0 + DAY_S, T0 + DAY_S);
	assert_near(p.availability, 21.0 / 22);
	assert_near(p.coverage, 22.0 / 24);
	assert_near(p.down_s, HOUR_S);
	assert_int_equal(p.samples, 21 * 12);
	p = read_period(1, T0 + HOUR_S, T0 + 2 * HOUR_S, T0 + DAY_S);
	assert_near(p.availability, NAN);
	assert_near(p.coverage, 0);
	assert_near(p.mean, NAN);
	p = read_period(1, T0 + 3 * HOUR_S, T0 + 4 * HOUR_S, T0 + DAY_S);
	assert_near(p.availability, NAN);
	assert_near(p.coverage, 0);
	p = read_period(1, T0 + 5 * HOUR_S, T0 + 6 * HOUR_S, T0 + DAY_S);
	assert_near(p.availability, 0);
	assert_near(p.coverage, 1);
	assert_near(p.max, NAN);
}

static void
what_has_not_passed_is_not_missed(void **state)
{
	struct history_period p;

	paths[0] = write_file(fine, STEP_S, T0 + 6 * HOUR_S, T0 + 12 * HOUR_S);
	/* The day is not over, began before the first measurement, and the slot that
	 * has just ended is on its way. */
	p = read_period(1, T0, T0 + DAY_S, T0 + 12 * HOUR_S + STEP_S + 2);
	assert_near(p.availability, 1);
	assert_near(p.coverage, 1);
	assert_int_equal(p.samples, 72);
	/* Since then nothing came, for six hours: unknown. */
	p = read_period(1, T0, T0 + DAY_S, T0 + 18 * HOUR_S + STEP_S);
	assert_near(p.availability, 1);
	assert_near(p.coverage, 0.5);
	p = read_period(1, T0 - DAY_S, T0, T0 + 18 * HOUR_S);
	assert_near(p.availability, NAN);
	assert_near(p.coverage, 0);
	p = read_period(1, T0 + 2 * DAY_S, T0 + 3 * DAY_S, T0 + 18 * HOUR_S);
	assert_near(p.coverage, 0);
}

static void
first_measurement_is_found(void **state)
{
	int64_t begin_s[] = {T0 + 7 * HOUR_S + 600, T0 - 5 * DAY_S + 23 * HOUR_S + 900,
	    T0 - 30 * DAY_S + 7200};
	struct history_query query = {.series_count = 1};
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(begin_s); i++) {
		paths[0] = write_file(fine, STEP_S, begin_s[i], T0 + DAY_S);
		history_read(&query, paths, T0 + DAY_S);
		assert_int_equal(query.first_s, begin_s[i]);
		teardown(state);
	}
	paths[0] = strdup("/nonexistent/x.rrd");
	history_read(&query, paths, T0 + DAY_S);
	assert_int_equal(query.first_s, 0);
}

/* ---------------------------------------------------------------- civil days */

static struct civil_zone *rome;

/* Down in the first hour of each civil day. */
static bool
sleepy(int64_t end_s, double row[SOURCES])
{
	int64_t begin_s = end_s - STEP_S;

	fine(end_s, row);
	if (begin_s - civil_day_start(rome, begin_s, 0) < HOUR_S)
		failed(row);
	return true;
}

static void
check_days(int64_t now_s, int64_t long_day_s, int64_t length_s)
{
	struct history_period days[30];
	struct history_query query = {
	    .series_count = 1, .period_count = ARRAY_LENGTH(days), .periods = days};
	size_t i, found = 0;

	history_days(rome, now_s, ARRAY_LENGTH(days), days);
	assert_near(days[3].availability, NAN);
	assert_true(days[29].from_s <= now_s && days[29].to_s > now_s);
	paths[0] =
	    write_file(sleepy, STEP_S, days[0].from_s - DAY_S, now_s / STEP_S * STEP_S);
	history_read(&query, paths, now_s);
	for (i = 0; i < ARRAY_LENGTH(days) - 1; i++) {
		double length = days[i].to_s - days[i].from_s;
		assert_int_equal(days[i].to_s, days[i + 1].from_s);
		if (days[i].from_s <= long_day_s && long_day_s < days[i].to_s) {
			assert_int_equal(length, length_s);
			found++;
		} else {
			assert_int_equal(length, DAY_S);
		}
		assert_near(days[i].availability, 1 - HOUR_S / length);
		assert_near(days[i].coverage, 1);
		assert_near(days[i].down_s, HOUR_S);
		/* The failed hour is an hourly row of its own: its 99 s stays out. */
		assert_true(days[i].max < 1.11);
		/* The raw tier reaches two days back. */
		assert_int_equal(days[i].samples, i < 28 ? 0 : 12 * 23);
		assert_int_equal(isnan(days[i].p95), i < 28);
	}
	assert_int_equal(found, 1);
}

static void
days_of_23_and_25_hours(void **state)
{
	rome = civil_zone_open("Europe/Rome");
	assert_non_null(rome);
	/* 29 March and 25 October 2026; noon some days later, in each of the tiers. */
	check_days(INT64_C(1774738800) + 5 * DAY_S, INT64_C(1774738800), 23 * HOUR_S);
	teardown(state);
	check_days(INT64_C(1774738800) + 20 * DAY_S, INT64_C(1774738800), 23 * HOUR_S);
	teardown(state);
	check_days(INT64_C(1792922400) + 20 * DAY_S, INT64_C(1792922400), 25 * HOUR_S);
	civil_zone_close(rome);
}

/* ---------------------------------------------------------------- several checks */

static bool
first_check(int64_t end_s, double row[SOURCES])
{
	int64_t hour = (end_s - STEP_S - T0) / HOUR_S;

	fine(end_s, row);
	if (hour == 1 || hour == 4)
		failed(row);
	return true;
}

static bool
second_check(int64_t end_s, double row[SOURCES])
{
	int64_t hour = (end_s - 900 - T0) / HOUR_S;

	fine(end_s, row);
	row[TOTAL] = 5;
	if (hour == 2)
		failed(row);
	if (hour == 3 || hour == 4)
		blind(row);
	return true;
}

static double
hour_of(int hour)
{
	struct history_period p = read_period(
	    2, T0 + hour * HOUR_S, T0 + (hour + 1) * HOUR_S, T0 + 12 * HOUR_S);

	assert_near(p.coverage, isnan(p.availability) ? 0 : 1);
	return p.availability;
}

static void
several_checks_make_one_service(void **state)
{
	struct history_period p;

	paths[0] = write_file(first_check, STEP_S, T0, T0 + 12 * HOUR_S);
	paths[1] = write_file(second_check, 900, T0, T0 + 12 * HOUR_S);
	assert_near(hour_of(0), 1);
	assert_near(hour_of(1), 0);
	assert_near(hour_of(2), 0);
	assert_near(hour_of(3), NAN); /* one up, one unknown */
	assert_near(hour_of(4), 0);   /* one down: whatever the other is */
	assert_near(hour_of(5), 1);
	p = read_period(2, T0, T0 + 12 * HOUR_S, T0 + 12 * HOUR_S);
	assert_near(p.availability, 8.0 / 11);
	assert_near(p.coverage, 11.0 / 12);
	assert_true(p.max < 1.11); /* times are the first one's */
}

static void
a_check_counts_from_its_first_measurement(void **state)
{
	struct history_period p;
	struct history_query query = {.series_count = 2};

	paths[0] = write_file(fine, STEP_S, T0, T0 + 12 * HOUR_S);
	paths[1] = write_file(second_check, 900, T0 + 2 * HOUR_S, T0 + 12 * HOUR_S);
	p = read_period(2, T0, T0 + 12 * HOUR_S, T0 + 12 * HOUR_S);
	assert_near(p.availability, 9.0 / 10);
	assert_near(p.coverage, 10.0 / 12);
	history_read(&query, paths, T0 + 12 * HOUR_S);
	assert_int_equal(query.first_s, T0);
	free((char *)(uintptr_t)paths[1]);
	paths[1] = strdup("/nonexistent/x.rrd"); /* not measured yet */
	p = read_period(2, T0, T0 + 12 * HOUR_S, T0 + 12 * HOUR_S);
	assert_near(p.availability, 1);
	assert_near(p.coverage, 1);
}

/* ---------------------------------------------------------------- tiers */

static bool
long_story(int64_t end_s, double row[SOURCES])
{
	fine(end_s, row);
	if (end_s / STEP_S % 97 == 0)
		failed(row);
	if (end_s / STEP_S % 89 < 3)
		blind(row);
	if (end_s / STEP_S % 71 < 5) { /* stopped: nothing stored */
		blind(row);
		return false;
	}
	return true;
}

static void
count_naively(int64_t from_s, int64_t to_s, double *availability, double *coverage)
{
	double up = 0, known = 0, all = 0, row[SOURCES];

	for (; from_s < to_s; from_s += STEP_S, all++) {
		long_story(from_s + STEP_S, row);
		if (row[KNOWN] > 0) {
			known++;
			up += row[UP];
		}
	}
	*availability = up / known;
	*coverage = known / all;
}

static void
periods_across_tiers_agree_with_the_rows(void **state)
{
	int64_t end_s = T0 + 70 * DAY_S, from_s;
	double availability, coverage;
	struct history_period p;
	int days;

	paths[0] = write_file(long_story, STEP_S, T0, end_s);
	for (days = 1; days <= 59; days += days < 12 ? 1 : 11) {
		from_s = end_s - days * DAY_S;
		count_naively(from_s, end_s, &availability, &coverage);
		p = read_period(1, from_s, end_s, end_s);
		assert_near(p.availability, availability);
		assert_near(p.coverage, coverage);
		assert_int_equal(isnan(p.p50), days > 2);
		/* A day's own: two edges in one tier. */
		count_naively(from_s, from_s + DAY_S, &availability, &coverage);
		p = read_period(1, from_s, from_s + DAY_S, end_s);
		assert_near(p.availability, availability);
		assert_near(p.coverage, coverage);
		assert_near(p.down_s, DAY_S * coverage * (1 - availability));
	}
	/* The daily tier only, and before everything. */
	count_naively(T0 + 2 * DAY_S, T0 + 3 * DAY_S, &availability, &coverage);
	p = read_period(1, T0 + 2 * DAY_S, T0 + 3 * DAY_S, end_s);
	assert_near(p.availability, availability);
	assert_near(p.coverage, coverage);
}

/* A tier that keeps less than one row of the next: nothing of today is lost. */
static void
a_tier_shorter_than_a_row_of_the_next_counts(void **state)
{
	const struct rrdfile_shape shape = {
	    .step_s = STEP_S,
	    .source_count = SOURCES,
	    .sources = sources,
	    .retention = {.count = 2,
		.tiers = {{STEP_S * S, 12 * HOUR_S * S}, {DAY_S * S, 400 * DAY_S * S}}},
	};
	int64_t at_s, now_s = T0 + 2 * DAY_S + 18 * HOUR_S;
	char *path = mem_printf("%s/%d.rrd", folder, files++);
	struct history_period p;
	double row[SOURCES];
	size_t skipped;

	assert_int_equal(rrdfile_create(path, &shape, T0), 0);
	for (at_s = T0 + STEP_S; at_s <= now_s; at_s += STEP_S) {
		fine(at_s, row);
		assert_int_equal(
		    rrdfile_update(path, &at_s, row, 1, SOURCES, &skipped), 0);
	}
	paths[0] = path;
	p = read_period(1, T0 + 2 * DAY_S, T0 + 3 * DAY_S, now_s);
	assert_near(p.availability, 1);
	assert_near(p.coverage, 12. / 18);
	p = read_period(1, T0 + DAY_S, T0 + 2 * DAY_S, now_s);
	assert_near(p.coverage, 1);
}

static void
young_service_has_exact_quantiles_of_a_long_period(void **state)
{
	struct history_period p;

	paths[0] = write_file(fine, STEP_S, T0, T0 + DAY_S);
	p = read_period(1, T0 - 29 * DAY_S, T0 + DAY_S, T0 + DAY_S);
	assert_int_equal(p.samples, 288);
	assert_near(p.coverage, 1);
}

#define SPIKE_S (T0 + 3 * DAY_S + 5 * HOUR_S + 1200)

static bool
spike(int64_t end_s, double row[SOURCES])
{
	fine(end_s, row);
	if (end_s == SPIKE_S)
		row[TOTAL] = 7.5;
	if (end_s == SPIKE_S + DAY_S)
		row[TOTAL] = 0.005;
	if (end_s > SPIKE_S + 2 * DAY_S && end_s <= SPIKE_S + 2 * DAY_S + 6 * HOUR_S)
		blind(row);
	return true;
}

static void
spikes_survive(void **state)
{
	struct history_period days[20];
	struct history_query query = {.series_count = 1,
	    .period_count = 20,
	    .periods = days,
	    .points_from_s = T0,
	    .points_to_s = T0 + 21 * DAY_S,
	    .points_max = 200};
	size_t i, unknown = 0, lowest = 0, highest = 0;

	for (i = 0; i < 20; i++)
		days[i] = (struct history_period){
		    .from_s = T0 + i * DAY_S, .to_s = T0 + (i + 1) * DAY_S};
	paths[0] = write_file(spike, STEP_S, T0, T0 + 20 * DAY_S);
	history_read(&query, paths, T0 + 20 * DAY_S);
	for (i = 0; i < 20; i++) {
		assert_int_equal(days[i].max > 7, i == 3);
		assert_int_equal(days[i].min < 0.1, i == 4);
		assert_true(days[i].mean > 0.5 && days[i].mean < 0.7);
	}
	assert_int_equal(query.point_step_s, 3 * HOUR_S);
	assert_int_equal(query.point_count, 20 * 8); /* not what is to come */
	for (i = 0; i < query.point_count; i++) {
		const struct history_point *p = &query.points[i];
		assert_int_equal(p->at_s, T0 + (int64_t)(i + 1) * 3 * HOUR_S);
		assert_true(isnan(p->up) || p->up == 1);
		if (isnan(p->mean)) {
			assert_near(p->known, 0);
			assert_near(p->up, NAN);
			assert_near(p->max, NAN);
			unknown++;
			continue;
		}
		assert_true(p->min <= p->mean && p->mean <= p->max);
		if (p->max > query.points[highest].max)
			highest = i;
		if (p->min < query.points[lowest].min)
			lowest = i;
	}
	assert_near(query.points[highest].max, 7.5);
	assert_near(query.points[lowest].min, 0.005);
	assert_true(SPIKE_S <= query.points[highest].at_s &&
		    SPIKE_S > query.points[highest].at_s - 3 * HOUR_S);
	assert_int_equal(lowest, highest + 8);
	assert_int_equal(unknown, 1); /* the other two are partly known */
	history_query_clear(&query);
	/* As fine as the rows are, where there is room; unaligned ends. */
	query.period_count = 0;
	query.points_from_s = T0 + 19 * DAY_S + 7;
	query.points_to_s = T0 + 20 * DAY_S + 5000;
	query.points_max = 1000;
	history_read(&query, paths, T0 + 20 * DAY_S);
	assert_int_equal(query.point_step_s, STEP_S);
	assert_int_equal(query.point_count, 288);
	assert_near(query.points[100].mean, total_at(query.points[100].at_s));
	assert_near(query.points[287].max, total_at(T0 + 20 * DAY_S));
	history_query_clear(&query);
}

/* ---------------------------------------------------------------- on the loop */

struct archive_series {
	const char *path; /* maybe of a file that is not there */
};

static struct loop *loop;
static struct worker_pool *rrd;
static int answers;

struct call {
	const char *path;
	void (*fn)(const char *path, void *arg);
	void (*done)(void *arg);
	void *arg;
};

static void
run_call(void *arg)
{
	struct call *call = arg;

	call->fn(call->path, call->arg);
}

static void
end_call(void *arg)
{
	struct call *call = arg;

	call->done(call->arg);
	free(call);
}

void
archive_run(struct archive_series *series, void (*fn)(const char *path, void *arg),
    void (*done)(void *arg), void *arg)
{
	struct call call = {series->path, fn, done, arg};

	assert_int_equal(worker_submit(rrd, WORKER_NORMAL, run_call, end_call,
			     mem_dup(&call, sizeof(call))),
	    0);
}

static void
on_history(struct history_query *query, void *arg)
{
	struct history_period *periods = arg;

	answers++;
	assert_ptr_equal(query->periods, periods);
	assert_int_equal(query->first_s, T0);
	assert_int_equal(query->point_count, 12);
	assert_near(query->points[1].up, 0);
}

static void
on_nothing(struct history_query *query, void *arg)
{
	answers++;
	assert_int_equal(query->point_count, 0);
	assert_int_equal(query->first_s, 0);
}

static void
answers_on_the_loop(void **state)
{
	struct archive_series series[2], *both[] = {&series[0], &series[1]};
	struct history_period periods[2] = {{.from_s = T0, .to_s = T0 + 12 * HOUR_S},
	    {.from_s = T0, .to_s = T0 + HOUR_S}};
	struct history_query query = {.series = both,
	    .series_count = 2,
	    .period_count = 2,
	    .periods = periods,
	    .points_from_s = T0,
	    .points_to_s = T0 + 12 * HOUR_S,
	    .points_max = 12};

	clock_fake(0, (T0 + 12 * HOUR_S) * CLOCK_SECOND);
	loop = loop_create();
	rrd = worker_pool_create(loop, "rrd", 1, 16);
	series[0].path = paths[0] =
	    write_file(first_check, STEP_S, T0, T0 + 12 * HOUR_S);
	series[1].path = paths[1] = write_file(second_check, 900, T0, T0 + 12 * HOUR_S);
	history_run(&query, on_history, periods);
	assert_int_equal(answers, 0);
	worker_settle(rrd);
	assert_int_equal(answers, 1);
	assert_near(periods[0].availability, 8.0 / 11);
	assert_near(periods[1].availability, 1);
	series[1].path = "/nowhere/b.rrd"; /* the rest still answers */
	history_run(&query, on_history, periods);
	worker_settle(rrd);
	assert_int_equal(answers, 2);
	assert_near(periods[0].availability, 10.0 / 12);
	query.period_count = 0; /* points alone */
	query.periods = NULL;
	series[0].path = "/nowhere/a.rrd";
	history_run(&query, on_nothing, NULL);
	worker_settle(rrd);
	assert_int_equal(answers, 3);
	worker_pool_destroy(rrd);
	loop_destroy(loop);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_teardown(function, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_raw_day_is_exact),
	    TEST(unknown_is_not_down),
	    TEST(what_has_not_passed_is_not_missed),
	    TEST(first_measurement_is_found),
	    TEST(days_of_23_and_25_hours),
	    TEST(several_checks_make_one_service),
	    TEST(a_check_counts_from_its_first_measurement),
	    TEST(periods_across_tiers_agree_with_the_rows),
	    TEST(a_tier_shorter_than_a_row_of_the_next_counts),
	    TEST(young_service_has_exact_quantiles_of_a_long_period),
	    TEST(spikes_survive),
	    TEST(answers_on_the_loop),
	};
	int failed;

	if (mkdtemp(folder) == NULL)
		return 1;
	log_open("test", LOG_LEVEL_ERROR, false);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder);
	return failed;
}
