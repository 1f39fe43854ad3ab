/*
 * One DNS question by TCP, where messages follow each other with their length in front.
 */
#ifndef VT_LOOP_DNSTCP_H
#define VT_LOOP_DNSTCP_H

#include <stdbool.h>
#include <stddef.h>

#include "loop/lookup.h"

struct loop;
struct dnstcp;

/* A message, whole. -> true: another one is waited for; false: it was that, and the
 * callee has closed. */
typedef bool dnstcp_message_cb(const unsigned char *bytes, size_t length, void *arg);
/* It is over: error 0: the server closed, else errno. The callee closes. */
typedef void dnstcp_gone_cb(int error, void *arg);

/* No callback comes before this returns. -> 0 or a negative errno */
int dnstcp_start(struct loop *loop, const struct lookup_server *server,
    const unsigned char *question, size_t length, dnstcp_message_cb *message,
    dnstcp_gone_cb *gone, void *arg, struct dnstcp **out);
bool dnstcp_is_connected(const struct dnstcp *tcp);
void dnstcp_close(struct dnstcp *tcp); /* NULL is fine */

/* A socket of that type, not blocking, connected to server or about to be; for UDP
 * too. -> the descriptor or a negative errno */
int dnstcp_socket(const struct lookup_server *server, int type);

#endif
