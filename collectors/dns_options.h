/*
 * The options of the dns collector, and what is made of their texts.
 */
#ifndef VT_COLLECTORS_DNS_OPTIONS_H
#define VT_COLLECTORS_DNS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/option.h"
#include "loop/address.h"

struct dns_expect;

struct dns_options {
	char *name, *type, *server;
	struct conf_strings expect, not_expect;
	bool exact, dnssec, soa_agreement;
	struct conf_strings nameservers;
	int64_t max_time_us, retry;
};

extern const struct option dns_options[];

/* A server as it is written: "192.0.2.1", "[2001:db8::1]:5353", "ns1.example.it". */
struct dns_server {
	bool literal;
	struct address address;	/* if literal */
	char host[256];		/* else */
	unsigned port;
};
/* -> 0, ERR_SYNTAX with what was expected */
int dns_server_parse(const char *text, struct dns_server *out, char error[160]);

/* As conf_collector's check. */
void dns_options_check(const void *options, conf_complain *complain, void *arg);
/* -> 0, ERR_SYNTAX with a sentence */
int dns_options_type(const struct dns_options *options, unsigned *type, char error[160]);

#endif
