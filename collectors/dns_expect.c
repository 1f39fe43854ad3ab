/*
 * Answers and expectations are compared as the one text that loop/dnstype gives to
 * equal data. A pattern is tried once on all answers, a line each, so that the cost
 * does not grow with their number.
 */
#include "collectors/dns_expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/pattern.h"
#include "base/text.h"
#include "loop/dnstype.h"

#define EXPECT_MAGIC 0x646e7865
#define PATTERN_SUBJECT_MAX 16384 /* bytes that the loop has time for */

enum part { WHOLE, AFTER_FIRST, THIRD };

struct item {
	char *written;
	char *text;     /* NULL: a pattern */
	enum part part; /* of the answer that is compared */
	struct pattern *pattern;
};

struct dns_expect {
	MAGIC;
	size_t wanted_count, unwanted_count;
	struct item *wanted, *unwanted;
	bool exact;
};

bool
dns_expect_is_pattern(const char *text)
{
	size_t length = strlen(text);

	return length > 2 && text[0] == '/' && text[length - 1] == '/';
}

static bool
compile_pattern(struct item *item, char error[256])
{
	char *inner = mem_strndup(item->written + 1, strlen(item->written) - 2), *lines;

	item->pattern = pattern_compile(inner, error);
	if (item->pattern != NULL) { /* as it is, so that errors name its columns */
		pattern_free(item->pattern);
		lines = mem_printf("(?m)%s", inner);
		item->pattern = pattern_compile(lines, error);
		free(lines);
	}
	free(inner);
	return item->pattern != NULL;
}

static bool
compile(unsigned type, struct item *item, char error[256])
{
	struct buf text = BUF_INIT;
	char problem[160];
	int64_t serial;

	if (dns_expect_is_pattern(item->written))
		return compile_pattern(item, error);
	if (type == DNSTYPE_SOA && text_integer(item->written, &serial) == 0 &&
	    serial >= 0 && serial <= UINT32_MAX) {
		item->part = THIRD;
		buf_printf(&text, "%u", (unsigned)serial);
	} else if (type == DNSTYPE_MX && strpbrk(item->written, " \t") == NULL &&
		   dnstype_canonical_name(item->written, &text) == 0) {
		item->part = AFTER_FIRST;
	} else if (dnstype_canonical(type, item->written, &text, problem) != 0) {
		snprintf(error, 256, "\"%.60s\": %s", item->written, problem);
		buf_free(&text);
		return false;
	}
	item->text = buf_take(&text);
	return true;
}

static bool
compile_all(unsigned type, const struct conf_strings *list, struct item **items,
    size_t *count, char error[256])
{
	size_t i;

	*items = mem_array(list->count + 1, sizeof(**items));
	*count = list->count;
	for (i = 0; i < list->count; i++)
		(*items)[i].written = mem_strdup(list->items[i]);
	for (i = 0; i < list->count; i++)
		if (!compile(type, &(*items)[i], error))
			return false;
	return true;
}

struct dns_expect *
dns_expect_create(unsigned type, const struct conf_strings *expect,
    const struct conf_strings *not_expect, bool exact, const char **option,
    char error[256])
{
	struct dns_expect *it = mem_zalloc(sizeof(*it));

	MAGIC_SET(it, EXPECT_MAGIC);
	it->exact = exact;
	*option = "expect";
	if (compile_all(type, expect, &it->wanted, &it->wanted_count, error)) {
		*option = "not_expect";
		if (compile_all(
			type, not_expect, &it->unwanted, &it->unwanted_count, error))
			return it;
	}
	dns_expect_destroy(it);
	return NULL;
}

static void
free_items(struct item *items, size_t count)
{
	size_t i;

	for (i = 0; items != NULL && i < count; i++) {
		free(items[i].written);
		free(items[i].text);
		pattern_free(items[i].pattern);
	}
	free(items);
}

void
dns_expect_destroy(struct dns_expect *expect)
{
	if (expect == NULL)
		return;
	MAGIC_CHECK(expect, EXPECT_MAGIC);
	free_items(expect->wanted, expect->wanted_count);
	free_items(expect->unwanted, expect->unwanted_count);
	MAGIC_CLEAR(expect);
	free(expect);
}

void
dns_expect_list(
    const struct dnsmessage_answer *answers, size_t count, char *out, size_t size)
{
	size_t used = 0, i;
	const size_t room = 24; /* for how many there are more */

	out[0] = '\0';
	for (i = 0; i < count; i++) {
		size_t length = strlen(answers[i].text);

		if (used + length + 2 + room > size) {
			if (i == 0)
				used =
				    snprintf(out, size - room, "%s", answers[i].text);
			if (i == 0 && used >= size - room)
				used = size - room - 1;
			if (i == 0 && count == 1)
				snprintf(out + used, size - used, "...");
			else
				snprintf(out + used, size - used, "%s and %zu more",
				    i == 0 ? "..." : "", count - (i > 0 ? i : 1));
			return;
		}
		used += snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : "",
		    answers[i].text);
	}
}

static bool
equals(const struct item *item, const char *answer)
{
	const char *at = answer;
	size_t length;
	int i;

	if (item->part == WHOLE)
		return strcmp(item->text, answer) == 0;
	for (i = item->part == THIRD ? 2 : 1; i > 0; i--) {
		at = strchr(at, ' ');
		if (at == NULL)
			return false;
		at++;
	}
	length = item->part == THIRD ? strcspn(at, " ") : strlen(at);
	return strlen(item->text) == length && memcmp(item->text, at, length) == 0;
}

/* -> as pattern_match() */
static int
is_there(const struct item *item, const struct dnsmessage_answer *answers, size_t count,
    const struct buf *lines)
{
	size_t i;

	if (item->pattern != NULL)
		return count > 0
			   ? pattern_match(item->pattern, lines->data, lines->length)
			   : 0;
	for (i = 0; i < count; i++)
		if (equals(item, answers[i].text))
			return 1;
	return 0;
}

static enum probe_class
tell(const struct item *item, const char *problem,
    const struct dnsmessage_answer *answers, size_t count, char sentence[256])
{
	char list[120];

	dns_expect_list(answers, count, list, sizeof(list));
	snprintf(sentence, 256, "%.80s %s, the answer%s %s", item->written, problem,
	    count == 1 ? " is" : "s are", list);
	return PROBE_MATCH;
}

static enum probe_class
judge_wanted(const struct dns_expect *expect, const struct dnsmessage_answer *answers,
    size_t count, const struct buf *lines, char sentence[256])
{
	size_t i;
	int found;

	for (i = 0; i < expect->wanted_count; i++) {
		const struct item *item = &expect->wanted[i];

		found = is_there(item, answers, count, lines);
		if (found == 1)
			continue;
		return tell(item,
		    found < 0               ? "was given up, it takes too many steps"
		    : item->pattern != NULL ? "does not match"
					    : "is missing",
		    answers, count, sentence);
	}
	return PROBE_OK;
}

static enum probe_class
judge_unwanted(const struct dns_expect *expect, const struct dnsmessage_answer *answers,
    size_t count, const struct buf *lines, char sentence[256])
{
	size_t i;
	int found;

	for (i = 0; i < expect->unwanted_count; i++) {
		const struct item *item = &expect->unwanted[i];

		found = is_there(item, answers, count, lines);
		if (found == 0)
			continue;
		return tell(item,
		    found < 0               ? "was given up, it takes too many steps"
		    : item->pattern != NULL ? "matches and must not"
					    : "must not be there",
		    answers, count, sentence);
	}
	return PROBE_OK;
}

static enum probe_class
judge_others(const struct dns_expect *expect, const struct dnsmessage_answer *answers,
    size_t count, char sentence[256])
{
	size_t i, j;

	for (i = 0; i < count; i++) {
		for (j = 0; j < expect->wanted_count; j++)
			if (equals(&expect->wanted[j], answers[i].text))
				break;
		if (j < expect->wanted_count)
			continue;
		snprintf(sentence, 256, "%.200s is there and was not expected",
		    answers[i].text);
		return PROBE_MATCH;
	}
	return PROBE_OK;
}

static bool
has_patterns(const struct dns_expect *expect)
{
	size_t i;

	for (i = 0; i < expect->wanted_count; i++)
		if (expect->wanted[i].pattern != NULL)
			return true;
	for (i = 0; i < expect->unwanted_count; i++)
		if (expect->unwanted[i].pattern != NULL)
			return true;
	return false;
}

enum probe_class
dns_expect_judge(const struct dns_expect *expect,
    const struct dnsmessage_answer *answers, size_t count, char sentence[256])
{
	struct buf lines = BUF_INIT;
	enum probe_class class;
	size_t i;

	MAGIC_CHECK(expect, EXPECT_MAGIC);
	for (i = 0; has_patterns(expect) && i < count; i++) {
		if (i > 0)
			buf_add_char(&lines, '\n');
		buf_add_text(&lines, answers[i].text);
	}
	if (lines.length > PATTERN_SUBJECT_MAX) {
		snprintf(sentence, 256,
		    "the answers are %zu bytes long as text, patterns are tried on %d",
		    lines.length, PATTERN_SUBJECT_MAX);
		buf_free(&lines);
		return PROBE_TOO_LARGE;
	}
	class = judge_wanted(expect, answers, count, &lines, sentence);
	if (class == PROBE_OK)
		class = judge_unwanted(expect, answers, count, &lines, sentence);
	if (class == PROBE_OK && expect->exact)
		class = judge_others(expect, answers, count, sentence);
	buf_free(&lines);
	return class;
}
