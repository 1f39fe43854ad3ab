/*
 * archive_fetch(): rows of one tier, with the data sources of the series whatever the
 * file has. A period may hold far more rows of a tier than anybody wants (a year of
 * minutes, where there is nothing between minutes and days): then they are consolidated
 * here, on the rrd thread, as librrd would have: an average is of what is known.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/archive_private.h"
#include "store/rrdhead.h"

struct fetch {
	enum archive_function function;
	int64_t from_s, to_s, step_s;
	archive_rows_cb *cb;
	void *arg;
	size_t count;
	const char *names[RRDHEAD_SOURCES_MAX]; /* of the series' data sources */
	int error;
	struct rrdfile_rows rows;
};

/* The step of the coarsest tier of at most the step wanted that covers the period;
 * what rrdfile_fetch() makes of it if there is none is the next best. */
static int64_t
tier_step(const char *path, const struct fetch *fetch)
{
	struct rrdfile_tier tiers[RRDFILE_TIERS_MAX];
	int64_t last, step = 1;
	size_t count, sources, i;

	if (rrdfile_tiers(path, tiers, &count, &last, &sources) != 0)
		return step;
	for (i = 0; i < count; i++)
		if (tiers[i].step_s <= fetch->step_s &&
		    tiers[i].first_s - tiers[i].step_s <= fetch->from_s)
			step = tiers[i].step_s;
	return step;
}

/* Puts the columns as the series has them: the file may not be migrated yet. */
static int
arrange(const char *path, const struct fetch *fetch, struct rrdfile_rows *rows)
{
	int column[RRDHEAD_SOURCES_MAX];
	struct rrdhead head;
	bool same;
	size_t i, j;
	double *out;
	int error = rrdhead_read(path, &head);

	if (error != 0)
		return error;
	if (rows->count > 0 && head.source_count != rows->sources)
		return ERR_DAMAGED; /* replaced meanwhile */
	same = head.source_count == fetch->count;
	for (i = 0; i < fetch->count; i++) {
		column[i] = rrdhead_source(&head, fetch->names[i]);
		same = same && column[i] == (int)i;
	}
	if (same)
		return 0;
	out = mem_array(rows->count * fetch->count + 1, sizeof(*out));
	for (i = 0; i < rows->count; i++)
		for (j = 0; j < fetch->count; j++)
			out[i * fetch->count + j] =
			    column[j] >= 0
				? rows->rows[i * rows->sources + (size_t)column[j]]
				: NAN;
	free(rows->rows);
	rows->rows = out;
	rows->sources = fetch->count;
	return 0;
}

/* One row of count rows. */
static void
consolidate_rows(enum archive_function function, const double *rows, size_t count,
    size_t width, double *out)
{
	double weight, sum, value;
	size_t i, j;

	for (j = 0; j < width; j++) {
		out[j] = NAN;
		weight = sum = 0;
		for (i = 0; i < count; i++) {
			const double *row = rows + i * width;
			double share = j != 1 && row[1] > 0 ? row[1] : 1;
			value = row[j];
			if (isnan(value))
				continue;
			if (function == ARCHIVE_AVERAGE) {
				sum += value * share;
				weight += share;
			} else if (isnan(out[j]) ||
				   (function == ARCHIVE_MIN ? value < out[j]
							    : value > out[j])) {
				out[j] = value;
			}
		}
		if (weight > 0)
			out[j] = sum / weight;
	}
}

/* Makes rows of a longer step, if there are too many; the last is whole, as elsewhere.
 */
static void
consolidate(const struct fetch *fetch, struct rrdfile_rows *rows)
{
	size_t width = rows->sources, n = 0, i, points, end;
	int64_t step = rows->step_s, first_s;
	double *out;

	if (rows->count <= ARCHIVE_ROWS_MAX)
		return;
	points = (rows->count + ARCHIVE_ROWS_MAX - 1) / ARCHIVE_ROWS_MAX;
	if (fetch->step_s / step > (int64_t)points)
		points = (size_t)(fetch->step_s / step);
	if (points > rows->count / 2) /* one whole row at least */
		points = rows->count / 2;
	step *= (int64_t)points;
	first_s = (rows->first_s + step - 1) / step * step;
	out = mem_array((rows->count / points + 1) * width, sizeof(*out));
	/* end: after the last row of the next one. */
	end = (size_t)((first_s - rows->first_s) / rows->step_s) + 1;
	for (i = 0; end <= rows->count; i = end, end += points)
		consolidate_rows(fetch->function, rows->rows + i * width, end - i,
		    width, out + n++ * width);
	free(rows->rows);
	rows->rows = out;
	rows->first_s = first_s;
	rows->step_s = step;
	rows->count = n;
}

static void
fetch_run(const char *path, void *arg)
{
	struct fetch *fetch = arg;

	fetch->error = rrdfile_fetch(path, fetch->function, fetch->from_s, fetch->to_s,
	    tier_step(path, fetch), &fetch->rows);
	if (fetch->error == 0)
		fetch->error = arrange(path, fetch, &fetch->rows);
	if (fetch->error == 0)
		consolidate(fetch, &fetch->rows);
	else
		rrdfile_rows_clear(&fetch->rows);
}

static void
fetch_done(int error, void *arg)
{
	struct fetch *fetch = arg;
	const struct archive_rows rows = {
	    .error = fetch->error,
	    .first_s = fetch->rows.first_s,
	    .step_s = fetch->rows.step_s,
	    .count = fetch->rows.count,
	    .sources = fetch->rows.sources,
	    .rows = fetch->rows.rows,
	};

	fetch->cb(&rows, fetch->arg);
	rrdfile_rows_clear(&fetch->rows);
	free(fetch);
}

void
archive_fetch(struct archive_series *series, enum archive_function function,
    int64_t from_s, int64_t to_s, int64_t step_s, archive_rows_cb *cb, void *arg)
{
	struct fetch *fetch = mem_zalloc(sizeof(*fetch));
	size_t i;

	fetch->function = function;
	fetch->from_s = from_s;
	fetch->to_s = to_s;
	fetch->step_s = step_s;
	fetch->cb = cb;
	fetch->arg = arg;
	fetch->count = series->shape.source_count;
	for (i = 0; i < fetch->count; i++)
		fetch->names[i] =
		    series->sources[i].name; /* it stays while it has runs */
	archive_add_run(series,
	    (struct archivejob_run){
		.fn = fetch_run, .done = fetch_done, .arg = fetch, .urgent = true});
}
