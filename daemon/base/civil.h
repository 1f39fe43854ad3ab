/*
 * Civil time: days and hours as people of a place live them (23 to 25 hours a
 * day), from the IANA time zone database, by GLib's GTimeZone because libc has
 * one zone for the whole process. A zone may be used from any thread.
 */
#ifndef VT_BASE_CIVIL_H
#define VT_BASE_CIVIL_H

#include <stdint.h>

struct civil_zone; /* opaque */

struct civil {
	int year, month, day;	/* month 1-12, day 1-31 */
	int hour, minute, second;
	int weekday;		/* 1 Monday .. 7 Sunday */
	int offset_s;		/* east of UTC */
};

/* name: "Europe/Rome". -> NULL if the database does not know it. */
struct civil_zone *civil_zone_open(const char *name);
void civil_zone_close(struct civil_zone *zone);

/* All instants are whole seconds since 1970 UTC. */
void civil_from(struct civil_zone *zone, int64_t at_s, struct civil *out);
/* The instant of a civil time; one that the clocks skip gives the instant of the
 * jump, one that comes twice gives the first. */
int64_t civil_to(struct civil_zone *zone, int year, int month, int day, int hour,
    int minute, int second);
/* The first instant of the civil day that is days after the one holding at_s. */
int64_t civil_day_start(struct civil_zone *zone, int64_t at_s, int days);

/* Days since 1970-01-01 of a date in the Gregorian calendar, and back. */
int64_t civil_days(int year, int month, int day);
void civil_date(int64_t days, int *year, int *month, int *day);

#define CIVIL_TEXT_SIZE 40
/* 2026-11-24T10:45:00+01:00 */
const char *civil_format(struct civil_zone *zone, int64_t at_s, char out[CIVIL_TEXT_SIZE]);

#endif
