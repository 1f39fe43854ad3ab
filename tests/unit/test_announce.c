/* watch/announce: the lines of the log, and how many of them. */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "loop/loop.h"
#include "store/ledger.h"
#include "watch/announce.h"

#define NOW_US (INT64_C(1795513500) * CLOCK_SECOND) /* 2026-11-24T09:45:00Z */

static struct loop *loop;
static struct announce *announce;
static FILE *log_file;
static int real_stderr;

static int
set_up(void **state)
{
	clock_fake(CLOCK_SECOND, NOW_US);
	loop = loop_create();
	announce = announce_create(loop);
	log_open("test", LOG_LEVEL_INFO, false);
	log_file = tmpfile();
	real_stderr = dup(2);
	return log_file == NULL || dup2(fileno(log_file), 2) < 0;
}

static int
tear_down(void **state)
{
	announce_destroy(announce);
	loop_destroy(loop);
	dup2(real_stderr, 2);
	close(real_stderr);
	fclose(log_file);
	return 0;
}

/* What was written since the last call; static. */
static const char *
logged(void)
{
	static char text[16384];
	size_t length;

	rewind(log_file);
	length = fread(text, 1, sizeof(text) - 1, log_file);
	text[length] = '\0';
	assert_int_equal(ftruncate(fileno(log_file), 0), 0);
	rewind(log_file);
	return text;
}

static size_t
lines(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

static void
a_change_is_a_line(void **state)
{
	struct ledger_transition row = {.at_us = NOW_US,
	    .service = "sito",
	    .check = "portale",
	    .from = "up",
	    .to = "down",
	    .class = "status",
	    .message = "status 503,\nexpected 200-299"};

	announce_change(announce, "borgo", &row);
	assert_non_null(
	    strstr(logged(), "borgo/sito/portale: up -> down: status: status 503,\\x0a"
			     "expected 200-299\n"));
	row = (struct ledger_transition){
	    .at_us = NOW_US, .service = "sito", .from = "unknown", .to = "up"};
	announce_change(announce, "borgo", &row);
	assert_non_null(strstr(logged(), "borgo/sito: unknown -> up\n"));
	/* What is told late says when it was. */
	row.at_us -= 600 * CLOCK_SECOND;
	announce_change(announce, "borgo", &row);
	assert_non_null(
	    strstr(logged(), "borgo/sito: unknown -> up at 2026-11-24T09:35:00Z\n"));
	/* To nobody, or of no interest. */
	announce_change(NULL, "borgo", &row);
	log_level_set(LOG_LEVEL_WARNING);
	announce_change(announce, "borgo", &row);
	log_level_set(LOG_LEVEL_INFO);
	assert_string_equal(logged(), "");
}

static void
many_at_once_are_counted(void **state)
{
	struct ledger_transition row = {
	    .at_us = NOW_US, .service = "sito", .from = "up", .to = "down"};
	int i;

	for (i = 0; i < 1000; i++)
		announce_change(announce, "borgo", &row);
	assert_int_equal(lines(logged()), 20);
	loop_advance(loop, 11 * CLOCK_SECOND);
	assert_non_null(strstr(logged(), "and 980 more changes of verdict\n"));
	/* The next one is told at once again, and few leave no number behind. */
	announce_change(announce, "borgo", &row);
	assert_int_equal(lines(logged()), 1);
	loop_advance(loop, 11 * CLOCK_SECOND);
	assert_string_equal(logged(), "");
	for (i = 0; i < 21; i++)
		announce_change(announce, "borgo", &row);
	logged();
	announce_destroy(announce);
	announce = NULL;
	assert_non_null(strstr(logged(), "and 1 more changes of verdict\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_change_is_a_line, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		many_at_once_are_counted, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("announce", tests, NULL, NULL);
}
