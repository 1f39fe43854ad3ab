/*
 * A judgement is the worker's until it is done: it holds copies of headers and body
 * and a reference to its plan, so that who asked for it may go away.
 */
#include "collectors/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "loop/worker.h"

#define JUDGE_MAGIC 0x6a646765
#define HERE_MAX 16384 /* bytes of a body: well under a millisecond of JSON */
#define WAITING_MAX ((size_t)64 << 20)

static size_t waiting; /* bytes of all answers with the workers; the loop's */

struct judge {
	MAGIC;
	struct judge_plan *plan;
	struct expect_answer answer;
	char *copy; /* headers, then body */
	struct judgement judgement;
	judge_cb *cb; /* NULL: cancelled */
	void *arg;
};

struct judge_plan *
judge_plan_ref(struct judge_plan *plan)
{
	plan->references++;
	return plan;
}

void
judge_plan_unref(struct judge_plan *plan)
{
	if (plan != NULL && --plan->references == 0)
		plan->destroy(plan);
}

static void
clear(struct judgement *judgement)
{
	size_t i;

	memset(judgement, 0, sizeof(*judgement));
	for (i = 0; i < ARCHIVE_SOURCES_MAX; i++)
		judgement->values[i] = NAN;
}

static void
judge_free(struct judge *judge)
{
	waiting -= judge->answer.headers_length + judge->answer.body_length;
	judge_plan_unref(judge->plan);
	free(judge->copy);
	MAGIC_CLEAR(judge);
	free(judge);
}

static void
on_worker(void *arg)
{
	struct judge *judge = arg;

	judge->plan->judge(judge->plan, &judge->answer, &judge->judgement);
}

static void
on_done(void *arg)
{
	struct judge *judge = arg;

	MAGIC_CHECK(judge, JUDGE_MAGIC);
	if (judge->cb != NULL)
		judge->cb(&judge->judgement, judge->arg);
	judge_free(judge);
}

static void
judge_here(const struct judge_plan *plan, const struct expect_answer *answer,
    judge_cb *cb, void *arg)
{
	struct judgement judgement;

	clear(&judgement);
	if (plan != NULL) {
		plan->judge(plan, answer, &judgement);
	} else {
		judgement.class = PROBE_INTERNAL;
		strlcpy(judgement.sentence, "too many answers wait to be judged",
		    sizeof(judgement.sentence));
	}
	cb(&judgement, arg);
}

void
judge_start(struct worker_pool *io, struct judge_plan *plan,
    const struct expect_answer *answer, judge_cb *cb, void *arg, struct judge **out)
{
	struct judge *judge;

	*out = NULL;
	if (io == NULL || answer->body_length <= HERE_MAX) {
		judge_here(plan, answer, cb, arg);
		return;
	}
	if (waiting + answer->body_length > WAITING_MAX) {
		judge_here(NULL, answer, cb, arg);
		return;
	}
	judge = mem_zalloc(sizeof(*judge));
	MAGIC_SET(judge, JUDGE_MAGIC);
	clear(&judge->judgement);
	judge->plan = judge_plan_ref(plan);
	judge->answer = *answer;
	judge->copy = mem_alloc(answer->headers_length + answer->body_length);
	if (answer->headers_length > 0)
		memcpy(judge->copy, answer->headers, answer->headers_length);
	memcpy(judge->copy + answer->headers_length, answer->body, answer->body_length);
	judge->answer.headers = judge->copy;
	judge->answer.body = judge->copy + answer->headers_length;
	waiting += answer->headers_length + answer->body_length;
	judge->cb = cb;
	judge->arg = arg;
	if (worker_submit(io, WORKER_NORMAL, on_worker, on_done, judge) != 0) {
		judge_free(judge);
		judge_here(NULL, answer, cb, arg);
		return;
	}
	*out = judge;
}

void
judge_cancel(struct judge *judge)
{
	MAGIC_CHECK(judge, JUDGE_MAGIC);
	judge->cb = NULL;
}
