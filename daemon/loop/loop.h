/*
 * The event loop: the one thread that owns all state. Wraps libevent; timers are
 * ours, in a tree ordered by the clock of base/clock.h, so that a test with a
 * fake clock runs hours in milliseconds.
 *
 * All functions belong to the loop's thread, loop_stop() included.
 */
#ifndef VT_LOOP_LOOP_H
#define VT_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"

struct event_base;
struct loop;
struct loop_timer;
struct loop_watch;

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

struct loop *loop_create(void);
void loop_destroy(struct loop *loop); /* all timers and watches are gone before */
void loop_run(struct loop *loop); /* until loop_stop() */
void loop_stop(struct loop *loop);
/* Handles what is ready, waits for nothing. */
void loop_poll(struct loop *loop);
/* Fake clock only: moves it by us, running each timer at its own instant. */
void loop_advance(struct loop *loop, int64_t us);

/* libevent's, for what brings its own events (loop/stream). */
struct event_base *loop_base(struct loop *loop);

/* How long each callback held the loop. */
const struct histogram *loop_histogram(const struct loop *loop);

/* A one-shot timer; setting it again moves it. Callbacks may destroy it. */
typedef void loop_timer_cb(void *arg);
struct loop_timer *loop_timer_create(struct loop *loop, loop_timer_cb *cb, void *arg);
void loop_timer_destroy(struct loop_timer *timer);
void loop_timer_set(struct loop_timer *timer, int64_t delay_us);
void loop_timer_set_at(struct loop_timer *timer, int64_t mono_us);
void loop_timer_clear(struct loop_timer *timer);
bool loop_timer_is_set(const struct loop_timer *timer);

/* A file descriptor, level-triggered; events of LOOP_READ | LOOP_WRITE, 0 pauses.
 * The descriptor stays the caller's, who destroys the watch before closing it. It may be
 * told once when nothing is ready: one of the same number was closed while a program
 * was begun, and the kernel reports what it reported of that. */
typedef void loop_watch_cb(int fd, int events, void *arg);
struct loop_watch *loop_watch_create(struct loop *loop, int fd, int events,
    loop_watch_cb *cb, void *arg);
void loop_watch_set(struct loop_watch *watch, int events);
void loop_watch_destroy(struct loop_watch *watch);

/* A signal, delivered on the loop; fd in the callback is the signal's number. */
struct loop_watch *loop_signal_create(struct loop *loop, int signal, loop_watch_cb *cb,
    void *arg);

#endif
