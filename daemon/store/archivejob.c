/*
 * Jobs of the rrd thread. A file that is not what it should be is dealt with at the
 * moment it is met: missing, it is made; of another shape, migrated; damaged, it is
 * moved aside as FILE.damaged-TIME and made anew; with ASIDE_MAX there already, which
 * hold the longer history, it is removed, so that a disk which damages all is not
 * filled. Rows are skipped, not doubled, when the file has them already, so a job may
 * be repeated.
 */
#include "store/archivejob.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/rrdguard.h"
#include "store/rrdhead.h"

#define ASIDE_MAX 3

char *
archivejob_path(
    const char *store, const char *site, const char *service, const char *check)
{
	return mem_printf("%s/%s/rrd/%s/%s.rrd", store, site, service, check);
}

static int
create(struct archivejob *job)
{
	int64_t step = job->shape.step_s, first = job->first_s;
	int error = rrdfile_create(job->path, &job->shape, first - first % step - step);

	job->created = error == 0;
	return error;
}

/* How many damaged ones were kept. */
static int
count_aside(const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	char *folder = mem_strndup(path, (size_t)(name - path));
	char *prefix = mem_printf("%s.damaged-", name);
	DIR *entries = opendir(folder);
	const struct dirent *entry;
	int count = 0;

	while (entries != NULL && (entry = readdir(entries)) != NULL)
		count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
	if (entries != NULL)
		closedir(entries);
	free(prefix);
	free(folder);
	return count;
}

static int
remove_damaged(struct archivejob *job)
{
	int error = unlink(job->path) == 0 ? 0 : -errno;

	log_error("%s: damaged again, %d copies are kept: %s", job->path, ASIDE_MAX,
	    error == 0 ? "removed, made anew" : err_text(error));
	job->damaged = error == 0;
	return error;
}

static int
set_aside(struct archivejob *job)
{
	char *aside;
	int error;

	if (count_aside(job->path) >= ASIDE_MAX)
		return remove_damaged(job);
	aside = mem_printf("%s.damaged-%lld", job->path, (long long)job->now_s);
	error = rename(job->path, aside) == 0 ? 0 : -errno;
	if (error == 0) {
		log_error("%s: damaged: kept as %s, made anew", job->path, aside);
		job->damaged = true;
	} else {
		log_error("%s: damaged: %s", job->path, err_text(error));
	}
	free(aside);
	return error;
}

static int
migrate(struct archivejob *job)
{
	int error = rrdfile_migrate(job->path, &job->shape);

	job->migrated = error == 0;
	if (job->migrated)
		log_info("%s: migrated to the data sources and retention configured",
		    job->path);
	return error;
}

/* Nothing but figures are asked for: that many files are yet to be made is no reason
 * to wait for them. */
static bool
is_lazy(const struct archivejob *job)
{
	const struct archivejob_run *run;

	STAILQ_FOREACH (run, &job->runs, entry)
		if (!run->lazy)
			return false;
	return job->rows == NULL && !STAILQ_EMPTY(&job->runs);
}

/* Gives the file its shape. */
static int
prepare(struct archivejob *job)
{
	int error = rrdfile_matches(job->path, &job->shape);

	if (error == 1 || (error == 0 && job->foreign))
		return 0;
	if (error == 0)
		error = migrate(job);
	if (error == ERR_DAMAGED) {
		error = set_aside(job);
		if (error == 0)
			error = -ENOENT;
	}
	if (error == -ENOENT && is_lazy(job))
		return 0;
	return error == -ENOENT ? create(job) : error;
}

/* The rows as the columns of another shape's file, by name; what is between its steps
 * has no place there. */
static struct block *
translate(const struct archivejob *job, const struct rrdhead *head)
{
	struct block *out = block_create(head->source_count);
	double row[RRDHEAD_SOURCES_MAX];
	size_t i, j;
	int column;

	for (i = 0; i < job->rows->count; i++) {
		const double *values = job->rows->values + i * job->rows->width;
		if (job->rows->times_s[i] % head->step_s != 0)
			continue;
		for (j = 0; j < head->source_count; j++)
			row[j] = NAN;
		for (j = 0; j < job->shape.source_count; j++) {
			column = rrdhead_source(head, job->shape.sources[j].name);
			if (column >= 0)
				row[column] = values[j];
		}
		block_add(out, job->rows->times_s[i], row, 0);
	}
	return out;
}

static int
write_rows(struct archivejob *job)
{
	const struct block *rows = job->rows;
	struct block *translated = NULL;
	struct rrdhead head;
	int error;

	if (job->foreign && rrdhead_read(job->path, &head) == 0)
		rows = translated = translate(job, &head);
	error = rrdguard_begin(job->guard, job->path);
	if (error == 0) {
		error = rrdfile_update(job->path, rows->times_s, rows->values,
		    rows->count, rows->width, &job->skipped);
		rrdguard_end(job->guard);
	}
	job->skipped += job->rows->count - rows->count;
	block_destroy(translated);
	return error;
}

static int
update(struct archivejob *job)
{
	int error = job->made ? 0 : prepare(job);

	if (error != 0 || job->rows == NULL)
		return error;
	error = write_rows(job);
	/* Somebody changed the file behind us: once more, from its state now. */
	if (error == -ENOENT || error == ERR_DAMAGED || error == ERR_RANGE) {
		error = prepare(job);
		if (error == 0)
			error = write_rows(job);
	}
	return error;
}

static void
look(struct archivejob *job)
{
	job->matches = rrdfile_matches(job->path, &job->shape) == 1;
	if (rrdfile_last(job->path, &job->last_s) != 0)
		job->last_s = 0;
}

void
archivejob_run(void *arg)
{
	struct archivejob *job = arg;
	struct archivejob_run *run;

	if (job->first) {
		rrdfile_clean(job->path);
		if (rrdfile_last(job->path, &job->found_s) != 0)
			job->found_s = 0;
	}
	if (!job->look_only)
		job->error = update(job);
	if (job->made && !job->look_only && job->error == 0)
		job->matches = true; /* as it was; the last is a row of ours */
	else
		look(job);
	STAILQ_FOREACH (run, &job->runs, entry)
		if (run->fn != NULL)
			run->fn(job->path, run->arg);
}
