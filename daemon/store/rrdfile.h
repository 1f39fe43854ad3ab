/*
 * One round-robin database: librrd's calls, and the only file with rrd.h. Every
 * function blocks and belongs to the rrd thread. A lock held by an outside rrdtool
 * is retried here for a bounded time.
 */
#ifndef VT_STORE_RRDFILE_H
#define VT_STORE_RRDFILE_H

#include <stddef.h>
#include <stdint.h>

#include "store/archive.h"

struct rrdfile_shape {
	int64_t step_s;
	size_t source_count;		/* up and known among them, first */
	const struct archive_source *sources;
	struct conf_retention retention; /* as configured; rounded within */
};

#define RRDFILE_START_MIN_S 315360000 /* librrd: no earlier than 1980 */
/* The first start that is allowed. */
int64_t rrdfile_start_min(const struct rrdfile_shape *shape);

/* -> 0, -EEXIST, or negative with the words logged. start_s: the last time before
 * the first row; not before 1980. Written aside, synced and renamed. */
int rrdfile_create(const char *path, const struct rrdfile_shape *shape, int64_t start_s);
/* Whether the file has this shape. -> 1, 0, or negative (-ENOENT: none; ERR_DAMAGED:
 * not a round-robin database, or cut short). */
int rrdfile_matches(const char *path, const struct rrdfile_shape *shape);
/* Makes the file anew in the shape, with the history of the old one as far as its
 * data sources (by name) and tiers hold it: a row of the same step is copied, a
 * coarser one computed from finer ones, and where there are only coarser ones each
 * finer row gets their value. The old file stays until the rename. */
int rrdfile_migrate(const char *path, const struct rrdfile_shape *shape);

/* Removes what a killed process left of making or migrating the file. */
void rrdfile_clean(const char *path);

/* The steps of both: makes a file under this very name, which must not exist; syncs
 * aside, renames it to path and syncs the folder. Both remove theirs on an error. */
int rrdfile_create_at(const char *path, const struct rrdfile_shape *shape, int64_t start_s);
int rrdfile_settle(const char *aside, const char *path);

/* Rows: a time, source_count values; NAN is unknown. Times are multiples of the step
 * and ascend; slots left out become unknown (of `known` 0), also those since the
 * file's last. Rows not after the last are skipped and counted in *skipped. -> 0,
 * ERR_DAMAGED, -ENOENT, ERR_RANGE (the file has another number of data sources),
 * -EAGAIN (lock held), -ENOSPC. */
int rrdfile_update(const char *path, const int64_t *times_s, const double *values,
    size_t rows, size_t source_count, size_t *skipped);
int rrdfile_last(const char *path, int64_t *last_s);

struct rrdfile_rows {
	int64_t first_s, step_s;	/* end of the first row; distance */
	size_t count, sources;
	double *rows;			/* row-major, count * sources */
};
/* Rows whose end lies in (from_s, to_s], from the finest tier that covers from_s
 * with a step of at least step_s (else the nearest finer); if none covers it, from
 * the one that reaches back furthest. Only rows that the file holds: count may be 0,
 * first_s later than asked, and the row in progress is not among them. Free with
 * rrdfile_rows_clear(). -> 0 or negative: -ENOENT, ERR_DAMAGED, ... */
int rrdfile_fetch(const char *path, enum archive_function function, int64_t from_s,
    int64_t to_s, int64_t step_s, struct rrdfile_rows *out);
void rrdfile_rows_clear(struct rrdfile_rows *rows);

/* The AVERAGE tiers on file, finest first: what history can be had where. */
struct rrdfile_tier {
	int64_t step_s;
	int64_t first_s; /* end of the oldest row that the tier can hold */
};
#define RRDFILE_TIERS_MAX 12
int rrdfile_tiers(const char *path, struct rrdfile_tier tiers[RRDFILE_TIERS_MAX],
    size_t *count, int64_t *last_s, size_t *sources);

/* Index of a data source in the file by name, or negative. */
int rrdfile_source(const char *path, const char *name);

/* Bytes that a file of this shape takes. */
int64_t rrdfile_size(const struct rrdfile_shape *shape);

#endif
