/*
 * tests/lib/town_seed: the past it writes is of one piece: outages as the ledger
 * tells them and as the rows do, once only, and for a demonstration only.
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "collectors/collectors.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "store/archive.h"
#include "store/history.h"
#include "store/ledgerfile.h"

#define DAY_S INT64_C(86400)
#define S CLOCK_SECOND

static char folder[] = "/tmp/vetrina-seed-XXXXXX";

static void
write_config(void)
{
	char *path = mem_printf("%s/vetrina.yaml", folder);
	FILE *file = fopen(path, "w");
	int i;

	assert_non_null(file);
	fprintf(file,
	    "listen: {public: [\"127.0.0.1:8080\"], control: run/control.sock}\n"
	    "store: {path: store, retention: [2m:14d, 10m:91d, 1h:1y]}\n"
	    "sites:\n");
	for (i = 0; i < 2; i++)
		fprintf(file,
		    "  %s:\n    name: Comune\n    url: http://%s.example\n"
		    "    languages: [it]\n    demo: %s\n    timezone: Europe/Rome\n"
		    "    areas: {sito: {title: Sito}}\n    services:\n"
		    "      biblioteca:\n        title: Biblioteca\n        area: sito\n"
		    "        public: false\n        checks:\n"
		    "          portale: {every: 120s, timeout: 10s, http: "
		    "\"http://localhost/biblioteca\"}\n"
		    "      ignoto:\n        title: Ignoto\n        area: sito\n"
		    "        public: false\n        checks:\n"
		    "          portale: {every: 120s, timeout: 10s, http: "
		    "\"http://localhost/x\"}\n",
		    i == 0 ? "vero" : "finto", i == 0 ? "vero" : "finto",
		    i == 0 ? "false" : "true");
	fclose(file);
	free(path);
}

static int
run_seed(void)
{
	const char *builddir = getenv("top_builddir");
	char *command = mem_printf("%s/tests/lib/town_seed %s/vetrina.yaml 2>%s/log",
	    builddir != NULL ? builddir : ".", folder, folder);
	int status = system(command);

	free(command);
	return status;
}

static bool
exists(const char *name)
{
	char *path = mem_printf("%s/store/%s", folder, name);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

/* -> seconds down and how often, as the ledger tells; check "": the service */
static double
down_by_ledger(const char *check, size_t *outages)
{
	char *path = mem_printf("%s/store/finto/ledger.sqlite", folder);
	struct ledgerfile *file = ledgerfile_create(path);
	struct ledger_transition *rows;
	int64_t down_us = 0;
	size_t count, i;

	assert_int_equal(ledgerfile_read(file, true, "biblioteca", check, 0, INT64_MAX,
			     10000, &rows, &count),
	    0);
	*outages = 0;
	for (i = 0; i < count; i++) {
		bool ends = strcmp(rows[i].from, "down") == 0;
		down_us += ends ? rows[i].at_us : -rows[i].at_us;
		*outages += !ends;
		if (i == 0 && !ends) /* it is down now: until the last slot's end */
			down_us += clock_wall_us();
	}
	free(rows);
	ledgerfile_destroy(file);
	free(path);
	return (double)down_us / CLOCK_SECOND;
}

static void
rows_and_ledger_agree(void **state)
{
	char *path = mem_printf("%s/store/finto/rrd/biblioteca/portale.rrd", folder);
	const char *paths[] = {path};
	int64_t now_s = clock_wall_us() / CLOCK_SECOND;
	struct history_period periods[2] = {
	    {.from_s = now_s - 90 * DAY_S, .to_s = now_s},
	    {.from_s = now_s - DAY_S, .to_s = now_s}};
	struct history_query query = {
	    .series_count = 1, .period_count = 2, .periods = periods};
	size_t outages, service_outages;
	double down;

	history_read(&query, paths, now_s);
	assert_true(llabs(query.first_s - (now_s - 90 * DAY_S)) <= 3600);
	down = down_by_ledger("portale", &outages);
	assert_true(outages > 50 && outages < 150);
	assert_true(fabs(periods[0].down_s - down) < 3 * 120);
	assert_true(fabs(down_by_ledger("", &service_outages) - down) < 1);
	assert_int_equal(service_outages, outages);
	assert_true(periods[0].availability > 0.95 && periods[0].availability < 0.99);
	/* 40 and 25 minutes were not seen, no more. */
	assert_true(periods[0].coverage < 1 - 3000 / (90.0 * DAY_S));
	assert_true(periods[0].coverage > 1 - 6000 / (90.0 * DAY_S));
	assert_true(periods[1].coverage == 1);
	assert_true(periods[1].p50 > 0.09 && periods[1].p50 < 0.3);
	assert_true(periods[1].max < 1.5);
	free(path);
}

static bool done;

static void
on_file(const char *path, void *arg)
{
}

static void
on_done(void *arg)
{
	done = true;
}

/* It does not make the file anew. */
static void
the_archive_takes_it_over(void **state)
{
	char *store = mem_printf("%s/store", folder);
	struct archive_config config = {.path = store,
	    .retention = {.count = 3,
		.tiers = {{120 * S, 14 * DAY_S * S}, {600 * S, 91 * DAY_S * S},
		    {3600 * S, 365 * DAY_S * S}}},
	    .flush_us = S,
	    .pending_max = 1 << 20};
	struct loop *loop = loop_create();
	struct worker_pool *rrd = worker_pool_create(loop, "rrd", 1, 64);
	struct worker_pool *io = worker_pool_create(loop, "io", 1, 64);
	struct archive_series *series;
	struct archive_stats stats;
	struct archive *archive;

	assert_int_equal(archive_open(loop, rrd, io, io, &config, &archive), 0);
	series = archive_series_open(archive, "finto", "biblioteca", "portale", 120 * S,
	    collector_http.sources, collector_http.source_count);
	archive_run(series, on_file, on_done, NULL);
	while (!done)
		loop_poll(loop);
	archive_stats(archive, &stats);
	assert_int_equal(stats.migrated, 0);
	assert_int_equal(stats.created, 0);
	assert_true(clock_wall_us() / CLOCK_SECOND - archive_last_s(series) < 300);
	archive_series_close(series);
	archive_close(archive);
	worker_pool_destroy(rrd);
	worker_pool_destroy(io);
	loop_destroy(loop);
	free(store);
}

static void
others_are_left_alone(void **state)
{
	assert_false(exists("vero"));
	assert_false(exists("finto/rrd/ignoto"));
	assert_false(exists("finto/rrd/biblioteca/portale.rrd.seed"));
}

static void
second_time_changes_nothing(void **state)
{
	char *path = mem_printf("%s/store/finto/rrd/biblioteca/portale.rrd", folder);
	struct stat before, after;
	size_t outages, again;

	down_by_ledger("", &outages);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(run_seed(), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	/* Interrupted before the files had their names: the ledger is not doubled. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(run_seed(), 0);
	assert_int_equal(stat(path, &after), 0);
	down_by_ledger("", &again);
	assert_int_equal(again, outages);
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_and_ledger_agree),
	    cmocka_unit_test(the_archive_takes_it_over),
	    cmocka_unit_test(others_are_left_alone),
	    cmocka_unit_test(second_time_changes_nothing),
	};
	char *command;
	int failed;

	if (mkdtemp(folder) == NULL)
		return 1;
	log_open("test", LOG_LEVEL_ERROR, false);
	write_config();
	if (run_seed() != 0) {
		fprintf(stderr, "town_seed failed, see %s/log\n", folder);
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	command = mem_printf("rm -rf %s", folder);
	if (system(command) != 0)
		failed = 1;
	free(command);
	return failed;
}
