/*
 * The head of a round-robin database, read without librrd: its shape, when it was
 * last updated, and where each row lies. The layout is that of RRD versions 0003 to
 * 0005 on this machine's architecture. Every length is checked: what is not such a
 * database, is cut short or was last updated far in the future, is ERR_DAMAGED.
 */
#ifndef VT_STORE_RRDHEAD_H
#define VT_STORE_RRDHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/archive.h"

#define RRDHEAD_NAME_SIZE 20
#define RRDHEAD_SOURCES_MAX 64
#define RRDHEAD_ARCHIVES_MAX 64

struct rrdhead_source {
	char name[RRDHEAD_NAME_SIZE];
	char type[RRDHEAD_NAME_SIZE];
	int64_t heartbeat_s;
	double min, max; /* NAN: none */
};

struct rrdhead_archive {
	char function[RRDHEAD_NAME_SIZE]; /* "AVERAGE", "MIN", "MAX", others */
	int64_t points, rows;
	double xff;
	int64_t step_s;
	int64_t oldest_s, newest_s; /* ends of the rows that it can hold */
	int64_t current;	    /* index of the newest row */
	size_t offset;		    /* of its rows in the file */
};

struct rrdhead {
	int64_t step_s, last_s;
	size_t size; /* that the file must have */
	size_t live_offset, live_length; /* of what an update changes in the head */
	size_t source_count, archive_count;
	struct rrdhead_source sources[RRDHEAD_SOURCES_MAX];
	struct rrdhead_archive archives[RRDHEAD_ARCHIVES_MAX];
};

/* -> 0 or negative: -ENOENT, ERR_DAMAGED, another errno. */
int rrdhead_read(const char *path, struct rrdhead *out);
/* Index of a data source by name, or -1. */
int rrdhead_source(const struct rrdhead *head, const char *name);
/* Whether an archive answers for a function: of one point the average is also the
 * least and the greatest. */
bool rrdhead_serves(const struct rrdhead_archive *archive, enum archive_function function);
const char *rrdhead_function(enum archive_function function);
/* Place in the file of the row that ends at end_s, which the archive must hold. */
size_t rrdhead_row(const struct rrdhead *head, const struct rrdhead_archive *archive,
    int64_t end_s);

#endif
