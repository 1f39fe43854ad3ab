/*
 * When a check runs: pure arithmetic on wall time in microseconds.
 *
 * Slot n of a check of interval `every` is due at n * every + offset and its sample
 * is stored at (n + 1) * every, the end of the slot in the epoch's grid. offset is
 * made from a hash of the check's name, so that checks spread over the interval and
 * each keeps its place.
 *
 * Over the interval, but not over each second: a process that wakes for one check,
 * its caches cold, spends most of its time on that. So checks gather at the beginning
 * of each second, as far apart as it takes that they do not hold each other up, which
 * would falsify their times.
 */
#ifndef VT_WATCH_SCHEDULE_H
#define VT_WATCH_SCHEDULE_H

#include <stdint.h>

/* 0 <= offset < every; the same for the same names. */
int64_t schedule_offset_us(
    const char *site, const char *service, const char *check, int64_t every_us);
/* offset, moved towards the beginning of its second; load: seconds of CPU that all
 * checks take a second. */
int64_t schedule_gather_us(int64_t offset_us, double load);
/* The slot that was due last at this instant. */
int64_t schedule_slot(int64_t wall_us, int64_t every_us, int64_t offset_us);
/* The slot whose samples an extra run at this instant may give: the cell it is in. */
int64_t schedule_cell(int64_t wall_us, int64_t every_us);
int64_t schedule_due_us(int64_t slot, int64_t every_us, int64_t offset_us);
int64_t schedule_end_s(int64_t slot, int64_t every_us);

#endif
