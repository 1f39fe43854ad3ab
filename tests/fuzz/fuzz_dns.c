/* loop/: a byte that chooses, then a DNS message as it is, the records of one that
 * fits the question, what a person writes of a record, a resolv.conf. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "loop/dnsmessage.h"
#include "loop/dnstype.h"
#include "loop/lookup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned types[] = {1, 2, 5, 6, 12, 13, 15, 16, 17, 28, 33, 35, 37, 43, 44,
    48, 52, 61, 64, 65, 256, 257, 65280};

/* Spaces and quotes within a text, or a parameter, are not written as they were read.
 */
static bool
reads_back(unsigned type)
{
	return type != 16 && type != 64 && type != 65;
}

static void
check_answer(unsigned type, const char *text)
{
	struct buf again = BUF_INIT;
	char error[160];

	/* Names, numbers, strings: what we say of them is what a person may write. */
	if (reads_back(type) && dnstype_canonical(type, text, &again, error) == 0)
		assert(strcmp(again.data, text) == 0);
	buf_free(&again);
}

static void
fuzz_message(unsigned type, const uint8_t *data, size_t size)
{
	struct dnsmessage_question question = {
	    .name = "a.example", .type = type, .id = 0x4142};
	struct dnsmessage message;
	const char *reason;
	size_t i;

	if (!dnsmessage_fits(data, size, &question))
		return;
	dnsmessage_is_cut(data);
	if (dnsmessage_parse(data, size, &question, &message, &reason) != 0)
		assert(reason != NULL);
	assert(message.count <= DNSMESSAGE_ANSWERS_MAX);
	for (i = 0; i < message.count; i++)
		check_answer(type, message.answers[i].text);
	dnsmessage_free(&message);
}

static void
fuzz_records(unsigned type, const uint8_t *data, size_t size)
{
	struct dnsmessage_question question = {
	    .name = "a.example", .type = type, .id = 0x4142};
	uint8_t *message = mem_alloc(size + DNSMESSAGE_QUESTION_MAX);
	size_t length = dnsmessage_ask(&question, message);

	message[2] |= 0x80;
	if (size >= 4) { /* how many of each section, and the code */
		message[7] = data[0] % 8;
		message[9] = data[1] % 4;
		message[11] = data[2] % 4;
		message[3] = data[3];
		data += 4;
		size -= 4;
	}
	memcpy(message + length, data, size);
	fuzz_message(type, message, length + size);
	free(message);
}

static void
fuzz_text(unsigned type, const uint8_t *data, size_t size)
{
	char *text = mem_strndup((const char *)data, size), error[160] = "";
	struct buf out = BUF_INIT;
	unsigned number;

	if (dnstype_canonical(type, text, &out, error) != 0)
		assert(strncmp(error, "expected ", 9) == 0);
	else
		check_answer(type, out.data != NULL ? out.data : "");
	buf_free(&out);
	dnstype_number(text, &number);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lookup_server servers[LOOKUP_SERVERS_MAX];
	unsigned type;

	if (size < 2 || size > 65535)
		return 0;
	type = types[data[1] % ARRAY_LENGTH(types)];
	switch (data[0] % 4) {
	case 0:
		fuzz_message(type, data + 2, size - 2);
		break;
	case 1:
		fuzz_records(type, data + 2, size - 2);
		break;
	case 2:
		fuzz_text(type, data + 2, size - 2);
		break;
	default:
		assert(lookup_parse_servers((const char *)data + 2, size - 2,
			   servers) <= LOOKUP_SERVERS_MAX);
	}
	return 0;
}
