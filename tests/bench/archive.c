/*
 * What a value costs in the archive, journal and flush included, beside rrd_update one
 * sample at a time in the same run, on the same files and on files of one data source.
 *A value is one data source of one sample.
 *
 *	tests/bench/archive [SERIES [HOURS]]
 *
 * The schedule is the real one (a sample a minute, spread over it; the default flush
 * and retention; a journal commit each second), under a fake clock, so that an hour
 * takes seconds. CPU is that of the whole process, bytes are those that it gave to the
 * disk (write_bytes of /proc/self/io), files being made before the measure.
 */
#include <dirent.h>
#include <ftw.h>
#include <math.h>
#include <rrd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "store/archive.h"
#include "store/rrdfile.h"

#define DAY (86400 * CLOCK_SECOND)
#define START INT64_C(1767225600)
#define SOURCES 9
#define STEP 60
#define ONE_BY_ONE 10 /* rounds of single updates */

static const struct archive_source sources[] = {
    {"dns", "s", 0, NAN, ""},
    {"connect", "s", 0, NAN, ""},
    {"tls", "s", 0, NAN, ""},
    {"first_byte", "s", 0, NAN, ""},
    {"total", "s", 0, NAN, ""},
    {"size", "bytes", 0, NAN, ""},
    {"certificate_days", "days", NAN, NAN, ""},
};

static const struct conf_retention retention = {
    .count = 4,
    .tiers = {{STEP * CLOCK_SECOND, 14 * DAY}, {300 * CLOCK_SECOND, 90 * DAY},
	{3600 * CLOCK_SECOND, 3 * 365 * DAY}, {DAY, 10 * 365 * DAY}},
};

struct use {
	double cpu_us;
	double bytes;
	double rrd_us, io_us; /* of these threads */
};

/* CPU of the threads of a name, in ticks. */
static double
threads_us(const char *name)
{
	char path[300], comm[32] = "";
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *task;
	double user, system, sum = 0;
	FILE *file;

	while (tasks != NULL && (task = readdir(tasks)) != NULL) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task->d_name);
		file = fopen(path, "r");
		if (file == NULL)
			continue;
		if (fgets(comm, sizeof(comm), file) == NULL)
			comm[0] = 0;
		fclose(file);
		comm[strcspn(comm, "\n")] = 0;
		if (strcmp(comm, name) != 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/stat", task->d_name);
		file = fopen(path, "r");
		if (file != NULL &&
		    fscanf(file,
			"%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u "
			"%*u %lf %lf",
			&user, &system) == 2)
			sum += (user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
		if (file != NULL)
			fclose(file);
	}
	if (tasks != NULL)
		closedir(tasks);
	return sum;
}

static struct use
use_now(void)
{
	struct rusage usage;
	struct use use = {0};
	char line[128];
	FILE *io;

	sync(); /* what is dirty is counted once, not kept for the next round */
	getrusage(RUSAGE_SELF, &usage);
	use.cpu_us = 1e6 * (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	use.rrd_us = threads_us("rrd");
	use.io_us = threads_us("io");
	io = fopen("/proc/self/io", "r");
	while (io != NULL && fgets(line, sizeof(line), io) != NULL)
		if (strncmp(line, "write_bytes: ", 13) == 0)
			use.bytes = atof(line + 13);
	if (io != NULL)
		fclose(io);
	return use;
}

static void
report(const char *what, struct use before, struct use after, double values,
    struct use *out)
{
	out->cpu_us = (after.cpu_us - before.cpu_us) / values;
	out->bytes = (after.bytes - before.bytes) / values;
	printf("%-22s %8.0f values %8.3f us CPU a value %8.0f bytes a value\n", what,
	    values, out->cpu_us, out->bytes);
	if (after.io_us > 0)
		printf("  of these %.3f the rrd thread, %.3f the io threads\n",
		    (after.rrd_us - before.rrd_us) / values,
		    (after.io_us - before.io_us) / values);
}

/* The numbers of a check: times with all their digits. */
static void
sample(int64_t at_s, int series, double row[SOURCES])
{
	uint32_t seed = (uint32_t)at_s * 2654435761U + (uint32_t)series * 40503U;
	int i;

	row[0] = row[1] = 1;
	for (i = 2; i < 7; i++) {
		seed = seed * 1664525U + 1013904223U;
		row[i] = 0.001 + (double)seed / 4294967296.0 / 3;
	}
	row[7] = 12000 + seed % 4000;
	row[8] = 61.5;
}

static struct loop *loop;
static struct worker_pool *rrd, *io;

/* An hour of samples, each series at its own second of the minute. */
static void
run(struct archive_series **series, int count, int64_t from_s, int64_t seconds)
{
	double row[SOURCES];
	int64_t at, end;
	int i;

	for (at = from_s; at < from_s + seconds; at++) {
		end = at / STEP * STEP;
		for (i = (int)(at % STEP); i < count; i += STEP) {
			sample(end, i, row);
			if (archive_store(series[i], end, row) != 0)
				fprintf(stderr, "a sample was refused\n");
		}
		loop_advance(loop, CLOCK_SECOND);
		worker_settle(io); /* each second ends with its commit */
	}
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static struct use
measure_archive(const char *folder, int count, int hours)
{
	struct archive_config config = {
	    folder, retention, 3600 * CLOCK_SECOND, INT64_C(256) << 20};
	struct archive_series **series = mem_array((size_t)count, sizeof(*series));
	struct archive_stats stats;
	struct archive *archive;
	struct use before, after, out;
	char name[32];
	int i;

	clock_fake(1000 * CLOCK_SECOND, START * CLOCK_SECOND);
	loop = loop_create();
	rrd = worker_pool_create(loop, "rrd", 1, 256);
	io = worker_pool_create(loop, "io", 2, 256);
	if (archive_open(loop, rrd, io, io, &config, &archive) != 0)
		exit(1);
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%d", i);
		series[i] = archive_series_open(archive, "sito", "servizio", name,
		    STEP * CLOCK_SECOND, sources, ARRAY_LENGTH(sources));
	}
	worker_settle(rrd);
	run(series, count, START + STEP,
	    3600); /* until flushes are as they always are */
	before = use_now();
	run(series, count, START + STEP + 3600, 3600 * hours);
	worker_settle(rrd);
	after = use_now();
	archive_stats(archive, &stats);
	report("archive", before, after, (double)count * 60 * hours * SOURCES, &out);
	printf(
	    "  of these, journal: %.0f bytes a value written; %llu batches, %llu rows, "
	    "%llu errors\n",
	    (double)stats.journal_bytes / (double)(stats.samples * SOURCES),
	    (unsigned long long)stats.updates, (unsigned long long)stats.rows_written,
	    (unsigned long long)(stats.update_errors + stats.journal_errors));
	archive_close(archive);
	worker_pool_destroy(rrd);
	worker_pool_destroy(io);
	loop_destroy(loop);
	free(series);
	return out;
}

/* Each sample by itself into files made before; sources: of a file. */
static struct use
measure_update(
    const char *what, const char *pattern, int count, int sources_in, int64_t from_s)
{
	struct use before, after, out;
	char path[320], text[256];
	const char *arguments[] = {text};
	double row[SOURCES];
	int round, i, j, length;

	before = use_now();
	for (round = 1; round <= ONE_BY_ONE; round++) {
		for (i = 0; i < count; i++) {
			snprintf(path, sizeof(path), "%s/%d.rrd", pattern, i);
			sample(from_s + round * STEP, i, row);
			length = snprintf(text, sizeof(text), "%lld",
			    (long long)from_s + round * STEP);
			for (j = SOURCES - sources_in; j < SOURCES; j++)
				length += snprintf(text + length,
				    sizeof(text) - (size_t)length, ":%.15g", row[j]);
			rrd_clear_error();
			if (rrd_update_r(path, NULL, 1, arguments) != 0)
				fprintf(stderr, "%s\n", rrd_get_error());
		}
		sync();
	}
	after = use_now();
	report(what, before, after, (double)count * ONE_BY_ONE * sources_in, &out);
	return out;
}

/* The usual way: a file for each data source. */
static void
make_files(const char *folder, int count, int64_t start_s)
{
	struct rrdfile_shape shape = {STEP, 1, &sources[4], retention};
	char path[320];
	int i;

	for (i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%d.rrd", folder, i);
		if (rrdfile_create(path, &shape, start_s) != 0)
			exit(1);
	}
}

int
main(int argc, char **argv)
{
	char folder[] = "/var/tmp/vetrina-bench-XXXXXX", path[300];
	int count = argc > 1 ? atoi(argv[1]) : 1000;
	int hours = argc > 2 ? atoi(argv[2]) : 1;
	int64_t end = START + 3600 * (hours + 1) + STEP;
	struct use ours, wide, single;

	if (count < 1 || hours < 1 || mkdtemp(folder) == NULL) {
		fprintf(stderr, "usage: %s [SERIES [HOURS]]\n", argv[0]);
		return 1;
	}
	log_level_set(LOG_LEVEL_ERROR);
	ours = measure_archive(folder, count, hours);
	snprintf(path, sizeof(path), "%s/sito/rrd/servizio", folder);
	wide = measure_update("rrd_update, 9 a file", path, count, SOURCES, end);
	snprintf(path, sizeof(path), "%s/single", folder);
	make_files(path, count, end);
	single = measure_update("rrd_update, 1 a file", path, count, 1, end);
	printf("archive to rrd_update   1/%.1f of the CPU, 1/%.1f of the bytes (1 a "
	       "file); "
	       "1/%.1f, 1/%.1f (9 a file)\n",
	    single.cpu_us / ours.cpu_us, single.bytes / ours.bytes,
	    wide.cpu_us / ours.cpu_us, wide.bytes / ours.bytes);
	nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}
