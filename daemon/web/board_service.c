/* The page of one service. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/clock.h"
#include "base/mem.h"
#include "watch/registry.h"
#include "web/board.h"
#include "web/board_outages.h"
#include "web/figures.h"
#include "web/words.h"

#define OUTAGES_MAX 20
#define BAD_DAYS_MAX 5

/*
 * Days.
 */

static json_t *
list_days(const struct board *board, const struct figures_base *base)
{
	json_t *out = json_array();
	struct civil civil;
	char date[32];
	size_t i;

	for (i = 0; i < FIGURES_DAYS; i++) {
		const struct history_period *day = &base->days[i];
		civil_from(board->site->conf->zone, day->from_s, &civil);
		snprintf(date, sizeof(date), "%04d-%02d-%02d", civil.year, civil.month,
		    civil.day);
		json_array_append_new(
		    out, json_pack("{s:s, s:o, s:o, s:o}", "date", date, "availability",
			     board_figure(day->availability), "coverage",
			     board_figure(day->coverage), "down_seconds",
			     board_figure(day->down_s)));
	}
	return out;
}

/* "I giorni con più interruzioni: 3 novembre 2026 (2 ore), ..." */
static void
put_bad_days(const struct board *board, const struct figures_base *base, json_t *text)
{
	struct buf parts[BAD_DAYS_MAX] = {BUF_INIT}, list = BUF_INIT, out = BUF_INIT;
	bool taken[FIGURES_DAYS] = {false};
	const char *items[BAD_DAYS_MAX];
	size_t n, i;

	for (n = 0; n < BAD_DAYS_MAX; n++) {
		size_t worst = FIGURES_DAYS;
		struct buf date = BUF_INIT, span = BUF_INIT;
		for (i = 0; i < FIGURES_DAYS; i++)
			if (!taken[i] && base->days[i].down_s >= 1 &&
			    (worst == FIGURES_DAYS ||
				base->days[i].down_s > base->days[worst].down_s))
				worst = i;
		if (worst == FIGURES_DAYS)
			break;
		taken[worst] = true;
		words_date(board->words, &date, board->site->conf->zone,
		    base->days[worst].from_s);
		words_span(board->words, &span, base->days[worst].down_s);
		words_say(board->words, &parts[n], "bars_bad_day", "date", date.data,
		    "span", span.data, NULL);
		buf_free(&date);
		buf_free(&span);
		items[n] = parts[n].data;
	}
	if (n > 0) {
		words_list(board->words, &list, items, n);
		words_say(board->words, &out, "bars_bad_days", "list", list.data, NULL);
		board_put(text, "bad_days", &out);
		buf_free(&list);
	}
	while (n-- > 0)
		buf_free(&parts[n]);
}

/*
 * Figures of the periods, and what was promised.
 */

static void
add_period(const struct board *board, enum route_period name,
    const struct history_period *period, json_t *out)
{
	json_t *row, *text = json_object();
	const char *word;

	board_period_word(board, "last", name, &word);
	json_object_set_new(text, "period", json_string(word));
	board_put_percent(board, text, "availability", period->availability);
	board_put_percent(board, text, "coverage", period->coverage);
	board_put_seconds(board, text, "median", period->p50, WORDS_UP);
	board_put_seconds(board, text, "p95", period->p95, WORDS_UP);
	if (isnan(period->availability) || period->down_s >= 1)
		board_put_span(board, text, "down", period->down_s);
	else
		json_object_set_new(
		    text, "down", json_string(words_get(board->words, "figures_none")));
	if (isnan(period->availability))
		json_object_set_new(text, "down",
		    json_string(words_get(board->words, "number_unknown")));
	row = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
	    "period", route_period_names[name], "from",
	    board_time(board, period->from_s), "to", board_time(board, period->to_s),
	    "availability", board_figure(period->availability), "coverage",
	    board_figure(period->coverage), "down_seconds",
	    board_figure(period->down_s), "median_seconds", board_figure(period->p50),
	    "p95_seconds", board_figure(period->p95), "p99_seconds",
	    board_figure(period->p99), "max_seconds", board_figure(period->max),
	    "_text", text);
	json_array_append_new(out, row);
}

static json_t *
list_figures(const struct board *board, const struct board_service *what,
    const struct figures_base *base)
{
	const struct figures_span *span =
	    figures_span(board->figures, what->service, what->period);
	json_t *out = json_array();

	add_period(board, ROUTE_24H, &base->day, out);
	if (what->period == ROUTE_7D && span != NULL)
		add_period(board, what->period, &span->whole, out);
	add_period(board, ROUTE_30D, &base->month, out);
	if (what->period > ROUTE_30D && span != NULL)
		add_period(board, what->period, &span->whole, out);
	return out;
}

static void
add_objective(const struct board *board, const char *key, const char *name,
    const char *value, const char *verdict, json_t *out)
{
	struct buf text = BUF_INIT;

	words_say(board->words, &text, key, name, value, NULL);
	if (verdict != NULL) {
		buf_add_char(&text, ' ');
		buf_add_text(&text, words_get(board->words, verdict));
	}
	json_array_append_new(out, json_stringn(text.data, text.length));
	buf_free(&text);
}

/* What to say of an objective for 30 days: nothing where there is no figure. */
static const char *
month_verdict(const struct figures_base *base, double figure, bool met)
{
	if (isnan(figure))
		return NULL;
	if (base->first_s > base->month.from_s + 86400)
		return "objective_early";
	return met ? "objective_met" : "objective_missed";
}

static json_t *
list_objectives(const struct board *board, const struct registry_service *service,
    const struct figures_base *base)
{
	const struct conf_service *conf = service->conf;
	double promised = conf->objective.availability / 100;
	double limit_s = (double)conf->objective.p95_us / CLOCK_SECOND;
	struct buf value = BUF_INIT;
	const char *verdict;
	json_t *out = json_array();

	if (promised > 0) {
		words_percent(board->words, &value, promised);
		add_objective(board, "objective_available", "percent", value.data,
		    month_verdict(base, base->month.availability,
			base->month.availability >= promised),
		    out);
		buf_clear(&value);
	}
	if (limit_s > 0) {
		/* Where there are no times of 30 days, those of a day. */
		verdict =
		    month_verdict(base, base->month.p95, base->month.p95 <= limit_s);
		if (verdict == NULL && !isnan(base->day.p95))
			verdict = base->day.p95 <= limit_s ? "objective_met_day"
							   : "objective_missed_day";
		words_seconds(board->words, &value, limit_s, WORDS_NEAREST);
		add_objective(
		    board, "objective_speed", "seconds", value.data, verdict, out);
	}
	buf_free(&value);
	return out;
}

/*
 * Outages and checks.
 */

static json_t *
outage_json(const struct board *board, const struct registry_service *service,
    const struct board_outage *outage, bool open)
{
	json_t *out = json_object(), *text = json_object();
	int64_t end_us = outage->end_us != 0 ? outage->end_us
			 : open              ? board->now_us
					     : 0;
	int64_t length_s =
	    (end_us - outage->start_us + CLOCK_SECOND / 2) / CLOCK_SECOND;

	json_object_set_new(
	    out, "start", board_time(board, outage->start_us / CLOCK_SECOND));
	json_object_set_new(
	    out, "end", board_time(board, outage->end_us / CLOCK_SECOND));
	json_object_set_new(out, "duration_seconds",
	    outage->end_us != 0 ? json_integer(length_s) : json_null());
	json_object_set_new(out, "kind", json_string(outage->kind + strlen("kind_")));
	board_put_moment(board, text, "start", outage->start_us / CLOCK_SECOND);
	if (outage->end_us != 0)
		board_put_moment(board, text, "end", outage->end_us / CLOCK_SECOND);
	else
		json_object_set_new(text, "end",
		    json_string(words_get(
			board->words, open ? "outage_open" : "number_unknown")));
	if (end_us != 0)
		board_put_span(board, text, "duration", length_s);
	else
		json_object_set_new(text, "duration",
		    json_string(words_get(board->words, "number_unknown")));
	json_object_set_new(
	    text, "kind", json_string(words_get(board->words, outage->kind)));
	json_object_set_new(out, "_text", text);
	if (service->conf->public_detail && outage->cause != NULL)
		json_object_set_new(out, "detail",
		    json_pack("{s:s, s:s, s:s}", "check", outage->cause->check, "class",
			outage->cause->class, "message", outage->cause->message));
	return out;
}

static void
put_outages(const struct board *board, const struct board_service *what, json_t *out)
{
	enum board_mood mood = board_mood(what->service, board->now_us);
	struct board_outage outages[OUTAGES_MAX];
	json_t *list = json_array();
	size_t count, i;

	count = board_outages(what->rows, what->row_count, outages, OUTAGES_MAX);
	for (i = 0; i < count; i++)
		json_array_append_new(
		    list, outage_json(board, what->service, &outages[i],
			      i == 0 && mood == BOARD_DOWN));
	json_object_set_new(out, "_has_outages", json_boolean(count > 0));
	if (count == 0)
		json_object_set_new(out, "_no_outages",
		    json_string(words_get(board->words,
			what->rows_error != 0 ? "outages_failed" : "outages_none")));
	json_object_set_new(
	    out, "outages", what->rows_error != 0 ? json_null() : json_incref(list));
	json_object_set_new(out, "_outages", list);
}

/* The address that a check asks, without what may be secret in it: who and what. */
static void
put_target(const struct conf_check *conf, json_t *detail)
{
	const struct option *option;
	const char *url, *host, *at;
	struct buf target = BUF_INIT;

	for (option = conf->collector->options; option->name != NULL; option++) {
		if (option->type != OPTION_URL || strcmp(option->name, "url") != 0)
			continue;
		url = *(char **)((char *)conf->options + option->offset);
		host = url != NULL ? strstr(url, "://") : NULL;
		if (host == NULL)
			return;
		host += 3;
		at = memrchr(host, '@', strcspn(host, "/?#"));
		buf_add(&target, url, host - url);
		host = at != NULL ? at + 1 : host;
		buf_add(&target, host, strcspn(host, "?#"));
		board_put(detail, "target", &target);
		return;
	}
}

static json_t *
check_json(const struct board *board, const struct registry_check *check)
{
	enum verdict verdict = registry_check_verdict(check, board->now_us);
	int64_t measured_us = registry_check_measured_us(check);
	static const enum board_mood moods[VERDICTS] = {
	    [VERDICT_UNKNOWN] = BOARD_UNKNOWN,
	    [VERDICT_UP] = BOARD_UP,
	    [VERDICT_DEGRADED] = BOARD_SLOW,
	    [VERDICT_DOWN] = BOARD_DOWN,
	    [VERDICT_MAINTENANCE] = BOARD_MAINTENANCE,
	};
	json_t *out = json_object(), *text = json_object(), *detail;
	char key[40];

	/* A warning (a certificate soon to expire) is the administrator's. */
	snprintf(key, sizeof(key), "state_%s",
	    board_mood_keys[verdict == VERDICT_DEGRADED && check->last.warn
				? BOARD_UP
				: moods[verdict]]);
	json_object_set_new(out, "id", json_string(check->conf->id));
	json_object_set_new(out, "state", json_string(verdict_name(verdict)));
	json_object_set_new(
	    out, "_class", json_string(board_mood_classes[moods[verdict]]));
	json_object_set_new(out, "every_seconds",
	    board_figure((double)check->conf->every_us / CLOCK_SECOND));
	json_object_set_new(out, "timeout_seconds",
	    board_figure((double)check->conf->timeout_us / CLOCK_SECOND));
	json_object_set_new(
	    out, "measured", board_time(board, measured_us / CLOCK_SECOND));
	json_object_set_new(text, "state", json_string(words_get(board->words, key)));
	board_put_span(board, text, "every", check->conf->every_us / CLOCK_SECOND);
	board_put_seconds(board, text, "timeout",
	    (double)check->conf->timeout_us / CLOCK_SECOND, WORDS_NEAREST);
	if (measured_us != 0)
		board_put_moment(board, text, "measured", measured_us / CLOCK_SECOND);
	else
		json_object_set_new(text, "measured",
		    json_string(words_get(board->words, "checks_never")));
	json_object_set_new(out, "_text", text);
	if (check->service->conf->public_detail && check->last_us != 0) {
		detail = json_pack("{s:s, s:s}", "class",
		    probe_class_name(check->last.class), "message",
		    check->last.message);
		put_target(check->conf, detail);
		json_object_set_new(out, "detail", detail);
	}
	return out;
}

/*
 * The whole.
 */

static json_t *
list_periods(const struct board *board, const struct board_service *what)
{
	json_t *out = json_array();
	struct route route = {
	    .page = ROUTE_SERVICE, .language = words_language(board->words)};
	int period;

	strlcpy(route.service, what->service->conf->id, sizeof(route.service));
	for (period = 0; period < ROUTE_PERIODS; period++) {
		struct buf href = BUF_INIT;
		const char *word;
		json_t *link = json_object();
		board_period_word(board, "period", period, &word);
		route.period = period;
		buf_add_text(&href, board->site->conf->base_path);
		route_write(&route, board->languages, &href);
		json_object_set_new(link, "text", json_string(word));
		board_put(link, "href", &href);
		json_object_set_new(
		    link, "current", json_boolean(period == (int)what->period));
		json_array_append_new(out, link);
	}
	return out;
}

static void
put_supplier(const struct board *board, const char *id, json_t *out)
{
	const struct conf_site *conf = board->site->conf;
	size_t i;

	json_object_set_new(out, "supplier", json_null());
	for (i = 0; id != NULL && i < conf->supplier_count; i++)
		if (strcmp(conf->suppliers[i].id, id) == 0)
			board_put_text(
			    board, out, "supplier", &conf->suppliers[i].title, NULL);
}

static void
put_warning(
    const struct board *board, const struct registry_service *service, json_t *out)
{
	int64_t measured_s = board_measured_us(service) / CLOCK_SECOND;
	struct buf text = BUF_INIT, moment = BUF_INIT;

	if (registry_service_stale_us(service) > board->now_us)
		return;
	if (measured_s != 0) {
		words_moment(board->words, &moment, board->site->conf->zone, measured_s,
		    board->now_us / CLOCK_SECOND);
		words_say(
		    board->words, &text, "stale_all", "moment", moment.data, NULL);
	} else {
		buf_add_text(&text, words_get(board->words, "measured_never"));
	}
	board_put(out, "stale_text", &text);
	buf_free(&moment);
}

json_t *
board_service(const struct board *board, const struct board_service *what)
{
	struct registry_service *service = what->service;
	const struct figures_base *base = figures_base(board->figures, service);
	json_t *out = board_base(board), *summary = board_summary(board, service);
	json_t *text = json_object_get(summary, "text"), *checks = json_array(), *table;
	size_t i;

	put_warning(board, service, out);
	put_supplier(board, service->conf->supplier, summary);
	json_object_set_new(summary, "objective",
	    json_pack("{s:o, s:o}", "availability",
		service->conf->objective.availability > 0
		    ? board_figure(service->conf->objective.availability / 100)
		    : json_null(),
		"p95_seconds",
		service->conf->objective.p95_us > 0
		    ? board_figure(
			  (double)service->conf->objective.p95_us / CLOCK_SECOND)
		    : json_null()));
	json_object_set_new(
	    out, "period", json_string(route_period_names[what->period]));
	board_put_chart(board, what, text, out);
	if (base != NULL) {
		put_bad_days(board, base, text);
		json_object_set_new(out, "days", list_days(board, base));
		table = list_figures(board, what, base);
		json_object_set_new(out, "figures", table);
		json_object_set_new(
		    out, "_objectives", list_objectives(board, service, base));
		json_object_set_new(
		    summary, "first_measured", board_time(board, base->first_s));
	}
	put_outages(board, what, out);
	for (i = 0; i < service->check_count; i++)
		json_array_append_new(checks, check_json(board, service->checks[i]));
	json_object_set_new(out, "checks", checks);
	json_object_set_new(out, "_detail", json_boolean(service->conf->public_detail));
	json_object_set_new(out, "_periods", list_periods(board, what));
	json_object_set_new(out, "service", summary);
	return out;
}
