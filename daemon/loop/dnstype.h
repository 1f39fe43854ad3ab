/*
 * Types of DNS records: their names, and their data as text. There is one text for
 * one data (names in lower case without the dot at the end, addresses as
 * loop/address has them, hexadecimal in lower case), so that what a server said and
 * what a person wrote can be compared as text. Types without a form of their own have
 * that of RFC 3597: \# 4 c0000201.
 */
#ifndef VT_LOOP_DNSTYPE_H
#define VT_LOOP_DNSTYPE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

enum {
	DNSTYPE_A = 1, DNSTYPE_NS = 2, DNSTYPE_CNAME = 5, DNSTYPE_SOA = 6,
	DNSTYPE_PTR = 12, DNSTYPE_MX = 15, DNSTYPE_TXT = 16, DNSTYPE_AAAA = 28,
	DNSTYPE_OPT = 41,
};

/* "MX", "mx", "TYPE15". -> 0, ERR_NOT_FOUND, ERR_RANGE: no data can have this type
 * (ANY, AXFR, OPT and their like) */
int dnstype_number(const char *name, unsigned *type);
#define DNSTYPE_NAME_SIZE 16
const char *dnstype_name(unsigned type, char out[DNSTYPE_NAME_SIZE]);
/* The names known, NULL-terminated. */
const char *const *dnstype_names(void);

/* data is within message, whose names it may point to. -> 0, ERR_SYNTAX (out holds
 * a part) */
int dnstype_text(unsigned type, const unsigned char *message, size_t message_length,
    const unsigned char *data, size_t length, struct buf *out);
/* What a person wrote, as dnstype_text() would have it. -> 0, ERR_SYNTAX with what
 * was expected */
int dnstype_canonical(unsigned type, const char *text, struct buf *out, char error[160]);
/* The same for one name. -> 0, ERR_SYNTAX */
int dnstype_canonical_name(const char *text, struct buf *out);

#endif
