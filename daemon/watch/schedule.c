/* When a check runs. */
#include "watch/schedule.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define GATHER_US CLOCK_SECOND
#define ROOM 2 /* of the time in which checks gather, half stays free */
#define SHARE_LEAST 0.01

int64_t
schedule_offset_us(
    const char *site, const char *service, const char *check, int64_t every_us)
{
	uint64_t h = text_hash(site, strlen(site) + 1, TEXT_HASH_SEED);

	h = text_hash(service, strlen(service) + 1, h);
	h = text_hash(check, strlen(check) + 1, h);
	/* FNV's low bits are poor for names that differ at their end. */
	h ^= h >> 32;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	h ^= h >> 29;
	return h % (uint64_t)every_us;
}

int64_t
schedule_gather_us(int64_t offset_us, double load)
{
	int64_t within = offset_us % GATHER_US;
	double share = load * ROOM;

	if (share >= 1)
		return offset_us;
	if (share < SHARE_LEAST)
		share = SHARE_LEAST;
	return offset_us - within + (int64_t)((double)within * share);
}

int64_t
schedule_slot(int64_t wall_us, int64_t every_us, int64_t offset_us)
{
	int64_t shifted = wall_us - offset_us;

	return shifted / every_us - (shifted % every_us < 0);
}

int64_t
schedule_cell(int64_t wall_us, int64_t every_us)
{
	return schedule_slot(wall_us, every_us, 0);
}

int64_t
schedule_due_us(int64_t slot, int64_t every_us, int64_t offset_us)
{
	return slot * every_us + offset_us;
}

int64_t
schedule_end_s(int64_t slot, int64_t every_us)
{
	return (slot + 1) * (every_us / CLOCK_SECOND);
}
