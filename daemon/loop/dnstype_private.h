/*
 * What loop/dnstype, loop/dnsdata and loop/dnstext share: each type is a string of
 * fields, one character each, by which data is written as text and text is read:
 *
 *	1 2 4	numbers of so many bytes	n	a name
 *	a A	an IPv4, IPv6 address		s	a string in quotes
 *	t	a tag, in lower case		v	the rest in quotes
 *	T	strings to the end, joined	x b	the rest in hexadecimal, base64
 *	p	parameters of SVCB and HTTPS
 */
#ifndef VT_LOOP_DNSTYPE_PRIVATE_H
#define VT_LOOP_DNSTYPE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

struct dnstype {
	unsigned number;
	const char *name;
	const char *fields;	/* NULL: in the form of RFC 3597 */
	const char *words;	/* of what a person writes */
};

const struct dnstype *dnstype_find(unsigned number); /* NULL: not known */

/* Of SVCB and HTTPS, by their numbers. */
enum { DNSTYPE_MANDATORY, DNSTYPE_ALPN, DNSTYPE_NO_DEFAULT_ALPN, DNSTYPE_PORT,
	DNSTYPE_IPV4HINT, DNSTYPE_ECH, DNSTYPE_IPV6HINT, DNSTYPE_DOHPATH,
	DNSTYPE_PARAMETERS };
extern const char *const dnstype_parameters[DNSTYPE_PARAMETERS];

/* Escaped as in a zone file. */
void dnstype_add_bytes(struct buf *out, const unsigned char *bytes, size_t length);
void dnstype_add_quoted(struct buf *out, const unsigned char *bytes, size_t length);
void dnstype_add_lower(struct buf *out, const char *text);
void dnstype_add_hex(struct buf *out, const unsigned char *bytes, size_t length);
void dnstype_add_base64(struct buf *out, const unsigned char *bytes, size_t length);
void dnstype_add_address(struct buf *out, int version, const unsigned char *bytes);
/* Letters and digits, in lower case. -> false: it is something else */
bool dnstype_add_tag(struct buf *out, const void *bytes, size_t length);
void dnstype_add_parameter_name(struct buf *out, unsigned key);

#endif
