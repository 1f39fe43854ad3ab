/* A peer: one thread accepts, and one serves each connection. */
#include "tests/lib/peer.h"

#include <assert.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256

struct peer {
	int listener, port;
	peer_serve *serve;
	void *arg;
	pthread_t acceptor;
	pthread_mutex_t lock;
	int count;
	struct connection {
		struct peer *peer;
		pthread_t thread;
		int fd;
	} connections[CONNECTIONS_MAX];
};

static void *
serve_one(void *arg)
{
	struct connection *connection = arg;

	connection->peer->serve(connection->fd, connection->peer->arg);
	shutdown(connection->fd, SHUT_RDWR);
	return NULL;
}

static void *
accept_all(void *arg)
{
	struct peer *peer = arg;
	struct connection *connection;
	int fd;

	while ((fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		pthread_mutex_lock(&peer->lock);
		assert(peer->count < CONNECTIONS_MAX);
		connection = &peer->connections[peer->count++];
		connection->peer = peer;
		connection->fd = fd;
		pthread_create(&connection->thread, NULL, serve_one, connection);
		pthread_mutex_unlock(&peer->lock);
	}
	return NULL;
}

struct peer *
peer_start(peer_serve *serve, void *arg)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(at);
	struct peer *peer = calloc(1, sizeof(*peer));

	assert(peer != NULL);
	peer->serve = serve;
	peer->arg = arg;
	pthread_mutex_init(&peer->lock, NULL);
	peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(peer->listener, (struct sockaddr *)&at, size) != 0 ||
	    listen(peer->listener, 16) != 0 ||
	    getsockname(peer->listener, (struct sockaddr *)&at, &size) != 0)
		abort();
	peer->port = ntohs(at.sin_port);
	pthread_create(&peer->acceptor, NULL, accept_all, peer);
	return peer;
}

int
peer_port(const struct peer *peer)
{
	return peer->port;
}

int
peer_connections(struct peer *peer)
{
	int count;

	pthread_mutex_lock(&peer->lock);
	count = peer->count;
	pthread_mutex_unlock(&peer->lock);
	return count;
}

static void
stop(struct peer *peer, bool waits)
{
	int i;

	shutdown(peer->listener, SHUT_RDWR);
	pthread_join(peer->acceptor, NULL);
	close(peer->listener);
	for (i = 0; i < peer->count; i++) {
		if (!waits)
			shutdown(peer->connections[i].fd, SHUT_RDWR);
		pthread_join(peer->connections[i].thread, NULL);
		close(peer->connections[i].fd);
	}
	pthread_mutex_destroy(&peer->lock);
	free(peer);
}

void
peer_stop(struct peer *peer)
{
	stop(peer, false);
}

void
peer_finish(struct peer *peer)
{
	stop(peer, true);
}

void
peer_say(int fd, const char *text)
{
	(void)send(fd, text, strlen(text), MSG_NOSIGNAL);
}

bool
peer_hear(int fd, const char *text, size_t length)
{
	char heard[8192];
	size_t n = 0;
	ssize_t got;

	while (n < sizeof(heard)) {
		got = recv(fd, heard + n, sizeof(heard) - n, 0);
		if (got <= 0)
			return false;
		n += got;
		if (memmem(heard, n, text, length) != NULL)
			return true;
	}
	return false;
}

void
peer_wait(int fd)
{
	char byte[256];

	while (recv(fd, byte, sizeof(byte), 0) > 0)
		;
}

/* ---- certificates ---- */

static void
add_extension(X509 *x509, X509V3_CTX *context, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, nid, value);

	assert(extension != NULL);
	X509_add_ext(x509, extension, -1);
	X509_EXTENSION_free(extension);
}

void
certificate_make(struct certificate *out, const struct certificate *issuer,
    const char *subject, const char *names, bool authority, long not_before,
    long not_after)
{
	static long serial = 1;
	X509_NAME *name;
	X509V3_CTX context;
	X509 *x509 = X509_new();

	if (out->key == NULL)
		out->key = EVP_EC_gen("P-256");
	assert(x509 != NULL && out->key != NULL);
	out->x509 = x509;
	if (issuer == NULL)
		issuer = out;
	X509_set_version(x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), serial++);
	X509_gmtime_adj(X509_getm_notBefore(x509), not_before);
	X509_gmtime_adj(X509_getm_notAfter(x509), not_after);
	X509_set_pubkey(x509, out->key);
	name = X509_get_subject_name(x509);
	X509_NAME_add_entry_by_txt(
	    name, "CN", MBSTRING_UTF8, (const unsigned char *)subject, -1, -1, 0);
	X509_set_issuer_name(x509, X509_get_subject_name(issuer->x509));
	X509V3_set_ctx(&context, issuer->x509, x509, NULL, NULL, 0);
	if (authority) {
		add_extension(
		    x509, &context, NID_basic_constraints, "critical,CA:TRUE");
		add_extension(x509, &context, NID_key_usage, "critical,keyCertSign");
	}
	if (names != NULL)
		add_extension(x509, &context, NID_subject_alt_name, names);
	if (X509_sign(x509, issuer->key, EVP_sha256()) == 0)
		abort();
}

void
certificate_free(struct certificate *certificate)
{
	X509_free(certificate->x509);
	EVP_PKEY_free(certificate->key);
	*certificate = (struct certificate){0};
}

void
certificate_write(const struct certificate *certificate, const char *path)
{
	FILE *file = fopen(path, "w");

	assert(file != NULL);
	PEM_write_X509(file, certificate->x509);
	fclose(file);
}

SSL_CTX *
peer_context(const struct certificate *own, const struct certificate *chain)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	assert(context != NULL);
	/* A ticket that the other side has not read when it closes resets the
	 * connection, and its last words are lost. */
	SSL_CTX_set_num_tickets(context, 0);
	if (SSL_CTX_use_certificate(context, own->x509) != 1 ||
	    SSL_CTX_use_PrivateKey(context, own->key) != 1)
		abort();
	if (chain != NULL && SSL_CTX_add1_chain_cert(context, chain->x509) != 1)
		abort();
	return context;
}

SSL *
peer_secure(int fd, SSL_CTX *context)
{
	SSL *ssl = SSL_new(context);

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1)
		return ssl;
	SSL_free(ssl);
	return NULL;
}
