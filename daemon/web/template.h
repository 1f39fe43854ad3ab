/*
 * Mustache (the specification's comments, delimiters, interpolation, inverted,
 * partials, sections; no lambdas) over jansson documents. A template is compiled
 * once and rendered many times; HTML is escaped unless {{{triple}}} or {{&amp}}.
 */
#ifndef VT_WEB_TEMPLATE_H
#define VT_WEB_TEMPLATE_H

#include <jansson.h>

#include "base/buf.h"

struct template;

/* error: line and what, for a syntax error. -> NULL then. name is for messages. */
struct template *template_compile(const char *name, const char *text, size_t length,
    char error[256]);
void template_free(struct template *template);

/* Finds a partial by name, or NULL (renders as nothing). Depth is bounded at 32. */
typedef const struct template *template_partial_fn(const char *name, void *arg);
/* -> 0; ERR_FULL when out's limit or the depth is passed. */
int template_render(const struct template *template, json_t *context,
    template_partial_fn *partial, void *arg, struct buf *out);

#endif
