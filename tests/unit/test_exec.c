/* collectors/exec: what a plugin's end means. Programs are real, of the shell. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "collectors/collectors.h"
#include "collectors/values.h"
#include "loop/loop.h"
#include "loop/spawn.h"
#include "loop/worker.h"

static struct loop *loop;
static struct worker_pool *io;
static struct probe_env env;
static struct probe_result result;
static int results;
static struct probe_run *const run = (struct probe_run *)&results;

void
probe_done(struct probe_run *it, const struct probe_result *what)
{
	assert_ptr_equal(it, run);
	result = *what;
	results++;
	loop_stop(loop);
}

/* As the option table binds it; test_conf sees that it does. */
static struct options {
	struct conf_strings command, environment;
	struct conf_map values;
	int64_t max_output, retry;
} options;

static char *command[] = {(char *)"/bin/sh", (char *)"-c", NULL};
static struct value_option values[] = {
    {.item = {.id = (char *)"load"}, .from = (char *)"load1", .unit = (char *)"1"},
    {.item = {.id = (char *)"time"}, .unit = (char *)"s"},
    {.item = {.id = (char *)"hits"}, .unit = (char *)"1/s"},
};

static void *
open_check(const char *script)
{
	void *check;
	char error[256];

	command[2] = (char *)script;
	options = (struct options){.command = {.count = 3, .items = command},
	    .values = {.count = 3, .items = values},
	    .max_output = 4096};
	assert_int_equal(sizeof(options), collector_exec.options_size);
	assert_int_equal(collector_exec.open(&env, &options, 0, &check, error), 0);
	return check;
}

static void
attempt(void *check, int64_t timeout_us, bool fresh)
{
	int before = results;

	collector_exec.start(check, run, timeout_us, fresh);
	assert_int_equal(results, before);
	alarm(30);
	loop_run(loop);
	alarm(0);
	assert_int_equal(results, before + 1);
}

static void
run_check(void *check, int64_t timeout_us)
{
	attempt(check, timeout_us, false);
}

static void
once(const char *script, int64_t timeout_us)
{
	void *check = open_check(script);

	run_check(check, timeout_us);
	collector_exec.close(check);
}

enum { TOTAL, EXIT_CODE, LOAD, TIME, HITS };

static void
exit_codes(void **state)
{
	once("echo 'OK - bene|load1=0.5 time=250ms'", 20 * CLOCK_SECOND);
	assert_int_equal(result.class, PROBE_OK);
	assert_false(result.warn);
	assert_string_equal(
	    result.message, "OK - bene (hits: not among the performance data)");
	assert_true(result.values[TOTAL] > 0 && result.values[EXIT_CODE] == 0);
	assert_true(result.values[LOAD] == 0.5 && result.values[TIME] == 0.25);
	assert_true(isnan(result.values[HITS]));
	once("echo 'WARNING - così|load1=1 time=7B hits=U'; exit 1", 20 * CLOCK_SECOND);
	assert_int_equal(result.class, PROBE_OK);
	assert_true(result.warn);
	assert_string_equal(result.message, "WARNING - così (time: has another unit)");
	once(
	    "echo 'CRITICAL - male|load1=9 time=1 hits=1c'; exit 2", 20 * CLOCK_SECOND);
	assert_int_equal(result.class, PROBE_STATUS);
	assert_string_equal(result.message, "CRITICAL - male");
	assert_true(result.values[LOAD] == 9 && result.values[EXIT_CODE] == 2);
	once("echo 'boh'; exit 3", 20 * CLOCK_SECOND);
	assert_int_equal(result.class, PROBE_INTERNAL);
	assert_string_equal(result.message, "the plugin could not tell: boh");
	once("echo rotto >&2; exit 127", 20 * CLOCK_SECOND);
	assert_int_equal(result.class, PROBE_INTERNAL);
	assert_string_equal(result.message, "exit code 127 is no plugin's: rotto");
	once("exit 2", 20 * CLOCK_SECOND);
	assert_string_equal(result.message, "it printed nothing");
	/* 4096 bytes are kept: of the value that stands there nothing is known. */
	once("printf 'x|time=1'; i=0; while [ $i -lt 508 ]; do printf ' a%06d=1' $i;"
	     "i=$((i+1)); done; printf ' load1=123456'",
	    20 * CLOCK_SECOND);
	assert_int_equal(result.class, PROBE_OK);
	assert_true(result.values[TIME] == 1);
	assert_true(isnan(result.values[LOAD]));
}

static void
bad_ends(void **state)
{
	once("sleep 1000", CLOCK_SECOND / 10);
	assert_int_equal(result.class, PROBE_READ_TIMEOUT);
	assert_string_equal(
	    result.message, "/bin/sh did not end within 100ms and was killed");
	once("while :; do echo xxxxxxxxxxxxxxxxxxxxx; done", 20 * CLOCK_SECOND);
	assert_int_equal(result.class, PROBE_TOO_LARGE);
	once("kill -9 $$", 20 * CLOCK_SECOND);
	assert_int_equal(result.class, PROBE_INTERNAL);
	assert_string_equal(result.message, "/bin/sh was ended by signal 9 (Killed)");
	command[0] = (char *)"/nowhere/check_it";
	once("", 20 * CLOCK_SECOND);
	command[0] = (char *)"/bin/sh";
	assert_int_equal(result.class, PROBE_INTERNAL);
	assert_string_equal(result.message,
	    "/nowhere/check_it cannot be run: No such file or directory");
}

/* The file says how far the counter is. */
static void
counters_are_rates(void **state)
{
	char path[] = "/tmp/vetrina-exec-XXXXXX", script[200];
	static const char *const counts[] = {"1000", "4000", "4000", "10"};
	void *check;
	size_t i;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	snprintf(script, sizeof(script), "echo \"x|hits=$(cat %s)c\"", path);
	check = open_check(script);
	for (i = 0; i < 4; i++) {
		/* The first attempt of the third run yields no number: what the second
		 * run has counted does not count again. */
		assert_int_equal(ftruncate(fd, 0), 0);
		if (i == 2)
			attempt(check, 20 * CLOCK_SECOND, false);
		assert_true(pwrite(fd, counts[i], strlen(counts[i]), 0) > 0);
		attempt(check, 20 * CLOCK_SECOND, i == 2);
		assert_int_equal(result.class, PROBE_OK);
		if (i == 1) /* 3,000 in less than a minute */
			assert_true(result.values[HITS] > 50);
		else if (i == 2)
			assert_true(result.values[HITS] == 0);
		else
			assert_true(isnan(result.values[HITS]));
	}
	collector_exec.close(check);
	close(fd);
	unlink(path);
}

static void
cancelled_it_does_not_answer(void **state)
{
	void *check = open_check("sleep 1000");

	collector_exec.start(check, run, 20 * CLOCK_SECOND, false);
	collector_exec.cancel(check);
	run_check(check, CLOCK_SECOND / 20);
	assert_int_equal(result.class, PROBE_READ_TIMEOUT);
	collector_exec.start(check, run, 20 * CLOCK_SECOND, false);
	collector_exec.close(check);
}

static char problems[4][256];
static int problem_count;

static void
on_problem(void *arg, const char *option, const char *other, const char *problem)
{
	if (problem_count < 4)
		snprintf(problems[problem_count++], 256, "%s: %s", option, problem);
}

static void
options_are_checked(void **state)
{
	struct value_option wrong[] = {{.item = {.id = (char *)"total"}},
	    {.item = {.id = (char *)"con-trattino"}}};
	char *items[] = {(char *)"check_load"}, *environment[] = {(char *)"HOME"};
	struct archive_source sources[ARCHIVE_SOURCES_MAX];

	options = (struct options){.command = {.count = 1, .items = items},
	    .environment = {.count = 1, .items = environment},
	    .values = {.count = 2, .items = wrong}};
	collector_exec.check(&options, on_problem, NULL);
	assert_int_equal(problem_count, 4);
	assert_string_equal(problems[0], "command: begins with no whole path, expected "
					 "/usr/lib/nagios/plugins/...");
	assert_string_equal(problems[1], "environment: 1 of 1: expected NAME=value");
	assert_string_equal(problems[2],
	    "values: total is measured in any case, expected another name");
	assert_string_equal(problems[3],
	    "values: con-trattino is no name of a value, expected at most 19 of a-z, "
	    "0-9 and _");
	wrong[0].unit = (char *)"KB";
	wrong[0].item.id = (char *)"used";
	options.values.count = 1;
	options.environment.count = 0;
	problem_count = 0;
	collector_exec.check(&options, on_problem, NULL);
	assert_int_equal(problem_count, 2);
	assert_string_equal(problems[1],
	    "values: used comes in the base unit, expected unit: bytes, not KB");
	options.values.items = values;
	options.values.count = 3;
	assert_int_equal(collector_exec.extra(&options, NULL), 3);
	assert_int_equal(collector_exec.extra(&options, sources), 3);
	assert_string_equal(sources[2].name, "hits");
	assert_string_equal(sources[2].unit, "1/s");
}

static int
open_all(void **state)
{
	loop = loop_create();
	io = worker_pool_create(loop, "io", 2, 100);
	env.loop = loop;
	env.io = io;
	env.spawn = spawn_pool_create(loop, io, 4);
	return 0;
}

static int
close_all(void **state)
{
	worker_settle(io);
	spawn_pool_destroy(env.spawn);
	worker_pool_destroy(io);
	loop_destroy(loop);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(exit_codes),
	    cmocka_unit_test(bad_ends),
	    cmocka_unit_test(counters_are_rates),
	    cmocka_unit_test(cancelled_it_does_not_answer),
	    cmocka_unit_test(options_are_checked),
	};

	return cmocka_run_group_tests_name("exec", tests, open_all, close_all);
}
