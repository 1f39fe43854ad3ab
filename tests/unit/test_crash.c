/*
 * kill -9: a storer that never pauses is killed at random moments and started again.
 * Nothing that it said was stored is lost, nothing is doubled, every database reads
 * back whole. Ten times; 200 with VETRINA_LONG=1 (make check-long).
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/rrdfile.h"
#include "tests/lib/storer.h"

static char folder[] = "/tmp/vetrina-crash-XXXXXX";
#define KEPT_S (39 * 3600)

static char base_text[32];
static int64_t base_s;
static int64_t stored[STORER_SERIES]; /* as told, by any life */
static int lives;

struct life {
	pid_t pid;
	int fd;
	char line[256];
	size_t length;
};

static void
begin(struct life *life, const char *mode)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	life->length = 0;
	life->fd = fds[0];
	life->pid = fork();
	if (life->pid == 0) {
		dup2(fds[1], 1);
		execl("tests/lib/storer", "storer", folder, base_text, mode, NULL);
		_exit(127);
	}
	close(fds[1]);
}

static void
take_line(const char *line)
{
	char what[16];
	long long slot;
	int i;

	assert_int_equal(sscanf(line, "%15s %d %lld", what, &i, &slot), 3);
	assert_in_range(i, 0, STORER_SERIES - 1);
	if (strcmp(what, "last") == 0) {
		/* Slots that are left out at the end need not be there. */
		while (stored[i] > slot && !storer_has(i, stored[i]))
			stored[i]--;
		if (slot < stored[i])
			print_error("series %d: %lld was stored, %lld is there\n", i,
			    (long long)stored[i], slot);
		assert_true(slot >= stored[i]);
	} else {
		stored[i] = slot;
	}
}

/* Reads what it says, for so long or until it ends. */
static void
listen_to(struct life *life, int64_t until_us)
{
	struct pollfd pollfd = {.fd = life->fd, .events = POLLIN};
	char bytes[4096];
	ssize_t n, i;
	int64_t left;

	while ((left = until_us - clock_mono_us()) > 0) {
		if (poll(&pollfd, 1, (int)(left / 1000) + 1) <= 0)
			continue;
		n = read(life->fd, bytes, sizeof(bytes));
		if (n <= 0)
			return;
		for (i = 0; i < n; i++) {
			if (bytes[i] != '\n') {
				assert_true(life->length < sizeof(life->line) - 1);
				life->line[life->length++] = bytes[i];
				continue;
			}
			life->line[life->length] = '\0';
			life->length = 0;
			take_line(life->line);
		}
	}
}

static void
live_and_die(long us)
{
	struct life life;
	int status;

	begin(&life, NULL);
	listen_to(&life, clock_mono_us() + us);
	kill(life.pid, SIGKILL);
	listen_to(
	    &life, clock_mono_us() + 10 * CLOCK_SECOND); /* what was in the pipe */
	assert_int_equal(waitpid(life.pid, &status, 0), life.pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(life.fd);
	lives++;
}

/* As far back as samples are kept one by one, 40 hours of them. */
static int64_t
first_kept_s(const char *path)
{
	int64_t last_s;

	assert_int_equal(rrdfile_last(path, &last_s), 0);
	return last_s - KEPT_S > base_s ? (last_s - KEPT_S) / 60 * 60 : base_s;
}

static void
check_rows(int series, int64_t *last)
{
	struct rrdfile_rows rows;
	char path[128];
	int64_t slot;
	size_t i, known = 0, wrong = 0;
	double value;

	snprintf(path, sizeof(path), "%s/sito/rrd/servizio/c%d.rrd", folder, series);
	assert_int_equal(rrdfile_fetch(path, ARCHIVE_AVERAGE, first_kept_s(path),
			     INT64_MAX / 2, 1, &rows),
	    0);
	assert_int_equal(rows.step_s, 1);
	assert_int_equal(rows.sources, STORER_SOURCES);
	for (i = 0; i < rows.count; i++) {
		const double *row = rows.rows + i * STORER_SOURCES;
		slot = rows.first_s + (int64_t)i - base_s;
		if (!storer_has(series, slot)) {
			assert_true(isnan(row[0]) && row[1] == 0);
			assert_true(isnan(row[2]) && isnan(row[3]));
			continue;
		}
		known++;
		value = storer_value(series, slot);
		if (fabs(row[2] - value) < 1e-12 && fabs(row[3] - value) < 1e-12 &&
		    row[0] == 1 && row[1] == 1)
			continue;
		if (wrong++ < 10)
			print_error("series %d slot %lld: %.15g, not %.15g\n", series,
			    (long long)slot, row[2], value);
	}
	*last = rows.first_s + (int64_t)rows.count - 1 - base_s;
	print_message("series %d: %zu samples, %zu wrong\n", series, known, wrong);
	rrdfile_rows_clear(&rows);
	assert_int_equal(wrong, 0);
}

/* Consolidated by librrd while it was being killed: the same as of the samples. */
static void
check_minutes(int series, int64_t last)
{
	struct rrdfile_rows rows;
	char path[128];
	size_t i;

	snprintf(path, sizeof(path), "%s/sito/rrd/servizio/c%d.rrd", folder, series);
	assert_int_equal(rrdfile_fetch(path, ARCHIVE_AVERAGE, first_kept_s(path),
			     base_s + last, 60, &rows),
	    0);
	assert_int_equal(rows.step_s, 60);
	for (i = 0; i < rows.count; i++) {
		int64_t end = rows.first_s + 60 * (int64_t)i - base_s, slot;
		double sum = 0, count = 0;

		for (slot = end - 59; slot <= end; slot++) {
			if (slot < 1 || !storer_has(series, slot))
				continue;
			sum += storer_value(series, slot);
			count++;
		}
		if (end - 59 < 1)
			continue;
		assert_true(
		    fabs(rows.rows[i * STORER_SOURCES + 2] - sum / count) < 1e-9);
	}
	rrdfile_rows_clear(&rows);
}

static void
nothing_is_lost_or_doubled(void **state)
{
	bool many = getenv("VETRINA_LONG") != NULL;
	int count = many ? 200 : 10, i;
	struct life life;
	char command[160];
	int64_t last, began = clock_mono_us();
	int status;

	srandom((unsigned)clock_wall_us());
	while (lives < count) {
		long us = 20000 + random() % (many ? 600000 : 250000);
		live_and_die(us);
	}
	begin(&life, "end");
	listen_to(&life, clock_mono_us() + 60 * CLOCK_SECOND);
	assert_int_equal(waitpid(life.pid, &status, 0), life.pid);
	assert_int_equal(status, 0);
	close(life.fd);
	for (i = 0; i < STORER_SERIES; i++) {
		check_rows(i, &last);
		while (stored[i] > last && !storer_has(i, stored[i]))
			stored[i]--;
		assert_true(last >= stored[i]);
		assert_true(stored[i] > 0);
		check_minutes(i, last);
	}
	snprintf(command, sizeof(command),
	    "! ls %s/sito/rrd/servizio | grep -v '^c[0-5].rrd$'", folder);
	assert_int_equal(system(command), 0); /* no half made files stay */
	print_message("killed %d times in %lld ms\n", lives,
	    (long long)(clock_mono_us() - began) / 1000);
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
	    cmocka_unit_test(nothing_is_lost_or_doubled),
	};

	if (mkdtemp(folder) == NULL)
		return 1;
	base_s = (clock_wall_us() / CLOCK_SECOND + 3600) / 3600 * 3600;
	snprintf(base_text, sizeof(base_text), "%lld", (long long)base_s);
	return cmocka_run_group_tests_name("crash", tests, NULL, remove_folder);
}
