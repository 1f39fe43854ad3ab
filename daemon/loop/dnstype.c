/*
 * The table of types, and the pieces of text of which loop/dnsdata and loop/dnstext
 * make the same.
 */
#include "loop/dnstype.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "loop/address.h"
#include "loop/dnstype_private.h"

static const struct dnstype types[] = {
    {1, "A", "a", "an IPv4 address"},
    {2, "NS", "n", "a name"},
    {5, "CNAME", "n", "a name"},
    {6, "SOA", "nn44444", "\"MNAME RNAME SERIAL REFRESH RETRY EXPIRE MINIMUM\""},
    {12, "PTR", "n", "a name"},
    {13, "HINFO", "ss", "\"CPU\" \"OS\""},
    {15, "MX", "2n", "\"PREFERENCE NAME\""},
    {16, "TXT", "T", "a text"},
    {17, "RP", "nn", "\"MAILBOX NAME\""},
    {18, "AFSDB", "2n", "\"SUBTYPE NAME\""},
    {28, "AAAA", "A", "an IPv6 address"},
    {29, "LOC", NULL, ""},
    {33, "SRV", "222n", "\"PRIORITY WEIGHT PORT NAME\""},
    {35, "NAPTR", "22sssn", "ORDER PREFERENCE \"FLAGS\" \"SERVICE\" \"REGEXP\" NAME"},
    {36, "KX", "2n", "\"PREFERENCE NAME\""},
    {37, "CERT", "221b", "\"TYPE TAG ALGORITHM BASE64\""},
    {39, "DNAME", "n", "a name"},
    {43, "DS", "211x", "\"TAG ALGORITHM DIGEST-TYPE DIGEST\""},
    {44, "SSHFP", "11x", "\"ALGORITHM TYPE FINGERPRINT\""},
    {46, "RRSIG", NULL, ""},
    {47, "NSEC", NULL, ""},
    {48, "DNSKEY", "211b", "\"FLAGS PROTOCOL ALGORITHM KEY\""},
    {50, "NSEC3", NULL, ""},
    {51, "NSEC3PARAM", NULL, ""},
    {52, "TLSA", "111x", "\"USAGE SELECTOR MATCHING DATA\""},
    {53, "SMIMEA", "111x", "\"USAGE SELECTOR MATCHING DATA\""},
    {59, "CDS", "211x", "\"TAG ALGORITHM DIGEST-TYPE DIGEST\""},
    {60, "CDNSKEY", "211b", "\"FLAGS PROTOCOL ALGORITHM KEY\""},
    {61, "OPENPGPKEY", "b", "base64"},
    {64, "SVCB", "2np", "\"PRIORITY NAME KEY=VALUE ...\""},
    {65, "HTTPS", "2np", "\"PRIORITY NAME KEY=VALUE ...\""},
    {99, "SPF", "T", "a text"},
    {256, "URI", "22v", "PRIORITY WEIGHT \"URI\""},
    {257, "CAA", "1tv", "FLAGS TAG \"VALUE\""},
};

const char *const dnstype_parameters[DNSTYPE_PARAMETERS] = {"mandatory", "alpn",
    "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath"};

const struct dnstype *
dnstype_find(unsigned number)
{
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(types); i++)
		if (types[i].number == number)
			return &types[i];
	return NULL;
}

int
dnstype_number(const char *name, unsigned *type)
{
	int64_t number;
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(types); i++) {
		if (strcasecmp(types[i].name, name) != 0)
			continue;
		*type = types[i].number;
		return 0;
	}
	if (strcasecmp(name, "ANY") == 0 || strcasecmp(name, "AXFR") == 0 ||
	    strcasecmp(name, "IXFR") == 0 || strcasecmp(name, "OPT") == 0)
		return ERR_RANGE;
	if (strncasecmp(name, "TYPE", 4) != 0 || !isdigit((unsigned char)name[4]) ||
	    text_integer(name + 4, &number) != 0 || number > 65535)
		return ERR_NOT_FOUND;
	if (number == 0 || number == DNSTYPE_OPT || (number >= 128 && number <= 255) ||
	    number == 65535)
		return ERR_RANGE;
	*type = number;
	return 0;
}

const char *
dnstype_name(unsigned type, char out[DNSTYPE_NAME_SIZE])
{
	const struct dnstype *row = dnstype_find(type);

	if (row != NULL)
		snprintf(out, DNSTYPE_NAME_SIZE, "%s", row->name);
	else
		snprintf(out, DNSTYPE_NAME_SIZE, "TYPE%u", type & 0xffff);
	return out;
}

const char *const *
dnstype_names(void)
{
	static const char *names[ARRAY_LENGTH(types) + 1];
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(types); i++)
		names[i] = types[i].name;
	return names;
}

/* ---- text out of bytes ---- */

void
dnstype_add_bytes(struct buf *out, const unsigned char *bytes, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++) {
		unsigned char c = bytes[i];

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c < 32 || c > 126)
			buf_printf(out, "\\%03u", c);
		else
			buf_add_char(out, (char)c);
	}
}

void
dnstype_add_quoted(struct buf *out, const unsigned char *bytes, size_t length)
{
	buf_add_char(out, '"');
	dnstype_add_bytes(out, bytes, length);
	buf_add_char(out, '"');
}

void
dnstype_add_lower(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++)
		buf_add_char(out, (char)tolower((unsigned char)*text));
}

void
dnstype_add_hex(struct buf *out, const unsigned char *bytes, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		buf_printf(out, "%02x", bytes[i]);
}

void
dnstype_add_base64(struct buf *out, const unsigned char *bytes, size_t length)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t i;

	for (i = 0; i < length; i += 3) {
		unsigned n = bytes[i] << 16 | (i + 1 < length ? bytes[i + 1] << 8 : 0) |
			     (i + 2 < length ? bytes[i + 2] : 0);

		buf_add_char(out, digits[n >> 18]);
		buf_add_char(out, digits[n >> 12 & 63]);
		buf_add_char(out, i + 1 < length ? digits[n >> 6 & 63] : '=');
		buf_add_char(out, i + 2 < length ? digits[n & 63] : '=');
	}
}

void
dnstype_add_address(struct buf *out, int version, const unsigned char *bytes)
{
	struct address address = {.version = version};
	char text[ADDRESS_TEXT_SIZE];

	memcpy(address.bytes, bytes, version == 4 ? 4 : 16);
	buf_add_text(out, address_format(&address, text));
}

/* Of CAA (RFC 8659). */
bool
dnstype_add_tag(struct buf *out, const void *bytes, size_t length)
{
	const unsigned char *p = bytes;
	size_t i;

	for (i = 0; i < length; i++) {
		if (p[i] > 127 || !isalnum(p[i]))
			return false;
		buf_add_char(out, (char)tolower(p[i]));
	}
	return length > 0;
}

void
dnstype_add_parameter_name(struct buf *out, unsigned key)
{
	if (key < DNSTYPE_PARAMETERS)
		buf_add_text(out, dnstype_parameters[key]);
	else
		buf_printf(out, "key%u", key);
}
