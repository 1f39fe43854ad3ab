/*
 * Figures and sentences as citizens read them, in one language: 1.284,5 or 1,284.5,
 * "3 ore e 20 minuti", "venerdì 20 novembre alle 9:12". Every text comes from the
 * language's document (dashboards/strings/LANGUAGE.json); code holds none.
 *
 * A text may have places, "{name}", which words_say() fills. A text that counts has
 * two forms, KEY_one and KEY_other.
 */
#ifndef VT_WEB_WORDS_H
#define VT_WEB_WORDS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct civil_zone;
struct words;

/* Keeps a reference to strings. */
struct words *words_create(const char *language, json_t *strings);
void words_destroy(struct words *words);
const char *words_language(const struct words *words);
json_t *words_strings(const struct words *words); /* borrowed, for templates */

/* The text of a key; the key itself where there is none (a bug, logged). */
const char *words_get(const struct words *words, const char *key);
/* Pairs of name and value, then NULL. */
void words_say(const struct words *words, struct buf *out, const char *key, ...)
    __attribute__((sentinel));
/* The same with a text that is at hand. */
void words_fill(struct buf *out, const char *text, ...) __attribute__((sentinel));
/* KEY_one or KEY_other; {n} is the number. */
void words_count(const struct words *words, struct buf *out, const char *key, int64_t n, ...)
    __attribute__((sentinel));

void words_integer(const struct words *words, struct buf *out, int64_t value);
void words_number(const struct words *words, struct buf *out, double value, int decimals);
/* 0.99957 is "99,95%": never rounded up, so that 100% means all. */
void words_percent(const struct words *words, struct buf *out, double fraction);
/* A response time with two digits that count: "0,82 secondi". */
enum words_rounding { WORDS_NEAREST, WORDS_UP };
void words_seconds(
    const struct words *words, struct buf *out, double seconds, enum words_rounding rounding);
/* A length of time by its two largest units: "2 giorni e 3 ore". */
void words_span(const struct words *words, struct buf *out, int64_t seconds);
/* "A, B e C" */
void words_list(
    const struct words *words, struct buf *out, const char *const *items, size_t count);

/* "oggi alle 14:32", "venerdì 20 novembre alle 9:12" */
void words_moment(const struct words *words, struct buf *out, struct civil_zone *zone,
    int64_t at_s, int64_t now_s);
/* "20 novembre 2026" */
void words_date(
    const struct words *words, struct buf *out, struct civil_zone *zone, int64_t at_s);
/* For axes: "9:12", "20 nov", "nov 2026". */
enum words_axis { WORDS_CLOCK, WORDS_DAY, WORDS_MONTH, WORDS_YEAR };
void words_axis(const struct words *words, struct buf *out, struct civil_zone *zone,
    int64_t at_s, enum words_axis form);

#endif
