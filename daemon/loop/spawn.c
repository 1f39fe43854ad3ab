/*
 * Programs that the daemon runs. A program is begun by a worker (posix_spawn: a fork of
 * a large process would take long), told to the loop by its pidfd, and read through two
 * pipes. Its process group is killed before it is reaped, while its number cannot be
 * another's: what it left running ends with it.
 *
 * A spawn belongs to the pool: waiting for its turn, with the worker, or running. One
 * that is cancelled has no callback any more and goes as soon as it can: at once while
 * it waits, else once the worker has given it back and its program has ended.
 */
#include "loop/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "loop/worker.h"

#define POOL_MAGIC 0x73706f6f
#define SPAWN_MAGIC 0x7370776e
#define READ_BYTES 16384
#define FLOOD 16 /* times what is kept */
#define FULL_US (50 * CLOCK_SECOND / 1000)

struct pipe_end {
	struct spawn *spawn;
	struct loop_watch *watch;
	int fd;
	struct buf *kept;
};

struct spawn {
	MAGIC;
	TAILQ_ENTRY(spawn) entry;
	struct spawn_pool *pool;
	spawn_cb *cb; /* NULL: cancelled */
	void *arg;
	char **command, **environment; /* each of one block, texts included */
	int64_t deadline_us, half_us, began_us;
	size_t output_max, received;
	struct loop_timer *timer;
	bool waiting, with_worker;
	int error; /* of the worker: errno, 0 it runs */
	pid_t pid; /* 0: it does not run */
	int pid_fd;
	struct loop_watch *pid_watch;
	struct pipe_end out, err;
	struct spawn_reply reply; /* end is set to what we killed it for */
};

TAILQ_HEAD(spawn_list, spawn);

struct spawn_pool {
	MAGIC;
	struct loop *loop;
	struct worker_pool *io;
	unsigned limit;
	struct spawn_list waiting, begun;
	struct loop_timer *retry; /* there was no room for a job */
	struct spawn_stats stats;
};

static void begin_next(struct spawn_pool *pool);

/* ---- the end ---- */

static void
pipe_close(struct pipe_end *end)
{
	loop_watch_destroy(end->watch);
	end->watch = NULL;
	if (end->fd >= 0)
		close(end->fd);
	end->fd = -1;
}

static void
spawn_free(struct spawn *spawn)
{
	pipe_close(&spawn->out);
	pipe_close(&spawn->err);
	loop_watch_destroy(spawn->pid_watch);
	if (spawn->pid_fd >= 0)
		close(spawn->pid_fd);
	loop_timer_destroy(spawn->timer);
	buf_free(&spawn->reply.output);
	buf_free(&spawn->reply.errors);
	free(spawn->command);
	free(spawn->environment);
	MAGIC_CLEAR(spawn);
	free(spawn);
}

static void
leave(struct spawn *spawn)
{
	struct spawn_pool *pool = spawn->pool;

	if (spawn->waiting) {
		TAILQ_REMOVE(&pool->waiting, spawn, entry);
		pool->stats.waiting--;
	} else {
		TAILQ_REMOVE(&pool->begun, spawn, entry);
		pool->stats.running--;
	}
}

/* It is over: told, unless it was cancelled, and gone. */
static void
finish(struct spawn *spawn)
{
	struct spawn_pool *pool = spawn->pool;

	loop_timer_clear(spawn->timer);
	leave(spawn);
	if (spawn->cb != NULL)
		spawn->cb(&spawn->reply, spawn->arg);
	spawn_free(spawn);
	begin_next(pool);
}

/* The group, while its leader is not reaped; what the worker has is killed later. */
static void
kill_group(const struct spawn *spawn)
{
	if (!spawn->with_worker && spawn->pid > 0)
		(void)kill(-spawn->pid, SIGKILL);
}

static void
stop(struct spawn *spawn, enum spawn_end why)
{
	if (spawn->reply.end != SPAWN_EXITED)
		return;
	spawn->reply.end = why;
	spawn->pool->stats.killed++;
	kill_group(spawn);
}

/* ---- output ---- */

/* -> whether there may be more */
static bool
read_some(struct pipe_end *end)
{
	struct spawn *spawn = end->spawn;
	char bytes[READ_BYTES];
	ssize_t n;

	if (end->fd < 0)
		return false;
	n = read(end->fd, bytes, sizeof(bytes));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		pipe_close(end);
		return false;
	}
	buf_add(end->kept, bytes, (size_t)n);
	spawn->received += (size_t)n;
	if (spawn->received > FLOOD * spawn->output_max) {
		stop(spawn, SPAWN_FLOOD);
		pipe_close(end);
		return false;
	}
	return true;
}

static void
on_output(int fd, int events, void *arg)
{
	struct pipe_end *end = arg;

	MAGIC_CHECK(end->spawn, SPAWN_MAGIC);
	(void)read_some(end);
}

/* The descriptor of one that was reaped may still be reported under its number, while
 * the copy that a process has between fork and exec keeps it open: look first. */
static void
on_exit_of_it(int fd, int events, void *arg)
{
	struct spawn *spawn = arg;
	siginfo_t info = {0};
	id_t id = (id_t)fd;

	MAGIC_CHECK(spawn, SPAWN_MAGIC);
	if (waitid(P_PIDFD, id, &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
		if (info.si_pid == 0)
			return;
		kill_group(spawn);
		(void)waitid(P_PIDFD, id, &info, WEXITED | WNOHANG);
	} else {
		/* Somebody else reaped it: how it ended is not known. */
		spawn->reply.end = SPAWN_FAILED;
		spawn->reply.code = errno;
	}
	spawn->pid = 0;
	spawn->reply.seconds =
	    (double)(clock_mono_us() - spawn->began_us) / CLOCK_SECOND;
	while (read_some(&spawn->out) || read_some(&spawn->err))
		; /* bounded by what a pipe holds, and as a flood */
	if (spawn->reply.end == SPAWN_EXITED) {
		spawn->reply.code = info.si_status;
		if (info.si_code != CLD_EXITED)
			spawn->reply.end = SPAWN_KILLED;
	}
	finish(spawn);
}

/* ---- the beginning ---- */

static void
pipe_make(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) != 0)
		ends[0] = ends[1] = -1;
	else
		(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

static int
run_program(struct spawn *spawn, int out, int err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_adddup2(&actions, err, 2);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	posix_spawn_file_actions_addchdir_np(&actions, "/");
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes,
	    POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setsigmask(&attributes, &none);
	error = posix_spawn(&spawn->pid, spawn->command[0], &actions, &attributes,
	    spawn->command, spawn->environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

/* On a worker. */
static void
begin_run(void *arg)
{
	struct spawn *spawn = arg;
	int out[2], err[2];

	pipe_make(out);
	pipe_make(err);
	spawn->out.fd = out[0];
	spawn->err.fd = err[0];
	spawn->began_us = clock_mono_us();
	spawn->error =
	    out[1] < 0 || err[1] < 0 ? EMFILE : run_program(spawn, out[1], err[1]);
	if (out[1] >= 0)
		close(out[1]);
	if (err[1] >= 0)
		close(err[1]);
	if (spawn->error != 0) {
		spawn->pid = 0;
		return;
	}
	spawn->pid_fd = pidfd_open(spawn->pid, 0);
	if (spawn->pid_fd >= 0)
		return;
	spawn->error = errno;
	(void)kill(-spawn->pid, SIGKILL);
	(void)waitpid(spawn->pid, NULL, 0);
	spawn->pid = 0;
}

static void
begin_done(void *arg)
{
	struct spawn *spawn = arg;
	struct loop *loop = spawn->pool->loop;

	spawn->with_worker = false;
	if (spawn->error != 0) {
		spawn->reply.end = SPAWN_FAILED;
		spawn->reply.code = spawn->error;
		finish(spawn);
		return;
	}
	spawn->pool->stats.started++;
	spawn->out.watch =
	    loop_watch_create(loop, spawn->out.fd, LOOP_READ, on_output, &spawn->out);
	spawn->err.watch =
	    loop_watch_create(loop, spawn->err.fd, LOOP_READ, on_output, &spawn->err);
	spawn->pid_watch =
	    loop_watch_create(loop, spawn->pid_fd, LOOP_READ, on_exit_of_it, spawn);
	if (spawn->cb == NULL || spawn->reply.end != SPAWN_EXITED)
		kill_group(spawn);
}

/* One that was cancelled and cannot be killed (its disk is gone) still has its place:
 * the same program shall not take one after the other. */
static bool
has_begun(const struct spawn_pool *pool, const void *arg)
{
	const struct spawn *spawn;

	TAILQ_FOREACH (spawn, &pool->begun, entry)
		if (arg != NULL && spawn->arg == arg)
			return true;
	return false;
}

static void
begin_next(struct spawn_pool *pool)
{
	struct spawn *spawn, *next;

	for (spawn = TAILQ_FIRST(&pool->waiting);
	     spawn != NULL && pool->stats.running < pool->limit; spawn = next) {
		next = TAILQ_NEXT(spawn, entry);
		if (has_begun(pool, spawn->arg))
			continue;
		if (worker_submit(
			pool->io, WORKER_NORMAL, begin_run, begin_done, spawn) != 0) {
			loop_timer_set(pool->retry, FULL_US);
			return;
		}
		leave(spawn);
		spawn->waiting = false;
		spawn->with_worker = true;
		TAILQ_INSERT_TAIL(&pool->begun, spawn, entry);
		pool->stats.running++;
	}
}

static void
on_retry(void *arg)
{
	begin_next(arg);
}

static void
on_deadline(void *arg)
{
	struct spawn *spawn = arg;

	MAGIC_CHECK(spawn, SPAWN_MAGIC);
	if (spawn->waiting) {
		spawn->reply.end = SPAWN_WAITED;
		finish(spawn);
		return;
	}
	/* Who had no more than half of his time was held up by others. */
	if (spawn->with_worker || spawn->deadline_us - spawn->began_us < spawn->half_us)
		stop(spawn, SPAWN_WAITED);
	else
		stop(spawn, SPAWN_TIMEOUT);
}

/* A list and its texts in one block. */
static char **
copy_list(const char *const *list)
{
	size_t count, size = 0, i;
	char **copy, *at;

	for (count = 0; list[count] != NULL; count++)
		size += strlen(list[count]) + 1;
	copy = mem_alloc((count + 1) * sizeof(*copy) + size);
	at = (char *)(copy + count + 1);
	for (i = 0; i < count; i++) {
		copy[i] = at;
		at = stpcpy(at, list[i]) + 1;
	}
	copy[count] = NULL;
	return copy;
}

struct spawn *
spawn_start(struct spawn_pool *pool, const struct spawn_request *request, spawn_cb *cb,
    void *arg)
{
	struct spawn *spawn = mem_zalloc(sizeof(*spawn));

	MAGIC_CHECK(pool, POOL_MAGIC);
	assert(request->command[0] != NULL && request->output_max > 0);
	MAGIC_SET(spawn, SPAWN_MAGIC);
	spawn->pool = pool;
	spawn->cb = cb;
	spawn->arg = arg;
	spawn->command = copy_list(request->command);
	spawn->environment = copy_list(request->environment);
	spawn->deadline_us = clock_mono_us() + request->timeout_us;
	spawn->half_us = request->timeout_us / 2;
	spawn->output_max = request->output_max;
	spawn->pid_fd = spawn->out.fd = spawn->err.fd = -1;
	spawn->out.spawn = spawn->err.spawn = spawn;
	spawn->out.kept = &spawn->reply.output;
	spawn->err.kept = &spawn->reply.errors;
	spawn->reply.output.limit = spawn->reply.errors.limit = request->output_max;
	spawn->reply.seconds = NAN;
	spawn->waiting = true;
	spawn->timer = loop_timer_create(pool->loop, on_deadline, spawn);
	loop_timer_set_at(spawn->timer, spawn->deadline_us);
	TAILQ_INSERT_TAIL(&pool->waiting, spawn, entry);
	pool->stats.waiting++;
	begin_next(pool);
	return spawn;
}

void
spawn_cancel(struct spawn *spawn)
{
	MAGIC_CHECK(spawn, SPAWN_MAGIC);
	spawn->cb = NULL;
	loop_timer_clear(spawn->timer);
	if (spawn->waiting) {
		leave(spawn);
		spawn_free(spawn);
	} else {
		kill_group(spawn);
	}
}

void
spawn_stats(const struct spawn_pool *pool, struct spawn_stats *out)
{
	*out = pool->stats;
}

struct spawn_pool *
spawn_pool_create(struct loop *loop, struct worker_pool *io, unsigned running)
{
	struct spawn_pool *pool = mem_zalloc(sizeof(*pool));

	MAGIC_SET(pool, POOL_MAGIC);
	pool->loop = loop;
	pool->io = io;
	pool->limit = running;
	/* Inherited as ignored, it would have the kernel reap them unseen. */
	(void)signal(SIGCHLD, SIG_DFL);
	TAILQ_INIT(&pool->waiting);
	TAILQ_INIT(&pool->begun);
	pool->retry = loop_timer_create(loop, on_retry, pool);
	return pool;
}

void
spawn_pool_destroy(struct spawn_pool *pool)
{
	struct spawn *spawn;

	if (pool == NULL)
		return;
	MAGIC_CHECK(pool, POOL_MAGIC);
	while ((spawn = TAILQ_FIRST(&pool->waiting)) != NULL) {
		leave(spawn);
		spawn_free(spawn);
	}
	while ((spawn = TAILQ_FIRST(&pool->begun)) != NULL) {
		assert(!spawn->with_worker);
		kill_group(spawn);
		(void)waitid(
		    P_PIDFD, (id_t)spawn->pid_fd, &(siginfo_t){0}, WEXITED | WNOHANG);
		leave(spawn);
		spawn_free(spawn);
	}
	loop_timer_destroy(pool->retry);
	MAGIC_CLEAR(pool);
	free(pool);
}
