/*
 * Regular expressions by PCRE2, which no other file includes. Subjects are bytes:
 * UTF-8 mode is off and (*UTF) refused, because a body may be anything; a dot is one
 * byte, [àè] two or more; (?i) knows ASCII only. Text that holds "à" still matches "à".
 *
 * Patterns are the administrator's, subjects a stranger's: a match is bounded in
 * steps and memory whatever both are. A pattern may be used from any thread.
 */
#ifndef VT_BASE_PATTERN_H
#define VT_BASE_PATTERN_H

#include <stddef.h>

struct pattern; /* opaque */

/* -> NULL with what is wrong and where ("at 7: missing closing parenthesis"). */
struct pattern *pattern_compile(const char *text, char error[256]);
void pattern_free(struct pattern *pattern); /* NULL is fine */
/* As pattern_compile(), keeping nothing. -> 0 or ERR_SYNTAX */
int pattern_check(const char *text, char error[256]);

/* -> 1 somewhere, 0 nowhere, ERR_RANGE: given up at the limit of steps or memory. */
int pattern_match(const struct pattern *pattern, const void *data, size_t length);

#endif
