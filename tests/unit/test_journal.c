/* store/record, journalfile, journal: every torn length, damage, a full disk. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "store/journal.h"
#include "store/journalfile.h"
#include "store/record.h"

static char folder[] = "/tmp/vetrina-journal-XXXXXX";
static char path[128];

static const struct record_definition anagrafe = {
    .id = 1,
    .step_s = 60,
    .count = 3,
    .site = "sito",
    .service = "anagrafe",
    .check = "portale",
    .names = {"up", "known", "total"},
};

/* What a reader was given. */
static struct {
	unsigned definitions, samples;
	int64_t sum, last_s;
	char key[200];
} seen;

static void *
on_definition(const struct record_definition *definition, void *arg)
{
	seen.definitions++;
	snprintf(seen.key, sizeof(seen.key), "%s/%s/%s %s", definition->site,
	    definition->service, definition->check,
	    definition->names[definition->count - 1]);
	return strcmp(definition->check, "rifiutato") != 0 ? &seen : NULL;
}

static void
on_sample(void *series, int64_t time_s, const double *values, size_t count, void *arg)
{
	assert_ptr_equal(series, &seen);
	assert_int_equal(count, 3);
	assert_true(values[2] == (double)time_s / 7);
	assert_true(isnan(values[0]));
	seen.samples++;
	seen.sum += time_s;
	seen.last_s = time_s;
}

static const struct record_reader reader = {on_definition, on_sample, NULL};

static void
add(struct buf *out, int64_t time_s)
{
	double values[3] = {NAN, 1, (double)time_s / 7};

	record_add_sample(out, 1, time_s, values, 3);
}

static struct record_stats
read_bytes(const void *bytes, size_t length)
{
	struct record_stats stats = {0};
	void *copy = mem_dup(bytes, length); /* so that a sanitizer knows its end */

	memset(&seen, 0, sizeof(seen));
	record_read(copy, length, &reader, &stats);
	free(copy);
	return stats;
}

static void
records_come_back(void **state)
{
	struct buf file = BUF_INIT;
	struct record_stats stats;

	record_add_head(&file, 42);
	assert_int_equal(file.length, RECORD_HEAD_SIZE);
	record_add_definition(&file, &anagrafe);
	add(&file, 60);
	add(&file, INT64_C(1) << 40);
	stats = read_bytes(file.data, file.length);
	assert_int_equal(seen.definitions, 1);
	assert_string_equal(seen.key, "sito/anagrafe/portale total");
	assert_int_equal(seen.samples, 2);
	assert_true(seen.last_s == INT64_C(1) << 40);
	assert_int_equal(stats.samples, 2);
	assert_int_equal(stats.damages + stats.torn + stats.homeless, 0);
	assert_int_equal(record_generation(file.data, file.length), 42);
	assert_int_equal(record_generation(file.data, 20), 0);
	file.data[13]++;
	assert_int_equal(record_generation(file.data, file.length), 0);
	buf_free(&file);
}

static void
any_torn_tail_is_cut(void **state)
{
	struct buf file = BUF_INIT;
	size_t ends[5], i, length;

	record_add_head(&file, 1);
	record_add_definition(&file, &anagrafe);
	for (i = 0; i < 5; i++) {
		add(&file, 60 * (int64_t)(i + 1));
		ends[i] = file.length;
	}
	for (length = 0; length <= file.length; length++) {
		struct record_stats stats = read_bytes(file.data, length);
		for (i = 0; i < 5 && ends[i] <= length; i++)
			;
		assert_int_equal(seen.samples, i);
		assert_int_equal(stats.damages, 0);
		if (i > 0)
			assert_int_equal(stats.torn, length - ends[i - 1]);
	}
	/* The length was there before the bytes were. */
	buf_reserve(&file, 5000);
	memset(file.data + file.length, 0, 5000);
	assert_int_equal(read_bytes(file.data, file.length + 5000).torn, 5000);
	assert_int_equal(seen.samples, 5);
	buf_free(&file);
}

static void
damage_costs_what_it_touched(void **state)
{
	struct buf file = BUF_INIT;
	struct record_stats stats;
	size_t begin, size, at, i;

	record_add_head(&file, 1);
	record_add_definition(&file, &anagrafe);
	begin = file.length;
	for (i = 0; i < 5; i++)
		add(&file, 60 * (int64_t)(i + 1));
	size = (file.length - begin) / 5;
	for (at = begin; at < begin + 4 * size;
	     at++) { /* each byte but the last record's */
		file.data[at] ^= 0x41;
		stats = read_bytes(file.data, file.length);
		assert_int_equal(seen.samples, 4);
		assert_int_equal(
		    seen.sum, 900 - 60 * (int64_t)(1 + (at - begin) / size));
		assert_int_equal(stats.damages, 1);
		assert_int_equal(stats.damaged_bytes, size);
		file.data[at] ^= 0x41;
	}
	/* Samples whose definition is gone are counted. */
	file.data[RECORD_HEAD_SIZE + 20] ^= 0x41;
	stats = read_bytes(file.data, file.length);
	assert_int_equal(stats.homeless, 5);
	assert_int_equal(stats.damages, 1);
	assert_int_equal(seen.samples, 0);
	buf_free(&file);
}

static void
names_are_no_paths(void **state)
{
	static const struct {
		const char *site, *service, *check, *name;
	} cases[] = {
	    {"..", "anagrafe", "portale", "total"},
	    {"sito", "a/b", "portale", "total"},
	    {"sito", "anagrafe", "", "total"},
	    {"sito", "anagrafe", "portale", "to:tal"},
	    {"sito", "anagrafe", "portale", ""},
	    {"sito", "anagrafe", "portale", "a_name_of_twenty_char"},
	};
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct record_definition definition = anagrafe;
		struct buf file = BUF_INIT;
		definition.site = cases[i].site;
		definition.service = cases[i].service;
		definition.check = cases[i].check;
		definition.names[2] = cases[i].name;
		record_add_definition(&file, &definition);
		add(&file, 60);
		read_bytes(file.data, file.length);
		assert_int_equal(seen.definitions, 0);
		assert_int_equal(seen.samples, 0);
		buf_free(&file);
	}
}

/* The journal itself. */

static struct loop *loop;
static struct worker_pool *io;
static unsigned failures, recoveries;
static uint32_t unsafe_from, unsafe_to;

static void
on_failed(void *arg)
{
	failures++;
}

static void
on_recovered(uint32_t from, uint32_t to, void *arg)
{
	recoveries++;
	unsafe_from = from;
	unsafe_to = to;
}

static const struct journal_hooks hooks = {on_failed, on_recovered, NULL, NULL, NULL};

static int
setup(void **state)
{
	static int n;

	snprintf(path, sizeof(path), "%s/%d/store", folder, n++);
	clock_fake(1000 * CLOCK_SECOND, 1767225600 * CLOCK_SECOND);
	loop = loop_create();
	io = worker_pool_create(loop, "io", 2, 64);
	failures = recoveries = 0;
	return 0;
}

static int
teardown(void **state)
{
	worker_pool_destroy(io);
	loop_destroy(loop);
	return 0;
}

static void
turn(int64_t us)
{
	loop_advance(loop, us);
	worker_settle(io);
	loop_advance(loop, 0);
	worker_settle(io);
}

static uint32_t
append(struct journal *journal, struct journal_series *series, int64_t time_s)
{
	double values[3] = {NAN, 1, (double)time_s / 7};

	return journal_append(journal, series, time_s, values);
}

static unsigned
files(void)
{
	char command[200], line[16] = "";
	FILE *pipe;

	snprintf(command, sizeof(command), "ls %s | grep -c '^pending'", path);
	pipe = popen(command, "r");
	assert_non_null(fgets(line, sizeof(line), pipe));
	pclose(pipe);
	return (unsigned)atoi(line);
}

static struct record_stats
read_file(const char *name)
{
	struct record_stats stats = {0};
	char *full = mem_printf("%s/%s", path, name);

	memset(&seen, 0, sizeof(seen));
	assert_int_equal(journalfile_read(full, &reader, &stats), 0);
	free(full);
	return stats;
}

static void
samples_are_durable_within_a_second(void **state)
{
	struct journal *journal;
	struct journal_series *series;
	struct journal_stats stats;

	assert_int_equal(journal_open(loop, io, io, path, &hooks, &journal), 0);
	series = journal_series_create(journal, &anagrafe);
	append(journal, series, 60);
	turn(CLOCK_SECOND / 4); /* a quarter of a second gathers what comes together */
	journal_stats(journal, &stats);
	assert_int_equal(stats.durable, 1);
	append(journal, series, 120); /* the next are written soon, */
	append(journal, series, 180);
	turn(CLOCK_SECOND / 2);
	journal_stats(journal, &stats);
	assert_int_equal(stats.durable, 1);
	assert_int_equal(read_file("pending.log").samples, 3);
	turn(CLOCK_SECOND / 2); /* and synced with all of a second */
	journal_stats(journal, &stats);
	assert_int_equal(stats.durable, 3);
	assert_int_equal(stats.commits, 3);
	assert_int_equal(read_file("pending.log").samples, 3);
	assert_int_equal(seen.definitions, 1);
	append(journal, series, 240); /* written by the close */
	journal_series_destroy(series);
	journal_close(journal);
	assert_int_equal(read_file("pending.log").samples, 4);
}

static void
wait_for(void *arg)
{
	sem_wait(arg);
}

/* Whatever takes long on the other workers, a sample is durable within a second. */
static void
long_jobs_do_not_delay_a_commit(void **state)
{
	struct worker_pool *commits = worker_pool_create(loop, "journal", 1, 16);
	struct journal *journal;
	struct journal_series *series;
	struct journal_stats stats;
	sem_t end;
	int i;

	assert_int_equal(journal_open(loop, commits, io, path, &hooks, &journal), 0);
	series = journal_series_create(journal, &anagrafe);
	assert_int_equal(sem_init(&end, 0, 0), 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(
		    worker_submit(io, WORKER_NORMAL, wait_for, NULL, &end), 0);
	append(journal, series, 60);
	loop_advance(loop, CLOCK_SECOND);
	worker_settle(commits);
	journal_stats(journal, &stats);
	assert_int_equal(stats.durable, 1);
	for (i = 0; i < 2; i++)
		sem_post(&end);
	journal_series_destroy(series);
	journal_close(journal);
	worker_pool_destroy(commits);
	sem_destroy(&end);
}

static void
what_is_left_is_found_again(void **state)
{
	struct journal *journal, *second;
	struct journal_series *series;
	const uint32_t *old;
	char *name;

	assert_int_equal(journal_open(loop, io, io, path, &hooks, &journal), 0);
	assert_int_equal(journal_open(loop, io, io, path, &hooks, &second), -EBUSY);
	assert_int_equal(journal_old(journal, &old), 0);
	series = journal_series_create(journal, &anagrafe);
	append(journal, series, 60);
	journal_series_destroy(series);
	journal_close(journal);
	assert_int_equal(files(), 1);

	assert_int_equal(journal_open(loop, io, io, path, &hooks, &journal), 0);
	assert_int_equal(journal_old(journal, &old), 1);
	assert_int_equal(old[0], 1);
	series = journal_series_create(journal, &anagrafe);
	assert_int_equal(append(journal, series, 120), 2);
	name = journal_old_path(journal, 1);
	assert_int_equal(access(name, R_OK), 0);
	free(name);
	journal_adopt(journal, 1, 1);
	journal_release(journal, 1, 1); /* read */
	turn(2 * CLOCK_SECOND);
	assert_int_equal(files(), 2); /* its sample is still needed */
	journal_release(journal, 1, 1);
	turn(2 * CLOCK_SECOND);
	assert_int_equal(files(), 1);
	journal_series_destroy(series);
	journal_close(journal);

	assert_int_equal(journal_open(loop, io, io, path, &hooks, &journal), 0);
	assert_int_equal(journal_old(journal, &old), 1);
	assert_int_equal(old[0], 2);
	journal_release(journal, 2, 1);
	journal_close(journal); /* nobody needs anything: no file stays */
	assert_int_equal(files(), 0);
}

/* What the store holds besides: names that are not quite ours, and no files. */
static void
strange_names_are_left_alone(void **state)
{
	static const char *const names[] = {
	    "pending.log.07", "pending.log.+7", "pending.log.7x", "pending.log.0"};
	struct journal *journal;
	struct journal_series *series;
	const uint32_t *old;
	char name[200];
	size_t i;

	assert_int_equal(journal_open(loop, io, io, path, &hooks, &journal), 0);
	series = journal_series_create(journal, &anagrafe);
	append(journal, series, 60);
	journal_series_destroy(series);
	journal_close(journal);
	for (i = 0; i < ARRAY_LENGTH(names); i++) {
		snprintf(name, sizeof(name), "%s/%s", path, names[i]);
		fclose(fopen(name, "w"));
	}
	snprintf(name, sizeof(name), "%s/pending.log.7", path);
	fclose(fopen(name, "w"));
	snprintf(name, sizeof(name), "%s/pending.log.9", path);
	assert_int_equal(mkfifo(name, 0600), 0);
	assert_int_equal(journal_open(loop, io, io, path, &hooks, &journal), 0);
	assert_int_equal(journal_old(journal, &old), 2);
	assert_int_equal(old[0], 7);
	assert_int_equal(old[1], 8); /* the one that was pending.log */
	journal_close(journal);
	snprintf(name, sizeof(name), "%s/pending.log", path);
	assert_int_equal(mkfifo(name, 0600), 0);
	assert_int_equal(
	    journal_open(loop, io, io, path, &hooks, &journal), ERR_DAMAGED);
}

static void
generations_end_and_go(void **state)
{
	struct journal *journal;
	struct journal_series *series;
	struct journal_stats stats;
	uint32_t of[6];
	int64_t i;

	assert_int_equal(journal_open(loop, io, io, path, &hooks, &journal), 0);
	journal_limits(
	    journal, 100, INT64_MAX, CLOCK_SECOND); /* each commit fills one */
	series = journal_series_create(journal, &anagrafe);
	for (i = 0; i < 6; i++) {
		of[i] = append(journal, series, 60 * (i + 1));
		turn(CLOCK_SECOND);
		assert_int_equal(of[i], i + 1);
	}
	assert_int_equal(files(), 6);
	journal_release(journal, of[1], 1);
	journal_release(journal, of[3], 1);
	journal_release(journal, of[5], 1); /* still named pending.log */
	turn(2 * CLOCK_SECOND);
	assert_int_equal(files(), 4);
	assert_int_equal(read_file("pending.log.5").samples, 1);
	assert_int_equal(seen.definitions, 1); /* each file stands alone */
	append(journal, series, 420);
	turn(CLOCK_SECOND);
	turn(2 * CLOCK_SECOND);
	assert_int_equal(files(), 4); /* 6 went, 7 came */
	journal_stats(journal, &stats);
	assert_int_equal(stats.removed, 3);
	/* By age, too. */
	journal_limits(journal, INT64_MAX, 100 * CLOCK_SECOND, CLOCK_SECOND);
	turn(0);
	append(journal, series, 480);
	turn(CLOCK_SECOND);
	turn(101 * CLOCK_SECOND);
	append(journal, series, 540);
	turn(2 * CLOCK_SECOND);
	assert_true(append(journal, series, 600) > 8);
	journal_series_destroy(series);
	journal_close(journal);
}

static void
limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
a_full_disk_passes(void **state)
{
	struct journal *journal;
	struct journal_series *series;
	struct journal_stats stats;
	uint32_t before, during;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(journal_open(loop, io, io, path, &hooks, &journal), 0);
	series = journal_series_create(journal, &anagrafe);
	before = append(journal, series, 60);
	turn(CLOCK_SECOND / 4);
	limit_files(200); /* some of it fits */
	append(journal, series, 120);
	append(journal, series, 180);
	turn(CLOCK_SECOND);
	journal_stats(journal, &stats);
	assert_true(stats.failing);
	assert_int_equal(stats.durable, 1);
	assert_int_equal(failures, 1);
	assert_int_equal(read_file("pending.log").samples, 1); /* cut back */
	assert_int_equal(read_file("pending.log").torn, 0);
	during = append(journal, series, 240);
	assert_true(during > before);
	limit_files(10);
	turn(3 * CLOCK_SECOND);
	assert_true(failures >= 2);
	assert_int_equal(recoveries, 0);
	append(journal, series, 300);
	limit_files(RLIM_INFINITY);
	turn(60 * CLOCK_SECOND);
	journal_stats(journal, &stats);
	assert_false(stats.failing);
	assert_int_equal(recoveries, 1);
	assert_int_equal(unsafe_from, before);
	assert_true(unsafe_to > during);
	/* The owner appends again what is unsafe, the first one too. */
	assert_true(append(journal, series, 60) >= unsafe_to);
	append(journal, series, 120);
	append(journal, series, 180);
	append(journal, series, 240);
	append(journal, series, 300);
	journal_release(journal, before, 3);
	journal_release(journal, during, 2);
	turn(2 * CLOCK_SECOND);
	assert_int_equal(read_file("pending.log").samples, 5);
	assert_int_equal(files(), 1); /* the one that broke is gone */
	journal_series_destroy(series);
	journal_close(journal);
}

static void
a_folder_that_cannot_be_is_told(void **state)
{
	struct journal *journal;

	assert_true(
	    journal_open(loop, io, io, "/proc/nowhere/x", &hooks, &journal) < 0);
	assert_int_equal(
	    journal_open(loop, io, io, "/dev/null", &hooks, &journal), -ENOTDIR);
}

static int
remove_folder(void **state)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records_come_back),
	    cmocka_unit_test(any_torn_tail_is_cut),
	    cmocka_unit_test(damage_costs_what_it_touched),
	    cmocka_unit_test(names_are_no_paths),
	    WITH_LOOP(samples_are_durable_within_a_second),
	    WITH_LOOP(long_jobs_do_not_delay_a_commit),
	    WITH_LOOP(what_is_left_is_found_again),
	    WITH_LOOP(strange_names_are_left_alone),
	    WITH_LOOP(generations_end_and_go),
	    WITH_LOOP(a_full_disk_passes),
	    WITH_LOOP(a_folder_that_cannot_be_is_told),
	};

	if (mkdtemp(folder) == NULL)
		return 1;
	return cmocka_run_group_tests_name("journal", tests, NULL, remove_folder);
}
