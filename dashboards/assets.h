/*
 * What is compiled into vetrinad: templates, strings and the built style, scripts,
 * fonts and icons. The data is dashboards/dist/data.c, which build.mjs writes; all of
 * it is constant and lives as long as the program.
 */
#ifndef VT_DASHBOARDS_ASSETS_H
#define VT_DASHBOARDS_ASSETS_H

#include <stddef.h>

struct asset {
	const char *name;	/* "templates/overview.mustache", "strings/it.json", "style.css" */
	const char *path;	/* "/assets/style-0123456789.css"; NULL: not public */
	const char *type;	/* "text/css; charset=utf-8" */
	const unsigned char *data;	/* followed by a NUL, which length does not count */
	size_t length;
	const unsigned char *gzip;	/* NULL where it is not worth it */
	size_t gzip_length;
	const unsigned char *brotli;
	size_t brotli_length;
};

/* All of them, sorted by name. A public path holds its content's hash: it may be
 * cached for ever. */
extern const struct asset assets_list[];
extern const size_t assets_count;

/* -> NULL if there is none. */
const struct asset *assets_find(const char *name);
const struct asset *assets_find_path(const char *path);

#endif
