/*
 * The resolver: cache, hosts, and who waits for what.
 *
 * An entry is one name in one family: what DNS last said of it, and the questions
 * that are out, each with the parts of queries that wait for its answer. Who wants
 * to ask anew, as a retry after a failure does, joins one for a moment only, the
 * others the latest. A query has a part for each family it wants; it is ready when
 * all parts are done, when its time is over, or 50 ms after one family answered
 * (RFC 8305). Ready queries stand in a list that is worked off by the callback that
 * made them ready or, if that was resolve_start(), by a timer.
 *
 * Entries belong to the tree; beyond cache_max the least recently used one without
 * a question goes. Questions are bounded by dns.c. A query belongs to this module
 * until its callback; entries outlive the queries that asked.
 */
#include "loop/resolve.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tree.h"
#include "loop/dns.h"
#include "loop/hosts.h"
#include "loop/loop.h"
#include "loop/routes.h"

#define RESOLVE_MAGIC 0x72736c76
#define QUERY_MAGIC 0x71727921
#define ENTRY_MAGIC 0x656e7472
#define QUESTION_MAGIC 0x72717565
#define NAME_SIZE 254
#define GRACE_US (50 * 1000)
#define SILENT_US (60 * CLOCK_SECOND)
#define DELIVERIES_MAX 64 /* at once: each may open a connection */
#define JOIN_US (100 * 1000)
#define TTL_MAX_S 86400
/* Absence of a name is a failure, whose end we want to see; absence of a family
 * is how things are. */
#define NO_NAME_TTL_S 5
#define NO_RECORD_TTL_MAX_S 3600
#define FAMILIES 2

struct part {
	TAILQ_ENTRY(part) link; /* of question->waiting, while that is set */
	struct resolve_query *query;
	struct question *question;
	bool wanted, done;
	struct dns_result result;
};

struct question {
	MAGIC;
	LIST_ENTRY(question) link;
	struct entry *entry;
	int64_t asked_us;
	TAILQ_HEAD(, part)
	waiting;
};

struct entry {
	MAGIC;
	RB_ENTRY(entry) tree_link;
	TAILQ_ENTRY(entry) used_link;
	struct resolve *resolve;
	int version;
	bool known;  /* result holds, until expires_us */
	bool silent; /* that there is no record is but what we take silence for */
	int64_t asked_us, fetched_us, expires_us;
	struct dns_result result;
	LIST_HEAD(, question) questions; /* that are out, the latest first */
	char *name;                      /* within the same piece of memory */
};

struct resolve_query {
	MAGIC;
	TAILQ_ENTRY(resolve_query) link; /* of queries or ready */
	struct resolve *resolve;
	resolve_cb *cb;
	void *arg;
	bool ready;
	struct loop_timer *timer; /* once it waits */
	int64_t started_us, timeout_us;
	struct part part[FAMILIES]; /* IPv4, IPv6 */
	struct resolve_answer answer;
	char sentence[400];
	char name[NAME_SIZE];
};

RB_HEAD(entry_tree, entry);
TAILQ_HEAD(query_list, resolve_query);

struct resolve {
	MAGIC;
	struct loop *loop;
	struct dns *dns;
	struct hosts *hosts;
	struct entry_tree entries;
	TAILQ_HEAD(, entry)
	used; /* least recently first */
	size_t cache_max;
	struct query_list waiting, ready;
	struct loop_timer *ready_timer;
	struct routes routes;
	struct resolve_stats stats;
};

static int
entry_compare(struct entry *a, struct entry *b)
{
	int order = strcmp(a->name, b->name);

	return order != 0 ? order : a->version - b->version;
}

TREE_GENERATE(entry_tree, entry, tree_link, entry_compare)

/* ---- entries ---- */

static void
entry_destroy(struct entry *entry)
{
	assert(LIST_EMPTY(&entry->questions));
	RB_REMOVE(entry_tree, &entry->resolve->entries, entry);
	TAILQ_REMOVE(&entry->resolve->used, entry, used_link);
	entry->resolve->stats.entries--;
	MAGIC_CLEAR(entry);
	free(entry);
}

static void
make_room(struct resolve *resolve)
{
	struct entry *entry, *next;

	TAILQ_FOREACH_SAFE (entry, &resolve->used, used_link, next) {
		if (resolve->stats.entries < resolve->cache_max)
			return;
		if (LIST_EMPTY(&entry->questions))
			entry_destroy(entry);
	}
}

static struct entry *
entry_get(struct resolve *resolve, const char *name, int version)
{
	size_t size = strlen(name) + 1;
	struct entry key = {.version = version, .name = (char *)name}, *entry;

	entry = RB_FIND(entry_tree, &resolve->entries, &key);
	if (entry != NULL) {
		TAILQ_REMOVE(&resolve->used, entry, used_link);
		TAILQ_INSERT_TAIL(&resolve->used, entry, used_link);
		return entry;
	}
	make_room(resolve);
	entry = mem_zalloc(sizeof(*entry) + size);
	MAGIC_SET(entry, ENTRY_MAGIC);
	entry->version = version;
	entry->name = memcpy(entry + 1, name, size);
	entry->resolve = resolve;
	LIST_INIT(&entry->questions);
	RB_INSERT(entry_tree, &resolve->entries, entry);
	TAILQ_INSERT_TAIL(&resolve->used, entry, used_link);
	resolve->stats.entries++;
	return entry;
}

static bool
is_fresh(const struct entry *entry, int64_t max_age_us, bool alone)
{
	int64_t now_us = clock_mono_us();

	return entry->known && !(entry->silent && alone) &&
	       now_us < entry->expires_us &&
	       (max_age_us < 0 || now_us - entry->fetched_us < max_age_us);
}

static int64_t
lifetime_s(const struct dns_result *result)
{
	int64_t ttl = result->ttl_s;

	if (result->error == 0)
		return ttl < TTL_MAX_S ? ttl : TTL_MAX_S;
	if (result->error != ERR_NOT_FOUND)
		return 0;
	if (ttl < 0 || !result->exists)
		return ttl < 0 || ttl > NO_NAME_TTL_S ? NO_NAME_TTL_S : ttl;
	return ttl < NO_RECORD_TTL_MAX_S ? ttl : NO_RECORD_TTL_MAX_S;
}

/* ---- questions ---- */

static void
question_destroy(struct question *question)
{
	assert(TAILQ_EMPTY(&question->waiting));
	LIST_REMOVE(question, link);
	MAGIC_CLEAR(question);
	free(question);
}

static void
part_leave(struct part *part)
{
	if (part->question != NULL)
		TAILQ_REMOVE(&part->question->waiting, part, link);
	part->question = NULL;
}

/* ---- queries ---- */

static void
query_destroy(struct resolve_query *query)
{
	struct resolve *resolve = query->resolve;
	int i;

	for (i = 0; i < FAMILIES; i++)
		part_leave(&query->part[i]);
	if (query->ready)
		TAILQ_REMOVE(&resolve->ready, query, link);
	else
		TAILQ_REMOVE(&resolve->waiting, query, link);
	loop_timer_destroy(query->timer);
	MAGIC_CLEAR(query);
	free(query);
}

/* What went wrong with the server says more than what the other family lacks. */
static const struct dns_result *
worst_of(struct resolve_query *query)
{
	struct part *a = &query->part[0], *b = &query->part[1];

	if (b->wanted && (!a->wanted || a->result.error == ERR_NOT_FOUND))
		return &b->result;
	return &a->result;
}

static void
explain(struct resolve_query *query)
{
	const struct dns_result *result = worst_of(query);
	bool both = query->part[0].wanted && query->part[1].wanted;
	char *out = query->sentence;
	size_t size = sizeof(query->sentence);

	query->answer.error = result->error;
	if (result->error == ERR_NOT_FOUND && !result->exists)
		snprintf(out, size, "the name %s does not exist", query->name);
	else if (result->error == ERR_NOT_FOUND)
		snprintf(out, size, "the name %s has no %saddress", query->name,
		    both                    ? ""
		    : query->part[0].wanted ? "IPv4 "
					    : "IPv6 ");
	else if (result->reason == NULL)
		snprintf(out, size,
		    "no DNS server answered within %.4g s for the name %s",
		    (double)query->timeout_us / CLOCK_SECOND, query->name);
	else
		snprintf(out, size, "%s for the name %s", result->reason, query->name);
}

static void
make_ready(struct resolve_query *query)
{
	struct resolve *resolve = query->resolve;
	int i;

	assert(!query->ready);
	for (i = 0; i < FAMILIES; i++)
		part_leave(&query->part[i]);
	if (query->timer != NULL)
		loop_timer_clear(query->timer);
	routes_merge(&resolve->routes, &query->part[0].result, &query->part[1].result,
	    &query->answer);
	if (query->answer.count == 0 && query->answer.error == 0)
		explain(query);
	if (query->answer.error != 0)
		resolve->stats.failures++;
	if (!query->answer.cached)
		query->answer.elapsed_us = clock_mono_us() - query->started_us;
	query->answer.sentence = query->sentence;
	query->ready = true;
	TAILQ_REMOVE(&resolve->waiting, query, link);
	TAILQ_INSERT_TAIL(&resolve->ready, query, link);
	if (!loop_timer_is_set(resolve->ready_timer))
		loop_timer_set(resolve->ready_timer, 0);
}

/* Those that callbacks add, and those of a crowd, wait for the next round, so that
 * nobody starves. */
static void
deliver(struct resolve *resolve)
{
	struct resolve_query *query;
	struct resolve_answer answer;
	char sentence[sizeof(query->sentence)];
	resolve_cb *cb;
	void *arg;
	size_t left = 0;

	TAILQ_FOREACH (query, &resolve->ready, link)
		if (++left == DELIVERIES_MAX)
			break;
	for (; left > 0 && (query = TAILQ_FIRST(&resolve->ready)) != NULL; left--) {
		answer = query->answer;
		memcpy(sentence, query->sentence, sizeof(sentence));
		answer.sentence = sentence;
		cb = query->cb;
		arg = query->arg;
		query_destroy(query);
		cb(&answer, arg);
	}
	if (TAILQ_EMPTY(&resolve->ready))
		loop_timer_clear(resolve->ready_timer);
	else
		loop_timer_set(resolve->ready_timer, 0);
}

static void
on_ready_timer(void *arg)
{
	struct resolve *resolve = arg;

	MAGIC_CHECK(resolve, RESOLVE_MAGIC);
	deliver(resolve);
}

/* reason NULL: the query's time is over */
static void
fail_part(struct part *part, int error, const char *reason)
{
	part->result.error = error;
	part->result.reason = reason;
}

/* A server that answers for one family and is silent about the other, as some that
 * balance load are, would cost each run the wait for it: that is remembered until it
 * speaks. */
static void
entry_is_silent(struct entry *entry)
{
	if (is_fresh(entry, -1, false))
		return;
	entry->known = entry->silent = true;
	entry->result = (struct dns_result){
	    .error = ERR_NOT_FOUND, .reason = "no such record", .exists = true};
	entry->fetched_us = clock_mono_us();
	entry->expires_us = entry->fetched_us + SILENT_US;
}

/* The time is over: for the query, or for the family that is missing. */
static void
on_query_timer(void *arg)
{
	struct resolve_query *query = arg;
	struct resolve *resolve = query->resolve;
	int i;

	MAGIC_CHECK(query, QUERY_MAGIC);
	for (i = 0; i < FAMILIES; i++) {
		struct part *part = &query->part[i];
		if (!part->wanted || part->done)
			continue;
		fail_part(part, -ETIMEDOUT, NULL);
		if (query->part[FAMILIES - 1 - i].result.count > 0)
			entry_is_silent(part->question->entry);
	}
	make_ready(query);
	deliver(resolve);
}

/* Ready, or how long to wait. */
static void
review(struct resolve_query *query)
{
	int64_t wait_us = query->started_us + query->timeout_us - clock_mono_us();
	bool waits = false, any = false;
	int i;

	for (i = 0; i < FAMILIES; i++) {
		struct part *part = &query->part[i];
		waits = waits || (part->wanted && !part->done);
		any = any || part->result.count > 0;
	}
	if (!waits) {
		make_ready(query);
		return;
	}
	if (query->timer == NULL)
		query->timer =
		    loop_timer_create(query->resolve->loop, on_query_timer, query);
	if (any && wait_us > GRACE_US)
		wait_us = GRACE_US;
	loop_timer_set(query->timer, wait_us < 0 ? 0 : wait_us);
}

static void
entry_take(struct entry *entry, const struct question *question,
    const struct dns_result *result)
{
	int64_t lifetime_us = lifetime_s(result) * CLOCK_SECOND;

	if (question->asked_us < entry->asked_us)
		return; /* a later question was answered before */
	if (entry->silent && result->error == -ETIMEDOUT)
		return; /* it is silent indeed */
	entry->silent = false;
	entry->asked_us = question->asked_us;
	entry->known = lifetime_us > 0;
	entry->result = *result;
	entry->fetched_us = clock_mono_us();
	entry->expires_us = entry->fetched_us + lifetime_us;
}

static void
on_answer(const struct dns_result *result, void *arg)
{
	struct question *question = arg;
	struct entry *entry = question->entry;
	struct resolve *resolve = entry->resolve;
	struct part *part;

	MAGIC_CHECK(question, QUESTION_MAGIC);
	entry_take(entry, question, result);
	while ((part = TAILQ_FIRST(&question->waiting)) != NULL) {
		part_leave(part);
		part->done = true;
		part->result = *result;
		review(part->query);
	}
	question_destroy(question);
	if (LIST_EMPTY(&entry->questions) &&
	    (!entry->known || resolve->stats.entries > resolve->cache_max))
		entry_destroy(entry);
	deliver(resolve);
}

/* -> NULL: too many are out */
static struct question *
entry_ask(struct entry *entry)
{
	struct question *question = mem_zalloc(sizeof(*question));

	MAGIC_SET(question, QUESTION_MAGIC);
	question->entry = entry;
	question->asked_us = clock_mono_us();
	TAILQ_INIT(&question->waiting);
	LIST_INSERT_HEAD(&entry->questions, question, link);
	if (dns_ask(entry->resolve->dns, entry->name, entry->version, on_answer,
		question) == 0)
		return question;
	question_destroy(question);
	return NULL;
}

/* -> the latest that is out, if it may still be joined */
static struct question *
entry_question(struct entry *entry, int64_t max_age_us)
{
	struct question *question = LIST_FIRST(&entry->questions);

	if (question == NULL || max_age_us != 0 ||
	    clock_mono_us() - question->asked_us <= JOIN_US)
		return question;
	return NULL;
}

static void
start_part(struct resolve_query *query, int i, int64_t max_age_us)
{
	struct resolve *resolve = query->resolve;
	struct part *part = &query->part[i];
	struct entry *entry = entry_get(resolve, query->name, i == 0 ? 4 : 6);
	bool alone = !query->part[FAMILIES - 1 - i].wanted;
	struct question *question;

	if (max_age_us != 0 && is_fresh(entry, max_age_us, alone)) {
		part->result = entry->result;
		part->done = true;
		return;
	}
	query->answer.cached = false;
	question = entry_question(entry, max_age_us);
	if (question == NULL)
		question = entry_ask(entry);
	if (question == NULL) {
		fail_part(part, ERR_FULL, "too many names are being asked for");
		part->done = true;
		return;
	}
	part->question = question;
	TAILQ_INSERT_TAIL(&question->waiting, part, link);
}

static bool
is_localhost(const char *name)
{
	size_t length = strlen(name);

	return strcmp(name, "localhost") == 0 ||
	       (length > 10 && strcmp(name + length - 10, ".localhost") == 0);
}

/* Without DNS? Fills the parts. */
static bool
answer_locally(struct resolve_query *query, const char *host)
{
	static const char *const loopback[FAMILIES] = {"127.0.0.1", "::1"};
	struct address found[RESOLVE_ADDRESSES_MAX];
	bool literal = address_parse(host, &found[0]);
	bool localhost = !literal && is_localhost(query->name);
	size_t total = 0, n;
	int i;

	for (i = 0; i < FAMILIES; i++) {
		struct dns_result *result = &query->part[i].result;
		if (literal)
			n = found[0].version == (i == 0 ? 4 : 6);
		else
			n = hosts_find(query->resolve->hosts, query->name,
			    i == 0 ? 4 : 6, found, RESOLVE_ADDRESSES_MAX);
		if (!query->part[i].wanted)
			continue;
		memcpy(result->address, found, n * sizeof(found[0]));
		result->count = n;
		total += n;
	}
	for (i = 0; localhost && total == 0 && i < FAMILIES; i++)
		if (query->part[i].wanted)
			query->part[i].result.count = address_parse(
			    loopback[i], &query->part[i].result.address[0]);
	if (total == 0 && literal) {
		query->answer.error = ERR_NOT_FOUND;
		snprintf(query->sentence, sizeof(query->sentence),
		    "%s is not an address of the family that is asked for", host);
	}
	return total > 0 || literal || localhost;
}

struct resolve_query *
resolve_start(struct resolve *resolve, const char *host, enum resolve_family family,
    int64_t max_age_us, int64_t timeout_us, resolve_cb *cb, void *arg)
{
	struct resolve_query *query = mem_zalloc(sizeof(*query));
	struct address address;
	size_t i;

	MAGIC_CHECK(resolve, RESOLVE_MAGIC);
	MAGIC_SET(query, QUERY_MAGIC);
	query->resolve = resolve;
	query->cb = cb;
	query->arg = arg;
	query->started_us = clock_mono_us();
	query->timeout_us = timeout_us;
	query->answer.cached = true;
	for (i = 0; i < FAMILIES; i++)
		query->part[i].query = query;
	query->part[0].wanted = family != RESOLVE_IPV6;
	query->part[1].wanted = family != RESOLVE_IPV4;
	TAILQ_INSERT_TAIL(&resolve->waiting, query, link);
	resolve->stats.queries++;
	if (!address_is_name(host) && !address_parse(host, &address)) {
		query->answer.error = ERR_SYNTAX;
		snprintf(query->sentence, sizeof(query->sentence),
		    "\"%.60s\" is neither a host name nor an address", host);
		make_ready(query);
		return query;
	}
	for (i = 0; host[i] != '\0' && i < NAME_SIZE - 1; i++)
		query->name[i] = tolower((unsigned char)host[i]);
	if (i > 0 && query->name[i - 1] == '.')
		query->name[i - 1] = '\0';
	if (answer_locally(query, host)) {
		make_ready(query);
		return query;
	}
	for (i = 0; i < FAMILIES; i++)
		if (query->part[i].wanted)
			start_part(query, i, max_age_us);
	if (query->answer.cached)
		resolve->stats.hits++;
	review(query);
	return query;
}

void
resolve_cancel(struct resolve_query *query)
{
	MAGIC_CHECK(query, QUERY_MAGIC);
	query_destroy(query);
}

void
resolve_hosts(struct resolve *resolve, const char *path)
{
	hosts_close(resolve->hosts);
	resolve->hosts = hosts_open(path);
}

void
resolve_stats(const struct resolve *resolve, struct resolve_stats *out)
{
	MAGIC_CHECK(resolve, RESOLVE_MAGIC);
	*out = resolve->stats;
}

struct resolve *
resolve_create(struct loop *loop, const char *servers, size_t cache_max)
{
	struct dns *dns = dns_create(loop, servers);
	struct resolve *resolve;

	if (dns == NULL)
		return NULL;
	resolve = mem_zalloc(sizeof(*resolve));
	MAGIC_SET(resolve, RESOLVE_MAGIC);
	resolve->loop = loop;
	resolve->dns = dns;
	resolve->hosts = hosts_open("/etc/hosts");
	resolve->cache_max = cache_max;
	routes_init(&resolve->routes);
	RB_INIT(&resolve->entries);
	TAILQ_INIT(&resolve->used);
	TAILQ_INIT(&resolve->waiting);
	TAILQ_INIT(&resolve->ready);
	resolve->ready_timer = loop_timer_create(loop, on_ready_timer, resolve);
	return resolve;
}

void
resolve_destroy(struct resolve *resolve)
{
	struct resolve_query *query;
	struct entry *entry;

	if (resolve == NULL)
		return;
	MAGIC_CHECK(resolve, RESOLVE_MAGIC);
	while ((query = TAILQ_FIRST(&resolve->waiting)) != NULL ||
	       (query = TAILQ_FIRST(&resolve->ready)) != NULL)
		query_destroy(query);
	dns_destroy(resolve->dns);
	while ((entry = TAILQ_FIRST(&resolve->used)) != NULL) {
		while (!LIST_EMPTY(&entry->questions))
			question_destroy(LIST_FIRST(&entry->questions));
		entry_destroy(entry);
	}
	loop_timer_destroy(resolve->ready_timer);
	hosts_close(resolve->hosts);
	MAGIC_CLEAR(resolve);
	free(resolve);
}
