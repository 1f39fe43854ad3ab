/*
 * Mustache (the specification's comments, delimiters, interpolation, inverted,
 * partials, sections; no lambdas) over jansson documents. A template is compiled
 * once and rendered many times; HTML is escaped unless {{{triple}}} or {{&amp}}.
 *
 * Where the specification leaves it open: null, false, an empty list and an empty
 * text are false, 0 is true (no outages is something to say); what is missing, and
 * an object or a list, interpolates to nothing. Names hold no spaces. Sections nest
 * at most 32 deep in a template, partials at most 32 deep in a rendering.
 */
#ifndef VT_WEB_TEMPLATE_H
#define VT_WEB_TEMPLATE_H

#include <jansson.h>

#include "base/buf.h"

struct template;

/* -> NULL for a syntax error, and error is then "name:line: what". */
struct template *template_compile(const char *name, const char *text, size_t length,
    char error[256]);
void template_free(struct template *template);

/* Finds a partial by name, or NULL (renders as nothing). */
typedef const struct template *template_partial_fn(const char *name, void *arg);
/* -> 0; ERR_FULL when out's limit, the depth of partials or two million steps are
 * passed: out then holds what came before. */
int template_render(const struct template *template, json_t *context,
    template_partial_fn *partial, void *arg, struct buf *out);

#endif
