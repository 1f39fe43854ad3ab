/* A scanner that knows nesting, attributes and entities, and no more. */
#include "unit.h"

#include "wellformed.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"

#define DEPTH_MAX 64

static bool
complain(const char *what, const char *at)
{
	print_error("not well-formed: %s: %.60s\n", what, at);
	return false;
}

static bool
entity_is_good(const char *at)
{
	static const char *const known[] = {
	    "&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "&apos;"};
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(known); i++)
		if (strncmp(at, known[i], strlen(known[i])) == 0)
			return true;
	return at[1] == '#';
}

static bool
is_void(const char *name, size_t length)
{
	static const char *const names[] = {"meta", "link", "br", "img", "input", "hr"};
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(names); i++)
		if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0)
			return true;
	return false;
}

/* at: behind the element's name. -> the >, NULL */
static const char *
skip_attributes(const char *at, bool html, bool *empty)
{
	*empty = false;
	for (;;) {
		at += strspn(at, " \n");
		if (*at == '>')
			return at;
		if (at[0] == '/' && at[1] == '>') {
			*empty = true;
			return at + 1;
		}
		if (strcspn(at, "= />\n\"") == 0)
			return NULL;
		at += strcspn(at, "= />\n\"");
		if (*at != '=') {
			if (!html)
				return NULL;
			continue;
		}
		if (*++at != '"')
			return NULL;
		for (at++; *at != '"'; at++)
			if (*at == '\0' || *at == '<' ||
			    (*at == '&' && !entity_is_good(at)))
				return NULL;
		at++;
	}
}

bool
is_well_formed(const char *text, bool html)
{
	struct {
		const char *name;
		size_t length;
	} open[DEPTH_MAX];
	size_t depth = 0, length;
	const char *at, *name;
	bool empty;

	for (at = text; *at != '\0'; at++) {
		if (*at == '&' && !entity_is_good(at))
			return complain("a bare &", at);
		if (*at == '>')
			return complain("a bare >", at);
		if (*at != '<')
			continue;
		if (strncmp(at, "<!doctype html>", 15) == 0) {
			at += 14;
			continue;
		}
		if (at[1] == '/') {
			name = at + 2;
			length = strcspn(name, ">");
			if (depth == 0 || open[depth - 1].length != length ||
			    memcmp(open[depth - 1].name, name, length) != 0)
				return complain("an end without its begin", at);
			depth--;
			at = name + length;
			continue;
		}
		name = at + 1;
		length = strcspn(name, " \n/>");
		at = skip_attributes(name + length, html, &empty);
		if (length == 0 || at == NULL)
			return complain("a broken element", name);
		if (empty || (html && is_void(name, length)))
			continue;
		if (depth == DEPTH_MAX)
			return complain("too deep", at);
		open[depth].name = name;
		open[depth++].length = length;
	}
	return depth == 0 ||
	       complain("an element without its end", open[depth - 1].name);
}
