/*
 * Retention. The layout of a round-robin database, as librrd
 * writes it on 64-bit machines: a head, a definition and a preparation area a data
 * source, a definition and a row pointer an archive, a preparation area for each pair
 * of them, then the rows. A test holds it against librrd.
 */
#include "conf/retention.h"

#include <assert.h>

#define SECOND INT64_C(1000000)
#define EXTRA_KEEP_S 86400

#define HEAD_BYTES 128
#define SOURCE_BYTES 120
#define ARCHIVE_BYTES 120
#define LIVE_BYTES 16
#define SOURCE_STATE_BYTES 112
#define PAIR_STATE_BYTES 80
#define POINTER_BYTES 8
#define VALUE_BYTES 8

static void
add_tier(struct retention_plan *plan, int64_t step_s, int64_t keep_s)
{
	struct retention_tier *tier;
	int64_t rows;

	step_s = (step_s + plan->interval_s - 1) / plan->interval_s * plan->interval_s;
	rows = (keep_s + step_s - 1) / step_s;
	tier = plan->count > 0 ? &plan->tiers[plan->count - 1] : NULL;
	if (tier != NULL && tier->step_s >= step_s) {
		if (rows > tier->rows)
			tier->rows = rows;
		return;
	}
	assert(plan->count < RETENTION_TIERS_MAX);
	tier = &plan->tiers[plan->count++];
	tier->step_s = step_s;
	tier->points = step_s / plan->interval_s;
	tier->rows = rows;
	tier->extremes = tier->points > 1;
}

void
retention_plan(const struct conf_retention *retention, int64_t interval_s,
    struct retention_plan *out)
{
	size_t i;

	assert(retention->count > 0 && interval_s > 0);
	out->count = 0;
	out->interval_s = interval_s;
	if (interval_s < retention->tiers[0].step_us / SECOND)
		add_tier(out, interval_s, EXTRA_KEEP_S);
	for (i = 0; i < retention->count; i++)
		add_tier(out, retention->tiers[i].step_us / SECOND,
		    retention->tiers[i].keep_us / SECOND);
}

int64_t
retention_bytes(const struct retention_plan *plan, size_t sources)
{
	int64_t archives = 0, rows = 0, n = sources;
	size_t i;

	for (i = 0; i < plan->count; i++) {
		int functions = plan->tiers[i].extremes ? 3 : 1;
		archives += functions;
		rows += functions * plan->tiers[i].rows;
	}
	return HEAD_BYTES + LIVE_BYTES + n * (SOURCE_BYTES + SOURCE_STATE_BYTES) +
	       archives * (ARCHIVE_BYTES + POINTER_BYTES + n * PAIR_STATE_BYTES) +
	       rows * n * VALUE_BYTES;
}
