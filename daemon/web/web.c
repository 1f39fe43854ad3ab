/*
 * The web: its two listeners, what the admin one serves, and the document of the
 * control socket. Pages are web/pages.
 */
#include "web/web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "store/archive.h"
#include "watch/registry.h"
#include "web/api.h"
#include "web/exposition.h"
#include "web/figures.h"
#include "web/header.h"
#include "web/metrics.h"
#include "web/pages.h"
#include "web/server.h"

#define WEB_MAGIC 0x77656261
#define CONNECTIONS_MAX 2000
#define ADMIN_CONNECTIONS_MAX 100

#define TEXT_PLAIN "text/plain; charset=utf-8"

struct web {
	MAGIC;
	struct web_env env;
	struct pages *pages;
	struct server *public, *admin;
	char *public_addresses, *admin_addresses; /* as opened, joined */
	LIST_HEAD(, document_wait) documents;
};

static void
handle_public(struct server_request *request, const struct server_head *head, void *arg)
{
	struct web *web = arg;

	MAGIC_CHECK(web, WEB_MAGIC);
	pages_serve(web->pages, request, head);
}

static void
serve_readiness(struct web *web, struct server_request *request)
{
	struct archive_stats stats;
	char text[256];
	bool ready;

	archive_stats(web->env.archive, &stats);
	ready = stats.writable && stats.replay_done;
	snprintf(text, sizeof(text),
	    "configuration loaded: yes\nstore writable: %s\n%s%s\n",
	    stats.writable ? "yes" : "no",
	    "pending samples replayed: ", stats.replay_done ? "yes" : "no");
	server_reply_text(request, ready ? 200 : 503, TEXT_PLAIN, text);
}

static void
serve_metrics(struct web *web, struct server_request *request, const char *accept)
{
	static const char *const headers[] = {
	    "Cache-Control: no-store", "Vary: Accept", NULL};
	struct metrics_source source = {.env = &web->env,
	    .cache = pages_cache(web->pages),
	    .public = web->public,
	    .admin = web->admin};
	struct buf bodies[SERVER_ENCODINGS] = {0};
	struct server_content *content;
	bool openmetrics = exposition_wants_openmetrics(accept);

	metrics_write(&source, openmetrics, &bodies[SERVER_IDENTITY]);
	content = server_content_create(200,
	    openmetrics ? EXPOSITION_TYPE_OPENMETRICS : EXPOSITION_TYPE_TEXT, bodies,
	    headers);
	server_reply(request, content);
	server_content_unref(content);
}

static void
handle_admin(struct server_request *request, const struct server_head *head, void *arg)
{
	struct web *web = arg;

	MAGIC_CHECK(web, WEB_MAGIC);
	if (!head->loopback)
		server_reply_text(
		    request, 403, TEXT_PLAIN, "This is for this machine only.\n");
	else if (!header_host_is_local(head->host)) /* a rebound name, in a browser */
		server_reply_text(request, 403, TEXT_PLAIN,
		    "Ask by address or as localhost, not by another name.\n");
	else if (strcmp(head->path, "/healthz") == 0)
		server_reply_text(request, 200, TEXT_PLAIN, "ok\n");
	else if (strcmp(head->path, "/readyz") == 0)
		serve_readiness(web, request);
	else if (strcmp(head->path, "/metrics") == 0)
		serve_metrics(web, request, head->accept);
	else
		server_reply_text(request, 404, TEXT_PLAIN, "404\n");
}

/*
 * The document of the control socket.
 */

struct document_wait {
	LIST_ENTRY(document_wait) entry;
	struct web *web;
	char *site; /* NULL: all */
	web_document_cb *cb;
	void *arg;
};

static void
on_document(void *arg)
{
	struct document_wait *wait = arg;
	struct web *web = wait->web;
	int64_t now_us = clock_wall_us();
	json_t *services = json_array();
	size_t i, j;

	for (i = 0; i < registry_site_count(web->env.registry); i++) {
		const struct registry_site *site = registry_site(web->env.registry, i);
		if (wait->site != NULL && strcmp(wait->site, site->conf->id) != 0)
			continue;
		for (j = 0; j < site->service_count; j++)
			json_array_append_new(
			    services, api_service(site->services[j],
					  pages_figures(web->pages), now_us, true));
	}
	LIST_REMOVE(wait, entry);
	wait->cb(api_services(services, false, now_us), wait->arg);
	free(wait->site);
	free(wait);
}

void
web_services(struct web *web, const char *site, web_document_cb *cb, void *arg)
{
	struct registry *registry = web->env.registry;
	struct document_wait *wait = mem_zalloc(sizeof(*wait));
	struct registry_service **services = NULL;
	size_t count = 0, i, j;

	MAGIC_CHECK(web, WEB_MAGIC);
	wait->web = web;
	wait->site = mem_strdup(site);
	wait->cb = cb;
	wait->arg = arg;
	LIST_INSERT_HEAD(&web->documents, wait, entry);
	for (i = 0; i < registry_site_count(registry); i++) {
		const struct registry_site *one = registry_site(registry, i);
		if (site != NULL && strcmp(site, one->conf->id) != 0)
			continue;
		services = mem_resize(
		    services, count + one->service_count + 1, sizeof(*services));
		for (j = 0; j < one->service_count; j++)
			services[count++] = one->services[j];
	}
	figures_prepare(pages_figures(web->pages), services, count, ROUTE_PERIODS,
	    on_document, wait);
	free(services);
}

/*
 * Opening and closing.
 */

/* One a line: no address holds a newline. */
static char *
join(const struct conf_strings *strings)
{
	struct buf out = BUF_INIT;
	size_t i;

	for (i = 0; i < strings->count; i++)
		buf_printf(&out, "%s\n", strings->items[i]);
	return buf_take(&out);
}

static int
reopen(struct web *web, const char *joined, unsigned connections,
    server_handler *handler, struct server **out)
{
	struct conf_strings addresses = {0};
	char *copy = mem_strdup(joined), *line, *end;
	int code;

	for (line = copy; *line != '\0'; line = end + 1) {
		end = strchr(line, '\n');
		*end = '\0';
		addresses.items = mem_resize(
		    addresses.items, addresses.count + 1, sizeof(*addresses.items));
		addresses.items[addresses.count++] = line;
	}
	code = server_open(web->env.loop, &addresses, connections, handler, web, out);
	free(addresses.items);
	free(copy);
	return code;
}

/* Whether an address to be opened may be in use by one that is: the same port or path.
 */
static bool
overlaps(const struct conf_strings *addresses, const char *joined)
{
	const char *tail;
	char *line;
	size_t i;
	bool found = false;

	for (i = 0; i < addresses->count && !found; i++) {
		tail = strrchr(addresses->items[i], ':');
		line = mem_printf("%s\n", tail != NULL ? tail : addresses->items[i]);
		found = strcmp(line, ":0\n") != 0 && strstr(joined, line) != NULL;
		free(line);
	}
	return found;
}

/* -> 0; negative: the listener that was there before stays, if it can */
static int
open_listener(struct web *web, const struct conf_strings *addresses,
    unsigned connections, server_handler *handler, char **opened,
    struct server **server)
{
	char *wanted = join(addresses);
	struct server *fresh = NULL;
	int code = 0;

	if (*opened != NULL && strcmp(*opened, wanted) == 0) {
		free(wanted);
		return 0;
	}
	if (*opened != NULL && overlaps(addresses, *opened)) {
		server_close(*server);
		*server = NULL;
	}
	if (addresses->count > 0)
		code = server_open(
		    web->env.loop, addresses, connections, handler, web, &fresh);
	if (code == 0) {
		server_close(*server);
		*server = fresh;
		free(*opened);
		*opened = wanted;
		return 0;
	}
	free(wanted);
	if (*opened != NULL && *opened[0] != '\0' && *server == NULL &&
	    reopen(web, *opened, connections, handler, server) != 0) {
		free(*opened);
		*opened = NULL;
	}
	return code;
}

static void
add_problem(
    struct buf *out, const char *key, const struct conf_strings *addresses, int code)
{
	size_t i;

	buf_printf(out, "listen.%s:", key);
	for (i = 0; i < addresses->count; i++)
		buf_printf(out, " %s", addresses->items[i]);
	buf_printf(out, ": %s\n", err_text(code));
}

static int
open_listeners(struct web *web, struct buf *problems)
{
	const struct conf *conf = registry_conf(web->env.registry);
	int code = open_listener(web, &conf->listen.public, CONNECTIONS_MAX,
	    handle_public, &web->public_addresses, &web->public);
	int admin = open_listener(web, &conf->listen.admin, ADMIN_CONNECTIONS_MAX,
	    handle_admin, &web->admin_addresses, &web->admin);

	if (code != 0)
		add_problem(problems, "public", &conf->listen.public, code);
	if (admin != 0)
		add_problem(problems, "admin", &conf->listen.admin, admin);
	return code != 0 ? code : admin;
}

int
web_open(const struct web_env *env, struct web **out)
{
	struct web *web = mem_zalloc(sizeof(*web));
	struct buf problems = BUF_INIT;
	int code = ERR_DAMAGED;

	MAGIC_SET(web, WEB_MAGIC);
	web->env = *env;
	LIST_INIT(&web->documents);
	web->pages = pages_create(env->loop, env->io, env->registry);
	if (web->pages != NULL)
		code = open_listeners(web, &problems);
	buf_free(&problems);
	if (code != 0) {
		web_close(web);
		return code;
	}
	pages_build_ahead(web->pages);
	*out = web;
	return 0;
}

int
web_configure(struct web *web, struct buf *problems)
{
	int code;

	MAGIC_CHECK(web, WEB_MAGIC);
	pages_configure(web->pages);
	code = open_listeners(web, problems);
	pages_build_ahead(web->pages);
	return code;
}

void
web_close(struct web *web)
{
	struct document_wait *wait;

	if (web == NULL)
		return;
	MAGIC_CHECK(web, WEB_MAGIC);
	server_close(web->public);
	server_close(web->admin);
	pages_destroy(web->pages);
	while ((wait = LIST_FIRST(&web->documents)) != NULL) {
		LIST_REMOVE(wait, entry);
		wait->cb(json_object(), wait->arg);
		free(wait->site);
		free(wait);
	}
	free(web->public_addresses);
	free(web->admin_addresses);
	MAGIC_CLEAR(web);
	free(web);
}

const char *
web_public_address(const struct web *web)
{
	return web->public != NULL ? server_address(web->public, 0) : NULL;
}

const char *
web_admin_address(const struct web *web)
{
	return web->admin != NULL ? server_address(web->admin, 0) : NULL;
}
