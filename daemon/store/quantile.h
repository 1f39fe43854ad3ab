/* Quantiles by nearest rank, exact. */
#ifndef VT_STORE_QUANTILE_H
#define VT_STORE_QUANTILE_H

#include <stddef.h>

/* The value at place ceil(n * per_mille / 1000), from 1, of the n sorted values. Takes
 * time in proportion to n and reorders values; none of them is NAN, n is over 0. */
double quantile_nearest(double *values, size_t n, unsigned per_mille);

#endif
