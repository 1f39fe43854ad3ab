/*
 * The event loop over libevent: its headers are included here and, for its buffers, in
 * stream.c.
 *
 * Timers stand in a tree by (deadline, order of setting). Before the loop sleeps, a
 * timerfd is armed for the first of them, if that is another one than before:
 * libevent's own timeouts go by the kernel's coarse clock, wake some milliseconds
 * early, find nothing due and sleep again. A round runs at most TIMERS_PER_ROUND due
 * timers before descriptors get their turn, so that a burst of checks does not starve
 * the answers to the one before it.
 */
#include "loop/loop.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/tree.h"

#define LOOP_MAGIC 0x6c6f6f70
#define TIMER_MAGIC 0x74696d65
#define WATCH_MAGIC 0x77617463
#define TIMERS_PER_ROUND 32
#define NEVER (-1)
#define RANG (-2)

struct loop_timer {
	MAGIC;
	RB_ENTRY(loop_timer) entry;
	struct loop *loop;
	loop_timer_cb *cb;
	void *arg;
	int64_t deadline_us;
	uint64_t order;
	bool set;
};

RB_HEAD(timer_tree, loop_timer);

struct loop {
	MAGIC;
	struct event_base *base;
	struct event *alarm;
	int alarm_fd;
	int64_t armed_us; /* when the alarm is due, NEVER, or RANG */
	bool stopping;
	struct timer_tree timers;
	uint64_t order;
	struct histogram histogram;
};

struct loop_watch {
	MAGIC;
	struct loop *loop;
	struct event *event;
	int fd;
	int events;
	loop_watch_cb *cb;
	void *arg;
};

static int
timer_compare(struct loop_timer *a, struct loop_timer *b)
{
	if (a->deadline_us != b->deadline_us)
		return a->deadline_us < b->deadline_us ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

TREE_GENERATE(timer_tree, loop_timer, entry, timer_compare)

/* Setting it also takes back that it rang. */
static void
arm(struct loop *loop)
{
	struct loop_timer *first = RB_MIN(timer_tree, &loop->timers);
	int64_t when_us = first == NULL ? NEVER : first->deadline_us;
	struct itimerspec when = {0};
	int error;

	if (clock_is_fake() || when_us == loop->armed_us)
		return;
	if (first != NULL) {
		if (when_us < 1) /* 0 would disarm it */
			when_us = 1;
		when.it_value.tv_sec = when_us / CLOCK_SECOND;
		when.it_value.tv_nsec = when_us % CLOCK_SECOND * 1000;
	}
	error = timerfd_settime(loop->alarm_fd, TFD_TIMER_ABSTIME, &when, NULL);
	assert(error == 0);
	loop->armed_us = when_us;
}

static void
on_alarm(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;

	loop->armed_us = RANG;
}

static void
run_timer(struct loop_timer *timer)
{
	struct loop *loop = timer->loop;
	int64_t began = clock_mono_us();

	MAGIC_CHECK(timer, TIMER_MAGIC);
	loop_timer_clear(timer);
	timer->cb(timer->arg);
	histogram_add(&loop->histogram, clock_mono_us() - began);
}

/* -> whether more are due; then the alarm rings on, and libevent wants ONCE: without it
 * it goes round as long as anything is ready. */
static bool
run_due(struct loop *loop)
{
	struct loop_timer *timer;
	int n;

	for (n = 0;; n++) {
		timer = RB_MIN(timer_tree, &loop->timers);
		if (timer == NULL || timer->deadline_us > clock_mono_us())
			return false;
		if (n == TIMERS_PER_ROUND || loop->stopping)
			return true;
		run_timer(timer);
	}
}

/* Changes of what is watched are told to the kernel in one, before it waits. */
static struct event_base *
new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	assert(config != NULL);
	event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	base = event_base_new_with_config(config);
	assert(base != NULL);
	event_config_free(config);
	return base;
}

struct loop *
loop_create(void)
{
	struct loop *loop = mem_zalloc(sizeof(*loop));

	MAGIC_SET(loop, LOOP_MAGIC);
	RB_INIT(&loop->timers);
	loop->base = new_base();
	loop->armed_us = NEVER;
	loop->alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	assert(loop->alarm_fd >= 0);
	loop->alarm =
	    event_new(loop->base, loop->alarm_fd, EV_READ | EV_PERSIST, on_alarm, loop);
	assert(loop->alarm != NULL);
	event_add(loop->alarm, NULL);
	return loop;
}

void
loop_destroy(struct loop *loop)
{
	if (loop == NULL)
		return;
	MAGIC_CHECK(loop, LOOP_MAGIC);
	assert(RB_EMPTY(&loop->timers));
	event_free(loop->alarm);
	close(loop->alarm_fd);
	event_base_free(loop->base);
	MAGIC_CLEAR(loop);
	free(loop);
	libevent_global_shutdown();
}

void
loop_run(struct loop *loop)
{
	bool more;

	MAGIC_CHECK(loop, LOOP_MAGIC);
	loop->stopping = false;
	while (!loop->stopping) {
		more = !clock_is_fake() && run_due(loop);
		if (!more)
			arm(loop);
		if (!loop->stopping)
			event_base_loop(
			    loop->base, EVLOOP_ONCE | (more ? EVLOOP_NONBLOCK : 0));
	}
}

void
loop_stop(struct loop *loop)
{
	loop->stopping = true;
	event_base_loopbreak(loop->base);
}

void
loop_poll(struct loop *loop)
{
	event_base_loop(loop->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	if (!clock_is_fake())
		(void)run_due(loop);
}

void
loop_advance(struct loop *loop, int64_t us)
{
	int64_t until = clock_mono_us() + us;
	struct loop_timer *timer;

	assert(clock_is_fake());
	loop_poll(loop);
	while ((timer = RB_MIN(timer_tree, &loop->timers)) != NULL &&
	       timer->deadline_us <= until) {
		if (timer->deadline_us > clock_mono_us())
			clock_fake_advance(timer->deadline_us - clock_mono_us());
		run_timer(timer);
		loop_poll(loop);
	}
	clock_fake_advance(until - clock_mono_us());
}

struct event_base *
loop_base(struct loop *loop)
{
	MAGIC_CHECK(loop, LOOP_MAGIC);
	return loop->base;
}

const struct histogram *
loop_histogram(const struct loop *loop)
{
	return &loop->histogram;
}

struct loop_timer *
loop_timer_create(struct loop *loop, loop_timer_cb *cb, void *arg)
{
	struct loop_timer *timer = mem_zalloc(sizeof(*timer));

	MAGIC_CHECK(loop, LOOP_MAGIC);
	MAGIC_SET(timer, TIMER_MAGIC);
	timer->loop = loop;
	timer->cb = cb;
	timer->arg = arg;
	return timer;
}

void
loop_timer_destroy(struct loop_timer *timer)
{
	if (timer == NULL)
		return;
	loop_timer_clear(timer);
	MAGIC_CLEAR(timer);
	free(timer);
}

void
loop_timer_set(struct loop_timer *timer, int64_t delay_us)
{
	loop_timer_set_at(timer, clock_mono_us() + delay_us);
}

void
loop_timer_set_at(struct loop_timer *timer, int64_t mono_us)
{
	MAGIC_CHECK(timer, TIMER_MAGIC);
	if (timer->set)
		RB_REMOVE(timer_tree, &timer->loop->timers, timer);
	timer->deadline_us = mono_us;
	timer->order = timer->loop->order++;
	timer->set = true;
	RB_INSERT(timer_tree, &timer->loop->timers, timer);
}

void
loop_timer_clear(struct loop_timer *timer)
{
	MAGIC_CHECK(timer, TIMER_MAGIC);
	if (!timer->set)
		return;
	RB_REMOVE(timer_tree, &timer->loop->timers, timer);
	timer->set = false;
}

bool
loop_timer_is_set(const struct loop_timer *timer)
{
	return timer->set;
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct loop_watch *watch = arg;
	struct loop *loop = watch->loop;
	int64_t began = clock_mono_us();

	MAGIC_CHECK(watch, WATCH_MAGIC);
	watch->cb(watch->fd,
	    (what & EV_READ ? LOOP_READ : 0) | (what & EV_WRITE ? LOOP_WRITE : 0),
	    watch->arg);
	histogram_add(&loop->histogram, clock_mono_us() - began);
}

static short
event_flags(int events)
{
	return EV_PERSIST | (events & LOOP_READ ? EV_READ : 0) |
	       (events & LOOP_WRITE ? EV_WRITE : 0);
}

static struct loop_watch *
watch_new(struct loop *loop, int fd, int events, loop_watch_cb *cb, void *arg)
{
	struct loop_watch *watch = mem_zalloc(sizeof(*watch));

	MAGIC_CHECK(loop, LOOP_MAGIC);
	MAGIC_SET(watch, WATCH_MAGIC);
	watch->loop = loop;
	watch->fd = fd;
	watch->events = events;
	watch->cb = cb;
	watch->arg = arg;
	return watch;
}

struct loop_watch *
loop_watch_create(struct loop *loop, int fd, int events, loop_watch_cb *cb, void *arg)
{
	struct loop_watch *watch = watch_new(loop, fd, events, cb, arg);

	watch->event = event_new(loop->base, fd, event_flags(events), on_event, watch);
	assert(watch->event != NULL);
	if (events != 0)
		event_add(watch->event, NULL);
	return watch;
}

void
loop_watch_set(struct loop_watch *watch, int events)
{
	MAGIC_CHECK(watch, WATCH_MAGIC);
	if (watch->events == events)
		return;
	if (watch->events != 0)
		event_del(watch->event);
	watch->events = events;
	if (events == 0)
		return;
	event_assign(watch->event, watch->loop->base, watch->fd, event_flags(events),
	    on_event, watch);
	event_add(watch->event, NULL);
}

void
loop_watch_destroy(struct loop_watch *watch)
{
	if (watch == NULL)
		return;
	MAGIC_CHECK(watch, WATCH_MAGIC);
	event_free(watch->event);
	MAGIC_CLEAR(watch);
	free(watch);
}

struct loop_watch *
loop_signal_create(struct loop *loop, int signal, loop_watch_cb *cb, void *arg)
{
	struct loop_watch *watch = watch_new(loop, signal, LOOP_READ, cb, arg);

	watch->event = evsignal_new(loop->base, signal, on_event, watch);
	assert(watch->event != NULL);
	evsignal_add(watch->event, NULL);
	return watch;
}
