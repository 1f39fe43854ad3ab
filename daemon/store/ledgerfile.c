/*
 * SQLite as the ledger uses it. A call is tried; if the file turns out to be
 * damaged it is moved aside and the call tried once more on a new one. After any
 * failure the file is closed, so that the next call begins from what is on disk (an
 * administrator may have moved it, freed space, changed its rights).
 *
 * The struct belongs to whichever worker runs the ledger's job; SQLite's own mutex
 * is not needed.
 */
#include "store/ledgerfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

#define LEDGERFILE_MAGIC 0x6c646766
#define BUSY_MS 250
#define LOG_EVERY_US (60 * CLOCK_SECOND)

struct ledgerfile {
	MAGIC;
	char *path;
	sqlite3 *db;
	unsigned moves;
	struct log_limit limit;
};

/* Step i brings a file of user_version i to i + 1. Steps are never changed. */
static const char *const migrations[] = {
    "CREATE TABLE transitions ("
    " id INTEGER PRIMARY KEY,"
    " at_us INTEGER NOT NULL," /* since 1970 */
    " service_id TEXT NOT NULL,"
    " check_id TEXT NOT NULL," /* '': the service's own */
    " from_verdict TEXT NOT NULL,"
    " to_verdict TEXT NOT NULL,"
    " class TEXT NOT NULL,"
    " message TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX transitions_by_service ON transitions (service_id, at_us);",
    /* A service that is slow at times changes a hundred times more often between up
     * and degraded than it is down. */
    ("CREATE INDEX transitions_of_outages ON transitions (service_id, at_us)"
     " WHERE from_verdict = 'down' OR to_verdict = 'down';"),
    /* A quiet check of a service whose others change often. */
    "CREATE INDEX transitions_by_check ON transitions (service_id, check_id, at_us);",
};

static atomic_uint open_count;

struct ledgerfile *
ledgerfile_create(const char *path)
{
	struct ledgerfile *file = mem_zalloc(sizeof(*file));

	MAGIC_SET(file, LEDGERFILE_MAGIC);
	file->path = mem_strdup(path);
	return file;
}

void
ledgerfile_close(struct ledgerfile *file)
{
	MAGIC_CHECK(file, LEDGERFILE_MAGIC);
	if (file->db == NULL)
		return;
	sqlite3_close(file->db); /* no statement is open between calls */
	file->db = NULL;
	atomic_fetch_sub(&open_count, 1);
}

void
ledgerfile_destroy(struct ledgerfile *file)
{
	if (file == NULL)
		return;
	ledgerfile_close(file);
	free(file->path);
	MAGIC_CLEAR(file);
	free(file);
}

bool
ledgerfile_is_open(const struct ledgerfile *file)
{
	return file->db != NULL;
}

unsigned
ledgerfile_open_count(void)
{
	return atomic_load(&open_count);
}

unsigned
ledgerfile_moves(const struct ledgerfile *file)
{
	return file->moves;
}

static bool
is_damage(int code)
{
	return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

/* SQLite's code as ours; the words go to the log, not more often than it bears. */
static int
tell(struct ledgerfile *file, const char *doing, int code)
{
	unsigned long held;

	if (log_limited(&file->limit, LOG_EVERY_US, &held))
		log_error("ledger: %s: cannot %s: %s (%lu more kept back)", file->path,
		    doing,
		    file->db != NULL ? sqlite3_errmsg(file->db) : sqlite3_errstr(code),
		    held);
	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ERR_DAMAGED;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	default:
		return ERR_LIBRARY;
	}
}

static int
exec(struct ledgerfile *file, const char *sql)
{
	return sqlite3_exec(file->db, sql, NULL, NULL, NULL);
}

/* The first column of the first row, as an integer. */
static int
query_integer(struct ledgerfile *file, const char *sql, int64_t *value)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(file->db, sql, -1, &statement, NULL);

	if (code != SQLITE_OK)
		return code;
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		*value = sqlite3_column_int64(statement, 0);
		code = SQLITE_OK;
	}
	sqlite3_finalize(statement);
	return code;
}

/* -> SQLite's code; SQLITE_MISMATCH: the file is of a newer version. */
static int
migrate(struct ledgerfile *file)
{
	int64_t version = 0;
	char sql[64];
	int code = query_integer(file, "PRAGMA user_version", &version);

	if (code != SQLITE_OK || version == (int64_t)ARRAY_LENGTH(migrations))
		return code;
	if (version < 0 || version > (int64_t)ARRAY_LENGTH(migrations))
		return SQLITE_MISMATCH;
	code = exec(file, "BEGIN IMMEDIATE");
	if (code == SQLITE_OK) /* somebody else may have been faster */
		code = query_integer(file, "PRAGMA user_version", &version);
	for (; code == SQLITE_OK && version < (int64_t)ARRAY_LENGTH(migrations);
	     version++) {
		code = exec(file, migrations[version]);
		snprintf(
		    sql, sizeof(sql), "PRAGMA user_version = %d", (int)version + 1);
		if (code == SQLITE_OK)
			code = exec(file, sql);
	}
	if (code == SQLITE_OK)
		code = exec(file, "COMMIT");
	return code;
}

/* The file's folder and the one above, as far as they are missing; and the file, if it
 * is, so that it has our rights and not SQLite's: its messages are not for everybody.
 * (One that is there is not touched: closing it would drop the locks on it of anybody
 * else in this process.) */
static int
prepare_path(struct ledgerfile *file)
{
	char *folder = mem_strdup(file->path), *slash;
	int code = 0, fd;

	*strrchr(folder, '/') = '\0';
	slash = strrchr(folder, '/');
	if (mkdir(folder, 0750) != 0 && errno == ENOENT && slash != NULL) {
		*slash = '\0';
		mkdir(folder, 0750);
		*slash = '/';
		mkdir(folder, 0750);
	}
	fd = open(file->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd >= 0)
		close(fd);
	else if (errno != EEXIST)
		code = -errno;
	free(folder);
	return code;
}

static int
open_plain(struct ledgerfile *file)
{
	int code = sqlite3_open_v2(file->path, &file->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);

	if (file->db != NULL) /* of an error, too */
		atomic_fetch_add(&open_count, 1);
	if (code == SQLITE_OK)
		sqlite3_busy_timeout(file->db, BUSY_MS);
	return code;
}

static int
open_file(struct ledgerfile *file)
{
	unsigned long held;
	int code = prepare_path(file);

	if (code != 0) {
		if (log_limited(&file->limit, LOG_EVERY_US, &held))
			log_error("ledger: cannot make %s: %s (%lu more kept back)",
			    file->path, err_text(code), held);
		return SQLITE_CANTOPEN;
	}
	code = open_plain(file);
	if (code == SQLITE_OK)
		code = exec(file,
		    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		    "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
		    "PRAGMA cache_size = -512; PRAGMA journal_size_limit = 4194304");
	if (code == SQLITE_OK)
		sqlite3_db_config(file->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (code == SQLITE_OK)
		code = migrate(file);
	if (code == SQLITE_MISMATCH && log_limited(&file->limit, LOG_EVERY_US, &held))
		log_error("ledger: %s was made by a newer version and is left alone",
		    file->path);
	return code;
}

/* Whether the file, opened anew, is found damaged by SQLite itself. */
static bool
is_damaged(struct ledgerfile *file)
{
	sqlite3_stmt *statement = NULL;
	const unsigned char *text;
	bool damaged = false;
	int code;

	ledgerfile_close(file);
	code = open_plain(file);
	if (code == SQLITE_OK)
		code = sqlite3_prepare_v2(
		    file->db, "PRAGMA quick_check(1)", -1, &statement, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		text = sqlite3_column_text(statement, 0);
		damaged = text == NULL || strcmp((const char *)text, "ok") != 0;
	} else {
		damaged = is_damage(code);
	}
	sqlite3_finalize(statement);
	ledgerfile_close(file);
	return damaged;
}

/* A name that is free. */
static char *
name_aside(struct ledgerfile *file)
{
	unsigned n = 0;
	char *name = NULL;

	do {
		free(name);
		name = mem_printf("%s.damaged-%u", file->path, ++n);
	} while (access(name, F_OK) == 0);
	return name;
}

/* The -wal goes first: left beside a new file it would be replayed into that. */
static bool
move_aside(struct ledgerfile *file)
{
	static const char *const suffix[] = {"-wal", "-shm", ""};
	char *aside, *from, *to;
	bool moved = true;
	size_t i;

	if (file->moves >= LEDGERFILE_MOVES_MAX || !is_damaged(file))
		return false;
	aside = name_aside(file);
	for (i = 0; i < ARRAY_LENGTH(suffix) && moved; i++) {
		from = mem_printf("%s%s", file->path, suffix[i]);
		to = mem_printf("%s%s", aside, suffix[i]);
		moved =
		    rename(from, to) == 0 || (errno == ENOENT && suffix[i][0] != '\0');
		free(from);
		free(to);
	}
	if (moved) {
		log_error("ledger: %s is damaged; moved to %s, a new one begins",
		    file->path, aside);
		file->moves++;
	}
	free(aside);
	return moved;
}

/* A call: what perform() does, on an open file, twice if damage was in the way. */
struct call {
	int (*perform)(struct ledgerfile *file, struct call *call);
	const char *doing;
	const struct ledger_transition *const *rows; /* write */
	struct ledger_transition *found;             /* read */
	size_t count, refused;
	bool outages;
	const char *service, *check;
	int64_t from_us, to_us;
	size_t limit;
};

static int
run(struct ledgerfile *file, struct call *call)
{
	int attempt, code, error = 0;

	MAGIC_CHECK(file, LEDGERFILE_MAGIC);
	for (attempt = 0; attempt < 2; attempt++) {
		code = file->db == NULL ? open_file(file) : SQLITE_OK;
		if (code == SQLITE_OK)
			code = call->perform(file, call);
		if (code == SQLITE_OK)
			return 0;
		error = tell(file, call->doing, code);
		ledgerfile_close(file);
		if (!is_damage(code) || !move_aside(file))
			break;
	}
	return error;
}

static int
bind_text(sqlite3_stmt *statement, int index, const char *text)
{
	return sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

static int
insert(sqlite3_stmt *statement, const struct ledger_transition *t)
{
	int code;

	sqlite3_bind_int64(statement, 1, t->at_us);
	bind_text(statement, 2, t->service);
	bind_text(statement, 3, t->check);
	bind_text(statement, 4, t->from);
	bind_text(statement, 5, t->to);
	bind_text(statement, 6, t->class);
	bind_text(statement, 7, t->message);
	code = sqlite3_step(statement);
	sqlite3_reset(statement);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int
insert_rows(struct ledgerfile *file, struct call *call)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(file->db,
	    "INSERT INTO transitions (at_us, service_id, check_id, from_verdict, "
	    "to_verdict,"
	    " class, message) VALUES (?, ?, ?, ?, ?, ?, ?)",
	    -1, &statement, NULL);
	size_t i;

	call->refused = 0;
	for (i = 0; i < call->count && code == SQLITE_OK; i++) {
		code = insert(statement, call->rows[i]);
		if ((code & 0xff) != SQLITE_CONSTRAINT)
			continue;
		/* It would be refused for ever, and hold up all that follow. */
		tell(file, "keep a row", code);
		call->refused++;
		code = SQLITE_OK;
	}
	sqlite3_finalize(statement);
	return code;
}

static int
perform_write(struct ledgerfile *file, struct call *call)
{
	char sql[128];
	int code = exec(file, "BEGIN IMMEDIATE");

	if (code == SQLITE_OK)
		code = insert_rows(file, call);
	snprintf(sql, sizeof(sql), "DELETE FROM transitions WHERE id <= %lld",
	    (long long)sqlite3_last_insert_rowid(file->db) - LEDGERFILE_ROWS_MAX);
	if (code == SQLITE_OK)
		code = exec(file, sql);
	if (code == SQLITE_OK)
		code = exec(file, "COMMIT");
	return code; /* a failure closes the file, which rolls back */
}

int
ledgerfile_write(struct ledgerfile *file, const struct ledger_transition *const *rows,
    size_t count, size_t *refused)
{
	struct call call = {
	    .perform = perform_write, .doing = "write", .rows = rows, .count = count};
	int code = run(file, &call);

	*refused = call.refused;
	return code;
}

static void
column(sqlite3_stmt *statement, int index, char *out, size_t size)
{
	const unsigned char *text = sqlite3_column_text(statement, index);

	snprintf(out, size, "%s", text != NULL ? (const char *)text : "");
}

static void
take_row(sqlite3_stmt *statement, struct ledger_transition *t)
{
	memset(t, 0, sizeof(*t));
	t->at_us = sqlite3_column_int64(statement, 0);
	column(statement, 1, t->service, sizeof(t->service));
	column(statement, 2, t->check, sizeof(t->check));
	column(statement, 3, t->from, sizeof(t->from));
	column(statement, 4, t->to, sizeof(t->to));
	column(statement, 5, t->class, sizeof(t->class));
	column(statement, 6, t->message, sizeof(t->message));
}

#define READ_FROM                                                                      \
	"SELECT at_us, service_id, check_id, from_verdict, to_verdict, class, message" \
	" FROM transitions WHERE service_id = ?1 AND at_us >= ?3 AND at_us < ?4"
#define READ_CHECK " AND check_id = ?2"
#define READ_OUTAGES " AND (from_verdict = 'down' OR to_verdict = 'down')"
#define READ_ORDER " ORDER BY at_us DESC, id DESC LIMIT ?5"

/* By outages, by check. */
static const char *const reads[2][2] = {
    {READ_FROM READ_ORDER, READ_FROM READ_CHECK READ_ORDER},
    /* with the index of outages, however often a check is slow */
    {READ_FROM READ_OUTAGES READ_ORDER,
	READ_FROM " AND +check_id = ?2" READ_OUTAGES READ_ORDER},
};

static int
perform_read(struct ledgerfile *file, struct call *call)
{
	sqlite3_stmt *statement = NULL;
	size_t room = 0;
	int code = sqlite3_prepare_v2(
	    file->db, reads[call->outages][call->check != NULL], -1, &statement, NULL);

	call->count = 0;
	if (code == SQLITE_OK) {
		bind_text(statement, 1, call->service);
		if (call->check != NULL)
			bind_text(statement, 2, call->check);
		sqlite3_bind_int64(statement, 3, call->from_us);
		sqlite3_bind_int64(statement, 4, call->to_us);
		sqlite3_bind_int64(statement, 5, (int64_t)call->limit);
		code = SQLITE_ROW;
	}
	while (code == SQLITE_ROW && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		if (call->count == room) {
			room = room == 0 ? 16 : 2 * room;
			call->found =
			    mem_resize(call->found, room, sizeof(*call->found));
		}
		take_row(statement, &call->found[call->count++]);
	}
	sqlite3_finalize(statement);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

int
ledgerfile_read(struct ledgerfile *file, bool outages, const char *service,
    const char *check, int64_t from_us, int64_t to_us, size_t limit,
    struct ledger_transition **rows, size_t *count)
{
	struct call call = {.perform = perform_read,
	    .doing = "read",
	    .outages = outages,
	    .service = service,
	    .check = check,
	    .from_us = from_us,
	    .to_us = to_us,
	    .limit = limit};
	int code = run(file, &call);

	if (code != 0) {
		free(call.found);
		call.found = NULL;
		call.count = 0;
	}
	*rows = call.found;
	*count = call.count;
	return code;
}
