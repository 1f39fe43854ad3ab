/*
 * Internet addresses, and which family to try first.
 */
#ifndef VT_LOOP_ADDRESS_H
#define VT_LOOP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

struct address {
	int version;		/* 4 or 6 */
	unsigned char bytes[16];
};

#define ADDRESS_TEXT_SIZE 46

/* Dotted IPv4; IPv6 with brackets or without, no zone. -> false: neither */
bool address_parse(const char *text, struct address *out);
const char *address_format(const struct address *address, char out[ADDRESS_TEXT_SIZE]);
/* Loopback, link-local, unique local, global. */
enum { ADDRESS_LOOPBACK, ADDRESS_LINK, ADDRESS_UNIQUE, ADDRESS_GLOBAL, ADDRESS_SCOPES };
unsigned address_v6_scope(const struct address *address);

/* What RFC 6724 asks of a pair of one IPv6 and one IPv4 address: is there a route
 * to this IPv6 address, from a source of its own scope? Sends nothing. */
enum address_route { ADDRESS_NO_ROUTE, ADDRESS_OTHER_SOURCE, ADDRESS_OWN_SOURCE };
enum address_route address_v6_route(const struct address *address);

/* Letters, digits, - and _ in labels of 1 to 63 bytes, 253 in all, the last label
 * not a number; a dot may follow. */
bool address_is_name(const char *text);

#endif
