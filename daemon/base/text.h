/*
 * Text to values and back, without locale: numbers, durations, sizes, hashes,
 * instants in UTC. Civil time in a zone is in base/civil.h; numbers as citizens
 * read them are in web/words.h.
 */
#ifndef VT_BASE_TEXT_H
#define VT_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "90s" "15m" "1h" "30d" "3y" "250ms" to microseconds; a y has 365 days, and no
 * unit is an error except for 0. -> 0, ERR_SYNTAX, ERR_RANGE (over 100 years). */
int text_duration(const char *text, int64_t *us);
/* "512" "64K" "1M" "2G" (powers of 1024) to bytes. -> 0, ERR_SYNTAX, ERR_RANGE */
int text_size(const char *text, int64_t *bytes);
int text_integer(const char *text, int64_t *value); /* decimal, whole text */
int text_double(const char *text, double *value); /* decimal point, finite, whole text */

/* The shortest exact form: "90s" not "1m30s", "1h", "250ms". */
#define TEXT_DURATION_SIZE 32
const char *text_duration_format(int64_t us, char out[TEXT_DURATION_SIZE]);
const char *text_size_format(int64_t bytes, char out[TEXT_DURATION_SIZE]);
/* "13.5 MB": for people, one decimal. */
const char *text_size_round(int64_t bytes, char out[TEXT_DURATION_SIZE]);
/* The shortest decimal that reads back as the same double; NAN is "NaN". */
const char *text_double_format(double value, char out[TEXT_DURATION_SIZE]);

/* 2026-11-24T09:45:00Z; RFC 3339, UTC, whole seconds. */
#define TEXT_TIME_SIZE 40
const char *text_time_format(int64_t wall_us, char out[TEXT_TIME_SIZE]);

/* FNV-1a, 64 bits: for spreading and for tags, not against an attacker. */
uint64_t text_hash(const void *data, size_t length, uint64_t seed);
#define TEXT_HASH_SEED UINT64_C(0xcbf29ce484222325)

/* Case-sensitive identifier: [a-z0-9] then [a-z0-9_-]*, at most 63 bytes. */
bool text_is_identifier(const char *text);
bool text_is_utf8(const char *text, size_t length);
/* In place: what is not UTF-8, and control characters, become ?; a character that
 * was cut off at the end goes. For what a stranger sent and a person shall read. */
void text_clean(char *text);
void text_clean_lines(char *text); /* the same, newlines stay */
/* The candidate nearest to text (edit distance at most 2 and under half of its
 * length), or NULL: for "did you mean". */
const char *text_nearest(const char *text, const char *const *candidates, size_t count);

#endif
