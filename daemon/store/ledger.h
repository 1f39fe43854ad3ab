/*
 * The ledger of a site: SQLite (WAL), SITE/ledger.sqlite. Everything runs on the
 * worker pool given, one job at a time, so that the order of what is told holds;
 * the file is opened when needed and closed when idle. The calls of SQLite, what
 * is kept how, migrations and damage: store/ledgerfile.h.
 *
 * Table transitions: one row a change of verdict of a check or of a service
 * (check_id ''), written in the order told. A disk that is full or a file that is
 * locked loses none: they wait, bounded, and are tried again with back-off.
 */
#ifndef VT_STORE_LEDGER_H
#define VT_STORE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct worker_pool;
struct ledger;

struct ledger_transition {
	int64_t at_us;		/* wall */
	char service[64], check[64]; /* check "": the service's */
	char from[16], to[16];	/* verdict names */
	char class[32];		/* class of the check's result, "" for a service */
	char message[256];	/* the sentence: administrators only */
};

#define LEDGER_QUEUE_MAX 4096	/* transitions that wait; more are dropped */
#define LEDGER_QUERIES_MAX 256	/* that wait; more are answered ERR_FULL */
#define LEDGER_LIMIT_MAX 10000	/* rows of one answer */

struct ledger *ledger_create(struct loop *loop, struct worker_pool *pool,
    const char *store_path, const char *site);
/* Does not wait: what was told is written by a last job, before the pool ends; what
 * cannot be is counted in the log. Open questions are answered ERR_CLOSED within. */
void ledger_destroy(struct ledger *ledger);

/* Queued and retried until written; the queue is bounded, drops are counted. */
void ledger_add_transition(struct ledger *ledger, const struct ledger_transition *t);

/* rows is the callee's to read until it returns. Called once, never before
 * ledger_transitions() returns. */
typedef void ledger_transitions_cb(const struct ledger_transition *rows, size_t count,
    int error, void *arg);
/* The newest first, at most limit; check NULL: all of the service, "": its own.
 * [from, to). Sees all that was told before, unless writing fails at the time. */
void ledger_transitions(struct ledger *ledger, const char *service, const char *check,
    int64_t from_us, int64_t to_us, size_t limit, ledger_transitions_cb *cb, void *arg);
/* The same, but only those from or to "down": a service that is slow at times has
 * thousands of others. */
void ledger_outages(struct ledger *ledger, const char *service, const char *check,
    int64_t from_us, int64_t to_us, size_t limit, ledger_transitions_cb *cb, void *arg);

struct ledger_stats {
	uint64_t written, dropped, errors;
	uint64_t damaged;	/* files moved aside */
	size_t queued;
	bool writable;		/* the last write went well, or there was none */
	bool open;		/* now */
};
void ledger_stats(const struct ledger *ledger, struct ledger_stats *out);

#endif
