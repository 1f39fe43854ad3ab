/*
 * The cache of built pages: by key, with a byte limit (the least recently asked
 * goes first). Single flight: requests for a key that is being built wait for that
 * one build. Compression (gzip, brotli) runs on a worker. Nobody builds ahead of a
 * request but who asks without one (request NULL).
 */
#ifndef VT_WEB_CACHE_H
#define VT_WEB_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct cache;
struct cache_build;
struct loop;
struct server_request;
struct worker_pool;

struct cache *cache_create(struct loop *loop, struct worker_pool *io, size_t bytes_max);
/* Builds under way are forgotten: cache_built() later is safe. Who waits gets a 503. */
void cache_destroy(struct cache *cache);

/* Begins to build the content of key and calls cache_built() exactly once, now or
 * later. arg is as given to cache_get(). */
typedef void cache_build_fn(struct cache_build *build, const char *key, void *arg);

/* Answers the request from the cache while the entry's generation is at least this
 * one and it has not expired, else after one build. arg must live until cache_get()
 * returns only: build is called within it, or not at all. A request that finds a build
 * running waits for it, whatever its generation; when 1,024 wait in all, the next one
 * gets a 503 (one whose visitor has left counts until its build ends).
 * After 200 builds within a second a request gets what is there, if it has not expired,
 * though its generation be older, else a 503.
 * request NULL: only sees to it that the entry is there. */
void cache_get(struct cache *cache, const char *key, uint64_t generation,
    struct server_request *request, cache_build_fn *build, void *arg);

/* Takes body's memory. headers: "Name: value", NULL-terminated or NULL. lives_us: how
 * long the entry holds at most whatever its generation; 0: not kept at all. */
void cache_built(struct cache_build *build, unsigned status, const char *type,
    const char *const *headers, struct buf *body, int64_t lives_us);

struct cache_stats {
	uint64_t hits, builds, waits, evictions;
	uint64_t refused;	/* too many waited, or were built */
	size_t entries, bytes;
};
void cache_stats(const struct cache *cache, struct cache_stats *out);

#endif
