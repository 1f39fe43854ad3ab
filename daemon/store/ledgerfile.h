/*
 * One ledger on disk: SQLite's calls, and the only file with sqlite3.h. Every
 * function blocks and belongs to a worker, one at a time; the file is opened by the
 * first call that needs it, in a folder made if missing.
 *
 * A commit is synced (synchronous=FULL): samples survive a power cut by the
 * archive's journal, so the verdicts they stand for must survive it too, or number
 * and length of outages would disagree with availability. It costs one fsync a
 * batch, and verdicts change seldom.
 *
 * A file that is damaged is moved aside with its -wal (NAME.damaged-N, never
 * removed: `sqlite3 FILE .recover` may still read it) once PRAGMA quick_check has
 * said so too, and a new one begun: what happens now is then kept, and what was
 * kept is not overwritten. Not more than LEDGERFILE_MOVES_MAX times, as a disk
 * that damages what it is given would be filled. A file made by a newer version is
 * left alone and every call fails.
 */
#ifndef VT_STORE_LEDGERFILE_H
#define VT_STORE_LEDGERFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/ledger.h"

#define LEDGERFILE_MOVES_MAX 3
/* Rows kept in transitions; the oldest go. About 200 MB. */
#define LEDGERFILE_ROWS_MAX 1000000

struct ledgerfile;

struct ledgerfile *ledgerfile_create(const char *path);
void ledgerfile_destroy(struct ledgerfile *file);
void ledgerfile_close(struct ledgerfile *file); /* the next call opens it again */
unsigned ledgerfile_open_count(void); /* of all; any thread */
bool ledgerfile_is_open(const struct ledgerfile *file);
unsigned ledgerfile_moves(const struct ledgerfile *file); /* damaged ones */

/* All rows in one transaction, in their order; those that the schema refuses are
 * left out, logged and counted. -> 0, or negative, nothing written, logged. */
int ledgerfile_write(struct ledgerfile *file, const struct ledger_transition *const *rows,
    size_t count, size_t *refused);
/* As ledger_transitions(), or if outages as ledger_outages(); *rows to be freed with
 * free(). */
int ledgerfile_read(struct ledgerfile *file, bool outages, const char *service,
    const char *check, int64_t from_us, int64_t to_us, size_t limit,
    struct ledger_transition **rows, size_t *count);

#endif
