/*
 * The replay of what earlier runs left in pending.log: on the rrd thread, once, before
 * anything else there. Rows that a series' file has already are skipped.
 */
#ifndef VT_STORE_REPLAY_H
#define VT_STORE_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "store/block.h"
#include "store/record.h"

struct replay_series {
	TAILQ_ENTRY(replay_series) entry;
	struct record_definition definition; /* strings are text's */
	char *text;
	int64_t file_last_s; /* 0: no file */
	struct block *rows;
};

TAILQ_HEAD(replay_list, replay_series);
struct replay_table;

struct replay {
	/* In: */
	void *owner;
	const char *store;
	size_t count;		/* generations, oldest first */
	uint32_t *generations;
	char **paths;
	/* Out: */
	bool *read;		/* each: whether the whole file could be read */
	struct record_stats stats;
	uint64_t skipped;
	struct replay_list series; /* as first met */
	struct replay_table *table;
};

struct replay *replay_create(const char *store, const uint32_t *generations, size_t count);
void replay_set_path(struct replay *replay, size_t i, char *path); /* takes it */
void replay_run(void *replay); /* a worker_fn */
void replay_destroy(struct replay *replay);

#endif
