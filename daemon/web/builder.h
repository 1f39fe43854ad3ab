/*
 * Builds what the cache has not: a page, its board or its table, from figures, ledger
 * and registry to the text that is sent.
 */
#ifndef VT_WEB_BUILDER_H
#define VT_WEB_BUILDER_H

struct builder;
struct cache_build;
struct figures;
struct registry;
struct registry_service;
struct registry_site;
struct route;
struct sites;
struct worker_pool;

/* All of it is borrowed, and outlives the builder but for the figures. */
struct builder_env {
	struct worker_pool *io;
	struct registry *registry;
	struct figures *figures;
	struct sites *sites;
};

/* -> NULL if what is compiled in is broken (the log has the words). */
struct builder *builder_create(const struct builder_env *env);
/* After the figures, before the cache; what is under way gets a 503. */
void builder_destroy(struct builder *builder);

/* Answers to with cache_built(), now or later: the page of route, or the one that says
 * that there is none. */
void builder_begin(struct builder *builder, struct cache_build *to,
    struct registry_site *site, const struct route *route);
void builder_missing(struct builder *builder, struct cache_build *to,
    struct registry_site *site, const struct route *route);

/* NULL: there is none, or it is not public. */
struct registry_service *builder_public_service(
    struct registry_site *site, const char *id);

/* What goes with pages, and with data for programs. */
extern const char *const builder_page_headers[];
extern const char *const builder_data_headers[];

#endif
