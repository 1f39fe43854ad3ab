/*
 * Verdicts: a pure function of results. Unknown is neither zero nor down.
 */
#ifndef VT_WATCH_VERDICT_H
#define VT_WATCH_VERDICT_H

#include <stdbool.h>
#include <stddef.h>

enum verdict {
	VERDICT_UNKNOWN, VERDICT_UP, VERDICT_DEGRADED, VERDICT_DOWN, VERDICT_MAINTENANCE,
	VERDICTS
};

const char *verdict_name(enum verdict verdict); /* "up", ... */

/* What one run says of its check: failed is down, warned or slower than the
 * objective (both in seconds, 0: none) is degraded. */
enum verdict verdict_of_result(bool failed, bool warned, double total_s, double p95_s);

/* Of a service: the worst of its required checks (down, then unknown, then degraded,
 * then up), degraded at least if one that is not required is down. Without any
 * required check, of all of them as not required. None at all: unknown. */
struct verdict_part {
	enum verdict verdict;
	bool required;
};
enum verdict verdict_of_service(const struct verdict_part *parts, size_t count);

#endif
