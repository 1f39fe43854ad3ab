/*
 * Expectations. Compiled forms lie in arrays beside the texts they come from, which
 * the sentences show. A body is parsed as JSON only if a comparison asks for it.
 */
#include "collectors/expect.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/pattern.h"
#include "base/pointer.h"
#include "collectors/document.h"
#include "conf/mask.h"

struct rule {
	char *text;              /* the pattern's; of a header: its name */
	char *wanted;            /* of a header: the pattern's text */
	struct pattern *pattern; /* NULL of a header: it is there */
};

struct rules {
	size_t count;
	struct rule *items;
};

struct expect {
	struct conf_statuses status;
	struct rules header, match, not_match;
	size_t json_count;
	struct pointer **json;
};

static void
rules_free(struct rules *rules)
{
	size_t i;

	for (i = 0; i < rules->count; i++) {
		free(rules->items[i].text);
		free(rules->items[i].wanted);
		pattern_free(rules->items[i].pattern);
	}
	free(rules->items);
}

void
expect_destroy(struct expect *expect)
{
	size_t i;

	if (expect == NULL)
		return;
	rules_free(&expect->header);
	rules_free(&expect->match);
	rules_free(&expect->not_match);
	for (i = 0; i < expect->json_count; i++)
		pointer_free(expect->json[i]);
	free(expect->json);
	free(expect);
}

bool
expect_reads_body(const struct expect *expect)
{
	return expect->match.count + expect->not_match.count + expect->json_count > 0;
}

static void
blame(char error[256], const struct conf_strings *texts, size_t i, const char *wrong)
{
	if (texts->count > 1)
		snprintf(error, 256, "%zu of %zu: %.220s", i + 1, texts->count, wrong);
	else
		snprintf(error, 256, "%.250s", wrong);
}

static int
compile_patterns(struct rules *rules, const struct conf_strings *texts, char error[256])
{
	char wrong[256];

	rules->items = mem_array(texts->count, sizeof(*rules->items));
	for (; rules->count < texts->count; rules->count++) {
		struct rule *rule = &rules->items[rules->count];

		rule->pattern = pattern_compile(texts->items[rules->count], wrong);
		if (rule->pattern == NULL) {
			blame(error, texts, rules->count, wrong);
			return ERR_SYNTAX;
		}
		rule->text = mem_strdup(texts->items[rules->count]);
	}
	return 0;
}

static int
compile_header(struct rule *rule, const char *text, char wrong[256])
{
	size_t length = strcspn(text, ":");
	const char *wanted = text + length;

	if (length == 0 || strcspn(text, " \t") < length) {
		snprintf(
		    wrong, 256, "expected the name of a header, or \"Name: pattern\"");
		return ERR_SYNTAX;
	}
	if (*wanted == ':') {
		wanted += 1 + strspn(wanted + 1, " \t");
		rule->pattern = pattern_compile(wanted, wrong);
		if (rule->pattern == NULL)
			return ERR_SYNTAX;
		rule->wanted = mem_strdup(wanted);
	}
	rule->text = mem_strndup(text, length);
	return 0;
}

static int
compile_headers(struct rules *rules, const struct conf_strings *texts, char error[256])
{
	char wrong[256];

	rules->items = mem_array(texts->count, sizeof(*rules->items));
	for (; rules->count < texts->count; rules->count++) {
		if (compile_header(&rules->items[rules->count],
			texts->items[rules->count], wrong) != 0) {
			blame(error, texts, rules->count, wrong);
			return ERR_SYNTAX;
		}
	}
	return 0;
}

static int
compile_json(struct expect *expect, const struct conf_strings *texts, char error[256])
{
	char wrong[256];

	expect->json = mem_array(texts->count, sizeof(*expect->json));
	for (; expect->json_count < texts->count; expect->json_count++) {
		struct pointer *pointer =
		    pointer_parse(texts->items[expect->json_count], wrong);

		if (pointer == NULL) {
			blame(error, texts, expect->json_count, wrong);
			return ERR_SYNTAX;
		}
		expect->json[expect->json_count] = pointer;
	}
	return 0;
}

struct expect *
expect_create(const struct expect_config *config, const char **option, char error[256])
{
	struct expect *expect = mem_zalloc(sizeof(*expect));

	expect->status = *config->status;
	*option = "header";
	if (compile_headers(&expect->header, config->header, error) != 0)
		goto fail;
	*option = "match";
	if (compile_patterns(&expect->match, config->match, error) != 0)
		goto fail;
	*option = "not_match";
	if (compile_patterns(&expect->not_match, config->not_match, error) != 0)
		goto fail;
	*option = "json";
	if (compile_json(expect, config->json, error) != 0)
		goto fail;
	return expect;
fail:
	expect_destroy(expect);
	return NULL;
}

static enum probe_class
check_status(const struct expect *expect, int status, char sentence[256])
{
	struct buf wanted = BUF_INIT;
	size_t i;

	for (i = 0; i < expect->status.count; i++)
		if (status >= expect->status.ranges[i].first &&
		    status <= expect->status.ranges[i].last)
			return PROBE_OK;
	for (i = 0; i < expect->status.count; i++) {
		int first = expect->status.ranges[i].first,
		    last = expect->status.ranges[i].last;

		buf_add_text(&wanted, i > 0 ? ", " : "");
		buf_printf(&wanted, first == last ? "%d" : "%d-%d", first, last);
	}
	snprintf(sentence, 256, "status %d, expected %.200s", status,
	    wanted.data != NULL ? wanted.data : "none");
	buf_free(&wanted);
	return PROBE_STATUS;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* -> as pattern_match() on the values of all headers of that name, ERR_NOT_FOUND if
 * there is none */
static int
match_header(const struct rule *rule, const char *headers, size_t length)
{
	const char *line = headers, *end = headers + length, *next, *value, *stop;
	size_t name = strlen(rule->text);
	int found = ERR_NOT_FOUND, result;

	for (; line < end; line = next) {
		stop = memchr(line, '\n', end - line);
		next = stop != NULL ? stop + 1 : end;
		if (stop == NULL)
			stop = end;
		if ((size_t)(stop - line) <= name || line[name] != ':' ||
		    strncasecmp(line, rule->text, name) != 0)
			continue;
		value = line + name + 1;
		while (value < stop && is_blank(*value))
			value++;
		while (stop > value && is_blank(stop[-1]))
			stop--;
		result = rule->pattern == NULL
			     ? 1
			     : pattern_match(rule->pattern, value, stop - value);
		if (result == 1)
			return 1;
		found = found == ERR_RANGE ? found : result;
	}
	return found;
}

static enum probe_class
check_headers(
    const struct expect *expect, const struct expect_answer *answer, char sentence[256])
{
	size_t i;

	for (i = 0; i < expect->header.count; i++) {
		const struct rule *rule = &expect->header.items[i];
		int result =
		    match_header(rule, answer->headers, answer->headers_length);

		if (result == 1)
			continue;
		if (result == ERR_NOT_FOUND)
			snprintf(
			    sentence, 256, "the header %.150s is missing", rule->text);
		else
			snprintf(sentence, 256,
			    "the header %.80s %s the pattern %.100s", rule->text,
			    result == ERR_RANGE ? "is too much work for"
						: "does not match",
			    mask_looks_secret(rule->text, strlen(rule->text))
				? MASK
				: rule->wanted);
		return PROBE_MATCH;
	}
	return PROBE_OK;
}

static enum probe_class
check_patterns(const struct rules *rules, int wanted,
    const struct expect_answer *answer, char sentence[256])
{
	size_t i;

	for (i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->items[i];
		int result =
		    pattern_match(rule->pattern, answer->body, answer->body_length);

		if (result == wanted)
			continue;
		snprintf(sentence, 256, "the body %s the pattern %.150s",
		    result < 0    ? "is too much work for"
		    : wanted == 1 ? "does not match"
				  : "matches",
		    rule->text);
		return PROBE_MATCH;
	}
	return PROBE_OK;
}

static enum probe_class
check_json(
    const struct expect *expect, const struct expect_answer *answer, char sentence[256])
{
	json_t *document;
	size_t i;

	if (expect->json_count == 0)
		return PROBE_OK;
	document = document_parse(answer->body, answer->body_length, sentence);
	if (document == NULL)
		return PROBE_JSON;
	for (i = 0; i < expect->json_count; i++)
		if (pointer_test(expect->json[i], document, sentence) != 1)
			break;
	json_decref(document);
	return i < expect->json_count ? PROBE_JSON : PROBE_OK;
}

enum probe_class
expect_judge(
    const struct expect *expect, const struct expect_answer *answer, char sentence[256])
{
	enum probe_class class = check_status(expect, answer->status, sentence);

	if (class == PROBE_OK)
		class = check_headers(expect, answer, sentence);
	if (class == PROBE_OK)
		class = check_patterns(&expect->match, 1, answer, sentence);
	if (class == PROBE_OK)
		class = check_patterns(&expect->not_match, 0, answer, sentence);
	if (class == PROBE_OK)
		class = check_json(expect, answer, sentence);
	return class;
}
