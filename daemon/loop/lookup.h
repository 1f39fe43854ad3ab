/*
 * One DNS question of any type to given servers, as a measurement: by UDP, again
 * after 1, 2, 4 ... seconds, by TCP when the answer does not fit; nothing is cached.
 * Of several servers the next is asked when one is silent, fails or refuses. A
 * server that does not understand EDNS is asked without.
 */
#ifndef VT_LOOP_LOOKUP_H
#define VT_LOOP_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/address.h"
#include "loop/dnsmessage.h"

struct loop;
struct lookup;

struct lookup_server {
	struct address address;
	unsigned port;
};

#define LOOKUP_SERVERS_MAX 3
struct lookup_request { /* borrowed until lookup_start() returns */
	const char *name;	/* as dnstype_canonical_name() */
	unsigned type;
	bool recurse;		/* ask a resolver, not the zone's own server */
	bool dnssec;		/* say that we care for it */
	size_t server_count;	/* 1 to LOOKUP_SERVERS_MAX */
	struct lookup_server servers[LOOKUP_SERVERS_MAX];
	int64_t timeout_us;	/* in all */
};

enum lookup_class {
	LOOKUP_OK,		/* an answer came, whatever its code */
	LOOKUP_SILENT,		/* none did */
	LOOKUP_REFUSED,		/* nobody listens, or there is no way to there */
	LOOKUP_CONNECT_TIMEOUT, LOOKUP_READ_TIMEOUT, LOOKUP_CLOSED, /* of TCP */
	LOOKUP_TOO_LARGE,	/* more records than DNSMESSAGE_ANSWERS_MAX */
	LOOKUP_PROTOCOL,	/* what came is no answer */
	LOOKUP_INTERNAL,	/* the fault is ours */
};

#define LOOKUP_SERVER_SIZE (ADDRESS_TEXT_SIZE + 10)
struct lookup_answer {
	enum lookup_class class;
	char sentence[224];	/* what failed; empty if LOOKUP_OK */
	struct dnsmessage message; /* if LOOKUP_OK */
	double total_s;		/* from the first question to the answer; NAN: none */
	bool tcp;
	unsigned asked;		/* by UDP */
	char server[LOOKUP_SERVER_SIZE]; /* who answered, or was asked last */
};

/* Called once, never before lookup_start() returns; answer is the callee's to read
 * until it returns. */
typedef void lookup_cb(const struct lookup_answer *answer, void *arg);
struct lookup *lookup_start(struct loop *loop, const struct lookup_request *request,
    lookup_cb *cb, void *arg);
void lookup_cancel(struct lookup *lookup); /* cb is not called */

/* "192.0.2.1", "[2001:db8::1]:5353": without the port where it is 53 */
const char *lookup_server_format(
    const struct lookup_server *server, char out[LOOKUP_SERVER_SIZE]);
/* The servers of a resolv.conf (path NULL: the system's), ours if it names none.
 * -> how many, at least 1 */
size_t lookup_system_servers(
    const char *path, struct lookup_server out[LOOKUP_SERVERS_MAX]);
/* The same from its text. */
size_t lookup_parse_servers(const char *text, size_t length,
    struct lookup_server out[LOOKUP_SERVERS_MAX]);

#endif
