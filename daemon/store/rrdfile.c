/*
 * Round-robin databases. What librrd decides is left to librrd: creating, updating
 * (with its consolidation) and fetching; the shape, the last update and the tiers are
 * read by rrdhead.c, which is quick and tells a damaged file before librrd meets it.
 *
 * A row is a sample. All times are multiples of the step, so a row read back is the
 * value stored. The heartbeat is one step: librrd would otherwise stretch a value
 * over the slots left out before it. For these rrdfile_update() puts one unknown row
 * just before the value, and the heartbeat makes all earlier ones unknown at once.
 *
 * Not so `known`: its heartbeat has no end to speak of, and it is 0 in that row, so it
 * is 0 in all the slots left out. xff is just under one: a row is unknown only if all
 * of its points are, otherwise it is librrd's average of those known. How much that
 * was, the average of `known` tells, which would else forget the time we did not run.
 *
 * librrd's lock does not wait (an outside `rrdtool graph` holds it while it reads),
 * so again() does, for about a second. A new file is made beside, synced, renamed.
 */
#include "store/rrdfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <rrd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/retention.h"
#include "store/rrdhead.h"

#define XFF 0.9999999 /* of 10,000,000 points one known is enough */
#define BATCH_ROWS 1024
#define TRIES 20
#define ASIDE ".new"
#define LOG_US (60 * CLOCK_SECOND)
#define COPIES_ROOM (1 << 20)
#define KNOWN_HEARTBEAT_S 315360000 /* ten years */

/* What librrd said, as a code. A disk in trouble says it of every file. */
static int
library_error(const char *what, const char *path, int error)
{
	static struct log_limit limit;
	const char *words = rrd_test_error() ? rrd_get_error() : err_text(-error);
	unsigned long held;

	if (strcmp(words, "could not lock RRD") == 0)
		return -EAGAIN;
	if (log_limited(&limit, LOG_US, &held))
		log_error("%s: %s: %s (%lu more)", path, what, words, held);
	rrd_clear_error();
	return error == ENOSPC || error == EDQUOT || error == EFBIG ? -error
								    : ERR_LIBRARY;
}

/* Whether to try again: waits a little longer each time, a second in all. */
static bool
again(int error, int *tries)
{
	struct timespec pause = {0};
	int ms = *tries < 6 ? 1 << *tries : 64;

	if (error != -EAGAIN || ++*tries >= TRIES)
		return false;
	pause.tv_nsec = ms * 1000000L;
	nanosleep(&pause, NULL);
	return true;
}

static int
make_parents(const char *path)
{
	char *copy = mem_strdup(path), *slash;
	int error = 0;

	for (slash = strchr(copy + 1, '/'); slash != NULL && error == 0;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0750) != 0 && errno != EEXIST)
			error = -errno;
		*slash = '/';
	}
	free(copy);
	return error;
}

static int
sync_path(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags), error;

	if (fd < 0)
		return -errno;
	error = fsync(fd) == 0 ? 0 : -errno;
	/* What was written in one go stands in the cache in large folios, each of which
	 * an update of eight bytes would dirty whole; read back singly, it is pages. */
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	return error;
}

int
rrdfile_settle(const char *aside, const char *path)
{
	char *folder = mem_strdup(path);
	int error = sync_path(aside, 0);

	*strrchr(folder, '/') = '\0';
	if (error == 0 && rename(aside, path) != 0)
		error = -errno;
	if (error == 0)
		error = sync_path(folder[0] != '\0' ? folder : "/", O_DIRECTORY);
	free(folder);
	if (error != 0) {
		log_error("%s: %s", path, err_text(error));
		unlink(aside);
	}
	return error;
}

static void
bound_text(double bound, char out[20])
{
	if (isfinite(bound))
		snprintf(out, 20, "%.11g", bound);
	else
		strcpy(out, "U");
}

static bool
is_known(const char *source)
{
	return strcmp(source, "known") == 0;
}

static int64_t
heartbeat_s(const struct rrdfile_shape *shape, size_t source)
{
	if (is_known(shape->sources[source].name) && shape->step_s < KNOWN_HEARTBEAT_S)
		return KNOWN_HEARTBEAT_S;
	return shape->step_s;
}

#define ARGUMENTS_MAX (RRDHEAD_SOURCES_MAX + 3 * RETENTION_TIERS_MAX)

/* The definition as rrd_create_r takes it. -> count; each is freed by the caller. */
static int
definition(const struct rrdfile_shape *shape, const struct retention_plan *plan,
    char *arguments[ARGUMENTS_MAX])
{
	char min[20], max[20];
	size_t i, j;
	int n = 0;

	for (i = 0; i < shape->source_count; i++) {
		bound_text(shape->sources[i].min, min);
		bound_text(shape->sources[i].max, max);
		arguments[n++] = mem_printf("DS:%s:GAUGE:%lld:%s:%s",
		    shape->sources[i].name, (long long)heartbeat_s(shape, i), min, max);
	}
	for (i = 0; i < plan->count; i++)
		for (j = 0; j < (plan->tiers[i].extremes ? 3 : 1); j++)
			arguments[n++] = mem_printf("RRA:%s:%.7f:%lld:%lld",
			    rrdhead_function(j), XFF, (long long)plan->tiers[i].points,
			    (long long)plan->tiers[i].rows);
	return n;
}

void
rrdfile_clean(const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	char *folder = mem_strndup(path, (size_t)(name - path));
	char *aside = mem_printf("%s" ASIDE, name), *full;
	DIR *entries = opendir(folder);
	const struct dirent *entry;

	/* librrd writes to a name of its own first: this one and six letters. */
	while (entries != NULL && (entry = readdir(entries)) != NULL) {
		if (strncmp(entry->d_name, aside, strlen(aside)) != 0)
			continue;
		full = mem_printf("%s%s", folder, entry->d_name);
		unlink(full);
		free(full);
	}
	if (entries != NULL)
		closedir(entries);
	free(aside);
	free(folder);
}

/* librrd would find out by filling the disk, and could not say why it failed. */
static int
check_room(const char *path, int64_t bytes)
{
	char *folder = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
	struct statvfs fs;
	int error = 0;

	if (statvfs(folder, &fs) == 0 &&
	    (int64_t)fs.f_bavail < bytes / (int64_t)fs.f_frsize)
		error = -ENOSPC;
	free(folder);
	return error;
}

/* Where a change to a file takes room elsewhere first, a full disk is not told to who
 * writes to mapped memory, as librrd does: it ends the process. */
static int
check_copies(const char *path)
{
	struct statfs fs;

	if (statfs(path, &fs) != 0)
		return 0;
	switch ((unsigned long)fs.f_type) {
	case 0x9123683eUL: /* btrfs */
	case 0x2fc12fc1UL: /* zfs */
	case 0xca451a4eUL: /* bcachefs */
	case 0xf2f52010UL: /* f2fs */
	case 0x3434UL:     /* nilfs */
		return (int64_t)fs.f_bavail < COPIES_ROOM / (int64_t)fs.f_bsize
			   ? -ENOSPC
			   : 0;
	default:
		return 0;
	}
}

int64_t
rrdfile_start_min(const struct rrdfile_shape *shape)
{
	int64_t start_s = RRDFILE_START_MIN_S + shape->step_s - 1;

	return start_s - start_s % shape->step_s;
}

int
rrdfile_create_at(const char *path, const struct rrdfile_shape *shape, int64_t start_s)
{
	struct retention_plan plan;
	char *arguments[ARGUMENTS_MAX];
	int n, i, error, tries = 0;

	assert(shape->source_count >= 1 && shape->source_count <= RRDHEAD_SOURCES_MAX);
	if (start_s < RRDFILE_START_MIN_S)
		return ERR_RANGE;
	error = check_room(path, rrdfile_size(shape));
	if (error != 0)
		return error;
	retention_plan(&shape->retention, shape->step_s, &plan);
	n = definition(shape, &plan, arguments);
	do {
		rrd_clear_error();
		errno = 0;
		error = rrd_create_r(
		    path, shape->step_s, start_s, n, (const char **)arguments);
		if (error != 0)
			error = library_error("cannot create", path, errno);
	} while (again(error, &tries));
	for (i = 0; i < n; i++)
		free(arguments[i]);
	if (error != 0)
		unlink(path);
	return error;
}

int
rrdfile_create(const char *path, const struct rrdfile_shape *shape, int64_t start_s)
{
	char *aside;
	int error;

	if (access(path, F_OK) == 0)
		return -EEXIST;
	error = make_parents(path);
	if (error != 0) {
		log_error("%s: %s", path, err_text(error));
		return error;
	}
	rrdfile_clean(path);
	aside = mem_printf("%s" ASIDE, path);
	start_s -= start_s % shape->step_s;
	if (start_s < RRDFILE_START_MIN_S)
		start_s = rrdfile_start_min(shape);
	error = rrdfile_create_at(aside, shape, start_s);
	if (error == 0)
		error = rrdfile_settle(aside, path);
	free(aside);
	return error;
}

static bool
bound_matches(double file, double wanted)
{
	char text[20];

	bound_text(wanted, text);
	if (text[0] == 'U')
		return isnan(file);
	return fabs(file - wanted) <= 1e-9 * fabs(wanted);
}

static bool
sources_match(const struct rrdhead *head, const struct rrdfile_shape *shape)
{
	size_t i;

	if (head->source_count != shape->source_count)
		return false;
	for (i = 0; i < shape->source_count; i++) {
		const struct archive_source *wanted = &shape->sources[i];
		const struct rrdhead_source *source = &head->sources[i];
		if (strcmp(source->name, wanted->name) != 0 ||
		    strcmp(source->type, "GAUGE") != 0 ||
		    source->heartbeat_s != heartbeat_s(shape, i) ||
		    !bound_matches(source->min, wanted->min) ||
		    !bound_matches(source->max, wanted->max))
			return false;
	}
	return true;
}

static bool
archives_match(const struct rrdhead *head, const struct retention_plan *plan)
{
	size_t n = 0, i, j;

	for (i = 0; i < plan->count; i++) {
		for (j = 0; j < (plan->tiers[i].extremes ? 3 : 1); j++, n++) {
			const struct rrdhead_archive *archive = &head->archives[n];
			if (n >= head->archive_count ||
			    strcmp(archive->function, rrdhead_function(j)) != 0 ||
			    archive->points != plan->tiers[i].points ||
			    archive->rows != plan->tiers[i].rows ||
			    fabs(archive->xff - XFF) > 1e-9)
				return false;
		}
	}
	return n == head->archive_count;
}

int
rrdfile_matches(const char *path, const struct rrdfile_shape *shape)
{
	struct retention_plan plan;
	struct rrdhead head;
	int error = rrdhead_read(path, &head);

	if (error != 0)
		return error;
	retention_plan(&shape->retention, shape->step_s, &plan);
	return head.step_s == shape->step_s && sources_match(&head, shape) &&
	       archives_match(&head, &plan);
}

static char *
put_digits(char *out, uint64_t number)
{
	char reversed[20];
	int n = 0;

	do
		reversed[n++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	while (n > 0)
		*out++ = reversed[--n];
	return out;
}

/* A value that librrd reads back to 15 digits. As a whole number and a power of ten
 * where both are exact: printf() took a quarter of the time of an update. */
static void
add_value(struct buf *text, double value)
{
	static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	    1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21,
	    1e22};
	double size = fabs(value);
	char out[48] = ":", *p = out + 1;
	int exponent;

	if (!isfinite(value)) {
		*p++ = 'U';
	} else if (size < 1e15 && value == (double)(int64_t)value) {
		if (value < 0)
			*p++ = '-';
		p = put_digits(p, (uint64_t)size);
	} else if (size >= 1e-7 && size < 1e15) {
		(void)frexp(size, &exponent);
		exponent = 14 - (int)floor((exponent - 1) * 0.30102999566398);
		if (value < 0)
			*p++ = '-';
		p = put_digits(p, (uint64_t)(size * powers[exponent] + 0.5));
		*p++ = 'e';
		*p++ = '-';
		p = put_digits(p, (uint64_t)exponent);
	} else {
		p += snprintf(p, sizeof(out) - 1, "%.15g", value);
	}
	buf_add(text, out, (size_t)(p - out));
}

static void
add_row(struct buf *text, int64_t time_s, const double *values, size_t sources)
{
	char out[24];
	size_t i;

	buf_add(text, out, (size_t)(put_digits(out, (uint64_t)time_s) - out));
	for (i = 0; i < sources; i++)
		add_value(text, values[i]);
	buf_add(text, "", 1);
}

/* One call of librrd for up to BATCH_ROWS texts, each ended by NUL. */
static int
update_batch(const char *path, const struct buf *text)
{
	const char **arguments = mem_array(2 * BATCH_ROWS, sizeof(*arguments));
	size_t at;
	int n = 0, error, tries = 0;

	for (at = 0; at < text->length; at += strlen(text->data + at) + 1)
		arguments[n++] = text->data + at;
	do {
		rrd_clear_error();
		errno = 0;
		/* What of an earlier try is in the file is skipped. */
		error = rrd_updatex_r(path, NULL, RRD_SKIP_PAST_UPDATES, n, arguments);
		if (error != 0)
			error = library_error("cannot update", path, errno);
	} while (again(error, &tries));
	free(arguments);
	return error;
}

int
rrdfile_update(const char *path, const int64_t *times_s, const double *values,
    size_t rows, size_t source_count, size_t *skipped)
{
	double unknown[RRDHEAD_SOURCES_MAX];
	struct buf text = BUF_INIT;
	struct rrdhead head;
	int64_t last;
	size_t i, batched = 0;
	int error = rrdhead_read(path, &head);

	*skipped = 0;
	if (error == 0)
		error = check_copies(path);
	if (error != 0)
		return error;
	if (head.source_count != source_count)
		return ERR_RANGE;
	for (i = 0; i < source_count; i++)
		unknown[i] = is_known(head.sources[i].name) ? 0 : NAN;
	last = head.last_s;
	for (i = 0; i < rows && error == 0; i++) {
		if (times_s[i] <= last) {
			++*skipped;
			continue;
		}
		if (times_s[i] > last + head.step_s) {
			add_row(&text, times_s[i] - head.step_s, unknown, source_count);
			batched++;
		}
		add_row(&text, times_s[i], values + i * source_count, source_count);
		last = times_s[i];
		if (++batched >= BATCH_ROWS) {
			error = update_batch(path, &text);
			buf_clear(&text);
			batched = 0;
		}
	}
	if (error == 0 && batched > 0)
		error = update_batch(path, &text);
	buf_free(&text);
	return error;
}

int
rrdfile_last(const char *path, int64_t *last_s)
{
	struct rrdhead head;
	int error = rrdhead_read(path, &head);

	if (error == 0)
		*last_s = head.last_s;
	return error;
}

int
rrdfile_source(const char *path, const char *name)
{
	struct rrdhead head;
	int error = rrdhead_read(path, &head), index;

	if (error != 0)
		return error;
	index = rrdhead_source(&head, name);
	return index >= 0 ? index : ERR_NOT_FOUND;
}

int
rrdfile_tiers(const char *path, struct rrdfile_tier tiers[RRDFILE_TIERS_MAX],
    size_t *count, int64_t *last_s, size_t *sources)
{
	struct rrdhead head;
	int error = rrdhead_read(path, &head);
	size_t i, n = 0, at;

	if (error != 0)
		return error;
	for (i = 0; i < head.archive_count && n < RRDFILE_TIERS_MAX; i++) {
		const struct rrdhead_archive *archive = &head.archives[i];
		if (strcmp(archive->function, "AVERAGE") != 0)
			continue;
		for (at = n; at > 0 && tiers[at - 1].step_s > archive->step_s; at--)
			tiers[at] = tiers[at - 1];
		tiers[at].step_s = archive->step_s;
		tiers[at].first_s = archive->oldest_s;
		n++;
	}
	*count = n;
	*last_s = head.last_s;
	*sources = head.source_count;
	return n > 0 ? 0 : ERR_NOT_FOUND;
}

/* Whether archive b is better than a for rows after from_s, wanted of step_s. */
static bool
is_better(const struct rrdhead_archive *b, const struct rrdhead_archive *a,
    int64_t from_s, int64_t step_s)
{
	int64_t a_start = a->oldest_s - a->step_s, b_start = b->oldest_s - b->step_s;

	if ((b_start <= from_s) != (a_start <= from_s))
		return b_start <= from_s;
	if (b_start > from_s && a_start != b_start) /* neither reaches back so far */
		return b_start < a_start;
	if ((b->step_s >= step_s) != (a->step_s >= step_s))
		return b->step_s >= step_s;
	return b->step_s >= step_s ? b->step_s < a->step_s : b->step_s > a->step_s;
}

static int
fetch_archive(
    const char *path, const char *function, size_t sources, struct rrdfile_rows *out)
{
	int64_t begin_s = out->first_s - out->step_s, skip;
	unsigned long step, columns, i;
	time_t start, end;
	char **names;
	rrd_value_t *data;
	int error, tries = 0;

	do {
		start = begin_s;
		end = begin_s + (int64_t)out->count * out->step_s;
		step = (unsigned long)out->step_s;
		rrd_clear_error();
		errno = 0;
		error = rrd_fetch_r(
		    path, function, &start, &end, &step, &columns, &names, &data);
		if (error != 0)
			error = library_error("cannot fetch", path, errno);
	} while (again(error, &tries));
	if (error != 0)
		return error;
	/* librrd rounds outwards: the rows wanted lie within. */
	skip = (begin_s - start) / out->step_s;
	if ((int64_t)step == out->step_s && columns == sources && skip >= 0 &&
	    (end - start) / out->step_s >= skip + (int64_t)out->count)
		out->rows = mem_dup(data + (size_t)skip * columns,
		    out->count * columns * sizeof(*out->rows));
	else
		error = ERR_RANGE;
	for (i = 0; i < columns; i++)
		rrd_freemem(names[i]);
	rrd_freemem(names);
	rrd_freemem(data);
	return error;
}

int
rrdfile_fetch(const char *path, enum archive_function function, int64_t from_s,
    int64_t to_s, int64_t step_s, struct rrdfile_rows *out)
{
	const struct rrdhead_archive *archive, *best = NULL;
	struct rrdhead head;
	int error;

	*out = (struct rrdfile_rows){0};
	error = rrdhead_read(path, &head);
	if (error != 0)
		return error;
	for (archive = head.archives; archive < head.archives + head.archive_count;
	     archive++)
		if (rrdhead_serves(archive, function) &&
		    (best == NULL || is_better(archive, best, from_s, step_s)))
			best = archive;
	if (best == NULL)
		return ERR_NOT_FOUND;
	out->step_s = best->step_s;
	out->sources = head.source_count;
	out->first_s = from_s < best->oldest_s
			   ? best->oldest_s
			   : from_s - from_s % best->step_s + best->step_s;
	if (to_s > best->newest_s)
		to_s = best->newest_s;
	if (out->first_s > to_s)
		return 0;
	out->count = (size_t)((to_s - out->first_s) / best->step_s) + 1;
	error = fetch_archive(path, best->function, head.source_count, out);
	if (error != 0)
		rrdfile_rows_clear(out);
	return error;
}

void
rrdfile_rows_clear(struct rrdfile_rows *rows)
{
	free(rows->rows);
	rows->rows = NULL;
	rows->count = 0;
}

int64_t
rrdfile_size(const struct rrdfile_shape *shape)
{
	struct retention_plan plan;

	retention_plan(&shape->retention, shape->step_s, &plan);
	return retention_bytes(&plan, shape->source_count);
}
