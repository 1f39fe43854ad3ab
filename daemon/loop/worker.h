/*
 * Workers: threads for what may block (disk, compression, librrd). A job gets
 * copied input, runs on a worker and touches nothing else; its done() runs on the
 * loop, exactly once for every job accepted, in the order the jobs ended. It may be
 * NULL.
 */
#ifndef VT_LOOP_WORKER_H
#define VT_LOOP_WORKER_H

#include <stdint.h>

struct loop;
struct worker_pool;

enum worker_priority { WORKER_HIGH, WORKER_NORMAL, WORKER_LOW, WORKER_PRIORITIES };

struct worker_stats {
	uint64_t submitted, done, refused;
	unsigned queued, running; /* now */
	unsigned capacity;
};

/* name: for the thread and the metrics, a static string. capacity: jobs that may
 * wait; one more is refused. A pool of one thread keeps the order of its jobs
 * within a priority. */
struct worker_pool *worker_pool_create(struct loop *loop, const char *name,
    unsigned threads, unsigned capacity);
/* Runs what is queued, delivers every done(), then joins the threads. */
void worker_pool_destroy(struct worker_pool *pool);

typedef void worker_fn(void *arg);
/* -> 0, ERR_FULL (then neither function is called and arg stays the caller's). */
int worker_submit(struct worker_pool *pool, enum worker_priority priority, worker_fn *run,
    worker_fn *done, void *arg);

/* Blocks until nothing is queued, running or undelivered: tests and shutdown. */
void worker_settle(struct worker_pool *pool);
void worker_stats(struct worker_pool *pool, struct worker_stats *out);
const char *worker_name(const struct worker_pool *pool);

#endif
