/*
 * What a redirect does to a request: who still gets what. Pure functions.
 */
#ifndef VT_LOOP_REDIRECT_H
#define VT_LOOP_REDIRECT_H

#include <stdbool.h>
#include <stddef.h>

#include "loop/url.h"

bool redirect_is_status(int status); /* 301, 302, 303, 307, 308 */
/* Does the method become GET, and the body nothing? */
bool redirect_makes_get(int status, const char *method);
/* Scheme, host and port are equal: credentials may go there too. */
bool redirect_is_same_origin(const struct url *a, const struct url *b);
/* May this "Name: value" go to another origin? Only what is known to be no secret. */
bool redirect_keeps_header(const char *line, bool same_origin, bool makes_get);

/* The first such field of raw header lines. -> its value, to be freed, or NULL */
char *redirect_header(const char *lines, size_t length, const char *name);

#endif
