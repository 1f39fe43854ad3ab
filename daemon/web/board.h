/*
 * Boards: one page's content as a JSON document, from which the page, the JSON and
 * the CSV of the address are made. Figures come from web/figures (store/history) and
 * states from the registry; sentences from web/words.
 *
 * Only public services stand on a board, and no target, host or error text unless the
 * service is public_detail. Members whose name begins with "_" are for the template
 * (links, drawings, class names) and are left out of the JSON.
 */
#ifndef VT_WEB_BOARD_H
#define VT_WEB_BOARD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "conf/option.h"
#include "web/route.h"
#include "web/words.h"

struct figures;
struct ledger_transition;
struct registry_service;
struct registry_site;

struct board {
	struct registry_site *site;
	const struct conf_strings *languages; /* those that pages exist in */
	const struct figures *figures;
	const struct words *words;
	int64_t now_us;		/* wall */
};

/* The overview and the list of services. */
json_t *board_overview(const struct board *board);

/* rows: the service's transitions from and to down of the last 90 days, newest first,
 * those of its checks too. rows_error: they could not be read. */
struct board_service {
	struct registry_service *service;
	enum route_period period;
	const struct ledger_transition *rows;
	size_t row_count;
	int rows_error;
};
json_t *board_service(const struct board *board, const struct board_service *what);
/* Of it: the chart of the period, with text's sentence. */
void board_put_chart(const struct board *board, const struct board_service *what,
    json_t *text, json_t *out);

/* Method, data, accessibility, privacy, legal notes. */
json_t *board_text(const struct board *board, enum route_page page);

/*
 * What the boards share.
 */

/* A verdict as citizens are told it: a service that is degraded is slow, or works in
 * part, or has only a warning that is not theirs. */
enum board_mood {
	BOARD_UNKNOWN, BOARD_UP, BOARD_SLOW, BOARD_PARTIAL, BOARD_DOWN, BOARD_MAINTENANCE,
	BOARD_MOODS
};
enum board_mood board_mood(const struct registry_service *service, int64_t now_us);
extern const char *const board_mood_keys[BOARD_MOODS]; /* "up", "partial", ... */
extern const char *const board_mood_classes[BOARD_MOODS]; /* "vt-ok", ... */

/* What every page tells of a service. */
json_t *board_summary(const struct board *board, struct registry_service *service);
/* Wall, us: the last measurement of any of the checks; 0 never. */
int64_t board_measured_us(const struct registry_service *service);
/* Members that every board has: site, language, time, ... */
json_t *board_base(const struct board *board);
/* Base path and path of a page in the board's language; service may be NULL. */
void board_address(const struct board *board, enum route_page page, const char *service,
    enum route_format format, struct buf *out);

void board_put(json_t *object, const char *key, struct buf *text); /* frees text */
/* A text of the configuration, the fallback where there is none (NULL: no member). One
 * in another language than the board's names it in the member _KEY_lang, null else. */
void board_put_text(const struct board *board, json_t *object, const char *key,
    const struct conf_text *text, const char *fallback);
/* "last" or "period" and a period: "ultime 24 ore", "24 ore". */
void board_period_word(const struct board *board, const char *prefix,
    enum route_period period, const char **out);
void board_put_moment(
    const struct board *board, json_t *object, const char *key, int64_t at_s);
void board_put_seconds(const struct board *board, json_t *object, const char *key,
    double seconds, enum words_rounding rounding);
void board_put_percent(
    const struct board *board, json_t *object, const char *key, double fraction);
void board_put_span(
    const struct board *board, json_t *object, const char *key, int64_t seconds);
json_t *board_figure(double value); /* to a millionth; null for NAN */
json_t *board_time(const struct board *board, int64_t at_s); /* null for 0 */
const char *board_title(const struct board *board, const struct registry_service *service);

/* A reference to the document without what is for the template only. */
json_t *board_public(json_t *document);

#endif
