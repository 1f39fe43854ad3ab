/*
 * The journal. On the loop: a buffer of records for the generation that is current,
 * and the list of generations with the number of samples that still need each. On a
 * worker: one commit at a time (make the file if it is new, write, fdatasync), and one
 * removal at a time (syncfs, unlink). Jobs carry all that they touch. A commit follows
 * its first sample by a quarter of a second, so that a kill loses little; one in a
 * second is synced, and the last of a generation.
 *
 * A generation ends when the commit that fills it is taken: from then on samples
 * belong to the next, whose file is made by the first commit that writes to it;
 * `pending.log` then gets its number. A commit that fails cuts the file back to its
 * last good length; its samples and those buffered are unsafe, and so are those to
 * come, until an attempt makes a new file. That file is of a generation newer than
 * any unsafe one, so that a generation is either wholly safe or unsafe from a point.
 *
 * Samples are moved for safety, or because the old generations are too heavy, which is
 * looked at when one ends: the next one is empty then, so what is moved comes before
 * what is new. Files that samples were moved from stay until the last of them is moved
 * and synced, and the newest goes first: those left after a kill in between are then
 * read before the ones moved to, and the replay meets all samples of a series in order.
 */
#include "store/journal.h"

#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "store/generation.h"
#include "store/journalfile.h"

#define JOURNAL_MAGIC 0x6a726e6c
#define NAME JOURNALFILE_NAME
#define COMMIT_US (CLOCK_SECOND / 4) /* after the first sample, */
#define COMMIT_BYTES (1 << 20)       /* unless there is so much */
#define SYNC_US CLOCK_SECOND         /* nothing waits longer for its sync */
#define RETRY_US CLOCK_SECOND
#define RETRY_MAX_US (30 * CLOCK_SECOND)
#define FULL_US (50 * CLOCK_SECOND / 1000) /* no room among the workers' jobs */
#define GENERATION_BYTES (32 << 20)
#define GENERATION_US (600 * CLOCK_SECOND)
#define HEAVY_GENERATIONS 2 /* the old ones may weigh so many full ones, */
#define HEAVY_NEEDED 3      /* and what is pending so many times */
#define LOG_US (60 * CLOCK_SECOND)

struct journal_series {
	struct record_definition definition; /* its id is ours */
	uint32_t defined;                    /* in this generation's buffer or file */
};

struct commit {
	struct journal *journal;
	bool attempt; /* no samples: can we write again? */
	uint64_t samples, appended;
	struct journalfile_commit file;
};

struct removal {
	struct journal *journal;
	int folder;
	size_t count;
	uint32_t *numbers;
	int error;
};

struct journal {
	MAGIC;
	struct worker_pool *commits, *io;
	struct journal_hooks hooks;
	char *path;
	int folder; /* descriptor, also the lock */
	struct loop_timer *commit_timer, *removal_timer;
	struct generation_list generations; /* ascending */
	struct generation *current;
	int fd; /* of the current generation, -1: not made, or with the commit */
	int64_t length, began_us, synced_us, retry_us;
	int64_t limit_bytes, limit_us, commit_us, sync_us;
	int64_t due_us;         /* what the commit's timer is set for */
	uint64_t unsynced;      /* samples, written */
	uint64_t synced, moved; /* of appended: up to there */
	bool moving;            /* the owner has not yet told that all is moved */
	uint32_t file_number;   /* the generation that pending.log is of, 0: none */
	uint32_t unsafe_from;
	struct buf buffer;
	uint64_t buffered;
	uint32_t next_id; /* of a series, in this generation */
	bool committing, removing;
	uint32_t *old;
	size_t old_count;
	struct journal_stats stats;
	struct log_limit limit, again_limit;
};

static void commit_soon(struct journal *journal);

static void
next_generation(struct journal *journal)
{
	if (journal->current != NULL)
		journal->current->ended = true;
	journal->current = generation_add(
	    &journal->generations, generation_newest(&journal->generations) + 1);
	journal->next_id = 1;
}

static void
commit_run(void *arg)
{
	struct commit *commit = arg;

	journalfile_commit(&commit->file);
}

static void
removal_run(void *arg)
{
	struct removal *removal = arg;

	removal->error =
	    journalfile_remove(removal->folder, removal->numbers, removal->count);
}

static bool
moves_are_safe(const struct journal *journal)
{
	return (!journal->moving && journal->synced >= journal->moved) ||
	       !generation_any_needed(&journal->generations); /* all is stored */
}

/* The current generation is new: nothing was appended to it yet. */
static void
weigh(struct journal *journal)
{
	const struct generation *oldest = TAILQ_FIRST(&journal->generations);
	uint64_t most = HEAVY_GENERATIONS * (uint64_t)journal->limit_bytes;

	if (journal->hooks.heavy == NULL || journal->moving)
		return;
	if (journal->hooks.needed != NULL)
		most +=
		    HEAVY_NEEDED * (uint64_t)journal->hooks.needed(journal->hooks.arg);
	if (generation_old_bytes(&journal->generations) <= most)
		return;
	journal->moving = true;
	journal->hooks.heavy(
	    oldest->number, journal->current->number, journal->hooks.arg);
}

static void
fail(struct journal *journal, uint32_t generation, int error)
{
	unsigned long held;

	journal->stats.errors++;
	if (log_limited(&journal->limit, LOG_US, &held))
		log_error("%s/" NAME ": %s: samples are kept in memory until it can be "
			  "written (%lu more)",
		    journal->path, err_text(error), held);
	if (!journal->stats.failing) {
		journal->stats.failing = journal->moving = true;
		journal->unsafe_from = generation;
		journal->retry_us = RETRY_US;
		buf_free(&journal->buffer);
		journal->buffered = journal->unsynced = 0;
		if (journal->fd >= 0)
			close(journal->fd);
		journal->fd = -1;
		next_generation(journal);
		generation_give_up(&journal->generations, generation);
	} else {
		journal->retry_us *= 2;
		if (journal->retry_us > RETRY_MAX_US)
			journal->retry_us = RETRY_MAX_US;
	}
	loop_timer_set(journal->commit_timer, journal->retry_us);
	if (journal->hooks.failed != NULL)
		journal->hooks.failed(journal->hooks.arg);
}

static void
succeed(struct journal *journal, struct commit *commit)
{
	struct generation *generation;
	unsigned long held;

	if (commit->attempt)
		next_generation(journal);
	generation = generation_find(&journal->generations, commit->file.generation);
	assert(generation != NULL);
	generation->on_disk = true;
	generation->bytes = commit->file.length;
	if (journal->file_number != commit->file.generation) {
		journal->file_number = commit->file.generation;
		loop_timer_set(journal->removal_timer, journal->commit_us);
	}
	if (generation == journal->current) {
		journal->fd = commit->file.fd;
		journal->length = commit->file.length;
	} else {
		close(commit->file.fd);
	}
	journal->stats.bytes += commit->file.bytes.length;
	journal->unsynced += commit->samples;
	if (commit->file.sync) {
		journal->stats.durable += journal->unsynced;
		generation->durable += (int64_t)journal->unsynced;
		journal->unsynced = 0;
		if (!commit->attempt)
			journal->synced = commit->appended;
		if (journal->moved != 0 && moves_are_safe(journal)) {
			journal->moved = 0;
			loop_timer_set(journal->removal_timer, journal->commit_us);
		}
	}
	journal->stats.commits++;
	if (!commit->attempt)
		return;
	journal->stats.failing = false;
	if (log_limited(&journal->again_limit, LOG_US, &held))
		log_info("%s/" NAME ": can be written again (%lu more)", journal->path,
		    held);
	if (journal->hooks.recovered != NULL)
		journal->hooks.recovered(
		    journal->unsafe_from, commit->file.generation, journal->hooks.arg);
}

static void
commit_done(void *arg)
{
	struct commit *commit = arg;
	struct journal *journal = commit->journal;

	MAGIC_CHECK(journal, JOURNAL_MAGIC);
	journal->committing = false;
	if (commit->file.renamed) {
		journal->file_number = 0;
		loop_timer_set(journal->removal_timer, journal->commit_us);
	}
	if (commit->file.error == 0)
		succeed(journal, commit);
	else
		fail(journal, commit->file.generation, commit->file.error);
	buf_free(&commit->file.bytes);
	free(commit);
	if (!journal->stats.failing)
		commit_soon(journal);
}

static struct commit *
commit_create(struct journal *journal)
{
	struct commit *commit = mem_zalloc(sizeof(*commit));
	struct buf empty = BUF_INIT;

	commit->journal = journal;
	commit->file.folder = journal->folder;
	commit->attempt = journal->stats.failing;
	commit->file.generation = journal->current->number + (commit->attempt ? 1 : 0);
	commit->file.fd = journal->fd;
	commit->file.length = journal->fd >= 0 ? journal->length : 0;
	if (journal->fd < 0)
		commit->file.previous = journal->file_number;
	journal->fd = -1;
	if (commit->attempt) {
		if (journal->hooks.needed != NULL)
			commit->file.reserve =
			    journal->hooks.needed(journal->hooks.arg);
		return commit;
	}
	commit->file.bytes = journal->buffer;
	commit->samples = journal->buffered;
	commit->appended = journal->stats.appended;
	journal->buffer = empty;
	journal->buffered = 0;
	return commit;
}

/* The commit was not accepted: as if it had not been made. */
static void
commit_undo(struct journal *journal, struct commit *commit)
{
	journal->fd = commit->file.fd;
	if (!commit->attempt) {
		journal->buffer = commit->file.bytes;
		journal->buffered = commit->samples;
	}
	free(commit);
	loop_timer_set(journal->commit_timer, FULL_US);
}

static void
on_commit_timer(void *arg)
{
	struct journal *journal = arg;
	struct commit *commit;
	int64_t now = clock_mono_us(), length;
	bool ends, sync;

	MAGIC_CHECK(journal, JOURNAL_MAGIC);
	if (journal->committing ||
	    (journal->buffer.length == 0 && journal->unsynced == 0 &&
		!journal->stats.failing))
		return;
	commit = commit_create(journal);
	if (commit->file.fd < 0)
		journal->began_us = now;
	/* Once it is submitted, the commit is the worker's. */
	length = commit->file.length + (int64_t)commit->file.bytes.length;
	ends = !commit->attempt && (length >= journal->limit_bytes ||
				       now - journal->began_us >= journal->limit_us);
	sync = ends || commit->file.fd < 0 ||
	       now - journal->synced_us >= journal->sync_us - journal->commit_us;
	commit->file.sync = sync;
	if (worker_submit(
		journal->commits, WORKER_HIGH, commit_run, commit_done, commit) != 0) {
		commit_undo(journal, commit);
		return;
	}
	journal->committing = true;
	if (sync)
		journal->synced_us = now;
	if (ends) {
		next_generation(journal);
		weigh(journal);
	}
}

static void
commit_soon(struct journal *journal)
{
	int64_t due = clock_mono_us() + journal->commit_us;

	if (journal->committing || journal->stats.failing ||
	    (journal->buffer.length == 0 && journal->unsynced == 0))
		return;
	if (journal->buffer.length >= COMMIT_BYTES)
		due = clock_mono_us();
	else if (journal->buffer.length == 0)
		due = journal->synced_us + journal->sync_us;
	if (loop_timer_is_set(journal->commit_timer) && journal->due_us <= due)
		return;
	journal->due_us = due;
	loop_timer_set_at(journal->commit_timer, due);
}

static bool
is_removable(const struct journal *journal, const struct generation *generation)
{
	return generation->ended && generation->needed == 0 && !generation->removing &&
	       generation->number != journal->file_number &&
	       (!generation->moved || moves_are_safe(journal));
}

static void
removal_done(void *arg)
{
	struct removal *removal = arg;
	struct journal *journal = removal->journal;
	struct generation *generation;
	unsigned long held;
	size_t i;

	MAGIC_CHECK(journal, JOURNAL_MAGIC);
	journal->removing = false;
	for (i = 0; i < removal->count; i++) {
		generation =
		    generation_find(&journal->generations, removal->numbers[i]);
		generation->removing = false;
		if (removal->error != 0)
			continue;
		journal->stats.removed++;
		generation_drop(&journal->generations, generation);
	}
	if (removal->error != 0) {
		journal->stats.errors++;
		if (log_limited(&journal->limit, LOG_US, &held))
			log_error("%s/" NAME ": cannot remove what is stored: %s",
			    journal->path, err_text(removal->error));
		loop_timer_set(journal->removal_timer, RETRY_MAX_US);
	} else {
		/* For those that became free meanwhile. */
		loop_timer_set(journal->removal_timer, journal->commit_us);
	}
	free(removal->numbers);
	free(removal);
}

static struct removal *
removal_create(struct journal *journal)
{
	struct removal *removal = mem_zalloc(sizeof(*removal));
	struct generation *generation, *next;

	removal->journal = journal;
	removal->folder = journal->folder;
	removal->numbers =
	    mem_array(generation_count(&journal->generations), sizeof(uint32_t));
	TAILQ_FOREACH_SAFE (generation, &journal->generations, entry, next) {
		if (!is_removable(journal, generation))
			continue;
		if (!generation->on_disk) { /* never written */
			/* A commit in flight may be writing it. */
			if (!journal->committing)
				generation_drop(&journal->generations, generation);
			continue;
		}
		generation->removing = true;
		removal->numbers[removal->count++] = generation->number;
	}
	return removal;
}

static void
on_removal_timer(void *arg)
{
	struct journal *journal = arg;
	struct removal *removal;

	MAGIC_CHECK(journal, JOURNAL_MAGIC);
	if (journal->removing)
		return;
	removal = removal_create(journal);
	if (removal->count > 0 && worker_submit(journal->io, WORKER_LOW, removal_run,
				      removal_done, removal) == 0) {
		journal->removing = true;
		return;
	}
	if (removal->count > 0) {
		while (removal->count > 0)
			generation_find(
			    &journal->generations, removal->numbers[--removal->count])
			    ->removing = false;
		loop_timer_set(journal->removal_timer, journal->commit_us);
	}
	free(removal->numbers);
	free(removal);
}

/* counted: it is among the durable already. */
static uint32_t
append(struct journal *journal, struct journal_series *series, int64_t time_s,
    const double *values, bool counted)
{
	struct generation *generation = journal->current;

	generation->needed++;
	generation->durable += counted;
	journal->stats.appended++;
	if (journal->stats.failing)
		return generation->number;
	if (series->defined != generation->number) {
		series->definition.id = journal->next_id++;
		record_add_definition(&journal->buffer, &series->definition);
		series->defined = generation->number;
	}
	record_add_sample(&journal->buffer, series->definition.id, time_s, values,
	    series->definition.count);
	journal->buffered += !counted;
	commit_soon(journal);
	return generation->number;
}

uint32_t
journal_append(struct journal *journal, struct journal_series *series, int64_t time_s,
    const double *values)
{
	MAGIC_CHECK(journal, JOURNAL_MAGIC);
	return append(journal, series, time_s, values, false);
}

uint32_t
journal_move(struct journal *journal, struct journal_series *series, uint32_t number,
    int64_t time_s, const double *values)
{
	struct generation *from = generation_find(&journal->generations, number);
	bool counted = from->durable > 0 || !from->failed; /* or will be */
	uint32_t to;

	MAGIC_CHECK(journal, JOURNAL_MAGIC);
	assert(from != journal->current);
	from->durable -= counted;
	from->moved = true;
	to = append(journal, series, time_s, values, counted);
	journal->moved = journal->stats.appended;
	journal_release(journal, number, 1);
	return to;
}

void
journal_moved(struct journal *journal)
{
	journal->moving = false;
	if (moves_are_safe(journal))
		loop_timer_set(journal->removal_timer, journal->commit_us);
}

void
journal_keep(struct journal *journal, uint32_t number)
{
	generation_find(&journal->generations, number)->bytes = 0;
}

void
journal_release(struct journal *journal, uint32_t number, uint64_t samples)
{
	struct generation *generation = generation_find(&journal->generations, number);

	MAGIC_CHECK(journal, JOURNAL_MAGIC);
	assert(generation != NULL && generation->needed >= samples);
	generation->needed -= samples;
	if (is_removable(journal, generation) &&
	    !loop_timer_is_set(journal->removal_timer))
		loop_timer_set(journal->removal_timer, journal->commit_us);
}

void
journal_adopt(struct journal *journal, uint32_t number, uint64_t samples)
{
	struct generation *generation = generation_find(&journal->generations, number);

	assert(generation != NULL && generation->needed > 0);
	generation->needed += samples;
	generation->durable +=
	    (int64_t)samples; /* of another run: not to be counted here */
}

struct journal_series *
journal_series_create(
    struct journal *journal, const struct record_definition *definition)
{
	struct journal_series *series = mem_zalloc(sizeof(*series));

	series->definition = *definition;
	return series;
}

void
journal_series_destroy(struct journal_series *series)
{
	free(series);
}

void
journal_stats(const struct journal *journal, struct journal_stats *out)
{
	*out = journal->stats;
	out->buffered = journal->buffer.length;
	out->generations = generation_count(&journal->generations);
	out->old_bytes = generation_old_bytes(&journal->generations);
	out->unsafe_from = journal->unsafe_from;
}

void
journal_limits(
    struct journal *journal, int64_t bytes, int64_t age_us, int64_t commit_us)
{
	journal->commit_us = journal->sync_us = commit_us;
	journal->limit_bytes = bytes;
	journal->limit_us = age_us;
}

static void
destroy(struct journal *journal)
{
	struct generation *generation;

	while ((generation = TAILQ_FIRST(&journal->generations)) != NULL)
		generation_drop(&journal->generations, generation);
	loop_timer_destroy(journal->commit_timer);
	loop_timer_destroy(journal->removal_timer);
	if (journal->fd >= 0)
		close(journal->fd);
	if (journal->folder >= 0)
		close(journal->folder);
	buf_free(&journal->buffer);
	free(journal->old);
	free(journal->path);
	MAGIC_CLEAR(journal);
	free(journal);
}

int
journal_open(struct loop *loop, struct worker_pool *commits, struct worker_pool *io,
    const char *folder, const struct journal_hooks *hooks, struct journal **out)
{
	struct journal *journal = mem_zalloc(sizeof(*journal));
	size_t i;
	int error;

	MAGIC_SET(journal, JOURNAL_MAGIC);
	journal->commits = commits;
	journal->io = io;
	journal->hooks = *hooks;
	journal->path = mem_strdup(folder);
	journal->folder = journal->fd = -1;
	journal->limit_bytes = GENERATION_BYTES;
	journal->limit_us = GENERATION_US;
	journal->commit_us = COMMIT_US;
	journal->sync_us = SYNC_US;
	journal->synced_us = clock_mono_us() - SYNC_US;
	TAILQ_INIT(&journal->generations);
	journal->commit_timer = loop_timer_create(loop, on_commit_timer, journal);
	journal->removal_timer = loop_timer_create(loop, on_removal_timer, journal);
	error = journalfile_open(
	    folder, &journal->folder, &journal->old, &journal->old_count);
	if (error != 0) {
		destroy(journal);
		return error;
	}
	for (i = 0; i < journal->old_count; i++) {
		struct generation *old =
		    generation_add(&journal->generations, journal->old[i]);
		old->ended = old->on_disk = true;
		old->bytes = journalfile_size(journal->folder, journal->old[i]);
		old->needed = 1;
	}
	next_generation(journal);
	*out = journal;
	return 0;
}

bool
journal_settle(struct journal *journal)
{
	struct commit *commit;

	MAGIC_CHECK(journal, JOURNAL_MAGIC);
	worker_settle(journal->commits);
	worker_settle(journal->io);
	if (journal->buffer.length > 0 || journal->unsynced > 0 ||
	    journal->stats.failing) {
		commit = commit_create(journal);
		commit->file.sync = true;
		commit_run(commit);
		commit_done(commit);
	}
	return !journal->stats.failing;
}

void
journal_close(struct journal *journal)
{
	struct removal *removal;

	if (journal == NULL)
		return;
	MAGIC_CHECK(journal, JOURNAL_MAGIC);
	worker_settle(journal->commits);
	worker_settle(journal->io);
	if (!journal->stats.failing)
		(void)journal_settle(journal);
	journal->current->ended = true;
	if (journal->file_number != 0 &&
	    generation_find(&journal->generations, journal->file_number)->needed == 0) {
		if (journalfile_rename(journal->folder, journal->file_number) == 0)
			journal->file_number = 0;
	}
	removal = removal_create(journal);
	if (removal->count > 0)
		removal_run(removal);
	free(removal->numbers);
	free(removal);
	destroy(journal);
}

size_t
journal_old(const struct journal *journal, const uint32_t **generations)
{
	*generations = journal->old;
	return journal->old_count;
}

char *
journal_old_path(const struct journal *journal, uint32_t generation)
{
	return journalfile_path(journal->path, generation);
}
