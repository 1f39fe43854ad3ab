/* store/ledger: order, outside readers, migration, damage, a full disk and queue. */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "store/ledger.h"
#include "store/ledgerfile.h"

static struct loop *loop;
static struct worker_pool *pool;
static struct ledger *ledger;
static char folder[64], path[128];

static struct ledger_transition found[LEDGER_LIMIT_MAX];
static size_t found_count;
static int found_error, answers;

static int
setup(void **state)
{
	char site[96];

	clock_fake(0, INT64_C(1700000000) * CLOCK_SECOND);
	log_open("test", LOG_LEVEL_ERROR - 1, false);
	strcpy(folder, "/tmp/vetrina-ledger-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(site, sizeof(site), "%s/store/town", folder);
	snprintf(path, sizeof(path), "%s/ledger.sqlite", site);
	loop = loop_create();
	pool = worker_pool_create(loop, "io", 2, 64);
	answers = 0;
	return 0;
}

static void
open_ledger(void)
{
	char store[96];

	snprintf(store, sizeof(store), "%s/store", folder);
	ledger = ledger_create(loop, pool, store, "town");
}

static int
teardown(void **state)
{
	char command[128];

	ledger_destroy(ledger);
	ledger = NULL;
	worker_pool_destroy(pool);
	loop_destroy(loop);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static void
on_rows(const struct ledger_transition *rows, size_t count, int error, void *arg)
{
	answers++;
	found_count = count;
	found_error = error;
	if (count > 0)
		memcpy(found, rows, count * sizeof(*rows));
}

static void
tell(int64_t at_us, const char *service, const char *check, const char *to)
{
	struct ledger_transition t = {.at_us = at_us, .from = "up", .class = "status"};

	snprintf(t.service, sizeof(t.service), "%s", service);
	snprintf(t.check, sizeof(t.check), "%s", check);
	snprintf(t.to, sizeof(t.to), "%s", to);
	snprintf(
	    t.message, sizeof(t.message), "it's \"%s\" at %lld", to, (long long)at_us);
	ledger_add_transition(ledger, &t);
}

static size_t
ask(const char *service, const char *check, int64_t from_us, int64_t to_us,
    size_t limit)
{
	int before = answers;

	ledger_transitions(
	    ledger, service, check, from_us, to_us, limit, on_rows, NULL);
	assert_int_equal(answers, before);
	worker_settle(pool);
	assert_int_equal(answers, before + 1);
	return found_count;
}

static size_t
ask_all(void)
{
	return ask("a", NULL, 0, INT64_MAX, LEDGER_LIMIT_MAX);
}

static struct ledger_stats
stats(void)
{
	struct ledger_stats out;

	ledger_stats(ledger, &out);
	return out;
}

/* An outside program's connection. */
static sqlite3 *
outside(void)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	return db;
}

static int64_t
number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;
	int64_t value;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

static void
run_sql(sqlite3 *db, const char *sql)
{
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void
newest_come_first(void **state)
{
	open_ledger();
	tell(10, "a", "x", "down");
	tell(10, "a", "", "down");
	tell(20, "a", "x", "up");
	tell(20, "a", "", "up");
	tell(15, "b", "x", "down");
	assert_int_equal(ask_all(), 4);
	assert_int_equal(found_error, 0);
	assert_int_equal(found[0].at_us, 20);
	assert_string_equal(found[0].check, "");
	assert_string_equal(found[1].check, "x");
	assert_string_equal(found[1].service, "a");
	assert_string_equal(found[1].from, "up");
	assert_string_equal(found[3].to, "down");
	assert_string_equal(found[3].class, "status");
	assert_string_equal(found[3].message, "it's \"down\" at 10");
	assert_int_equal(ask("a", "x", 0, 100, 10), 2);
	assert_string_equal(found[0].check, "x");
	assert_int_equal(ask("a", "", 0, 100, 10), 2);
	assert_string_equal(found[1].check, "");
	assert_int_equal(ask("a", NULL, 10, 20, 10), 2); /* [from, to) */
	assert_int_equal(found[0].at_us, 10);
	assert_int_equal(ask("a", NULL, 0, 100, 3), 3);
	assert_int_equal(ask("c", NULL, 0, 100, 3), 0);
	assert_int_equal(stats().written, 5);
	assert_int_equal(stats().queued, 0);
	assert_int_equal(stats().errors, 0);
}

static void
outages_are_found_among_many(void **state)
{
	int i;

	open_ledger();
	for (i = 0; i < 1000; i++) {
		struct ledger_transition t = {.at_us = i, .service = "a"};
		strcpy(t.from, i % 100 == 51 ? "down" : i % 2 ? "degraded" : "up");
		strcpy(t.to, i % 100 == 50 ? "down" : i % 2 ? "up" : "degraded");
		ledger_add_transition(ledger, &t);
	}
	ledger_outages(ledger, "a", NULL, 100, 900, 100, on_rows, NULL);
	worker_settle(pool);
	assert_int_equal(found_count, 16);
	for (i = 0; i < 16; i++)
		assert_int_equal(found[i].at_us, 850 - i / 2 * 100 + (i % 2 == 0));
	ledger_outages(ledger, "a", "x", 100, 900, 100, on_rows, NULL);
	worker_settle(pool);
	assert_int_equal(found_count, 0);
}

/* What a first version left behind. */
static void
version_1_keeps_its_rows(void **state)
{
	sqlite3 *db;

	open_ledger();
	tell(1, "a", "x", "down");
	ledger_destroy(ledger);
	worker_settle(pool);
	db = outside();
	run_sql(db,
	    "DROP INDEX transitions_of_outages; DROP INDEX transitions_by_check;"
	    " PRAGMA user_version = 1");
	open_ledger();
	assert_int_equal(ask_all(), 1);
	assert_int_equal(number(db, "PRAGMA user_version"), 3);
	assert_int_equal(number(db, "SELECT count(*) FROM sqlite_schema"), 4);
	sqlite3_close(db);
}

static void
a_ledger_opened_again_finds_all(void **state)
{
	struct stat st;
	int i;

	open_ledger();
	for (i = 0; i < 2000; i++)
		tell(i, "a", "x", i % 2 ? "up" : "down");
	ledger_destroy(ledger);
	worker_settle(pool);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	open_ledger();
	assert_int_equal(ask_all(), 2000);
	for (i = 0; i < 2000; i++)
		assert_int_equal(found[i].at_us, 1999 - i);
}

/* A reload that removes a site: the loop does not wait for its file. */
static void
destroy_does_not_wait(void **state)
{
	sqlite3 *db;

	open_ledger();
	tell(1, "a", "x", "down");
	worker_settle(pool);
	db = outside();
	run_sql(db, "BEGIN IMMEDIATE");
	tell(2, "a", "x", "up");
	ledger_transitions(ledger, "a", NULL, 0, 9, 9, on_rows, NULL);
	ledger_destroy(ledger);
	ledger = NULL;
	assert_int_equal(answers, 1);
	assert_int_equal(found_error, ERR_CLOSED);
	run_sql(db, "COMMIT"); /* or it would wait for ever */
	worker_settle(pool);
	assert_int_equal(answers, 1);
	assert_int_equal(number(db, "SELECT count(*) FROM transitions"), 2);
	sqlite3_close(db);
}

static void
few_of_many_files_stay_open(void **state)
{
	struct ledger *ledgers[100];
	char store[96], name[32];
	size_t i;

	snprintf(store, sizeof(store), "%s/store", folder);
	for (i = 0; i < sizeof(ledgers) / sizeof(ledgers[0]); i++) {
		snprintf(name, sizeof(name), "s%zu", i);
		ledgers[i] = ledger_create(loop, pool, store, name);
		ledger_transitions(ledgers[i], "a", NULL, 0, 9, 9, on_rows, NULL);
		if (i % 50 == 49)
			worker_settle(pool);
	}
	assert_int_equal(answers, 100);
	assert_true(ledgerfile_open_count() <= 66);
	for (i = 0; i < sizeof(ledgers) / sizeof(ledgers[0]); i++)
		ledger_destroy(ledgers[i]);
	worker_settle(pool);
	assert_int_equal(ledgerfile_open_count(), 0);
}

static void
outside_reader_and_we_do_not_disturb(void **state)
{
	sqlite3 *db;

	open_ledger();
	tell(1, "a", "x", "down");
	worker_settle(pool);
	db = outside();
	run_sql(db, "BEGIN");
	assert_int_equal(number(db, "SELECT count(*) FROM transitions"), 1);
	tell(2, "a", "x", "up");
	worker_settle(pool);
	assert_int_equal(stats().written, 2);
	assert_int_equal(stats().errors, 0);
	assert_int_equal(number(db, "SELECT count(*) FROM transitions"), 1);
	run_sql(db, "COMMIT");
	assert_int_equal(number(db, "SELECT count(*) FROM transitions"), 2);
	assert_int_equal(number(db, "PRAGMA user_version"), 3);
	ledger_destroy(ledger);
	worker_settle(pool);
	ledger = NULL;
	assert_int_equal(number(db, "SELECT count(*) FROM transitions"), 2);
	sqlite3_close(db);
}

static void
make_folders(void)
{
	open_ledger();
	ask_all();
	ledger_destroy(ledger);
	worker_settle(pool);
	ledger = NULL;
	assert_int_equal(unlink(path), 0);
}

static void
version_0_is_migrated(void **state)
{
	sqlite3 *db;

	make_folders();
	db = outside();
	run_sql(db, "CREATE TABLE mine (x); INSERT INTO mine VALUES (7)");
	open_ledger();
	tell(1, "a", "x", "down");
	assert_int_equal(ask_all(), 1);
	assert_int_equal(number(db, "PRAGMA user_version"), 3);
	assert_int_equal(number(db, "SELECT x FROM mine"), 7);
	sqlite3_close(db);
}

static void
newer_version_is_left_alone(void **state)
{
	sqlite3 *db;

	make_folders();
	db = outside();
	run_sql(db, "PRAGMA user_version = 99");
	open_ledger();
	tell(1, "a", "x", "down");
	assert_int_equal(ask_all(), 0);
	assert_true(found_error < 0);
	assert_int_equal(stats().queued, 1);
	assert_false(stats().writable);
	assert_int_equal(stats().damaged, 0);
	assert_int_equal(number(db, "SELECT count(*) FROM sqlite_schema"), 0);
	run_sql(db,
	    "PRAGMA user_version = 0"); /* what a human would not do: then it goes on */
	loop_advance(loop, CLOCK_SECOND);
	assert_int_equal(ask_all(), 1);
	assert_true(stats().writable);
	sqlite3_close(db);
}

static void
locked_file_and_full_queue(void **state)
{
	sqlite3 *db;
	int i;

	open_ledger();
	tell(0, "a", "x", "down");
	worker_settle(pool);
	db = outside();
	run_sql(db, "BEGIN IMMEDIATE");
	for (i = 1; i <= LEDGER_QUEUE_MAX + 10; i++)
		tell(i, "a", "x", "up");
	worker_settle(pool);
	assert_int_equal(stats().dropped, 10);
	assert_int_equal(stats().queued, LEDGER_QUEUE_MAX);
	assert_int_equal(stats().errors, 1);
	assert_false(stats().writable);
	assert_int_equal(ask_all(), 1); /* readers do not wait */
	run_sql(db, "COMMIT");
	loop_advance(loop, CLOCK_SECOND / 2);
	worker_settle(pool);
	assert_int_equal(stats().queued, LEDGER_QUEUE_MAX); /* waits a second */
	loop_advance(loop, CLOCK_SECOND / 2);
	worker_settle(pool);
	assert_int_equal(stats().queued, 0);
	assert_int_equal(stats().written, LEDGER_QUEUE_MAX + 1);
	assert_true(stats().writable);
	assert_int_equal(ask_all(), LEDGER_QUEUE_MAX + 1);
	for (i = 0; i <= LEDGER_QUEUE_MAX; i++)
		assert_int_equal(found[i].at_us, LEDGER_QUEUE_MAX - i);
	sqlite3_close(db);
}

static void
full_disk_is_outlived(void **state)
{
	struct rlimit before, small = {0};
	int i;

	open_ledger();
	tell(0, "a", "x", "down");
	worker_settle(pool);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	small.rlim_cur = 16384;
	small.rlim_max = before.rlim_max;
	setrlimit(RLIMIT_FSIZE, &small);
	for (i = 1; i <= 1000; i++)
		tell(i, "a", "x", "up");
	worker_settle(pool);
	for (i = 0; i < 10; i++) { /* 1, 2, 4 ... 60 seconds */
		loop_advance(loop, 16 * CLOCK_SECOND);
		worker_settle(pool);
	}
	assert_true(stats().errors >= 5 && stats().errors <= 10);
	assert_true(stats().queued > 0);
	setrlimit(RLIMIT_FSIZE, &before);
	loop_advance(loop, 60 * CLOCK_SECOND);
	worker_settle(pool);
	assert_int_equal(stats().queued, 0);
	assert_int_equal(stats().damaged, 0);
	assert_int_equal(ask_all(), 1001);
	for (i = 0; i <= 1000; i++)
		assert_int_equal(found[i].at_us, 1000 - i);
}

static void
overwrite(off_t from, size_t length)
{
	char junk[4096];
	int fd = open(path, O_WRONLY);

	memset(junk, 0xa5, sizeof(junk));
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, length, from), length);
	close(fd);
}

static int
count_aside(void)
{
	char command[200], text[16] = "";
	FILE *pipe;

	snprintf(command, sizeof(command), "ls %s.damaged-* 2>/dev/null | wc -l", path);
	pipe = popen(command, "r");
	assert_non_null(fgets(text, sizeof(text), pipe));
	pclose(pipe);
	return atoi(text);
}

static void
damage_is_moved_aside(void **state)
{
	int i;

	open_ledger();
	tell(1, "a", "x", "down");
	ledger_destroy(ledger);
	worker_settle(pool);
	overwrite(0, 100); /* no SQLite file any more */
	open_ledger();
	tell(2, "a", "x", "up");
	assert_int_equal(ask_all(), 1);
	assert_int_equal(found[0].at_us, 2);
	assert_int_equal(stats().damaged, 1);
	assert_int_equal(count_aside(), 1);
	for (i = 3; i < 1000; i++)
		tell(i, "a", "x", "up");
	ledger_destroy(ledger);
	worker_settle(pool);
	overwrite(4096, 4096); /* the table's root */
	open_ledger();
	assert_int_equal(ask_all(), 0);
	assert_int_equal(found_error, 0);
	assert_int_equal(stats().damaged, 1);
	assert_int_equal(count_aside(), 2);
}

static void
idle_file_is_closed(void **state)
{
	open_ledger();
	tell(1, "a", "x", "down");
	worker_settle(pool);
	assert_true(stats().open);
	loop_advance(loop, 29 * CLOCK_SECOND);
	ask_all();
	loop_advance(loop, 29 * CLOCK_SECOND);
	worker_settle(pool);
	assert_true(stats().open);
	loop_advance(loop, CLOCK_SECOND);
	worker_settle(pool);
	assert_false(stats().open);
	loop_advance(loop, 3600 * CLOCK_SECOND);
	tell(2, "a", "x", "up");
	assert_int_equal(ask_all(), 2);
}

/* A pool that takes no job: all waits; in the end all is written all the same. */
static void
busy_pool_and_many_questions(void **state)
{
	struct worker_pool *busy = worker_pool_create(loop, "busy", 1, 0);
	char store[96];
	int i;

	snprintf(store, sizeof(store), "%s/store", folder);
	ledger = ledger_create(loop, busy, store, "town");
	tell(1, "a", "x", "down");
	for (i = 0; i < LEDGER_QUERIES_MAX; i++)
		ledger_transitions(ledger, "a", NULL, 0, 9, 9, on_rows, NULL);
	loop_advance(loop, CLOCK_SECOND);
	assert_int_equal(answers, 0);
	ledger_transitions(ledger, "a", NULL, 0, 9, 9, on_rows, NULL);
	assert_int_equal(answers, 0);
	loop_advance(loop, 0);
	assert_int_equal(answers, 1);
	assert_int_equal(found_error, ERR_FULL);
	ledger_destroy(ledger);
	assert_int_equal(answers, 1 + LEDGER_QUERIES_MAX);
	assert_int_equal(found_error, ERR_CLOSED);
	worker_pool_destroy(busy);
	open_ledger();
	assert_int_equal(ask_all(), 1);
}

static void
destroying(const struct ledger_transition *rows, size_t count, int error, void *arg)
{
	answers++;
	ledger_destroy(ledger);
	ledger = NULL;
}

static void
destroyed_by_its_own_answer(void **state)
{
	open_ledger();
	ledger_transitions(ledger, "a", NULL, 0, 9, 9, destroying, NULL);
	tell(1, "a", "x", "down");
	worker_settle(pool);
	assert_int_equal(answers, 1);
	assert_null(ledger);
	open_ledger();
	assert_int_equal(ask_all(), 1);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(newest_come_first),
	    TEST(outages_are_found_among_many),
	    TEST(version_1_keeps_its_rows),
	    TEST(a_ledger_opened_again_finds_all),
	    TEST(destroy_does_not_wait),
	    TEST(few_of_many_files_stay_open),
	    TEST(outside_reader_and_we_do_not_disturb),
	    TEST(version_0_is_migrated),
	    TEST(newer_version_is_left_alone),
	    TEST(locked_file_and_full_queue),
	    TEST(full_disk_is_outlived),
	    TEST(damage_is_moved_aside),
	    TEST(idle_file_is_closed),
	    TEST(busy_pool_and_many_questions),
	    TEST(destroyed_by_its_own_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
