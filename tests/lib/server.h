/*
 * A small HTTP server on loopback for tests, in threads of the test itself. What it
 * does depends on the path that is asked for; see server.c.
 */
#ifndef VT_TESTS_SERVER_H
#define VT_TESTS_SERVER_H

struct server;

struct server *server_start(void); /* on 127.0.0.1 */
struct server *server_start_v6(void); /* on ::1; NULL: there is no IPv6 */
int server_port(const struct server *server);
int server_connections(struct server *server); /* accepted so far */
void server_stop(struct server *server); /* closes all connections */

#endif
