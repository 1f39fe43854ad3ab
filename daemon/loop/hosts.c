/*
 * The hosts file as a sorted array of (name, address), equal names in the order of
 * the file. The names point into one copy of the text.
 *
 * Read on the loop: the file is local and small. More than FILE_MAX bytes are not
 * looked at.
 */
#include "loop/hosts.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define HOSTS_MAGIC 0x686f7374
#define FILE_MAX (1 << 20)

struct line {
	const char *name;
	size_t order;
	struct address address;
};

struct hosts {
	MAGIC;
	char *path;
	char *text;
	struct line *lines;
	size_t count, size;
	int64_t checked_us;
	struct stat seen;
};

static int
line_compare(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order != 0)
		return order;
	return x->order < y->order ? -1 : x->order > y->order;
}

static void
add(struct hosts *hosts, const char *name, const struct address *address)
{
	struct line *line;

	if (hosts->count == hosts->size) {
		hosts->size = hosts->size == 0 ? 16 : hosts->size * 2;
		hosts->lines =
		    mem_resize(hosts->lines, hosts->size, sizeof(*hosts->lines));
	}
	line = &hosts->lines[hosts->count];
	line->name = name;
	line->order = hosts->count++;
	line->address = *address;
}

static void
parse_line(struct hosts *hosts, char *line)
{
	char *comment = strchr(line, '#'), *save = NULL, *word, *p;
	struct address address;

	if (comment != NULL)
		*comment = '\0';
	word = strtok_r(line, " \t\r", &save);
	if (word == NULL || !address_parse(word, &address))
		return;
	while ((word = strtok_r(NULL, " \t\r", &save)) != NULL) {
		for (p = word; *p != '\0'; p++)
			*p = tolower((unsigned char)*p);
		add(hosts, word, &address);
	}
}

void
hosts_parse(struct hosts *hosts, const char *text, size_t length)
{
	char *line, *end;

	free(hosts->text);
	hosts->text = mem_strndup(text, length);
	hosts->count = 0;
	for (line = hosts->text; *line != '\0'; line = end) {
		end = line + strcspn(line, "\n");
		if (*end == '\n')
			*end++ = '\0';
		parse_line(hosts, line);
	}
	if (hosts->count > 0)
		qsort(hosts->lines, hosts->count, sizeof(*hosts->lines), line_compare);
}

/* -> bytes read, -1; what is longer than max is left */
static ssize_t
read_all(int fd, char *data, size_t max)
{
	size_t length = 0;
	ssize_t n;

	while (length < max) {
		n = read(fd, data + length, max - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		length += n;
	}
	return length;
}

static bool
is_absent(int code)
{
	return code == ENOENT || code == ENOTDIR;
}

/* -> false: it cannot be read now; what it held before holds */
static bool
load(struct hosts *hosts)
{
	int fd = open(hosts->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat now;
	ssize_t length;
	char *data;

	if (fd < 0 && !is_absent(errno))
		return false;
	if (fd < 0 || fstat(fd, &now) != 0 || !S_ISREG(now.st_mode)) {
		hosts_parse(hosts, "", 0);
		if (fd >= 0)
			close(fd);
		return true;
	}
	if (now.st_size > FILE_MAX)
		log_warning("hosts: %s has more than %d bytes: the rest is ignored",
		    hosts->path, FILE_MAX);
	data = mem_alloc(FILE_MAX);
	length = read_all(fd, data, FILE_MAX);
	close(fd);
	if (length >= 0) {
		hosts_parse(hosts, data, length);
		log_debug("hosts: %s holds %zu names", hosts->path, hosts->count);
	}
	free(data);
	return length >= 0;
}

static void
refresh(struct hosts *hosts)
{
	int64_t now_us = clock_mono_us();
	struct stat now = {0};

	if (hosts->checked_us >= 0 && now_us - hosts->checked_us < CLOCK_SECOND)
		return;
	if (stat(hosts->path, &now) != 0)
		memset(&now, 0, sizeof(now));
	if ((hosts->checked_us >= 0 && now.st_ino == hosts->seen.st_ino &&
		now.st_size == hosts->seen.st_size &&
		now.st_mtim.tv_sec == hosts->seen.st_mtim.tv_sec &&
		now.st_mtim.tv_nsec == hosts->seen.st_mtim.tv_nsec) ||
	    load(hosts))
		hosts->seen = now;
	hosts->checked_us = now_us;
}

struct hosts *
hosts_open(const char *path)
{
	struct hosts *hosts = mem_zalloc(sizeof(*hosts));

	MAGIC_SET(hosts, HOSTS_MAGIC);
	hosts->path = mem_strdup(path);
	hosts->checked_us = -1;
	return hosts;
}

void
hosts_close(struct hosts *hosts)
{
	if (hosts == NULL)
		return;
	MAGIC_CHECK(hosts, HOSTS_MAGIC);
	free(hosts->path);
	free(hosts->text);
	free(hosts->lines);
	MAGIC_CLEAR(hosts);
	free(hosts);
}

size_t
hosts_find(
    struct hosts *hosts, const char *name, int version, struct address *out, size_t max)
{
	size_t low = 0, high, middle, found = 0;

	MAGIC_CHECK(hosts, HOSTS_MAGIC);
	refresh(hosts);
	high = hosts->count;
	while (low < high) {
		middle = low + (high - low) / 2;
		if (strcmp(hosts->lines[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < hosts->count && strcmp(hosts->lines[low].name, name) == 0; low++) {
		if (version != 0 && hosts->lines[low].address.version != version)
			continue;
		if (found < max)
			out[found++] = hosts->lines[low].address;
	}
	return found;
}
