/* Failures of stream in plain English, one sentence with numbers each. */
#ifndef VT_LOOP_STREAM_WORDS_H
#define VT_LOOP_STREAM_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "loop/stream.h"

struct stream_words {
	const struct stream_info *info;
	const char *name;	/* that the certificate should hold */
	unsigned port;
	const char *detail;	/* the system's or the library's words */
	size_t addresses, tried; /* that there were, this one included */
	int64_t timeout_us;
};

void stream_words(const struct stream_words *words, enum fetch_class class, char out[256]);

#endif
