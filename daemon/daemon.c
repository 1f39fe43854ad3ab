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
#include <unistd.h>

#include "background.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli.h"
#include "collectors/collectors.h"
#include "conf/conf.h"
#include "loop/fetch.h"
#include "loop/loop.h"
#include "loop/resolve.h"
#include "loop/worker.h"
#include "ready.h"
#include "store/archive.h"
#include "watch/registry.h"
#include "web/command.h"
#include "web/control.h"
#include "web/web.h"

#define TICK CLOCK_SECOND
#define CLOCK_STEP (2 * CLOCK_SECOND) /* less is slewing, or a busy machine */
#define DNS_CACHE_MAX 10000
#define ERRORS_MAX 4096 /* bytes of a bad file's errors that status keeps */

struct daemon {
	struct cli cli;
	struct conf_collector collectors[COLLECTORS_MAX];
	struct loop *loop;
	struct worker_pool *rrd, *io;
	struct resolve *resolve;
	struct fetch_pool *fetch;
	struct archive *archive;
	struct registry *registry;
	struct web *web;
	struct web_env web_env;
	struct web_status status;
	struct command_env command_env;
	struct control *control;
	char *control_path;
	struct loop_watch *signals[3];
	struct loop_timer *tick;
	int64_t watchdog_us, petted_us; /* mono */
	int64_t wall_ahead_us;          /* wall - mono, as last seen */
	char *config_error;
	struct reload *reload; /* under way, or NULL */
};

/* Belongs to the worker until it is done. */
struct reload {
	struct daemon *daemon;
	struct conf_load load;
	struct conf *conf;
	struct control_request *request; /* who waits, or NULL */
	bool again;                      /* asked for once more meanwhile */
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

	while (length > 0 && errors->data[length - 1] != '\n')
		length--;
	return mem_strndup(length > 0 ? errors->data : "", length > 0 ? length - 1 : 0);
}

static void start_reload(struct daemon *daemon, struct control_request *request);

static int
open_control(struct daemon *daemon, const char *path)
{
	int code;

	if (daemon->control_path != NULL && strcmp(daemon->control_path, path) == 0)
		return 0;
	control_close(daemon->control);
	daemon->control = NULL;
	free(daemon->control_path);
	daemon->control_path = NULL;
	code = control_open(
	    daemon->loop, path, command_handle, &daemon->command_env, &daemon->control);
	if (code == 0)
		daemon->control_path = mem_strdup(path);
	return code;
}

static void
swap(struct daemon *daemon, struct conf *conf)
{
	struct archive_config config = archive_config(conf);

	set_level(daemon, conf);
	archive_configure(daemon->archive, &config);
	registry_apply(daemon->registry, conf);
	web_configure(daemon->web);
	open_control(daemon, conf->listen.control);
	daemon->status.config_loaded_us = clock_wall_us();
}

static void
reload_run(void *arg)
{
	struct reload *reload = arg;

	reload->conf = conf_load(&reload->load);
}

/* What a running daemon cannot change. */
static void
refuse_move(struct reload *reload)
{
	const struct conf *now = registry_conf(reload->daemon->registry);

	if (reload->conf == NULL ||
	    strcmp(reload->conf->store.path, now->store.path) == 0)
		return;
	buf_printf(&reload->load.errors,
	    "%s: store.path: %s is in use by this daemon; to move the store, stop it, "
	    "move the folder, start it again\n",
	    reload->load.file, now->store.path);
	conf_free(reload->conf);
	reload->conf = NULL;
}

static void
reload_done(void *arg)
{
	struct reload *reload = arg;
	struct daemon *daemon = reload->daemon;
	struct web_status *status = &daemon->status;

	daemon->reload = NULL;
	refuse_move(reload);
	log_lines(log_warning, &reload->load.warnings);
	free(daemon->config_error);
	daemon->config_error = NULL;
	status->config_ok = reload->conf != NULL;
	if (reload->conf != NULL) {
		swap(daemon, reload->conf);
		log_info("configuration %s loaded", reload->load.file);
	} else {
		log_lines(log_error, &reload->load.errors);
		log_error("configuration %s is bad: the one before goes on",
		    reload->load.file);
		daemon->config_error = first_errors(&reload->load.errors);
	}
	status->config_error = daemon->config_error;
	if (reload->request != NULL && status->config_ok)
		control_reply(reload->request,
		    json_pack("{s:s}", "message", "the configuration is loaded"));
	else if (reload->request != NULL)
		control_fail(reload->request, "the configuration before goes on:\n%s",
		    daemon->config_error);
	if (reload->again)
		start_reload(daemon, NULL);
	buf_free(&reload->load.errors);
	buf_free(&reload->load.warnings);
	free(reload);
}

static void
start_reload(struct daemon *daemon, struct control_request *request)
{
	struct reload *reload;

	if (daemon->reload != NULL) {
		daemon->reload->again = true;
		if (request != NULL)
			control_fail(request, "a reload is under way; ask again");
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
	    "the wall clock was stepped by %+.1f s: checks plan anew; samples count "
	    "again once the clock has passed the last one stored",
	    (double)step / CLOCK_SECOND);
	registry_replan(daemon->registry);
}

static void
on_tick(void *arg)
{
	struct daemon *daemon = arg;
	int64_t now = clock_mono_us();

	loop_timer_set(daemon->tick, TICK);
	watch_clock(daemon);
	if (daemon->watchdog_us > 0 &&
	    now - daemon->petted_us >= daemon->watchdog_us / 3) {
		daemon->petted_us = now;
		ready_tell("WATCHDOG=1");
	}
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

static void
open_signals(struct daemon *daemon)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < ARRAY_LENGTH(numbers); i++)
		daemon->signals[i] =
		    loop_signal_create(daemon->loop, numbers[i], on_signal, daemon);
}

/* Takes conf over. -> 0 or negative, logged. */
static int
start(struct daemon *daemon, struct conf *conf)
{
	struct archive_config config = archive_config(conf);
	struct registry_env env = {.collectors = collectors_all};
	int code;

	daemon->loop = loop_create();
	daemon->rrd = worker_pool_create(daemon->loop, "rrd", 1, 100000);
	daemon->io = worker_pool_create(daemon->loop, "io", 2, 20000);
	daemon->resolve = resolve_create(daemon->loop, NULL, DNS_CACHE_MAX);
	daemon->fetch = fetch_pool_create(daemon->loop, daemon->resolve);
	code = archive_open(
	    daemon->loop, daemon->rrd, daemon->io, &config, &daemon->archive);
	if (code != 0) {
		conf_free(conf);
		return code;
	}
	env.probe.loop = daemon->loop;
	env.probe.resolve = daemon->resolve;
	env.probe.fetch = daemon->fetch;
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
	    .io = daemon->io,
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
	code = open_control(daemon, conf->listen.control);
	if (code != 0)
		return code;
	open_signals(daemon);
	daemon->wall_ahead_us = clock_wall_us() - clock_mono_us();
	daemon->tick = loop_timer_create(daemon->loop, on_tick, daemon);
	loop_timer_set(daemon->tick, TICK);
	return 0;
}

static void
stop(struct daemon *daemon)
{
	size_t i;

	if (daemon->loop == NULL)
		return;
	for (i = 0; i < ARRAY_LENGTH(daemon->signals); i++)
		loop_watch_destroy(daemon->signals[i]);
	loop_timer_destroy(daemon->tick);
	control_close(daemon->control);
	if (daemon->io != NULL)
		worker_settle(
		    daemon->io); /* a reload under way ends before its owners */
	web_close(daemon->web);
	registry_destroy(daemon->registry);
	if (daemon->archive != NULL)
		archive_close(daemon->archive);
	fetch_pool_destroy(daemon->fetch);
	resolve_destroy(daemon->resolve);
	worker_pool_destroy(daemon->io);
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
	set_level(daemon, conf);
	code = start(daemon, conf);
	if (code == 0) {
		log_info("vetrinad " PACKAGE_VERSION " is ready on %s",
		    web_public_address(daemon->web) != NULL
			? web_public_address(daemon->web)
			: "no public address");
		background_ready();
		daemon->watchdog_us = ready_watchdog_us();
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
