/*
 * What the web keeps of each site: which languages its pages exist in, and how old a
 * page may be. Chooses the site of a request by Host and base path.
 */
#ifndef VT_WEB_SITES_H
#define VT_WEB_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/option.h"

struct figures;
struct registry;
struct registry_service;
struct registry_site;
struct sites;
struct words;

/* Loads the texts that are compiled in; listens to the figures, which outlive it or call
 * nobody any more. -> NULL if none is there (a bug). */
struct sites *sites_create(struct registry *registry, struct figures *figures);
void sites_destroy(struct sites *sites);
void sites_configure(struct sites *sites); /* after registry_apply() */

/* One site alone is everybody's, whatever the Host; base paths must match always, the
 * longest wins. path is then moved behind the base path ("" for none behind it).
 * -> NULL: nobody's */
struct registry_site *sites_choose(
    const struct sites *sites, const char *host, const char **path);
bool sites_know_host(const struct sites *sites, const char *host);
/* Borrowed until the next sites_configure(). At least one. */
const struct conf_strings *sites_languages(
    const struct sites *sites, const struct registry_site *site);
/* NULL if there is none of the language. */
const struct words *sites_words(const struct sites *sites, const char *language);

/* Grows when what pages show of a site, or of a service, has changed, at most once a
 * second; the last one only with the configuration. */
uint64_t sites_generation(struct sites *sites, const struct registry_site *site);
uint64_t sites_service_generation(
    struct sites *sites, const struct registry_service *service);
uint64_t sites_conf_generation(const struct sites *sites);

#endif
