/*
 * The archive's face. A series holds its pending rows; its flush timer, a reader or
 * archive_flush() make it wanted, and archive_dispatch() queues it for the rrd thread,
 * one job a series at a time (archiveseries.c, archivejob.c). The journal keeps what is
 * pending over a crash (archivereplay.c, journal.c).
 */
#include "store/archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "store/archive_private.h"
#include "store/journal.h"
#include "store/rrdguard.h"

#define PRESSURE_US (10 * CLOCK_SECOND)

static const struct archive_source standing[] = {
    {"up", "1", 0, 1, "1 up, 0 down"},
    {"known", "1", 0, 1, "1 measured, 0 not"},
};

/* The instant of its own in each flush interval. */
static void
set_flush_timer(struct archive_series *series)
{
	int64_t flush_us = series->archive->flush_us, now = clock_mono_us();
	int64_t phase = (int64_t)(series->hash % (uint64_t)flush_us);
	int64_t since = ((now - phase) % flush_us + flush_us) % flush_us;

	loop_timer_set_at(series->timer, now + flush_us - since);
}

static void
on_refused_timer(void *arg)
{
	archive_pump(arg);
}

static void
destroy(struct archive *archive)
{
	loop_timer_destroy(archive->again_timer);
	loop_timer_destroy(archive->refused_timer);
	free(archive->path);
	MAGIC_CLEAR(archive);
	free(archive);
}

int
archive_open(struct loop *loop, struct worker_pool *rrd, struct worker_pool *commits,
    struct worker_pool *io, const struct archive_config *config, struct archive **out)
{
	struct archive *archive = mem_zalloc(sizeof(*archive));
	size_t i;
	int error;

	MAGIC_SET(archive, ARCHIVE_MAGIC);
	archive->loop = loop;
	archive->rrd = rrd;
	archive->path = mem_strdup(config->path);
	archive->retention = config->retention;
	archive->flush_us = config->flush_us;
	archive->pending_max = config->pending_max;
	archive->pressure_us = clock_mono_us() - PRESSURE_US;
	archive->stats.writable = true;
	TAILQ_INIT(&archive->open);
	TAILQ_INIT(&archive->closed);
	TAILQ_INIT(&archive->left);
	for (i = 0; i < QUEUES; i++)
		TAILQ_INIT(&archive->queues[i]);
	RB_INIT(&archive->tree);
	archive->again_timer = loop_timer_create(loop, archive_on_again_timer, archive);
	archive->refused_timer = loop_timer_create(loop, on_refused_timer, archive);
	error = archive_replay_start(archive, commits, io);
	if (error != 0) {
		log_error("%s: %s", archive->path,
		    error == -EBUSY ? "in use by another process" : err_text(error));
		destroy(archive);
		return error;
	}
	*out = archive;
	return 0;
}

void
archive_close(struct archive *archive)
{
	struct archive_series *series, *next;

	if (archive == NULL)
		return;
	MAGIC_CHECK(archive, ARCHIVE_MAGIC);
	worker_settle(archive->rrd); /* the replay, too */
	archive->closing = true;
	while ((series = TAILQ_FIRST(&archive->open)) != NULL)
		archive_series_retire(series);
	TAILQ_FOREACH (series, &archive->closed, entry) {
		series->wanted = true;
		series->held = false;
	}
	/* Each round brings those forward who had an elder. */
	while (!TAILQ_EMPTY(&archive->closed)) {
		TAILQ_FOREACH_SAFE (series, &archive->closed, entry, next)
			archive_dispatch(series);
		worker_settle(archive->rrd);
	}
	archive_leave_to_journal(archive);
	while ((series = TAILQ_FIRST(&archive->left)) != NULL) {
		TAILQ_REMOVE(&archive->left, series, entry);
		archive_series_free(series);
	}
	journal_close(archive->journal);
	rrdguard_close(archive->guard);
	destroy(archive);
}

void
archive_configure(struct archive *archive, const struct archive_config *config)
{
	struct archive_series *series;

	MAGIC_CHECK(archive, ARCHIVE_MAGIC);
	if (strcmp(config->path, archive->path) != 0)
		log_warning("store.path: %s stays until the next start", archive->path);
	archive->retention = config->retention;
	archive->pending_max = config->pending_max;
	TAILQ_FOREACH (series, &archive->open, entry) {
		if (archive->flush_us != config->flush_us && !series->held)
			loop_timer_clear(series->timer);
		archive_series_set_retention(series, &config->retention);
	}
	archive->flush_us = config->flush_us;
	TAILQ_FOREACH (series, &archive->open, entry) {
		if (series->rows != NULL && !loop_timer_is_set(series->timer))
			set_flush_timer(series);
		archive_dispatch(series);
	}
}

/* The names move to memory of ours, given back; the other texts are not kept. */
static char *
own_names(struct archive_source *sources, size_t count)
{
	size_t size = 0, length, i;
	char *names, *at;

	for (i = 0; i < count; i++)
		size += strlen(sources[i].name) + 1;
	names = at = mem_alloc(size);
	for (i = 0; i < count; i++) {
		length = strlen(sources[i].name) + 1;
		sources[i].name = memcpy(at, sources[i].name, length);
		sources[i].unit = sources[i].text = "";
		at += length;
	}
	return names;
}

struct archive_series *
archive_series_open(struct archive *archive, const char *site, const char *service,
    const char *check, int64_t step_us, const struct archive_source *sources,
    size_t count)
{
	size_t all = count + ARRAY_LENGTH(standing), i;
	struct record_definition name = {
	    .site = site,
	    .service = service,
	    .check = check,
	    .step_s = step_us / CLOCK_SECOND,
	    .count = all,
	};
	struct archive_source *copy = mem_array(all, sizeof(*copy));
	struct archive_series *series;
	char *names;

	MAGIC_CHECK(archive, ARCHIVE_MAGIC);
	assert(count <= ARCHIVE_SOURCES_MAX && step_us >= CLOCK_SECOND &&
	       step_us % CLOCK_SECOND == 0);
	assert(text_is_identifier(site) && text_is_identifier(service) &&
	       text_is_identifier(check));
	memcpy(copy, standing, sizeof(standing));
	memcpy(copy + ARRAY_LENGTH(standing), sources, count * sizeof(*sources));
	names = own_names(copy, all);
	for (i = 0; i < all; i++)
		name.names[i] = copy[i].name;
	series = archive_series_take_back(archive, &name, copy);
	if (series != NULL) {
		free(copy);
		free(names);
	} else {
		series = archive_series_create(archive, &name, copy, all);
		series->source_names = names;
		archive_series_insert(series);
	}
	archive_dispatch(series);
	return series;
}

void
archive_series_close(struct archive_series *series)
{
	if (series == NULL)
		return;
	MAGIC_CHECK(series, SERIES_MAGIC);
	archive_series_retire(series);
	archive_dispatch(series);
}

/* Much is pending: what can be written is, before anything must be refused. */
static void
press(struct archive *archive)
{
	int64_t now = clock_mono_us();

	if (now - archive->pressure_us < PRESSURE_US)
		return;
	archive->pressure_us = now;
	archive_flush_all(archive);
}

static int
refuse_time(struct archive_series *series, int64_t slot_end_s)
{
	struct archive *archive = series->archive;
	char slot[TEXT_TIME_SIZE], last[TEXT_TIME_SIZE];
	unsigned long held;

	archive->stats.refused_time++;
	if (log_limited(&archive->time_limit, ARCHIVE_LOG_US, &held))
		log_warning(
		    "%s: the sample of %s is not after that of %s: refused; was "
		    "the clock set back? (%lu more)",
		    series->key, text_time_format(slot_end_s * CLOCK_SECOND, slot),
		    text_time_format(series->last_s * CLOCK_SECOND, last), held);
	return ERR_RANGE;
}

static int
refuse_full(struct archive_series *series)
{
	struct archive *archive = series->archive;
	unsigned long held;

	archive->stats.refused_full++;
	if (log_limited(&archive->full_limit, ARCHIVE_LOG_US, &held))
		log_error(
		    "%s: store.pending_max is reached: its sample is lost (%lu more)",
		    series->key, held);
	press(archive);
	return ERR_FULL;
}

int
archive_store(struct archive_series *series, int64_t slot_end_s, const double *values)
{
	struct archive *archive = series->archive;
	size_t width = series->shape.source_count;
	uint32_t generation;

	MAGIC_CHECK(series, SERIES_MAGIC);
	assert(series->open && slot_end_s % series->shape.step_s == 0);
	if (slot_end_s <= series->last_s)
		return refuse_time(series, slot_end_s);
	if (archive->stats.pending_bytes + (int64_t)block_row_bytes(width) >
	    archive->pending_max)
		return refuse_full(series);
	/* The journal keeps the order of a series. */
	if (archive->unsafe_from != 0)
		(void)archive_append_again(series);
	generation =
	    journal_append(archive->journal, series->journal, slot_end_s, values);
	if (series->rows == NULL)
		series->rows = block_create(width);
	block_add(series->rows, slot_end_s, values, generation);
	archive_count_pending(series, 1);
	archive->stats.samples++;
	series->last_s = slot_end_s;
	if (!loop_timer_is_set(series->timer))
		set_flush_timer(series);
	if (archive->stats.pending_bytes > archive->pending_max / 2)
		press(archive);
	return 0;
}

int64_t
archive_last_s(const struct archive_series *series)
{
	return series->last_s;
}

bool
archive_before(const struct archive_series *series, int64_t *last_s)
{
	*last_s = series->before_s;
	return series->seen;
}

/* Readers. */

void
archive_add_run(struct archive_series *series, struct archivejob_run values)
{
	struct archivejob_run *run = mem_zalloc(sizeof(*run));

	MAGIC_CHECK(series, SERIES_MAGIC);
	*run = values;
	STAILQ_INSERT_TAIL(&series->runs, run, entry);
	archive_dispatch(series);
}

struct reader {
	void (*fn)(const char *path, void *arg);
	void (*done)(void *arg);
	void *arg;
};

static void
reader_run(const char *path, void *arg)
{
	struct reader *reader = arg;

	reader->fn(path, reader->arg);
}

static void
reader_done(int error, void *arg)
{
	struct reader *reader = arg;

	reader->done(reader->arg);
	free(reader);
}

void
archive_run(struct archive_series *series, void (*fn)(const char *path, void *arg),
    void (*done)(void *arg), void *arg)
{
	struct reader *reader = mem_zalloc(sizeof(*reader));

	reader->fn = fn;
	reader->done = done;
	reader->arg = arg;
	archive_add_run(series, (struct archivejob_run){.fn = reader_run,
				    .done = reader_done,
				    .arg = reader,
				    .urgent = true,
				    .lazy = true});
}

struct flush {
	void (*cb)(int error, void *arg);
	void *arg;
	size_t left;
	int error;
};

static void
flush_done(int error, void *arg)
{
	struct flush *flush = arg;

	if (error != 0)
		flush->error = error;
	if (--flush->left > 0)
		return;
	flush->cb(flush->error, flush->arg);
	free(flush);
}

void
archive_flush(struct archive *archive, void (*cb)(int error, void *arg), void *arg)
{
	struct flush *flush = mem_zalloc(sizeof(*flush));
	struct archive_list *lists[] = {&archive->closed, &archive->open};
	struct archive_series *series;
	size_t i;

	MAGIC_CHECK(archive, ARCHIVE_MAGIC);
	flush->cb = cb;
	flush->arg = arg;
	flush->left = 1;
	for (i = 0; i < ARRAY_LENGTH(lists); i++) {
		TAILQ_FOREACH (series, lists[i], entry) {
			if (series->rows == NULL && series->lent == NULL &&
			    archive->stats.replay_done)
				continue;
			flush->left++;
			archive_add_run(series,
			    (struct archivejob_run){.done = flush_done, .arg = flush});
		}
	}
	flush_done(0, flush);
}

void
archive_stats(const struct archive *archive, struct archive_stats *out)
{
	struct journal_stats journal;

	journal_stats(archive->journal, &journal);
	*out = archive->stats;
	out->durable = journal.durable;
	out->journal_bytes = journal.bytes;
	out->journal_errors = journal.errors;
	out->writable = archive->stats.writable && !journal.failing;
}
