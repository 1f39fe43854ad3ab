/* Words for the person on call: what DNS said, who said it, what that means. */
#include "collectors/dns_words.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "loop/dnstype.h"

#define NAME_MOST 80 /* bytes of a name in a sentence */

static const enum probe_class classes[] = {
    [LOOKUP_OK] = PROBE_OK,
    [LOOKUP_SILENT] = PROBE_RESOLVE,
    [LOOKUP_REFUSED] = PROBE_REFUSED,
    [LOOKUP_CONNECT_TIMEOUT] = PROBE_CONNECT_TIMEOUT,
    [LOOKUP_READ_TIMEOUT] = PROBE_READ_TIMEOUT,
    [LOOKUP_CLOSED] = PROBE_CLOSED,
    [LOOKUP_TOO_LARGE] = PROBE_TOO_LARGE,
    [LOOKUP_PROTOCOL] = PROBE_PROTOCOL,
    [LOOKUP_INTERNAL] = PROBE_INTERNAL,
};

/* ": a DNSSEC signature has expired (what the server says of it)" */
static void
add_detail(struct buf *out, const struct dnsmessage *message)
{
	const char *words = dnsmessage_detail_name(message->detail);

	if (words != NULL)
		buf_printf(out, ": %s", words);
	if (message->detail >= 0 && message->detail_text[0] != '\0')
		buf_printf(out, words != NULL ? " (%s)" : ": %s", message->detail_text);
}

static void
describe_code(struct buf *out, const struct lookup_answer *answer, const char *name)
{
	const struct dnsmessage *message = &answer->message;
	char code[DNSMESSAGE_CODE_SIZE];

	dnsmessage_code_name(message->code, code);
	switch (message->code) {
	case DNSMESSAGE_NXDOMAIN:
		buf_printf(out, "the name %.*s does not exist (%s), says %s", NAME_MOST,
		    message->alias != NULL ? message->alias : name, code,
		    answer->server);
		if (message->alias != NULL)
			buf_printf(out, "; %.*s is an alias of it", NAME_MOST, name);
		break;
	case DNSMESSAGE_REFUSED:
		buf_printf(out, "%s refuses to answer for %.*s (%s)", answer->server,
		    NAME_MOST, name, code);
		break;
	default:
		buf_printf(out, "%s cannot answer for %.*s (%s)", answer->server,
		    NAME_MOST, name, code);
	}
	add_detail(out, message);
}

static void
describe_absence(struct buf *out, const struct lookup_answer *answer, const char *name,
    unsigned type)
{
	const struct dnsmessage *message = &answer->message;
	char type_name[DNSTYPE_NAME_SIZE];

	dnstype_name(type, type_name);
	if (message->referral)
		buf_printf(out,
		    "%s does not know %.*s, it only names the servers that may",
		    answer->server, NAME_MOST, name);
	else if (message->alias != NULL)
		buf_printf(out, "%.*s, of which %.*s is an alias, has no %s record",
		    NAME_MOST, message->alias, NAME_MOST, name, type_name);
	else
		buf_printf(out, "the name %.*s exists, but has no %s record", NAME_MOST,
		    name, type_name);
	if (!message->referral)
		buf_printf(out, ", says %s", answer->server);
	add_detail(out, message);
}

enum probe_class
dns_words(const struct lookup_answer *answer, const char *name, unsigned type,
    char sentence[256])
{
	struct buf out = {.limit = 255};

	if (answer->class != LOOKUP_OK) {
		snprintf(sentence, 256, "%s", answer->sentence);
		return classes[answer->class];
	}
	if (answer->message.code == 0 && answer->message.count > 0)
		return PROBE_OK;
	if (answer->message.code != 0)
		describe_code(&out, answer, name);
	else
		describe_absence(&out, answer, name, type);
	snprintf(sentence, 256, "%s", out.data);
	text_clean(sentence);
	buf_free(&out);
	return PROBE_RESOLVE;
}
