/*
 * The figures of services, as store/history gave them lately: asked for when a page
 * needs them, kept for a while, one query a service at a time and few at once. A
 * reader is given figures of some minutes ago at once while newer ones are made.
 */
#ifndef VT_WEB_FIGURES_H
#define VT_WEB_FIGURES_H

#include <stddef.h>
#include <stdint.h>

#include "store/history.h"
#include "web/route.h"

struct figures;
struct registry;
struct registry_service;

#define FIGURES_DAYS 90

/* What every page tells of a service. */
struct figures_base {
	int64_t first_s;	/* first measurement on file, 0 none */
	struct history_period day, month; /* the last 24 hours, 30 days */
	struct history_period days[FIGURES_DAYS]; /* civil, the last is today */
};

/* A period with its curve. */
struct figures_span {
	struct history_period whole;
	int64_t step_s;
	size_t count;
	struct history_point *points;
};

struct figures *figures_create(struct registry *registry);
/* Nobody who waits is called any more. */
void figures_destroy(struct figures *figures);
/* After a reload: all is asked anew, what is gone is dropped. */
void figures_expire(struct figures *figures);

/* Calls cb, now or later, when the base figures of the services are there, and the
 * span of the first one if span is not ROUTE_PERIODS. */
typedef void figures_cb(void *arg);
void figures_prepare(struct figures *figures, struct registry_service *const *services,
    size_t count, enum route_period span, figures_cb *cb, void *arg);
/* As far as they are known; NULL before. Valid until the return to the loop. */
const struct figures_base *figures_base(
    const struct figures *figures, const struct registry_service *service);
const struct figures_span *figures_span(const struct figures *figures,
    const struct registry_service *service, enum route_period span);
/* Tells of each change but those by figures_expire(). One listener. */
typedef void figures_changed_cb(const char *site, const char *service, void *arg);
void figures_listen(struct figures *figures, figures_changed_cb *cb, void *arg);

#endif
