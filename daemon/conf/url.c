/* Addresses. */
#include "conf/url.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define HOST_MAX 253
#define SUN_PATH_MAX 107

/* -> false if it is not decimal 0..65535 of at most five digits */
static bool
parse_port(const char *text, size_t length, unsigned *port)
{
	size_t i;

	if (length == 0 || length > 5)
		return false;
	*port = 0;
	for (i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*port = *port * 10 + (text[i] - '0');
	}
	return *port <= 65535;
}

static bool
is_ipv6(const char *text, size_t length)
{
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (length < 4 || length - 2 >= sizeof(copy) || text[length - 1] != ']')
		return false;
	memcpy(copy, text + 1, length - 2);
	copy[length - 2] = '\0';
	return inet_pton(AF_INET6, copy, &address) == 1;
}

/* Letters, digits, hyphens and underscores in labels between dots. */
static bool
is_host(const char *text, size_t length)
{
	size_t i, label = 0;

	if (length == 0 || length > HOST_MAX)
		return false;
	if (text[0] == '[')
		return is_ipv6(text, length);
	for (i = 0; i < length; i++) {
		char c = text[i];
		if (c == '.') {
			if (label == 0)
				return false;
			label = 0;
			continue;
		}
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
		if (++label > 63)
			return false;
	}
	return true;
}

/* Where the port's colon is within the authority, or its end. */
static size_t
host_end(const char *text, size_t length)
{
	const char *colon, *bracket;

	if (length > 0 && text[0] == '[') {
		bracket = memchr(text, ']', length);
		return bracket != NULL ? (size_t)(bracket - text) + 1 : length;
	}
	colon = memchr(text, ':', length);
	return colon != NULL ? (size_t)(colon - text) : length;
}

const char *
url_split(const char *text, struct url *out)
{
	const char *p = text;
	size_t length, i;

	if (strncasecmp(p, "https://", 8) == 0) {
		out->secure = true;
		p += 8;
	} else if (strncasecmp(p, "http://", 7) == 0) {
		out->secure = false;
		p += 7;
	} else {
		return "is not such an address";
	}
	for (i = 0; p[i] != '\0'; i++) {
		if (p[i] <= ' ' || p[i] >= 0x7f || strchr("\"<>\\^`{|}", p[i]) != NULL)
			return "holds a character that an address writes as %XX";
	}
	length = strcspn(p, "/?#");
	out->rest = p + length;
	if (memchr(p, '@', length) != NULL)
		return "holds a user or password, which belongs into a file";
	out->host = p;
	out->host_length = host_end(p, length);
	out->port = out->secure ? 443 : 80;
	out->port_given = out->host_length < length;
	if (!is_host(out->host, out->host_length))
		return "has no valid host";
	if (out->port_given && (p[out->host_length] != ':' ||
				   !parse_port(p + out->host_length + 1,
				       length - out->host_length - 1, &out->port) ||
				   out->port == 0))
		return "has no valid port";
	return NULL;
}

const char *
url_check_listener(const char *text, bool *loopback)
{
	size_t length = strlen(text), end;
	struct in6_addr six;
	struct in_addr four;
	unsigned port;
	char host[64];

	*loopback = true;
	if (strncmp(text, "unix:", 5) == 0) {
		if (text[5] == '\0')
			return "has no path";
		return length - 5 > SUN_PATH_MAX ? "has a path too long for a socket"
						 : NULL;
	}
	end = host_end(text, length);
	if (end == length || text[end] != ':' ||
	    !parse_port(text + end + 1, length - end - 1, &port))
		return "has no valid port";
	if (end >= sizeof(host))
		return "has no valid host";
	memcpy(host, text, end);
	host[end] = '\0';
	if (host[0] == '[' && is_ipv6(host, end)) {
		host[end - 1] = '\0';
		inet_pton(AF_INET6, host + 1, &six);
		*loopback = IN6_IS_ADDR_LOOPBACK(&six);
		return NULL;
	}
	if (inet_pton(AF_INET, host, &four) != 1)
		return "has no numeric host";
	*loopback = ntohl(four.s_addr) >> 24 == 127;
	return NULL;
}
