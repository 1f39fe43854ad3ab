/*
 * Figures. An entry is the figures of one service (base), or of one service and period
 * (a span, with points; only the latest few are kept). Entries that are to be asked
 * anew stand in a queue; few queries run at once, so that pages of many services do
 * not fill the rrd thread's queue. An entry whose query runs belongs to that query
 * when the figures are destroyed.
 */
#include "web/figures.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/tree.h"
#include "watch/registry.h"

#define FIGURES_MAGIC 0x66696773
#define ENTRY_MAGIC 0x66696765
#define RUNNING_MAX 4
#define SPANS_MAX 48
#define POINTS_MAX 360
/* Younger than fresh: not asked again. Younger than good: shown while asking. A query
 * takes the rrd thread some 10 ms, so the more services are asked for, the longer
 * their figures hold: that thread has samples to write. */
#define FRESH_MIN_US (5 * CLOCK_SECOND)
#define FRESH_MAX_US (60 * CLOCK_SECOND)
#define FRESH_EACH_US (CLOCK_SECOND / 4)
#define GOOD_US (300 * CLOCK_SECOND)

struct wait {
	size_t left; /* entries, and one while it is being set up */
	figures_cb *cb;
	void *arg;
	TAILQ_ENTRY(wait) entry;
};

struct waiter {
	SLIST_ENTRY(waiter) entry;
	struct wait *wait;
};

struct entry {
	MAGIC;
	RB_ENTRY(entry) tree_entry;
	TAILQ_ENTRY(entry) span_entry; /* spans only, the latest used last */
	TAILQ_ENTRY(entry) queue_entry;
	struct figures *figures; /* NULL: destroyed while the query runs */
	const char *site, *service;
	enum route_period span; /* ROUTE_PERIODS: base */
	bool queued, running, known, expired;
	int64_t asked_us;     /* mono, when the known figures were asked for */
	enum verdict verdict; /* then */
	SLIST_HEAD(, waiter) waiters;
	struct history_query query;
	struct archive_series **series;
	struct history_period *periods; /* the query's */
	struct figures_base *base;      /* of the two the one that it is for */
	struct figures_span span_figures;
};

TAILQ_HEAD(entry_list, entry);
TAILQ_HEAD(wait_list, wait);
RB_HEAD(entry_tree, entry);

struct figures {
	MAGIC;
	struct registry *registry;
	struct entry_tree entries;
	struct entry_list spans, queue;
	struct wait_list waits;
	size_t count, span_count; /* of entries; of them, spans */
	unsigned running;
	figures_changed_cb *changed;
	void *changed_arg;
};

static void run_queue(struct figures *figures);

static int
compare(const struct entry *a, const struct entry *b)
{
	int order = strcmp(a->site, b->site);

	if (order == 0)
		order = strcmp(a->service, b->service);
	return order != 0 ? order : (int)a->span - (int)b->span;
}

TREE_GENERATE(entry_tree, entry, tree_entry, compare)

struct figures *
figures_create(struct registry *registry)
{
	struct figures *figures = mem_zalloc(sizeof(*figures));

	MAGIC_SET(figures, FIGURES_MAGIC);
	figures->registry = registry;
	RB_INIT(&figures->entries);
	TAILQ_INIT(&figures->spans);
	TAILQ_INIT(&figures->queue);
	TAILQ_INIT(&figures->waits);
	return figures;
}

static void
entry_free(struct entry *entry)
{
	MAGIC_CHECK(entry, ENTRY_MAGIC);
	free((char *)entry->site);
	free((char *)entry->service);
	free(entry->series);
	free(entry->periods);
	free(entry->base);
	free(entry->span_figures.points);
	MAGIC_CLEAR(entry);
	free(entry);
}

static void
drop_waiters(struct entry *entry)
{
	struct waiter *waiter;

	while ((waiter = SLIST_FIRST(&entry->waiters)) != NULL) {
		SLIST_REMOVE_HEAD(&entry->waiters, entry);
		free(waiter);
	}
}

/* Takes the entry off the figures. A running query keeps it until it ends, and does
 * not tell the figures then: only for figures that are going too. */
static void
entry_remove(struct entry *entry)
{
	struct figures *figures = entry->figures;

	if (entry->queued)
		TAILQ_REMOVE(&figures->queue, entry, queue_entry);
	if (entry->span != ROUTE_PERIODS) {
		TAILQ_REMOVE(&figures->spans, entry, span_entry);
		figures->span_count--;
	}
	RB_REMOVE(entry_tree, &figures->entries, entry);
	figures->count--;
	entry->figures = NULL;
	drop_waiters(entry);
	if (!entry->running)
		entry_free(entry);
}

void
figures_destroy(struct figures *figures)
{
	struct wait *wait;

	if (figures == NULL)
		return;
	MAGIC_CHECK(figures, FIGURES_MAGIC);
	while (!RB_EMPTY(&figures->entries))
		entry_remove(RB_ROOT(&figures->entries));
	while ((wait = TAILQ_FIRST(&figures->waits)) != NULL) {
		TAILQ_REMOVE(&figures->waits, wait, entry);
		free(wait);
	}
	MAGIC_CLEAR(figures);
	free(figures);
}

static struct registry_service *
find_service(struct figures *figures, const struct entry *entry)
{
	struct registry_site *site = registry_find_site(figures->registry, entry->site);

	return site != NULL ? registry_find_service(site, entry->service) : NULL;
}

void
figures_expire(struct figures *figures)
{
	struct entry *entry, *next;

	RB_FOREACH_SAFE (entry, entry_tree, &figures->entries, next) {
		entry->expired = true;
		/* What is asked just now goes the next time. */
		if (!entry->running && SLIST_EMPTY(&entry->waiters) &&
		    find_service(figures, entry) == NULL)
			entry_remove(entry);
	}
}

void
figures_listen(struct figures *figures, figures_changed_cb *cb, void *arg)
{
	figures->changed = cb;
	figures->changed_arg = arg;
}

static struct entry *
find_entry(const struct figures *figures, const struct registry_service *service,
    enum route_period span)
{
	struct entry key = {
	    .site = service->site->conf->id,
	    .service = service->conf->id,
	    .span = span,
	};

	return RB_FIND(entry_tree, (struct entry_tree *)&figures->entries, &key);
}

const struct figures_base *
figures_base(const struct figures *figures, const struct registry_service *service)
{
	struct entry *entry = find_entry(figures, service, ROUTE_PERIODS);

	return entry != NULL && entry->known ? entry->base : NULL;
}

const struct figures_span *
figures_span(const struct figures *figures, const struct registry_service *service,
    enum route_period span)
{
	struct entry *entry = find_entry(figures, service, span);

	return entry != NULL && entry->known ? &entry->span_figures : NULL;
}

static void
drop_oldest_span(struct figures *figures)
{
	struct entry *entry;

	TAILQ_FOREACH (entry, &figures->spans, span_entry) {
		if (entry->running || !SLIST_EMPTY(&entry->waiters))
			continue;
		entry_remove(entry);
		return;
	}
}

static struct entry *
make_entry(struct figures *figures, const struct registry_service *service,
    enum route_period span)
{
	struct entry *entry = find_entry(figures, service, span);

	if (entry != NULL && span != ROUTE_PERIODS) {
		TAILQ_REMOVE(&figures->spans, entry, span_entry);
		TAILQ_INSERT_TAIL(&figures->spans, entry, span_entry);
	}
	if (entry != NULL)
		return entry;
	entry = mem_zalloc(sizeof(*entry));
	MAGIC_SET(entry, ENTRY_MAGIC);
	entry->figures = figures;
	entry->site = mem_strdup(service->site->conf->id);
	entry->service = mem_strdup(service->conf->id);
	entry->span = span;
	SLIST_INIT(&entry->waiters);
	RB_INSERT(entry_tree, &figures->entries, entry);
	figures->count++;
	if (span == ROUTE_PERIODS) {
		entry->base = mem_zalloc(sizeof(*entry->base));
		return entry;
	}
	if (figures->span_count >= SPANS_MAX)
		drop_oldest_span(figures);
	figures->span_count++;
	TAILQ_INSERT_TAIL(&figures->spans, entry, span_entry);
	return entry;
}

static void
wait_done(struct figures *figures, struct wait *wait)
{
	if (--wait->left > 0)
		return;
	TAILQ_REMOVE(&figures->waits, wait, entry);
	wait->cb(wait->arg);
	free(wait);
}

/* Callbacks may ask for figures again, which may remove this entry. */
static void
wake(struct entry *entry)
{
	struct figures *figures = entry->figures;
	struct waiter *waiter = SLIST_FIRST(&entry->waiters), *next;

	SLIST_INIT(&entry->waiters);
	for (; waiter != NULL; waiter = next) {
		next = SLIST_NEXT(waiter, entry);
		wait_done(figures, waiter->wait);
		free(waiter);
	}
}

static void
take_base(struct entry *entry, const struct history_query *query)
{
	struct figures_base *base = entry->base;

	base->first_s = query->first_s;
	base->day = query->periods[0];
	base->month = query->periods[1];
	memcpy(base->days, query->periods + 2, sizeof(base->days));
}

static void
take_span(struct entry *entry, struct history_query *query)
{
	struct figures_span *span = &entry->span_figures;

	free(span->points);
	span->whole = query->periods[0];
	span->step_s = query->point_step_s;
	span->count = query->point_count;
	span->points = query->points;
	query->points = NULL;
}

static void
on_history(struct history_query *query, void *arg)
{
	struct entry *entry = arg;
	struct figures *figures = entry->figures;

	MAGIC_CHECK(entry, ENTRY_MAGIC);
	entry->running = false;
	if (figures == NULL) {
		entry_free(entry);
		return;
	}
	figures->running--;
	if (entry->span == ROUTE_PERIODS)
		take_base(entry, query);
	else
		take_span(entry, query);
	free(entry->periods);
	entry->periods = NULL;
	entry->known = true;
	if (figures->changed != NULL)
		figures->changed(entry->site, entry->service, figures->changed_arg);
	wake(entry);
	run_queue(figures);
}

/* The series that availability stands on: the required checks', the one whose times
 * are shown first; without any required check, all. */
static size_t
collect_series(const struct registry_service *service, struct archive_series **out)
{
	bool any_required = false;
	size_t i, count = 0, timed = 0;

	for (i = 0; i < service->check_count; i++)
		any_required |= service->checks[i]->conf->required;
	for (i = 0; i < service->check_count; i++) {
		struct registry_check *check = service->checks[i];
		if (check->series == NULL || (any_required && !check->conf->required))
			continue;
		out[count] = check->series;
		if (check->collector->total >= 0 && timed == 0) {
			out[count] = out[0];
			out[0] = check->series;
			timed = 1;
		}
		count++;
	}
	return count;
}

static void
set_last(struct history_period *period, int64_t length_s, int64_t now_s)
{
	*period = (struct history_period){.from_s = now_s - length_s, .to_s = now_s};
}

/* -> false: there is nothing to ask (the service is gone or has no series) */
static bool
ask(struct figures *figures, struct entry *entry)
{
	struct registry_service *service = find_service(figures, entry);
	int64_t now_s = clock_wall_us() / CLOCK_SECOND;
	size_t count;

	if (service == NULL || service->check_count == 0)
		return false;
	free(entry->series);
	entry->series =
	    mem_array(service->check_count, sizeof(struct archive_series *));
	count = collect_series(service, entry->series);
	if (count == 0)
		return false;
	entry->periods = mem_array(2 + FIGURES_DAYS, sizeof(*entry->periods));
	memset(&entry->query, 0, sizeof(entry->query));
	entry->query.series = entry->series;
	entry->query.series_count = count;
	entry->query.periods = entry->periods;
	entry->asked_us = clock_mono_us();
	entry->verdict = service->verdict;
	entry->expired = false;
	if (entry->span == ROUTE_PERIODS) {
		entry->query.period_count = 2 + FIGURES_DAYS;
		set_last(&entry->periods[0], route_period_s[ROUTE_24H], now_s);
		set_last(&entry->periods[1], route_period_s[ROUTE_30D], now_s);
		history_days(
		    service->site->conf->zone, now_s, FIGURES_DAYS, entry->periods + 2);
	} else {
		entry->query.period_count = 1;
		set_last(&entry->periods[0], route_period_s[entry->span], now_s);
		entry->query.points_from_s = entry->periods[0].from_s;
		entry->query.points_to_s = now_s;
		entry->query.points_max = POINTS_MAX;
	}
	entry->running = true;
	figures->running++;
	history_run(&entry->query, on_history, entry);
	return true;
}

static void
run_queue(struct figures *figures)
{
	struct entry *entry;

	while (figures->running < RUNNING_MAX &&
	       (entry = TAILQ_FIRST(&figures->queue)) != NULL) {
		TAILQ_REMOVE(&figures->queue, entry, queue_entry);
		entry->queued = false;
		if (!ask(figures, entry))
			wake(entry);
	}
}

static int64_t
fresh_us(const struct figures *figures, const struct registry_service *service)
{
	int64_t fresh = FRESH_MAX_US, least = figures->count * FRESH_EACH_US;
	size_t i;

	if (least < FRESH_MIN_US)
		least = FRESH_MIN_US;

	for (i = 0; i < service->check_count; i++)
		if (service->checks[i]->conf->every_us < fresh)
			fresh = service->checks[i]->conf->every_us;
	return fresh < least ? least : fresh;
}

static void
want(struct figures *figures, struct registry_service *service, enum route_period span,
    struct wait *wait)
{
	struct entry *entry = make_entry(figures, service, span);
	int64_t age = clock_mono_us() - entry->asked_us;
	int64_t fresh = fresh_us(figures, service);
	struct waiter *waiter;

	if (entry->known && !entry->expired && age < fresh &&
	    entry->verdict == service->verdict)
		return;
	if (!entry->queued && !entry->running) {
		entry->queued = true;
		TAILQ_INSERT_TAIL(&figures->queue, entry, queue_entry);
	}
	if (entry->known && !entry->expired && (age < GOOD_US || age < 2 * fresh))
		return;
	waiter = mem_zalloc(sizeof(*waiter));
	waiter->wait = wait;
	wait->left++;
	SLIST_INSERT_HEAD(&entry->waiters, waiter, entry);
}

void
figures_prepare(struct figures *figures, struct registry_service *const *services,
    size_t count, enum route_period span, figures_cb *cb, void *arg)
{
	struct wait *wait = mem_zalloc(sizeof(*wait));
	size_t i;

	MAGIC_CHECK(figures, FIGURES_MAGIC);
	wait->left = 1;
	wait->cb = cb;
	wait->arg = arg;
	TAILQ_INSERT_TAIL(&figures->waits, wait, entry);
	for (i = 0; i < count; i++)
		want(figures, services[i], ROUTE_PERIODS, wait);
	if (span != ROUTE_PERIODS && count > 0)
		want(figures, services[0], span, wait);
	run_queue(figures);
	wait_done(figures, wait);
}
