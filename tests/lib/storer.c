/*
 * Stores samples without pause, for tests that kill it. Slots are seconds counted from
 * BASE (which lies after the clock's now), not the clock's. Tells on stdout, a line
 * each, unbuffered:
 *
 *	last SERIES SLOT	after the replay: the newest slot that is in the archive
 *	stored SERIES SLOT	all up to this slot are on the disk
 *
 *	storer FOLDER BASE [end]	with "end": replays, writes all, ends
 *
 * Flushes, journal generations, commits and reads come far more often than they would,
 * and now and then a check gets another retention or is opened anew.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "store/archive.h"
#include "store/archive_private.h"
#include "store/journal.h"
#include "tests/lib/storer.h"

#define TICK_US 1000
#define ROUNDS 8     /* a tick */
#define HISTORY 4096 /* rounds told later */

static const struct archive_source sources[] = {
    {"value", "s", 0, NAN, ""},
    {"twin", "s", 0, NAN, ""},
};

static struct archive_config config = {
    .retention = {.count = 2,
	.tiers = {{CLOCK_SECOND, 40 * 3600 * CLOCK_SECOND},
	    {60 * CLOCK_SECOND, 48 * 3600 * CLOCK_SECOND}}},
    .flush_us = 100000,
    .pending_max = 4 << 20,
};

static int64_t base_s;
static struct loop *loop;
static struct worker_pool *rrd, *io;
static struct archive *archive;
static struct archive_series *series[STORER_SERIES];
static struct loop_timer *timer;
static bool begun;
static int64_t next_slot[STORER_SERIES];
static uint64_t accepted, round_number, told_round;

/* What was accepted when each of the last rounds ended, and where its series were. */
static struct {
	uint64_t accepted;
	int64_t slot[STORER_SERIES];
} rounds[HISTORY];

static void
tell(const char *what, int i, int64_t slot)
{
	char line[80];
	int length =
	    snprintf(line, sizeof(line), "%s %d %lld\n", what, i, (long long)slot);

	if (write(1, line, (size_t)length) != length)
		_exit(2);
}

static struct archive_series *
open_one(int i)
{
	char name[8];

	snprintf(name, sizeof(name), "c%d", i);
	return archive_series_open(archive, "sito", "servizio", name, CLOCK_SECOND,
	    sources, ARRAY_LENGTH(sources));
}

static void
ignore_rows(const struct archive_rows *rows, void *arg)
{
}

/* What else happens in the life of an archive. */
static void
disturb(void)
{
	int i = (int)(round_number / 64 % STORER_SERIES);

	if (round_number % 64 == 0)
		archive_fetch(series[i], ARCHIVE_MAX, base_s, base_s + 100, 60,
		    ignore_rows, NULL);
	if (round_number % 257 == 0) {
		config.retention.tiers[1].keep_us ^= INT64_C(1)
						     << 36; /* about 19 hours */
		archive_configure(archive, &config);
	}
	if (round_number % 100 == 0) {
		archive_series_close(series[i]);
		series[i] = open_one(i);
	}
}

static void
store_round(void)
{
	int i;

	for (i = 0; i < STORER_SERIES; i++) {
		double value = storer_value(i, next_slot[i]);
		double row[STORER_SOURCES] = {1, 1, value, value};
		if (!storer_has(i, next_slot[i])) {
			next_slot[i]++;
		} else if (archive_store(series[i], base_s + next_slot[i], row) == 0) {
			next_slot[i]++;
			accepted++;
		} /* else pending_max: again in the next round */
		rounds[round_number % HISTORY].slot[i] = next_slot[i] - 1;
	}
	rounds[round_number % HISTORY].accepted = accepted;
	round_number++;
}

static void
tell_durable(void)
{
	struct archive_stats stats;
	uint64_t round = told_round;
	int i;

	archive_stats(archive, &stats);
	while (
	    round < round_number && rounds[round % HISTORY].accepted <= stats.durable)
		round++;
	if (round == told_round)
		return;
	for (i = 0; i < STORER_SERIES; i++)
		tell("stored", i, rounds[(round - 1) % HISTORY].slot[i]);
	told_round = round;
}

static bool
begin(void)
{
	struct archive_stats stats;
	int i;

	archive_stats(archive, &stats);
	if (!stats.replay_done)
		return false;
	for (i = 0; i < STORER_SERIES; i++)
		if (!series[i]->known)
			return false;
	for (i = 0; i < STORER_SERIES; i++) {
		int64_t last = archive_last_s(series[i]) - base_s;
		next_slot[i] = last > 0 ? last + 1 : 1;
		tell("last", i, next_slot[i] - 1);
	}
	return true;
}

static void
on_timer(void *arg)
{
	int i;

	loop_timer_set(timer, TICK_US);
	if (!begun) {
		begun = begin();
		if (begun && arg != NULL)
			loop_stop(loop);
		return;
	}
	for (i = 0; i < ROUNDS && round_number - told_round < HISTORY - 8; i++) {
		store_round();
		disturb();
	}
	tell_durable();
}

int
main(int argc, char **argv)
{
	bool end = argc > 3 && strcmp(argv[3], "end") == 0;
	int i;

	if (argc < 3)
		return 1;
	base_s = atoll(argv[2]);
	log_level_set(LOG_LEVEL_ERROR);
	config.path = argv[1];
	loop = loop_create();
	rrd = worker_pool_create(loop, "rrd", 1, 64);
	io = worker_pool_create(loop, "io", 2, 64);
	if (archive_open(loop, rrd, io, io, &config, &archive) != 0)
		return 1;
	journal_limits(archive->journal, 16384, CLOCK_SECOND / 20, CLOCK_SECOND / 100);
	for (i = 0; i < STORER_SERIES; i++)
		series[i] = open_one(i);
	timer = loop_timer_create(loop, on_timer, end ? archive : NULL);
	loop_timer_set(timer, 0);
	loop_run(loop);
	loop_timer_destroy(timer);
	archive_close(archive);
	worker_pool_destroy(rrd);
	worker_pool_destroy(io);
	loop_destroy(loop);
	return 0;
}
