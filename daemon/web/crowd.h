/*
 * The connections of a server and who of them gives way when it is full. Knows
 * descriptors, not HTTP: a member is idle (nothing asked yet, or its head not whole,
 * however it drips), busy (its answer is being made: never dismissed) or sent to.
 * To dismiss is shutdown(): whoever reads the descriptor sees its end and closes it.
 */
#ifndef VT_WEB_CROWD_H
#define VT_WEB_CROWD_H

#include <stdbool.h>
#include <stdint.h>

struct crowd;
struct crowd_member;
struct loop;

enum crowd_state { CROWD_IDLE, CROWD_SENDING, CROWD_BUSY, CROWD_STATES };

/* Members beyond max make room; idle or sent to for too long, they go too. */
struct crowd *crowd_create(struct loop *loop, unsigned max, int64_t idle_max_us,
    int64_t sending_max_us);
void crowd_destroy(struct crowd *crowd); /* all members have left */

/* Reads the clock: once for all that enter and move in a turn of the loop. */
void crowd_tick(struct crowd *crowd);
/* Whether one more finds a place, or somebody who gives way. */
bool crowd_has_room(const struct crowd *crowd);
/* Enters idle; when that is one too many, the one idle for the longest is dismissed,
 * else the one sent to for the longest. */
struct crowd_member *crowd_enter(struct crowd *crowd, int fd);
void crowd_move(struct crowd_member *member, enum crowd_state state);
void crowd_leave(struct crowd_member *member);

unsigned crowd_count(const struct crowd *crowd);
uint64_t crowd_dismissed(const struct crowd *crowd);

#endif
