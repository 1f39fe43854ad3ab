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

/* -> 0, -EEXIST, or negative with the words logged. start_s: the last time before
 * the first row. Written aside, synced and renamed. */
int rrdfile_create(const char *path, const struct rrdfile_shape *shape, int64_t start_s);
/* Whether the file has this shape. -> 1, 0, or negative (-ENOENT: none). */
int rrdfile_matches(const char *path, const struct rrdfile_shape *shape);
/* Makes the file anew in the shape, with the history of the old one as far as its
 * data sources (by name) and tiers hold it. The old one stays until the rename. */
int rrdfile_migrate(const char *path, const struct rrdfile_shape *shape);
/* Rows: time, then source_count values; NAN is unknown. Times ascend by the step;
 * rows not after the file's last are skipped and counted in *skipped. */
int rrdfile_update(const char *path, const int64_t *times_s, const double *values,
    size_t rows, size_t source_count, size_t *skipped);
int rrdfile_last(const char *path, int64_t *last_s);

struct rrdfile_rows {
	int64_t first_s, step_s;	/* end of the first row; distance */
	size_t count, sources;
	double *rows;			/* row-major, count * sources */
};
/* Rows whose end lies in (from_s, to_s], from the finest tier that covers from_s
 * with a step of at least step_s (else the nearest finer). Free with
 * rrdfile_rows_clear(). */
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
