/* loop/dnstype, loop/dnsmessage: data as text, messages of servers and of strangers. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "loop/dnsmessage.h"
#include "loop/dnstype.h"

/* ---- text of a person ---- */

static const struct {
	unsigned type;
	const char *written, *canonical; /* NULL: refused */
} texts[] = {
    {1, "192.0.2.1", "192.0.2.1"},
    {1, " 192.0.2.1 ", "192.0.2.1"},
    {1, "192.0.2", NULL},
    {1, "192.0.2.1 192.0.2.2", NULL},
    {1, "2001:db8::1", NULL},
    {1, "", NULL},
    {28, "2001:DB8:0:0::0001", "2001:db8::1"},
    {28, "192.0.2.1", NULL},
    {2, "NS1.Example.IT.", "ns1.example.it"},
    {5, ".", "."},
    {5, "a..b", NULL},
    {12, "a\\.b.example.it", "a\\.b.example.it"},
    {15, "10 Mail.Example.it.", "10 mail.example.it"},
    {15, "010 mail.example.it", "10 mail.example.it"},
    {15, "65536 mail.example.it", NULL},
    {15, "-1 mail.example.it", NULL},
    {15, "mail.example.it", NULL},
    {6, "ns.example.it. h.example.it. 1 2 3 4 5",
	"ns.example.it h.example.it 1 2 3 4 5"},
    {6, "ns.example.it. h.example.it. 1 2 3 4", NULL},
    {6, "ns.example.it. h.example.it. 4294967296 2 3 4 5", NULL},
    {33, "0 5 443 Www.example.it", "0 5 443 www.example.it"},
    {16, "v=spf1 include:_spf.Example.it ~all", "v=spf1 include:_spf.Example.it ~all"},
    {16, "\"v=spf1 \" \"~all\"", "v=spf1 ~all"},
    {16, "\"v=spf1", NULL},
    {16, "a\\\"b\\065\\\\", "a\\\"bA\\\\"},
    {16, "\xc3\xa0", "\\195\\160"},
    {16, "a\\300", NULL},
    {16, "a\\", NULL},
    {257, "0 ISSUE letsencrypt.org", "0 issue \"letsencrypt.org\""},
    {257, "0 issue \"letsencrypt.org\"", "0 issue \"letsencrypt.org\""},
    {257, "0 issue", NULL},
    {43, "12345 13 2 ABCDEF 0123", "12345 13 2 abcdef0123"},
    {43, "12345 13 2 ABCDE", NULL},
    {43, "12345 13 2", NULL},
    {43, "12345 13 2 xy", NULL},
    {48, "257 3 13 AAEC Aw==", "257 3 13 AAECAw=="},
    {48, "257 3 13 AAECA", NULL},
    {52, "3 1 1 AB", "3 1 1 ab"},
    {65, "1 . ALPN=\"h2,h3\" ipv4hint=192.0.2.1", "1 . alpn=h2,h3 ipv4hint=192.0.2.1"},
    {65, "1 svc.example.it port=8443 alpn=h2", "1 svc.example.it alpn=h2 port=8443"},
    {65, "0 svc.example.it", "0 svc.example.it"},
    {65, "1 . nonsense=1", NULL},
    {65, "1 . alpn=\"h2", NULL},
    {35, "100 10 U E2U+sip \"!^.*$!sip:a@b!\" .",
	"100 10 \"U\" \"E2U+sip\" \"!^.*$!sip:a@b!\" ."},
    {65280, "\\# 4 C000 0201", "\\# 4 c0000201"},
    {65280, "\\# 0", "\\# 0"},
    {65280, "\\# 3 c0000201", NULL},
    {65280, "c0000201", NULL},
    {47, "\\# 1 00", "\\# 1 00"},
};

static void
what_a_person_writes_has_one_form(void **state)
{
	struct buf out = BUF_INIT;
	char error[160];
	size_t i;
	int code;

	for (i = 0; i < ARRAY_LENGTH(texts); i++) {
		buf_free(&out);
		error[0] = '\0';
		code = dnstype_canonical(texts[i].type, texts[i].written, &out, error);
		if ((code == 0) != (texts[i].canonical != NULL))
			fail_msg("%s: %d %s", texts[i].written, code, error);
		if (code == 0)
			assert_string_equal(out.data, texts[i].canonical);
		else
			assert_int_equal(strncmp(error, "expected ", 9), 0);
	}
	buf_free(&out);
}

static void
types_have_names_and_numbers(void **state)
{
	char name[DNSTYPE_NAME_SIZE];
	unsigned type = 0;

	assert_int_equal(dnstype_number("mx", &type), 0);
	assert_int_equal(type, 15);
	assert_int_equal(dnstype_number("TYPE65", &type), 0);
	assert_int_equal(type, 65);
	assert_string_equal(dnstype_name(65, name), "HTTPS");
	assert_string_equal(dnstype_name(999, name), "TYPE999");
	assert_int_equal(dnstype_number("TYPE65536", &type), ERR_NOT_FOUND);
	assert_int_equal(dnstype_number("TYPE-1", &type), ERR_NOT_FOUND);
	assert_int_equal(dnstype_number("TYPE", &type), ERR_NOT_FOUND);
	assert_int_equal(dnstype_number("MXX", &type), ERR_NOT_FOUND);
	assert_int_equal(dnstype_number("ANY", &type), ERR_RANGE);
	assert_int_equal(dnstype_number("TYPE255", &type), ERR_RANGE);
	assert_int_equal(dnstype_number("TYPE41", &type), ERR_RANGE);
}

/* ---- messages ---- */

static unsigned char bytes[70000];
static size_t length;
static struct dnsmessage_question question;
static struct dnsmessage message;
static const char *reason;

static void
put(const void *data, size_t n)
{
	memcpy(bytes + length, data, n);
	length += n;
}

static void
put16(unsigned n)
{
	const unsigned char p[2] = {n >> 8 & 255, n & 255};

	put(p, 2);
}

/* The answer to a question, without records yet. */
static void
begin(const char *name, unsigned type, unsigned flags)
{
	question = (struct dnsmessage_question){
	    .name = name, .type = type, .id = 0x1234, .recurse = true};
	length = dnsmessage_ask(&question, bytes);
	assert_true(length > 0);
	bytes[2] = flags >> 8;
	bytes[3] = flags & 255;
}

/* section: 1 answers, 2 authority, 3 the rest; owner: an offset or 0 for the root */
static void
add(int section, unsigned owner, unsigned type, unsigned ttl, const void *data,
    size_t n)
{
	bytes[4 + 2 * section + 1]++;
	if (owner == 0)
		put("", 1);
	else
		put16(0xc000 | owner);
	put16(type);
	put16(type == 41 ? 1232 : 1);
	put16(ttl >> 16);
	put16(ttl & 0xffff);
	put16(n);
	put(data, n);
}

static int
parse(void)
{
	dnsmessage_free(&message);
	if (!dnsmessage_fits(bytes, length, &question))
		return -1;
	return dnsmessage_parse(bytes, length, &question, &message, &reason);
}

static void
a_question_says_what_is_asked(void **state)
{
	unsigned char out[DNSMESSAGE_QUESTION_MAX];
	struct dnsmessage_question q = {.name = "www.example.it",
	    .type = 28,
	    .id = 0xabcd,
	    .recurse = true,
	    .edns = true,
	    .dnssec = true};
	static const unsigned char plain[] =
	    "\xab\xcd\x01\x20\0\1\0\0\0\0\0\1\3www\7example\2it\0\0\x1c\0\1"
	    "\0\0\x29\x04\xd0\0\0\x80\0\0";
	char longest[300];

	assert_int_equal(dnsmessage_ask(&q, out), sizeof(plain));
	assert_memory_equal(out, plain, sizeof(plain));
	assert_false(dnsmessage_fits(out, sizeof(plain), &q)); /* our own echoed */
	q.edns = q.dnssec = q.recurse = false;
	assert_int_equal(dnsmessage_ask(&q, out), sizeof(plain) - 11);
	assert_int_equal(out[2] | out[3] | out[11], 0);
	q.name = ".";
	assert_int_equal(dnsmessage_ask(&q, out), 17);
	memset(longest, 'a', sizeof(longest));
	longest[64] = '\0';
	q.name = longest;
	assert_int_equal(dnsmessage_ask(&q, out), 0);
}

static void
answers_become_texts(void **state)
{
	begin("example.it", 1, 0x85a0);
	add(1, 12, 1, 300, "\xc0\0\2\1", 4);
	add(1, 12, 46, 10, "no matter", 9); /* a signature beside it */
	add(1, 12, 1, 60, "\xc0\0\2\2", 4);
	assert_int_equal(parse(), 0);
	assert_int_equal(message.count, 2);
	assert_string_equal(message.answers[0].text, "192.0.2.1");
	assert_string_equal(message.answers[1].text, "192.0.2.2");
	assert_int_equal(message.ttl_s, 60);
	assert_true(message.authoritative && message.authentic);
	assert_int_equal(message.code, 0);
	assert_null(message.alias);
	assert_int_equal(message.detail, -1);

	begin("example.it", 15, 0x8180);
	add(1, 12, 15, 300, "\0\012\4MAIL\xc0\014", 9);
	assert_int_equal(parse(), 0);
	assert_string_equal(message.answers[0].text, "10 mail.example.it");
	assert_false(message.authoritative || message.authentic);

	begin("example.it", 16, 0x8180);
	add(1, 12, 16, 300, "\4v=sp\2f1\0", 9);
	assert_int_equal(parse(), 0);
	assert_string_equal(message.answers[0].text, "v=spf1");

	begin("example.it", 65, 0x8180);
	add(1, 12, 65, 300,
	    "\0\1\0\0\1\0\6\2h2\2h3\0\3\0\2\x20\xfb\0\4\0\4\xc0\0\2\1\x02\x9a\0\1\0",
	    32);
	assert_int_equal(parse(), 0);
	assert_string_equal(message.answers[0].text,
	    "1 . alpn=h2,h3 port=8443 ipv4hint=192.0.2.1 key666=\\000");

	begin("example.it", 257, 0x8180);
	add(1, 12, 257, 300, "\x80\5Issueca.example", 17);
	assert_int_equal(parse(), 0);
	assert_string_equal(message.answers[0].text, "128 issue \"ca.example\"");

	begin("example.it", 48, 0x8180);
	add(1, 12, 48, 300, "\1\1\3\15\0\1\2\3", 8);
	assert_int_equal(parse(), 0);
	assert_string_equal(message.answers[0].text, "257 3 13 AAECAw==");

	begin("example.it", 65280, 0x8180);
	add(1, 12, 65280, 0x80000000, "\xc0\0\2\1", 4);
	assert_int_equal(parse(), 0);
	assert_string_equal(message.answers[0].text, "\\# 4 c0000201");
	assert_int_equal(message.ttl_s, 0); /* RFC 2181 */
}

/* www -> a -> b, and the record of another. */
static void
aliases_lead_to_answers(void **state)
{
	unsigned a, b;

	begin("WWW.example.it", 1, 0x8180);
	add(1, 12, 5, 50, "\1a\xc0\x10", 4);
	a = length - 4;
	add(1, a, 5, 40, "\1b\xc0\x10", 4);
	b = length - 4;
	add(1, b, 1, 70, "\xc0\0\2\1", 4);
	add(1, 16, 1, 1, "\xc0\0\2\x42", 4); /* example.it itself: not asked */
	assert_int_equal(parse(), 0);
	assert_int_equal(message.count, 1);
	assert_string_equal(message.answers[0].text, "192.0.2.1");
	assert_string_equal(message.alias, "b.example.it");
	assert_int_equal(message.ttl_s, 40);

	/* The question for the alias itself does not follow it. */
	question.type = 5;
	bytes[12 + 16 + 1] = 5;
	assert_int_equal(parse(), 0);
	assert_int_equal(message.count, 1);
	assert_string_equal(message.answers[0].text, "a.example.it");

	/* A loop ends, without an answer. */
	begin("www.example.it", 1, 0x8180);
	add(1, 12, 5, 50, "\1a\xc0\x10", 4);
	a = length - 4;
	add(1, a, 5, 40, "\xc0\x0c", 2);
	assert_int_equal(parse(), 0);
	assert_int_equal(message.count, 0);
	assert_string_equal(message.alias, "www.example.it");
}

static void
codes_come_with_their_details(void **state)
{
	char name[DNSMESSAGE_CODE_SIZE];

	begin("example.it", 1, 0x8182);
	add(3, 0, 41, 0x00008000, "\0\x0f\0\x0b\0\7too\told\n.", 15);
	assert_int_equal(parse(), 0);
	assert_int_equal(message.code, 2);
	assert_int_equal(message.detail, 7);
	assert_string_equal(message.detail_text, "too?old?.");
	assert_string_equal(
	    dnsmessage_detail_name(7), "a DNSSEC signature has expired");
	assert_null(dnsmessage_detail_name(-1));
	assert_null(dnsmessage_detail_name(0));
	assert_null(dnsmessage_detail_name(999));

	begin("example.it", 1, 0x8180);
	add(3, 0, 41, 0x01000000, "", 0);
	assert_int_equal(parse(), 0);
	assert_int_equal(message.code, 16);
	assert_string_equal(dnsmessage_code_name(16, name), "BADVERS");
	assert_string_equal(dnsmessage_code_name(3, name), "NXDOMAIN");
	assert_string_equal(dnsmessage_code_name(23, name), "code 23");

	begin("example.it", 1, 0x8100);
	add(2, 12, 2, 60, "\2ns\xc0\014", 5);
	assert_int_equal(parse(), 0);
	assert_true(message.referral);
	add(2, 12, 6, 60, "\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);
	assert_int_equal(parse(), 0);
	assert_false(message.referral);
}

static void
what_is_no_answer_of_ours_does_not_fit(void **state)
{
	size_t whole;

	begin("example.it", 1, 0x8180);
	assert_int_equal(parse(), 0);
	bytes[0] ^= 1; /* another number */
	assert_int_equal(parse(), -1);
	bytes[0] ^= 1;
	bytes[13] = 'x'; /* another name */
	assert_int_equal(parse(), -1);
	bytes[13] = 'E';
	assert_int_equal(parse(), 0);
	bytes[length - 1] = 3; /* another class */
	assert_int_equal(parse(), -1);
	bytes[length - 1] = 1;
	bytes[length - 3] = 28; /* another type */
	assert_int_equal(parse(), -1);
	bytes[length - 3] = 1;
	bytes[2] ^= 0x80; /* a question */
	assert_int_equal(parse(), -1);
	bytes[2] ^= 0x80;
	bytes[2] |= 0x20; /* a notify */
	assert_int_equal(parse(), -1);
	bytes[2] ^= 0x20;
	whole = length;
	for (length = 0; length < whole; length++)
		assert_int_equal(parse(), -1);
	/* An error may come without the question, an answer may not. */
	bytes[5] = 0;
	length = 12;
	assert_int_equal(parse(), -1);
	bytes[3] = 1;
	assert_int_equal(parse(), 0);
	assert_int_equal(message.code, 1);
	length = 11;
	assert_int_equal(parse(), -1);
	/* A name that points to itself. */
	begin("example.it", 1, 0x8180);
	bytes[12] = 0xc0;
	bytes[13] = 12;
	assert_int_equal(parse(), -1);
	bytes[5] = 2;
	assert_int_equal(parse(), -1);
}

static void
broken_messages_are_refused(void **state)
{
	unsigned i;
	size_t whole;

	begin("example.it", 15, 0x8180);
	add(1, 12, 15, 300, "\0\012\4mail\xc0\014", 9);
	add(3, 0, 41, 0, "", 0);
	assert_int_equal(parse(), 0);
	whole = length;
	for (length = 28; length < whole; length++)
		assert_int_equal(parse(), ERR_SYNTAX);
	length = whole;
	put("x", 1); /* more than there should be */
	assert_int_equal(parse(), ERR_SYNTAX);

	/* Data shorter or longer than its type has; a pointer that loops. */
	begin("example.it", 1, 0x8180);
	add(1, 12, 1, 300, "\xc0\0\2", 3);
	assert_int_equal(parse(), ERR_SYNTAX);
	assert_string_equal(reason, "a record in it is broken");
	begin("example.it", 1, 0x8180);
	add(1, 12, 1, 300, "\xc0\0\2\1\1", 5);
	assert_int_equal(parse(), ERR_SYNTAX);
	begin("example.it", 16, 0x8180);
	add(1, 12, 16, 300, "\5abc", 4);
	assert_int_equal(parse(), ERR_SYNTAX);
	begin("example.it", 2, 0x8180);
	add(1, 12, 2, 300, "\xc0\x28", 2); /* to itself */
	assert_int_equal(parse(), ERR_SYNTAX);
	begin("example.it", 1, 0x8180);
	add(1, 12, 5, 300, "\xc0\xff", 2); /* an alias to nowhere */
	assert_int_equal(parse(), ERR_SYNTAX);
	begin("example.it", 65, 0x8180);
	add(1, 12, 65, 300, "\0\1\0\0\3\0\1\1", 8); /* half a port */
	assert_int_equal(parse(), ERR_SYNTAX);
	begin("example.it", 257, 0x8180);
	add(1, 12, 257, 300, "\0\3a b1", 6);
	assert_int_equal(parse(), ERR_SYNTAX);

	begin("example.it", 1, 0x8180);
	for (i = 0; i < DNSMESSAGE_ANSWERS_MAX + 1; i++)
		add(1, 12, 1, 300, "\xc0\0\2\1", 4);
	bytes[6] = (DNSMESSAGE_ANSWERS_MAX + 1) >> 8;
	bytes[7] = (DNSMESSAGE_ANSWERS_MAX + 1) & 255;
	assert_int_equal(parse(), ERR_FULL);
	assert_int_equal(message.count, DNSMESSAGE_ANSWERS_MAX);
	/* Nor as many of another kind, which we would have to read. */
	begin("example.it", 1, 0x8180);
	for (i = 0; i < 2049; i++)
		add(1, 12, 46, 300, "", 0);
	bytes[6] = 2049 >> 8;
	bytes[7] = 2049 & 255;
	assert_int_equal(parse(), ERR_FULL);
	assert_int_equal(message.count, 0);
	/* A long text is an answer like others. */
	begin("example.it", 16, 0x8180);
	add(1, 12, 16, 300, "", 0);
	length -= 2;
	put16(60160);
	for (i = 0; i < 235; i++) {
		put("\xff", 1);
		memset(bytes + length, 1, 255);
		length += 255;
	}
	assert_int_equal(parse(), 0);
	assert_int_equal(strlen(message.answers[0].text), 4 * 235 * 255);
	dnsmessage_free(&message);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_a_person_writes_has_one_form),
	    cmocka_unit_test(types_have_names_and_numbers),
	    cmocka_unit_test(a_question_says_what_is_asked),
	    cmocka_unit_test(answers_become_texts),
	    cmocka_unit_test(aliases_lead_to_answers),
	    cmocka_unit_test(codes_come_with_their_details),
	    cmocka_unit_test(what_is_no_answer_of_ours_does_not_fit),
	    cmocka_unit_test(broken_messages_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
