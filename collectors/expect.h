/*
 * What an HTTP answer is expected to be: its status, headers, body. Compiled once
 * from the configuration's text, checked against each answer.
 */
#ifndef VT_COLLECTORS_EXPECT_H
#define VT_COLLECTORS_EXPECT_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/option.h"
#include "watch/probe.h"

struct expect; /* opaque */

struct expect_config { /* borrowed until expect_create() returns */
	const struct conf_statuses *status;
	const struct conf_strings *header;	/* "Name" or "Name: pattern" */
	const struct conf_strings *match, *not_match; /* patterns */
	const struct conf_strings *json;	/* comparisons of base/pointer.h */
};

struct expect_answer { /* borrowed; bytes of a stranger */
	int status;
	const char *headers;	/* lines as received */
	size_t headers_length;
	const char *body;
	size_t body_length;
};

/* -> NULL with what is wrong, and in *option the key to blame: "header", ... */
struct expect *expect_create(const struct expect_config *config, const char **option,
    char error[256]);
void expect_destroy(struct expect *expect); /* NULL is fine */
bool expect_reads_body(const struct expect *expect);

/* On any thread. Status, then headers, patterns, JSON: -> the class of the first that does not hold,
 * with a sentence; PROBE_OK when all do. */
enum probe_class expect_judge(const struct expect *expect, const struct expect_answer *answer,
    char sentence[256]);

#endif
