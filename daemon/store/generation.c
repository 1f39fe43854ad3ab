/* Generations of the journal: the list. There are few: one lasts ten minutes. */
#include "store/generation.h"

#include <stdlib.h>

#include "base/mem.h"

struct generation *
generation_add(struct generation_list *list, uint32_t number)
{
	struct generation *generation = mem_zalloc(sizeof(*generation));

	generation->number = number;
	TAILQ_INSERT_TAIL(list, generation, entry);
	return generation;
}

void
generation_drop(struct generation_list *list, struct generation *generation)
{
	TAILQ_REMOVE(list, generation, entry);
	free(generation);
}

struct generation *
generation_find(const struct generation_list *list, uint32_t number)
{
	struct generation *generation;

	TAILQ_FOREACH (generation, list, entry)
		if (generation->number == number)
			return generation;
	return NULL;
}

uint32_t
generation_newest(const struct generation_list *list)
{
	return TAILQ_EMPTY(list) ? 0 : TAILQ_LAST(list, generation_list)->number;
}

size_t
generation_count(const struct generation_list *list)
{
	const struct generation *generation;
	size_t count = 0;

	TAILQ_FOREACH (generation, list, entry)
		count++;
	return count;
}

bool
generation_any_needed(const struct generation_list *list)
{
	const struct generation *generation;

	TAILQ_FOREACH (generation, list, entry)
		if (generation->needed > 0)
			return true;
	return false;
}

uint64_t
generation_old_bytes(const struct generation_list *list)
{
	const struct generation *generation;
	uint64_t bytes = 0;

	TAILQ_FOREACH (generation, list, entry)
		if (generation->ended && generation->needed > 0)
			bytes += (uint64_t)generation->bytes;
	return bytes;
}

void
generation_give_up(struct generation_list *list, uint32_t from)
{
	struct generation *generation, *next;

	TAILQ_FOREACH (generation, list, entry) {
		if (generation->number < from)
			continue;
		generation->failed = true;
		next = TAILQ_NEXT(generation, entry);
		if (generation->durable < 0 && next != NULL) {
			next->durable += generation->durable;
			generation->durable = 0;
		}
	}
}
