/*
 * The head of a round-robin database is: what it is and how many of each (stat),
 * a definition a data source, a definition an archive, the time of the last update,
 * what librrd keeps of the step in progress a data source, of the row in progress
 * for each archive and data source, and the newest row's index an archive. Then come
 * the rows of each archive, doubles, a circle. The structs below are laid over that;
 * a test holds them against what librrd writes.
 */
#include "store/rrdhead.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

#define FLOAT_COOKIE 8.642135E130
#define FIRST_READ 12288
#define STEP_BYTES 112 /* in progress, a data source */
#define ROW_BYTES 80   /* in progress, an archive and data source */
#define AHEAD_S (INT64_C(20) * 365 * 86400)

union parameter {
	unsigned long count;
	double value;
};

struct disk_stat {
	char cookie[4], version[5];
	double float_cookie;
	unsigned long sources, archives, step;
	union parameter unused[10];
};

struct disk_source {
	char name[RRDHEAD_NAME_SIZE], type[RRDHEAD_NAME_SIZE];
	union parameter parameters[10]; /* heartbeat, min, max */
};

struct disk_archive {
	char function[RRDHEAD_NAME_SIZE];
	unsigned long rows, points;
	union parameter parameters[10]; /* xff */
};

struct disk_live {
	time_t last;
	long microseconds;
};

struct disk {
	const char *bytes;
	size_t have;
	struct disk_stat stat;
	size_t at_archives, at_live, at_pointers, length;
};

static bool
stat_is_sound(const struct disk_stat *stat)
{
	return memcmp(stat->cookie, "RRD", 4) == 0 &&
	       memcmp(stat->version, "000", 3) == 0 && stat->version[3] >= '3' &&
	       stat->version[3] <= '5' && stat->version[4] == 0 &&
	       stat->float_cookie == FLOAT_COOKIE && stat->sources >= 1 &&
	       stat->sources <= RRDHEAD_SOURCES_MAX && stat->archives >= 1 &&
	       stat->archives <= RRDHEAD_ARCHIVES_MAX && stat->step >= 1 &&
	       stat->step <= INT32_MAX;
}

static void
lay_out(struct disk *disk)
{
	size_t sources = disk->stat.sources, archives = disk->stat.archives;

	disk->at_archives =
	    sizeof(struct disk_stat) + sources * sizeof(struct disk_source);
	disk->at_live = disk->at_archives + archives * sizeof(struct disk_archive);
	disk->at_pointers = disk->at_live + sizeof(struct disk_live) +
			    sources * STEP_BYTES + sources * archives * ROW_BYTES;
	disk->length = disk->at_pointers + archives * sizeof(unsigned long);
}

static bool
name_is_sound(const char name[RRDHEAD_NAME_SIZE])
{
	return name[0] != '\0' && memchr(name, 0, RRDHEAD_NAME_SIZE) != NULL;
}

static bool
take_source(const struct disk *disk, size_t i, struct rrdhead_source *out)
{
	struct disk_source source;

	memcpy(&source, disk->bytes + sizeof(struct disk_stat) + i * sizeof(source),
	    sizeof(source));
	if (!name_is_sound(source.name) || !name_is_sound(source.type))
		return false;
	memcpy(out->name, source.name, sizeof(out->name));
	memcpy(out->type, source.type, sizeof(out->type));
	out->heartbeat_s = source.parameters[0].count <= INT32_MAX
			       ? (int64_t)source.parameters[0].count
			       : INT32_MAX;
	out->min = source.parameters[1].value;
	out->max = source.parameters[2].value;
	return true;
}

static bool
take_archive(const struct disk *disk, size_t i, const struct rrdhead *head,
    struct rrdhead_archive *out)
{
	struct disk_archive archive;
	unsigned long current;

	memcpy(&archive, disk->bytes + disk->at_archives + i * sizeof(archive),
	    sizeof(archive));
	memcpy(&current, disk->bytes + disk->at_pointers + i * sizeof(current),
	    sizeof(current));
	if (!name_is_sound(archive.function) || archive.rows < 1 ||
	    archive.rows > INT32_MAX || archive.points < 1 ||
	    archive.points > INT32_MAX || current >= archive.rows)
		return false;
	memcpy(out->function, archive.function, sizeof(out->function));
	out->rows = (int64_t)archive.rows;
	out->points = (int64_t)archive.points;
	out->xff = archive.parameters[0].value;
	out->current = (int64_t)current;
	if (out->points > INT32_MAX / head->step_s)
		return false;
	out->step_s = out->points * head->step_s;
	out->newest_s = head->last_s - head->last_s % out->step_s;
	out->oldest_s = out->newest_s - (out->rows - 1) * out->step_s;
	if (out->oldest_s < out->step_s)
		out->oldest_s = out->step_s;
	return true;
}

/* No sample is much later than now, or, should the clock be set back, than the file. */
static bool
live_is_sound(const struct disk_live *live, int64_t changed_s)
{
	int64_t now_s = clock_wall_us() / CLOCK_SECOND;

	return live->last >= 0 &&
	       live->last <= (now_s > changed_s ? now_s : changed_s) + AHEAD_S &&
	       live->microseconds >= 0 && live->microseconds < CLOCK_SECOND;
}

static int
take_all(const struct disk *disk, const struct stat *st, struct rrdhead *out)
{
	struct disk_live live;
	size_t at = disk->length, i;

	memcpy(&live, disk->bytes + disk->at_live, sizeof(live));
	out->step_s = (int64_t)disk->stat.step;
	out->last_s = live.last;
	out->source_count = disk->stat.sources;
	out->archive_count = disk->stat.archives;
	if (!live_is_sound(&live, st->st_mtime))
		return ERR_DAMAGED;
	for (i = 0; i < out->source_count; i++)
		if (!take_source(disk, i, &out->sources[i]))
			return ERR_DAMAGED;
	for (i = 0; i < out->archive_count; i++) {
		if (!take_archive(disk, i, out, &out->archives[i]))
			return ERR_DAMAGED;
		out->archives[i].offset = at;
		at +=
		    (size_t)out->archives[i].rows * out->source_count * sizeof(double);
	}
	out->size = at;
	out->live_offset = disk->at_live;
	out->live_length = disk->length - disk->at_live;
	return at <= (size_t)st->st_size ? 0 : ERR_DAMAGED;
}

static int
read_disk(int fd, struct disk *disk, char **bytes, struct rrdhead *out)
{
	struct stat st;
	size_t want = FIRST_READ;
	ssize_t n;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return ERR_DAMAGED;
	for (;;) {
		*bytes = mem_resize(*bytes, want, 1);
		n = pread(fd, *bytes, want, 0);
		if (n < 0)
			return -errno;
		if ((size_t)n < sizeof(disk->stat))
			return ERR_DAMAGED;
		memcpy(&disk->stat, *bytes, sizeof(disk->stat));
		if (!stat_is_sound(&disk->stat))
			return ERR_DAMAGED;
		lay_out(disk);
		if (disk->length <= (size_t)n)
			break;
		if (disk->length <= want)
			return ERR_DAMAGED; /* cut short */
		want = disk->length;
	}
	disk->bytes = *bytes;
	return take_all(disk, &st, out);
}

int
rrdhead_read(const char *path, struct rrdhead *out)
{
	struct disk disk = {0};
	char *bytes = NULL;
	int fd, error;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	error = read_disk(fd, &disk, &bytes, out);
	close(fd);
	free(bytes);
	return error;
}

int
rrdhead_source(const struct rrdhead *head, const char *name)
{
	size_t i;

	for (i = 0; i < head->source_count; i++)
		if (strcmp(head->sources[i].name, name) == 0)
			return (int)i;
	return -1;
}

const char *
rrdhead_function(enum archive_function function)
{
	static const char *const names[] = {"AVERAGE", "MIN", "MAX"};

	return names[function];
}

bool
rrdhead_serves(const struct rrdhead_archive *archive, enum archive_function function)
{
	return strcmp(archive->function, rrdhead_function(function)) == 0 ||
	       (archive->points == 1 && strcmp(archive->function, "AVERAGE") == 0);
}

size_t
rrdhead_row(
    const struct rrdhead *head, const struct rrdhead_archive *archive, int64_t end_s)
{
	int64_t row = archive->current - (archive->newest_s - end_s) / archive->step_s;

	if (row < 0)
		row += archive->rows;
	assert(row >= 0 && row < archive->rows);
	return archive->offset + (size_t)row * head->source_count * sizeof(double);
}
