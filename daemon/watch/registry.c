/*
 * The registry. It owns the snapshot, the sites with their ledgers, the services,
 * the checks with their series and runners. A reload builds new sites, services and
 * arrays, moves the checks that did not change into them and closes the rest: first
 * all closing, then all opening, since a key must not be open twice.
 *
 * How verdicts become transitions is in watch/change.c.
 */
#include "watch/registry.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/histogram.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "loop/loop.h"
#include "store/archive.h"
#include "store/ledger.h"
#include "watch/announce.h"
#include "watch/change.h"
#include "watch/runner.h"

#define REGISTRY_MAGIC 0x72656769
#define WINDOW (60 * CLOCK_SECOND)
#define RECALL_MIN (CLOCK_SECOND / 5) /* doubles */
#define RECALL_MAX (10 * CLOCK_SECOND)

RB_HEAD(registry_sites, registry_site);

struct registry {
	MAGIC;
	struct registry_env env;
	struct conf *conf;
	size_t site_count;
	struct registry_site **sites;
	struct registry_sites by_id;
	struct announce *announce;
	struct loop_timer *recall;
	int64_t recall_us;
	uint64_t runs, missed, retries; /* of checks that are gone */
	double late_max_s[2];           /* of this window and of the one before */
	struct histogram lateness;
	int64_t window_us;          /* mono, when this one began */
	double load;                /* seconds of CPU a second */
	struct ledger_stats ledger; /* of sites that are gone */
};

static int
compare_sites(const struct registry_site *a, const struct registry_site *b)
{
	return strcmp(a->conf->id, b->conf->id);
}

static int
compare_services(const struct registry_service *a, const struct registry_service *b)
{
	return strcmp(a->conf->id, b->conf->id);
}

TREE_GENERATE(registry_sites, registry_site, entry, compare_sites)
TREE_GENERATE(registry_services, registry_service, entry, compare_services)

static const struct collector *
collector_named(const struct registry *registry, const char *name)
{
	size_t i;

	for (i = 0; registry->env.collectors[i] != NULL; i++)
		if (strcmp(registry->env.collectors[i]->name, name) == 0)
			return registry->env.collectors[i];
	assert(!"a collector that the configuration knows is not in the table");
	return NULL;
}

static const struct conf_check *
conf_check(const struct conf_service *service, const char *id)
{
	size_t i;

	for (i = 0; service != NULL && i < service->check_count; i++)
		if (strcmp(service->checks[i].id, id) == 0)
			return &service->checks[i];
	return NULL;
}

static void
note_lateness(struct registry *registry, double late_s)
{
	int64_t now = clock_mono_us();

	if (now - registry->window_us >= WINDOW) {
		registry->late_max_s[1] = now - registry->window_us < 2 * WINDOW
					      ? registry->late_max_s[0]
					      : 0;
		registry->late_max_s[0] = 0;
		registry->window_us = now;
	}
	if (late_s > registry->late_max_s[0])
		registry->late_max_s[0] = late_s;
	histogram_add(&registry->lateness, (int64_t)(late_s * CLOCK_SECOND));
}

static void
on_result(struct registry_check *check, void *arg)
{
	struct registry *registry = arg;

	note_lateness(registry, check->late_s);
	change_result(check);
	check->service->site->generation++;
	check->service->generation++;
}

/* Those that options bring are copied with their texts: the options go at a reload. */
static void
take_sources(struct registry_check *check)
{
	const struct collector *collector = check->collector;
	struct archive_source sources[ARCHIVE_SOURCES_MAX], *own;
	size_t count = collector->source_count, size = 0, i;
	char *at;

	check->sources = collector->sources;
	check->source_count = count;
	if (collector->extra == NULL)
		return;
	memcpy(sources, collector->sources, count * sizeof(*sources));
	count += collector->extra(check->conf->options, sources + count);
	for (i = 0; i < count; i++)
		size += strlen(sources[i].name) + strlen(sources[i].unit) + 2;
	own = mem_alloc(count * sizeof(*own) + size);
	at = (char *)(own + count);
	for (i = 0; i < count; i++) {
		own[i] = sources[i];
		own[i].text = "";
		own[i].name = at;
		at = stpcpy(at, sources[i].name) + 1;
		own[i].unit = at;
		at = stpcpy(at, sources[i].unit) + 1;
	}
	check->sources = own;
	check->source_count = count;
}

static struct registry_check *
check_open(struct registry *registry, struct registry_service *service,
    const struct conf_check *conf)
{
	struct registry_check *check = mem_zalloc(sizeof(*check));
	char error[256] = "";
	size_t i;

	check->conf = conf;
	check->service = service;
	check->collector = collector_named(registry, conf->collector->name);
	for (i = 0; i < ARCHIVE_SOURCES_MAX; i++)
		check->last.values[i] = NAN;
	take_sources(check);
	check->series = archive_series_open(registry->env.archive,
	    service->site->conf->id, service->conf->id, conf->id, conf->every_us,
	    check->sources, check->source_count);
	if (runner_open(&registry->env, check, registry->load, on_result, registry,
		error) != 0) {
		log_error("%s/%s/%s cannot run: %s", service->site->conf->id,
		    service->conf->id, conf->id, error);
		check->last.class = PROBE_INTERNAL;
		memcpy(check->last.message, error, sizeof(error));
		text_clean(check->last.message);
	}
	return check;
}

static void
check_close(struct registry *registry, struct registry_check *check)
{
	registry->runs += check->runs;
	registry->missed += check->missed;
	registry->retries += check->retries;
	runner_close(check->runner);
	archive_series_close(check->series);
	if (check->sources != check->collector->sources)
		free((void *)check->sources);
	free(check);
}

/* The check moves over if the new snapshot has its equal, else it is closed. */
static bool
keep_or_close(struct registry *registry, struct registry_check *check,
    const struct conf_check *conf)
{
	if (conf != NULL && conf->hash == check->conf->hash &&
	    conf->every_us == check->conf->every_us &&
	    strcmp(conf->collector->name, check->collector->name) == 0 &&
	    check->collector->rebind != NULL)
		return true;
	check_close(registry, check);
	return false;
}

/* What the new snapshot has of each site and service. */
static void
find_next(struct registry *registry, const struct conf *conf)
{
	size_t i, j;

	for (i = 0; i < conf->site_count; i++) {
		const struct conf_site *next = &conf->sites[i];
		struct registry_site *site = registry_find_site(registry, next->id);
		if (site == NULL)
			continue;
		site->next = next;
		for (j = 0; j < next->service_count; j++) {
			struct registry_service *service =
			    registry_find_service(site, next->services[j].id);
			if (service != NULL)
				service->next = &next->services[j];
		}
	}
}

static void
close_changed(struct registry *registry)
{
	size_t i, j, k;

	for (i = 0; i < registry->site_count; i++) {
		struct registry_site *site = registry->sites[i];
		for (j = 0; j < site->service_count; j++) {
			struct registry_service *service = site->services[j];
			for (k = 0; k < service->check_count; k++)
				if (!keep_or_close(registry, service->checks[k],
					conf_check(service->next,
					    service->checks[k]->conf->id)))
					service->checks[k] = NULL;
		}
	}
}

static struct registry_check *
check_moved(struct registry_service *old, struct registry_service *service,
    const struct conf_check *conf)
{
	size_t i;

	for (i = 0; old != NULL && i < old->check_count; i++) {
		struct registry_check *check = old->checks[i];
		if (check == NULL || strcmp(check->conf->id, conf->id) != 0)
			continue;
		old->checks[i] = NULL;
		check->conf = conf;
		check->service = service;
		runner_rebind(check->runner);
		return check;
	}
	return NULL;
}

static struct registry_service *
service_make(struct registry *registry, struct registry_service *old,
    struct registry_site *site, const struct conf_service *conf)
{
	struct registry_service *service = mem_zalloc(sizeof(*service));
	size_t i;

	service->conf = conf;
	service->site = site;
	service->generation = 1;
	if (old != NULL) {
		service->verdict = old->verdict;
		service->since_us = old->since_us;
		service->past = old->past;
	}
	service->check_count = conf->check_count;
	service->checks = mem_array(conf->check_count, sizeof(*service->checks));
	for (i = 0; i < conf->check_count; i++) {
		service->checks[i] = check_moved(old, service, &conf->checks[i]);
		if (service->checks[i] == NULL)
			service->checks[i] =
			    check_open(registry, service, &conf->checks[i]);
	}
	return service;
}

static struct registry_site *
site_make(struct registry *registry, struct registry_site *old, const struct conf *conf,
    const struct conf_site *site_conf)
{
	struct registry_site *site = mem_zalloc(sizeof(*site));
	size_t i;

	site->conf = site_conf;
	RB_INIT(&site->by_id);
	site->announce = registry->announce;
	site->generation = 1;
	if (old != NULL) {
		site->generation = old->generation + 1;
		site->ledger = old->ledger;
		site->asking = old->asking;
		old->ledger = NULL;
	} else {
		site->ledger = ledger_create(registry->env.probe.loop, registry->env.io,
		    conf->store.path, site_conf->id);
	}
	site->service_count = site_conf->service_count;
	site->services = mem_array(site->service_count, sizeof(*site->services));
	for (i = 0; i < site->service_count; i++) {
		const struct conf_service *service = &site_conf->services[i];
		site->services[i] = service_make(registry,
		    old != NULL ? registry_find_service(old, service->id) : NULL, site,
		    service);
		site->services[i]->at = i;
		RB_INSERT(registry_services, &site->by_id, site->services[i]);
	}
	return site;
}

static void
add_ledger(struct ledger_stats *sum, const struct ledger *ledger, bool lives)
{
	struct ledger_stats stats;

	ledger_stats(ledger, &stats);
	sum->written += stats.written;
	sum->dropped += stats.dropped;
	sum->errors += stats.errors;
	sum->damaged += stats.damaged;
	if (!lives)
		return;
	sum->queued += stats.queued;
	sum->writable &= stats.writable;
}

static void
site_free(struct registry *registry, struct registry_site *site)
{
	size_t i;

	if (site->ledger != NULL)
		add_ledger(&registry->ledger, site->ledger, false);
	for (i = 0; i < site->service_count; i++) {
		free(site->services[i]->checks);
		free(site->services[i]);
	}
	ledger_destroy(site->ledger);
	free(site->services);
	free(site);
}

/* What the archive has not looked at yet, or the ledger could not tell, waits. */
static void
recall(void *arg)
{
	struct registry *registry = arg;
	bool left = false;
	size_t i;

	for (i = 0; i < registry->site_count; i++)
		left |= change_recall(registry, registry->sites[i]);
	if (!left)
		return;
	loop_timer_set(registry->recall, registry->recall_us);
	registry->recall_us *= 2;
	if (registry->recall_us > RECALL_MAX)
		registry->recall_us = RECALL_MAX;
}

static double
load_of(const struct registry *registry, const struct conf *conf)
{
	const struct conf_check *check;
	double load = 0;
	size_t i, j, k;

	for (i = 0; i < conf->site_count; i++)
		for (j = 0; j < conf->sites[i].service_count; j++)
			for (k = 0; k < conf->sites[i].services[j].check_count; k++) {
				check = &conf->sites[i].services[j].checks[k];
				load += (double)collector_named(
					    registry, check->collector->name)
					    ->load_us(check->options) /
					(double)check->every_us;
			}
	return load;
}

struct registry *
registry_create(const struct registry_env *env)
{
	struct registry *registry = mem_zalloc(sizeof(*registry));

	MAGIC_SET(registry, REGISTRY_MAGIC);
	registry->env = *env;
	RB_INIT(&registry->by_id);
	registry->window_us = clock_mono_us();
	registry->announce = announce_create(env->probe.loop);
	registry->recall = loop_timer_create(env->probe.loop, recall, registry);
	return registry;
}

void
registry_apply(struct registry *registry, struct conf *conf)
{
	size_t count = registry->site_count, i;
	struct registry_site **old = registry->sites, **sites;

	MAGIC_CHECK(registry, REGISTRY_MAGIC);
	find_next(registry, conf);
	close_changed(registry);
	registry->load = load_of(registry, conf);
	sites = mem_array(conf->site_count, sizeof(*sites));
	for (i = 0; i < conf->site_count; i++) {
		sites[i] =
		    site_make(registry, registry_find_site(registry, conf->sites[i].id),
			conf, &conf->sites[i]);
		sites[i]->at = i;
	}
	registry->sites = sites;
	registry->site_count = conf->site_count;
	RB_INIT(&registry->by_id);
	for (i = 0; i < conf->site_count; i++)
		RB_INSERT(registry_sites, &registry->by_id, sites[i]);
	for (i = 0; i < count; i++)
		site_free(registry, old[i]);
	free(old);
	conf_free(registry->conf);
	registry->conf = conf;
	registry->recall_us = RECALL_MIN;
	recall(registry);
}

void
registry_destroy(struct registry *registry)
{
	size_t count, i;

	if (registry == NULL)
		return;
	MAGIC_CHECK(registry, REGISTRY_MAGIC);
	loop_timer_destroy(registry->recall);
	close_changed(registry);
	/* A ledger that ends delivers what was asked of it: nobody is found then. */
	count = registry->site_count;
	registry->site_count = 0;
	RB_INIT(&registry->by_id);
	for (i = 0; i < count; i++)
		site_free(registry, registry->sites[i]);
	free(registry->sites);
	announce_destroy(registry->announce);
	conf_free(registry->conf);
	MAGIC_CLEAR(registry);
	free(registry);
}

const struct conf *
registry_conf(const struct registry *registry)
{
	return registry->conf;
}

size_t
registry_site_count(const struct registry *registry)
{
	return registry->site_count;
}

struct registry_site *
registry_site(const struct registry *registry, size_t i)
{
	assert(i < registry->site_count);
	return registry->sites[i];
}

struct registry_site *
registry_find_site(const struct registry *registry, const char *id)
{
	const struct conf_site conf = {.id = (char *)id};
	struct registry_site key = {.conf = &conf};

	return RB_FIND(registry_sites, (struct registry_sites *)&registry->by_id, &key);
}

struct registry_service *
registry_find_service(struct registry_site *site, const char *id)
{
	const struct conf_service conf = {.id = (char *)id};
	struct registry_service key = {.conf = &conf};

	return RB_FIND(registry_services, &site->by_id, &key);
}

struct registry_check *
registry_find_check(struct registry_service *service, const char *id)
{
	size_t i;

	for (i = 0; i < service->check_count; i++)
		if (strcmp(service->checks[i]->conf->id, id) == 0)
			return service->checks[i];
	return NULL;
}

void
registry_replan(struct registry *registry)
{
	size_t i, j, k;

	for (i = 0; i < registry->site_count; i++)
		for (j = 0; j < registry->sites[i]->service_count; j++) {
			struct registry_service *service =
			    registry->sites[i]->services[j];
			for (k = 0; k < service->check_count; k++)
				runner_replan(service->checks[k]->runner);
		}
}

void
registry_run_now(struct registry *registry, struct registry_check *check,
    registry_now_cb *cb, void *arg)
{
	MAGIC_CHECK(registry, REGISTRY_MAGIC);
	runner_now(check->runner, cb, arg);
}

void
registry_stats(const struct registry *registry, struct registry_stats *out)
{
	int64_t now = clock_wall_us();
	size_t i, j, k;

	memset(out, 0, sizeof(*out));
	out->runs = registry->runs;
	out->missed = registry->missed;
	out->retries = registry->retries;
	out->late_max_s = fmax(registry->late_max_s[0], registry->late_max_s[1]);
	out->ledger = registry->ledger;
	out->ledger.writable = true;
	for (i = 0; i < registry->site_count; i++) {
		add_ledger(&out->ledger, registry->sites[i]->ledger, true);
		for (j = 0; j < registry->sites[i]->service_count; j++) {
			struct registry_service *service =
			    registry->sites[i]->services[j];
			for (k = 0; k < service->check_count; k++) {
				struct registry_check *check = service->checks[k];
				out->checks++;
				out->runs += check->runs;
				out->missed += check->missed;
				out->retries += check->retries;
				out->running += check->running;
				out->verdicts[registry_check_verdict(check, now)]++;
			}
		}
	}
}

const struct histogram *
registry_lateness(const struct registry *registry)
{
	return &registry->lateness;
}
