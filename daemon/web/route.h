/*
 * Addresses: the one table between paths and pages, both ways, for each language.
 * The site's first language stands at the root, the others under /LANGUAGE/ with path
 * names of their own. Paths here are without the site's base path.
 */
#ifndef VT_WEB_ROUTE_H
#define VT_WEB_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "conf/option.h"

/* Pages of a language first, then what has one address for all. */
enum route_page {
	ROUTE_OVERVIEW, ROUTE_SERVICES, ROUTE_SERVICE, ROUTE_METHOD, ROUTE_DATA,
	ROUTE_ACCESSIBILITY, ROUTE_PRIVACY, ROUTE_LEGAL,
	ROUTE_PAGES,
	ROUTE_ASSET = ROUTE_PAGES, ROUTE_ROBOTS, ROUTE_API_SERVICES, ROUTE_API_SERIES,
	ROUTE_HEALTHZ, ROUTE_READYZ, ROUTE_METRICS,
};

enum route_format { ROUTE_HTML, ROUTE_JSON, ROUTE_CSV };

enum route_period {
	ROUTE_24H, ROUTE_7D, ROUTE_30D, ROUTE_90D, ROUTE_1Y, ROUTE_10Y, ROUTE_PERIODS
};
extern const char *const route_period_names[ROUTE_PERIODS]; /* "24h", ... */
extern const int64_t route_period_s[ROUTE_PERIODS];

#define ROUTE_NAME_SIZE 64
struct route {
	enum route_page page;
	enum route_format format;
	enum route_period period;
	const char *language;	/* of languages; the first where the page has none */
	char service[ROUTE_NAME_SIZE];
	char check[ROUTE_NAME_SIZE], metric[ROUTE_NAME_SIZE]; /* ROUTE_API_SERIES */
	const char *asset;	/* ROUTE_ASSET: the name within path */
};

enum route_result { ROUTE_FOUND, ROUTE_MISSING, ROUTE_MOVED };

/* languages: of the site. ROUTE_MOVED: the address is that of out but for its slash.
 * ROUTE_MISSING: language is set all the same, for the page that says so. */
enum route_result route_parse(const struct conf_strings *languages, const char *path,
    const char *query, struct route *out);
/* Writes the path (and ?p= where it is not the usual period). */
void route_write(
    const struct route *route, const struct conf_strings *languages, struct buf *out);
/* Whether the page can be had in the format. */
bool route_has_format(enum route_page page, enum route_format format);

#endif
