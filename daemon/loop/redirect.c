/* The rules of redirects. */
#include "loop/redirect.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"

bool
redirect_is_status(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 ||
	       status == 308;
}

bool
redirect_makes_get(int status, const char *method)
{
	if (status == 303)
		return strcmp(method, "HEAD") != 0;
	return (status == 301 || status == 302) && strcmp(method, "POST") == 0;
}

bool
redirect_is_same_origin(const struct url *a, const struct url *b)
{
	return strcmp(a->scheme, b->scheme) == 0 && strcasecmp(a->host, b->host) == 0 &&
	       a->port == b->port;
}

static bool
is_one_of(const char *line, const char *const *names, size_t count)
{
	size_t length = strcspn(line, ":"), i;

	for (i = 0; i < count; i++)
		if (strlen(names[i]) == length &&
		    strncasecmp(line, names[i], length) == 0)
			return true;
	return false;
}

bool
redirect_keeps_header(const char *line, bool same_origin, bool makes_get)
{
	static const char *const of_body[] = {"Content-Type", "Content-Length",
	    "Content-Encoding", "Content-Language", "Content-Location",
	    "Transfer-Encoding"};
	static const char *const harmless[] = {"Accept", "Accept-Charset",
	    "Accept-Encoding", "Accept-Language", "Cache-Control", "Content-Encoding",
	    "Content-Language", "Content-Type", "Pragma", "User-Agent"};

	if (makes_get && is_one_of(line, of_body, ARRAY_LENGTH(of_body)))
		return false;
	return same_origin || is_one_of(line, harmless, ARRAY_LENGTH(harmless));
}

char *
redirect_header(const char *lines, size_t length, const char *name)
{
	size_t name_length = strlen(name);
	const char *p = lines, *end = lines + length, *next, *stop;

	for (; p < end; p = next) {
		next = memchr(p, '\n', end - p);
		next = next == NULL ? end : next + 1;
		if ((size_t)(next - p) <= name_length || p[name_length] != ':' ||
		    strncasecmp(p, name, name_length) != 0)
			continue;
		p += name_length + 1;
		for (stop = next; stop > p && strchr("\r\n \t", stop[-1]) != NULL;
		     stop--)
			;
		while (p < stop && (*p == ' ' || *p == '\t'))
			p++;
		return mem_strndup(p, stop - p);
	}
	return NULL;
}
