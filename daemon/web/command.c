/* The commands of the control socket. */
#include "web/command.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/histogram.h"
#include "base/mem.h"
#include "base/text.h"
#include "loop/worker.h"
#include "store/archive.h"
#include "watch/registry.h"

static json_t *
time_json(int64_t wall_us)
{
	char text[TEXT_TIME_SIZE];

	return wall_us > 0 ? json_string(text_time_format(wall_us, text)) : json_null();
}

static json_t *
number_json(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *
check_json(const struct registry_check *check)
{
	const struct registry_service *service = check->service;
	int64_t now = clock_wall_us();
	enum verdict verdict = registry_check_verdict(check, now);
	json_t *values = json_object();
	size_t i;

	for (i = 0; i < check->source_count; i++)
		json_object_set_new(
		    values, check->sources[i].name, number_json(check->last.values[i]));
	return json_pack(
	    "{s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:{s:o, s:o}, s:o, s:I}", "site",
	    service->site->conf->id, "service", service->conf->id, "check",
	    check->conf->id, "collector", check->collector->name, "verdict",
	    verdict_name(verdict), "since",
	    time_json(verdict == VERDICT_UNKNOWN ? 0 : check->since_us), "class",
	    probe_class_name(check->last.class), "message", check->last.message, "last",
	    "time", time_json(check->last_us), "values", values, "late",
	    number_json(check->late_s), "missed", (json_int_t)check->missed);
}

/* Site named in the arguments, or NULL for all; false: there is none of that name. */
static bool
site_argument(struct control_request *request, struct registry *registry,
    json_t *arguments, struct registry_site **site)
{
	const char *id = json_string_value(json_object_get(arguments, "site"));

	*site = NULL;
	if (id == NULL)
		return true;
	*site = registry_find_site(registry, id);
	if (*site == NULL)
		control_fail(request, "there is no site %s", id);
	return *site != NULL;
}

static json_t *
config_json(const struct web_status *status)
{
	return json_pack("{s:s, s:o, s:b, s:s?}", "file", status->config_file, "loaded",
	    time_json(status->config_loaded_us), "ok", status->config_ok, "error",
	    status->config_error);
}

/* [[upper bound in seconds, null for the last; runs], ...] */
static json_t *
histogram_json(const struct histogram *histogram)
{
	json_t *out = json_array();
	size_t i;

	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		json_array_append_new(out,
		    json_pack("[o, I]",
			i < HISTOGRAM_BUCKETS - 1
			    ? json_real((double)histogram_bounds_us[i] / CLOCK_SECOND)
			    : json_null(),
			(json_int_t)histogram->count[i]));
	return out;
}

static json_t *
counts_json(const struct registry_stats *stats, const struct registry *registry)
{
	json_t *out = json_pack("{s:I, s:I, s:I, s:I, s:o, s:o}", "total",
	    (json_int_t)stats->checks, "running", (json_int_t)stats->running, "runs",
	    (json_int_t)stats->runs, "missed", (json_int_t)stats->missed, "late",
	    number_json(stats->late_max_s), "lateness",
	    histogram_json(registry_lateness(registry)));
	enum verdict verdict;

	for (verdict = 0; verdict < VERDICTS; verdict++)
		json_object_set_new(out, verdict_name(verdict),
		    json_integer((json_int_t)stats->verdicts[verdict]));
	return out;
}

static json_t *
queues_json(const struct web_env *env)
{
	struct worker_pool *pools[] = {env->rrd, env->journal, env->io, env->programs};
	json_t *out = json_object();
	struct worker_stats stats;
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(pools); i++) {
		if (pools[i] == NULL)
			continue;
		worker_stats(pools[i], &stats);
		json_object_set_new(out, worker_name(pools[i]),
		    json_pack("{s:i, s:i, s:i, s:I}", "queued", stats.queued, "running",
			stats.running, "capacity", stats.capacity, "refused",
			(json_int_t)stats.refused));
	}
	return out;
}

static json_t *
store_json(const struct archive *archive)
{
	struct archive_stats stats;

	archive_stats(archive, &stats);
	return json_pack("{s:b, s:b, s:I, s:I, s:I, s:I, s:I}", "writable",
	    stats.writable, "replay_done", stats.replay_done, "samples",
	    (json_int_t)stats.samples, "pending_samples",
	    (json_int_t)stats.pending_samples, "pending_bytes",
	    (json_int_t)stats.pending_bytes, "refused",
	    (json_int_t)(stats.refused_full + stats.refused_time), "rows_written",
	    (json_int_t)stats.rows_written);
}

static json_t *
ledger_json(const struct ledger_stats *stats)
{
	return json_pack("{s:b, s:I, s:I, s:I}", "writable", stats->writable, "pending",
	    (json_int_t)stats->queued, "dropped", (json_int_t)stats->dropped, "errors",
	    (json_int_t)stats->errors);
}

static void
command_status(
    struct control_request *request, json_t *arguments, struct command_env *env)
{
	const struct web_status *status = env->web_env->status;
	struct registry_stats stats;

	registry_stats(env->web_env->registry, &stats);
	control_reply(request,
	    json_pack("{s:s, s:i, s:o, s:s?, s:s?, s:o, s:o, s:o, s:o, s:o, s:I}",
		"version", PACKAGE_VERSION, "pid", (int)getpid(), "started",
		time_json(status->started_us), "public", web_public_address(env->web),
		"admin", web_admin_address(env->web), "config", config_json(status),
		"checks", counts_json(&stats, env->web_env->registry), "queues",
		queues_json(env->web_env), "store", store_json(env->web_env->archive),
		"ledger", ledger_json(&stats.ledger), "clock_steps",
		(json_int_t)status->clock_steps));
}

static void
command_checks(
    struct control_request *request, json_t *arguments, struct command_env *env)
{
	struct registry *registry = env->web_env->registry;
	struct registry_site *only;
	json_t *list;
	size_t i, j, k;

	if (!site_argument(request, registry, arguments, &only))
		return;
	list = json_array();
	for (i = 0; i < registry_site_count(registry); i++) {
		struct registry_site *site = registry_site(registry, i);
		if (only != NULL && site != only)
			continue;
		for (j = 0; j < site->service_count; j++)
			for (k = 0; k < site->services[j]->check_count; k++)
				json_array_append_new(
				    list, check_json(site->services[j]->checks[k]));
	}
	control_reply(request, json_pack("{s:o}", "checks", list));
}

/* [SITE/]SERVICE/CHECK; the request is answered when there is none. */
static struct registry_check *
check_argument(
    struct control_request *request, json_t *arguments, struct registry *registry)
{
	const char *name = json_string_value(json_object_get(arguments, "name"));
	struct registry_service *service = NULL;
	struct registry_check *check = NULL;
	struct registry_site *site;
	char *copy, *part[4] = {NULL}, *save = NULL;
	size_t count = 0;

	if (!site_argument(request, registry, arguments, &site))
		return NULL;
	copy = mem_strdup(name != NULL ? name : "");
	while (count < ARRAY_LENGTH(part) &&
	       (part[count] = strtok_r(count == 0 ? copy : NULL, "/", &save)) != NULL)
		count++;
	if (count == 3)
		site = registry_find_site(registry, part[0]);
	else if (count == 2 && site == NULL && registry_site_count(registry) == 1)
		site = registry_site(registry, 0);
	if (site != NULL && (count == 2 || count == 3))
		service = registry_find_service(site, part[count - 2]);
	if (service != NULL)
		check = registry_find_check(service, part[count - 1]);
	if (check == NULL)
		control_fail(request,
		    "there is no check %s; expected [SITE/]SERVICE/CHECK, see "
		    "vetrinactl checks",
		    name != NULL ? name : "");
	free(copy);
	return check;
}

static void
on_measured(struct registry_check *check, void *arg)
{
	struct control_request *request = arg;

	if (check == NULL)
		control_fail(request, "the check was closed before it was measured");
	else
		control_reply(request, check_json(check));
}

static void
command_check(
    struct control_request *request, json_t *arguments, struct command_env *env)
{
	struct registry *registry = env->web_env->registry;
	struct registry_check *check = check_argument(request, arguments, registry);

	if (check == NULL)
		return;
	if (json_is_true(json_object_get(arguments, "now")))
		registry_run_now(registry, check, on_measured, request);
	else
		control_reply(request, check_json(check));
}

static void
on_services(json_t *document, void *arg)
{
	control_reply(arg, document);
}

static void
command_services(
    struct control_request *request, json_t *arguments, struct command_env *env)
{
	struct registry_site *site;

	if (site_argument(request, env->web_env->registry, arguments, &site))
		web_services(env->web, site != NULL ? site->conf->id : NULL,
		    on_services, request);
}

static void
on_flushed(int error, void *arg)
{
	if (error != 0)
		control_fail(arg, "not everything was written: %s; the log says more",
		    err_text(error));
	else
		control_reply(
		    arg, json_pack("{s:s}", "message", "all samples are written"));
}

static void
command_flush(
    struct control_request *request, json_t *arguments, struct command_env *env)
{
	archive_flush(env->web_env->archive, on_flushed, request);
}

static void
command_reload(
    struct control_request *request, json_t *arguments, struct command_env *env)
{
	env->reload(request, env->arg);
}

void
command_handle(
    struct control_request *request, const char *command, json_t *arguments, void *arg)
{
	static const struct {
		const char *name;
		void (*run)(struct control_request *request, json_t *arguments,
		    struct command_env *env);
	} commands[] = {
	    {"status", command_status},
	    {"checks", command_checks},
	    {"check", command_check},
	    {"services", command_services},
	    {"flush", command_flush},
	    {"reload", command_reload},
	};
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(commands); i++)
		if (strcmp(commands[i].name, command) == 0) {
			commands[i].run(request, arguments, arg);
			return;
		}
	control_fail(request, "unknown command %s", command);
}
