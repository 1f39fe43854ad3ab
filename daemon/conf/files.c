/*
 * The files. What an included file holds under `sites` moves into the main file's
 * tree before anything is bound, so that its nodes keep their places and nobody else
 * needs to know of includes.
 */
#include "conf/files.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "conf/arena.h"
#include "conf/report.h"
#include "conf/schema.h"
#include "conf/yaml.h"

#define FILE_BYTES_MAX (16 << 20)
#define ALL_BYTES_MAX (64 << 20)
#define FILES_MAX 5000

struct files {
	struct binder *binder;
	struct arena *nodes;
	unsigned count;
	size_t bytes;
	dev_t device; /* of the main file, which no pattern may bring again */
	ino_t inode;
};

static struct conf_file *
add_file(struct files *files, const char *name)
{
	struct arena *arena = files->binder->arena;
	struct conf_file *file = arena_zalloc(files->nodes, sizeof(*file));
	const char *slash = strrchr(name, '/');
	char *folder, *real;

	file->name = arena_strdup(arena, name);
	file->number = files->count++;
	if (slash == NULL)
		folder = arena_strdup(arena, ".");
	else
		folder = arena_strndup(arena, name, slash == name ? 1 : slash - name);
	real = realpath(folder, NULL);
	if (real != NULL)
		folder = arena_strdup(arena, strcmp(real, "/") == 0 ? "" : real);
	free(real);
	file->folder = folder;
	return file;
}

/* The whole of a descriptor. -> 0 or negative */
static int
read_all(int fd, size_t limit, struct buf *out)
{
	ssize_t n;

	for (;;) {
		buf_reserve(out, 65536);
		n = read(fd, out->data + out->length, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		out->length += n;
		out->data[out->length] = '\0';
		if (out->length > limit)
			return -EFBIG;
	}
}

/* by: the item that includes it, NULL for the main file, which may be a pipe, while
 * the others are regular files. -> NULL: told */
static struct conf_node *
read_file(struct files *files, const char *name, const struct conf_node *by)
{
	bool main = by == NULL;
	struct conf_file *file = add_file(files, name);
	size_t limit = ALL_BYTES_MAX - files->bytes;
	struct conf_node *root = NULL;
	struct buf text = BUF_INIT;
	int fd, code = 0;
	struct stat st;

	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | (main ? 0 : O_NONBLOCK));
	if (fd < 0 || fstat(fd, &st) != 0)
		code = -errno;
	else if (S_ISDIR(st.st_mode))
		code = -EISDIR;
	else if (!main && !S_ISREG(st.st_mode))
		code = -EINVAL;
	else
		code = read_all(
		    fd, limit < FILE_BYTES_MAX ? limit : FILE_BYTES_MAX, &text);
	if (fd >= 0)
		close(fd);
	if (code != 0 && main) {
		report_at(files->binder->report, REPORT_ERROR, file, 1, 1,
		    "cannot be read: %s, expected a file", err_text(code));
	} else if (code != 0) {
		report_value(files->binder->report, REPORT_ERROR, by,
		    "%s cannot be read: %s, expected a file", name, err_text(code));
	} else if (!main && st.st_dev == files->device && st.st_ino == files->inode) {
		report_value(files->binder->report, REPORT_ERROR, by,
		    "brings this file itself, expected others");
	} else {
		if (main) {
			files->device = st.st_dev;
			files->inode = st.st_ino;
		}
		files->bytes += text.length;
		root = yaml_read(
		    files->nodes, files->binder->report, file, text.data, text.length);
	}
	buf_free(&text);
	return root;
}

static struct conf_node *
sites_of(struct files *files, struct conf_node *root, const struct conf_node *like)
{
	struct conf_node *sites = yaml_child(root, "sites");

	if (sites != NULL && yaml_is_null(sites))
		sites->kind = NODE_MAP;
	if (sites != NULL || like == NULL)
		return sites;
	sites = arena_zalloc(files->nodes, sizeof(*sites));
	*sites = (struct conf_node){.kind = NODE_MAP,
	    .file = root->file,
	    .line = like->line,
	    .column = like->column,
	    .parent = root,
	    .key = "sites",
	    .key_line = like->key_line,
	    .key_column = like->key_column};
	if (root->last != NULL)
		root->last->next = sites;
	else
		root->first = sites;
	root->last = sites;
	root->count++;
	return sites;
}

/* Takes the sites of an included file over into the main one's. */
static void
take(struct files *files, struct conf_node *root, struct conf_node *from)
{
	struct report *report = files->binder->report;
	struct conf_node *node, *sites, *into;

	if (from->kind != NODE_MAP) {
		report_value(
		    report, REPORT_ERROR, from, "is not a mapping, expected sites");
		return;
	}
	for (node = from->first; node != NULL; node = node->next) {
		if (node->twin != NULL)
			report_twin(report, node);
		else if (strcmp(node->key, "sites") != 0)
			report_key(report, REPORT_ERROR, node,
			    option_find(schema_top, node->key) != NULL
				? "belongs into the main file, expected only sites here"
				: "unknown option, expected only sites in an included "
				  "file");
	}
	sites = sites_of(files, from, NULL);
	if (sites == NULL)
		return;
	if (sites->kind != NODE_MAP) {
		report_value(report, REPORT_ERROR, sites,
		    "is not a mapping, expected a mapping of identifiers");
		return;
	}
	into = sites_of(files, root, sites);
	if (into->kind == NODE_MAP)
		yaml_merge(into, sites);
}

static void
include(struct files *files, struct conf_node *root, struct conf_node *item)
{
	struct report *report = files->binder->report;
	char quoted[REPORT_QUOTE_SIZE];
	struct buf pattern = BUF_INIT;
	glob_t found = {0};
	const char *p;
	size_t i;
	int code;

	if (item->text[0] != '/') {
		for (p = item->file->folder; *p != '\0'; p++) {
			if (strchr("*?[\\", *p) != NULL)
				buf_add_char(&pattern, '\\');
			buf_add_char(&pattern, *p);
		}
		buf_add_char(&pattern, '/');
	}
	buf_add_text(&pattern, item->text);
	code = glob(pattern.data, GLOB_ERR | GLOB_NOMAGIC, NULL, &found);
	buf_free(&pattern);
	if (code == GLOB_NOMATCH || (code == GLOB_ABORTED && errno == ENOENT)) {
		report_value(report, REPORT_WARNING, item,
		    "%s matches no file, expected files with sites",
		    report_quote(item->text, quoted));
		return;
	}
	if (code != 0) {
		report_value(report, REPORT_ERROR, item,
		    "cannot be searched: %s, expected files", err_text(-errno));
		return;
	}
	for (i = 0; i < found.gl_pathc; i++) {
		struct conf_node *from;
		if (files->count >= FILES_MAX) {
			report_value(report, REPORT_ERROR, item,
			    "brings too many files, expected at most %d", FILES_MAX);
			break;
		}
		from = read_file(files, found.gl_pathv[i], item);
		if (from != NULL)
			take(files, root, from);
	}
	globfree(&found);
}

struct conf_node *
files_read(
    struct binder *binder, struct arena *nodes, const char *path, char **absolute)
{
	struct files files = {.binder = binder, .nodes = nodes};
	struct conf_node *root, *includes, *item;
	const char *slash = strrchr(path, '/');

	root = read_file(&files, path, NULL);
	if (root == NULL)
		return NULL;
	*absolute = arena_printf(binder->arena, "%s/%s", root->file->folder,
	    slash != NULL ? slash + 1 : path);
	if (root->kind != NODE_MAP) {
		report_value(binder->report, REPORT_ERROR, root,
		    "is not a mapping, expected options");
		return NULL;
	}
	includes = yaml_child(root, "include");
	if (includes == NULL || yaml_is_null(includes))
		return root;
	item = includes->kind == NODE_LIST ? includes->first : includes;
	for (; item != NULL; item = item != includes ? item->next : NULL) {
		if (item->kind == NODE_SCALAR) /* else its binding tells */
			include(&files, root, item);
	}
	includes = yaml_child(root, "sites");
	if (includes != NULL && includes->kind == NODE_MAP)
		yaml_mark_twins(includes);
	return root;
}
