/* The behaviour of the demo town: daily rhythm, noise by hash, outages by block. */
#include "town_model.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

const struct town_service town_services[] = {
    {"sito", 90, 140, 0, false},
    {"anagrafe", 120, 260, 0, false},
    {"stato-civile", 110, 160, 0, false},
    {"tributi", 180, 1500, 0, false}, /* slow in office hours */
    {"pagamenti", 140, 220, 160, false},
    {"edilizia", 210, 330, 0, false},
    {"mensa", 130, 240, 90, false},
    {"biblioteca", 100, 120, 14, false}, /* fails at times */
    {"albo", 70, 60, 0, false},
    {"appuntamenti", 150, 210, 0, true}, /* its certificate is about to expire */
    {"app-comune", 80, 110, 0, true},
    {"multe", 160, 190, 220, false},
};
const size_t town_service_count = sizeof(town_services) / sizeof(town_services[0]);

const struct town_service *
town_find(const char *id)
{
	size_t i;

	for (i = 0; i < town_service_count; i++)
		if (strcmp(town_services[i].id, id) == 0)
			return &town_services[i];
	return NULL;
}

/* Evenly spread in [0, 1), the same for the same arguments. */
static double
chance(const char *id, int64_t a, int64_t b)
{
	uint64_t h = text_hash(id, strlen(id), TEXT_HASH_SEED);

	h = text_hash(&a, sizeof(a), h);
	h = text_hash(&b, sizeof(b), h);
	h ^= h >> 31;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	h ^= h >> 29;
	return (double)(h >> 11) / (double)(UINT64_C(1) << 53);
}

void
town_at(const struct town_service *service, int64_t at_s, struct town_moment *out)
{
	int64_t local = at_s + 3600; /* near enough to Rome for a rhythm */
	int64_t day = local / 86400, block = at_s / 7200;
	double hour = (local % 86400) / 3600.0;
	bool working = (day + 3) % 7 < 5;
	double busy = working ? exp(-(hour - 10.5) * (hour - 10.5) / 6) +
				    0.6 * exp(-(hour - 15.5) * (hour - 15.5) / 4)
			      : 0.15 * exp(-(hour - 15) * (hour - 15) / 18);
	double u = chance(service->id, at_s / 60, 1);
	/* A tail to the right, as response times have it. */
	double noise = 0.85 + 0.3 * u + (u > 0.97 ? (u - 0.97) * 40 : 0);

	out->response_s = (service->base_ms + service->busy_ms * busy) * noise / 1000;
	out->down = false;
	if (service->outage_of_blocks > 0 &&
	    chance(service->id, block, 2) < 1.0 / service->outage_of_blocks) {
		int64_t start =
		    block * 7200 + (int64_t)(chance(service->id, block, 3) * 3600);
		int64_t length = 600 + (int64_t)(chance(service->id, block, 4) * 2400);
		out->down = at_s >= start && at_s < start + length;
	}
}
