/*
 * A judgement is the worker's until it is done: it holds copies of headers and body
 * and a reference to its expectations, so that who asked for it may go away.
 */
#include "collectors/judge.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "loop/worker.h"

#define JUDGE_MAGIC 0x6a646765
#define HERE_MAX 16384 /* bytes of a body: well under a millisecond of JSON */
#define WAITING_MAX ((size_t)64 << 20)

static size_t waiting; /* bytes of all answers with the workers; the loop's */

struct judge {
	MAGIC;
	struct expect *expect;
	struct expect_answer answer;
	char *copy; /* headers, then body */
	enum probe_class class;
	char sentence[256];
	judge_cb *cb; /* NULL: cancelled */
	void *arg;
};

static void
judge_free(struct judge *judge)
{
	waiting -= judge->answer.headers_length + judge->answer.body_length;
	expect_destroy(judge->expect);
	free(judge->copy);
	MAGIC_CLEAR(judge);
	free(judge);
}

static void
on_worker(void *arg)
{
	struct judge *judge = arg;

	judge->class = expect_judge(judge->expect, &judge->answer, judge->sentence);
}

static void
on_done(void *arg)
{
	struct judge *judge = arg;

	MAGIC_CHECK(judge, JUDGE_MAGIC);
	if (judge->cb != NULL)
		judge->cb(judge->class, judge->sentence, judge->arg);
	judge_free(judge);
}

int
judge_start(struct worker_pool *io, struct expect *expect,
    const struct expect_answer *answer, judge_cb *cb, void *arg, struct judge **out)
{
	struct judge *judge;

	*out = NULL;
	if (io == NULL || answer->body_length <= HERE_MAX || !expect_reads_body(expect))
		return 0;
	if (waiting + answer->body_length > WAITING_MAX)
		return ERR_FULL;
	judge = mem_zalloc(sizeof(*judge));
	MAGIC_SET(judge, JUDGE_MAGIC);
	judge->expect = expect_ref(expect);
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
		return ERR_FULL;
	}
	*out = judge;
	return 0;
}

void
judge_cancel(struct judge *judge)
{
	MAGIC_CHECK(judge, JUDGE_MAGIC);
	judge->cb = NULL;
}
