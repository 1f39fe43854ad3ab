/*
 * What the public listener serves: pages, their boards and tables, the API, assets.
 */
#ifndef VT_WEB_PAGES_H
#define VT_WEB_PAGES_H

struct cache;
struct figures;
struct loop;
struct pages;
struct registry;
struct server_head;
struct server_request;
struct worker_pool;

/* -> NULL if what is compiled in is broken (the log has the words). */
struct pages *pages_create(
    struct loop *loop, struct worker_pool *io, struct registry *registry);
/* After the server is closed; what is under way is dropped. */
void pages_destroy(struct pages *pages);
void pages_configure(struct pages *pages); /* after registry_apply() */
/* Builds the first page of each site (of the first 16), which nobody has asked for
 * yet: once there is somebody to read it. */
void pages_build_ahead(struct pages *pages);

/* Answers the request, now or later. */
void pages_serve(
    struct pages *pages, struct server_request *request, const struct server_head *head);

struct figures *pages_figures(struct pages *pages);
const struct cache *pages_cache(const struct pages *pages);

#endif
