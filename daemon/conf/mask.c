/*
 * Masks. A name is split where its words end (- _ . or a capital behind a small letter)
 * for those words that are too short to be looked for in the middle of another:
 * "monkey" is no key, "postcode" no code.
 */
#include "conf/mask.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define NAME_MAX_BYTES 64

/* Anywhere in a name. */
static const char *const parts[] = {"apikey", "authorization", "cookie", "credential",
    "passwd", "password", "secret", "session", "signature", "subscription-key",
    "token"};
/* A whole word of it. */
static const char *const words[] = {
    "auth", "code", "key", "keys", "pass", "pin", "pwd", "sid", "sig"};

static bool
is_word(const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(words); i++)
		if (strlen(words[i]) == length &&
		    strncasecmp(words[i], text, length) == 0)
			return true;
	return false;
}

static bool
begins_word(const char *name, size_t i)
{
	return i == 0 || !isalnum((unsigned char)name[i - 1]) ||
	       (isupper((unsigned char)name[i]) && islower((unsigned char)name[i - 1]));
}

/* A name that is too long to be looked at may be anything. */
bool
mask_looks_secret(const char *text, size_t length)
{
	char name[NAME_MAX_BYTES + 1];
	size_t i, end;

	if (length > NAME_MAX_BYTES)
		return true;
	memcpy(name, text, length);
	name[length] = '\0';
	for (i = 0; i < ARRAY_LENGTH(parts); i++)
		if (strcasestr(name, parts[i]) != NULL)
			return true;
	for (i = 0; i < length; i++) {
		if (!isalnum((unsigned char)name[i]) || !begins_word(name, i))
			continue;
		for (end = i + 1; end < length && isalnum((unsigned char)name[end]) &&
				  !begins_word(name, end);
		     end++)
			;
		if (is_word(name + i, end - i))
			return true;
	}
	return false;
}

void
mask_header(const char *line, struct buf *out)
{
	size_t name = strcspn(line, ":="), value;

	value = name + (line[name] != '\0');
	value += strspn(line + value, " \t");
	if (line[value] == '\0' || !mask_looks_secret(line, name)) {
		buf_add_text(out, line);
		return;
	}
	buf_add(out, line, value);
	buf_add_text(out, MASK);
}

static void
mask_parameter(const char *text, size_t length, struct buf *out)
{
	const char *equals = memchr(text, '=', length);

	if (equals == NULL || equals + 1 == text + length ||
	    !mask_looks_secret(text, equals - text)) {
		buf_add(out, text, length);
		return;
	}
	buf_add(out, text, equals + 1 - text);
	buf_add_text(out, MASK);
}

void
mask_url(const char *url, struct buf *out)
{
	const char *p = strstr(url, "://"), *at;
	size_t length;

	p = p != NULL ? p + 3 : url;
	buf_add(out, url, p - url);
	length = strcspn(p, "/?#");
	at = memrchr(p, '@', length);
	if (at != NULL) {
		buf_add_text(out, MASK);
		p = at;
	}
	length = strcspn(p, "?#");
	buf_add(out, p, length);
	p += length;
	while (*p == '?' || *p == '&') {
		buf_add_char(out, *p++);
		length = strcspn(p, "&#");
		mask_parameter(p, length, out);
		p += length;
	}
	buf_add_text(out, p);
}
