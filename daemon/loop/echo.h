/*
 * ICMP echoes: so many to one address, and how long each reply took. All runs share
 * a socket of each family, opened when it is first needed: a ping socket where the
 * kernel lets us (net.ipv4.ping_group_range), else a raw one (CAP_NET_RAW).
 *
 * A reply counts if its number is of an echo that waits, it carries the random bytes
 * of that echo's run and comes from where the echo was sent to; what is late, double
 * or forged is passed over and counted.
 */
#ifndef VT_LOOP_ECHO_H
#define VT_LOOP_ECHO_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/address.h"

struct loop;
struct echo;		/* the sockets */
struct echo_run;

#define ECHO_COUNT_MAX 20
#define ECHO_SIZE_MIN 16
#define ECHO_SIZE_MAX 1472

struct echo_request {
	struct address address;
	unsigned count;		/* 1 to ECHO_COUNT_MAX */
	unsigned size;		/* bytes behind the header, ECHO_SIZE_MIN to ECHO_SIZE_MAX */
	int64_t spacing_us;	/* from one echo to the next */
	int64_t timeout_us;	/* in all; over as soon as the last reply is there */
};

struct echo_result {
	/* 0; -EACCES: neither kind of socket is allowed; another negative errno: not
	 * one echo could be sent. */
	int error;
	unsigned sent, received; /* of those sent */
	double min_s, average_s, median_s, max_s, deviation_s; /* NAN without replies */
	int unreachable;	/* errno that a router or host told last, 0 none */
	char router[ADDRESS_TEXT_SIZE]; /* who told; empty: our own host */
};

/* A right that came as an ambient capability stays ours, no program that we run gets
 * it. Before the first thread. */
void echo_own_rights(void);

struct echo *echo_create(struct loop *loop);
void echo_destroy(struct echo *echo); /* no run is left; NULL is fine */

/* Called once, never before echo_start() returns. */
typedef void echo_cb(const struct echo_result *result, void *arg);
struct echo_run *echo_start(struct echo *echo, const struct echo_request *request,
    echo_cb *cb, void *arg);
void echo_cancel(struct echo_run *run); /* cb is not called */

struct echo_stats {
	uint64_t sent, received, strangers; /* strangers: late, double, forged */
	uint64_t dropped;	/* by the kernel, since we did not read in time */
	unsigned waiting;
};
void echo_stats(const struct echo *echo, struct echo_stats *out);

/* Tests only: a UDP socket in the place of ours for a family (4, 6), which echo owns
 * from now on; packets go to port. raw: what comes begins as a raw socket has it. */
void echo_use(struct echo *echo, int version, int fd, unsigned port, bool raw);

#endif
