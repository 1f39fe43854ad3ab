/*
 * Certificates, by OpenSSL: their dates and names as text. A certificate is a
 * stranger's: a name may hold anything, in any length and any of ASN.1's alphabets.
 */
#include "loop/certificate.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/civil.h"
#include "base/text.h"

#define NAMES_SHOWN 3
#define MORE_SIZE 24 /* of " and 123 more" */

static int64_t
seconds(const ASN1_TIME *time)
{
	struct tm tm;

	if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1)
		return 0;
	return civil_days(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday) * 86400 +
	       tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
}

int64_t
certificate_begins_s(const void *x509)
{
	return seconds(X509_get0_notBefore(x509));
}

int64_t
certificate_ends_s(const void *x509)
{
	return seconds(X509_get0_notAfter(x509));
}

int64_t
certificate_expires_s(void *ssl)
{
	const X509 *certificate = SSL_get0_peer_certificate(ssl);

	/* Before the end of the handshake it may be anybody's. */
	if (certificate == NULL || !SSL_is_init_finished(ssl))
		return 0;
	return certificate_ends_s(certificate);
}

/* -> whether the name has such a part */
static bool
part_of(const X509_NAME *name, int nid, char out[CERTIFICATE_TEXT])
{
	int at = X509_NAME_get_index_by_NID(name, nid, -1);
	unsigned char *text = NULL;
	int length;

	out[0] = '\0';
	if (at < 0)
		return false;
	length = ASN1_STRING_to_UTF8(
	    &text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	if (length < 0)
		return false;
	snprintf(out, CERTIFICATE_TEXT, "%.*s", length, (char *)text);
	OPENSSL_free(text);
	text_clean(out);
	return out[0] != '\0';
}

/* "R11 (Let's Encrypt)" */
static void
describe_name(const X509_NAME *name, char out[CERTIFICATE_TEXT])
{
	char organization[CERTIFICATE_TEXT];
	bool has = part_of(name, NID_organizationName, organization);

	if (!part_of(name, NID_commonName, out)) {
		strlcpy(out, organization, CERTIFICATE_TEXT);
	} else if (has) {
		strlcat(out, " (", CERTIFICATE_TEXT);
		strlcat(out, organization, CERTIFICATE_TEXT);
		strlcat(out, ")", CERTIFICATE_TEXT);
		text_clean(out);
	}
}

void
certificate_subject(const void *x509, char out[CERTIFICATE_TEXT])
{
	describe_name(X509_get_subject_name(x509), out);
}

/* -> whether it is a name that a host may be found by */
static bool
alternative_name(const GENERAL_NAME *name, char out[CERTIFICATE_TEXT])
{
	const ASN1_STRING *data;
	char address[INET6_ADDRSTRLEN] = "";

	if (name->type == GEN_DNS) {
		data = name->d.dNSName;
		snprintf(out, CERTIFICATE_TEXT, "%.*s", ASN1_STRING_length(data),
		    (const char *)ASN1_STRING_get0_data(data));
		return true;
	}
	if (name->type != GEN_IPADD)
		return false;
	data = name->d.iPAddress;
	if (ASN1_STRING_length(data) == 4)
		inet_ntop(
		    AF_INET, ASN1_STRING_get0_data(data), address, sizeof(address));
	else if (ASN1_STRING_length(data) == 16)
		inet_ntop(
		    AF_INET6, ASN1_STRING_get0_data(data), address, sizeof(address));
	strlcpy(out, address, CERTIFICATE_TEXT);
	return address[0] != '\0';
}

void
certificate_names(const void *x509, char out[CERTIFICATE_TEXT])
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
	char one[CERTIFICATE_TEXT], more[MORE_SIZE];
	int i, left = 0, shown = 0;

	out[0] = '\0';
	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		if (!alternative_name(sk_GENERAL_NAME_value(names, i), one))
			continue;
		if (shown == NAMES_SHOWN ||
		    (shown > 0 && strlen(out) + strlen(one) + 2 >=
				      CERTIFICATE_TEXT - sizeof(more))) {
			left++;
			continue;
		}
		strlcat(out, shown++ > 0 ? ", " : "", CERTIFICATE_TEXT - sizeof(more));
		strlcat(out, one, CERTIFICATE_TEXT - sizeof(more));
	}
	GENERAL_NAMES_free(names);
	if (shown == 0)
		part_of(X509_get_subject_name(x509), NID_commonName, out);
	text_clean(out);
	if (left > 0) {
		snprintf(more, sizeof(more), " and %d more", left);
		strlcat(out, more, CERTIFICATE_TEXT);
	}
}

void
certificate_chain(void *ssl, int trusted, struct certificate_chain *out)
{
	X509 *own = SSL_get0_peer_certificate(ssl), *first = NULL;
	const STACK_OF(X509) *chain =
	    trusted ? SSL_get0_verified_chain(ssl) : SSL_get_peer_cert_chain(ssl);
	int64_t ends_s;
	int i;

	memset(out, 0, sizeof(*out));
	if (own == NULL)
		return;
	describe_name(X509_get_subject_name(own), out->subject);
	describe_name(X509_get_issuer_name(own), out->issuer);
	certificate_names(own, out->names);
	out->expires_s = certificate_ends_s(own);
	for (i = 0; i < sk_X509_num(chain); i++) {
		ends_s = certificate_ends_s(sk_X509_value(chain, i));
		if (ends_s == 0 || (out->expires_s != 0 && ends_s >= out->expires_s))
			continue;
		out->expires_s = ends_s;
		first = sk_X509_value(chain, i);
	}
	if (first != NULL && X509_cmp(first, own) != 0)
		certificate_subject(first, out->expires_first);
}
