/*
 * What the files of the archive share; nobody else includes this. archive.c is the
 * face, archiveseries.c queues the series' jobs, archivereplay.c deals with the journal.
 */
#ifndef VT_STORE_ARCHIVE_PRIVATE_H
#define VT_STORE_ARCHIVE_PRIVATE_H

#include <sys/queue.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tree.h"
#include "store/archive.h"
#include "store/archivejob.h"
#include "store/record.h"

struct journal_series;
struct rrdguard;

#define ARCHIVE_MAGIC 0x61726368
#define SERIES_MAGIC 0x73657269
#define ARCHIVE_LOG_US (60 * INT64_C(1000000))

enum archive_queue { QUEUE_READER, QUEUE_FLUSH, QUEUE_MAKE, QUEUES };

struct archive_series {
	MAGIC;
	struct archive *archive;
	RB_ENTRY(archive_series) node;	   /* in the tree */
	int64_t birth;			   /* order among those of its key */
	TAILQ_ENTRY(archive_series) entry; /* in the list of the open or the closed */
	TAILQ_ENTRY(archive_series) queued;
	enum archive_queue queue, job_queue; /* QUEUES: in none */
	char *key, *site, *service, *check;
	uint64_t hash; /* of the key */
	char *path;
	struct rrdfile_shape shape;
	struct archive_source *sources; /* up, known, the collector's */
	char *source_names;		/* where they point to, of a replayed one */
	struct journal_series *journal;
	struct loop_timer *timer;
	struct block *rows, *lent;
	struct archivejob_runs runs;
	int64_t last_s, retry_us;
	int64_t before_s; /* the last that was there at the opening */
	int error;	  /* why its rows, or those of an elder, do not go to the file */
	bool open;
	bool known;   /* its file was looked at */
	bool seen;    /* the same, since the opening: before_s is known */
	bool made;    /* its file has the shape */
	bool foreign; /* from the replay: the file keeps whatever shape it has */
	bool wanted;  /* rows are to go to the file */
	bool held;    /* after an error, until the timer */
	bool barred;  /* at the end: its elder's rows are left to the journal, so its too */
	bool busy;    /* a job is under way */
};

TAILQ_HEAD(archive_list, archive_series);
RB_HEAD(archive_tree, archive_series);

struct archive {
	MAGIC;
	struct loop *loop;
	struct worker_pool *rrd;
	char *path;
	struct conf_retention retention;
	int64_t flush_us, pending_max;
	struct journal *journal;
	struct rrdguard *guard;
	struct archive_list open, closed; /* closed: the elder first */
	struct archive_list left; /* at the end: with rows for the journal, the elder first */
	struct archive_list queues[QUEUES];
	struct archive_tree tree;	       /* of all, by key, the younger first */
	int64_t births, foreign_births;
	unsigned jobs, making;
	struct loop_timer *again_timer, *refused_timer;
	uint32_t unsafe_from, safe_from; /* generations of the journal; 0: none unsafe */
	int64_t pressure_us;
	bool closing;
	struct archive_stats stats;
	struct log_limit time_limit, full_limit, error_limit;
};

/* Takes sources, allocated; the series is in no list yet, nor in the tree. */
struct archive_series *archive_series_create(struct archive *archive,
    const struct record_definition *name, struct archive_source *sources, size_t count);
/* The next older one of its key, or NULL. */
struct archive_series *archive_series_elder(struct archive_series *series);
/* One that was left. */
void archive_series_free(struct archive_series *series);
/* The open one. */
struct archive_series *archive_series_find(struct archive *archive, const char *key);
void archive_series_insert(struct archive_series *series); /* among the open */
void archive_series_insert_foreign(struct archive_series *series); /* the eldest */
/* Opens a closed one of this key and shape again. -> NULL: there is none */
struct archive_series *archive_series_take_back(struct archive *archive,
    const struct record_definition *definition, const struct archive_source *sources);
/* Whether the series has the step and the names of the definition. */
bool archive_series_has_shape(
    const struct archive_series *series, const struct record_definition *definition);
/* Its file migrates, if the retention is another. */
void archive_series_set_retention(
    struct archive_series *series, const struct conf_retention *retention);
/* Puts the series among the closed, last; it goes when its rows are in the file. */
void archive_series_retire(struct archive_series *series);

/* Queues the series for what it needs next, if anything; a closed one that needs
 * nothing more is destroyed. */
void archive_dispatch(struct archive_series *series);
void archive_add_run(struct archive_series *series, struct archivejob_run values);
void archive_pump(struct archive *archive);
void archive_flush_all(struct archive *archive);
void archive_flush_held(struct archive *archive); /* those that wait after an error */

void archive_count_pending(struct archive_series *series, int64_t rows);
/* The rows are in the file, or given up. */
void archive_release(struct archive_series *series, struct block *block);

/* At the end: makes sure that the journal has the rows of those left, or tells. */
void archive_leave_to_journal(struct archive *archive);
/* Opens the journal and has the rrd thread replay what it held. */
int archive_replay_start(struct archive *archive, struct worker_pool *commits,
    struct worker_pool *io);
/* Appends again to the journal what is to be moved, of its elders first. -> rows */
size_t archive_append_again(struct archive_series *series);
void archive_on_again_timer(void *archive);

#endif
