/*
 * pending.log: samples accepted that are not yet in their round-robin database. What
 * is appended is written and synced by group, at most every second, on a worker; a
 * kill -9 loses no more than that second.
 *
 * Files are generations: `pending.log` is written, `pending.log.N` are older ones. A
 * generation is removed when all its samples are in their files and these on the disk
 * (syncfs). Whoever appends keeps the generation of each sample, and releases it.
 *
 * When writing fails (a full disk), what was being written is given up and journal
 * generations from there on are unsafe; a new file is tried until one can be written.
 * Then `recovered` tells the range of unsafe generations, whose samples the owner, who
 * has them in memory, moves: appends again.
 *
 * A few samples that cannot be stored for long pin every generation since: when these
 * weigh much more than what is pending, `heavy` has all that they hold moved.
 *
 * All functions belong to the loop. The old files are read by journalfile_read().
 */
#ifndef VT_STORE_JOURNAL_H
#define VT_STORE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/record.h"

struct loop;
struct worker_pool;
struct journal;
struct journal_series;

struct journal_hooks {
	/* Writing failed; samples appended from now on are in memory only. Told again
	 * at each attempt that fails. */
	void (*failed)(void *arg);
	/* Writing goes on. Samples of generations in [from, to) are to be moved, those
	 * of a series in their order and before it appends others; then
	 * journal_moved(). */
	void (*recovered)(uint32_t from, uint32_t to, void *arg);
	/* The old generations weigh far more than what they are kept for: the samples
	 * of those in [from, to) are to be moved just so. */
	void (*heavy)(uint32_t from, uint32_t to, void *arg);
	/* Bytes that this will take, so that the room is there before. */
	int64_t (*needed)(void *arg);
	void *arg;
};

/* Makes the folder, locks it (-EBUSY: another process has it), finds what earlier
 * runs left. commits: a pool where nothing is long, or the second does not hold; io:
 * for the removal of files. -> 0 or negative. */
int journal_open(struct loop *loop, struct worker_pool *commits, struct worker_pool *io,
    const char *folder, const struct journal_hooks *hooks, struct journal **out);
/* Writes and syncs what is buffered, on this thread; where writing failed, tries once
 * more. -> whether all that was appended is safe, or to be moved now. */
bool journal_settle(struct journal *journal);
/* Writes and syncs what is buffered, removes generations that nobody needs. */
void journal_close(struct journal *journal);

/* Generations of earlier runs, oldest first, to be replayed: each is held until
 * journal_release(journal, generation, 1) on top of what journal_adopt() adds. */
size_t journal_old(const struct journal *journal, const uint32_t **generations);
/* Path of an older generation; freed by the caller. */
char *journal_old_path(const struct journal *journal, uint32_t generation);
/* One that cannot be read is never released: it does not count. */
void journal_keep(struct journal *journal, uint32_t generation);
void journal_adopt(struct journal *journal, uint32_t generation, uint64_t samples);

/* names: of the values, borrowed as all of definition (its id is not used). */
struct journal_series *journal_series_create(struct journal *journal,
    const struct record_definition *definition);
void journal_series_destroy(struct journal_series *series);

/* -> the generation that the sample belongs to. */
uint32_t journal_append(struct journal *journal, struct journal_series *series,
    int64_t time_s, const double *values);
void journal_release(struct journal *journal, uint32_t generation, uint64_t samples);
/* Appends a sample of this generation again, and releases it; the file stays until all
 * that was moved is synced. */
uint32_t journal_move(struct journal *journal, struct journal_series *series,
    uint32_t generation, int64_t time_s, const double *values);
void journal_moved(struct journal *journal); /* all that was told */

struct journal_stats {
	uint64_t appended;	/* samples; moved ones again */
	uint64_t durable;	/* of those, synced to the disk; each once */
	uint64_t bytes, commits, errors;
	uint64_t removed;	/* generations */
	size_t generations;	/* now */
	uint64_t old_bytes;	/* of those that are ended and needed, now */
	uint32_t unsafe_from;	/* while failing: the generation */
	size_t buffered;	/* bytes, now */
	bool failing;
};
void journal_stats(const struct journal *journal, struct journal_stats *out);

/* A generation ends when it is so long or so old; at most one commit in commit_us,
 * each synced. By default there are four to a second, and one of them is. */
void journal_limits(struct journal *journal, int64_t bytes, int64_t age_us,
    int64_t commit_us);

#endif
