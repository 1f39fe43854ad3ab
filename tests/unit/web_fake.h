/*
 * A town for the tests of the pages: registry, history, ledger and archive that answer
 * from tables, with secrets planted where a page must not look.
 */
#ifndef VT_TESTS_WEB_FAKE_H
#define VT_TESTS_WEB_FAKE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "watch/registry.h"
#include "web/words.h"

/* Tuesday 24 November 2026, 10:45:00 in Rome. */
#define FAKE_NOW_S INT64_C(1795513500)
#define FAKE_NOW_US (FAKE_NOW_S * 1000000)

/* None of these may stand in anything public. */
extern const char *const fake_secrets[];

/* Services: anagrafe up, tributi slow, multe down (public_detail), mensa works in part,
 * biblioteca never measured; segreto is private. All measured 30 s ago. */
struct registry_site *fake_site_open(void);
void fake_site_close(void);
struct registry_service *fake_service(const char *id);

/* Answers the questions that wait; what asking brought about, too. -> how many */
unsigned fake_deliver(void);
/* A second site, of another host. */
void fake_two_sites(bool two);
void fake_ledger_error(int error);
void fake_history_unknown(bool unknown);
extern unsigned fake_history_runs, fake_history_running_max;

/* The texts of a language, from the source folder. */
json_t *fake_strings(const char *language);
struct words *fake_words(const char *language);

#endif
