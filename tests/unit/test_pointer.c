/* base/pointer: RFC 6901 and comparisons. */
#include "unit.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pointer.h"
#include "base/text.h"

static void
pointers_of_the_rfc(void **state)
{
	/* The document and the pointers of RFC 6901, section 5. */
	static const char text[] =
	    "{\"foo\": [\"bar\", \"baz\"], \"\": 0, \"a/b\": 1, \"c%d\": 2, \"e^f\": 3,"
	    " \"g|h\": 4, \"i\\\\j\": 5, \"k\\\"l\": 6, \" \": 7, \"m~n\": 8}";
	static const char *const numbers[] = {
	    "/", "/a~1b", "/c%d", "/e^f", "/g|h", "/i\\j", "/k\"l", "/ ", "/m~0n"};
	json_t *document = json_loads(text, 0, NULL);
	size_t i;

	assert_non_null(document);
	assert_ptr_equal(pointer_find(document, ""), document);
	assert_int_equal(json_array_size(pointer_find(document, "/foo")), 2);
	assert_string_equal(json_string_value(pointer_find(document, "/foo/0")), "bar");
	for (i = 0; i < ARRAY_LENGTH(numbers); i++)
		assert_int_equal(json_integer_value(pointer_find(document, numbers[i])),
		    (json_int_t)i);
	assert_null(pointer_find(document, "/foo/2"));
	assert_null(pointer_find(document, "/foo/-"));
	assert_null(pointer_find(document, "/foo/01"));
	assert_null(pointer_find(document, "/foo/+1"));
	assert_null(pointer_find(document, "/foo/99999999999999999999"));
	assert_null(pointer_find(document, "/foo/0/x"));
	assert_null(pointer_find(document, "foo"));
	assert_null(pointer_find(NULL, "/foo"));
	json_decref(document);
}

static const char document_text[] =
    "{\"status\": \"ok\", \"queue\": {\"pending\": 12, \"rate\": 0.25}, \"on\": true,"
    " \"off\": null, \"list\": [1, {\"a\": \"è\"}], \"big\": 9007199254740993,"
    " \"a b\": 1, \"x=y\": 2, \"nul\": \"a\\u0000b\","
    " \"long\": "
    "\"èèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèèè\"}";

static void
comparisons_hold_or_say_why_not(void **state)
{
	static const struct {
		const char *text;
		int result;
		const char *sentence;
	} cases[] = {
	    {"/status = \"ok\"", 1, ""},
	    {"/status == \"ok\"", 1, ""},
	    {"  /status=\"ok\"  ", 1, ""},
	    {"/status = \"down\"", 0, "/status is \"ok\", expected \"down\""},
	    {"/status != \"ok\"", 0, "/status is \"ok\", expected != \"ok\""},
	    {"/status != 1", 1, ""},
	    {"/status", 1, ""},
	    {"/off", 1, ""},
	    {"/off = null", 1, ""},
	    {"/on = true", 1, ""},
	    {"/on = false", 0, "/on is true, expected false"},
	    {"/on = 1", 0, "/on is true, expected 1"},
	    {"/queue/pending < 10", 0, "/queue/pending is 12, expected < 10"},
	    {"/queue/pending < 12", 0, "/queue/pending is 12, expected < 12"},
	    {"/queue/pending <= 12", 1, ""},
	    {"/queue/pending >= 12.0", 1, ""},
	    {"/queue/pending>11.9", 1, ""},
	    {"/queue/pending = 12.0", 1, ""},
	    {"/queue/rate > 0.3", 0, "/queue/rate is 0.25, expected > 0.3"},
	    {"/queue/rate < 1e3", 1, ""},
	    {"/big = 9007199254740993", 1, ""},
	    {"/big > 9007199254740992", 1, ""},
	    {"/queue", 1, ""},
	    {"/queue = 1", 0, "/queue is an object, expected 1"},
	    {"/list != 1", 1, ""},
	    {"/list/1/a = \"è\"", 1, ""},
	    {"/list/2", ERR_NOT_FOUND, "/list/2 is missing"},
	    {"/queue/size < 10", ERR_NOT_FOUND,
		"/queue/size is missing, expected < 10"},
	    {"/gone != 1", ERR_NOT_FOUND, "/gone is missing, expected != 1"},
	    {"/status < 10", ERR_RANGE, "/status is \"ok\", expected a number < 10"},
	    {"/list > 10", ERR_RANGE, "/list is an array, expected a number > 10"},
	    {"\"/a b\" = 1", 1, ""},
	    {"\"/x=y\" = 2", 1, ""},
	    {"/nul = \"a\\u0000b\"", 1, ""},
	    {"/nul = \"a\"", 0, "/nul is \"a\\u0000b\", expected \"a\""},
	    {"\"\" = 1", 0, "the document is an object, expected 1"},
	    {"/long = \"e\"", 0,
		"/long is \"èèèèèèèèèèèèèèèèèèèèèèèèèèèèèè\"..., expected \"e\""},
	};
	json_t *document = json_loads(document_text, JSON_ALLOW_NUL, NULL);
	char sentence[256], error[256];
	size_t i;

	assert_non_null(document);
	for (i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct pointer *pointer = pointer_parse(cases[i].text, error);

		if (pointer == NULL)
			fail_msg("%s: %s", cases[i].text, error);
		assert_int_equal(
		    pointer_test(pointer, document, sentence), cases[i].result);
		assert_string_equal(sentence, cases[i].sentence);
		pointer_free(pointer);
	}
	json_decref(document);
}

static void
what_does_not_parse_says_what_was_expected(void **state)
{
	static const char begins[] =
	    "expected a JSON pointer that begins with /, as in /status = \"ok\"";
	static const struct {
		const char *text, *error;
	} cases[] = {
	    {"", begins},
	    {"status = 1", begins},
	    {"= 1", begins},
	    {"\"status\" = 1", begins},
	    {"\"/a", "the quoted pointer does not end"},
	    {"/a~2 = 1",
		"a ~ in a JSON pointer is written ~0, and a / within a name ~1"},
	    {"/a~", "a ~ in a JSON pointer is written ~0, and a / within a name ~1"},
	    {"/a is 1", "expected =, !=, <, <=, > or >= before is 1"},
	    {"/a ! 1", "expected =, !=, <, <=, > or >= before ! 1"},
	    {"/a =", "expected a value after the comparison"},
	    {"/a = ok",
		"ok is no value: expected \"text\" in double quotes, a number, true, "
		"false or null"},
	    {"/a = 'ok'",
		"'ok' is no value: expected \"text\" in double quotes, a number, "
		"true, false or null"},
	    {"/a = [1]",
		"[1] is no value: expected \"text\" in double quotes, a number, "
		"true, false or null"},
	    {"/a = 1 2",
		"1 2 is no value: expected \"text\" in double quotes, a number, "
		"true, false or null"},
	    {"/a =< 1",
		"< 1 is no value: expected \"text\" in double quotes, a number, "
		"true, false or null"},
	    {"/a < \"b\"", "< needs a number, not \"b\""},
	    {"/a >= true", ">= needs a number, not true"},
	};
	char error[256];
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct pointer *pointer = pointer_parse(cases[i].text, error);

		if (pointer != NULL)
			fail_msg("%s was taken", cases[i].text);
		assert_string_equal(error, cases[i].error);
	}
	pointer_free(NULL);
}

/* However it is cut, a sentence is UTF-8 once it is cleaned. */
static void
sentences_are_cleaned(void **state)
{
	char cut[] = "perché\xc3",
	     bad[] = "a\xff"
		     "b\n\x7f\xc3-",
	     good[] = "è €🙂";
	char half[] = "🙂\xf0\x9f\x99";

	text_clean(cut);
	assert_string_equal(cut, "perché");
	text_clean(bad);
	assert_string_equal(bad, "a?b??"
				 "?-");
	text_clean(good);
	assert_string_equal(good, "è €🙂");
	text_clean(half);
	assert_string_equal(half, "🙂");
	assert_true(text_is_utf8("aè€🙂", 10));
	assert_false(text_is_utf8("🙂", 3));
	assert_false(text_is_utf8("\xc1\xbf", 2)); /* longer than it need be */
	assert_false(text_is_utf8("\xe0\x9f\xbf", 3));
	assert_false(text_is_utf8("\xf0\x8f\xbf\xbf", 4));
	assert_false(text_is_utf8("\xed\xa0\x80", 3));     /* half a surrogate pair */
	assert_false(text_is_utf8("\xf4\x90\x80\x80", 4)); /* beyond U+10FFFF */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pointers_of_the_rfc),
	    cmocka_unit_test(comparisons_hold_or_say_why_not),
	    cmocka_unit_test(what_does_not_parse_says_what_was_expected),
	    cmocka_unit_test(sentences_are_cleaned),
	};

	return cmocka_run_group_tests_name("pointer", tests, NULL, NULL);
}
