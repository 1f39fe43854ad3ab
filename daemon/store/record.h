/*
 * The records of pending.log, pure: to bytes and back. A file is a row of records,
 *
 *     u32 mark, u16 type, u16 length of the payload, u32 CRC-32 of type to payload,
 *     payload
 *
 * in this machine's byte order. The first is HEAD (version, generation); a DEFINE
 * (id, step, number of values, names) comes before the first SAMPLE (id, time, values)
 * of its series in each file. A reader that meets a record which is not whole looks
 * for the next mark whose sum agrees, so that damage costs only what it touched.
 */
#ifndef VT_STORE_RECORD_H
#define VT_STORE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define RECORD_VALUES_MAX 64	/* up and known among them */
#define RECORD_SERIES_MAX (1 << 20)

struct record_definition {
	uint32_t id;	/* from 1, under RECORD_SERIES_MAX */
	int64_t step_s;
	size_t count;	/* of values */
	const char *site, *service, *check;
	const char *names[RECORD_VALUES_MAX]; /* of the values */
};

/* Any record, also one that no reader knows: length is at most 4096. */
void record_add(struct buf *out, uint16_t type, const void *payload, size_t length);
void record_add_head(struct buf *out, uint32_t generation);
void record_add_definition(struct buf *out, const struct record_definition *definition);
void record_add_sample(struct buf *out, uint32_t id, int64_t time_s, const double *values,
    size_t count);

struct record_stats {
	uint64_t samples;
	uint64_t homeless;	/* samples without a definition: it was damaged */
	uint64_t damages;	/* stretches that did not read */
	uint64_t damaged_bytes;
	size_t torn;		/* bytes at the end: a record not written whole */
};

struct record_reader {
	/* Returns the handle that samples of this id come with; NULL refuses them. The
	 * definition lives for the call. */
	void *(*define)(const struct record_definition *definition, void *arg);
	/* values are count doubles as defined. */
	void (*sample)(void *series, int64_t time_s, const double *values, size_t count,
	    void *arg);
	void *arg;
};
/* Reads a whole file's bytes; whatever they are, it comes back. */
void record_read(const void *bytes, size_t length, const struct record_reader *reader,
    struct record_stats *stats);
/* The generation of a file that begins with these bytes, 0 if it does not say. */
uint32_t record_generation(const void *bytes, size_t length);
#define RECORD_HEAD_SIZE 24

#endif
