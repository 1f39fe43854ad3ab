/*
 * The archive: samples of every check in round-robin databases, one file a check.
 *
 * A sample accepted goes to memory and to pending.log (fsync by group at most
 * every second, on a worker); it reaches its RRD at the next flush of its series
 * (store.flush, spread over the series), in one batched update on the rrd thread.
 * Every read flushes its series first, so that readers see all and librrd alone
 * consolidates. At start pending.log is replayed: a row that the file has already
 * is skipped, so nothing is lost or doubled.
 *
 * The loop owns everything here but the files, which are the rrd thread's.
 */
#ifndef VT_STORE_ARCHIVE_H
#define VT_STORE_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/option.h"

struct loop;
struct worker_pool;
struct archive;
struct archive_series;

/* A data source as a collector declares it. */
struct archive_source {
	const char *name;	/* at most 19 of [a-zA-Z0-9_] */
	const char *unit;	/* "s", "bytes", "1", "days" */
	double min, max;	/* NAN: none */
	const char *text;	/* for the manual */
};
#define ARCHIVE_SOURCES_MAX 16

struct archive_config {
	const char *path;	/* store.path; created if missing */
	struct conf_retention retention;
	int64_t flush_us;
	int64_t pending_max;	/* bytes */
};

/* rrd: a pool of one thread, for librrd; commits: one, for the journal alone, whose
 * second would wait behind anything longer; io: for what may take its time. -> 0 or
 * negative. */
int archive_open(struct loop *loop, struct worker_pool *rrd, struct worker_pool *commits,
    struct worker_pool *io, const struct archive_config *config, struct archive **out);
/* Flushes all, waits for it, closes. */
void archive_close(struct archive *archive);
/* New limits, flush and retention after a reload; files migrate as needed. */
void archive_configure(struct archive *archive, const struct archive_config *config);

/* The series of a check; `up` and `known` (0..1) come first by themselves, then
 * sources (copied). Makes or migrates the file on the
 * rrd thread, later. The same key twice is a bug. */
struct archive_series *archive_series_open(struct archive *archive, const char *site,
    const char *service, const char *check, int64_t step_us,
    const struct archive_source *sources, size_t count);
/* Flushes what is pending, forgets the series; the file stays. */
void archive_series_close(struct archive_series *series);

/* Stores the sample of the slot that ends at slot_end_s (a multiple of the step).
 * values: up, known, then the sources; NAN is unknown. -> 0; ERR_RANGE for a slot
 * that is not after the last one (counted, nothing stored); ERR_FULL beyond
 * pending_max (counted). Slots left out since the last are written as
 * unknown, and `known` as 0. */
int archive_store(struct archive_series *series, int64_t slot_end_s, const double *values);
int64_t archive_last_s(const struct archive_series *series); /* 0: none, known once open */
/* The last sample that was there when the series was opened, 0: none. -> false as long
 * as nobody has looked. */
bool archive_before(const struct archive_series *series, int64_t *last_s);

/* Rows of a period, all data sources. Called on the loop, once. rows is row-major:
 * rows[i * sources + j] is the value of the row that ends at first_s + i * step_s. */
struct archive_rows {
	int error;
	int64_t first_s, step_s;
	size_t count, sources;
	const double *rows;
};
typedef void archive_rows_cb(const struct archive_rows *rows, void *arg);
enum archive_function { ARCHIVE_AVERAGE, ARCHIVE_MIN, ARCHIVE_MAX };
/* step_s: the coarsest wanted; the nearest finer tier that covers is taken, and beyond
 * ARCHIVE_ROWS_MAX rows consolidated to that step, or to what makes no more rows. A data
 * source that the file has not (yet) is unknown. */
#define ARCHIVE_ROWS_MAX 4000
void archive_fetch(struct archive_series *series, enum archive_function function,
    int64_t from_s, int64_t to_s, int64_t step_s, archive_rows_cb *cb, void *arg);

/* Runs fn on the rrd thread after everything that is pending for the series is in
 * the file, then done on the loop: for store/history, which reads several tiers
 * and returns only figures. There is no file yet where nothing was ever stored. */
void archive_run(struct archive_series *series, void (*fn)(const char *path, void *arg),
    void (*done)(void *arg), void *arg);

/* Flushes all series; cb on the loop when all is written (error: the last one). */
void archive_flush(struct archive *archive, void (*cb)(int error, void *arg), void *arg);

struct archive_stats {
	uint64_t samples;		/* accepted */
	uint64_t durable;		/* of those, known to survive a crash */
	uint64_t refused_time;		/* not after the last */
	uint64_t refused_full;		/* pending_max was hit */
	uint64_t replayed, skipped;	/* at start: pending again, in their file already */
	uint64_t replay_lost, replay_damages; /* samples; places that did not read */
	uint64_t updates, update_errors, rows_written;
	uint64_t journal_bytes, journal_errors;
	uint64_t migrated, created;
	uint64_t pending_samples;	/* now */
	int64_t pending_bytes;		/* now */
	bool writable;			/* the last write went well */
	bool replay_done;
};
void archive_stats(const struct archive *archive, struct archive_stats *out);

#endif
