/*
 * DNS messages: a question to bytes, and bytes of a stranger to answers, by libc's
 * ns_ functions.
 */
#ifndef VT_LOOP_DNSMESSAGE_H
#define VT_LOOP_DNSMESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNSMESSAGE_QUESTION_MAX 320
#define DNSMESSAGE_ANSWERS_MAX 256

/* Codes of an answer that somebody asks for by name; the others are numbers. */
enum { DNSMESSAGE_FORMERR = 1, DNSMESSAGE_SERVFAIL, DNSMESSAGE_NXDOMAIN,
	DNSMESSAGE_NOTIMP, DNSMESSAGE_REFUSED, DNSMESSAGE_BADVERS = 16 };

struct dnsmessage_question {
	const char *name;	/* canonical, as dnstype_canonical_name() */
	unsigned type;
	uint16_t id;
	bool recurse;		/* RD */
	bool edns;		/* says that answers of 1232 bytes are welcome by UDP */
	bool dnssec;		/* AD, and with edns DO */
};

struct dnsmessage_answer {
	char *text;		/* as dnstype_text() */
	uint32_t ttl_s;
};

struct dnsmessage {
	unsigned code;		/* with the bits of EDNS */
	bool authoritative, authentic;	/* AA, AD */
	char *alias;		/* where the aliases end, NULL without any */
	size_t count;		/* of the type asked for; the rest is of as many */
	struct dnsmessage_answer *answers;
	uint32_t ttl_s;		/* the smallest, of aliases too; 0 without answers */
	bool referral;		/* no answer, but who may know */
	int detail;		/* of RFC 8914, -1 none */
	char detail_text[96];	/* a stranger's, clean; may be empty */
};

/* -> its length, 0 if name is none */
size_t dnsmessage_ask(const struct dnsmessage_question *question,
    unsigned char out[DNSMESSAGE_QUESTION_MAX]);

/* Is this an answer to that question, as far as its beginning tells? One without a
 * question is, if it is an error. */
bool dnsmessage_fits(const unsigned char *bytes, size_t length,
    const struct dnsmessage_question *question);
/* Of one that fits: cut off, to be asked for by TCP? */
bool dnsmessage_is_cut(const unsigned char *bytes);

/* One that fits. -> 0, ERR_SYNTAX, ERR_FULL (more records than we take), with
 * a static sentence in *reason; out is to be freed in any case */
int dnsmessage_parse(const unsigned char *bytes, size_t length,
    const struct dnsmessage_question *question, struct dnsmessage *out,
    const char **reason);
void dnsmessage_free(struct dnsmessage *message);

/* "NXDOMAIN"; "code 23" */
#define DNSMESSAGE_CODE_SIZE 16
const char *dnsmessage_code_name(unsigned code, char out[DNSMESSAGE_CODE_SIZE]);
/* Of RFC 8914: "DNSSEC signature expired"; NULL if not known */
const char *dnsmessage_detail_name(int detail);

#endif
