/* collectors/json: numbers out of answers, and what is said where there are none. */
#include "unit.h"

#include <math.h>
#include <string.h>

#include "tests/lib/answers.h"
#include "base/buf.h"
#include "collectors/collectors.h"
#include "collectors/reading.h"
#include "collectors/values.h"

/* As the option table binds it; test_conf sees that it does. */
static struct options {
	struct request_options request;
	struct conf_map values;
	struct conf_strings expect;
} options;

static struct value_option values[] = {
    {.item = {.id = (char *)"pending"},
	.from = (char *)"/queue/pending",
	.unit = (char *)"1",
	.min = 0,
	.max = 1000},
    {.item = {.id = (char *)"load"}, .unit = (char *)"1", .min = NAN, .max = NAN},
};

enum { PENDING = READING_SOURCES, LOAD };

static void
expect(const char *body, enum probe_class class, double pending, double load,
    const char *message)
{
	const struct probe_result *result;

	assert_int_equal(sizeof(options), collector_json.options_size);
	result = answers_once(&collector_json, &options, body, strlen(body));
	if (message == NULL)
		assert_int_equal(strncmp(result->message, "200, HTTP/1.1, ", 15), 0);
	else
		assert_string_equal(result->message, message);
	assert_int_equal(result->class, class);
	assert_true(result->values[READING_TOTAL] == 0.003);
	assert_true(result->values[READING_FIRST_BYTE] == 0.002);
	assert_true(isnan(pending) ? isnan(result->values[PENDING])
				   : result->values[PENDING] == pending);
	assert_true(
	    isnan(load) ? isnan(result->values[LOAD]) : result->values[LOAD] == load);
	assert_true(isnan(result->values[LOAD + 1]));
}

static int
set_options(void **state)
{
	answers_request(&options.request, "https://www.example.it/");
	options.values = (struct conf_map){2, values};
	options.expect = (struct conf_strings){0};
	return 0;
}

static void
numbers_are_taken(void **state)
{
	expect(
	    "{\"queue\": {\"pending\": 12}, \"load\": -0.5}", PROBE_OK, 12, -0.5, NULL);
	expect("{\"queue\": {\"pending\": \"12.5\"}, \"load\": \"-1e3\"}", PROBE_OK,
	    12.5, -1000, NULL);
	expect(
	    "{\"queue\": {\"pending\": null}, \"load\": true}", PROBE_OK, NAN, 1, NULL);
	expect("\xef\xbb\xbf{\"queue\":{\"pending\":0},\"load\":false}", PROBE_OK, 0, 0,
	    NULL);
	/* Beyond 64 bits it is still a number. */
	expect("{\"queue\":{\"pending\":1},\"load\":99999999999999999999}", PROBE_OK, 1,
	    1e20, NULL);
}

static void
what_is_no_number_is_told(void **state)
{
	expect("{\"queue\": {}, \"load\": 1}", PROBE_JSON, NAN, 1,
	    "/queue/pending is not in the document");
	expect("{\"queue\": {\"pending\": {}}, \"load\": []}", PROBE_JSON, NAN, NAN,
	    "/queue/pending is an object, expected a number");
	expect("{\"queue\": {\"pending\": 1}, \"load\": \"many\"}", PROBE_JSON, 1, NAN,
	    "/load is a text, expected a number");
	expect("{\"queue\": {\"pending\": \"1\\u0000\"}, \"load\": 1}", PROBE_JSON, NAN,
	    1, "/queue/pending is a text, expected a number");
	expect("{\"queue\": {\"pending\": 1001}, \"load\": 1}", PROBE_JSON, NAN, 1,
	    "pending is 1001, expected 1000 or less");
	expect("{\"queue\": {\"pending\": -1}, \"load\": 1}", PROBE_JSON, NAN, 1,
	    "pending is -1, expected 0 or more");
	expect("", PROBE_JSON, NAN, NAN, "the body is empty, expected JSON");
	expect("{\"queue\": {\"pending\": 1", PROBE_JSON, NAN, NAN,
	    "the body is not JSON: line 1, column 23: '}' expected near end of file");
}

static void
expectations_are_held(void **state)
{
	char *texts[] = {(char *)"/status = \"ok\"", (char *)"/load < 2"};

	options.expect = (struct conf_strings){2, texts, NULL};
	expect("{\"status\":\"ok\",\"queue\":{\"pending\":1},\"load\":1}", PROBE_OK, 1,
	    1, NULL);
	expect("{\"status\":\"no\",\"queue\":{\"pending\":1},\"load\":1}", PROBE_JSON,
	    1, 1, "/status is \"no\", expected \"ok\"");
	expect("{\"status\":\"ok\",\"queue\":{\"pending\":1},\"load\":2}", PROBE_JSON,
	    1, 2, "/load is 2, expected < 2");
}

static void
other_failures_keep_their_class(void **state)
{
	void *check = answers_open(&collector_json, &options);
	struct answer answer = {.status = 503, .body = "{}", .length = 2};
	const struct probe_result *result;

	result = answers_run(&collector_json, check, &answer);
	assert_int_equal(result->class, PROBE_STATUS);
	assert_string_equal(result->message, "status 503, expected 200-299");
	answer.class = FETCH_CLOSED;
	result = answers_run(&collector_json, check, &answer);
	assert_int_equal(result->class, PROBE_CLOSED);
	assert_true(isnan(result->values[READING_TOTAL]));
	collector_json.close(check);
}

static void
options_are_checked(void **state)
{
	struct value_option wrong[] = {
	    {.item = {.id = (char *)"total"}, .from = (char *)"a"}};
	char *texts[] = {(char *)"status"};
	struct archive_source sources[ARCHIVE_SOURCES_MAX];
	struct buf told = BUF_INIT;

	collector_json.check(&options, answers_complain, &told);
	assert_int_equal(told.length, 0);
	assert_int_equal(collector_json.extra(&options, sources), 2);
	assert_string_equal(sources[1].name, "load");
	options.request.method = 1;
	options.values = (struct conf_map){1, wrong};
	options.expect = (struct conf_strings){1, texts, NULL};
	collector_json.check(&options, answers_complain, &told);
	assert_non_null(strstr(told.data, "method: an answer to HEAD has no body"));
	assert_non_null(strstr(told.data, "values: total is measured in any case"));
	assert_non_null(strstr(told.data, "values: total.at begins with no /"));
	assert_non_null(strstr(told.data, "expect: 1 of 1: "));
	buf_clear(&told);
	set_options(NULL);
	options.values.count = 0;
	collector_json.check(&options, answers_complain, &told);
	assert_string_equal(
	    told.data, "values: names no value, expected one or more\n");
	buf_free(&told);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(numbers_are_taken, set_options),
	    cmocka_unit_test_setup(what_is_no_number_is_told, set_options),
	    cmocka_unit_test_setup(expectations_are_held, set_options),
	    cmocka_unit_test_setup(other_failures_keep_their_class, set_options),
	    cmocka_unit_test_setup(options_are_checked, set_options),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
