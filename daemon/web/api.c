/* The document of services. Instants are in UTC here: one address for all languages. */
#include "web/api.h"

#include <math.h>

#include "base/mem.h"
#include "base/text.h"
#include "watch/registry.h"
#include "web/board.h"
#include "web/figures.h"

static json_t *
time_json(int64_t at_us)
{
	char text[TEXT_TIME_SIZE];

	return at_us != 0 ? json_string(text_time_format(at_us, text)) : json_null();
}

static json_t *
titles(const struct conf_service *conf)
{
	const struct conf_strings *languages = &conf->site->languages;
	json_t *out = json_object();
	size_t i, j;

	for (i = 0; i < conf->title.count; i++) {
		const struct conf_text_item *item = &conf->title.items[i];
		if (item->language != NULL)
			json_object_set_new(
			    out, item->language, json_string(item->text));
		for (j = 0; item->language == NULL && j < languages->count; j++)
			json_object_set_new(
			    out, languages->items[j], json_string(item->text));
	}
	return out;
}

json_t *
api_service(const struct registry_service *service, const struct figures *figures,
    int64_t now_us, bool with_site)
{
	const struct conf_service *conf = service->conf;
	const struct figures_base *base = figures_base(figures, service);
	enum verdict verdict = registry_service_verdict(service, now_us);
	int64_t since_us = verdict == service->verdict ? service->since_us
						       : board_measured_us(service);

	return json_pack("{s:s*, s:o*, s:s, s:o, s:s?, s:s, s:o, s:o, s:{s:o,s:o}, "
			 "s:{s:o,s:o}, s:{s:o,s:o}}",
	    "site", with_site ? service->site->conf->id : NULL, "demo",
	    with_site && service->site->conf->demo ? json_true() : NULL, "id", conf->id,
	    "title", titles(conf), "area", conf->area, "state", verdict_name(verdict),
	    "since", time_json(since_us), "measured",
	    time_json(board_measured_us(service)), "availability", "24h",
	    board_figure(base != NULL ? base->day.availability : NAN), "30d",
	    board_figure(base != NULL ? base->month.availability : NAN), "p95_seconds",
	    "24h", board_figure(base != NULL ? base->day.p95 : NAN), "30d",
	    board_figure(base != NULL ? base->month.p95 : NAN), "coverage", "24h",
	    board_figure(base != NULL ? base->day.coverage : NAN), "30d",
	    board_figure(base != NULL ? base->month.coverage : NAN));
}

json_t *
api_services(json_t *services, bool demo, int64_t now_us)
{
	return json_pack("{s:o, s:o*, s:o}", "time", time_json(now_us), "demo",
	    demo ? json_true() : NULL, "services", services);
}
