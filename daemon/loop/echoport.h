/*
 * The socket by which the echoes of one family go and come: what it takes to open it,
 * to write a packet, and to read replies and errors.
 */
#ifndef VT_LOOP_ECHOPORT_H
#define VT_LOOP_ECHOPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/address.h"

struct loop;
struct echoport;

#define ECHOPORT_COOKIE_SIZE 8

/* What came: a reply, or what ICMP says of an echo. Its identity is ours, as far as the
 * kernel does not see to that. */
struct echoport_packet {
	uint16_t number;
	const unsigned char *cookie; /* ECHOPORT_COOKIE_SIZE; NULL: cut off by an error */
	size_t size;		/* of the reply, behind the header */
	struct address from;	/* who replied, or said so; version 0 unknown */
	int64_t received_us;	/* mono */
	int error;		/* errno that is said of an echo; 0: a reply */
};
typedef void echoport_cb(const struct echoport_packet *packet, void *arg);

/* cb may be called from within echoport_send(), with errors of echoes before. */
struct echoport *echoport_create(
    struct loop *loop, int version, echoport_cb *cb, void *arg);
void echoport_destroy(struct echoport *port); /* NULL is fine */
/* -> 0, a negative errno, -EACCES: no right to; tried again at the next call */
int echoport_open(struct echoport *port);
/* *sent_us: when. -> 0 or a negative errno */
int echoport_send(struct echoport *port, const struct address *to, uint16_t number,
    const unsigned char *cookie, size_t size, int64_t *sent_us);
uint64_t echoport_dropped(const struct echoport *port); /* by the kernel, so far */

/* As echo_use(). */
void echoport_use(struct echoport *port, int fd, unsigned udp_port, bool raw);

#endif
