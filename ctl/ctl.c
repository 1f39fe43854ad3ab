/*
 * vetrinactl: parses the command line, asks the daemon one thing, prints its
 * answer as a table or as JSON. Blocking: there is nothing else to do meanwhile.
 */
#include "ctl/ctl.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "ctl/table.h"

#define WAIT_US (60 * CLOCK_SECOND)

struct command {
	const char *name;
	const char *usage;
	const char *text;
	int words; /* that follow the name */
	bool now;  /* takes --now */
	void (*print)(json_t *result);
};

static const char *
text_of(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "-";
}

static json_int_t
integer_of(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *
seconds_of(json_t *values, const char *key, char *out, size_t size)
{
	json_t *value = json_object_get(values, key);

	if (json_is_number(value))
		snprintf(out, size, "%.3f s", json_number_value(value));
	else
		snprintf(out, size, "-");
	return out;
}

static const char *
writable_of(json_t *store)
{
	return json_is_true(json_object_get(store, "writable")) ? "writable"
								: "NOT WRITABLE";
}

static void
print_status(json_t *result)
{
	json_t *config = json_object_get(result, "config");
	json_t *checks = json_object_get(result, "checks");
	json_t *store = json_object_get(result, "store");
	json_t *ledger = json_object_get(result, "ledger");
	const char *error = json_string_value(json_object_get(config, "error"));
	char size[TEXT_DURATION_SIZE], late[32];

	printf("vetrinad %s, process %lld, running since %s\n",
	    text_of(result, "version"), integer_of(result, "pid"),
	    text_of(result, "started"));
	printf("configuration  %s, loaded %s\n", text_of(config, "file"),
	    text_of(config, "loaded"));
	if (!json_is_true(json_object_get(config, "ok")))
		printf("               the last attempt to load it FAILED: %s\n",
		    error != NULL ? error : "see the log");
	printf("checks         %lld: %lld up, %lld degraded, %lld down, %lld unknown, "
	       "%lld in maintenance\n",
	    integer_of(checks, "total"), integer_of(checks, "up"),
	    integer_of(checks, "degraded"), integer_of(checks, "down"),
	    integer_of(checks, "unknown"), integer_of(checks, "maintenance"));
	printf("schedule       %lld running, %lld missed, at most %s late\n",
	    integer_of(checks, "running"), integer_of(checks, "missed"),
	    seconds_of(checks, "late", late, sizeof(late)));
	printf("store          %s, %lld samples (%s) wait for their files, %lld "
	       "refused%s\n",
	    writable_of(store), integer_of(store, "pending_samples"),
	    text_size_round(integer_of(store, "pending_bytes"), size),
	    integer_of(store, "refused"),
	    json_is_true(json_object_get(store, "replay_done"))
		? ""
		: ", those of before the start are still read");
	printf("ledger         %s, %lld changes of verdict wait, %lld lost\n",
	    writable_of(ledger), integer_of(ledger, "pending"),
	    integer_of(ledger, "dropped"));
}

static void
print_checks(json_t *result)
{
	static const char *const headings[] = {"CHECK", "COLLECTOR", "VERDICT", "SINCE",
	    "CLASS", "TOTAL", "MESSAGE", NULL};
	struct table *table = table_create(headings);
	json_t *check, *values;
	size_t i;

	json_array_foreach (json_object_get(result, "checks"), i, check) {
		char total[32], name[256];
		values = json_object_get(json_object_get(check, "last"), "values");
		snprintf(name, sizeof(name), "%s/%s/%s", text_of(check, "site"),
		    text_of(check, "service"), text_of(check, "check"));
		table_cell(table, name);
		table_cell(table, text_of(check, "collector"));
		table_cell(table, text_of(check, "verdict"));
		table_cell(table, text_of(check, "since"));
		table_cell(table, text_of(check, "class"));
		table_cell(table, seconds_of(values, "total", total, sizeof(total)));
		table_cell(table, text_of(check, "message"));
	}
	table_print(table);
}

static int
check_code(json_t *result)
{
	const char *verdict = text_of(result, "verdict");

	return strcmp(verdict, "up") == 0 || strcmp(verdict, "degraded") == 0
		   ? CTL_OK
		   : CTL_NOT_UP;
}

static void
print_check(json_t *result)
{
	json_t *values = json_object_get(json_object_get(result, "last"), "values"),
	       *value;
	const char *key;

	printf("%s/%s/%s  %s  %s\n", text_of(result, "site"),
	    text_of(result, "service"), text_of(result, "check"),
	    text_of(result, "verdict"), text_of(result, "class"));
	if (strcmp(text_of(result, "message"), "-") != 0)
		printf("  %s\n", text_of(result, "message"));
	json_object_foreach (values, key, value)
		if (json_is_number(value))
			printf("  %-18s %.6g\n", key, json_number_value(value));
}

static void
print_services(json_t *result)
{
	static const char *const headings[] = {
	    "SERVICE", "STATE", "SINCE", "AVAILABLE 24H", "30D", "P95 24H", NULL};
	struct table *table = table_create(headings);
	json_t *service, *value;
	size_t i;

	json_array_foreach (json_object_get(result, "services"), i, service) {
		static const char *const periods[] = {"24h", "30d"};
		char cell[32], name[192];
		size_t p;
		snprintf(name, sizeof(name), "%s/%s", text_of(service, "site"),
		    text_of(service, "id"));
		table_cell(table, name);
		table_cell(table, text_of(service, "state"));
		table_cell(table, text_of(service, "since"));
		for (p = 0; p < ARRAY_LENGTH(periods); p++) {
			value = json_object_get(
			    json_object_get(service, "availability"), periods[p]);
			if (json_is_number(value))
				snprintf(cell, sizeof(cell), "%.3f %%",
				    json_number_value(value) * 100);
			table_cell(table, json_is_number(value) ? cell : NULL);
		}
		table_cell(table, seconds_of(json_object_get(service, "p95_seconds"),
				      "24h", cell, sizeof(cell)));
	}
	table_print(table);
}

static void
print_done(json_t *result)
{
	const char *message = json_string_value(json_object_get(result, "message"));

	puts(message != NULL ? message : "done");
}

static const struct command commands[] = {
    {"status", "status", "the daemon, its configuration, its queues", 0, false,
	print_status},
    {"checks", "checks", "every check with its verdict and last result", 0, false,
	print_checks},
    {"check", "check [SITE/]SERVICE/CHECK [--now]",
	"one check; --now measures it first", 1, true, print_check},
    {"services", "services", "every service with its figures", 0, false,
	print_services},
    {"flush", "flush", "writes all samples to their files now", 0, false, print_done},
    {"reload", "reload", "loads the configuration anew", 0, false, print_done},
};

static int
usage(FILE *out)
{
	size_t i;

	fputs("usage: vetrinactl [-s SOCKET] [--site ID] [--wait TIME] [--json] "
	      "COMMAND\n\n",
	    out);
	for (i = 0; i < ARRAY_LENGTH(commands); i++)
		fprintf(out, "  %-36s %s\n", commands[i].usage, commands[i].text);
	return out == stdout ? CTL_OK : CTL_USAGE;
}

/* -> a descriptor that waits so long at most (0: for ever), or negative */
static int
dial(const char *path, int64_t wait_us)
{
	const struct timeval wait = {
	    .tv_sec = wait_us / CLOCK_SECOND, .tv_usec = wait_us % CLOCK_SECOND};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, code;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	code = -errno;
	close(fd);
	return code;
}

static int
say(int fd, const char *text, size_t length)
{
	ssize_t n;

	for (; length > 0; text += n, length -= n) {
		n = send(fd, text, length, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			n = 0;
		if (n < 0)
			return -errno;
	}
	return 0;
}

/* Reads until the line is whole. -> 0 or negative */
static int
hear(int fd, struct buf *line)
{
	char data[65536];
	ssize_t n;

	do {
		n = read(fd, data, sizeof(data));
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EPIPE;
		if (n > 0)
			buf_add(line, data, n);
	} while (n < 0 || data[n - 1] != '\n');
	return 0;
}

/* -> the answer's line in answer, or an exit code, told */
static int
ask(const char *path, int64_t wait_us, json_t *request, struct buf *answer)
{
	char *text = json_dumps(request, JSON_COMPACT), limit[TEXT_DURATION_SIZE];
	int fd = dial(path, wait_us), code = fd < 0 ? fd : 0;

	if (code == 0)
		code = say(fd, text, strlen(text));
	if (code == 0)
		code = say(fd, "\n", 1);
	if (code == 0)
		code = hear(fd, answer);
	free(text);
	if (code == -EAGAIN)
		fprintf(stderr, "vetrinactl: no answer within %s; see --wait\n",
		    text_duration_format(wait_us, limit));
	else if (fd < 0)
		fprintf(stderr, "vetrinactl: cannot reach the daemon at %s: %s\n", path,
		    err_text(code));
	else if (code != 0)
		fprintf(stderr, "vetrinactl: the daemon broke off\n");
	if (fd >= 0)
		close(fd);
	return code == 0 ? CTL_OK : CTL_UNREACHABLE;
}

static void
print_json(json_t *result)
{
	json_dumpf(result, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}

static int
run(const struct command *command, const char *path, int64_t wait_us, json_t *request,
    bool json)
{
	struct buf answer = BUF_INIT;
	json_t *document, *result;
	int code = ask(path, wait_us, request, &answer);

	if (code != CTL_OK) {
		buf_free(&answer);
		return code;
	}
	document = json_loadb(answer.data, answer.length, 0, NULL);
	buf_free(&answer);
	result = json_object_get(document, "result");
	if (document == NULL) {
		fprintf(stderr, "vetrinactl: the answer is not JSON\n");
		code = CTL_UNREACHABLE;
	} else if (!json_is_true(json_object_get(document, "ok"))) {
		fprintf(stderr, "vetrinactl: %s\n", text_of(document, "error"));
		code = CTL_REFUSED;
	} else {
		(json ? print_json : command->print)(result);
		if (command->print == print_check)
			code = check_code(result);
	}
	json_decref(document);
	if (fflush(stdout) != 0) {
		perror("vetrinactl");
		return CTL_REFUSED;
	}
	return code;
}

static const struct command *
find(const char *name)
{
	const char *names[ARRAY_LENGTH(commands)], *near;
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(commands); i++) {
		names[i] = commands[i].name;
		if (strcmp(name, names[i]) == 0)
			return &commands[i];
	}
	near = text_nearest(name, names, ARRAY_LENGTH(names));
	fprintf(stderr, "vetrinactl: unknown command %s%s%s%s\n", name,
	    near != NULL ? ", did you mean " : "", near != NULL ? near : "",
	    near != NULL ? "?" : "");
	return NULL;
}

int
ctl_main(int argc, char **argv)
{
	static const struct option options[] = {{"site", required_argument, NULL, 'i'},
	    {"json", no_argument, NULL, 'j'}, {"now", no_argument, NULL, 'n'},
	    {"wait", required_argument, NULL, 'w'}, {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'}, {NULL, 0, NULL, 0}};
	const char *path = CONTROL_SOCKET, *site = NULL;
	const struct command *command;
	bool json = false, now = false;
	json_t *request;
	int64_t wait_us = WAIT_US;
	int c, code;

	while ((c = getopt_long(argc, argv, "s:hV", options, NULL)) != -1) {
		switch (c) {
		case 's':
			path = optarg;
			break;
		case 'i':
			site = optarg;
			break;
		case 'j':
			json = true;
			break;
		case 'n':
			now = true;
			break;
		case 'w':
			if (text_duration(optarg, &wait_us) == 0)
				break;
			fprintf(stderr,
			    "vetrinactl: %s is not a time, expected one such as 60s\n",
			    optarg);
			return CTL_USAGE;
		case 'h':
			return usage(stdout);
		case 'V':
			puts("vetrinactl " PACKAGE_VERSION);
			return CTL_OK;
		default:
			return usage(stderr);
		}
	}
	if (optind >= argc)
		return usage(stderr);
	command = find(argv[optind]);
	if (command == NULL)
		return CTL_USAGE;
	if (argc - optind - 1 != command->words || (now && !command->now)) {
		fprintf(stderr, "usage: vetrinactl %s\n", command->usage);
		return CTL_USAGE;
	}
	request = json_pack("{s:s, s:{s:s*, s:s*, s:b}}", "command", command->name,
	    "arguments", "site", site, "name",
	    command->words > 0 ? argv[optind + 1] : NULL, "now", now);
	if (request == NULL) {
		fprintf(stderr, "vetrinactl: the command line is not UTF-8\n");
		return CTL_USAGE;
	}
	code = run(command, path, wait_us, request, json);
	json_decref(request);
	return code;
}
