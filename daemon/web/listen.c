/* Listening sockets by address. */
#include "web/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#define BACKLOG 511

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
};

/* "127.0.0.1:80", "[::1]:80" -> its length, 0 if it is neither */
static socklen_t
parse(const char *text, union address *out)
{
	char host[64];
	const char *colon = strrchr(text, ':');
	size_t length;
	int64_t port;

	memset(out, 0, sizeof(*out));
	if (colon == NULL || text_integer(colon + 1, &port) != 0 || port < 0 ||
	    port > 65535)
		return 0;
	length = colon - text;
	if (length >= sizeof(host))
		return 0;
	memcpy(host, text, length);
	host[length] = '\0';
	if (host[0] == '[' && length > 2 && host[length - 1] == ']') {
		host[length - 1] = '\0';
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_port = htons(port);
		return inet_pton(AF_INET6, host + 1, &out->v6.sin6_addr) == 1
			   ? sizeof(out->v6)
			   : 0;
	}
	out->v4.sin_family = AF_INET;
	out->v4.sin_port = htons(port);
	return inet_pton(AF_INET, host, &out->v4.sin_addr) == 1 ? sizeof(out->v4) : 0;
}

static char *
name_of(int fd)
{
	union address address;
	socklen_t length = sizeof(address);
	char host[INET6_ADDRSTRLEN] = "";

	memset(&address, 0, sizeof(address));
	getsockname(fd, &address.any, &length);
	if (address.any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &address.v4.sin_addr, host, sizeof(host));
		return mem_printf("%s:%u", host, ntohs(address.v4.sin_port));
	}
	inet_ntop(AF_INET6, &address.v6.sin6_addr, host, sizeof(host));
	return mem_printf("[%s]:%u", host, ntohs(address.v6.sin6_port));
}

static int
listen_inet(const union address *address, socklen_t length, int *out)
{
	int family = address->any.sa_family, one = 1, code;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, &address->any, length) != 0 || listen(fd, BACKLOG) != 0) {
		code = -errno;
		close(fd);
		return code;
	}
	*out = fd;
	return 0;
}

/* -> 0 when nobody listens there (any more) */
static int
remove_stale(const union address *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct stat st;
	bool alive;

	if (fd < 0)
		return -errno;
	/* EAGAIN: somebody is there, and busy. */
	alive =
	    connect(fd, &address->any, sizeof(address->local)) == 0 || errno == EAGAIN;
	close(fd);
	if (alive)
		return -EADDRINUSE;
	if (lstat(address->local.sun_path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(address->local.sun_path);
	return 0;
}

static int
listen_local(const char *path, int *out)
{
	union address address;
	int fd, code;

	memset(&address, 0, sizeof(address));
	address.local.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(address.local.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.local.sun_path, path);
	code = remove_stale(&address);
	if (code != 0)
		return code;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	code = bind(fd, &address.any, sizeof(address.local)) != 0 ||
		       chmod(path, 0666) != 0 || listen(fd, BACKLOG) != 0
		   ? -errno
		   : 0;
	if (code == 0)
		*out = fd;
	else
		close(fd);
	return code;
}

int
listen_open(const char *address, int *fd, char **bound)
{
	union address parsed;
	socklen_t length;
	int code;

	if (strncmp(address, "unix:", 5) == 0) {
		code = listen_local(address + 5, fd);
		if (code == 0)
			*bound = mem_strdup(address);
		return code;
	}
	length = parse(address, &parsed);
	if (length == 0)
		return ERR_SYNTAX;
	code = listen_inet(&parsed, length, fd);
	if (code == 0)
		*bound = name_of(*fd);
	return code;
}

void
listen_unlink(const char *bound)
{
	if (strncmp(bound, "unix:", 5) == 0)
		unlink(bound + 5);
}
