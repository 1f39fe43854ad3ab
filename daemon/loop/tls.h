/*
 * TLS as a client, by OpenSSL: contexts by CA file, connections that check chain and
 * name but go on where these do not hold, so that what was shown can be told. Who uses
 * one must ask tls_look() before it sends anything.
 */
#ifndef VT_LOOP_TLS_H
#define VT_LOOP_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/certificate.h"

struct tls_pool;
struct tls;		/* one connection's */
struct ssl_st;		/* OpenSSL's SSL */

/* The least that is accepted. Below 1.2 so are the weak keys, hashes and ciphers of
 * that time. */
enum tls_version { TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3 };

struct tls_pool *tls_pool_create(void);
void tls_pool_destroy(struct tls_pool *pool); /* connections may outlive it */

/* name: to ask for and to find in the certificate; an address is not asked for.
 * -> 0, or negative with a sentence: the CA file cannot be used, which is our fault */
int tls_open(struct tls_pool *pool, const char *ca_file, const char *name,
    enum tls_version least, struct tls **out, char error[256]);
/* goodbye: sent before the end if the connection takes it at once; or NULL. */
void tls_close(struct tls *tls, const char *goodbye, size_t length);
/* To shake hands with. It is the caller's to free then, not before tls_close(). */
struct ssl_st *tls_take_ssl(struct tls *tls);

/* Of several, the class of vetrinad(8) is that of the first here. */
enum { TLS_UNTRUSTED = 1, TLS_EXPIRED = 2, TLS_OTHER_NAME = 4 };

struct tls_seen {
	char protocol[16];	/* "TLSv1.3"; empty: there was no handshake */
	char cipher[64];
	unsigned defects;	/* 0: the certificate is as it should be */
	char defect[160];	/* the first of them in words */
	struct certificate_chain chain;
};

/* Once the handshake is done. */
void tls_look(struct tls *tls, struct tls_seen *out);

/* Why a handshake or a record failed, from OpenSSL's number. */
void tls_explain(unsigned long error, char out[160]);
bool tls_is_end(unsigned long error); /* it ended without a word */

#endif
