/*
 * History: every figure over a period comes from here, whoever asks. Reads the
 * archive on the rrd thread and returns figures on the loop.
 *
 * availability = time up / time known; coverage = time known / time of the period
 * that has passed since the service was first measured or the period began,
 * whichever is later, up to the last slot whose sample is due. Of a service with
 * several required checks, at any instant: down if one is known to be down, up if
 * all are known to be up, else unknown; a check counts from its first measurement
 * on. That is exact in raw rows, and gives an upper bound of availability in
 * consolidated ones. A row that an edge of a period cuts counts by its share, so
 * civil days are exact where their edges fall on rows (hourly ones in most zones).
 *
 * Times are those of the first series, each in the period in (from, to] of which its
 * slot ends, and of successful measurements only: how long a failure took is not a
 * response time. In raw rows these are the rows with up = 1. A consolidated row does
 * not tell its points apart: if some were up, its average, least and greatest count,
 * failures among them, weighted by how much of it was up; if none was, it does not
 * count.
 *
 * A quantile q is the nearest rank: of n sorted values the one at place ceil(q n),
 * counted from 1; so it is a time that was measured. Exact, over raw rows; where the
 * raw tier does not reach all of the period that was measured, NAN.
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
	double coverage;	/* 0..1; 0 if nothing of it has passed */
	double down_s;		/* seconds known to be down */
	double p50, p95, p99;	/* seconds of `total`, NAN unknown */
	double min, max, mean;
	size_t samples;		/* raw values that the quantiles stand on */
};

struct history_point {
	int64_t at_s;		/* end of the row, a multiple of point_step_s */
	double mean, min, max;	/* of `total`; NAN unknown */
	double up, known;	/* 0..1; up is of the time known, NAN if none */
};

struct history_query {
	/* In. series[0] gives times; all count for availability. Copied but for
	 * what they point to, which the asker keeps until done. */
	struct archive_series *const *series;
	size_t series_count;	/* at least one */
	size_t period_count;
	struct history_period *periods; /* filled */
	/* Both 0: no points. Else rows as fine as there are and points_max allows,
	 * the first one holding from, up to the last slot that is due. */
	int64_t points_from_s, points_to_s;
	size_t points_max;
	/* Out: */
	size_t point_count;
	int64_t point_step_s;
	struct history_point *points; /* the query's, freed by history_query_clear */
	int64_t first_s;	/* begin of the first measurement's row on file, 0 none */
};

/* The callback gets the copy of the query, which is cleared after it returns (an
 * asker who wants to keep the points takes them and sets points to NULL). It is
 * called once, never before history_run() returns, also if a series was closed
 * meanwhile or a file cannot be read: what that held is then unknown. */
typedef void history_cb(struct history_query *query, void *arg);
void history_run(struct history_query *query, history_cb *cb, void *arg);
void history_query_clear(struct history_query *query);

/* What history_run() does on the rrd thread, with files instead of series (which
 * are ignored; series_count counts the paths). Blocks. now_s: after it nothing is
 * due. */
void history_read(struct history_query *query, const char *const *paths, int64_t now_s);

/* Fills count periods with the civil days that end with the one holding now_s; all
 * figures are unknown. */
void history_days(struct civil_zone *zone, int64_t now_s, size_t count,
    struct history_period *out);

#endif
