/*
 * Names to addresses by c-ares on the loop, with a cache that obeys the TTL and
 * /etc/hosts read by us when it changes. Never blocks, never starts a thread.
 *
 * The hosts file comes first, then DNS; a name is asked as it is written, search
 * domains do not apply. localhost never goes to DNS. IPv4 and IPv6 are asked at
 * once; when one has come the other is waited for 50 ms more. Concurrent queries
 * for one name share one question, but for one that is to be asked anew and comes
 * 100 ms after it.
 */
#ifndef VT_LOOP_RESOLVE_H
#define VT_LOOP_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct resolve;		/* the resolver */
struct resolve_query;

enum resolve_family { RESOLVE_ANY, RESOLVE_IPV4, RESOLVE_IPV6 };

#define RESOLVE_ADDRESSES_MAX 8
#define RESOLVE_ADDRESS_SIZE 46
struct resolve_answer {
	/* 0, or ERR_NOT_FOUND (no such name or no address of that family), -ETIMEDOUT,
	 * ERR_SYNTAX (not a host name), ERR_FULL, ERR_LIBRARY (a server failed) */
	int error;
	const char *sentence;	/* why not, English, for the administrator */
	size_t count;		/* addresses, in the order to try: the families in turn,
				 * IPv6 first where RFC 6724 would have it so, left
				 * out where there is no route and IPv4 exists */
	char address[RESOLVE_ADDRESSES_MAX][RESOLVE_ADDRESS_SIZE]; /* textual */
	int64_t elapsed_us;	/* waited for DNS; 0 from the cache, hosts or a literal */
	bool cached;		/* no question went out for this */
};

/* servers: "IP[:port],..." or a resolv.conf, for tests; NULL: the system's. cache_max: entries, one
 * a name and family. -> NULL if c-ares cannot begin (logged) */
struct resolve *resolve_create(struct loop *loop, const char *servers, size_t cache_max);
/* Pending queries are dropped silently. Not from within a callback of ours. */
void resolve_destroy(struct resolve *resolve);
/* Another file than /etc/hosts; for tests. */
void resolve_hosts(struct resolve *resolve, const char *path);

typedef void resolve_cb(const struct resolve_answer *answer, void *arg);
/* cb is called once, never before this returns. max_age_us: how old an answer of
 * the cache may be: -1 as its TTL allows, 0 ask anew. Literal addresses answer
 * themselves. -> a query to cancel with, valid until cb. */
struct resolve_query *resolve_start(struct resolve *resolve, const char *host,
    enum resolve_family family, int64_t max_age_us, int64_t timeout_us, resolve_cb *cb,
    void *arg);
void resolve_cancel(struct resolve_query *query); /* cb is not called */

struct resolve_stats {
	uint64_t queries, hits, failures;
	size_t entries;
};
void resolve_stats(const struct resolve *resolve, struct resolve_stats *out);

#endif
