/* A connection takes one question, and as many bytes as two messages are long. */
#include "loop/dnstcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "loop/loop.h"

#define TCP_MAGIC 0x646e7463
#define READ_MAX 16384 /* at once */

struct dnstcp {
	MAGIC;
	int fd;
	struct loop_watch *watch;
	struct buf out, in;
	bool connected;
	dnstcp_message_cb *message;
	dnstcp_gone_cb *gone;
	void *arg;
};

static socklen_t
socket_address(const struct lookup_server *server, struct sockaddr_storage *out)
{
	struct sockaddr_in four = {
	    .sin_family = AF_INET, .sin_port = htons(server->port)};
	struct sockaddr_in6 six = {
	    .sin6_family = AF_INET6, .sin6_port = htons(server->port)};

	memset(out, 0, sizeof(*out));
	if (server->address.version == 4) {
		memcpy(&four.sin_addr, server->address.bytes, 4);
		memcpy(out, &four, sizeof(four));
		return sizeof(four);
	}
	memcpy(&six.sin6_addr, server->address.bytes, 16);
	memcpy(out, &six, sizeof(six));
	return sizeof(six);
}

int
dnstcp_socket(const struct lookup_server *server, int type)
{
	struct sockaddr_storage to;
	socklen_t length = socket_address(server, &to);
	int fd, error;

	fd = socket(to.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&to, length) == 0 || errno == EINPROGRESS)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static void
send_rest(struct dnstcp *tcp)
{
	ssize_t n = send(tcp->fd, tcp->out.data, tcp->out.length, MSG_NOSIGNAL);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			tcp->gone(errno, tcp->arg);
		return;
	}
	buf_remove(&tcp->out, n);
	if (tcp->out.length == 0)
		loop_watch_set(tcp->watch, LOOP_READ);
}

static void
receive(struct dnstcp *tcp)
{
	char data[READ_MAX];
	const unsigned char *p;
	size_t length;
	ssize_t n = recv(tcp->fd, data, sizeof(data), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		tcp->gone(n < 0 ? errno : 0, tcp->arg);
		return;
	}
	buf_add(&tcp->in, data, n);
	while (tcp->in.length >= 2) {
		p = (const unsigned char *)tcp->in.data;
		length = (size_t)p[0] << 8 | p[1];
		if (tcp->in.length - 2 < length)
			return;
		if (!tcp->message(p + 2, length, tcp->arg))
			return; /* closed */
		buf_remove(&tcp->in, 2 + length);
	}
}

static void
on_event(int fd, int events, void *arg)
{
	struct dnstcp *tcp = arg;
	socklen_t size = sizeof(int);
	int error = 0;

	MAGIC_CHECK(tcp, TCP_MAGIC);
	if (!tcp->connected) {
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (error != 0) {
			tcp->gone(error, tcp->arg);
			return;
		}
		tcp->connected = true;
	}
	if (tcp->out.length > 0)
		send_rest(tcp);
	else if (events & LOOP_READ)
		receive(tcp);
}

int
dnstcp_start(struct loop *loop, const struct lookup_server *server,
    const unsigned char *question, size_t length, dnstcp_message_cb *message,
    dnstcp_gone_cb *gone, void *arg, struct dnstcp **out)
{
	int fd = dnstcp_socket(server, SOCK_STREAM);
	struct dnstcp *tcp;

	*out = NULL;
	if (fd < 0)
		return fd;
	tcp = mem_zalloc(sizeof(*tcp));
	MAGIC_SET(tcp, TCP_MAGIC);
	tcp->fd = fd;
	tcp->message = message;
	tcp->gone = gone;
	tcp->arg = arg;
	buf_add_char(&tcp->out, (char)(length >> 8));
	buf_add_char(&tcp->out, (char)(length & 255));
	buf_add(&tcp->out, question, length);
	tcp->watch = loop_watch_create(loop, fd, LOOP_WRITE, on_event, tcp);
	*out = tcp;
	return 0;
}

bool
dnstcp_is_connected(const struct dnstcp *tcp)
{
	MAGIC_CHECK(tcp, TCP_MAGIC);
	return tcp->connected;
}

void
dnstcp_close(struct dnstcp *tcp)
{
	if (tcp == NULL)
		return;
	MAGIC_CHECK(tcp, TCP_MAGIC);
	loop_watch_destroy(tcp->watch);
	close(tcp->fd);
	buf_free(&tcp->out);
	buf_free(&tcp->in);
	MAGIC_CLEAR(tcp);
	free(tcp);
}
