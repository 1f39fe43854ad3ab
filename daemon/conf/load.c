/*
 * Loading: files to a tree, the tree to a snapshot by the tables, what has to hold
 * across them, the hash of each check. The snapshot is one arena with its struct in
 * front; only time zones need closing besides.
 */
#include "conf/conf.h"

#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/arena.h"
#include "conf/bind.h"
#include "conf/check.h"
#include "conf/files.h"
#include "conf/print.h"
#include "conf/report.h"
#include "conf/schema.h"
#include "conf/yaml.h"

struct snapshot {
	struct conf conf; /* first: it is what others hold */
	struct arena arena;
};

/* All that the measurement of a check depends on, as text: not the service's words
 * and objective, which are looked up when they are needed. */
static void
hash_check(struct conf_check *check, struct buf *text)
{
	buf_clear(text);
	buf_printf(text, "%s/%s/%s\n", check->service->site->id, check->service->id,
	    check->id);
	print_table(schema_check, check, 0, false, text);
	check->hash = text_hash(text->data, text->length, TEXT_HASH_SEED);
}

static void
hash_checks(struct conf *conf)
{
	struct buf text = BUF_INIT;
	size_t i, j, k;

	for (i = 0; i < conf->site_count; i++) {
		for (j = 0; j < conf->sites[i].service_count; j++) {
			struct conf_service *service = &conf->sites[i].services[j];
			for (k = 0; k < service->check_count; k++)
				hash_check(&service->checks[k], &text);
		}
	}
	buf_free(&text);
}

struct conf *
conf_load(struct conf_load *load)
{
	struct snapshot *snapshot = mem_zalloc(sizeof(*snapshot));
	struct conf *conf = &snapshot->conf;
	struct report report = REPORT_INIT;
	struct arena nodes = ARENA_INIT;
	struct binder binder = {
	    .arena = &snapshot->arena,
	    .report = &report,
	    .collectors = load->collectors,
	    .check_system = load->check_system,
	};
	struct conf_node *root;

	root = files_read(&binder, &nodes, load->file, &conf->file);
	if (root != NULL) {
		bind_table(&binder, schema_top, root, conf);
		check_all(&binder, conf, root);
	}
	load->error_count = report.lists[REPORT_ERROR].count;
	report_write(&report, REPORT_ERROR, &load->errors);
	report_write(&report, REPORT_WARNING, &load->warnings);
	report_free(&report);
	arena_free(&nodes);
	if (load->error_count > 0) {
		conf_free(conf);
		return NULL;
	}
	hash_checks(conf);
	return conf;
}

void
conf_free(struct conf *conf)
{
	struct snapshot *snapshot = (struct snapshot *)conf;
	size_t i;

	if (conf == NULL)
		return;
	for (i = 0; i < conf->site_count; i++)
		civil_zone_close(conf->sites[i].zone);
	arena_free(&snapshot->arena);
	free(snapshot);
}

const char *
conf_text_get(const struct conf_text *text, const char *language)
{
	const char *for_all = NULL;
	size_t i;

	for (i = 0; i < text->count; i++) {
		const struct conf_text_item *item = &text->items[i];
		if (item->language == NULL)
			for_all = item->text;
		else if (strcmp(item->language, language) == 0)
			return item->text;
	}
	if (for_all != NULL)
		return for_all;
	return text->count > 0 ? text->items[0].text : NULL;
}
