/* The town that the pages' tests ask. */
#include "unit.h"

#include "web_fake.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/civil.h"
#include "base/clock.h"
#include "base/mem.h"
#include "store/archive.h"
#include "store/history.h"
#include "store/ledger.h"

/* The snapshot's strings are its own; here they are constants that nobody frees. */
#ifdef __clang__
#pragma GCC diagnostic ignored "-Wincompatible-pointer-types-discards-qualifiers"
#else
#pragma GCC diagnostic ignored "-Wdiscarded-qualifiers"
#endif

#define SECOND INT64_C(1000000)

const char *const fake_secrets[] = {"segreto", "SEGRETO", "spia.interno", "8443",
    "PLANTED", "10.9.8.7", "connect() failed", "fornitore-mail", "utente:parola", NULL};

struct fake_options {
	char *url;
};

static const struct option fake_rows[] = {
    {.name = "url", .type = OPTION_URL, .offset = offsetof(struct fake_options, url)},
    OPTION_END,
};
static const struct conf_collector fake_conf_collector = {
    .name = "http", .options = fake_rows, .size = sizeof(struct fake_options)};
static const struct archive_source fake_sources[] = {
    {"dns", "s", 0, NAN, ""}, {"total", "s", 0, NAN, ""}};
static const struct collector fake_collector = {
    .name = "http", .sources = fake_sources, .source_count = 2, .total = 1};

#define TEXT2(it_text, en_text)               \
	{                                     \
		2, (struct conf_text_item[])  \
		{                             \
			{"it", it_text},      \
			{                     \
				"en", en_text \
			}                     \
		}                             \
	}
#define TEXT1(all)                           \
	{                                    \
		1, (struct conf_text_item[]) \
		{                            \
			{                    \
				NULL, all    \
			}                    \
		}                            \
	}

static struct fake_options options[] = {
    {"http://spia.interno.example:8443/a?PLANTED"},
    {"http://spia.interno.example:8443/t"},
    {"https://utente:parola@multe.example/verbali?token=PLANTED"},
    {"http://spia.interno.example:8443/m"},
    {"http://spia.interno.example:8443/m2"},
    {"http://spia.interno.example:8443/b"},
    {"http://spia.interno.example:8443/s"},
};
static struct conf_check checks[] = {
    {.id = "portale",
	.every_us = 60 * SECOND,
	.timeout_us = 10 * SECOND,
	.required = true},
    {.id = "portale",
	.every_us = 60 * SECOND,
	.timeout_us = 10 * SECOND,
	.required = true},
    {.id = "portale",
	.every_us = 60 * SECOND,
	.timeout_us = 10 * SECOND,
	.required = true},
    {.id = "portale",
	.every_us = 60 * SECOND,
	.timeout_us = 10 * SECOND,
	.required = true},
    {.id = "menu",
	.every_us = 300 * SECOND,
	.timeout_us = 5 * SECOND,
	.required = false},
    {.id = "portale",
	.every_us = 60 * SECOND,
	.timeout_us = 10 * SECOND,
	.required = true},
    {.id = "interna",
	.every_us = 60 * SECOND,
	.timeout_us = 10 * SECOND,
	.required = true},
};
static struct conf_service services[] = {
    {.id = "anagrafe",
	.title = TEXT2("Anagrafe & stato", "Civil registry"),
	.description = TEXT2("Certificati <e> residenza", "Certificates"),
	.instead = TEXT1("Sportello, lun-ven 9-12"),
	.area = "demografica",
	.supplier = "nuvola",
	.public = true,
	.objective = {99.5, 800000},
	.check_count = 1,
	.checks = &checks[0]},
    {.id = "tributi",
	.title = TEXT2("Tributi", "Taxes"),
	.area = "tributi",
	.public = true,
	.objective = {99, 500000},
	.check_count = 1,
	.checks = &checks[1]},
    {.id = "multe",
	.title = TEXT2("Multe", "Fines"),
	.instead = TEXT1("Polizia locale"),
	.area = "tributi",
	.public = true,
	.public_detail = true,
	.check_count = 1,
	.checks = &checks[2]},
    {.id = "mensa",
	.title = TEXT2("Mensa", "School meals"),
	.public = true,
	.check_count = 2,
	.checks = &checks[3]},
    {.id = "biblioteca",
	.title = TEXT2("Biblioteca", "Library"),
	.public = true,
	.check_count = 1,
	.checks = &checks[5]},
    {.id = "segreto",
	.title = TEXT1("SEGRETO"),
	.description = TEXT1("SEGRETO anche questo"),
	.area = "demografica",
	.check_count = 1,
	.checks = &checks[6]},
};
static struct conf_area areas[] = {
    {.id = "demografica", .title = TEXT2("Servizi demografici", "Civil registry")},
    {.id = "tributi", .title = TEXT2("Tributi e multe", "Taxes and fines")},
    {.id = "vuota", .title = TEXT1("Area senza servizi")},
};
static struct conf_supplier suppliers[] = {
    {.id = "nuvola",
	.title = TEXT1("Nuvola S.r.l."),
	.contact = "fornitore-mail@x.example"},
};
static struct conf_site sites[] = {
    {.id = "borgo",
	.name = "Comune di Borgo",
	.ipa = "c_x000",
	.url = "https://dati.borgo.example/vetrina",
	.host = "dati.borgo.example",
	.base_path = "/vetrina",
	.languages = {2, (char *[]){"it", "en"}, NULL},
	.timezone = "Europe/Rome",
	.contact = "urp@borgo.example",
	.demo = true,
	.area_count = 3,
	.areas = areas,
	.supplier_count = 1,
	.suppliers = suppliers,
	.service_count = ARRAY_LENGTH(services),
	.services = services},
    {.id = "altro",
	.name = "Comune altro",
	.url = "https://altro.example",
	.host = "altro.example",
	.base_path = "",
	.languages = {1, (char *[]){"en"}, NULL},
	.timezone = "Europe/Rome"},
};
static struct conf conf = {.site_count = 1,
    .sites = sites,
    .store.retention = {.count = 2,
	.tiers = {
	    {60 * SECOND, 86400 * SECOND}, {3600 * SECOND, 86400 * 90 * SECOND}}}};

static struct registry_check registry_checks[ARRAY_LENGTH(checks)];
static struct registry_check *check_pointers[ARRAY_LENGTH(checks)];
static struct registry_service registry_services[ARRAY_LENGTH(services)];
static struct registry_service *service_pointers[ARRAY_LENGTH(services)];
static struct registry_site registry_sites[2];
static bool two_sites, history_unknown;
static int ledger_error;
unsigned fake_history_runs, fake_history_running_max;

static void
open_check(size_t i, struct registry_service *service)
{
	struct registry_check *check = &registry_checks[i];
	size_t j;

	checks[i].collector = &fake_conf_collector;
	checks[i].options = &options[i];
	*check = (struct registry_check){
	    .conf = &checks[i],
	    .collector = &fake_collector,
	    .sources = fake_sources,
	    .source_count = 2,
	    .service = service,
	    .series = (struct archive_series *)check,
	    .verdict = VERDICT_UP,
	    .since_us = FAKE_NOW_US - 86400 * SECOND,
	    .last_us = FAKE_NOW_US - 30 * SECOND,
	};
	for (j = 0; j < ARCHIVE_SOURCES_MAX; j++)
		check->last.values[j] = NAN;
	check->last.values[1] = 0.25;
	snprintf(check->last.message, sizeof(check->last.message),
	    "connect() failed: 10.9.8.7 spia.interno.example");
	check_pointers[i] = check;
}

static void
set(const char *id, enum verdict verdict, int64_t since_s)
{
	struct registry_service *service = fake_service(id);

	service->verdict = verdict;
	service->since_us = since_s * SECOND;
	service->checks[0]->verdict = verdict;
}

struct registry_site *
fake_site_open(void)
{
	size_t i, check = 0, j;

	clock_fake(SECOND, FAKE_NOW_US);
	for (i = 0; i < 2; i++) {
		sites[i].zone = civil_zone_open("Europe/Rome");
		registry_sites[i] =
		    (struct registry_site){.conf = &sites[i], .at = i, .generation = 1};
	}
	registry_sites[0].services = service_pointers;
	registry_sites[0].service_count = ARRAY_LENGTH(services);
	for (i = 0; i < ARRAY_LENGTH(services); i++) {
		struct registry_service *service = &registry_services[i];
		services[i].site = &sites[0];
		*service = (struct registry_service){
		    .conf = &services[i],
		    .site = &registry_sites[0],
		    .at = i,
		    .generation = 1,
		    .verdict = VERDICT_UP,
		    .since_us = FAKE_NOW_US - 86400 * SECOND,
		    .check_count = services[i].check_count,
		    .checks = &check_pointers[check],
		};
		service_pointers[i] = service;
		for (j = 0; j < services[i].check_count; j++) {
			checks[check].service = &services[i];
			open_check(check++, service);
		}
	}
	set("tributi", VERDICT_DEGRADED, FAKE_NOW_S - 3600);
	fake_service("tributi")->checks[0]->last.values[1] = 0.7;
	set("multe", VERDICT_DOWN, FAKE_NOW_S - 1200);
	fake_service("multe")->checks[0]->last.class = PROBE_REFUSED;
	snprintf(fake_service("multe")->checks[0]->last.message, 256,
	    "multe.example refused the connection");
	set("mensa", VERDICT_DEGRADED, FAKE_NOW_S - 7200);
	fake_service("mensa")->checks[0]->verdict = VERDICT_UP;
	fake_service("mensa")->checks[1]->verdict = VERDICT_DOWN;
	set("biblioteca", VERDICT_UNKNOWN, 0);
	fake_service("biblioteca")->checks[0]->last_us = 0;
	two_sites = history_unknown = false;
	ledger_error = 0;
	fake_history_runs = fake_history_running_max = 0;
	return &registry_sites[0];
}

void
fake_site_close(void)
{
	size_t i;

	for (i = 0; i < 2; i++)
		civil_zone_close(sites[i].zone);
}

struct registry_service *
fake_service(const char *id)
{
	return registry_find_service(&registry_sites[0], id);
}

void
fake_two_sites(bool two)
{
	two_sites = two;
}

void
fake_ledger_error(int error)
{
	ledger_error = error;
}

void
fake_history_unknown(bool unknown)
{
	history_unknown = unknown;
}

/*
 * watch/registry
 */

const struct conf *
registry_conf(const struct registry *registry)
{
	return &conf;
}

size_t
registry_site_count(const struct registry *registry)
{
	return two_sites ? 2 : 1;
}

struct registry_site *
registry_site(const struct registry *registry, size_t i)
{
	return &registry_sites[i];
}

struct registry_site *
registry_find_site(const struct registry *registry, const char *id)
{
	size_t i;

	for (i = 0; i < registry_site_count(registry); i++)
		if (strcmp(sites[i].id, id) == 0)
			return &registry_sites[i];
	return NULL;
}

struct registry_service *
registry_find_service(struct registry_site *site, const char *id)
{
	size_t i;

	for (i = 0; i < site->service_count; i++)
		if (strcmp(site->services[i]->conf->id, id) == 0)
			return site->services[i];
	return NULL;
}

struct registry_check *
registry_find_check(struct registry_service *service, const char *id)
{
	size_t i;

	for (i = 0; i < service->check_count; i++)
		if (strcmp(service->checks[i]->conf->id, id) == 0)
			return service->checks[i];
	return NULL;
}

int64_t
registry_service_stale_us(const struct registry_service *service)
{
	int64_t last = service->checks[0]->last_us;

	return last == 0 ? 0 : last + 2 * service->checks[0]->conf->every_us;
}

int64_t
registry_check_measured_us(const struct registry_check *check)
{
	return check->last_us;
}

enum verdict
registry_check_verdict(const struct registry_check *check, int64_t wall_us)
{
	return check->last_us + 2 * check->conf->every_us > wall_us ? check->verdict
								    : VERDICT_UNKNOWN;
}

enum verdict
registry_service_verdict(const struct registry_service *service, int64_t wall_us)
{
	return registry_service_stale_us(service) > wall_us ? service->verdict
							    : VERDICT_UNKNOWN;
}

/*
 * store/history: a day is fine but for the 3rd before the last, which has two hours of
 * outage, and the 10th with ten minutes; nothing before 40 days ago. Points: a wave
 * with a gap in the middle.
 */

static struct question {
	bool open;
	struct history_query query;
	history_cb *cb;
	void *arg;
	ledger_transitions_cb *ledger_cb;
	archive_rows_cb *rows_cb;
	char service[64];
} questions[64];

static struct question *
ask(void)
{
	unsigned running = 0;
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(questions); i++)
		running += questions[i].open && questions[i].cb != NULL;
	if (running + 1 > fake_history_running_max)
		fake_history_running_max = running + 1;
	for (i = 0; i < ARRAY_LENGTH(questions); i++)
		if (!questions[i].open) {
			questions[i] = (struct question){.open = true};
			return &questions[i];
		}
	assert(!"too many questions");
	return NULL;
}

void
history_run(struct history_query *query, history_cb *cb, void *arg)
{
	struct question *question = ask();

	fake_history_runs++;
	question->query = *query;
	question->cb = cb;
	question->arg = arg;
}

void
history_query_clear(struct history_query *query)
{
	free(query->points);
	query->points = NULL;
}

void
history_days(
    struct civil_zone *zone, int64_t now_s, size_t count, struct history_period *out)
{
	size_t i;

	for (i = 0; i < count; i++) {
		out[i] = (struct history_period){0};
		out[i].from_s = civil_day_start(zone, now_s, (int)i - (int)count + 1);
		out[i].to_s = civil_day_start(zone, now_s, (int)i - (int)count + 2);
	}
}

static void
fill_period(struct history_period *period)
{
	int64_t age_days = (FAKE_NOW_S - period->from_s) / 86400;
	bool known = !history_unknown && FAKE_NOW_S - period->to_s < 40 * 86400;

	period->coverage = known ? 0.98 : 0;
	period->availability = known ? 1 : NAN;
	period->down_s = 0;
	if (known && period->to_s - period->from_s > 90000) {
		period->availability = 0.99951;
		period->down_s = 7800;
	} else if (known && (age_days == 3 || age_days == 10)) {
		period->down_s = age_days == 3 ? 7200 : 600;
		period->availability = 1 - period->down_s / 86400;
	}
	period->p50 = known ? 0.2461 : NAN;
	period->p95 = known ? 0.812 : NAN;
	period->p99 = known ? 1.5 : NAN;
	period->min = known ? 0.1 : NAN;
	period->max = known ? 2.25 : NAN;
	period->mean = known ? 0.31 : NAN;
	/* As with a histogram that is not there: no quantiles of long periods. */
	if (period->to_s - period->from_s > 15 * 86400)
		period->p50 = period->p95 = period->p99 = NAN;
}

static void
answer_history(struct question *question)
{
	struct history_query *query = &question->query;
	size_t i, n = 240;

	for (i = 0; i < query->period_count; i++)
		fill_period(&query->periods[i]);
	query->first_s = history_unknown ? 0 : FAKE_NOW_S - 40 * 86400;
	if (query->points_to_s > query->points_from_s && !history_unknown) {
		query->point_count = n;
		query->point_step_s = (query->points_to_s - query->points_from_s) / n;
		query->points = mem_array(n, sizeof(*query->points));
		for (i = 0; i < n; i++) {
			struct history_point *point = &query->points[i];
			bool gap = i >= 100 && i < 120;
			point->at_s =
			    query->points_from_s + (i + 1) * query->point_step_s;
			point->mean = gap ? NAN : 0.3 + 0.1 * sin(i / 20.0);
			point->min = point->mean - 0.05;
			point->max = point->mean + (i == 200 ? 1.9 : 0.1);
			point->up = gap ? NAN : i == 50 ? 0 : 1;
			point->known = gap ? 0 : 1;
		}
	}
	question->cb(query, question->arg);
	history_query_clear(query);
}

/*
 * store/ledger and store/archive
 */

void
ledger_outages(struct ledger *ledger, const char *service, const char *check,
    int64_t from_us, int64_t to_us, size_t limit, ledger_transitions_cb *cb, void *arg)
{
	struct question *question = ask();

	snprintf(question->service, sizeof(question->service), "%s", service);
	question->ledger_cb = cb;
	question->arg = arg;
}

static void
answer_ledger(struct question *question)
{
	static const struct ledger_transition rows[] = {
	    {FAKE_NOW_US - 1200 * SECOND, "x", "", "up", "down", "", ""},
	    {FAKE_NOW_US - 1201 * SECOND, "x", "portale", "up", "down", "refused",
		"connect() failed: 10.9.8.7"},
	    {FAKE_NOW_US - 250000 * SECOND, "x", "", "down", "up", "", ""},
	    {FAKE_NOW_US - 257200 * SECOND, "x", "", "up", "down", "", ""},
	    {FAKE_NOW_US - 257200 * SECOND, "x", "portale", "up", "down",
		"first_byte_timeout", "nothing came"},
	};
	bool down = strcmp(question->service, "multe") == 0;

	if (ledger_error != 0)
		question->ledger_cb(NULL, 0, ledger_error, question->arg);
	else
		question->ledger_cb(rows + (down ? 0 : 2),
		    ARRAY_LENGTH(rows) - (down ? 0 : 2), 0, question->arg);
}

void
archive_fetch(struct archive_series *series, enum archive_function function,
    int64_t from_s, int64_t to_s, int64_t step_s, archive_rows_cb *cb, void *arg)
{
	struct question *question = ask();

	question->rows_cb = cb;
	question->arg = arg;
}

static void
answer_archive(struct question *question)
{
	static const double values[] = {1, 1, 0.01, 0.25, 0, 1, NAN, NAN};
	const struct archive_rows rows = {
	    .first_s = FAKE_NOW_S - 60,
	    .step_s = 60,
	    .count = 2,
	    .sources = 4,
	    .rows = values,
	};

	question->rows_cb(&rows, question->arg);
}

void
archive_stats(const struct archive *archive, struct archive_stats *out)
{
	*out = (struct archive_stats){.writable = true, .replay_done = true};
}

unsigned
fake_deliver(void)
{
	unsigned count = 0;
	bool any;
	size_t i;

	do {
		any = false;
		for (i = 0; i < ARRAY_LENGTH(questions); i++) {
			struct question question = questions[i];
			if (!question.open)
				continue;
			questions[i].open = false;
			any = true;
			count++;
			if (question.cb != NULL)
				answer_history(&question);
			else if (question.ledger_cb != NULL)
				answer_ledger(&question);
			else
				answer_archive(&question);
		}
	} while (any);
	return count;
}

/*
 * Texts
 */

json_t *
fake_strings(const char *language)
{
	const char *source = getenv("top_srcdir");
	char path[512];
	json_error_t error;
	json_t *strings;

	snprintf(path, sizeof(path), "%s/dashboards/strings/%s.json",
	    source != NULL ? source : "..", language);
	strings = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (strings == NULL)
		print_error("%s:%d: %s\n", path, error.line, error.text);
	assert_non_null(strings);
	return strings;
}

struct words *
fake_words(const char *language)
{
	json_t *strings = fake_strings(language);
	struct words *words = words_create(language, strings);

	json_decref(strings);
	return words;
}
