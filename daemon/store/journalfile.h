/*
 * The files of the journal: `pending.log`, and `pending.log.N` of older generations.
 * What blocks, in functions that touch nothing but what they are given; the journal
 * calls them on workers.
 */
#ifndef VT_STORE_JOURNALFILE_H
#define VT_STORE_JOURNALFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/record.h"

#define JOURNALFILE_NAME "pending.log"

/* Makes the folder and locks it (-EBUSY: another process has it); an earlier run's
 * pending.log gets its number. -> 0, the folder's descriptor and the numbers found,
 * ascending, to be freed; or negative. */
int journalfile_open(const char *path, int *folder, uint32_t **numbers, size_t *count);
char *journalfile_path(const char *path, uint32_t number);
int64_t journalfile_size(int folder, uint32_t number); /* 0: it is not there */

struct journalfile_commit {
	int folder;
	uint32_t generation;
	int fd;			/* in, out; -1: the file is to be made, or it failed */
	int64_t length;		/* in, out: of the file, good so far */
	uint32_t previous;	/* pending.log gets this number first; 0: there is none */
	int64_t reserve;	/* room to be sure of in a new file */
	struct buf bytes;
	bool sync;		/* a new file is synced in any case */
	/* Out: */
	bool renamed;		/* pending.log is gone: it has its number */
	int error;
};
/* Makes the file if needed, writes, syncs if asked. On an error the file is as it was before,
 * and closed; a new one is removed. */
void journalfile_commit(struct journalfile_commit *commit);
/* Names pending.log by its number. */
int journalfile_rename(int folder, uint32_t number);
/* Syncs the file system, so that all else that was written is there; then removes, the
 * last one first. */
int journalfile_remove(int folder, const uint32_t *numbers, size_t count);

/* -> 0 or negative errno; what could be read was given to the reader all the same. */
int journalfile_read(const char *path, const struct record_reader *reader,
    struct record_stats *stats);

#endif
