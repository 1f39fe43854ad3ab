/*
 * collectors/starttls, endpoint, escape. The input: a letter (s SMTP, i IMAP, l LDAP, p
 * PostgreSQL: what the server says; a an address, n a host, e text with escapes).
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "collectors/endpoint.h"
#include "collectors/escape.h"
#include "collectors/starttls.h"
#include "loop/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In pieces, as the network has it: the first byte of what is left says how long. */
static void
talk(enum starttls_kind kind, const uint8_t *data, size_t size)
{
	enum starttls_step step = STARTTLS_MORE;
	size_t begin = 0, end = 0, used;
	struct starttls it;
	struct buf out = BUF_INIT;
	char error[256] = "", *unread;

	starttls_begin(&it, kind, &out);
	while (step == STARTTLS_MORE && end < size) {
		end += 1 + data[end] % 64;
		if (end > size)
			end = size;
		unread = mem_dup(data + begin, end - begin);
		step = starttls_feed(&it, unread, end - begin, &used, &out, error);
		free(unread);
		assert(used <= end - begin);
		begin += used;
		assert(out.length < 600);
		if (step == STARTTLS_MORE && end - begin >= STARTTLS_UNREAD_MAX)
			break;
	}
	assert((step == STARTTLS_FAILED) == (error[0] != '\0'));
	text_clean(error);
	assert(text_is_utf8(error, strlen(error)));
	buf_free(&out);
}

static void
read_address(const char *text)
{
	struct endpoint endpoint;
	struct address address;
	char error[256];

	if (endpoint_parse(text, &endpoint, error) != 0)
		return;
	assert(endpoint.port > 0 && endpoint.port < 65536);
	assert(
	    address_is_name(endpoint.host) || address_parse(endpoint.host, &address));
	endpoint_free(&endpoint);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf bytes = BUF_INIT;
	char error[256], *text;

	if (size == 0)
		return 0;
	text = mem_strndup((const char *)data + 1, size - 1);
	switch (data[0]) {
	case 's':
		talk(STARTTLS_SMTP, data + 1, size - 1);
		break;
	case 'i':
		talk(STARTTLS_IMAP, data + 1, size - 1);
		break;
	case 'l':
		talk(STARTTLS_LDAP, data + 1, size - 1);
		break;
	case 'p':
		talk(STARTTLS_POSTGRES, data + 1, size - 1);
		break;
	case 'a':
		read_address(text);
		break;
	case 'n':
		free(endpoint_host(text, error));
		break;
	case 'e':
		if (escape_read(text, &bytes, error) == 0)
			assert(bytes.length <= strlen(text));
		break;
	default:
		break;
	}
	buf_free(&bytes);
	free(text);
	return 0;
}
