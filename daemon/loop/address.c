/* Internet addresses. */
#include "loop/address.h"

#include <arpa/inet.h>
#include <ctype.h>
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

/* Link-local, unique local or global: source and destination should agree. */
static int
scope_of(const unsigned char *bytes)
{
	if (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80)
		return 1;
	return (bytes[0] & 0xfe) == 0xfc ? 2 : 3;
}

bool
address_v6_first(const struct address *address)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
	struct sockaddr_in6 from;
	socklen_t length = sizeof(from);
	bool ok;
	int fd;

	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	memcpy(&to.sin6_addr, address->bytes, 16);
	ok = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 &&
	     getsockname(fd, (struct sockaddr *)&from, &length) == 0 &&
	     scope_of(from.sin6_addr.s6_addr) == scope_of(to.sin6_addr.s6_addr);
	close(fd);
	return ok;
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
