/*
 * Words. Numbers are made by printf in the C locale and re-punctuated here, because
 * setlocale() is one for the whole process.
 */
#include "web/words.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/log.h"
#include "base/mem.h"

#define WORDS_MAGIC 0x776f7264
#define PAIRS_MAX 8

struct words {
	MAGIC;
	char *language;
	json_t *strings;
	const char *decimal, *group;
};

struct pair {
	const char *name, *value;
};

struct words *
words_create(const char *language, json_t *strings)
{
	struct words *words = mem_zalloc(sizeof(*words));

	MAGIC_SET(words, WORDS_MAGIC);
	words->language = mem_strdup(language);
	words->strings = json_incref(strings);
	words->decimal = words_get(words, "number_decimal");
	words->group = words_get(words, "number_group");
	return words;
}

void
words_destroy(struct words *words)
{
	if (words == NULL)
		return;
	MAGIC_CHECK(words, WORDS_MAGIC);
	json_decref(words->strings);
	free(words->language);
	MAGIC_CLEAR(words);
	free(words);
}

const char *
words_language(const struct words *words)
{
	return words->language;
}

json_t *
words_strings(const struct words *words)
{
	return words->strings;
}

const char *
words_get(const struct words *words, const char *key)
{
	const char *text;

	MAGIC_CHECK(words, WORDS_MAGIC);
	text = json_string_value(json_object_get(words->strings, key));
	if (text != NULL)
		return text;
	log_error("words: no text \"%s\" in %s", key, words->language);
	return key;
}

static const char *
item(const struct words *words, const char *key, int index)
{
	const char *text = json_string_value(
	    json_array_get(json_object_get(words->strings, key), index));

	return text != NULL ? text : key;
}

static const char *
pair_find(const struct pair *pairs, size_t count, const char *name, size_t length)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strlen(pairs[i].name) == length &&
		    memcmp(pairs[i].name, name, length) == 0)
			return pairs[i].value;
	return NULL;
}

static void
fill(struct buf *out, const char *text, const struct pair *pairs, size_t count)
{
	const char *open, *close, *value;

	while (
	    (open = strchr(text, '{')) != NULL && (close = strchr(open, '}')) != NULL) {
		buf_add(out, text, open - text);
		value = pair_find(pairs, count, open + 1, close - open - 1);
		if (value != NULL)
			buf_add_text(out, value);
		text = close + 1;
	}
	buf_add_text(out, text);
}

static size_t
collect(struct pair *pairs, size_t count, va_list ap)
{
	const char *name;

	while ((name = va_arg(ap, const char *)) != NULL) {
		assert(count < PAIRS_MAX);
		pairs[count].name = name;
		pairs[count].value = va_arg(ap, const char *);
		count++;
	}
	return count;
}

void
words_say(const struct words *words, struct buf *out, const char *key, ...)
{
	struct pair pairs[PAIRS_MAX];
	size_t count;
	va_list ap;

	va_start(ap, key);
	count = collect(pairs, 0, ap);
	va_end(ap);
	fill(out, words_get(words, key), pairs, count);
}

void
words_fill(struct buf *out, const char *text, ...)
{
	struct pair pairs[PAIRS_MAX];
	size_t count;
	va_list ap;

	va_start(ap, text);
	count = collect(pairs, 0, ap);
	va_end(ap);
	fill(out, text, pairs, count);
}

void
words_count(const struct words *words, struct buf *out, const char *key, int64_t n, ...)
{
	struct pair pairs[PAIRS_MAX];
	struct buf number = BUF_INIT;
	char name[64];
	size_t count;
	va_list ap;

	words_integer(words, &number, n);
	pairs[0] = (struct pair){"n", number.data};
	va_start(ap, n);
	count = collect(pairs, 1, ap);
	va_end(ap);
	snprintf(name, sizeof(name), "%s_%s", key, n == 1 ? "one" : "other");
	fill(out, words_get(words, name), pairs, count);
	buf_free(&number);
}

/* text: digits with an optional sign and fraction, as printf writes them. */
static void
punctuate(const struct words *words, struct buf *out, const char *text)
{
	size_t whole, i;

	if (*text == '-') {
		buf_add_text(out, "\xe2\x88\x92");
		text++;
	}
	whole = strspn(text, "0123456789");
	for (i = 0; i < whole; i++) {
		if (i > 0 && (whole - i) % 3 == 0)
			buf_add_text(out, words->group);
		buf_add_char(out, text[i]);
	}
	if (text[whole] == '.') {
		buf_add_text(out, words->decimal);
		buf_add_text(out, text + whole + 1);
	}
}

void
words_integer(const struct words *words, struct buf *out, int64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, value);
	punctuate(words, out, text);
}

/* Without the zeros that say nothing: 2.50 is 2.5, 3.00 is 3. */
static void
number_short(const struct words *words, struct buf *out, double value, int decimals)
{
	char text[64];
	size_t length;

	if (!isfinite(value) || fabs(value) > 1e15) {
		buf_add_text(out, words_get(words, "number_unknown"));
		return;
	}
	length = snprintf(text, sizeof(text), "%.*f", decimals, value);
	if (strchr(text, '.') != NULL) {
		while (text[length - 1] == '0')
			text[--length] = '\0';
		if (text[length - 1] == '.')
			text[--length] = '\0';
	}
	punctuate(words, out, strcmp(text, "-0") == 0 ? "0" : text);
}

void
words_number(const struct words *words, struct buf *out, double value, int decimals)
{
	char text[64];

	if (!isfinite(value) || fabs(value) > 1e15) {
		buf_add_text(out, words_get(words, "number_unknown"));
		return;
	}
	snprintf(text, sizeof(text), "%.*f", decimals, value);
	punctuate(words, out, text);
}

void
words_percent(const struct words *words, struct buf *out, double fraction)
{
	struct buf number = BUF_INIT;

	/* What a double cannot hold must not cost a digit: 0.9995 is 99,95. */
	number_short(words, &number, floor(fraction * 10000 + 1e-6) / 100, 2);
	words_say(words, out, "percent", "n", number.data, NULL);
	buf_free(&number);
}

void
words_seconds(const struct words *words, struct buf *out, double seconds,
    enum words_rounding rounding)
{
	struct buf number = BUF_INIT;
	int decimals;
	double scale, value;

	if (!isfinite(seconds)) {
		buf_add_text(out, words_get(words, "number_unknown"));
		return;
	}
	decimals = seconds < 0.0995 ? 3 : seconds < 0.995 ? 2 : seconds < 9.95 ? 1 : 0;
	scale = pow(10, decimals);
	value = rounding == WORDS_UP ? ceil(seconds * scale - 1e-6)
				     : round(seconds * scale);
	number_short(words, &number, value / scale, decimals);
	words_say(words, out, value == scale ? "seconds_one" : "seconds_other", "n",
	    number.data, NULL);
	buf_free(&number);
}

void
words_span(const struct words *words, struct buf *out, int64_t seconds)
{
	static const struct {
		const char *key;
		int64_t size;
	} units[] = {
	    {"span_days", 86400},
	    {"span_hours", 3600},
	    {"span_minutes", 60},
	    {"span_seconds", 1},
	};
	struct buf first = BUF_INIT, second = BUF_INIT;
	int64_t rest;
	size_t i = 0;

	if (seconds < 0)
		seconds = 0;
	while (i < 3 && seconds < units[i].size)
		i++;
	/* The second unit is rounded, which may fill the first: 59 min 40 s. */
	if (i < 2)
		seconds = (seconds + units[i + 1].size / 2) / units[i + 1].size *
			  units[i + 1].size;
	if (i > 0 && seconds >= units[i - 1].size)
		i--;
	words_count(words, &first, units[i].key, seconds / units[i].size, NULL);
	rest = seconds % units[i].size;
	if (i < 3 && rest / units[i + 1].size > 0) {
		words_count(
		    words, &second, units[i + 1].key, rest / units[i + 1].size, NULL);
		words_say(words, out, "and", "a", first.data, "b", second.data, NULL);
	} else {
		buf_add_text(out, first.data);
	}
	buf_free(&first);
	buf_free(&second);
}

void
words_list(
    const struct words *words, struct buf *out, const char *const *items, size_t count)
{
	struct buf begin = BUF_INIT;
	size_t i;

	if (count == 0)
		return;
	for (i = 0; i + 1 < count; i++) {
		if (i > 0)
			buf_add_text(&begin, ", ");
		buf_add_text(&begin, items[i]);
	}
	if (count == 1)
		buf_add_text(out, items[0]);
	else
		words_say(
		    words, out, "and", "a", begin.data, "b", items[count - 1], NULL);
	buf_free(&begin);
}

/* What a date's text may name. */
struct date_parts {
	char time[16], day[16], year[16];
	const char *month, *month_short, *weekday;
};

static void
date_parts(const struct words *words, const struct civil *civil, struct date_parts *out)
{
	snprintf(out->time, sizeof(out->time), "%d:%02d", civil->hour, civil->minute);
	if (civil->day == 1)
		snprintf(
		    out->day, sizeof(out->day), "%s", words_get(words, "day_first"));
	else
		snprintf(out->day, sizeof(out->day), "%d", civil->day);
	snprintf(out->year, sizeof(out->year), "%d", civil->year);
	out->month = item(words, "months", civil->month - 1);
	out->month_short = item(words, "months_short", civil->month - 1);
	out->weekday = item(words, "weekdays", civil->weekday - 1);
}

static void
say_date(const struct words *words, struct buf *out, const char *key,
    const struct date_parts *parts)
{
	words_say(words, out, key, "time", parts->time, "day", parts->day, "month",
	    parts->month, "month_short", parts->month_short, "year", parts->year,
	    "weekday", parts->weekday, NULL);
}

void
words_moment(const struct words *words, struct buf *out, struct civil_zone *zone,
    int64_t at_s, int64_t now_s)
{
	struct date_parts parts;
	struct civil at, now;
	int64_t days;

	civil_from(zone, at_s, &at);
	civil_from(zone, now_s, &now);
	date_parts(words, &at, &parts);
	days = civil_days(now.year, now.month, now.day) -
	       civil_days(at.year, at.month, at.day);
	say_date(words, out,
	    days == 0             ? "moment_today"
	    : days == 1           ? "moment_yesterday"
	    : at.year == now.year ? "moment_this_year"
				  : "moment_far",
	    &parts);
}

void
words_date(
    const struct words *words, struct buf *out, struct civil_zone *zone, int64_t at_s)
{
	struct date_parts parts;
	struct civil at;

	civil_from(zone, at_s, &at);
	date_parts(words, &at, &parts);
	say_date(words, out, "date", &parts);
}

void
words_axis(const struct words *words, struct buf *out, struct civil_zone *zone,
    int64_t at_s, enum words_axis form)
{
	static const char *const keys[] = {
	    [WORDS_CLOCK] = "axis_clock",
	    [WORDS_DAY] = "axis_day",
	    [WORDS_MONTH] = "axis_month",
	    [WORDS_YEAR] = "axis_year",
	};
	struct date_parts parts;
	struct civil at;

	civil_from(zone, at_s, &at);
	date_parts(words, &at, &parts);
	say_date(words, out, keys[form], &parts);
}
