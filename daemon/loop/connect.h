/*
 * A TCP connection to a name and port: the name resolved, its addresses tried in turn,
 * each for its share of the one deadline, as fetch does. What comes of it is a
 * descriptor, or why there is none.
 */
#ifndef VT_LOOP_CONNECT_H
#define VT_LOOP_CONNECT_H

#include <stddef.h>
#include <stdint.h>

#include "loop/fetch.h"
#include "loop/resolve.h"

struct connect; /* one under way, opaque */
struct loop;

struct connect_request {	/* host is borrowed until the end */
	const char *host;	/* a name or an address, no brackets */
	unsigned port;
	enum resolve_family family;
	int64_t dns_cache_us;	/* as resolve's max_age_us */
	int64_t timeout_us;
};

struct connect_outcome {
	enum fetch_class class;	/* FETCH_OK; RESOLVE, REFUSED, CONNECT_TIMEOUT, INTERNAL */
	int fd;			/* with FETCH_OK, the callee's from now on; non-blocking */
	double dns, connect;	/* seconds; NAN where it did not take place */
	char detail[160];	/* why not, the resolver's or the system's words */
	char address[RESOLVE_ADDRESS_SIZE]; /* that this is about; empty without any */
	size_t addresses, tried; /* that there are, up to this one */
};

/* cb is called once, never from within this; the connect is gone then. */
typedef void connect_cb(const struct connect_outcome *outcome, void *arg);
struct connect *connect_start(struct loop *loop, struct resolve *resolve,
    const struct connect_request *request, connect_cb *cb, void *arg);
void connect_cancel(struct connect *connect); /* cb is not called */

#endif
