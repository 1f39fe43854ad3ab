/*
 * Outages, from the transitions that the ledger keeps: when a service was down, for
 * how long, and why in plain words. Pure.
 */
#ifndef VT_WEB_BOARD_OUTAGES_H
#define VT_WEB_BOARD_OUTAGES_H

#include <stddef.h>
#include <stdint.h>

#include "store/ledger.h"

struct board_outage {
	int64_t start_us, end_us;	/* wall; end 0: not in the rows */
	const char *kind;		/* key of the words: "kind_network", ... */
	const struct ledger_transition *cause; /* of a check, in rows; NULL not found */
};

/* rows as ledger_transitions() gives them, of a service and its checks. Fills at
 * most size, the newest first. -> how many */
size_t board_outages(const struct ledger_transition *rows, size_t count,
    struct board_outage *out, size_t size);
/* The plain words' key for a class of a check's result. */
const char *board_outage_kind(const char *class);

#endif
