/*
 * In the place of loop/fetch and watch/probe, for tests of collectors that read a body:
 * each request gets the answer that is given here, at once.
 */
#ifndef VT_TESTS_ANSWERS_H
#define VT_TESTS_ANSWERS_H

#include <stddef.h>

#include "collectors/request.h"
#include "watch/probe.h"

struct answer {
	enum fetch_class class;
	int status;		/* 0: 200 */
	const char *headers;	/* or NULL */
	const void *body;
	size_t length;
};

/* A check is opened with an environment of ours; aborts if it cannot be. */
void *answers_open(const struct collector *collector, const void *options);
/* One run; what it came to, until the next. */
const struct probe_result *answers_run(
    const struct collector *collector, void *check, const struct answer *answer);
/* One run that asks for nothing: until it is over. */
const struct probe_result *answers_wait(const struct collector *collector, void *check);
/* Open, one run with that body, close. */
const struct probe_result *answers_once(const struct collector *collector,
    const void *options, const void *body, size_t length);
/* What a table gives to a request. */
void answers_request(struct request_options *request, const char *url);
/* conf_complain: into the struct buf that arg is, a line each. */
void answers_complain(
    void *arg, const char *option, const char *other, const char *problem);

#endif
