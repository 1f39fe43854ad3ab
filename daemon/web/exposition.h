/*
 * Writes metrics as text: Prometheus' format 0.0.4, or OpenMetrics 1.0. The two
 * differ in how counters and units are declared and in the end mark; the caller
 * says everything once: a family, then its samples.
 */
#ifndef VT_WEB_EXPOSITION_H
#define VT_WEB_EXPOSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/histogram.h"

#define EXPOSITION_TYPE_TEXT "text/plain; version=0.0.4; charset=utf-8"
#define EXPOSITION_TYPE_OPENMETRICS \
	"application/openmetrics-text; version=1.0.0; charset=utf-8"

enum exposition_type {
	EXPOSITION_GAUGE,
	EXPOSITION_COUNTER,	/* samples get _total */
	EXPOSITION_INFO,	/* samples get _info and are 1 */
	EXPOSITION_HISTOGRAM,
};

struct exposition {
	struct buf *out;
	bool openmetrics;
	const char *family; /* of the samples that follow; borrowed */
	enum exposition_type type;
};

/* name: without _total or _info. unit: the name's last part ("seconds"), or NULL. */
void exposition_family(struct exposition *exposition, enum exposition_type type,
    const char *name, const char *unit, const char *help);
/* labels: what exposition_label() made, or "" or NULL. */
void exposition_sample(struct exposition *exposition, const char *labels, double value);
/* A histogram of the daemon itself, in seconds. */
void exposition_histogram(struct exposition *exposition, const char *labels,
    const struct histogram *histogram);
/* After the last. */
void exposition_end(struct exposition *exposition);

/* Appends name="value" to a list of labels, the value escaped. */
void exposition_label(struct buf *labels, const char *name, const char *value);

/* Whether an Accept prefers OpenMetrics to the text format. */
bool exposition_wants_openmetrics(const char *accept);

#endif
