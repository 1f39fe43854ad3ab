/*
 * Renderings of a board: HTML by the page's template, JSON, CSV.
 */
#ifndef VT_WEB_RENDER_H
#define VT_WEB_RENDER_H

#include <jansson.h>

#include "base/buf.h"
#include "web/board.h"
#include "web/route.h"

struct render;

/* Compiles the templates. -> NULL if one does not (a bug; the log has the words). */
struct render *render_create(void);
void render_destroy(struct render *render);

/*
 * A rendering: begun and ended on the loop, run on a worker (or the loop). Between
 * them the document is the rendering's; what it shares with others (the language's
 * texts, the templates) is only read, and kept alive.
 */
struct rendering;
/* Takes the caller's reference to document. error: 0, or the status of the page that
 * says so (the board is then board_base(), and the page of route did not come about). */
struct rendering *rendering_begin(struct render *render, const struct board *board,
    const struct route *route, unsigned error, json_t *document);
void rendering_run(struct rendering *rendering);
/* Frees it. -> 0 and the text in out, or negative, logged */
int rendering_end(struct rendering *rendering, struct buf *out);

/* Without what is for the template only. */
void render_json(json_t *document, struct buf *out);
/* The board's table: services of an overview, points of a service. One of a
 * demonstration has a column more, demo. */
void render_csv(const struct board *board, const struct route *route, json_t *document,
    struct buf *out);

#endif
