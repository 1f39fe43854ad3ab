/* The pages that are text: what is true of every Vetrina, with the site's names. */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "watch/registry.h"
#include "web/board.h"
#include "web/words.h"

/* Sections of the strings with {site} and {contact} filled in. */
static json_t *
fill_sections(const struct board *board, const char *key)
{
	const struct conf_site *conf = board->site->conf;
	const char *contact = conf->contact != NULL
				  ? conf->contact
				  : words_get(board->words, "contact_none");
	json_t *sections = json_object_get(words_strings(board->words), key);
	json_t *out = json_array(), *section, *paragraph, *paragraphs;
	size_t i, j;

	json_array_foreach (sections, i, section) {
		paragraphs = json_array();
		json_array_foreach (
		    json_object_get(section, "paragraphs"), j, paragraph) {
			struct buf text = BUF_INIT;
			words_fill(&text, json_string_value(paragraph), "site",
			    conf->name, "contact", contact, NULL);
			json_array_append_new(
			    paragraphs, json_stringn(text.data, text.length));
			buf_free(&text);
		}
		/* A copy: a document shares nothing (it may be rendered elsewhere). */
		json_array_append_new(
		    out, json_pack("{s:o, s:o}", "title",
			     json_copy(json_object_get(section, "title")), "paragraphs",
			     paragraphs));
	}
	return out;
}

/* How often each public service is measured. */
static json_t *
list_checks(const struct board *board)
{
	json_t *out = json_array();
	size_t i, j;

	for (i = 0; i < board->site->service_count; i++) {
		const struct registry_service *service = board->site->services[i];
		for (j = 0; service->conf->public && j < service->check_count; j++) {
			const struct conf_check *conf = service->checks[j]->conf;
			struct buf every = BUF_INIT, timeout = BUF_INIT;
			json_t *row = json_pack("{s:s}", "check", conf->id);
			board_put_text(board, row, "service", &service->conf->title,
			    service->conf->id);
			words_span(board->words, &every, conf->every_us / CLOCK_SECOND);
			words_seconds(board->words, &timeout,
			    (double)conf->timeout_us / CLOCK_SECOND, WORDS_NEAREST);
			board_put(row, "every", &every);
			board_put(row, "timeout", &timeout);
			json_array_append_new(out, row);
		}
	}
	return out;
}

static void
add_address(json_t *list, struct buf *address, const char *format, struct buf *what)
{
	json_t *row = json_pack("{s:s}", "format", format);

	board_put(row, "href", address);
	board_put(row, "what", what);
	json_array_append_new(list, row);
}

static void
add_service_addresses(
    const struct board *board, const struct registry_service *service, json_t *list)
{
	static const struct {
		enum route_format format;
		const char *name;
	} formats[] = {{ROUTE_JSON, "JSON"}, {ROUTE_CSV, "CSV"}};
	const char *base_path = board->site->conf->base_path;
	const char *title = board_title(board, service);
	struct buf address = BUF_INIT, what = BUF_INIT;
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(formats); i++) {
		board_address(board, ROUTE_SERVICE, service->conf->id,
		    formats[i].format, &address);
		words_say(board->words, &what, "data_service", "service", title, NULL);
		add_address(list, &address, formats[i].name, &what);
	}
	for (i = 0; i < service->check_count; i++) {
		int total = service->checks[i]->collector->total;
		if (total < 0)
			continue;
		buf_printf(&address, "%s/api/v1/series/%s/%s/%s", base_path,
		    service->conf->id, service->checks[i]->conf->id,
		    service->checks[i]->sources[total].name);
		words_say(board->words, &what, "data_series", "service", title, NULL);
		add_address(list, &address, "JSON", &what);
	}
}

static json_t *
list_addresses(const struct board *board)
{
	json_t *out = json_array();
	struct buf address = BUF_INIT, what = BUF_INIT;
	size_t i;

	board_address(board, ROUTE_OVERVIEW, NULL, ROUTE_JSON, &address);
	buf_add_text(&what, words_get(board->words, "data_overview"));
	add_address(out, &address, "JSON", &what);
	board_address(board, ROUTE_SERVICES, NULL, ROUTE_CSV, &address);
	buf_add_text(&what, words_get(board->words, "data_overview"));
	add_address(out, &address, "CSV", &what);
	buf_printf(&address, "%s/api/v1/services", board->site->conf->base_path);
	buf_add_text(&what, words_get(board->words, "data_api_services"));
	add_address(out, &address, "JSON", &what);
	for (i = 0; i < board->site->service_count; i++)
		if (board->site->services[i]->conf->public)
			add_service_addresses(board, board->site->services[i], out);
	return out;
}

json_t *
board_text(const struct board *board, enum route_page page)
{
	static const char *const keys[ROUTE_PAGES] = {
	    [ROUTE_METHOD] = "method_sections",
	    [ROUTE_DATA] = "data_sections",
	    [ROUTE_ACCESSIBILITY] = "accessibility_sections",
	    [ROUTE_PRIVACY] = "privacy_sections",
	    [ROUTE_LEGAL] = "legal_sections",
	};
	json_t *out = board_base(board);

	if (page < ROUTE_PAGES && keys[page] != NULL)
		json_object_set_new(out, "sections", fill_sections(board, keys[page]));
	if (page == ROUTE_METHOD)
		json_object_set_new(out, "checks", list_checks(board));
	json_object_set_new(out, "_has_checks", json_boolean(page == ROUTE_METHOD));
	if (page == ROUTE_DATA)
		json_object_set_new(out, "addresses", list_addresses(board));
	json_object_set_new(out, "_has_addresses", json_boolean(page == ROUTE_DATA));
	json_object_set_new(out, "_legal", json_boolean(page == ROUTE_LEGAL));
	return out;
}
