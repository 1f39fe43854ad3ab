/*
 * conf/: a file of any bytes. What loads must print, load again to the same print, and
 * weigh something. Nothing of the system is looked at, nothing included.
 */
#include <assert.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct target {
	char *url, *key_file, *pattern, *file;
	struct conf_strings match;
	struct conf_statuses status;
	struct conf_text label;
	struct conf_retention keep;
	int64_t count, size, wait_us;
	double ratio;
	bool flag;
	int mode;
};

#define AT(field) .offset = offsetof(struct target, field), .text = "Text"
static const char *const modes[] = {"get", "post", NULL};
static const struct option options[] = {
    {.name = "url", .type = OPTION_URL, AT(url), .required = true},
    {.name = "key_file", .type = OPTION_SECRET_FILE, AT(key_file)},
    {.name = "pattern", .type = OPTION_REGEX, AT(pattern)},
    {.name = "ca_file", .type = OPTION_PATH, AT(file)},
    {.name = "match", .type = OPTION_STRINGS, AT(match), .fallback = "[a, b]"},
    {.name = "status", .type = OPTION_STATUSES, AT(status), .fallback = "200-299"},
    {.name = "label", .type = OPTION_TEXT, AT(label)},
    {.name = "keep", .type = OPTION_RETENTION, AT(keep)},
    {.name = "count", .type = OPTION_INTEGER, AT(count), .fallback = "1"},
    {.name = "size", .type = OPTION_SIZE, AT(size), .fallback = "1M"},
    {.name = "wait", .type = OPTION_DURATION, AT(wait_us), .fallback = "1s"},
    {.name = "ratio", .type = OPTION_NUMBER, AT(ratio)},
    {.name = "flag", .type = OPTION_BOOL, AT(flag)},
    {.name = "mode", .type = OPTION_CHOICE, AT(mode), .choices = modes},
    OPTION_END,
};
static const struct conf_collector collectors[] = {
    {.name = "http",
	.text = "Text",
	.options = options,
	.size = sizeof(struct target),
	.sources = 7,
	.shorthand = "url"},
    {.name = NULL},
};

static struct conf *
load(const void *data, size_t size)
{
	struct conf_load request = {.collectors = collectors};
	int fd = memfd_create("conf", MFD_CLOEXEC);
	struct conf *conf;
	char path[64];

	assert(fd >= 0);
	assert(write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	request.file = path;
	conf = conf_load(&request);
	assert((conf == NULL) == (request.error_count > 0));
	assert((conf == NULL) == (request.errors.length > 0));
	buf_free(&request.errors);
	buf_free(&request.warnings);
	close(fd);
	return conf;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf first = BUF_INIT, second = BUF_INIT, report = BUF_INIT;
	struct conf *conf;

	if (memmem(data, size, "include", 7) != NULL)
		return 0;
	conf = load(data, size);
	if (conf == NULL)
		return 0;
	conf_print(conf, &first);
	conf_disk_report(conf, &report);
	conf_free(conf);
	conf = load(first.data, first.length);
	assert(conf != NULL);
	conf_print(conf, &second);
	conf_free(conf);
	assert(first.length == second.length &&
	       memcmp(first.data, second.data, first.length) == 0);
	buf_free(&first);
	buf_free(&second);
	buf_free(&report);
	return 0;
}
