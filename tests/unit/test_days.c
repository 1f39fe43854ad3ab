/*
 * The 90 civil days of a service's page, from figures to the board: over both changes
 * of the clocks, at midnight, in Rome, in a zone west of Greenwich, and in one whose
 * clocks change at midnight.
 */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/civil.h"
#include "base/clock.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "web/board.h"
#include "web/figures.h"
#include "web_fake.h"

#define HOUR_S 3600
#define DAY_S INT64_C(86400)

static bool ready;

static void
on_ready(void *arg)
{
	ready = true;
}

/* The days of a board as of now, and what they are made from. */
static json_t *
days_at(struct registry_site *site, int64_t now_s, struct figures *figures)
{
	static char italian[] = "it";
	const struct conf_strings languages = {1, (char *[]){italian}, NULL};
	struct registry_service *service = fake_service("anagrafe");
	struct words *words = fake_words("it");
	struct board board = {.site = site,
	    .languages = &languages,
	    .figures = figures,
	    .words = words,
	    .now_us = now_s * CLOCK_SECOND};
	struct board_service what = {.service = service};
	json_t *document, *days;

	clock_fake(CLOCK_SECOND, board.now_us);
	ready = false;
	figures_prepare(figures, &service, 1, ROUTE_24H, on_ready, NULL);
	fake_deliver();
	assert_true(ready);
	document = board_service(&board, &what);
	days = json_incref(json_object_get(document, "days"));
	json_decref(document);
	words_destroy(words);
	return days;
}

/* Ninety days, each of its date and none twice, the last one now's; of them, one of
 * 23 hours if short is given, one of 25 if long is. */
static void
check(struct registry_site *site, int64_t now_s, const char *short_day,
    const char *long_day)
{
	struct civil_zone *zone = site->conf->zone;
	struct figures *figures = figures_create(NULL);
	json_t *days = days_at(site, now_s, figures);
	const struct figures_base *base =
	    figures_base(figures, fake_service("anagrafe"));
	int year, month, day, found = 0;
	struct civil now;
	char date[32];
	size_t i;

	civil_from(zone, now_s, &now);
	assert_int_equal(json_array_size(days), FIGURES_DAYS);
	for (i = 0; i < FIGURES_DAYS; i++) {
		const char *told =
		    json_string_value(json_object_get(json_array_get(days, i), "date"));
		int64_t length = base->days[i].to_s - base->days[i].from_s;
		civil_date(civil_days(now.year, now.month, now.day) -
			       (FIGURES_DAYS - 1) + (int64_t)i,
		    &year, &month, &day);
		snprintf(date, sizeof(date), "%04d-%02d-%02d", year, month, day);
		assert_string_equal(told, date);
		if (i > 0)
			assert_int_equal(base->days[i].from_s, base->days[i - 1].to_s);
		if (short_day != NULL && strcmp(date, short_day) == 0) {
			assert_int_equal(length, 23 * HOUR_S);
			found++;
		} else if (long_day != NULL && strcmp(date, long_day) == 0) {
			assert_int_equal(length, 25 * HOUR_S);
			found++;
		} else {
			assert_int_equal(length, DAY_S);
		}
	}
	assert_int_equal(found, (short_day != NULL) + (long_day != NULL));
	assert_true(base->days[FIGURES_DAYS - 1].from_s <= now_s);
	assert_true(base->days[FIGURES_DAYS - 1].to_s > now_s);
	json_decref(days);
	figures_destroy(figures);
}

/* A change as it happens, and as it leaves the ninety days. */
static void
check_zone(const char *name, const char *spring, const char *autumn)
{
	struct registry_site *site = fake_site_open();
	struct conf_site *conf = (struct conf_site *)site->conf;
	struct civil_zone *before = conf->zone, *zone = civil_zone_open(name);
	const char *changes[] = {spring, autumn};
	size_t i;

	assert_non_null(zone);
	conf->zone = zone;
	for (i = 0; i < ARRAY_LENGTH(changes); i++) {
		const char *s = i == 0 ? spring : NULL, *l = i == 1 ? autumn : NULL;
		int year, month, day;
		int64_t first, next;
		assert_int_equal(
		    sscanf(changes[i], "%d-%d-%d", &year, &month, &day), 3);
		first = civil_to(zone, year, month, day, 0, 0, 0);
		next = first + (i == 0 ? 23 : 25) * HOUR_S;
		/* Before it the day is not among them, from its midnight on it is. */
		check(site, first - 1, NULL, NULL);
		check(site, first, s, l);
		check(site, first + 90 * 60, s, l);
		check(site, first + 12 * HOUR_S, s, l);
		check(site, next - 1, s, l);
		check(site, next, s, l);
		check(site, next + 88 * DAY_S + 23 * HOUR_S, s, l);
		check(site, next + 89 * DAY_S - 1, s, l);
		check(site, next + 89 * DAY_S, NULL, NULL);
	}
	conf->zone = before;
	civil_zone_close(zone);
	fake_site_close();
}

static void
days_of_rome(void **state)
{
	check_zone("Europe/Rome", "2026-03-29", "2026-10-25");
}

static void
days_west_of_greenwich(void **state)
{
	check_zone("America/New_York", "2026-03-08", "2026-11-01");
}

/* Midnight does not exist, or comes twice. */
static void
days_whose_midnight_is_moved(void **state)
{
	check_zone("America/Havana", "2026-03-08", "2026-11-01");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(days_of_rome),
	    cmocka_unit_test(days_west_of_greenwich),
	    cmocka_unit_test(days_whose_midnight_is_moved),
	};

	return cmocka_run_group_tests_name("days", tests, NULL, NULL);
}
