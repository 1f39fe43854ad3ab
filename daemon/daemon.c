/*
 * The daemon. Owns every object of the floors below and creates them bottom up:
 * loop, workers, resolver, fetch, archive, registry, web, control. It takes them
 * down in the reverse order: who may still be called by a lower one goes first.
 *
 * A reload reads and checks the configuration on a worker; the swap is one call on
 * the loop. One timer a second looks after the wall clock, since a step of it makes
 * every plan of the schedule wrong.
 */
#include "daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "background.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli.h"
#include "collectors/collectors.h"
#include "conf/conf.h"
#include "loop/echo.h"
#include "loop/fetch.h"
#include "loop/loop.h"
#include "loop/resolve.h"
#include "loop/spawn.h"
#include "loop/stream.h"
#include "loop/worker.h"
#include "ready.h"
#include "store/archive.h"
#include "watch/registry.h"
#include "web/command.h"
#include "web/control.h"
#include "web/web.h"

#define TICK CLOCK_SECOND
#define SETTLED (20 * CLOCK_SECOND)   /* after the start; every check has run */
#define CLOCK_STEP (2 * CLOCK_SECOND) /* less is slewing, or a busy machine */
#define DNS_CACHE_MAX 10000
#define PROGRAMS_MAX 32 /* plugins at once */
#define ERRORS_MAX 4096 /* bytes of a bad file's errors that status keeps */

struct daemon {
	struct cli cli;
	struct conf_collector collectors[COLLECTORS_MAX];
	struct loop *loop;
	struct worker_pool *rrd, *journal, *io, *programs;
	struct resolve *resolve;
	struct fetch_pool *fetch;
	struct echo *echo;
	struct spawn_pool *spawn;
	struct stream_pool *streams;
	struct archive *archive;
	struct registry *registry;
	struct web *web;
	struct web_env web_env;
	struct web_status status;
	struct command_env command_env;
	struct control *control;
	char *control_path;
	struct loop_watch *signals[3];
	struct loop_timer *tick, *pet, *settled;
	int64_t watchdog_us;
	int64_t wall_ahead_us; /* wall - mono, as last seen */
	char *config_error;
	struct reload *reload; /* under way, or NULL */
	bool stopping;
};

/* Belongs to the worker until it is done. */
struct reload {
	struct daemon *daemon;
	struct conf_load load;
	struct conf *conf;
	struct control_request *request; /* who waits, or NULL */
	bool again;                      /* asked for once more meanwhile */
	struct control_request *next;    /* by whom, or NULL */
};

static struct archive_config
archive_config(const struct conf *conf)
{
	return (struct archive_config){
	    .path = conf->store.path,
	    .retention = conf->store.retention,
	    .flush_us = conf->store.flush_us,
	    .pending_max = conf->store.pending_max,
	};
}

static void
log_lines(void (*write_log)(const char *format, ...), const struct buf *lines)
{
	const char *line = lines->data, *end;

	for (; line != NULL && *line != '\0'; line = end + (*end == '\n')) {
		end = strchrnul(line, '\n');
		write_log("%.*s", (int)(end - line), line);
	}
}

static void
set_level(const struct daemon *daemon, const struct conf *conf)
{
	log_level_set(daemon->cli.verbose ? LOG_LEVEL_DEBUG : conf->log_level);
}

/* What is kept of a bad file's errors, without the last newline. */
static char *
first_errors(const struct buf *errors)
{
	size_t length = errors->length < ERRORS_MAX ? errors->length : ERRORS_MAX;
	char *text;

	while (length > 0 && errors->data[length - 1] != '\n')
		length--;
	text = mem_strndup(length > 0 ? errors->data : "", length > 0 ? length - 1 : 0);
	text_clean_lines(text);
	return text;
}

static void start_reload(struct daemon *daemon, struct control_request *request);

static int
open_control(struct daemon *daemon, const char *path, struct control **out)
{
	int code =
	    control_open(daemon->loop, path, command_handle, &daemon->command_env, out);

	if (code != 0)
		return code;
	free(daemon->control_path);
	daemon->control_path = mem_strdup(path);
	return 0;
}

/* The one before, which may be answering somebody, or NULL: it stays. */
static struct control *
move_control(struct daemon *daemon, const char *path, struct buf *problems)
{
	struct control *before = daemon->control;
	int code;

	if (strcmp(daemon->control_path, path) == 0)
		return NULL;
	code = open_control(daemon, path, &daemon->control);
	if (code == 0)
		return before;
	buf_printf(problems, "listen.control: %s: %s\n", path, err_text(code));
	return NULL;
}

/* -> the control to be closed, or NULL */
static struct control *
swap(struct daemon *daemon, struct conf *conf, struct buf *problems)
{
	struct archive_config config = archive_config(conf);

	set_level(daemon, conf);
	archive_configure(daemon->archive, &config);
	registry_apply(daemon->registry, conf);
	daemon->status.config_loaded_us = clock_wall_us();
	web_configure(daemon->web, problems);
	return move_control(daemon, conf->listen.control, problems);
}

/* What comes out of a pipe cannot be read twice, and would hold us. */
static void
reload_run(void *arg)
{
	struct reload *reload = arg;
	struct stat st;

	if (stat(reload->load.file, &st) == 0 && !S_ISREG(st.st_mode))
		buf_printf(&reload->load.errors, "%s: is no regular file\n",
		    reload->load.file);
	else
		reload->conf = conf_load(&reload->load);
}

/* What a running daemon does not change to. */
static void
refuse_change(struct reload *reload)
{
	const struct conf *now = registry_conf(reload->daemon->registry);
	struct buf *errors = &reload->load.errors;

	if (reload->conf == NULL)
		return;
	if (reload->conf->site_count == 0 && now->site_count > 0)
		buf_printf(errors,
		    "%s: no sites are in it: is it being written? To measure nothing, "
		    "stop the daemon\n",
		    reload->load.file);
	if (strcmp(reload->conf->store.path, now->store.path) != 0)
		buf_printf(errors,
		    "%s: store.path: %s is in use by this daemon; to move the store, "
		    "stop it, move the folder, start it again\n",
		    reload->load.file, now->store.path);
	if (errors->length == 0)
		return;
	conf_free(reload->conf);
	reload->conf = NULL;
}

static void
reload_free(struct reload *reload)
{
	buf_free(&reload->load.errors);
	buf_free(&reload->load.warnings);
	free(reload);
}

/* Says how it went wherever that is asked. */
static void
tell_reload(struct reload *reload, bool loaded)
{
	struct daemon *daemon = reload->daemon;
	struct buf *errors = &reload->load.errors;
	const char *outcome = !loaded              ? "is bad: the one before goes on"
			      : errors->length > 0 ? "is loaded, but not all of it"
						   : "is loaded";

	log_lines(log_warning, &reload->load.warnings);
	log_lines(log_error, errors);
	(errors->length > 0 ? log_error : log_info)(
	    "configuration %s %s", reload->load.file, outcome);
	free(daemon->config_error);
	daemon->config_error = errors->length > 0 ? first_errors(errors) : NULL;
	daemon->status.config_error = daemon->config_error;
	daemon->status.config_ok = daemon->config_error == NULL;
	if (reload->request == NULL)
		return;
	if (daemon->status.config_ok)
		control_reply(reload->request,
		    json_pack("{s:s}", "message", "the configuration is loaded"));
	else
		control_fail(reload->request, "the configuration %s:\n%s", outcome,
		    daemon->config_error);
}

static void
reload_done(void *arg)
{
	struct reload *reload = arg;
	struct daemon *daemon = reload->daemon;
	struct control *before = NULL;
	bool loaded;

	daemon->reload = NULL;
	if (daemon->stopping) {
		conf_free(reload->conf);
		if (reload->request != NULL)
			control_fail(reload->request, "the daemon is ending");
		if (reload->next != NULL)
			control_fail(reload->next, "the daemon is ending");
		reload_free(reload);
		return;
	}
	refuse_change(reload);
	loaded = reload->conf != NULL;
	if (loaded)
		before = swap(daemon, reload->conf, &reload->load.errors);
	tell_reload(reload, loaded);
	control_close(before);
	if (reload->again)
		start_reload(daemon, reload->next);
	reload_free(reload);
}

static void
start_reload(struct daemon *daemon, struct control_request *request)
{
	struct reload *reload;

	if (daemon->reload != NULL) {
		daemon->reload->again = true;
		if (daemon->reload->next == NULL)
			daemon->reload->next = request;
		else if (request != NULL)
			control_fail(request, "others wait for a reload; ask again");
		return;
	}
	reload = mem_zalloc(sizeof(*reload));
	reload->daemon = daemon;
	reload->request = request;
	reload->load.file = daemon->cli.file;
	reload->load.collectors = daemon->collectors;
	reload->load.check_system = true;
	daemon->reload = reload;
	if (worker_submit(daemon->io, WORKER_NORMAL, reload_run, reload_done, reload) ==
	    0)
		return;
	daemon->reload = NULL;
	free(reload);
	log_error("the queue of work is full: no reload");
	if (request != NULL)
		control_fail(request, "the queue of work is full; ask again");
}

static void
on_reload_command(struct control_request *request, void *arg)
{
	start_reload(arg, request);
}

static void
on_signal(int number, int events, void *arg)
{
	struct daemon *daemon = arg;

	if (number == SIGHUP) {
		start_reload(daemon, NULL);
		return;
	}
	log_info("ending: signal %d", number);
	loop_stop(daemon->loop);
}

static void
watch_clock(struct daemon *daemon)
{
	int64_t ahead = clock_wall_us() - clock_mono_us();
	int64_t step = ahead - daemon->wall_ahead_us;

	daemon->wall_ahead_us = ahead;
	if (step > -CLOCK_STEP && step < CLOCK_STEP)
		return;
	daemon->status.clock_steps++;
	log_warning(
	    "the wall clock was stepped by %+.1f s, or the machine slept: checks plan "
	    "anew; samples count again once the clock has passed the last one stored",
	    (double)step / CLOCK_SECOND);
	registry_replan(daemon->registry);
}

static void
on_tick(void *arg)
{
	struct daemon *daemon = arg;

	loop_timer_set(daemon->tick, TICK);
	watch_clock(daemon);
}

static void
release_start(void *arg)
{
	mem_release_start();
}

static void
on_settled(void *arg)
{
	struct daemon *daemon = arg;

	(void)worker_submit(daemon->io, WORKER_LOW, release_start, NULL, NULL);
}

static void
on_pet(void *arg)
{
	struct daemon *daemon = arg;

	loop_timer_set(daemon->pet, daemon->watchdog_us / 3);
	ready_tell("WATCHDOG=1");
}

static void
raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* A signal waits until somebody is there to take it: by itself it ends a process. */
static void
hold(int how, int number)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(how, &set, NULL);
}

static const int signal_numbers[] = {SIGTERM, SIGINT, SIGHUP};

static void
open_signals(struct daemon *daemon)
{
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < ARRAY_LENGTH(signal_numbers); i++)
		daemon->signals[i] = loop_signal_create(
		    daemon->loop, signal_numbers[i], on_signal, daemon);
	hold(SIG_UNBLOCK, SIGHUP);
}

/* Takes conf over. -> 0 or negative, logged. */
static int
start(struct daemon *daemon, struct conf *conf)
{
	struct archive_config config = archive_config(conf);
	struct registry_env env = {.collectors = collectors_all};
	int code;

	echo_own_rights();
	daemon->loop = loop_create();
	open_signals(daemon);
	daemon->rrd = worker_pool_create(daemon->loop, "rrd", 1, 100000);
	daemon->journal = worker_pool_create(daemon->loop, "journal", 1, 16);
	daemon->io = worker_pool_create(daemon->loop, "io", 2, 20000);
	daemon->echo = echo_create(daemon->loop);
	/* Of their own: to begin a program from a dead mount may take for ever. */
	daemon->programs = worker_pool_create(daemon->loop, "programs", 2, 1000);
	daemon->spawn = spawn_pool_create(daemon->loop, daemon->programs, PROGRAMS_MAX);
	daemon->resolve = resolve_create(daemon->loop, NULL, DNS_CACHE_MAX);
	if (daemon->resolve != NULL)
		daemon->fetch = fetch_pool_create(daemon->loop, daemon->resolve);
	daemon->streams = stream_pool_create(daemon->loop, daemon->resolve);
	if (daemon->resolve == NULL || daemon->fetch == NULL)
		code = ERR_LIBRARY;
	else
		code = archive_open(daemon->loop, daemon->rrd, daemon->journal,
		    daemon->io, &config, &daemon->archive);
	if (code != 0) {
		conf_free(conf);
		return code;
	}
	env.probe.loop = daemon->loop;
	env.probe.resolve = daemon->resolve;
	env.probe.fetch = daemon->fetch;
	env.probe.echo = daemon->echo;
	env.probe.spawn = daemon->spawn;
	env.probe.streams = daemon->streams;
	env.probe.io = daemon->io;
	env.archive = daemon->archive;
	env.io = daemon->io;
	daemon->registry = registry_create(&env);
	registry_apply(daemon->registry, conf);
	daemon->status.started_us = daemon->status.config_loaded_us = clock_wall_us();
	daemon->status.config_file = daemon->cli.file;
	daemon->status.config_ok = true;
	daemon->web_env = (struct web_env){
	    .loop = daemon->loop,
	    .rrd = daemon->rrd,
	    .journal = daemon->journal,
	    .io = daemon->io,
	    .programs = daemon->programs,
	    .spawn = daemon->spawn,
	    .resolve = daemon->resolve,
	    .fetch = daemon->fetch,
	    .archive = daemon->archive,
	    .registry = daemon->registry,
	    .status = &daemon->status,
	};
	code = web_open(&daemon->web_env, &daemon->web);
	if (code != 0)
		return code;
	daemon->command_env.web_env = &daemon->web_env;
	daemon->command_env.web = daemon->web;
	daemon->command_env.reload = on_reload_command;
	daemon->command_env.arg = daemon;
	code = open_control(daemon, conf->listen.control, &daemon->control);
	if (code != 0)
		return code;
	daemon->wall_ahead_us = clock_wall_us() - clock_mono_us();
	daemon->tick = loop_timer_create(daemon->loop, on_tick, daemon);
	loop_timer_set(daemon->tick, TICK);
	daemon->settled = loop_timer_create(daemon->loop, on_settled, daemon);
	loop_timer_set(daemon->settled, SETTLED);
	daemon->pet = loop_timer_create(daemon->loop, on_pet, daemon);
	daemon->watchdog_us = ready_watchdog_us();
	if (daemon->watchdog_us > 0)
		loop_timer_set(daemon->pet, 0);
	return 0;
}

static void
stop(struct daemon *daemon)
{
	size_t i;

	daemon->stopping = true;
	/* Told once more, as by a terminal and a script, it still ends in order. */
	for (i = 0; i < ARRAY_LENGTH(daemon->signals); i++) {
		hold(SIG_BLOCK, signal_numbers[i]);
		loop_watch_destroy(daemon->signals[i]);
	}
	loop_timer_destroy(daemon->tick);
	loop_timer_destroy(daemon->pet);
	loop_timer_destroy(daemon->settled);
	control_close(daemon->control);
	worker_settle(daemon->io); /* a reload under way ends before its owners */
	web_close(daemon->web);
	registry_destroy(daemon->registry);
	archive_close(daemon->archive);
	stream_pool_destroy(daemon->streams);
	fetch_pool_destroy(daemon->fetch);
	echo_destroy(daemon->echo);
	resolve_destroy(daemon->resolve);
	worker_settle(daemon->programs); /* one under way is not left to nobody */
	spawn_pool_destroy(daemon->spawn);
	worker_pool_destroy(daemon->programs);
	worker_pool_destroy(daemon->io);
	worker_pool_destroy(daemon->journal);
	worker_pool_destroy(daemon->rrd);
	loop_destroy(daemon->loop);
	free(daemon->control_path);
	free(daemon->config_error);
}

static int
run(struct daemon *daemon, struct conf *conf)
{
	int code;

	raise_limits();
	mem_set_up();
	set_level(daemon, conf);
	code = start(daemon, conf);
	if (code == 0) {
		log_info("vetrinad " PACKAGE_VERSION " is ready on %s",
		    web_public_address(daemon->web) != NULL
			? web_public_address(daemon->web)
			: "no public address");
		background_ready();
		ready_tell("READY=1");
		loop_run(daemon->loop);
		ready_tell("STOPPING=1");
	} else {
		log_error("the start failed: %s", err_text(code));
	}
	stop(daemon);
	return code == 0 ? 0 : 1;
}

/* -t and -T */
static int
tell(const struct daemon *daemon, const struct conf *conf)
{
	struct buf out = BUF_INIT;

	if (daemon->cli.mode == CLI_PRINT)
		conf_print(conf, &out);
	else
		conf_disk_report(conf, &out);
	if (out.length > 0)
		fwrite(out.data, 1, out.length, stdout);
	if (daemon->cli.mode == CLI_CHECK && geteuid() == 0)
		fputs("note: root can read and write anything; what the daemon's user "
		      "cannot is told to it alone: runuser -u vetrina -- vetrinad -t\n",
		    stderr);
	if (daemon->cli.mode == CLI_CHECK)
		printf("configuration %s is good\n", daemon->cli.file);
	buf_free(&out);
	return fflush(stdout) == 0 ? 0 : 1;
}

int
daemon_main(int argc, char **argv)
{
	struct daemon daemon = {0};
	struct conf_load load = {.check_system = true};
	struct conf *conf;
	int code = cli_parse(argc, argv, &daemon.cli);

	if (code >= 0)
		return code;
	if (daemon.cli.mode == CLI_RUN)
		hold(SIG_BLOCK, SIGHUP);
	collectors_rows(daemon.collectors);
	load.file = daemon.cli.file;
	load.collectors = daemon.collectors;
	conf = conf_load(&load);
	if (load.errors.length > 0)
		fwrite(load.errors.data, 1, load.errors.length, stderr);
	if (load.warnings.length > 0 && daemon.cli.mode != CLI_PRINT)
		fwrite(load.warnings.data, 1, load.warnings.length, stderr);
	buf_free(&load.errors);
	buf_free(&load.warnings);
	code = 1;
	if (conf == NULL) {
		fprintf(stderr, "vetrinad: configuration %s: %u error%s\n",
		    daemon.cli.file, load.error_count,
		    load.error_count == 1 ? "" : "s");
	} else if (daemon.cli.mode != CLI_RUN) {
		code = tell(&daemon, conf);
		conf_free(conf);
	} else {
		if (!daemon.cli.foreground)
			background_enter();
		log_open("vetrinad", LOG_LEVEL_INFO, !daemon.cli.foreground);
		code = run(&daemon, conf);
	}
	free(daemon.cli.file);
	return code;
}
