/*
 * The families of /metrics. A format groups samples by family, so the checks are
 * walked once per family; their labels are made once.
 *
 * What is not known is left out: a check that was never measured, or whose last
 * result is stale, has vetrina_check_known 0 and no vetrina_check_up.
 */
#include "web/metrics.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "loop/resolve.h"
#include "loop/spawn.h"
#include "loop/worker.h"
#include "store/archive.h"
#include "watch/probe.h"
#include "watch/registry.h"
#include "web/cache.h"
#include "web/exposition.h"
#include "web/server.h"
#include "web/web.h"

struct row {
	const struct registry_check *check;
	enum verdict verdict; /* as it holds now */
	char *labels;
};

struct table {
	struct row *rows;
	size_t count;
};

/* --- checks --- */

static bool
get_known(const struct row *row, double *value)
{
	*value = row->verdict != VERDICT_UNKNOWN;
	return true;
}

static bool
get_up(const struct row *row, double *value)
{
	*value = row->verdict == VERDICT_UP || row->verdict == VERDICT_DEGRADED;
	return row->verdict == VERDICT_UP || row->verdict == VERDICT_DEGRADED ||
	       row->verdict == VERDICT_DOWN;
}

static bool
get_degraded(const struct row *row, double *value)
{
	double up;

	*value = row->verdict == VERDICT_DEGRADED;
	return get_up(row, &up);
}

static bool
get_runs(const struct row *row, double *value)
{
	*value = row->check->runs;
	return true;
}

static bool
get_failures(const struct row *row, double *value)
{
	*value = row->check->failures;
	return true;
}

static bool
get_retries(const struct row *row, double *value)
{
	*value = row->check->retries;
	return true;
}

static bool
get_missed(const struct row *row, double *value)
{
	*value = row->check->missed;
	return true;
}

static bool
get_late(const struct row *row, double *value)
{
	*value = row->check->late_s;
	return row->check->runs > 0;
}

static bool
get_run(const struct row *row, double *value)
{
	*value = row->check->run_s;
	return row->check->runs > 0;
}

static bool
get_last(const struct row *row, double *value)
{
	*value = row->check->last_us / 1e6;
	return row->check->last_us > 0;
}

static bool
get_interval(const struct row *row, double *value)
{
	*value = row->check->conf->every_us / 1e6;
	return true;
}

static const struct {
	const char *name, *unit, *help;
	enum exposition_type type;
	bool (*get)(const struct row *row, double *value);
} check_families[] = {
    {"vetrina_check_known", NULL,
	"1 if the check has a verdict, 0 if it was never measured or its result is "
	"stale.",
	EXPOSITION_GAUGE, get_known},
    {"vetrina_check_up", NULL,
	"1 if the check's expectations hold, 0 if not; absent while it is not known.",
	EXPOSITION_GAUGE, get_up},
    {"vetrina_check_degraded", NULL,
	"1 if the check is up but slow or warned; absent while it is not known.",
	EXPOSITION_GAUGE, get_degraded},
    {"vetrina_check_runs", NULL, "Measurements since the daemon started.",
	EXPOSITION_COUNTER, get_runs},
    {"vetrina_check_failures", NULL,
	"Measurements that failed, retry included, since the daemon started.",
	EXPOSITION_COUNTER, get_failures},
    {"vetrina_check_retries", NULL, "Retries after a first failure.",
	EXPOSITION_COUNTER, get_retries},
    {"vetrina_check_missed", NULL, "Slots in which the check did not run.",
	EXPOSITION_COUNTER, get_missed},
    {"vetrina_check_late_seconds", "seconds", "How late the last run began.",
	EXPOSITION_GAUGE, get_late},
    {"vetrina_check_run_seconds", "seconds",
	"How long the last run took, retry included.", EXPOSITION_GAUGE, get_run},
    {"vetrina_check_last_run_timestamp_seconds", "seconds", "When the last run ended.",
	EXPOSITION_GAUGE, get_last},
    {"vetrina_check_interval_seconds", "seconds", "How often the check is to run.",
	EXPOSITION_GAUGE, get_interval},
};

/* What collectors measure, by the unit of their sources; the last has all other units.
 */
static const struct {
	const char *unit; /* of the source */
	double factor;
	const char *name, *base_unit, *label, *help;
} value_families[] = {
    {"s", 1, "vetrina_check_phase_seconds", "seconds", "phase",
	"Duration of a phase in the last run; absent if it did not take place."},
    {"bytes", 1, "vetrina_check_value_bytes", "bytes", "source",
	"A size measured in the last run."},
    {"days", 86400, "vetrina_check_remaining_seconds", "seconds", "source",
	"Time left until what the last run found expires."},
    {"1", 1, "vetrina_check_value", NULL, "source",
	"A number measured in the last run."},
};

static size_t
family_of(const char *unit)
{
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(value_families) - 1; i++)
		if (strcmp(unit, value_families[i].unit) == 0)
			break;
	return i;
}

static void
collect(const struct registry *registry, int64_t now_us, struct table *table)
{
	struct registry_site *site;
	struct registry_service *service;
	struct buf labels = BUF_INIT;
	struct row *row;
	size_t s, i, c, size = 0;

	for (s = 0; s < registry_site_count(registry); s++) {
		site = registry_site(registry, s);
		for (i = 0; i < site->service_count; i++) {
			service = site->services[i];
			for (c = 0; c < service->check_count; c++) {
				if (table->count == size) {
					size = size > 0 ? 2 * size : 64;
					table->rows = mem_resize(
					    table->rows, size, sizeof(*table->rows));
				}
				row = &table->rows[table->count++];
				row->check = service->checks[c];
				row->verdict =
				    registry_check_verdict(row->check, now_us);
				buf_clear(&labels);
				exposition_label(&labels, "site", site->conf->id);
				exposition_label(&labels, "service", service->conf->id);
				exposition_label(
				    &labels, "check", row->check->conf->id);
				row->labels = mem_strdup(labels.data);
			}
		}
	}
	buf_free(&labels);
}

static void
write_values(struct exposition *e, const struct table *table, size_t family)
{
	const struct archive_source *sources;
	struct buf labels = BUF_INIT;
	const struct row *row;
	size_t i, s;
	double value;
	bool begun = false;

	for (i = 0; i < table->count; i++) {
		row = &table->rows[i];
		if (row->verdict == VERDICT_UNKNOWN)
			continue;
		sources = row->check->sources;
		for (s = 0; s < row->check->source_count; s++) {
			value = row->check->last.values[s];
			if (isnan(value) || family_of(sources[s].unit) != family)
				continue;
			if (!begun)
				exposition_family(e, EXPOSITION_GAUGE,
				    value_families[family].name,
				    value_families[family].base_unit,
				    value_families[family].help);
			begun = true;
			buf_clear(&labels);
			buf_add_text(&labels, row->labels);
			exposition_label(
			    &labels, value_families[family].label, sources[s].name);
			exposition_sample(
			    e, labels.data, value * value_families[family].factor);
		}
	}
	buf_free(&labels);
}

static void
write_checks(struct exposition *e, const struct registry *registry)
{
	struct table table = {0};
	double value;
	size_t f, i;

	collect(registry, clock_wall_us(), &table);
	for (f = 0; f < ARRAY_LENGTH(check_families) && table.count > 0; f++) {
		exposition_family(e, check_families[f].type, check_families[f].name,
		    check_families[f].unit, check_families[f].help);
		for (i = 0; i < table.count; i++)
			if (check_families[f].get(&table.rows[i], &value))
				exposition_sample(e, table.rows[i].labels, value);
	}
	for (f = 0; f < ARRAY_LENGTH(value_families); f++)
		write_values(e, &table, f);
	for (i = 0; i < table.count; i++)
		free(table.rows[i].labels);
	free(table.rows);
}

/* --- the daemon itself --- */

static void
gauge(struct exposition *e, const char *name, const char *unit, double value,
    const char *help)
{
	exposition_family(e, EXPOSITION_GAUGE, name, unit, help);
	exposition_sample(e, NULL, value);
}

static void
counter(struct exposition *e, const char *name, const char *unit, double value,
    const char *help)
{
	exposition_family(e, EXPOSITION_COUNTER, name, unit, help);
	exposition_sample(e, NULL, value);
}

static void
write_status(struct exposition *e, const struct web_status *status)
{
	exposition_family(
	    e, EXPOSITION_INFO, "vetrina_build", NULL, "The version that runs.");
	exposition_sample(e, "version=\"" PACKAGE_VERSION "\"", 1);
	gauge(e, "vetrina_config_last_reload_successful", NULL, status->config_ok,
	    "1 if the last attempt to load the configuration went well.");
	gauge(e, "vetrina_config_last_reload_success_timestamp_seconds", "seconds",
	    status->config_loaded_us / 1e6,
	    "When the running configuration was loaded.");
	counter(e, "vetrina_clock_steps", NULL, status->clock_steps,
	    "Times the wall clock was seen to jump.");
}

static void
write_archive(struct exposition *e, const struct archive *archive)
{
	struct archive_stats stats;

	archive_stats(archive, &stats);
	counter(e, "vetrina_samples", NULL, stats.samples, "Samples accepted.");
	exposition_family(e, EXPOSITION_COUNTER, "vetrina_samples_refused", NULL,
	    "Samples not accepted: not after the last of their check, or pending_max "
	    "hit.");
	exposition_sample(e, "reason=\"time\"", stats.refused_time);
	exposition_sample(e, "reason=\"full\"", stats.refused_full);
	gauge(e, "vetrina_pending_samples", NULL, stats.pending_samples,
	    "Samples accepted that are not in their RRD yet.");
	gauge(e, "vetrina_pending_bytes", "bytes", stats.pending_bytes,
	    "What they take in the journal.");
	counter(e, "vetrina_replayed_samples", NULL, stats.replayed,
	    "Samples read back from the journal at the start.");
	counter(
	    e, "vetrina_rrd_updates", NULL, stats.updates, "Batches written to RRDs.");
	counter(e, "vetrina_rrd_update_errors", NULL, stats.update_errors,
	    "Batches that failed; they are tried again.");
	counter(
	    e, "vetrina_rrd_rows", NULL, stats.rows_written, "Rows written to RRDs.");
	counter(e, "vetrina_journal_bytes", "bytes", stats.journal_bytes,
	    "Written to the journal.");
	counter(e, "vetrina_journal_errors", NULL, stats.journal_errors,
	    "Writes to the journal that failed.");
	gauge(e, "vetrina_store_writable", NULL, stats.writable,
	    "1 if the last write to the store went well.");
}

static void
write_registry(struct exposition *e, const struct registry *registry)
{
	struct registry_stats stats;

	registry_stats(registry, &stats);
	gauge(e, "vetrina_late_max_seconds", "seconds", stats.late_max_s,
	    "How late the latest run of the last minute or two began.");
	counter(e, "vetrina_transitions", NULL, stats.ledger.written,
	    "Changes of verdict written to the ledgers.");
	gauge(e, "vetrina_transitions_pending", NULL, stats.ledger.queued,
	    "Changes of verdict that wait to be written.");
	counter(e, "vetrina_transitions_dropped", NULL, stats.ledger.dropped,
	    "Changes of verdict that are lost: too many waited.");
	counter(e, "vetrina_ledger_errors", NULL, stats.ledger.errors,
	    "Reads and writes of a ledger that failed; they are tried again.");
	counter(e, "vetrina_ledger_damaged", NULL, stats.ledger.damaged,
	    "Ledgers that were damaged and moved aside.");
	gauge(e, "vetrina_ledger_writable", NULL, stats.ledger.writable,
	    "1 if the last write to each ledger went well.");
}

static void
write_workers(struct exposition *e, const struct web_env *env)
{
	static const struct {
		const char *name, *help;
		enum exposition_type type;
	} families[] = {
	    {"vetrina_worker_jobs", "Jobs given to a pool.", EXPOSITION_COUNTER},
	    {"vetrina_worker_refused", "Jobs refused, the queue being full.",
		EXPOSITION_COUNTER},
	    {"vetrina_worker_queued", "Jobs that wait.", EXPOSITION_GAUGE},
	    {"vetrina_worker_running", "Jobs that run.", EXPOSITION_GAUGE},
	    {"vetrina_worker_capacity", "Jobs that may wait.", EXPOSITION_GAUGE},
	};
	struct worker_pool *pools[] = {env->rrd, env->journal, env->io, env->programs};
	struct worker_stats stats;
	struct buf labels = BUF_INIT;
	size_t f, i;

	for (f = 0; f < ARRAY_LENGTH(families); f++) {
		exposition_family(
		    e, families[f].type, families[f].name, NULL, families[f].help);
		for (i = 0; i < ARRAY_LENGTH(pools); i++) {
			if (pools[i] == NULL)
				continue;
			worker_stats(pools[i], &stats);
			buf_clear(&labels);
			exposition_label(&labels, "pool", worker_name(pools[i]));
			exposition_sample(e, labels.data,
			    f == 0   ? (double)stats.submitted
			    : f == 1 ? (double)stats.refused
			    : f == 2 ? stats.queued
			    : f == 3 ? stats.running
				     : stats.capacity);
		}
	}
	buf_free(&labels);
}

static void
write_programs(struct exposition *e, const struct spawn_pool *pool)
{
	struct spawn_stats stats;

	spawn_stats(pool, &stats);
	counter(e, "vetrina_programs_started", NULL, stats.started, "Plugins begun.");
	counter(e, "vetrina_programs_killed", NULL, stats.killed,
	    "Plugins killed for their time or their output.");
	gauge(e, "vetrina_programs_running", NULL, stats.running,
	    "Plugins that run or could not be killed; 32 have a place.");
	gauge(e, "vetrina_programs_waiting", NULL, stats.waiting,
	    "Plugins that wait for a place.");
}

static void
write_servers(struct exposition *e, const struct metrics_source *source)
{
	static const char *const labels[] = {
	    "listener=\"public\"", "listener=\"admin\""};
	const struct server *servers[] = {source->public, source->admin};
	struct server_stats stats[2];
	char both[64];
	size_t i, class;

	for (i = 0; i < 2; i++)
		if (servers[i] != NULL)
			server_stats(servers[i], &stats[i]);
#define WRITE_SERVERS(type, name, help, value)                                   \
	do {                                                                     \
		exposition_family(e, type, name, NULL, help);                    \
		for (i = 0; i < 2; i++)                                          \
			if (servers[i] != NULL)                                  \
				exposition_sample(e, labels[i], stats[i].value); \
	} while (0)
	WRITE_SERVERS(
	    EXPOSITION_COUNTER, "vetrina_http_requests", "Requests read.", requests);
	WRITE_SERVERS(EXPOSITION_COUNTER, "vetrina_http_refused",
	    "Requests and connections refused before a page was asked for.", refused);
	WRITE_SERVERS(EXPOSITION_COUNTER, "vetrina_http_connections_dismissed",
	    "Connections that gave way to others or were too slow.", dismissed);
	WRITE_SERVERS(EXPOSITION_GAUGE, "vetrina_http_connections", "Open connections.",
	    connections);
#undef WRITE_SERVERS
	exposition_family(e, EXPOSITION_COUNTER, "vetrina_http_responses", NULL,
	    "Answers by the class of their status.");
	for (i = 0; i < 2; i++) {
		for (class = 2; class < 6 && servers[i] != NULL; class ++) {
			snprintf(
			    both, sizeof(both), "%s,class=\"%zuxx\"", labels[i], class);
			exposition_sample(e, both, stats[i].by_status[class]);
		}
	}
}

static void
write_caches(struct exposition *e, const struct metrics_source *source)
{
	struct cache_stats pages;
	struct resolve_stats names;

	if (source->cache != NULL) {
		cache_stats(source->cache, &pages);
		counter(e, "vetrina_page_cache_hits", NULL, pages.hits,
		    "Pages answered from the cache.");
		counter(
		    e, "vetrina_page_cache_builds", NULL, pages.builds, "Pages built.");
		counter(e, "vetrina_page_cache_waits", NULL, pages.waits,
		    "Requests that waited for a build begun for another.");
		counter(e, "vetrina_page_cache_refused", NULL, pages.refused,
		    "Requests that found too many waiting, or too many builds within a "
		    "second.");
		counter(e, "vetrina_page_cache_evictions", NULL, pages.evictions,
		    "Pages dropped for room.");
		gauge(e, "vetrina_page_cache_entries", NULL, pages.entries,
		    "Pages kept.");
		gauge(e, "vetrina_page_cache_bytes", "bytes", pages.bytes,
		    "Memory that they take.");
	}
	if (source->env->resolve != NULL) {
		resolve_stats(source->env->resolve, &names);
		counter(
		    e, "vetrina_dns_queries", NULL, names.queries, "Names asked for.");
		counter(e, "vetrina_dns_cache_hits", NULL, names.hits,
		    "Names answered from the cache.");
		counter(e, "vetrina_dns_failures", NULL, names.failures,
		    "Names that did not resolve.");
		gauge(
		    e, "vetrina_dns_cache_entries", NULL, names.entries, "Names kept.");
	}
}

static unsigned
count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	unsigned count = 0;

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count - 1; /* this one's own */
}

/* The fields of /proc/self/stat behind the program's name, which may hold anything. */
static bool
read_stat(unsigned long *user, unsigned long *system, long *pages)
{
	FILE *file = fopen("/proc/self/stat", "re");
	char line[1024], *end;
	bool ok;

	if (file == NULL)
		return false;
	ok = fgets(line, sizeof(line), file) != NULL;
	fclose(file);
	end = ok ? strrchr(line, ')') : NULL;
	return end != NULL && sscanf(end + 1,
				  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu "
				  "%lu %*d %*d %*d %*d %*d"
				  " %*d %*u %*u %ld",
				  user, system, pages) == 3;
}

static void
write_process(struct exposition *e, const struct web_status *status)
{
	unsigned long user, system;
	long pages;

	if (read_stat(&user, &system, &pages)) {
		counter(e, "process_cpu_seconds", "seconds",
		    (double)(user + system) / sysconf(_SC_CLK_TCK),
		    "User and system CPU time spent.");
		gauge(e, "process_resident_memory_bytes", "bytes",
		    (double)pages * sysconf(_SC_PAGESIZE), "Resident memory.");
	}
	gauge(
	    e, "process_open_fds", NULL, count_descriptors(), "Open file descriptors.");
	gauge(e, "process_max_fds", NULL, sysconf(_SC_OPEN_MAX),
	    "File descriptors that may be open.");
	gauge(e, "process_start_time_seconds", "seconds", status->started_us / 1e6,
	    "When the daemon started.");
}

void
metrics_write(const struct metrics_source *source, bool openmetrics, struct buf *out)
{
	struct exposition e = {.out = out, .openmetrics = openmetrics};
	const struct web_env *env = source->env;

	write_checks(&e, env->registry);
	write_status(&e, env->status);
	if (env->registry != NULL) {
		write_registry(&e, env->registry);
		exposition_family(&e, EXPOSITION_HISTOGRAM, "vetrina_lateness_seconds",
		    "seconds", "How late runs began against their plan.");
		exposition_histogram(&e, NULL, registry_lateness(env->registry));
	}
	if (env->archive != NULL)
		write_archive(&e, env->archive);
	if (env->loop != NULL) {
		exposition_family(&e, EXPOSITION_HISTOGRAM,
		    "vetrina_loop_callback_seconds", "seconds",
		    "How long each callback held the loop.");
		exposition_histogram(&e, NULL, loop_histogram(env->loop));
	}
	write_workers(&e, env);
	if (env->spawn != NULL)
		write_programs(&e, env->spawn);
	write_servers(&e, source);
	write_caches(&e, source);
	write_process(&e, env->status);
	exposition_end(&e);
}
