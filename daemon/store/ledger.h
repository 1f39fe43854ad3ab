/*
 * The ledger of a site: SQLite (WAL), SITE/ledger.sqlite. Everything runs on the
 * worker pool given; the file is opened when needed and closed when idle. Schema
 * by PRAGMA user_version migrations. This is the only file with sqlite3.h.
 *
 * Table transitions: one row a change of verdict of a check or of a service
 * (check_id ''), written in the order told.
 */
#ifndef VT_STORE_LEDGER_H
#define VT_STORE_LEDGER_H

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

struct ledger *ledger_create(struct loop *loop, struct worker_pool *pool,
    const char *store_path, const char *site);
/* Waits for what was told to be written. */
void ledger_destroy(struct ledger *ledger);

/* Queued and retried until written; the queue is bounded, drops are counted. */
void ledger_add_transition(struct ledger *ledger, const struct ledger_transition *t);

typedef void ledger_transitions_cb(const struct ledger_transition *rows, size_t count,
    int error, void *arg);
/* The newest first, at most limit; check NULL: all of the service. */
void ledger_transitions(struct ledger *ledger, const char *service, const char *check,
    int64_t from_us, int64_t to_us, size_t limit, ledger_transitions_cb *cb, void *arg);

struct ledger_stats {
	uint64_t written, dropped, errors;
	size_t queued;
};
void ledger_stats(const struct ledger *ledger, struct ledger_stats *out);

#endif
