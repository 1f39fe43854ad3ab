/* base/pattern: matches, errors, and searches that would not end. */
#include "unit.h"

#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pattern.h"

#define MEGABYTE (1024 * 1024)

static int
match(const char *text, const void *data, size_t length)
{
	char error[256];
	struct pattern *pattern = pattern_compile(text, error);
	int result;

	if (pattern == NULL)
		fail_msg("%s: %s", text, error);
	result = pattern_match(pattern, data, length);
	pattern_free(pattern);
	return result;
}

static void
it_searches_bytes(void **state)
{
	static const char latin1[] = "perch\xe9\0no \xff\xfe servizio";

	assert_int_equal(match("attivo", "Servizio attivo.", 16), 1);
	assert_int_equal(match("attivo$", "Servizio attivo.", 16), 0);
	assert_int_equal(match("(?i)ATTIVO\\.?$", "Servizio attivo.", 16), 1);
	assert_int_equal(match("^$", "", 0), 1);
	assert_int_equal(match("^$", NULL, 0), 1);
	assert_int_equal(match("a", NULL, 0), 0);
	assert_int_equal(match("servizio$", latin1, sizeof(latin1) - 1), 1);
	assert_int_equal(match("\\x00no", latin1, sizeof(latin1) - 1), 1);
	assert_int_equal(match("perch\\xe9", latin1, sizeof(latin1) - 1), 1);
	assert_int_equal(match("identità", "carta d'identità", 17), 1);
}

static void
what_does_not_compile_says_where(void **state)
{
	char error[256], *longer = mem_zalloc(20001);

	assert_null(pattern_compile("regex(\\d+", error));
	assert_string_equal(error, "at 10: missing closing parenthesis");
	assert_int_equal(pattern_check("a*+", error), 0);
	assert_int_equal(pattern_check("[a", error), ERR_SYNTAX);
	/* UTF-8 mode would refuse bodies that are none. */
	assert_int_equal(pattern_check("(*UTF)a", error), ERR_SYNTAX);
	memset(longer, 'a', 20000);
	assert_int_equal(pattern_check(longer, error), ERR_SYNTAX);
	memset(longer, '(', 20000);
	assert_int_equal(pattern_check(longer, error), ERR_SYNTAX);
	free(longer);
	pattern_free(NULL);
}

static double
cpu_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* Each of these takes from minutes to the end of the world if nobody counts. */
static void
a_search_without_end_is_given_up(void **state)
{
	static const struct {
		const char *text, *unit;
	} cases[] = {
	    {"(a+)+b", "a"},
	    {"(a|a)*b", "a"},
	    {"^(.*)*x$", "ab"},
	    {"(x+x+)+y", "x"},
	    {"\\s+$", " \t"},    /* quadratic: no step limit of one start sees it */
	    {"<a[^!]*+>", "<a"}, /* the same, and without backtracking */
	    {"(?s)a.*b.*c.*d$", "abc"},
	    {"([ab]*)\\1c", "ab"}, /* compares without moving */
	    {"(?i)([ab]*)\\1c", "aB"},
	    {"(?<=(?=[^!]*+b)a)a", "a"},
	    {"(?:a|b)*c", "ab"}, /* memory */
	    {"(a(?1)?b)c", "a"}, /* recursion */
	    {"(?:(?:a?){2000})+b", "a"},
	};
	/* Has what patterns end with, or it would be seen that they cannot match. */
	static const char tail[] = "!bxcy>d\n!";
	char *body = mem_alloc(MEGABYTE);
	double before;
	size_t i, j;

	for (i = 0; i < ARRAY_LENGTH(cases); i++) {
		size_t unit = strlen(cases[i].unit);

		for (j = 0; j < MEGABYTE; j++)
			body[j] = cases[i].unit[j % unit];
		memcpy(body + MEGABYTE - sizeof(tail), tail, sizeof(tail));
		before = cpu_s();
		assert_int_equal(match(cases[i].text, body, MEGABYTE), ERR_RANGE);
		print_message(
		    "# %-24s %6.1f ms\n", cases[i].text, (cpu_s() - before) * 1e3);
		/* Generous: sanitizers, a busy machine. */
		assert_true(cpu_s() - before < 1.0);
	}
	/* A short page does not buy long thinking. */
	memset(body, 'a', 1024);
	body[1023] = 'c';
	before = cpu_s();
	assert_int_equal(match("(a|aa)+b?d|c{2}", body, 1024), ERR_RANGE);
	print_message("# one kilobyte            %6.1f ms\n", (cpu_s() - before) * 1e3);
	assert_true(cpu_s() - before < 0.2);
	free(body);
}

static void
ordinary_searches_fit_in_the_limit(void **state)
{
	static const char word[] = "<p class=\"x\">Il servizio risponde, grazie.</p>\n";
	static const char *const texts[] = {
	    "Servizio attivo",
	    "(?i)servizio attivo",
	    "<title>[^<]*</title>",
	    "\\d{4}",
	    "(?s)<html.*</html>",
	    "\\w+@\\w+\\.it",
	    "[^\\x00-\\x7f]{8}",
	};
	char *body = mem_alloc(MEGABYTE);
	double before;
	size_t i;

	for (i = 0; i < MEGABYTE; i++)
		body[i] = word[i % (sizeof(word) - 1)];
	for (i = 0; i < ARRAY_LENGTH(texts); i++) {
		before = cpu_s();
		assert_int_equal(match(texts[i], body, MEGABYTE), 0);
		print_message("# %-24s %6.1f ms\n", texts[i], (cpu_s() - before) * 1e3);
	}
	/* An alternation in a loop takes memory for each round. */
	assert_int_equal(match("^(?:.|\\n)*grazie", body, 65536), 1);
	free(body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_searches_bytes),
	    cmocka_unit_test(what_does_not_compile_says_where),
	    cmocka_unit_test(a_search_without_end_is_given_up),
	    cmocka_unit_test(ordinary_searches_fit_in_the_limit),
	};

	return cmocka_run_group_tests_name("pattern", tests, NULL, NULL);
}
