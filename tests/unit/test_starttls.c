/* collectors/starttls: dialogues, whole and in pieces, and what is none. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "collectors/starttls.h"

static struct starttls it;
static struct buf sent;
static char error[256];

static void
begin(enum starttls_kind kind)
{
	buf_free(&sent);
	error[0] = '\0';
	starttls_begin(&it, kind, &sent);
}

static enum starttls_step
feed(const void *data, size_t length, size_t *left)
{
	char *copy = mem_dup(data, length); /* so that reading past its end is seen */
	size_t used;
	enum starttls_step step;

	step = starttls_feed(&it, copy, length, &used, &sent, error);
	assert_true(used <= length);
	*left = length - used;
	free(copy);
	return step;
}

static enum starttls_step
say(const char *text, size_t *left)
{
	return feed(text, strlen(text), left);
}

/* Each prefix of it first, as a slow server has it; -> what the whole leads to. */
static enum starttls_step
hear_bytes(enum starttls_kind kind, const void *data, size_t length)
{
	enum starttls_step step = STARTTLS_MORE, slow = STARTTLS_MORE;
	const char *bytes = data;
	size_t at = 0, end, left;
	char *first;

	begin(kind);
	for (end = 1; end <= length && slow == STARTTLS_MORE; end++) {
		slow = feed(bytes + at, end - at, &left);
		at = end - left;
	}
	first = mem_strndup(sent.data ? sent.data : "", sent.length);
	begin(kind);
	step = feed(data, length, &left);
	assert_int_equal(slow, step);
	if (kind != STARTTLS_LDAP && kind != STARTTLS_POSTGRES)
		assert_string_equal(first, sent.data ? sent.data : "");
	free(first);
	return step;
}

static enum starttls_step
hear(enum starttls_kind kind, const char *text)
{
	return hear_bytes(kind, text, strlen(text));
}

static void
fails(enum starttls_kind kind, const char *text, const char *why)
{
	assert_int_equal(hear(kind, text), STARTTLS_FAILED);
	if (strstr(error, why) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", why, error);
}

static void
smtp_asks_after_the_features(void **state)
{
	size_t left;

	begin(STARTTLS_SMTP);
	assert_int_equal(sent.length, 0);
	assert_int_equal(
	    say("220-mail.example\r\n220 ESMTP\r\n", &left), STARTTLS_MORE);
	assert_int_equal(left, 0);
	assert_memory_equal(sent.data, "EHLO ", 5);
	assert_string_equal(sent.data + sent.length - 2, "\r\n");
	buf_clear(&sent);
	assert_int_equal(
	    say("250-mail.example\r\n250-SIZE 1\r\n250-STARTTLS\r\n", &left),
	    STARTTLS_MORE);
	assert_int_equal(sent.length, 0);
	assert_int_equal(say("250 HELP\r\n", &left), STARTTLS_MORE);
	assert_string_equal(sent.data, "STARTTLS\r\n");
	/* What comes behind the answer is not read: it is not the server's for sure. */
	assert_int_equal(say("220 go\r\n250 x\r\n", &left), STARTTLS_GO);
	assert_int_equal(left, 7);
	assert_int_equal(
	    hear(STARTTLS_SMTP, "220 a\n250-b\n250 starttls\n220 c\n"), STARTTLS_GO);
	assert_int_equal(
	    hear(STARTTLS_SMTP, "220\r\n250-\r\n250 STARTTLS\r\n220\r\n"), STARTTLS_GO);
}

static void
smtp_that_will_not_is_told(void **state)
{
	fails(STARTTLS_SMTP, "554 no\r\n",
	    "the server does not take mail now: \"554 no\"");
	fails(STARTTLS_SMTP, "220 a\r\n502 what\r\n", "refuses EHLO: \"502 what\"");
	fails(STARTTLS_SMTP, "220 a\r\n250-b\r\n250 SIZE\r\n",
	    "the server does not offer STARTTLS");
	fails(STARTTLS_SMTP, "220 a\r\n250-b\r\n250 STARTTLSX\r\n",
	    "the server does not offer STARTTLS");
	fails(STARTTLS_SMTP, "220 a\r\n250-b\r\n250 STARTTLS\r\n454 later\r\n",
	    "refuses STARTTLS: \"454 later\"");
	fails(STARTTLS_SMTP, "SSH-2.0-OpenSSH_9.2\r\n", "does not speak SMTP");
	fails(STARTTLS_SMTP, "\r\n", "does not speak SMTP");
	fails(STARTTLS_SMTP, "2200 a\r\n", "does not speak SMTP");
}

static void
imap_asks_after_the_greeting(void **state)
{
	size_t left;

	begin(STARTTLS_IMAP);
	assert_int_equal(
	    say("* OK [CAPABILITY STARTTLS] hi\r\n", &left), STARTTLS_MORE);
	assert_string_equal(sent.data, "v1 STARTTLS\r\n");
	assert_int_equal(say("* CAPABILITY IMAP4\r\nv1 OK go\r\n", &left), STARTTLS_GO);
	assert_int_equal(left, 0);
	fails(STARTTLS_IMAP, "* BYE busy\r\n", "ends the session: \"* BYE busy\"");
	fails(STARTTLS_IMAP, "* PREAUTH hi\r\n", "beyond STARTTLS already");
	fails(STARTTLS_IMAP, "+OK pop\r\n", "does not speak IMAP");
	fails(STARTTLS_IMAP, "* OK\r\nv1 NO not now\r\n",
	    "refuses STARTTLS: \"v1 NO not now\"");
	fails(STARTTLS_IMAP, "* OK\r\nv1 BAD what\r\n", "refuses STARTTLS");
	fails(STARTTLS_IMAP, "* OK\r\nv1\r\n", "refuses STARTTLS");
	fails(STARTTLS_IMAP, "* OK\r\nv2 OK\r\n", "does not speak IMAP");
	fails(STARTTLS_IMAP, "* OK\r\n* BYE\r\n", "ends the session");
}

static void
words_without_end_are_bounded(void **state)
{
	struct buf many = BUF_INIT;
	int i;

	begin(STARTTLS_SMTP);
	for (i = 0; i < 3000; i++)
		buf_add_char(&many, 'x');
	fails(STARTTLS_SMTP, many.data, "do not end");
	buf_clear(&many);
	for (i = 0; i < 300; i++)
		buf_add_text(&many, "220-again\r\n");
	fails(STARTTLS_SMTP, many.data, "do not end");
	buf_clear(&many);
	buf_add_text(&many, "* OK\r\n");
	for (i = 0; i < 300; i++)
		buf_add_text(&many, "* 1 EXISTS\r\n");
	fails(STARTTLS_IMAP, many.data, "do not end");
	buf_free(&many);
}

#define LDAP(text) hear_bytes(STARTTLS_LDAP, text, sizeof(text) - 1)

static void
ldap_speaks_ber(void **state)
{
	begin(STARTTLS_LDAP);
	assert_int_equal(sent.length, 31);
	assert_memory_equal(sent.data,
	    "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
	    "1.3.6.1.4.1.1466.20037",
	    31);
	assert_int_equal(
	    LDAP("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"),
	    STARTTLS_GO);
	/* Lengths in long forms, and the response's own name behind. */
	assert_int_equal(
	    LDAP("\x30\x84\x00\x00\x00\x12\x02\x01\x01\x78\x84\x00\x00\x00\x09\x0a\x01"
		 "\x00\x04\x00\x04\x00\x8a\x00"),
	    STARTTLS_GO);
	assert_int_equal(LDAP("\x30\x10\x02\x01\x01\x78\x0b\x0a\x01\x34\x04\x00\x04\x04"
			      "busy"),
	    STARTTLS_FAILED);
	assert_string_equal(
	    error, "the server refuses StartTLS, 52, it is unavailable: busy");
	assert_int_equal(
	    LDAP("\x30\x0a\x02\x01\x01\x78\x05\x0a\x01\x02\x04\x00"), STARTTLS_FAILED);
	assert_string_equal(
	    error, "the server refuses StartTLS, 2, it does not know it");
	/* The notice that the server goes. */
	assert_int_equal(
	    LDAP("\x30\x0c\x02\x01\x00\x78\x07\x0a\x01\x34\x04\x00\x04\x00"),
	    STARTTLS_FAILED);
	assert_non_null(strstr(error, "unavailable"));
}

static void
ldap_that_is_none_is_told(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} wrong[] = {
#define WRONG(text) {text, sizeof(text) - 1}
	    WRONG("220 mail.example ESMTP\r\n"),
	    WRONG("HTTP/1.1 400 Bad\r\n"),
	    WRONG("\x30\x80\x02\x01\x01"),         /* no definite length */
	    WRONG("\x30\x85\x01\x00\x00\x00\x00"), /* a length of 5 bytes */
	    WRONG("\x30\x84\x7f\xff\xff\xff"),     /* 2 GiB */
	    WRONG("\x30\x82\x10\x00"),             /* 4096 and its header */
	    WRONG("\x30\x00"),                     /* nothing in it */
	    WRONG("\x30\x03\x02\x01\x01"),         /* no response in it */
	    WRONG("\x30\x05\x02\x01\x02\x78\x00"), /* another number */
	    WRONG("\x30\x05\x02\x01\x01\x78\x00"), /* no result in it */
	    WRONG("\x30\x05\x02\x01\x01\x61\x00"), /* a bind response */
	    WRONG("\x30\x04\x02\x7f\x01\x78"),     /* longer than what holds it */
	    WRONG("\x30\x08\x02\x01\x01\x78\x03\x0a\x7f\x00"),
	    WRONG("\x30\x07\x02\x01\x01\x78\x02\x0a\x00"),
	    WRONG("\x30\x08\x02\x01\x01\x78\x03\x04\x01\x00"),
	    WRONG("\x3f\x03\x02\x01\x01"),
	};
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(wrong); i++) {
		if (hear_bytes(STARTTLS_LDAP, wrong[i].bytes, wrong[i].length) !=
		    STARTTLS_FAILED)
			fail_msg("%zu is taken", i);
		assert_string_equal(error, "the server's answer is not of LDAP");
	}
}

static void
postgres_says_one_byte(void **state)
{
	size_t left;

	begin(STARTTLS_POSTGRES);
	assert_int_equal(sent.length, 8);
	assert_memory_equal(sent.data, "\x00\x00\x00\x08\x04\xd2\x16\x2f", 8);
	assert_int_equal(say("", &left), STARTTLS_MORE);
	assert_int_equal(say("S", &left), STARTTLS_GO);
	assert_int_equal(left, 0);
	begin(STARTTLS_POSTGRES);
	assert_int_equal(say("Sinjected", &left), STARTTLS_GO);
	assert_int_equal(left, 8);
	fails(STARTTLS_POSTGRES, "N", "TLS switched off");
	fails(STARTTLS_POSTGRES, "E\x01SFATAL", "the server refuses");
	fails(STARTTLS_POSTGRES, "220 mail", "does not speak as PostgreSQL");
}

static void
a_session_ends_politely(void **state)
{
	size_t length;

	assert_string_equal(starttls_goodbye(STARTTLS_SMTP, &length), "QUIT\r\n");
	assert_int_equal(length, 6);
	starttls_goodbye(STARTTLS_LDAP, &length);
	assert_int_equal(length, 7);
	starttls_goodbye(STARTTLS_NONE, &length);
	assert_int_equal(length, 0);
	assert_string_equal(starttls_names[STARTTLS_POSTGRES], "postgres");
	assert_null(starttls_names[STARTTLS_POSTGRES + 1]);
	buf_free(&sent);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(smtp_asks_after_the_features),
	    cmocka_unit_test(smtp_that_will_not_is_told),
	    cmocka_unit_test(imap_asks_after_the_greeting),
	    cmocka_unit_test(words_without_end_are_bounded),
	    cmocka_unit_test(ldap_speaks_ber),
	    cmocka_unit_test(ldap_that_is_none_is_told),
	    cmocka_unit_test(postgres_says_one_byte),
	    cmocka_unit_test(a_session_ends_politely),
	};

	return cmocka_run_group_tests_name("starttls", tests, NULL, NULL);
}
