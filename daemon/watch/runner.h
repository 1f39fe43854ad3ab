/*
 * The runner of one check: its timer, its running measurement, its retry, its
 * sample. Belongs to the registry, which is told of every result.
 */
#ifndef VT_WATCH_RUNNER_H
#define VT_WATCH_RUNNER_H

#include "watch/registry.h"

struct runner;

/* Called after each run, with check->last and its counters filled. */
typedef void runner_result_cb(struct registry_check *check, void *arg);

/* Opens the collector and plans the first run within min(interval, 5 s), spread.
 * load: of all checks, seconds of CPU a second.
 * check->conf, collector, service and series are set. -> 0 or negative, with a
 * sentence in error; then no run takes place and check->runner is still valid. */
int runner_open(const struct registry_env *env, struct registry_check *check,
    double load, runner_result_cb *cb, void *arg, char error[256]);
void runner_close(struct runner *runner); /* NULL is fine; waiters are told NULL */
/* check->conf points to an equal check of another snapshot. */
void runner_rebind(struct runner *runner);
void runner_replan(struct runner *runner); /* the wall clock was stepped */
void runner_now(struct runner *runner, registry_now_cb *cb, void *arg);

#endif
