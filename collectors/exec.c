/*
 * The exec collector: runs a Nagios plugin, takes its exit code as the verdict, its
 * first line as the message, and chosen performance data as values.
 *
 * State belongs to the probe that opened it, options are its caller's. A counter is
 * stored as what it grew a second since the run before; one that fell was reset.
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "collectors/collectors.h"
#include "collectors/plugin.h"
#include "collectors/values.h"
#include "loop/spawn.h"

#define EXEC_MAGIC 0x65786563
#define WARNING 1
#define CRITICAL 2
#define UNKNOWN 3

struct exec_options {
	struct conf_strings command, environment;
	struct conf_map values;
	int64_t max_output, retry;
};

struct exec {
	MAGIC;
	struct spawn_pool *pool;
	const struct exec_options *options;
	struct spawn *spawn;   /* running, or NULL */
	struct probe_run *run; /* NULL: idle */
	int64_t timeout_us;
	struct value_counter counters[VALUES_MAX];
};

enum { TOTAL, EXIT_CODE, SOURCES };

static const struct archive_source sources[SOURCES] = {
    [TOTAL] = {"total", "s", 0, NAN, "From its beginning to its end"},
    [EXIT_CODE] = {"exit_code", "1", 0, 255,
	"0 well, 1 warning, 2 critical, 3 unknown"},
};

static const struct option value_options[] = {
    {.name = "label",
	.type = OPTION_STRING,
	.offset = offsetof(struct value_option, from),
	.min = 1,
	.max = 127,
	.example = "load1",
	.text = "The label of the performance data; as the value's name by default"},
    VALUE_UNIT_OPTION,
    OPTION_END,
};

#define AT(field) offsetof(struct exec_options, field)
static const struct option exec_options[] = {
    {.name = "command",
	.type = OPTION_STRINGS,
	.offset = AT(command),
	.min = 1,
	.max = 100,
	.required = true,
	.example = "[/usr/lib/nagios/plugins/check_load, -w, \"4,4,4\", -c, \"8,8,8\"]",
	.text = "The program, with its whole path, and its arguments; no shell reads "
		"them"},
    {.name = "environment",
	.type = OPTION_STRINGS,
	.offset = AT(environment),
	.headers = true,
	.min = 0,
	.max = 100,
	.example = "[\"HOME=/var/lib/vetrina\"]",
	.text = "What its environment holds besides PATH and LC_ALL=C.UTF-8, each as "
		"NAME=value"},
    {.name = "values",
	.type = OPTION_MAP,
	.offset = AT(values),
	.unit = "NAME",
	.group = value_options,
	.size = sizeof(struct value_option),
	.example = "load",
	.text = "Performance data to keep, at most 10. Seconds, bytes and per cent (as "
		"0 to 1) come in their base unit whatever the plugin writes; of a "
		"counter (c) what it grows a second is kept"},
    {.name = "max_output",
	.type = OPTION_SIZE,
	.offset = AT(max_output),
	.fallback = "64K",
	.min = 256,
	.max = 1 << 20,
	.text =
	    "How much of its output is read; a program that writes 16 times as much "
	    "is killed"},
    {.name = "retry",
	.type = OPTION_INTEGER,
	.offset = AT(retry),
	.fallback = "1",
	.min = 0,
	.max = 5,
	.text = "How often it is run again at once when it failed, before that counts"},
    OPTION_END,
};

static void
exec_check(const void *options, conf_complain *complain, void *arg)
{
	const struct exec_options *opts = options;
	char problem[256];
	size_t i;

	if (opts->command.count > 0 && opts->command.items[0][0] != '/')
		complain(arg, "command", NULL,
		    "begins with no whole path, expected /usr/lib/nagios/plugins/...");
	for (i = 0; i < opts->environment.count; i++) {
		const char *item = opts->environment.items[i];
		if (strchr(item, '=') != NULL && item[0] != '=')
			continue;
		snprintf(problem, sizeof(problem), "%zu of %zu: expected NAME=value",
		    i + 1, opts->environment.count);
		complain(arg, "environment", NULL, problem);
	}
	values_check(&opts->values, sources, SOURCES, complain, arg);
	for (i = 0; i < opts->values.count; i++) {
		const char *unit = values_item(&opts->values, i)->unit;
		const char *base = unit != NULL ? plugin_base_unit(unit) : NULL;
		if (base == NULL || strcmp(base, unit) == 0 || strcmp(base, "c") == 0)
			continue;
		snprintf(problem, sizeof(problem),
		    "%.63s comes in the base unit, expected unit: %s, not %s",
		    values_item(&opts->values, i)->item.id, base, unit);
		complain(arg, "values", NULL, problem);
	}
}

static size_t
exec_extra(const void *options, struct archive_source *out)
{
	const struct exec_options *opts = options;

	return values_extra(&opts->values, out);
}

/* ---- what it printed ---- */

/* A plugin that found a failure need not tell its values. */
static void
add_words(struct probe_result *result, const char *name, const char *problem)
{
	size_t length = strlen(result->message);

	if (result->class != PROBE_OK)
		return;
	snprintf(result->message + length, sizeof(result->message) - length,
	    " (%s: %s)", name, problem);
}

static void
take_values(
    struct exec *exec, const struct plugin_output *output, struct probe_result *result)
{
	const struct conf_map *values = &exec->options->values;
	size_t i;

	for (i = 0; i < values->count && i < VALUES_MAX; i++) {
		const struct value_option *wanted = values_item(values, i);
		const struct plugin_datum *datum = plugin_find(
		    output, wanted->from != NULL ? wanted->from : wanted->item.id);
		double *value = &result->values[SOURCES + i];

		if (datum == NULL) {
			add_words(
			    result, wanted->item.id, "not among the performance data");
		} else if (strcmp(datum->unit, "c") == 0) {
			*value = value_growth(&exec->counters[i], datum->value);
		} else if (datum->unit[0] != '\0' &&
			   strcmp(datum->unit, wanted->unit) != 0) {
			add_words(result, wanted->item.id, "has another unit");
		} else {
			*value = datum->value;
		}
	}
}

static void
first_line(const struct buf *buf, char out[256])
{
	size_t length = buf->data != NULL ? strcspn(buf->data, "\r\n") : 0;

	if (length > 255)
		length = 255;
	if (length > 0)
		memcpy(out, buf->data, length);
	out[length] = '\0';
	text_clean(out);
}

/* What was cut off at the limit would be another number: up to the last blank. */
static size_t
whole_length(const struct buf *output)
{
	size_t length = output->length;

	while (output->full && length > 0 &&
	       strchr(" \t\r\n", output->data[length - 1]) == NULL)
		length--;
	return length;
}

static void
judge(struct exec *exec, const struct spawn_reply *reply, struct probe_result *result)
{
	struct plugin_output output;
	char words[256];

	plugin_parse(reply->output.data != NULL ? reply->output.data : "",
	    whole_length(&reply->output), &output);
	strlcpy(words, output.text, sizeof(words));
	if (words[0] == '\0')
		first_line(&reply->errors, words);
	if (words[0] == '\0')
		strlcpy(words, "it printed nothing", sizeof(words));
	result->values[EXIT_CODE] = reply->code;
	if (reply->code <= CRITICAL) {
		result->class = reply->code == CRITICAL ? PROBE_STATUS : PROBE_OK;
		result->warn = reply->code == WARNING;
		strlcpy(result->message, words, sizeof(result->message));
		take_values(exec, &output, result);
	} else if (reply->code == UNKNOWN) {
		result->class = PROBE_INTERNAL;
		snprintf(result->message, sizeof(result->message),
		    "the plugin could not tell: %.200s", words);
	} else {
		result->class = PROBE_INTERNAL;
		snprintf(result->message, sizeof(result->message),
		    "exit code %d is no plugin's: %.200s", reply->code, words);
	}
	plugin_free(&output);
}

static void
explain(const struct exec *exec, const struct spawn_reply *reply,
    struct probe_result *result)
{
	const char *command = exec->options->command.items[0];
	char limit[TEXT_DURATION_SIZE];
	char *out = result->message;
	size_t size = sizeof(result->message);

	text_duration_format(exec->timeout_us, limit);
	result->class = PROBE_INTERNAL;
	switch (reply->end) {
	case SPAWN_TIMEOUT:
		result->class = PROBE_READ_TIMEOUT;
		snprintf(out, size, "%s did not end within %s and was killed", command,
		    limit);
		break;
	case SPAWN_FLOOD:
		result->class = PROBE_TOO_LARGE;
		snprintf(out, size, "%s wrote without end and was killed", command);
		break;
	case SPAWN_KILLED:
		snprintf(out, size, "%s was ended by signal %d (%s)", command,
		    reply->code, strsignal(reply->code));
		break;
	case SPAWN_WAITED:
		snprintf(out, size,
		    "it had less than half of its %s: other programs ran, or what is "
		    "left "
		    "of its last run cannot be killed",
		    limit);
		break;
	case SPAWN_FAILED:
		snprintf(
		    out, size, "%s cannot be run: %s", command, strerror(reply->code));
		break;
	case SPAWN_EXITED:
		break;
	}
}

static void
on_reply(const struct spawn_reply *reply, void *arg)
{
	struct exec *exec = arg;
	struct probe_run *run = exec->run;
	struct probe_result result;

	MAGIC_CHECK(exec, EXEC_MAGIC);
	exec->spawn = NULL;
	exec->run = NULL;
	probe_result_clear(&result);
	result.values[TOTAL] = reply->seconds;
	if (reply->end == SPAWN_EXITED)
		judge(exec, reply, &result);
	else
		explain(exec, reply, &result);
	text_clean(result.message);
	probe_done(run, &result);
}

/* ---- runs ---- */

static bool
has_name(const struct conf_strings *environment, const char *name)
{
	size_t i;

	for (i = 0; i < environment->count; i++)
		if (strncmp(environment->items[i], name, strlen(name)) == 0)
			return true;
	return false;
}

static void
exec_start(void *state, struct probe_run *run, int64_t timeout_us, bool fresh)
{
	struct exec *exec = state;
	const struct exec_options *opts = exec->options;
	const char **command, **environment;
	struct spawn_request request = {.timeout_us = timeout_us};
	size_t i;

	MAGIC_CHECK(exec, EXEC_MAGIC);
	exec->run = run;
	exec->timeout_us = timeout_us;
	if (!fresh)
		value_counters_turn(exec->counters, ARRAY_LENGTH(exec->counters));
	command = mem_array(opts->command.count + 1, sizeof(*command));
	for (i = 0; i < opts->command.count; i++)
		command[i] = opts->command.items[i];
	environment = mem_array(opts->environment.count + 3, sizeof(*environment));
	for (i = 0; i < opts->environment.count; i++)
		environment[i] = opts->environment.items[i];
	if (!has_name(&opts->environment, "PATH="))
		environment[i++] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
				   "/usr/bin:/sbin:/bin";
	if (!has_name(&opts->environment, "LC_ALL="))
		environment[i++] = "LC_ALL=C.UTF-8";
	request.command = command;
	request.environment = environment;
	request.output_max = (size_t)opts->max_output;
	exec->spawn = spawn_start(exec->pool, &request, on_reply, exec);
	free(command);
	free(environment);
}

static void
exec_cancel(void *state)
{
	struct exec *exec = state;

	MAGIC_CHECK(exec, EXEC_MAGIC);
	if (exec->spawn != NULL)
		spawn_cancel(exec->spawn);
	exec->spawn = NULL;
	exec->run = NULL;
}

static int
exec_open(const struct probe_env *env, const void *options, int64_t dns_cache_us,
    void **state, char error[256])
{
	struct exec *exec = mem_zalloc(sizeof(*exec));
	size_t i;

	MAGIC_SET(exec, EXEC_MAGIC);
	exec->pool = env->spawn;
	exec->options = options;
	for (i = 0; i < VALUES_MAX; i++)
		exec->counters[i] = VALUE_COUNTER_INIT;
	*state = exec;
	return 0;
}

static void
exec_close(void *state)
{
	struct exec *exec = state;

	exec_cancel(exec);
	MAGIC_CLEAR(exec);
	free(exec);
}

static void
exec_rebind(void *state, const void *options)
{
	struct exec *exec = state;

	exec->options = options;
}

static int
exec_retries(const void *options)
{
	const struct exec_options *opts = options;

	return (int)opts->retry;
}

/* Most of it is the program's, which also wants to be alone. */
static int64_t
exec_load_us(const void *options)
{
	return 2000;
}

const struct collector collector_exec = {
    .name = "exec",
    .text = "Runs a Nagios plugin",
    .options = exec_options,
    .options_size = sizeof(struct exec_options),
    .shorthand = NULL,
    .check = exec_check,
    .sources = sources,
    .source_count = SOURCES,
    .extra = exec_extra,
    .total = TOTAL,
    .open = exec_open,
    .start = exec_start,
    .cancel = exec_cancel,
    .close = exec_close,
    .rebind = exec_rebind,
    .retries = exec_retries,
    .load_us = exec_load_us,
};
