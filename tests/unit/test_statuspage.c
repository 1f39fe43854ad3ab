/* collectors/statuspage: their words, and what is no summary. */
#include "unit.h"

#include <math.h>
#include <string.h>

#include "collectors/collectors.h"
#include "collectors/reading.h"
#include "tests/lib/answers.h"

/* As the option table binds it; test_conf sees that it does. */
static struct options {
	struct request_options request;
	char *component, *group;
} options;

enum { INDICATOR = READING_SOURCES, INCIDENTS };

#define COMPONENTS                                                                   \
	"\"components\": ["                                                          \
	"{\"id\": \"g1\", \"name\": \"Italia\", \"status\": \"partial_outage\","     \
	" \"group\": true, \"group_id\": null},"                                     \
	"{\"id\": \"c1\", \"name\": \"Portale\", \"status\": \"operational\","       \
	" \"group\": false, \"group_id\": \"g1\"},"                                  \
	"{\"id\": \"c2\", \"name\": \"API\", \"status\": \"partial_outage\","        \
	" \"group\": false, \"group_id\": \"g1\"},"                                  \
	"{\"id\": \"c3\", \"name\": \"API\", \"status\": \"degraded_performance\"}," \
	"{\"id\": \"c4\", \"name\": \"Posta\", \"status\": \"under_maintenance\"},"  \
	"{\"id\": \"c5\", \"name\": \"Firma\", \"status\": \"major_outage\"},"       \
	"{\"id\": \"c6\", \"name\": \"Altro\", \"status\": \"on_fire\"}]"
#define INCIDENTS_OPEN                                               \
	"\"incidents\": ["                                           \
	"{\"name\": \"Finito\", \"status\": \"resolved\","           \
	" \"components\": [{\"id\": \"c2\"}]},"                      \
	"{\"name\": \"API lenta\", \"status\": \"identified\","      \
	" \"components\": [{\"id\": \"c2\"}, {\"id\": \"c3\"}]},"    \
	"{\"name\": \"Firma ferma\", \"status\": \"investigating\"," \
	" \"components\": [{\"id\": \"c5\"}]}], "                    \
	"\"scheduled_maintenances\": ["                              \
	"{\"name\": \"Un giorno\", \"status\": \"scheduled\","       \
	" \"components\": [{\"id\": \"c4\"}]},"                      \
	"{\"name\": \"Si aggiorna\", \"status\": \"in_progress\","   \
	" \"components\": [{\"id\": \"c4\"}]}]"
#define STATUS(indicator, words) \
	"\"status\": {\"indicator\": \"" indicator "\", \"description\": \"" words "\"}"
#define SUMMARY(indicator, words) \
	"{" COMPONENTS ", " INCIDENTS_OPEN ", " STATUS(indicator, words) "}"
#define CALM "{\"components\": [], \"incidents\": [], " STATUS("none", "Tutto bene") "}"

static void
expect_of(const char *body, enum probe_class class, bool warn, double indicator,
    double incidents, const char *message)
{
	const struct probe_result *result =
	    answers_once(&collector_statuspage, &options, body, strlen(body));

	assert_int_equal(sizeof(options), collector_statuspage.options_size);
	assert_string_equal(result->message, message);
	assert_int_equal(result->class, class);
	assert_int_equal(result->warn, warn);
	if (class == PROBE_JSON) {
		assert_true(isnan(result->values[INDICATOR]));
		assert_true(isnan(result->values[INCIDENTS]));
		return;
	}
	assert_true(result->values[INDICATOR] == indicator);
	assert_true(result->values[INCIDENTS] == incidents);
}

static int
set_options(void **state)
{
	answers_request(&options.request, "https://status.example.it/");
	options.component = options.group = NULL;
	return 0;
}

static void
the_whole_page(void **state)
{
	expect_of(CALM, PROBE_OK, false, 0, 0, "Tutto bene");
	expect_of(SUMMARY("minor", "Minor outage"), PROBE_OK, true, 1, 2,
	    "Minor outage (API lenta, and 1 more)");
	expect_of(SUMMARY("major", "Partial_Outage"), PROBE_STATUS, false, 2, 2,
	    "Partial_Outage (API lenta, and 1 more)");
	expect_of(SUMMARY("critical", "x"), PROBE_STATUS, false, 3, 2,
	    "x (API lenta, and 1 more)");
	expect_of(SUMMARY("maintenance", "x"), PROBE_OK, true, 1, 2,
	    "x (API lenta, and 1 more)");
	expect_of(SUMMARY("blue", "x"), PROBE_JSON, false, 0, 0,
	    "the page has the unknown indicator blue");
}

static void
one_component(void **state)
{
	options.component = (char *)"Portale";
	expect_of(SUMMARY("major", "x"), PROBE_OK, false, 0, 0, "Portale: operational");
	options.component = (char *)"c3";
	expect_of(SUMMARY("none", "x"), PROBE_OK, true, 1, 1,
	    "c3: degraded performance (API lenta)");
	options.component = (char *)"Posta";
	expect_of(SUMMARY("none", "x"), PROBE_OK, true, 1, 0,
	    "Posta: under maintenance (Si aggiorna)");
	options.component = (char *)"Firma";
	expect_of(SUMMARY("none", "x"), PROBE_STATUS, false, 3, 1,
	    "Firma: major outage (Firma ferma)");
	options.component = (char *)"Altro";
	expect_of(SUMMARY("none", "x"), PROBE_JSON, false, 0, 0,
	    "a component has the unknown status on_fire");
	options.component = (char *)"Nulla";
	expect_of(SUMMARY("none", "x"), PROBE_JSON, false, 0, 0,
	    "the page has no component Nulla");
	options.component = (char *)"API";
	expect_of(SUMMARY("none", "x"), PROBE_JSON, false, 0, 0,
	    "the page has more than one component API, expected its id or its group");
}

static void
a_group_and_one_of_it(void **state)
{
	options.group = (char *)"Italia";
	expect_of(SUMMARY("none", "x"), PROBE_STATUS, false, 2, 1,
	    "Italia: partial outage (API lenta)");
	options.component = (char *)"API";
	expect_of(SUMMARY("none", "x"), PROBE_STATUS, false, 2, 1,
	    "API: partial outage (API lenta)");
	options.component = (char *)"Firma";
	expect_of(SUMMARY("none", "x"), PROBE_JSON, false, 0, 0,
	    "the page has no component Firma");
	options.group = (char *)"Portale";
	expect_of(SUMMARY("none", "x"), PROBE_JSON, false, 0, 0,
	    "the page has no group Portale");
}

static void
what_is_no_summary_is_told(void **state)
{
	static const char whole[] = SUMMARY("none", "x");
	static const char long_title[] =
	    "{\"components\": [], \"incidents\": [{\"name\": "
	    "\"èèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèè\"}]"
	    ","
	    " " STATUS("none", "a\\u0007b") "}";
	const struct probe_result *result;
	size_t length;

	expect_of("{}", PROBE_JSON, false, 0, 0,
	    "the document is no summary of a Statuspage: it has no status");
	expect_of("[]", PROBE_JSON, false, 0, 0,
	    "the document is no summary of a Statuspage: it has no status");
	expect_of("{\"status\": {}, \"components\": {}}", PROBE_JSON, false, 0, 0,
	    "the document is no summary of a Statuspage: it has no components");
	expect_of("{\"status\": {}, \"components\": [1, null]}", PROBE_JSON, false, 0,
	    0, "the document is no summary of a Statuspage: it has no incidents");
	expect_of("{\"status\": {\"indicator\": 1}, \"components\": [], "
		  "\"incidents\": [7, {\"name\": 3}, null]}",
	    PROBE_JSON, false, 0, 0, "the page has the unknown indicator ");
	for (length = 0; length + 1 < sizeof(whole) - 1; length++) {
		result = answers_once(&collector_statuspage, &options, whole, length);
		assert_int_equal(result->class, PROBE_JSON);
	}
	result = answers_once(
	    &collector_statuspage, &options, long_title, sizeof(long_title) - 1);
	assert_int_equal(result->class, PROBE_OK);
	assert_int_equal(strncmp(result->message, "a?b (è", 7), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(the_whole_page, set_options),
	    cmocka_unit_test_setup(one_component, set_options),
	    cmocka_unit_test_setup(a_group_and_one_of_it, set_options),
	    cmocka_unit_test_setup(what_is_no_summary_is_told, set_options),
	};

	return cmocka_run_group_tests_name("statuspage", tests, NULL, NULL);
}
