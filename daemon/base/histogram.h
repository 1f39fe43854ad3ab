/*
 * Counts of durations in fixed bounds, for what the daemon tells about itself on
 * /metrics. Not for what it measures of others.
 */
#ifndef VT_BASE_HISTOGRAM_H
#define VT_BASE_HISTOGRAM_H

#include <stdint.h>

/* Upper bounds in microseconds, the last bucket is everything above. */
#define HISTOGRAM_BUCKETS 14
extern const int64_t histogram_bounds_us[HISTOGRAM_BUCKETS - 1];

struct histogram {
	uint64_t count[HISTOGRAM_BUCKETS]; /* not cumulative */
	uint64_t total;
	int64_t sum_us;
	int64_t max_us;
};

void histogram_add(struct histogram *histogram, int64_t us);

#endif
