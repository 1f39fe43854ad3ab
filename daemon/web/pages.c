/*
 * What the public listener serves. A request's address becomes a key of the cache;
 * what the cache has not, web/builder builds.
 */
#include "web/pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "dashboards/assets.h"
#include "watch/registry.h"
#include "web/builder.h"
#include "web/cache.h"
#include "web/figures.h"
#include "web/route.h"
#include "web/series.h"
#include "web/server.h"
#include "web/sites.h"

#define PAGES_MAGIC 0x70616765
#define CACHE_BYTES_MAX (32 << 20)
#define AHEAD_SITES_MAX 16

#define TEXT_PLAIN "text/plain; charset=utf-8"

struct pages {
	MAGIC;
	struct registry *registry;
	struct figures *figures;
	struct sites *sites;
	struct builder *builder;
	struct cache *cache;
	struct series *series;
	struct server_content **assets; /* by index, made when asked for */
};

/* What the cache hands to begin_build(). */
struct target {
	struct pages *pages;
	struct registry_site *site;
	const struct route *route;
};

static const char *const asset_headers[] = {
    "Cache-Control: public, max-age=31536000, immutable",
    NULL,
};

static void
begin_build(struct cache_build *to, const char *key, void *arg)
{
	const struct target *target = arg;

	builder_begin(target->pages->builder, to, target->site, target->route);
}

static void
begin_missing(struct cache_build *to, const char *key, void *arg)
{
	const struct target *target = arg;

	builder_missing(target->pages->builder, to, target->site, target->route);
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
	content = server_content_create(
	    status, "application/json", bodies, builder_data_headers);
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

/* A service's page does not care for the others. */
static uint64_t
generation_of(const struct pages *pages, const struct registry_site *site,
    const struct registry_service *service, const struct route *route)
{
	if (service != NULL)
		return sites_service_generation(pages->sites, service);
	if (route->page <= ROUTE_SERVICES || route->page == ROUTE_API_SERVICES)
		return sites_generation(pages->sites, site);
	return sites_conf_generation(pages->sites);
}

/* request NULL: only sees to it that the page is there. */
static void
serve_page(struct pages *pages, struct server_request *request,
    struct registry_site *site, struct route *route)
{
	struct target target = {pages, site, route};
	struct registry_service *service = NULL;
	char key[256];

	if (route->page == ROUTE_SERVICE)
		service = builder_public_service(site, route->service);
	if (route->page == ROUTE_SERVICE && service == NULL) {
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
	cache_get(pages->cache, key, generation_of(pages, site, service, route),
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
		series_serve(pages->series, request, site, &route, head->query,
		    builder_data_headers);
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
	pages->registry = registry;
	pages->assets = mem_array(assets_count + 1, sizeof(struct server_content *));
	pages->figures = figures_create(registry);
	pages->cache = cache_create(loop, io, CACHE_BYTES_MAX);
	pages->series = series_create(registry, pages->cache);
	pages->sites = sites_create(registry, pages->figures);
	pages->builder = builder_create(&(struct builder_env){.io = io,
	    .registry = registry,
	    .figures = pages->figures,
	    .sites = pages->sites});
	if (pages->sites != NULL && pages->builder != NULL)
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

void
pages_destroy(struct pages *pages)
{
	size_t i;

	if (pages == NULL)
		return;
	MAGIC_CHECK(pages, PAGES_MAGIC);
	figures_destroy(pages->figures);
	builder_destroy(pages->builder);
	series_destroy(pages->series);
	cache_destroy(pages->cache);
	for (i = 0; i < assets_count; i++)
		if (pages->assets[i] != NULL)
			server_content_unref(pages->assets[i]);
	free(pages->assets);
	sites_destroy(pages->sites);
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
