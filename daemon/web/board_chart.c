/* The chart of a service's page: its sentence, its drawing, its points, its table. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "watch/registry.h"
#include "web/board.h"
#include "web/chart.h"
#include "web/figures.h"
#include "web/words.h"

#define TABLE_ROWS_MAX 48

static void
say_chart(const struct board *board, const struct registry_service *service,
    const struct figures_span *span, struct buf *out)
{
	struct buf mean = BUF_INIT, max = BUF_INIT, moment = BUF_INIT, limit = BUF_INIT;
	int64_t p95_us = service->conf->objective.p95_us, at_s = 0;
	double high = -INFINITY;
	size_t i;

	for (i = 0; i < span->count; i++)
		if (span->points[i].max > high) {
			high = span->points[i].max;
			at_s = span->points[i].at_s - span->step_s;
		}
	if (isnan(span->whole.mean) || at_s == 0) {
		buf_add_text(out, words_get(board->words, "chart_empty"));
		return;
	}
	words_seconds(board->words, &mean, span->whole.mean, WORDS_NEAREST);
	words_seconds(board->words, &max, high, WORDS_UP);
	words_moment(board->words, &moment, board->site->conf->zone, at_s,
	    board->now_us / CLOCK_SECOND);
	words_seconds(
	    board->words, &limit, (double)p95_us / CLOCK_SECOND, WORDS_NEAREST);
	words_say(board->words, out,
	    p95_us > 0 ? "chart_sentence_limit" : "chart_sentence", "mean", mean.data,
	    "max", max.data, "moment", moment.data, "limit", limit.data, NULL);
	buf_free(&mean);
	buf_free(&max);
	buf_free(&moment);
	buf_free(&limit);
}

static json_t *
list_points(const struct figures_span *span)
{
	json_t *out = json_array();
	size_t i;

	for (i = 0; i < span->count; i++) {
		const struct history_point *p = &span->points[i];
		json_array_append_new(
		    out, json_pack("[I, o, o, o, o, o]", (json_int_t)p->at_s,
			     board_figure(p->mean), board_figure(p->min),
			     board_figure(p->max), board_figure(p->up),
			     board_figure(p->known)));
	}
	return out;
}

/* Rows of the table: points in groups, the latest first. */
static json_t *
list_rows(const struct board *board, const struct figures_span *span)
{
	size_t per = (span->count + TABLE_ROWS_MAX - 1) / TABLE_ROWS_MAX, first, i;
	json_t *out = json_array(), *row;

	for (first = 0; first < span->count; first += per) {
		double sum = 0, high = -INFINITY, up = 0, known = 0;
		size_t n = 0;
		for (i = first; i < first + per && i < span->count; i++) {
			const struct history_point *p = &span->points[i];
			if (!isnan(p->mean)) {
				sum += p->mean;
				high = fmax(high, p->max);
				n++;
			}
			if (p->known > 0 && !isnan(p->up)) {
				up += p->up;
				known += p->known;
			}
		}
		row = json_object();
		board_put_moment(
		    board, row, "when", span->points[first].at_s - span->step_s);
		json_object_set_new(row, "gap", json_boolean(known <= 0));
		if (n > 0) {
			board_put_seconds(board, row, "mean", sum / n, WORDS_NEAREST);
			board_put_seconds(board, row, "max", high, WORDS_UP);
		} else {
			board_put_seconds(board, row, "mean", NAN, WORDS_NEAREST);
			board_put_seconds(board, row, "max", NAN, WORDS_NEAREST);
		}
		board_put_percent(
		    board, row, "up", known > 0 ? fmin(up / known, 1) : NAN);
		json_array_insert_new(out, 0, row);
	}
	return out;
}

void
board_put_chart(const struct board *board, const struct board_service *what,
    json_t *text, json_t *out)
{
	const struct figures_span *span =
	    figures_span(board->figures, what->service, what->period);
	int64_t p95_us = what->service->conf->objective.p95_us;
	struct buf svg = BUF_INIT, title = BUF_INIT, sentence = BUF_INIT,
		   caption = BUF_INIT;
	const char *period;

	if (span == NULL || span->count == 0) {
		json_object_set_new(out, "unit", json_string("s"));
		json_object_set_new(out, "step", json_null());
		json_object_set_new(out, "points", json_array());
		json_object_set_new(
		    text, "chart", json_string(words_get(board->words, "chart_empty")));
		return;
	}
	board_period_word(board, "last", what->period, &period);
	words_say(board->words, &title, "chart_title", "service",
	    board_title(board, what->service), "period", period, NULL);
	say_chart(board, what->service, span, &sentence);
	chart_lines(
	    &(struct chart){
		.words = board->words,
		.zone = board->site->conf->zone,
		.id = "c",
		.title = title.data,
		.description = sentence.data,
		.from_s = span->whole.from_s,
		.to_s = span->whole.to_s,
		.step_s = span->step_s,
		.count = span->count,
		.points = span->points,
		.limit_s = (double)p95_us / CLOCK_SECOND,
	    },
	    &svg);
	board_put(text, "chart", &sentence);
	board_put(out, "_chart", &svg);
	words_say(board->words, &caption, "table_caption", "period", period, NULL);
	board_put(out, "_table_caption", &caption);
	json_object_set_new(out, "unit", json_string("s"));
	json_object_set_new(out, "step", json_integer(span->step_s));
	json_object_set_new(out, "point_members",
	    json_pack("[s,s,s,s,s,s]", "time", "seconds_mean", "seconds_min",
		"seconds_max", "up", "known"));
	json_object_set_new(out, "points", list_points(span));
	json_object_set_new(out, "_rows", list_rows(board, span));
	json_object_set_new(out, "_limit",
	    p95_us > 0 ? json_real((double)p95_us / CLOCK_SECOND) : json_null());
	buf_free(&title);
}
