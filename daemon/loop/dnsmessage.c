/*
 * The order of the answers is the server's, and so is that of the aliases: a chain
 * is followed through the records as they come, but its pieces are gathered first,
 * since some servers do not sort them. Records that the chain does not lead to are
 * nobody's answer.
 */
#include "loop/dnsmessage.h"

#include <arpa/nameser.h>
#include <ctype.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "loop/dnstype.h"

#define UDP_SIZE 1232 /* what is not fragmented anywhere */
#define ALIASES_MAX 16
#define RECORDS_MAX 2048 /* of all kinds: a few ms, however they are made */
#define OPTION_DETAIL 15
#define HEADER_SIZE NS_HFIXEDSZ

static unsigned char *
put16(unsigned char *p, unsigned number)
{
	p[0] = number >> 8 & 255;
	p[1] = number & 255;
	return p + 2;
}

static unsigned
get16(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

size_t
dnsmessage_ask(const struct dnsmessage_question *question,
    unsigned char out[DNSMESSAGE_QUESTION_MAX])
{
	unsigned char name[NS_MAXCDNAME], *p = out;
	const unsigned char *end = name;

	if (ns_name_pton(question->name, name, sizeof(name)) < 0 ||
	    ns_name_skip(&end, name + sizeof(name)) < 0)
		return 0;
	memset(out, 0, HEADER_SIZE);
	put16(out, question->id);
	out[2] = question->recurse ? 1 : 0;
	out[3] = question->dnssec ? 0x20 : 0;
	out[5] = 1;
	out[11] = question->edns ? 1 : 0;
	memcpy(p + HEADER_SIZE, name, end - name);
	p += HEADER_SIZE + (end - name);
	p = put16(p, question->type);
	p = put16(p, ns_c_in);
	if (question->edns) {
		*p++ = 0;
		p = put16(p, ns_t_opt);
		p = put16(p, UDP_SIZE);
		p = put16(p, 0);
		p = put16(p, question->dnssec ? 0x8000 : 0);
		p = put16(p, 0);
	}
	return p - out;
}

static void
lower(char *text)
{
	for (; *text != '\0'; text++)
		*text = (char)tolower((unsigned char)*text);
}

bool
dnsmessage_fits(const unsigned char *bytes, size_t length,
    const struct dnsmessage_question *question)
{
	char name[NS_MAXDNAME];
	int used;

	if (length < HEADER_SIZE || get16(bytes) != question->id ||
	    !(bytes[2] & 0x80) || (bytes[2] & 0x78) != 0)
		return false;
	if (get16(bytes + 4) == 0)
		return (bytes[3] & 15) != 0;
	if (get16(bytes + 4) != 1)
		return false;
	used = ns_name_uncompress(
	    bytes, bytes + length, bytes + HEADER_SIZE, name, sizeof(name));
	if (used <= 0 || length - HEADER_SIZE < (size_t)used + 4)
		return false;
	return strcasecmp(name[0] != '\0' ? name : ".", question->name) == 0 &&
	       get16(bytes + HEADER_SIZE + used) == question->type &&
	       get16(bytes + HEADER_SIZE + used + 2) == ns_c_in;
}

bool
dnsmessage_is_cut(const unsigned char *bytes)
{
	return bytes[2] & 2;
}

/* ---- the chain of aliases ---- */

struct chain {
	struct {
		char *from, *to;
		uint32_t ttl_s;
		bool used;
	} aliases[ALIASES_MAX];
	size_t count;
	char *end; /* where it leads, ours */
	bool any;
};

static void
chain_free(struct chain *chain)
{
	size_t i;

	for (i = 0; i < chain->count; i++) {
		free(chain->aliases[i].from);
		free(chain->aliases[i].to);
	}
	free(chain->end);
}

static int
chain_add(struct chain *chain, const ns_msg *message, ns_rr *record)
{
	char to[NS_MAXDNAME];

	if (ns_name_uncompress(ns_msg_base(*message), ns_msg_end(*message),
		ns_rr_rdata(*record), to, sizeof(to)) <= 0)
		return ERR_SYNTAX;
	if (chain->count == ALIASES_MAX)
		return 0;
	chain->aliases[chain->count].from = mem_strdup(ns_rr_name(*record));
	chain->aliases[chain->count].to = mem_strdup(to[0] != '\0' ? to : ".");
	chain->aliases[chain->count++].ttl_s = ns_rr_ttl(*record);
	return 0;
}

static void
note_ttl(struct dnsmessage *out, uint32_t ttl_s, bool first)
{
	if (ttl_s > INT32_MAX) /* RFC 2181 */
		ttl_s = 0;
	if (first || ttl_s < out->ttl_s)
		out->ttl_s = ttl_s;
}

/* Each alias once, so that a loop ends. */
static void
chain_follow(struct chain *chain, const char *name, struct dnsmessage *out)
{
	size_t i = 0;

	chain->end = mem_strdup(name);
	while (i < chain->count) {
		if (chain->aliases[i].used ||
		    strcasecmp(chain->aliases[i].from, chain->end) != 0) {
			i++;
			continue;
		}
		chain->aliases[i].used = true;
		note_ttl(out, chain->aliases[i].ttl_s, !chain->any);
		chain->any = true;
		free(chain->end);
		chain->end = mem_strdup(chain->aliases[i].to);
		i = 0;
	}
	if (!chain->any)
		return;
	out->alias = mem_strdup(chain->end);
	lower(out->alias);
}

static int
read_chain(ns_msg *message, const struct dnsmessage_question *question,
    struct chain *chain, struct dnsmessage *out)
{
	int i, count = ns_msg_count(*message, ns_s_an);
	ns_rr record;

	for (i = 0; i < count; i++) {
		if (ns_parserr(message, ns_s_an, i, &record) != 0)
			return ERR_SYNTAX;
		if (ns_rr_type(record) == ns_t_cname &&
		    ns_rr_class(record) == ns_c_in && question->type != DNSTYPE_CNAME &&
		    chain_add(chain, message, &record) != 0)
			return ERR_SYNTAX;
	}
	chain_follow(chain, question->name, out);
	return 0;
}

/* ---- the answers ---- */

static int
add_answer(struct dnsmessage *out, const ns_msg *message, ns_rr *record, bool aliased)
{
	struct buf text = BUF_INIT;

	if (out->count == DNSMESSAGE_ANSWERS_MAX)
		return ERR_FULL;
	if (dnstype_text(ns_rr_type(*record), ns_msg_base(*message),
		ns_msg_size(*message), ns_rr_rdata(*record), ns_rr_rdlen(*record),
		&text) != 0) {
		buf_free(&text);
		return ERR_SYNTAX;
	}
	if (out->answers == NULL)
		out->answers =
		    mem_array(ns_msg_count(*message, ns_s_an) < DNSMESSAGE_ANSWERS_MAX
				  ? ns_msg_count(*message, ns_s_an)
				  : DNSMESSAGE_ANSWERS_MAX,
			sizeof(*out->answers));
	note_ttl(out, ns_rr_ttl(*record), out->count == 0 && !aliased);
	out->answers[out->count].ttl_s = ns_rr_ttl(*record);
	out->answers[out->count++].text = buf_take(&text);
	return 0;
}

static int
read_answers(ns_msg *message, const struct dnsmessage_question *question,
    const struct chain *chain, struct dnsmessage *out)
{
	int i, count = ns_msg_count(*message, ns_s_an), code;
	ns_rr record;

	for (i = 0; i < count; i++) {
		if (ns_parserr(message, ns_s_an, i, &record) != 0)
			return ERR_SYNTAX;
		if ((unsigned)ns_rr_type(record) != question->type ||
		    ns_rr_class(record) != ns_c_in ||
		    strcasecmp(ns_rr_name(record), chain->end) != 0)
			continue;
		code = add_answer(out, message, &record, chain->any);
		if (code != 0)
			return code;
	}
	return 0;
}

/* ---- who may know, and EDNS ---- */

static void
read_detail(const unsigned char *p, size_t length, struct dnsmessage *out)
{
	size_t size;

	while (length >= 4) {
		size = get16(p + 2);
		if (length - 4 < size)
			return;
		if (get16(p) == OPTION_DETAIL && size >= 2 && out->detail < 0) {
			out->detail = get16(p + 4);
			snprintf(out->detail_text, sizeof(out->detail_text), "%.*s",
			    (int)(size - 2), (const char *)p + 6);
			text_clean(out->detail_text);
		}
		p += 4 + size;
		length -= 4 + size;
	}
}

static int
read_rest(ns_msg *message, struct dnsmessage *out)
{
	int i, count = ns_msg_count(*message, ns_s_ns);
	bool soa = false, ns = false;
	ns_rr record;

	for (i = 0; i < count; i++) {
		if (ns_parserr(message, ns_s_ns, i, &record) != 0)
			return ERR_SYNTAX;
		soa = soa || ns_rr_type(record) == ns_t_soa;
		ns = ns || ns_rr_type(record) == ns_t_ns;
	}
	out->referral = out->code == 0 && out->count == 0 && ns && !soa &&
			!out->authoritative && out->alias == NULL;
	count = ns_msg_count(*message, ns_s_ar);
	for (i = 0; i < count; i++) {
		if (ns_parserr(message, ns_s_ar, i, &record) != 0)
			return ERR_SYNTAX;
		if (ns_rr_type(record) != ns_t_opt)
			continue;
		out->code |= (ns_rr_ttl(record) >> 24) << 4;
		read_detail(ns_rr_rdata(record), ns_rr_rdlen(record), out);
	}
	return 0;
}

int
dnsmessage_parse(const unsigned char *bytes, size_t length,
    const struct dnsmessage_question *question, struct dnsmessage *out,
    const char **reason)
{
	struct chain chain = {.count = 0};
	ns_msg message;
	int code = ERR_SYNTAX;

	memset(out, 0, sizeof(*out));
	out->detail = -1;
	*reason = "it is cut short or broken";
	if (length < HEADER_SIZE || length > NS_MAXMSG ||
	    ns_initparse(bytes, (int)length, &message) != 0)
		return code;
	if (ns_msg_count(message, ns_s_an) + ns_msg_count(message, ns_s_ns) +
		ns_msg_count(message, ns_s_ar) >
	    RECORDS_MAX) {
		*reason = "it has more records than we take";
		return ERR_FULL;
	}
	out->code = bytes[3] & 15;
	out->authoritative = bytes[2] & 4;
	out->authentic = bytes[3] & 0x20;
	code = read_chain(&message, question, &chain, out);
	if (code == 0) {
		*reason = "a record in it is broken";
		code = read_answers(&message, question, &chain, out);
	}
	chain_free(&chain);
	if (code == 0)
		code = read_rest(&message, out);
	if (code == ERR_FULL)
		*reason = "it has more records than we take";
	return code;
}

void
dnsmessage_free(struct dnsmessage *message)
{
	size_t i;

	for (i = 0; i < message->count; i++)
		free(message->answers[i].text);
	free(message->answers);
	free(message->alias);
	memset(message, 0, sizeof(*message));
}

/* ---- words ---- */

const char *
dnsmessage_code_name(unsigned code, char out[DNSMESSAGE_CODE_SIZE])
{
	static const char *const names[] = {"NOERROR", "FORMERR", "SERVFAIL",
	    "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET",
	    "NOTAUTH", "NOTZONE"};

	if (code < ARRAY_LENGTH(names))
		snprintf(out, DNSMESSAGE_CODE_SIZE, "%s", names[code]);
	else if (code == DNSMESSAGE_BADVERS)
		snprintf(out, DNSMESSAGE_CODE_SIZE, "BADVERS");
	else
		snprintf(out, DNSMESSAGE_CODE_SIZE, "code %u", code & 0xffff);
	return out;
}

const char *
dnsmessage_detail_name(int detail)
{
	static const char *const names[] = {
	    [1] = "its DNSSEC algorithm is not supported",
	    [2] = "its DNSSEC digest is not supported",
	    [3] = "the answer is stale",
	    [4] = "the answer was forged by a policy",
	    [5] = "DNSSEC could not be decided",
	    [6] = "DNSSEC does not validate",
	    [7] = "a DNSSEC signature has expired",
	    [8] = "a DNSSEC signature is not valid yet",
	    [9] = "a DNSSEC key is missing",
	    [10] = "DNSSEC signatures are missing",
	    [11] = "no DNSSEC key is a zone key",
	    [12] = "the DNSSEC proof of absence is missing",
	    [13] = "an error remembered from before",
	    [14] = "the server is not ready",
	    [15] = "the name is blocked",
	    [16] = "the name is censored",
	    [17] = "the name is filtered",
	    [18] = "we may not ask",
	    [19] = "a stale absence",
	    [20] = "the server is not authoritative",
	    [21] = "not supported",
	    [22] = "no server of the zone could be reached",
	    [23] = "a network error on the way to the zone's servers",
	    [24] = "the zone's data is not valid",
	};

	return detail > 0 && (size_t)detail < ARRAY_LENGTH(names) ? names[detail]
								  : NULL;
}
