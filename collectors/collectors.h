/*
 * The collectors: the const table of all, and their rows for the configuration.
 */
#ifndef VT_COLLECTORS_COLLECTORS_H
#define VT_COLLECTORS_COLLECTORS_H

#include "conf/option.h"
#include "watch/probe.h"

extern const struct collector collector_csv;
extern const struct collector collector_dns;
extern const struct collector collector_exec;
extern const struct collector collector_http;
extern const struct collector collector_icmp;
extern const struct collector collector_json;
extern const struct collector collector_openmetrics;
extern const struct collector collector_statuspage;
extern const struct collector collector_tcp;
extern const struct collector collector_tls;

extern const struct collector *const collectors_all[]; /* ends with NULL */

/* Rows for conf_load(), as static as the table; end with a row of name NULL. */
#define COLLECTORS_MAX 32
void collectors_rows(struct conf_collector rows[COLLECTORS_MAX]);

#endif
