/* store/archive: real files under a fake clock. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "store/archive.h"
#include "store/archive_private.h"
#include "store/journal.h"
#include "store/rrdfile.h"

#define S CLOCK_SECOND
#define MINUTE (60 * S)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define T0 INT64_C(1767225600)

static char folder[] = "/tmp/vetrina-archive-XXXXXX";
static char store[128];
static struct loop *loop;
static struct worker_pool *rrd, *io;
static struct archive *archive;
static struct archive_config config;

static const struct archive_source sources[] = {
    {"total", "s", 0, NAN, ""},
    {"size", "bytes", 0, NAN, ""},
};
static const struct archive_source more_sources[] = {
    {"dns", "s", 0, NAN, ""},
    {"total", "s", 0, NAN, ""},
    {"size", "bytes", 0, NAN, ""},
};

static void
open_archive(void)
{
	loop = loop_create();
	rrd = worker_pool_create(loop, "rrd", 1, 64);
	io = worker_pool_create(loop, "io", 2, 64);
	assert_int_equal(archive_open(loop, rrd, io, io, &config, &archive), 0);
}

static void
close_all(void)
{
	archive_close(archive);
	worker_pool_destroy(io);
	worker_pool_destroy(rrd);
	loop_destroy(loop);
	archive = NULL;
}

static int
setup(void **state)
{
	static int n;

	snprintf(store, sizeof(store), "%s/%d", folder, n++);
	clock_fake(1000 * S, T0 * S);
	config = (struct archive_config){
	    .path = store,
	    .retention =
		{
		    .count = 3,
		    .tiers = {{MINUTE, DAY}, {5 * MINUTE, 4 * DAY}, {HOUR, 40 * DAY}},
		},
	    .flush_us = HOUR,
	    .pending_max = 1 << 20,
	};
	open_archive();
	return 0;
}

static int
teardown(void **state)
{
	if (archive != NULL)
		close_all();
	return 0;
}

static void
turn(int64_t us)
{
	int i;

	loop_advance(loop, us);
	for (i = 0; i < 3; i++) {
		worker_settle(rrd);
		worker_settle(io);
		loop_advance(loop, 0);
	}
}

static struct archive_series *
open_series(const char *check)
{
	struct archive_series *series = archive_series_open(
	    archive, "sito", "anagrafe", check, MINUTE, sources, ARRAY_LENGTH(sources));

	return series;
}

static double
total_at(int64_t time_s)
{
	return 0.1 + (double)((time_s * 2654435761U) % 1000003) / 3000009;
}

static int
put(struct archive_series *series, int64_t time_s)
{
	double values[] = {1, 1, total_at(time_s), (double)(time_s % 65536)};

	return archive_store(series, time_s, values);
}

static struct archive_stats
stats(void)
{
	struct archive_stats out;

	archive_stats(archive, &out);
	return out;
}

static char *
file_of(const char *check)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/sito/rrd/anagrafe/%s.rrd", store, check);
	return path;
}

/* What the file holds of (from, to], by librrd; slots in steps of a minute that are
 * known, all of them right. */
static size_t
known_rows(const char *check, int64_t from_s, int64_t to_s, int column)
{
	struct rrdfile_rows rows;
	size_t i, known = 0;

	if (rrdfile_fetch(file_of(check), ARCHIVE_AVERAGE, from_s, to_s, 60, &rows) !=
	    0)
		return 0;
	assert_int_equal(rows.step_s, 60);
	for (i = 0; i < rows.count; i++) {
		double value = rows.rows[i * rows.sources + (size_t)column];
		double expected = total_at(rows.first_s + 60 * (int64_t)i);
		if (isnan(value))
			continue;
		assert_true(fabs(value - expected) <= 1e-12 * expected);
		known++;
	}
	rrdfile_rows_clear(&rows);
	return known;
}

static struct {
	int calls, error;
	size_t count, sources;
	int64_t first_s, step_s;
	double last, row[8]; /* the last one */
} fetched;

static void
on_rows(const struct archive_rows *rows, void *arg)
{
	fetched.calls++;
	fetched.error = rows->error;
	fetched.count = rows->count;
	fetched.sources = rows->sources;
	fetched.first_s = rows->first_s;
	fetched.step_s = rows->step_s;
	fetched.last =
	    rows->count > 0 ? rows->rows[rows->count * rows->sources - 2] : NAN;
	if (rows->count > 0)
		memcpy(fetched.row, rows->rows + (rows->count - 1) * rows->sources,
		    rows->sources * sizeof(double));
}

static void
on_flush(int error, void *arg)
{
	*(int *)arg = error;
}

static void
readers_see_what_is_pending(void **state)
{
	struct archive_series *series = open_series("portale");
	int flushed = 1;
	int64_t i;

	turn(0);
	assert_int_equal(access(file_of("portale"), R_OK), 0); /* made beforehand */
	assert_int_equal(stats().created, 1);
	for (i = 1; i <= 10; i++)
		assert_int_equal(put(series, T0 + 60 * i), 0);
	assert_int_equal(stats().pending_samples, 10);
	assert_int_equal(stats().pending_bytes, 10 * 40);
	assert_int_equal(known_rows("portale", T0, T0 + 600, 2), 0);
	archive_fetch(series, ARCHIVE_AVERAGE, T0, T0 + 600, 60, on_rows, NULL);
	assert_int_equal(fetched.calls, 0); /* never within the call */
	worker_settle(rrd);
	assert_int_equal(fetched.calls, 1);
	assert_int_equal(fetched.error, 0);
	assert_int_equal(fetched.count, 10);
	assert_int_equal(fetched.first_s, T0 + 60);
	assert_true(fabs(fetched.last - total_at(T0 + 600)) < 1e-12);
	assert_int_equal(stats().pending_samples, 0);
	assert_int_equal(stats().updates, 1);
	assert_int_equal(stats().rows_written, 10);
	assert_int_equal(known_rows("portale", T0, T0 + 600, 2), 10);
	/* The step asked is the coarsest wanted. */
	archive_fetch(series, ARCHIVE_MAX, T0, T0 + 600, 3599, on_rows, NULL);
	worker_settle(rrd);
	assert_int_equal(fetched.step_s, 300);
	archive_fetch(series, ARCHIVE_MAX, T0 - 2 * 86400, T0 + 600, 60, on_rows, NULL);
	worker_settle(rrd);
	assert_int_equal(fetched.step_s, 300);
	/* All at once, on demand. */
	assert_int_equal(put(series, T0 + 660), 0);
	archive_flush(archive, on_flush, &flushed);
	worker_settle(rrd);
	assert_int_equal(flushed, 0);
	assert_int_equal(known_rows("portale", T0, T0 + 660, 2), 11);
	flushed = 1;
	archive_flush(archive, on_flush, &flushed); /* nothing to do is done at once */
	assert_int_equal(flushed, 0);
}

static void
look(const char *path, void *arg)
{
	*(int *)arg = access(path, R_OK) == 0 ? 1 : -1;
}

static void
looked(void *arg)
{
	*(int *)arg *= 2;
}

static const char *
block_store(void)
{
	static char dir[256];

	/* A file where the folder should be: no database can be made. */
	snprintf(dir, sizeof(dir), "%s/sito", store);
	fclose(fopen(dir, "w"));
	return dir;
}

/* A reload closes a check and opens it again, while its file cannot be written. */
static void
a_check_opened_again_is_taken_back(void **state)
{
	struct archive_series *series = open_series("portale"), *again;
	const char *obstacle = block_store();
	int64_t before;
	int seen = 0, flushed = 1;

	turn(0);
	assert_int_equal(put(series, T0 + 60), 0);
	turn(HOUR);
	assert_false(stats().writable);
	archive_series_close(series);
	turn(0);
	archive_flush(archive, on_flush, &flushed);
	turn(0);
	assert_int_equal(flushed, -ENOTDIR);
	again = open_series("portale");
	assert_ptr_equal(again, series);
	assert_true(archive_before(again, &before));
	assert_int_equal(before, T0 + 60);
	archive_run(again, look, looked, &seen);
	turn(0);
	assert_int_equal(seen, -2);
	assert_int_equal(put(again, T0 + 60), ERR_RANGE);
	assert_int_equal(put(again, T0 + 120), 0);
	assert_int_equal(unlink(obstacle), 0);
	turn(10 * MINUTE);
	turn(HOUR);
	assert_int_equal(stats().pending_samples, 0);
	assert_int_equal(known_rows("portale", T0, T0 + 120, 2), 2);
}

static struct archive_series *
open_more(const char *check, int64_t step_us)
{
	return archive_series_open(archive, "sito", "anagrafe", check, step_us,
	    more_sources, ARRAY_LENGTH(more_sources));
}

static void
readers_do_not_wait_behind_what_cannot_be_written(void **state)
{
	struct archive_series *elder = open_series("portale"), *younger;
	const char *obstacle = block_store();
	double values[] = {1, 1, 0.5, total_at(T0 + 120), 7};
	int seen = 0, flushed = 1;

	turn(0);
	assert_int_equal(put(elder, T0 + 60), 0);
	turn(HOUR);
	archive_series_close(elder);
	younger = open_more("portale", MINUTE);
	assert_ptr_not_equal(elder, younger);
	assert_int_equal(archive_store(younger, T0 + 120, values), 0);
	archive_run(younger, look, looked, &seen); /* while the elder is tried again */
	fetched.calls = 0;
	turn(0);
	assert_int_equal(seen, -2);
	seen = 0;
	archive_run(younger, look, looked, &seen);
	archive_fetch(younger, ARCHIVE_AVERAGE, T0, T0 + 600, 60, on_rows, NULL);
	archive_flush(archive, on_flush, &flushed);
	turn(0);
	assert_int_equal(seen, -2);
	assert_int_equal(fetched.calls, 1);
	assert_int_equal(fetched.error, -ENOTDIR);
	assert_int_equal(flushed, -ENOTDIR);
	assert_int_equal(stats().pending_samples, 2);
	assert_int_equal(unlink(obstacle), 0);
	turn(10 * MINUTE);
	turn(HOUR);
	assert_int_equal(stats().pending_samples, 0);
	assert_int_equal(known_rows("portale", T0, T0 + 120, 3), 2);
}

/* Figures of many checks at the first start: none waits for a file to be made. */
static void
a_reader_of_figures_waits_for_no_file(void **state)
{
	struct archive_series *series[3];
	static const char *const names[] = {"a", "b", "c"};
	int seen[3] = {0}, i;

	turn(0); /* the replay */
	for (i = 0; i < 3; i++) {
		series[i] = open_series(names[i]);
		archive_run(series[i], look, looked, &seen[i]);
	}
	turn(0);
	turn(0);
	assert_int_equal(seen[2], -2);
	assert_int_equal(stats().created, 3); /* afterwards */
	assert_int_equal(access(file_of("c"), R_OK), 0);
	assert_int_equal(put(series[2], T0 + 60), 0);
	archive_run(series[2], look, looked, &seen[2]);
	worker_settle(rrd);
	assert_int_equal(seen[2], 2);
	assert_int_equal(known_rows("c", T0, T0 + 60, 2), 1);
}

static void
flushes_are_spread_and_batched(void **state)
{
	struct archive_series *series[20];
	char name[16];
	uint64_t updates[4];
	int64_t i, slot = T0;

	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "c%lld", (long long)i);
		series[i] = open_series(name);
	}
	turn(0);
	for (slot = T0 + 60; slot <= T0 + 7200; slot += 60) {
		for (i = 0; i < 20; i++)
			assert_int_equal(put(series[i], slot), 0);
		turn(MINUTE);
		if ((slot - T0) % 1800 == 0)
			updates[(slot - T0) / 1800 - 1] = stats().updates;
	}
	assert_int_equal(updates[3], 40); /* each twice in two hours */
	assert_int_equal(updates[1], 20);
	assert_true(updates[0] > 4 && updates[0] < 16); /* not all in one half */
	assert_int_equal(stats().samples, 20 * 120);
	assert_int_equal(stats().durable, 20 * 120);
	assert_int_equal(stats().rows_written + stats().pending_samples, 20 * 120);
}

static void
time_goes_forward_only(void **state)
{
	struct archive_series *series = open_series("portale");
	int64_t last;

	turn(0);
	assert_int_equal(put(series, T0 + 3600), 0);
	assert_int_equal(put(series, T0 + 3600), ERR_RANGE);
	assert_int_equal(put(series, T0 + 60), ERR_RANGE); /* an hour back */
	assert_int_equal(put(series, T0 + 3660), 0);
	assert_int_equal(stats().refused_time, 2);
	assert_int_equal(archive_last_s(series), T0 + 3660);
	/* Far forward: the time between is unknown, and cheap. */
	assert_int_equal(put(series, T0 + INT64_C(10) * 365 * 86400), 0);
	turn(HOUR);
	assert_int_equal(stats().rows_written, 3);
	assert_int_equal(rrdfile_last(file_of("portale"), &last), 0);
	assert_int_equal(last, T0 + INT64_C(10) * 365 * 86400);
	assert_int_equal(put(series, T0 + 7200), ERR_RANGE);
}

static void
slots_left_out_are_unknown(void **state)
{
	struct archive_series *series = open_series("portale");

	turn(0);
	put(series, T0 + 60);
	put(series, T0 + 120);
	archive_fetch(series, ARCHIVE_AVERAGE, T0, T0 + 600, 60, on_rows, NULL);
	turn(0);
	put(series, T0 + 300); /* two left out, across a flush */
	put(series, T0 + 420); /* one within a batch */
	archive_fetch(series, ARCHIVE_AVERAGE, T0, T0 + 600, 60, on_rows, NULL);
	turn(0);
	assert_int_equal(fetched.count, 7);
	assert_int_equal(known_rows("portale", T0, T0 + 420, 2), 4);
	assert_int_equal(known_rows("portale", T0 + 120, T0 + 240, 2), 0);
	assert_int_equal(known_rows("portale", T0 + 300, T0 + 360, 2), 0);
}

/* The child stores, and dies in the way told. -> whatever it left. */
static void
child_stores(int64_t from, int64_t to, bool flush)
{
	pid_t pid;
	int status;

	close_all();
	pid = fork();
	if (pid == 0) {
		struct archive_series *series;
		int64_t slot;
		open_archive();
		series = open_series("portale");
		turn(0);
		for (slot = from; slot <= to; slot += 60)
			(void)put(series, slot);
		if (flush)
			archive_fetch(series, ARCHIVE_MAX, from, to, 60, on_rows, NULL);
		turn(2 * S);
		_exit(stats().durable == stats().samples ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	open_archive();
}

static void
a_crash_loses_and_doubles_nothing(void **state)
{
	struct archive_series *series;

	child_stores(T0 + 60, T0 + 600, false);
	assert_int_equal(known_rows("portale", T0, T0 + 600, 2), 0);
	assert_false(stats().replay_done);
	series = open_series("portale");
	assert_int_equal(put(series, T0 + 660), 0); /* before the replay is done */
	turn(0);
	assert_true(stats().replay_done);
	assert_int_equal(stats().replayed, 10);
	assert_int_equal(stats().skipped, 0);
	assert_int_equal(archive_last_s(series), T0 + 660);
	archive_fetch(series, ARCHIVE_AVERAGE, T0, T0 + 660, 60, on_rows, NULL);
	turn(0);
	assert_int_equal(known_rows("portale", T0, T0 + 660, 2), 11);
	/* Once more, after the rows were in the file but the journal still there. */
	child_stores(T0 + 720, T0 + 900, true);
	series = open_series("portale");
	turn(0);
	assert_int_equal(stats().skipped, 4);
	assert_int_equal(stats().replayed, 0);
	assert_int_equal(known_rows("portale", T0, T0 + 900, 2), 15);
	assert_int_equal(put(series, T0 + 900), ERR_RANGE);
	assert_int_equal(put(series, T0 + 960), 0);
	/* And over again: two crashes in a row, some flushed, some not. */
	child_stores(T0 + 1020, T0 + 1200, false);
	child_stores(T0 + 1260, T0 + 1500, false);
	turn(0);
	assert_int_equal(stats().update_errors, 0);
	assert_int_equal(known_rows("portale", T0, T0 + 1500, 2), 25);
}

/* A record that reads well and is of a time that nobody has seen. */
static void
samples_of_the_future_are_not_replayed(void **state)
{
	struct archive_series *series;
	int64_t far = T0 + INT64_C(40) * 365 * 86400, last;

	child_stores(far + 60, far + 120, false);
	turn(0);
	assert_int_equal(stats().replayed, 0);
	assert_int_equal(stats().replay_damages, 2);
	series = open_series("portale");
	turn(0);
	turn(0);
	assert_int_equal(rrdfile_last(file_of("portale"), &last), 0);
	assert_true(last < T0 + 86400);
	assert_int_equal(put(series, T0 + 60), 0);
	/* Before librrd's time. */
	close_all();
	clock_fake(1000 * S, 0);
	open_archive();
	series = open_series("presto");
	put(series, 60);
	turn(HOUR);
	assert_int_equal(stats().update_errors, 0);
	put(series, T0);
	turn(HOUR);
	assert_int_equal(known_rows("presto", T0 - 60, T0, 2), 1);
	assert_int_equal(stats().refused_time, 1);
}

static void
rows_of_a_check_that_is_no_more_are_kept(void **state)
{
	child_stores(T0 + 60, T0 + 600, false);
	turn(0); /* nobody opens the series */
	assert_int_equal(stats().pending_samples, 0);
	assert_int_equal(known_rows("portale", T0, T0 + 600, 2), 10);
	turn(10 * S);
	close_all();
	assert_int_equal(access(file_of("portale"), R_OK), 0);
	{
		char name[160];
		snprintf(name, sizeof(name), "%s/pending.log", store);
		assert_int_equal(access(name, F_OK), -1);
	}
}

static void
another_shape_waits_for_the_rows_of_the_old(void **state)
{
	struct archive_series *series;
	int64_t last;

	/* In one run: the check is opened again with more data sources. */
	series = open_series("portale");
	turn(0);
	put(series, T0 + 60);
	put(series, T0 + 120);
	archive_series_close(series);
	series = archive_series_open(archive, "sito", "anagrafe", "portale", MINUTE,
	    more_sources, ARRAY_LENGTH(more_sources));
	{
		double values[] = {1, 1, 0.5, total_at(T0 + 180), 7};
		assert_int_equal(archive_store(series, T0 + 180, values), 0);
	}
	archive_fetch(series, ARCHIVE_AVERAGE, T0, T0 + 180, 60, on_rows, NULL);
	turn(0);
	assert_int_equal(fetched.error, 0);
	assert_int_equal(fetched.count, 3);
	assert_int_equal(stats().migrated, 1);
	assert_int_equal(rrdfile_source(file_of("portale"), "total"), 3);
	assert_int_equal(known_rows("portale", T0, T0 + 180, 3), 3);
	/* Over a crash: the journal's rows are of two columns less a name. */
	child_stores(T0 + 240, T0 + 360, false);
	series = archive_series_open(archive, "sito", "anagrafe", "portale", 5 * MINUTE,
	    more_sources, ARRAY_LENGTH(more_sources));
	turn(0);
	assert_int_equal(stats().update_errors, 0);
	assert_int_equal(rrdfile_last(file_of("portale"), &last), 0);
	assert_int_equal(last, T0 + 300);
	archive_fetch(series, ARCHIVE_AVERAGE, T0, T0 + 300, 300, on_rows, NULL);
	turn(0);
	assert_int_equal(fetched.step_s, 300);
	assert_int_equal(fetched.count, 1);
	assert_true(fabs(fetched.last -
			 (total_at(T0 + 60) + total_at(T0 + 120) + total_at(T0 + 180) +
			     total_at(T0 + 240) + total_at(T0 + 300)) /
			     5) < 1e-9);
}

static void
a_reload_of_retention_migrates(void **state)
{
	struct archive_series *series = open_series("portale");
	struct rrdfile_tier tiers[RRDFILE_TIERS_MAX];
	size_t count, n;
	int64_t last;

	turn(0);
	put(series, T0 + 60);
	put(series, T0 + 120);
	config.retention.tiers[1].keep_us = 8 * DAY;
	config.flush_us = 2 * HOUR;
	archive_configure(archive, &config);
	turn(0);
	assert_int_equal(stats().migrated, 1);
	assert_int_equal(
	    rrdfile_tiers(file_of("portale"), tiers, &count, &last, &n), 0);
	assert_int_equal(last - last % 300 - tiers[1].first_s + 300, 8 * 86400);
	turn(2 * HOUR);
	assert_int_equal(known_rows("portale", T0, T0 + 120, 2), 2);
	archive_configure(archive, &config);
	turn(0);
	assert_int_equal(stats().migrated, 1); /* nothing changed, nothing done */
}

static void
what_is_damaged_is_kept_aside(void **state)
{
	struct archive_series *series = open_series("portale");
	char command[400];
	int64_t i;
	FILE *file;

	turn(0);
	put(series, T0 + 60);
	file = fopen(file_of("portale"), "w");
	assert_non_null(file);
	fputs("no database", file);
	fclose(file);
	put(series, T0 + 120);
	turn(HOUR);
	assert_int_equal(stats().update_errors, 0);
	assert_int_equal(known_rows("portale", T0, T0 + 120, 2), 2);
	snprintf(command, sizeof(command), "grep -q 'no database' %s.damaged-*",
	    file_of("portale"));
	assert_int_equal(system(command), 0);
	/* Not more than three copies are kept. */
	for (i = 2; i <= 6; i++) {
		file = fopen(file_of("portale"), "w");
		fputs("no database either", file);
		fclose(file);
		put(series, T0 + 120 + 60 * i);
		turn(HOUR);
		assert_int_equal(known_rows("portale", T0, T0 + 3600, 2), 1);
	}
	snprintf(command, sizeof(command), "test $(ls %s.damaged-* | wc -l) -eq 3",
	    file_of("portale"));
	assert_int_equal(system(command), 0);
	/* One that vanished is made again. */
	assert_int_equal(unlink(file_of("portale")), 0);
	put(series, T0 + 600);
	turn(HOUR);
	assert_int_equal(known_rows("portale", T0, T0 + 600, 2), 1);
}

static void
pending_is_bounded(void **state)
{
	struct archive_series *series;
	char dir[256];
	int64_t i;
	int full = 0;

	config.pending_max = 40 * 100;
	archive_configure(archive, &config);
	/* A file where the folder should be: no database can be made. */
	snprintf(dir, sizeof(dir), "%s/sito", store);
	fclose(fopen(dir, "w"));
	series = open_series("portale");
	for (i = 1; i <= 150; i++) {
		int error = put(series, T0 + 60 * i);
		full += error == ERR_FULL;
		assert_true(error == 0 || error == ERR_FULL);
		if (i % 50 == 0)
			turn(MINUTE);
	}
	assert_int_equal(full, 50);
	assert_int_equal(stats().refused_full, 50);
	assert_int_equal(stats().pending_samples, 100);
	assert_true(stats().update_errors > 0);
	assert_false(stats().writable);
	/* It goes on by itself when the cause is gone. */
	assert_int_equal(unlink(dir), 0);
	turn(10 * MINUTE);
	assert_true(stats().writable);
	assert_int_equal(stats().pending_samples, 0);
	assert_int_equal(put(series, T0 + 60 * 151), 0);
	turn(HOUR);
	assert_int_equal(known_rows("portale", T0, T0 + 60 * 151, 2), 101);
}

static void
limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
a_full_disk_loses_nothing(void **state)
{
	struct archive_series *one = open_series("uno"), *two;
	int64_t i;

	signal(SIGXFSZ, SIG_IGN);
	turn(0);
	put(one, T0 + 60);
	turn(S);
	limit_files(300);         /* the journal breaks, files there can be updated */
	two = open_series("due"); /* this one cannot be made */
	for (i = 2; i <= 10; i++) {
		assert_int_equal(put(one, T0 + 60 * i), 0);
		assert_int_equal(put(two, T0 + 60 * i), 0);
		turn(2 * S);
	}
	assert_false(stats().writable);
	assert_true(stats().journal_errors > 0);
	assert_true(stats().update_errors > 0);
	assert_int_equal(known_rows("uno", T0, T0 + 600, 2) > 5, 1); /* brought in */
	limit_files(RLIM_INFINITY);
	for (i = 0; i < 600 && !stats().writable; i++)
		turn(S); /* each tries again in its own time */
	assert_true(stats().writable);
	put(one, T0 + 660);
	put(two, T0 + 660);
	turn(2 * S);
	turn(10 * MINUTE);
	turn(HOUR);
	assert_int_equal(known_rows("uno", T0, T0 + 660, 2), 11);
	assert_int_equal(known_rows("due", T0, T0 + 660, 2), 10);
	assert_true(stats().durable > 0 && stats().durable <= stats().samples);
	assert_int_equal(stats().pending_samples, 0);
}

/* As above, but the process dies after the disk has room again and before a flush. */
static void
after_a_full_disk_the_journal_is_whole(void **state)
{
	int status;
	pid_t pid;

	close_all();
	pid = fork();
	if (pid == 0) {
		struct archive_series *series;
		char dir[256];
		int64_t i;
		signal(SIGXFSZ, SIG_IGN);
		open_archive();
		snprintf(dir, sizeof(dir), "%s/sito", store);
		fclose(fopen(dir, "w")); /* nothing reaches a database */
		series = open_series("portale");
		turn(0);
		put(series, T0 + 60);
		turn(S);
		limit_files(200);
		for (i = 2; i <= 10; i++) {
			put(series, T0 + 60 * i);
			turn(S);
		}
		limit_files(RLIM_INFINITY);
		turn(60 * S);
		put(series, T0 + 660);
		turn(2 * S);
		unlink(dir);
		_exit(stats().writable || !stats().replay_done ||
		      stats().durable != stats().samples);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	open_archive();
	turn(0);
	assert_int_equal(stats().replayed, 11);
	assert_int_equal(known_rows("portale", T0, T0 + 660, 2), 11);
}

/* Of so many that the first job after the reload does not only look. */
static void
a_reload_of_retention_migrates_under_readers(void **state)
{
	struct archive_series *series[8];
	char name[8], leftover[300];
	int i;

	for (i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		series[i] = open_series(name);
		turn(0);
		put(series[i], T0 + 60);
	}
	snprintf(leftover, sizeof(leftover), "%s.newabcdef", file_of("c0"));
	fclose(fopen(leftover, "w"));
	archive_configure(archive, &config);
	turn(0);
	assert_int_equal(access(leftover, F_OK), 0); /* nothing was looked at again */
	config.retention.tiers[1].keep_us = 8 * DAY;
	archive_configure(archive, &config);
	for (i = 0; i < 8; i++)
		archive_fetch(
		    series[i], ARCHIVE_AVERAGE, T0, T0 + 600, 60, on_rows, NULL);
	turn(0);
	turn(0);
	assert_int_equal(stats().migrated, 8);
	assert_int_equal(known_rows("c7", T0, T0 + 60, 2), 1);
}

/* A file of the old shape that does not migrate: columns go by their names. */
static void
a_fetch_finds_its_columns(void **state)
{
	struct archive_series *series = open_series("portale");

	turn(0);
	put(series, T0 + 60);
	turn(HOUR);
	archive_series_close(series);
	turn(0);
	signal(SIGXFSZ, SIG_IGN);
	limit_files(20000);
	series = open_more("portale", MINUTE);
	archive_fetch(series, ARCHIVE_AVERAGE, T0, T0 + 60, 60, on_rows, NULL);
	turn(0);
	limit_files(RLIM_INFINITY);
	assert_int_equal(stats().migrated, 0);
	assert_int_equal(fetched.error, 0);
	assert_int_equal(fetched.count, 1);
	assert_int_equal(fetched.sources, 5);
	assert_true(isnan(fetched.row[2]));
	assert_true(fabs(fetched.row[3] - total_at(T0 + 60)) < 1e-12);
	assert_true(fetched.row[4] == (double)((T0 + 60) % 65536));
}

static void
a_fetch_is_bounded(void **state)
{
	struct archive_series *series;
	int64_t i, to_s = T0 + 15 * 86400;

	config.retention.count = 2;
	config.retention.tiers[0].keep_us = 20 * DAY;
	config.retention.tiers[1].step_us = DAY;
	config.retention.tiers[1].keep_us = 400 * DAY;
	archive_configure(archive, &config);
	series = open_series("portale");
	turn(0);
	for (i = 1; i <= 60; i++)
		put(series, to_s - 10800 + 60 * i);
	put(series, to_s + 60);
	archive_fetch(series, ARCHIVE_AVERAGE, T0, to_s + 60, 10800, on_rows, NULL);
	turn(0);
	assert_int_equal(fetched.error, 0);
	assert_int_equal(fetched.step_s, 10800);
	assert_int_equal(fetched.count, 120);
	assert_int_equal(fetched.first_s, T0 + 10800);
	assert_true(fetched.row[0] == 1);
	assert_true(fabs(fetched.row[1] - 1. / 3) < 1e-9); /* known: of the time */
	{
		double sum = 0;
		for (i = 1; i <= 60; i++)
			sum += total_at(to_s - 10800 + 60 * i);
		assert_true(fabs(fetched.last - sum / 60) < 1e-9);
	}
	/* However fine it is asked. */
	archive_fetch(series, ARCHIVE_MAX, T0 + 7, to_s + 60, 1, on_rows, NULL);
	turn(0);
	assert_int_equal(fetched.step_s, 360);
	assert_int_equal(fetched.count, 3600);
	assert_int_equal(fetched.first_s, T0 + 360);
}

/* At the end: rows of an elder that must wait for the next start keep the younger's
 * from the file, or the replay would take them for written. */
static void
an_elder_is_not_overtaken_at_the_end(void **state)
{
	struct archive_series *series = open_series("portale");
	struct rrdfile_rows rows;
	double values[] = {1, 1, 0.5, 0.25, 7};

	signal(SIGXFSZ, SIG_IGN);
	limit_files(60000); /* too little for rows of a minute */
	turn(0);
	put(series, T0 + 60);
	archive_series_close(series);
	series = open_more("portale", HOUR);
	assert_int_equal(archive_store(series, T0 + 3600, values), 0);
	turn(S);
	close_all();
	limit_files(RLIM_INFINITY);
	open_archive();
	turn(0);
	assert_int_equal(stats().replayed, 2);
	series = open_more("portale", HOUR);
	turn(0);
	turn(0);
	assert_int_equal(rrdfile_fetch(file_of("portale"), ARCHIVE_AVERAGE, T0,
			     T0 + 3600, 3600, &rows),
	    0);
	assert_int_equal(rows.count, 1);
	/* A minute of the one, the rest unknown; or the other's: both were there. */
	assert_false(isnan(rows.rows[rows.sources - 2]));
	rrdfile_rows_clear(&rows);
	assert_int_equal(stats().skipped, 0);
}

static void
a_job_that_writes_nothing_proves_nothing(void **state)
{
	struct archive_series *good = open_series("buono"), *bad;
	int seen = 0;

	turn(0);
	bad = open_series("cattivo");
	signal(SIGXFSZ, SIG_IGN);
	limit_files(20000);
	put(bad, T0 + 60);
	archive_fetch(bad, ARCHIVE_AVERAGE, T0, T0 + 60, 60, on_rows, NULL);
	turn(0);
	limit_files(RLIM_INFINITY);
	assert_false(stats().writable);
	archive_run(good, look, looked, &seen);
	turn(0);
	assert_int_equal(seen, 2);
	assert_false(stats().writable);
	put(good, T0 + 60);
	archive_run(good, look, looked, &seen);
	turn(0);
	assert_true(stats().writable);
}

/* One series cannot be written for long: what else is stored leaves the journal. */
static size_t
keep_one_series_waiting(void)
{
	struct archive_series *stuck, *other;
	char dir[256];
	struct journal_stats journal;
	uint64_t most = 0;
	int64_t i;

	open_archive();
	journal_limits(archive->journal, 3000, HOUR, S);
	snprintf(dir, sizeof(dir), "%s/altro", store);
	fclose(fopen(dir, "w"));
	stuck = archive_series_open(archive, "altro", "anagrafe", "fermo", MINUTE,
	    sources, ARRAY_LENGTH(sources));
	other = open_series("portale");
	turn(0);
	for (i = 1; i <= 20000; i++) {
		if (put(other, T0 + 60 * i) != 0)
			return 0;
		if (i % 40 == 1 && put(stuck, T0 + 60 * i) != 0)
			return 0;
		if (i % 50 == 0)
			turn(S);
		if (i % 100 == 0)
			archive_fetch(
			    other, ARCHIVE_MAX, T0, T0 + 60, 60, on_rows, NULL);
		journal_stats(archive->journal, &journal);
		most = journal.old_bytes > most ? journal.old_bytes : most;
	}
	turn(2 * S);
	turn(2 * S);
	unlink(dir);
	return stats().durable == stats().samples ? most : 0;
}

static void
a_series_that_waits_does_not_pin_the_journal(void **state)
{
	struct archive_series *stuck;
	struct rrdfile_rows rows;
	int status, known = 0;
	pid_t pid;
	size_t i;

	close_all();
	pid = fork();
	if (pid == 0) {
		size_t most = keep_one_series_waiting();
		/* 6000, and three times what would be reserved for so little */
		_exit(most == 0 || most > 350000);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	open_archive();
	stuck = archive_series_open(archive, "altro", "anagrafe", "fermo", MINUTE,
	    sources, ARRAY_LENGTH(sources));
	turn(0);
	turn(0);
	assert_int_equal(archive_last_s(stuck), T0 + 60 * 19961);
	{
		char path[256];
		snprintf(path, sizeof(path), "%s/altro/rrd/anagrafe/fermo.rrd", store);
		assert_int_equal(
		    rrdfile_fetch(path, ARCHIVE_AVERAGE, T0 + 60 * 19961 - 86400,
			T0 + 60 * 19961, 60, &rows),
		    0);
	}
	for (i = 0; i < rows.count; i++)
		known += !isnan(rows.rows[i * rows.sources]);
	rrdfile_rows_clear(&rows);
	assert_int_equal(known, 36);         /* of the day that the tier keeps */
	assert_true(stats().skipped < 5000); /* most files were removed */
}

/* Nothing can be written until just before the end, or not even then. */
static int
end_with_a_broken_journal(bool mended)
{
	struct archive_series *series;
	char log[65536]; /* a file would be limited too */
	const char *obstacle;
	int64_t i;
	ssize_t n;
	int ends[2];

	signal(SIGXFSZ, SIG_IGN);
	open_archive();
	obstacle = block_store();
	series = open_series("portale");
	turn(0);
	if (pipe(ends) != 0)
		return 2;
	dup2(ends[1], STDERR_FILENO);
	for (i = 1; i <= 10; i++) {
		put(series, T0 + 60 * i);
		turn(S);
		if (i == 1)
			limit_files(200);
	}
	if (mended)
		limit_files(RLIM_INFINITY);
	close_all();
	limit_files(RLIM_INFINITY);
	n = read(ends[0], log, sizeof(log) - 1);
	log[n > 0 ? n : 0] = '\0';
	unlink(obstacle);
	return strstr(log, "up to 10 samples are lost") != NULL;
}

static void
end_and_begin(bool mended, int rows)
{
	int status;
	pid_t pid;

	close_all();
	pid = fork();
	if (pid == 0)
		_exit(end_with_a_broken_journal(mended));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), !mended);
	open_archive();
	turn(0);
	assert_int_equal(stats().replayed, rows);
	assert_int_equal(known_rows("portale", T0, T0 + 600, 2), rows);
}

static void
the_end_tries_the_journal_once_more(void **state)
{
	end_and_begin(true, 10);
}

static void
what_is_lost_at_the_end_is_told(void **state)
{
	end_and_begin(false, 1);
}

static void
fill_disk(const char *path)
{
	static char zeros[65536];
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	size_t size = sizeof(zeros);

	while (size > 0)
		if (write(fd, zeros, size) <= 0)
			size /= 2;
	close(fd);
}

/* -> 0, or the line that was wrong. */
static int
live_on_a_small_disk(void)
{
	struct archive_series *one, *two;
	char filler[160];
	int64_t i, at = T0;

#define EXPECT(what)                     \
	do {                             \
		if (!(what))             \
			return __LINE__; \
	} while (0)
	open_archive();
	one = open_series("uno");
	turn(0);
	EXPECT(stats().created == 1);
	put(one, at += 60);
	turn(S);
	snprintf(filler, sizeof(filler), "%s/filler", store);
	fill_disk(filler);
	two = open_series("due");
	for (i = 0; i < 500; i++) { /* more than the tail of the journal's last page */
		at += 60;
		EXPECT(put(one, at) == 0);
		EXPECT(put(two, at) == 0);
		turn(S);
	}
	EXPECT(!stats().writable);
	EXPECT(stats().journal_errors > 0);
	EXPECT(stats().update_errors > 0);
	EXPECT(stats().rows_written > 400); /* what exists can be updated */
	EXPECT(access(file_of("due"), F_OK) != 0);
	EXPECT(unlink(filler) == 0);
	for (i = 0; i < 10; i++)
		turn(10 * S);
	EXPECT(stats().writable);
	put(one, at += 60);
	put(two, at);
	turn(HOUR);
	turn(S);
	EXPECT(stats().pending_samples == 0);
	EXPECT(known_rows("uno", T0, at, 2) == 502);
	EXPECT(known_rows("due", T0, at, 2) == 501);
	close_all();
	return 0;
}

static void
a_disk_that_is_really_full(void **state)
{
	int status;
	pid_t pid;

	close_all();
	pid = fork();
	if (pid == 0) { /* the mount goes with its name space */
		int line;
		if (unshare(CLONE_NEWNS) != 0 ||
		    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		    mount("tmpfs", store, "tmpfs", 0, "size=2m") != 0)
			_exit(77);
		line = live_on_a_small_disk();
		if (line != 0)
			fprintf(stderr, "line %d\n", line);
		_exit(line != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		print_message("not allowed to mount: by limits on files only\n");
	else
		assert_int_equal(status, 0);
}

static void
two_processes_do_not_share_a_store(void **state)
{
	struct archive *second;

	assert_int_equal(archive_open(loop, rrd, io, io, &config, &second), -EBUSY);
}

static void
note_path(const char *path, void *arg)
{
	int64_t last;

	assert_int_equal(rrdfile_last(path, &last), 0);
	*(int64_t *)arg = last;
}

static void
count_done(void *arg)
{
	*(int64_t *)arg += 1;
}

static void
closing_finishes_what_was_asked(void **state)
{
	struct archive_series *series = open_series("portale");
	int64_t seen = 0;

	put(series, T0 + 60);
	archive_run(series, note_path, count_done, &seen);
	archive_series_close(series);
	close_all();
	assert_int_equal(seen, T0 + 61);
	assert_int_equal(known_rows("portale", T0, T0 + 60, 2), 1);
}

static int
remove_folder(void **state)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(readers_see_what_is_pending),
	    TEST(a_check_opened_again_is_taken_back),
	    TEST(readers_do_not_wait_behind_what_cannot_be_written),
	    TEST(a_reader_of_figures_waits_for_no_file),
	    TEST(flushes_are_spread_and_batched),
	    TEST(time_goes_forward_only),
	    TEST(slots_left_out_are_unknown),
	    TEST(a_crash_loses_and_doubles_nothing),
	    TEST(samples_of_the_future_are_not_replayed),
	    TEST(rows_of_a_check_that_is_no_more_are_kept),
	    TEST(another_shape_waits_for_the_rows_of_the_old),
	    TEST(a_reload_of_retention_migrates),
	    TEST(a_reload_of_retention_migrates_under_readers),
	    TEST(a_fetch_finds_its_columns),
	    TEST(a_fetch_is_bounded),
	    TEST(an_elder_is_not_overtaken_at_the_end),
	    TEST(a_job_that_writes_nothing_proves_nothing),
	    TEST(what_is_damaged_is_kept_aside),
	    TEST(pending_is_bounded),
	    TEST(a_full_disk_loses_nothing),
	    TEST(after_a_full_disk_the_journal_is_whole),
	    TEST(a_series_that_waits_does_not_pin_the_journal),
	    TEST(the_end_tries_the_journal_once_more),
	    TEST(what_is_lost_at_the_end_is_told),
	    TEST(a_disk_that_is_really_full),
	    TEST(two_processes_do_not_share_a_store),
	    TEST(closing_finishes_what_was_asked),
	};

	if (mkdtemp(folder) == NULL)
		return 1;
	return cmocka_run_group_tests_name("archive", tests, NULL, remove_folder);
}
