/* What a person writes of a record, as the one text that its data has. */
#include <arpa/nameser.h>
#include <ctype.h>
#include <resolv.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "loop/address.h"
#include "loop/dnstype.h"
#include "loop/dnstype_private.h"

static void
skip_spaces(const char **at)
{
	while (isspace((unsigned char)**at))
		(*at)++;
}

/* One byte of it, escaped or not. -> -1: a broken escape */
static int
next_byte(const char **at)
{
	const unsigned char *p = (const unsigned char *)*at;
	int value;

	if (p[0] != '\\') {
		(*at)++;
		return p[0];
	}
	if (isdigit(p[1]) && isdigit(p[2]) && isdigit(p[3])) {
		value = (p[1] - '0') * 100 + (p[2] - '0') * 10 + p[3] - '0';
		*at += 4;
		return value < 256 ? value : -1;
	}
	if (p[1] == '\0')
		return -1;
	*at += 2;
	return p[1];
}

/* The next word, in quotes or up to a space, into bytes. -> false: none, or broken */
static bool
next_word(const char **at, struct buf *word)
{
	bool quoted;
	int byte;

	buf_clear(word);
	skip_spaces(at);
	quoted = **at == '"';
	if (**at == '\0')
		return false;
	*at += quoted;
	while (**at != '\0' && (quoted ? **at != '"' : !isspace((unsigned char)**at))) {
		byte = next_byte(at);
		if (byte < 0)
			return false;
		buf_add_char(word, (char)byte);
	}
	if (quoted && **at != '"')
		return false;
	*at += quoted;
	return true;
}

int
dnstype_canonical_name(const char *text, struct buf *out)
{
	unsigned char wire[NS_MAXCDNAME];
	char name[NS_MAXDNAME];

	if (ns_name_pton(text, wire, sizeof(wire)) < 0 || text[0] == '\0' ||
	    ns_name_ntop(wire, name, sizeof(name)) < 0)
		return ERR_SYNTAX;
	dnstype_add_lower(out, name);
	return 0;
}

/* A name keeps its escapes, which are DNS's own. */
static bool
write_name(const char **at, struct buf *out)
{
	char name[NS_MAXDNAME + 1];
	size_t length;

	skip_spaces(at);
	length = strcspn(*at, " \t\r\n");
	if (length >= sizeof(name))
		return false;
	memcpy(name, *at, length);
	name[length] = '\0';
	*at += length;
	return dnstype_canonical_name(name, out) == 0;
}

static bool
write_number(const char **at, size_t bytes, struct buf *out, struct buf *word)
{
	int64_t value;

	if (!next_word(at, word) || text_integer(word->data, &value) != 0 ||
	    value < 0 || value >= INT64_C(1) << (8 * bytes))
		return false;
	buf_printf(out, "%u", (unsigned)value);
	return true;
}

static bool
write_address(const char **at, int version, struct buf *out, struct buf *word)
{
	struct address address;

	if (!next_word(at, word) || !address_parse(word->data, &address) ||
	    address.version != version)
		return false;
	dnstype_add_address(out, version, address.bytes);
	return true;
}

/* Hexadecimal or base64 in any number of words. */
static bool
write_digits(const char **at, char field, struct buf *out)
{
	size_t digits = 0;

	for (skip_spaces(at); **at != '\0'; (*at)++, skip_spaces(at)) {
		unsigned char c = **at;

		if (field == 'x' ? !isxdigit(c) : !isalnum(c) && !strchr("+/=", c))
			return false;
		buf_add_char(out, (char)(field == 'x' ? tolower(c) : c));
		digits++;
	}
	return digits > 0 && digits % (field == 'x' ? 2 : 4) == 0;
}

/* One string without quotes is the whole text, spaces and all. */
static bool
write_strings(const char **at, struct buf *out, struct buf *word)
{
	unsigned char byte;
	int next;

	skip_spaces(at);
	if (**at == '\0')
		return false;
	if (**at == '"') {
		for (; **at != '\0'; skip_spaces(at)) {
			if (!next_word(at, word))
				return false;
			dnstype_add_bytes(
			    out, (unsigned char *)word->data, word->length);
		}
		return true;
	}
	while (**at != '\0') {
		next = next_byte(at);
		if (next < 0)
			return false;
		byte = next;
		dnstype_add_bytes(out, &byte, 1);
	}
	return true;
}

static unsigned
parameter_number(const char *text)
{
	size_t length = strcspn(text, "="), i;
	unsigned long number;

	for (i = 0; i < DNSTYPE_PARAMETERS; i++)
		if (strncasecmp(dnstype_parameters[i], text, length) == 0 &&
		    dnstype_parameters[i][length] == '\0')
			return i;
	if (strncasecmp(text, "key", 3) != 0)
		return 65536;
	number = strtoul(text + 3, NULL, 10);
	return number < 65536 ? number : 65536;
}

/* In the order of their numbers, as they stand in a message. */
static bool
write_parameters(const char **at, struct buf *out)
{
	char *found[32] = {NULL};
	size_t count = 0, i, j;
	bool well = true;

	for (skip_spaces(at); well && **at != '\0'; skip_spaces(at)) {
		size_t length = 0;
		bool quoted = false;
		char *text, *to;

		for (; (*at)[length] != '\0' &&
		       (quoted || !isspace((unsigned char)(*at)[length]));
		     length++)
			quoted ^= (*at)[length] == '"';
		text = to = mem_strndup(*at, length);
		*at += length;
		for (i = 0; i < length; i++)
			if (text[i] != '"')
				*to++ = text[i];
		*to = '\0';
		well = !quoted && count < ARRAY_LENGTH(found) &&
		       parameter_number(text) < 65536;
		if (!well) {
			free(text);
			break;
		}
		for (j = count++;
		     j > 0 && parameter_number(found[j - 1]) > parameter_number(text);
		     j--)
			found[j] = found[j - 1];
		found[j] = text;
	}
	for (i = 0; i < count; i++) {
		buf_add_char(out, ' ');
		dnstype_add_parameter_name(out, parameter_number(found[i]));
		buf_add_text(out, found[i] + strcspn(found[i], "="));
		free(found[i]);
	}
	return well;
}

static bool
write_word(const char **at, char field, struct buf *out, struct buf *word)
{
	if (!next_word(at, word))
		return false;
	if (field == 't')
		return dnstype_add_tag(out, word->data, word->length);
	dnstype_add_quoted(out, (unsigned char *)word->data, word->length);
	return true;
}

static bool
write_field(const char **at, char field, struct buf *out, struct buf *word)
{
	switch (field) {
	case '1':
	case '2':
	case '4':
		return write_number(at, field - '0', out, word);
	case 'n':
		return write_name(at, out);
	case 'a':
		return write_address(at, 4, out, word);
	case 'A':
		return write_address(at, 6, out, word);
	case 'x':
	case 'b':
		return write_digits(at, field, out);
	case 'T':
		return write_strings(at, out, word);
	case 'p':
		return write_parameters(at, out);
	default:
		return write_word(at, field, out, word);
	}
}

static int
canonical_generic(const char *text, struct buf *out, char error[160])
{
	struct buf digits = BUF_INIT;
	const char *at = text;
	char *end;
	unsigned long bytes = 0;
	bool well;

	skip_spaces(&at);
	well = strncmp(at, "\\#", 2) == 0 && isspace((unsigned char)at[2]);
	if (well) {
		bytes = strtoul(at + 2, &end, 10);
		at = end;
		skip_spaces(&at);
		well =
		    bytes <= 65535 && (bytes == 0 ? *at == '\0'
						  : write_digits(&at, 'x', &digits) &&
							digits.length == 2 * bytes);
	}
	if (well)
		buf_printf(out, "\\# %lu%s%s", bytes, bytes > 0 ? " " : "",
		    bytes > 0 ? digits.data : "");
	else
		snprintf(error, 160,
		    "expected the data as \"\\# BYTES HEXADECIMAL\" (RFC 3597)");
	buf_free(&digits);
	return well ? 0 : ERR_SYNTAX;
}

int
dnstype_canonical(unsigned type, const char *text, struct buf *out, char error[160])
{
	const struct dnstype *row = dnstype_find(type);
	struct buf word = BUF_INIT;
	const char *at = text, *field;
	bool well = true;

	if (row == NULL || row->fields == NULL)
		return canonical_generic(text, out, error);
	buf_add_text(&word, "");
	for (field = row->fields; well && *field != '\0'; field++) {
		if (field != row->fields && *field != 'p')
			buf_add_char(out, ' ');
		well = write_field(&at, *field, out, &word);
	}
	skip_spaces(&at);
	buf_free(&word);
	if (well && *at == '\0')
		return 0;
	snprintf(error, 160, "expected %s", row->words);
	return ERR_SYNTAX;
}
