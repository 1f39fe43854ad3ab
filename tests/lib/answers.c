/* Answers: the request is remembered, and answered once start() is over. */
#include "tests/lib/answers.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "loop/fetch.h"
#include "loop/loop.h"

struct fetch {
	fetch_cb *cb; /* NULL: idle */
	void *arg;
};

static struct fetch fetch;
static struct probe_result result;
static int results;
static struct loop *loop;
static bool waiting;

struct fetch *
fetch_start(struct fetch_pool *pool, const struct fetch_request *request, fetch_cb *cb,
    void *arg)
{
	assert(fetch.cb == NULL && request->url != NULL);
	fetch = (struct fetch){cb, arg};
	return &fetch;
}

void
fetch_cancel(struct fetch *it)
{
	it->cb = NULL;
}

void
probe_done(struct probe_run *run, const struct probe_result *it)
{
	assert(run == (struct probe_run *)&results);
	result = *it;
	results++;
	if (waiting)
		loop_stop(loop);
}

static void
destroy_loop(void)
{
	loop_destroy(loop);
}

void *
answers_open(const struct collector *collector, const void *options)
{
	struct probe_env env = {0};
	char error[256];
	void *check;

	if (loop == NULL) {
		loop = loop_create();
		atexit(destroy_loop);
	}
	env.loop = loop;
	if (collector->open(&env, options, -1, &check, error) != 0) {
		fprintf(stderr, "%s: %s\n", collector->name, error);
		abort();
	}
	return check;
}

const struct probe_result *
answers_run(const struct collector *collector, void *check, const struct answer *answer)
{
	struct fetch_reply reply = {.class = answer->class,
	    .status = answer->status != 0 ? answer->status : 200,
	    .http_version = 11,
	    .dns = NAN,
	    .connect = 0.001,
	    .tls = NAN,
	    .first_byte = 0.002,
	    .total = 0.003};
	fetch_cb *cb;
	int before = results;

	if (answer->class != FETCH_OK)
		snprintf(reply.sentence, sizeof(reply.sentence), "it went wrong");
	collector->start(check, (struct probe_run *)&results, 10 * CLOCK_SECOND, false);
	assert(results == before && fetch.cb != NULL);
	if (answer->headers != NULL)
		buf_add_text(&reply.headers, answer->headers);
	/* A copy of its own size, so that reading past its end is seen. */
	reply.body.data = malloc(answer->length + (answer->length == 0));
	assert(reply.body.data != NULL);
	if (answer->length > 0)
		memcpy(reply.body.data, answer->body, answer->length);
	reply.body.length = answer->length;
	cb = fetch.cb;
	fetch.cb = NULL;
	cb(&reply, fetch.arg);
	free(reply.body.data);
	buf_free(&reply.headers);
	assert(results == before + 1);
	return &result;
}

const struct probe_result *
answers_wait(const struct collector *collector, void *check)
{
	int before = results;

	collector->start(check, (struct probe_run *)&results, 10 * CLOCK_SECOND, false);
	assert(results == before);
	waiting = true;
	loop_run(loop);
	waiting = false;
	assert(results == before + 1);
	return &result;
}

const struct probe_result *
answers_once(const struct collector *collector, const void *options, const void *body,
    size_t length)
{
	const struct answer answer = {.body = body, .length = length};
	void *check = answers_open(collector, options);

	answers_run(collector, check, &answer);
	collector->close(check);
	return &result;
}

void
answers_request(struct request_options *request, const char *url)
{
	memset(request, 0, sizeof(*request));
	request->url = (char *)url;
	request->follow = 5;
	request->max_body = 1 << 20;
}

void
answers_complain(void *arg, const char *option, const char *other, const char *problem)
{
	buf_printf(arg, "%s: %s\n", option, problem);
}
