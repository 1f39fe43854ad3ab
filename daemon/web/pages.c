/*
 * What the public listener serves. A request's address becomes a key of the cache;
 * what the cache has not is built: figures are made ready (they may have to be read
 * from disk), a service's outages are asked of the ledger, then the board is made at
 * one go on the loop and rendered on a worker, to which it goes over. A build keeps ids
 * and finds site and service again when its data is there, since a reload may have come
 * between.
 *
 * How long a page may be kept is bounded by the instant at which the freshest result
 * of one of its services goes stale: age is judged when the page is asked for.
 */
#include "web/pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "dashboards/assets.h"
#include "loop/worker.h"
#include "store/ledger.h"
#include "watch/registry.h"
#include "web/api.h"
#include "web/board.h"
#include "web/cache.h"
#include "web/figures.h"
#include "web/render.h"
#include "web/route.h"
#include "web/series.h"
#include "web/server.h"
#include "web/sites.h"
#include "web/words.h"

#define PAGES_MAGIC 0x70616765
#define BUILD_MAGIC 0x6275696c
#define WORK_MAGIC 0x776f726b
#define CACHE_BYTES_MAX (32 << 20)
#define LIVES_MAX_US (60 * CLOCK_SECOND)
#define OUTAGES_DAYS 90
#define OUTAGE_ROWS_MAX 200
#define AHEAD_SITES_MAX 16

#define TEXT_PLAIN "text/plain; charset=utf-8"

struct pages {
	MAGIC;
	struct worker_pool *io;
	struct registry *registry;
	struct figures *figures;
	struct sites *sites;
	struct render *render;
	struct cache *cache;
	struct series *series;
	struct server_content **assets; /* by index, made when asked for */
	LIST_HEAD(, build) builds;
};

/* One page, document or table under way. */
struct build {
	MAGIC;
	LIST_ENTRY(build) entry;
	struct pages *pages; /* NULL once they are destroyed */
	struct cache_build *build;
	char *site;
	struct route route; /* language is of the words, which outlive it */
	unsigned waits;     /* for figures, the ledger */
	bool ledger;
	size_t row_count;
	struct ledger_transition *rows;
	int rows_error;
};

/* What the cache hands to begin_build(). */
struct target {
	struct pages *pages;
	struct registry_site *site;
	const struct route *route;
};

static const char *const page_headers[] = {
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy: strict-origin-when-cross-origin",
    "Cache-Control: no-cache",
    NULL,
};

static const char *const data_headers[] = {
    "Access-Control-Allow-Origin: *",
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
    "Cache-Control: no-cache",
    NULL,
};

static const char *const asset_headers[] = {
    "Cache-Control: public, max-age=31536000, immutable",
    NULL,
};

/*
 * Building.
 */

static struct build *
build_create(struct pages *pages, const char *site, const struct route *route,
    struct cache_build *to)
{
	struct build *build = mem_zalloc(sizeof(*build));

	MAGIC_SET(build, BUILD_MAGIC);
	build->pages = pages;
	build->build = to;
	build->site = mem_strdup(site);
	build->route = *route;
	LIST_INSERT_HEAD(&pages->builds, build, entry);
	return build;
}

static void
build_free(struct build *build)
{
	MAGIC_CHECK(build, BUILD_MAGIC);
	if (build->pages != NULL)
		LIST_REMOVE(build, entry);
	free(build->rows);
	free(build->site);
	MAGIC_CLEAR(build);
	free(build);
}

static struct registry_service *
public_service(struct registry_site *site, const char *id)
{
	struct registry_service *service = registry_find_service(site, id);

	return service != NULL && service->conf->public ? service : NULL;
}

/* The public ones of a site. The caller frees. */
static struct registry_service **
list_services(const struct registry_site *site, size_t *count)
{
	struct registry_service **out =
	    mem_array(site->service_count + 1, sizeof(struct registry_service *));
	size_t i;

	*count = 0;
	for (i = 0; i < site->service_count; i++)
		if (site->services[i]->conf->public)
			out[(*count)++] = site->services[i];
	return out;
}

/* Until a service that is fresh now goes stale, at most LIVES_MAX_US. */
static int64_t
page_lives(const struct registry_site *site, int64_t now_us)
{
	int64_t lives = LIVES_MAX_US;
	size_t i;

	for (i = 0; i < site->service_count; i++) {
		int64_t left = registry_service_stale_us(site->services[i]) - now_us;
		if (site->services[i]->conf->public && left > 0 && left < lives)
			lives = left;
	}
	return lives;
}

static json_t *
make_services(const struct board *board)
{
	struct registry_site *site = board->site;
	json_t *services = json_array();
	size_t i;

	for (i = 0; i < site->service_count; i++)
		if (site->services[i]->conf->public)
			json_array_append_new(
			    services, api_service(site->services[i], board->figures,
					  board->now_us, false));
	return api_services(services, board->now_us);
}

static json_t *
make_document(struct build *build, const struct board *board)
{
	struct registry_service *service;

	switch (build->route.page) {
	case ROUTE_OVERVIEW:
	case ROUTE_SERVICES:
		return board_overview(board);
	case ROUTE_API_SERVICES:
		build->route.format = ROUTE_JSON;
		return make_services(board);
	case ROUTE_SERVICE:
		service = public_service(board->site, build->route.service);
		if (service == NULL)
			return NULL;
		return board_service(board, &(struct board_service){
						.service = service,
						.period = build->route.period,
						.rows = build->rows,
						.row_count = build->row_count,
						.rows_error = build->rows_error,
					    });
	default:
		return board_text(board, build->route.page);
	}
}

/* A document on its way to a worker and back. The cache may have gone meanwhile: then
 * nobody takes the text. */
struct work {
	MAGIC;
	struct cache_build *to;
	struct rendering *rendering;
	enum route_format format;
	unsigned status;
	int64_t lives_us;
};

static void
run_work(void *arg)
{
	struct work *work = arg;

	MAGIC_CHECK(work, WORK_MAGIC);
	rendering_run(work->rendering);
}

static void
end_work(void *arg)
{
	static const char *const types[] = {
	    [ROUTE_HTML] = "text/html; charset=utf-8",
	    [ROUTE_JSON] = "application/json",
	    [ROUTE_CSV] = "text/csv; charset=utf-8",
	};
	struct work *work = arg;
	struct buf out;

	MAGIC_CHECK(work, WORK_MAGIC);
	if (rendering_end(work->rendering, &out) == 0) {
		cache_built(work->to, work->status, types[work->format],
		    work->format == ROUTE_HTML ? page_headers : data_headers, &out,
		    work->lives_us);
	} else {
		buf_add_text(&out, "The page could not be made.\n");
		cache_built(work->to, 500, TEXT_PLAIN, page_headers, &out, 0);
	}
	MAGIC_CLEAR(work);
	free(work);
}

/* Takes document. What a page of many services costs (some 10 us each) would hold the
 * loop too long with the board before it. */
static void
render_build(
    struct build *build, const struct board *board, unsigned error, json_t *document)
{
	struct pages *pages = build->pages;
	struct work *work = mem_zalloc(sizeof(*work));

	MAGIC_SET(work, WORK_MAGIC);
	work->to = build->build;
	work->rendering =
	    rendering_begin(pages->render, board, &build->route, error, document);
	work->format = build->route.format;
	work->status = error != 0 ? error : 200;
	work->lives_us = page_lives(board->site, board->now_us);
	if (worker_submit(pages->io, WORKER_LOW, run_work, end_work, work) == 0)
		return;
	run_work(work);
	end_work(work);
}

/* error: 0, or the status of the page to show instead. */
static void
answer_build(struct build *build, struct registry_site *site, unsigned error)
{
	struct pages *pages = build->pages;
	struct board board = {
	    .site = site,
	    .languages = sites_languages(pages->sites, site),
	    .figures = pages->figures,
	    .words = sites_words(pages->sites, build->route.language),
	    .now_us = clock_wall_us(),
	};
	json_t *document = NULL;

	if (error == 0)
		document = make_document(build, &board);
	if (document == NULL) {
		error = error != 0 ? error : 404;
		document = board_base(&board);
		build->route.format = ROUTE_HTML;
	}
	render_build(build, &board, error, document);
}

/* What the build waited for is there. */
static void
build_ready(struct build *build)
{
	struct registry_site *site;
	struct buf gone = BUF_INIT;

	if (--build->waits > 0)
		return;
	if (build->pages == NULL) {
		build_free(build);
		return;
	}
	site = registry_find_site(build->pages->registry, build->site);
	if (site == NULL) {
		buf_add_text(&gone, "404\n");
		cache_built(build->build, 404, TEXT_PLAIN, page_headers, &gone, 0);
	} else {
		answer_build(build, site, 0);
	}
	build_free(build);
}

static void
on_figures(void *arg)
{
	build_ready(arg);
}

static void
on_transitions(const struct ledger_transition *rows, size_t count, int error, void *arg)
{
	struct build *build = arg;

	MAGIC_CHECK(build, BUILD_MAGIC);
	build->ledger = false;
	build->rows_error = error;
	if (error == 0 && count > 0) {
		build->rows = mem_dup(rows, count * sizeof(*rows));
		build->row_count = count;
	}
	build_ready(build);
}

static void
ask_outages(struct build *build, struct registry_site *site)
{
	int64_t now_us = clock_wall_us();

	build->waits++;
	build->ledger = true;
	ledger_outages(site->ledger, build->route.service, NULL,
	    now_us - OUTAGES_DAYS * 86400 * CLOCK_SECOND, now_us + CLOCK_SECOND,
	    OUTAGE_ROWS_MAX, on_transitions, build);
}

static void
begin_build(struct cache_build *to, const char *key, void *arg)
{
	const struct target *target = arg;
	struct pages *pages = target->pages;
	const struct route *route = target->route;
	struct build *build = build_create(pages, target->site->conf->id, route, to);
	struct registry_service *one, **services;
	size_t count;

	build->waits = 1;
	switch (route->page) {
	case ROUTE_SERVICE:
		one = public_service(target->site, route->service);
		if (one == NULL)
			break;
		ask_outages(build, target->site);
		build->waits++;
		figures_prepare(
		    pages->figures, &one, 1, route->period, on_figures, build);
		break;
	case ROUTE_OVERVIEW:
	case ROUTE_SERVICES:
	case ROUTE_API_SERVICES:
		services = list_services(target->site, &count);
		build->waits++;
		figures_prepare(
		    pages->figures, services, count, ROUTE_PERIODS, on_figures, build);
		free(services);
		break;
	default:
		break;
	}
	build_ready(build);
}

static void
begin_missing(struct cache_build *to, const char *key, void *arg)
{
	const struct target *target = arg;
	struct build *build =
	    build_create(target->pages, target->site->conf->id, target->route, to);

	answer_build(build, target->site, 404);
	build_free(build);
}

/*
 * Requests.
 */

static void
redirect(struct server_request *request, const struct registry_site *site,
    const struct conf_strings *languages, const struct route *route)
{
	struct buf location = BUF_INIT, bodies[SERVER_ENCODINGS] = {BUF_INIT};
	struct server_content *content;

	buf_printf(&location, "Location: %s", site->conf->base_path);
	route_write(route, languages, &location);
	buf_add_text(&bodies[SERVER_IDENTITY], "301\n");
	content = server_content_create(
	    301, TEXT_PLAIN, bodies, (const char *const[]){location.data, NULL});
	server_reply(request, content);
	server_content_unref(content);
	buf_free(&location);
}

/* For programs: they read no page. */
static void
refuse_program(struct server_request *request, unsigned status, const char *words)
{
	struct buf bodies[SERVER_ENCODINGS] = {BUF_INIT};
	struct server_content *content;

	buf_printf(&bodies[SERVER_IDENTITY], "{\"error\":\"%s\"}\n", words);
	content =
	    server_content_create(status, "application/json", bodies, data_headers);
	server_reply(request, content);
	server_content_unref(content);
}

static bool
is_for_programs(const char *path)
{
	const char *dot = strrchr(path, '.');

	return strncmp(path, "/api/", 5) == 0 ||
	       (dot != NULL && strcmp(dot, ".json") == 0);
}

static bool
serve_asset(struct pages *pages, struct server_request *request, const char *path)
{
	const struct asset *asset = assets_find_path(path);
	struct buf bodies[SERVER_ENCODINGS] = {BUF_INIT};
	size_t i;

	if (asset == NULL)
		return false;
	i = asset - assets_list;
	if (pages->assets[i] == NULL) {
		buf_add(&bodies[SERVER_IDENTITY], asset->data, asset->length);
		if (asset->gzip != NULL)
			buf_add(&bodies[SERVER_GZIP], asset->gzip, asset->gzip_length);
		if (asset->brotli != NULL)
			buf_add(&bodies[SERVER_BROTLI], asset->brotli,
			    asset->brotli_length);
		pages->assets[i] =
		    server_content_create(200, asset->type, bodies, asset_headers);
	}
	server_reply(request, pages->assets[i]);
	return true;
}

static void
serve_missing(struct pages *pages, struct server_request *request,
    struct registry_site *site, struct route *route)
{
	struct target target = {pages, site, route};
	char key[128]; /* identifiers and languages are short */

	route->page = ROUTE_OVERVIEW;
	route->format = ROUTE_HTML;
	snprintf(key, sizeof(key), "missing %s %s", site->conf->id, route->language);
	cache_get(pages->cache, key, sites_conf_generation(pages->sites), request,
	    begin_missing, &target);
}

/* request NULL: only sees to it that the page is there. */
static void
serve_page(struct pages *pages, struct server_request *request,
    struct registry_site *site, struct route *route)
{
	struct target target = {pages, site, route};
	bool lively = route->page <= ROUTE_SERVICE || route->page == ROUTE_API_SERVICES;
	char key[256];

	if (route->page == ROUTE_SERVICE &&
	    public_service(site, route->service) == NULL) {
		if (route->format == ROUTE_JSON)
			refuse_program(request, 404, "no such service");
		else
			serve_missing(pages, request, site, route);
		return;
	}
	if (route->page != ROUTE_SERVICE)
		route->period = ROUTE_24H;
	snprintf(key, sizeof(key), "page %s %s %d %d %d %s", site->conf->id,
	    route->language, route->page, route->format, route->period, route->service);
	cache_get(pages->cache, key,
	    lively ? sites_generation(pages->sites, site)
		   : sites_conf_generation(pages->sites),
	    request, begin_build, &target);
}

void
pages_serve(
    struct pages *pages, struct server_request *request, const struct server_head *head)
{
	const struct conf_strings *languages;
	const char *path = head->path;
	struct registry_site *site;
	struct route route;
	enum route_result result;

	MAGIC_CHECK(pages, PAGES_MAGIC);
	site = sites_choose(pages->sites, head->host, &path);
	if (site == NULL && sites_know_host(pages->sites, head->host)) {
		server_reply_text(request, 404, TEXT_PLAIN, "There is no page here.\n");
		return;
	}
	if (site == NULL) {
		server_reply_text(
		    request, 421, TEXT_PLAIN, "No site of this name is here.\n");
		return;
	}
	languages = sites_languages(pages->sites, site);
	if (*path == '\0') {
		route = (struct route){.language = languages->items[0]};
		redirect(request, site, languages, &route);
		return;
	}
	result = route_parse(languages, path, head->query, &route);
	if (result == ROUTE_MOVED) {
		redirect(request, site, languages, &route);
		return;
	}
	if (result == ROUTE_FOUND && route.page < ROUTE_PAGES) {
		serve_page(pages, request, site, &route);
		return;
	}
	if (result == ROUTE_FOUND && route.page == ROUTE_API_SERVICES) {
		serve_page(pages, request, site, &route);
		return;
	}
	if (result == ROUTE_FOUND && route.page == ROUTE_API_SERIES) {
		series_serve(
		    pages->series, request, site, &route, head->query, data_headers);
		return;
	}
	if (result == ROUTE_FOUND && route.page == ROUTE_ASSET &&
	    serve_asset(pages, request, path))
		return;
	if (result == ROUTE_FOUND && route.page == ROUTE_ROBOTS) {
		/* Invented data has no place in a search engine. */
		server_reply_text(request, 200, TEXT_PLAIN,
		    site->conf->demo ? "User-agent: *\nDisallow: /\n"
				     : "User-agent: *\nAllow: /\n");
		return;
	}
	if (is_for_programs(path))
		refuse_program(request, 404, "no such address");
	else
		serve_missing(pages, request, site, &route);
}

/*
 * Creating and destroying.
 */

struct pages *
pages_create(struct loop *loop, struct worker_pool *io, struct registry *registry)
{
	struct pages *pages = mem_zalloc(sizeof(*pages));

	MAGIC_SET(pages, PAGES_MAGIC);
	pages->io = io;
	pages->registry = registry;
	LIST_INIT(&pages->builds);
	pages->assets = mem_array(assets_count + 1, sizeof(struct server_content *));
	pages->figures = figures_create(registry);
	pages->cache = cache_create(loop, io, CACHE_BYTES_MAX);
	pages->series = series_create(registry, pages->cache);
	pages->sites = sites_create(registry, pages->figures);
	pages->render = render_create();
	if (pages->sites != NULL && pages->render != NULL)
		return pages;
	pages_destroy(pages);
	return NULL;
}

void
pages_configure(struct pages *pages)
{
	MAGIC_CHECK(pages, PAGES_MAGIC);
	figures_expire(pages->figures);
	sites_configure(pages->sites);
}

void
pages_build_ahead(struct pages *pages)
{
	size_t count = registry_site_count(pages->registry), i;

	MAGIC_CHECK(pages, PAGES_MAGIC);
	for (i = 0; i < count && i < AHEAD_SITES_MAX; i++) {
		struct registry_site *site = registry_site(pages->registry, i);
		struct route route = {
		    .language = sites_languages(pages->sites, site)->items[0]};
		serve_page(pages, NULL, site, &route);
	}
}

/* Builds that wait for the ledger end when it answers. */
static void
drop_builds(struct pages *pages)
{
	struct build *build;

	while ((build = LIST_FIRST(&pages->builds)) != NULL) {
		struct buf empty = BUF_INIT;
		LIST_REMOVE(build, entry);
		build->pages = NULL;
		cache_built(build->build, 503, TEXT_PLAIN, page_headers, &empty, 0);
		build->waits = 1;
		if (!build->ledger)
			build_free(build);
	}
}

void
pages_destroy(struct pages *pages)
{
	size_t i;

	if (pages == NULL)
		return;
	MAGIC_CHECK(pages, PAGES_MAGIC);
	figures_destroy(pages->figures);
	drop_builds(pages);
	series_destroy(pages->series);
	cache_destroy(pages->cache);
	for (i = 0; i < assets_count; i++)
		if (pages->assets[i] != NULL)
			server_content_unref(pages->assets[i]);
	free(pages->assets);
	sites_destroy(pages->sites);
	render_destroy(pages->render);
	MAGIC_CLEAR(pages);
	free(pages);
}

struct figures *
pages_figures(struct pages *pages)
{
	return pages->figures;
}

const struct cache *
pages_cache(const struct pages *pages)
{
	return pages->cache;
}
