/*
 * Time. Monotonic time is for waiting, wall time for storing; both are integers
 * in microseconds (_us). Tests put their own hands on the clock, which is why
 * nothing else in the tree asks the system for the time.
 */
#ifndef VT_BASE_CLOCK_H
#define VT_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_SECOND INT64_C(1000000)

int64_t clock_mono_us(void); /* since an arbitrary start; never goes back */
int64_t clock_wall_us(void); /* since 1970-01-01T00:00:00Z */

/* Tests only: from now on both clocks stand still until clock_fake_advance().
 * clock_fake_step() moves the wall clock alone, as an administrator would. */
void clock_fake(int64_t mono_us, int64_t wall_us);
void clock_fake_advance(int64_t us);
void clock_fake_step(int64_t us);
bool clock_is_fake(void);

#endif
