/* loop/: timers on a fake clock, watches, workers. */
#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "loop/loop.h"
#include "loop/worker.h"

static struct loop *loop;
static int64_t seen[16];
static int count;

#define BURST 100

static void
note_burst(void *arg)
{
	if (++count == BURST)
		loop_stop(loop);
}

/* More timers at one instant than a round runs, on the real clock. */
static void
a_burst_ends(void **state)
{
	struct loop_timer *timers[BURST];
	int i;

	loop = loop_create();
	count = 0;
	for (i = 0; i < BURST; i++) {
		timers[i] = loop_timer_create(loop, note_burst, NULL);
		loop_timer_set(timers[i], 20000 + i % 2);
	}
	alarm(20);
	loop_run(loop);
	alarm(0);
	assert_int_equal(count, BURST);
	for (i = 0; i < BURST; i++)
		loop_timer_destroy(timers[i]);
	loop_destroy(loop);
}

static void
note(void *arg)
{
	seen[count++] = (intptr_t)arg * 1000000000 + clock_mono_us();
}

static void
timers_run_in_order_at_their_instant(void **state)
{
	struct loop_timer *a, *b, *c;

	clock_fake(0, 1000);
	loop = loop_create();
	count = 0;
	a = loop_timer_create(loop, note, (void *)1);
	b = loop_timer_create(loop, note, (void *)2);
	c = loop_timer_create(loop, note, (void *)3);
	loop_timer_set(b, 500);
	loop_timer_set(a, 100);
	loop_timer_set(c, 500);
	loop_timer_set(a, 700); /* moved */
	loop_advance(loop, 600);
	assert_int_equal(count, 2);
	assert_int_equal(seen[0], 2000000500);
	assert_int_equal(seen[1], 3000000500);
	assert_true(loop_timer_is_set(a));
	loop_timer_clear(a);
	loop_advance(loop, 600);
	assert_int_equal(count, 2);
	assert_int_equal(clock_mono_us(), 1200);
	assert_int_equal(clock_wall_us(), 2200);
	assert_int_equal(loop_histogram(loop)->total, 2);
	loop_timer_destroy(a);
	loop_timer_destroy(b);
	loop_timer_destroy(c);
	loop_timer_destroy(NULL);
	loop_destroy(loop);
}

static void
on_readable(int fd, int events, void *arg)
{
	char byte;

	assert_int_equal(events, LOOP_READ);
	assert_int_equal(read(fd, &byte, 1), 1);
	*(char *)arg = byte;
	loop_stop(loop);
}

static void
a_watch_tells_what_is_ready(void **state)
{
	struct loop_watch *watch;
	int fds[2];
	char byte = 0;

	loop = loop_create();
	assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	watch = loop_watch_create(loop, fds[0], 0, on_readable, &byte);
	assert_int_equal(write(fds[1], "x", 1), 1);
	loop_poll(loop);
	assert_int_equal(byte, 0); /* paused */
	loop_watch_set(watch, LOOP_READ);
	loop_run(loop);
	assert_int_equal(byte, 'x');
	loop_watch_destroy(watch);
	loop_destroy(loop);
	close(fds[0]);
	close(fds[1]);
}

struct gate {
	pthread_mutex_t lock;
	int ran[8], done[8], n_ran, n_done;
};

static struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
job_run(void *arg)
{
	pthread_mutex_lock(&gate.lock); /* held by the test until all are queued */
	gate.ran[gate.n_ran++] = (intptr_t)arg;
	pthread_mutex_unlock(&gate.lock);
}

static void
job_done(void *arg)
{
	gate.done[gate.n_done++] = (intptr_t)arg;
}

static void
a_pool_of_one_keeps_order_and_bounds(void **state)
{
	struct worker_pool *pool;
	struct worker_stats stats;

	loop = loop_create();
	pool = worker_pool_create(loop, "test", 1, 3);
	pthread_mutex_lock(&gate.lock);
	assert_int_equal(
	    worker_submit(pool, WORKER_NORMAL, job_run, job_done, (void *)1), 0);
	do /* the worker takes the first, and waits in it */
		worker_stats(pool, &stats);
	while (stats.running != 1);
	assert_int_equal(
	    worker_submit(pool, WORKER_LOW, job_run, job_done, (void *)2), 0);
	assert_int_equal(
	    worker_submit(pool, WORKER_NORMAL, job_run, job_done, (void *)3), 0);
	assert_int_equal(
	    worker_submit(pool, WORKER_HIGH, job_run, job_done, (void *)4), 0);
	assert_int_equal(
	    worker_submit(pool, WORKER_HIGH, job_run, job_done, (void *)5), ERR_FULL);
	pthread_mutex_unlock(&gate.lock);
	worker_settle(pool);
	assert_int_equal(gate.n_done, 4);
	assert_int_equal(gate.ran[1], 4); /* by priority, then in order */
	assert_int_equal(gate.ran[2], 3);
	assert_int_equal(gate.ran[3], 2);
	worker_stats(pool, &stats);
	assert_int_equal(stats.submitted, 4);
	assert_int_equal(stats.done, 4);
	assert_int_equal(stats.refused, 1);
	worker_pool_destroy(pool);
	loop_destroy(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    /* Before the clock is faked: this one waits for real. */
	    cmocka_unit_test(a_watch_tells_what_is_ready),
	    cmocka_unit_test(a_pool_of_one_keeps_order_and_bounds),
	    cmocka_unit_test(a_burst_ends), /* before the clock is a fake */
	    cmocka_unit_test(timers_run_in_order_at_their_instant),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
