/* Paths and queries as they come off the wire. */
#include "web/query.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decodes raw into out, which has room for size bytes and a NUL more. -> the length
 * written, ERR_SYNTAX, ERR_RANGE */
static long
decode(const char *raw, size_t length, bool plus, char *out, size_t size)
{
	size_t i = 0, n = 0;
	int high, low;
	unsigned char c;

	while (i < length) {
		c = raw[i++];
		if (c == '%') {
			if (length - i < 2)
				return ERR_SYNTAX;
			high = hex_digit(raw[i]);
			low = hex_digit(raw[i + 1]);
			if (high < 0 || low < 0)
				return ERR_SYNTAX;
			c = high * 16 + low;
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if (c < 0x20 || c == 0x7f)
			return ERR_SYNTAX;
		if (n == size)
			return ERR_RANGE;
		out[n++] = c;
	}
	out[n] = '\0';
	return text_is_utf8(out, n) ? (long)n : ERR_SYNTAX;
}

static bool
has_dot_segment(const char *path)
{
	const char *p = path;
	size_t n;

	while (*p == '/') {
		p++;
		n = strcspn(p, "/");
		if ((n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return true;
		p += n;
	}
	return false;
}

int
query_path(const char *raw, size_t length, char *out)
{
	if (length == 0 || raw[0] != '/' ||
	    decode(raw, length, false, out, length) < 0 || has_dot_segment(out)) {
		out[0] = '\0';
		return ERR_SYNTAX;
	}
	return 0;
}

/* Moves *at behind one parameter; its raw name and value. -> false at the end */
static bool
next_raw(const char *query, size_t *at, const char **name, size_t *name_length,
    const char **value, size_t *value_length)
{
	size_t whole;

	while (query[*at] == '&')
		(*at)++;
	if (query[*at] == '\0')
		return false;
	*name = query + *at;
	whole = strcspn(*name, "&");
	*at += whole;
	*name_length = strcspn(*name, "&=");
	*value = *name + *name_length;
	*value_length = whole - *name_length;
	if (*value_length > 0) { /* the = */
		(*value)++;
		(*value_length)--;
	}
	return true;
}

static bool
find(const char *query, const char *wanted, const char **value, size_t *value_length)
{
	const char *name;
	char decoded[64];
	size_t at = 0, name_length;

	while (next_raw(query, &at, &name, &name_length, value, value_length))
		if (decode(name, name_length, true, decoded, sizeof(decoded) - 1) >=
			0 &&
		    strcmp(decoded, wanted) == 0)
			return true;
	return false;
}

int
query_get(const char *query, const char *name, char *out, size_t size)
{
	const char *value;
	size_t length;
	long n;

	out[0] = '\0';
	if (!find(query, name, &value, &length))
		return ERR_NOT_FOUND;
	n = decode(value, length, true, out, size - 1);
	if (n >= 0)
		return 0;
	out[0] = '\0';
	return n;
}
