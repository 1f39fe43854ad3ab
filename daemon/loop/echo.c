/*
 * Runs of echoes over the two sockets of loop/echoport. Every echo that waits is in one
 * tree by its number, which is its own while it waits.
 *
 * Whatever ends a run sets its timer, which delivers the result: no callback comes
 * from within echo_start().
 */
#include "loop/echo.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/tree.h"
#include "loop/echoport.h"
#include "loop/loop.h"

#define ECHO_MAGIC 0x6563686f
#define RUN_MAGIC 0x6563726e
#define WAITING_MAX 16384 /* of 65536 numbers */

struct sent {
	RB_ENTRY(sent) entry; /* of echo->waiting, while it waits */
	struct echo_run *run;
	uint16_t number;
	int64_t sent_us;
	bool waiting;
};

RB_HEAD(sent_tree, sent);

struct echo {
	MAGIC;
	struct loop *loop;
	struct echoport *ports[2]; /* IPv4, IPv6 */
	struct sent_tree waiting;
	uint16_t next;
	struct echo_stats stats;
};

struct echo_run {
	MAGIC;
	struct echo *echo;
	struct echoport *port;
	struct echo_request request;
	unsigned char cookie[ECHOPORT_COOKIE_SIZE];
	struct sent echoes[ECHO_COUNT_MAX];
	unsigned tried, waiting;
	double times_s[ECHO_COUNT_MAX];
	int64_t began_us, spacing_us;
	int send_error;
	bool ready;
	struct loop_timer *timer;
	echo_cb *cb;
	void *arg;
	struct echo_result result;
};

static int
compare(const struct sent *a, const struct sent *b)
{
	return a->number < b->number ? -1 : a->number > b->number;
}

TREE_GENERATE(sent_tree, sent, entry, compare)

/* ---- a run's end ---- */

static int
compare_times(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
summarize(struct echo_run *run)
{
	struct echo_result *result = &run->result;
	unsigned n = result->received, i;
	double *times = run->times_s, sum = 0, squares = 0;

	result->min_s = result->average_s = result->median_s = NAN;
	result->max_s = result->deviation_s = NAN;
	if (result->sent == 0 && result->error == 0)
		result->error = run->send_error != 0 ? -run->send_error : -ENOBUFS;
	if (n == 0)
		return;
	qsort(times, n, sizeof(*times), compare_times);
	for (i = 0; i < n; i++)
		sum += times[i];
	result->average_s = sum / n;
	for (i = 0; i < n; i++)
		squares +=
		    (times[i] - result->average_s) * (times[i] - result->average_s);
	result->deviation_s = sqrt(squares / n);
	result->min_s = times[0];
	result->max_s = times[n - 1];
	result->median_s = (times[(n - 1) / 2] + times[n / 2]) / 2;
}

static void
forget(struct sent *sent)
{
	struct echo *echo = sent->run->echo;

	if (!sent->waiting)
		return;
	RB_REMOVE(sent_tree, &echo->waiting, sent);
	sent->waiting = false;
	sent->run->waiting--;
	echo->stats.waiting--;
}

static void
run_destroy(struct echo_run *run)
{
	unsigned i;

	for (i = 0; i < run->tried; i++)
		forget(&run->echoes[i]);
	loop_timer_destroy(run->timer);
	MAGIC_CLEAR(run);
	free(run);
}

static void
end(struct echo_run *run)
{
	if (run->ready)
		return;
	run->ready = true;
	loop_timer_set(run->timer, 0);
}

/* One echo is answered, or will not be. */
static void
settle(struct sent *sent)
{
	struct echo_run *run = sent->run;

	forget(sent);
	if (run->waiting == 0 && run->tried == run->request.count)
		end(run);
}

/* ---- what comes ---- */

static struct sent *
find(struct echo *echo, const struct echoport_packet *packet)
{
	struct sent key = {.number = packet->number}, *sent;

	sent = RB_FIND(sent_tree, &echo->waiting, &key);
	if (sent == NULL || (packet->cookie == NULL && packet->error == 0))
		return NULL;
	if (packet->cookie != NULL &&
	    memcmp(packet->cookie, sent->run->cookie, ECHOPORT_COOKIE_SIZE) != 0)
		return NULL;
	return sent;
}

static bool
is_from_target(const struct echo_run *run, const struct echoport_packet *packet)
{
	const struct address *target = &run->request.address;

	return packet->from.version == target->version &&
	       memcmp(packet->from.bytes, target->bytes,
		   target->version == 4 ? 4 : 16) == 0;
}

static void
take_reply(struct sent *sent, const struct echoport_packet *packet)
{
	struct echo_run *run = sent->run;
	int64_t us = packet->received_us - sent->sent_us;

	run->times_s[run->result.received++] =
	    us > 0 ? (double)us / CLOCK_SECOND : 1e-6;
	run->echo->stats.received++;
	settle(sent);
}

static void
take_error(struct sent *sent, const struct echoport_packet *packet)
{
	struct echo_result *result = &sent->run->result;

	result->unreachable = packet->error;
	result->router[0] = '\0';
	if (packet->from.version != 0)
		address_format(&packet->from, result->router);
	settle(sent);
}

static void
on_packet(const struct echoport_packet *packet, void *arg)
{
	struct echo *echo = arg;
	struct sent *sent;

	MAGIC_CHECK(echo, ECHO_MAGIC);
	sent = find(echo, packet);
	if (sent != NULL && packet->error != 0)
		take_error(sent, packet);
	else if (sent != NULL && is_from_target(sent->run, packet) &&
		 packet->size == sent->run->request.size)
		take_reply(sent, packet);
	else
		echo->stats.strangers++;
}

/* ---- what goes ---- */

static bool
is_ours(int error)
{
	return error == EAGAIN || error == ENOBUFS || error == ENOMEM ||
	       error == EINTR || error == EPERM || error == EBADF;
}

/* The next number that no echo waits for. -> false: too many wait */
static bool
number_echo(struct echo_run *run, struct sent *sent)
{
	struct echo *echo = run->echo;

	if (echo->stats.waiting >= WAITING_MAX)
		return false;
	do
		sent->number = echo->next++;
	while (RB_INSERT(sent_tree, &echo->waiting, sent) != NULL);
	sent->waiting = true;
	run->waiting++;
	echo->stats.waiting++;
	return true;
}

static void
send_echo(struct echo_run *run)
{
	struct sent *sent = &run->echoes[run->tried++];
	int error;

	sent->run = run;
	if (!number_echo(run, sent)) {
		run->send_error = ENOBUFS;
		return;
	}
	error = -echoport_send(run->port, &run->request.address, sent->number,
	    run->cookie, run->request.size, &sent->sent_us);
	if (error == 0) {
		run->echo->stats.sent++;
		run->result.sent++;
		return;
	}
	run->send_error = error;
	if (!is_ours(error)) { /* no way to there: sent, and lost */
		run->result.sent++;
		run->result.unreachable = error;
		run->result.router[0] = '\0';
	}
	forget(sent);
}

/* Sends what is due, then waits for the next one or for the end. */
static void
go_on(struct echo_run *run)
{
	int64_t now_us = clock_mono_us();
	int64_t end_us = run->began_us + run->request.timeout_us, next_us;

	if (run->tried > 0 && now_us >= end_us) {
		end(run);
		return;
	}
	while (run->tried < run->request.count &&
	       run->began_us + run->tried * run->spacing_us <= now_us)
		send_echo(run);
	if (run->tried == run->request.count) {
		if (run->waiting == 0)
			end(run);
		else
			loop_timer_set_at(run->timer, end_us);
		return;
	}
	next_us = run->began_us + run->tried * run->spacing_us;
	loop_timer_set_at(run->timer, next_us < end_us ? next_us : end_us);
}

static void
on_timer(void *arg)
{
	struct echo_run *run = arg;
	struct echo_result result;
	echo_cb *cb;
	void *cb_arg;

	MAGIC_CHECK(run, RUN_MAGIC);
	if (!run->ready) {
		go_on(run);
		return;
	}
	summarize(run);
	result = run->result;
	cb = run->cb;
	cb_arg = run->arg;
	run_destroy(run);
	cb(&result, cb_arg);
}

struct echo_run *
echo_start(
    struct echo *echo, const struct echo_request *request, echo_cb *cb, void *arg)
{
	struct echo_run *run = mem_zalloc(sizeof(*run));
	int64_t most_us = 0;

	MAGIC_CHECK(echo, ECHO_MAGIC);
	assert(request->count > 0 && request->count <= ECHO_COUNT_MAX);
	assert(request->size >= ECHO_SIZE_MIN && request->size <= ECHO_SIZE_MAX);
	MAGIC_SET(run, RUN_MAGIC);
	run->echo = echo;
	run->port = echo->ports[request->address.version == 6];
	run->request = *request;
	run->cb = cb;
	run->arg = arg;
	run->began_us = clock_mono_us();
	/* The last one needs time for its reply. */
	if (request->count > 1)
		most_us = request->timeout_us / 2 / (request->count - 1);
	run->spacing_us = request->spacing_us < most_us ? request->spacing_us : most_us;
	arc4random_buf(run->cookie, sizeof(run->cookie));
	run->timer = loop_timer_create(echo->loop, on_timer, run);
	run->result.error = echoport_open(run->port);
	if (run->result.error == 0)
		go_on(run);
	else
		end(run);
	return run;
}

void
echo_cancel(struct echo_run *run)
{
	MAGIC_CHECK(run, RUN_MAGIC);
	run_destroy(run);
}

void
echo_stats(const struct echo *echo, struct echo_stats *out)
{
	MAGIC_CHECK(echo, ECHO_MAGIC);
	*out = echo->stats;
	out->dropped =
	    echoport_dropped(echo->ports[0]) + echoport_dropped(echo->ports[1]);
}

void
echo_use(struct echo *echo, int version, int fd, unsigned udp_port, bool raw)
{
	MAGIC_CHECK(echo, ECHO_MAGIC);
	echoport_use(echo->ports[version == 6], fd, udp_port, raw);
}

void
echo_own_rights(void)
{
	/* Fails where the kernel has no such thing, which is as well. */
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

struct echo *
echo_create(struct loop *loop)
{
	struct echo *echo = mem_zalloc(sizeof(*echo));

	MAGIC_SET(echo, ECHO_MAGIC);
	echo->loop = loop;
	RB_INIT(&echo->waiting);
	echo->next = arc4random_uniform(65536);
	echo->ports[0] = echoport_create(loop, 4, on_packet, echo);
	echo->ports[1] = echoport_create(loop, 6, on_packet, echo);
	return echo;
}

void
echo_destroy(struct echo *echo)
{
	if (echo == NULL)
		return;
	MAGIC_CHECK(echo, ECHO_MAGIC);
	assert(RB_EMPTY(&echo->waiting));
	echoport_destroy(echo->ports[0]);
	echoport_destroy(echo->ports[1]);
	MAGIC_CLEAR(echo);
	free(echo);
}
