/* The replay: files in order of their generation, series by their whole definition. */
#include "store/replay.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/tree.h"
#include "store/archivejob.h"
#include "store/journalfile.h"

struct node {
	RB_ENTRY(node) entry;
	struct replay_series *series;
};

RB_HEAD(replay_table, node);

static int
compare(const struct node *a, const struct node *b)
{
	const struct record_definition *x = &a->series->definition;
	const struct record_definition *y = &b->series->definition;
	int order = strcmp(x->site, y->site);
	size_t i;

	if (order == 0)
		order = strcmp(x->service, y->service);
	if (order == 0)
		order = strcmp(x->check, y->check);
	if (order == 0 && x->step_s != y->step_s)
		order = x->step_s < y->step_s ? -1 : 1;
	if (order == 0 && x->count != y->count)
		order = x->count < y->count ? -1 : 1;
	for (i = 0; order == 0 && i < x->count; i++)
		order = strcmp(x->names[i], y->names[i]);
	return order;
}

TREE_GENERATE(replay_table, node, entry, compare)

/* Copies a definition with its strings into one piece of text. */
static void
copy_definition(const struct record_definition *from, struct replay_series *to)
{
	size_t length =
	    strlen(from->site) + strlen(from->service) + strlen(from->check) + 3;
	size_t i;
	char *at;

	for (i = 0; i < from->count; i++)
		length += strlen(from->names[i]) + 1;
	to->definition = *from;
	at = to->text = mem_alloc(length);
	to->definition.site = strcpy(at, from->site);
	at += strlen(at) + 1;
	to->definition.service = strcpy(at, from->service);
	at += strlen(at) + 1;
	to->definition.check = strcpy(at, from->check);
	for (i = 0; i < from->count; i++) {
		at += strlen(at) + 1;
		to->definition.names[i] = strcpy(at, from->names[i]);
	}
}

#define AHEAD_S 86400

struct reading {
	struct replay *replay;
	uint32_t generation;
	int64_t latest_s; /* no sample is later */
};

static void *
on_definition(const struct record_definition *definition, void *arg)
{
	struct reading *reading = arg;
	struct replay *replay = reading->replay;
	struct replay_series wanted = {.definition = *definition}, *series;
	struct node key = {.series = &wanted}, *node;
	char *path;

	node = RB_FIND(replay_table, replay->table, &key);
	if (node != NULL)
		return node->series;
	series = mem_zalloc(sizeof(*series));
	copy_definition(definition, series);
	path = archivejob_path(
	    replay->store, definition->site, definition->service, definition->check);
	if (rrdfile_last(path, &series->file_last_s) != 0)
		series->file_last_s = 0;
	free(path);
	node = mem_zalloc(sizeof(*node));
	node->series = series;
	RB_INSERT(replay_table, replay->table, node);
	TAILQ_INSERT_TAIL(&replay->series, series, entry);
	return series;
}

static void
on_sample(void *handle, int64_t time_s, const double *values, size_t count, void *arg)
{
	struct reading *reading = arg;
	struct replay_series *series = handle;
	const struct block *rows = series->rows;
	int64_t before_s =
	    rows != NULL ? rows->times_s[rows->count - 1] : series->file_last_s;

	/* What follows on the file was measured like that, whatever the clock says. */
	if (time_s > reading->latest_s && time_s - AHEAD_S > before_s) {
		reading->replay->stats.damages++;
		return;
	}
	if (time_s <= before_s || time_s % series->definition.step_s != 0) {
		reading->replay->skipped++;
		return;
	}
	if (rows == NULL)
		series->rows = block_create(count);
	block_add(series->rows, time_s, values, reading->generation);
}

/* A day after now, or, should the clock be set back, after the file was written. */
static int64_t
latest_s(const char *path)
{
	int64_t now_s = clock_wall_us() / CLOCK_SECOND;
	struct stat st;

	if (stat(path, &st) == 0 && st.st_mtime > now_s)
		now_s = st.st_mtime;
	return now_s + AHEAD_S;
}

void
replay_run(void *arg)
{
	struct replay *replay = arg;
	struct record_stats *stats = &replay->stats;
	size_t i;

	for (i = 0; i < replay->count; i++) {
		struct reading reading = {
		    replay, replay->generations[i], latest_s(replay->paths[i])};
		struct record_reader reader = {on_definition, on_sample, &reading};
		uint64_t damages = stats->damages;
		int error;
		stats->torn = 0;
		error = journalfile_read(replay->paths[i], &reader, stats);
		replay->read[i] = error == 0;
		if (error != 0)
			log_error("%s: %s: kept for the next start", replay->paths[i],
			    err_text(error));
		if (stats->torn > 0)
			log_info("%s: the last %zu bytes were not written whole",
			    replay->paths[i], stats->torn);
		if (stats->damages > damages)
			log_error(
			    "%s: damaged in %llu places: what stood there is lost",
			    replay->paths[i],
			    (unsigned long long)(stats->damages - damages));
	}
}

struct replay *
replay_create(const char *store, const uint32_t *generations, size_t count)
{
	struct replay *replay = mem_zalloc(sizeof(*replay));

	replay->store = store;
	replay->count = count;
	replay->generations = mem_dup(generations, count * sizeof(*generations));
	replay->paths = mem_array(count, sizeof(*replay->paths));
	replay->read = mem_array(count, sizeof(*replay->read));
	TAILQ_INIT(&replay->series);
	replay->table = mem_zalloc(sizeof(*replay->table));
	RB_INIT(replay->table);
	return replay;
}

void
replay_set_path(struct replay *replay, size_t i, char *path)
{
	replay->paths[i] = path;
}

void
replay_destroy(struct replay *replay)
{
	struct replay_series *series;
	struct node *node;
	size_t i;

	while ((node = RB_MIN(replay_table, replay->table)) != NULL) {
		RB_REMOVE(replay_table, replay->table, node);
		free(node);
	}
	while ((series = TAILQ_FIRST(&replay->series)) != NULL) {
		TAILQ_REMOVE(&replay->series, series, entry);
		block_destroy(series->rows);
		free(series->text);
		free(series);
	}
	for (i = 0; i < replay->count; i++)
		free(replay->paths[i]);
	free(replay->table);
	free(replay->paths);
	free(replay->generations);
	free(replay->read);
	free(replay);
}
