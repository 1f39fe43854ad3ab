/* The table of collectors; one more is one line here and one file beside. */
#include "collectors/collectors.h"

#include <string.h>

#include "base/mem.h"

const struct collector *const collectors_all[] = {
    &collector_http,
    &collector_dns,
    &collector_icmp,
    &collector_exec,
    &collector_json,
    &collector_statuspage,
    &collector_tcp,
    &collector_tls,
    &collector_openmetrics,
    &collector_csv,
    NULL,
};

_Static_assert(ARRAY_LENGTH(collectors_all) <= COLLECTORS_MAX, "COLLECTORS_MAX");

void
collectors_rows(struct conf_collector rows[COLLECTORS_MAX])
{
	size_t i;

	memset(rows, 0, COLLECTORS_MAX * sizeof(*rows));
	for (i = 0; collectors_all[i] != NULL; i++) {
		const struct collector *collector = collectors_all[i];

		rows[i] = (struct conf_collector){
		    .name = collector->name,
		    .text = collector->text,
		    .options = collector->options,
		    .size = collector->options_size,
		    .sources = collector->source_count,
		    .extra = collector->extra,
		    .shorthand = collector->shorthand,
		    .check = collector->check,
		};
	}
}
