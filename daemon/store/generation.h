/*
 * Generations of the journal: a list, ascending by number, of what is known of each
 * file. It belongs to the journal, and to the loop.
 */
#ifndef VT_STORE_GENERATION_H
#define VT_STORE_GENERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct generation {
	TAILQ_ENTRY(generation) entry;
	uint32_t number;
	uint64_t needed;	/* by so many samples */
	int64_t durable;	/* samples counted as such, less those moved */
	int64_t bytes;		/* of its file; 0 if these do not count */
	bool moved;		/* samples were moved from it */
	bool failed;		/* what it has not counted as durable is in memory only */
	bool ended;		/* nothing more is appended */
	bool on_disk;		/* has a file */
	bool removing;
};

TAILQ_HEAD(generation_list, generation);

struct generation *generation_add(struct generation_list *list, uint32_t number);
void generation_drop(struct generation_list *list, struct generation *generation);
struct generation *generation_find(const struct generation_list *list, uint32_t number);
uint32_t generation_newest(const struct generation_list *list); /* 0: there is none */
size_t generation_count(const struct generation_list *list);
/* Whether any sample still needs one. */
bool generation_any_needed(const struct generation_list *list);
/* Bytes of those that are ended and needed. */
uint64_t generation_old_bytes(const struct generation_list *list);
/* Nothing of those from this number on will be synced any more; what was moved from
 * them when it was still to be, is counted where it went. */
void generation_give_up(struct generation_list *list, uint32_t from);

#endif
