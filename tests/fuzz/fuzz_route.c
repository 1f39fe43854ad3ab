/* web/route and web/series: an address as the server hands it on, path then query
 * (a line each); what is found must be written as an address that is found again. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "watch/registry.h"
#include "web/route.h"
#include "web/series.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char it[] = "it", en[] = "en";
static const struct conf_strings languages = {2, (char *[]){it, en}, NULL};

static void
fuzz_series(const char *query)
{
	static const struct archive_source sources[] = {{.name = "total", .unit = "s"}};
	static const struct collector collector = {
	    .sources = sources, .source_count = 1};
	static const struct conf_check conf = {.every_us = 60000000};
	const struct registry_check check = {.conf = &conf, .collector = &collector};
	static const struct conf_retention retention = {
	    .count = 2, .tiers = {{60000000, 86400000000}, {3600000000, 864000000000}}};
	struct series_query asked;

	if (series_parse(&check, &retention, "total", query, 1795513500, &asked) ==
	    NULL)
		assert(asked.from_s < asked.to_s && asked.to_s <= 1795513500 &&
		       asked.step_s >= 60 && asked.from_s >= 0 &&
		       (asked.to_s - asked.from_s) / asked.step_s <= 2000);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_strndup((const char *)data, size), *query = strchr(text, '\n');
	struct buf path = BUF_INIT, again = BUF_INIT;
	struct route route, other;

	if (query != NULL)
		*query++ = '\0';
	else
		query = text + strlen(text);
	query[strcspn(query, "\n")] = '\0';
	fuzz_series(query);
	if (route_parse(&languages, text, query, &route) != ROUTE_MISSING) {
		route_write(&route, &languages, &path);
		assert(path.length > 0 && path.data[0] == '/');
		if (route.page < ROUTE_PAGES)
			assert(strpbrk(path.data, "<>\"'& \\") == NULL);
		path.data[strcspn(path.data, "?")] = '\0';
		assert(
		    route_parse(&languages, path.data, query, &other) == ROUTE_FOUND);
		route_write(&other, &languages, &again);
		again.data[strcspn(again.data, "?")] = '\0';
		assert(strcmp(path.data, again.data) == 0);
	}
	buf_free(&path);
	buf_free(&again);
	free(text);
	return 0;
}
