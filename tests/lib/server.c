/*
 * A thread accepts, a thread serves each connection. server_stop() shuts all
 * sockets down, which ends whatever a thread was waiting for.
 *
 *   /ok /slow	200, body "hello"; /slow after 40 ms
 *   /echo	200, the body is the request as it came
 *   /status/N	that status
 *   /to/N/URL	status N, Location: URL
 *   /loop	302 to itself
 *   /gzip	"hello" compressed; /bomb 16 MB of zeros compressed;
 *		/hollow compressed without end that unpacks to nothing
 *   /packed/FIELDS	"hello" compressed as often as FIELDS has "gzip", in which ;
 *ends a line and _ is a blank; /packed/early/FIELDS after a 103 that says gzip as well
 *   /huge	Content-Length of 100 MB; /flood without a length
 *   /fields	headers without end; /many 100 KB of them; /line one without end;
 *		/hints 103 without end
 *   /silent	nothing; /drip a byte now and then; /half a part of the body
 *   /bye	"hello", then closes; CONNECT is a proxy's, to a port on 127.0.0.1,
 *		or to flood: headers, to drown: a body of 1 GB
 *   /empty	closes; /garbage another protocol; /chunk a broken chunk
 */
#include "tests/lib/server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#define CONNECTIONS_MAX 256
#define BOMB_SIZE (16 << 20)

struct connection {
	struct server *server;
	pthread_t thread;
	int fd;
};

struct server {
	int fd, port;
	pthread_t thread;
	pthread_mutex_t lock;
	bool stopping;
	int count;
	struct connection connections[CONNECTIONS_MAX];
};

static bool
begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool
say(int fd, const void *data, size_t length)
{
	return send(fd, data, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static void
answer(int fd, int status, const char *fields, const void *body, size_t length)
{
	char head[4096];
	int n = snprintf(head, sizeof(head),
	    "HTTP/1.1 %d Test\r\n%sContent-Length: %zu\r\n\r\n", status, fields,
	    length);

	say(fd, head, n);
	say(fd, body, length);
}

static size_t
compress_all(
    const char *chunk, size_t length, int times, unsigned char *out, size_t size)
{
	z_stream z = {0};
	int i;

	deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
	z.next_out = out;
	z.avail_out = size;
	for (i = 0; i < times; i++) {
		z.next_in = (unsigned char *)chunk;
		z.avail_in = length;
		deflate(&z, i == times - 1 ? Z_FINISH : Z_NO_FLUSH);
	}
	deflateEnd(&z);
	return z.total_out;
}

static void
wait_for_end(int fd)
{
	char data[4096];

	while (recv(fd, data, sizeof(data), 0) > 0)
		;
}

static void
serve_bomb(int fd)
{
	static const char zeros[1 << 20];
	unsigned char *packed = malloc(1 << 20);
	size_t length =
	    compress_all(zeros, sizeof(zeros), BOMB_SIZE >> 20, packed, 1 << 20);

	answer(fd, 200, "Content-Encoding: gzip\r\n", packed, length);
	free(packed);
}

static void
serve_flood(int fd, const char *head)
{
	static char data[65536];

	memset(data, 'x', sizeof(data));
	say(fd, head, strlen(head));
	while (say(fd, data, sizeof(data)))
		;
}

/* A proxy's tunnel to a port of 127.0.0.1, or 403. */
static void
serve_tunnel(int fd, const char *request)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct pollfd ends[2] = {{.fd = fd, .events = POLLIN}, {.events = POLLIN}};
	char data[16384];
	ssize_t n = 1;
	int port = 0, i;

	sscanf(request, "CONNECT %*[^:]:%d", &port);
	to.sin_port = htons(port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ends[1].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(ends[1].fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		answer(fd, 403, "", "no", 2);
		close(ends[1].fd);
		return;
	}
	say(fd, "HTTP/1.1 200 OK\r\n\r\n", 19);
	while (n > 0 && poll(ends, 2, -1) > 0) {
		for (i = 0; n > 0 && i < 2; i++) {
			if (ends[i].revents == 0)
				continue;
			n = recv(ends[i].fd, data, sizeof(data), 0);
			if (n > 0)
				say(ends[1 - i].fd, data, n);
		}
	}
	close(ends[1].fd);
}

static void
serve_hollow(int fd)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
				   "\x1f\x8b\x08\0\0\0\0\0\0\x03";
	unsigned char blocks[5000];
	int i;

	for (i = 0; i < 5000; i += 5)
		memcpy(blocks + i, "\0\0\0\xff\xff", 5);
	say(fd, head, sizeof(head) - 1);
	while (say(fd, blocks, sizeof(blocks)))
		;
}

static void
serve_packed(int fd, const char *fields)
{
	static const char early[] = "HTTP/1.1 103 Early\nContent-Encoding: gzip\n\n";
	unsigned char packed[2][256];
	char head[512] = "", *p;
	size_t length = 5;
	const char *at;

	snprintf(head, sizeof(head), "%.200s\n",
	    begins(fields, "early/") ? fields + 6 : fields);
	for (p = head; *p != '\0'; p++)
		*p = *p == ';' ? '\n' : *p == '_' ? ' ' : *p;
	memcpy(packed[0], "hello", 5);
	if (begins(fields, "early/"))
		say(fd, early, sizeof(early) - 1);
	for (at = fields; (at = strstr(at, "gzip")) != NULL; at++) {
		length = compress_all(
		    (char *)packed[0], length, 1, packed[1], sizeof(packed[1]));
		memcpy(packed[0], packed[1], length);
	}
	answer(fd, 200, head, packed[0], length);
}

static void
serve_fields(int fd, int count)
{
	char line[1100] = "";

	memset(line, 'x', 1000);
	memcpy(line + 1000, ": y\r\n", 6);
	say(fd, "HTTP/1.1 200 OK\r\n", 17);
	while (count-- > 0 && say(fd, line, strlen(line)))
		;
	say(fd, "\r\n", 2);
}

static void
serve_redirect(int fd, const char *path)
{
	char fields[2048];
	int status = atoi(path);
	const char *location = strchr(path, '/');

	snprintf(fields, sizeof(fields), "Location: %s\r\nSet-Cookie: a=b\r\n",
	    location != NULL ? location + 1 : "");
	answer(fd, status, fields, "moved", 5);
}

/* -> false: the connection is to be closed */
static bool
serve(int fd, const char *path, const char *request, size_t length)
{
	unsigned char packed[64];

	if (begins(request, "CONNECT flood")) {
		serve_fields(fd, 1 << 20);
		return false;
	}
	if (begins(request, "CONNECT drown")) {
		serve_flood(fd,
		    "HTTP/1.1 407 No\r\nContent-Length: "
		    "1000000000\r\nProxy-Authenticate: Basic realm=x\r\n\r\n");
		return false;
	}
	if (begins(request, "CONNECT")) {
		serve_tunnel(fd, request);
		return false;
	}
	if (begins(path, "/slow"))
		usleep(40000);
	if (begins(path, "/ok") || begins(path, "/slow")) {
		answer(fd, 200, "Content-Type: text/plain\r\n", "hello",
		    begins(request, "HEAD") ? 0 : 5);
	} else if (begins(path, "/bye")) {
		answer(fd, 200, "", "hello", 5);
		return false;
	} else if (begins(path, "/echo")) {
		answer(fd, 200, "", request, length);
	} else if (begins(path, "/status/")) {
		answer(fd, atoi(path + 8), "", "x", 1);
	} else if (begins(path, "/to/")) {
		serve_redirect(fd, path + 4);
	} else if (begins(path, "/loop")) {
		answer(fd, 302, "Location: /loop\r\n", "moved", 5);
	} else if (begins(path, "/gzip")) {
		answer(fd, 200, "Content-Encoding: gzip\r\n", packed,
		    compress_all("hello", 5, 1, packed, sizeof(packed)));
	} else if (begins(path, "/packed/")) {
		serve_packed(fd, path + 8);
	} else if (begins(path, "/bomb")) {
		serve_bomb(fd);
	} else if (begins(path, "/hollow")) {
		serve_hollow(fd);
	} else if (begins(path, "/huge")) {
		serve_flood(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
	} else if (begins(path, "/flood")) {
		serve_flood(fd, "HTTP/1.1 200 OK\r\n\r\n");
	} else if (begins(path, "/many")) {
		serve_fields(fd, 100);
	} else if (begins(path, "/hints")) {
		while (say(fd, "HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n", 34))
			;
	} else if (begins(path, "/line")) {
		say(fd, "HTTP/1.1 200 OK\r\n", 17);
		serve_flood(fd, "X: ");
	} else if (begins(path, "/fields")) {
		serve_fields(fd, 1 << 20);
	} else if (begins(path, "/silent")) {
		wait_for_end(fd);
	} else if (begins(path, "/drip")) {
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", 41);
		while (say(fd, "x", 1))
			usleep(5000);
	} else if (begins(path, "/half")) {
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789", 50);
		return false;
	} else if (begins(path, "/garbage")) {
		say(fd, "SSH-2.0-OpenSSH_9.2\r\n\r\n", 23);
		return false;
	} else if (begins(path, "/chunk")) {
		say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		    51);
		wait_for_end(fd);
	} else {
		return false; /* /empty */
	}
	return true;
}

/* -> bytes of one whole request, 0 at the end */
static size_t
read_request(int fd, char *data, size_t size)
{
	size_t length = 0, head, body = 0;
	char *end = NULL, *field;
	ssize_t n;

	do {
		n = recv(fd, data + length, size - 1 - length, 0);
		if (n <= 0)
			return 0;
		length += n;
		data[length] = '\0';
		if (end == NULL && (end = strstr(data, "\r\n\r\n")) != NULL &&
		    (field = strcasestr(data, "\nContent-Length:")) != NULL)
			body = strtoul(field + 16, NULL, 10);
		head = end == NULL ? size : (size_t)(end - data) + 4;
	} while (length < head + body && length < size - 1);
	return length;
}

static void *
run_connection(void *arg)
{
	struct connection *connection = arg;
	char data[65536], path[2048];
	size_t length;

	while ((length = read_request(connection->fd, data, sizeof(data))) > 0) {
		path[0] = '\0';
		if (sscanf(data, "%*s http://%*[^/]%2047s", path) != 1) /* to a proxy */
			sscanf(data, "%*s %2047s", path);
		if (!serve(connection->fd, path, data, length))
			break;
	}
	shutdown(connection->fd, SHUT_RDWR);
	return NULL;
}

static void *
run_server(void *arg)
{
	struct server *server = arg;
	struct connection *connection;
	int fd, one = 1;

	while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		pthread_mutex_lock(&server->lock);
		assert(server->count < CONNECTIONS_MAX);
		connection = &server->connections[server->count];
		connection->server = server;
		connection->fd = fd;
		pthread_create(&connection->thread, NULL, run_connection, connection);
		server->count++;
		pthread_mutex_unlock(&server->lock);
	}
	return NULL;
}

static struct server *
start_on(int family, struct sockaddr *at, socklen_t length)
{
	struct server *server = calloc(1, sizeof(*server));
	int code;

	assert(server != NULL);
	pthread_mutex_init(&server->lock, NULL);
	server->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server->fd < 0 || bind(server->fd, at, length) != 0) {
		if (server->fd >= 0)
			close(server->fd);
		free(server);
		return NULL;
	}
	code = listen(server->fd, 64);
	assert(code == 0);
	getsockname(server->fd, at, &length);
	code = pthread_create(&server->thread, NULL, run_server, server);
	assert(code == 0);
	return server;
}

struct server *
server_start(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	struct server *server;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server = start_on(AF_INET, (struct sockaddr *)&at, sizeof(at));
	assert(server != NULL);
	server->port = ntohs(at.sin_port);
	return server;
}

struct server *
server_start_v6(void)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6};
	struct server *server;

	at.sin6_addr = in6addr_loopback;
	server = start_on(AF_INET6, (struct sockaddr *)&at, sizeof(at));
	if (server != NULL)
		server->port = ntohs(at.sin6_port);
	return server;
}

int
server_port(const struct server *server)
{
	return server->port;
}

int
server_connections(struct server *server)
{
	int count;

	pthread_mutex_lock(&server->lock);
	count = server->count;
	pthread_mutex_unlock(&server->lock);
	return count;
}

void
server_stop(struct server *server)
{
	int i;

	shutdown(server->fd, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	for (i = 0; i < server->count; i++) {
		shutdown(server->connections[i].fd, SHUT_RDWR);
		pthread_join(server->connections[i].thread, NULL);
		close(server->connections[i].fd);
	}
	close(server->fd);
	pthread_mutex_destroy(&server->lock);
	free(server);
}
