/* Lists with weights, tags, hosts. */
#include "web/header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

struct element {
	const char *name;
	size_t length;
	int weight; /* 0..1000, -1: does not parse */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* "0", "1", "0.25", "1.000": at most three decimals. */
static int
parse_weight(const char *p, size_t length)
{
	int weight, unit = 100;
	size_t i;

	if (length == 0 || length > 5 || (p[0] != '0' && p[0] != '1'))
		return -1;
	weight = (p[0] - '0') * 1000;
	if (length > 1 && p[1] != '.')
		return -1;
	for (i = 2; i < length; i++, unit /= 10) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		weight += (p[i] - '0') * unit;
	}
	return weight <= 1000 ? weight : -1;
}

static void
trim(const char **from, const char **to)
{
	while (*from < *to && is_blank(**from))
		(*from)++;
	while (*to > *from && is_blank((*to)[-1]))
		(*to)--;
}

/* The next of a list's elements, its q parameter taken. A comma within a quoted
 * parameter ends the element too: nothing that we compare with holds one. */
static bool
next_element(const char **at, struct element *out)
{
	const char *p = *at, *end, *stop, *from, *to;

	while (*p == ',' || is_blank(*p))
		p++;
	if (*p == '\0')
		return false;
	end = p + strcspn(p, ",");
	*at = end;
	stop = p + strcspn(p, ",;");
	from = p;
	to = stop;
	trim(&from, &to);
	out->name = from;
	out->length = to - from;
	out->weight = 1000;
	while (stop < end) {
		from = stop + 1;
		stop = from + strcspn(from, ",;");
		to = stop;
		trim(&from, &to);
		if (to - from >= 2 && (*from == 'q' || *from == 'Q') && from[1] == '=')
			out->weight = parse_weight(from + 2, to - from - 2);
	}
	return true;
}

static bool
is_named(const struct element *element, const char *name, size_t length)
{
	return element->length == length &&
	       strncasecmp(element->name, name, length) == 0;
}

int
header_weight(const char *list, const char *token)
{
	struct element element;
	int any = -1;

	while (next_element(&list, &element)) {
		if (element.weight < 0)
			continue;
		if (is_named(&element, token, strlen(token)))
			return element.weight;
		if (is_named(&element, "*", 1))
			any = element.weight;
	}
	return any;
}

int
header_media_weight(const char *accept, const char *type)
{
	size_t group = strcspn(type, "/") + 1;
	struct element element;
	int weight = -1, rank = 0;

	while (next_element(&accept, &element)) {
		if (element.weight < 0)
			continue;
		if (is_named(&element, type, strlen(type)) && rank < 3) {
			weight = element.weight;
			rank = 3;
		} else if (element.length == group + 1 && element.name[group] == '*' &&
			   strncasecmp(element.name, type, group) == 0 && rank < 2) {
			weight = element.weight;
			rank = 2;
		} else if (is_named(&element, "*/*", 3) && rank < 1) {
			weight = element.weight;
			rank = 1;
		}
	}
	return weight;
}

bool
header_names_tag(const char *list, const char *tag)
{
	size_t length = strlen(tag);
	const char *p = list, *end;

	for (;;) {
		while (*p == ',' || is_blank(*p))
			p++;
		if (*p == '*')
			return true;
		if (p[0] == 'W' && p[1] == '/')
			p += 2;
		if (*p != '"')
			return false;
		end = strchr(p + 1, '"');
		if (end == NULL)
			return false;
		if ((size_t)(end + 1 - p) == length && memcmp(p, tag, length) == 0)
			return true;
		p = end + 1;
	}
}

static bool
is_port(const char *p, size_t length)
{
	size_t i;
	long port = 0;

	if (length == 0 || length > 5)
		return false;
	for (i = 0; i < length; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		port = port * 10 + p[i] - '0';
	}
	return port > 0 && port <= 65535;
}

/* The length of the host at the start of text, in lower case; 0 if none is there. */
static size_t
host_length(const char *text)
{
	size_t n;

	if (text[0] != '[')
		return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-._");
	n = 1 + strspn(text + 1, "0123456789abcdef:.");
	return n > 2 && text[n] == ']' ? n + 1 : 0;
}

bool
header_host(const char *raw, size_t length, char *out, size_t size)
{
	size_t i, n;

	if (length >= size)
		return false;
	for (i = 0; i < length; i++)
		out[i] = raw[i] >= 'A' && raw[i] <= 'Z' ? raw[i] + 'a' - 'A' : raw[i];
	out[length] = '\0';
	n = host_length(out);
	if (n == length)
		return true;
	return n > 0 && out[n] == ':' && is_port(out + n + 1, length - n - 1);
}

bool
header_host_is_local(const char *host)
{
	char name[INET6_ADDRSTRLEN];
	struct in6_addr address;
	size_t length = host_length(host);

	if (length == 0)
		return host[0] == '\0';
	if (host[0] == '[') {
		host++;
		length -= 2;
	}
	if (length >= sizeof(name))
		return false;
	memcpy(name, host, length);
	name[length] = '\0';
	return strcmp(name, "localhost") == 0 ||
	       inet_pton(AF_INET, name, &address) == 1 ||
	       inet_pton(AF_INET6, name, &address) == 1;
}
