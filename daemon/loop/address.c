/* Internet addresses. */
#include "loop/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool
address_parse(const char *text, struct address *out)
{
	char inner[ADDRESS_TEXT_SIZE];
	size_t length = strlen(text);

	memset(out, 0, sizeof(*out));
	out->version = 4;
	if (inet_pton(AF_INET, text, out->bytes) == 1)
		return true;
	out->version = 6;
	if (text[0] == '[') {
		if (length < 4 || text[length - 1] != ']' ||
		    length - 2 >= sizeof(inner))
			return false;
		memcpy(inner, text + 1, length - 2);
		inner[length - 2] = '\0';
		text = inner;
	}
	return inet_pton(AF_INET6, text, out->bytes) == 1;
}

const char *
address_format(const struct address *address, char out[ADDRESS_TEXT_SIZE])
{
	inet_ntop(address->version == 4 ? AF_INET : AF_INET6, address->bytes, out,
	    ADDRESS_TEXT_SIZE);
	return out;
}

unsigned
address_v6_scope(const struct address *address)
{
	static const unsigned char loopback[16] = {[15] = 1};
	const unsigned char *bytes = address->bytes;

	if (memcmp(bytes, loopback, sizeof(loopback)) == 0)
		return ADDRESS_LOOPBACK;
	if (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80)
		return ADDRESS_LINK;
	return (bytes[0] & 0xfe) == 0xfc ? ADDRESS_UNIQUE : ADDRESS_GLOBAL;
}

enum address_route
address_v6_route(const struct address *address)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
	struct sockaddr_in6 from;
	socklen_t length = sizeof(from);
	enum address_route route = ADDRESS_NO_ROUTE;
	struct address source = {.version = 6};
	int fd;

	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) /* without a descriptor we cannot know */
		return errno == EAFNOSUPPORT ? route : ADDRESS_OTHER_SOURCE;
	memcpy(&to.sin6_addr, address->bytes, 16);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 &&
	    getsockname(fd, (struct sockaddr *)&from, &length) == 0) {
		memcpy(source.bytes, &from.sin6_addr, 16);
		route = address_v6_scope(&source) == address_v6_scope(address)
			    ? ADDRESS_OWN_SOURCE
			    : ADDRESS_OTHER_SOURCE;
	}
	close(fd);
	return route;
}

bool
address_is_name(const char *text)
{
	size_t length = strlen(text), label = 0, i;
	bool number = true;

	if (length > 0 && text[length - 1] == '.')
		length--;
	if (length == 0 || length > 253)
		return false;
	for (i = 0; i < length; i++) {
		unsigned char c = text[i];
		if (c == '.') {
			if (label == 0)
				return false;
			label = 0;
			number = true;
			continue;
		}
		if (c > 127 || !(isalnum(c) || c == '-' || c == '_') || ++label > 63)
			return false;
		number = number && isdigit(c);
	}
	return label > 0 && !number;
}
