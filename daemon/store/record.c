/* Records of pending.log: framing, sums, reading with resynchronisation. */
#include "store/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define MARK 0x4a4c5456u /* "VTLJ" */
#define FORMAT 1
#define FRAME 12 /* mark, type, length, sum */
#define SUMMED 4 /* type and length, which the sum covers too */
#define PAYLOAD_MAX 4096

enum { TYPE_HEAD = 1, TYPE_DEFINE = 2, TYPE_SAMPLE = 3 };

struct head_payload {
	uint32_t version, generation, unused;
};

struct define_payload {
	uint32_t id, step_s;
	uint16_t count, unused; /* then the names, each ended by NUL */
};

struct sample_payload {
	uint32_t id;
	uint32_t time_low, time_high; /* then the values; no padding */
};

/* CRC-32 (the polynomial of IEEE 802.3), eight bytes at a time. */
static uint32_t table[8][256];

static void
make_table(void)
{
	uint32_t i, j, sum;

	for (i = 0; i < 256; i++) {
		sum = i;
		for (j = 0; j < 8; j++)
			sum = sum >> 1 ^ (sum & 1 ? 0xedb88320u : 0);
		table[0][i] = sum;
	}
	for (i = 0; i < 256; i++)
		for (j = 1; j < 8; j++)
			table[j][i] =
			    table[j - 1][i] >> 8 ^ table[0][table[j - 1][i] & 255];
}

__attribute__((constructor)) static void
prepare(void)
{
	make_table();
}

static uint32_t
sum_of(const void *data, size_t length)
{
	const uint8_t *p = data;
	uint32_t sum = ~0u, a, b;

	for (; length >= 8; length -= 8, p += 8) {
		a = sum ^ (p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24);
		b = p[4] | p[5] << 8 | p[6] << 16 | (uint32_t)p[7] << 24;
		sum = table[7][a & 255] ^ table[6][a >> 8 & 255] ^
		      table[5][a >> 16 & 255] ^ table[4][a >> 24] ^ table[3][b & 255] ^
		      table[2][b >> 8 & 255] ^ table[1][b >> 16 & 255] ^
		      table[0][b >> 24];
	}
	for (; length > 0; length--, p++)
		sum = sum >> 8 ^ table[0][(sum ^ *p) & 255];
	return ~sum;
}

/* Begins a record; its payload is added next. -> where it begins. */
static size_t
begin(struct buf *out, size_t payload)
{
	static const char frame[FRAME];
	size_t at = out->length;

	buf_reserve(out, FRAME + payload);
	buf_add(out, frame, FRAME);
	return at;
}

static void
end(struct buf *out, size_t at, uint16_t type)
{
	uint32_t mark = MARK, sum;
	uint16_t length = (uint16_t)(out->length - at - FRAME);
	uint8_t summed[SUMMED];

	memcpy(summed, &type, 2);
	memcpy(summed + 2, &length, 2);
	sum = sum_of(out->data + at + FRAME, length) ^ sum_of(summed, SUMMED);
	memcpy(out->data + at, &mark, 4);
	memcpy(out->data + at + 4, summed, SUMMED);
	memcpy(out->data + at + 8, &sum, 4);
}

void
record_add(struct buf *out, uint16_t type, const void *payload, size_t length)
{
	size_t at = begin(out, length);

	assert(length <= PAYLOAD_MAX);
	buf_add(out, payload, length);
	end(out, at, type);
}

void
record_add_head(struct buf *out, uint32_t generation)
{
	struct head_payload payload = {FORMAT, generation, 0};

	record_add(out, TYPE_HEAD, &payload, sizeof(payload));
}

void
record_add_definition(struct buf *out, const struct record_definition *definition)
{
	struct define_payload payload = {definition->id, (uint32_t)definition->step_s,
	    (uint16_t)definition->count, 0};
	size_t at = begin(out, PAYLOAD_MAX), i;

	assert(definition->count <= RECORD_VALUES_MAX && definition->id > 0 &&
	       definition->id < RECORD_SERIES_MAX);
	buf_add(out, &payload, sizeof(payload));
	buf_add(out, definition->site, strlen(definition->site) + 1);
	buf_add(out, definition->service, strlen(definition->service) + 1);
	buf_add(out, definition->check, strlen(definition->check) + 1);
	for (i = 0; i < definition->count; i++)
		buf_add(out, definition->names[i], strlen(definition->names[i]) + 1);
	assert(out->length - at - FRAME <= PAYLOAD_MAX);
	end(out, at, TYPE_DEFINE);
}

void
record_add_sample(
    struct buf *out, uint32_t id, int64_t time_s, const double *values, size_t count)
{
	struct sample_payload payload = {
	    id, (uint32_t)time_s, (uint32_t)((uint64_t)time_s >> 32)};
	size_t at = begin(out, sizeof(payload) + count * sizeof(*values));

	buf_add(out, &payload, sizeof(payload));
	buf_add(out, values, count * sizeof(*values));
	end(out, at, TYPE_SAMPLE);
}

/* -> length of the whole record at p, 0 if there is none; *torn: it may have been
 * one, but the bytes end. */
static size_t
whole_record(const uint8_t *p, size_t have, bool *torn)
{
	static const uint32_t mark = MARK;
	uint32_t sum;
	uint16_t length;

	*torn = false;
	if (memcmp(p, &mark, have < 4 ? have : 4) != 0)
		return 0;
	if (have < FRAME) {
		*torn = true;
		return 0;
	}
	memcpy(&length, p + 6, 2);
	memcpy(&sum, p + 8, 4);
	if (length > PAYLOAD_MAX)
		return 0;
	if (have < FRAME + (size_t)length) {
		*torn = true;
		return 0;
	}
	if ((sum_of(p + FRAME, length) ^ sum_of(p + 4, SUMMED)) != sum)
		return 0;
	return FRAME + length;
}

static bool
is_source_name(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return name[length] == '\0' && length >= 1 && length <= 19;
}

/* The payload's text ends with NUL at `end`; takes one name from *text. */
static const char *
take_name(const char **text, const char *end)
{
	const char *name = *text;

	if (name >= end)
		return NULL;
	*text = name + strlen(name) + 1;
	return name;
}

static bool
parse_definition(const uint8_t *p, size_t length, struct record_definition *out)
{
	struct define_payload payload;
	const char *text = (const char *)p + sizeof(payload);
	const char *end = (const char *)p + length;
	size_t i;

	if (length <= sizeof(payload) || end[-1] != '\0')
		return false;
	memcpy(&payload, p, sizeof(payload));
	out->id = payload.id;
	out->step_s = payload.step_s;
	out->count = payload.count;
	out->site = take_name(&text, end);
	out->service = take_name(&text, end);
	out->check = take_name(&text, end);
	if (out->id < 1 || out->id >= RECORD_SERIES_MAX || out->step_s < 1 ||
	    out->count < 1 || out->count > RECORD_VALUES_MAX || out->check == NULL ||
	    !text_is_identifier(out->site) || !text_is_identifier(out->service) ||
	    !text_is_identifier(out->check))
		return false;
	for (i = 0; i < out->count; i++) {
		out->names[i] = take_name(&text, end);
		if (out->names[i] == NULL || !is_source_name(out->names[i]))
			return false;
	}
	return text == end;
}

struct known {
	void *series; /* NULL: refused, or not defined */
	bool defined;
	size_t count;
};

struct reading {
	const struct record_reader *reader;
	struct record_stats *stats;
	struct known *known;
	size_t known_count;
};

static bool
read_definition(struct reading *reading, const uint8_t *p, size_t length)
{
	struct record_definition definition;
	struct known *known;
	size_t count = reading->known_count;

	if (!parse_definition(p, length, &definition))
		return false;
	if (definition.id >= count) {
		count = definition.id + definition.id / 2 + 16;
		reading->known = mem_resize(reading->known, count, sizeof(*known));
		memset(reading->known + reading->known_count, 0,
		    (count - reading->known_count) * sizeof(*known));
		reading->known_count = count;
	}
	known = &reading->known[definition.id];
	known->defined = true;
	known->count = definition.count;
	known->series = reading->reader->define(&definition, reading->reader->arg);
	return true;
}

static bool
read_sample(struct reading *reading, const uint8_t *p, size_t length)
{
	struct sample_payload payload;
	double values[RECORD_VALUES_MAX];
	const struct known *known;
	uint64_t time;
	size_t bytes;

	if (length < sizeof(payload))
		return false;
	memcpy(&payload, p, sizeof(payload));
	bytes = length - sizeof(payload);
	time = (uint64_t)payload.time_high << 32 | payload.time_low;
	if (bytes % sizeof(double) != 0 || bytes > sizeof(values) || time > INT64_MAX)
		return false;
	if (payload.id >= reading->known_count || !reading->known[payload.id].defined) {
		reading->stats->homeless++;
		return true;
	}
	known = &reading->known[payload.id];
	if (known->count * sizeof(double) != bytes)
		return false;
	reading->stats->samples++;
	if (known->series == NULL)
		return true;
	memcpy(values, p + sizeof(payload), bytes);
	reading->reader->sample(
	    known->series, (int64_t)time, values, known->count, reading->reader->arg);
	return true;
}

/* Whether the record was understood; its sum agreed already. */
static bool
read_record(struct reading *reading, const uint8_t *p, size_t length)
{
	uint16_t type;

	memcpy(&type, p + 4, 2);
	p += FRAME;
	length -= FRAME;
	switch (type) {
	case TYPE_HEAD:
		return length == sizeof(struct head_payload);
	case TYPE_DEFINE:
		return read_definition(reading, p, length);
	case TYPE_SAMPLE:
		return read_sample(reading, p, length);
	}
	return false;
}

static bool
is_zero(const uint8_t *p, size_t length)
{
	while (length > 0 && p[length - 1] == 0)
		length--;
	return length == 0;
}

void
record_read(const void *bytes, size_t length, const struct record_reader *reader,
    struct record_stats *stats)
{
	struct reading reading = {.reader = reader, .stats = stats};
	const uint8_t *p = bytes;
	size_t at = 0, bad = 0, size;
	bool torn, torn_tail = false;

	while (at < length) {
		size = whole_record(p + at, length - at, &torn);
		if (size > 0 && read_record(&reading, p + at, size)) {
			if (bad > 0) {
				stats->damages++;
				stats->damaged_bytes += bad;
			}
			bad = 0;
			torn_tail = false;
			at += size;
			continue;
		}
		/* Cut short right where a record should begin: the usual torn tail. */
		if (torn && bad == 0)
			torn_tail = true;
		bad++;
		at++;
	}
	/* A tail of zeros: the file had its length, but not yet its bytes. */
	if (bad > 0 &&
	    (torn_tail || is_zero((const uint8_t *)bytes + length - bad, bad))) {
		stats->torn = bad;
	} else if (bad > 0) {
		stats->damages++;
		stats->damaged_bytes += bad;
	}
	free(reading.known);
}

uint32_t
record_generation(const void *bytes, size_t length)
{
	struct head_payload payload;
	bool torn;

	if (length < RECORD_HEAD_SIZE ||
	    whole_record(bytes, length, &torn) != RECORD_HEAD_SIZE)
		return 0;
	memcpy(&payload, (const uint8_t *)bytes + FRAME, sizeof(payload));
	return payload.version == FORMAT ? payload.generation : 0;
}
