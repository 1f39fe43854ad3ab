/*
 * Routes. A row gives a page its path name in each language; a page that is a folder
 * has its board at index.json within it, a service's stands beside it as ID.json.
 */
#include "web/route.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "web/query.h"

const char *const route_period_names[ROUTE_PERIODS] = {
    "24h", "7d", "30d", "90d", "1y", "10y"};

#define DAY_S INT64_C(86400)
const int64_t route_period_s[ROUTE_PERIODS] = {
    DAY_S, 7 * DAY_S, 30 * DAY_S, 90 * DAY_S, 365 * DAY_S, 3650 * DAY_S};

enum { IT, EN, NAMED_LANGUAGES };

struct row {
	enum route_page page;
	const char *name[NAMED_LANGUAGES]; /* the folder; "" is the root */
	bool json, csv;
};

static const struct row rows[] = {
    {ROUTE_OVERVIEW, {"", ""}, true, true},
    {ROUTE_SERVICES, {"servizi", "services"}, true, true},
    {ROUTE_SERVICE, {"servizi", "services"}, true, true},
    {ROUTE_METHOD, {"metodo", "method"}, false, false},
    {ROUTE_DATA, {"dati", "data"}, false, false},
    {ROUTE_ACCESSIBILITY, {"accessibilita", "accessibility"}, false, false},
    {ROUTE_PRIVACY, {"privacy", "privacy"}, false, false},
    {ROUTE_LEGAL, {"note-legali", "legal-notes"}, false, false},
};

static const struct {
	enum route_page page;
	const char *path;
} singles[] = {
    {ROUTE_ROBOTS, "/robots.txt"},
    {ROUTE_API_SERVICES, "/api/v1/services"},
    {ROUTE_HEALTHZ, "/healthz"},
    {ROUTE_READYZ, "/readyz"},
    {ROUTE_METRICS, "/metrics"},
};

#define ASSETS "/assets/"
#define SERIES "/api/v1/series/"

/* Path names exist in Italian and English; other languages use the English. */
static int
names_of(const char *language)
{
	return strcmp(language, "it") == 0 ? IT : EN;
}

static const struct row *
row_of(enum route_page page)
{
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(rows); i++)
		if (rows[i].page == page)
			return &rows[i];
	return NULL;
}

bool
route_has_format(enum route_page page, enum route_format format)
{
	const struct row *row = row_of(page);

	return format == ROUTE_HTML ||
	       (row != NULL && (format == ROUTE_JSON ? row->json : row->csv));
}

/* -> the path after /LANGUAGE, which begins with / or is empty */
static const char *
take_language(
    const struct conf_strings *languages, const char *path, const char **language)
{
	size_t i, length;

	*language = languages->items[0];
	for (i = 1; i < languages->count; i++) {
		length = strlen(languages->items[i]);
		if (strncmp(path + 1, languages->items[i], length) != 0 ||
		    (path[1 + length] != '/' && path[1 + length] != '\0'))
			continue;
		*language = languages->items[i];
		return path + 1 + length;
	}
	return path;
}

/* Copies the segment up to / or the end. -> what follows, NULL: not a segment. */
static const char *
take_segment(const char *path, char out[ROUTE_NAME_SIZE])
{
	size_t length = strcspn(path, "/");

	if (length == 0 || length >= ROUTE_NAME_SIZE)
		return NULL;
	memcpy(out, path, length);
	out[length] = '\0';
	return path + length;
}

/* Cuts .json or .csv off the name. */
static enum route_format
take_format(char *name)
{
	char *dot = strrchr(name, '.');

	if (dot != NULL && strcmp(dot, ".json") == 0) {
		*dot = '\0';
		return ROUTE_JSON;
	}
	if (dot != NULL && strcmp(dot, ".csv") == 0) {
		*dot = '\0';
		return ROUTE_CSV;
	}
	return ROUTE_HTML;
}

/* rest: what stands in the folder. */
static enum route_result
parse_within(const struct row *row, const char *rest, struct route *out)
{
	char name[ROUTE_NAME_SIZE];

	out->page = row->page;
	if (*rest == '\0')
		return ROUTE_FOUND;
	rest = take_segment(rest, name);
	if (rest == NULL)
		return ROUTE_MISSING;
	out->format = take_format(name);
	if (out->format != ROUTE_HTML && strcmp(name, "index") == 0 && *rest == '\0')
		return route_has_format(row->page, out->format) ? ROUTE_FOUND
								: ROUTE_MISSING;
	if (row->page != ROUTE_SERVICES || !text_is_identifier(name))
		return ROUTE_MISSING;
	out->page = ROUTE_SERVICE;
	snprintf(out->service, sizeof(out->service), "%s", name);
	if (*rest == '\0')
		return ROUTE_FOUND;
	return strcmp(rest, "/") == 0 && out->format == ROUTE_HTML ? ROUTE_MOVED
								   : ROUTE_MISSING;
}

/* path: without the language; "" or from its / on. */
static enum route_result
parse_page(const char *path, struct route *out)
{
	int names = names_of(out->language);
	size_t i, length;

	if (*path == '\0') { /* /en */
		out->page = ROUTE_OVERVIEW;
		return ROUTE_MOVED;
	}
	path++;
	for (i = 1; i < ARRAY_LENGTH(rows); i++) {
		length = strlen(rows[i].name[names]);
		if (rows[i].page == ROUTE_SERVICE ||
		    strncmp(path, rows[i].name[names], length) != 0)
			continue;
		if (path[length] == '/')
			return parse_within(&rows[i], path + length + 1, out);
		if (path[length] == '\0') {
			out->page = rows[i].page;
			return ROUTE_MOVED;
		}
	}
	return parse_within(&rows[0], path, out);
}

static enum route_result
parse_series(const char *path, struct route *out)
{
	out->page = ROUTE_API_SERIES;
	out->format = ROUTE_JSON;
	path = take_segment(path, out->service);
	if (path == NULL || *path++ != '/')
		return ROUTE_MISSING;
	path = take_segment(path, out->check);
	if (path == NULL || *path++ != '/')
		return ROUTE_MISSING;
	path = take_segment(path, out->metric);
	if (path == NULL || *path != '\0')
		return ROUTE_MISSING;
	return text_is_identifier(out->service) && text_is_identifier(out->check) &&
		       text_is_identifier(out->metric)
		   ? ROUTE_FOUND
		   : ROUTE_MISSING;
}

enum route_result
route_parse(const struct conf_strings *languages, const char *path, const char *query,
    struct route *out)
{
	char period[8];
	size_t i;

	assert(languages->count > 0);
	*out = (struct route){.language = languages->items[0]};
	if (path[0] != '/')
		return ROUTE_MISSING;
	for (i = 0; i < ARRAY_LENGTH(singles); i++)
		if (strcmp(path, singles[i].path) == 0) {
			out->page = singles[i].page;
			return ROUTE_FOUND;
		}
	if (strncmp(path, SERIES, strlen(SERIES)) == 0)
		return parse_series(path + strlen(SERIES), out);
	if (strncmp(path, ASSETS, strlen(ASSETS)) == 0) {
		out->page = ROUTE_ASSET;
		out->asset = path + strlen(ASSETS);
		return ROUTE_FOUND;
	}
	path = take_language(languages, path, &out->language);
	/* A period that we do not have is the usual one: links never rot. */
	if (query_get(query, "p", period, sizeof(period)) == 0)
		for (i = 0; i < ROUTE_PERIODS; i++)
			if (strcmp(period, route_period_names[i]) == 0)
				out->period = i;
	return parse_page(path, out);
}

static void
write_page(const struct row *row, const struct route *route, struct buf *out)
{
	static const char *const endings[] = {"", ".json", ".csv"};
	const char *name = row->name[names_of(route->language)];

	buf_add_char(out, '/');
	if (*name != '\0')
		buf_printf(out, "%s/", name);
	if (row->page == ROUTE_SERVICE)
		buf_printf(out, "%s%s", route->service, endings[route->format]);
	else if (route->format != ROUTE_HTML)
		buf_printf(out, "index%s", endings[route->format]);
	if (row->page == ROUTE_SERVICE && route->period != ROUTE_24H)
		buf_printf(out, "?p=%s", route_period_names[route->period]);
}

void
route_write(
    const struct route *route, const struct conf_strings *languages, struct buf *out)
{
	const struct row *row = row_of(route->page);
	size_t i;

	if (row != NULL) {
		if (strcmp(route->language, languages->items[0]) != 0)
			buf_printf(out, "/%s", route->language);
		write_page(row, route, out);
	} else if (route->page == ROUTE_ASSET) {
		buf_printf(out, ASSETS "%s", route->asset);
	} else if (route->page == ROUTE_API_SERIES) {
		buf_printf(out, SERIES "%s/%s/%s", route->service, route->check,
		    route->metric);
	} else {
		for (i = 0; i < ARRAY_LENGTH(singles); i++)
			if (singles[i].page == route->page)
				buf_add_text(out, singles[i].path);
	}
}
