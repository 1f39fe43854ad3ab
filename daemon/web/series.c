/*
 * A series of the API. Nothing is kept in the cache, which only makes sure that
 * requests for the same are read once; how many are read at once is bounded, since
 * they share the rrd thread with what is measured.
 */
#include "web/series.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/civil.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/retention.h"
#include "store/archive.h"
#include "watch/registry.h"
#include "web/cache.h"
#include "web/query.h"
#include "web/render.h"
#include "web/route.h"
#include "web/server.h"

#define SERIES_MAGIC 0x77736572
#define READ_MAGIC 0x72656164
#define READS_MAX 16
#define POINTS_MAX 2000
#define POINTS_USUAL 500
#define DAY_S 86400
#define TYPE "application/json"

/* One being read. */
struct read {
	MAGIC;
	LIST_ENTRY(read) entry;
	struct series *series; /* NULL once it is destroyed */
	struct cache_build *build;
	char *site;
	char service[ROUTE_NAME_SIZE], check[ROUTE_NAME_SIZE];
	struct series_query query;
	char unit[16]; /* of the source, which a reload may take away */
	const char *const *headers;
};

struct series {
	MAGIC;
	struct registry *registry;
	struct cache *cache;
	LIST_HEAD(, read) reads;
	unsigned count;
};

/* What the cache hands to begin_read(). */
struct target {
	struct series *series;
	struct registry_check *check;
	const struct series_query *query;
	const char *const *headers;
};

struct series *
series_create(struct registry *registry, struct cache *cache)
{
	struct series *series = mem_zalloc(sizeof(*series));

	MAGIC_SET(series, SERIES_MAGIC);
	series->registry = registry;
	series->cache = cache;
	LIST_INIT(&series->reads);
	return series;
}

static void
answer(struct read *read, unsigned status, struct buf *body)
{
	cache_built(read->build, status, TYPE, read->headers, body, 0);
	LIST_REMOVE(read, entry);
	read->series->count--;
	read->series = NULL;
}

static void
answer_error(struct read *read, unsigned status, const char *words)
{
	struct buf body = BUF_INIT;

	buf_printf(&body, "{\"error\":\"%s\"}\n", words);
	answer(read, status, &body);
}

void
series_destroy(struct series *series)
{
	if (series == NULL)
		return;
	MAGIC_CHECK(series, SERIES_MAGIC);
	while (!LIST_EMPTY(&series->reads))
		answer_error(LIST_FIRST(&series->reads), 503, "shutting down");
	MAGIC_CLEAR(series);
	free(series);
}

/*
 * What is asked.
 */

/* Epoch seconds, 2026-11-24 (UTC) or 2026-11-24T10:45:00+01:00. */
static bool
parse_time(const char *text, int64_t *out)
{
	int year, month, day, hour, minute, second, zone_hour, zone_minute, end = -1;
	char sign;

	if (text_integer(text, out) == 0)
		return *out >= 0 && *out < INT64_C(1) << 40;
	if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &end) != 3 ||
	    month < 1 || month > 12 || day < 1 || day > 31 || year < 1970)
		return false;
	*out = civil_days(year, month, day) * DAY_S;
	if (text[end] == '\0')
		return true;
	text += end;
	end = -1;
	if (sscanf(text, "T%2d:%2d:%2d%n", &hour, &minute, &second, &end) != 3 ||
	    end < 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
	    second < 0 || second > 60)
		return false;
	*out += hour * 3600 + minute * 60 + second;
	text += end;
	if (strcmp(text, "Z") == 0)
		return true;
	end = -1;
	if (sscanf(text, "%c%2d:%2d%n", &sign, &zone_hour, &zone_minute, &end) != 3 ||
	    end < 0 || text[end] != '\0' ||
	    (sign != '+' && sign != '-' && sign != ' ') || zone_hour < 0 ||
	    zone_hour > 14 || zone_minute < 0 || zone_minute > 59)
		return false;
	/* A + that was not escaped arrives as a space. */
	*out -= (sign == '-' ? -1 : 1) * (zone_hour * 3600 + zone_minute * 60);
	return true;
}

static bool
parse_step(const char *text, int64_t *out)
{
	int64_t us;

	if (text_integer(text, out) == 0)
		return *out > 0 && *out <= INT64_C(315360000);
	if (text_duration(text, &us) != 0 || us < CLOCK_SECOND)
		return false;
	*out = us / CLOCK_SECOND;
	return true;
}

/* Columns of an archive: up, known, then the collector's sources. */
static const char *const first_columns[] = {"up", "known"};

static bool
find_source(const struct registry_check *check, const char *metric, size_t *out)
{
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(first_columns); i++)
		if (strcmp(first_columns[i], metric) == 0) {
			*out = i;
			return true;
		}
	for (i = 0; i < check->source_count; i++)
		if (strcmp(check->sources[i].name, metric) == 0) {
			*out = ARRAY_LENGTH(first_columns) + i;
			return true;
		}
	return false;
}

static bool
parse_function(const char *query, int *out)
{
	char text[16];
	int code = query_get(query, "cf", text, sizeof(text));

	*out = ARCHIVE_AVERAGE;
	if (code == ERR_NOT_FOUND || strcasecmp(text, "AVERAGE") == 0)
		return code == ERR_NOT_FOUND || code == 0;
	if (strcasecmp(text, "MIN") == 0)
		*out = ARCHIVE_MIN;
	else if (strcasecmp(text, "MAX") == 0)
		*out = ARCHIVE_MAX;
	else
		return false;
	return true;
}

/* The finest step that the archive keeps and that makes no more points than usual: a
 * step between two tiers would be answered from the finer one, in any number. */
static int64_t
usual_step(const struct conf_retention *retention, int64_t every_s, int64_t period_s)
{
	int64_t least_s = (period_s + POINTS_USUAL - 1) / POINTS_USUAL;
	struct retention_plan plan;
	size_t i;

	retention_plan(retention, every_s, &plan);
	for (i = 0; i < plan.count; i++)
		if (plan.tiers[i].step_s >= least_s)
			return plan.tiers[i].step_s;
	return least_s;
}

const char *
series_parse(const struct registry_check *check, const struct conf_retention *retention,
    const char *metric, const char *query, int64_t now_s, struct series_query *out)
{
	int64_t every_s = check->conf->every_us / CLOCK_SECOND;
	char text[48];
	int code;

	if (!find_source(check, metric, &out->source))
		return "no such metric";
	out->to_s = now_s;
	code = query_get(query, "to", text, sizeof(text));
	if (code != ERR_NOT_FOUND && (code != 0 || !parse_time(text, &out->to_s)))
		return "to: expected epoch seconds, 2026-11-24 or 2026-11-24T10:45:00Z";
	if (out->to_s > now_s)
		out->to_s = now_s;
	out->from_s = out->to_s - DAY_S;
	code = query_get(query, "from", text, sizeof(text));
	if (code != ERR_NOT_FOUND && (code != 0 || !parse_time(text, &out->from_s)))
		return "from: expected epoch seconds, 2026-11-24 or "
		       "2026-11-24T10:45:00Z";
	if (out->from_s < 0)
		out->from_s = 0;
	if (out->from_s >= out->to_s)
		return "from: expected before to, and not in the future";
	out->step_s = usual_step(retention, every_s, out->to_s - out->from_s);
	code = query_get(query, "step", text, sizeof(text));
	if (code != ERR_NOT_FOUND && (code != 0 || !parse_step(text, &out->step_s)))
		return "step: expected seconds or a duration such as 5m";
	if (out->step_s < every_s)
		out->step_s = every_s;
	if ((out->to_s - out->from_s) / out->step_s > POINTS_MAX)
		return "too many points: ask for a shorter period or a larger step";
	if (!parse_function(query, &out->function))
		return "cf: expected AVERAGE, MIN or MAX";
	return NULL;
}

static const char *
source_unit(const struct registry_check *check, size_t source)
{
	return source < ARRAY_LENGTH(first_columns)
		   ? "1"
		   : check->sources[source - ARRAY_LENGTH(first_columns)].unit;
}

static json_t *
make_document(const struct registry_check *check, const struct read *read,
    const struct archive_rows *rows)
{
	json_t *points = json_array();
	size_t source = read->query.source, i;

	for (i = 0; i < rows->count && source < rows->sources; i++) {
		double value = rows->rows[i * rows->sources + source];
		json_array_append_new(
		    points, json_pack("[I, o]",
				(json_int_t)(rows->first_s + (int64_t)i * rows->step_s),
				isfinite(value) ? json_real(value) : json_null()));
	}
	return json_pack("{s:o*, s:s, s:I, s:o}", "demo",
	    check->service->site->conf->demo ? json_true() : NULL, "unit", read->unit,
	    "step", (json_int_t)rows->step_s, "points", points);
}

/*
 * Reading.
 */

/* The check that a read is about, if it is still there and public. */
static struct registry_check *
find_check(struct registry *registry, const struct read *read)
{
	struct registry_site *site = registry_find_site(registry, read->site);
	struct registry_service *service =
	    site != NULL ? registry_find_service(site, read->service) : NULL;

	return service != NULL && service->conf->public
		   ? registry_find_check(service, read->check)
		   : NULL;
}

static void
on_rows(const struct archive_rows *rows, void *arg)
{
	struct read *read = arg;
	struct registry_check *check;
	struct buf body = BUF_INIT;
	json_t *document;

	MAGIC_CHECK(read, READ_MAGIC);
	if (read->series != NULL) {
		check = find_check(read->series->registry, read);
		if (check == NULL) {
			answer_error(read, 404, "no such series");
		} else if (rows->error != 0) {
			answer_error(read, 503, "the series cannot be read now");
		} else {
			document = make_document(check, read, rows);
			render_json(document, &body);
			json_decref(document);
			answer(read, 200, &body);
		}
	}
	free(read->site);
	MAGIC_CLEAR(read);
	free(read);
}

static void
begin_read(struct cache_build *build, const char *key, void *arg)
{
	const struct target *target = arg;
	const struct registry_check *check = target->check;
	struct read *read = mem_zalloc(sizeof(*read));

	MAGIC_SET(read, READ_MAGIC);
	read->series = target->series;
	read->build = build;
	read->site = mem_strdup(check->service->site->conf->id);
	strlcpy(read->service, check->service->conf->id, sizeof(read->service));
	strlcpy(read->check, check->conf->id, sizeof(read->check));
	read->query = *target->query;
	strlcpy(read->unit, source_unit(check, read->query.source), sizeof(read->unit));
	read->headers = target->headers;
	LIST_INSERT_HEAD(&target->series->reads, read, entry);
	target->series->count++;
	archive_fetch(check->series, target->query->function, target->query->from_s,
	    target->query->to_s, target->query->step_s, on_rows, read);
}

static void
refuse(struct server_request *request, unsigned status, const char *words,
    const char *const *headers)
{
	struct buf bodies[SERVER_ENCODINGS] = {BUF_INIT};
	struct server_content *content;

	buf_printf(&bodies[SERVER_IDENTITY], "{\"error\":\"%s\"}\n", words);
	content = server_content_create(status, TYPE, bodies, headers);
	server_reply(request, content);
	server_content_unref(content);
}

void
series_serve(struct series *series, struct server_request *request,
    struct registry_site *site, const struct route *route, const char *query,
    const char *const *headers)
{
	struct registry_service *service = registry_find_service(site, route->service);
	struct registry_check *check = NULL;
	struct series_query asked;
	struct target target = {.series = series, .query = &asked, .headers = headers};
	const char *wrong;
	char key[512];

	MAGIC_CHECK(series, SERIES_MAGIC);
	if (service != NULL && service->conf->public)
		check = registry_find_check(service, route->check);
	if (check == NULL || check->series == NULL) {
		refuse(request, 404, "no such series", headers);
		return;
	}
	wrong = series_parse(check, &registry_conf(series->registry)->store.retention,
	    route->metric, query, clock_wall_us() / CLOCK_SECOND, &asked);
	if (wrong != NULL) {
		refuse(request, 400, wrong, headers);
		return;
	}
	if (series->count >= READS_MAX) {
		refuse(
		    request, 503, "too many series are being read: try again", headers);
		return;
	}
	target.check = check;
	snprintf(key, sizeof(key), "series %s %s %s %s %lld %lld %lld %d",
	    site->conf->id, route->service, route->check, route->metric,
	    (long long)asked.from_s, (long long)asked.to_s, (long long)asked.step_s,
	    asked.function);
	cache_get(series->cache, key, 0, request, begin_read, &target);
}
