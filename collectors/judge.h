/*
 * Judging a long answer on a worker: a megabyte of JSON takes tens of milliseconds to
 * parse, a pattern as long to give up, and the loop has no such time.
 */
#ifndef VT_COLLECTORS_JUDGE_H
#define VT_COLLECTORS_JUDGE_H

#include "collectors/expect.h"

struct judge; /* one judgement under way, opaque */
struct worker_pool;

/* Called on the loop, never from within judge_start(). */
typedef void judge_cb(enum probe_class class, const char *sentence, void *arg);

/* out is NULL when the answer is short: judge it here and now.
 * -> 0, ERR_FULL: too many wait, and here it would take too long */
int judge_start(struct worker_pool *io, struct expect *expect,
    const struct expect_answer *answer, judge_cb *cb, void *arg, struct judge **out);
void judge_cancel(struct judge *judge); /* cb is not called */

#endif
