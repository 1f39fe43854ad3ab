/* web/series: what a query asks of a series. */
#include "unit.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "watch/registry.h"
#include "web/series.h"

#define NOW_S INT64_C(1795513500) /* 2026-11-24T09:45:00Z */
#define DAY_S INT64_C(86400)
#define S CLOCK_SECOND

static const struct conf_retention retention = {.count = 4,
    .tiers = {{60 * S, 14 * DAY_S *S}, {300 * S, 90 * DAY_S *S},
	{3600 * S, 3 * 365 * DAY_S *S}, {DAY_S * S, 10 * 365 * DAY_S *S}}};
static const struct archive_source sources[] = {{.name = "total", .unit = "s"}};
static const struct collector collector = {.sources = sources, .source_count = 1};

static struct series_query
parse(int64_t every_s, const char *query)
{
	const struct conf_check conf = {.every_us = every_s * S};
	const struct registry_check check = {.conf = &conf,
	    .collector = &collector,
	    .sources = sources,
	    .source_count = 1};
	struct series_query out;
	const char *wrong =
	    series_parse(&check, &retention, "total", query, NOW_S, &out);

	if (wrong != NULL)
		fail_msg("%s: %s", query, wrong);
	return out;
}

static void
the_usual_step_is_one_that_is_kept(void **state)
{
	static const struct {
		int64_t every_s, period_s, step_s;
	} cases[] = {
	    {1, 400, 1},
	    {1, 500, 1},
	    {1, 501, 60},
	    {1, DAY_S, 300},
	    {5, 3600, 60},
	    {60, 8 * 3600, 60},
	    {60, DAY_S, 300},
	    {60, 30 * DAY_S, DAY_S},
	    {60, 20 * DAY_S, 3600},
	    {60, 365 * DAY_S, DAY_S},
	    {3600, 600, 3600},
	    {7, 501 * 7, 63}, /* 60 is rounded up to a multiple */
	    {DAY_S, DAY_S, DAY_S},
	};
	char query[64];
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct series_query asked;
		snprintf(query, sizeof(query), "from=%lld",
		    (long long)(NOW_S - cases[i].period_s));
		asked = parse(cases[i].every_s, query);
		if (asked.step_s != cases[i].step_s)
			fail_msg("every %lld, %lld: step %lld",
			    (long long)cases[i].every_s, (long long)cases[i].period_s,
			    (long long)asked.step_s);
	}
	/* Beyond what is kept. */
	assert_int_equal(parse(60, "from=0").step_s, (NOW_S + 499) / 500);
	/* What is asked for is taken, but none finer than what is measured. */
	assert_int_equal(parse(60, "step=7m").step_s, 420);
	assert_int_equal(parse(60, "step=1s").step_s, 60);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_usual_step_is_one_that_is_kept),
	};

	return cmocka_run_group_tests_name("series", tests, NULL, NULL);
}
