/*
 * Do all servers of a zone say the same? Its SOA record, asked of each of them.
 */
#ifndef VT_COLLECTORS_DNS_ZONE_H
#define VT_COLLECTORS_DNS_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include "loop/lookup.h"
#include "watch/probe.h"

struct dns_server;
struct dns_zone;

#define DNS_ZONE_NAMES_MAX 16
#define DNS_ZONE_TARGETS_MAX 32

struct dns_zone_config { /* borrowed until dns_zone_start() returns */
	const struct probe_env *env;
	const char *name;	/* of the zone, canonical */
	/* Who is asked for the names of its servers; unless they are given. */
	size_t server_count;
	struct lookup_server servers[LOOKUP_SERVERS_MAX];
	const struct dns_server *nameservers;
	size_t nameserver_count;
	unsigned port;		/* where the servers that the zone names listen */
	int64_t dns_cache_us, timeout_us;
};

struct dns_zone_answer {
	enum probe_class class;	/* PROBE_OK: all agree */
	char sentence[256];	/* also of agreement */
	size_t agreeing;	/* servers that have the newest serial */
	double total_s;		/* of the slowest of them; NAN: none */
	const struct dnsmessage *newest; /* SOA, of one of these; NULL: none */
};

/* Called once, never before dns_zone_start() returns. */
typedef void dns_zone_cb(const struct dns_zone_answer *answer, void *arg);
struct dns_zone *dns_zone_start(
    const struct dns_zone_config *config, dns_zone_cb *cb, void *arg);
void dns_zone_cancel(struct dns_zone *zone); /* cb is not called */

#endif
