/* loop/spawn: programs, their output, their end, and what they leave behind. */
#include "unit.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "loop/loop.h"
#include "loop/spawn.h"
#include "loop/worker.h"

static struct loop *loop;
static struct worker_pool *io;
static struct spawn_pool *pool;

static struct seen {
	int count, wanted;
	enum spawn_end end;
	int code;
	double seconds;
	char output[128], errors[64];
	size_t length;
} seen;

static void
on_reply(const struct spawn_reply *reply, void *arg)
{
	seen.count++;
	seen.end = reply->end;
	seen.code = reply->code;
	seen.seconds = reply->seconds;
	seen.length = reply->output.length;
	snprintf(seen.output, sizeof(seen.output), "%s",
	    reply->output.data ? reply->output.data : "");
	snprintf(seen.errors, sizeof(seen.errors), "%s",
	    reply->errors.data ? reply->errors.data : "");
	if (seen.count == seen.wanted)
		loop_stop(loop);
}

static struct spawn *
start_of(void *owner, const char *script, int64_t timeout_us)
{
	const char *command[] = {"/bin/sh", "-c", script, NULL};
	const char *environment[] = {"COLOUR=blue", NULL};
	const struct spawn_request request = {
	    command, environment, timeout_us, .output_max = 1000};

	return spawn_start(pool, &request, on_reply, owner);
}

static struct spawn *
start(const char *script, int64_t timeout_us)
{
	return start_of(NULL, script, timeout_us);
}

static void
wait_for(int count)
{
	seen.wanted = count;
	alarm(30);
	if (seen.count < count)
		loop_run(loop);
	alarm(0);
	assert_int_equal(seen.count, count);
}

static void
stop_loop(void *arg)
{
	loop_stop(loop);
}

static void
live(int64_t us)
{
	struct loop_timer *timer = loop_timer_create(loop, stop_loop, NULL);

	loop_timer_set(timer, us);
	loop_run(loop);
	loop_timer_destroy(timer);
}

static int
open_all(void **state)
{
	memset(&seen, 0, sizeof(seen));
	loop = loop_create();
	io = worker_pool_create(loop, "io", 2, 100);
	pool = spawn_pool_create(loop, io, 4);
	return 0;
}

static int
close_all(void **state)
{
	worker_settle(io);
	spawn_pool_destroy(pool);
	worker_pool_destroy(io);
	loop_destroy(loop);
	return 0;
}

static void
a_program_answers(void **state)
{
	start("echo out $COLOUR $HOME; echo err >&2; read line || echo none; exit 3",
	    20 * CLOCK_SECOND);
	assert_int_equal(seen.count, 0);
	wait_for(1);
	assert_int_equal(seen.end, SPAWN_EXITED);
	assert_int_equal(seen.code, 3);
	assert_string_equal(seen.output, "out blue\nnone\n");
	assert_string_equal(seen.errors, "err\n");
	assert_true(seen.seconds > 0 && seen.seconds < 20);
}

/* No descriptor of ours, no signal of ours held back or ignored. */
static void
nothing_is_inherited(void **state)
{
	sigset_t set, before;
	int fd = dup(1);

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &before);
	signal(SIGPIPE, SIG_IGN);
	start("for f in /proc/self/fd/*; do echo ${f##*/}; done | tr '\\n' ' ';"
	      "grep -E 'Sig(Blk|Ign)' /proc/self/status | tr -d '\\n\\t'",
	    20 * CLOCK_SECOND);
	wait_for(1);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(fd);
	/* 3 is the shell's own, of the folder. */
	assert_null(strchr(seen.output, '4'));
	assert_non_null(strstr(seen.output, "SigBlk:0000000000000000"));
	/* The C library ignores its own 32 and 33. */
	assert_non_null(strstr(seen.output, "SigIgn:"));
	assert_int_equal(
	    strtoul(strstr(seen.output, "SigIgn:") + 7, NULL, 16) & 0x7fffffff, 0);
}

static void
what_cannot_begin_says_why(void **state)
{
	const char *command[] = {"/nowhere/check_x", NULL};
	const char *none[] = {NULL};
	const struct spawn_request request = {command, none, CLOCK_SECOND, 100};

	spawn_start(pool, &request, on_reply, NULL);
	wait_for(1);
	assert_int_equal(seen.end, SPAWN_FAILED);
	assert_int_equal(seen.code, ENOENT);
	assert_true(isnan(seen.seconds));
	command[0] = "/etc/passwd";
	spawn_start(pool, &request, on_reply, NULL);
	wait_for(2);
	assert_int_equal(seen.code, EACCES);
}

static void
await_gone(pid_t pid)
{
	alarm(30);
	while (kill(pid, 0) == 0) /* init has yet to reap it */
		usleep(1000);
	alarm(0);
}

/* Its children go with it, whether it was killed or ended. */
static void
nothing_stays_behind(void **state)
{
	struct spawn_stats stats;
	pid_t child;

	start("sleep 1000 & echo $!; sleep 1000", CLOCK_SECOND / 5);
	wait_for(1);
	assert_int_equal(seen.end, SPAWN_TIMEOUT);
	assert_true(seen.seconds > 0.1);
	child = atoi(seen.output);
	assert_true(child > 1);
	await_gone(child);
	start("sleep 1000 & echo $!", 20 * CLOCK_SECOND);
	wait_for(2);
	assert_int_equal(seen.end, SPAWN_EXITED);
	assert_true(seen.seconds < 20);
	child = atoi(seen.output);
	await_gone(child);
	spawn_stats(pool, &stats);
	assert_int_equal(stats.started, 2);
	assert_int_equal(stats.killed, 1);
	assert_int_equal(stats.running, 0);
}

static void
output_has_a_limit(void **state)
{
	start("i=0; while [ $i -lt 300 ]; do echo 123456789; i=$((i+1)); done",
	    20 * CLOCK_SECOND);
	wait_for(1);
	assert_int_equal(seen.end, SPAWN_EXITED);
	assert_int_equal(seen.length, 1000);
	start("while :; do echo 1234567890; done", 20 * CLOCK_SECOND);
	wait_for(2);
	assert_int_equal(seen.end, SPAWN_FLOOD);
	start("kill -9 $$", 20 * CLOCK_SECOND);
	wait_for(3);
	assert_int_equal(seen.end, SPAWN_KILLED);
	assert_int_equal(seen.code, SIGKILL);
}

static void
others_wait_their_turn(void **state)
{
	struct spawn *spawns[4];
	struct spawn_stats stats;
	size_t i;

	for (i = 0; i < 4; i++)
		spawns[i] = start("sleep 1000", 30 * CLOCK_SECOND);
	start("echo late", CLOCK_SECOND / 5);
	spawn_stats(pool, &stats);
	assert_int_equal(stats.running, 4);
	assert_int_equal(stats.waiting, 1);
	wait_for(1);
	assert_int_equal(seen.end, SPAWN_WAITED);
	start("echo turn", 30 * CLOCK_SECOND);
	spawn_cancel(start("echo never", 30 * CLOCK_SECOND));
	for (i = 0; i < 4; i++)
		spawn_cancel(spawns[i]);
	wait_for(2);
	assert_string_equal(seen.output, "turn\n");
	live(CLOCK_SECOND / 20);
	spawn_stats(pool, &stats);
	assert_int_equal(stats.running, 0);
	assert_int_equal(seen.count, 2);
}

/* Cancelled while the worker has it; closed while programs run. */
static void
it_may_end_at_any_time(void **state)
{
	int i;

	for (i = 0; i < 20; i++) {
		struct spawn *spawn = start("sleep 1000", 30 * CLOCK_SECOND);
		if (i % 3 == 1)
			live(i * 100);
		spawn_cancel(spawn);
	}
	start("sleep 1000", 30 * CLOCK_SECOND);
	start("sleep 1000", 30 * CLOCK_SECOND);
	live(CLOCK_SECOND / 20);
	assert_int_equal(seen.count, 0);
}

/* One that had little of its time because of others did not fail. */
static void
who_began_late_is_not_to_blame(void **state)
{
	size_t i;

	for (i = 0; i < 4; i++)
		start("sleep 0.4", 30 * CLOCK_SECOND);
	start("sleep 1000", CLOCK_SECOND / 2);
	wait_for(5);
	assert_int_equal(seen.end, SPAWN_WAITED);
	start("sleep 1000", CLOCK_SECOND / 2);
	wait_for(6);
	assert_int_equal(seen.end, SPAWN_TIMEOUT);
}

static void
of_one_owner_one_runs(void **state)
{
	struct spawn_stats stats;
	int owner, other;

	start_of(&owner, "sleep 1000", CLOCK_SECOND / 5);
	start_of(&owner, "echo second", 30 * CLOCK_SECOND);
	start_of(&other, "echo other", 30 * CLOCK_SECOND);
	spawn_stats(pool, &stats);
	assert_int_equal(stats.running, 2);
	assert_int_equal(stats.waiting, 1);
	wait_for(1);
	assert_string_equal(seen.output, "other\n");
	wait_for(2);
	assert_int_equal(seen.end, SPAWN_TIMEOUT);
	wait_for(3);
	assert_string_equal(seen.output, "second\n");
}

static void
no_descriptors_no_program(void **state)
{
	struct rlimit before, limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = (rlim_t)dup(0);
	close((int)limit.rlim_cur);
	setrlimit(RLIMIT_NOFILE, &limit);
	start("echo", 20 * CLOCK_SECOND);
	wait_for(1);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(seen.end, SPAWN_FAILED);
	assert_int_equal(seen.code, EMFILE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_program_answers),
	    TEST(nothing_is_inherited),
	    TEST(what_cannot_begin_says_why),
	    TEST(nothing_stays_behind),
	    TEST(output_has_a_limit),
	    TEST(others_wait_their_turn),
	    TEST(it_may_end_at_any_time),
	    TEST(who_began_late_is_not_to_blame),
	    TEST(of_one_owner_one_runs),
	    TEST(no_descriptors_no_program),
	};

	return cmocka_run_group_tests_name("spawn", tests, NULL, NULL);
}
