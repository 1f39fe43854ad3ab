/*
 * What the answers of DNS are expected to be, compiled from the configuration.
 */
#ifndef VT_COLLECTORS_DNS_EXPECT_H
#define VT_COLLECTORS_DNS_EXPECT_H

#include <stdbool.h>

#include "conf/option.h"
#include "loop/dnsmessage.h"
#include "watch/probe.h"

struct dns_expect;

/* "/.../": a pattern, of which ^ and $ are the ends of an answer */
bool dns_expect_is_pattern(const char *text);
/* exact: nothing but expect. -> NULL with the option to blame and why */
struct dns_expect *dns_expect_create(unsigned type, const struct conf_strings *expect,
    const struct conf_strings *not_expect, bool exact, const char **option, char error[256]);
void dns_expect_destroy(struct dns_expect *expect); /* NULL is fine */

/* -> PROBE_OK, or PROBE_MATCH, PROBE_TOO_LARGE with a sentence */
enum probe_class dns_expect_judge(const struct dns_expect *expect,
    const struct dnsmessage_answer *answers, size_t count, char sentence[256]);

/* "192.0.2.1, 192.0.2.2 and 3 more", as far as there is room. */
void dns_expect_list(const struct dnsmessage_answer *answers, size_t count, char *out,
    size_t size);

#endif
