/* collectors/openmetrics and scrape: selectors, samples, rates. */
#include "unit.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "collectors/collectors.h"
#include "collectors/reading.h"
#include "collectors/scrape.h"
#include "collectors/values.h"
#include "tests/lib/answers.h"

static const char text[] =
    "# HELP http_requests_total Requests \\ of all.\n"
    "# TYPE http_requests_total counter\n"
    "http_requests_total{code=\"200\",method=\"get\"} 1027 1395066363000\n"
    "http_requests_total{code=\"200\",method=\"post\",} 3\n"
    "http_requests_total{ code = \"500\" , method=\"get\" } 7\r\n"
    "\n"
    "# TYPE temperature gauge\n"
    "temperature -1.5e+01\n"
    "temperature{path=\"C:\\\\x\\n\\\"y\\\"\"}\t+4\n"
    "not_a_counter_total 5 # {trace_id=\"a\"} 1 1.5\n"
    "# TYPE odd_total gauge\n"
    "odd_total 6\n"
    "# TYPE wait histogram\n"
    "wait_bucket{le=\"0.1\"} 4\n"
    "wait_bucket{le=\"+Inf\"} 9\n"
    "wait_sum 1.25\n"
    "wait_count 9\n"
    "# TYPE old untyped\n"
    "old NaN\n"
    "old{x=\"1\"} 2\n"
    "up 1\n"
    "far +Inf\n"
    "far:away 1e999\n";

static struct scrape_sum
sum_of(const char *selector_text)
{
	struct selector selector;
	const struct selector *selectors = &selector;
	struct scrape_sum sum;
	char error[256];

	if (selector_parse(selector_text, &selector, error) != 0)
		fail_msg("%s: %s", selector_text, error);
	if (scrape_read(text, sizeof(text) - 1, false, &selectors, 1, &sum, error) != 0)
		fail_msg("%s", error);
	selector_free(&selector);
	return sum;
}

static void
selectors_match(void **state)
{
	static const struct {
		const char *selector;
		size_t matched;
		double value;
		bool counter;
	} cases[] = {
	    {"http_requests_total", 3, 1037, true},
	    {"http_requests_total{}", 3, 1037, true},
	    {"http_requests_total{code=\"200\"}", 2, 1030, true},
	    {" http_requests_total { code = \"200\" , method != \"get\" } ", 1, 3,
		true},
	    {"http_requests_total{code!=\"200\"}", 1, 7, true},
	    {"http_requests_total{code=\"404\"}", 0, 0, false},
	    {"http_requests", 0, 0, false},
	    {"temperature", 2, -11, false},
	    {"temperature{path=\"\"}", 1, -15, false},
	    {"temperature{path!=\"\"}", 1, 4, false},
	    {"temperature{path=\"C:\\\\x\\n\\\"y\\\"\"}", 1, 4, false},
	    {"temperature{path=\"C:\\\\x\\n\\\"y\"}", 0, 0, false},
	    {"temperature{other!=\"a\"}", 2, -11, false},
	    {"not_a_counter_total", 1, 5, true},
	    {"odd_total", 1, 6, false},
	    {"wait_bucket{le=\"+Inf\"}", 1, 9, true},
	    {"wait_sum", 1, 1.25, true},
	    {"wait_count", 1, 9, true},
	    {"old", 2, NAN, false},
	    {"old{x=\"1\"}", 1, 2, false},
	    {"up", 1, 1, false},
	    {"far", 1, NAN, false},
	    {"far:away", 1, NAN, false},
	};
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct scrape_sum sum = sum_of(cases[i].selector);

		if (sum.matched != cases[i].matched ||
		    sum.counter != cases[i].counter ||
		    (isnan(cases[i].value) ? !isnan(sum.value)
					   : sum.value != cases[i].value))
			fail_msg("%s: %zu, %f, %d", cases[i].selector, sum.matched,
			    sum.value, sum.counter);
	}
}

static void
bad_selectors_are_told(void **state)
{
	static const char *const cases[][2] = {
	    {"", "column 1: expected the name of a series first"},
	    {"{code=\"1\"}", "column 1: expected the name of a series first"},
	    {"a b", "column 3: expected nothing more, or labels as {code=\"200\"}"},
	    {"a{b}", "column 4: expected = or != after the name of a label"},
	    {"a{b=~\"x\"}", "column 5: expected = or !=: patterns are not known here"},
	    {"a{b=x}", "column 5: expected the value of a label in double quotes"},
	    {"a{b=\"x}", "column 8: expected the value of a label in double quotes"},
	    {"a{b=\"x\\", "column 8: expected the value of a label in double quotes"},
	    {"a{b=\"x\"", "column 8: expected , or } after a label"},
	    {"a{b=\"x\",}", "column 9: expected the name of a label"},
	};
	struct selector selector;
	char error[256];
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(cases); i++) {
		assert_int_equal(
		    selector_parse(cases[i][0], &selector, error), ERR_SYNTAX);
		assert_string_equal(error, cases[i][1]);
	}
}

static void
what_is_no_exposition_is_told(void **state)
{
	static const char *const cases[][2] = {
	    {"<html>\n", "line 1 is no sample of a metric"},
	    {"a 1\nb\n", "line 2 is no sample of a metric"},
	    {"a{b=\"c\" 1\n", "line 1 is no sample of a metric"},
	    {"a{b=\"c\\\"} 1\n", "line 1 is no sample of a metric"},
	    {"a{b=\"c\"d=\"e\"} 1\n", "line 1 is no sample of a metric"},
	    {"a 0x10\n", "line 1 is no sample of a metric"},
	    {"a 1 2 3\n", "line 1 is no sample of a metric"},
	    {"a 1\nb 2", "the text is cut off in line 2"},
	    {"a 1\n# EOF\nb 2\n", "line 3 is behind the end of the text"},
	    {"a 1\n# EOF\n# TYPE\n", "line 3 is behind the end of the text"},
	};
	struct selector selector;
	const struct selector *selectors = &selector;
	struct scrape_sum sum;
	char error[256];
	size_t i;

	assert_int_equal(selector_parse("a", &selector, error), 0);
	for (i = 0; i < ARRAY_LENGTH(cases); i++) {
		assert_int_equal(scrape_read(cases[i][0], strlen(cases[i][0]), false,
				     &selectors, 1, &sum, error),
		    ERR_SYNTAX);
		assert_string_equal(error, cases[i][1]);
	}
	assert_int_equal(
	    scrape_read("a 1\n", 4, true, &selectors, 1, &sum, error), ERR_SYNTAX);
	assert_string_equal(error, "the text is cut off after line 1");
	assert_int_equal(
	    scrape_read("a 1\n# EOF\n\n", 11, true, &selectors, 1, &sum, error), 0);
	selector_free(&selector);
}

/* As the option table binds it; test_conf sees that it does. */
static struct options {
	struct request_options request;
	struct conf_map values;
} options;

static struct value_option values[] = {
    {.item = {.id = (char *)"hits"},
	.from = (char *)"hits_total{code!=\"500\"}",
	.unit = (char *)"1/s",
	.min = NAN,
	.max = 1e9},
    {.item = {.id = (char *)"ready"}, .unit = (char *)"1", .min = 1, .max = NAN},
};

enum { HITS = READING_SOURCES, READY };

static const struct probe_result *
run(void *check, const char *body)
{
	const struct answer answer = {.body = body, .length = strlen(body)};

	return answers_run(&collector_openmetrics, check, &answer);
}

static void
counters_are_rates(void **state)
{
	const struct probe_result *result;
	void *check;

	assert_int_equal(sizeof(options), collector_openmetrics.options_size);
	check = answers_open(&collector_openmetrics, &options);
	result = run(check, "hits_total{code=\"200\"} 10\nready 1\n");
	assert_int_equal(result->class, PROBE_OK);
	assert_true(isnan(result->values[HITS]) && result->values[READY] == 1);
	result = run(check, "hits_total{code=\"200\"} 500\nready 2\n");
	assert_true(result->values[HITS] > 50 && result->values[READY] == 2);
	result = run(check, "hits_total{code=\"200\"} 3\nready 1\n"); /* a reset */
	assert_true(isnan(result->values[HITS]));
	result = run(check, "hits_total{code=\"200\"} 3\nready 0\n");
	assert_int_equal(result->class, PROBE_MATCH);
	assert_string_equal(result->message, "ready is 0, expected 1 or more");
	assert_true(result->values[HITS] == 0 && isnan(result->values[READY]));
	result = run(check, "hits_total{code=\"500\"} 3\nready 1\n");
	assert_int_equal(result->class, PROBE_MATCH);
	assert_string_equal(
	    result->message, "no series matches hits_total{code!=\"500\"}");
	assert_true(isnan(result->values[HITS]) && result->values[READY] == 1);
	result = run(check, "{}");
	assert_int_equal(result->class, PROBE_PROTOCOL);
	collector_openmetrics.close(check);
}

static void
openmetrics_has_an_end(void **state)
{
	static const char body[] = "hits_total 1\nready 1\n";
	struct answer answer = {.body = body,
	    .length = sizeof(body) - 1,
	    .headers = "HTTP/1.1 200\r\nContent-Type: "
		       "application/OpenMetrics-text; version=1.0.0\r\n\r\n"};
	void *check = answers_open(&collector_openmetrics, &options);
	const struct probe_result *result =
	    answers_run(&collector_openmetrics, check, &answer);

	assert_int_equal(result->class, PROBE_PROTOCOL);
	assert_string_equal(result->message, "the text is cut off after line 2");
	collector_openmetrics.close(check);
}

static void
options_are_checked(void **state)
{
	struct value_option wrong[] = {
	    {.item = {.id = (char *)"a"}, .from = (char *)"a{"}};
	struct buf told = BUF_INIT;

	collector_openmetrics.check(&options, answers_complain, &told);
	assert_int_equal(told.length, 0);
	options.values = (struct conf_map){1, wrong};
	collector_openmetrics.check(&options, answers_complain, &told);
	assert_string_equal(told.data, "values: a.series is no selector: column 3: "
				       "expected the name of a label\n");
	buf_free(&told);
}

static int
set_options(void **state)
{
	answers_request(&options.request, "http://app.example.it/metrics");
	options.values = (struct conf_map){2, values};
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(selectors_match),
	    cmocka_unit_test(bad_selectors_are_told),
	    cmocka_unit_test(what_is_no_exposition_is_told),
	    cmocka_unit_test_setup(counters_are_rates, set_options),
	    cmocka_unit_test_setup(openmetrics_has_an_end, set_options),
	    cmocka_unit_test_setup(options_are_checked, set_options),
	};

	return cmocka_run_group_tests_name("openmetrics", tests, NULL, NULL);
}
