/* Outages from transitions: the service's rows give the times, its checks' the cause.
 */
#include "web/board_outages.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* A check fails a little before its service is called down (a retry, another check
 * that is measured meanwhile), never after. */
#define CAUSE_US (600 * CLOCK_SECOND)

const char *
board_outage_kind(const char *class)
{
	static const struct {
		const char *class, *kind;
	} kinds[] = {
	    {"resolve", "kind_network"},
	    {"refused", "kind_network"},
	    {"connect_timeout", "kind_network"},
	    {"closed", "kind_network"},
	    {"tls_timeout", "kind_time"},
	    {"first_byte_timeout", "kind_time"},
	    {"read_timeout", "kind_time"},
	    {"slow", "kind_time"},
	    {"certificate_expired", "kind_certificate"},
	    {"certificate_name", "kind_certificate"},
	    {"certificate_issuer", "kind_certificate"},
	    {"tls", "kind_certificate"},
	    {"status", "kind_answer"},
	    {"match", "kind_answer"},
	    {"json", "kind_answer"},
	    {"too_large", "kind_answer"},
	    {"redirects", "kind_answer"},
	    {"protocol", "kind_answer"},
	};
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(kinds); i++)
		if (strcmp(kinds[i].class, class) == 0)
			return kinds[i].kind;
	return "kind_unknown";
}

/* rows[i] is the service's going down. */
static const struct ledger_transition *
find_cause(const struct ledger_transition *rows, size_t count, size_t i)
{
	const struct ledger_transition *before = NULL;
	int64_t at_us = rows[i].at_us;
	size_t j;

	for (j = i + 1; j < count && rows[j].at_us >= at_us - CAUSE_US; j++)
		if (rows[j].check[0] != '\0' && strcmp(rows[j].to, "down") == 0) {
			before = &rows[j];
			break;
		}
	if (before != NULL)
		return before;
	/* Told at the same instant, in either order. */
	for (j = i; j-- > 0 && rows[j].at_us <= at_us + CLOCK_SECOND;)
		if (rows[j].check[0] != '\0' && strcmp(rows[j].to, "down") == 0)
			return &rows[j];
	return NULL;
}

size_t
board_outages(const struct ledger_transition *rows, size_t count,
    struct board_outage *out, size_t size)
{
	int64_t end_us = 0;
	size_t i, n = 0;

	for (i = 0; i < count && n < size; i++) {
		if (rows[i].check[0] != '\0')
			continue;
		if (strcmp(rows[i].from, "down") == 0)
			end_us = rows[i].at_us;
		if (strcmp(rows[i].to, "down") != 0)
			continue;
		out[n].start_us = rows[i].at_us;
		out[n].end_us = end_us;
		out[n].cause = find_cause(rows, count, i);
		out[n].kind =
		    board_outage_kind(out[n].cause != NULL ? out[n].cause->class : "");
		n++;
		end_us = 0;
	}
	return n;
}
