/*
 * An ICMP error that came for one target is reported by the shared socket at the next
 * call, whomever that is for: so an error of sendto() is believed only when it comes
 * again after the error queue was read.
 *
 * A reply's age is taken from the kernel's time of arrival, so that a busy loop does
 * not make the network slow; a step of the clock between would, and is left out.
 */
#include "loop/echoport.h"

#include <time.h> /* before errqueue.h, which lacks it */

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/echo.h"
#include "loop/loop.h"

#define ECHOPORT_MAGIC 0x65707274
#define HEADER_SIZE 8
#define PACKETS_AT_ONCE 64
#define RECEIVE_BUFFER (1 << 20)
#define DELAY_MOST_US CLOCK_SECOND
#define SEND_TRIES 3

struct echoport {
	MAGIC;
	struct loop *loop;
	int version;
	int fd;
	bool raw;
	uint16_t identity; /* of our echoes; ping sockets have one of their own */
	unsigned udp_port; /* tests */
	struct loop_watch *watch;
	echoport_cb *cb;
	void *arg;
	uint32_t kernel_dropped; /* as the kernel counts */
	uint64_t dropped;
};

static unsigned
get16(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void
put16(unsigned char *p, unsigned number)
{
	p[0] = number >> 8 & 255;
	p[1] = number & 255;
}

/* ---- what comes ---- */

struct datagram {
	unsigned char bytes[ECHO_SIZE_MAX + 128];
	size_t length;
	struct sockaddr_storage from;
	struct sock_extended_err *error; /* within control, or NULL */
	int64_t received_us;
	union {
		struct cmsghdr align;
		unsigned char bytes[512];
	} control;
};

static void
take_control(struct echoport *port, struct datagram *datagram, struct cmsghdr *c)
{
	struct timespec at;
	int64_t delay_us;
	uint32_t dropped;

	if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
	    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
		datagram->error = (struct sock_extended_err *)CMSG_DATA(c);
	} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
		memcpy(&at, CMSG_DATA(c), sizeof(at));
		delay_us =
		    clock_wall_us() - (at.tv_sec * CLOCK_SECOND + at.tv_nsec / 1000);
		if (delay_us > 0 && delay_us < DELAY_MOST_US)
			datagram->received_us -= delay_us;
	} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
		memcpy(&dropped, CMSG_DATA(c), sizeof(dropped));
		port->dropped += dropped - port->kernel_dropped;
		port->kernel_dropped = dropped;
	}
}

/* -> false with errno */
static bool
receive(struct echoport *port, int flags, struct datagram *datagram)
{
	struct iovec part = {datagram->bytes, sizeof(datagram->bytes)};
	struct msghdr message = {
	    .msg_name = &datagram->from,
	    .msg_namelen = sizeof(datagram->from),
	    .msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = datagram->control.bytes,
	    .msg_controllen = sizeof(datagram->control.bytes),
	};
	struct cmsghdr *c;
	ssize_t n = recvmsg(port->fd, &message, flags | MSG_DONTWAIT);

	if (n < 0)
		return false;
	datagram->length = n;
	datagram->error = NULL;
	datagram->received_us = clock_mono_us();
	for (c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c))
		take_control(port, datagram, c);
	return true;
}

static void
take_address(const struct echoport *port, const void *from, struct address *out)
{
	const struct sockaddr *any = from;
	const struct sockaddr_in *four = from;
	const struct sockaddr_in6 *six = from;

	if (any->sa_family == AF_INET && port->version == 4) {
		out->version = 4;
		memcpy(out->bytes, &four->sin_addr, 4);
	} else if (any->sa_family == AF_INET6 && port->version == 6) {
		out->version = 6;
		memcpy(out->bytes, &six->sin6_addr, 16);
	}
}

/* bytes: with the header of ICMP. -> false: it is not ours */
static bool
read_header(const struct echoport *port, const unsigned char *bytes, size_t length,
    struct echoport_packet *out)
{
	if (length < HEADER_SIZE || (port->raw && get16(bytes + 4) != port->identity))
		return false;
	out->number = get16(bytes + 6);
	out->size = length - HEADER_SIZE;
	if (out->size >= ECHOPORT_COOKIE_SIZE)
		out->cookie = bytes + HEADER_SIZE;
	return true;
}

static void
take_reply(struct echoport *port, struct datagram *datagram)
{
	const unsigned type = port->version == 4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
	struct echoport_packet packet = {.received_us = datagram->received_us};
	const unsigned char *bytes = datagram->bytes;
	size_t length = datagram->length, header;

	if (port->raw && port->version == 4) { /* the IP header comes too */
		header = length > 0 ? (size_t)(bytes[0] & 15) * 4 : 0;
		if (length < header || header < 20)
			return;
		bytes += header;
		length -= header;
	}
	if (!read_header(port, bytes, length, &packet) || packet.cookie == NULL ||
	    bytes[0] != type || bytes[1] != 0)
		return;
	take_address(port, &datagram->from, &packet.from);
	port->cb(&packet, port->arg);
}

/* The echo it is of comes with it, maybe cut off. */
static void
take_error(struct echoport *port, struct datagram *datagram)
{
	struct sock_extended_err *error = datagram->error;
	struct echoport_packet packet = {.received_us = datagram->received_us};

	if (error == NULL ||
	    (error->ee_origin != SO_EE_ORIGIN_ICMP &&
		error->ee_origin != SO_EE_ORIGIN_ICMP6) ||
	    !read_header(port, datagram->bytes, datagram->length, &packet))
		return;
	packet.error = (int)error->ee_errno;
	take_address(port, SO_EE_OFFENDER(error), &packet.from);
	port->cb(&packet, port->arg);
}

static void
read_errors(struct echoport *port)
{
	struct datagram datagram;
	int i;

	for (i = 0; i < PACKETS_AT_ONCE; i++) {
		if (!receive(port, MSG_ERRQUEUE, &datagram))
			return;
		take_error(port, &datagram);
	}
}

static void
on_readable(int fd, int events, void *arg)
{
	struct echoport *port = arg;
	struct datagram datagram;
	int i;

	MAGIC_CHECK(port, ECHOPORT_MAGIC);
	read_errors(port);
	for (i = 0; i < PACKETS_AT_ONCE; i++) {
		if (receive(port, 0, &datagram))
			take_reply(port, &datagram);
		else if (errno == EAGAIN || errno == EINTR)
			return;
		else
			read_errors(port); /* it was one of the queue */
	}
}

/* ---- the socket ---- */

/* Others' replies shall not even wake us. */
static void
filter_raw(struct echoport *port)
{
	struct sock_filter four[] = {
	    BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
	    BPF_STMT(BPF_LD | BPF_H | BPF_IND, 4),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port->identity, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, 65535),
	    BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_filter six[] = {
	    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port->identity, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, 65535),
	    BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {.len = ARRAY_LENGTH(four), .filter = four};
	struct icmp_filter types = {.data = ~(UINT32_C(1) << ICMP_ECHOREPLY)};
	struct icmp6_filter types6;

	if (port->version == 4) {
		setsockopt(port->fd, SOL_RAW, ICMP_FILTER, &types, sizeof(types));
	} else {
		program = (struct sock_fprog){.len = ARRAY_LENGTH(six), .filter = six};
		ICMP6_FILTER_SETBLOCKALL(&types6);
		ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &types6);
		setsockopt(
		    port->fd, IPPROTO_ICMPV6, ICMP6_FILTER, &types6, sizeof(types6));
	}
	setsockopt(port->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static void
begin_watch(struct echoport *port)
{
	const int on = 1, size = RECEIVE_BUFFER;

	if (port->version == 4)
		setsockopt(port->fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	else
		setsockopt(port->fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	setsockopt(port->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	setsockopt(port->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	setsockopt(port->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	port->watch =
	    loop_watch_create(port->loop, port->fd, LOOP_READ, on_readable, port);
}

int
echoport_open(struct echoport *port)
{
	const int family = port->version == 4 ? AF_INET : AF_INET6;
	const int protocol = port->version == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	const int flags = SOCK_CLOEXEC | SOCK_NONBLOCK;

	if (port->fd >= 0)
		return 0;
	port->fd = socket(family, SOCK_DGRAM | flags, protocol);
	port->raw = false;
	if (port->fd < 0 && (errno == EACCES || errno == EPERM ||
				errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT)) {
		port->fd = socket(family, SOCK_RAW | flags, protocol);
		port->raw = true;
	}
	if (port->fd < 0)
		return errno == EPERM ? -EACCES : -errno;
	if (port->raw)
		filter_raw(port);
	log_debug(
	    "echo: a %s socket for IPv%d", port->raw ? "raw" : "ping", port->version);
	begin_watch(port);
	return 0;
}

/* ---- what goes ---- */

static void
put_checksum(unsigned char *packet, size_t length)
{
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i + 1 < length; i += 2)
		sum += get16(packet + i);
	if (i < length)
		sum += (uint32_t)packet[i] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	put16(packet + 2, ~sum & 0xffff);
}

static size_t
make_packet(const struct echoport *port, uint16_t number, const unsigned char *cookie,
    size_t size, unsigned char *packet)
{
	size_t length = HEADER_SIZE + size, i;

	packet[0] = port->version == 4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	packet[1] = packet[2] = packet[3] = 0;
	put16(packet + 4, port->identity);
	put16(packet + 6, number);
	memcpy(packet + HEADER_SIZE, cookie, ECHOPORT_COOKIE_SIZE);
	for (i = HEADER_SIZE + ECHOPORT_COOKIE_SIZE; i < length; i++)
		packet[i] = (unsigned char)i;
	if (port->version == 4) /* of IPv6, and of ping sockets, the kernel makes it */
		put_checksum(packet, length);
	return length;
}

static socklen_t
socket_address(const struct echoport *port, const struct address *address,
    struct sockaddr_storage *out)
{
	struct sockaddr_in *four = (struct sockaddr_in *)out;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (port->version == 4) {
		four->sin_family = AF_INET;
		four->sin_port = htons(port->udp_port);
		memcpy(&four->sin_addr, address->bytes, 4);
		return sizeof(*four);
	}
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(port->udp_port);
	memcpy(&six->sin6_addr, address->bytes, 16);
	return sizeof(*six);
}

int
echoport_send(struct echoport *port, const struct address *to, uint16_t number,
    const unsigned char *cookie, size_t size, int64_t *sent_us)
{
	unsigned char packet[HEADER_SIZE + ECHO_SIZE_MAX];
	struct sockaddr_storage at;
	socklen_t at_length = socket_address(port, to, &at);
	size_t length = make_packet(port, number, cookie, size, packet);
	int tries, error = 0;

	for (tries = 0; tries < SEND_TRIES; tries++) {
		if (tries > 0)
			read_errors(port);
		*sent_us = clock_mono_us();
		if (sendto(port->fd, packet, length, MSG_DONTWAIT | MSG_NOSIGNAL,
			(struct sockaddr *)&at, at_length) >= 0)
			return 0;
		error = errno;
	}
	return -error;
}

/* ---- begin and end ---- */

static void
port_close(struct echoport *port)
{
	loop_watch_destroy(port->watch);
	port->watch = NULL;
	if (port->fd >= 0)
		close(port->fd);
	port->fd = -1;
}

void
echoport_use(struct echoport *port, int fd, unsigned udp_port, bool raw)
{
	MAGIC_CHECK(port, ECHOPORT_MAGIC);
	port_close(port);
	port->fd = fd;
	port->udp_port = udp_port;
	port->raw = raw;
	begin_watch(port);
}

uint64_t
echoport_dropped(const struct echoport *port)
{
	MAGIC_CHECK(port, ECHOPORT_MAGIC);
	return port->dropped;
}

struct echoport *
echoport_create(struct loop *loop, int version, echoport_cb *cb, void *arg)
{
	struct echoport *port = mem_zalloc(sizeof(*port));

	MAGIC_SET(port, ECHOPORT_MAGIC);
	port->loop = loop;
	port->version = version;
	port->fd = -1;
	port->identity = arc4random_uniform(65536);
	port->cb = cb;
	port->arg = arg;
	return port;
}

void
echoport_destroy(struct echoport *port)
{
	if (port == NULL)
		return;
	MAGIC_CHECK(port, ECHOPORT_MAGIC);
	port_close(port);
	MAGIC_CLEAR(port);
	free(port);
}
