/*
 * Workers. One mutex guards the queues and the list of ended jobs; a worker that
 * ends a job puts it on that list and writes to an eventfd, which wakes the loop;
 * the loop takes the whole list and calls each done() without the lock.
 */
#include "loop/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "loop/loop.h"

#define POOL_MAGIC 0x706f6f6c

struct job {
	STAILQ_ENTRY(job) entry;
	worker_fn *run, *done;
	void *arg;
};

STAILQ_HEAD(job_list, job);

struct worker_pool {
	MAGIC;
	const char *name;
	struct loop_watch *watch;
	int eventfd;
	unsigned threads;
	pthread_t *thread;
	pthread_mutex_t lock;
	pthread_cond_t work, idle;
	bool stopping;
	struct job_list queue[WORKER_PRIORITIES];
	struct job_list ended;
	struct worker_stats stats;
};

static struct job *
next_job(struct worker_pool *pool)
{
	int i;

	for (i = 0; i < WORKER_PRIORITIES; i++) {
		struct job *job = STAILQ_FIRST(&pool->queue[i]);
		if (job == NULL)
			continue;
		STAILQ_REMOVE_HEAD(&pool->queue[i], entry);
		return job;
	}
	return NULL;
}

static void *
work(void *arg)
{
	struct worker_pool *pool = arg;
	struct job *job;
	uint64_t one = 1;
	ssize_t ignored;

	pthread_setname_np(pthread_self(), pool->name);
	pthread_mutex_lock(&pool->lock);
	for (;;) {
		while ((job = next_job(pool)) == NULL && !pool->stopping)
			pthread_cond_wait(&pool->work, &pool->lock);
		if (job == NULL)
			break;
		pool->stats.queued--;
		pool->stats.running++;
		pthread_mutex_unlock(&pool->lock);
		job->run(job->arg);
		pthread_mutex_lock(&pool->lock);
		pool->stats.running--;
		STAILQ_INSERT_TAIL(&pool->ended, job, entry);
		pthread_cond_broadcast(&pool->idle);
		ignored = write(pool->eventfd, &one, sizeof(one));
		(void)ignored;
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static void
deliver(struct worker_pool *pool)
{
	struct job_list ended = STAILQ_HEAD_INITIALIZER(ended);
	struct job *job;
	uint64_t count;
	ssize_t ignored = read(pool->eventfd, &count, sizeof(count));

	(void)ignored;
	pthread_mutex_lock(&pool->lock);
	STAILQ_CONCAT(&ended, &pool->ended);
	pthread_mutex_unlock(&pool->lock);
	while ((job = STAILQ_FIRST(&ended)) != NULL) {
		STAILQ_REMOVE_HEAD(&ended, entry);
		pool->stats.done++;
		if (job->done != NULL)
			job->done(job->arg);
		free(job);
	}
}

static void
on_eventfd(int fd, int events, void *arg)
{
	deliver(arg);
}

struct worker_pool *
worker_pool_create(
    struct loop *loop, const char *name, unsigned threads, unsigned capacity)
{
	struct worker_pool *pool = mem_zalloc(sizeof(*pool));
	sigset_t all, before;
	unsigned i;
	int error;

	MAGIC_SET(pool, POOL_MAGIC);
	pool->name = name;
	pool->threads = threads;
	pool->stats.capacity = capacity;
	for (i = 0; i < WORKER_PRIORITIES; i++)
		STAILQ_INIT(&pool->queue[i]);
	STAILQ_INIT(&pool->ended);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	pthread_cond_init(&pool->idle, NULL);
	pool->eventfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert(pool->eventfd >= 0);
	pool->watch =
	    loop_watch_create(loop, pool->eventfd, LOOP_READ, on_eventfd, pool);
	pool->thread = mem_array(threads, sizeof(*pool->thread));
	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (i = 0; i < threads; i++) {
		error = pthread_create(&pool->thread[i], NULL, work, pool);
		assert(error == 0);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pool;
}

void
worker_pool_destroy(struct worker_pool *pool)
{
	unsigned i;

	if (pool == NULL)
		return;
	MAGIC_CHECK(pool, POOL_MAGIC);
	worker_settle(pool);
	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	for (i = 0; i < pool->threads; i++)
		pthread_join(pool->thread[i], NULL);
	loop_watch_destroy(pool->watch);
	close(pool->eventfd);
	pthread_mutex_destroy(&pool->lock);
	pthread_cond_destroy(&pool->work);
	pthread_cond_destroy(&pool->idle);
	free(pool->thread);
	MAGIC_CLEAR(pool);
	free(pool);
}

int
worker_submit(struct worker_pool *pool, enum worker_priority priority, worker_fn *run,
    worker_fn *done, void *arg)
{
	struct job *job;

	MAGIC_CHECK(pool, POOL_MAGIC);
	pthread_mutex_lock(&pool->lock);
	if (pool->stats.queued >= pool->stats.capacity) {
		pool->stats.refused++;
		pthread_mutex_unlock(&pool->lock);
		return ERR_FULL;
	}
	job = mem_zalloc(sizeof(*job));
	job->run = run;
	job->done = done;
	job->arg = arg;
	STAILQ_INSERT_TAIL(&pool->queue[priority], job, entry);
	pool->stats.queued++;
	pool->stats.submitted++;
	pthread_cond_signal(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	return 0;
}

void
worker_settle(struct worker_pool *pool)
{
	bool busy;

	MAGIC_CHECK(pool, POOL_MAGIC);
	do {
		pthread_mutex_lock(&pool->lock);
		while (pool->stats.queued + pool->stats.running > 0)
			pthread_cond_wait(&pool->idle, &pool->lock);
		pthread_mutex_unlock(&pool->lock);
		deliver(pool); /* may submit more */
		pthread_mutex_lock(&pool->lock);
		busy = pool->stats.queued + pool->stats.running > 0 ||
		       !STAILQ_EMPTY(&pool->ended);
		pthread_mutex_unlock(&pool->lock);
	} while (busy);
}

void
worker_stats(struct worker_pool *pool, struct worker_stats *out)
{
	pthread_mutex_lock(&pool->lock);
	*out = pool->stats;
	pthread_mutex_unlock(&pool->lock);
}

const char *
worker_name(const struct worker_pool *pool)
{
	return pool->name;
}
