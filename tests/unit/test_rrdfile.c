/* store/rrdfile, rrdhead, rrdmigrate: real files, values read back as measured. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <rrd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/rrdfile.h"
#include "store/rrdguard.h"
#include "store/rrdhead.h"

#define S INT64_C(1000000)
#define MINUTE (60 * S)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define T0 INT64_C(1767225600) /* 2026-01-01, a multiple of a day */

static char folder[] = "/tmp/vetrina-rrdfile-XXXXXX";
static char path[128];

static const struct archive_source sources[] = {
    {"up", "1", 0, 1, ""},
    {"known", "1", 0, 1, ""},
    {"total", "s", 0, NAN, ""},
    {"size", "bytes", 0, 1e15, ""},
};

static struct rrdfile_shape
shape(int64_t step_s)
{
	return (struct rrdfile_shape){
	    .step_s = step_s,
	    .source_count = ARRAY_LENGTH(sources),
	    .sources = sources,
	    .retention =
		{
		    .count = 4,
		    .tiers = {{MINUTE, 2 * DAY}, {5 * MINUTE, 10 * DAY},
			{HOUR, 60 * DAY}, {DAY, 400 * DAY}},
		},
	};
}

/* A value with all its digits, by the slot. */
static double
total_at(int64_t time_s)
{
	return 0.1 + (double)((time_s * 2654435761U) % 1000003) / 1000003 / 3;
}

static void
row_at(int64_t time_s, double *row)
{
	row[0] = time_s / 60 % 7 != 3;
	row[1] = 1;
	row[2] = time_s / 60 % 11 == 5 ? NAN : total_at(time_s);
	row[3] = (double)(time_s % 100000) * 1048573;
}

static void
store(int64_t from_s, int64_t to_s, int64_t step_s, size_t expect_skipped)
{
	size_t n = (to_s - from_s) / step_s, i, skipped;
	int64_t *times = mem_array(n, sizeof(*times));
	double *values = mem_array(n * 4, sizeof(*values));

	for (i = 0; i < n; i++) {
		times[i] = from_s + (int64_t)(i + 1) * step_s;
		row_at(times[i], values + 4 * i);
	}
	assert_int_equal(rrdfile_update(path, times, values, n, 4, &skipped), 0);
	assert_int_equal(skipped, expect_skipped);
	free(times);
	free(values);
}

static void
assert_near(double value, double expected)
{
	if (isnan(expected)) {
		assert_true(isnan(value));
	} else {
		if (!(fabs(value - expected) <= 1e-12 * fabs(expected)))
			print_error("%.17g, not %.17g\n", value, expected);
		assert_true(fabs(value - expected) <= 1e-12 * fabs(expected));
	}
}

static void
assert_row(const struct rrdfile_rows *rows, size_t i)
{
	double row[4];
	int j;

	row_at(rows->first_s + (int64_t)i * rows->step_s, row);
	for (j = 0; j < 4; j++)
		assert_near(rows->rows[i * 4 + j], row[j]);
}

static int
setup(void **state)
{
	static int n;

	snprintf(path, sizeof(path), "%s/sito/rrd/anagrafe/%d.rrd", folder, n++);
	return 0;
}

static void
a_new_file_has_the_shape_asked(void **state)
{
	struct rrdfile_shape wanted = shape(60), other;
	struct archive_source renamed[4];
	struct stat st;
	int64_t last;

	assert_int_equal(rrdfile_matches(path, &wanted), -ENOENT);
	assert_int_equal(rrdfile_last(path, &last), -ENOENT);
	assert_int_equal(rrdfile_create(path, &wanted, T0 + 7), 0);
	assert_int_equal(rrdfile_create(path, &wanted, T0), -EEXIST);
	assert_int_equal(rrdfile_matches(path, &wanted), 1);
	assert_int_equal(rrdfile_last(path, &last), 0);
	assert_int_equal(last, T0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, rrdfile_size(&wanted));
	assert_int_equal(rrdfile_source(path, "total"), 2);
	assert_int_equal(rrdfile_source(path, "nothing"), ERR_NOT_FOUND);

	other = shape(120);
	assert_int_equal(rrdfile_matches(path, &other), 0);
	other = wanted;
	other.source_count = 3;
	assert_int_equal(rrdfile_matches(path, &other), 0);
	other = wanted;
	other.retention.tiers[3].keep_us += DAY;
	assert_int_equal(rrdfile_matches(path, &other), 0);
	memcpy(renamed, sources, sizeof(renamed));
	renamed[3].max = 2e15;
	other = wanted;
	other.sources = renamed;
	assert_int_equal(rrdfile_matches(path, &other), 0);
	renamed[3] = sources[3];
	renamed[2].name = "totale";
	assert_int_equal(rrdfile_matches(path, &other), 0);
	assert_int_equal(rrdfile_create("/proc/nowhere/x.rrd", &wanted, T0), -ENOENT);
	assert_int_equal(rrdfile_create(path, &wanted, 1000), -EEXIST);
}

static void
a_row_is_a_sample(void **state)
{
	struct rrdfile_shape wanted = shape(60);
	struct rrdfile_rows rows;
	size_t i;

	assert_int_equal(rrdfile_create(path, &wanted, T0), 0);
	store(T0, T0 + 1800, 60, 0);
	store(T0, T0 + 3600, 60, 30); /* half of it again */
	assert_int_equal(
	    rrdfile_fetch(path, ARCHIVE_AVERAGE, T0, T0 + 7200, 60, &rows), 0);
	assert_int_equal(rows.first_s, T0 + 60);
	assert_int_equal(rows.step_s, 60);
	assert_int_equal(rows.count, 60);
	assert_int_equal(rows.sources, 4);
	for (i = 0; i < rows.count; i++)
		assert_row(&rows, i);
	rrdfile_rows_clear(&rows);
	/* Bounds are (from, to], whatever their place in the step. */
	assert_int_equal(
	    rrdfile_fetch(path, ARCHIVE_MAX, T0 + 61, T0 + 239, 60, &rows), 0);
	assert_int_equal(rows.first_s, T0 + 120);
	assert_int_equal(rows.count, 2);
	assert_row(&rows, 0);
	assert_row(&rows, 1);
	rrdfile_rows_clear(&rows);
	assert_int_equal(rrdfile_fetch(path, ARCHIVE_MIN, T0, T0 + 59, 60, &rows), 0);
	assert_int_equal(rows.count, 0);
	rrdfile_rows_clear(&rows);
	assert_int_equal(
	    rrdfile_fetch(path, ARCHIVE_MIN, T0 + 3600, T0 + 9999, 60, &rows), 0);
	assert_int_equal(rows.count, 0);
	rrdfile_rows_clear(&rows);
}

static void
slots_left_out_are_unknown(void **state)
{
	struct rrdfile_shape wanted = shape(60);
	struct rrdfile_rows rows;
	int64_t times[] = {T0 + 60, T0 + 180, T0 + 240, T0 + 600};
	double values[16];
	size_t i, skipped;

	for (i = 0; i < 4; i++)
		row_at(times[i], values + 4 * i);
	assert_int_equal(rrdfile_create(path, &wanted, T0), 0);
	assert_int_equal(rrdfile_update(path, times, values, 4, 4, &skipped), 0);
	assert_int_equal(
	    rrdfile_fetch(path, ARCHIVE_AVERAGE, T0, T0 + 600, 60, &rows), 0);
	assert_int_equal(rows.count, 10);
	for (i = 0; i < 10; i++) {
		if (i == 0 || i == 2 || i == 3 || i == 9)
			assert_row(&rows, i);
		else
			assert_true(isnan(rows.rows[4 * i]) &&
				    rows.rows[4 * i + 1] == 0 &&
				    isnan(rows.rows[4 * i + 2]));
	}
	rrdfile_rows_clear(&rows);
	/* In the coarse row: the average of what is known, the extremes of it. */
	assert_int_equal(rrdfile_fetch(path, ARCHIVE_MAX, T0, T0 + 300, 300, &rows), 0);
	assert_int_equal(rows.count, 1);
	assert_near(rows.rows[3], fmax(values[3], fmax(values[7], values[11])));
	rrdfile_rows_clear(&rows);
	assert_int_equal(rrdfile_fetch(path, ARCHIVE_MIN, T0, T0 + 300, 300, &rows), 0);
	assert_near(rows.rows[3], fmin(values[3], fmin(values[7], values[11])));
	rrdfile_rows_clear(&rows);
	assert_int_equal(
	    rrdfile_fetch(path, ARCHIVE_AVERAGE, T0, T0 + 300, 300, &rows), 0);
	assert_near(rows.rows[3], (values[3] + values[7] + values[11]) / 3);
	assert_near(rows.rows[1], 0.6); /* how much of it was measured */
	rrdfile_rows_clear(&rows);
}

static void
extremes_of_a_row_are_of_that_row(void **state)
{
	struct rrdfile_shape wanted = shape(60);
	struct rrdfile_rows rows;
	int64_t times[10];
	double values[40];
	size_t i, skipped;

	for (i = 0; i < 10; i++) {
		times[i] = T0 + 60 * (int64_t)(i + 1);
		values[4 * i] = values[4 * i + 1] = 1;
		values[4 * i + 2] =
		    i < 5 ? 100 : 1; /* the last of a row is the highest */
		values[4 * i + 3] = i < 5 ? 1 : 100;
	}
	assert_int_equal(rrdfile_create(path, &wanted, T0), 0);
	assert_int_equal(rrdfile_update(path, times, values, 10, 4, &skipped), 0);
	assert_int_equal(rrdfile_fetch(path, ARCHIVE_MAX, T0, T0 + 600, 300, &rows), 0);
	assert_int_equal(rows.count, 2);
	assert_near(rows.rows[2], 100);
	assert_near(rows.rows[4 + 2], 1);
	rrdfile_rows_clear(&rows);
	assert_int_equal(rrdfile_fetch(path, ARCHIVE_MIN, T0, T0 + 600, 300, &rows), 0);
	assert_near(rows.rows[3], 1);
	assert_near(rows.rows[4 + 3], 100);
	rrdfile_rows_clear(&rows);
}

static void
one_known_point_in_a_day_is_a_row(void **state)
{
	struct rrdfile_shape wanted = shape(60);
	struct rrdfile_rows rows;
	int64_t times[] = {T0 + 600, T0 + 2 * 86400};
	double values[] = {1, 1, 0.25, 10, 1, 1, 0.5, 20};
	size_t skipped;

	assert_int_equal(rrdfile_create(path, &wanted, T0), 0);
	assert_int_equal(rrdfile_update(path, times, values, 2, 4, &skipped), 0);
	assert_int_equal(
	    rrdfile_fetch(path, ARCHIVE_AVERAGE, T0, T0 + 2 * 86400, 86400, &rows), 0);
	assert_int_equal(rows.step_s, 86400);
	assert_int_equal(rows.count, 2);
	assert_near(rows.rows[2], 0.25);
	assert_near(rows.rows[4 + 2], 0.5);
	rrdfile_rows_clear(&rows);
}

static void
numbers_of_every_size_come_back(void **state)
{
	static const double all[] = {0, 1, 0.1, 1.0 / 3, 1e-9, 3.0000000000000004e-5,
	    12345.678, 999999999999.875, 0.000123456789012345, 2.5e14, 4294967296,
	    0.30000000000000004, 1e-300, 7.000000000000001e-12};
	struct archive_source wide[] = {{"up", "1", 0, 1, ""}, {"known", "1", 0, 1, ""},
	    {"value", "1", NAN, NAN, ""}};
	struct rrdfile_shape wanted = shape(7);
	struct rrdfile_rows rows;
	size_t i, skipped;

	wanted.sources = wide;
	wanted.source_count = 3;
	assert_int_equal(rrdfile_create(path, &wanted, T0), 0);
	for (i = 0; i < 2 * ARRAY_LENGTH(all); i++) {
		int64_t time_s = (T0 / 7 + 1 + (int64_t)i) * 7;
		double values[] = {1, 1, i % 2 == 0 ? all[i / 2] : -all[i / 2]};
		assert_int_equal(
		    rrdfile_update(path, &time_s, values, 1, 3, &skipped), 0);
	}
	assert_int_equal(
	    rrdfile_fetch(path, ARCHIVE_AVERAGE, T0 / 7 * 7, T0 + 7000, 7, &rows), 0);
	assert_int_equal(rows.count, 2 * ARRAY_LENGTH(all));
	for (i = 0; i < rows.count; i++)
		assert_near(
		    rows.rows[3 * i + 2], i % 2 == 0 ? all[i / 2] : -all[i / 2]);
	rrdfile_rows_clear(&rows);
}

/* From 1e-12 to 1e17, by chance. */
static double
any_value(int64_t i)
{
	uint64_t seed = (uint64_t)i * 6364136223846793005U + 1442695040888963407U;
	double fraction;

	seed ^= seed >> 29;
	seed *= 0xbf58476d1ce4e5b9U;
	fraction = (double)(seed >> 11) / 9007199254740992.0;
	return pow(10, (double)(i % 29) - 12 + fraction) * (i % 2 == 0 ? 1 : -1);
}

static void
any_number_comes_back(void **state)
{
	struct archive_source one[] = {{"value", "1", NAN, NAN, ""}};
	struct rrdfile_shape wanted = shape(1);
	struct rrdfile_rows rows;
	int64_t times[3000], i;
	double values[3000];
	size_t skipped;

	for (i = 0; i < 3000; i++) {
		times[i] = T0 + 1 + i;
		values[i] = any_value(i);
	}
	wanted.sources = one;
	wanted.source_count = 1;
	assert_int_equal(rrdfile_create(path, &wanted, T0), 0);
	assert_int_equal(rrdfile_update(path, times, values, 3000, 1, &skipped), 0);
	assert_int_equal(
	    rrdfile_fetch(path, ARCHIVE_AVERAGE, T0, T0 + 3000, 1, &rows), 0);
	assert_int_equal(rows.count, 3000);
	for (i = 0; i < 3000; i++)
		assert_near(rows.rows[i], values[i]);
	rrdfile_rows_clear(&rows);
}

static void
tiers_tell_what_can_be_had(void **state)
{
	struct rrdfile_shape wanted = shape(90); /* 90 s: 1m becomes 90 s, 5m 360 s */
	struct rrdfile_tier tiers[RRDFILE_TIERS_MAX];
	struct rrdfile_rows rows;
	size_t count, n;
	int64_t last;

	assert_int_equal(rrdfile_create(path, &wanted, T0), 0);
	assert_int_equal(rrdfile_tiers(path, tiers, &count, &last, &n), 0);
	assert_int_equal(count, 4);
	assert_int_equal(n, 4);
	assert_int_equal(last, T0);
	assert_int_equal(tiers[0].step_s, 90);
	assert_int_equal(tiers[1].step_s, 360);
	assert_int_equal(tiers[2].step_s, 3600);
	assert_int_equal(tiers[3].step_s, 86400);
	assert_int_equal(tiers[0].first_s, T0 - 2 * 86400 + 90);
	assert_int_equal(tiers[3].first_s, T0 - 399 * 86400);
	/* The finest tier that covers, of at least the step asked. */
	assert_int_equal(
	    rrdfile_fetch(path, ARCHIVE_AVERAGE, T0 - 3600, T0, 1, &rows), 0);
	assert_int_equal(rows.step_s, 90);
	rrdfile_rows_clear(&rows);
	assert_int_equal(
	    rrdfile_fetch(path, ARCHIVE_AVERAGE, T0 - 3 * 86400, T0, 1, &rows), 0);
	assert_int_equal(rows.step_s, 360);
	rrdfile_rows_clear(&rows);
	assert_int_equal(
	    rrdfile_fetch(path, ARCHIVE_MAX, T0 - 7200, T0, 400, &rows), 0);
	assert_int_equal(rows.step_s, 3600);
	assert_int_equal(rows.count, 2);
	rrdfile_rows_clear(&rows);
	/* None is so coarse: the nearest finer. None reaches back: the longest. */
	assert_int_equal(
	    rrdfile_fetch(path, ARCHIVE_AVERAGE, T0 - 86400, T0, 999999, &rows), 0);
	assert_int_equal(rows.step_s, 86400);
	rrdfile_rows_clear(&rows);
	assert_int_equal(rrdfile_fetch(path, ARCHIVE_AVERAGE, -5, T0, 90, &rows), 0);
	assert_int_equal(rows.step_s, 86400);
	assert_int_equal(rows.count, 400);
	rrdfile_rows_clear(&rows);
}

static void
what_is_no_database_is_told(void **state)
{
	struct rrdfile_shape wanted = shape(60);
	struct rrdfile_rows rows;
	int64_t last, time_s = T0 + 60;
	double values[4] = {1, 1, 1, 1};
	size_t skipped;
	int fd;

	assert_int_equal(rrdfile_create(path, &wanted, T0), 0);
	assert_int_equal(truncate(path, rrdfile_size(&wanted) - 8), 0);
	assert_int_equal(rrdfile_last(path, &last), ERR_DAMAGED);
	assert_int_equal(rrdfile_matches(path, &wanted), ERR_DAMAGED);
	assert_int_equal(
	    rrdfile_update(path, &time_s, values, 1, 4, &skipped), ERR_DAMAGED);
	assert_int_equal(
	    rrdfile_fetch(path, ARCHIVE_MAX, T0, T0 + 60, 60, &rows), ERR_DAMAGED);
	assert_int_equal(rrdfile_migrate(path, &wanted), ERR_DAMAGED);
	assert_int_equal(truncate(path, 4000), 0); /* within the head */
	assert_int_equal(rrdfile_last(path, &last), ERR_DAMAGED);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(rrdfile_last(path, &last), ERR_DAMAGED);
	fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(
	    write(fd, "<html>this is something else altogether</html>", 46), 46);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	close(fd);
	assert_int_equal(rrdfile_last(path, &last), ERR_DAMAGED);
	assert_int_equal(rrdfile_last(folder, &last), ERR_DAMAGED);
	/* Another number of data sources is not damage. */
	setup(NULL);
	assert_int_equal(rrdfile_create(path, &wanted, T0), 0);
	assert_int_equal(
	    rrdfile_update(path, &time_s, values, 1, 3, &skipped), ERR_RANGE);
}

static void
copy_file(const char *from, const char *to)
{
	char bytes[65536];
	int in = open(from, O_RDONLY),
	    out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ssize_t n = read(in, bytes, sizeof(bytes));

	assert_true(n > 0 && n < (ssize_t)sizeof(bytes));
	assert_int_equal(write(out, bytes, (size_t)n), n);
	close(in);
	close(out);
}

/* Whatever stands in a head that we let pass, librrd can be given the file. */
static void
librrd_survives_what_passes(void **state)
{
	static const unsigned char masks[] = {0xff, 0x01, 0x80};
	struct rrdfile_shape wanted = shape(60);
	double row[4] = {1, 1, 0.5, 7};
	struct rrdfile_rows rows;
	struct rrdhead head;
	unsigned char byte;
	size_t skipped, length, at, i, passed = 0;
	int64_t time_s = T0 + 1260;
	char good[200];
	int fd;

	wanted.retention.count = 2;
	wanted.retention.tiers[0].keep_us = 10 * MINUTE;
	wanted.retention.tiers[1].keep_us = HOUR;
	assert_int_equal(rrdfile_create(path, &wanted, T0), 0);
	store(T0, T0 + 1200, 60, 0);
	assert_int_equal(rrdhead_read(path, &head), 0);
	length = head.live_offset + head.live_length;
	snprintf(good, sizeof(good), "%s.good", path);
	copy_file(path, good);
	for (i = 0; i < ARRAY_LENGTH(masks); i++) {
		for (at = 0; at < length; at++) {
			fd = open(path, O_RDWR);
			assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
			byte ^= masks[i];
			assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
			if (rrdhead_read(path, &head) != 0) {
				byte ^= masks[i];
				assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
				close(fd);
				continue;
			}
			close(fd);
			passed++;
			(void)rrdfile_update(path, &time_s, row, 1, 4, &skipped);
			if (rrdfile_fetch(
				path, ARCHIVE_AVERAGE, T0, T0 + 1260, 60, &rows) == 0)
				rrdfile_rows_clear(&rows);
			copy_file(good, path);
		}
	}
	assert_true(passed > 100);
}

static void
a_time_far_ahead_is_damage(void **state)
{
	struct rrdfile_shape wanted = shape(60);
	struct rrdhead head;
	int64_t last, micros = 0;
	int fd;

	assert_int_equal(rrdfile_create(path, &wanted, T0), 0);
	assert_int_equal(rrdhead_read(path, &head), 0);
	fd = open(path, O_RDWR);
	last = T0 | INT64_C(0x41) << 40;
	assert_int_equal(pwrite(fd, &last, 8, (off_t)head.live_offset), 8);
	assert_int_equal(rrdhead_read(path, &head), ERR_DAMAGED);
	last = T0;
	assert_int_equal(pwrite(fd, &last, 8, (off_t)head.live_offset), 8);
	assert_int_equal(rrdhead_read(path, &head), 0);
	for (micros = -1; micros <= 1000000; micros += 1000001) {
		assert_int_equal(
		    pwrite(fd, &micros, 8, (off_t)head.live_offset + 8), 8);
		assert_int_equal(rrdhead_read(path, &head), ERR_DAMAGED);
	}
	close(fd);
}

/* The clock was not set yet when the first sample came. */
static void
samples_before_1980_are_skipped(void **state)
{
	struct rrdfile_shape wanted = shape(60);
	int64_t times[] = {60, 120, T0};
	double rows[3 * 4] = {1, 1, 0.5, 7, 1, 1, 0.5, 7, 1, 1, 0.5, 7};
	size_t skipped;
	int64_t last;

	assert_int_equal(rrdfile_create(path, &wanted, 0), 0);
	assert_int_equal(rrdfile_update(path, times, rows, 3, 4, &skipped), 0);
	assert_int_equal(skipped, 2);
	assert_int_equal(rrdfile_last(path, &last), 0);
	assert_int_equal(last, T0);
	wanted.retention.count = 3;
	assert_int_equal(rrdfile_migrate(path, &wanted), 0);
}

static void
every_byte_of_a_head_may_be_wrong(void **state)
{
	struct rrdfile_shape wanted = shape(60);
	struct rrdhead head;
	unsigned char byte;
	off_t at;
	int fd;

	assert_int_equal(rrdfile_create(path, &wanted, T0), 0);
	fd = open(path, O_RDWR);
	for (at = 0; at < 4096; at++) { /* no crash, whatever it says */
		unsigned char wrong;
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		wrong = byte ^ 0xff;
		assert_int_equal(pwrite(fd, &wrong, 1, at), 1);
		(void)rrdhead_read(path, &head);
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	}
	assert_int_equal(rrdhead_read(path, &head), 0);
	close(fd);
}

/* Holds the lock that an outside rrdtool would, for ms. */
static pid_t
lock_outside(int ms)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};
	int fds[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		int fd = open(path, O_RDWR);
		if (fcntl(fd, F_SETLK, &lock) == 0 && write(fds[1], "x", 1) == 1)
			nanosleep(&pause, NULL);
		_exit(0);
	}
	assert_int_equal(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	close(fds[1]);
	return pid;
}

static void
a_lock_from_outside_is_waited_for(void **state)
{
	struct rrdfile_shape wanted = shape(60);
	int64_t time_s = T0 + 60;
	double values[4] = {1, 1, 1, 1};
	size_t skipped;
	pid_t pid;

	assert_int_equal(rrdfile_create(path, &wanted, T0), 0);
	pid = lock_outside(40);
	assert_int_equal(rrdfile_update(path, &time_s, values, 1, 4, &skipped), 0);
	waitpid(pid, NULL, 0);
	pid = lock_outside(30000);
	time_s += 60;
	assert_int_equal(
	    rrdfile_update(path, &time_s, values, 1, 4, &skipped), -EAGAIN);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(rrdfile_update(path, &time_s, values, 1, 4, &skipped), 0);
	assert_int_equal(skipped, 0);
}

/* As when the process dies between the row and the time of the last update. */
static void
an_interrupted_update_is_undone(void **state)
{
	struct rrdfile_shape wanted = shape(60);
	struct rrdguard *guard;
	struct rrdhead before, after;
	struct rrdfile_rows rows;
	char undo[160];
	int64_t current = 0;
	size_t i;
	off_t at;
	int fd;

	assert_int_equal(rrdfile_create(path, &wanted, T0), 0);
	store(T0, T0 + 3600, 60, 0);
	assert_int_equal(rrdguard_open(folder, &guard), 0);
	assert_int_equal(rrdguard_begin(guard, "/tmp/no/such.rrd"), -ENOENT);
	assert_int_equal(rrdguard_begin(guard, path), 0);
	assert_int_equal(rrdhead_read(path, &before), 0);
	fd = open(path, O_RDWR);
	at =
	    (off_t)(before.live_offset + before.live_length - 8 * before.archive_count);
	assert_int_equal(pread(fd, &current, sizeof(current), at), sizeof(current));
	assert_int_equal(current, before.archives[0].current);
	current = (current + 1) % before.archives[0].rows;
	assert_int_equal(pwrite(fd, &current, sizeof(current), at), sizeof(current));
	close(fd);
	rrdguard_close(guard); /* without an end */
	assert_int_equal(rrdguard_open(folder, &guard), 0);
	assert_int_equal(rrdhead_read(path, &after), 0);
	assert_int_equal(after.archives[0].current, before.archives[0].current);
	assert_int_equal(
	    rrdfile_fetch(path, ARCHIVE_AVERAGE, T0, T0 + 3600, 60, &rows), 0);
	assert_int_equal(rows.count, 60);
	for (i = 0; i < rows.count; i++)
		assert_row(&rows, i);
	rrdfile_rows_clear(&rows);
	/* One that ended stays. */
	assert_int_equal(rrdguard_begin(guard, path), 0);
	store(T0, T0 + 3660, 60, 60);
	rrdguard_end(guard);
	rrdguard_close(guard);
	assert_int_equal(rrdguard_open(folder, &guard), 0);
	assert_int_equal(rrdhead_read(path, &after), 0);
	assert_int_equal(after.last_s, T0 + 3660);
	/* A copy that was not written whole is not believed. */
	assert_int_equal(rrdguard_begin(guard, path), 0);
	rrdguard_close(guard);
	store(T0, T0 + 3720, 60, 61);
	snprintf(undo, sizeof(undo), "%s/update.undo", folder);
	fd = open(undo, O_RDWR);
	assert_int_equal(pwrite(fd, "?", 1, 700), 1);
	close(fd);
	assert_int_equal(rrdguard_open(folder, &guard), 0);
	assert_int_equal(rrdhead_read(path, &after), 0);
	assert_int_equal(after.last_s, T0 + 3720);
	rrdguard_close(guard);
}

static void
a_leap_forward_costs_little(void **state)
{
	struct rrdfile_shape wanted = shape(1);
	int64_t time_s = T0 + INT64_C(15) * 365 * 86400;
	double values[4] = {1, 1, 1, 1};
	struct rrdfile_rows rows;
	struct timespec before, after;
	size_t skipped;

	assert_int_equal(rrdfile_create(path, &wanted, T0), 0);
	clock_gettime(CLOCK_MONOTONIC, &before);
	assert_int_equal(rrdfile_update(path, &time_s, values, 1, 4, &skipped), 0);
	clock_gettime(CLOCK_MONOTONIC, &after);
	print_message("15 years of 1 s: %ld ms\n",
	    (long)((after.tv_sec - before.tv_sec) * 1000 +
		   (after.tv_nsec - before.tv_nsec) / 1000000));
	assert_int_equal(
	    rrdfile_fetch(path, ARCHIVE_AVERAGE, time_s - 5, time_s, 1, &rows), 0);
	assert_int_equal(rows.count, 5);
	assert_true(isnan(rows.rows[4 * 3]));
	assert_near(rows.rows[4 * 4], 1);
	rrdfile_rows_clear(&rows);
}

static void
assert_same_rows(const char *a, const char *b, enum archive_function function,
    int64_t from_s, int64_t step_s)
{
	struct rrdfile_rows x, y;
	size_t i;

	assert_int_equal(
	    rrdfile_fetch(a, function, from_s, INT64_MAX / 2, step_s, &x), 0);
	assert_int_equal(
	    rrdfile_fetch(b, function, from_s, INT64_MAX / 2, step_s, &y), 0);
	assert_int_equal(x.step_s, step_s);
	assert_int_equal(y.step_s, step_s);
	assert_int_equal(x.first_s, y.first_s);
	assert_int_equal(x.count, y.count);
	for (i = 0; i < x.count * x.sources; i++)
		assert_near(y.rows[i], x.rows[i]);
	rrdfile_rows_clear(&x);
	rrdfile_rows_clear(&y);
}

/* Two files: the same history, one migrated to the other's shape in the middle. */
static void
migration_keeps_every_row(void **state)
{
	struct rrdfile_shape old = shape(60), wanted = shape(60);
	struct archive_source swapped[] = {
	    sources[0], sources[1], sources[3], sources[2]};
	char whole[128], changed[128];
	int64_t half = T0 + 11 * 86400 + 12345 / 60 * 60, end = half + 86400 + 540;
	enum archive_function function;

	old.retention.tiers[1].keep_us = 20 * DAY;
	old.retention.tiers[3].keep_us = 300 * DAY;
	old.sources = swapped;
	strcpy(whole, path);
	assert_int_equal(rrdfile_create(path, &wanted, T0), 0);
	store(T0, end, 60, 0);
	/* The old shape gets the same numbers, columns aside. */
	setup(NULL);
	strcpy(changed, path);
	assert_int_equal(rrdfile_create(path, &wanted, T0), 0);
	store(T0, half, 60, 0);
	assert_int_equal(rrdfile_migrate(path, &old), 0);
	assert_int_equal(rrdfile_matches(path, &old), 1);
	assert_int_equal(rrdfile_source(path, "total"), 3);
	assert_int_equal(rrdfile_migrate(path, &wanted), 0);
	assert_int_equal(rrdfile_matches(path, &wanted), 1);
	store(half, end, 60, 0); /* and goes on with what was in progress */
	for (function = ARCHIVE_AVERAGE; function <= ARCHIVE_MAX; function++) {
		assert_same_rows(whole, changed, function, T0 + 11 * 86400, 60);
		assert_same_rows(whole, changed, function, T0 + 3 * 86400, 300);
		assert_same_rows(whole, changed, function, T0, 3600);
		assert_same_rows(whole, changed, function, T0, 86400);
	}
}

static void
migration_to_other_steps_keeps_the_averages(void **state)
{
	struct rrdfile_shape old = shape(60), wanted = shape(300);
	struct archive_source more[] = {
	    sources[0], sources[1], {"extra", "s", 0, NAN, ""}, sources[2]};
	struct rrdfile_rows before, after;
	int64_t end = T0 + 9 * 86400 + 7 * 60;
	size_t i;

	assert_int_equal(rrdfile_create(path, &old, T0), 0);
	store(T0, end, 60, 0);
	assert_int_equal(
	    rrdfile_fetch(path, ARCHIVE_AVERAGE, T0, end, 300, &before), 0);
	wanted.sources = more;
	assert_int_equal(rrdfile_migrate(path, &wanted), 0);
	assert_int_equal(rrdfile_matches(path, &wanted), 1);
	assert_int_equal(rrdfile_fetch(path, ARCHIVE_AVERAGE, T0, end, 300, &after), 0);
	assert_int_equal(after.step_s, 300);
	assert_int_equal(after.count, before.count);
	for (i = 0; i < after.count; i++) {
		assert_near(after.rows[4 * i], before.rows[4 * i]);
		assert_near(after.rows[4 * i + 1], before.rows[4 * i + 1]);
		assert_true(isnan(after.rows[4 * i + 2]));
		assert_near(after.rows[4 * i + 3], before.rows[4 * i + 2]);
	}
	rrdfile_rows_clear(&before);
	rrdfile_rows_clear(&after);
	/* To a finer step than was kept: each finer row has the coarser one's value. */
	setup(NULL);
	assert_int_equal(rrdfile_create(path, &old, T0), 0);
	store(T0, end, 60, 0);
	wanted = shape(20);
	assert_int_equal(rrdfile_migrate(path, &wanted), 0);
	assert_int_equal(
	    rrdfile_fetch(path, ARCHIVE_AVERAGE, end - 3600, end, 20, &after), 0);
	assert_int_equal(after.step_s, 20);
	assert_int_equal(after.count, 180);
	for (i = 0; i < after.count; i++) {
		double row[4];
		row_at((after.first_s + 20 * (int64_t)i + 59) / 60 * 60, row);
		assert_near(after.rows[4 * i + 2], row[2]);
	}
	rrdfile_rows_clear(&after);
}

static void
migration_of_an_unchanged_day_row(void **state)
{
	struct rrdfile_shape old = shape(60), wanted = shape(60);
	struct rrdfile_rows rows;
	int64_t end = T0 + 86400 / 2;
	double sum = 0, n = 0, row[4];
	int64_t at;

	/* Migrated at noon, the day's row is of the whole day all the same. */
	wanted.retention.tiers[1].keep_us = 15 * DAY;
	assert_int_equal(rrdfile_create(path, &old, T0), 0);
	store(T0, end, 60, 0);
	assert_int_equal(rrdfile_migrate(path, &wanted), 0);
	store(end, T0 + 86400, 60, 0);
	for (at = T0 + 60; at <= T0 + 86400; at += 60) {
		row_at(at, row);
		if (isnan(row[2]))
			continue;
		sum += row[2];
		n++;
	}
	assert_int_equal(
	    rrdfile_fetch(path, ARCHIVE_AVERAGE, T0, T0 + 86400, 86400, &rows), 0);
	assert_int_equal(rows.count, 1);
	assert_near(rows.rows[2], sum / n);
	rrdfile_rows_clear(&rows);
}

/* The stock rrdtool is a peer: what it prints is what was measured. */
static void
the_stock_rrdtool_reads_the_same(void **state)
{
	struct rrdfile_shape wanted = shape(60);
	char command[512], line[512];
	int rows = 0;
	FILE *pipe;

	assert_int_equal(rrdfile_create(path, &wanted, T0), 0);
	store(T0, T0 + 3600, 60, 0);
	if (system("rrdtool >/dev/null 2>&1") != 0) {
		print_message("no rrdtool here: read back by librrd only\n");
		return;
	}
	snprintf(command, sizeof(command),
	    "rrdtool fetch %s AVERAGE -s %lld -e %lld -r 60", path, (long long)T0,
	    (long long)T0 + 3540);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	while (fgets(line, sizeof(line), pipe) != NULL) {
		long long at;
		char text[4][32];
		double row[4];
		int i;
		if (sscanf(line, "%lld: %31s %31s %31s %31s", &at, text[0], text[1],
			text[2], text[3]) != 5)
			continue;
		rows++;
		row_at(at, row);
		for (i = 0; i < 4; i++) { /* it prints eleven digits */
			if (isnan(row[i]))
				assert_non_null(strstr(text[i], "nan"));
			else
				assert_true(fabs(atof(text[i]) - row[i]) <=
					    1e-10 * fabs(row[i]));
		}
	}
	assert_int_equal(pclose(pipe), 0);
	assert_int_equal(rows, 60);
}

static void
a_full_disk_leaves_the_old_file(void **state)
{
	struct rrdfile_shape old = shape(60), wanted = shape(60);
	char aside[160];
	int status;
	pid_t pid;

	wanted.retention.tiers[0].keep_us = 30 * DAY;
	assert_int_equal(rrdfile_create(path, &old, T0), 0);
	store(T0, T0 + 3600, 60, 0);
	/* A file may not grow: in a child, whose limit dies with it. */
	pid = fork();
	if (pid == 0) {
		struct rrdfile_shape other = shape(30);
		char second[160];
		int error, error2;
		struct rlimit limit = {20000, 20000};
		signal(SIGXFSZ, SIG_IGN);
		snprintf(second, sizeof(second), "%s.second", path);
		if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
			_exit(4);
		error = rrdfile_migrate(path, &wanted);
		error2 = rrdfile_create(second, &other, T0);
		_exit(error < 0 && error2 < 0 && access(second, F_OK) != 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(rrdfile_matches(path, &old), 1);
	store(T0, T0 + 3660, 60, 60);
	snprintf(aside, sizeof(aside), "%s.new", path);
	assert_int_equal(access(aside, F_OK), -1);
}

static int
remove_folder(void **state)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(a_new_file_has_the_shape_asked, setup),
	    cmocka_unit_test_setup(a_row_is_a_sample, setup),
	    cmocka_unit_test_setup(slots_left_out_are_unknown, setup),
	    cmocka_unit_test_setup(extremes_of_a_row_are_of_that_row, setup),
	    cmocka_unit_test_setup(one_known_point_in_a_day_is_a_row, setup),
	    cmocka_unit_test_setup(numbers_of_every_size_come_back, setup),
	    cmocka_unit_test_setup(any_number_comes_back, setup),
	    cmocka_unit_test_setup(tiers_tell_what_can_be_had, setup),
	    cmocka_unit_test_setup(what_is_no_database_is_told, setup),
	    cmocka_unit_test_setup(every_byte_of_a_head_may_be_wrong, setup),
	    cmocka_unit_test_setup(librrd_survives_what_passes, setup),
	    cmocka_unit_test_setup(a_time_far_ahead_is_damage, setup),
	    cmocka_unit_test_setup(samples_before_1980_are_skipped, setup),
	    cmocka_unit_test_setup(a_lock_from_outside_is_waited_for, setup),
	    cmocka_unit_test_setup(an_interrupted_update_is_undone, setup),
	    cmocka_unit_test_setup(a_leap_forward_costs_little, setup),
	    cmocka_unit_test_setup(migration_keeps_every_row, setup),
	    cmocka_unit_test_setup(migration_to_other_steps_keeps_the_averages, setup),
	    cmocka_unit_test_setup(migration_of_an_unchanged_day_row, setup),
	    cmocka_unit_test_setup(the_stock_rrdtool_reads_the_same, setup),
	    cmocka_unit_test_setup(a_full_disk_leaves_the_old_file, setup),
	};

	if (mkdtemp(folder) == NULL)
		return 1;
	return cmocka_run_group_tests_name("rrdfile", tests, NULL, remove_folder);
}
