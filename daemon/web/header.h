/*
 * The values of request headers that the server weighs: pure functions over text
 * that anybody may have sent.
 */
#ifndef VT_WEB_HEADER_H
#define VT_WEB_HEADER_H

#include <stdbool.h>
#include <stddef.h>

/* The weight (0..1000) that a list like Accept-Encoding gives a token: its own, else
 * that of "*"; -1 if neither is there. Case does not count; an element whose weight
 * does not parse counts as absent. */
int header_weight(const char *list, const char *token);
/* The weight that an Accept gives a media type ("text/html"): the most specific of
 * type/subtype, type/ and all; -1 if none is there. Parameters other than q are
 * not looked at. */
int header_media_weight(const char *accept, const char *type);
/* Whether an If-None-Match names this tag (with its quotes); weakness does not
 * count; "*" names all. */
bool header_names_tag(const char *list, const char *tag);
/* Lower-cases a Host into out. -> false: no host name, literal address, port. The
 * empty host is one. */
bool header_host(const char *raw, size_t length, char *out, size_t size);
/* Whether a Host as header_host() gives it is no name that somebody else could point
 * at this machine: a literal address, localhost, or empty. */
bool header_host_is_local(const char *host);

#endif
