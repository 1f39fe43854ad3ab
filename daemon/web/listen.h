/*
 * Listening sockets by address: "127.0.0.1:8080", "[::1]:8080", "unix:/path". Only
 * literal addresses, so that opening one never asks a name server.
 */
#ifndef VT_WEB_LISTEN_H
#define VT_WEB_LISTEN_H

/* A non-blocking stream socket that listens. Port 0 takes a free one. A Unix socket
 * left by a dead process is replaced, a live one is -EADDRINUSE; anybody on this
 * machine who may enter its folder may connect, as with a loopback port.
 * bound: the address as it is now, to be freed. -> 0, ERR_SYNTAX, -errno */
int listen_open(const char *address, int *fd, char **bound);
/* Removes the file of a Unix socket; nothing for the others. The descriptor is the
 * caller's to close. */
void listen_unlink(const char *bound);

#endif
