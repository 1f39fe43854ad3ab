/*
 * Numbers out of a body. State belongs to the probe that opened it, options are its
 * caller's, the plan is shared with judgements that are still on a worker.
 */
#include "collectors/reading.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "loop/loop.h"

#define READING_MAGIC 0x72646e67

struct reading {
	MAGIC;
	struct worker_pool *io;
	struct request *request;
	struct judge_plan *plan;
	const struct values *values; /* of the plan, or NULL */
	enum probe_class beyond;     /* class of one beyond its bounds */
	char *path;                  /* a file instead of the request, or NULL */
	size_t max_body;
	struct loop_timer *timer; /* of a file: its begin, then its limit */
	int64_t began_us, timeout_us;
	struct judge *judge;   /* on a worker, or NULL */
	struct probe_run *run; /* NULL: idle */
	struct probe_result result;
	struct value_counter counters[ARCHIVE_SOURCES_MAX];
};

void
reading_check(const void *options, conf_complain *complain, void *arg)
{
	const struct request_options *request = options;

	request_check(request, complain, arg);
	if (strcmp(request_methods[request->method], "HEAD") == 0)
		complain(arg, "method", NULL, "an answer to HEAD has no body to read");
}

static void
finish(struct reading *reading)
{
	struct probe_result result = reading->result;
	struct probe_run *run = reading->run;

	reading->run = NULL;
	loop_timer_clear(reading->timer);
	text_clean(result.message);
	/* Who hears of it may start the next run at once, or close. */
	probe_done(run, &result);
}

/* The first that is beyond its bounds is told, unless something worse is. */
static void
check_bounds(const struct reading *reading, struct probe_result *result)
{
	const struct values *values = reading->values;
	char sentence[256];
	size_t i;

	for (i = 0; values != NULL && i < values->count; i++) {
		double *value = &result->values[READING_SOURCES + i];

		if (value_is_within(&values->items[i], *value, sentence))
			continue;
		*value = NAN;
		if (result->class == PROBE_OK)
			strlcpy(result->message, sentence, sizeof(result->message));
		if (result->class == PROBE_OK)
			result->class = reading->beyond;
	}
}

static void
on_judged(const struct judgement *judgement, void *arg)
{
	struct reading *reading = arg;
	struct probe_result *result = &reading->result;
	size_t i;

	MAGIC_CHECK(reading, READING_MAGIC);
	reading->judge = NULL;
	if (reading->path != NULL)
		result->values[READING_TOTAL] =
		    (clock_mono_us() - reading->began_us) / 1e6;
	result->class = judgement->class;
	result->warn = judgement->warn;
	if (judgement->sentence[0] != '\0')
		strlcpy(result->message, judgement->sentence, sizeof(result->message));
	for (i = READING_SOURCES; i < ARCHIVE_SOURCES_MAX; i++) {
		double value = judgement->values[i];

		if ((judgement->counters & UINT32_C(1) << i) != 0)
			value = value_growth(&reading->counters[i], value);
		result->values[i] = value;
	}
	check_bounds(reading, result);
	finish(reading);
}

static void
on_reply(struct fetch_reply *reply, void *arg)
{
	struct reading *reading = arg;
	struct probe_result *result = &reading->result;
	const struct expect_answer answer = {
	    .status = reply->status,
	    .headers = reply->headers.data,
	    .headers_length = reply->headers.length,
	    .body = reply->body.data,
	    .body_length = reply->body.length,
	};

	MAGIC_CHECK(reading, READING_MAGIC);
	result->class = request_class(reply->class);
	result->values[READING_FIRST_BYTE] = reply->first_byte;
	if (reply->class != FETCH_OK) {
		strlcpy(result->message, reply->sentence, sizeof(result->message));
		finish(reading);
		return;
	}
	result->values[READING_TOTAL] = reply->total;
	if (reply->status < 200 || reply->status > 299) {
		result->class = PROBE_STATUS;
		snprintf(result->message, sizeof(result->message),
		    "status %d, expected 200-299", reply->status);
		finish(reading);
		return;
	}
	request_describe(reply, result->message);
	judge_start(
	    reading->io, reading->plan, &answer, on_judged, reading, &reading->judge);
}

/* A file is read from here on, or was not in time: its disk may be a network's. */
static void
on_timer(void *arg)
{
	struct reading *reading = arg;
	struct probe_result *result = &reading->result;

	MAGIC_CHECK(reading, READING_MAGIC);
	if (reading->began_us == 0) {
		reading->began_us = clock_mono_us();
		loop_timer_set(reading->timer, reading->timeout_us);
		judge_file(reading->io, reading->plan, reading->path, reading->max_body,
		    on_judged, reading, &reading->judge);
		return;
	}
	judge_cancel(reading->judge);
	reading->judge = NULL;
	result->class = PROBE_READ_TIMEOUT;
	snprintf(result->message, sizeof(result->message),
	    "%.180s was not read in time", reading->path);
	finish(reading);
}

void
reading_set_file(void *state, const char *path)
{
	struct reading *reading = state;

	MAGIC_CHECK(reading, READING_MAGIC);
	reading->path = mem_strdup(path);
}

void
reading_start(void *state, struct probe_run *run, int64_t timeout_us, bool fresh)
{
	struct reading *reading = state;

	MAGIC_CHECK(reading, READING_MAGIC);
	assert(reading->run == NULL);
	reading->run = run;
	if (!fresh)
		value_counters_turn(reading->counters, ARRAY_LENGTH(reading->counters));
	probe_result_clear(&reading->result);
	reading->began_us = 0;
	reading->timeout_us = timeout_us;
	if (reading->path != NULL)
		loop_timer_set(reading->timer, 0);
	else
		request_start(reading->request, timeout_us, fresh);
}

void
reading_rebind(void *state, const void *options)
{
	struct reading *reading = state;

	MAGIC_CHECK(reading, READING_MAGIC);
	request_rebind(reading->request, options);
}

void *
reading_create(const struct probe_env *env, const void *options, int64_t dns_cache_us,
    struct judge_plan *plan, const struct values *values, enum probe_class beyond)
{
	struct reading *reading = mem_zalloc(sizeof(*reading));
	size_t i;

	MAGIC_SET(reading, READING_MAGIC);
	reading->io = env->io;
	reading->plan = plan;
	reading->values = values;
	reading->beyond = beyond;
	reading->request =
	    request_create(env, options, dns_cache_us, on_reply, reading);
	reading->max_body = (size_t)((const struct request_options *)options)->max_body;
	reading->timer = loop_timer_create(env->loop, on_timer, reading);
	for (i = 0; i < ARRAY_LENGTH(reading->counters); i++)
		reading->counters[i] = VALUE_COUNTER_INIT;
	return reading;
}

void
reading_cancel(void *state)
{
	struct reading *reading = state;

	MAGIC_CHECK(reading, READING_MAGIC);
	request_cancel(reading->request);
	loop_timer_clear(reading->timer);
	if (reading->judge != NULL)
		judge_cancel(reading->judge);
	reading->judge = NULL;
	reading->run = NULL;
}

void
reading_close(void *state)
{
	struct reading *reading = state;

	reading_cancel(reading);
	request_destroy(reading->request);
	loop_timer_destroy(reading->timer);
	judge_plan_unref(reading->plan);
	free(reading->path);
	MAGIC_CLEAR(reading);
	free(reading);
}

int
reading_retries(const void *options)
{
	const struct request_options *request = options;

	return (int)request->retry;
}

/* A short body is parsed on the loop. */
int64_t
reading_load_us(const void *options)
{
	return request_load_us(options) + 50;
}
