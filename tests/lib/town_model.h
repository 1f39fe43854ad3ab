/*
 * How the services of the invented Comune di Borgosereno behave at an instant: a
 * pure function, so that the stand-in town (town.c) and the history written before
 * it (town_seed.c) tell the same story.
 */
#ifndef VT_TESTS_TOWN_MODEL_H
#define VT_TESTS_TOWN_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct town_service {
	const char *id;
	double base_ms;		/* at night */
	double busy_ms;		/* more, at the busiest hour of a working day */
	int outage_of_blocks;	/* one block of two hours in so many has an outage; 0 never */
	bool tls;
};

extern const struct town_service town_services[];
extern const size_t town_service_count;

struct town_moment {
	bool down;		/* answers 503 */
	double response_s;
};

const struct town_service *town_find(const char *id);
void town_at(const struct town_service *service, int64_t at_s, struct town_moment *out);

#endif
