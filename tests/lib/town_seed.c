/*
 * town_seed CONFIG: gives a demonstration its past. For every check of every site
 * with `demo: true` whose service the town knows (town_model.c), writes 90 days of
 * samples up to the last full minute and the changes of verdict that follow from
 * them, as the daemon would have: measured at the check's own instants, stored at
 * the end of the slot. Once: a check that has a file is left alone, and a service
 * that has changes of verdict gets none.
 *
 * Two stretches are not known: 40 minutes in which nothing ran (no rows), 25 in which
 * the monitor did not see (`known` is 0).
 *
 * Files are made aside, in one process a core; then the ledger is written and all
 * files take their names, so that an interrupted run begins again.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "collectors/collectors.h"
#include "conf/conf.h"
#include "store/ledgerfile.h"
#include "store/rrdfile.h"
#include "town_model.h"
#include "watch/probe.h"
#include "watch/schedule.h"
#include "watch/verdict.h"

#define DAYS 90
#define DAY_S INT64_C(86400)
#define BATCH_ROWS 4096
#define PROCESSES_MAX 8
#define LEDGER_BATCH 2000

/* Up and known, as the archive puts them before a collector's own. */
static const struct archive_source own_sources[] = {
    {"up", "1", 0, 1, "The check succeeded"},
    {"known", "1", 0, 1, "The check could be measured"},
};
enum { UP, KNOWN, OWN };

struct seed {
	const struct conf_check *check;
	const struct town_service *model;
	const struct collector *collector;
	char *path, *aside;
	int64_t offset_us;
};

/* A change of verdict, of a seed or (seed NULL) of its service. */
struct change {
	const struct seed *seed;
	int64_t at_us;
	enum verdict from, to;
};

struct changes {
	size_t count, room;
	struct change *items;
};

static int64_t now_s, first_s;

/* ------------------------------------------------------------ the story */

enum sight { SEEN, STOPPED, BLIND };

static enum sight
sight_at(int64_t at_s)
{
	int64_t today_s = now_s - now_s % DAY_S;
	int64_t stopped_s = today_s - 9 * DAY_S + 3 * 3600 + 600;
	int64_t blind_s = today_s - 37 * DAY_S + 14 * 3600;

	if (at_s >= stopped_s && at_s < stopped_s + 2400)
		return STOPPED;
	return at_s >= blind_s && at_s < blind_s + 1500 ? BLIND : SEEN;
}

/* Evenly spread in [0, 1), by instant and purpose. */
static double
chance(int64_t at_s, unsigned purpose)
{
	uint64_t h = (uint64_t)at_s * 0x9e3779b97f4a7c15 + purpose;

	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9;
	h = (h ^ h >> 27) * 0x94d049bb133111eb;
	return (double)((h ^ h >> 31) >> 11) / 9007199254740992.0;
}

/* A certificate of 90 days that is renewed six days before its end; now is then. */
static double
certificate_days(int64_t at_s)
{
	double left = 6 + (double)(now_s - at_s) / DAY_S;

	while (left >= 90)
		left -= 84;
	return left;
}

/* The value of a data source by its name; NAN if the town has none. */
static double
value_of(const struct seed *seed, const char *name, int64_t at_s,
    const struct town_moment *moment)
{
	double dns = 0.0004 + 0.002 * chance(at_s, 1);
	double connect = 0.0001 + 0.0003 * chance(at_s, 2);
	double tls = seed->model->tls ? 0.002 + 0.002 * chance(at_s, 3) : 0;
	double first_byte = moment->response_s;

	if (strcmp(name, "dns") == 0)
		return dns;
	if (strcmp(name, "connect") == 0)
		return connect;
	if (strcmp(name, "tls") == 0)
		return seed->model->tls ? tls : NAN;
	if (strcmp(name, "first_byte") == 0)
		return first_byte;
	if (strcmp(name, "total") == 0)
		return dns + connect + tls + first_byte + 0.0001;
	if (strcmp(name, "size") == 0)
		return moment->down ? 138 : 131;
	if (strcmp(name, "certificate_days") == 0 && seed->model->tls)
		return certificate_days(at_s);
	return NAN;
}

/* One measurement. -> whether there was one; its verdict. */
static bool
measure(const struct seed *seed, int64_t slot, double *row, enum verdict *verdict)
{
	const struct conf_check *check = seed->check;
	const struct collector *collector = seed->collector;
	int64_t at_s =
	    schedule_due_us(slot, check->every_us, seed->offset_us) / CLOCK_SECOND;
	enum sight sight = sight_at(at_s);
	struct town_moment moment;
	size_t i;

	if (sight == STOPPED)
		return false;
	town_at(seed->model, at_s, &moment);
	if (sight == BLIND)
		row[UP] = NAN;
	else
		row[UP] = moment.down ? 0 : 1;
	row[KNOWN] = sight == BLIND ? 0 : 1;
	for (i = 0; i < collector->source_count; i++)
		row[OWN + i] =
		    sight == BLIND
			? NAN
			: value_of(seed, collector->sources[i].name, at_s, &moment);
	if (sight == BLIND)
		*verdict = VERDICT_UNKNOWN;
	else
		*verdict = verdict_of_result(moment.down, false,
		    collector->total >= 0 ? row[OWN + collector->total] : NAN,
		    (double)check->service->objective.p95_us / CLOCK_SECOND);
	return true;
}

static int64_t
first_slot(const struct seed *seed)
{
	return first_s * CLOCK_SECOND / seed->check->every_us;
}

static int64_t
end_slot(const struct seed *seed)
{
	return now_s * CLOCK_SECOND / seed->check->every_us;
}

/* ------------------------------------------------------------ the files */

static int
write_rows(const struct seed *seed, int progress)
{
	size_t sources = OWN + seed->collector->source_count, n = 0, skipped;
	int64_t *times = mem_array(BATCH_ROWS, sizeof(*times)), slot;
	double *rows = mem_array(BATCH_ROWS * sources, sizeof(*rows));
	int64_t end = end_slot(seed);
	enum verdict ignored;
	int error = 0;

	for (slot = first_slot(seed); slot < end && error == 0; slot++) {
		times[n] = schedule_end_s(slot, seed->check->every_us);
		n += measure(seed, slot, rows + n * sources, &ignored);
		if (n < BATCH_ROWS && slot + 1 < end)
			continue;
		error = rrdfile_update(seed->aside, times, rows, n, sources, &skipped);
		n = 0;
		if (write(progress, "", 1) != 1)
			error = -errno;
	}
	free(times);
	free(rows);
	return error;
}

static int
write_file(const struct seed *seed, const struct conf *conf, int progress)
{
	struct archive_source sources[OWN + ARCHIVE_SOURCES_MAX];
	struct rrdfile_shape shape = {
	    .step_s = seed->check->every_us / CLOCK_SECOND,
	    .source_count = OWN + seed->collector->source_count,
	    .sources = sources,
	    .retention = conf->store.retention,
	};
	int64_t start_s = schedule_end_s(first_slot(seed) - 1, seed->check->every_us);
	int error;

	memcpy(sources, own_sources, sizeof(own_sources));
	memcpy(sources + OWN, seed->collector->sources,
	    seed->collector->source_count * sizeof(*sources));
	unlink(seed->aside);
	error = rrdfile_create_at(seed->aside, &shape, start_s);
	return error == 0 ? write_rows(seed, progress) : error;
}

static int
work(const struct seed *seeds, size_t count, size_t first, size_t stride,
    const struct conf *conf, int progress)
{
	size_t i;
	int error = 0;

	for (i = first; i < count && error == 0; i += stride)
		error = write_file(&seeds[i], conf, progress);
	return error;
}

static void
show(double share, bool terminal)
{
	static int shown = -1;
	int percent = share < 1 ? (int)(100 * share) : 100;

	if (percent == shown || (!terminal && percent / 20 == shown / 20 && shown >= 0))
		return;
	shown = percent;
	if (terminal)
		fprintf(stderr, "\rwriting %d days of history  [%-40.*s] %3d%%%s", DAYS,
		    percent * 40 / 100, "########################################",
		    percent, percent == 100 ? "\n" : "");
	else
		fprintf(stderr, "writing %d days of history: %d%%\n", DAYS, percent);
}

static size_t
batches_of(const struct seed *seeds, size_t count)
{
	size_t i, n = 0;

	for (i = 0; i < count; i++)
		n +=
		    (size_t)(end_slot(&seeds[i]) - first_slot(&seeds[i])) / BATCH_ROWS +
		    1;
	return n;
}

/* All files aside, in as many processes as there are cores. -> 0 or 1 */
static int
write_files(const struct seed *seeds, size_t count, const struct conf *conf)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t processes = cores < 1               ? 1
			   : cores > PROCESSES_MAX ? PROCESSES_MAX
						   : cores;
	size_t total = batches_of(seeds, count), done = 0, i;
	bool terminal = isatty(STDERR_FILENO);
	int fds[2], status, failed = 0;
	char byte;

	if (processes > count)
		processes = count;
	if (pipe(fds) != 0)
		return 1;
	fflush(NULL);
	for (i = 0; i < processes; i++) {
		pid_t child = fork();
		if (child == 0)
			_exit(work(seeds, count, i, processes, conf, fds[1]) != 0);
		failed |= child < 0;
	}
	close(fds[1]);
	show(0, terminal);
	while (read(fds[0], &byte, 1) == 1)
		show((double)++done / total, terminal);
	close(fds[0]);
	while (wait(&status) > 0)
		failed |= status != 0;
	return failed;
}

/* ------------------------------------------------------------ the ledger */

static void
add_change(struct changes *changes, const struct seed *seed, int64_t at_us,
    enum verdict from, enum verdict to)
{
	if (from == to)
		return;
	if (changes->count == changes->room) {
		changes->room = changes->room > 0 ? 2 * changes->room : 256;
		changes->items =
		    mem_resize(changes->items, changes->room, sizeof(*changes->items));
	}
	changes->items[changes->count++] =
	    (struct change){.seed = seed, .at_us = at_us, .from = from, .to = to};
}

/* As the daemon does: what was measured last holds for two intervals and the time
 * limit; when nothing came until then, the verdict was unknown from there. */
static void
changes_of(const struct seed *seed, struct changes *changes)
{
	const struct conf_check *check = seed->check;
	double row[OWN + ARCHIVE_SOURCES_MAX];
	enum verdict before = VERDICT_UNKNOWN, now;
	int64_t slot, at_us, last_us = 0,
			     holds = 2 * check->every_us + check->timeout_us;
	double took;

	for (slot = first_slot(seed); slot < end_slot(seed); slot++) {
		if (!measure(seed, slot, row, &now))
			continue;
		took = row[OWN + seed->collector->total];
		at_us = schedule_due_us(slot, check->every_us, seed->offset_us) +
			(isnan(took) ? 0 : (int64_t)(took * CLOCK_SECOND));
		if (before != VERDICT_UNKNOWN && at_us - last_us > holds) {
			add_change(
			    changes, seed, last_us + holds, before, VERDICT_UNKNOWN);
			before = VERDICT_UNKNOWN;
		}
		add_change(changes, seed, at_us, before, now);
		before = now;
		if (now != VERDICT_UNKNOWN)
			last_us = at_us;
	}
}

static int
compare(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	return x->at_us < y->at_us ? -1 : x->at_us > y->at_us;
}

/* The service's changes among those of its checks, in the order of time. */
static void
join(const struct conf_service *service, const struct changes *of_checks,
    struct changes *all)
{
	struct verdict_part *parts = mem_array(service->check_count, sizeof(*parts));
	enum verdict before = VERDICT_UNKNOWN, now;
	size_t i;

	for (i = 0; i < service->check_count; i++)
		parts[i].required = service->checks[i].required;
	for (i = 0; i < of_checks->count; i++) {
		const struct change *change = &of_checks->items[i];
		add_change(all, change->seed, change->at_us, change->from, change->to);
		parts[change->seed->check - service->checks].verdict = change->to;
		now = verdict_of_service(parts, service->check_count);
		add_change(all, NULL, change->at_us, before, now);
		before = now;
	}
	free(parts);
}

static struct ledger_transition
transition_of(const struct conf_service *service, const struct change *change)
{
	struct ledger_transition t = {.at_us = change->at_us};

	snprintf(t.service, sizeof(t.service), "%s", service->id);
	snprintf(t.from, sizeof(t.from), "%s", verdict_name(change->from));
	snprintf(t.to, sizeof(t.to), "%s", verdict_name(change->to));
	if (change->seed == NULL)
		return t;
	snprintf(t.check, sizeof(t.check), "%s", change->seed->check->id);
	if (change->to == VERDICT_UNKNOWN)
		return t;
	snprintf(t.class, sizeof(t.class), "%s",
	    probe_class_name(change->to == VERDICT_DOWN ? PROBE_STATUS : PROBE_OK));
	snprintf(t.message, sizeof(t.message), "%s",
	    change->to == VERDICT_DOWN ? "status 503, expected 200-299" : "status 200");
	return t;
}

static int
write_changes(struct ledgerfile *file, const struct conf_service *service,
    const struct changes *changes)
{
	struct ledger_transition *rows = mem_array(LEDGER_BATCH, sizeof(*rows));
	const struct ledger_transition *pointers[LEDGER_BATCH];
	size_t i, n = 0, refused;
	int error = 0;

	for (i = 0; i < changes->count && error == 0; i++) {
		rows[n] = transition_of(service, &changes->items[i]);
		pointers[n] = &rows[n];
		if (++n < LEDGER_BATCH && i + 1 < changes->count)
			continue;
		error = ledgerfile_write(file, pointers, n, &refused);
		n = 0;
	}
	free(rows);
	return error;
}

/* The changes of the seeds of one service. */
static int
write_service(const struct conf *conf, const struct seed *seeds, size_t count)
{
	const struct conf_service *service = seeds->check->service;
	char *path =
	    mem_printf("%s/%s/ledger.sqlite", conf->store.path, service->site->id);
	struct ledgerfile *file = ledgerfile_create(path);
	struct changes of_checks = {0}, all = {0};
	struct ledger_transition *there;
	size_t i, n;
	int error = ledgerfile_read(
	    file, false, service->id, NULL, 0, INT64_MAX, 1, &there, &n);

	free(there);
	if (error == 0 && n == 0) {
		for (i = 0; i < count; i++)
			changes_of(&seeds[i], &of_checks);
		if (of_checks.count > 0)
			qsort(of_checks.items, of_checks.count,
			    sizeof(*of_checks.items), compare);
		join(service, &of_checks, &all);
		error = write_changes(file, service, &all);
	}
	free(of_checks.items);
	free(all.items);
	ledgerfile_destroy(file);
	free(path);
	return error;
}

static int
write_ledgers(const struct conf *conf, const struct seed *seeds, size_t count)
{
	size_t i, n;
	int error = 0;

	for (i = 0; i < count && error == 0; i += n) {
		for (n = 1; i + n < count; n++)
			if (seeds[i + n].check->service != seeds[i].check->service)
				break;
		error = write_service(conf, seeds + i, n);
	}
	return error;
}

/* ------------------------------------------------------------ all of it */

static const struct collector *
collector_of(const struct conf_check *check)
{
	size_t i;

	for (i = 0; collectors_all[i] != NULL; i++)
		if (strcmp(collectors_all[i]->name, check->collector->name) == 0)
			return collectors_all[i];
	return NULL;
}

static void
make_folder(const struct conf *conf, const struct conf_service *service)
{
	const char *const parts[] = {service->site->id, "rrd", service->id};
	char *folder = mem_strdup(conf->store.path), *longer;
	size_t i;

	mkdir(folder, 0750);
	for (i = 0; i < ARRAY_LENGTH(parts); i++) {
		longer = mem_printf("%s/%s", folder, parts[i]);
		mkdir(longer, 0750);
		free(folder);
		folder = longer;
	}
	free(folder);
}

static void
add_seed(const struct conf *conf, const struct conf_check *check, struct seed *seeds,
    size_t *count)
{
	const struct conf_service *service = check->service;
	const char *site = service->site->id;
	struct seed seed = {.check = check,
	    .model = town_find(service->id),
	    .collector = collector_of(check)};

	if (seed.model == NULL || seed.collector == NULL)
		return;
	seed.path = mem_printf(
	    "%s/%s/rrd/%s/%s.rrd", conf->store.path, site, service->id, check->id);
	if (access(seed.path, F_OK) == 0) {
		free(seed.path);
		return;
	}
	seed.aside = mem_printf("%s.seed", seed.path);
	seed.offset_us =
	    schedule_offset_us(site, service->id, check->id, check->every_us);
	make_folder(conf, service);
	seeds[(*count)++] = seed;
}

static struct seed *
find_seeds(const struct conf *conf, size_t *count)
{
	struct seed *seeds;
	size_t i, j, k, room = 1;

	for (i = 0; i < conf->site_count; i++)
		for (j = 0; j < conf->sites[i].service_count; j++)
			room += conf->sites[i].services[j].check_count;
	seeds = mem_array(room, sizeof(*seeds));
	*count = 0;
	for (i = 0; i < conf->site_count; i++) {
		const struct conf_site *site = &conf->sites[i];
		for (j = 0; j < site->service_count && site->demo; j++)
			for (k = 0; k < site->services[j].check_count; k++)
				add_seed(
				    conf, &site->services[j].checks[k], seeds, count);
	}
	return seeds;
}

static int
seed_all(const struct conf *conf)
{
	size_t count, i;
	struct seed *seeds = find_seeds(conf, &count);
	int failed = 0;

	if (count > 0)
		failed = write_files(seeds, count, conf) != 0 ||
			 write_ledgers(conf, seeds, count) != 0;
	for (i = 0; i < count; i++) {
		if (failed)
			unlink(seeds[i].aside);
		else
			failed = rrdfile_settle(seeds[i].aside, seeds[i].path) != 0;
		free(seeds[i].path);
		free(seeds[i].aside);
	}
	free(seeds);
	return failed;
}

int
main(int argc, char **argv)
{
	struct conf_collector rows[COLLECTORS_MAX];
	struct conf_load load = {.collectors = rows};
	struct conf *conf;
	int failed = 1;

	if (argc != 2) {
		fputs("usage: town_seed CONFIG\n", stderr);
		return 2;
	}
	log_open("town_seed", LOG_LEVEL_WARNING, false);
	collectors_rows(rows);
	load.file = argv[1];
	now_s = clock_wall_us() / CLOCK_SECOND / 60 * 60;
	first_s = now_s - DAYS * DAY_S;
	conf = conf_load(&load);
	if (conf != NULL)
		failed = seed_all(conf);
	else
		fwrite(load.errors.data, 1, load.errors.length, stderr);
	conf_free(conf);
	buf_free(&load.errors);
	buf_free(&load.warnings);
	if (failed)
		fputs("town_seed: the history could not be written\n", stderr);
	return failed;
}
