/*
 * How long the replay of pending.log takes at start.
 *
 *	tests/bench/replay [SAMPLES [SERIES]]
 *
 * A child accepts the samples, syncs them and dies before any flush; then the archive
 * is opened again, as a start does it. Times are from the open until the replay is
 * done, and until all is in its database.
 */
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "store/archive.h"

#define START INT64_C(1767225600)
#define SOURCES 9
#define STEP 15

static const struct archive_source sources[SOURCES - 2] = {
    {"dns", "s", 0, NAN, ""},
    {"connect", "s", 0, NAN, ""},
    {"tls", "s", 0, NAN, ""},
    {"first_byte", "s", 0, NAN, ""},
    {"total", "s", 0, NAN, ""},
    {"size", "bytes", 0, NAN, ""},
    {"certificate_days", "days", NAN, NAN, ""},
};

/* A short history: the files are not what is measured. */
static struct archive_config config = {
    .retention = {1, {{STEP * CLOCK_SECOND, 86400 * CLOCK_SECOND}}},
    .flush_us = 86400 * CLOCK_SECOND,
    .pending_max = INT64_C(2) << 30,
};

static struct loop *loop;
static struct worker_pool *rrd, *io;
static struct archive *archive;
static struct archive_series **series;

static void
begin(int count)
{
	char name[32];
	int i;

	loop = loop_create();
	rrd = worker_pool_create(loop, "rrd", 1, 256);
	io = worker_pool_create(loop, "io", 2, 256);
	if (archive_open(loop, rrd, io, io, &config, &archive) != 0)
		exit(1);
	series = mem_array((size_t)count, sizeof(*series));
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%d", i);
		series[i] = archive_series_open(archive, "sito", "servizio", name,
		    STEP * CLOCK_SECOND, sources, ARRAY_LENGTH(sources));
	}
}

static void
accept_samples(int samples, int count)
{
	double row[SOURCES] = {1, 1, 0.001, 0.012, 0.05, 0.1234, 0.234, 12345, 61};
	int i;

	clock_fake(1000 * CLOCK_SECOND, START * CLOCK_SECOND);
	begin(count);
	for (i = 0; i < samples; i++) {
		row[6] = 0.1 + i * 1e-7;
		if (archive_store(
			series[i % count], START + STEP * (1 + i / count), row) != 0)
			_exit(1);
		if (i % 10000 == 9999) {
			loop_advance(loop, CLOCK_SECOND);
			worker_settle(io);
		}
	}
	loop_advance(loop, 2 * CLOCK_SECOND);
	worker_settle(io);
	_exit(0);
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

int
main(int argc, char **argv)
{
	char folder[] = "/var/tmp/vetrina-bench-XXXXXX";
	int samples = argc > 1 ? atoi(argv[1]) : 2400000;
	int count = argc > 2 ? atoi(argv[2]) : 1000;
	struct archive_stats stats;
	struct rusage usage;
	int64_t began, replayed;
	int status;
	pid_t pid;

	if (samples < 1 || count < 1 || mkdtemp(folder) == NULL)
		return 1;
	log_level_set(LOG_LEVEL_ERROR);
	config.path = folder;
	pid = fork();
	if (pid == 0)
		accept_samples(samples, count);
	waitpid(pid, &status, 0);
	began = clock_mono_us();
	begin(count);
	do {
		loop_poll(loop);
		archive_stats(archive, &stats);
	} while (!stats.replay_done);
	replayed = clock_mono_us();
	getrusage(RUSAGE_SELF, &usage);
	printf("%llu samples replayed in %.2f s, %ld MB resident at most\n",
	    (unsigned long long)stats.replayed, (double)(replayed - began) / 1e6,
	    usage.ru_maxrss / 1024);
	archive_close(archive);
	printf("and all in %d databases in %.2f s\n", count,
	    (double)(clock_mono_us() - began) / 1e6);
	worker_pool_destroy(rrd);
	worker_pool_destroy(io);
	loop_destroy(loop);
	free(series);
	nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return status != 0;
}
