/*
 * The archive and its journal: what earlier runs left is replayed into series; what a
 * generation that could not be written holds is appended again.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "store/archive_private.h"
#include "store/journal.h"
#include "store/replay.h"
#include "store/rrdguard.h"

#define AGAIN_ROWS 5000 /* to the journal in one callback */
#define AGAIN_US (CLOCK_SECOND / 100)

static bool
is_unsafe(const struct archive *archive, const struct block *block)
{
	size_t i;

	for (i = 0; block != NULL && i < block->part_count; i++)
		if (block->parts[i].generation >= archive->unsafe_from &&
		    block->parts[i].generation < archive->safe_from)
			return true;
	return false;
}

/* Appends again what a generation that failed does not hold. -> rows */
static size_t
append_again(struct archive_series *series, struct block *block)
{
	struct archive *archive = series->archive;
	struct block_part *parts;
	size_t count, i, j, row = 0, rows = 0;

	if (!is_unsafe(archive, block))
		return 0;
	parts = block->parts;
	count = block->part_count;
	block->parts = NULL;
	block->part_count = 0;
	for (i = 0; i < count; i++) {
		uint32_t generation = parts[i].generation;
		if (generation < archive->unsafe_from ||
		    generation >= archive->safe_from) {
			block_add_part(block, generation, parts[i].rows);
			row += parts[i].rows;
			continue;
		}
		for (j = 0; j < parts[i].rows; j++, row++)
			block_add_part(block,
			    journal_move(archive->journal, series->journal, generation,
				block->times_s[row],
				block->values + row * block->width),
			    1);
		rows += parts[i].rows;
	}
	free(parts);
	return rows;
}

size_t
archive_append_again(struct archive_series *series)
{
	struct archive_series *elder = archive_series_elder(series);
	size_t rows = elder != NULL ? archive_append_again(elder) : 0;

	rows += append_again(series, series->lent);
	return rows + append_again(series, series->rows);
}

void
archive_on_again_timer(void *arg)
{
	struct archive *archive = arg;
	struct archive_list *lists[] = {&archive->closed, &archive->open};
	struct archive_series *series;
	struct journal_stats journal;
	size_t rows = 0, i;

	MAGIC_CHECK(archive, ARCHIVE_MAGIC);
	journal_stats(archive->journal, &journal);
	if (journal.failing)
		return; /* told again when it recovers */
	for (i = 0; i < ARRAY_LENGTH(lists); i++) {
		TAILQ_FOREACH (series, lists[i], entry) {
			rows += archive_append_again(series);
			if (rows >= AGAIN_ROWS) {
				loop_timer_set(archive->again_timer, AGAIN_US);
				return;
			}
		}
	}
	archive->unsafe_from = archive->safe_from = 0;
	journal_moved(archive->journal);
}

static void
on_journal_failed(void *arg)
{
	struct archive *archive = arg;

	if (!archive->closing) /* the databases can still be written, perhaps */
		archive_flush_all(archive);
}

static void
on_journal_heavy(uint32_t from, uint32_t to, void *arg)
{
	struct archive *archive = arg;

	if (archive->unsafe_from == 0 || from < archive->unsafe_from)
		archive->unsafe_from = from;
	archive->safe_from = to;
	loop_timer_set(archive->again_timer, 0);
}

static void
on_journal_recovered(uint32_t from, uint32_t to, void *arg)
{
	struct archive *archive = arg;

	on_journal_heavy(from, to, archive);
	archive_flush_held(archive); /* the disk has room: nobody need wait longer */
}

static int64_t
on_journal_needed(void *arg)
{
	const struct archive *archive = arg;

	return 65536 + archive->stats.pending_bytes / 2 * 3;
}

/* A series for rows whose check is not open, or has another shape now. */
static struct archive_series *
create_foreign(struct archive *archive, struct replay_series *replayed)
{
	struct archive_source *sources =
	    mem_array(replayed->definition.count, sizeof(*sources));
	struct archive_series *series;
	size_t i;

	for (i = 0; i < replayed->definition.count; i++) {
		sources[i].name = replayed->definition.names[i];
		sources[i].min = sources[i].max = NAN;
	}
	series = archive_series_create(
	    archive, &replayed->definition, sources, replayed->definition.count);
	series->source_names = replayed->text; /* and its names with it */
	replayed->text = NULL;
	series->foreign = series->wanted = true;
	archive_series_insert_foreign(series);
	return series;
}

static struct archive_series *
find_series(struct archive *archive, struct replay_series *replayed)
{
	const struct record_definition *definition = &replayed->definition;
	char *key = mem_printf(
	    "%s/%s/%s", definition->site, definition->service, definition->check);
	struct archive_series *series;

	/* Foreign ones stand in front, and are of other definitions. */
	TAILQ_FOREACH_REVERSE (series, &archive->closed, archive_list, entry)
		if (series->foreign ||
		    (strcmp(series->key, key) == 0 &&
			archive_series_has_shape(series, definition)))
			break;
	if (series == NULL || series->foreign) {
		series = archive_series_find(archive, key);
		if (series != NULL && !archive_series_has_shape(series, definition))
			series = NULL;
	}
	free(key);
	return series != NULL ? series : create_foreign(archive, replayed);
}

/* Rows accepted since the start that are not after those replayed are given up. */
static struct block *
newer_rows(struct archive_series *series, int64_t last_s)
{
	struct block *old = series->rows, *rows = NULL;
	size_t i, part = 0, left;

	series->rows = NULL;
	if (old == NULL || old->times_s[0] > last_s)
		return old;
	left = old->parts[0].rows;
	for (i = 0; i < old->count; i++, left--) {
		while (left == 0)
			left = old->parts[++part].rows;
		if (old->times_s[i] > last_s) {
			rows = rows != NULL ? rows : block_create(old->width);
			block_add(rows, old->times_s[i], old->values + i * old->width,
			    old->parts[part].generation);
			continue;
		}
		archive_count_pending(series, -1);
		series->archive->stats.refused_time++;
		journal_release(
		    series->archive->journal, old->parts[part].generation, 1);
	}
	block_destroy(old);
	return rows;
}

static void
take_replayed(struct archive *archive, struct replay_series *replayed)
{
	struct archive_series *series;
	struct block *rows = replayed->rows;
	int64_t last;
	size_t i;

	if (rows == NULL)
		return;
	series = find_series(archive, replayed);
	last = rows->times_s[rows->count - 1];
	for (i = 0; i < rows->part_count; i++)
		journal_adopt(
		    archive->journal, rows->parts[i].generation, rows->parts[i].rows);
	archive_count_pending(series, (int64_t)rows->count);
	archive->stats.replayed += rows->count;
	replayed->rows = NULL;
	series->rows = block_join(rows, newer_rows(series, last));
	if (last > series->last_s)
		series->last_s = last;
	if (last > series->before_s)
		series->before_s = last;
	series->wanted = true;
}

static void
on_replay_done(void *arg)
{
	struct replay *replay = arg;
	struct archive *archive = replay->owner;
	struct archive_series *series, *next;
	struct replay_series *replayed;
	size_t i;

	MAGIC_CHECK(archive, ARCHIVE_MAGIC);
	TAILQ_FOREACH_REVERSE (replayed, &replay->series, replay_list, entry)
		take_replayed(archive, replayed);
	for (i = 0; i < replay->count; i++)
		if (replay->read[i])
			journal_release(archive->journal, replay->generations[i], 1);
		else
			journal_keep(archive->journal, replay->generations[i]);
	archive->stats.skipped = replay->skipped;
	archive->stats.replay_lost = replay->stats.homeless;
	archive->stats.replay_damages = replay->stats.damages;
	archive->stats.replay_done = true;
	log_info("pending.log: %llu samples replayed, %llu were stored already",
	    (unsigned long long)archive->stats.replayed,
	    (unsigned long long)archive->stats.skipped);
	replay_destroy(replay);
	TAILQ_FOREACH (series, &archive->open, entry)
		archive_dispatch(series);
	/* The younger first: they cannot go before their elder, who takes them along.
	 */
	TAILQ_FOREACH_REVERSE_SAFE (series, &archive->closed, archive_list, entry, next)
		archive_dispatch(series);
}

/* Rows that the journal does not hold as long as it fails. */
static size_t
unsafe_rows(const struct archive *archive)
{
	struct journal_stats journal;
	const struct archive_series *series;
	size_t rows = 0, i;

	journal_stats(archive->journal, &journal);
	TAILQ_FOREACH (series, &archive->left, entry)
		for (i = 0; i < series->rows->part_count; i++)
			if (series->rows->parts[i].generation >= journal.unsafe_from)
				rows += series->rows->parts[i].rows;
	return rows;
}

void
archive_leave_to_journal(struct archive *archive)
{
	struct archive_series *series;
	size_t lost;

	if (TAILQ_EMPTY(&archive->left))
		return;
	if (journal_settle(archive->journal)) { /* else in vain */
		if (archive->unsafe_from != 0)
			TAILQ_FOREACH (series, &archive->left, entry)
				(void)append_again(series, series->rows);
		archive->unsafe_from = archive->safe_from = 0;
		journal_moved(archive->journal);
		if (journal_settle(archive->journal))
			return;
	}
	lost = unsafe_rows(archive);
	if (lost > 0)
		log_error("%s: up to %zu samples are lost: neither their databases nor "
			  "pending.log can be written",
		    archive->path, lost);
}

int
archive_replay_start(
    struct archive *archive, struct worker_pool *commits, struct worker_pool *io)
{
	const struct journal_hooks hooks = {on_journal_failed, on_journal_recovered,
	    on_journal_heavy, on_journal_needed, archive};
	const uint32_t *old;
	struct replay *replay;
	size_t count, i;
	int error = journal_open(
	    archive->loop, commits, io, archive->path, &hooks, &archive->journal);

	if (error != 0)
		return error;
	error = rrdguard_open(archive->path, &archive->guard);
	if (error != 0) {
		journal_close(archive->journal);
		return error;
	}
	count = journal_old(archive->journal, &old);
	if (count == 0) {
		archive->stats.replay_done = true;
		return 0;
	}
	replay = replay_create(archive->path, old, count);
	replay->owner = archive;
	for (i = 0; i < count; i++)
		replay_set_path(replay, i, journal_old_path(archive->journal, old[i]));
	error = worker_submit(
	    archive->rrd, WORKER_HIGH, replay_run, on_replay_done, replay);
	if (error != 0) {
		replay_destroy(replay);
		rrdguard_close(archive->guard);
		journal_close(archive->journal);
	}
	return error;
}
