/* What the boards share: a service's summary, times and figures as JSON. */
#include "web/board.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/clock.h"
#include "base/mem.h"
#include "watch/registry.h"
#include "web/chart.h"
#include "web/figures.h"
#include "web/words.h"

/* A day measured for less than this, without an outage, is not called a good one. */
#define COVERAGE_MIN 0.5
/* Below this a figure says how much of the time it stands on. */
#define COVERAGE_NOTE 0.95
#define BAD_DAY_S 3600

const char *const board_mood_keys[BOARD_MOODS] = {
    [BOARD_UNKNOWN] = "unknown",
    [BOARD_UP] = "up",
    [BOARD_SLOW] = "degraded",
    [BOARD_PARTIAL] = "partial",
    [BOARD_DOWN] = "down",
    [BOARD_MAINTENANCE] = "maintenance",
};

const char *const board_mood_classes[BOARD_MOODS] = {
    [BOARD_UNKNOWN] = "vt-unknown",
    [BOARD_UP] = "vt-ok",
    [BOARD_SLOW] = "vt-degraded",
    [BOARD_PARTIAL] = "vt-degraded",
    [BOARD_DOWN] = "vt-down",
    [BOARD_MAINTENANCE] = "vt-maintenance",
};

void
board_put(json_t *object, const char *key, struct buf *text)
{
	json_object_set_new(object, key,
	    json_stringn(text->data != NULL ? text->data : "", text->length));
	buf_free(text);
}

void
board_put_text(const struct board *board, json_t *object, const char *key,
    const struct conf_text *text, const char *fallback)
{
	const char *language = words_language(board->words);
	const char *found = conf_text_get(text, language);
	char name[32];
	size_t i;

	if (found == NULL && fallback == NULL)
		return;
	json_object_set_new(object, key, json_string(found != NULL ? found : fallback));
	snprintf(name, sizeof(name), "_%s_lang", key);
	/* Null, so that a template does not find that of what is around. */
	json_object_set_new(object, name, json_null());
	for (i = 0; i < text->count; i++) {
		const struct conf_text_item *item = &text->items[i];
		if (item->text == found && item->language != NULL &&
		    strcmp(item->language, language) != 0)
			json_object_set_new(object, name, json_string(item->language));
	}
}

json_t *
board_figure(double value)
{
	return isfinite(value) ? json_real(round(value * 1e6) / 1e6) : json_null();
}

json_t *
board_time(const struct board *board, int64_t at_s)
{
	char text[CIVIL_TEXT_SIZE];

	return at_s != 0
		   ? json_string(civil_format(board->site->conf->zone, at_s, text))
		   : json_null();
}

void
board_period_word(const struct board *board, const char *prefix,
    enum route_period period, const char **out)
{
	char key[24];

	snprintf(key, sizeof(key), "%s_%s", prefix, route_period_names[period]);
	*out = words_get(board->words, key);
}

void
board_put_moment(
    const struct board *board, json_t *object, const char *key, int64_t at_s)
{
	struct buf text = BUF_INIT;

	words_moment(board->words, &text, board->site->conf->zone, at_s,
	    board->now_us / CLOCK_SECOND);
	board_put(object, key, &text);
}

void
board_put_seconds(const struct board *board, json_t *object, const char *key,
    double seconds, enum words_rounding rounding)
{
	struct buf text = BUF_INIT;

	words_seconds(board->words, &text, seconds, rounding);
	board_put(object, key, &text);
}

void
board_put_percent(
    const struct board *board, json_t *object, const char *key, double fraction)
{
	struct buf text = BUF_INIT;

	if (isnan(fraction))
		buf_add_text(&text, words_get(board->words, "number_unknown"));
	else
		words_percent(board->words, &text, fraction);
	board_put(object, key, &text);
}

void
board_put_span(
    const struct board *board, json_t *object, const char *key, int64_t seconds)
{
	struct buf text = BUF_INIT;

	words_span(board->words, &text, seconds);
	board_put(object, key, &text);
}

const char *
board_title(const struct board *board, const struct registry_service *service)
{
	const char *title =
	    conf_text_get(&service->conf->title, words_language(board->words));

	return title != NULL ? title : service->conf->id;
}

void
board_address(const struct board *board, enum route_page page, const char *service,
    enum route_format format, struct buf *out)
{
	struct route route = {
	    .page = page,
	    .format = format,
	    .language = words_language(board->words),
	};

	if (service != NULL)
		strlcpy(route.service, service, sizeof(route.service));
	buf_add_text(out, board->site->conf->base_path);
	route_write(&route, board->languages, out);
}

int64_t
board_measured_us(const struct registry_service *service)
{
	int64_t last = 0;
	size_t i;

	for (i = 0; i < service->check_count; i++)
		if (registry_check_measured_us(service->checks[i]) > last)
			last = registry_check_measured_us(service->checks[i]);
	return last;
}

static bool
is_slow(const struct registry_check *check)
{
	int total = check->collector->total;
	int64_t p95_us = check->service->conf->objective.p95_us;

	return total >= 0 && p95_us > 0 && check->last.values[total] * 1e6 > p95_us;
}

enum board_mood
board_mood(const struct registry_service *service, int64_t now_us)
{
	bool slow = false, part = false;
	size_t i;

	switch (registry_service_verdict(service, now_us)) {
	case VERDICT_UP:
		return BOARD_UP;
	case VERDICT_DOWN:
		return BOARD_DOWN;
	case VERDICT_MAINTENANCE:
		return BOARD_MAINTENANCE;
	case VERDICT_DEGRADED:
		break;
	default:
		return BOARD_UNKNOWN;
	}
	for (i = 0; i < service->check_count; i++) {
		enum verdict verdict =
		    registry_check_verdict(service->checks[i], now_us);
		part |= verdict == VERDICT_DOWN;
		slow |= verdict == VERDICT_DEGRADED && is_slow(service->checks[i]);
	}
	return part ? BOARD_PARTIAL : slow ? BOARD_SLOW : BOARD_UP;
}

json_t *
board_base(const struct board *board)
{
	const struct conf_site *conf = board->site->conf;

	return json_pack("{s:{s:s, s:s, s:s*, s:s*}, s:s, s:o, s:b, s:s}", "site", "id",
	    conf->id, "name", conf->name, "ipa", conf->ipa, "url", conf->url,
	    "language", words_language(board->words), "time",
	    board_time(board, board->now_us / CLOCK_SECOND), "demo", conf->demo,
	    "license", "CC-BY-4.0");
}

static enum chart_day
day_kind(const struct history_period *day)
{
	if (isnan(day->availability) || !(day->coverage > 0))
		return CHART_NONE;
	if (day->down_s >= BAD_DAY_S)
		return CHART_BAD;
	if (day->down_s > 0)
		return CHART_SOME;
	return day->coverage < COVERAGE_MIN ? CHART_NONE : CHART_OK;
}

/* "Negli ultimi 90 giorni: 80 giorni senza interruzioni, ..." */
static void
say_days(const struct board *board, const size_t counts[CHART_DAYS], struct buf *out)
{
	static const char *const keys[CHART_DAYS] = {
	    [CHART_OK] = "bars_ok",
	    [CHART_SOME] = "bars_some",
	    [CHART_BAD] = "bars_bad",
	    [CHART_NONE] = "bars_none",
	};
	static const enum chart_day order[] = {
	    CHART_OK, CHART_SOME, CHART_BAD, CHART_NONE};
	struct buf parts[CHART_DAYS] = {BUF_INIT}, list = BUF_INIT, n = BUF_INIT;
	const char *items[CHART_DAYS];
	size_t count = 0, i;

	for (i = 0; i < CHART_DAYS; i++) {
		if (counts[order[i]] == 0)
			continue;
		words_count(board->words, &parts[count], keys[order[i]],
		    counts[order[i]], NULL);
		items[count] = parts[count].data;
		count++;
	}
	words_list(board->words, &list, items, count);
	words_integer(board->words, &n, FIGURES_DAYS);
	words_say(board->words, out, "bars_text", "n", n.data, "list", list.data, NULL);
	buf_free(&n);
	buf_free(&list);
	for (i = 0; i < count; i++)
		buf_free(&parts[i]);
}

static void
put_bars(const struct board *board, const struct registry_service *service,
    const struct figures_base *base, json_t *text, json_t *out)
{
	struct buf svg = BUF_INIT, title = BUF_INIT, sentence = BUF_INIT, n = BUF_INIT;
	enum chart_day days[FIGURES_DAYS];
	size_t counts[CHART_DAYS] = {0}, i;
	char id[80];

	for (i = 0; i < FIGURES_DAYS; i++) {
		days[i] = day_kind(&base->days[i]);
		counts[days[i]]++;
	}
	words_integer(board->words, &n, FIGURES_DAYS);
	words_say(board->words, &title, "bars_title", "n", n.data, "service",
	    board_title(board, service), NULL);
	say_days(board, counts, &sentence);
	snprintf(id, sizeof(id), "b-%s", service->conf->id);
	chart_bars(id, title.data, sentence.data, days, FIGURES_DAYS, &svg);
	board_put(text, "days", &sentence);
	board_put(out, "_bars", &svg);
	buf_free(&title);
	buf_free(&n);
}

/* How much it worked: over 30 days, or since it is measured if that is less. */
static void
put_availability(
    const struct board *board, const struct figures_base *base, json_t *text)
{
	const struct history_period *month = &base->month;
	int64_t now_s = board->now_us / CLOCK_SECOND;
	struct buf out = BUF_INIT, percent = BUF_INIT, since = BUF_INIT,
		   cover = BUF_INIT;

	if (isnan(month->availability)) {
		buf_add_text(&out, words_get(board->words, "available_unknown"));
	} else {
		words_percent(board->words, &percent, month->availability);
		if (base->first_s > month->from_s + 86400) {
			words_moment(board->words, &since, board->site->conf->zone,
			    base->first_s, now_s);
			words_say(board->words, &out, "available_since", "percent",
			    percent.data, "moment", since.data, NULL);
		} else {
			words_say(board->words, &out, "available_month", "percent",
			    percent.data, NULL);
		}
		board_put(text, "available", &percent);
		if (month->coverage < COVERAGE_NOTE) {
			buf_add_char(&out, ' ');
			words_percent(board->words, &cover, month->coverage);
			words_say(board->words, &out, "coverage_note", "percent",
			    cover.data, NULL);
		}
	}
	board_put(text, "availability", &out);
	buf_free(&since);
	buf_free(&cover);
}

static void
put_speed(const struct board *board, const struct history_period *day, json_t *text)
{
	struct buf out = BUF_INIT, seconds = BUF_INIT;

	if (isnan(day->p95)) {
		buf_add_text(&out, words_get(board->words, "speed_unknown"));
	} else {
		words_seconds(board->words, &seconds, day->p95, WORDS_UP);
		words_say(board->words, &out, "speed", "seconds", seconds.data, NULL);
		board_put(text, "most_within", &seconds);
	}
	board_put(text, "speed", &out);
}

static void
put_figures(const struct figures_base *base, json_t *out)
{
	json_object_set_new(out, "availability",
	    json_pack("{s:o, s:o}", "24h", board_figure(base->day.availability), "30d",
		board_figure(base->month.availability)));
	json_object_set_new(out, "coverage",
	    json_pack("{s:o, s:o}", "24h", board_figure(base->day.coverage), "30d",
		board_figure(base->month.coverage)));
	json_object_set_new(out, "median_seconds",
	    json_pack("{s:o, s:o}", "24h", board_figure(base->day.p50), "30d",
		board_figure(base->month.p50)));
	json_object_set_new(out, "p95_seconds",
	    json_pack("{s:o, s:o}", "24h", board_figure(base->day.p95), "30d",
		board_figure(base->month.p95)));
}

/* Figures that nobody has yet: unknown, each of them. */
static const struct figures_base *
no_figures(void)
{
	static struct figures_base none;
	const struct history_period unknown = {.availability = NAN,
	    .p50 = NAN,
	    .p95 = NAN,
	    .p99 = NAN,
	    .min = NAN,
	    .max = NAN,
	    .mean = NAN};
	size_t i;

	none.day = none.month = unknown;
	for (i = 0; i < FIGURES_DAYS; i++)
		none.days[i] = unknown;
	return &none;
}

static void
put_state(const struct board *board, const struct registry_service *service,
    json_t *text, json_t *out)
{
	enum board_mood mood = board_mood(service, board->now_us);
	enum verdict verdict = registry_service_verdict(service, board->now_us);
	int64_t now_s = board->now_us / CLOCK_SECOND, since_s;
	struct buf sentence = BUF_INIT, moment = BUF_INIT;
	char key[40];

	/* What went stale is unknown since it was last measured. */
	since_s = (verdict == service->verdict ? service->since_us
					       : board_measured_us(service)) /
		  CLOCK_SECOND;
	json_object_set_new(out, "state", json_string(verdict_name(verdict)));
	json_object_set_new(out, "since", board_time(board, since_s));
	json_object_set_new(out, "_class", json_string(board_mood_classes[mood]));
	json_object_set_new(out, "_well", json_boolean(mood == BOARD_UP));
	snprintf(key, sizeof(key), "state_%s", board_mood_keys[mood]);
	json_object_set_new(text, "state", json_string(words_get(board->words, key)));
	snprintf(key, sizeof(key), "service_%s%s", board_mood_keys[mood],
	    mood != BOARD_UP && since_s != 0 ? "_since" : "");
	if (since_s != 0)
		words_moment(
		    board->words, &moment, board->site->conf->zone, since_s, now_s);
	words_say(board->words, &sentence, key, "moment", moment.data, NULL);
	board_put(text, "sentence", &sentence);
	buf_free(&moment);
}

json_t *
board_summary(const struct board *board, struct registry_service *service)
{
	const struct conf_service *conf = service->conf;
	const struct figures_base *base = figures_base(board->figures, service);
	int64_t stale_us = registry_service_stale_us(service);
	json_t *text = json_object(), *out;
	struct buf href = BUF_INIT, moment = BUF_INIT, details = BUF_INIT;
	int64_t measured_s = board_measured_us(service) / CLOCK_SECOND;

	if (base == NULL)
		base = no_figures();
	out = json_pack("{s:s, s:s*, s:b, s:o}", "id", conf->id, "area", conf->area,
	    "stale", stale_us <= board->now_us, "measured",
	    board_time(board, measured_s));
	board_put_text(board, out, "title", &conf->title, conf->id);
	board_put_text(board, out, "description", &conf->description, NULL);
	board_put_text(board, out, "instead", &conf->instead, NULL);
	put_state(board, service, text, out);
	put_figures(base, out);
	put_availability(board, base, text);
	put_speed(board, &base->day, text);
	put_bars(board, service, base, text, out);
	if (measured_s != 0)
		words_moment(board->words, &moment, board->site->conf->zone, measured_s,
		    board->now_us / CLOCK_SECOND);
	else
		buf_add_text(&moment, words_get(board->words, "checks_never"));
	board_put(text, "measured", &moment);
	words_say(board->words, &details, "details_of", "service",
	    board_title(board, service), NULL);
	board_put(out, "_details_of", &details);
	board_address(board, ROUTE_SERVICE, conf->id, ROUTE_HTML, &href);
	board_put(out, "_href", &href);
	json_object_set_new(out, "text", text);
	return out;
}

json_t *
board_public(json_t *document)
{
	json_t *out, *value;
	const char *key;
	size_t i;

	if (json_is_array(document)) {
		out = json_array();
		json_array_foreach (document, i, value)
			json_array_append_new(out, board_public(value));
		return out;
	}
	if (!json_is_object(document))
		return json_incref(document);
	out = json_object();
	json_object_foreach (document, key, value)
		if (key[0] != '_')
			json_object_set_new(out, key, board_public(value));
	return out;
}
