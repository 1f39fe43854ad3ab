/* Failures of fetch in words. */
#include "loop/fetch_words.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

static const char *const names[] = {
    [FETCH_OK] = "ok",
    [FETCH_RESOLVE] = "resolve",
    [FETCH_REFUSED] = "refused",
    [FETCH_CONNECT_TIMEOUT] = "connect_timeout",
    [FETCH_TLS_TIMEOUT] = "tls_timeout",
    [FETCH_FIRST_BYTE_TIMEOUT] = "first_byte_timeout",
    [FETCH_READ_TIMEOUT] = "read_timeout",
    [FETCH_CERTIFICATE_EXPIRED] = "certificate_expired",
    [FETCH_CERTIFICATE_NAME] = "certificate_name",
    [FETCH_CERTIFICATE_ISSUER] = "certificate_issuer",
    [FETCH_TLS] = "tls",
    [FETCH_TOO_LARGE] = "too_large",
    [FETCH_REDIRECTS] = "redirects",
    [FETCH_CLOSED] = "closed",
    [FETCH_PROTOCOL] = "protocol",
    [FETCH_INTERNAL] = "internal",
};

const char *fetch_class_name(enum fetch_class class)
{
	assert((size_t) class < ARRAY_LENGTH(names));
	return names[class];
}

static double
seconds(int64_t us)
{
	return (double)us / CLOCK_SECOND;
}

/* "connected to 192.0.2.1 port 443 in 0.012 s, TLS in 0.031 s" */
static void
add_way(struct buf *out, const struct fetch_words *words)
{
	const struct transfer_outcome *o = words->outcome;

	buf_printf(out, "%s %s%s port %u",
	    o->connect_us < 0 ? "on the connection kept to" : "connected to",
	    words->proxy ? "the proxy " : "", words->address, words->port);
	if (o->connect_us >= 0)
		buf_printf(out, " in %.3f s", seconds(o->connect_us));
	if (o->tls_us >= 0)
		buf_printf(out, ", TLS in %.3f s", seconds(o->tls_us));
}

static void
add_count(struct buf *out, const struct fetch_words *words)
{
	if (words->addresses > 1)
		buf_printf(out, ", %s of %zu addresses",
		    words->tried == words->addresses ? "the last" : "one",
		    words->addresses);
}

static void
add_unreachable(struct buf *out, const struct fetch_words *words)
{
	const char *detail = words->outcome->detail;

	buf_printf(out, "%s%s port %u ", words->proxy ? "the proxy " : "",
	    words->address, words->port);
	if (words->outcome->proxy_status != 0)
		buf_printf(out, "answered %d instead of connecting to %s",
		    words->outcome->proxy_status, words->host);
	else if (strcmp(detail, "Connection refused") == 0)
		buf_add_text(out, "refused the connection");
	else
		buf_printf(out, "cannot be reached: %s", detail);
	add_count(out, words);
}

static void
add_timeout(struct buf *out, const struct fetch_words *words, enum fetch_class class)
{
	const struct transfer_outcome *o = words->outcome;
	double limit = seconds(words->timeout_us);

	switch (class) {
	case FETCH_CONNECT_TIMEOUT:
		buf_printf(out, "no connection within %g s to %s%s port %u", limit,
		    words->proxy ? "the proxy " : "", words->address, words->port);
		add_count(out, words);
		break;
	case FETCH_TLS_TIMEOUT:
		buf_printf(out, "no TLS within %g s: ", limit);
		add_way(out, words);
		buf_add_text(out, ", then the handshake did not end");
		break;
	case FETCH_FIRST_BYTE_TIMEOUT:
		buf_printf(out, "no answer within %g s: ", limit);
		add_way(out, words);
		buf_add_text(out, ", then nothing");
		break;
	default:
		buf_printf(out, "the answer did not end within %g s: ", limit);
		add_way(out, words);
		if (o->first_byte_us >= 0)
			buf_printf(out, ", first byte after %.3f s",
			    seconds(o->first_byte_us));
		buf_printf(out, ", then %" PRId64 " bytes of the body", o->body_bytes);
	}
}

static void
add_too_large(struct buf *out, const struct fetch_words *words)
{
	if (words->outcome->headers_too_large && words->proxy &&
	    words->outcome->status == 0)
		buf_add_text(out, "the answer of the proxy has more than 65536 bytes");
	else if (words->outcome->headers_too_large)
		buf_add_text(
		    out, "the headers of the answer have more than 65536 bytes");
	else
		buf_printf(out,
		    "the body of the answer has more than %" PRId64 " bytes",
		    words->max_body);
}

static void
add_certificate(
    struct buf *out, const struct fetch_words *words, enum fetch_class class)
{
	static const char prefix[] = "SSL certificate problem: ";
	const char *detail = words->outcome->detail;

	if (class == FETCH_CERTIFICATE_NAME) {
		buf_printf(out, "the certificate is not made out to %s", words->host);
		return;
	}
	if (strncmp(detail, prefix, sizeof(prefix) - 1) == 0)
		detail += sizeof(prefix) - 1;
	buf_printf(out, "the certificate of %s is not %s: %s", words->host,
	    class == FETCH_CERTIFICATE_EXPIRED ? "valid today" : "trusted", detail);
}

static void
add_closed(struct buf *out, const struct fetch_words *words)
{
	const struct transfer_outcome *o = words->outcome;

	if (o->status == 0)
		buf_printf(out, "%s port %u closed the connection without an answer",
		    words->address, words->port);
	else
		buf_printf(out,
		    "%s port %u closed the connection after %" PRId64
		    " bytes of the body",
		    words->address, words->port, o->body_bytes);
}

void
fetch_words(const struct fetch_words *words, enum fetch_class class,
    char text[FETCH_SENTENCE_SIZE])
{
	struct buf out = {.limit = FETCH_SENTENCE_SIZE - 1};

	switch (class) {
	case FETCH_OK:
		break;
	case FETCH_REFUSED:
		add_unreachable(&out, words);
		break;
	case FETCH_CONNECT_TIMEOUT:
	case FETCH_TLS_TIMEOUT:
	case FETCH_FIRST_BYTE_TIMEOUT:
	case FETCH_READ_TIMEOUT:
		add_timeout(&out, words, class);
		break;
	case FETCH_CERTIFICATE_EXPIRED:
	case FETCH_CERTIFICATE_NAME:
	case FETCH_CERTIFICATE_ISSUER:
		add_certificate(&out, words, class);
		break;
	case FETCH_TLS:
		buf_printf(&out, "the TLS handshake with %s port %u failed: %s",
		    words->address, words->port, words->outcome->detail);
		break;
	case FETCH_TOO_LARGE:
		add_too_large(&out, words);
		break;
	case FETCH_CLOSED:
		add_closed(&out, words);
		break;
	case FETCH_PROTOCOL:
		buf_printf(&out, "%s port %u does not answer as HTTP: %s",
		    words->address, words->port, words->outcome->detail);
		break;
	default:
		buf_printf(
		    &out, "the request could not be made: %s", words->outcome->detail);
	}
	snprintf(text, FETCH_SENTENCE_SIZE, "%s", out.data ? out.data : "");
	buf_free(&out);
	if (class != FETCH_OK)
		fetch_words_hops(words->hops, text);
}

void
fetch_words_hops(int hops, char text[FETCH_SENTENCE_SIZE])
{
	size_t length = strlen(text);

	if (hops > 0)
		snprintf(text + length, FETCH_SENTENCE_SIZE - length,
		    " (after %d redirect%s)", hops, hops == 1 ? "" : "s");
}

void
fetch_words_redirect(enum fetch_redirect why, int follow, const char *location,
    char out[FETCH_SENTENCE_SIZE])
{
	/* What follows may hold a ticket, and the sentence goes to the log; a user and
	 * password before the host, too. */
	int length = (int)strcspn(location, "?#");
	bool cut = location[length] != '\0' || memchr(location, '@', (size_t)length);
	char *p;

	if (memchr(location, '@', (size_t)length) != NULL)
		length = (int)strcspn(location, "@/");
	if (length > 100)
		length = 100;
	if (why == FETCH_REDIRECT_MANY) {
		snprintf(out, FETCH_SENTENCE_SIZE, "more than %d redirect%s", follow,
		    follow == 1 ? "" : "s");
		return;
	}
	snprintf(out, FETCH_SENTENCE_SIZE,
	    why == FETCH_REDIRECT_BODY
		? "a redirect to \"%.*s%s\", another origin, which is not sent the body"
		: "a redirect to \"%.*s%s\", which is not followed",
	    length, location, cut ? "..." : "");
	for (p = out; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p) || (unsigned char)*p > 126)
			*p = '?';
}
