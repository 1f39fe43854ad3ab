/* The data of a record as text. It is a stranger's: nothing in it is believed. */
#include <arpa/nameser.h>
#include <resolv.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "loop/dnstype.h"
#include "loop/dnstype_private.h"

struct reader {
	const unsigned char *message, *message_end, *at, *end;
	struct buf *out;
};

static size_t
left(const struct reader *reader)
{
	return reader->end - reader->at;
}

static bool
read_number(struct reader *reader, size_t bytes)
{
	uint32_t number = 0;

	if (left(reader) < bytes)
		return false;
	for (; bytes > 0; bytes--)
		number = number << 8 | *reader->at++;
	buf_printf(reader->out, "%u", (unsigned)number);
	return true;
}

static bool
read_name(struct reader *reader)
{
	char name[NS_MAXDNAME];
	int used = ns_name_uncompress(
	    reader->message, reader->message_end, reader->at, name, sizeof(name));

	if (used <= 0 || (size_t)used > left(reader))
		return false;
	reader->at += used;
	dnstype_add_lower(reader->out, name[0] != '\0' ? name : ".");
	return true;
}

static bool
read_address(struct reader *reader, int version)
{
	size_t bytes = version == 4 ? 4 : 16;

	if (left(reader) < bytes)
		return false;
	dnstype_add_address(reader->out, version, reader->at);
	reader->at += bytes;
	return true;
}

static bool
has_string(const struct reader *reader)
{
	return left(reader) > 0 && left(reader) - 1 >= reader->at[0];
}

static bool
read_string(struct reader *reader, char field)
{
	const unsigned char *text = reader->at + 1;
	size_t length;

	if (!has_string(reader))
		return false;
	length = reader->at[0];
	reader->at += 1 + length;
	if (field == 't')
		return dnstype_add_tag(reader->out, text, length);
	if (field == 's')
		dnstype_add_quoted(reader->out, text, length);
	else
		dnstype_add_bytes(reader->out, text, length);
	return true;
}

static bool
read_strings(struct reader *reader)
{
	if (left(reader) == 0)
		return false;
	while (left(reader) > 0)
		if (!read_string(reader, 'T'))
			return false;
	return true;
}

/* The value of a parameter, items of a list by commas. */
static bool
add_parameter(struct buf *out, unsigned key, const unsigned char *p, size_t length)
{
	size_t i, size;

	switch (key) {
	case DNSTYPE_MANDATORY:
		for (i = 0; i + 2 <= length; i += 2) {
			if (i > 0)
				buf_add_char(out, ',');
			dnstype_add_parameter_name(out, p[i] << 8 | p[i + 1]);
		}
		return i == length;
	case DNSTYPE_ALPN:
		for (i = 0; i < length; i += 1 + p[i]) {
			if (length - i - 1 < p[i])
				return false;
			if (i > 0)
				buf_add_char(out, ',');
			dnstype_add_bytes(out, p + i + 1, p[i]);
		}
		return true;
	case DNSTYPE_PORT:
		if (length != 2)
			return false;
		buf_printf(out, "%u", p[0] << 8 | p[1]);
		return true;
	case DNSTYPE_IPV4HINT:
	case DNSTYPE_IPV6HINT:
		size = key == DNSTYPE_IPV4HINT ? 4 : 16;
		for (i = 0; i + size <= length; i += size) {
			if (i > 0)
				buf_add_char(out, ',');
			dnstype_add_address(
			    out, key == DNSTYPE_IPV4HINT ? 4 : 6, p + i);
		}
		return i == length;
	case DNSTYPE_ECH:
		dnstype_add_base64(out, p, length);
		return true;
	default:
		dnstype_add_bytes(out, p, length);
		return true;
	}
}

static bool
read_parameters(struct reader *reader)
{
	while (left(reader) > 0) {
		const unsigned char *p = reader->at;
		unsigned key, length;

		if (left(reader) < 4)
			return false;
		key = p[0] << 8 | p[1];
		length = p[2] << 8 | p[3];
		if (left(reader) - 4 < length)
			return false;
		buf_add_char(reader->out, ' ');
		dnstype_add_parameter_name(reader->out, key);
		if (length > 0)
			buf_add_char(reader->out, '=');
		if (!add_parameter(reader->out, key, p + 4, length))
			return false;
		reader->at += 4 + length;
	}
	return true;
}

static bool
read_rest(struct reader *reader, char field)
{
	if (field == 'x')
		dnstype_add_hex(reader->out, reader->at, left(reader));
	else if (field == 'b')
		dnstype_add_base64(reader->out, reader->at, left(reader));
	else
		dnstype_add_quoted(reader->out, reader->at, left(reader));
	reader->at = reader->end;
	return true;
}

static bool
read_field(struct reader *reader, char field)
{
	switch (field) {
	case '1':
	case '2':
	case '4':
		return read_number(reader, field - '0');
	case 'n':
		return read_name(reader);
	case 'a':
		return read_address(reader, 4);
	case 'A':
		return read_address(reader, 6);
	case 's':
	case 't':
		return read_string(reader, field);
	case 'T':
		return read_strings(reader);
	case 'p':
		return read_parameters(reader);
	default:
		return read_rest(reader, field);
	}
}

int
dnstype_text(unsigned type, const unsigned char *message, size_t message_length,
    const unsigned char *data, size_t length, struct buf *out)
{
	const struct dnstype *row = dnstype_find(type);
	struct reader reader = {.message = message,
	    .message_end = message + message_length,
	    .at = data,
	    .end = data + length,
	    .out = out};
	const char *field;

	if (row == NULL || row->fields == NULL) {
		buf_printf(out, "\\# %zu%s", length, length > 0 ? " " : "");
		dnstype_add_hex(out, data, length);
		return 0;
	}
	for (field = row->fields; *field != '\0'; field++) {
		if (field != row->fields && *field != 'p')
			buf_add_char(out, ' ');
		if (!read_field(&reader, *field))
			return ERR_SYNTAX;
	}
	return left(&reader) == 0 ? 0 : ERR_SYNTAX;
}
