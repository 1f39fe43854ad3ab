/* What the storer stores, for itself and for whoever checks it. */
#ifndef VT_TESTS_STORER_H
#define VT_TESTS_STORER_H

#include <math.h>
#include <stdint.h>

#define STORER_SERIES 6
#define STORER_SOURCES 4 /* up, known, value, twin */

/* Some slots are left out. */
static inline int
storer_has(int series, int64_t slot)
{
	return (slot + series) % 37 != 0;
}

static inline double
storer_value(int series, int64_t slot)
{
	uint32_t seed = (uint32_t)slot * 2654435761U + (uint32_t)series * 40503U;

	return 0.001 + (double)(seed >> 8) / 16777216.0;
}

#endif
