/*
 * The samples of one series of a public service, for the API: {"unit","step","points":
 * [[epoch, value|null], ...]}. Few are read at once, none is kept.
 */
#ifndef VT_WEB_SERIES_H
#define VT_WEB_SERIES_H

#include <stddef.h>
#include <stdint.h>

struct archive_rows;
struct cache;
struct conf_retention;
struct registry;
struct registry_check;
struct registry_site;
struct route;
struct series;
struct server_request;

/* What a request asks. */
struct series_query {
	int64_t from_s, to_s, step_s;
	int function;	/* enum archive_function */
	size_t source;	/* index among the rows' columns */
};
/* Reads from, to (epoch seconds, a date, or RFC 3339; to is now, from a day before),
 * step (seconds or "5m"; that of the finest tier of at most 500 points) and cf (AVERAGE, MIN, MAX) of query.
 * -> NULL, or what is wrong in English. */
const char *series_parse(const struct registry_check *check,
    const struct conf_retention *retention, const char *metric, const char *query,
    int64_t now_s, struct series_query *out);

struct series *series_create(struct registry *registry, struct cache *cache);
/* Before the cache: what is being read is answered then. */
void series_destroy(struct series *series);
/* headers: those of data. Answers now or later. */
void series_serve(struct series *series, struct server_request *request,
    struct registry_site *site, const struct route *route, const char *query,
    const char *const *headers);

#endif
