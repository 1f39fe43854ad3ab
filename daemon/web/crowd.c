/*
 * The connections of a server. A list a state, each in the order of entering it, so
 * that the head is the oldest. A member dismissed stands in no list until it leaves.
 */
#include "web/crowd.h"

#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "loop/loop.h"

#define CROWD_MAGIC 0x63727764
#define MEMBER_MAGIC 0x6d626572
#define SWEEP_US (5 * CLOCK_SECOND)

TAILQ_HEAD(member_list, crowd_member);

struct crowd_member {
	MAGIC;
	TAILQ_ENTRY(crowd_member) entry;
	struct crowd *crowd;
	enum crowd_state state;
	bool dismissed;
	int64_t since_us;
	int fd;
};

struct crowd {
	MAGIC;
	unsigned max, count;
	int64_t max_us[CROWD_STATES];
	struct member_list list[CROWD_STATES];
	struct loop_timer *sweep;
	int64_t now_us;
	uint64_t dismissed;
};

static void
dismiss(struct crowd_member *member)
{
	TAILQ_REMOVE(&member->crowd->list[member->state], member, entry);
	member->dismissed = true;
	member->crowd->dismissed++;
	shutdown(member->fd, SHUT_RDWR);
}

static void
on_sweep(void *arg)
{
	struct crowd *crowd = arg;
	struct crowd_member *oldest;
	int64_t now = clock_mono_us();
	int i;

	MAGIC_CHECK(crowd, CROWD_MAGIC);
	for (i = CROWD_IDLE; i <= CROWD_SENDING; i++)
		while ((oldest = TAILQ_FIRST(&crowd->list[i])) != NULL &&
		       now - oldest->since_us > crowd->max_us[i])
			dismiss(oldest);
	loop_timer_set(crowd->sweep, SWEEP_US);
}

struct crowd *
crowd_create(
    struct loop *loop, unsigned max, int64_t idle_max_us, int64_t sending_max_us)
{
	struct crowd *crowd = mem_zalloc(sizeof(*crowd));
	int i;

	MAGIC_SET(crowd, CROWD_MAGIC);
	crowd->max = max;
	crowd->max_us[CROWD_IDLE] = idle_max_us;
	crowd->max_us[CROWD_SENDING] = sending_max_us;
	for (i = 0; i < CROWD_STATES; i++)
		TAILQ_INIT(&crowd->list[i]);
	crowd_tick(crowd);
	crowd->sweep = loop_timer_create(loop, on_sweep, crowd);
	loop_timer_set(crowd->sweep, SWEEP_US);
	return crowd;
}

void
crowd_destroy(struct crowd *crowd)
{
	if (crowd == NULL)
		return;
	MAGIC_CHECK(crowd, CROWD_MAGIC);
	assert(crowd->count == 0);
	loop_timer_destroy(crowd->sweep);
	MAGIC_CLEAR(crowd);
	free(crowd);
}

void
crowd_tick(struct crowd *crowd)
{
	crowd->now_us = clock_mono_us();
}

bool
crowd_has_room(const struct crowd *crowd)
{
	return crowd->count < crowd->max || !TAILQ_EMPTY(&crowd->list[CROWD_IDLE]) ||
	       !TAILQ_EMPTY(&crowd->list[CROWD_SENDING]);
}

struct crowd_member *
crowd_enter(struct crowd *crowd, int fd)
{
	struct crowd_member *member = mem_zalloc(sizeof(*member)), *oldest;

	MAGIC_CHECK(crowd, CROWD_MAGIC);
	MAGIC_SET(member, MEMBER_MAGIC);
	member->crowd = crowd;
	member->fd = fd;
	member->since_us = crowd->now_us;
	if (++crowd->count > crowd->max) {
		oldest = TAILQ_FIRST(&crowd->list[CROWD_IDLE]);
		if (oldest == NULL)
			oldest = TAILQ_FIRST(&crowd->list[CROWD_SENDING]);
		if (oldest != NULL)
			dismiss(oldest);
	}
	member->state = CROWD_IDLE;
	TAILQ_INSERT_TAIL(&crowd->list[CROWD_IDLE], member, entry);
	return member;
}

void
crowd_move(struct crowd_member *member, enum crowd_state state)
{
	MAGIC_CHECK(member, MEMBER_MAGIC);
	if (member->dismissed)
		return;
	TAILQ_REMOVE(&member->crowd->list[member->state], member, entry);
	member->state = state;
	member->since_us = member->crowd->now_us;
	TAILQ_INSERT_TAIL(&member->crowd->list[state], member, entry);
}

void
crowd_leave(struct crowd_member *member)
{
	MAGIC_CHECK(member, MEMBER_MAGIC);
	if (!member->dismissed)
		TAILQ_REMOVE(&member->crowd->list[member->state], member, entry);
	member->crowd->count--;
	MAGIC_CLEAR(member);
	free(member);
}

unsigned
crowd_count(const struct crowd *crowd)
{
	return crowd->count;
}

uint64_t
crowd_dismissed(const struct crowd *crowd)
{
	return crowd->dismissed;
}
