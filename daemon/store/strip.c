/*
 * Strips. The finest tier gives as far back as it reaches, the next one what is
 * before, and so on; the border between two tiers lies on a row of the coarser, if that
 * row is complete: a tier may keep less than one row of the next, and what is between
 * the two is then unknown.
 *
 * When a check was first measured is sought from the coarsest tier down: its rows
 * are few and reach back the furthest; within one row of it the finer ones tell more.
 */
#include "store/strip.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

static int64_t
floor_to(int64_t at_s, int64_t step_s)
{
	return at_s - ((at_s % step_s) + step_s) % step_s;
}

static int64_t
ceil_to(int64_t at_s, int64_t step_s)
{
	return -floor_to(-at_s, step_s);
}

static int64_t
at_least(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t
at_most(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void
take_columns(const struct rrdfile_rows *rows, int total, struct strip_run *out)
{
	size_t i;

	out->first_s = rows->first_s;
	out->step_s = rows->step_s;
	out->count = rows->count;
	out->up = mem_array(3 * rows->count + 1, sizeof(*out->up));
	out->known = out->up + rows->count;
	out->total = out->known + rows->count;
	for (i = 0; i < rows->count; i++) {
		const double *row = rows->rows + i * rows->sources;
		out->up[i] = row[0];
		out->known[i] = row[1];
		out->total[i] = total >= 0 ? row[total] : NAN;
	}
}

int
strip_run_load(const char *path, enum archive_function function, int64_t from_s,
    int64_t to_s, int64_t step_s, struct strip_run *out)
{
	struct rrdfile_rows rows;
	int total = rrdfile_source(path, "total"), error;

	memset(out, 0, sizeof(*out));
	out->from_s = from_s;
	out->to_s = to_s;
	from_s = floor_to(from_s, step_s);
	to_s = ceil_to(to_s, step_s);
	error = rrdfile_fetch(path, function, from_s, to_s, step_s, &rows);
	if (error != 0)
		return error;
	if (rows.count > 0 && (rows.sources < 2 || total >= (int)rows.sources)) {
		rrdfile_rows_clear(&rows); /* somebody replaced it meanwhile */
		return ERR_DAMAGED;
	}
	take_columns(&rows, total, out);
	rrdfile_rows_clear(&rows);
	return 0;
}

void
strip_run_clear(struct strip_run *run)
{
	free(run->up);
	memset(run, 0, sizeof(*run));
}

void
strip_run_rows(const struct strip_run *run, int64_t from_s, int64_t to_s, size_t *begin,
    size_t *end)
{
	int64_t origin_s = run->first_s - run->step_s;

	from_s = at_least(from_s, run->from_s);
	to_s = at_most(to_s, run->to_s);
	*begin = *end = 0;
	if (from_s >= to_s || run->count == 0 || to_s <= origin_s)
		return;
	if (from_s > origin_s)
		*begin = at_most((from_s - origin_s) / run->step_s, run->count);
	*end = at_most((to_s - origin_s + run->step_s - 1) / run->step_s, run->count);
}

/* The first row with something known whose end lies in (from, to]. -> whether */
static int
find_known(const char *path, const struct rrdfile_tier *tier, int64_t from_s,
    int64_t to_s, int64_t *end_s)
{
	struct rrdfile_rows rows;
	size_t i;
	int error =
	    rrdfile_fetch(path, ARCHIVE_AVERAGE, from_s, to_s, tier->step_s, &rows);
	int found = 0;

	if (error != 0)
		return error;
	for (i = 0; i < rows.count && !found; i++) {
		if (!(rows.rows[i * rows.sources + 1] > 0)) /* NAN is not */
			continue;
		found = 1;
		*end_s = rows.first_s + (int64_t)i * rows.step_s;
	}
	rrdfile_rows_clear(&rows);
	return found;
}

/* Beginning of the first row with a measurement. -> whether there is one */
static int
find_first(
    const char *path, const struct strip *strip, int64_t last_s, int64_t *first_s)
{
	int64_t from_s = INT64_MIN, to_s = last_s, end_s = 0;
	size_t i;
	int found = 0, code;

	for (i = strip->tier_count; i-- > 0;) {
		const struct rrdfile_tier *tier = &strip->tiers[i];
		int64_t oldest_s = tier->first_s - tier->step_s;

		if (found && oldest_s > from_s)
			break; /* does not reach as far */
		from_s = at_least(from_s, oldest_s);
		code = find_known(path, tier, from_s, to_s, &end_s);
		if (code < 0)
			return code;
		if (code > 0) {
			found = 1;
			*first_s = end_s - tier->step_s;
			to_s = end_s;
			from_s = *first_s;
		} else if (!found) {
			/* Not before the row that is not complete yet. */
			from_s = floor_to(last_s, tier->step_s);
		}
	}
	return found;
}

static int
load_runs(
    const char *path, int64_t from_s, int64_t to_s, int64_t last_s, struct strip *strip)
{
	struct strip_run reversed[RRDFILE_TIERS_MAX];
	size_t i, n = 0;
	int error = 0;

	for (i = 0; i < strip->tier_count && from_s < to_s && error == 0; i++) {
		const struct rrdfile_tier *tier = &strip->tiers[i];
		int64_t border_s = from_s, oldest_s = tier->first_s - tier->step_s;

		if (oldest_s > from_s && i + 1 < strip->tier_count) {
			border_s = ceil_to(oldest_s, tier[1].step_s);
			/* The coarser row that it lies in is not complete yet. */
			if (border_s > floor_to(last_s, tier[1].step_s))
				border_s = oldest_s;
		}
		if (border_s >= to_s)
			continue;
		error = strip_run_load(
		    path, ARCHIVE_AVERAGE, border_s, to_s, tier->step_s, &reversed[n]);
		if (error == 0)
			n++;
		to_s = border_s;
	}
	strip->run_count = n;
	for (i = 0; i < n; i++)
		strip->runs[i] = reversed[n - 1 - i];
	return error;
}

int
strip_load(
    const char *path, int64_t from_s, int64_t to_s, int64_t now_s, struct strip *out)
{
	int64_t last_s, step_s;
	size_t sources;
	int code;

	memset(out, 0, sizeof(*out));
	code = rrdfile_tiers(path, out->tiers, &out->tier_count, &last_s, &sources);
	if (code != 0)
		return code;
	code = out->tier_count > 0 && sources >= 2
		   ? find_first(path, out, last_s, &out->from_s)
		   : 0;
	if (code <= 0)
		return code;
	out->measured = true;
	/* The slot that has just ended may still be on its way here. */
	step_s = out->tiers[0].step_s;
	out->until_s = at_least(last_s, floor_to(now_s, step_s) - step_s);
	code = load_runs(
	    path, at_least(from_s, out->from_s), at_most(to_s, last_s), last_s, out);
	if (code != 0)
		strip_clear(out);
	return code;
}

void
strip_clear(struct strip *strip)
{
	size_t i;

	for (i = 0; i < strip->run_count; i++)
		strip_run_clear(&strip->runs[i]);
	memset(strip, 0, sizeof(*strip));
}

bool
strip_run_is_raw(const struct strip *strip, const struct strip_run *run)
{
	return run->step_s == strip->tiers[0].step_s;
}

bool
strip_is_raw(const struct strip *strip, int64_t from_s)
{
	const struct strip_run *oldest = &strip->runs[0];
	size_t i;

	from_s = at_least(from_s, strip->from_s);
	for (i = 0; i < strip->run_count; i++, oldest++)
		if (oldest->to_s > from_s)
			return strip_run_is_raw(strip, oldest);
	return true; /* nothing was measured since */
}
