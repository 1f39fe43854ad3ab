/*
 * The loop's side of a ledger: two queues, transitions and questions, and at most
 * one job on the pool. A job takes a batch of the first and, with the last batch, all
 * of the second; it writes, then reads. What could not be written goes back to the
 * front of its queue and a timer tries again: 1 s, 2 s, ... 60 s. Questions do not
 * wait for that.
 *
 * The job is owned by the pool until its done(); queue entries are the job's as
 * long as it runs. ledger_destroy() does not wait: a job under way loses its ledger,
 * and a last one after it, which belongs to nobody, writes what is left and closes the
 * file. Who ends the pool waits for it.
 *
 * A file stays open for a while, as much is told in a row; with OPEN_MAX open in all
 * sites a job closes its own at once.
 */
#include "store/ledger.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "store/ledgerfile.h"

#define LEDGER_MAGIC 0x6c656467
#define JOB_MAGIC 0x6c6a6f62
#define BATCH_MAX 512
#define IDLE_US (30 * CLOCK_SECOND)
#define RETRY_MIN_US CLOCK_SECOND
#define RETRY_MAX_US (60 * CLOCK_SECOND)
#define LOG_EVERY_US (60 * CLOCK_SECOND)
#define LAST_ATTEMPTS 3
#define OPEN_MAX 64

struct entry {
	STAILQ_ENTRY(entry) entry;
	struct ledger_transition transition;
};
STAILQ_HEAD(entry_list, entry);

struct question {
	STAILQ_ENTRY(question) entry;
	bool outages;
	char *service, *check;
	int64_t from_us, to_us;
	size_t limit;
	ledger_transitions_cb *cb;
	void *arg;
	struct ledger_transition *rows;
	size_t count;
	int error;
};
STAILQ_HEAD(question_list, question);

/* What is to be done when the ledger is no more. */
struct last {
	struct worker_pool *pool;
	char *path;
	struct ledgerfile *file;
	struct entry_list entries;
};

struct job {
	MAGIC;
	struct ledger *ledger; /* NULL once that is destroyed, */
	struct last *last;     /* and then this */
	struct ledgerfile *file;
	struct entry_list entries;
	size_t count;
	struct question_list questions;
	bool close; /* at the end */
	/* Set by run(): */
	int write_error;
	size_t refused, read_errors;
};

struct ledger {
	MAGIC;
	struct loop *loop;
	struct worker_pool *pool;
	char *path;
	struct ledgerfile *file; /* the job's while one runs */
	struct job *job;
	struct entry_list entries;
	struct question_list questions;
	struct question_list refused; /* beyond the bound, to be told so */
	size_t question_count;
	struct loop_timer *retry, *idle, *refusal;
	int64_t retry_us; /* 0: the last write went well */
	struct log_limit drop_limit;
	struct ledger_stats stats;
};

static void start_job(struct ledger *ledger);

static void
question_destroy(struct question *question)
{
	free(question->service);
	free(question->check);
	free(question->rows);
	free(question);
}

static void
answer_all(struct question_list *list)
{
	struct question *question;

	while ((question = STAILQ_FIRST(list)) != NULL) {
		STAILQ_REMOVE_HEAD(list, entry);
		question->cb(
		    question->rows, question->count, question->error, question->arg);
		question_destroy(question);
	}
}

static void
write_entries(struct job *job)
{
	const struct ledger_transition **rows = mem_array(job->count, sizeof(*rows));
	struct entry *entry;
	size_t n = 0;

	STAILQ_FOREACH (entry, &job->entries, entry)
		rows[n++] = &entry->transition;
	job->write_error = ledgerfile_write(job->file, rows, n, &job->refused);
	free(rows);
}

/* On a worker. */
static void
run_job(void *arg)
{
	struct job *job = arg;
	struct question *q;

	MAGIC_CHECK(job, JOB_MAGIC);
	if (job->count > 0)
		write_entries(job);
	STAILQ_FOREACH (q, &job->questions, entry) {
		q->error = ledgerfile_read(job->file, q->outages, q->service, q->check,
		    q->from_us, q->to_us, q->limit, &q->rows, &q->count);
		if (q->error != 0)
			job->read_errors++;
	}
	if (job->close || ledgerfile_open_count() > OPEN_MAX)
		ledgerfile_close(job->file);
}

static struct job *
job_create(struct ledger *ledger)
{
	struct job *job = mem_zalloc(sizeof(*job));

	MAGIC_SET(job, JOB_MAGIC);
	job->ledger = ledger;
	job->file = ledger->file;
	STAILQ_INIT(&job->entries);
	STAILQ_INIT(&job->questions);
	return job;
}

static void
job_destroy(struct job *job)
{
	assert(STAILQ_EMPTY(&job->entries) && STAILQ_EMPTY(&job->questions));
	MAGIC_CLEAR(job);
	free(job);
}

static void
take_entries(struct ledger *ledger, struct job *job)
{
	struct entry *entry;

	while (job->count < BATCH_MAX &&
	       (entry = STAILQ_FIRST(&ledger->entries)) != NULL) {
		STAILQ_REMOVE_HEAD(&ledger->entries, entry);
		STAILQ_INSERT_TAIL(&job->entries, entry, entry);
		job->count++;
	}
}

static void
give_back(struct ledger *ledger, struct job *job)
{
	STAILQ_CONCAT(&job->entries, &ledger->entries);
	STAILQ_CONCAT(&ledger->entries, &job->entries);
	STAILQ_CONCAT(&job->questions, &ledger->questions);
	STAILQ_CONCAT(&ledger->questions, &job->questions);
}

static void
forget_written(struct ledger *ledger, struct job *job)
{
	struct entry *entry;

	ledger->stats.queued -= job->count;
	ledger->stats.written += job->count - job->refused;
	ledger->stats.dropped += job->refused;
	while ((entry = STAILQ_FIRST(&job->entries)) != NULL) {
		STAILQ_REMOVE_HEAD(&job->entries, entry);
		free(entry);
	}
}

/* Takes over what a job that has run did; its questions stay with it. */
static void
settle_job(struct ledger *ledger, struct job *job)
{
	struct question *question;

	STAILQ_FOREACH (question, &job->questions, entry)
		ledger->question_count--;
	ledger->stats.errors += job->read_errors;
	ledger->stats.damaged = ledgerfile_moves(ledger->file);
	ledger->stats.open = ledgerfile_is_open(ledger->file);
	if (job->write_error != 0) {
		ledger->stats.errors++;
		ledger->stats.writable = false;
		STAILQ_CONCAT(&job->entries, &ledger->entries);
		STAILQ_CONCAT(&ledger->entries, &job->entries);
		ledger->retry_us =
		    ledger->retry_us == 0 ? RETRY_MIN_US : 2 * ledger->retry_us;
		if (ledger->retry_us > RETRY_MAX_US)
			ledger->retry_us = RETRY_MAX_US;
		loop_timer_set(ledger->retry, ledger->retry_us);
	} else if (job->count > 0) {
		if (!ledger->stats.writable)
			log_info("ledger: %s is written again", ledger->path);
		ledger->stats.writable = true;
		ledger->retry_us = 0;
		forget_written(ledger, job);
	}
}

static void
free_entries(struct entry_list *entries)
{
	struct entry *entry;

	while ((entry = STAILQ_FIRST(entries)) != NULL) {
		STAILQ_REMOVE_HEAD(entries, entry);
		free(entry);
	}
}

/* On a worker, or as the last act on the loop. */
static void
run_last(void *arg)
{
	struct last *last = arg;
	int attempts = 0;
	struct job job = {.file = last->file};
	struct entry *entry;
	size_t lost = 0;

	while (!STAILQ_EMPTY(&last->entries) && attempts < LAST_ATTEMPTS) {
		STAILQ_INIT(&job.entries);
		for (job.count = 0; job.count < BATCH_MAX &&
				    (entry = STAILQ_FIRST(&last->entries)) != NULL;
		     job.count++) {
			STAILQ_REMOVE_HEAD(&last->entries, entry);
			STAILQ_INSERT_TAIL(&job.entries, entry, entry);
		}
		write_entries(&job);
		if (job.write_error != 0) {
			attempts++;
			STAILQ_CONCAT(&job.entries, &last->entries);
			STAILQ_CONCAT(&last->entries, &job.entries);
		}
		free_entries(&job.entries);
	}
	STAILQ_FOREACH (entry, &last->entries, entry)
		lost++;
	ledgerfile_destroy(last->file);
	if (lost > 0)
		log_error("ledger: %s: %zu changes of verdict could not be written and "
			  "are lost",
		    last->path, lost);
}

static void
end_last(void *arg)
{
	struct last *last = arg;

	free_entries(&last->entries);
	free(last->path);
	free(last);
}

static void
start_last(struct last *last)
{
	if (worker_submit(last->pool, WORKER_NORMAL, run_last, end_last, last) == 0)
		return;
	run_last(last); /* the pool is full: better late than never */
	end_last(last);
}

/* The ledger was destroyed while the job was under way: its questions are answered. */
static void
end_orphan(struct job *job)
{
	struct question *question;

	while ((question = STAILQ_FIRST(&job->questions)) != NULL) {
		STAILQ_REMOVE_HEAD(&job->questions, entry);
		question_destroy(question);
	}
	if (job->write_error != 0) {
		STAILQ_CONCAT(&job->entries, &job->last->entries);
		STAILQ_CONCAT(&job->last->entries, &job->entries);
	}
	free_entries(&job->entries);
	start_last(job->last);
}

static void
end_job(void *arg)
{
	struct job *job = arg;
	struct ledger *ledger = job->ledger;

	MAGIC_CHECK(job, JOB_MAGIC);
	if (ledger != NULL) {
		struct question_list answered = STAILQ_HEAD_INITIALIZER(answered);

		MAGIC_CHECK(ledger, LEDGER_MAGIC);
		ledger->job = NULL;
		settle_job(ledger, job);
		STAILQ_CONCAT(&answered, &job->questions);
		start_job(ledger);
		if (ledger->job == NULL && ledger->stats.open)
			loop_timer_set(ledger->idle, IDLE_US);
		answer_all(&answered);
	} else {
		end_orphan(job);
	}
	job_destroy(job);
}

static void
submit(struct ledger *ledger, struct job *job)
{
	if (worker_submit(ledger->pool, WORKER_NORMAL, run_job, end_job, job) == 0) {
		ledger->job = job;
		loop_timer_clear(ledger->idle);
		return;
	}
	/* The pool is full: that passes. */
	give_back(ledger, job);
	job_destroy(job);
	loop_timer_set(ledger->retry, RETRY_MIN_US / 10);
}

static void
start_job(struct ledger *ledger)
{
	bool waiting = loop_timer_is_set(ledger->retry);
	struct job *job;

	if (ledger->job != NULL)
		return;
	if ((waiting || STAILQ_EMPTY(&ledger->entries)) &&
	    STAILQ_EMPTY(&ledger->questions))
		return;
	job = job_create(ledger);
	if (!waiting)
		take_entries(ledger, job);
	/* They see what was told before them, so not before its last batch. */
	if (waiting || STAILQ_EMPTY(&ledger->entries))
		STAILQ_CONCAT(&job->questions, &ledger->questions);
	submit(ledger, job);
}

static void
on_retry(void *arg)
{
	start_job(arg);
}

static void
on_idle(void *arg)
{
	struct ledger *ledger = arg;
	struct job *job;

	MAGIC_CHECK(ledger, LEDGER_MAGIC);
	if (ledger->job != NULL)
		return;
	job = job_create(ledger);
	job->close = true;
	submit(ledger, job);
	if (ledger->job == NULL)
		loop_timer_set(ledger->idle, IDLE_US);
}

static void
on_refusal(void *arg)
{
	struct ledger *ledger = arg;
	struct question_list refused = STAILQ_HEAD_INITIALIZER(refused);

	STAILQ_CONCAT(&refused, &ledger->refused);
	answer_all(&refused);
}

struct ledger *
ledger_create(struct loop *loop, struct worker_pool *pool, const char *store_path,
    const char *site)
{
	struct ledger *ledger = mem_zalloc(sizeof(*ledger));

	MAGIC_SET(ledger, LEDGER_MAGIC);
	ledger->loop = loop;
	ledger->pool = pool;
	ledger->path = mem_printf("%s/%s/ledger.sqlite", store_path, site);
	ledger->file = ledgerfile_create(ledger->path);
	STAILQ_INIT(&ledger->entries);
	STAILQ_INIT(&ledger->questions);
	STAILQ_INIT(&ledger->refused);
	ledger->retry = loop_timer_create(loop, on_retry, ledger);
	ledger->idle = loop_timer_create(loop, on_idle, ledger);
	ledger->refusal = loop_timer_create(loop, on_refusal, ledger);
	ledger->stats.writable = true;
	return ledger;
}

/* Parts a job under way from the ledger, or starts the last one. */
static void
hand_over(struct ledger *ledger)
{
	struct last *last = mem_zalloc(sizeof(*last));
	const struct question *question;

	last->pool = ledger->pool;
	last->path = ledger->path;
	last->file = ledger->file;
	STAILQ_INIT(&last->entries);
	STAILQ_CONCAT(&last->entries, &ledger->entries);
	if (ledger->job == NULL) {
		start_last(last);
		return;
	}
	ledger->job->ledger = NULL;
	ledger->job->last = last;
	/* What it reads is its own; who asked is told only that it is over. */
	STAILQ_FOREACH (question, &ledger->job->questions, entry)
		question->cb(NULL, 0, ERR_CLOSED, question->arg);
}

void
ledger_destroy(struct ledger *ledger)
{
	struct question_list answered = STAILQ_HEAD_INITIALIZER(answered);
	struct question *question;

	if (ledger == NULL)
		return;
	MAGIC_CHECK(ledger, LEDGER_MAGIC);
	loop_timer_destroy(ledger->retry);
	loop_timer_destroy(ledger->idle);
	loop_timer_destroy(ledger->refusal);
	STAILQ_FOREACH (question, &ledger->questions, entry)
		question->error = ERR_CLOSED;
	STAILQ_CONCAT(&answered, &ledger->questions);
	STAILQ_CONCAT(&answered, &ledger->refused);
	hand_over(ledger);
	MAGIC_CLEAR(ledger);
	free(ledger);
	answer_all(&answered); /* they may not ask again: there is nobody to ask */
}

void
ledger_add_transition(struct ledger *ledger, const struct ledger_transition *t)
{
	struct entry *entry;
	unsigned long held;

	MAGIC_CHECK(ledger, LEDGER_MAGIC);
	if (ledger->stats.queued >= LEDGER_QUEUE_MAX) {
		ledger->stats.dropped++;
		if (log_limited(&ledger->drop_limit, LOG_EVERY_US, &held))
			log_error("ledger: %s: %d changes of verdict wait to be "
				  "written, %lu dropped",
			    ledger->path, LEDGER_QUEUE_MAX, held + 1);
		return;
	}
	entry = mem_zalloc(sizeof(*entry));
	entry->transition = *t;
	STAILQ_INSERT_TAIL(&ledger->entries, entry, entry);
	ledger->stats.queued++;
	start_job(ledger);
}

/* Queues the question, of which service to arg are set. */
static void
ask(struct ledger *ledger, const struct question *asked)
{
	struct question *question = mem_dup(asked, sizeof(*asked));

	MAGIC_CHECK(ledger, LEDGER_MAGIC);
	question->service = mem_strdup(asked->service);
	question->check = mem_strdup(asked->check);
	if (question->limit > LEDGER_LIMIT_MAX)
		question->limit = LEDGER_LIMIT_MAX;
	if (ledger->question_count >= LEDGER_QUERIES_MAX) {
		question->error = ERR_FULL;
		STAILQ_INSERT_TAIL(&ledger->refused, question, entry);
		loop_timer_set(ledger->refusal, 0);
		return;
	}
	STAILQ_INSERT_TAIL(&ledger->questions, question, entry);
	ledger->question_count++;
	start_job(ledger);
}

void
ledger_transitions(struct ledger *ledger, const char *service, const char *check,
    int64_t from_us, int64_t to_us, size_t limit, ledger_transitions_cb *cb, void *arg)
{
	const struct question question = {.service = (char *)(uintptr_t)service,
	    .check = (char *)(uintptr_t)check,
	    .from_us = from_us,
	    .to_us = to_us,
	    .limit = limit,
	    .cb = cb,
	    .arg = arg};

	ask(ledger, &question);
}

void
ledger_outages(struct ledger *ledger, const char *service, const char *check,
    int64_t from_us, int64_t to_us, size_t limit, ledger_transitions_cb *cb, void *arg)
{
	const struct question question = {.outages = true,
	    .service = (char *)(uintptr_t)service,
	    .check = (char *)(uintptr_t)check,
	    .from_us = from_us,
	    .to_us = to_us,
	    .limit = limit,
	    .cb = cb,
	    .arg = arg};

	ask(ledger, &question);
}

void
ledger_stats(const struct ledger *ledger, struct ledger_stats *out)
{
	*out = ledger->stats;
}
