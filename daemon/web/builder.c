/*
 * Pages under way. Figures are made ready (they may have to be read from disk), a
 * service's outages are asked of the ledger, then the board is made at one go on the
 * loop and rendered on a worker, to which it goes over. A build keeps ids and finds
 * site and service again when its data is there, since a reload may have come between.
 *
 * How long a page may be kept is bounded by the instant at which the freshest result
 * of one of its services goes stale: age is judged when the page is asked for.
 */
#include "web/builder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "loop/worker.h"
#include "store/ledger.h"
#include "watch/registry.h"
#include "web/api.h"
#include "web/board.h"
#include "web/cache.h"
#include "web/figures.h"
#include "web/render.h"
#include "web/route.h"
#include "web/sites.h"

#define BUILDER_MAGIC 0x626c6472
#define BUILD_MAGIC 0x6275696c
#define WORK_MAGIC 0x776f726b
#define LIVES_MAX_US (60 * CLOCK_SECOND)
#define OUTAGES_DAYS 90
#define OUTAGE_ROWS_MAX 200
#define HEADERS_MAX 8

#define TEXT_PLAIN "text/plain; charset=utf-8"

struct builder {
	MAGIC;
	struct builder_env env;
	struct render *render;
	LIST_HEAD(, build) builds;
};

/* One page, document or table under way. */
struct build {
	MAGIC;
	LIST_ENTRY(build) entry;
	struct builder *builder; /* NULL once it is destroyed */
	struct cache_build *build;
	char *site;
	struct route route; /* language is of the words, which outlive it */
	unsigned waits;     /* for figures, the ledger */
	bool ledger;
	size_t row_count;
	struct ledger_transition *rows;
	int rows_error;
};

const char *const builder_page_headers[] = {
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy: strict-origin-when-cross-origin",
    "Cache-Control: no-cache",
    NULL,
};

const char *const builder_data_headers[] = {
    "Access-Control-Allow-Origin: *",
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
    "Cache-Control: no-cache",
    NULL,
};

/*
 * Building.
 */

static struct build *
build_create(struct builder *builder, const char *site, const struct route *route,
    struct cache_build *to)
{
	struct build *build = mem_zalloc(sizeof(*build));

	MAGIC_SET(build, BUILD_MAGIC);
	build->builder = builder;
	build->build = to;
	build->site = mem_strdup(site);
	build->route = *route;
	LIST_INSERT_HEAD(&builder->builds, build, entry);
	return build;
}

static void
build_free(struct build *build)
{
	MAGIC_CHECK(build, BUILD_MAGIC);
	if (build->builder != NULL)
		LIST_REMOVE(build, entry);
	free(build->rows);
	free(build->site);
	MAGIC_CLEAR(build);
	free(build);
}

struct registry_service *
builder_public_service(struct registry_site *site, const char *id)
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

/* Until a service that is fresh now goes stale, at most LIVES_MAX_US. id: that of the
 * only one that the page shows, or "". */
static int64_t
page_lives(const struct registry_site *site, const char *id, int64_t now_us)
{
	int64_t lives = LIVES_MAX_US;
	size_t i;

	for (i = 0; i < site->service_count; i++) {
		const struct registry_service *service = site->services[i];
		int64_t left;
		if (!service->conf->public ||
		    (id[0] != '\0' && strcmp(service->conf->id, id) != 0))
			continue;
		left = registry_service_stale_us(service) - now_us;
		if (left > 0 && left < lives)
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
	return api_services(services, board->site->conf->demo, board->now_us);
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
		service = builder_public_service(board->site, build->route.service);
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
	char *disposition; /* a table's header with its file's name */
};

/* A file that was saved says whose it is, and if its data is made up. */
static char *
name_file(const struct board *board, const struct route *route)
{
	const struct conf_site *site = board->site->conf;

	return mem_printf("Content-Disposition: inline; filename=\"%s%s%s%s%s.csv\"",
	    site->id, route->page == ROUTE_SERVICE ? "-" : "",
	    route->page == ROUTE_SERVICE ? route->service : "", site->demo ? "-" : "",
	    site->demo ? words_get(board->words, "demo_file") : "");
}

static void
run_work(void *arg)
{
	struct work *work = arg;

	MAGIC_CHECK(work, WORK_MAGIC);
	rendering_run(work->rendering);
}

static void
list_headers(const struct work *work, const char *out[HEADERS_MAX])
{
	const char *const *headers =
	    work->format == ROUTE_HTML ? builder_page_headers : builder_data_headers;
	size_t n;

	for (n = 0; headers[n] != NULL; n++)
		out[n] = headers[n];
	assert(n + 2 <= HEADERS_MAX);
	out[n] = work->disposition;
	out[n + 1] = NULL;
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
	const char *headers[HEADERS_MAX];
	struct buf out;

	MAGIC_CHECK(work, WORK_MAGIC);
	list_headers(work, headers);
	if (rendering_end(work->rendering, &out) == 0) {
		cache_built(work->to, work->status, types[work->format], headers, &out,
		    work->lives_us);
	} else {
		buf_add_text(&out, "The page could not be made.\n");
		cache_built(work->to, 500, TEXT_PLAIN, builder_page_headers, &out, 0);
	}
	MAGIC_CLEAR(work);
	free(work->disposition);
	free(work);
}

/* Takes document. What a page of many services costs (some 10 us each) would hold the
 * loop too long with the board before it. */
static void
render_build(
    struct build *build, const struct board *board, unsigned error, json_t *document)
{
	struct builder *builder = build->builder;
	struct work *work = mem_zalloc(sizeof(*work));

	MAGIC_SET(work, WORK_MAGIC);
	work->to = build->build;
	work->rendering =
	    rendering_begin(builder->render, board, &build->route, error, document);
	work->format = build->route.format;
	work->status = error != 0 ? error : 200;
	if (build->route.format == ROUTE_CSV)
		work->disposition = name_file(board, &build->route);
	work->lives_us = page_lives(board->site, build->route.service, board->now_us);
	if (worker_submit(builder->env.io, WORKER_LOW, run_work, end_work, work) == 0)
		return;
	run_work(work);
	end_work(work);
}

/* error: 0, or the status of the page to show instead. */
static void
answer_build(struct build *build, struct registry_site *site, unsigned error)
{
	struct builder *builder = build->builder;
	struct board board = {
	    .site = site,
	    .languages = sites_languages(builder->env.sites, site),
	    .figures = builder->env.figures,
	    .words = sites_words(builder->env.sites, build->route.language),
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
	if (build->builder == NULL) {
		build_free(build);
		return;
	}
	site = registry_find_site(build->builder->env.registry, build->site);
	if (site == NULL) {
		buf_add_text(&gone, "404\n");
		cache_built(
		    build->build, 404, TEXT_PLAIN, builder_page_headers, &gone, 0);
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

void
builder_begin(struct builder *builder, struct cache_build *to,
    struct registry_site *site, const struct route *route)
{
	struct build *build = build_create(builder, site->conf->id, route, to);
	struct registry_service *one, **services;
	size_t count;

	MAGIC_CHECK(builder, BUILDER_MAGIC);
	build->waits = 1;
	switch (route->page) {
	case ROUTE_SERVICE:
		one = builder_public_service(site, route->service);
		if (one == NULL)
			break;
		ask_outages(build, site);
		build->waits++;
		figures_prepare(
		    builder->env.figures, &one, 1, route->period, on_figures, build);
		break;
	case ROUTE_OVERVIEW:
	case ROUTE_SERVICES:
	case ROUTE_API_SERVICES:
		services = list_services(site, &count);
		build->waits++;
		figures_prepare(builder->env.figures, services, count, ROUTE_PERIODS,
		    on_figures, build);
		free(services);
		break;
	default:
		break;
	}
	build_ready(build);
}

void
builder_missing(struct builder *builder, struct cache_build *to,
    struct registry_site *site, const struct route *route)
{
	struct build *build = build_create(builder, site->conf->id, route, to);

	answer_build(build, site, 404);
	build_free(build);
}

/*
 * Creating and destroying.
 */

struct builder *
builder_create(const struct builder_env *env)
{
	struct builder *builder = mem_zalloc(sizeof(*builder));

	MAGIC_SET(builder, BUILDER_MAGIC);
	builder->env = *env;
	builder->render = render_create();
	LIST_INIT(&builder->builds);
	if (builder->render != NULL)
		return builder;
	builder_destroy(builder);
	return NULL;
}

/* Builds that wait for the ledger end when it answers. */
static void
drop_builds(struct builder *builder)
{
	struct build *build;

	while ((build = LIST_FIRST(&builder->builds)) != NULL) {
		struct buf empty = BUF_INIT;
		LIST_REMOVE(build, entry);
		build->builder = NULL;
		cache_built(
		    build->build, 503, TEXT_PLAIN, builder_page_headers, &empty, 0);
		build->waits = 1;
		if (!build->ledger)
			build_free(build);
	}
}

void
builder_destroy(struct builder *builder)
{
	if (builder == NULL)
		return;
	MAGIC_CHECK(builder, BUILDER_MAGIC);
	drop_builds(builder);
	render_destroy(builder->render);
	MAGIC_CLEAR(builder);
	free(builder);
}
