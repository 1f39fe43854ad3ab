/*
 * History. A query is a job with one part a series: archive_run() calls each part on
 * the rrd thread, which reads its file into a strip (store/strip.h); whichever comes
 * last works out the figures, still there. The loop only copies them.
 *
 * A job is owned by itself from history_run() until the last part is done on the
 * loop. Periods are copied in and out, so that the rrd thread never looks at what is
 * the asker's.
 *
 * Least and greatest beyond the raw tier come from MIN and MAX rows, of the coarsest
 * tier whose rows fit all periods and points: few rows, and nothing is lost.
 */
#include "store/history.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/clock.h"
#include "base/mem.h"
#include "store/archive.h"
#include "store/quantile.h"
#include "store/strip.h"
#include "store/timeline.h"

#define JOB_MAGIC 0x68697374
#define PART_MAGIC 0x68706172
/* A row that an edge cuts may be this share of its period at most. */
#define EDGE_SHARE 500

/* What is read for a query. */
struct material {
	struct strip *strips; /* one a series */
	size_t count;
	struct timeline *timeline;
	/* Extremes beside each run of strips[0] that is not raw. */
	struct strip_run least[RRDFILE_TIERS_MAX], greatest[RRDFILE_TIERS_MAX];
};

struct part {
	MAGIC;
	struct job *job;
	size_t index;
};

struct job {
	MAGIC;
	struct history_query query;   /* periods are ours */
	struct history_period *asked; /* the asker's */
	history_cb *cb;
	void *arg;
	int64_t now_s;
	struct material material;
	struct part *parts;
	atomic_size_t to_read;
	size_t to_end;
};

static void
forget(struct history_period *period)
{
	period->availability = NAN;
	period->coverage = 0;
	period->down_s = 0;
	period->p50 = period->p95 = period->p99 = NAN;
	period->min = period->max = period->mean = NAN;
	period->samples = 0;
}

/* ------------------------------------------------------------ reading */

static void
range_of(const struct history_query *query, int64_t *from_s, int64_t *to_s)
{
	size_t i;

	*from_s = INT64_MAX;
	*to_s = INT64_MIN;
	for (i = 0; i < query->period_count; i++) {
		if (query->periods[i].from_s < *from_s)
			*from_s = query->periods[i].from_s;
		if (query->periods[i].to_s > *to_s)
			*to_s = query->periods[i].to_s;
	}
	if (query->points_to_s > query->points_from_s) {
		if (query->points_from_s < *from_s)
			*from_s = query->points_from_s;
		if (query->points_to_s > *to_s)
			*to_s = query->points_to_s;
	}
}

/* Steps that people read well, in seconds; beyond, multiples of a day. */
static const int64_t nice_steps[] = {1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800,
    3600, 7200, 10800, 21600, 43200, 86400};

static size_t
points_at(int64_t from_s, int64_t to_s, int64_t step_s)
{
	return (size_t)((to_s + step_s - 1) / step_s - from_s / step_s);
}

/* The least step of points that is no finer than the rows and not too many. */
static int64_t
choose_step(int64_t from_s, int64_t to_s, int64_t rows_s, size_t points_max)
{
	int64_t step_s;
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(nice_steps); i++)
		if (nice_steps[i] % rows_s == 0 &&
		    points_at(from_s, to_s, nice_steps[i]) <= points_max)
			return nice_steps[i];
	step_s = rows_s;
	while (points_at(from_s, to_s, step_s) > points_max)
		step_s *= 2;
	return step_s;
}

/* Fixes step and end of the points; 0 points if there is nothing to show. */
static void
plan_points(struct history_query *query, const struct strip *strip)
{
	int64_t rows_s = 1, to_s = query->points_to_s;
	size_t i;

	query->point_count = 0;
	query->point_step_s = 0;
	if (to_s > strip->until_s)
		to_s = strip->until_s;
	if (!strip->measured || to_s <= query->points_from_s || query->points_max < 2)
		return;
	rows_s = strip->tiers[0].step_s;
	for (i = 0; i < strip->run_count; i++)
		if (strip->runs[i].to_s > query->points_from_s &&
		    strip->runs[i].from_s < to_s && strip->runs[i].step_s > rows_s)
			rows_s = strip->runs[i].step_s;
	query->point_step_s =
	    choose_step(query->points_from_s, to_s, rows_s, query->points_max);
	query->point_count = points_at(query->points_from_s, to_s, query->point_step_s);
}

/* Whether rows of this step answer for the extremes of all that touches the run. */
static bool
step_fits(
    const struct history_query *query, const struct strip_run *run, int64_t step_s)
{
	size_t i;

	for (i = 0; i < query->period_count; i++) {
		const struct history_period *p = &query->periods[i];
		if (p->from_s >= run->to_s || p->to_s <= run->from_s ||
		    p->to_s - p->from_s >= EDGE_SHARE * step_s)
			continue;
		if (p->from_s % step_s != 0 || p->to_s % step_s != 0)
			return false;
	}
	return query->point_count == 0 || query->points_from_s >= run->to_s ||
	       query->point_step_s % step_s == 0;
}

static void
load_extremes(
    const struct history_query *query, const char *path, struct material *material)
{
	const struct strip *strip = &material->strips[0];
	size_t i, j;

	for (i = 0; i < strip->run_count; i++) {
		const struct strip_run *run = &strip->runs[i];
		int64_t step_s = run->step_s;

		if (strip_run_is_raw(strip, run))
			continue;
		for (j = 0; j < strip->tier_count; j++)
			if (strip->tiers[j].step_s > step_s &&
			    step_fits(query, run, strip->tiers[j].step_s))
				step_s = strip->tiers[j].step_s;
		/* What cannot be read stays unknown; rrdfile has told why. */
		if (strip_run_load(path, ARCHIVE_MIN, run->from_s, run->to_s, step_s,
			&material->least[i]) != 0 ||
		    strip_run_load(path, ARCHIVE_MAX, run->from_s, run->to_s, step_s,
			&material->greatest[i]) != 0)
			strip_run_clear(&material->least[i]);
	}
}

static void
read_series(struct history_query *query, struct material *material, size_t index,
    const char *path, int64_t now_s)
{
	struct strip *strip = &material->strips[index];
	int64_t from_s, to_s;

	range_of(query, &from_s, &to_s);
	if (strip_load(path, from_s, to_s, now_s, strip) != 0 || index > 0)
		return;
	plan_points(query, strip);
	load_extremes(query, path, material);
}

/* ------------------------------------------------------------ figures */

struct times {
	double sum, weight, min, max;
	double *values; /* raw ones, or NULL: not wanted */
	size_t count;
};

static void
add_raw(const struct strip_run *run, int64_t from_s, int64_t to_s, struct times *times)
{
	size_t i, end;

	strip_run_rows(run, from_s, to_s, &i, &end);
	for (; i < end; i++) {
		int64_t end_s = run->first_s + (int64_t)i * run->step_s;
		if (end_s <= from_s || end_s > to_s || !(run->up[i] >= 1) ||
		    isnan(run->total[i]))
			continue;
		times->sum += run->total[i] * run->step_s;
		times->weight += run->step_s;
		times->min = fmin(times->min, run->total[i]);
		times->max = fmax(times->max, run->total[i]);
		if (times->values != NULL)
			times->values[times->count++] = run->total[i];
	}
}

static void
add_consolidated(
    const struct strip_run *run, int64_t from_s, int64_t to_s, struct times *times)
{
	size_t i, end;

	strip_run_rows(run, from_s, to_s, &i, &end);
	for (; i < end; i++) {
		int64_t begin_s = run->first_s + ((int64_t)i - 1) * run->step_s;
		int64_t end_s = begin_s + run->step_s;
		double weight;
		begin_s = begin_s < from_s ? from_s : begin_s;
		end_s = end_s > to_s ? to_s : end_s;
		weight = (double)(end_s - begin_s) * run->known[i] * run->up[i];
		if (!(weight > 0) || isnan(run->total[i]))
			continue;
		times->sum += run->total[i] * weight;
		times->weight += weight;
	}
}

static void
add_extremes(const struct strip_run *least, const struct strip_run *greatest,
    int64_t from_s, int64_t to_s, struct times *times)
{
	size_t i, end;

	strip_run_rows(least, from_s, to_s, &i, &end);
	for (; i < end && i < greatest->count; i++) {
		if (!(greatest->up[i] > 0)) /* no point of the row was up */
			continue;
		times->min = fmin(times->min, least->total[i]);
		times->max = fmax(times->max, greatest->total[i]);
	}
}

static void
add_times(
    const struct material *material, int64_t from_s, int64_t to_s, struct times *times)
{
	const struct strip *strip = &material->strips[0];
	size_t i;

	times->min = times->max = NAN; /* fmin() and fmax() prefer numbers */
	for (i = 0; i < strip->run_count; i++) {
		const struct strip_run *run = &strip->runs[i];
		if (run->to_s <= from_s || run->from_s >= to_s)
			continue;
		if (strip_run_is_raw(strip, run)) {
			add_raw(run, from_s, to_s, times);
			continue;
		}
		add_consolidated(run, from_s < run->from_s ? run->from_s : from_s,
		    to_s > run->to_s ? run->to_s : to_s, times);
		add_extremes(
		    &material->least[i], &material->greatest[i], from_s, to_s, times);
	}
}

static double
share(double part, double whole)
{
	double ratio = part / whole;

	/* What rounding in consolidated rows leaves over is not an outage. */
	return !(whole > 0) ? NAN : ratio > 1 - 1e-9 ? 1 : ratio < 1e-9 ? 0 : ratio;
}

static void
work_out_period(
    const struct material *material, struct history_period *period, double *values)
{
	const struct strip *strip = &material->strips[0];
	struct timeline_sum sum;
	struct times times = {0};

	forget(period);
	timeline_sum(material->timeline, period->from_s, period->to_s, &sum);
	period->availability = share(sum.up_s, sum.up_s + sum.down_s);
	if (sum.passed_s > 0)
		period->coverage = share(sum.up_s + sum.down_s, sum.passed_s);
	if (period->availability < 1)
		period->down_s = sum.down_s;
	times.values = strip_is_raw(strip, period->from_s) ? values : NULL;
	add_times(material, period->from_s, period->to_s, &times);
	period->min = times.min;
	period->max = times.max;
	period->mean = times.weight > 0 ? times.sum / times.weight : NAN;
	if (times.values == NULL || times.count == 0)
		return;
	period->samples = times.count;
	period->p50 = quantile_nearest(values, times.count, 500);
	period->p95 = quantile_nearest(values, times.count, 950);
	period->p99 = quantile_nearest(values, times.count, 990);
}

static void
work_out_points(struct history_query *query, const struct material *material)
{
	int64_t step_s = query->point_step_s, at_s;
	size_t i;

	if (query->point_count == 0)
		return;
	query->points = mem_array(query->point_count, sizeof(*query->points));
	at_s = query->points_from_s / step_s * step_s;
	for (i = 0; i < query->point_count; i++, at_s += step_s) {
		struct history_point *point = &query->points[i];
		struct timeline_sum sum;
		struct times times = {0};
		double known;

		timeline_sum(material->timeline, at_s, at_s + step_s, &sum);
		add_times(material, at_s, at_s + step_s, &times);
		known = sum.up_s + sum.down_s;
		point->at_s = at_s + step_s;
		point->up = share(sum.up_s, known);
		point->known = sum.passed_s > 0 ? share(known, sum.passed_s) : 0;
		point->mean = times.weight > 0 ? times.sum / times.weight : NAN;
		point->min = times.min;
		point->max = times.max;
	}
}

static void
work_out(struct history_query *query, struct material *material)
{
	const struct strip *strip = &material->strips[0];
	int64_t from_s, to_s;
	size_t rows = 0, i;
	double *values;

	range_of(query, &from_s, &to_s);
	query->first_s = 0;
	for (i = 0; i < material->count; i++)
		if (material->strips[i].measured &&
		    (query->first_s == 0 ||
			material->strips[i].from_s < query->first_s))
			query->first_s = material->strips[i].from_s;
	for (i = 0; i < strip->run_count; i++)
		rows += strip->runs[i].count;
	values = mem_array(rows + 1, sizeof(*values));
	material->timeline =
	    timeline_create(material->strips, material->count, from_s, to_s);
	for (i = 0; i < query->period_count; i++)
		work_out_period(material, &query->periods[i], values);
	work_out_points(query, material);
	free(values);
}

static void
material_open(struct material *material, size_t count)
{
	memset(material, 0, sizeof(*material));
	material->count = count;
	material->strips = mem_array(count, sizeof(*material->strips));
}

static void
material_clear(struct material *material)
{
	size_t i;

	for (i = 0; i < material->count; i++)
		strip_clear(&material->strips[i]);
	for (i = 0; i < ARRAY_LENGTH(material->least); i++) {
		strip_run_clear(&material->least[i]);
		strip_run_clear(&material->greatest[i]);
	}
	timeline_destroy(material->timeline);
	free(material->strips);
	memset(material, 0, sizeof(*material));
}

void
history_read(struct history_query *query, const char *const *paths, int64_t now_s)
{
	struct material material;
	size_t i;

	material_open(&material, query->series_count);
	query->points = NULL;
	query->point_count = 0;
	query->point_step_s = 0;
	for (i = 0; i < query->series_count; i++)
		read_series(query, &material, i, paths[i], now_s);
	work_out(query, &material);
	material_clear(&material);
}

/* ------------------------------------------------------------ the job */

/* On the rrd thread. */
static void
on_file(const char *path, void *arg)
{
	struct part *part = arg;
	struct job *job = part->job;

	MAGIC_CHECK(part, PART_MAGIC);
	read_series(&job->query, &job->material, part->index, path, job->now_s);
	if (atomic_fetch_sub(&job->to_read, 1) != 1)
		return;
	work_out(&job->query, &job->material);
	material_clear(&job->material);
}

static void
copy_periods(struct history_period *to, const struct history_period *from, size_t count)
{
	if (count > 0)
		memcpy(to, from, count * sizeof(*to));
}

static void
on_done(void *arg)
{
	struct part *part = arg;
	struct job *job = part->job;
	struct history_query *query = &job->query;

	MAGIC_CHECK(job, JOB_MAGIC);
	if (--job->to_end > 0)
		return;
	copy_periods(job->asked, query->periods, query->period_count);
	free(query->periods);
	query->periods = job->asked;
	job->cb(query, job->arg);
	history_query_clear(query);
	free(job->parts);
	MAGIC_CLEAR(job);
	free(job);
}

void
history_run(struct history_query *query, history_cb *cb, void *arg)
{
	struct job *job = mem_zalloc(sizeof(*job));
	size_t count = query->series_count, i;

	assert(count > 0);
	MAGIC_SET(job, JOB_MAGIC);
	job->query = *query;
	job->asked = query->periods;
	job->query.periods =
	    mem_array(query->period_count + 1, sizeof(*query->periods));
	copy_periods(job->query.periods, query->periods, query->period_count);
	job->query.points = NULL;
	job->query.point_count = 0;
	job->query.point_step_s = 0;
	job->cb = cb;
	job->arg = arg;
	job->now_s = clock_wall_us() / CLOCK_SECOND;
	job->to_read = job->to_end = count;
	job->parts = mem_array(count, sizeof(*job->parts));
	material_open(&job->material, count);
	for (i = 0; i < count; i++) {
		job->parts[i] =
		    (struct part){.magic = PART_MAGIC, .job = job, .index = i};
		archive_run(query->series[i], on_file, on_done, &job->parts[i]);
	}
}

void
history_query_clear(struct history_query *query)
{
	free(query->points);
	query->points = NULL;
	query->point_count = 0;
}

void
history_days(
    struct civil_zone *zone, int64_t now_s, size_t count, struct history_period *out)
{
	size_t i;

	for (i = 0; i < count; i++) {
		int days = (int)i - (int)(count - 1);
		out[i].from_s = civil_day_start(zone, now_s, days);
		out[i].to_s = civil_day_start(zone, now_s, days + 1);
		forget(&out[i]);
	}
}
