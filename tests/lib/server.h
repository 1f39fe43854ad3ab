/*
 * A small HTTP server on loopback for tests, in threads of the test itself. What it
 * does depends on the path that is asked for; see server.c.
 */
#ifndef VT_TESTS_SERVER_H
#define VT_TESTS_SERVER_H

struct server;

struct server *server_start(void);
int server_port(const struct server *server);
int server_connections(struct server *server); /* accepted so far */
void server_stop(struct server *server); /* closes all connections */

#endif
