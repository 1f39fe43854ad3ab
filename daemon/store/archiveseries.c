/*
 * Series of the archive: their queues and jobs. Three queues keep order among series:
 * readers first, then flushes, then files to be made or migrated, of which one at a
 * time, so that neither waits for a thousand files.
 *
 * A job gets the rows lent. When it ends well they are released from the journal;
 * otherwise they go back in front of those that came meanwhile, and are tried again.
 *
 * A series that is closed stays until its rows are in the file. Whoever opens the same
 * check again takes it back; with another step or other data sources he gets a new
 * one, which waits for its elder: the file is migrated when the last row of the old
 * shape is in it. As long as the elder's rows cannot be written, the younger's readers
 * are served from the file as it is. What the replay finds for checks or shapes that
 * are no more is such a closed series too.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "store/archive_private.h"
#include "store/journal.h"

#define JOBS_MAX 4                  /* at the rrd thread, readers aside */
#define RETRY_US (5 * CLOCK_SECOND) /* doubles */
#define RETRY_MAX_US (300 * CLOCK_SECOND)
#define REFUSED_US (CLOCK_SECOND / 50) /* the rrd thread's queue was full */

static int
compare(const struct archive_series *a, const struct archive_series *b)
{
	int order = strcmp(a->key, b->key);

	if (order != 0)
		return order;
	return a->birth > b->birth ? -1 : a->birth < b->birth;
}

TREE_GENERATE(archive_tree, archive_series, node, compare)

static bool
same_retention(const struct conf_retention *a, const struct conf_retention *b)
{
	size_t i;

	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++)
		if (a->tiers[i].step_us != b->tiers[i].step_us ||
		    a->tiers[i].keep_us != b->tiers[i].keep_us)
			return false;
	return true;
}

void
archive_count_pending(struct archive_series *series, int64_t rows)
{
	struct archive_stats *stats = &series->archive->stats;

	stats->pending_samples += (uint64_t)rows;
	stats->pending_bytes +=
	    rows * (int64_t)block_row_bytes(series->shape.source_count);
}

void
archive_release(struct archive_series *series, struct block *block)
{
	size_t i;

	archive_count_pending(series, -(int64_t)block->count);
	for (i = 0; i < block->part_count; i++)
		journal_release(series->archive->journal, block->parts[i].generation,
		    block->parts[i].rows);
	block_destroy(block);
}

static void
on_timer(void *arg)
{
	struct archive_series *series = arg;

	MAGIC_CHECK(series, SERIES_MAGIC);
	series->wanted = true;
	series->held = false;
	archive_dispatch(series);
}

struct archive_series *
archive_series_create(struct archive *archive, const struct record_definition *name,
    struct archive_source *sources, size_t count)
{
	struct archive_series *series = mem_zalloc(sizeof(*series));
	struct record_definition definition = {.step_s = name->step_s, .count = count};
	size_t i;

	MAGIC_SET(series, SERIES_MAGIC);
	series->archive = archive;
	series->queue = series->job_queue = QUEUES;
	series->key = mem_printf("%s/%s/%s", name->site, name->service, name->check);
	series->hash = text_hash(series->key, strlen(series->key), TEXT_HASH_SEED);
	series->path =
	    archivejob_path(archive->path, name->site, name->service, name->check);
	series->site = mem_strdup(name->site);
	series->service = mem_strdup(name->service);
	series->check = mem_strdup(name->check);
	series->sources = sources;
	series->shape.step_s = name->step_s;
	series->shape.retention = archive->retention;
	series->shape.sources = sources;
	series->shape.source_count = count;
	definition.site = series->site;
	definition.service = series->service;
	definition.check = series->check;
	for (i = 0; i < count; i++)
		definition.names[i] = sources[i].name;
	series->journal = journal_series_create(archive->journal, &definition);
	series->timer = loop_timer_create(archive->loop, on_timer, series);
	series->retry_us = RETRY_US;
	STAILQ_INIT(&series->runs);
	return series;
}

static struct archive_series *
find_youngest(struct archive *archive, const char *key)
{
	struct archive_series wanted = {.key = (char *)key, .birth = INT64_MAX};
	struct archive_series *youngest =
	    RB_NFIND(archive_tree, &archive->tree, &wanted);

	return youngest != NULL && strcmp(youngest->key, key) == 0 ? youngest : NULL;
}

struct archive_series *
archive_series_find(struct archive *archive, const char *key)
{
	struct archive_series *youngest = find_youngest(archive, key);

	return youngest != NULL && youngest->open ? youngest : NULL;
}

bool
archive_series_has_shape(
    const struct archive_series *series, const struct record_definition *definition)
{
	size_t i;

	if (series->shape.step_s != definition->step_s ||
	    series->shape.source_count != definition->count)
		return false;
	for (i = 0; i < definition->count; i++)
		if (strcmp(series->sources[i].name, definition->names[i]) != 0)
			return false;
	return true;
}

void
archive_series_set_retention(
    struct archive_series *series, const struct conf_retention *retention)
{
	if (same_retention(&series->shape.retention, retention))
		return;
	series->shape.retention = *retention;
	series->known = series->made = false; /* look again; what differs is migrated */
}

static bool
same_bound(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

struct archive_series *
archive_series_take_back(struct archive *archive,
    const struct record_definition *definition, const struct archive_source *sources)
{
	char *key = mem_printf(
	    "%s/%s/%s", definition->site, definition->service, definition->check);
	struct archive_series *series = find_youngest(archive, key);
	size_t i;

	free(key);
	if (series == NULL || series->open || series->foreign ||
	    !archive_series_has_shape(series, definition))
		return NULL;
	for (i = 0; i < definition->count; i++)
		if (!same_bound(series->sources[i].min, sources[i].min) ||
		    !same_bound(series->sources[i].max, sources[i].max))
			return NULL;
	TAILQ_REMOVE(&archive->closed, series, entry);
	TAILQ_INSERT_TAIL(&archive->open, series, entry);
	series->open = true;
	series->before_s = series->last_s;
	archive_series_set_retention(series, &archive->retention);
	return series;
}

void
archive_series_insert(struct archive_series *series)
{
	struct archive *archive = series->archive;

	assert(archive_series_find(archive, series->key) == NULL);
	series->birth = ++archive->births;
	RB_INSERT(archive_tree, &archive->tree, series);
	TAILQ_INSERT_TAIL(&archive->open, series, entry);
	series->open = true;
}

void
archive_series_insert_foreign(struct archive_series *series)
{
	struct archive *archive = series->archive;

	series->birth = --archive->foreign_births;
	RB_INSERT(archive_tree, &archive->tree, series);
	TAILQ_INSERT_HEAD(&archive->closed, series, entry);
}

void
archive_series_retire(struct archive_series *series)
{
	assert(series->open);
	TAILQ_REMOVE(&series->archive->open, series, entry);
	TAILQ_INSERT_TAIL(&series->archive->closed, series, entry);
	series->open = false;
	series->wanted = true;
	series->held = false;
}

static struct archive_series *
of_same_key(const struct archive_series *series, struct archive_series *other)
{
	return other != NULL && strcmp(other->key, series->key) == 0 ? other : NULL;
}

/* Who waits for a closed series: the next of its key. */
static struct archive_series *
younger(struct archive_series *series)
{
	return of_same_key(series, RB_PREV(archive_tree, tree, series));
}

struct archive_series *
archive_series_elder(struct archive_series *series)
{
	return of_same_key(series, RB_NEXT(archive_tree, tree, series));
}

/* Whether the series has to wait for its elders; error: why they wait themselves, 0:
 * they do not. */
static bool
must_wait(struct archive_series *series, int *error)
{
	struct archive_series *eldest = NULL, *next;

	for (next = archive_series_elder(series); next != NULL;
	     next = archive_series_elder(next))
		eldest = next;
	*error = eldest != NULL && eldest->held && !eldest->busy ? eldest->error : 0;
	return eldest != NULL;
}

void
archive_series_free(struct archive_series *series)
{
	block_destroy(series->rows);
	loop_timer_destroy(series->timer);
	journal_series_destroy(series->journal);
	free(series->site);
	free(series->service);
	free(series->check);
	free(series->sources);
	free(series->source_names);
	free(series->key);
	free(series->path);
	MAGIC_CLEAR(series);
	free(series);
}

static void
series_destroy(struct archive_series *series)
{
	struct archive *archive = series->archive;
	struct archive_series *next = younger(series);

	assert(!series->open && !series->busy && series->queue == QUEUES);
	RB_REMOVE(archive_tree, &archive->tree, series);
	TAILQ_REMOVE(&archive->closed, series, entry);
	if (next != NULL && (series->rows != NULL || series->barred)) {
		next->barred = true; /* its rows would hide these from the replay */
		next->error = series->error;
	}
	if (series->rows != NULL)
		TAILQ_INSERT_TAIL(&archive->left, series, entry);
	else
		archive_series_free(series);
	if (next != NULL && !archive->closing)
		archive_dispatch(next);
}

/* Jobs. */

static void
dequeue(struct archive_series *series)
{
	if (series->queue < QUEUES)
		TAILQ_REMOVE(&series->archive->queues[series->queue], series, queued);
	series->queue = QUEUES;
}

static void
enqueue(struct archive_series *series, enum archive_queue queue)
{
	if (series->queue <= queue)
		return;
	dequeue(series);
	series->queue = queue;
	TAILQ_INSERT_TAIL(&series->archive->queues[queue], series, queued);
}

static bool
is_urgent(const struct archive_series *series)
{
	const struct archivejob_run *run;

	STAILQ_FOREACH (run, &series->runs, entry)
		if (run->urgent)
			return true;
	return false;
}

static bool
must_write(const struct archive_series *series)
{
	return !STAILQ_EMPTY(&series->runs) || (series->wanted && series->rows != NULL);
}

void
archive_dispatch(struct archive_series *series)
{
	struct archive *archive = series->archive;
	bool waits;
	int error;

	if (series->busy || !archive->stats.replay_done)
		return;
	waits = must_wait(series, &error);
	if (waits && error == 0) {
		dequeue(series);
		return;
	}
	if (is_urgent(series)) {
		enqueue(series, QUEUE_READER);
	} else if (!STAILQ_EMPTY(&series->runs)) {
		enqueue(series, QUEUE_FLUSH);
	} else if (waits) {
		dequeue(series);
	} else if (!series->open &&
		   (series->rows == NULL ||
		       (archive->closing && (series->held || series->barred)))) {
		dequeue(series);
		series_destroy(series);
		return;
	} else if (!series->held) {
		if (!series->known || must_write(series))
			enqueue(series, QUEUE_FLUSH);
		else if (!series->made && !series->foreign)
			enqueue(series, QUEUE_MAKE);
	}
	archive_pump(archive);
}

/* What came of the rows lent. */
static void
take_back(struct archive_series *series, const struct archivejob *job)
{
	struct archive_stats *stats = &series->archive->stats;
	struct block *lent = series->lent;
	bool retried = series->retry_us > RETRY_US;
	unsigned long held;

	series->lent = NULL;
	if (job->error == 0) {
		series->retry_us = RETRY_US;
		if (job->created || job->migrated ||
		    (lent != NULL && lent->count > job->skipped))
			stats->writable = true;
		if (lent == NULL)
			return;
		stats->updates++;
		/* What a try that failed had written is skipped by the next. */
		stats->rows_written += lent->count - (retried ? 0 : job->skipped);
		stats->refused_time += retried ? 0 : job->skipped;
		archive_release(series, lent);
		return;
	}
	stats->writable = false;
	stats->update_errors++;
	if (log_limited(&series->archive->error_limit, ARCHIVE_LOG_US, &held))
		log_error("%s: %s: its samples wait (%lu more)", series->path,
		    err_text(job->error), held);
	series->rows = block_join(lent, series->rows);
	series->held = true;
	series->error = job->error;
	loop_timer_set(series->timer, series->retry_us);
	series->retry_us *= 2;
	if (series->retry_us > RETRY_MAX_US)
		series->retry_us = RETRY_MAX_US;
}

static void
finish_runs(struct archivejob *job)
{
	struct archivejob_run *run;

	while ((run = STAILQ_FIRST(&job->runs)) != NULL) {
		STAILQ_REMOVE_HEAD(&job->runs, entry);
		if (run->done != NULL)
			run->done(job->error, run->arg);
		free(run);
	}
}

static void
on_job_done(void *arg)
{
	struct archivejob *job = arg;
	struct archive_series *series = job->owner;
	struct archive *archive = series->archive;
	struct archive_series *next, *following;
	bool held;

	MAGIC_CHECK(series, SERIES_MAGIC);
	archive->jobs -= series->job_queue != QUEUE_READER;
	archive->making -= series->job_queue == QUEUE_MAKE;
	archive->stats.created += job->created;
	archive->stats.migrated += job->migrated;
	series->known = !job->waits; /* else its elder is yet to change the file */
	if (!series->seen && job->found_s > series->before_s)
		series->before_s = job->found_s;
	series->seen = true;
	series->made = job->matches && !job->waits &&
		       same_retention(&job->shape.retention, &series->shape.retention);
	/* A new file's last update is its beginning: no sample. */
	if (job->last_s > series->last_s && !(job->created && job->rows == NULL))
		series->last_s = job->last_s;
	if (!job->look_only)
		take_back(series, job);
	held = series->held;
	finish_runs(job); /* may ask for more; the series is still busy */
	series->busy = false;
	free(job);
	next = younger(series);
	archive_dispatch(series); /* may destroy it */
	for (; held && next != NULL; next = following) {
		following = younger(next);
		archive_dispatch(next); /* their readers need not wait */
	}
	archive_pump(archive);
}

static struct archivejob *
job_create(struct archive_series *series)
{
	struct archivejob *job = mem_zalloc(sizeof(*job));

	job->owner = series;
	job->path = series->path;
	job->guard = series->archive->guard;
	job->shape = series->shape;
	job->first = !series->seen;
	job->made = series->made;
	job->foreign = series->foreign;
	job->now_s = clock_wall_us() / CLOCK_SECOND;
	job->first_s = series->rows != NULL ? series->rows->times_s[0] : job->now_s;
	job->waits = must_wait(series, &job->error) || series->barred;
	if (series->barred)
		job->error = series->error;
	else if (job->waits && job->error == 0)
		job->error = -EAGAIN; /* the elder tries again just now */
	job->look_only = job->waits || (!series->known && !must_write(series));
	STAILQ_INIT(&job->runs);
	STAILQ_CONCAT(&job->runs, &series->runs);
	if (!job->look_only && (series->wanted || !STAILQ_EMPTY(&job->runs))) {
		job->rows = series->lent = series->rows;
		series->rows = NULL;
		series->wanted = false;
	}
	return job;
}

static void
job_undo(struct archive_series *series, struct archivejob *job)
{
	STAILQ_CONCAT(&series->runs, &job->runs);
	if (series->lent != NULL) {
		series->rows = series->lent;
		series->lent = NULL;
		series->wanted = true;
	}
	free(job);
	loop_timer_set(series->archive->refused_timer, REFUSED_US);
}

static bool
submit(struct archive_series *series)
{
	static const enum worker_priority priorities[] = {
	    WORKER_HIGH, WORKER_NORMAL, WORKER_LOW};
	struct archive *archive = series->archive;
	struct archivejob *job = job_create(series);

	if (worker_submit(archive->rrd, priorities[series->queue], archivejob_run,
		on_job_done, job) != 0) {
		job_undo(series, job);
		return false;
	}
	series->job_queue = series->queue;
	archive->jobs += series->queue != QUEUE_READER;
	archive->making += series->queue == QUEUE_MAKE;
	series->busy = true;
	dequeue(series);
	return true;
}

void
archive_pump(struct archive *archive)
{
	struct archive_series *series;
	enum archive_queue queue;

	for (queue = 0; queue < QUEUES; queue++) {
		while ((series = TAILQ_FIRST(&archive->queues[queue])) != NULL) {
			if ((queue != QUEUE_READER && archive->jobs >= JOBS_MAX) ||
			    (queue == QUEUE_MAKE && archive->making > 0))
				return;
			if (!submit(series))
				return;
		}
	}
}

static void
flush(struct archive_series *series)
{
	series->wanted = true;
	series->held = false;
	archive_dispatch(series);
}

void
archive_flush_all(struct archive *archive)
{
	struct archive_series *series;

	TAILQ_FOREACH (series, &archive->open, entry)
		flush(series);
}

void
archive_flush_held(struct archive *archive)
{
	struct archive_series *series, *next;

	TAILQ_FOREACH (series, &archive->open, entry)
		if (series->held)
			flush(series);
	TAILQ_FOREACH_SAFE (series, &archive->closed, entry, next)
		if (series->held)
			flush(series);
}
