/* collectors/expect: each expectation, the class and the sentence of its failure. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "collectors/expect.h"

/* One text an expectation is enough here. */
struct wanted {
	const char *header, *match, *not_match, *json;
};

static const struct conf_statuses well = {2, {{200, 299}, {401, 401}}};

static struct expect *
create(const struct wanted *wanted, const char **option, char error[256])
{
	struct conf_strings header, match, not_match, json;
	const struct expect_config config = {&well, &header, &match, &not_match, &json};

	header = (struct conf_strings){
	    wanted->header != NULL, (char **)&wanted->header, NULL};
	match =
	    (struct conf_strings){wanted->match != NULL, (char **)&wanted->match, NULL};
	not_match = (struct conf_strings){
	    wanted->not_match != NULL, (char **)&wanted->not_match, NULL};
	json =
	    (struct conf_strings){wanted->json != NULL, (char **)&wanted->json, NULL};
	return expect_create(&config, option, error);
}

static enum probe_class
check(const struct wanted *wanted, int status, const char *body, size_t length,
    char sentence[256])
{
	static const char headers[] = "HTTP/1.1 200 OK\r\n"
				      "Content-Type: text/html; charset=utf-8\r\n"
				      "x-twice:one\r\nX-Twice: \ttwo \r\n"
				      "X-Empty:\r\n"
				      "X-Key: other\r\n"
				      "X-Last: bare";
	const struct expect_answer answer = {
	    status, headers, sizeof(headers) - 1, body, length};
	const char *option;
	struct expect *expect = create(wanted, &option, sentence);
	enum probe_class class;

	if (expect == NULL)
		fail_msg("%s: %s", option, sentence);
	sentence[0] = '\0';
	class = expect_judge(expect, &answer, sentence);
	expect_destroy(expect);
	return class;
}

static void
expectations_hold_or_say_why_not(void **state)
{
	static const struct {
		struct wanted wanted;
		int status;
		const char *body;
		enum probe_class class;
		const char *sentence;
	} cases[] = {
	    {{.match = NULL}, 200, "", PROBE_OK, ""},
	    {{.match = NULL}, 401, "", PROBE_OK, ""},
	    {{.match = NULL}, 503, "", PROBE_STATUS,
		"status 503, expected 200-299, 401"},
	    {{.match = NULL}, 300, "", PROBE_STATUS,
		"status 300, expected 200-299, 401"},
	    {{.header = "content-TYPE"}, 200, "", PROBE_OK, ""},
	    {{.header = "Content-Type: ^text/html"}, 200, "", PROBE_OK, ""},
	    {{.header = "Content-Type:json"}, 200, "", PROBE_MATCH,
		"the header Content-Type does not match the pattern json"},
	    {{.header = "Content"}, 200, "", PROBE_MATCH,
		"the header Content is missing"},
	    {{.header = "X-Twice: ^one$"}, 200, "", PROBE_OK, ""},
	    {{.header = "X-Twice: ^two$"}, 200, "", PROBE_OK, ""},
	    {{.header = "X-Twice: ^three$"}, 200, "", PROBE_MATCH,
		"the header X-Twice does not match the pattern ^three$"},
	    {{.header = "X-Key: s3cret"}, 200, "", PROBE_MATCH,
		"the header X-Key does not match the pattern ********"},
	    {{.header = "X-Empty: ^$"}, 200, "", PROBE_OK, ""},
	    {{.header = "X-Last: bare"}, 200, "", PROBE_OK, ""},
	    {{.match = "attivo"}, 200, "Servizio attivo", PROBE_OK, ""},
	    {{.match = "attivo"}, 200, "Manutenzione", PROBE_MATCH,
		"the body does not match the pattern attivo"},
	    {{.match = "attivo"}, 503, "Servizio attivo", PROBE_STATUS,
		"status 503, expected 200-299, 401"},
	    {{.match = "attivo"}, 200, "\xe8\xff attivo \xc3", PROBE_OK, ""},
	    {{.not_match = "errore"}, 200, "bene", PROBE_OK, ""},
	    {{.not_match = "errore"}, 200, "un errore", PROBE_MATCH,
		"the body matches the pattern errore"},
	    {{.json = "/status = \"ok\""}, 200, "{\"status\": \"ok\"}", PROBE_OK, ""},
	    {{.json = "/status = \"ok\""}, 200, "\xef\xbb\xbf{\"status\": \"ok\"}",
		PROBE_OK, ""},
	    {{.json = "/status = \"ok\""}, 200, "{\"status\": \"no\"}", PROBE_JSON,
		"/status is \"no\", expected \"ok\""},
	    {{.json = "/a"}, 200, "{\"a\": 1, \"b\": 123456789012345678901234567890}",
		PROBE_OK, ""},
	    {{.json = "/a"}, 200, "{\"a\": 1, \"a\": 2, \"b\": \"x\\u0000\"}", PROBE_OK,
		""},
	    {{.json = "/a"}, 200, "", PROBE_JSON, "the body is empty, expected JSON"},
	    {{.json = "/a"}, 200, "<html>", PROBE_JSON,
		"the body is not JSON: line 1, column 1: invalid token near '<'"},
	    {{.json = "/a"}, 200, "{\"a\": \"perch\xe9\"}", PROBE_JSON,
		"the body is not JSON: line 1, column 12: unable to decode byte 0xe9 "
		"near "
		"'\"perch'"},
	    {{.json = "\"\" = 7"}, 200, "7", PROBE_OK, ""},
	};
	char sentence[256];
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(cases); i++) {
		enum probe_class class = check(&cases[i].wanted, cases[i].status,
		    cases[i].body, strlen(cases[i].body), sentence);

		assert_string_equal(sentence, cases[i].sentence);
		assert_int_equal(class, cases[i].class);
	}
}

static void
a_hostile_body_is_bounded(void **state)
{
	size_t length = 1 << 20, i;
	char *body = mem_alloc(length), sentence[256];

	memset(body, ' ', length);
	body[length - 1] = '!';
	assert_int_equal(
	    check(&(struct wanted){.match = "\\s+$"}, 200, body, length, sentence),
	    PROBE_MATCH);
	assert_string_equal(
	    sentence, "the body is too much work for the pattern \\s+$");
	assert_int_equal(
	    check(&(struct wanted){.not_match = "\\s+$"}, 200, body, length, sentence),
	    PROBE_MATCH);
	memset(body, '[', length / 4);
	assert_int_equal(
	    check(&(struct wanted){.json = "/a"}, 200, body, length, sentence),
	    PROBE_JSON);
	assert_non_null(strstr(sentence, "maximum parsing depth reached"));
	for (i = 0; i < length; i++)
		body[i] = "{},"[i % 3];
	assert_int_equal(
	    check(&(struct wanted){.json = "/a"}, 200, body, length, sentence),
	    PROBE_JSON);
	assert_string_equal(sentence, "the JSON has too many values to look into");
	free(body);
	assert_int_equal(
	    check(&(struct wanted){.match = "a"}, 200, NULL, 0, sentence), PROBE_MATCH);
}

static void
what_does_not_compile_says_which(void **state)
{
	static const struct {
		struct wanted wanted;
		const char *option, *error;
	} cases[] = {
	    {{.header = "No name: x"}, "header",
		"expected the name of a header, or \"Name: pattern\""},
	    {{.header = ": x"}, "header",
		"expected the name of a header, or \"Name: pattern\""},
	    {{.header = "Name: ("}, "header", "at 2: missing closing parenthesis"},
	    {{.match = "("}, "match", "at 2: missing closing parenthesis"},
	    {{.not_match = "[z-a]"}, "not_match",
		"at 4: range out of order in character class"},
	    {{.json = "status"}, "json",
		"expected a JSON pointer that begins with /, as in /status = \"ok\""},
	};
	char *texts[] = {(char *)"a", (char *)"("}, error[256];
	struct conf_strings none = {0}, two = {2, texts, NULL};
	const char *option;
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(cases); i++) {
		assert_null(create(&cases[i].wanted, &option, error));
		assert_string_equal(option, cases[i].option);
		assert_string_equal(error, cases[i].error);
	}
	assert_null(expect_create(
	    &(struct expect_config){&well, &none, &two, &none, &none}, &option, error));
	assert_string_equal(error, "2 of 2: at 2: missing closing parenthesis");
	expect_destroy(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(expectations_hold_or_say_why_not),
	    cmocka_unit_test(a_hostile_body_is_bounded),
	    cmocka_unit_test(what_does_not_compile_says_which),
	};

	return cmocka_run_group_tests_name("expect", tests, NULL, NULL);
}
