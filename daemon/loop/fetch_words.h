/* Failures of fetch in plain English, one sentence with numbers each. */
#ifndef VT_LOOP_FETCH_WORDS_H
#define VT_LOOP_FETCH_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/transfer.h"

#define FETCH_SENTENCE_SIZE 256

struct fetch_words {
	const struct transfer_outcome *outcome;
	const char *host;	/* of the URL */
	const char *address;	/* connected to, or tried last */
	unsigned port;
	bool proxy;		/* that address is a proxy's */
	size_t addresses, tried; /* that there were, this one included */
	int hops;
	int64_t timeout_us, max_body;
};

void fetch_words(const struct fetch_words *words, enum fetch_class class,
    char out[FETCH_SENTENCE_SIZE]);
/* Why a redirect is not followed. */
enum fetch_redirect {
	FETCH_REDIRECT_MANY,
	FETCH_REDIRECT_PLACE,	/* not http, or no URL */
	FETCH_REDIRECT_BODY,	/* which would go to another origin */
};
void fetch_words_redirect(enum fetch_redirect why, int follow, const char *location,
    char out[FETCH_SENTENCE_SIZE]);
/* Adds how many redirects there were, if any. */
void fetch_words_hops(int hops, char sentence[FETCH_SENTENCE_SIZE]);

#endif
