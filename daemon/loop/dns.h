/*
 * Questions to DNS servers, by c-ares on the loop: one name, one family, one
 * answer. The cache, the hosts file and who waits for what are in loop/resolve.
 */
#ifndef VT_LOOP_DNS_H
#define VT_LOOP_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/address.h"

#define DNS_ADDRESSES_MAX 8

struct loop;
struct dns;

struct dns_result {
	int error;		/* 0, ERR_NOT_FOUND, -ETIMEDOUT, ERR_LIBRARY, or ERR_FULL:
				 * we have no descriptor left */
	const char *reason;	/* static, English, where error is not 0 */
	bool exists;		/* ERR_NOT_FOUND: the name does, with other records */
	size_t count;
	struct address address[DNS_ADDRESSES_MAX]; /* as the server ordered them */
	int64_t ttl_s;		/* also of the absence, -1 if not told */
};

/* servers: "IP[:port],...", or "/FILE[:port]", which is read again when it changes;
 * NULL: "/etc/resolv.conf". -> NULL if c-ares cannot begin (logged) */
struct dns *dns_create(struct loop *loop, const char *servers);
void dns_destroy(struct dns *dns); /* what is open is dropped silently */

/* cb is called once, never before this returns. A question cannot be taken back;
 * it ends by itself, after 11 s at most. version: 4 or 6.
 * -> 0, ERR_FULL (cb is not called) */
typedef void dns_cb(const struct dns_result *result, void *arg);
int dns_ask(struct dns *dns, const char *name, int version, dns_cb *cb, void *arg);

/* How long an absence may be believed: the SOA record of a negative answer
 * (RFC 2308). -> seconds, -1 if there is none or the answer is malformed */
int64_t dns_absence_ttl(const unsigned char *answer, size_t length);

#endif
