/*
 * How an exchange ended: libcurl's codes and times as classes and phases.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "loop/libcurl.h"

static int64_t
info_time(struct transfer *transfer, CURLINFO info)
{
	curl_off_t us = 0;

	curl_easy_getinfo(transfer->easy, info, &us);
	return us;
}

/* X509_V_ERR numbers of OpenSSL: its interface, unchanged since they exist. */
static enum fetch_class
certificate_class(struct transfer *transfer)
{
	long result = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_SSL_VERIFYRESULT, &result);
	switch (result) {
	case 0: /* libcurl itself compares the name, after the chain was accepted */
	case 1:
	case 62: /* host name mismatch */
	case 64: /* IP address mismatch */
		return FETCH_CERTIFICATE_NAME;
	case 9:  /* not yet valid */
	case 10: /* has expired */
		return FETCH_CERTIFICATE_EXPIRED;
	default:
		return FETCH_CERTIFICATE_ISSUER;
	}
}

/* What we lack ourselves says nothing of the other side. */
static enum fetch_class
connect_class(struct transfer *transfer, struct transfer_outcome *out)
{
	long code = transfer->open_error;

	if (code == 0)
		curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &code);
	snprintf(out->detail, sizeof(out->detail), "%s", err_text(-(int)code));
	out->no_way =
	    code == ENETUNREACH || code == EAFNOSUPPORT || code == EADDRNOTAVAIL;
	/* No source for it; with IPv4 that would be no free port. */
	if (code == EADDRNOTAVAIL && transfer->open_family == AF_INET6)
		return FETCH_REFUSED;
	switch (code) {
	case ETIMEDOUT:
		return FETCH_CONNECT_TIMEOUT;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case EADDRNOTAVAIL:
		return FETCH_INTERNAL;
	default:
		return FETCH_REFUSED;
	}
}

enum fetch_class
outcome_timeout(struct transfer *transfer)
{
	if (info_time(transfer, CURLINFO_STARTTRANSFER_TIME_T) > 0)
		return FETCH_READ_TIMEOUT;
	/* A kept connection has no other time than this. */
	if (info_time(transfer, CURLINFO_PRETRANSFER_TIME_T) > 0)
		return FETCH_FIRST_BYTE_TIMEOUT;
	if (transfer->tls_began_us > 0 ||
	    info_time(transfer, CURLINFO_CONNECT_TIME_T) > 0)
		return FETCH_TLS_TIMEOUT;
	return FETCH_CONNECT_TIMEOUT;
}

/* libcurl has one code for a connection that was reset, a chunk that is broken, a
 * TLS alert after the handshake (a client certificate is wanted). */
static enum fetch_class
receive_class(struct transfer *transfer)
{
	if (strstr(transfer->error, "hunk") != NULL)
		return FETCH_PROTOCOL;
	if (transfer->tls && strstr(transfer->error, "alert") != NULL)
		return FETCH_TLS;
	return FETCH_CLOSED;
}

/* libcurl's limit for one line of a header, which it calls lack of memory; before it
 * has asked anything it would be that. */
static bool
is_long_line(struct transfer *transfer)
{
	long asked = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &asked);
	return asked > 0;
}

enum fetch_class
outcome_class(struct transfer *transfer, CURLcode code, struct transfer_outcome *out)
{
	if (transfer->too_large || transfer->headers_too_large)
		return FETCH_TOO_LARGE;
	if (code != CURLE_OK && transfer->codings > 1) {
		strlcpy(out->detail, "the body is packed more than once",
		    sizeof(out->detail));
		return FETCH_PROTOCOL;
	}
	if (code != CURLE_OK && out->proxy_status != 0)
		return FETCH_REFUSED;
	switch (code) {
	case CURLE_OK:
		return FETCH_OK;
	case CURLE_COULDNT_CONNECT:
		return connect_class(transfer, out);
	case CURLE_OPERATION_TIMEDOUT:
		return outcome_timeout(transfer);
	case CURLE_FILESIZE_EXCEEDED:
		return FETCH_TOO_LARGE;
	case CURLE_PEER_FAILED_VERIFICATION:
		return certificate_class(transfer);
	case CURLE_SSL_CLIENTCERT: /* is wanted, and there is none */
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return FETCH_TLS;
	case CURLE_GOT_NOTHING:
		out->first_byte_us = -1; /* libcurl takes the end for a byte */
		return FETCH_CLOSED;
	case CURLE_PARTIAL_FILE:
	case CURLE_SEND_ERROR:
	case CURLE_HTTP2_STREAM:
		return FETCH_CLOSED;
	case CURLE_RECV_ERROR:
		return receive_class(transfer);
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_HTTP2:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_WRITE_ERROR: /* not ours, so a decoder's */
	case CURLE_PROXY:
		return FETCH_PROTOCOL;
	case CURLE_SSL_CERTPROBLEM:
		strlcat(out->detail, " (is it readable, PEM, without a passphrase?)",
		    sizeof(out->detail));
		return FETCH_INTERNAL;
	case CURLE_OUT_OF_MEMORY:
		out->headers_too_large = is_long_line(transfer);
		return out->headers_too_large ? FETCH_TOO_LARGE : FETCH_INTERNAL;
	default:
		return FETCH_INTERNAL;
	}
}

static void
take_phases(struct transfer *transfer, struct transfer_outcome *out)
{
	int64_t begin = info_time(transfer, CURLINFO_NAMELOOKUP_TIME_T);
	int64_t connect = info_time(transfer, CURLINFO_CONNECT_TIME_T);
	int64_t tls = info_time(transfer, CURLINFO_APPCONNECT_TIME_T);
	int64_t sent = info_time(transfer, CURLINFO_PRETRANSFER_TIME_T);
	int64_t first = info_time(transfer, CURLINFO_STARTTRANSFER_TIME_T);
	long connections = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connections);
	out->connect_us = out->tls_us = out->first_byte_us = -1;
	if (connections > 0 && connect > 0)
		out->connect_us = connect > begin ? connect - begin : 0;
	else if (transfer->tls_began_us > 0)
		out->connect_us = transfer->tls_began_us - transfer->opened_us;
	if (connections > 0 && transfer->tls && tls > 0)
		out->tls_us = tls > connect ? tls - connect : 0;
	if (first > 0)
		out->first_byte_us = first > sent ? first - sent : 0;
}

void
outcome_take(struct transfer *transfer, struct transfer_outcome *out)
{
	curl_off_t bytes = 0;
	long status = 0, version = 0, proxy = 0;
	char *p;

	memset(out, 0, sizeof(*out));
	curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &proxy);
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_VERSION, &version);
	curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_DOWNLOAD_T, &bytes);
	out->status = status;
	out->proxy_status = proxy / 100 == 2 ? 0 : proxy;
	out->http_version = version == CURL_HTTP_VERSION_1_0   ? 10
			    : version == CURL_HTTP_VERSION_1_1 ? 11
			    : version == CURL_HTTP_VERSION_2_0 ? 20
							       : 0;
	out->wire_bytes = bytes;
	out->body_bytes = transfer->body_bytes;
	out->headers_too_large = transfer->headers_too_large;
	transfer_see_certificate(transfer);
	/* One that was seen before counts where the other side was met again. */
	if (!transfer->wants_certificate || status != 0)
		out->certificate_expires_s = transfer->expires_s;
	take_phases(transfer, out);
	strlcpy(out->detail, transfer->error, sizeof(out->detail));
	for (p = out->detail; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p) || (unsigned char)*p > 126)
			*p = '?';
}
