/*
 * One pass over the text. A line is split in place: name, labels one by one (each
 * compared with what the selectors of that name want), value. Of TYPE lines only the
 * last is remembered, as the samples of a family follow it.
 */
#include "collectors/scrape.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

struct span {
	const char *at;
	size_t length;
};

struct scrape {
	const struct selector *const *selectors;
	size_t count;
	struct scrape_sum *sums;
	struct span family, type; /* of the last TYPE */
};

/* Each function of a reader goes on from at, never past end. */
struct reader {
	const char *at, *end;
};

static bool
is_name(char c, bool first, bool colon)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (colon && c == ':') || (!first && c >= '0' && c <= '9');
}

static bool
read_name(struct reader *reader, bool colon, struct span *out)
{
	out->at = reader->at;
	while (reader->at < reader->end &&
	       is_name(*reader->at, reader->at == out->at, colon))
		reader->at++;
	out->length = reader->at - out->at;
	return out->length > 0;
}

static void
skip_blanks(struct reader *reader)
{
	while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t'))
		reader->at++;
}

static bool
read_char(struct reader *reader, char c)
{
	if (reader->at == reader->end || *reader->at != c)
		return false;
	reader->at++;
	return true;
}

/* What stands between quotes, escapes as they are. */
static bool
read_quoted(struct reader *reader, struct span *out)
{
	if (!read_char(reader, '"'))
		return false;
	out->at = reader->at;
	for (; reader->at < reader->end && *reader->at != '"'; reader->at++)
		if (*reader->at == '\\' && ++reader->at == reader->end)
			return false;
	out->length = reader->at - out->at;
	return read_char(reader, '"');
}

static bool
read_word(struct reader *reader, struct span *out)
{
	out->at = reader->at;
	while (reader->at < reader->end && *reader->at != ' ' && *reader->at != '\t')
		reader->at++;
	out->length = reader->at - out->at;
	return out->length > 0;
}

static bool
is(const struct span *span, const char *text)
{
	return strlen(text) == span->length &&
	       memcmp(text, span->at, span->length) == 0;
}

/* The character that an escape stands for. */
static char
unescape(char c)
{
	return c == 'n' ? '\n' : c;
}

/* Whether an escaped value is that text. */
static bool
is_value(const struct span *raw, const char *text)
{
	const char *at = raw->at, *end = raw->at + raw->length;

	for (; at < end; at++, text++) {
		char c = *at == '\\' ? unescape(*++at) : *at;

		if (*text == '\0' || *text != c)
			return false;
	}
	return *text == '\0';
}

/* ---- selectors ---- */

static char *
copy_value(const struct span *raw)
{
	char *copy = mem_strndup(raw->at, raw->length), *out = copy;
	const char *at;

	for (at = copy; *at != '\0'; at++)
		*out++ = *at == '\\' ? unescape(*++at) : *at;
	*out = '\0';
	return copy;
}

void
selector_free(struct selector *selector)
{
	for (; selector->count > 0; selector->count--) {
		free(selector->labels[selector->count - 1].name);
		free(selector->labels[selector->count - 1].value);
	}
	free(selector->name);
	selector->name = NULL;
}

/* -> what was expected, or NULL */
static const char *
parse_label(struct reader *reader, struct selector *out)
{
	struct span name, value;
	bool differs;

	skip_blanks(reader);
	if (!read_name(reader, false, &name))
		return "the name of a label";
	skip_blanks(reader);
	differs = read_char(reader, '!');
	if (!read_char(reader, '='))
		return "= or != after the name of a label";
	if (reader->at < reader->end && *reader->at == '~')
		return "= or !=: patterns are not known here";
	skip_blanks(reader);
	if (!read_quoted(reader, &value))
		return "the value of a label in double quotes";
	if (out->count == SELECTOR_LABELS_MAX)
		return "at most 16 labels";
	out->labels[out->count].name = mem_strndup(name.at, name.length);
	out->labels[out->count].value = copy_value(&value);
	out->labels[out->count].differs = differs;
	out->count++;
	skip_blanks(reader);
	return NULL;
}

static const char *
parse_labels(struct reader *reader, struct selector *out)
{
	const char *expected;

	skip_blanks(reader);
	if (read_char(reader, '}'))
		return NULL;
	do {
		expected = parse_label(reader, out);
		if (expected != NULL)
			return expected;
	} while (read_char(reader, ','));
	return read_char(reader, '}') ? NULL : ", or } after a label";
}

int
selector_parse(const char *text, struct selector *out, char error[256])
{
	struct reader reader = {text, text + strlen(text)};
	const char *expected = NULL;
	struct span name;

	memset(out, 0, sizeof(*out));
	skip_blanks(&reader);
	if (!read_name(&reader, true, &name))
		expected = "the name of a series first";
	else
		out->name = mem_strndup(name.at, name.length);
	skip_blanks(&reader);
	if (expected == NULL && read_char(&reader, '{'))
		expected = parse_labels(&reader, out);
	skip_blanks(&reader);
	if (expected == NULL && reader.at < reader.end)
		expected = "nothing more, or labels as {code=\"200\"}";
	if (expected == NULL)
		return 0;
	snprintf(error, 256, "column %zu: expected %s", (size_t)(reader.at - text) + 1,
	    expected);
	selector_free(out);
	return ERR_SYNTAX;
}

/* ---- samples ---- */

static bool
is_family(const struct scrape *scrape, const struct span *name, const char *suffix)
{
	size_t length = strlen(suffix);

	return name->length == scrape->family.length + length &&
	       memcmp(name->at, scrape->family.at, scrape->family.length) == 0 &&
	       memcmp(name->at + scrape->family.length, suffix, length) == 0;
}

static bool
ends_with(const struct span *name, const char *suffix)
{
	size_t length = strlen(suffix);

	return name->length > length &&
	       memcmp(name->at + name->length - length, suffix, length) == 0;
}

static bool
is_counter(const struct scrape *scrape, const struct span *name)
{
	const struct span *type = &scrape->type;
	bool distribution = is(type, "histogram") || is(type, "summary");

	if (scrape->family.length > 0) {
		if (is_family(scrape, name, "_total"))
			return is(type, "counter");
		if (is_family(scrape, name, "_bucket") ||
		    is_family(scrape, name, "_count") ||
		    is_family(scrape, name, "_sum"))
			return distribution;
		if (is_family(scrape, name, "") && !is(type, "untyped") &&
		    !is(type, "unknown"))
			return is(type, "counter");
	}
	return ends_with(name, "_total");
}

/* What the labels of a line say to one selector. */
struct match {
	bool fails;
	uint32_t seen; /* of its labels */
};

static void
match_label(const struct selector *selector, struct match *match,
    const struct span *name, const struct span *value)
{
	size_t i;

	for (i = 0; i < selector->count; i++) {
		if (!is(name, selector->labels[i].name))
			continue;
		match->seen |= UINT32_C(1) << i;
		if (is_value(value, selector->labels[i].value) ==
		    selector->labels[i].differs)
			match->fails = true;
	}
}

static bool
matches(const struct selector *selector, const struct match *match)
{
	size_t i;

	if (match->fails)
		return false;
	for (i = 0; i < selector->count; i++)
		if ((match->seen & UINT32_C(1) << i) == 0 &&
		    (selector->labels[i].value[0] == '\0') ==
			selector->labels[i].differs)
			return false;
	return true;
}

static bool
read_labels(const struct scrape *scrape, struct reader *reader, struct match *found)
{
	struct span name, value;
	size_t i;

	if (!read_char(reader, '{'))
		return true;
	for (;;) {
		skip_blanks(reader);
		if (read_char(reader, '}'))
			return true;
		if (!read_name(reader, false, &name))
			return false;
		skip_blanks(reader);
		if (!read_char(reader, '='))
			return false;
		skip_blanks(reader);
		if (!read_quoted(reader, &value))
			return false;
		for (i = 0; i < scrape->count; i++)
			match_label(scrape->selectors[i], &found[i], &name, &value);
		skip_blanks(reader);
		if (!read_char(reader, ',') &&
		    (reader->at == reader->end || *reader->at != '}'))
			return false;
	}
}

/* NAN of what is not finite. */
static bool
parse_value(const struct span *word, double *out)
{
	static const char *const not_finite[] = {
	    "nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"};
	char text[64];
	size_t i;
	int code;

	if (word->length >= sizeof(text) || memchr(word->at, '\0', word->length))
		return false;
	memcpy(text, word->at, word->length);
	text[word->length] = '\0';
	*out = NAN;
	for (i = 0; i < ARRAY_LENGTH(not_finite); i++)
		if (strcasecmp(text, not_finite[i]) == 0)
			return true;
	code = text_double(text, out);
	return code == 0 || code == ERR_RANGE;
}

/* Behind the value: a timestamp, an exemplar. */
static bool
read_rest(struct reader *reader)
{
	struct span word;
	double number;

	skip_blanks(reader);
	if (reader->at == reader->end || *reader->at == '#')
		return true;
	if (!read_word(reader, &word) || !parse_value(&word, &number))
		return false;
	skip_blanks(reader);
	return reader->at == reader->end || *reader->at == '#';
}

#define SELECTORS_MAX 16

static bool
read_sample(struct scrape *scrape, struct reader *reader)
{
	struct match found[SELECTORS_MAX] = {0};
	struct span name, word;
	double value;
	size_t i;

	if (!read_name(reader, true, &name))
		return false;
	skip_blanks(reader);
	if (!read_labels(scrape, reader, found))
		return false;
	skip_blanks(reader);
	if (!read_word(reader, &word) || !parse_value(&word, &value) ||
	    !read_rest(reader))
		return false;
	for (i = 0; i < scrape->count; i++) {
		struct scrape_sum *sum = &scrape->sums[i];

		if (!is(&name, scrape->selectors[i]->name) ||
		    !matches(scrape->selectors[i], &found[i]))
			continue;
		sum->value = sum->matched++ == 0 ? value : sum->value + value;
		sum->counter = is_counter(scrape, &name);
	}
	return true;
}

/* -> true at # EOF */
static bool
read_comment(struct scrape *scrape, struct reader *reader)
{
	struct span word, family, type;

	reader->at++;
	skip_blanks(reader);
	if (!read_word(reader, &word))
		return false;
	if (is(&word, "EOF")) {
		skip_blanks(reader);
		return reader->at == reader->end;
	}
	skip_blanks(reader);
	if (!is(&word, "TYPE") || !read_name(reader, true, &family))
		return false;
	skip_blanks(reader);
	if (read_word(reader, &type)) {
		scrape->family = family;
		scrape->type = type;
	}
	return false;
}

int
scrape_read(const char *text, size_t length, bool whole,
    const struct selector *const *selectors, size_t count, struct scrape_sum *sums,
    char sentence[256])
{
	struct scrape scrape = {
	    .selectors = selectors, .count = count, .sums = sums, .family = {text, 0}};
	const char *at = text, *end = text + length, *stop;
	size_t line = 0;
	bool ended = false;

	assert(count <= SELECTORS_MAX);
	scrape.type = scrape.family;
	memset(sums, 0, count * sizeof(*sums));
	for (; at < end; at = stop + 1) {
		struct reader reader = {at, end};

		line++;
		stop = memchr(at, '\n', end - at);
		if (stop == NULL) {
			snprintf(
			    sentence, 256, "the text is cut off in line %zu", line);
			return ERR_SYNTAX;
		}
		reader.end = stop > at && stop[-1] == '\r' ? stop - 1 : stop;
		skip_blanks(&reader);
		if (reader.at == reader.end)
			continue;
		if (!ended && *reader.at == '#') {
			ended = read_comment(&scrape, &reader);
			continue;
		}
		if (ended || !read_sample(&scrape, &reader)) {
			snprintf(sentence, 256, "line %zu is %s", line,
			    ended ? "behind the end of the text"
				  : "no sample of a metric");
			return ERR_SYNTAX;
		}
	}
	if (whole && !ended) {
		snprintf(sentence, 256, "the text is cut off after line %zu", line);
		return ERR_SYNTAX;
	}
	return 0;
}
