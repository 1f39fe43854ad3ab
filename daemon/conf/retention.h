/*
 * Retention as an archive keeps it: what `store.retention` becomes for a check of
 * a given interval, and what that weighs on disk. Pure; the archive and -t share it.
 *
 * The step of a file is its check's interval. Each tier's step is rounded up to a
 * multiple of it; tiers that meet in one step become one with the longer keep; if
 * the interval is shorter than the first step, a tier of `interval:1d` comes first.
 */
#ifndef VT_CONF_RETENTION_H
#define VT_CONF_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/option.h"

#define RETENTION_TIERS_MAX 9 /* those of conf_retention and the extra one */

struct retention_tier {
	int64_t step_s;		/* a multiple of the interval */
	int64_t points;		/* of the interval in a row: step_s / interval_s */
	int64_t rows;		/* keep rounded up to whole rows */
	bool extremes;		/* MIN and MAX beside AVERAGE: points is over 1 */
};

struct retention_plan {
	int64_t interval_s;
	size_t count;
	struct retention_tier tiers[RETENTION_TIERS_MAX]; /* finest first */
};

/* retention: steps in whole seconds, finest first, at least one. */
void retention_plan(const struct conf_retention *retention, int64_t interval_s,
    struct retention_plan *out);
/* Bytes of the round-robin database of that plan (64-bit RRD version 0003), all
 * data sources counted: up and known too. */
int64_t retention_bytes(const struct retention_plan *plan, size_t sources);

#endif
