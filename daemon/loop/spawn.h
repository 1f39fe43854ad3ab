/*
 * Programs that the daemon runs: no shell, an environment of its own, a process group
 * of its own that ends with it, and limits for time, output and how many run at once.
 */
#ifndef VT_LOOP_SPAWN_H
#define VT_LOOP_SPAWN_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct loop;
struct worker_pool;
struct spawn_pool;
struct spawn;

/* All pointers are borrowed until spawn_start() returns. */
struct spawn_request {
	const char *const *command;	/* path, arguments, NULL */
	const char *const *environment;	/* "NAME=value", NULL-terminated: nothing else */
	int64_t timeout_us;		/* from spawn_start() on, waiting included */
	size_t output_max;		/* bytes kept of each output; the rest is dropped */
};

enum spawn_end {
	SPAWN_EXITED,		/* code: 0..255 */
	SPAWN_KILLED,		/* code: the signal; not ours */
	SPAWN_TIMEOUT,		/* was killed for its time */
	SPAWN_FLOOD,		/* was killed for its output, 16 times output_max */
	SPAWN_WAITED,		/* others ran more than half of the time */
	SPAWN_FAILED,		/* did not begin; code: errno */
};

struct spawn_reply {
	enum spawn_end end;
	int code;
	double seconds;		/* that it ran; NAN if it did not */
	struct buf output, errors; /* standard output and error */
};

struct spawn_stats {
	uint64_t started, killed; /* killed by us, for time or output */
	unsigned running, waiting;
};

/* io: where a program is begun, as that may touch slow disks. At most running at once;
 * as many as like may wait, each its time. */
struct spawn_pool *spawn_pool_create(
    struct loop *loop, struct worker_pool *io, unsigned running);
/* After the last job of io has been delivered. What runs is killed. */
void spawn_pool_destroy(struct spawn_pool *pool);
void spawn_stats(const struct spawn_pool *pool, struct spawn_stats *out);

/* reply is the callee's to read until it returns. Called once, on the loop, never before
 * spawn_start() returns. Of the same arg, unless it is NULL, one runs at a time: the next
 * begins when all that is left of the one before has ended. */
typedef void spawn_cb(const struct spawn_reply *reply, void *arg);
struct spawn *spawn_start(struct spawn_pool *pool, const struct spawn_request *request,
    spawn_cb *cb, void *arg);
void spawn_cancel(struct spawn *spawn); /* killed; cb is not called */

#endif
