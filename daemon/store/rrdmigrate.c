/*
 * Migration of a round-robin database to another shape: rrdfile_migrate().
 *
 * The new file is made to begin where its oldest unfinished row begins, and librrd is
 * fed from there to the last update, so that what it keeps of the rows in progress is
 * right. Then every finished row of every archive is computed from the old file and
 * written over what the feeding left. The old file is read whole into memory.
 *
 * A new row comes from the archive that has its whole span, of the same step if there
 * is one, else of the finest: averages weighted by the seconds shared, of the known
 * rows; least and greatest of those touched. A finer row than any on file gets the
 * value of the coarser one: its average is true, its distribution is not.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "conf/retention.h"
#include "store/rrdfile.h"
#include "store/rrdhead.h"

#define BATCH_ROWS 1024

struct image {
	struct rrdhead head;
	char *bytes; /* the file */
	const struct rrdfile_shape *shape;
	int column[RRDHEAD_SOURCES_MAX]; /* of each new data source, or -1 */
};

static int
image_load(const char *path, const struct rrdfile_shape *shape, struct image *image)
{
	int error = rrdhead_read(path, &image->head), fd;
	ssize_t n = -1;
	size_t i;

	if (error != 0)
		return error;
	image->shape = shape;
	image->bytes = mem_alloc(image->head.size);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = pread(fd, image->bytes, image->head.size, 0);
		close(fd);
	}
	if (n != (ssize_t)image->head.size) {
		free(image->bytes);
		return -EIO;
	}
	for (i = 0; i < shape->source_count; i++)
		image->column[i] = rrdhead_source(&image->head, shape->sources[i].name);
	return 0;
}

/* How well an archive serves the span: 0 not at all, more is better. */
static int
rank(const struct rrdhead_archive *archive, enum archive_function function,
    int64_t begin_s, int64_t end_s)
{
	int64_t start = archive->oldest_s - archive->step_s;
	bool serves = rrdhead_serves(archive, function);

	if (start >= end_s || archive->newest_s <= begin_s)
		return 0;
	if (!serves && strcmp(archive->function, "AVERAGE") != 0)
		return 0;
	return 1 + (serves ? 1 : 0) + (archive->newest_s >= end_s ? 2 : 0) +
	       (start <= begin_s ? 4 : 0);
}

static const struct rrdhead_archive *
best_archive(const struct rrdhead *head, enum archive_function function,
    int64_t begin_s, int64_t end_s)
{
	const struct rrdhead_archive *archive, *best = NULL;
	int64_t step = end_s - begin_s;
	int value, best_value = 0;

	for (archive = head->archives; archive < head->archives + head->archive_count;
	     archive++) {
		value = rank(archive, function, begin_s, end_s);
		if (value == 0 || value < best_value)
			continue;
		if (value == best_value &&
		    (best->step_s == step ||
			(archive->step_s != step && archive->step_s >= best->step_s)))
			continue;
		best = archive;
		best_value = value;
	}
	return best;
}

/* Puts an old row into a new one, with which it shares overlap_s seconds. */
static void
take_row(const struct image *image, const double *row, enum archive_function function,
    double overlap_s, double *out, double *weight)
{
	size_t i;

	for (i = 0; i < image->shape->source_count; i++) {
		const struct archive_source *source = &image->shape->sources[i];
		double value = image->column[i] >= 0 ? row[image->column[i]] : NAN;
		if (isnan(value) || value < source->min || value > source->max)
			continue;
		if (function == ARCHIVE_AVERAGE) {
			out[i] = (weight[i] > 0 ? out[i] : 0) + value * overlap_s;
			weight[i] += overlap_s;
		} else if (isnan(out[i]) ||
			   (function == ARCHIVE_MIN ? value < out[i]
						    : value > out[i])) {
			out[i] = value;
		}
	}
}

/* All data sources of the new file over (begin, end], as the old file knows them. */
static void
take_span(const struct image *image, enum archive_function function, int64_t begin_s,
    int64_t end_s, double *out)
{
	const struct rrdhead_archive *archive =
	    best_archive(&image->head, function, begin_s, end_s);
	double weight[RRDHEAD_SOURCES_MAX] = {0};
	int64_t at, step;
	size_t i;

	for (i = 0; i < image->shape->source_count; i++)
		out[i] = NAN;
	if (archive == NULL)
		return;
	step = archive->step_s;
	at = begin_s - begin_s % step + step;
	for (at = at < archive->oldest_s ? archive->oldest_s : at;
	     at - step < end_s && at <= archive->newest_s; at += step) {
		int64_t from = at - step > begin_s ? at - step : begin_s;
		int64_t to = at < end_s ? at : end_s;
		const void *row = image->bytes + rrdhead_row(&image->head, archive, at);
		/* A whole row stays exact: a weight of one. */
		take_row(image, row, function,
		    to - from == end_s - begin_s ? 1 : to - from, out, weight);
	}
	for (i = 0; function == ARCHIVE_AVERAGE && i < image->shape->source_count; i++)
		out[i] /= weight[i]; /* NAN / 0 is NAN */
}

static int
feed(const struct image *image, const char *path, int64_t start_s, int64_t last_s)
{
	size_t sources = image->shape->source_count, n = 0, skipped;
	int64_t step = image->shape->step_s, at;
	int64_t *times = mem_array(BATCH_ROWS, sizeof(*times));
	double *values = mem_array(BATCH_ROWS * sources, sizeof(*values));
	int error = 0;

	for (at = start_s + step; at <= last_s && error == 0; at += step) {
		times[n] = at;
		take_span(image, ARCHIVE_AVERAGE, at - step, at, values + n * sources);
		if (++n == BATCH_ROWS || at == last_s) {
			error =
			    rrdfile_update(path, times, values, n, sources, &skipped);
			n = 0;
		}
	}
	free(times);
	free(values);
	return error;
}

static enum archive_function
function_of(const struct rrdhead_archive *archive)
{
	int function = ARCHIVE_AVERAGE;

	while (strcmp(archive->function, rrdhead_function(function)) != 0)
		function++;
	return function;
}

/* Computes all rows that an archive of the new file holds, and writes them. */
static int
fill_archive(const struct image *image, const struct rrdhead *head,
    const struct rrdhead_archive *archive, int fd)
{
	size_t width = head->source_count * sizeof(double);
	size_t bytes = (size_t)archive->rows * width;
	char *rows = mem_alloc(bytes);
	enum archive_function function = function_of(archive);
	int64_t end, k;
	int error = 0;
	size_t i;

	for (k = 0; k < archive->rows; k++) {
		double row[RRDHEAD_SOURCES_MAX];
		end = archive->newest_s - k * archive->step_s;
		for (i = 0; i < head->source_count; i++)
			row[i] = NAN;
		if (end > archive->step_s)
			take_span(image, function, end - archive->step_s, end, row);
		memcpy(rows + rrdhead_row(head, archive, end) - archive->offset, row,
		    width);
	}
	errno = EIO;
	if (pwrite(fd, rows, bytes, (off_t)archive->offset) != (ssize_t)bytes)
		error = -errno;
	free(rows);
	return error;
}

static int
fill(const struct image *image, const char *path)
{
	struct rrdhead head;
	int error = rrdhead_read(path, &head), fd;
	size_t i;

	if (error != 0)
		return error;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (i = 0; i < head.archive_count && error == 0; i++)
		error = fill_archive(image, &head, &head.archives[i], fd);
	close(fd);
	return error;
}

/* Where the oldest row begins that is unfinished at last_s. */
static int64_t
unfinished_s(const struct rrdfile_shape *shape, int64_t last_s)
{
	struct retention_plan plan;
	int64_t start = last_s;
	size_t i;

	retention_plan(&shape->retention, shape->step_s, &plan);
	for (i = 0; i < plan.count; i++) {
		int64_t begin = last_s - last_s % plan.tiers[i].step_s;
		start = begin < start ? begin : start;
	}
	return start;
}

int
rrdfile_migrate(const char *path, const struct rrdfile_shape *shape)
{
	struct image image;
	int64_t start, last;
	char *aside;
	int error = image_load(path, shape, &image);

	if (error != 0)
		return error;
	last = image.head.last_s - image.head.last_s % shape->step_s;
	start = unfinished_s(shape, last);
	if (start < RRDFILE_START_MIN_S)
		start = rrdfile_start_min(shape);
	rrdfile_clean(path);
	aside = mem_printf("%s.new", path);
	error = rrdfile_create_at(aside, shape, start);
	if (error == 0)
		error = feed(&image, aside, start, last);
	if (error == 0)
		error = fill(&image, aside);
	if (error == 0)
		error = rrdfile_settle(aside, path);
	else
		unlink(aside);
	if (error == ERR_DAMAGED || error == -ENOENT) /* the new one, not the old */
		error = ERR_LIBRARY;
	free(image.bytes);
	free(aside);
	return error;
}
