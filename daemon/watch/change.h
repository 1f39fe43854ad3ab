/*
 * Changes of verdict: from results to the transitions of the ledger, for a check and
 * for its service. What was known before the start is recalled from the ledger, so
 * that a restart neither opens nor closes an outage; a time in which nobody looked
 * becomes a transition to unknown and one back.
 */
#ifndef VT_WATCH_CHANGE_H
#define VT_WATCH_CHANGE_H

#include "watch/registry.h"

/* check->last is new. */
void change_result(struct registry_check *check);
/* Asks the ledger, a few at a time, how those checks and services stood that it has not
 * told of yet. -> whether some are left: then this wants to be called again. */
bool change_recall(struct registry *registry, struct registry_site *site);

#endif
