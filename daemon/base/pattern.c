/*
 * PCRE2 counts steps anew for each place where a match may start, so its own match
 * limit does not bound a search: a megabyte of spaces against \s+$ is half a
 * million million comparisons. So every item of a pattern is compiled with a
 * callout, and the callout keeps one account for the whole search: so much a call,
 * and the distance moved since the last one, which is what a repeat has scanned.
 * Back references compare text without moving; a pattern that has them also pays
 * for the length of its captures. The limit is deterministic: no clock in it.
 *
 * The JIT stays off: the unit forbids memory that is writable and executable.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/pattern.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

#define TEXT_MAX 16384
#define CALL_COST 16
/* A short subject gets a few ms, which the loop may spend; a long one some tens. */
#define COST_LEAST ((size_t)2 << 20)
#define COST_PER_BYTE 256
#define COST_MOST ((size_t)24 << 20)
#define HEAP_MAX_KIB (16 * 1024)

struct pattern {
	pcre2_code *code;
	bool back_references;
};

struct account {
	const struct pattern *pattern;
	size_t position;
	size_t cost, limit;
};

static int
charge(pcre2_callout_block *block, void *arg)
{
	struct account *account = arg;
	size_t at = block->current_position, start, end;
	uint32_t i;

	account->cost += CALL_COST;
	account->cost +=
	    at > account->position ? at - account->position : account->position - at;
	account->position = at;
	if (account->pattern->back_references) {
		for (i = 1; i < block->capture_top; i++) {
			start = block->offset_vector[2 * i];
			end = block->offset_vector[2 * i + 1];
			if (start != PCRE2_UNSET && end != PCRE2_UNSET && end > start)
				account->cost += end - start;
		}
	}
	return account->cost > account->limit ? PCRE2_ERROR_CALLOUT : 0;
}

struct pattern *
pattern_compile(const char *text, char error[256])
{
	const uint32_t options = PCRE2_AUTO_CALLOUT | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	struct pattern *pattern;
	pcre2_code *code;
	PCRE2_SIZE where;
	uint32_t references;
	unsigned char words[160];
	int code_error;

	assert(context != NULL);
	pcre2_set_max_pattern_length(context, TEXT_MAX);
	code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options,
	    &code_error, &where, context);
	pcre2_compile_context_free(context);
	if (code == NULL) {
		pcre2_get_error_message(code_error, words, sizeof(words));
		snprintf(error, 256, "at %zu: %s", (size_t)where + 1, (char *)words);
		return NULL;
	}
	pattern = mem_zalloc(sizeof(*pattern));
	pattern->code = code;
	pcre2_pattern_info(code, PCRE2_INFO_BACKREFMAX, &references);
	pattern->back_references = references > 0;
	return pattern;
}

void
pattern_free(struct pattern *pattern)
{
	if (pattern == NULL)
		return;
	pcre2_code_free(pattern->code);
	free(pattern);
}

int
pattern_check(const char *text, char error[256])
{
	struct pattern *pattern = pattern_compile(text, error);

	pattern_free(pattern);
	return pattern != NULL ? 0 : ERR_SYNTAX;
}

int
pattern_match(const struct pattern *pattern, const void *data, size_t length)
{
	struct account account = {.pattern = pattern};
	/* Of its own for each search: it keeps the memory that a search took. */
	pcre2_match_data *match = pcre2_match_data_create(1, NULL);
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	int result;

	assert(match != NULL && context != NULL);
	account.limit = length < COST_MOST / COST_PER_BYTE
			    ? COST_LEAST + COST_PER_BYTE * length
			    : COST_MOST;
	if (account.limit > COST_MOST)
		account.limit = COST_MOST;
	pcre2_set_callout(context, charge, &account);
	pcre2_set_heap_limit(context, HEAP_MAX_KIB);
	result = pcre2_match(pattern->code, data != NULL ? data : (PCRE2_SPTR) "",
	    length, 0, 0, match, context);
	pcre2_match_context_free(context);
	pcre2_match_data_free(match);
	if (result >= 0)
		return 1;
	if (result == PCRE2_ERROR_NOMATCH)
		return 0;
	log_debug("pattern: given up after %zu of cost (%d)", account.cost, result);
	return ERR_RANGE;
}
