/*
 * In which order the addresses of a name are tried: the families in turn, IPv6 first
 * where RFC 6724 would have it so. IPv6 to where there is no route is left out where
 * there is IPv4: it would only take its share of the time, and tell of our network
 * instead of the other side.
 */
#ifndef VT_LOOP_ROUTES_H
#define VT_LOOP_ROUTES_H

#include <stdint.h>

#include "loop/address.h"
#include "loop/dns.h"
#include "loop/resolve.h"

/* What is known of our routes, by the scope of where they go; for a while. */
struct routes {
	struct {
		enum address_route route;
		int64_t checked_us;	/* -1: never */
	} v6[ADDRESS_SCOPES];
};

void routes_init(struct routes *routes);
/* Adds what is in both to out; changes six. */
void routes_merge(struct routes *routes, const struct dns_result *four,
    struct dns_result *six, struct resolve_answer *out);

#endif
