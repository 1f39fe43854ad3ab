/* Escapes of C, those that are needed. */
#include "collectors/escape.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

static int
hex_value(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) % 16 : -1;
}

int
escape_read(const char *text, struct buf *out, char error[256])
{
	static const char letters[] = "rnt\\", bytes[] = "\r\n\t\\";
	const char *p, *letter;
	int high, low;

	for (p = text; *p != '\0'; p++) {
		if (*p != '\\') {
			buf_add_char(out, *p);
			continue;
		}
		p++;
		letter = *p != '\0' ? strchr(letters, *p) : NULL;
		high = *p == 'x' ? hex_value(p[1]) : -1;
		low = high >= 0 ? hex_value(p[2]) : -1;
		if (letter != NULL) {
			buf_add_char(out, bytes[letter - letters]);
		} else if (low >= 0) {
			buf_add_char(out, (char)(high << 4 | low));
			p += 2;
		} else {
			snprintf(error, 256,
			    "at %zu: expected \\r, \\n, \\t, \\\\ or \\x and two "
			    "hexadecimal digits after a backslash",
			    (size_t)(p - text) + 1);
			return ERR_SYNTAX;
		}
	}
	return 0;
}
