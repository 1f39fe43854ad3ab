/*
 * What exporters print: Prometheus' text format 0.0.4 and OpenMetrics 1.0. Each selector
 * gets the sum of the samples that it matches; timestamps and exemplars are passed over.
 * Reads line by line, keeps nothing, on any thread.
 */
#ifndef VT_COLLECTORS_SCRAPE_H
#define VT_COLLECTORS_SCRAPE_H

#include <stdbool.h>
#include <stddef.h>

/* name, or name{label="value",other!="value"}; as in Prometheus a label that is not
 * there is empty. */
#define SELECTOR_LABELS_MAX 16
struct selector {
	char *name;
	size_t count;
	struct {
		char *name, *value;
		bool differs;	/* != */
	} labels[SELECTOR_LABELS_MAX];
};

/* -> 0; ERR_SYNTAX with what is wrong, and nothing to free */
int selector_parse(const char *text, struct selector *out, char error[256]);
void selector_free(struct selector *selector);

struct scrape_sum {
	size_t matched;		/* samples */
	double value;		/* NAN if one of them is not finite */
	bool counter;		/* by its TYPE, or without one by _total at its end */
};

/* whole: the text says where it ends (OpenMetrics, # EOF). sums: one a selector. -> 0;
 * ERR_SYNTAX with a sentence that names the line, or says that the text is cut off */
int scrape_read(const char *text, size_t length, bool whole,
    const struct selector *const *selectors, size_t count, struct scrape_sum *sums,
    char sentence[256]);

#endif
