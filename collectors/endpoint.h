/* "host:port", as collectors of other things than URLs are told where to go. */
#ifndef VT_COLLECTORS_ENDPOINT_H
#define VT_COLLECTORS_ENDPOINT_H

#include "conf/option.h"

struct endpoint {
	char *host;	/* as DNS knows it (xn--), or an address without brackets */
	unsigned port;	/* 1 to 65535 */
};

/* "www.example.it:443", "192.0.2.1:25", "[2001:db8::1]:443". -> 0 and out to be freed,
 * or ERR_SYNTAX with what was wrong and expected */
int endpoint_parse(const char *text, struct endpoint *out, char error[256]);
void endpoint_free(struct endpoint *endpoint);
/* A host alone. -> to be freed, or NULL with what was wrong and expected */
char *endpoint_host(const char *text, char error[256]);

/* Complains of the options address and name; either may be NULL. */
void endpoint_check(
    const char *address, const char *name, conf_complain *complain, void *arg);

/* Rows of an option table. */
#define ADDRESS_OPTION(at, instance) \
	{.name = "address", \
	    .type = OPTION_STRING, \
	    .offset = (at), \
	    .required = true, \
	    .max = 300, \
	    .example = instance, \
	    .text = "Host and port; an IPv6 address in brackets"}
#define SERVER_NAME_OPTION(at, instance) \
	{.name = "name", \
	    .type = OPTION_STRING, \
	    .offset = (at), \
	    .max = 253, \
	    .example = instance, \
	    .text = "The name to ask for (SNI) and to find in the certificate; " \
		    "without it the host of address"}

#endif
