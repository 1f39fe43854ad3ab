/*
 * The runner of one check. A timer on the monotonic clock is set for the instant
 * that the schedule names on the wall clock, anew for each slot, so that nothing
 * drifts. A run that is still going when its next slot is due makes that slot a
 * missed one; it is stored once the run has ended, because an archive takes samples
 * in order only: as down if the run failed, for then it was failing at that instant,
 * else as not known. Where a failure takes longer than a slot an outage would
 * otherwise weigh half of what it lasted.
 *
 * A collector that does not keep its time limit is cancelled by ours.
 */
#include "watch/runner.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "store/archive.h"
#include "watch/schedule.h"

#define RUNNER_MAGIC 0x72756e72
#define FIRST_RUN_WITHIN (5 * CLOCK_SECOND)
#define GRACE (2 * CLOCK_SECOND) /* beyond a collector's time limit */
#define MISSED_ROWS_MAX 1000     /* stored one by one; more is left to the archive */
#define WAITERS_MAX 64

struct waiter {
	STAILQ_ENTRY(waiter) entry;
	registry_now_cb *cb;
	void *arg;
};

struct probe_run {
	MAGIC;
};

struct runner {
	struct probe_run run; /* first: what the collector holds is its runner */
	struct registry_check *check;
	void *state; /* the collector's, NULL if it did not open */
	struct loop_timer *due, *limit;
	int64_t offset_us;
	int64_t planned_slot, planned_mono_us;
	bool extra;          /* the planned run is out of the schedule */
	int64_t slot;        /* of the running measurement */
	int64_t missed_slot; /* the last missed while running, or slot */
	int64_t began_us;    /* mono, of the running measurement */
	int attempt;
	bool starting;
	runner_result_cb *cb;
	void *arg;
	STAILQ_HEAD(, waiter) waiters;
	unsigned waiter_count;
};

static const struct conf_check *
conf_of(const struct runner *runner)
{
	return runner->check->conf;
}

static void
store(struct runner *runner, int64_t slot, const double *values)
{
	int64_t end_s = schedule_end_s(slot, conf_of(runner)->every_us);

	/* A second measurement in a slot counts for the verdict only; one of before the
	 * last is refused, counted and told of there. */
	if (end_s == archive_last_s(runner->check->series))
		return;
	archive_store(runner->check->series, end_s, values);
}

/* Did it go on for all the slots it missed? More of them than its attempts may last
 * are those of a clock that was set or of a process that was stopped. */
static bool
lasted(const struct runner *runner)
{
	const struct conf_check *conf = conf_of(runner);
	int64_t attempts_us = runner->attempt * (conf->timeout_us + GRACE);

	return runner->missed_slot - runner->slot <= attempts_us / conf->every_us + 1;
}

static void
store_result(struct runner *runner)
{
	const struct registry_check *check = runner->check;
	const struct probe_result *result = &check->last;
	double values[ARCHIVE_SOURCES_MAX + 2];
	int64_t slot = runner->missed_slot - MISSED_ROWS_MAX;
	size_t i;

	values[0] = result->class == PROBE_OK ? 1 : 0;
	values[1] = 1;
	if (result->class == PROBE_INTERNAL) {
		values[0] = NAN;
		values[1] = 0;
	}
	for (i = 0; i < check->source_count; i++)
		values[2 + i] = result->values[i];
	store(runner, runner->slot, values);
	if (result->class == PROBE_OK || !lasted(runner)) {
		values[0] = NAN;
		values[1] = 0;
	}
	for (i = 0; i < check->source_count; i++)
		values[2 + i] = NAN;
	if (slot < runner->slot)
		slot = runner->slot;
	while (++slot <= runner->missed_slot)
		store(runner, slot, values);
}

static void
plan(struct runner *runner, int64_t slot)
{
	int64_t due =
	    schedule_due_us(slot, conf_of(runner)->every_us, runner->offset_us);

	runner->planned_slot = slot;
	runner->planned_mono_us = clock_mono_us() + due - clock_wall_us();
	loop_timer_set_at(runner->due, runner->planned_mono_us);
}

static void
tell_waiters(struct runner *runner, struct registry_check *check)
{
	struct waiter *waiter;

	while ((waiter = STAILQ_FIRST(&runner->waiters)) != NULL) {
		STAILQ_REMOVE_HEAD(&runner->waiters, entry);
		runner->waiter_count--;
		waiter->cb(check, waiter->arg);
		free(waiter);
	}
}

static void
attempt(struct runner *runner)
{
	const struct conf_check *conf = conf_of(runner);

	runner->attempt++;
	loop_timer_set(runner->limit, conf->timeout_us + GRACE);
	runner->starting = true;
	runner->check->collector->start(
	    runner->state, &runner->run, conf->timeout_us, runner->attempt > 1);
	runner->starting = false;
}

static void
finish(struct runner *runner, const struct probe_result *result)
{
	struct registry_check *check = runner->check;

	loop_timer_clear(runner->limit);
	check->running = false;
	check->last = *result;
	check->last_us = clock_wall_us();
	check->run_s = (double)(clock_mono_us() - runner->began_us) / CLOCK_SECOND;
	check->runs++;
	check->failures += result->class != PROBE_OK;
	store_result(runner);
	runner->cb(check, runner->arg);
	tell_waiters(runner, check);
}

void
probe_done(struct probe_run *run, const struct probe_result *result)
{
	struct runner *runner = (struct runner *)run;
	const struct collector *collector;
	int retries;

	MAGIC_CHECK(&runner->run, RUNNER_MAGIC);
	assert(runner->check->running && !runner->starting);
	collector = runner->check->collector;
	retries = collector->retries != NULL
		      ? collector->retries(conf_of(runner)->options)
		      : 0;
	if (result->class != PROBE_OK && runner->attempt <= retries) {
		runner->check->retries++;
		attempt(runner);
		return;
	}
	finish(runner, result);
}

static void
on_limit(void *arg)
{
	struct runner *runner = arg;
	struct probe_result result;

	runner->check->collector->cancel(runner->state);
	probe_result_clear(&result);
	result.class = PROBE_INTERNAL;
	snprintf(result.message, sizeof(result.message),
	    "the collector %s did not end within its time limit",
	    runner->check->collector->name);
	log_error("%s/%s/%s: %s", runner->check->service->site->conf->id,
	    runner->check->service->conf->id, conf_of(runner)->id, result.message);
	finish(runner, &result);
}

static void
begin(struct runner *runner, int64_t slot)
{
	runner->slot = runner->missed_slot = slot;
	runner->began_us = clock_mono_us();
	runner->attempt = 0;
	runner->check->running = true;
	attempt(runner);
}

static void
on_due(void *arg)
{
	struct runner *runner = arg;
	struct registry_check *check = runner->check;
	int64_t every = conf_of(runner)->every_us, wall = clock_wall_us();
	int64_t slot = schedule_slot(wall, every, runner->offset_us);

	check->late_s =
	    (double)(clock_mono_us() - runner->planned_mono_us) / CLOCK_SECOND;
	if (runner->extra) {
		runner->extra = false;
		plan(runner, slot + 1);
		if (!check->running)
			begin(runner, schedule_cell(wall, every));
		return;
	}
	/* A timer may be early by the clocks' rounding, never by half a slot. */
	if (slot < runner->planned_slot)
		slot = runner->planned_slot;
	if (slot > runner->planned_slot)
		check->missed += slot - runner->planned_slot;
	plan(runner, slot + 1);
	if (!check->running) {
		begin(runner, slot);
	} else if (slot > runner->slot) {
		check->missed++;
		runner->missed_slot = slot;
	}
}

/* An extra run within min(interval, 5 s); the ones after it keep their slot. */
static void
plan_soon(struct runner *runner)
{
	int64_t every = conf_of(runner)->every_us;
	int64_t within = every < FIRST_RUN_WITHIN ? every : FIRST_RUN_WITHIN;

	runner->extra = true;
	runner->planned_mono_us = clock_mono_us() + runner->offset_us % within;
	loop_timer_set_at(runner->due, runner->planned_mono_us);
}

int
runner_open(const struct registry_env *env, struct registry_check *check, double load,
    runner_result_cb *cb, void *arg, char error[256])
{
	struct runner *runner = mem_zalloc(sizeof(*runner));
	const struct conf_check *conf = check->conf;
	int code;

	MAGIC_SET(&runner->run, RUNNER_MAGIC);
	check->runner = runner;
	runner->check = check;
	runner->cb = cb;
	runner->arg = arg;
	STAILQ_INIT(&runner->waiters);
	runner->due = loop_timer_create(env->probe.loop, on_due, runner);
	runner->limit = loop_timer_create(env->probe.loop, on_limit, runner);
	runner->offset_us = schedule_offset_us(check->service->site->conf->id,
	    check->service->conf->id, conf->id, conf->every_us);
	runner->offset_us = schedule_gather_us(runner->offset_us, load);
	code = check->collector->open(
	    &env->probe, conf->options, conf->dns_cache_us, &runner->state, error);
	if (code != 0) {
		runner->state = NULL;
		return code;
	}
	plan_soon(runner);
	return 0;
}

void
runner_close(struct runner *runner)
{
	if (runner == NULL)
		return;
	MAGIC_CHECK(&runner->run, RUNNER_MAGIC);
	if (runner->check->running)
		runner->check->collector->cancel(runner->state);
	runner->check->running = false;
	tell_waiters(runner, NULL);
	if (runner->state != NULL)
		runner->check->collector->close(runner->state);
	loop_timer_destroy(runner->due);
	loop_timer_destroy(runner->limit);
	runner->check->runner = NULL;
	MAGIC_CLEAR(&runner->run);
	free(runner);
}

void
runner_rebind(struct runner *runner)
{
	MAGIC_CHECK(&runner->run, RUNNER_MAGIC);
	if (runner->state != NULL)
		runner->check->collector->rebind(
		    runner->state, conf_of(runner)->options);
}

void
runner_replan(struct runner *runner)
{
	MAGIC_CHECK(&runner->run, RUNNER_MAGIC);
	if (runner->state != NULL)
		plan_soon(runner);
}

void
runner_now(struct runner *runner, registry_now_cb *cb, void *arg)
{
	struct waiter *waiter;

	MAGIC_CHECK(&runner->run, RUNNER_MAGIC);
	if (runner->state == NULL || runner->waiter_count >= WAITERS_MAX) {
		cb(runner->check, arg);
		return;
	}
	waiter = mem_zalloc(sizeof(*waiter));
	waiter->cb = cb;
	waiter->arg = arg;
	STAILQ_INSERT_TAIL(&runner->waiters, waiter, entry);
	runner->waiter_count++;
	if (!runner->check->running)
		begin(
		    runner, schedule_cell(clock_wall_us(), conf_of(runner)->every_us));
}
