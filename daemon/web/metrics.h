/*
 * What the daemon tells a Prometheus about its checks and itself: /metrics of the
 * admin listener. Labels are ids of the configuration; no address, no error text.
 */
#ifndef VT_WEB_METRICS_H
#define VT_WEB_METRICS_H

#include <stdbool.h>

#include "base/buf.h"

struct cache;
struct server;
struct web_env;

struct metrics_source {
	const struct web_env *env;	/* its pointers may be NULL but registry, status */
	const struct cache *cache;	/* or NULL */
	const struct server *public, *admin; /* or NULL */
};

/* Everything, in the text format 0.0.4 or OpenMetrics 1.0 (exposition.h has their
 * media types and says which one an Accept wants). */
void metrics_write(const struct metrics_source *source, bool openmetrics, struct buf *out);

#endif
