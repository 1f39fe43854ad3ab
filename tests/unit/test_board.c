/* web/board, web/render: what each rendering says, and what none may say. */
#include "unit.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "web/api.h"
#include "web/board.h"
#include "web/board_outages.h"
#include "web/figures.h"
#include "web/render.h"
#include "web_fake.h"
#include "wellformed.h"

static char italian[] = "it", english[] = "en";
static const struct conf_strings languages = {2, (char *[]){italian, english}, NULL};
static struct registry_site *site;
static struct figures *figures;
static struct words *words[2]; /* it, en */
static struct render *render;
static bool ready;

static int
set_up(void **state)
{
	site = fake_site_open();
	figures = figures_create(NULL);
	words[0] = fake_words("it");
	words[1] = fake_words("en");
	render = render_create();
	return render == NULL;
}

static int
tear_down(void **state)
{
	figures_destroy(figures);
	words_destroy(words[0]);
	words_destroy(words[1]);
	render_destroy(render);
	fake_site_close();
	return 0;
}

static void
on_ready(void *arg)
{
	ready = true;
}

static void
prepare(const char *id, enum route_period period)
{
	struct registry_service *service = fake_service(id);

	ready = false;
	figures_prepare(figures, &service, 1, period, on_ready, NULL);
	fake_deliver();
	assert_true(ready);
}

static void
prepare_all(void)
{
	size_t i;

	for (i = 0; i < site->service_count; i++)
		prepare(site->services[i]->conf->id, ROUTE_24H);
}

static struct board
make_board(int language)
{
	return (struct board){
	    .site = site,
	    .languages = &languages,
	    .figures = figures,
	    .words = words[language],
	    .now_us = clock_wall_us(),
	};
}

static const struct ledger_transition down_rows[] = {
    {FAKE_NOW_US - 1200000000, "x", "", "up", "down", "", ""},
    {FAKE_NOW_US - 1201000000, "x", "portale", "up", "down", "refused",
	"multe.example refused the connection"},
    {FAKE_NOW_US - 250000000000, "x", "", "down", "up", "", ""},
    {FAKE_NOW_US - 257200000000, "x", "", "up", "down", "", ""},
    {FAKE_NOW_US - 257200000000, "x", "portale", "up", "down", "read_timeout",
	"connect() failed: 10.9.8.7"},
};

static json_t *
make_document(struct board *board, const struct route *route, bool error)
{
	struct board_service what = {
	    .period = route->period, .rows_error = error ? -1 : 0};

	if (route->page == ROUTE_SERVICE) {
		what.service = fake_service(route->service);
		if (!error) {
			what.rows = down_rows;
			what.row_count = ARRAY_LENGTH(down_rows);
		}
		return board_service(board, &what);
	}
	return route->page <= ROUTE_SERVICES ? board_overview(board)
					     : board_text(board, route->page);
}

static void
expect_clean(const struct buf *out, bool detail)
{
	size_t i;

	for (i = 0; fake_secrets[i] != NULL; i++) {
		/* What a service of public_detail tells of its own errors. */
		if (detail && (strcmp(fake_secrets[i], "10.9.8.7") == 0 ||
				  strcmp(fake_secrets[i], "connect() failed") == 0))
			continue;
		if (out->data != NULL && strstr(out->data, fake_secrets[i]) != NULL)
			fail_msg("a page holds \"%s\"", fake_secrets[i]);
	}
}

static void
expect_page(const char *html)
{
	const char *heading = strstr(html, "<h1");

	assert_true(is_well_formed(html, true));
	assert_non_null(heading);
	assert_null(strstr(heading + 1, "<h1"));
	assert_null(strstr(html, " style="));
	assert_null(strstr(html, "<style"));
	assert_null(strstr(html, " onclick"));
	assert_null(strstr(html, "http-equiv"));
	assert_non_null(strstr(html, "data-element=\"report-inefficiency\""));
	assert_non_null(strstr(html, "data-element=\"accessibility-link\""));
	assert_non_null(strstr(html, "data-element=\"privacy-policy-link\""));
	assert_non_null(strstr(html, "data-element=\"legal-notes\""));
	assert_non_null(strstr(html, "class=\"vt-demo\""));
}

static void
render_html(const struct board *board, const struct route *route, json_t *document,
    struct buf *out)
{
	struct rendering *rendering =
	    rendering_begin(render, board, route, 0, json_incref(document));

	rendering_run(rendering);
	buf_free(out);
	assert_int_equal(rendering_end(rendering, out), 0);
}

static void
render_page(int language, struct route *route, bool error)
{
	struct board board = make_board(language);
	struct buf html = BUF_INIT, text = BUF_INIT;
	json_t *document;
	bool detail = strcmp(route->service, "multe") == 0;

	route->language = words_language(words[language]);
	document = make_document(&board, route, error);
	assert_non_null(document);
	render_html(&board, route, document, &html);
	expect_page(html.data);
	expect_clean(&html, detail);
	render_json(document, &text);
	expect_clean(&text, detail);
	assert_null(strstr(text.data, "\"_"));
	buf_clear(&text);
	if (route_has_format(route->page, ROUTE_CSV)) {
		render_csv(&board, route, document, &text);
		expect_clean(&text, detail);
		assert_true(text.length > 0);
	}
	json_decref(document);
	buf_free(&html);
	buf_free(&text);
}

static void
every_page_is_whole_and_tells_no_secret(void **state)
{
	static const char *const ids[] = {
	    "anagrafe", "tributi", "multe", "mensa", "biblioteca"};
	int language, page, period;
	size_t i;

	prepare_all();
	for (language = 0; language < 2; language++) {
		for (page = 0; page < ROUTE_PAGES; page++)
			if (page != ROUTE_SERVICE)
				render_page(
				    language, &(struct route){.page = page}, false);
		for (i = 0; i < ARRAY_LENGTH(ids); i++)
			for (period = 0; period < ROUTE_PERIODS; period++) {
				struct route route = {
				    .page = ROUTE_SERVICE, .period = period};
				strcpy(route.service, ids[i]);
				prepare(ids[i], period);
				render_page(language, &route, period == ROUTE_7D);
			}
	}
}

/* A text that is there in Italian only says so on an English page. */
static void
foreign_texts_name_their_language(void **state)
{
	struct board board = make_board(1);
	struct route route = {
	    .page = ROUTE_OVERVIEW, .service = "multe", .language = english};
	struct conf_service *conf = (struct conf_service *)fake_service("multe")->conf;
	struct conf_text title = conf->title, instead = conf->instead;
	char text[] = "Solo <italiano>";
	struct conf_text_item only = {italian, text};
	struct buf html = BUF_INIT;
	json_t *document;
	int page;

	conf->title = conf->instead = (struct conf_text){1, &only};
	prepare_all();
	for (page = ROUTE_OVERVIEW; page <= ROUTE_METHOD; page++) {
		const char *found;
		route.page = page;
		buf_clear(&html);
		document = make_document(&board, &route, false);
		render_html(&board, &route, document, &html);
		json_decref(document);
		found = strstr(html.data, " lang=\"it\">Solo &lt;italiano&gt;</");
		if (found == NULL)
			fail_msg("page %d: %s", page, html.data);
		assert_null(strstr(html.data, " lang=\"en\">School"));
		assert_null(strstr(html.data, " lang=\"\""));
		assert_true(is_well_formed(html.data, true));
	}
	/* Its own language needs no name. */
	board = make_board(0);
	route.page = ROUTE_SERVICE;
	route.language = italian;
	buf_clear(&html);
	document = make_document(&board, &route, false);
	render_html(&board, &route, document, &html);
	json_decref(document);
	assert_null(strstr(html.data, " lang=\"it\">Solo"));
	conf->title = title;
	conf->instead = instead;
	buf_free(&html);
}

static void
pages_without_any_figure_are_whole(void **state)
{
	struct route route = {.page = ROUTE_SERVICE, .service = "anagrafe"};

	render_page(0, &(struct route){.page = ROUTE_OVERVIEW}, false);
	render_page(0, &route, true);
	fake_history_unknown(true);
	prepare_all();
	render_page(0, &(struct route){.page = ROUTE_OVERVIEW}, false);
	render_page(1, &route, true);
}

static const char *
member(json_t *document, const char *a, const char *b)
{
	json_t *value = json_object_get(document, a);

	return json_string_value(b != NULL ? json_object_get(value, b) : value);
}

static json_t *
find_service(json_t *overview, const char *id)
{
	json_t *area, *service;
	size_t i, j;

	json_array_foreach (json_object_get(overview, "areas"), i, area)
		json_array_foreach (json_object_get(area, "services"), j, service)
			if (strcmp(member(service, "id", NULL), id) == 0)
				return service;
	return NULL;
}

static void
overview_says_how_things_are(void **state)
{
	struct board board = make_board(0);
	json_t *document, *service;

	prepare_all();
	document = board_overview(&board);
	assert_string_equal(member(document, "headline", NULL),
	    "Multe non funziona. Tributi risponde lentamente. Mensa funziona solo in "
	    "parte. Non sappiamo se Biblioteca funziona. L'altro servizio funziona.");
	assert_int_equal(json_array_size(json_object_get(document, "areas")), 3);
	assert_null(find_service(document, "segreto"));
	service = find_service(document, "anagrafe");
	assert_string_equal(member(service, "state", NULL), "up");
	assert_string_equal(member(service, "text", "state"), "funziona");
	assert_string_equal(member(service, "text", "availability"),
	    "Ha funzionato per il 99,95% del tempo negli ultimi 30 giorni.");
	assert_string_equal(member(service, "text", "speed"),
	    "Nelle ultime 24 ore ha risposto 95 volte su 100 entro 0,82 secondi.");
	assert_string_equal(member(service, "text", "days"),
	    "Negli ultimi 90 giorni: 39 giorni senza interruzioni, 1 con meno di "
	    "un'ora di "
	    "interruzione, 1 con un'ora o più di interruzione e 49 con poche misure o "
	    "nessuna.");
	assert_string_equal(member(service, "text", "measured"), "oggi alle 10:44");
	service = find_service(document, "multe");
	assert_string_equal(member(service, "text", "sentence"),
	    "Il servizio non funziona da oggi alle 10:25.");
	assert_string_equal(member(find_service(document, "mensa"), "text", "state"),
	    "funziona in parte");
	assert_true(json_is_true(json_object_get(document, "stale"))); /* the library */
	json_decref(document);
}

static void
headlines(void **state)
{
	struct board board = make_board(1);
	json_t *document;
	size_t i;

	for (i = 0; i < site->service_count; i++) {
		site->services[i]->verdict = VERDICT_UP;
		site->services[i]->checks[0]->last_us = FAKE_NOW_US;
	}
	document = board_overview(&board);
	assert_string_equal(member(document, "headline", NULL), "All 5 services work.");
	assert_null(json_object_get(document, "stale_text"));
	json_decref(document);
	for (i = 0; i < site->service_count; i++)
		site->services[i]->verdict = VERDICT_DOWN;
	document = board_overview(&board);
	assert_string_equal(member(document, "headline", NULL),
	    "Civil registry, Taxes, Fines and 2 more do not work.");
	json_decref(document);
}

static void
old_data_is_said_to_be_old(void **state)
{
	struct board board = make_board(0);
	json_t *document;

	prepare_all();
	board.now_us += 600 * CLOCK_SECOND; /* nobody measured since */
	document = board_overview(&board);
	assert_string_equal(member(document, "headline", NULL),
	    "Al momento non sappiamo se i servizi funzionano.");
	assert_string_equal(member(document, "stale_text", NULL),
	    "Le misure sono ferme da oggi alle 10:44: questa pagina può non dire il "
	    "vero.");
	assert_string_equal(
	    member(find_service(document, "multe"), "state", NULL), "unknown");
	json_decref(document);
}

static void
service_page_has_its_outages_and_figures(void **state)
{
	struct board board = make_board(0);
	struct route route = {.page = ROUTE_SERVICE, .service = "multe"};
	json_t *document, *outages, *figures_list;

	prepare("multe", ROUTE_24H);
	document = make_document(&board, &route, false);
	outages = json_object_get(document, "outages");
	assert_int_equal(json_array_size(outages), 2);
	assert_true(json_is_null(json_object_get(json_array_get(outages, 0), "end")));
	assert_string_equal(
	    member(json_array_get(outages, 0), "kind", NULL), "network");
	assert_string_equal(
	    member(json_array_get(outages, 0), "_text", "end"), "in corso");
	assert_string_equal(
	    member(json_array_get(outages, 0), "_text", "duration"), "20 minuti");
	assert_string_equal(
	    member(json_array_get(outages, 0), "detail", "class"), "refused");
	assert_string_equal(member(json_array_get(outages, 1), "kind", NULL), "time");
	assert_int_equal(json_integer_value(json_object_get(
			     json_array_get(outages, 1), "duration_seconds")),
	    7200);
	assert_string_equal(member(json_array_get(outages, 1), "_text", "start"),
	    "sabato 21 novembre alle 11:18");
	figures_list = json_object_get(document, "figures");
	assert_int_equal(json_array_size(figures_list), 2);
	assert_int_equal(json_array_size(json_object_get(document, "days")), 90);
	assert_int_equal(json_array_size(json_object_get(document, "points")), 240);
	assert_true(json_array_size(json_object_get(document, "_rows")) <= 50);
	assert_string_equal(
	    member(json_array_get(json_object_get(document, "checks"), 0), "detail",
		"target"),
	    "https://multe.example/verbali");
	assert_string_equal(
	    member(json_object_get(document, "service"), "text", "chart"),
	    "In media 0,31 secondi. Il massimo è stato di 2,2 secondi (oggi alle "
	    "6:45).");
	json_decref(document);
}

static void
unreadable_outages_are_not_called_none(void **state)
{
	struct board board = make_board(0);
	struct route route = {.page = ROUTE_SERVICE, .service = "anagrafe"};
	json_t *document = make_document(&board, &route, true);

	assert_true(json_is_null(json_object_get(document, "outages")));
	assert_string_equal(member(document, "_no_outages", NULL),
	    "In questo momento non possiamo leggere l'elenco delle interruzioni.");
	json_decref(document);
}

static void
tables_are_csv(void **state)
{
	struct board board = make_board(0);
	struct route route = {.page = ROUTE_OVERVIEW, .language = "it"};
	struct buf out = BUF_INIT;
	json_t *document;

	prepare_all();
	document = board_overview(&board);
	render_csv(&board, &route, document, &out);
	assert_non_null(strstr(out.data,
	    "\r\nanagrafe,Anagrafe & "
	    "stato,demografica,up,2026-11-23T10:45:00+01:00,1,0.98,"
	    "0.99951,0.98,0.2461,0.812,,2026-11-24T10:44:30+01:00,true\r\n"));
	json_decref(document);
	buf_clear(&out);
	route.page = ROUTE_SERVICE;
	strcpy(route.service, "anagrafe");
	document = make_document(&board, &route, false);
	render_csv(&board, &route, document, &out);
	assert_true(strncmp(out.data,
			"time,seconds_mean,seconds_min,seconds_max,up,known,demo\r\n"
			"2026-11-23T10:51:00+01:00,0.3,0.25,0.4,1,1,true\r\n",
			105) == 0);
	assert_non_null(strstr(out.data, "+01:00,,,,,0,true\r\n"));
	json_decref(document);
	buf_free(&out);
}

static void
api_document_has_the_promised_shape(void **state)
{
	json_t *service, *title;

	prepare("anagrafe", ROUTE_PERIODS);
	service = api_service(fake_service("anagrafe"), figures, FAKE_NOW_US, false);
	title = json_object_get(service, "title");
	assert_string_equal(member(title, "it", NULL), "Anagrafe & stato");
	assert_string_equal(member(title, "en", NULL), "Civil registry");
	assert_string_equal(member(service, "area", NULL), "demografica");
	assert_string_equal(member(service, "since", NULL), "2026-11-23T09:45:00Z");
	assert_true(json_real_value(json_object_get(
			json_object_get(service, "availability"), "30d")) == 0.99951);
	assert_true(json_is_null(
	    json_object_get(json_object_get(service, "p95_seconds"), "30d")));
	assert_null(json_object_get(service, "site"));
	assert_null(json_object_get(service, "demo"));
	json_decref(service);
	/* A title for all languages stands in each of the site's. */
	service = api_service(fake_service("segreto"), figures, FAKE_NOW_US, true);
	title = json_object_get(service, "title");
	assert_int_equal(json_object_size(title), 2);
	assert_string_equal(member(title, "en", NULL), "SEGRETO");
	assert_true(json_is_true(json_object_get(service, "demo")));
	json_decref(service);
}

static void
figures_are_asked_few_at_once_and_kept(void **state)
{
	struct registry_service *service = fake_service("anagrafe");
	unsigned runs;

	ready = false;
	figures_prepare(figures, site->services, site->service_count, ROUTE_PERIODS,
	    on_ready, NULL);
	assert_false(ready);
	fake_deliver();
	assert_true(ready);
	assert_int_equal(fake_history_runs, site->service_count);
	assert_true(fake_history_running_max <= 4);
	/* Fresh: nothing is asked. */
	prepare("anagrafe", ROUTE_PERIODS);
	assert_int_equal(fake_history_runs, site->service_count);
	/* Not fresh: shown at once, asked all the same. */
	clock_fake_advance(90 * CLOCK_SECOND);
	ready = false;
	figures_prepare(figures, &service, 1, ROUTE_PERIODS, on_ready, NULL);
	assert_true(ready);
	runs = fake_history_runs;
	assert_int_equal(runs, site->service_count + 1);
	/* A question under way is not asked twice. */
	figures_prepare(figures, &service, 1, ROUTE_PERIODS, on_ready, NULL);
	assert_int_equal(fake_history_runs, runs);
	fake_deliver();
	/* Old: waited for. */
	clock_fake_advance(400 * CLOCK_SECOND);
	ready = false;
	figures_prepare(figures, &service, 1, ROUTE_PERIODS, on_ready, NULL);
	assert_false(ready);
	/* Destroyed meanwhile: nobody is called, nothing leaks. */
	figures_destroy(figures);
	fake_deliver();
	assert_false(ready);
	figures = figures_create(NULL);
}

static void
figures_of_what_went_away(void **state)
{
	struct registry_service *gone = fake_service("segreto");
	int i;

	prepare("segreto", ROUTE_PERIODS);
	for (i = 0; i < 6; i++) {
		/* Asked anew in the background, and gone before the answer. */
		clock_fake_advance(90 * CLOCK_SECOND);
		figures_prepare(figures, &gone, 1, ROUTE_PERIODS, on_ready, NULL);
		site->service_count--;
		figures_expire(figures);
		fake_deliver();
		figures_expire(figures);
		assert_null(figures_base(figures, gone));
		site->service_count++;
		prepare("segreto", ROUTE_PERIODS);
	}
	prepare("anagrafe", ROUTE_7D);
}

static void
outages_come_from_transitions(void **state)
{
	static const struct ledger_transition rows[] = {
	    {500, "s", "", "down", "unknown", "", ""},
	    {400, "s", "", "degraded", "down", "", ""},
	    {399, "s", "b", "up", "down", "match", "no"},
	    {300, "s", "", "down", "up", "", ""}, /* its begin is not in the rows */
	};
	struct board_outage outages[4];

	assert_int_equal(board_outages(rows, ARRAY_LENGTH(rows), outages, 4), 1);
	assert_int_equal(outages[0].start_us, 400);
	assert_int_equal(outages[0].end_us, 500);
	assert_string_equal(outages[0].kind, "kind_answer");
	assert_int_equal(board_outages(rows, 0, outages, 4), 0);
	assert_string_equal(board_outage_kind("first_byte_timeout"), "kind_time");
	assert_string_equal(board_outage_kind(""), "kind_unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		every_page_is_whole_and_tells_no_secret, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		pages_without_any_figure_are_whole, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		overview_says_how_things_are, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(headlines, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		foreign_texts_name_their_language, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		old_data_is_said_to_be_old, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		service_page_has_its_outages_and_figures, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		unreadable_outages_are_not_called_none, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(tables_are_csv, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		api_document_has_the_promised_shape, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		figures_are_asked_few_at_once_and_kept, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		figures_of_what_went_away, set_up, tear_down),
	    cmocka_unit_test(outages_come_from_transitions),
	};

	return cmocka_run_group_tests_name("board", tests, NULL, NULL);
}
