/* web/words and the texts: both languages, and that nothing is missing in either. */
#include "unit.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/civil.h"
#include "base/mem.h"
#include "web/words.h"
#include "web_fake.h"

static struct words *words[2]; /* it, en */
static struct civil_zone *zone;

static int
set_up(void **state)
{
	words[0] = fake_words("it");
	words[1] = fake_words("en");
	zone = civil_zone_open("Europe/Rome");
	return zone == NULL;
}

static int
tear_down(void **state)
{
	words_destroy(words[0]);
	words_destroy(words[1]);
	civil_zone_close(zone);
	return 0;
}

static void
expect(struct buf *out, const char *text)
{
	assert_string_equal(out->data != NULL ? out->data : "", text);
	buf_free(out);
}

static void
numbers(void **state)
{
	static const struct {
		double value;
		int decimals;
		const char *text[2];
	} rows[] = {
	    {1284.5, 1, {"1.284,5", "1,284.5"}},
	    {0, 0, {"0", "0"}},
	    {-1234567.891, 2,
		{"\xe2\x88\x92"
		 "1.234.567,89",
		    "\xe2\x88\x92"
		    "1,234,567.89"}},
	    {999, 0, {"999", "999"}},
	    {1000, 0, {"1.000", "1,000"}},
	    {NAN, 1, {"non noto", "not known"}},
	    {INFINITY, 1, {"non noto", "not known"}},
	};
	struct buf out = BUF_INIT;
	size_t i, j;

	for (i = 0; i < ARRAY_LENGTH(rows); i++)
		for (j = 0; j < 2; j++) {
			words_number(words[j], &out, rows[i].value, rows[i].decimals);
			expect(&out, rows[i].text[j]);
		}
	words_integer(words[0], &out, 12345678);
	expect(&out, "12.345.678");
}

static void
percentages_are_never_rounded_up(void **state)
{
	static const struct {
		double fraction;
		const char *text[2];
	} rows[] = {
	    {1, {"100%", "100%"}},
	    {0.999999, {"99,99%", "99.99%"}},
	    {0.9995, {"99,95%", "99.95%"}},
	    {0.99957, {"99,95%", "99.95%"}},
	    {0.995, {"99,5%", "99.5%"}},
	    {0.29, {"29%", "29%"}},
	    {0, {"0%", "0%"}},
	};
	struct buf out = BUF_INIT;
	size_t i, j;

	for (i = 0; i < ARRAY_LENGTH(rows); i++)
		for (j = 0; j < 2; j++) {
			words_percent(words[j], &out, rows[i].fraction);
			expect(&out, rows[i].text[j]);
		}
}

static void
response_times(void **state)
{
	static const struct {
		double seconds;
		enum words_rounding rounding;
		const char *text[2];
	} rows[] = {
	    {0.8, WORDS_UP, {"0,8 secondi", "0.8 seconds"}},
	    {0.812, WORDS_UP, {"0,82 secondi", "0.82 seconds"}},
	    {0.812, WORDS_NEAREST, {"0,81 secondi", "0.81 seconds"}},
	    {0.0461, WORDS_NEAREST, {"0,046 secondi", "0.046 seconds"}},
	    {0.9999, WORDS_UP, {"1 secondo", "1 second"}},
	    {1, WORDS_NEAREST, {"1 secondo", "1 second"}},
	    {1.51, WORDS_UP, {"1,6 secondi", "1.6 seconds"}},
	    {12.3, WORDS_NEAREST, {"12 secondi", "12 seconds"}},
	    {NAN, WORDS_UP, {"non noto", "not known"}},
	};
	struct buf out = BUF_INIT;
	size_t i, j;

	for (i = 0; i < ARRAY_LENGTH(rows); i++)
		for (j = 0; j < 2; j++) {
			words_seconds(
			    words[j], &out, rows[i].seconds, rows[i].rounding);
			expect(&out, rows[i].text[j]);
		}
}

static void
spans(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text[2];
	} rows[] = {
	    {0, {"0 secondi", "0 seconds"}},
	    {1, {"1 secondo", "1 second"}},
	    {60, {"1 minuto", "1 minute"}},
	    {80, {"1 minuto e 20 secondi", "1 minute and 20 seconds"}},
	    {3599, {"59 minuti e 59 secondi", "59 minutes and 59 seconds"}},
	    {3600 + 1200, {"1 ora e 20 minuti", "1 hour and 20 minutes"}},
	    {2 * 3600 - 20, {"2 ore", "2 hours"}},
	    {86400 - 10, {"1 giorno", "1 day"}},
	    {2 * 86400 + 3 * 3600, {"2 giorni e 3 ore", "2 days and 3 hours"}},
	    {-5, {"0 secondi", "0 seconds"}},
	};
	struct buf out = BUF_INIT;
	size_t i, j;

	for (i = 0; i < ARRAY_LENGTH(rows); i++)
		for (j = 0; j < 2; j++) {
			words_span(words[j], &out, rows[i].seconds);
			expect(&out, rows[i].text[j]);
		}
}

static void
moments(void **state)
{
	static const struct {
		int64_t before_s;
		const char *text[2];
	} rows[] = {
	    {0, {"oggi alle 10:45", "today at 10:45"}},
	    {10 * 3600 + 40 * 60, {"oggi alle 0:05", "today at 0:05"}},
	    {10 * 3600 + 46 * 60, {"ieri alle 23:59", "yesterday at 23:59"}},
	    {4 * 86400,
		{"venerdì 20 novembre alle 10:45", "Friday 20 November at 10:45"}},
	    /* In summer time. */
	    {60 * 86400,
		{"venerdì 25 settembre alle 11:45", "Friday 25 September at 11:45"}},
	    {365 * 86400, {"lunedì 24 novembre 2025 alle 10:45",
			      "Monday 24 November 2025 at 10:45"}},
	};
	struct buf out = BUF_INIT;
	size_t i, j;

	for (i = 0; i < ARRAY_LENGTH(rows); i++)
		for (j = 0; j < 2; j++) {
			words_moment(words[j], &out, zone,
			    FAKE_NOW_S - rows[i].before_s, FAKE_NOW_S);
			expect(&out, rows[i].text[j]);
		}
	words_date(words[0], &out, zone, FAKE_NOW_S - 23 * 86400);
	expect(&out, "1º novembre 2026");
	words_date(words[1], &out, zone, FAKE_NOW_S - 23 * 86400);
	expect(&out, "1 November 2026");
	words_axis(words[0], &out, zone, FAKE_NOW_S, WORDS_DAY);
	expect(&out, "24 nov");
}

static void
lists_and_places(void **state)
{
	static const char *const names[] = {"Anagrafe", "Multe", "{list}"};
	struct buf out = BUF_INIT;

	words_list(words[0], &out, names, 0);
	expect(&out, "");
	words_list(words[0], &out, names, 1);
	expect(&out, "Anagrafe");
	words_list(words[0], &out, names, 2);
	expect(&out, "Anagrafe e Multe");
	words_list(
	    words[1], &out, names, 3); /* what is filled in is not filled again */
	expect(&out, "Anagrafe, Multe and {list}");
	words_count(words[0], &out, "headline_rest", 1, NULL);
	expect(&out, "L'altro servizio funziona.");
	words_count(words[0], &out, "headline_rest", 1200, NULL);
	expect(&out, "Gli altri 1.200 servizi funzionano.");
	words_fill(&out, "a {none} b { c", "x", "y", NULL);
	expect(&out, "a  b { c");
}

static void
compare_shapes(json_t *a, json_t *b, const char *where)
{
	json_t *value;
	const char *key;
	size_t i;

	if (json_typeof(a) != json_typeof(b))
		fail_msg("%s is of another type in the other language", where);
	if (json_is_object(a)) {
		json_object_foreach (a, key, value) {
			if (json_object_get(b, key) == NULL)
				fail_msg(
				    "%s: no \"%s\" in the other language", where, key);
			compare_shapes(value, json_object_get(b, key), key);
		}
		assert_int_equal(json_object_size(a), json_object_size(b));
	} else if (json_is_array(a)) {
		if (json_array_size(a) != json_array_size(b))
			fail_msg("%s has another length in the other language", where);
		json_array_foreach (a, i, value)
			compare_shapes(value, json_array_get(b, i), where);
	} else {
		assert_true(json_string_length(a) > 0);
	}
}

/* The places of a text, as "{a}{b}", sorted by where they stand in the alphabet. */
static unsigned
places(const char *text)
{
	unsigned sum = 0;
	const char *open, *close;

	for (;
	     (open = strchr(text, '{')) != NULL && (close = strchr(open, '}')) != NULL;
	     text = close + 1)
		for (; open < close; open++)
			sum += (unsigned char)*open;
	return sum;
}

static void
languages_have_the_same_texts(void **state)
{
	json_t *it = words_strings(words[0]), *en = words_strings(words[1]), *value;
	const char *key;

	compare_shapes(it, en, "it");
	compare_shapes(en, it, "en");
	json_object_foreach (it, key, value)
		if (json_is_string(value) &&
		    places(json_string_value(value)) !=
			places(json_string_value(json_object_get(en, key))))
			fail_msg("\"%s\" has other places in the other language", key);
}

static char *
read_file(const char *path)
{
	struct buf out = BUF_INIT;
	char data[4096];
	FILE *file = fopen(path, "r");
	size_t n;

	assert_non_null(file);
	while ((n = fread(data, 1, sizeof(data), file)) > 0)
		buf_add(&out, data, n);
	fclose(file);
	return buf_take(&out);
}

/* Every {{t.KEY}} of the templates is a text. */
static void
templates_name_texts_that_exist(void **state)
{
	const char *source = getenv("top_srcdir");
	struct dirent *entry;
	char folder[256], path[600];
	unsigned found = 0;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s/dashboards/templates",
	    source != NULL ? source : "..");
	dir = opendir(folder);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		char *text, *at;
		if (strstr(entry->d_name, ".mustache") == NULL)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		text = read_file(path);
		for (at = text; (at = strstr(at, "{{t.")) != NULL; found++) {
			char *end = strstr(at += 4, "}}");
			assert_non_null(end);
			*end = '\0';
			if (json_object_get(words_strings(words[0]), at) == NULL)
				fail_msg("%s: no text \"%s\"", entry->d_name, at);
			at = end + 1;
		}
		free(text);
	}
	closedir(dir);
	assert_true(found > 50);
}

/* What citizens read has none of the words of the trade. */
static void
search_jargon(json_t *value, const char *key)
{
	static const char *const jargon[] = {
	    "uptime", "p95", "SLA", "downtime", "endpoint", "timeout", "server"};
	const char *name, *text = json_string_value(value);
	json_t *member;
	size_t i;

	json_object_foreach (value, name, member)
		search_jargon(member, name);
	json_array_foreach (value, i, member)
		search_jargon(member, key);
	for (i = 0; text != NULL && i < ARRAY_LENGTH(jargon); i++)
		if (strcasestr(text, jargon[i]) != NULL)
			fail_msg("\"%s\" says %s", key, jargon[i]);
}

static void
texts_are_plain(void **state)
{
	search_jargon(words_strings(words[0]), "it");
	search_jargon(words_strings(words[1]), "en");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(percentages_are_never_rounded_up),
	    cmocka_unit_test(response_times),
	    cmocka_unit_test(spans),
	    cmocka_unit_test(moments),
	    cmocka_unit_test(lists_and_places),
	    cmocka_unit_test(languages_have_the_same_texts),
	    cmocka_unit_test(templates_name_texts_that_exist),
	    cmocka_unit_test(texts_are_plain),
	};

	return cmocka_run_group_tests_name("words", tests, set_up, tear_down);
}
