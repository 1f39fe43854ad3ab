/* Failures of stream in words; those that fetch has too are told by fetch_words. */
#include "loop/stream_words.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "loop/fetch_words.h"

static int64_t
microseconds(double seconds)
{
	return isnan(seconds) ? -1 : llround(seconds * CLOCK_SECOND);
}

static void
as_fetch(const struct stream_words *words, enum fetch_class class, struct buf *out)
{
	struct transfer_outcome outcome = {
	    .class = class,
	    .connect_us = microseconds(words->info->connect),
	    .tls_us = microseconds(words->info->tls),
	    .first_byte_us = -1,
	};
	const struct fetch_words same = {
	    .outcome = &outcome,
	    .host = words->name,
	    .address = words->info->address,
	    .port = words->port,
	    .addresses = words->addresses,
	    .tried = words->tried,
	    .timeout_us = words->timeout_us,
	};
	char sentence[FETCH_SENTENCE_SIZE];

	strlcpy(outcome.detail, words->detail, sizeof(outcome.detail));
	fetch_words(&same, class, sentence);
	buf_add_text(out, sentence);
}

static void
add_certificate(
    struct buf *out, const struct stream_words *words, enum fetch_class class)
{
	const struct tls_seen *seen = &words->info->seen;

	if (class == FETCH_CERTIFICATE_NAME)
		buf_printf(out, "the certificate is not made out to %.80s but to %s",
		    words->name,
		    seen->chain.names[0] != '\0' ? seen->chain.names : "nobody");
	else if (class == FETCH_CERTIFICATE_EXPIRED)
		buf_printf(out, "the certificate of %.80s is not valid today: %s",
		    words->name, seen->defect);
	else
		buf_printf(out, "the certificate of %.80s is not trusted: %s",
		    words->name, seen->defect);
	if (class == FETCH_CERTIFICATE_ISSUER && seen->chain.issuer[0] != '\0')
		buf_printf(out, ", issued by %s", seen->chain.issuer);
}

void
stream_words(const struct stream_words *words, enum fetch_class class, char text[256])
{
	const struct stream_info *info = words->info;
	struct buf out = {.limit = 255};

	switch (class) {
	case FETCH_CERTIFICATE_EXPIRED:
	case FETCH_CERTIFICATE_NAME:
	case FETCH_CERTIFICATE_ISSUER:
		add_certificate(&out, words, class);
		break;
	case FETCH_READ_TIMEOUT:
		buf_printf(&out,
		    "the answer of %s port %u did not end within %g s: %" PRId64
		    " byte%s came",
		    info->address, words->port,
		    (double)words->timeout_us / CLOCK_SECOND, info->received,
		    info->received == 1 ? "" : "s");
		break;
	case FETCH_CLOSED:
		if (info->received == 0)
			buf_printf(&out,
			    "%s port %u closed the connection without a word",
			    info->address, words->port);
		else
			buf_printf(&out,
			    "%s port %u closed the connection after %" PRId64 " byte%s",
			    info->address, words->port, info->received,
			    info->received == 1 ? "" : "s");
		if (words->detail[0] != '\0')
			buf_printf(&out, ": %s", words->detail);
		break;
	case FETCH_RESOLVE:
	case FETCH_PROTOCOL:
	case FETCH_INTERNAL:
		buf_add_text(&out, words->detail);
		break;
	default:
		as_fetch(words, class, &out);
	}
	strlcpy(text, out.data != NULL ? out.data : "", 256);
	text_clean(text);
	buf_free(&out);
}
