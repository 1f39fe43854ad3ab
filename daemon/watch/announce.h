/*
 * Changes of verdict in the log: a line each, so many in a while; of more, their number.
 */
#ifndef VT_WATCH_ANNOUNCE_H
#define VT_WATCH_ANNOUNCE_H

struct announce;
struct ledger_transition;
struct loop;

struct announce *announce_create(struct loop *loop);
void announce_destroy(struct announce *announce); /* what is held back is told */
/* NULL announce: to nobody. */
void announce_change(struct announce *announce, const char *site,
    const struct ledger_transition *row);

#endif
