/*
 * The API's document of services, in the shape of the design's section 8.
 */
#ifndef VT_WEB_API_H
#define VT_WEB_API_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct figures;
struct registry_service;

/* One service as /api/v1/services has it; with_site: its site's id too, and whether its
 * data is a demonstration. */
json_t *api_service(const struct registry_service *service, const struct figures *figures,
    int64_t now_us, bool with_site);
/* The whole: takes services, an array. demo: all of it is a demonstration. */
json_t *api_services(json_t *services, bool demo, int64_t now_us);

#endif
