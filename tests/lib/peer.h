/*
 * A peer on loopback for tests, in threads of the test itself, which says and shows
 * whatever a test wants: a function is called with each connection. Certificates are
 * made on the spot by OpenSSL.
 */
#ifndef VT_TESTS_PEER_H
#define VT_TESTS_PEER_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

struct peer;

/* Called in a thread of its own; closes nothing, the peer does. */
typedef void peer_serve(int fd, void *arg);
struct peer *peer_start(peer_serve *serve, void *arg);
int peer_port(const struct peer *peer);
int peer_connections(struct peer *peer); /* accepted so far */
void peer_stop(struct peer *peer); /* its connections end, then their threads */
/* The same, but the connections end by themselves, what was sent being read. */
void peer_finish(struct peer *peer);

void peer_say(int fd, const char *text);
/* Reads as long as there is anything, until text has come. -> whether it has */
bool peer_hear(int fd, const char *text, size_t length);
void peer_wait(int fd); /* until the other side closes */

/* A certificate and its key; not_before and not_after in seconds from now. issuer NULL:
 * signed by itself. names: "DNS:a.example,IP:127.0.0.1". out->key may be there already;
 * else it is one of EC. */
struct certificate {
	X509 *x509;
	EVP_PKEY *key;
};
void certificate_make(struct certificate *out, const struct certificate *issuer,
    const char *subject, const char *names, bool authority, long not_before,
    long not_after);
void certificate_free(struct certificate *certificate);
void certificate_write(const struct certificate *certificate, const char *path);

/* chain: more to send, or NULL */
SSL_CTX *peer_context(const struct certificate *own, const struct certificate *chain);
/* -> the connection after its handshake, or NULL; SSL_free is the caller's */
SSL *peer_secure(int fd, SSL_CTX *context);

#endif
