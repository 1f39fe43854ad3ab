/*
 * Renderings. The template sees the board, the language's texts as t, and all that
 * stands around a page (title, links, files of the style) as page.
 */
#include "web/render.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "dashboards/assets.h"
#include "watch/registry.h"
#include "web/template.h"
#include "web/words.h"

#define RENDER_MAGIC 0x726e6472
#define RENDERING_MAGIC 0x726e6467
#define PAGE_BYTES_MAX (4 << 20)
#define PREFIX "templates/"
#define SUFFIX ".mustache"

struct named_template {
	char *name;
	struct template *template;
};

struct render {
	MAGIC;
	unsigned references; /* its owner's, and one a rendering */
	size_t count;
	struct named_template *templates;
};

static bool
add_template(struct render *render, const struct asset *asset)
{
	size_t prefix = strlen(PREFIX), length = strlen(asset->name);
	struct named_template *named = &render->templates[render->count];
	char error[256];

	named->name =
	    mem_strndup(asset->name + prefix, length - prefix - strlen(SUFFIX));
	named->template = template_compile(
	    asset->name, (const char *)asset->data, asset->length, error);
	render->count++;
	if (named->template == NULL)
		log_error("%s: %s", asset->name, error);
	return named->template != NULL;
}

struct render *
render_create(void)
{
	struct render *render = mem_zalloc(sizeof(*render));
	bool good = true;
	size_t i;

	MAGIC_SET(render, RENDER_MAGIC);
	render->references = 1;
	render->templates = mem_array(assets_count + 1, sizeof(*render->templates));
	for (i = 0; i < assets_count; i++) {
		const char *dot = strrchr(assets_list[i].name, '.');
		if (strncmp(assets_list[i].name, PREFIX, strlen(PREFIX)) == 0 &&
		    dot != NULL && strcmp(dot, SUFFIX) == 0)
			good &= add_template(render, &assets_list[i]);
	}
	if (good)
		return render;
	render_destroy(render);
	return NULL;
}

void
render_destroy(struct render *render)
{
	size_t i;

	if (render == NULL)
		return;
	MAGIC_CHECK(render, RENDER_MAGIC);
	if (--render->references > 0)
		return;
	for (i = 0; i < render->count; i++) {
		free(render->templates[i].name);
		template_free(render->templates[i].template);
	}
	free(render->templates);
	MAGIC_CLEAR(render);
	free(render);
}

static const struct template *
find_template(const char *name, void *arg)
{
	struct render *render = arg;
	size_t i;

	for (i = 0; i < render->count; i++)
		if (strcmp(render->templates[i].name, name) == 0)
			return render->templates[i].template;
	return NULL;
}

/*
 * What stands around a page.
 */

/* What a row of pages says of each page of a language. */
static const struct {
	const char *template, *title;
	bool in_menu;
} pages[ROUTE_PAGES] = {
    [ROUTE_OVERVIEW] = {"overview", "page_overview", true},
    [ROUTE_SERVICES] = {"services", "page_services", true},
    [ROUTE_SERVICE] = {"service", "page_services", false},
    [ROUTE_METHOD] = {"text", "page_method", true},
    [ROUTE_DATA] = {"text", "page_data", true},
    [ROUTE_ACCESSIBILITY] = {"text", "page_accessibility", false},
    [ROUTE_PRIVACY] = {"text", "page_privacy", false},
    [ROUTE_LEGAL] = {"text", "page_legal", false},
};

static void
put_address(const struct board *board, json_t *page, const char *key,
    const struct route *route, enum route_format format)
{
	struct buf href = BUF_INIT;
	struct route other = *route;

	other.format = format;
	buf_add_text(&href, board->site->conf->base_path);
	route_write(&other, board->languages, &href);
	board_put(page, key, &href);
}

static void
put_page(const struct board *board, json_t *page, const char *key, enum route_page to)
{
	put_address(board, page, key,
	    &(struct route){.page = to, .language = words_language(board->words)},
	    ROUTE_HTML);
}

static void
put_asset(const struct board *board, json_t *page, const char *key, const char *name)
{
	const struct asset *asset = assets_find(name);
	struct buf href = BUF_INIT;

	if (asset == NULL || asset->path == NULL) {
		log_error("render: no asset %s", name);
		return;
	}
	buf_add_text(&href, board->site->conf->base_path);
	buf_add_text(&href, asset->path);
	board_put(page, key, &href);
}

static json_t *
list_menu(const struct board *board, const struct route *route, unsigned error)
{
	json_t *out = json_array(), *item;
	int i;

	for (i = 0; i < ROUTE_PAGES; i++) {
		if (!pages[i].in_menu)
			continue;
		item = json_object();
		json_object_set_new(
		    item, "text", json_string(words_get(board->words, pages[i].title)));
		put_page(board, item, "href", i);
		json_object_set_new(
		    item, "current", json_boolean(error == 0 && i == (int)route->page));
		json_array_append_new(out, item);
	}
	return out;
}

/* The same page in each language: links of the header, and what search engines want. */
static void
put_languages(const struct board *board, const struct route *route, unsigned error,
    json_t *names, json_t *page)
{
	json_t *links = json_array(), *alternates = json_array(), *item;
	struct route other = *route;
	size_t i;

	if (error != 0)
		other = (struct route){.page = ROUTE_OVERVIEW};
	for (i = 0; i < board->languages->count; i++) {
		const char *language = board->languages->items[i];
		struct buf url = BUF_INIT;
		other.language = language;
		item = json_pack("{s:s, s:s*, s:b}", "language", language, "name",
		    json_string_value(json_object_get(names, language)), "current",
		    strcmp(language, words_language(board->words)) == 0);
		put_address(board, item, "href", &other, ROUTE_HTML);
		json_array_append_new(links, item);
		buf_add_text(&url, board->site->conf->url);
		route_write(&other, board->languages, &url);
		item = json_pack("{s:s}", "language", language);
		board_put(item, "url", &url);
		json_array_append_new(alternates, item);
	}
	/* Who speaks none of them gets the first. */
	item = json_copy(json_array_get(alternates, 0));
	json_object_set_new(item, "language", json_string("x-default"));
	json_array_append_new(alternates, item);
	json_object_set_new(page, "languages", links);
	json_object_set_new(
	    page, "many_languages", json_boolean(board->languages->count > 1));
	if (error == 0 && board->languages->count > 1)
		json_object_set(page, "alternates", alternates);
	json_decref(alternates);
}

/* Links of the footer: those of the configuration, else our own pages. */
static void
put_footer(const struct board *board, json_t *page)
{
	const struct conf_site *conf = board->site->conf;
	const struct {
		const char *key, *url;
		enum route_page own;
	} links[] = {
	    {"accessibility", conf->pages.accessibility, ROUTE_ACCESSIBILITY},
	    {"privacy", conf->pages.privacy, ROUTE_PRIVACY},
	    {"legal", conf->pages.legal, ROUTE_LEGAL},
	    {"legal_own", NULL, ROUTE_LEGAL},
	    {"report", conf->pages.report, ROUTE_ACCESSIBILITY},
	};
	struct buf mail = BUF_INIT;
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(links); i++) {
		if (links[i].url != NULL)
			json_object_set_new(
			    page, links[i].key, json_string(links[i].url));
		else
			put_page(board, page, links[i].key, links[i].own);
	}
	if (conf->contact == NULL)
		return;
	json_object_set_new(page, "contact", json_string(conf->contact));
	if (conf->pages.report == NULL) {
		buf_printf(&mail, "mailto:%s", conf->contact);
		board_put(page, "report", &mail);
	}
}

/* The title of the page itself. */
static const char *
here(const struct board *board, const struct route *route, unsigned error,
    json_t *document)
{
	const char *title = NULL;

	if (error != 0)
		return words_get(
		    board->words, error == 404 ? "page_missing" : "page_error");
	if (route->page == ROUTE_SERVICE)
		title = json_string_value(
		    json_object_get(json_object_get(document, "service"), "title"));
	return title != NULL ? title
			     : words_get(board->words, pages[route->page].title);
}

static void
put_trail(
    const struct board *board, const struct route *route, unsigned error, json_t *page)
{
	json_t *trail = json_array(), *item;

	json_object_set_new(page, "has_trail",
	    json_boolean(error != 0 || route->page != ROUTE_OVERVIEW));
	item = json_pack("{s:s}", "text", words_get(board->words, "home"));
	put_page(board, item, "href", ROUTE_OVERVIEW);
	json_array_append_new(trail, item);
	if (error == 0 && route->page == ROUTE_SERVICE) {
		item = json_pack(
		    "{s:s}", "text", words_get(board->words, "page_services"));
		put_page(board, item, "href", ROUTE_SERVICES);
		json_array_append_new(trail, item);
	}
	json_object_set_new(page, "trail", trail);
}

static void
put_title(const struct board *board, const struct route *route, unsigned error,
    json_t *document, json_t *page)
{
	const char *name = here(board, route, error, document);
	struct buf title = BUF_INIT, description = BUF_INIT;

	json_object_set_new(page, "here", json_string(name));
	if (error == 0)
		json_object_set(page, "here_lang",
		    json_object_get(
			json_object_get(document, "service"), "_title_lang"));
	buf_printf(&title, "%s - %s", name, board->site->conf->name);
	board_put(page, "title", &title);
	words_say(board->words, &description,
	    error == 0 && route->page == ROUTE_SERVICE ? "description_service"
						       : "description_overview",
	    "service", name, NULL);
	board_put(page, "description", &description);
}

static json_t *
make_page(const struct board *board, const struct route *route, unsigned error,
    json_t *document)
{
	const struct conf_site *conf = board->site->conf;
	json_t *page =
	    json_pack("{s:s, s:s, s:s*, s:s}", "language", words_language(board->words),
		"site", conf->name, "ipa", conf->ipa, "zone", conf->timezone);
	json_t *names = json_object_get(words_strings(board->words), "languages");
	struct route plain = *route;
	struct buf url = BUF_INIT;

	put_title(board, route, error, document, page);
	put_page(board, page, "home", ROUTE_OVERVIEW);
	put_asset(board, page, "style", "style.css");
	put_asset(board, page, "script", "main.js");
	put_asset(board, page, "icons", "icons.svg");
	put_asset(board, page, "favicon", "favicon.svg");
	put_asset(board, page, "licenses", "licenses.txt");
	json_object_set_new(page, "nav", list_menu(board, route, error));
	put_languages(board, route, error, names, page);
	put_footer(board, page);
	put_trail(board, route, error, page);
	if (error != 0)
		return page;
	/* A period is a view of the same page. */
	plain.period = ROUTE_24H;
	buf_add_text(&url, conf->url);
	route_write(&plain, board->languages, &url);
	board_put(page, "canonical", &url);
	if (route_has_format(route->page, ROUTE_JSON))
		put_address(board, page, "json", route, ROUTE_JSON);
	if (route_has_format(route->page, ROUTE_CSV))
		put_address(board, page, "csv", route, ROUTE_CSV);
	return page;
}

static json_t *
make_context(const struct board *board, const struct route *route, unsigned error,
    json_t *document)
{
	json_t *context = json_copy(document); /* shallow: the board stays as it is */

	json_object_set_new(context, "page", make_page(board, route, error, document));
	json_object_set(context, "t", words_strings(board->words));
	if (error != 0)
		json_object_set_new(context, "message",
		    json_string(words_get(board->words,
			error == 404 ? "error_missing" : "error_internal")));
	return context;
}

/* Only reads the context. */
static int
fill_template(struct render *render, const struct route *route, unsigned error,
    json_t *context, struct buf *out)
{
	const struct template *template =
	    find_template(error != 0 ? "error" : pages[route->page].template, render);

	out->limit = PAGE_BYTES_MAX;
	return template != NULL
		   ? template_render(template, context, find_template, render, out)
		   : ERR_NOT_FOUND;
}

void
render_json(json_t *document, struct buf *out)
{
	json_t *public = board_public(document);
	char *text = json_dumps(public, JSON_COMPACT | JSON_REAL_PRECISION(15));

	if (text != NULL)
		buf_add_text(out, text);
	buf_add_char(out, '\n');
	free(text);
	json_decref(public);
}

/*
 * CSV: RFC 4180, an empty field is what is not known. A table of made up data says so
 * in each row: a line of comment would be data to most who read it.
 */

static void
csv_end(struct buf *out, bool demo, const char *field)
{
	if (demo)
		buf_printf(out, ",%s", field);
	buf_add_text(out, "\r\n");
}

static void
csv_value(struct buf *out, json_t *value)
{
	char text[TEXT_DURATION_SIZE];

	if (json_is_string(value))
		buf_add_csv(out, json_string_value(value));
	else if (json_is_integer(value))
		buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		buf_add_text(out, text_double_format(json_real_value(value), text));
}

static void
csv_service(struct buf *out, const char *area, json_t *service, bool demo)
{
	static const struct {
		const char *member, *within;
	} columns[] = {
	    {"state", NULL},
	    {"since", NULL},
	    {"availability", "24h"},
	    {"coverage", "24h"},
	    {"availability", "30d"},
	    {"coverage", "30d"},
	    {"median_seconds", "24h"},
	    {"p95_seconds", "24h"},
	    {"p95_seconds", "30d"},
	    {"measured", NULL},
	};
	size_t i;

	csv_value(out, json_object_get(service, "id"));
	buf_add_char(out, ',');
	csv_value(out, json_object_get(service, "title"));
	buf_add_char(out, ',');
	if (area != NULL)
		buf_add_csv(out, area);
	for (i = 0; i < ARRAY_LENGTH(columns); i++) {
		json_t *value = json_object_get(service, columns[i].member);
		buf_add_char(out, ',');
		csv_value(out, columns[i].within != NULL
				   ? json_object_get(value, columns[i].within)
				   : value);
	}
	csv_end(out, demo, "true");
}

static void
csv_services(json_t *document, bool demo, struct buf *out)
{
	json_t *area, *service;
	size_t i, j;

	buf_add_text(out,
	    "id,title,area,state,since,availability_24h,coverage_24h,availability_30d,"
	    "coverage_30d,median_seconds_24h,p95_seconds_24h,p95_seconds_30d,"
	    "measured");
	csv_end(out, demo, "demo");
	json_array_foreach (json_object_get(document, "areas"), i, area)
		json_array_foreach (json_object_get(area, "services"), j, service)
			csv_service(out, json_string_value(json_object_get(area, "id")),
			    service, demo);
}

static void
csv_points(const struct board *board, json_t *document, struct buf *out)
{
	bool demo = board->site->conf->demo;
	json_t *point, *time;
	size_t i, j;

	buf_add_text(out, "time,seconds_mean,seconds_min,seconds_max,up,known");
	csv_end(out, demo, "demo");
	json_array_foreach (json_object_get(document, "points"), i, point) {
		time = board_time(board, json_integer_value(json_array_get(point, 0)));
		csv_value(out, time);
		json_decref(time);
		for (j = 1; j < json_array_size(point); j++) {
			buf_add_char(out, ',');
			csv_value(out, json_array_get(point, j));
		}
		csv_end(out, demo, "true");
	}
}

void
render_csv(const struct board *board, const struct route *route, json_t *document,
    struct buf *out)
{
	if (route->page == ROUTE_SERVICE)
		csv_points(board, document, out);
	else
		csv_services(document, board->site->conf->demo, out);
}

/*
 * Renderings. A table needs the site and little time: it is made at the beginning.
 */

struct rendering {
	MAGIC;
	struct render *render;
	struct route route; /* language is not of use any more */
	unsigned error;
	json_t *document; /* of a page: the context */
	struct buf out;
	int code;
};

struct rendering *
rendering_begin(struct render *render, const struct board *board,
    const struct route *route, unsigned error, json_t *document)
{
	struct rendering *rendering = mem_zalloc(sizeof(*rendering));

	MAGIC_CHECK(render, RENDER_MAGIC);
	MAGIC_SET(rendering, RENDERING_MAGIC);
	rendering->render = render;
	render->references++;
	rendering->route = *route;
	rendering->error = error;
	rendering->document = document;
	if (route->format == ROUTE_CSV)
		render_csv(board, route, document, &rendering->out);
	if (route->format != ROUTE_HTML)
		return rendering;
	rendering->document = make_context(board, route, error, document);
	json_decref(document);
	return rendering;
}

void
rendering_run(struct rendering *rendering)
{
	MAGIC_CHECK(rendering, RENDERING_MAGIC);
	if (rendering->route.format == ROUTE_JSON)
		render_json(rendering->document, &rendering->out);
	else if (rendering->route.format == ROUTE_HTML)
		rendering->code = fill_template(rendering->render, &rendering->route,
		    rendering->error, rendering->document, &rendering->out);
}

int
rendering_end(struct rendering *rendering, struct buf *out)
{
	int code = rendering->code;

	MAGIC_CHECK(rendering, RENDERING_MAGIC);
	if (code != 0) {
		log_error("render: a page does not come about: %s", err_text(code));
		buf_free(&rendering->out);
	}
	*out = rendering->out;
	json_decref(rendering->document);
	render_destroy(rendering->render);
	MAGIC_CLEAR(rendering);
	free(rendering);
	return code;
}
