/* watch/: schedule, verdicts, runner, registry, transitions; on a fake clock. */
#include "unit.h"

#include <math.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "store/archive.h"
#include "store/ledger.h"
#include "watch/registry.h"
#include "watch/schedule.h"

#define MINUTE (60 * CLOCK_SECOND)
#define START INT64_C(1790000000000000) /* 2026-09-21, not on a slot's edge */

/* A collector whose measurements end when the test says so. */
struct fake {
	struct probe_run *run; /* running, or NULL */
	const char *tag;
	int starts, fresh, cancels, rebinds;
	int64_t started_us[64]; /* wall */
};

struct fake_options {
	char *tag;
};

static struct fake fakes[512];
static size_t fake_count;
static struct loop *loop;

static const struct option fake_table[] = {
    {.name = "tag",
	.type = OPTION_STRING,
	.offset = offsetof(struct fake_options, tag),
	.text = "A name"},
    OPTION_END,
};

static int
fake_open(const struct probe_env *env, const void *options, int64_t dns_cache_us,
    void **state, char error[256])
{
	struct fake *fake = &fakes[fake_count++];

	memset(fake, 0, sizeof(*fake));
	fake->tag = ((const struct fake_options *)options)->tag;
	*state = fake;
	return 0;
}

static void
fake_start(void *state, struct probe_run *run, int64_t timeout_us, bool fresh)
{
	struct fake *fake = state;

	assert_null(fake->run); /* never twice at once */
	fake->run = run;
	if (fake->starts < 64)
		fake->started_us[fake->starts] = clock_wall_us();
	fake->starts++;
	fake->fresh += fresh;
}

static void
end_run(struct fake *fake, enum probe_class class, double total)
{
	struct probe_result result = {.class = class};
	struct probe_run *run = fake->run;

	assert_non_null(run);
	snprintf(result.message, sizeof(result.message), "%s", probe_class_name(class));
	result.values[0] = total;
	fake->run = NULL;
	probe_done(run, &result);
}

static void
fake_cancel(void *state)
{
	struct fake *fake = state;

	assert_non_null(fake->run);
	fake->run = NULL;
	fake->cancels++;
}

static void
fake_close(void *state)
{
	assert_null(((struct fake *)state)->run);
}

static void
fake_rebind(void *state, const void *options)
{
	struct fake *fake = state;

	fake->tag = ((const struct fake_options *)options)->tag;
	fake->rebinds++;
}

static int
one_retry(const void *options)
{
	return 1;
}

static int64_t
little_load(const void *options)
{
	return 100;
}

static const struct archive_source sources[] = {
    {.name = "total", .unit = "s", .min = 0, .max = NAN, .text = "Whole time"},
};
static const struct collector collector_fake = {
    .name = "fake",
    .text = "Answers when told",
    .options = fake_table,
    .options_size = sizeof(struct fake_options),
    .shorthand = "tag",
    .sources = sources,
    .source_count = 1,
    .total = 0,
    .open = fake_open,
    .start = fake_start,
    .cancel = fake_cancel,
    .close = fake_close,
    .rebind = fake_rebind,
    .retries = one_retry,
    .load_us = little_load,
};
static const struct collector *const collectors[] = {&collector_fake, NULL};

static struct worker_pool *rrd, *io;
static struct archive *archive;
static struct registry *registry;
static char folder[64];

static struct conf *
load(const char *services)
{
	static const struct conf_collector rows[2] = {
	    {.name = "fake",
		.text = "Answers when told",
		.options = fake_table,
		.size = sizeof(struct fake_options),
		.shorthand = "tag",
		.sources = 1},
	    {.name = NULL},
	};
	char *path = mem_printf("%s/vetrina.yaml", folder);
	struct conf_load request = {
	    .file = path, .collectors = rows, .check_system = true};
	FILE *file = fopen(path, "w");
	struct conf *conf;

	fprintf(file,
	    "store: {path: %s/store, retention: [1m:1d, 1h:10d]}\n"
	    "sites:\n  borgo:\n    name: Borgo\n    url: http://borgo.example\n"
	    "    languages: [it]\n    timezone: Europe/Rome\n    services:\n%s",
	    folder, services);
	fclose(file);
	conf = conf_load(&request);
	if (conf == NULL)
		fail_msg("%s", request.errors.data);
	buf_free(&request.errors);
	buf_free(&request.warnings);
	free(path);
	return conf;
}

static bool rrd_waits; /* until the test lets it go */
static sem_t rrd_go;

static void
wait_for_test(void *arg)
{
	sem_wait(&rrd_go);
}

static bool
all_recalled(void)
{
	struct registry_site *site = registry_site(registry, 0);
	size_t i, j;

	for (i = 0; i < site->service_count; i++) {
		if (!site->services[i]->past.recalled)
			return false;
		for (j = 0; j < site->services[i]->check_count; j++)
			if (!site->services[i]->checks[j]->past.recalled)
				return false;
	}
	return true;
}

/* Until the ledger has told all: the archive looks first, and it is asked from time to
 * time. Runs go on. */
static void
await_recall(void)
{
	int i;

	for (i = 0; !all_recalled(); i++) {
		assert_true(i < 300);
		worker_settle(rrd);
		worker_settle(io);
		loop_advance(loop, CLOCK_SECOND / 10);
	}
	worker_settle(io);
}

static void
open_all(const char *services)
{
	struct conf *conf = load(services);
	struct archive_config config = {.path = conf->store.path,
	    .retention = conf->store.retention,
	    .flush_us = conf->store.flush_us,
	    .pending_max = conf->store.pending_max};
	struct registry_env env = {.collectors = collectors};

	fake_count = 0;
	loop = loop_create();
	rrd = worker_pool_create(loop, "rrd", 1, 1000);
	io = worker_pool_create(loop, "io", 1, 1000);
	if (rrd_waits)
		worker_submit(rrd, WORKER_HIGH, wait_for_test, NULL, NULL);
	assert_int_equal(archive_open(loop, rrd, io, io, &config, &archive), 0);
	env.probe.loop = loop;
	env.archive = archive;
	env.io = io;
	registry = registry_create(&env);
	registry_apply(registry, conf);
	if (!rrd_waits)
		worker_settle(rrd);
}

static void
close_all(void)
{
	registry_destroy(registry);
	archive_close(archive);
	worker_pool_destroy(io);
	worker_pool_destroy(rrd);
	loop_destroy(loop);
}

static int
setup(void **state)
{
	strcpy(folder, "/tmp/vetrina-watch-XXXXXX");
	assert_non_null(mkdtemp(folder));
	clock_fake(5 * MINUTE, START);
	return 0;
}

static int
teardown(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

/* Lets us pass; every running measurement ends well a millisecond after its start. */
static void
live(int64_t us)
{
	int64_t until = clock_mono_us() + us;
	size_t i;

	while (clock_mono_us() < until) {
		loop_advance(loop, 1000);
		for (i = 0; i < fake_count; i++)
			if (fakes[i].run != NULL)
				end_run(&fakes[i], PROBE_OK, 0.25);
	}
}

/* Passes time until the check runs, without ending it. */
static void
until_run(struct fake *fake)
{
	int64_t until = clock_mono_us() + 10 * MINUTE;

	while (fake->run == NULL) {
		assert_true(clock_mono_us() < until);
		loop_advance(loop, 100000);
	}
}

static struct registry_check *
check_named(const char *service, const char *check)
{
	return registry_find_check(
	    registry_find_service(registry_site(registry, 0), service), check);
}

#define ONE                              \
	"      sito:\n        checks:\n" \
	"          portale: {every: 1m, timeout: 10s, fake: a}\n"

static void
slots(void **state)
{
	int64_t every = 60 * CLOCK_SECOND, offset, lowest = every, highest = 0;
	char name[16];
	int i;

	for (i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "check%d", i);
		offset = schedule_offset_us("site", "service", name, every);
		assert_true(offset >= 0 && offset < every);
		assert_int_equal(
		    offset, schedule_offset_us("site", "service", name, every));
		lowest = offset < lowest ? offset : lowest;
		highest = offset > highest ? offset : highest;
	}
	assert_true(lowest < every / 20 && highest > every - every / 20);
	/* Half the time is free, but the few are within 10 ms; the many fill the
	 * second. */
	assert_int_equal(schedule_gather_us(7500000, 0.1), 7100000);
	assert_int_equal(schedule_gather_us(7999999, 0.0001), 7009999);
	assert_int_equal(schedule_gather_us(7500000, 0.5), 7500000);
	assert_int_equal(schedule_gather_us(0, 0.1), 0);
	assert_int_equal(schedule_slot(120000000, every, 0), 2);
	assert_int_equal(schedule_slot(119999999, every, 0), 1);
	assert_int_equal(schedule_slot(120000000, every, 1), 1);
	assert_int_equal(schedule_cell(119999999, every), 1);
	assert_int_equal(schedule_due_us(2, every, 7), 120000007);
	assert_int_equal(schedule_end_s(2, every), 180);
}

static void
verdicts(void **state)
{
	static const struct {
		struct verdict_part parts[3];
		size_t count;
		enum verdict verdict;
	} cases[] = {
	    {{{0}}, 0, VERDICT_UNKNOWN},
	    {{{VERDICT_UP, true}, {VERDICT_UP, false}}, 2, VERDICT_UP},
	    {{{VERDICT_UP, true}, {VERDICT_DOWN, false}}, 2, VERDICT_DEGRADED},
	    {{{VERDICT_UP, true}, {VERDICT_UNKNOWN, false}}, 2, VERDICT_UP},
	    {{{VERDICT_DEGRADED, true}, {VERDICT_DOWN, true}}, 2, VERDICT_DOWN},
	    {{{VERDICT_UP, true}, {VERDICT_UNKNOWN, true}}, 2, VERDICT_UNKNOWN},
	    {{{VERDICT_DOWN, true}, {VERDICT_UNKNOWN, true}}, 2, VERDICT_DOWN},
	    {{{VERDICT_DOWN, false}}, 1, VERDICT_DEGRADED},
	    {{{VERDICT_UNKNOWN, false}}, 1, VERDICT_UNKNOWN},
	    {{{VERDICT_UP, false}}, 1, VERDICT_UP},
	};
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(cases); i++)
		assert_int_equal(verdict_of_service(cases[i].parts, cases[i].count),
		    cases[i].verdict);
	assert_int_equal(verdict_of_result(true, false, 0.1, 1), VERDICT_DOWN);
	assert_int_equal(verdict_of_result(false, false, 1.1, 1), VERDICT_DEGRADED);
	assert_int_equal(verdict_of_result(false, true, 0.1, 0), VERDICT_DEGRADED);
	assert_int_equal(verdict_of_result(false, false, NAN, 1), VERDICT_UP);
	assert_int_equal(verdict_of_result(false, false, 9, 0), VERDICT_UP);
}

static int64_t
due_within_minute(void)
{
	return schedule_gather_us(
	    schedule_offset_us("borgo", "sito", "portale", MINUTE), 1e-6);
}

static void
runs_keep_their_slot(void **state)
{
	int64_t offset = due_within_minute();
	int i;

	open_all(ONE);
	live(10 * MINUTE);
	assert_in_range(fakes[0].starts, 10, 11);
	assert_true(fakes[0].started_us[0] - START <= 5 * CLOCK_SECOND);
	for (i = 1; i < fakes[0].starts; i++)
		assert_int_equal(fakes[0].started_us[i] % MINUTE, offset);
	assert_int_equal(check_named("sito", "portale")->missed, 0);
	assert_int_equal(
	    registry_check_verdict(check_named("sito", "portale"), clock_wall_us()),
	    VERDICT_UP);
	close_all();
}

struct seen {
	size_t count;
	double up[16], known[16], total[16];
};

static void
on_rows(const struct archive_rows *rows, void *arg)
{
	struct seen *seen = arg;
	size_t i;

	assert_int_equal(rows->error, 0);
	for (i = 0; i < rows->count && i < 16; i++) {
		seen->up[i] = rows->rows[i * rows->sources];
		seen->known[i] = rows->rows[i * rows->sources + 1];
		seen->total[i] = rows->rows[i * rows->sources + 2];
	}
	seen->count = rows->count;
}

/* The rows of slots that end in (from, from + count * 60]. */
static struct seen
rows_since(struct registry_check *check, int64_t from_s, size_t count)
{
	struct seen seen = {0};

	archive_fetch(check->series, ARCHIVE_AVERAGE, from_s, from_s + count * 60, 60,
	    on_rows, &seen);
	worker_settle(rrd);
	worker_settle(io);
	worker_settle(rrd);
	assert_int_equal(seen.count, count);
	return seen;
}

static void
a_slow_run_misses_slots(void **state)
{
	struct registry_check *check;
	struct seen seen;
	int64_t slot_end;

	open_all("      sito:\n        checks:\n"
		 "          portale: {every: 1m, timeout: 50s, fake: a}\n");
	live(3 * MINUTE);
	check = check_named("sito", "portale");
	until_run(&fakes[0]);
	slot_end = schedule_end_s(
	    schedule_slot(clock_wall_us(), MINUTE, due_within_minute()), MINUTE);
	/* Fails after 40 s, its retry takes 50 s more: the next slot is missed. */
	loop_advance(loop, 40 * CLOCK_SECOND);
	end_run(&fakes[0], PROBE_REFUSED, NAN);
	assert_int_equal(fakes[0].fresh, 1);
	assert_true(check->running);
	loop_advance(loop, 50 * CLOCK_SECOND);
	assert_int_equal(check->missed, 1);
	assert_int_equal(check->verdict, VERDICT_UP); /* not before the retry ended */
	end_run(&fakes[0], PROBE_REFUSED, 0.5);
	assert_int_equal(check->verdict, VERDICT_DOWN);
	live(MINUTE);
	seen = rows_since(check, slot_end - 120, 4);
	assert_true(seen.up[0] == 1 && seen.known[0] == 1 && seen.total[0] == 0.25);
	assert_true(seen.up[1] == 0 && seen.known[1] == 1 && seen.total[1] == 0.5);
	/* When it was due the run that failed was under way. */
	assert_true(seen.up[2] == 0 && seen.known[2] == 1 && isnan(seen.total[2]));
	assert_true(seen.up[3] == 1 && seen.known[3] == 1);
	/* One that is well in the end says nothing of it. */
	until_run(&fakes[0]);
	slot_end = schedule_end_s(
	    schedule_slot(clock_wall_us(), MINUTE, due_within_minute()), MINUTE);
	loop_advance(loop, 40 * CLOCK_SECOND);
	end_run(&fakes[0], PROBE_REFUSED, NAN);
	loop_advance(loop, 50 * CLOCK_SECOND);
	assert_int_equal(check->missed, 2);
	end_run(&fakes[0], PROBE_OK, 0.5);
	live(MINUTE);
	seen = rows_since(check, slot_end - 60, 2);
	assert_true(seen.up[0] == 1 && seen.known[0] == 1);
	assert_true(isnan(seen.up[1]) && seen.known[1] == 0 && isnan(seen.total[1]));
	close_all();
}

static void
a_collector_that_does_not_end_is_cancelled(void **state)
{
	struct registry_check *check;

	open_all(ONE);
	check = check_named("sito", "portale");
	until_run(&fakes[0]);
	loop_advance(loop, 20 * CLOCK_SECOND);
	assert_int_equal(fakes[0].cancels, 1);
	assert_int_equal(check->last.class, PROBE_INTERNAL);
	assert_int_equal(check->verdict, VERDICT_UNKNOWN);
	live(2 * MINUTE);
	assert_int_equal(check->verdict, VERDICT_UP);
	close_all();
}

static void
old_results_are_unknown(void **state)
{
	struct registry_service *service;
	struct registry_check *check;

	open_all(ONE);
	live(MINUTE);
	check = check_named("sito", "portale");
	service = check->service;
	assert_int_equal(registry_service_verdict(service, check->last_us), VERDICT_UP);
	assert_int_equal(
	    registry_service_stale_us(service), check->last_us + 140 * CLOCK_SECOND);
	assert_int_equal(
	    registry_service_verdict(service, check->last_us + 141 * CLOCK_SECOND),
	    VERDICT_UNKNOWN);
	assert_int_equal(
	    registry_service_verdict(service, check->last_us - 60 * MINUTE),
	    VERDICT_UNKNOWN);
	close_all();
}

static struct ledger_transition told[32];
static size_t told_count;

static void
on_transitions(const struct ledger_transition *rows, size_t count, int error, void *arg)
{
	size_t i;

	assert_int_equal(error, 0);
	told_count = count;
	for (i = 0; i < count && i < 32; i++)
		told[i] = rows[i];
}

/* Oldest first: "from>to" of a check ("" for the service), joined by spaces. */
static const char *
transitions_of(const char *service, const char *check)
{
	static char text[1024];
	size_t i;

	ledger_transitions(registry_site(registry, 0)->ledger, service, check, 0,
	    INT64_MAX, 32, on_transitions, NULL);
	worker_settle(io);
	text[0] = '\0';
	for (i = told_count; i-- > 0;)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s>%s",
		    text[0] != '\0' ? " " : "", told[i].from, told[i].to);
	return text;
}

static const char *
transitions(const char *check)
{
	return transitions_of("sito", check);
}

static void
transitions_survive_a_restart(void **state)
{
	struct registry_check *check;
	int64_t since;

	open_all(ONE);
	live(2 * MINUTE);
	await_recall();
	check = check_named("sito", "portale");
	since = check->since_us;
	assert_string_equal(transitions("portale"), "unknown>up");
	assert_string_equal(transitions(""), "unknown>up");
	assert_int_equal(told[0].at_us, since);
	close_all();

	/* A short stop is no event. */
	clock_fake_advance(20 * CLOCK_SECOND);
	open_all(ONE);
	await_recall();
	check = check_named("sito", "portale");
	assert_int_equal(check->last_us, 0); /* and yet it is known: */
	assert_int_equal(
	    registry_service_verdict(check->service, clock_wall_us()), VERDICT_UP);
	live(2 * MINUTE);
	await_recall();
	check = check_named("sito", "portale");
	assert_int_equal(check->since_us, since);
	assert_int_equal(check->service->since_us, since);
	assert_string_equal(transitions("portale"), "unknown>up");
	assert_string_equal(transitions(""), "unknown>up");
	until_run(&fakes[0]);
	end_run(&fakes[0], PROBE_STATUS, 0.1);
	assert_int_equal(check->verdict, VERDICT_UP);
	end_run(&fakes[0], PROBE_STATUS, 0.1);
	assert_string_equal(transitions("portale"), "unknown>up up>down");
	assert_string_equal(told[0].class, "status");
	assert_string_equal(transitions(""), "unknown>up up>down");
	close_all();

	/* An hour in which nobody looked is one. */
	clock_fake_advance(60 * MINUTE);
	open_all(ONE);
	live(2 * MINUTE);
	await_recall();
	assert_string_equal(
	    transitions("portale"), "unknown>up up>down down>unknown unknown>up");
	assert_string_equal(
	    transitions(""), "unknown>up up>down down>unknown unknown>up");
	assert_true(told[1].at_us - told[2].at_us < 4 * MINUTE);
	assert_true(told[0].at_us - told[1].at_us > 55 * MINUTE);
	close_all();
}

/* More than a ledger answers at a time. */
static void
many_are_recalled(void **state)
{
	struct registry_service *service;
	struct buf text = BUF_INIT;
	int64_t since[150], of_check[150][2];
	char name[8];
	int i;

	for (i = 0; i < 150; i++)
		buf_printf(
		    &text, "      s%d: {checks: {a: {fake: a}, b: {fake: b}}}\n", i);
	open_all(text.data);
	live(MINUTE + MINUTE / 2);
	await_recall();
	for (i = 0; i < 150; i++) {
		service = registry_site(registry, 0)->services[i];
		since[i] = service->since_us;
		of_check[i][0] = service->checks[0]->since_us;
		of_check[i][1] = service->checks[1]->since_us;
		assert_true(since[i] > 0 && of_check[i][0] > 0 && of_check[i][1] > 0);
	}
	close_all();
	clock_fake_advance(10 * CLOCK_SECOND);
	open_all(text.data);
	live(MINUTE + MINUTE / 2);
	await_recall();
	for (i = 0; i < 150; i++) {
		service = registry_site(registry, 0)->services[i];
		assert_int_equal(service->since_us, since[i]);
		assert_int_equal(service->checks[0]->since_us, of_check[i][0]);
		assert_int_equal(service->checks[1]->since_us, of_check[i][1]);
	}
	snprintf(name, sizeof(name), "s%d", 149);
	assert_string_equal(transitions_of(name, "b"), "unknown>up");
	assert_string_equal(transitions_of(name, ""), "unknown>up");
	close_all();
	buf_free(&text);
}

/* What was measured before the archive knows when it measured last joins it later. */
static void
a_slow_archive_is_waited_for(void **state)
{
	struct registry_check *check;
	int64_t since;

	open_all(ONE);
	live(2 * MINUTE);
	await_recall();
	since = check_named("sito", "portale")->since_us;
	close_all();
	clock_fake_advance(20 * CLOCK_SECOND);
	rrd_waits = true;
	open_all(ONE);
	live(3 * MINUTE);
	sem_post(&rrd_go);
	rrd_waits = false;
	await_recall();
	check = check_named("sito", "portale");
	assert_string_equal(transitions("portale"), "unknown>up");
	assert_string_equal(transitions(""), "unknown>up");
	assert_int_equal(check->since_us, since);
	assert_int_equal(check->service->since_us, since);
	close_all();

	/* The same after an hour, with a change before the ledger is asked. */
	clock_fake_advance(60 * MINUTE);
	rrd_waits = true;
	open_all(ONE);
	live(2 * MINUTE);
	until_run(&fakes[0]);
	end_run(&fakes[0], PROBE_STATUS, 0.1);
	end_run(&fakes[0], PROBE_STATUS, 0.1);
	sem_post(&rrd_go);
	rrd_waits = false;
	await_recall();
	assert_string_equal(
	    transitions("portale"), "unknown>up up>unknown unknown>up up>down");
	assert_true(told[0].at_us > told[1].at_us);
	assert_true(told[2].at_us - since < 10 * MINUTE);
	assert_string_equal(
	    transitions(""), "unknown>up up>unknown unknown>up up>down");
	close_all();
}

static void
a_ledger_in_trouble_is_asked_again(void **state)
{
	char ledger[128], aside[128];
	int64_t since;

	open_all(ONE);
	live(2 * MINUTE);
	await_recall();
	until_run(&fakes[0]);
	end_run(&fakes[0], PROBE_STATUS, 0.1);
	end_run(&fakes[0], PROBE_STATUS, 0.1);
	since = check_named("sito", "portale")->since_us;
	close_all();
	snprintf(ledger, sizeof(ledger), "%s/store/borgo/ledger.sqlite", folder);
	snprintf(aside, sizeof(aside), "%s/aside", folder);
	assert_int_equal(rename(ledger, aside), 0);
	assert_int_equal(mkdir(ledger, 0700), 0);
	clock_fake_advance(20 * CLOCK_SECOND);
	open_all(ONE);
	until_run(&fakes[0]);
	end_run(&fakes[0], PROBE_STATUS, 0.1);
	end_run(&fakes[0], PROBE_STATUS, 0.1);
	assert_int_equal(check_named("sito", "portale")->verdict, VERDICT_DOWN);
	worker_settle(io); /* or it makes a new one in between */
	assert_int_equal(rmdir(ledger), 0);
	assert_int_equal(rename(aside, ledger), 0);
	await_recall();
	assert_int_equal(check_named("sito", "portale")->since_us, since);
	assert_string_equal(transitions("portale"), "unknown>up up>down");
	assert_string_equal(transitions(""), "unknown>up up>down");
	close_all();
}

/* Every run takes its whole time twice, and its interval is no longer than that. */
static void
a_target_that_hangs_stays_down(void **state)
{
	int64_t until;

	open_all("      sito:\n        checks:\n"
		 "          portale: {every: 10s, timeout: 10s, fake: a}\n");
	until = clock_mono_us() + 10 * MINUTE;
	while (clock_mono_us() < until) {
		until_run(&fakes[0]);
		loop_advance(loop, 10 * CLOCK_SECOND + 3000);
		end_run(&fakes[0], PROBE_FIRST_BYTE_TIMEOUT, NAN);
		await_recall();
		loop_advance(loop, 10 * CLOCK_SECOND + 1000 * (fakes[0].starts % 7));
		end_run(&fakes[0], PROBE_FIRST_BYTE_TIMEOUT, NAN);
		assert_int_equal(registry_check_verdict(
				     check_named("sito", "portale"), clock_wall_us()),
		    VERDICT_DOWN);
	}
	assert_string_equal(transitions("portale"), "unknown>down");
	assert_string_equal(transitions(""), "unknown>down");
	close_all();
}

static void
a_reload_keeps_what_did_not_change(void **state)
{
	struct registry_check *check;
	uint64_t runs;
	int64_t since;

	open_all("      sito:\n        checks:\n"
		 "          portale: {every: 1m, timeout: 10s, fake: a}\n"
		 "          altro: {every: 1m, timeout: 10s, fake: b}\n"
		 "          via: {every: 1m, timeout: 10s, fake: c}\n");
	live(2 * MINUTE);
	check = check_named("sito", "portale");
	runs = check->runs;
	since = check->since_us;
	until_run(&fakes[0]); /* and goes on across the reload */
	registry_apply(
	    registry, load("      sito:\n        title: Sito\n        checks:\n"
			   "          nuovo: {every: 1m, timeout: 10s, fake: d}\n"
			   "          altro: {every: 1m, timeout: 10s, fake: changed}\n"
			   "          portale: {every: 1m, timeout: 10s, fake: a}\n"));
	check = check_named("sito", "portale");
	assert_int_equal(check->runs, runs);
	assert_int_equal(check->since_us, since);
	assert_int_equal(fakes[0].rebinds, 1);
	assert_int_equal(fakes[0].cancels, 0);
	assert_string_equal(fakes[0].tag, "a");
	assert_int_equal(fake_count, 5); /* nuovo and altro were opened */
	assert_null(check_named("sito", "via"));
	end_run(&fakes[0], PROBE_OK, 0.1);
	assert_int_equal(check->runs, runs + 1);
	live(2 * MINUTE);
	assert_true(fakes[3].starts >= 2 && fakes[4].starts >= 2);
	close_all();
}

static void
a_stepped_clock_is_no_disaster(void **state)
{
	struct registry_check *check;
	struct archive_stats stats;
	int starts;

	open_all(ONE);
	live(3 * MINUTE);
	check = check_named("sito", "portale");
	starts = fakes[0].starts;
	clock_fake_step(60 * MINUTE);
	registry_replan(registry);
	live(3 * MINUTE);
	assert_in_range(fakes[0].starts - starts, 3, 5);
	assert_int_equal(registry_check_verdict(check, clock_wall_us()), VERDICT_UP);
	starts = fakes[0].starts;
	clock_fake_step(-120 * MINUTE);
	assert_int_equal(
	    registry_check_verdict(check, clock_wall_us()), VERDICT_UNKNOWN);
	registry_replan(registry);
	live(3 * MINUTE);
	assert_in_range(fakes[0].starts - starts, 3, 5);
	assert_int_equal(registry_check_verdict(check, clock_wall_us()), VERDICT_UP);
	archive_stats(archive, &stats);
	assert_in_range(stats.refused_time, 3, 5); /* and not in silence */
	close_all();
}

static void
on_now(struct registry_check *check, void *arg)
{
	*(int *)arg = check != NULL ? (int)check->verdict : -1;
}

static void
a_check_runs_when_asked(void **state)
{
	int first = -2, second = -2, third = -2;
	struct registry_check *check;

	open_all(ONE);
	live(2 * MINUTE);
	await_recall();
	check = check_named("sito", "portale");
	registry_run_now(registry, check, on_now, &first);
	registry_run_now(registry, check, on_now, &second); /* the same measurement */
	assert_int_equal(first, -2);
	end_run(&fakes[0], PROBE_OK, 0.1);
	assert_int_equal(first, VERDICT_UP);
	assert_int_equal(second, VERDICT_UP);
	registry_run_now(registry, check, on_now, &third);
	close_all();
	assert_int_equal(third, -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(slots),
	    cmocka_unit_test(verdicts),
	    cmocka_unit_test_setup_teardown(runs_keep_their_slot, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_slow_run_misses_slots, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_collector_that_does_not_end_is_cancelled, setup, teardown),
	    cmocka_unit_test_setup_teardown(old_results_are_unknown, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		transitions_survive_a_restart, setup, teardown),
	    cmocka_unit_test_setup_teardown(many_are_recalled, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_slow_archive_is_waited_for, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_ledger_in_trouble_is_asked_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_target_that_hangs_stays_down, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_reload_keeps_what_did_not_change, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_stepped_clock_is_no_disaster, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_check_runs_when_asked, setup, teardown),
	};

	return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
