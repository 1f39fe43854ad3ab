/*
 * The http collector: one request, as a citizen's browser would make it, with the
 * time of each phase, and what its answer is expected to be (collectors/expect).
 *
 * State belongs to the probe that opened it, options are its caller's.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "collectors/collectors.h"
#include "collectors/expect.h"
#include "collectors/http_options.h"
#include "collectors/judge.h"
#include "collectors/request.h"
#include "loop/fetch.h"

#define HTTP_MAGIC 0x68636865
#define DAY_S 86400.0

struct http_plan {
	struct judge_plan base;
	struct expect *expect;
};

struct http {
	MAGIC;
	struct worker_pool *io;
	const struct http_options *options;
	struct request *request;
	struct http_plan *plan;
	struct probe_run *run; /* NULL: idle */
	struct judge *judge;   /* of its answer, on a worker, or NULL */
	struct probe_result result;
};

enum { DNS, CONNECT, TLS, FIRST_BYTE, TOTAL, SIZE, CERTIFICATE_DAYS, SOURCES };

static const struct archive_source sources[SOURCES] = {
    [DNS] = {"dns", "s", 0, NAN, "Finding the address"},
    [CONNECT] = {"connect", "s", 0, NAN, "Opening the connection"},
    [TLS] = {"tls", "s", 0, NAN, "Agreeing on encryption"},
    [FIRST_BYTE] = {"first_byte", "s", 0, NAN, "Waiting for the answer to begin"},
    [TOTAL] = {"total", "s", 0, NAN, "All of it, until the answer's last byte"},
    [SIZE] = {"size", "bytes", 0, NAN, "Length of the body, decompressed"},
    [CERTIFICATE_DAYS] = {"certificate_days", "days", NAN, NAN,
	"Until the certificate expires"},
};

static void
finish(struct http *http)
{
	struct probe_result result = http->result;
	struct probe_run *run = http->run;

	http->run = NULL;
	text_clean(result.message);
	/* Who hears of it may start the next run at once, or close. */
	probe_done(run, &result);
}

/* The last word on an answer that came whole; result holds its values and message. */
static void
on_judged(const struct judgement *judgement, void *arg)
{
	struct http *http = arg;
	struct probe_result *result = &http->result;
	int64_t max_us = http->options->max_time_us;
	char limit[TEXT_DURATION_SIZE];

	MAGIC_CHECK(http, HTTP_MAGIC);
	http->judge = NULL;
	result->class = judgement->class;
	if (result->class != PROBE_OK) {
		strlcpy(result->message, judgement->sentence, sizeof(result->message));
	} else if (max_us > 0 && result->values[TOTAL] * CLOCK_SECOND > max_us) {
		result->class = PROBE_SLOW;
		snprintf(result->message, sizeof(result->message),
		    "the answer took %.3f s, more than %s", result->values[TOTAL],
		    text_duration_format(max_us, limit));
	}
	finish(http);
}

static void
judge(struct http *http, const struct fetch_reply *reply)
{
	const struct expect_answer answer = {
	    .status = reply->status,
	    .headers = reply->headers.data,
	    .headers_length = reply->headers.length,
	    .body = reply->body.data,
	    .body_length = reply->body.length,
	};

	http->result.values[TOTAL] = reply->total;
	http->result.values[SIZE] = (double)reply->body.length;
	request_describe(reply, http->result.message);
	judge_start(expect_reads_body(http->plan->expect) ? http->io : NULL,
	    &http->plan->base, &answer, on_judged, http, &http->judge);
}

static void
on_reply(struct fetch_reply *reply, void *arg)
{
	struct http *http = arg;
	struct probe_result *result = &http->result;

	MAGIC_CHECK(http, HTTP_MAGIC);
	result->class = request_class(reply->class);
	result->values[DNS] = reply->dns;
	/* What it took to be refused is no time of a connection. */
	if (reply->class != FETCH_REFUSED && reply->class != FETCH_CONNECT_TIMEOUT)
		result->values[CONNECT] = reply->connect;
	result->values[TLS] = reply->tls;
	result->values[FIRST_BYTE] = reply->first_byte;
	if (reply->certificate_expires_s != 0)
		result->values[CERTIFICATE_DAYS] =
		    (reply->certificate_expires_s - clock_wall_us() / 1e6) / DAY_S;
	if (reply->class == FETCH_OK) {
		judge(http, reply);
		return;
	}
	strlcpy(result->message, reply->sentence, sizeof(result->message));
	finish(http);
}

static void
http_start(void *arg, struct probe_run *run, int64_t timeout_us, bool fresh)
{
	struct http *http = arg;

	MAGIC_CHECK(http, HTTP_MAGIC);
	assert(http->run == NULL);
	http->run = run;
	probe_result_clear(&http->result);
	request_start(http->request, timeout_us, fresh);
}

/* Options and the texts in them; what is compiled from them is ours. */
static void
http_rebind(void *arg, const void *options)
{
	struct http *http = arg;

	MAGIC_CHECK(http, HTTP_MAGIC);
	http->options = options;
	request_rebind(http->request, &http->options->request);
}

static void
plan_judge(const struct judge_plan *base, const struct expect_answer *answer,
    struct judgement *out)
{
	const struct http_plan *plan = (const struct http_plan *)base;

	out->class = expect_judge(plan->expect, answer, out->sentence);
}

static void
plan_destroy(struct judge_plan *base)
{
	struct http_plan *plan = (struct http_plan *)base;

	expect_destroy(plan->expect);
	free(plan);
}

static int
http_open(const struct probe_env *env, const void *arg, int64_t dns_cache_us,
    void **state, char error[256])
{
	const struct http_options *opts = arg;
	const char *option;
	struct expect *expect = http_options_expect(opts, &option, error);
	struct http *http;

	if (expect == NULL)
		return ERR_SYNTAX;
	http = mem_zalloc(sizeof(*http));
	MAGIC_SET(http, HTTP_MAGIC);
	http->io = env->io;
	http->options = opts;
	http->plan = mem_zalloc(sizeof(*http->plan));
	http->plan->base = (struct judge_plan){1, plan_judge, plan_destroy};
	http->plan->expect = expect;
	http->request =
	    request_create(env, &opts->request, dns_cache_us, on_reply, http);
	*state = http;
	return 0;
}

static void
http_cancel(void *arg)
{
	struct http *http = arg;

	MAGIC_CHECK(http, HTTP_MAGIC);
	request_cancel(http->request);
	if (http->judge != NULL)
		judge_cancel(http->judge);
	http->judge = NULL;
	http->run = NULL;
}

static void
http_close(void *arg)
{
	struct http *http = arg;

	http_cancel(http);
	request_destroy(http->request);
	judge_plan_unref(&http->plan->base);
	MAGIC_CLEAR(http);
	free(http);
}

static int
http_retries(const void *arg)
{
	const struct http_options *opts = arg;

	return (int)opts->request.retry;
}

static int64_t
http_load_us(const void *arg)
{
	const struct http_options *opts = arg;

	return request_load_us(&opts->request);
}

const struct collector collector_http = {
    .name = "http",
    .text = "Asks an HTTP server and times each phase of its answer",
    .options = http_options,
    .options_size = sizeof(struct http_options),
    .shorthand = "url",
    .check = http_options_check,
    .sources = sources,
    .source_count = SOURCES,
    .total = TOTAL,
    .open = http_open,
    .start = http_start,
    .cancel = http_cancel,
    .close = http_close,
    .rebind = http_rebind,
    .retries = http_retries,
    .load_us = http_load_us,
};
