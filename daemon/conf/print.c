/*
 * -T, -t: the snapshot as YAML that loads again to the same, and what it weighs.
 * The text without masks is also what the hash of a check is made from.
 */
#include "conf/print.h"

#include <math.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/bind.h"
#include "conf/conf.h"
#include "conf/mask.h"
#include "conf/retention.h"
#include "conf/schema.h"

#define SECOND INT64_C(1000000)
#define OWN_SOURCES 2 /* up, known */

static void
add_indent(struct buf *out, unsigned indent)
{
	while (indent-- > 0)
		buf_add_text(out, "  ");
}

static void
add_string(struct buf *out, const char *text)
{
	buf_add_char(out, '"');
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '"':
		case '\\':
			buf_add_char(out, '\\');
			buf_add_char(out, *text);
			break;
		case '\n':
			buf_add_text(out, "\\n");
			break;
		case '\t':
			buf_add_text(out, "\\t");
			break;
		default:
			buf_add_char(out, *text);
			break;
		}
	}
	buf_add_char(out, '"');
}

typedef void masker(const char *text, struct buf *out);

/* mask NULL: as it stands. */
static void
add_masked(struct buf *out, const char *text, masker *mask)
{
	struct buf masked = BUF_INIT;

	if (mask != NULL) {
		mask(text, &masked);
		text = masked.length > 0 ? masked.data : "";
	}
	add_string(out, text);
	buf_free(&masked);
}

static void
add_strings(struct buf *out, const struct conf_strings *strings, masker *mask)
{
	size_t i;

	buf_add_char(out, '[');
	for (i = 0; i < strings->count; i++) {
		buf_add_text(out, i == 0 ? "" : ", ");
		add_masked(out, strings->items[i], mask);
	}
	buf_add_char(out, ']');
}

static void
add_files(struct buf *out, const struct conf_files *files, bool masked)
{
	size_t i;

	buf_add_char(out, '{');
	for (i = 0; i < files->count; i++) {
		buf_add_text(out, i == 0 ? "" : ", ");
		add_string(out, files->items[i].name);
		buf_add_text(out, ": ");
		add_string(out, masked ? MASK : files->items[i].path);
	}
	buf_add_char(out, '}');
}

static void
add_text(struct buf *out, const struct conf_text *text)
{
	size_t i;

	if (text->count == 1 && text->items[0].language == NULL) {
		add_string(out, text->items[0].text);
		return;
	}
	buf_add_char(out, '{');
	for (i = 0; i < text->count; i++) {
		buf_printf(out, "%s%s: ", i == 0 ? "" : ", ", text->items[i].language);
		add_string(out, text->items[i].text);
	}
	buf_add_char(out, '}');
}

static void
add_statuses(struct buf *out, const struct conf_statuses *statuses)
{
	size_t i;

	buf_add_char(out, '[');
	for (i = 0; i < statuses->count; i++) {
		buf_printf(out, "%s%d", i == 0 ? "" : ", ", statuses->ranges[i].first);
		if (statuses->ranges[i].last != statuses->ranges[i].first)
			buf_printf(out, "-%d", statuses->ranges[i].last);
	}
	buf_add_char(out, ']');
}

static void
add_retention(struct buf *out, const struct conf_retention *retention)
{
	char step[TEXT_DURATION_SIZE], keep[TEXT_DURATION_SIZE];
	size_t i;

	buf_add_char(out, '[');
	for (i = 0; i < retention->count; i++)
		buf_printf(out, "%s%s:%s", i == 0 ? "" : ", ",
		    text_duration_format(retention->tiers[i].step_us, step),
		    text_duration_format(retention->tiers[i].keep_us, keep));
	buf_add_char(out, ']');
}

static void
add_duration(struct buf *out, const struct option *row, int64_t us)
{
	char text[TEXT_DURATION_SIZE];

	if (us < 0)
		buf_add_text(out, row->choices[-1 - us]);
	else
		buf_add_text(out, text_duration_format(us, text));
}

/* Nothing was said and nothing is the default. */
static bool
is_absent(const struct option *row, const void *field)
{
	if (row->fallback != NULL || row->required)
		return false;
	switch (row->type) {
	case OPTION_BOOL:
		return !*(const bool *)field;
	case OPTION_INTEGER:
	case OPTION_DURATION:
	case OPTION_SIZE:
		return *(const int64_t *)field == 0;
	case OPTION_NUMBER:
		return row->unset_nan ? isnan(*(const double *)field)
				      : *(const double *)field == 0;
	case OPTION_CHOICE:
		return *(const int *)field == 0;
	case OPTION_STRING:
	case OPTION_URL:
	case OPTION_PATH:
	case OPTION_SECRET_FILE:
	case OPTION_REGEX:
		return *(char *const *)field == NULL;
	default:
		return *(const size_t *)field == 0; /* all begin with their count */
	}
}

static void
print_value(const struct option *row, const void *field, bool masked, struct buf *out)
{
	char text[TEXT_DURATION_SIZE];

	switch (row->type) {
	case OPTION_BOOL:
		buf_add_text(out, *(const bool *)field ? "true" : "false");
		break;
	case OPTION_INTEGER:
		buf_printf(out, "%lld", (long long)*(const int64_t *)field);
		break;
	case OPTION_NUMBER:
		buf_add_text(out, text_double_format(*(const double *)field, text));
		break;
	case OPTION_DURATION:
		add_duration(out, row, *(const int64_t *)field);
		break;
	case OPTION_SIZE:
		buf_add_text(out, text_size_format(*(const int64_t *)field, text));
		break;
	case OPTION_CHOICE:
		buf_add_text(out, row->choices[*(const int *)field]);
		break;
	case OPTION_SECRET_FILE:
		if (masked) {
			add_string(out, MASK);
			break;
		}
		__attribute__((fallthrough));
	case OPTION_STRING:
	case OPTION_PATH:
	case OPTION_REGEX:
		add_string(out, *(char *const *)field);
		break;
	case OPTION_URL:
		add_masked(out, *(char *const *)field, masked ? mask_url : NULL);
		break;
	case OPTION_SECRET_FILES:
		add_files(out, field, masked);
		break;
	case OPTION_STRINGS:
		add_strings(out, field, masked && row->headers ? mask_header : NULL);
		break;
	case OPTION_TEXT:
		add_text(out, field);
		break;
	case OPTION_STATUSES:
		add_statuses(out, field);
		break;
	case OPTION_RETENTION:
		add_retention(out, field);
		break;
	case OPTION_GROUP:
	case OPTION_MAP:
	case OPTION_COLLECTOR:
		assert(!"a value");
	}
}

static void
print_map(const struct option *row, const struct conf_map *map, unsigned indent,
    bool masked, struct buf *out)
{
	size_t i;

	for (i = 0; i < map->count; i++) {
		const char *item = (const char *)map->items + i * row->size;
		add_indent(out, indent);
		buf_printf(out, "%s:\n", ((const struct conf_item *)item)->id);
		print_table(row->group, item, indent + 1, masked, out);
	}
}

static void
print_collector(
    const struct conf_check *check, unsigned indent, bool masked, struct buf *out)
{
	add_indent(out, indent);
	buf_printf(out, "%s:\n", check->collector->name);
	print_table(check->collector->options, check->options, indent + 1, masked, out);
}

/* A heading, which goes again if nothing came under it. */
static void
print_under(const struct option *row, const void *object, unsigned indent, bool masked,
    struct buf *out)
{
	const void *field = FIELD(object, row);
	size_t before = out->length, after;

	add_indent(out, indent);
	buf_printf(out, "%s:\n", row->name);
	after = out->length;
	if (row->type == OPTION_GROUP)
		print_table(row->group, field, indent + 1, masked, out);
	else
		print_map(row, field, indent + 1, masked, out);
	if (out->length == after) {
		out->length = before;
		out->data[before] = '\0';
	}
}

void
print_table(const struct option *table, const void *object, unsigned indent,
    bool masked, struct buf *out)
{
	const struct option *row;

	for (row = table; row->name != NULL; row++) {
		switch (row->type) {
		case OPTION_GROUP:
		case OPTION_MAP:
			print_under(row, object, indent, masked, out);
			break;
		case OPTION_COLLECTOR: /* only in the table of checks */
			print_collector(object, indent, masked, out);
			break;
		default:
			if (is_absent(row, FIELD(object, row)))
				break;
			add_indent(out, indent);
			buf_printf(out, "%s: ", row->name);
			print_value(row, FIELD(object, row), masked, out);
			buf_add_char(out, '\n');
			break;
		}
	}
}

void
conf_print(const struct conf *conf, struct buf *out)
{
	struct conf copy = *conf;

	copy.include.count = 0; /* what it brought stands among the sites */
	print_table(schema_top, &copy, 0, true, out);
}

int64_t
conf_check_disk(const struct conf *conf, const struct conf_check *check)
{
	struct retention_plan plan;
	size_t extra = 0;

	retention_plan(&conf->store.retention, check->every_us / SECOND, &plan);
	if (check->collector->extra != NULL)
		extra = check->collector->extra(check->options, NULL);
	return retention_bytes(&plan, OWN_SOURCES + check->collector->sources + extra);
}

/* What is free where the path is or will be. -> bytes, or negative */
static int64_t
free_bytes(const char *path)
{
	char *at = mem_strdup(path), *slash;
	struct statvfs fs;
	int code;

	while ((code = statvfs(at, &fs)) != 0 && errno == ENOENT &&
	       (slash = strrchr(at, '/')) != NULL && at[1] != '\0')
		slash[slash == at] = '\0';
	code = code == 0 ? 0 : -errno;
	free(at);
	return code != 0 ? code : (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
}

/* What the archive of a check has on disk already. */
static int64_t
present_bytes(const struct conf *conf, const struct conf_check *check)
{
	const struct conf_service *service = check->service;
	char *path = mem_printf("%s/%s/rrd/%s/%s.rrd", conf->store.path,
	    service->site->id, service->id, check->id);
	struct stat st;
	int64_t bytes = stat(path, &st) == 0 ? (int64_t)st.st_blocks * 512 : 0;

	free(path);
	return bytes;
}

void
conf_disk_report(const struct conf *conf, struct buf *out)
{
	char a[TEXT_DURATION_SIZE], b[TEXT_DURATION_SIZE];
	int64_t all = conf->store.pending_max, wanted = all, bytes, present, there;
	size_t i, j, k;

	for (i = 0; i < conf->site_count; i++) {
		for (j = 0; j < conf->sites[i].service_count; j++) {
			const struct conf_service *service =
			    &conf->sites[i].services[j];
			for (k = 0; k < service->check_count; k++) {
				const struct conf_check *check = &service->checks[k];
				bytes = conf_check_disk(conf, check);
				present = present_bytes(conf, check);
				all += bytes;
				wanted += present < bytes ? bytes - present : 0;
				buf_printf(out, "%10s  %s/%s/%s\n",
				    text_size_round(bytes, a), conf->sites[i].id,
				    service->id, check->id);
			}
		}
	}
	buf_printf(out, "%10s  samples that wait, at most\n",
	    text_size_round(conf->store.pending_max, a));
	there = free_bytes(conf->store.path);
	buf_printf(out, "%10s  in all under %s; %s more than is there now, %s free\n",
	    text_size_round(all, a), conf->store.path, text_size_round(wanted, b),
	    there < 0 ? "unknown"
		      : text_size_round(there, (char[TEXT_DURATION_SIZE]){0}));
	if (there >= 0 && there < wanted)
		buf_printf(out,
		    "warning: %s: %s is missing for what the archive takes\n",
		    conf->store.path, text_size_round(wanted - there, a));
}
