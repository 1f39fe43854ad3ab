/*
 * Cross-checks. They walk the tree of nodes and the structs that they became side by
 * side (conf_node.object), because a node knows its place and whether its value was
 * in error: then it is not complained of twice.
 */
#include "conf/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/arena.h"
#include "conf/bind.h"
#include "conf/conf.h"
#include "conf/report.h"
#include "conf/schema.h"
#include "conf/url.h"
#include "conf/yaml.h"

#define SECOND INT64_C(1000000)
#define REFERENCES_TOLD 8

struct conf_node *
check_good(const struct conf_node *map, const char *key)
{
	struct conf_node *node = map->kind == NODE_MAP ? yaml_child(map, key) : NULL;

	return node == NULL || node->refused || node->kind == NODE_BAD ? NULL : node;
}

bool
check_refused(const struct conf_node *map, const char *key)
{
	return map->kind == NODE_MAP && yaml_child(map, key) != NULL &&
	       check_good(map, key) == NULL;
}

void
check_complain(struct binder *binder, enum report_kind kind,
    const struct conf_node *map, const char *key, const char *format, ...)
{
	const struct conf_node *node = check_good(map, key);
	char line[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	if (node != NULL)
		report_value(binder->report, kind, node, "%s", line);
	else
		report_absent(binder->report, kind, map, key, "%s", line);
}

static void
check_intervals(struct binder *binder, struct conf_check *check, struct conf_node *node)
{
	char every[TEXT_DURATION_SIZE], timeout[TEXT_DURATION_SIZE];
	const char *key = check_good(node, "every") != NULL ? "every" : "timeout";

	if (check_refused(node, "every"))
		return;
	text_duration_format(check->every_us, every);
	if (check->every_us % SECOND != 0) {
		check_complain(binder, REPORT_ERROR, node, "every",
		    "\"%s\" is not whole seconds, expected a duration such as 60s or "
		    "5m",
		    every);
		return;
	}
	if (check_refused(node, "timeout") || check->every_us >= check->timeout_us)
		return;
	text_duration_format(check->timeout_us, timeout);
	if (strcmp(key, "every") == 0)
		check_complain(binder, REPORT_ERROR, node, key,
		    "\"%s\" is below the timeout of %s%s, expected at least that",
		    every, timeout,
		    check_good(node, "timeout") == NULL ? " (the default)" : "");
	else
		check_complain(binder, REPORT_ERROR, node, key,
		    "\"%s\" is over the interval of %s (the default), expected at most "
		    "that",
		    timeout, every);
}

/* What is wrong with a key that is no option is told already. */
static bool
has_unknown(const struct conf_node *node)
{
	const struct conf_node *child;

	for (child = node->first; child != NULL; child = child->next) {
		if (option_find(schema_check, child->key) == NULL)
			return true;
	}
	return false;
}

/* "http, tls or dns" */
static void
list_collectors(const struct binder *binder, struct buf *out)
{
	const struct conf_collector *collector = binder->collectors;

	for (; collector->name != NULL; collector++)
		buf_printf(out, "%s%s",
		    out->length == 0            ? ""
		    : collector[1].name == NULL ? " or "
						: ", ",
		    collector->name);
}

static void
check_check(struct binder *binder, struct conf_service *service, struct conf_node *node)
{
	struct conf_check *check = node->object;
	struct buf names = BUF_INIT;

	check->service = service;
	check_intervals(binder, check, node);
	if (check->collector != NULL || has_unknown(node))
		return;
	list_collectors(binder, &names);
	report_key(binder->report, REPORT_ERROR, node, "has no collector, expected %s",
	    names.length > 0 ? names.data : "one");
	buf_free(&names);
}

/* An id that is not among the items of a map is reported, with those that are. */
static void
check_reference(struct binder *binder, const struct conf_node *node, const char *key,
    const char *id, const char *what, const void *items, size_t count, size_t size)
{
	const char *ids[REFERENCES_TOLD], *near = NULL;
	char quoted[REPORT_QUOTE_SIZE];
	struct buf expected = BUF_INIT;
	size_t told = 0, i;

	for (i = 0; i < count; i++) {
		const struct conf_item *item =
		    (const void *)((const char *)items + i * size);
		if (strcmp(item->id, id) == 0)
			return;
		near = near == NULL
			   ? text_nearest(id, (const char *const[]){item->id}, 1)
			   : text_nearest(id, (const char *const[]){near, item->id}, 2);
		if (told < REFERENCES_TOLD)
			ids[told++] = item->id;
	}
	for (i = 0; i < told; i++)
		buf_printf(&expected, "%s%s",
		    i == 0           ? ""
		    : i + 1 == count ? " or "
				     : ", ",
		    ids[i]);
	if (count == 0)
		buf_printf(&expected, "an entry in its %s", what);
	check_complain(binder, REPORT_ERROR, node, key,
	    "%s is not among the site's %s, %s%s%s", report_quote(id, quoted), what,
	    near != NULL ? "did you mean \"" : "expected ",
	    near != NULL ? near : expected.data,
	    near != NULL   ? "\"?"
	    : told < count ? ", ..."
			   : "");
	buf_free(&expected);
}

static bool
has_language(const struct conf_text *text, const char *language)
{
	size_t i;

	for (i = 0; i < text->count; i++) {
		if (text->items[i].language == NULL ||
		    strcmp(text->items[i].language, language) == 0)
			return true;
	}
	return false;
}

/* Texts in languages that no page has, and none in the default one. */
static void
check_text(struct binder *binder, const struct conf_site *site,
    const struct conf_node *map, const char *key, const struct conf_text *text)
{
	const struct conf_node *node = check_good(map, key), *item;
	size_t i;

	if (node == NULL || node->kind != NODE_MAP || site->languages.count == 0)
		return;
	for (item = node->first; item != NULL; item = item->next) {
		for (i = 0; i < site->languages.count; i++) {
			if (strcmp(site->languages.items[i], item->key) == 0)
				break;
		}
		if (i == site->languages.count)
			report_key(binder->report, REPORT_WARNING, item,
			    "is not a language of the site, expected one of those");
	}
	if (!has_language(text, site->languages.items[0]))
		report_value(binder->report, REPORT_WARNING, node,
		    "has no text in \"%s\", the site's first language; another is "
		    "shown",
		    site->languages.items[0]);
}

static void
check_public(struct binder *binder, const struct conf_node *node, const char *key,
    const struct conf_text *text)
{
	if (text->count == 0 && !check_refused(node, key))
		report_absent(binder->report, REPORT_ERROR, node, key,
		    "is missing, expected text, because the service is public");
}

static void
check_service(struct binder *binder, struct conf_site *site, struct conf_node *node)
{
	struct conf_service *service = node->object;
	const struct conf_node *checks;
	struct conf_node *child;

	service->site = site;
	if (service->public) {
		check_public(binder, node, "title", &service->title);
		check_public(binder, node, "description", &service->description);
	}
	check_text(binder, site, node, "title", &service->title);
	check_text(binder, site, node, "description", &service->description);
	check_text(binder, site, node, "instead", &service->instead);
	if (service->area != NULL)
		check_reference(binder, node, "area", service->area, "areas",
		    site->areas, site->area_count, sizeof(*site->areas));
	if (service->supplier != NULL)
		check_reference(binder, node, "supplier", service->supplier,
		    "suppliers", site->suppliers, site->supplier_count,
		    sizeof(*site->suppliers));
	checks = check_good(node, "checks");
	if (checks == NULL || (checks->kind == NODE_MAP && checks->count == 0) ||
	    checks->kind != NODE_MAP) {
		if (!check_refused(node, "checks"))
			check_complain(binder, REPORT_WARNING, node, "checks",
			    "is empty: nothing is measured, its state stays unknown");
		return;
	}
	for (child = checks->first; child != NULL; child = child->next) {
		if (child->object != NULL)
			check_check(binder, service, child);
	}
}

static bool
is_mail(const char *text)
{
	const char *at = strchr(text, '@');

	return at != NULL && at != text && strchr(at + 1, '@') == NULL &&
	       at[1] != '\0' && at[1] != '.' &&
	       strcspn(text, " ,;<>\"()\\") == strlen(text);
}

/* Takes the address apart: host, and path without a slash at its end. */
static void
check_url(struct binder *binder, struct conf_site *site, const struct conf_node *node)
{
	static const char *const path_characters =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
	struct url url;
	size_t length, i;
	char *p;

	if (site->url == NULL || url_split(site->url, &url) != NULL)
		return;
	length = strlen(url.rest);
	while (length > 0 && url.rest[length - 1] == '/')
		length--;
	site->base_path = arena_strndup(binder->arena, url.rest, length);
	if (length > 0 &&
	    (site->base_path[0] != '/' || strstr(site->base_path, "//") != NULL ||
		strstr(site->base_path, "/.") != NULL ||
		site->base_path[strspn(site->base_path, path_characters)] != '\0'))
		check_complain(binder, REPORT_ERROR, node, "url",
		    "has a path that pages cannot live under, expected letters, digits "
		    "and "
		    "- _ ~ between single slashes, no query");
	site->host = url.port == (url.secure ? 443u : 80u)
			 ? arena_strndup(binder->arena, url.host, url.host_length)
			 : arena_printf(binder->arena, "%.*s:%u", (int)url.host_length,
			       url.host, url.port);
	for (p = site->host, i = 0; p[i] != '\0'; i++) {
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] += 'a' - 'A';
	}
	site->url = arena_printf(binder->arena, "http%s://%s%s", url.secure ? "s" : "",
	    site->host, site->base_path);
}

static void
check_languages(
    struct binder *binder, const struct conf_site *site, const struct conf_node *node)
{
	size_t i, j;

	for (i = 1; i < site->languages.count; i++) {
		for (j = 0; j < i; j++) {
			if (strcmp(site->languages.items[i],
				site->languages.items[j]) == 0)
				check_complain(binder, REPORT_ERROR, node, "languages",
				    "\"%s\" stands twice, expected each once",
				    site->languages.items[i]);
		}
	}
}

static void
check_zone(struct binder *binder, struct conf_site *site, const struct conf_node *node)
{
	char quoted[REPORT_QUOTE_SIZE];

	if (site->timezone == NULL)
		return;
	site->zone = civil_zone_open(site->timezone);
	if (site->zone == NULL && binder->check_system)
		check_complain(binder, REPORT_ERROR, node, "timezone",
		    "%s is not in the time zone database, expected a name such as "
		    "Europe/Rome",
		    report_quote(site->timezone, quoted));
	if (site->zone == NULL)
		site->zone = civil_zone_open("UTC");
}

static void
check_codes(
    struct binder *binder, const struct conf_site *site, const struct conf_node *node)
{
	char quoted[REPORT_QUOTE_SIZE];

	if (site->istat != NULL && strspn(site->istat, "0123456789") != 6)
		check_complain(binder, REPORT_ERROR, node, "istat",
		    "%s is not six digits, "
		    "expected a code such as \"004242\"",
		    report_quote(site->istat, quoted));
	if (site->ipa != NULL &&
	    site->ipa[strspn(site->ipa, "abcdefghijklmnopqrstuvwxyz0123456789_")] !=
		'\0')
		check_complain(binder, REPORT_ERROR, node, "ipa",
		    "%s holds more than a-z 0-9 _, expected a code such as c_l841",
		    report_quote(site->ipa, quoted));
	if (site->contact != NULL && !is_mail(site->contact))
		check_complain(binder, REPORT_ERROR, node, "contact",
		    "%s is not a mail address, expected one such as urp@example.it",
		    report_quote(site->contact, quoted));
}

static void
check_texts(struct binder *binder, const struct conf_site *site,
    const struct conf_node *node, const char *key)
{
	const struct conf_node *map = check_good(node, key), *child;

	for (child = map != NULL ? map->first : NULL; child != NULL;
	     child = child->next) {
		/* Areas and suppliers both have their title behind id and place. */
		if (child->object != NULL)
			check_text(binder, site, child, "title",
			    key[0] == 'a'
				? &((const struct conf_area *)child->object)->title
				: &((const struct conf_supplier *)child->object)
				       ->title);
	}
}

static void
check_site(struct binder *binder, struct conf_node *node)
{
	struct conf_site *site = node->object;
	const struct conf_node *services;
	struct conf_node *child;

	check_url(binder, site, node);
	check_languages(binder, site, node);
	check_zone(binder, site, node);
	check_codes(binder, site, node);
	if (site->pages.accessibility == NULL && site->pages.privacy == NULL &&
	    site->pages.legal == NULL && site->pages.report == NULL &&
	    !check_refused(node, "pages"))
		check_complain(binder, REPORT_WARNING, node, "pages",
		    "is empty: the footer links to pages of ours%s, expected the "
		    "municipality's own",
		    site->contact != NULL ? " and to the mail address" : "");
	check_texts(binder, site, node, "areas");
	check_texts(binder, site, node, "suppliers");
	services = check_good(node, "services");
	for (child = services != NULL ? services->first : NULL; child != NULL;
	     child = child->next) {
		if (child->object != NULL)
			check_service(binder, site, child);
	}
}

static int
compare_addresses(const void *a, const void *b)
{
	const struct conf_node *x = *(struct conf_node *const *)a;
	const struct conf_node *y = *(struct conf_node *const *)b;
	const struct conf_site *p = x->object, *q = y->object;
	int order = strcmp(p->host, q->host);

	if (order == 0)
		order = strcmp(p->base_path, q->base_path);
	if (order != 0)
		return order;
	return p < q ? -1 : p > q; /* the file's order */
}

/* Two sites at one address: a visitor would see either. */
static void
check_addresses(struct binder *binder, const struct conf_node *sites)
{
	struct conf_node **all =
	    mem_array(sites->count + 1, sizeof(struct conf_node *));
	struct conf_node *node;
	size_t n = 0, i;

	for (node = sites->first; node != NULL; node = node->next) {
		const struct conf_site *site = node->object;
		if (site != NULL && site->host != NULL)
			all[n++] = node;
	}
	qsort(all, n, sizeof(struct conf_node *), compare_addresses);
	for (i = 1; i < n; i++) {
		const struct conf_site *before = all[i - 1]->object,
				       *site = all[i]->object;
		if (strcmp(site->host, before->host) == 0 &&
		    strcmp(site->base_path, before->base_path) == 0)
			check_complain(binder, REPORT_ERROR, all[i], "url",
			    "%s%s is the address of the site \"%s\" too (%s:%u), "
			    "expected "
			    "its own",
			    site->host, site->base_path, before->id, before->place.file,
			    before->place.line);
	}
	free(all);
}

void
check_all(struct binder *binder, struct conf *conf, struct conf_node *root)
{
	struct conf_node *sites = check_good(root, "sites"), *node;

	check_machine(binder, conf, root);
	if (sites == NULL || sites->kind != NODE_MAP || sites->count == 0) {
		if (!check_refused(root, "sites"))
			check_complain(binder, REPORT_WARNING, root, "sites",
			    "is empty: nothing is measured or shown");
		return;
	}
	for (node = sites->first; node != NULL; node = node->next) {
		if (node->object != NULL)
			check_site(binder, node);
	}
	check_addresses(binder, sites);
}
