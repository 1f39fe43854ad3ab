/* The only place that reads the system's clocks. */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

static atomic_bool fake;
static _Atomic int64_t fake_mono_us, fake_wall_us;

static int64_t
read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * CLOCK_SECOND + t.tv_nsec / 1000;
}

int64_t
clock_mono_us(void)
{
	return fake ? fake_mono_us : read_clock(CLOCK_MONOTONIC);
}

int64_t
clock_wall_us(void)
{
	return fake ? fake_wall_us : read_clock(CLOCK_REALTIME);
}

void
clock_fake(int64_t mono_us, int64_t wall_us)
{
	fake_mono_us = mono_us;
	fake_wall_us = wall_us;
	fake = true;
}

void
clock_fake_advance(int64_t us)
{
	fake_mono_us += us;
	fake_wall_us += us;
}

void
clock_fake_step(int64_t us)
{
	fake_wall_us += us;
}

bool
clock_is_fake(void)
{
	return fake;
}
