/* Certificates, by OpenSSL: the one file that includes its headers. */
#include "loop/certificate.h"

#include <openssl/ssl.h>
#include <time.h>

#include "base/civil.h"

int64_t
certificate_expires_s(void *ssl)
{
	const X509 *certificate = SSL_get0_peer_certificate(ssl);
	struct tm tm;

	/* Before the end of the handshake it may be anybody's. */
	if (certificate == NULL || !SSL_is_init_finished(ssl) ||
	    ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
		return 0;
	return civil_days(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday) * 86400 +
	       tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
}
