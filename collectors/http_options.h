/*
 * The options of the http collector: what a configuration may say of a request and
 * of the answer expected.
 */
#ifndef VT_COLLECTORS_HTTP_OPTIONS_H
#define VT_COLLECTORS_HTTP_OPTIONS_H

#include <stdint.h>

#include "collectors/request.h"
#include "conf/option.h"

struct expect;

struct http_options {
	struct request_options request;
	struct conf_statuses status;
	struct conf_strings header, match, not_match, json;
	int64_t max_time_us;
};

extern const struct option http_options[];

/* As conf_collector's check. */
void http_options_check(const void *options, conf_complain *complain, void *arg);
/* What the answer is expected to be. -> NULL with the key to blame and why */
struct expect *http_options_expect(const struct http_options *options, const char **option,
    char error[256]);

#endif
