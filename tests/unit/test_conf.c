/* conf/: a good file in, a snapshot out, whole; and what is made from it. */
#include "conf_sample.h"

#include <jansson.h>
#include <rrd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "collectors/collectors.h"
#include "conf/retention.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define DAY (86400 * SECOND)

static const char good[] =
    "listen:\n"
    "  public: [\"127.0.0.1:0\", \"[::1]:8080\", unix:public.sock]\n"
    "  admin: []\n"
    "  control: run/control.sock\n"
    "store: {path: ./store, retention: [90s:1d, 1h:30d], flush: 10m, pending_max: 2M}\n"
    "log: debug\n"
    "sites:\n"
    "  borgo:\n"
    "    name: \"Comune di Bòrgo\"\n"
    "    ipa: c_l841\n"
    "    istat: 004242\n"
    "    url: HTTPS://Trasparenza.Borgo.Example:8443/Un_Posto//\n"
    "    languages: en\n"
    "    timezone: Europe/Rome\n"
    "    contact: urp@borgo.example\n"
    "    demo: \"true\"\n"
    "    pages: {privacy: https://borgo.example/privacy}\n"
    "    areas: {uno: {title: {en: One, it: Uno}}, due: {title: Two}}\n"
    "    suppliers: {nuvola: {title: Nuvola, contact: 0174 000}}\n"
    "    services:\n"
    "      anagrafe:\n"
    "        title: {en: Registry, it: Anagrafe}\n"
    "        description: >\n"
    "          Certificates,\n"
    "          identity cards\n"
    "        instead: |\n"
    "          First\n"
    "          Second\n"
    "        area: due\n"
    "        supplier: nuvola\n"
    "        public: true\n"
    "        objective: {availability: 99.5, p95: 800ms}\n"
    "        checks:\n"
    "          uno:\n"
    "            every: 90s\n"
    "            timeout: 2500ms\n"
    "            required: false\n"
    "            dns_cache: 0\n"
    "            sample:\n"
    "              url: \"http://[::1]:81/x?y=%20#z\"\n"
    "              flag: false\n"
    "              count: \"10\"\n"
    "              ratio: 1e-3\n"
    "              wait: 0s\n"
    "              size: 64K\n"
    "              note: '\"quoted\" \\ back'\n"
    "              mode: post\n"
    "              file: ../a/b.pem\n"
    "              key_file: key\n"
    "              pattern: '^a\\d+$'\n"
    "              names: [x, 'y, z']\n"
    "              label: {it: \"Più\", de-AT: \"Tab\\there\"}\n"
    "              status: [200-299, 301, \"401, 403-404\"]\n"
    "              keep: 1s:1m, 1m:1h\n"
    "              inner: {word: abc}\n"
    "          due: {sample: \"https://borgo.example/\"}\n"
    "      vuoto:\n"
    "  secondo: {name: S, url: http://borgo.example, languages: [it], timezone: UTC}\n";

static void
check_sample(const struct sample *sample, const char *folder)
{
	char *path = mem_printf("%s/key", folder);

	assert_string_equal(sample->url, "http://[::1]:81/x?y=%20#z");
	assert_false(sample->flag);
	assert_int_equal(sample->count, 10);
	assert_true(sample->ratio == 1e-3);
	assert_int_equal(sample->wait_us, 0);
	assert_int_equal(sample->size, 65536);
	assert_string_equal(sample->note, "\"quoted\" \\ back");
	assert_int_equal(sample->mode, 1);
	assert_non_null(strstr(sample->file, "/../a/b.pem"));
	assert_string_equal(sample->key_file, path);
	assert_string_equal(sample->pattern, "^a\\d+$");
	assert_int_equal(sample->names.count, 2);
	assert_string_equal(sample->names.items[1], "y, z");
	assert_string_equal(sample->names.places[1].file, "v.yaml");
	assert_int_equal(sample->names.places[1].line, 51);
	assert_int_equal(sample->names.places[1].column, 26);
	assert_int_equal(sample->label.count, 2);
	assert_string_equal(sample->label.items[1].language, "de-AT");
	assert_int_equal(sample->status.count, 4);
	assert_int_equal(sample->status.ranges[3].first, 403);
	assert_int_equal(sample->status.ranges[3].last, 404);
	assert_int_equal(sample->keep.count, 2);
	assert_int_equal(sample->keep.tiers[1].keep_us, 60 * MINUTE);
	assert_int_equal(sample->inner.deep, 7);
	assert_string_equal(sample->inner.word, "abc");
	free(path);
}

static void
a_good_file_is_bound_whole(void **state)
{
	struct conf *conf = load_good(good);
	const struct conf_site *site = &conf->sites[0];
	const struct conf_service *service = &site->services[0];
	const struct conf_check *check = &service->checks[0];
	const struct sample *defaults = service->checks[1].options;
	char *folder = realpath(".", NULL), *path;

	path = mem_printf("%s/v.yaml", folder);
	assert_string_equal(conf->file, path);
	free(path);
	path = mem_printf("unix:%s/public.sock", folder);
	assert_int_equal(conf->listen.public.count, 3);
	assert_string_equal(conf->listen.public.items[2], path);
	free(path);
	path = mem_printf("%s/run/control.sock", folder);
	assert_string_equal(conf->listen.control, path);
	free(path);
	assert_int_equal(conf->listen.admin.count, 0);
	assert_int_equal(conf->store.retention.count, 2);
	assert_int_equal(conf->store.retention.tiers[0].step_us, 90 * SECOND);
	assert_int_equal(conf->store.flush_us, 10 * MINUTE);
	assert_int_equal(conf->store.pending_max, 2 << 20);
	assert_int_equal(conf->log_level, LOG_LEVEL_DEBUG);

	assert_int_equal(conf->site_count, 2);
	assert_string_equal(site->id, "borgo");
	assert_string_equal(site->place.file, "v.yaml");
	assert_int_equal(site->place.line, 8);
	assert_int_equal(site->place.column, 3);
	assert_string_equal(site->name, "Comune di Bòrgo");
	assert_string_equal(site->istat, "004242");
	assert_string_equal(
	    site->url, "https://trasparenza.borgo.example:8443/Un_Posto");
	assert_string_equal(site->host, "trasparenza.borgo.example:8443");
	assert_string_equal(site->base_path, "/Un_Posto");
	assert_int_equal(site->languages.count, 1);
	assert_non_null(site->zone);
	assert_true(site->demo);
	assert_string_equal(site->pages.privacy, "https://borgo.example/privacy");
	assert_null(site->pages.legal);
	assert_int_equal(site->area_count, 2);
	assert_string_equal(conf_text_get(&site->areas[0].title, "it"), "Uno");
	assert_string_equal(conf_text_get(&site->areas[0].title, "fr"), "One");
	assert_string_equal(conf_text_get(&site->areas[1].title, "it"), "Two");
	assert_string_equal(site->suppliers[0].contact, "0174 000");

	assert_int_equal(site->service_count, 2);
	assert_ptr_equal(service->site, site);
	assert_string_equal(
	    conf_text_get(&service->description, "en"), "Certificates, identity cards");
	assert_string_equal(conf_text_get(&service->instead, "en"), "First\nSecond");
	assert_null(conf_text_get(&site->services[1].title, "en"));
	assert_string_equal(service->area, "due");
	assert_true(service->public);
	assert_false(service->public_detail);
	assert_true(service->objective.availability == 99.5);
	assert_int_equal(service->objective.p95_us, 800000);
	assert_int_equal(service->check_count, 2);
	assert_int_equal(site->services[1].check_count, 0);

	assert_ptr_equal(check->service, service);
	assert_int_equal(check->every_us, 90 * SECOND);
	assert_int_equal(check->timeout_us, 2500000);
	assert_false(check->required);
	assert_int_equal(check->dns_cache_us, 0);
	assert_string_equal(check->collector->name, "sample");
	check_sample(check->options, folder);

	assert_int_equal(service->checks[1].every_us, MINUTE);
	assert_int_equal(service->checks[1].timeout_us, 10 * SECOND);
	assert_true(service->checks[1].required);
	assert_int_equal(service->checks[1].dns_cache_us, -1);
	assert_string_equal(defaults->url, "https://borgo.example/");
	assert_true(defaults->flag);
	assert_int_equal(defaults->wait_us, -1);
	assert_int_equal(defaults->names.count, 2);
	assert_string_equal(defaults->names.items[1], "b: c");
	assert_int_equal(defaults->names.places[1].line, 0);
	assert_null(defaults->key_file);

	assert_string_equal(conf->sites[1].host, "borgo.example");
	assert_string_equal(conf->sites[1].base_path, "");
	free(folder);
	conf_free(conf);
}

static void
an_empty_file_is_all_defaults(void **state)
{
	static const char *const empty[] = {"", "# nothing\n", "---\n", "{}",
	    "\xef\xbb\xbf{}", "listen:\nstore:\nsites:\ninclude:\n"};
	struct conf_load load;
	struct conf *conf;
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(empty); i++) {
		conf = load_text(empty[i], false, &load);
		assert_string_equal(text_of(&load.errors), "");
		assert_non_null(strstr(load.warnings.data,
		    "sites: is empty: nothing is measured or shown\n"));
		assert_string_equal(conf->listen.public.items[0], "127.0.0.1:8080");
		assert_string_equal(conf->listen.admin.items[0], "127.0.0.1:8081");
		assert_string_equal(conf->listen.control, "/run/vetrina/control.sock");
		assert_string_equal(conf->store.path, "/var/lib/vetrina");
		assert_int_equal(conf->store.retention.count, 4);
		assert_int_equal(conf->store.flush_us, 60 * MINUTE);
		assert_int_equal(conf->store.pending_max, 256 << 20);
		assert_int_equal(conf->log_level, LOG_LEVEL_INFO);
		assert_int_equal(conf->site_count, 0);
		forget(&load, conf);
	}
}

static void
json_is_accepted(void **state)
{
	struct conf *conf =
	    load_good("{\n\t\"log\":\"error\",\n\t\"sites\": {\"borgo\": {\"name\": "
		      "\"B\\u00f2\\/rgo\", "
		      "\"url\":\"http://"
		      "b.example\",\n\t\t\"languages\":[\"it\"],\"timezone\":\"UTC\","
		      "\"demo\":true,\"services\":{}}}\n}\n");

	assert_int_equal(conf->log_level, LOG_LEVEL_ERROR);
	assert_string_equal(conf->sites[0].name, "Bò/rgo");
	assert_true(conf->sites[0].demo);
	conf_free(conf);
}

static void
warnings_do_not_refuse(void **state)
{
	struct conf_load load;
	struct conf *conf =
	    load_text(SERVICE "        title: {en: Registry, fr: Registre}\n"
			      "        description: D\n"
			      "        public: true\n",
		false, &load);

	assert_non_null(conf);
	assert_string_equal(load.warnings.data,
	    "v.yaml:2:3: warning: sites.borgo.pages: is empty: the footer links to "
	    "pages of "
	    "ours, "
	    "expected the municipality's own\n"
	    "v.yaml:8:7: warning: sites.borgo.services.anagrafe.checks: is empty: "
	    "nothing is "
	    "measured, its state stays unknown\n"
	    "v.yaml:9:16: warning: sites.borgo.services.anagrafe.title: has no text in "
	    "\"it\", "
	    "the "
	    "site's first language; another is shown\n"
	    "v.yaml:9:31: warning: sites.borgo.services.anagrafe.title.fr: is not a "
	    "language of "
	    "the "
	    "site, expected one of those\n");
	forget(&load, conf);
}

static uint64_t
hash_of(const char *text)
{
	struct conf *conf = load_good(text);
	uint64_t hash = conf->sites[0].services[0].checks[0].hash;

	conf_free(conf);
	return hash;
}

static void
a_hash_says_whether_a_check_changed(void **state)
{
	static const char *const same[] = {
	    "# a comment\nstore: {flush: 30m}\n" SAMPLE,
	    SERVICE "        title: Other\n        checks:\n          portale:\n"
		    "            sample: \"https://borgo.example/x\"\n          zwei: "
		    "{plain: {}}\n",
	    SAMPLE
	    "              flag: \"true\"\n            every: 1m\n            timeout: "
	    "10000ms\n",
	};
	static const char *const other[] = {
	    SAMPLE "            every: 61s\n",
	    SAMPLE "            timeout: 9s\n",
	    SAMPLE "            required: false\n",
	    SAMPLE "            dns_cache: 0s\n",
	    SAMPLE "              flag: false\n",
	    SAMPLE "              names: [a]\n",
	    SAMPLE "              names: [a, \"b: c\", d]\n",
	    SAMPLE "              key_file: a\n",
	    SAMPLE "              key_file: b\n",
	    SAMPLE "              inner: {deep: 8}\n",
	    CHECK "            plain: {}\n",
	    CHECKS "          andere: {sample: \"https://borgo.example/x\"}\n",
	};
	uint64_t first = hash_of(SAMPLE), seen[ARRAY_LENGTH(other) + 1];
	size_t i, j;

	for (i = 0; i < ARRAY_LENGTH(same); i++)
		assert_true(hash_of(same[i]) == first);
	seen[0] = first;
	for (i = 0; i < ARRAY_LENGTH(other); i++) {
		seen[i + 1] = hash_of(other[i]);
		for (j = 0; j <= i; j++)
			assert_true(seen[i + 1] != seen[j]);
	}
}

static void
what_is_printed_loads_again_and_hides_secrets(void **state)
{
	struct buf first = BUF_INIT, second = BUF_INIT;
	struct conf *conf = load_good(good);

	conf_print(conf, &first);
	conf_free(conf);
	assert_null(strstr(first.data, "/key"));
	assert_non_null(strstr(first.data, "key_file: \"********\"\n"));
	assert_non_null(strstr(first.data, "            dns_cache: ttl\n"));
	assert_non_null(strstr(first.data, "  admin: []\n"));
	assert_non_null(strstr(first.data, "        instead: \"First\\nSecond\"\n"));
	assert_null(strstr(first.data, "include"));
	conf = load_good(first.data);
	conf_print(conf, &second);
	conf_free(conf);
	assert_string_equal(first.data, second.data);
	buf_free(&first);
	buf_free(&second);
}

static void
write_site(const char *file, const char *id, const char *more)
{
	char *text = mem_printf(
	    "sites:\n  %s:\n    name: N\n"
	    "    url: http://%s.example\n    languages: it\n    timezone: UTC\n%s",
	    id, id, more);

	write_file(file, text);
	free(text);
}

static void
included_files_bring_sites(void **state)
{
	struct conf_load load;
	struct conf *conf;
	char *folder = realpath(".", NULL), *expected, *place;

	mkdir("sites.d", 0755);
	write_site(
	    "sites.d/b.yaml", "bi", "    services: {s: {checks: {c: {plain: {}}}}}\n");
	write_site("sites.d/a.yaml", "ai", "");
	conf = load_good("include: [sites.d/*.yaml, none.d/*]\n" SITE);
	assert_int_equal(conf->site_count, 3);
	assert_string_equal(conf->sites[0].id, "borgo");
	assert_string_equal(conf->sites[1].id, "ai");
	assert_string_equal(conf->sites[2].id, "bi");
	place = mem_printf("%s/sites.d/b.yaml", folder);
	assert_string_equal(conf->sites[2].place.file, place);
	assert_int_equal(conf->sites[2].place.line, 2);
	conf_free(conf);
	conf = load_text("include: [\"gone.d/*.yaml\"]\n", false, &load);
	assert_non_null(conf);
	assert_non_null(strstr(load.warnings.data,
	    "v.yaml:1:11: warning: include: \"gone.d/*.yaml\" matches no file, "
	    "expected files with sites\n"));
	forget(&load, conf);
	conf = load_good("include: sites.d/a.yaml\n");
	assert_int_equal(conf->site_count, 1);
	conf_free(conf);
	free(place);

	/* Errors of every file at once, each at its place; a broken file hides none. */
	write_site("sites.d/c.yaml", "ai", "    demo: no\n");
	write_file("sites.d/d.yaml", "sites: {x: [}\n");
	write_file("sites.d/e.yaml", "log: info\nsitse: {}\nsites: [a]\n");
	write_file("sites.d/f.yaml", "- a\n");
	write_file("sites.d/g.yaml", "sites: {gi: {name: G, url: 'http://ai.example', "
				     "languages: it, timezone: UTC}}\n");
	conf = load_text(
	    "log: x\ninclude: ['sites.d/*', gone.yaml, '*.yaml', {}]\n", false, &load);
	assert_null(conf);
	expected = mem_printf(
	    "v.yaml:1:6: log: \"x\" is unknown, expected one of error, warning, info "
	    "or debug\n"
	    "v.yaml:2:24: include: %1$s/gone.yaml cannot be read: No such file or "
	    "directory, "
	    "expected a file\n"
	    "v.yaml:2:35: include: brings this file itself, expected others\n"
	    "v.yaml:2:45: include: is a mapping, expected a list of texts\n"
	    "%1$s/sites.d/c.yaml:2:3: sites.ai: duplicate key, expected once; the "
	    "first is at "
	    "%1$s/sites.d/a.yaml:2\n"
	    "%1$s/sites.d/d.yaml:1:13: YAML syntax: did not find expected node "
	    "content, while "
	    "parsing a flow node that begins at 1:13\n"
	    "%1$s/sites.d/e.yaml:1:1: log: belongs into the main file, expected only "
	    "sites here\n"
	    "%1$s/sites.d/e.yaml:2:1: sitse: unknown option, expected only sites in an "
	    "included "
	    "file\n"
	    "%1$s/sites.d/e.yaml:3:8: sites: is not a mapping, expected a mapping of "
	    "identifiers\n"
	    "%1$s/sites.d/f.yaml:1:1: is not a mapping, expected sites\n"
	    "%1$s/sites.d/g.yaml:1:28: sites.gi.url: ai.example is the address of the "
	    "site "
	    "\"ai\" too (%1$s/sites.d/a.yaml:2), expected its own\n",
	    folder);
	assert_string_equal(load.errors.data, expected);
	free(expected);
	free(folder);
	assert_int_equal(system("rm -r sites.d"), 0);
	forget(&load, conf);
}

static void
retention_weighs_what_librrd_writes(void **state)
{
	static const int intervals[] = {60, 15, 90, 3600, 86400, 7};
	struct conf *conf = load_good("");
	size_t i, j, n, sources = 9;
	int f;

	for (i = 0; i < ARRAY_LENGTH(intervals); i++) {
		struct retention_plan plan;
		char text[64][64];
		const char *args[64];
		struct stat st;

		retention_plan(&conf->store.retention, intervals[i], &plan);
		for (n = 0; n < sources; n++)
			snprintf(
			    text[n], 64, "DS:s%zu:GAUGE:%d:U:U", n, 2 * intervals[i]);
		for (j = 0; j < plan.count; j++) {
			static const char *const functions[] = {
			    "AVERAGE", "MIN", "MAX"};
			assert_int_equal(plan.tiers[j].step_s % intervals[i], 0);
			for (f = 0; f < (plan.tiers[j].extremes ? 3 : 1); f++)
				snprintf(text[n++], 64, "RRA:%s:0.5:%d:%d",
				    functions[f], (int)plan.tiers[j].points,
				    (int)plan.tiers[j].rows);
		}
		for (j = 0; j < n; j++)
			args[j] = text[j];
		rrd_clear_error();
		assert_int_equal(
		    rrd_create_r("size.rrd", intervals[i], 1000000, n, args), 0);
		assert_int_equal(stat("size.rrd", &st), 0);
		assert_int_equal(retention_bytes(&plan, sources), st.st_size);
	}
	conf_free(conf);
}

static void
retention_is_rounded_to_the_interval(void **state)
{
	struct conf_retention retention = {.count = 3,
	    .tiers = {{MINUTE, DAY}, {60 * MINUTE, 30 * DAY}, {DAY, 365 * DAY}}};
	struct retention_plan plan;

	retention_plan(&retention, 60, &plan);
	assert_int_equal(plan.count, 3);
	assert_false(plan.tiers[0].extremes);
	assert_int_equal(plan.tiers[0].rows, 1440);
	assert_int_equal(plan.tiers[1].points, 60);
	assert_true(plan.tiers[1].extremes);
	retention_plan(&retention, 10, &plan); /* and a day of what was measured */
	assert_int_equal(plan.count, 4);
	assert_int_equal(plan.tiers[0].step_s, 10);
	assert_int_equal(plan.tiers[0].rows, 8640);
	retention_plan(&retention, 90, &plan);
	assert_int_equal(plan.tiers[0].step_s, 90);
	assert_int_equal(plan.tiers[0].rows, 960);
	assert_int_equal(plan.tiers[1].step_s, 3600);
	retention_plan(&retention, 7200, &plan); /* two tiers meet */
	assert_int_equal(plan.count, 2);
	assert_int_equal(plan.tiers[0].step_s, 7200);
	assert_int_equal(plan.tiers[0].rows, 360);
	assert_false(plan.tiers[0].extremes);
	retention_plan(&retention, 86400, &plan);
	assert_int_equal(plan.count, 1);
	assert_int_equal(plan.tiers[0].rows, 365);
}

static void
the_disk_is_told_per_check_and_in_all(void **state)
{
	struct buf out = BUF_INIT;
	struct conf *conf =
	    load_good("store: {path: deep/store, retention: [1m:1d], "
		      "pending_max: 1M}\n" SAMPLE "          zwei: {plain: {}}\n");

	assert_int_equal(conf_check_disk(conf, &conf->sites[0].services[0].checks[0]),
	    128 + 16 + 9 * 232 + 128 + 9 * 80 + 1440 * 9 * 8);
	conf_disk_report(conf, &out);
	assert_non_null(strstr(out.data, "  106.8 kB  borgo/anagrafe/portale\n"));
	assert_non_null(strstr(out.data, "   35.8 kB  borgo/anagrafe/zwei\n"));
	assert_non_null(strstr(out.data, "    1.0 MB  samples that wait, at most\n"));
	assert_non_null(strstr(out.data, "    1.2 MB  in all under "));
	assert_non_null(
	    strstr(out.data, "/deep/store; 1.2 MB more than is there now, "));
	buf_free(&out);
	conf_free(conf);
}

static void
a_disk_too_small_is_a_warning(void **state)
{
	struct buf out = BUF_INIT;
	struct conf *conf = load_good(SAMPLE);

	conf_disk_report(conf, &out);
	assert_null(strstr(out.data, "warning"));
	conf->store.pending_max = INT64_MAX / 2;
	buf_clear(&out);
	conf_disk_report(conf, &out);
	assert_non_null(strstr(out.data, "\nwarning: "));
	assert_non_null(strstr(out.data, " is missing for what the archive takes\n"));
	buf_free(&out);
	conf_free(conf);
}

static void
the_schema_is_json_and_knows_the_options(void **state)
{
	struct buf out = BUF_INIT;
	json_t *schema, *service, *check;
	const char *type;

	conf_write_schema(collectors, &out);
	schema = json_loads(out.data, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(schema);
	assert_int_equal(json_unpack(schema, "{s:{s:{s:{s:{s:{s:o}}}}}}", "properties",
			     "sites", "additionalProperties", "properties", "services",
			     "additionalProperties", &service),
	    0);
	assert_int_equal(json_unpack(service, "{s:{s:{s:o}}}", "properties", "checks",
			     "additionalProperties", &check),
	    0);
	assert_int_equal(json_unpack(check, "{s:{s:{s:[{s:{s:{s:s}}}]}}}", "properties",
			     "sample", "anyOf", "properties", "count", "type", &type),
	    0);
	assert_string_equal(type, "integer");
	assert_int_equal(json_array_size(json_object_get(check, "oneOf")), 2);
	json_decref(schema);
	buf_free(&out);
}

/* What stands behind a # in the first column, but for words ("# text"). */
static void
uncomment(const char *text, struct buf *out)
{
	while (*text != '\0') {
		size_t length = strcspn(text, "\n");
		size_t skip = text[0] == '#' && (text[1] != ' ' || text[2] == ' ');
		buf_add(out, text + skip, length - skip);
		buf_add_char(out, '\n');
		text += length + (text[length] == '\n');
	}
}

static void
the_example_loads_as_it_is_and_filled_in(void **state)
{
	struct buf example = BUF_INIT, filled = BUF_INIT;
	struct conf *conf;

	conf_write_example(collectors, &example);
	assert_memory_equal(example.data, "# yaml-language-server:", 23);
	conf = load_good(example.data);
	assert_int_equal(conf->site_count, 0);
	conf_free(conf);
	uncomment(example.data, &filled);
	conf = load_good(filled.data);
	assert_int_equal(conf->site_count, 1);
	assert_int_equal(conf->sites[0].service_count, 1);
	assert_int_equal(conf->sites[0].services[0].check_count, 2);
	assert_non_null(conf->sites[0].pages.report);
	assert_int_equal(conf->store.flush_us, 60 * MINUTE);
	conf_free(conf);
	buf_free(&example);
	buf_free(&filled);
}

static void
the_example_of_the_real_collectors_loads(void **state)
{
	struct conf_collector rows[COLLECTORS_MAX];
	struct buf example = BUF_INIT, filled = BUF_INIT;
	struct conf_load load = {.file = "v.yaml", .collectors = rows};
	struct conf *conf;

	collectors_rows(rows);
	conf_write_example(rows, &example);
	uncomment(example.data, &filled);
	write_file("v.yaml", filled.data);
	conf = conf_load(&load);
	assert_string_equal(text_of(&load.errors), "");
	assert_int_equal(conf->site_count, 1);
	forget(&load, conf);
	buf_free(&example);
	buf_free(&filled);
}

static void
the_manual_says_every_option(void **state)
{
	const struct option *row;
	struct buf out = BUF_INIT;
	char item[64];

	conf_write_manual(collectors, &out);
	for (row = sample_table; row->name != NULL; row++) {
		snprintf(item, sizeof(item), ".It Cm %s%s\n", row->name,
		    row->type == OPTION_GROUP ? ".deep" : "");
		assert_non_null(strstr(out.data, item));
	}
	assert_non_null(strstr(out.data, "\n.Dl \"\\&pattern: '^a\\ed+'\"\n"));
	assert_non_null(strstr(out.data, "A pattern.\nIt has two sentences.\n"));
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_good_file_is_bound_whole),
	    cmocka_unit_test(an_empty_file_is_all_defaults),
	    cmocka_unit_test(json_is_accepted),
	    cmocka_unit_test(warnings_do_not_refuse),
	    cmocka_unit_test(a_hash_says_whether_a_check_changed),
	    cmocka_unit_test(what_is_printed_loads_again_and_hides_secrets),
	    cmocka_unit_test(included_files_bring_sites),
	    cmocka_unit_test(retention_weighs_what_librrd_writes),
	    cmocka_unit_test(retention_is_rounded_to_the_interval),
	    cmocka_unit_test(the_disk_is_told_per_check_and_in_all),
	    cmocka_unit_test(a_disk_too_small_is_a_warning),
	    cmocka_unit_test(the_schema_is_json_and_knows_the_options),
	    cmocka_unit_test(the_example_loads_as_it_is_and_filled_in),
	    cmocka_unit_test(the_example_of_the_real_collectors_loads),
	    cmocka_unit_test(the_manual_says_every_option),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
