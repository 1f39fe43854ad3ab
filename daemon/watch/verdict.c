/* Verdicts: a pure function of results. */
#include "watch/verdict.h"

#include "base/mem.h"

const char *
verdict_name(enum verdict verdict)
{
	static const char *const names[VERDICTS] = {
	    [VERDICT_UNKNOWN] = "unknown",
	    [VERDICT_UP] = "up",
	    [VERDICT_DEGRADED] = "degraded",
	    [VERDICT_DOWN] = "down",
	    [VERDICT_MAINTENANCE] = "maintenance",
	};

	assert(verdict < VERDICTS);
	return names[verdict];
}

enum verdict
verdict_of_result(bool failed, bool warned, double total_s, double p95_s)
{
	if (failed)
		return VERDICT_DOWN;
	/* Not a number is never over the objective. */
	if (warned || (p95_s > 0 && total_s > p95_s))
		return VERDICT_DEGRADED;
	return VERDICT_UP;
}

static int
badness(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_UP:
	case VERDICT_MAINTENANCE:
		return 0;
	case VERDICT_DEGRADED:
		return 1;
	case VERDICT_UNKNOWN:
		return 2;
	default:
		return 3;
	}
}

enum verdict
verdict_of_service(const struct verdict_part *parts, size_t count)
{
	enum verdict worst = VERDICT_UP;
	size_t required = 0, measured = 0, hurt = 0, i;

	for (i = 0; i < count; i++) {
		measured += parts[i].verdict != VERDICT_UNKNOWN;
		if (!parts[i].required) {
			hurt += badness(parts[i].verdict) == badness(VERDICT_DOWN) ||
				parts[i].verdict == VERDICT_DEGRADED;
			continue;
		}
		required++;
		if (badness(parts[i].verdict) > badness(worst))
			worst = parts[i].verdict;
	}
	if (measured == 0)
		return VERDICT_UNKNOWN;
	if (required == 0 || worst == VERDICT_UP)
		return hurt > 0 ? VERDICT_DEGRADED : VERDICT_UP;
	return worst;
}
