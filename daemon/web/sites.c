/*
 * Sites. Of languages, those count that the program has texts for; a site that has
 * none of them is shown in the first that there is. A page's generation is a number
 * of ours, not the registry's: with thousands of checks that one grows all the time,
 * and a page would be built for every request.
 */
#include "web/sites.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "dashboards/assets.h"
#include "watch/registry.h"
#include "web/figures.h"
#include "web/words.h"

#define SITES_MAGIC 0x73697465
#define PAGE_STEP_US CLOCK_SECOND
#define PREFIX "strings/"

/* Of the pages that show a site, or one service. */
struct age {
	uint64_t generation;
	uint64_t figures;            /* how often they changed */
	uint64_t seen, seen_figures; /* the registry's generation, figures */
	int64_t stepped_us;          /* mono */
};

struct site {
	char *id;
	struct conf_strings languages; /* items are the words' */
	struct age age;
	size_t service_count;
	struct age *services; /* in the registry's order */
};

struct host {
	const char *name; /* the snapshot's */
	size_t at;        /* the site */
};

struct sites {
	MAGIC;
	struct registry *registry;
	size_t words_count;
	struct words **words;
	size_t count;
	struct site *sites; /* in the registry's order */
	struct host *hosts; /* one a site, sorted */
	uint64_t configured;
};

static struct site *
find(const struct sites *sites, const struct registry_site *site)
{
	struct site *ours = &sites->sites[site->at];

	assert(site->at < sites->count && strcmp(ours->id, site->conf->id) == 0);
	return ours;
}

static struct age *
find_service(const struct sites *sites, const struct registry_service *service)
{
	struct site *site = find(sites, service->site);

	assert(service->at < site->service_count);
	return &site->services[service->at];
}

static void
load_words(struct sites *sites)
{
	size_t i;

	sites->words = mem_array(assets_count + 1, sizeof(*sites->words));
	for (i = 0; i < assets_count; i++) {
		const struct asset *asset = &assets_list[i];
		json_error_t error;
		json_t *strings;
		char *language;
		if (strncmp(asset->name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		strings = json_loadb((const char *)asset->data, asset->length,
		    JSON_REJECT_DUPLICATES, &error);
		if (strings == NULL) {
			log_error("%s:%d: %s", asset->name, error.line, error.text);
			continue;
		}
		language = mem_strndup(asset->name + strlen(PREFIX),
		    strcspn(asset->name + strlen(PREFIX), "."));
		sites->words[sites->words_count++] = words_create(language, strings);
		free(language);
		json_decref(strings);
	}
}

static void
on_figures(const char *id, const char *service_id, void *arg)
{
	struct sites *sites = arg;
	struct registry_site *site = registry_find_site(sites->registry, id);
	struct registry_service *service =
	    site != NULL ? registry_find_service(site, service_id) : NULL;

	MAGIC_CHECK(sites, SITES_MAGIC);
	if (service == NULL)
		return;
	find(sites, site)->age.figures++;
	find_service(sites, service)->figures++;
}

struct sites *
sites_create(struct registry *registry, struct figures *figures)
{
	struct sites *sites = mem_zalloc(sizeof(*sites));

	MAGIC_SET(sites, SITES_MAGIC);
	sites->registry = registry;
	load_words(sites);
	if (sites->words_count == 0) {
		log_error("web: no texts are compiled in");
		sites_destroy(sites);
		return NULL;
	}
	sites_configure(sites);
	figures_listen(figures, on_figures, sites);
	return sites;
}

static void
clear(struct sites *sites)
{
	size_t i;

	for (i = 0; i < sites->count; i++) {
		free(sites->sites[i].id);
		free(sites->sites[i].languages.items);
		free(sites->sites[i].services);
	}
	free(sites->sites);
	free(sites->hosts);
	sites->sites = NULL;
	sites->hosts = NULL;
	sites->count = 0;
}

void
sites_destroy(struct sites *sites)
{
	size_t i;

	if (sites == NULL)
		return;
	MAGIC_CHECK(sites, SITES_MAGIC);
	clear(sites);
	for (i = 0; i < sites->words_count; i++)
		words_destroy(sites->words[i]);
	free(sites->words);
	MAGIC_CLEAR(sites);
	free(sites);
}

const struct words *
sites_words(const struct sites *sites, const char *language)
{
	size_t i;

	for (i = 0; i < sites->words_count; i++)
		if (strcmp(words_language(sites->words[i]), language) == 0)
			return sites->words[i];
	return NULL;
}

static void
find_languages(
    const struct sites *sites, const struct conf_site *conf, struct site *site)
{
	struct conf_strings *out = &site->languages;
	const struct words *words;
	size_t i;

	out->items = mem_array(conf->languages.count + 1, sizeof(*out->items));
	for (i = 0; i < conf->languages.count; i++) {
		words = sites_words(sites, conf->languages.items[i]);
		if (words != NULL)
			out->items[out->count++] = (char *)words_language(words);
		else
			log_warning("web: site %s: there are no texts in \"%s\"",
			    conf->id, conf->languages.items[i]);
	}
	if (out->count == 0)
		out->items[out->count++] = (char *)words_language(sites->words[0]);
}

static int
compare_hosts(const void *a, const void *b)
{
	return strcmp(((const struct host *)a)->name, ((const struct host *)b)->name);
}

void
sites_configure(struct sites *sites)
{
	uint64_t first;
	size_t i, j;

	MAGIC_CHECK(sites, SITES_MAGIC);
	clear(sites);
	first = ++sites->configured
		<< 40; /* above whatever a page was built at before */
	sites->count = registry_site_count(sites->registry);
	sites->sites = mem_array(sites->count + 1, sizeof(*sites->sites));
	sites->hosts = mem_array(sites->count + 1, sizeof(*sites->hosts));
	for (i = 0; i < sites->count; i++) {
		const struct registry_site *theirs = registry_site(sites->registry, i);
		struct site *site = &sites->sites[i];
		sites->hosts[i] = (struct host){theirs->conf->host, i};
		site->id = mem_strdup(theirs->conf->id);
		site->age.generation = first;
		site->service_count = theirs->service_count;
		site->services =
		    mem_array(site->service_count + 1, sizeof(*site->services));
		for (j = 0; j < site->service_count; j++)
			site->services[j].generation = first;
		find_languages(sites, theirs->conf, site);
	}
	qsort(sites->hosts, sites->count, sizeof(*sites->hosts), compare_hosts);
}

const struct conf_strings *
sites_languages(const struct sites *sites, const struct registry_site *site)
{
	return &find(sites, site)->languages;
}

#define NAMES_MAX 4

/* The names that a Host may mean, all of them its beginnings: a port that goes without
 * saying does not count, nor does the root's dot. -> how many lengths */
static size_t
list_names(const char *host, size_t lengths[NAMES_MAX])
{
	size_t length = strlen(host), n = 0, i, count;
	const char *port = strrchr(host, ':');

	lengths[n++] = length;
	if (port != NULL && (strcmp(port, ":80") == 0 || strcmp(port, ":443") == 0))
		lengths[n++] = port - host;
	for (i = 0, count = n; i < count; i++)
		if (lengths[i] > 0 && host[lengths[i] - 1] == '.' &&
		    memchr(host, ':', lengths[i]) == NULL)
			lengths[n++] = lengths[i] - 1;
	return n;
}

/* What a name is to another that may be longer. */
static int
compare_name(const char *text, size_t length, const char *name)
{
	int order = strncmp(text, name, length);

	return order != 0 ? order : name[length] != '\0' ? -1 : 0;
}

/* The first of the hosts that is not before a name. */
static size_t
first_host(const struct sites *sites, const char *text, size_t length)
{
	size_t low = 0, high = sites->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_name(text, length, sites->hosts[middle].name) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
is_host(const struct sites *sites, size_t i, const char *text, size_t length)
{
	return i < sites->count &&
	       compare_name(text, length, sites->hosts[i].name) == 0;
}

bool
sites_know_host(const struct sites *sites, const char *host)
{
	size_t lengths[NAMES_MAX], n = list_names(host, lengths), i;

	for (i = 0; i < n; i++)
		if (is_host(
			sites, first_host(sites, host, lengths[i]), host, lengths[i]))
			return true;
	return sites->count == 1;
}

/* Takes the site if its base path is that of the path, and longer than the best's. */
static void
consider(const struct sites *sites, size_t at, const char *path,
    struct registry_site **best, size_t *best_length)
{
	struct registry_site *site = registry_site(sites->registry, at);
	const char *base = site->conf->base_path;
	size_t length = strlen(base);

	if (strncmp(path, base, length) != 0 ||
	    (path[length] != '/' && path[length] != '\0') ||
	    (*best != NULL && length <= *best_length))
		return;
	*best = site;
	*best_length = length;
}

struct registry_site *
sites_choose(const struct sites *sites, const char *host, const char **path)
{
	size_t lengths[NAMES_MAX], n = list_names(host, lengths), best_length = 0, i,
				   at;
	struct registry_site *best = NULL;

	if (sites->count == 1)
		consider(sites, 0, *path, &best, &best_length);
	for (i = 0; sites->count > 1 && i < n; i++)
		for (at = first_host(sites, host, lengths[i]);
		     is_host(sites, at, host, lengths[i]); at++)
			consider(
			    sites, sites->hosts[at].at, *path, &best, &best_length);
	if (best != NULL)
		*path += best_length;
	return best;
}

static uint64_t
step(struct age *age, uint64_t generation)
{
	int64_t now = clock_mono_us();

	if ((age->seen != generation || age->seen_figures != age->figures) &&
	    (age->stepped_us == 0 || now - age->stepped_us >= PAGE_STEP_US)) {
		age->generation++;
		age->seen = generation;
		age->seen_figures = age->figures;
		age->stepped_us = now;
	}
	return age->generation;
}

uint64_t
sites_generation(struct sites *sites, const struct registry_site *site)
{
	return step(&find(sites, site)->age, site->generation);
}

uint64_t
sites_service_generation(struct sites *sites, const struct registry_service *service)
{
	return step(find_service(sites, service), service->generation);
}

uint64_t
sites_conf_generation(const struct sites *sites)
{
	return sites->configured;
}
