/*
 * A strip: what one check measured over a stretch of time, read from its
 * round-robin database, each part from the finest tier that still has it. Blocks;
 * belongs to the rrd thread.
 *
 * Rows keep the archive's convention: the row that ends at t covers (t - step, t].
 * `up` and `known` are the first two data sources, `total` is found by its name.
 */
#ifndef VT_STORE_STRIP_H
#define VT_STORE_STRIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/rrdfile.h"

struct strip_run {
	int64_t from_s, to_s;	/* what it stands for; its rows may reach beyond */
	int64_t first_s, step_s; /* end of the first row; distance */
	size_t count;
	double *up, *known, *total; /* NAN unknown; one allocation, at up */
};

struct strip {
	bool measured;		/* anything, ever; if not, nothing else is set */
	int64_t from_s;		/* beginning of the first row with a measurement */
	int64_t until_s;	/* end of the last slot whose sample is due */
	size_t tier_count;
	struct rrdfile_tier tiers[RRDFILE_TIERS_MAX]; /* finest first */
	size_t run_count;
	struct strip_run runs[RRDFILE_TIERS_MAX]; /* oldest first, they touch */
};

/* Reads what is there of [from, to). now_s: after it nothing is due. -> 0, or
 * negative as rrdfile has it; the strip is then empty. Free with strip_clear(). */
int strip_load(const char *path, int64_t from_s, int64_t to_s, int64_t now_s,
    struct strip *out);
void strip_clear(struct strip *strip);

/* Whether every row of [from, to) that was ever measured is there as it was stored. */
bool strip_is_raw(const struct strip *strip, int64_t from_s);
bool strip_run_is_raw(const struct strip *strip, const struct strip_run *run);

/* The rows of one tier and function that touch [from, to). known is not filled. */
int strip_run_load(const char *path, enum archive_function function, int64_t from_s,
    int64_t to_s, int64_t step_s, struct strip_run *out);
void strip_run_clear(struct strip_run *run);

/* Indices of the rows that touch [from, to): *begin up to, not with, *end. */
void strip_run_rows(const struct strip_run *run, int64_t from_s, int64_t to_s,
    size_t *begin, size_t *end);

#endif
