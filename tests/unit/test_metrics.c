/*
 * web/exposition and web/metrics: both formats, what is unknown, and promtool's word
 * where it is installed. The registry and the archive are stand-ins.
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "loop/loop.h"
#include "loop/resolve.h"
#include "loop/worker.h"
#include "store/archive.h"
#include "watch/registry.h"
#include "web/cache.h"
#include "web/exposition.h"
#include "web/metrics.h"
#include "web/server.h"
#include "web/web.h"

/* --- stand-ins --- */

static const struct archive_source sources[] = {
    {"total", "s", 0, NAN, ""},
    {"tls", "s", 0, NAN, ""},
    {"size", "bytes", 0, NAN, ""},
    {"certificate_days", "days", NAN, NAN, ""},
    {"version", "1", NAN, NAN, ""},
};
static const struct collector collector = {
    .name = "http", .sources = sources, .source_count = 5, .total = 0};
static struct conf_site site_conf = {.id = (char *)"borgosereno"};
static struct conf_service service_conf = {.id = (char *)"anagrafe"};
static struct conf_check check_conf[] = {
    {.id = (char *)"portale", .every_us = 60000000},
    {.id = (char *)"nuovo", .every_us = 60000000},
    {.id = (char *)"lento", .every_us = 60000000},
    {.id = (char *)"fermo", .every_us = 60000000},
};
static struct registry_check checks[] = {
    {.conf = &check_conf[0],
	.collector = &collector,
	.sources = sources,
	.source_count = 5,
	.verdict = VERDICT_DOWN,
	.last = {.values = {0.25, NAN, 5120, 1.5, 2}},
	.last_us = INT64_C(1764000000500000),
	.runs = 7,
	.failures = 2,
	.missed = 1,
	.late_s = 0.125,
	.run_s = 0.5},
    {.conf = &check_conf[1],
	.collector = &collector,
	.sources = sources,
	.source_count = 5,
	.verdict = VERDICT_UNKNOWN,
	.last = {.values = {NAN, NAN, NAN, NAN, NAN}}},
    {.conf = &check_conf[2],
	.collector = &collector,
	.sources = sources,
	.source_count = 5,
	.verdict = VERDICT_DEGRADED,
	.last = {.values = {2, NAN, NAN, NAN, NAN}},
	.runs = 1},
    {.conf = &check_conf[3],
	.collector = &collector,
	.sources = sources,
	.source_count = 5,
	.verdict = VERDICT_UNKNOWN, /* stale, with a result of long ago */
	.last = {.values = {0.77, NAN, NAN, NAN, NAN}},
	.last_us = 1000000,
	.runs = 1},
};
static struct registry_check *check_list[] = {
    &checks[0], &checks[1], &checks[2], &checks[3]};
static struct registry_service service = {
    .conf = &service_conf, .check_count = 4, .checks = check_list};
static struct registry_service *services[] = {&service};
static struct registry_site site = {
    .conf = &site_conf, .service_count = 1, .services = services};

size_t
registry_site_count(const struct registry *registry)
{
	return 1;
}

struct registry_site *
registry_site(const struct registry *registry, size_t i)
{
	return &site;
}

enum verdict
registry_check_verdict(const struct registry_check *check, int64_t wall_us)
{
	return check->verdict;
}

const struct histogram *
registry_lateness(const struct registry *registry)
{
	static struct histogram lateness;

	if (lateness.total == 0)
		histogram_add(&lateness, 700);
	return &lateness;
}

void
registry_stats(const struct registry *registry, struct registry_stats *out)
{
	*out = (struct registry_stats){.late_max_s = 0.5,
	    .ledger = {.written = 5, .dropped = 2, .writable = true}};
}

void
archive_stats(const struct archive *archive, struct archive_stats *out)
{
	*out = (struct archive_stats){
	    .samples = 41, .pending_samples = 3, .writable = true};
}

/* --- the tests --- */

static struct web_status status = {.started_us = INT64_C(1764000000000000),
    .config_loaded_us = INT64_C(1764000000000000),
    .config_ok = true};

static void
handler(struct server_request *request, const struct server_head *head, void *arg)
{
}

static void
write_all(bool openmetrics, struct buf *out)
{
	char any[] = "127.0.0.1:0", *items[] = {any};
	struct conf_strings addresses = {.count = 1, .items = items};
	struct web_env env = {.loop = loop_create(), .status = &status};
	struct metrics_source source = {.env = &env};
	struct server *server;

	env.archive = (struct archive *)&env; /* the stand-in does not look */
	env.registry = (struct registry *)&env;
	env.io = worker_pool_create(env.loop, "io", 1, 8);
	env.rrd = worker_pool_create(env.loop, "rrd", 1, 8);
	env.resolve = resolve_create(env.loop, "127.0.0.1:1", 8);
	assert_int_equal(
	    server_open(env.loop, &addresses, 10, handler, NULL, &server), 0);
	source.public = server;
	source.cache = NULL;
	metrics_write(&source, openmetrics, out);
	server_close(server);
	resolve_destroy(env.resolve);
	worker_pool_destroy(env.rrd);
	worker_pool_destroy(env.io);
	loop_destroy(env.loop);
}

static void
has(const struct buf *out, const char *line)
{
	const char *at = out->data;

	while ((at = strstr(at, line)) != NULL &&
	       ((at > out->data && at[-1] != '\n') || at[strlen(line)] != '\n'))
		at++;
	if (at == NULL)
		fail_msg("not there: %s\n%s", line, out->data);
}

#define LABELS "{site=\"borgosereno\",service=\"anagrafe\",check=\"portale\"}"
#define WITH(label) \
	"{site=\"borgosereno\",service=\"anagrafe\",check=\"portale\"," label "}"

static void
the_text_format(void **state)
{
	struct buf out = BUF_INIT;

	write_all(false, &out);
	has(&out, "# TYPE vetrina_check_up gauge");
	has(&out, "vetrina_check_up" LABELS " 0");
	has(&out, "vetrina_check_known" LABELS " 1");
	has(&out, "vetrina_check_phase_seconds" WITH("phase=\"total\"") " 0.25");
	has(&out, "vetrina_check_value_bytes" WITH("source=\"size\"") " 5120");
	has(&out, "vetrina_check_remaining_seconds" WITH(
		      "source=\"certificate_days\"") " 129600");
	has(&out, "vetrina_check_value" WITH("source=\"version\"") " 2");
	has(&out, "# TYPE vetrina_check_runs_total counter");
	has(&out, "vetrina_check_runs_total" LABELS " 7");
	has(&out, "vetrina_check_failures_total" LABELS " 2");
	has(&out, "vetrina_check_missed_total" LABELS " 1");
	has(&out, "vetrina_late_max_seconds 0.5");
	has(&out, "vetrina_transitions_dropped_total 2");
	has(&out, "vetrina_ledger_writable 1");
	has(&out, "vetrina_check_late_seconds" LABELS " 0.125");
	has(&out, "vetrina_check_last_run_timestamp_seconds" LABELS " 1764000000.5");
	has(&out, "vetrina_samples_total 41");
	has(&out, "vetrina_pending_samples 3");
	has(&out, "vetrina_config_last_reload_successful 1");
	has(&out, "vetrina_config_last_reload_success_timestamp_seconds 1764000000");
	has(&out, "# TYPE vetrina_build_info gauge");
	has(&out, "vetrina_loop_callback_seconds_bucket{le=\"+Inf\"} 0");
	has(&out, "vetrina_worker_capacity{pool=\"rrd\"} 8");
	has(&out, "vetrina_http_responses_total{listener=\"public\",class=\"2xx\"} 0");
	has(&out, "process_start_time_seconds 1764000000");
	assert_non_null(strstr(out.data, "\nprocess_cpu_seconds_total "));
	assert_non_null(strstr(out.data, "\nprocess_resident_memory_bytes "));
	assert_non_null(strstr(out.data, "\nprocess_open_fds "));
	/* Degraded is up; never measured and stale are neither. */
	assert_non_null(strstr(out.data, "vetrina_check_up{site=\"borgosereno\","
					 "service=\"anagrafe\",check=\"lento\"} 1\n"));
	assert_non_null(strstr(out.data, "check=\"nuovo\"} 0\n"));
	assert_null(strstr(out.data, "vetrina_check_up{site=\"borgosereno\","
				     "service=\"anagrafe\",check=\"nuovo\"}"));
	assert_null(strstr(out.data, "vetrina_check_up{site=\"borgosereno\","
				     "service=\"anagrafe\",check=\"fermo\"}"));
	assert_null(strstr(out.data, "0.77"));
	assert_null(strstr(out.data, "NaN"));
	assert_null(strstr(out.data, "# EOF"));
	assert_null(strstr(out.data, "# UNIT"));
	buf_free(&out);
}

static void
openmetrics(void **state)
{
	struct buf out = BUF_INIT;
	const char *line, *end;
	char family[128] = "";

	write_all(true, &out);
	has(&out, "# TYPE vetrina_check_runs counter");
	has(&out, "vetrina_check_runs_total" LABELS " 7");
	has(&out, "# TYPE vetrina_build info");
	has(&out, "vetrina_build_info{version=\"" PACKAGE_VERSION "\"} 1");
	has(&out, "# UNIT process_cpu_seconds seconds");
	assert_string_equal(out.data + out.length - 6, "# EOF\n");
	/* Every sample stands under its family, and no line is empty. */
	for (line = out.data; *line != '\0'; line = end + 1) {
		end = strchr(line, '\n');
		assert_non_null(end);
		assert_true(end > line);
		if (strncmp(line, "# HELP ", 7) == 0)
			snprintf(family, sizeof(family), "%.*s",
			    (int)strcspn(line + 7, " "), line + 7);
		else if (line[0] != '#')
			assert_memory_equal(line, family, strlen(family));
	}
	buf_free(&out);
}

static void
promtool_agrees(void **state)
{
	struct buf out = BUF_INIT;
	FILE *promtool;

	if (system("command -v promtool >/dev/null 2>&1") != 0)
		skip();
	write_all(false, &out);
	promtool = popen("promtool check metrics >&2", "w");
	assert_non_null(promtool);
	assert_int_equal(fwrite(out.data, 1, out.length, promtool), out.length);
	assert_int_equal(pclose(promtool), 0);
	buf_free(&out);
}

static void
text_is_escaped(void **state)
{
	struct buf out = BUF_INIT, labels = BUF_INIT;
	struct exposition e = {.out = &out};

	exposition_label(&labels, "a", "x\"y\\z\nw");
	exposition_label(&labels, "b", "");
	exposition_family(&e, EXPOSITION_GAUGE, "m", NULL, "a \"b\"\\\nc");
	exposition_sample(&e, labels.data, -INFINITY);
	exposition_sample(&e, "", NAN);
	exposition_sample(&e, NULL, 1e15);
	exposition_sample(&e, NULL, 1.0 / 3);
	assert_string_equal(out.data, "# HELP m a \"b\"\\\\\\nc\n# TYPE m gauge\n"
				      "m{a=\"x\\\"y\\\\z\\nw\",b=\"\"} -Inf\nm NaN\n"
				      "m 1e+15\nm 0.3333333333333333\n");
	buf_free(&labels);
	buf_free(&out);
}

static void
a_histogram_adds_up(void **state)
{
	struct buf out = BUF_INIT;
	struct exposition e = {.out = &out};
	struct histogram histogram = {0};

	histogram_add(&histogram, 40);
	histogram_add(&histogram, 90);
	histogram_add(&histogram, INT64_C(100000000));
	exposition_family(&e, EXPOSITION_HISTOGRAM, "h_seconds", "seconds", "H.");
	exposition_histogram(&e, "x=\"1\"", &histogram);
	has(&out, "h_seconds_bucket{x=\"1\",le=\"5e-05\"} 1");
	has(&out, "h_seconds_bucket{x=\"1\",le=\"0.0001\"} 2");
	has(&out, "h_seconds_bucket{x=\"1\",le=\"60\"} 2");
	has(&out, "h_seconds_bucket{x=\"1\",le=\"+Inf\"} 3");
	has(&out, "h_seconds_sum{x=\"1\"} 100.00013");
	has(&out, "h_seconds_count{x=\"1\"} 3");
	buf_free(&out);
}

static void
who_wants_which(void **state)
{
	assert_false(exposition_wants_openmetrics(""));
	assert_false(exposition_wants_openmetrics("*/*"));
	assert_false(exposition_wants_openmetrics("text/html, */*;q=0.1"));
	assert_false(exposition_wants_openmetrics("application/*"));
	assert_true(exposition_wants_openmetrics("application/openmetrics-text"));
	assert_true(exposition_wants_openmetrics(
	    "application/openmetrics-text;version=1.0.0,application/"
	    "openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/"
	    "*;q=0.1"));
	assert_false(exposition_wants_openmetrics(
	    "application/openmetrics-text;q=0.3, text/plain;version=0.0.4"));
	assert_false(exposition_wants_openmetrics("application/openmetrics-text;q=0"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_text_format),
	    cmocka_unit_test(openmetrics),
	    cmocka_unit_test(promtool_agrees),
	    cmocka_unit_test(text_is_escaped),
	    cmocka_unit_test(a_histogram_adds_up),
	    cmocka_unit_test(who_wants_which),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
