/*
 * c-ares keeps to itself what a measurement has to tell: which server, how often it
 * was asked, that packets came which are no answer, that nobody listens there. So
 * the sockets are ours, one a server, connected: the kernel drops what others send
 * and reports what ICMP says. A packet with another number or question may be a
 * forger's: it is counted and passed over, and told of only if nothing better comes.
 *
 * Whatever ends a lookup only notes the answer and sets the timer, which delivers
 * it: so no callback comes from within lookup_start(), and nothing is freed under
 * somebody's feet.
 */
#include "loop/lookup.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "loop/dnstcp.h"
#include "loop/loop.h"

#define LOOKUP_MAGIC 0x6c6f6f6b
#define FIRST_WAIT_US CLOCK_SECOND
#define PACKETS_AT_ONCE 16
#define STRANGERS_BY_TCP_MAX 8
#define MESSAGE_MAX 65535

struct lookup;

struct leg { /* of one server, by UDP */
	struct lookup *lookup;
	struct lookup_server server;
	int fd;
	struct loop_watch *watch;
	bool over; /* nothing comes from there any more */
};

struct lookup {
	MAGIC;
	struct loop *loop;
	struct loop_timer *timer;
	lookup_cb *cb;
	void *arg;
	char *name;
	struct dnsmessage_question question;
	size_t count, at;
	struct leg legs[LOOKUP_SERVERS_MAX];
	unsigned round; /* all servers have been asked so often */
	int64_t began_us, deadline_us, timeout_us;
	unsigned strangers;
	bool ready;
	bool failed; /* the answer is a failure, kept in case nothing better comes */
	char failed_server[LOOKUP_SERVER_SIZE];
	struct dnstcp *tcp; /* or NULL */
	struct leg *tcp_leg;
	struct lookup_answer answer;
};

static void ask(struct lookup *lookup);

/* ---- the end ---- */

static void
tcp_close(struct lookup *lookup)
{
	dnstcp_close(lookup->tcp);
	lookup->tcp = NULL;
}

static void
close_sockets(struct lookup *lookup)
{
	size_t i;

	for (i = 0; i < lookup->count; i++) {
		loop_watch_destroy(lookup->legs[i].watch);
		lookup->legs[i].watch = NULL;
		if (lookup->legs[i].fd >= 0)
			close(lookup->legs[i].fd);
		lookup->legs[i].fd = -1;
	}
	tcp_close(lookup);
}

static void
lookup_destroy(struct lookup *lookup)
{
	close_sockets(lookup);
	loop_timer_destroy(lookup->timer);
	dnsmessage_free(&lookup->answer.message);
	free(lookup->name);
	MAGIC_CLEAR(lookup);
	free(lookup);
}

static void
end(struct lookup *lookup, enum lookup_class class)
{
	struct lookup_answer *answer = &lookup->answer;

	if (lookup->ready)
		return;
	if (lookup->failed && class != LOOKUP_OK && answer->total_s >= 0) {
		class = LOOKUP_OK;
		strlcpy(answer->server, lookup->failed_server, sizeof(answer->server));
		answer->sentence[0] = '\0';
	}
	answer->class = class;
	lookup->ready = true;
	close_sockets(lookup);
	loop_timer_set(lookup->timer, 0);
}

/* The sentence: WHAT SERVER: WHY, WHY by its number. */
static void
end_with_error(
    struct lookup *lookup, enum lookup_class class, const char *what, int error)
{
	snprintf(lookup->answer.sentence, sizeof(lookup->answer.sentence), "%s %s: %s",
	    what, lookup->answer.server, err_text(-error));
	end(lookup, class);
}

static bool
is_ours(int error)
{
	switch (error) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case EACCES: /* by a firewall of ours */
	case EPERM:
		return true;
	default:
		return false;
	}
}

/* ---- messages ---- */

static bool
is_silent_about_edns(const struct dnsmessage *message)
{
	return message->code == DNSMESSAGE_FORMERR ||
	       message->code == DNSMESSAGE_NOTIMP ||
	       message->code == DNSMESSAGE_BADVERS;
}

/* Would another server do better? */
static bool
is_failure(const struct dnsmessage *message)
{
	return message->code == DNSMESSAGE_SERVFAIL ||
	       message->code == DNSMESSAGE_NOTIMP ||
	       message->code == DNSMESSAGE_REFUSED;
}

static bool
others_are_left(const struct lookup *lookup, const struct leg *leg)
{
	size_t i;

	for (i = 0; i < lookup->count; i++)
		if (&lookup->legs[i] != leg && !lookup->legs[i].over)
			return true;
	return false;
}

static void
go_on(struct lookup *lookup)
{
	do {
		if (++lookup->at == lookup->count) {
			lookup->at = 0;
			lookup->round++;
		}
	} while (lookup->legs[lookup->at].over);
	ask(lookup);
}

static void
take(struct lookup *lookup, struct leg *leg, const unsigned char *bytes, size_t length)
{
	struct lookup_answer *answer = &lookup->answer;
	const char *reason;
	int code;

	lookup_server_format(&leg->server, answer->server);
	dnsmessage_free(&answer->message);
	code = dnsmessage_parse(
	    bytes, length, &lookup->question, &answer->message, &reason);
	answer->total_s = (double)(clock_mono_us() - lookup->began_us) / CLOCK_SECOND;
	if (code != 0) {
		answer->total_s = NAN;
		snprintf(answer->sentence, sizeof(answer->sentence),
		    "the answer of %s is not taken: %s", answer->server, reason);
		end(lookup, code == ERR_FULL ? LOOKUP_TOO_LARGE : LOOKUP_PROTOCOL);
	} else if (lookup->question.edns && is_silent_about_edns(&answer->message)) {
		lookup->question.edns = false;
		lookup->at = leg - lookup->legs;
		tcp_close(lookup);
		ask(lookup);
	} else if (is_failure(&answer->message) && others_are_left(lookup, leg)) {
		leg->over = true;
		lookup->failed = true;
		strlcpy(lookup->failed_server, answer->server,
		    sizeof(lookup->failed_server));
		tcp_close(lookup);
		go_on(lookup);
	} else {
		end(lookup, LOOKUP_OK);
	}
}

/* ---- TCP ---- */

static void
on_gone(int error, void *arg)
{
	struct lookup *lookup = arg;
	enum lookup_class class = LOOKUP_CLOSED;

	MAGIC_CHECK(lookup, LOOKUP_MAGIC);
	if (error == 0) {
		snprintf(lookup->answer.sentence, sizeof(lookup->answer.sentence),
		    "%s closed the TCP connection without an answer that is whole",
		    lookup->answer.server);
		end(lookup, lookup->strangers > 0 ? LOOKUP_PROTOCOL : class);
		return;
	}
	if (is_ours(error))
		class = LOOKUP_INTERNAL;
	else if (error == ETIMEDOUT)
		class = LOOKUP_CONNECT_TIMEOUT;
	else if (lookup->tcp == NULL || !dnstcp_is_connected(lookup->tcp))
		class = LOOKUP_REFUSED;
	end_with_error(lookup, class,
	    "the answer does not fit into UDP, and TCP failed to", error);
}

static bool
on_message(const unsigned char *bytes, size_t length, void *arg)
{
	struct lookup *lookup = arg;

	MAGIC_CHECK(lookup, LOOKUP_MAGIC);
	if (dnsmessage_fits(bytes, length, &lookup->question)) {
		take(lookup, lookup->tcp_leg, bytes, length);
		return false;
	}
	if (++lookup->strangers <= STRANGERS_BY_TCP_MAX)
		return true;
	on_gone(0, lookup);
	return false;
}

static void
tcp_start(struct lookup *lookup, struct leg *leg)
{
	unsigned char out[DNSMESSAGE_QUESTION_MAX];
	size_t length = dnsmessage_ask(&lookup->question, out);
	int error;

	lookup_server_format(&leg->server, lookup->answer.server);
	tcp_close(lookup);
	lookup->tcp_leg = leg;
	lookup->answer.tcp = true;
	lookup->strangers = 0;
	error = dnstcp_start(lookup->loop, &leg->server, out, length, on_message,
	    on_gone, lookup, &lookup->tcp);
	if (error != 0)
		on_gone(-error, lookup);
	else
		loop_timer_set_at(lookup->timer, lookup->deadline_us);
}

/* ---- UDP ---- */

static void
leg_failed(struct lookup *lookup, struct leg *leg, int error)
{
	leg->over = true;
	lookup_server_format(&leg->server, lookup->answer.server);
	if (others_are_left(lookup, leg)) {
		if (leg == &lookup->legs[lookup->at])
			go_on(lookup);
	} else if (is_ours(error)) {
		end_with_error(lookup, LOOKUP_INTERNAL, "cannot ask", error);
	} else {
		end_with_error(
		    lookup, LOOKUP_REFUSED, "no DNS server answers at", error);
	}
}

static void
on_packet(int fd, int events, void *arg)
{
	struct leg *leg = arg;
	struct lookup *lookup = leg->lookup;
	static unsigned char data[MESSAGE_MAX]; /* the loop's alone */
	int i, error;
	ssize_t n;

	MAGIC_CHECK(lookup, LOOKUP_MAGIC);
	for (i = 0;
	     i < PACKETS_AT_ONCE && !lookup->ready && lookup->tcp == NULL && !leg->over;
	     i++) {
		n = recv(fd, data, sizeof(data), 0);
		error = errno;
		if (n < 0 && (error == EAGAIN || error == EINTR))
			return;
		if (n < 0)
			leg_failed(lookup, leg, error);
		else if (!dnsmessage_fits(data, n, &lookup->question))
			lookup->strangers++;
		else if (dnsmessage_is_cut(data))
			tcp_start(lookup, leg);
		else
			take(lookup, leg, data, n);
	}
	if (!lookup->ready && (leg->over || lookup->tcp != NULL))
		loop_watch_set(leg->watch, 0);
}

static void
wait_for_answer(struct lookup *lookup)
{
	unsigned doublings = lookup->round < 10 ? lookup->round : 10;
	int64_t until_us = clock_mono_us() + (FIRST_WAIT_US << doublings);

	if (until_us > lookup->deadline_us)
		until_us = lookup->deadline_us;
	loop_timer_set_at(lookup->timer, until_us);
}

static void
ask(struct lookup *lookup)
{
	struct leg *leg = &lookup->legs[lookup->at];
	unsigned char out[DNSMESSAGE_QUESTION_MAX];
	size_t length = dnsmessage_ask(&lookup->question, out);

	lookup_server_format(&leg->server, lookup->answer.server);
	if (leg->fd < 0) {
		leg->fd = dnstcp_socket(&leg->server, SOCK_DGRAM);
		if (leg->fd < 0) {
			leg_failed(lookup, leg, -leg->fd);
			return;
		}
		leg->watch =
		    loop_watch_create(lookup->loop, leg->fd, LOOP_READ, on_packet, leg);
	} else {
		loop_watch_set(leg->watch, LOOP_READ);
	}
	lookup->answer.asked++;
	/* What ICMP said of the question before is told by the next one. */
	if (send(leg->fd, out, length, MSG_NOSIGNAL) < 0 && errno != EAGAIN &&
	    errno != EINTR) {
		leg_failed(lookup, leg, errno);
		return;
	}
	wait_for_answer(lookup);
}

/* ---- time ---- */

static void
late(struct lookup *lookup)
{
	struct lookup_answer *answer = &lookup->answer;
	char limit[TEXT_DURATION_SIZE];

	/* What is left of a check's timeout is no round number. */
	text_duration_format((lookup->timeout_us + 9999) / 10000 * 10000, limit);
	if (lookup->tcp != NULL) {
		bool connected = dnstcp_is_connected(lookup->tcp);

		snprintf(answer->sentence, sizeof(answer->sentence),
		    "the answer of %s does not fit into UDP, and by TCP %s came "
		    "within %s",
		    answer->server, connected ? "no whole one" : "no connection",
		    limit);
		end(lookup, connected ? LOOKUP_READ_TIMEOUT : LOOKUP_CONNECT_TIMEOUT);
	} else if (lookup->strangers > 0) {
		snprintf(answer->sentence, sizeof(answer->sentence),
		    "%u packet%s came from %s within %s, none of them an answer to "
		    "our question",
		    lookup->strangers, lookup->strangers > 1 ? "s" : "", answer->server,
		    limit);
		end(lookup, LOOKUP_PROTOCOL);
	} else {
		snprintf(answer->sentence, sizeof(answer->sentence),
		    "no answer from %s%s within %s, asked %u time%s", answer->server,
		    lookup->count > 1 ? " and the servers beside it" : "", limit,
		    answer->asked, answer->asked == 1 ? "" : "s");
		end(lookup, LOOKUP_SILENT);
	}
}

static void
deliver(struct lookup *lookup)
{
	struct lookup_answer answer = lookup->answer;
	lookup_cb *cb = lookup->cb;
	void *arg = lookup->arg;

	memset(&lookup->answer.message, 0, sizeof(lookup->answer.message));
	lookup_destroy(lookup);
	cb(&answer, arg);
	dnsmessage_free(&answer.message);
}

static void
on_timer(void *arg)
{
	struct lookup *lookup = arg;

	MAGIC_CHECK(lookup, LOOKUP_MAGIC);
	if (lookup->ready)
		deliver(lookup);
	else if (clock_mono_us() >= lookup->deadline_us || lookup->tcp != NULL)
		late(lookup);
	else
		go_on(lookup);
}

struct lookup *
lookup_start(
    struct loop *loop, const struct lookup_request *request, lookup_cb *cb, void *arg)
{
	struct lookup *lookup = mem_zalloc(sizeof(*lookup));
	size_t i;

	assert(
	    request->server_count > 0 && request->server_count <= LOOKUP_SERVERS_MAX);
	MAGIC_SET(lookup, LOOKUP_MAGIC);
	lookup->loop = loop;
	lookup->cb = cb;
	lookup->arg = arg;
	lookup->name = mem_strdup(request->name);
	lookup->question = (struct dnsmessage_question){
	    .name = lookup->name,
	    .type = request->type,
	    .id = arc4random_uniform(65536),
	    .recurse = request->recurse,
	    .edns = true,
	    .dnssec = request->dnssec,
	};
	lookup->count = request->server_count;
	for (i = 0; i < lookup->count; i++) {
		lookup->legs[i].lookup = lookup;
		lookup->legs[i].server = request->servers[i];
		lookup->legs[i].fd = -1;
	}
	lookup->answer.total_s = NAN;
	lookup->timeout_us = request->timeout_us;
	lookup->began_us = clock_mono_us();
	lookup->deadline_us = lookup->began_us + request->timeout_us;
	lookup->timer = loop_timer_create(loop, on_timer, lookup);
	ask(lookup);
	return lookup;
}

void
lookup_cancel(struct lookup *lookup)
{
	MAGIC_CHECK(lookup, LOOKUP_MAGIC);
	lookup_destroy(lookup);
}
