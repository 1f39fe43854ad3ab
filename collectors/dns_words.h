/*
 * What a lookup came to, as a class and a sentence.
 */
#ifndef VT_COLLECTORS_DNS_WORDS_H
#define VT_COLLECTORS_DNS_WORDS_H

#include "loop/lookup.h"
#include "watch/probe.h"

/* name: as it was asked for. -> PROBE_OK: there are answers; the sentence says so only
 * if not. */
enum probe_class dns_words(const struct lookup_answer *answer, const char *name,
    unsigned type, char sentence[256]);

#endif
