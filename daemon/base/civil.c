/* Civil time over GLib's GTimeZone: the one file that includes glib.h. */
#include "base/civil.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

struct civil_zone {
	GTimeZone *zone;
};

struct civil_zone *
civil_zone_open(const char *name)
{
	struct civil_zone *zone;
	GTimeZone *found;

	/* GLib also takes offsets and POSIX rules; only names of the database are
	 * civil time, and a path must not leave the database. */
	if (strstr(name, "..") != NULL || name[0] == '/' ||
	    (strchr(name, '/') == NULL && strcmp(name, "UTC") != 0))
		return NULL;
	found = g_time_zone_new_identifier(name);
	if (found == NULL)
		return NULL;
	zone = mem_zalloc(sizeof(*zone));
	zone->zone = found;
	return zone;
}

void
civil_zone_close(struct civil_zone *zone)
{
	if (zone == NULL)
		return;
	g_time_zone_unref(zone->zone);
	free(zone);
}

int64_t
civil_days(int year, int month, int day)
{
	/* The year begins in March, so that the leap day is its last. */
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
	       719468;
}

void
civil_date(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t of_era = z - era * 146097;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * of_year + 2) / 153;

	*day = of_year - (153 * m + 2) / 5 + 1;
	*month = m < 10 ? m + 3 : m - 9;
	*year = y + era * 400 + (*month <= 2);
}

static int32_t
offset_at(struct civil_zone *zone, int64_t at_s)
{
	int i = g_time_zone_find_interval(zone->zone, G_TIME_TYPE_UNIVERSAL, at_s);

	return i < 0 ? 0 : g_time_zone_get_offset(zone->zone, i);
}

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

void
civil_from(struct civil_zone *zone, int64_t at_s, struct civil *out)
{
	int64_t local, days, rest;

	out->offset_s = offset_at(zone, at_s);
	local = at_s + out->offset_s;
	days = floor_div(local, 86400);
	rest = local - days * 86400;
	civil_date(days, &out->year, &out->month, &out->day);
	out->hour = rest / 3600;
	out->minute = rest / 60 % 60;
	out->second = rest % 60;
	out->weekday = (int)(((days + 3) % 7 + 7) % 7) + 1;
}

int64_t
civil_to(struct civil_zone *zone, int year, int month, int day, int hour, int minute,
    int second)
{
	int64_t local =
	    civil_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	int32_t before = offset_at(zone, local - 86400);
	int32_t after = offset_at(zone, local + 86400);
	int64_t first = local - (before > after ? before : after);
	int64_t second_try = local - (before > after ? after : before);

	if (first + offset_at(zone, first) == local)
		return first;
	if (second_try + offset_at(zone, second_try) == local)
		return second_try;
	/* Skipped: the clocks jump between the two; find the jump. */
	while (second_try - first > 1) {
		int64_t middle = first + (second_try - first) / 2;
		if (offset_at(zone, middle) == offset_at(zone, first))
			first = middle;
		else
			second_try = middle;
	}
	return second_try;
}

int64_t
civil_day_start(struct civil_zone *zone, int64_t at_s, int days)
{
	struct civil c;
	int year, month, day;

	civil_from(zone, at_s, &c);
	civil_date(civil_days(c.year, c.month, c.day) + days, &year, &month, &day);
	return civil_to(zone, year, month, day, 0, 0, 0);
}

const char *
civil_format(struct civil_zone *zone, int64_t at_s, char out[CIVIL_TEXT_SIZE])
{
	struct civil c;
	int minutes;

	civil_from(zone, at_s, &c);
	minutes = abs(c.offset_s) / 60;
	snprintf(out, CIVIL_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d",
	    c.year, c.month, c.day, c.hour, c.minute, c.second,
	    c.offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
	return out;
}
