/*
 * A judgement is the worker's until it is done: it holds copies of headers and body
 * and a reference to its plan, so that who asked for it may go away.
 */
#include "collectors/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
	char *copy;           /* headers, then body */
	char *path;           /* of the file, or NULL */
	size_t max, reserved; /* of the file; of waiting */
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
	waiting -= judge->reserved;
	judge_plan_unref(judge->plan);
	free(judge->copy);
	free(judge->path);
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

/* Without workers it is done here. */
static void
submit(struct worker_pool *io, void (*run)(void *), struct judge *judge, judge_cb *cb,
    void *arg, struct judge **out)
{
	waiting += judge->reserved;
	judge->cb = cb;
	judge->arg = arg;
	if (io == NULL) {
		run(judge);
		on_done(judge);
	} else if (worker_submit(io, WORKER_NORMAL, run, on_done, judge) == 0) {
		*out = judge;
	} else {
		judge_free(judge);
		judge_here(NULL, NULL, cb, arg);
	}
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
	judge->reserved = answer->headers_length + answer->body_length;
	submit(io, on_worker, judge, cb, arg, out);
}

/* ---- files ---- */

static void
say(struct judgement *out, enum probe_class class, const char *path, const char *wrong)
{
	out->class = class;
	snprintf(out->sentence, sizeof(out->sentence), "%.180s %s", path, wrong);
}

static void
read_file(struct judge *judge, int fd)
{
	struct judgement *out = &judge->judgement;
	struct expect_answer *answer = &judge->answer;
	struct stat status;
	ssize_t n;

	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		say(out, PROBE_INTERNAL, judge->path, "is no regular file");
		return;
	}
	if (status.st_size > (off_t)judge->max) {
		say(out, PROBE_TOO_LARGE, judge->path, "is longer than max_body");
		return;
	}
	/* What is written to it meanwhile is for the next time. */
	judge->copy = mem_alloc((size_t)status.st_size + 1);
	while (answer->body_length < (size_t)status.st_size &&
	       (n = read(fd, judge->copy + answer->body_length,
		    (size_t)status.st_size - answer->body_length)) > 0)
		answer->body_length += n;
	answer->body = judge->copy;
	judge->plan->judge(judge->plan, answer, out);
	if (out->sentence[0] == '\0')
		snprintf(out->sentence, sizeof(out->sentence), "%zu bytes",
		    answer->body_length);
}

static void
on_file(void *arg)
{
	struct judge *judge = arg;
	/* NONBLOCK: a FIFO in its place must not hold the worker. */
	int fd = open(judge->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0) {
		read_file(judge, fd);
		close(fd);
	} else if (errno == ENOENT) {
		say(&judge->judgement, PROBE_MATCH, judge->path, "is not there");
	} else {
		say(&judge->judgement, PROBE_INTERNAL, judge->path, strerror(errno));
	}
}

void
judge_file(struct worker_pool *io, struct judge_plan *plan, const char *path,
    size_t max, judge_cb *cb, void *arg, struct judge **out)
{
	struct judge *judge;

	*out = NULL;
	if (waiting + max > WAITING_MAX) {
		judge_here(NULL, NULL, cb, arg);
		return;
	}
	judge = mem_zalloc(sizeof(*judge));
	MAGIC_SET(judge, JUDGE_MAGIC);
	clear(&judge->judgement);
	judge->plan = judge_plan_ref(plan);
	judge->path = mem_strdup(path);
	judge->max = judge->reserved = max;
	submit(io, on_file, judge, cb, arg, out);
}

void
judge_cancel(struct judge *judge)
{
	MAGIC_CHECK(judge, JUDGE_MAGIC);
	judge->cb = NULL;
}
