/*
 * The web: pages, data and metrics over the public and the admin listener. Chooses
 * the site by Host and base path, the route by path, the language by its prefix;
 * builds the board of the address and renders it as HTML, JSON or CSV.
 */
#ifndef VT_WEB_WEB_H
#define VT_WEB_WEB_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct archive;
struct buf;
struct conf;
struct fetch_pool;
struct loop;
struct registry;
struct resolve;
struct spawn_pool;
struct web;
struct worker_pool;

/* What the daemon knows of itself; it keeps this true. */
struct web_status {
	int64_t started_us;		/* wall */
	const char *config_file;
	int64_t config_loaded_us;	/* wall, of the running configuration */
	bool config_ok;			/* the last attempt to load went well */
	const char *config_error;	/* its first error, or NULL */
	uint64_t clock_steps;		/* times the wall clock was seen to jump */
};

struct web_env {
	struct loop *loop;
	struct worker_pool *rrd, *io;
	struct worker_pool *journal, *programs; /* NULL in tests, and so is spawn */
	struct spawn_pool *spawn;
	struct resolve *resolve;
	struct fetch_pool *fetch;
	struct archive *archive;
	struct registry *registry;
	const struct web_status *status;
};

/* Opens the listeners of the running configuration. -> 0 or negative, logged. */
int web_open(const struct web_env *env, struct web **out);
/* After registry_apply(): listeners whose addresses changed are opened anew. Negative:
 * not all could be, which problems tells in lines; those from before stay. */
int web_configure(struct web *web, struct buf *problems);
void web_close(struct web *web);
/* The first public address as bound, for the start's message; NULL if none. */
const char *web_public_address(const struct web *web);
const char *web_admin_address(const struct web *web);

/* The document of /api/v1/services, unsuppressed (all services, private ones too),
 * for the control socket. site NULL: all. cb gets a new reference. */
typedef void web_document_cb(json_t *document, void *arg);
void web_services(struct web *web, const char *site, web_document_cb *cb, void *arg);

#endif
