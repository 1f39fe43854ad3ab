/*
 * Judging an answer: here if it is short, on a worker if not. A megabyte of JSON takes
 * tens of milliseconds to parse, a pattern as long to give up, and the loop has no such
 * time. What judges is a plan: a collector's struct that begins with struct judge_plan,
 * made of its options and independent of them.
 */
#ifndef VT_COLLECTORS_JUDGE_H
#define VT_COLLECTORS_JUDGE_H

#include "collectors/expect.h"

struct judgement {
	enum probe_class class;
	bool warn;
	char sentence[256];	/* empty: nothing to say but what it is */
	uint32_t counters;	/* bit i: values[i] counts up, and its rate is wanted */
	double values[ARCHIVE_SOURCES_MAX]; /* as probe_result's */
};

struct judge_plan {
	unsigned references;	/* the loop's */
	/* On any thread; out begins as PROBE_OK without values. */
	void (*judge)(const struct judge_plan *plan, const struct expect_answer *answer,
	    struct judgement *out);
	void (*destroy)(struct judge_plan *plan);
};
struct judge_plan *judge_plan_ref(struct judge_plan *plan);
void judge_plan_unref(struct judge_plan *plan); /* NULL is fine */

struct judge; /* one judgement under way, opaque */
struct worker_pool;

typedef void judge_cb(const struct judgement *judgement, void *arg);

/* cb is called from within (out is NULL then), or later from a worker's end (io). Where
 * too many wait it is told so, as PROBE_INTERNAL. */
void judge_start(struct worker_pool *io, struct judge_plan *plan,
    const struct expect_answer *answer, judge_cb *cb, void *arg, struct judge **out);
/* The same of a local file of at most max bytes, read on the worker; without io here. */
void judge_file(struct worker_pool *io, struct judge_plan *plan, const char *path,
    size_t max, judge_cb *cb, void *arg, struct judge **out);
void judge_cancel(struct judge *judge); /* cb is not called */

#endif
