/*
 * The registry: what runs now. One site, service and check of the running
 * configuration each, with its state; the only place that knows all of them.
 *
 * The structs are for reading, by everybody on the loop; only watch/ writes them.
 * Pointers to conf are of the running snapshot and change with a reload: nobody
 * keeps them, nor a registry pointer, across a return to the loop; keep ids and
 * look up again (registry_find_*).
 */
#ifndef VT_WATCH_REGISTRY_H
#define VT_WATCH_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/tree.h"
#include "conf/conf.h"
#include "store/ledger.h"
#include "watch/probe.h"
#include "watch/verdict.h"

struct announce;
struct archive;
struct archive_series;
struct histogram;
struct loop;
struct registry;
struct runner;
struct worker_pool;

/* How a verdict stands to the ledger; watch/change's. */
struct registry_past {
	bool asked, recalled;	/* the ledger tells how it stood before the start */
	int64_t held_us;	/* wall, when it was last measured; 0: never */
	enum verdict first;	/* until it is recalled: what was measured first, when */
	int64_t first_us;
};

struct registry_check {
	const struct conf_check *conf;
	const struct collector *collector;
	struct registry_service *service;
	const struct archive_source *sources; /* the collector's, or our own with extra() */
	size_t source_count;
	struct archive_series *series;	/* up, known, then these sources */
	enum verdict verdict;		/* as last measured; see registry_check_verdict() */
	int64_t since_us;		/* wall, of the last change; 0: unknown */
	struct probe_result last;	/* class PROBE_OK and NANs before the first */
	int64_t last_us;		/* wall, when last ended; 0: never */
	struct registry_past past;
	uint64_t runs, failures, retries, missed; /* since the start of the daemon */
	double late_s;			/* of the last run against its plan */
	double run_s;			/* how long the last run took, retry included */
	bool running;
	struct runner *runner;		/* watch/runner's */
};

struct registry_service {
	RB_ENTRY(registry_service) entry; /* among the site's, by id */
	const struct conf_service *conf, *next; /* next: while a reload is applied */
	struct registry_site *site;
	size_t at;			/* among the site's services */
	uint64_t generation;		/* grows with every result and change of it */
	enum verdict verdict;		/* see registry_service_verdict() */
	int64_t since_us;		/* wall, 0: unknown */
	struct registry_past past;
	size_t check_count;
	struct registry_check **checks;	/* in the file's order */
};

RB_HEAD(registry_services, registry_service);

struct registry_site {
	RB_ENTRY(registry_site) entry;	/* by id */
	const struct conf_site *conf, *next; /* next: while a reload is applied */
	size_t at;			/* among the registry's sites */
	struct registry_services by_id;
	struct ledger *ledger;
	struct announce *announce; /* the registry's */
	unsigned asking;	/* questions that the ledger has from watch/change */
	uint64_t generation;	/* grows with every result, change and reload */
	size_t service_count;
	struct registry_service **services; /* in the file's order */
};

struct registry_env {
	struct probe_env probe;
	struct archive *archive;
	struct worker_pool *io;		/* for the ledgers */
	const struct collector *const *collectors; /* NULL-terminated */
};

struct registry *registry_create(const struct registry_env *env);
/* Takes the snapshot over (the one before is freed): checks whose hash is equal
 * keep schedule and state, the others are closed and opened anew. */
void registry_apply(struct registry *registry, struct conf *conf);
/* Cancels what runs, closes all series and ledgers, frees the snapshot. */
void registry_destroy(struct registry *registry);

const struct conf *registry_conf(const struct registry *registry);
size_t registry_site_count(const struct registry *registry);
struct registry_site *registry_site(const struct registry *registry, size_t i);
struct registry_site *registry_find_site(const struct registry *registry, const char *id);
struct registry_service *registry_find_service(struct registry_site *site, const char *id);
struct registry_check *registry_find_check(struct registry_service *service, const char *id);

/* Wall, us, when it was measured last: by this daemon, or before its start as far as
 * ledger and archive tell (then its slot's begin); 0: never. */
int64_t registry_check_measured_us(const struct registry_check *check);
/* The verdict as it holds now: unknown when the last result is older than twice the
 * interval and a whole run with its retries, whatever it said. */
enum verdict registry_check_verdict(const struct registry_check *check, int64_t wall_us);
enum verdict registry_service_verdict(const struct registry_service *service,
    int64_t wall_us);
/* When the freshest result of a service goes stale (wall, us; 0: it is). */
int64_t registry_service_stale_us(const struct registry_service *service);

/* The wall clock was stepped: every check plans anew. */
void registry_replan(struct registry *registry);

/* Runs a check now, beside its schedule, and calls cb when it is measured (or its
 * running measurement ends). The result counts for the verdict; it is stored as the
 * sample of its slot if that has none yet. */
typedef void registry_now_cb(struct registry_check *check, void *arg);
void registry_run_now(struct registry *registry, struct registry_check *check,
    registry_now_cb *cb, void *arg); /* check NULL in cb: it went away */

struct registry_stats {
	uint64_t runs, missed, retries;
	size_t checks, running;
	size_t verdicts[VERDICTS];	/* of checks, now */
	double late_max_s;		/* of the runs of the last one to two minutes */
	struct ledger_stats ledger;	/* of all sites together; writable: each of them */
};
void registry_stats(const struct registry *registry, struct registry_stats *out);
/* How late runs began against their plan, since the start of the daemon. */
const struct histogram *registry_lateness(const struct registry *registry);

#endif
