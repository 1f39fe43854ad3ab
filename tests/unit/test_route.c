/* web/route: the table both ways, and addresses that nobody means well with. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "web/route.h"

static char it[] = "it", en[] = "en", de[] = "de";
static const struct conf_strings italian_first = {2, (char *[]){it, en}, NULL};
static const struct conf_strings english_only = {1, (char *[]){en}, NULL};
static const struct conf_strings three = {3, (char *[]){en, it, de}, NULL};

static const struct {
	const struct conf_strings *languages;
	const char *path;
	enum route_page page;
	enum route_format format;
	const char *language, *service;
} rows[] = {
    {&italian_first, "/", ROUTE_OVERVIEW, ROUTE_HTML, "it", ""},
    {&italian_first, "/index.json", ROUTE_OVERVIEW, ROUTE_JSON, "it", ""},
    {&italian_first, "/index.csv", ROUTE_OVERVIEW, ROUTE_CSV, "it", ""},
    {&italian_first, "/en/", ROUTE_OVERVIEW, ROUTE_HTML, "en", ""},
    {&italian_first, "/en/index.json", ROUTE_OVERVIEW, ROUTE_JSON, "en", ""},
    {&italian_first, "/servizi/", ROUTE_SERVICES, ROUTE_HTML, "it", ""},
    {&italian_first, "/en/services/", ROUTE_SERVICES, ROUTE_HTML, "en", ""},
    {&italian_first, "/servizi/index.csv", ROUTE_SERVICES, ROUTE_CSV, "it", ""},
    {&italian_first, "/servizi/anagrafe", ROUTE_SERVICE, ROUTE_HTML, "it", "anagrafe"},
    {&italian_first, "/servizi/anagrafe.json", ROUTE_SERVICE, ROUTE_JSON, "it",
	"anagrafe"},
    {&italian_first, "/servizi/anagrafe.csv", ROUTE_SERVICE, ROUTE_CSV, "it",
	"anagrafe"},
    {&italian_first, "/en/services/stato-civile", ROUTE_SERVICE, ROUTE_HTML, "en",
	"stato-civile"},
    {&italian_first, "/metodo/", ROUTE_METHOD, ROUTE_HTML, "it", ""},
    {&italian_first, "/en/method/", ROUTE_METHOD, ROUTE_HTML, "en", ""},
    {&italian_first, "/dati/", ROUTE_DATA, ROUTE_HTML, "it", ""},
    {&italian_first, "/en/data/", ROUTE_DATA, ROUTE_HTML, "en", ""},
    {&italian_first, "/accessibilita/", ROUTE_ACCESSIBILITY, ROUTE_HTML, "it", ""},
    {&italian_first, "/en/accessibility/", ROUTE_ACCESSIBILITY, ROUTE_HTML, "en", ""},
    {&italian_first, "/privacy/", ROUTE_PRIVACY, ROUTE_HTML, "it", ""},
    {&italian_first, "/en/privacy/", ROUTE_PRIVACY, ROUTE_HTML, "en", ""},
    {&italian_first, "/note-legali/", ROUTE_LEGAL, ROUTE_HTML, "it", ""},
    {&italian_first, "/en/legal-notes/", ROUTE_LEGAL, ROUTE_HTML, "en", ""},
    {&italian_first, "/robots.txt", ROUTE_ROBOTS, ROUTE_HTML, "it", ""},
    {&italian_first, "/api/v1/services", ROUTE_API_SERVICES, ROUTE_HTML, "it", ""},
    {&english_only, "/services/a", ROUTE_SERVICE, ROUTE_HTML, "en", "a"},
    {&three, "/it/servizi/", ROUTE_SERVICES, ROUTE_HTML, "it", ""},
    {&three, "/de/services/", ROUTE_SERVICES, ROUTE_HTML, "de", ""},
};

static void
addresses_go_both_ways(void **state)
{
	struct buf out = BUF_INIT;
	struct route route;
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(rows); i++) {
		assert_int_equal(
		    route_parse(rows[i].languages, rows[i].path, "", &route),
		    ROUTE_FOUND);
		assert_int_equal(route.page, rows[i].page);
		assert_int_equal(route.format, rows[i].format);
		assert_string_equal(route.language, rows[i].language);
		assert_string_equal(route.service, rows[i].service);
		route_write(&route, rows[i].languages, &out);
		assert_string_equal(out.data, rows[i].path);
		buf_clear(&out);
	}
	buf_free(&out);
}

static void
slashes_are_mended(void **state)
{
	static const char *const pairs[][2] = {
	    {"/servizi", "/servizi/"},
	    {"/en", "/en/"},
	    {"/en/method", "/en/method/"},
	    {"/servizi/anagrafe/", "/servizi/anagrafe"},
	};
	struct buf out = BUF_INIT;
	struct route route;
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(pairs); i++) {
		assert_int_equal(
		    route_parse(&italian_first, pairs[i][0], "", &route), ROUTE_MOVED);
		route_write(&route, &italian_first, &out);
		assert_string_equal(out.data, pairs[i][1]);
		buf_clear(&out);
	}
	buf_free(&out);
}

static void
hostile_addresses_are_missing(void **state)
{
	static const char *const paths[] = {"", "x", "//", "/servizi//",
	    "/servizi/../etc", "/servizi/A", "/servizi/a b", "/servizi/anagrafe/x",
	    "/servizi/anagrafe.json/", "/servizi/.json", "/servizi/<script>",
	    "/SERVIZI/", "/english/", "/it/", "/en/servizi/", "/services/",
	    "/metodo/index.json", "/metodo/x", "/index.html", "/index.json/",
	    "/api/v1/", "/api/v1/series/a/b", "/api/v1/series/a/b/c/d",
	    "/api/v1/series///", "/servizi/anagrafe.json.json", "/servizi/-a",
	    "/servizi/%61"};
	char path[512];
	struct route route;
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(paths); i++)
		if (route_parse(&italian_first, paths[i], "", &route) != ROUTE_MISSING)
			fail_msg("%s is found", paths[i]);
	snprintf(path, sizeof(path), "/servizi/%0400d", 0);
	assert_int_equal(route_parse(&italian_first, path, "", &route), ROUTE_MISSING);
	assert_string_equal(route.language, "it");
	route_parse(&italian_first, "/en/nothing", "", &route);
	assert_string_equal(route.language, "en");
}

static void
periods(void **state)
{
	struct buf out = BUF_INIT;
	struct route route;
	int period;

	for (period = 0; period < ROUTE_PERIODS; period++) {
		char query[32];
		snprintf(query, sizeof(query), "x=1&p=%s", route_period_names[period]);
		assert_int_equal(
		    route_parse(&italian_first, "/servizi/a", query, &route),
		    ROUTE_FOUND);
		assert_int_equal(route.period, period);
		route_write(&route, &italian_first, &out);
		if (period == ROUTE_24H)
			assert_string_equal(out.data, "/servizi/a");
		else
			assert_string_equal(
			    strchr(out.data, '=') + 1, route_period_names[period]);
		buf_clear(&out);
	}
	route_parse(&italian_first, "/servizi/a", "p=3h", &route);
	assert_int_equal(route.period, ROUTE_24H);
	route_parse(&italian_first, "/servizi/a", "p=%zz&p=", &route);
	assert_int_equal(route.period, ROUTE_24H);
	buf_free(&out);
}

static void
series_and_assets(void **state)
{
	struct route route;

	assert_int_equal(route_parse(&italian_first,
			     "/api/v1/series/multe/portale/total", "", &route),
	    ROUTE_FOUND);
	assert_string_equal(route.service, "multe");
	assert_string_equal(route.check, "portale");
	assert_string_equal(route.metric, "total");
	assert_int_equal(route_parse(&italian_first, "/assets/style-1.css", "", &route),
	    ROUTE_FOUND);
	assert_string_equal(route.asset, "style-1.css");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_go_both_ways),
	    cmocka_unit_test(slashes_are_mended),
	    cmocka_unit_test(hostile_addresses_are_missing),
	    cmocka_unit_test(periods),
	    cmocka_unit_test(series_and_assets),
	};

	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
