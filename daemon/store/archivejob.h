/*
 * What the archive has done on the rrd thread for one series: its file looked at, made
 * or migrated, rows written, then readers run. A job carries all that it touches.
 */
#ifndef VT_STORE_ARCHIVEJOB_H
#define VT_STORE_ARCHIVEJOB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "store/block.h"
#include "store/rrdfile.h"

/* Somebody who waits until all that was pending is in the file. */
struct archivejob_run {
	STAILQ_ENTRY(archivejob_run) entry;
	void (*fn)(const char *path, void *arg); /* on the rrd thread, or NULL */
	void (*done)(int error, void *arg);	 /* on the loop */
	void *arg;
	bool urgent;
	bool lazy; /* no file is made for it: fn gets a path that is not there */
};

STAILQ_HEAD(archivejob_runs, archivejob_run);

struct archivejob {
	/* In: */
	void *owner;
	const char *path;
	struct rrdguard *guard;
	struct rrdfile_shape shape;
	bool first;	/* of this series */
	bool waits;	/* look only: what is before its rows is not in the file yet */
	bool look_only;	/* tell matches and last_s, change nothing */
	bool made;	/* the file is known to have this shape */
	bool foreign;	/* the file may have another shape, which stays */
	int64_t first_s;	/* of the rows to come: a new file begins before it */
	int64_t now_s;
	struct block *rows; /* or NULL; stays the owner's */
	struct archivejob_runs runs;
	/* Out: */
	int error;	/* of rows: not in the file, or not all; of what waits: in */
	bool matches;
	int64_t found_s; /* of the first: its last sample before, 0: there is no file */
	int64_t last_s;	/* 0: there is no file, or nothing new to tell */
	size_t skipped;	/* rows that the file had already, or could not take */
	bool created, migrated, damaged;
};

/* A worker_fn. */
void archivejob_run(void *job);

/* SITE/rrd/SERVICE/CHECK.rrd under the store's path; freed by the caller. */
char *archivejob_path(const char *store, const char *site, const char *service,
    const char *check);

#endif
