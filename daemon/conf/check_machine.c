/* Cross-checks of what belongs to the machine: addresses to listen on, paths. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "conf/arena.h"
#include "conf/bind.h"
#include "conf/check.h"
#include "conf/conf.h"
#include "conf/url.h"
#include "conf/yaml.h"

#define SUN_PATH_MAX 107

static void
check_listeners(struct binder *binder, struct conf_strings *list,
    const struct conf_node *map, const char *key, bool admin)
{
	const struct conf_node *node = check_good(map, key), *item;
	char quoted[REPORT_QUOTE_SIZE];
	const char *problem;
	bool loopback;
	size_t i;

	if (node == NULL)
		return;
	item = node->kind == NODE_LIST ? node->first : node;
	for (i = 0; i < list->count; i++, item = item->next) {
		const char *text = list->items[i];
		if (strncmp(text, "unix:", 5) == 0 && text[5] != '/' && text[5] != '\0')
			list->items[i] = arena_printf(
			    binder->arena, "unix:%s/%s", item->file->folder, text + 5);
		problem = url_check_listener(list->items[i], &loopback);
		report_quote(text, quoted);
		if (problem != NULL)
			report_value(binder->report, REPORT_ERROR, item,
			    "%s %s, expected address:port, [v6]:port or unix:path",
			    quoted, problem);
		else if (admin && !loopback)
			report_value(binder->report, REPORT_ERROR, item,
			    "%s can be reached from elsewhere, expected a loopback "
			    "address, because nobody logs in there",
			    quoted);
	}
}

/* The i-th address of both lists together. */
static const char *
listener(const struct conf *conf, size_t i)
{
	size_t n = conf->listen.public.count;

	return i < n ? conf->listen.public.items[i] : conf->listen.admin.items[i - n];
}

static const struct conf_node *
listener_node(const struct conf *conf, const struct conf_node *map, size_t i)
{
	size_t n = conf->listen.public.count;
	const struct conf_node *node = check_good(map, i < n ? "public" : "admin");

	if (node == NULL || node->kind != NODE_LIST)
		return node;
	node = node->first;
	for (i = i < n ? i : i - n; i > 0; i--)
		node = node->next;
	return node;
}

/* The same address twice cannot be bound; port 0 is another one each time. */
static void
check_listener_twins(
    struct binder *binder, const struct conf *conf, const struct conf_node *map)
{
	size_t n = conf->listen.public.count + conf->listen.admin.count, i, j;

	for (i = 1; i < n; i++) {
		const char *address = listener(conf, i);
		const struct conf_node *node = listener_node(conf, map, i);
		size_t length = strlen(address);
		if (length > 2 && strcmp(address + length - 2, ":0") == 0)
			continue;
		for (j = 0; j < i && strcmp(address, listener(conf, j)) != 0; j++)
			;
		if (j == i)
			continue;
		if (node == NULL) /* a default: the other one is not */
			node = listener_node(conf, map, j);
		if (node != NULL)
			report_value(binder->report, REPORT_ERROR, node,
			    "\"%s\" stands twice, expected each address once", address);
	}
}

/* Whether a file or folder may be made or written at a path: the nearest one that
 * exists decides. -> 0 or negative */
static int
writable(const char *path, bool folder)
{
	char *at = mem_strdup(path), *slash;
	bool whole = true;
	struct stat st;
	int code = 0;

	while (stat(at, &st) != 0) {
		if (errno != ENOENT) {
			code = -errno;
			break;
		}
		whole = false;
		slash = strrchr(at, '/');
		if (slash == NULL)
			break;
		slash[slash == at] = '\0';
	}
	if (code == 0 && (folder || !whole) && !S_ISDIR(st.st_mode))
		code = -ENOTDIR;
	if (code == 0 && access(at, folder || !whole ? W_OK | X_OK : W_OK) != 0)
		code = -errno;
	free(at);
	return code;
}

/* Complains of a path in a group, unless its value is in error already. */
static void __attribute__((format(printf, 5, 6)))
complain_path(struct binder *binder, const struct conf_node *root, const char *group,
    const char *key, const char *format, ...)
{
	const struct conf_node *map = check_good(root, group);
	char line[1024], path[64];
	va_list ap;

	if (check_refused(root, group) || (map != NULL && check_refused(map, key)))
		return;
	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "%s.%s", group, key);
	if (map != NULL)
		check_complain(binder, REPORT_ERROR, map, key, "%s", line);
	else
		check_complain(binder, REPORT_ERROR, root, path, "%s", line);
}

static void
check_paths(
    struct binder *binder, const struct conf *conf, const struct conf_node *root)
{
	struct stat st;
	int code;

	if (strlen(conf->listen.control) > SUN_PATH_MAX)
		complain_path(binder, root, "listen", "control",
		    "has %zu bytes, expected at most %d for a socket",
		    strlen(conf->listen.control), SUN_PATH_MAX);
	if (!binder->check_system)
		return;
	code = writable(conf->store.path, true);
	if (code != 0)
		complain_path(binder, root, "store", "path",
		    "%s cannot be written: %s, expected a folder of this user",
		    conf->store.path, err_text(code));
	code = writable(conf->listen.control, false);
	if (code == 0 && stat(conf->listen.control, &st) == 0 && !S_ISSOCK(st.st_mode))
		code = -EEXIST;
	if (code != 0)
		complain_path(binder, root, "listen", "control",
		    "%s cannot be made: %s, expected a path in a folder of this user",
		    conf->listen.control, err_text(code));
}

void
check_machine(struct binder *binder, struct conf *conf, const struct conf_node *root)
{
	const struct conf_node *listen = check_good(root, "listen");

	if (listen != NULL) {
		check_listeners(binder, &conf->listen.public, listen, "public", false);
		check_listeners(binder, &conf->listen.admin, listen, "admin", true);
		check_listener_twins(binder, conf, listen);
	}
	check_paths(binder, conf, root);
}
