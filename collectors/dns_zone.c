/*
 * Three steps: the names of the servers, their addresses, the serial of each address.
 * What goes wrong with one server is kept with it, so that at the end all of them
 * can be told of. Serials are compared as RFC 1982 has it.
 */
#include "collectors/dns_zone.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "collectors/dns_options.h"
#include "collectors/dns_words.h"
#include "loop/dnstype.h"
#include "loop/loop.h"
#include "loop/resolve.h"

#define ZONE_MAGIC 0x646e737a
#define PER_NAME_MAX 4
#define TOLD_MAX 3

struct name { /* of a server */
	struct dns_zone *zone;
	char text[256];
	unsigned port;
	struct resolve_query *query;
	enum probe_class class;
	char sentence[128];
};

struct target { /* one address */
	struct dns_zone *zone;
	char label[160];
	struct lookup_server server;
	struct lookup *lookup;
	enum probe_class class;
	char sentence[200];
	uint32_t serial;
	double total_s;
};

struct dns_zone {
	MAGIC;
	struct probe_env env;
	char *name;
	unsigned port;
	int64_t deadline_us, dns_cache_us;
	dns_zone_cb *cb;
	void *arg;
	struct lookup *names_lookup;
	size_t name_count, target_count, waiting;
	struct name names[DNS_ZONE_NAMES_MAX];
	struct target targets[DNS_ZONE_TARGETS_MAX];
	bool left_out;
	struct dnsmessage newest;
	uint32_t serial;
	bool has_newest;
	struct loop_timer *over; /* set when the answer is ready */
	struct dns_zone_answer answer;
};

static int64_t
time_left(const struct dns_zone *zone)
{
	int64_t left_us = zone->deadline_us - clock_mono_us();

	return left_us > 1000 ? left_us : 1000;
}

static void
zone_destroy(struct dns_zone *zone)
{
	size_t i;

	if (zone->names_lookup != NULL)
		lookup_cancel(zone->names_lookup);
	for (i = 0; i < zone->name_count; i++)
		if (zone->names[i].query != NULL)
			resolve_cancel(zone->names[i].query);
	for (i = 0; i < zone->target_count; i++)
		if (zone->targets[i].lookup != NULL)
			lookup_cancel(zone->targets[i].lookup);
	loop_timer_destroy(zone->over);
	dnsmessage_free(&zone->newest);
	free(zone->name);
	MAGIC_CLEAR(zone);
	free(zone);
}

static void
on_over(void *arg)
{
	struct dns_zone *zone = arg;

	MAGIC_CHECK(zone, ZONE_MAGIC);
	zone->answer.newest = zone->has_newest ? &zone->newest : NULL;
	zone->cb(&zone->answer, zone->arg);
	zone_destroy(zone);
}

static void
finish(struct dns_zone *zone, enum probe_class class)
{
	zone->answer.class = class;
	loop_timer_set(zone->over, 0);
}

/* ---- the verdict ---- */

static bool
is_newer(uint32_t a, uint32_t b)
{
	return a != b && a - b < UINT32_C(1) << 31;
}

static void
add_problem(struct buf *out, size_t *told, const char *label, const char *problem)
{
	if ((*told)++ >= TOLD_MAX)
		return;
	if (out->length > 0)
		buf_add_text(out, "; ");
	buf_printf(out, "%s%s%s", label, label[0] != '\0' ? ": " : "", problem);
}

static void
judge_target(struct dns_zone *zone, struct target *target, struct buf *out,
    size_t *told, enum probe_class *class)
{
	char problem[200];

	if (target->class != PROBE_OK) {
		if (*class == PROBE_OK || *class == PROBE_MATCH)
			*class = target->class;
		add_problem(out, told, target->label, target->sentence);
		return;
	}
	if (isnan(zone->answer.total_s) || target->total_s > zone->answer.total_s)
		zone->answer.total_s = target->total_s;
	if (target->serial == zone->serial) {
		zone->answer.agreeing++;
		return;
	}
	if (*class == PROBE_OK)
		*class = PROBE_MATCH;
	snprintf(problem, sizeof(problem), "serial %u instead of %u", target->serial,
	    zone->serial);
	add_problem(out, told, target->label, problem);
}

static void
judge(struct dns_zone *zone)
{
	struct buf out = {.limit = 200};
	enum probe_class class = PROBE_OK;
	size_t told = 0, i;
	char *sentence = zone->answer.sentence;

	for (i = 0; i < zone->name_count; i++) {
		if (zone->names[i].class == PROBE_OK)
			continue;
		class = zone->names[i].class;
		add_problem(&out, &told, zone->names[i].text, zone->names[i].sentence);
	}
	for (i = 0; i < zone->target_count; i++)
		judge_target(zone, &zone->targets[i], &out, &told, &class);
	if (class == PROBE_OK)
		snprintf(sentence, 256, "serial %u at all %zu servers%s", zone->serial,
		    zone->answer.agreeing,
		    zone->left_out ? " (more were left out)" : "");
	else if (told > TOLD_MAX)
		snprintf(sentence, 256, "%s; and %zu more", out.data, told - TOLD_MAX);
	else
		snprintf(sentence, 256, "%s", out.data);
	text_clean(sentence);
	buf_free(&out);
	finish(zone, class);
}

/* ---- the serials ---- */

static void
keep_newest(struct dns_zone *zone, const struct lookup_answer *answer, uint32_t serial)
{
	const struct dnsmessage *message = &answer->message;

	if (zone->has_newest && !is_newer(serial, zone->serial))
		return;
	dnsmessage_free(&zone->newest);
	zone->newest.count = 1;
	zone->newest.answers = mem_array(1, sizeof(*zone->newest.answers));
	zone->newest.answers[0].text = mem_strdup(message->answers[0].text);
	zone->newest.answers[0].ttl_s = message->answers[0].ttl_s;
	zone->newest.ttl_s = message->ttl_s;
	zone->has_newest = true;
	zone->serial = serial;
}

static void
on_serial(const struct lookup_answer *answer, void *arg)
{
	struct target *target = arg;
	struct dns_zone *zone = target->zone;
	char sentence[256];

	MAGIC_CHECK(zone, ZONE_MAGIC);
	target->lookup = NULL;
	zone->waiting--;
	target->class = dns_words(answer, zone->name, DNSTYPE_SOA, sentence);
	strlcpy(target->sentence, sentence, sizeof(target->sentence));
	if (target->class == PROBE_OK && !answer->message.authoritative) {
		target->class = PROBE_RESOLVE;
		snprintf(target->sentence, sizeof(target->sentence),
		    "answers without authority, it does not serve the zone");
	} else if (target->class == PROBE_OK) {
		const char *text = answer->message.answers[0].text;
		const char *at = strchr(strchr(text, ' ') + 1, ' ');

		target->serial = strtoul(at + 1, NULL, 10);
		target->total_s = answer->total_s;
		keep_newest(zone, answer, target->serial);
	}
	if (zone->waiting == 0)
		judge(zone);
}

static void
ask_serials(struct dns_zone *zone)
{
	struct lookup_request request = {.name = zone->name,
	    .type = DNSTYPE_SOA,
	    .server_count = 1,
	    .timeout_us = time_left(zone)};
	size_t i;

	if (zone->target_count == 0) {
		judge(zone);
		return;
	}
	zone->waiting = zone->target_count;
	for (i = 0; i < zone->target_count; i++) {
		request.servers[0] = zone->targets[i].server;
		zone->targets[i].lookup = lookup_start(
		    zone->env.loop, &request, on_serial, &zone->targets[i]);
	}
}

/* ---- the addresses ---- */

static void
add_target(struct dns_zone *zone, const char *name, const struct address *address,
    unsigned port)
{
	struct target *target;
	char server[LOOKUP_SERVER_SIZE];

	if (zone->target_count == DNS_ZONE_TARGETS_MAX) {
		zone->left_out = true;
		return;
	}
	target = &zone->targets[zone->target_count++];
	target->zone = zone;
	target->server.address = *address;
	target->server.port = port;
	lookup_server_format(&target->server, server);
	if (name[0] != '\0')
		snprintf(
		    target->label, sizeof(target->label), "%.80s (%s)", name, server);
	else
		snprintf(target->label, sizeof(target->label), "%s", server);
}

static void
on_addresses(const struct resolve_answer *answer, void *arg)
{
	struct name *name = arg;
	struct dns_zone *zone = name->zone;
	struct address address;
	size_t i;

	MAGIC_CHECK(zone, ZONE_MAGIC);
	name->query = NULL;
	zone->waiting--;
	if (answer->error != 0) {
		name->class = PROBE_RESOLVE;
		snprintf(
		    name->sentence, sizeof(name->sentence), "%s", answer->sentence);
	}
	for (i = 0; answer->error == 0 && i < answer->count && i < PER_NAME_MAX; i++)
		if (address_parse(answer->address[i], &address))
			add_target(zone, name->text, &address, name->port);
	if (zone->waiting == 0)
		ask_serials(zone);
}

static void
add_name(struct dns_zone *zone, const char *text, unsigned port)
{
	struct name *name;

	if (zone->name_count == DNS_ZONE_NAMES_MAX) {
		zone->left_out = true;
		return;
	}
	name = &zone->names[zone->name_count++];
	name->zone = zone;
	name->port = port;
	snprintf(name->text, sizeof(name->text), "%s", text);
}

static void
ask_addresses(struct dns_zone *zone)
{
	size_t i;

	zone->waiting = zone->name_count;
	for (i = 0; i < zone->name_count; i++)
		zone->names[i].query = resolve_start(zone->env.resolve,
		    zone->names[i].text, RESOLVE_ANY, zone->dns_cache_us,
		    time_left(zone), on_addresses, &zone->names[i]);
	if (zone->name_count == 0)
		ask_serials(zone);
}

/* ---- the names ---- */

static void
on_names(const struct lookup_answer *answer, void *arg)
{
	struct dns_zone *zone = arg;
	enum probe_class class;
	size_t i;

	MAGIC_CHECK(zone, ZONE_MAGIC);
	zone->names_lookup = NULL;
	class = dns_words(answer, zone->name, DNSTYPE_NS, zone->answer.sentence);
	if (class != PROBE_OK) {
		finish(zone, class);
		return;
	}
	for (i = 0; i < answer->message.count; i++)
		add_name(zone, answer->message.answers[i].text, zone->port);
	ask_addresses(zone);
}

struct dns_zone *
dns_zone_start(const struct dns_zone_config *config, dns_zone_cb *cb, void *arg)
{
	struct dns_zone *zone = mem_zalloc(sizeof(*zone));
	size_t i;

	MAGIC_SET(zone, ZONE_MAGIC);
	zone->env = *config->env;
	zone->name = mem_strdup(config->name);
	zone->port = config->port;
	zone->dns_cache_us = config->dns_cache_us;
	zone->deadline_us = clock_mono_us() + config->timeout_us;
	zone->cb = cb;
	zone->arg = arg;
	zone->answer.total_s = NAN;
	zone->over = loop_timer_create(zone->env.loop, on_over, zone);
	if (config->nameserver_count == 0) {
		struct lookup_request request = {.name = zone->name,
		    .type = DNSTYPE_NS,
		    .recurse = true,
		    .server_count = config->server_count,
		    .timeout_us = config->timeout_us};

		memcpy(request.servers, config->servers, sizeof(request.servers));
		zone->names_lookup =
		    lookup_start(zone->env.loop, &request, on_names, zone);
		return zone;
	}
	for (i = 0; i < config->nameserver_count; i++) {
		const struct dns_server *server = &config->nameservers[i];

		if (server->literal)
			add_target(zone, "", &server->address, server->port);
		else
			add_name(zone, server->host, server->port);
	}
	ask_addresses(zone);
	return zone;
}

void
dns_zone_cancel(struct dns_zone *zone)
{
	MAGIC_CHECK(zone, ZONE_MAGIC);
	zone_destroy(zone);
}
