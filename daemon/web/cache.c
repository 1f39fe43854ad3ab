/*
 * The cache of built pages. An entry is a key with its content and, while one runs,
 * its build; entries with a content stand in a list by use, and the least used goes
 * when the bytes pass the limit. A build owns its waiters; the entry borrows it.
 *
 * A build goes: cache_get() calls the builder, cache_built() hands the body to a
 * worker for compression (or not, where that does not help), then the content is
 * made and all who wait get it. Whoever asks meanwhile joins the build that runs,
 * even if the world has moved on since it began: the next one sees that. When the
 * cache goes first, its builds are orphans, which cache_built() frees.
 */
#include "web/cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/tree.h"
#include "loop/worker.h"
#include "web/compress.h"
#include "web/server.h"

#define CACHE_MAGIC 0x63616368
#define BUILD_MAGIC 0x62756c64
#define WAITERS_MAX 1024 /* in all: connections are left for what is there */
#define BUILDS_MAX 200   /* a second, by request: half a millisecond of the loop each */
#define ENTRY_SHARE 4    /* an entry takes at most a fourth of the cache */

struct entry {
	RB_ENTRY(entry) node;
	TAILQ_ENTRY(entry) use; /* while it has a content */
	char *key;
	struct server_content *content;
	size_t bytes;
	uint64_t generation;
	int64_t expires_us;
	struct cache_build *build; /* the one that runs, or NULL */
};

RB_HEAD(entry_tree, entry);
TAILQ_HEAD(entry_list, entry);
LIST_HEAD(build_list, cache_build);

struct cache {
	MAGIC;
	struct worker_pool *io;
	size_t bytes_max;
	struct entry_tree entries;
	struct entry_list used; /* the most recent first */
	struct build_list builds;
	unsigned waiters;
	unsigned window_builds; /* since window_us */
	int64_t window_us;
	struct cache_stats stats;
};

struct cache_build {
	MAGIC;
	LIST_ENTRY(cache_build) list;
	struct cache *cache; /* NULL once that is gone */
	struct entry *entry;
	uint64_t generation;
	bool built;
	struct server_request **waiters;
	unsigned waiter_count, waiter_size;
	/* The answer, on its way: */
	unsigned status;
	char *type;
	char **headers;
	int64_t lives_us;
	struct buf bodies[SERVER_ENCODINGS];
};

static int
entry_compare(struct entry *a, struct entry *b)
{
	return strcmp(a->key, b->key);
}

TREE_GENERATE(entry_tree, entry, node, entry_compare)

static void
drop_content(struct cache *cache, struct entry *entry)
{
	if (entry->content == NULL)
		return;
	TAILQ_REMOVE(&cache->used, entry, use);
	cache->stats.bytes -= entry->bytes;
	cache->stats.entries--;
	server_content_unref(entry->content);
	entry->content = NULL;
	entry->bytes = 0;
}

/* An entry lives while it has a content or a build. */
static void
settle(struct cache *cache, struct entry *entry)
{
	if (entry->content != NULL || entry->build != NULL)
		return;
	RB_REMOVE(entry_tree, &cache->entries, entry);
	free(entry->key);
	free(entry);
}

static void
evict(struct cache *cache)
{
	struct entry *entry;

	while (cache->stats.bytes > cache->bytes_max) {
		entry = TAILQ_LAST(&cache->used, entry_list);
		assert(entry != NULL);
		drop_content(cache, entry);
		settle(cache, entry);
		cache->stats.evictions++;
	}
}

static void
keep_content(struct cache *cache, struct entry *entry, struct server_content *content,
    const struct cache_build *build)
{
	size_t bytes =
	    server_content_size(content) + sizeof(*entry) + strlen(entry->key) + 1;

	drop_content(cache, entry);
	if (build->lives_us <= 0 || bytes > cache->bytes_max / ENTRY_SHARE)
		return;
	server_content_ref(content);
	entry->content = content;
	entry->bytes = bytes;
	entry->generation = build->generation;
	entry->expires_us = clock_mono_us() + build->lives_us;
	TAILQ_INSERT_HEAD(&cache->used, entry, use);
	cache->stats.bytes += bytes;
	cache->stats.entries++;
	evict(cache);
}

static void
build_free(struct cache_build *build)
{
	size_t i;

	if (build->cache != NULL)
		LIST_REMOVE(build, list);
	for (i = 0; i < SERVER_ENCODINGS; i++)
		buf_free(&build->bodies[i]);
	for (i = 0; build->headers != NULL && build->headers[i] != NULL; i++)
		free(build->headers[i]);
	free(build->headers);
	free(build->type);
	free(build->waiters);
	MAGIC_CLEAR(build);
	free(build);
}

static void
refuse(struct server_request *request)
{
	server_reply_text(request, 503, "text/plain; charset=utf-8", "Try again.\n");
}

static void
finish(void *arg)
{
	struct cache_build *build = arg;
	struct cache *cache = build->cache;
	struct entry *entry = build->entry;
	struct server_content *content;
	unsigned i;

	MAGIC_CHECK(build, BUILD_MAGIC);
	if (cache != NULL) {
		content = server_content_create(build->status, build->type,
		    build->bodies, (const char *const *)build->headers);
		entry->build = NULL;
		keep_content(cache, entry, content, build);
		settle(cache, entry);
		cache->waiters -= build->waiter_count;
		for (i = 0; i < build->waiter_count; i++)
			server_reply(build->waiters[i], content);
		server_content_unref(content);
	}
	build_free(build);
}

/* On a worker. */
static void
compress(void *arg)
{
	struct cache_build *build = arg;
	const struct buf *body = &build->bodies[SERVER_IDENTITY];

	compress_gzip(body->data, body->length, &build->bodies[SERVER_GZIP]);
	compress_brotli(body->data, body->length, &build->bodies[SERVER_BROTLI]);
}

void
cache_built(struct cache_build *build, unsigned status, const char *type,
    const char *const *headers, struct buf *body, int64_t lives_us)
{
	size_t count = 0, i;

	MAGIC_CHECK(build, BUILD_MAGIC);
	assert(!build->built);
	build->built = true;
	if (build->cache == NULL) {
		buf_free(body);
		build_free(build);
		return;
	}
	build->status = status;
	build->type = mem_strdup(type);
	build->lives_us = lives_us;
	build->bodies[SERVER_IDENTITY] = *body;
	*body = (struct buf)BUF_INIT;
	while (headers != NULL && headers[count] != NULL)
		count++;
	build->headers = mem_array(count + 1, sizeof(char *));
	for (i = 0; i < count; i++)
		build->headers[i] = mem_strdup(headers[i]);
	/* A pool that is full costs bytes on the wire, not an answer. What is measured
	 * (bodies to be judged, verdicts, the journal) goes before what is read. */
	if (!compress_helps(type, build->bodies[SERVER_IDENTITY].length) ||
	    worker_submit(build->cache->io, WORKER_LOW, compress, finish, build) != 0)
		finish(build);
}

struct cache *
cache_create(struct loop *loop, struct worker_pool *io, size_t bytes_max)
{
	struct cache *cache = mem_zalloc(sizeof(*cache));

	MAGIC_SET(cache, CACHE_MAGIC);
	cache->io = io;
	cache->bytes_max = bytes_max;
	RB_INIT(&cache->entries);
	TAILQ_INIT(&cache->used);
	LIST_INIT(&cache->builds);
	return cache;
}

void
cache_destroy(struct cache *cache)
{
	struct cache_build *build;
	struct entry *entry;
	unsigned i;

	if (cache == NULL)
		return;
	MAGIC_CHECK(cache, CACHE_MAGIC);
	while ((build = LIST_FIRST(&cache->builds)) != NULL) {
		LIST_REMOVE(build, list);
		build->cache = NULL;
		build->entry->build = NULL;
		for (i = 0; i < build->waiter_count; i++)
			refuse(build->waiters[i]);
		build->waiter_count = 0;
	}
	while ((entry = RB_MIN(entry_tree, &cache->entries)) != NULL) {
		drop_content(cache, entry);
		settle(cache, entry);
	}
	MAGIC_CLEAR(cache);
	free(cache);
}

static void
wait_for(struct cache *cache, struct cache_build *build, struct server_request *request)
{
	if (cache->waiters == WAITERS_MAX) {
		cache->stats.refused++;
		refuse(request);
		return;
	}
	if (build->waiter_count == build->waiter_size) {
		build->waiter_size =
		    build->waiter_size > 0 ? 2 * build->waiter_size : 4;
		build->waiters = mem_resize(build->waiters, build->waiter_size,
		    sizeof(struct server_request *));
	}
	build->waiters[build->waiter_count++] = request;
	cache->waiters++;
}

static void
begin_build(struct cache *cache, struct entry *entry, uint64_t generation)
{
	struct cache_build *build = mem_zalloc(sizeof(*build));

	MAGIC_SET(build, BUILD_MAGIC);
	build->cache = cache;
	build->entry = entry;
	build->generation = generation;
	LIST_INSERT_HEAD(&cache->builds, build, list);
	entry->build = build;
	cache->stats.builds++;
}

/* Whoever asks for another page each time must not keep the loop from polling. */
static bool
may_build(struct cache *cache)
{
	int64_t now_us = clock_mono_us();

	if (now_us - cache->window_us >= CLOCK_SECOND) {
		cache->window_us = now_us;
		cache->window_builds = 0;
	}
	if (cache->window_builds == BUILDS_MAX)
		return false;
	cache->window_builds++;
	return true;
}

static void
answer(struct cache *cache, struct entry *entry, struct server_request *request)
{
	cache->stats.hits++;
	TAILQ_REMOVE(&cache->used, entry, use);
	TAILQ_INSERT_HEAD(&cache->used, entry, use);
	server_reply(request, entry->content);
}

void
cache_get(struct cache *cache, const char *key, uint64_t generation,
    struct server_request *request, cache_build_fn *build, void *arg)
{
	struct entry wanted = {.key = (char *)key};
	struct entry *entry;
	bool holds;

	MAGIC_CHECK(cache, CACHE_MAGIC);
	entry = RB_FIND(entry_tree, &cache->entries, &wanted);
	holds = entry != NULL && entry->content != NULL &&
		clock_mono_us() < entry->expires_us;
	if (holds && entry->generation >= generation) {
		if (request != NULL)
			answer(cache, entry, request);
		return;
	}
	if (request != NULL && (entry == NULL || entry->build == NULL) &&
	    !may_build(cache)) {
		cache->stats.refused++;
		if (holds)
			answer(cache, entry, request);
		else
			refuse(request);
		return;
	}
	if (entry == NULL) {
		entry = mem_zalloc(sizeof(*entry));
		entry->key = mem_strdup(key);
		RB_INSERT(entry_tree, &cache->entries, entry);
	}
	if (entry->build != NULL) {
		if (request == NULL)
			return;
		cache->stats.waits++;
		wait_for(cache, entry->build, request);
		return;
	}
	begin_build(cache, entry, generation);
	if (request != NULL)
		wait_for(cache, entry->build, request);
	build(entry->build, key, arg); /* which may end it at once, and the entry too */
}

void
cache_stats(const struct cache *cache, struct cache_stats *out)
{
	*out = cache->stats;
}
