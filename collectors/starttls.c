/*
 * SMTP (RFC 3207) and IMAP (RFC 9051) by lines, LDAP (RFC 4511) by one message of BER,
 * PostgreSQL by one byte. A line, their number and a message are bounded: what is
 * longer is no such server.
 */
#include "collectors/starttls.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop/address.h"

#define LINE_MAX_BYTES 2048
#define LINES_MAX 200

const char *const starttls_names[] = {"none", "smtp", "imap", "ldap", "postgres", NULL};

enum { GREETING, FEATURES, ASKED };

static const char ldap_request[] = "\x30\x1d"     /* a message */
				   "\x02\x01\x01" /* its number: 1 */
				   "\x77\x18"     /* extended request */
				   "\x80\x16"
				   "1.3.6.1.4.1.1466.20037"; /* start TLS */
static const char ldap_unbind[] = "\x30\x05\x02\x01\x02\x42\x00";
static const char postgres_request[] = "\x00\x00\x00\x08\x04\xd2\x16\x2f";

/* A server may want a name with a dot, and some want it to be ours. */
static void
add_own_name(struct buf *out)
{
	char name[256] = "";

	if (gethostname(name, sizeof(name) - 1) != 0 || !address_is_name(name))
		strlcpy(name, "localhost", sizeof(name));
	buf_add_text(out, name);
}

void
starttls_begin(struct starttls *it, enum starttls_kind kind, struct buf *out)
{
	*it = (struct starttls){.kind = kind};
	if (kind == STARTTLS_LDAP)
		buf_add(out, ldap_request, sizeof(ldap_request) - 1);
	else if (kind == STARTTLS_POSTGRES)
		buf_add(out, postgres_request, sizeof(postgres_request) - 1);
}

const char *
starttls_goodbye(enum starttls_kind kind, size_t *length)
{
	const char *text = kind == STARTTLS_SMTP   ? "QUIT\r\n"
			   : kind == STARTTLS_IMAP ? "v2 LOGOUT\r\n"
						   : "";

	*length = strlen(text);
	if (kind == STARTTLS_LDAP) {
		*length = sizeof(ldap_unbind) - 1;
		return ldap_unbind;
	}
	return text;
}

static enum starttls_step
refused(const char *what, const char *line, size_t length, char error[256])
{
	if (length > 150)
		length = 150;
	snprintf(error, 256, "%s: \"%.*s\"", what, (int)length, line);
	return STARTTLS_FAILED;
}

/* ---- SMTP ---- */

static bool
is_word(const char *text, size_t length, const char *word)
{
	return length >= strlen(word) && strncasecmp(text, word, strlen(word)) == 0 &&
	       (length == strlen(word) || text[strlen(word)] == ' ');
}

static enum starttls_step
smtp_line(struct starttls *it, const char *line, size_t length, struct buf *out,
    char error[256])
{
	static const char *const wanted[] = {"220", "250", "220"};
	static const char *const not_so[] = {"the server does not take mail now",
	    "the server refuses EHLO", "the server refuses STARTTLS"};

	if (length < 3 || !isdigit((unsigned char)line[0]) ||
	    !isdigit((unsigned char)line[1]) || !isdigit((unsigned char)line[2]) ||
	    (length > 3 && line[3] != ' ' && line[3] != '-'))
		return refused(
		    "the server does not speak SMTP, it said", line, length, error);
	if (memcmp(line, wanted[it->stage], 3) != 0)
		return refused(not_so[it->stage], line, length, error);
	if (it->stage == FEATURES && length > 4 &&
	    is_word(line + 4, length - 4, "STARTTLS"))
		it->offered = true;
	if (length > 3 && line[3] == '-')
		return STARTTLS_MORE;
	switch (it->stage++) {
	case GREETING:
		buf_add_text(out, "EHLO ");
		add_own_name(out);
		buf_add_text(out, "\r\n");
		return STARTTLS_MORE;
	case FEATURES:
		if (!it->offered) {
			strlcpy(error, "the server does not offer STARTTLS", 256);
			return STARTTLS_FAILED;
		}
		buf_add_text(out, "STARTTLS\r\n");
		return STARTTLS_MORE;
	default:
		return STARTTLS_GO;
	}
}

/* ---- IMAP ---- */

static enum starttls_step
imap_line(struct starttls *it, const char *line, size_t length, struct buf *out,
    char error[256])
{
	bool untagged = length >= 2 && line[0] == '*' && line[1] == ' ';

	if (untagged && is_word(line + 2, length - 2, "BYE"))
		return refused("the server ends the session", line, length, error);
	if (it->stage == GREETING) {
		if (untagged && is_word(line + 2, length - 2, "PREAUTH"))
			return refused("the server is beyond STARTTLS already", line,
			    length, error);
		if (!untagged || !is_word(line + 2, length - 2, "OK"))
			return refused("the server does not speak IMAP, it said", line,
			    length, error);
		it->stage = ASKED;
		buf_add_text(out, "v1 STARTTLS\r\n");
		return STARTTLS_MORE;
	}
	if (untagged)
		return STARTTLS_MORE;
	if (!is_word(line, length, "v1"))
		return refused(
		    "the server does not speak IMAP, it said", line, length, error);
	if (length > 3 && is_word(line + 3, length - 3, "OK"))
		return STARTTLS_GO;
	return refused("the server refuses STARTTLS", line, length, error);
}

/* ---- LDAP ---- */

struct ber {
	const unsigned char *data;
	size_t length;
};

/* Takes one element with a definite length off the front. -> 1, 0: there is not enough
 * of it yet, -1: none, or one of more than STARTTLS_UNREAD_MAX */
static int
ber_take(struct ber *from, unsigned char *tag, struct ber *content)
{
	size_t header = 2, length, i;

	if (from->length < 2)
		return 0;
	*tag = from->data[0];
	length = from->data[1];
	if ((*tag & 0x1f) == 0x1f || length == 0x80 || length > 0x84)
		return -1;
	if (length > 0x80) {
		header += length - 0x80;
		if (from->length < header)
			return 0;
		for (i = 2, length = 0; i < header; i++)
			length = length << 8 | from->data[i];
	}
	if (length > STARTTLS_UNREAD_MAX - header)
		return -1;
	if (from->length - header < length)
		return 0;
	*content = (struct ber){from->data + header, length};
	from->data += header + length;
	from->length -= header + length;
	return 1;
}

static const char *
ldap_words(unsigned code)
{
	switch (code) {
	case 1:
		return "operations error";
	case 2:
		return "it does not know it";
	case 8:
		return "it wants stronger authentication";
	case 10:
		return "it refers to another server";
	case 51:
		return "it is busy";
	case 52:
		return "it is unavailable";
	case 53:
		return "it is unwilling";
	default:
		return "it does not say why";
	}
}

/* The result's code, name, text. -> STARTTLS_GO if the code is 0 */
static enum starttls_step
ldap_result(struct ber body, char error[256])
{
	static const struct ber none = {(const unsigned char *)"", 0};
	struct ber code = none, name = none, text = none;
	unsigned char tag;

	if (ber_take(&body, &tag, &code) != 1 || tag != 0x0a || code.length != 1) {
		strlcpy(error, "the server's answer is not of LDAP", 256);
		return STARTTLS_FAILED;
	}
	if (code.data[0] == 0)
		return STARTTLS_GO;
	if (ber_take(&body, &tag, &name) != 1 || tag != 0x04 ||
	    ber_take(&body, &tag, &text) != 1 || tag != 0x04)
		text = none;
	snprintf(error, 256, "the server refuses StartTLS, %u, %s%s%.*s", code.data[0],
	    ldap_words(code.data[0]), text.length > 0 ? ": " : "",
	    (int)(text.length < 150 ? text.length : 150), (const char *)text.data);
	return STARTTLS_FAILED;
}

static enum starttls_step
ldap_feed(const char *data, size_t length, size_t *used, char error[256])
{
	struct ber input = {(const unsigned char *)data, length}, message, id, body;
	unsigned char tag = 0;
	int taken = ber_take(&input, &tag, &message);

	if (length > 0 && (unsigned char)data[0] != 0x30)
		taken = -1;
	if (taken == 0)
		return STARTTLS_MORE;
	/* Number 0 is the server's notice that it goes. */
	if (taken == 1 && ber_take(&message, &tag, &id) == 1 && tag == 0x02 &&
	    id.length == 1 && id.data[0] <= 1 && ber_take(&message, &tag, &body) == 1 &&
	    tag == 0x78) {
		*used = length - input.length;
		if (ldap_result(body, error) == STARTTLS_FAILED)
			return STARTTLS_FAILED;
		if (id.data[0] == 1)
			return STARTTLS_GO;
	}
	strlcpy(error, "the server's answer is not of LDAP", 256);
	return STARTTLS_FAILED;
}

/* ---- PostgreSQL ---- */

/* 'S' and 'N' are the answers; an old server or another one has words of its own. */
static enum starttls_step
postgres_feed(const char *data, size_t length, size_t *used, char error[256])
{
	if (length == 0)
		return STARTTLS_MORE;
	*used = 1;
	if (data[0] == 'S')
		return STARTTLS_GO;
	if (data[0] == 'N')
		strlcpy(error, "the server has TLS switched off (ssl = off)", 256);
	else if (data[0] == 'E')
		return refused("the server refuses, it said", data, length, error);
	else
		return refused("the server does not speak as PostgreSQL, it said", data,
		    length, error);
	return STARTTLS_FAILED;
}

/* ---- all ---- */

static enum starttls_step
feed_lines(struct starttls *it, const char *data, size_t length, size_t *used,
    struct buf *out, char error[256])
{
	enum starttls_step step = STARTTLS_MORE;
	const char *line = data, *end = data + length, *stop, *next;

	while (step == STARTTLS_MORE && line < end) {
		stop = memchr(line, '\n', end - line);
		if ((size_t)((stop != NULL ? stop : end) - line) > LINE_MAX_BYTES ||
		    (stop != NULL && ++it->lines > LINES_MAX)) {
			snprintf(error, 256, "the server's words do not end");
			step = STARTTLS_FAILED;
			break;
		}
		if (stop == NULL)
			break;
		next = stop + 1;
		if (stop > line && stop[-1] == '\r')
			stop--;
		step = it->kind == STARTTLS_SMTP
			   ? smtp_line(it, line, stop - line, out, error)
			   : imap_line(it, line, stop - line, out, error);
		line = next;
	}
	*used = line - data;
	return step;
}

enum starttls_step
starttls_feed(struct starttls *it, const char *data, size_t length, size_t *used,
    struct buf *out, char error[256])
{
	*used = 0;
	switch (it->kind) {
	case STARTTLS_LDAP:
		return ldap_feed(data, length, used, error);
	case STARTTLS_POSTGRES:
		return postgres_feed(data, length, used, error);
	default:
		assert(it->kind == STARTTLS_SMTP || it->kind == STARTTLS_IMAP);
		return feed_lines(it, data, length, used, out, error);
	}
}
