/*
 * What a Nagios plugin prints: text, and performance data behind a bar.
 * Format: Monitoring Plugins Development Guidelines, sections "Plugin Output" and
 * "Performance data".
 */
#ifndef VT_COLLECTORS_PLUGIN_H
#define VT_COLLECTORS_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>

#define PLUGIN_DATA_MAX 256	/* more are dropped */
#define PLUGIN_LABEL_SIZE 128	/* longer labels are dropped with their value */
#define PLUGIN_UNIT_SIZE 16

struct plugin_datum {
	char label[PLUGIN_LABEL_SIZE];
	double value;		/* NAN: the plugin says U */
	/* "s", "bytes" (KB, KiB and so on are powers of 1024), "1" (of %, as 0..1), "c" a
	 * counter, "" none; else what the plugin wrote */
	char unit[PLUGIN_UNIT_SIZE];
};

struct plugin_output {
	char text[256];		/* the first line, cleaned */
	size_t count, dropped;	/* dropped: not understood, or too many */
	struct plugin_datum *data;
};

/* bytes need not end with NUL. Nothing is an error: what is not understood is counted
 * and the rest stands. */
void plugin_parse(const char *bytes, size_t length, struct plugin_output *out);
void plugin_free(struct plugin_output *output);
/* NULL: there is none of that label. Letters must agree. */
const struct plugin_datum *plugin_find(
    const struct plugin_output *output, const char *label);
/* "s" of "ms", "bytes" of "KB", "1" of "%": what comes of a unit that is known; NULL. */
const char *plugin_base_unit(const char *written);
/* A threshold: [@][start:][end], start ~ for no lower bound. */
bool plugin_range_is(const char *text, size_t length);

#endif
