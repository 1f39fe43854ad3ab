/* The overview: one sentence on top, what does not work, then all by area. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "watch/registry.h"
#include "web/board.h"
#include "web/words.h"

#define NAMES_MAX 4 /* in a sentence; more are counted */

/* Those that need a citizen's attention, in the order in which they are told. */
static const enum board_mood moods_by_gravity[] = {
    BOARD_DOWN, BOARD_SLOW, BOARD_PARTIAL, BOARD_MAINTENANCE, BOARD_UNKNOWN};

/* The public services, with their moods. */
struct roll {
	size_t count;
	struct {
		struct registry_service *service;
		enum board_mood mood;
	} * items;
	size_t moods[BOARD_MOODS];
	size_t stale;
	int64_t measured_us;
};

static void
call_roll(const struct board *board, struct roll *roll)
{
	struct registry_site *site = board->site;
	size_t i;

	*roll = (struct roll){0};
	roll->items = mem_array(site->service_count + 1, sizeof(*roll->items));
	for (i = 0; i < site->service_count; i++) {
		struct registry_service *service = site->services[i];
		enum board_mood mood;
		int64_t measured;

		if (!service->conf->public)
			continue;
		mood = board_mood(service, board->now_us);
		roll->items[roll->count].service = service;
		roll->items[roll->count++].mood = mood;
		roll->moods[mood]++;
		roll->stale += registry_service_stale_us(service) <= board->now_us;
		measured = board_measured_us(service);
		if (measured > roll->measured_us)
			roll->measured_us = measured;
	}
}

/* "Anagrafe, Tributi, Multe e altri 3" */
static void
list_names(const struct board *board, const struct roll *roll, enum board_mood mood,
    struct buf *out)
{
	struct buf more = BUF_INIT;
	const char *names[NAMES_MAX];
	size_t total = roll->moods[mood], shown = total, i, n = 0;

	if (total > NAMES_MAX) {
		shown = NAMES_MAX - 1;
		words_count(board->words, &more, "list_more", total - shown, NULL);
	}
	for (i = 0; i < roll->count && n < shown; i++)
		if (roll->items[i].mood == mood)
			names[n++] = board_title(board, roll->items[i].service);
	if (total > NAMES_MAX)
		names[n++] = more.data;
	words_list(board->words, out, names, n);
	buf_free(&more);
}

static void
say_mood(const struct board *board, const struct roll *roll, enum board_mood mood,
    struct buf *out)
{
	struct buf list = BUF_INIT;
	char key[40];

	if (roll->moods[mood] == 0)
		return;
	list_names(board, roll, mood, &list);
	snprintf(key, sizeof(key), "headline_%s_%s", board_mood_keys[mood],
	    roll->moods[mood] == 1 ? "one" : "other");
	if (out->length > 0)
		buf_add_char(out, ' ');
	words_say(board->words, out, key, "list", list.data, NULL);
	buf_free(&list);
}

static void
say_headline(const struct board *board, const struct roll *roll, struct buf *out)
{
	size_t i;

	if (roll->count == 0) {
		buf_add_text(out, words_get(board->words, "headline_none"));
		return;
	}
	if (roll->moods[BOARD_UP] == roll->count) {
		words_count(board->words, out, "headline_all", roll->count, NULL);
		return;
	}
	if (roll->moods[BOARD_UNKNOWN] == roll->count) {
		buf_add_text(out, words_get(board->words, "headline_unknown_all"));
		return;
	}
	for (i = 0; i < ARRAY_LENGTH(moods_by_gravity); i++)
		say_mood(board, roll, moods_by_gravity[i], out);
	if (roll->moods[BOARD_UP] > 0) {
		buf_add_char(out, ' ');
		words_count(
		    board->words, out, "headline_rest", roll->moods[BOARD_UP], NULL);
	}
}

/* Whether what the page says is still true, judged now. */
static void
put_age(const struct board *board, const struct roll *roll, json_t *out)
{
	int64_t measured_s = roll->measured_us / CLOCK_SECOND;
	struct buf moment = BUF_INIT, text = BUF_INIT;
	bool all = roll->count > 0 && roll->stale == roll->count;

	json_object_set_new(out, "stale", json_boolean(roll->stale > 0));
	json_object_set_new(out, "measured", board_time(board, measured_s));
	if (measured_s != 0)
		words_moment(board->words, &moment, board->site->conf->zone, measured_s,
		    board->now_us / CLOCK_SECOND);
	if (all && measured_s != 0)
		words_say(
		    board->words, &text, "stale_all", "moment", moment.data, NULL);
	else if (all)
		buf_add_text(&text, words_get(board->words, "stale_never"));
	else if (roll->stale > 0)
		words_count(board->words, &text, "stale_some", roll->stale, NULL);
	if (text.length > 0)
		board_put(out, "stale_text", &text);
	if (measured_s != 0)
		words_say(
		    board->words, &text, "measured_last", "moment", moment.data, NULL);
	else
		buf_add_text(&text, words_get(board->words, "measured_never"));
	board_put(out, "measured_text", &text);
	buf_free(&moment);
}

/* area NULL: those of no area */
static json_t *
area_services(const struct board *board, const struct roll *roll, const char *area,
    json_t *attention[BOARD_MOODS])
{
	json_t *services = json_array(), *summary;
	size_t i;

	for (i = 0; i < roll->count; i++) {
		const struct conf_service *conf = roll->items[i].service->conf;
		if (area == NULL ? conf->area != NULL
				 : conf->area == NULL || strcmp(conf->area, area) != 0)
			continue;
		summary = board_summary(board, roll->items[i].service);
		json_array_append(attention[roll->items[i].mood], summary);
		json_array_append_new(services, summary);
	}
	return services;
}

/* Takes services. conf NULL: those of no area, the last */
static void
add_area(const struct board *board, json_t *areas, const struct conf_area *conf,
    json_t *services)
{
	json_t *area = json_object();

	if (conf != NULL) {
		json_object_set_new(area, "id", json_string(conf->id));
		board_put_text(board, area, "title", &conf->title, conf->id);
	} else {
		json_object_set_new(area, "title",
		    json_string(words_get(board->words,
			json_array_size(areas) > 0 ? "areas_other" : "areas_only")));
	}
	json_object_set(area, "services", services);
	if (json_array_size(services) > 0)
		json_array_append(areas, area);
	json_decref(area);
	json_decref(services);
}

/* What does not work comes first, whatever its area. */
static void
put_attention(json_t *by_mood[BOARD_MOODS], json_t *out)
{
	json_t *attention = json_array();
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(moods_by_gravity); i++)
		json_array_extend(attention, by_mood[moods_by_gravity[i]]);
	json_object_set_new(
	    out, "_has_attention", json_boolean(json_array_size(attention) > 0));
	json_object_set_new(out, "_attention", attention);
	for (i = 0; i < BOARD_MOODS; i++)
		json_decref(by_mood[i]);
}

json_t *
board_overview(const struct board *board)
{
	const struct conf_site *conf = board->site->conf;
	json_t *out = board_base(board), *areas = json_array();
	json_t *attention[BOARD_MOODS];
	struct buf headline = BUF_INIT;
	struct roll roll;
	size_t i;

	for (i = 0; i < BOARD_MOODS; i++)
		attention[i] = json_array();
	call_roll(board, &roll);
	say_headline(board, &roll, &headline);
	board_put(out, "headline", &headline);
	put_age(board, &roll, out);
	for (i = 0; i < conf->area_count; i++)
		add_area(board, areas, &conf->areas[i],
		    area_services(board, &roll, conf->areas[i].id, attention));
	add_area(board, areas, NULL, area_services(board, &roll, NULL, attention));
	json_object_set_new(out, "areas", areas);
	put_attention(attention, out);
	json_object_set_new(out, "_any", json_boolean(roll.count > 0));
	free(roll.items);
	return out;
}
