/* The certificates that a server has shown. Of OpenSSL's, but for callers without its
 * headers: an SSL and an X509 are void * here. */
#ifndef VT_LOOP_CERTIFICATE_H
#define VT_LOOP_CERTIFICATE_H

#include <stdint.h>

/* ssl: OpenSSL's SSL. -> when its peer's certificate expires, in seconds since 1970;
 * 0: there is none, or it does not say */
int64_t certificate_expires_s(void *ssl);

#define CERTIFICATE_TEXT 128
/* What all of these tell is clean text, cut where it is long, empty where there is none. */
struct certificate_chain {
	char subject[CERTIFICATE_TEXT];	/* "www.example.it" */
	char issuer[CERTIFICATE_TEXT];	/* "R11 (Let's Encrypt)" */
	char names[CERTIFICATE_TEXT];	/* whom it is made out to: "a.it, b.it and 3 more" */
	int64_t expires_s;	/* the first of the chain to expire; 0 unknown */
	char expires_first[CERTIFICATE_TEXT]; /* its subject; empty: the server's own */
};

/* trusted: by the chain that was verified, up to the authority trusted; else by what the
 * server has sent. Once the handshake is done; without a certificate all is empty. */
void certificate_chain(void *ssl, int trusted, struct certificate_chain *out);

/* x509: of a chain. -> seconds since 1970, 0 unknown */
int64_t certificate_begins_s(const void *x509);
int64_t certificate_ends_s(const void *x509);
void certificate_subject(const void *x509, char out[CERTIFICATE_TEXT]);
void certificate_names(const void *x509, char out[CERTIFICATE_TEXT]);

#endif
