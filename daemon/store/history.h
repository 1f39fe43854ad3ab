/*
 * History: every figure over a period comes from here, whoever asks. Reads the
 * archive on the rrd thread and returns figures on the loop.
 *
 * availability = time up / time known; coverage = time known / time of the period
 * that has passed since the service was first measured or the period began,
 * whichever is later. Quantiles are exact, over raw rows; where the raw tier does
 * not reach, they are NAN. Of a service with several required checks: up is the
 * least of theirs in each row, known likewise (exact in raw rows, an upper bound
 * of availability in consolidated ones).
 */
#ifndef VT_STORE_HISTORY_H
#define VT_STORE_HISTORY_H

#include <stddef.h>
#include <stdint.h>

struct archive_series;
struct civil_zone;

struct history_period {
	int64_t from_s, to_s;	/* in: [from, to) */
	/* Out: */
	double availability;	/* 0..1, NAN unknown */
	double coverage;	/* 0..1 */
	double down_s;		/* seconds known to be down */
	double p50, p95, p99;	/* seconds of `total`, NAN unknown */
	double min, max, mean;
	size_t samples;		/* raw values that the quantiles stand on */
};

struct history_point {
	int64_t at_s;		/* end of the row */
	double mean, min, max;	/* of `total`; NAN unknown */
	double up, known;	/* 0..1 */
};

struct history_query {
	/* In. series[0] gives times; all count for availability. Copied but for
	 * what they point to, which the asker keeps until done. */
	struct archive_series *const *series;
	size_t series_count;
	size_t period_count;
	struct history_period *periods; /* filled */
	int64_t points_from_s, points_to_s; /* both 0: no points */
	size_t points_max;
	/* Out: */
	size_t point_count;
	int64_t point_step_s;
	struct history_point *points; /* the query's, freed by history_query_clear */
	int64_t first_s;	/* first known measurement on file, 0 none */
};

typedef void history_cb(struct history_query *query, void *arg);
void history_run(struct history_query *query, history_cb *cb, void *arg);
void history_query_clear(struct history_query *query);

/* Fills count periods with the civil days that end with the one holding now_s. */
void history_days(struct civil_zone *zone, int64_t now_s, size_t count,
    struct history_period *out);

#endif
