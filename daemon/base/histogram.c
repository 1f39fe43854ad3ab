/* Counts of durations in fixed bounds. */
#include "base/histogram.h"

const int64_t histogram_bounds_us[HISTOGRAM_BUCKETS - 1] = {
    50,
    100,
    250,
    500,
    1000,
    2500,
    5000,
    10000,
    25000,
    100000,
    1000000,
    10000000,
    60000000,
};

void
histogram_add(struct histogram *histogram, int64_t us)
{
	int i = 0;

	if (us < 0)
		us = 0;
	while (i < HISTOGRAM_BUCKETS - 1 && us > histogram_bounds_us[i])
		i++;
	histogram->count[i]++;
	histogram->total++;
	histogram->sum_us += us;
	if (us > histogram->max_us)
		histogram->max_us = us;
}
