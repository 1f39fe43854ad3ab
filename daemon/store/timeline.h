/*
 * A timeline: one service's state over time, combined from the strips of the
 * checks that count. Pure.
 *
 * Each check counts from its first measurement on, so a check that is added later
 * does not make what was before unknown. At an instant the service is down if one
 * is, up if all are, else it is not known: as its verdict says. In consolidated rows
 * a check is up and down for fractions of the row; of these the service has the
 * least up and the most down, which makes its availability an upper bound.
 */
#ifndef VT_STORE_TIMELINE_H
#define VT_STORE_TIMELINE_H

#include <stddef.h>
#include <stdint.h>

struct strip;
struct timeline;

struct timeline_sum {
	double up_s, down_s;	/* the rest of passed_s is unknown */
	double passed_s;	/* since the first measurement, of what is due */
};

struct timeline *timeline_create(const struct strip *strips, size_t count, int64_t from_s,
    int64_t to_s);
void timeline_destroy(struct timeline *timeline);
/* Rows that [from, to) cuts count by the share that lies within. */
void timeline_sum(const struct timeline *timeline, int64_t from_s, int64_t to_s,
    struct timeline_sum *out);

#endif
