/*
 * Changes of verdict. Until the ledger has answered for a check or service, its
 * verdict is kept in memory only; the answer then joins the two ends.
 */
#include "watch/change.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/archive.h"
#include "store/ledger.h"

/* How long a result stands when no other follows. */
static int64_t
holds_us(const struct registry_check *check)
{
	return 2 * check->conf->every_us + check->conf->timeout_us;
}

static int64_t
service_holds_us(const struct registry_service *service)
{
	int64_t longest = 0;
	size_t i;

	for (i = 0; i < service->check_count; i++)
		if (holds_us(service->checks[i]) > longest)
			longest = holds_us(service->checks[i]);
	return longest;
}

int64_t
registry_check_measured_us(const struct registry_check *check)
{
	int64_t last_us;

	if (check->last_us != 0 || !check->recalled || check->series == NULL)
		return check->last_us;
	last_us = archive_last_s(check->series) * CLOCK_SECOND;
	return last_us > 0 ? last_us - check->conf->every_us : 0;
}

enum verdict
registry_check_verdict(const struct registry_check *check, int64_t wall_us)
{
	int64_t measured = registry_check_measured_us(check), age = wall_us - measured;

	/* A result from the future is as good as none: the clock was stepped back. */
	if (measured == 0 || age > holds_us(check) || age < -holds_us(check))
		return VERDICT_UNKNOWN;
	return check->verdict;
}

enum verdict
registry_service_verdict(const struct registry_service *service, int64_t wall_us)
{
	struct verdict_part *parts = mem_array(service->check_count, sizeof(*parts));
	enum verdict verdict;
	size_t i;

	for (i = 0; i < service->check_count; i++) {
		parts[i].verdict = registry_check_verdict(service->checks[i], wall_us);
		parts[i].required = service->checks[i]->conf->required;
	}
	verdict = verdict_of_service(parts, service->check_count);
	free(parts);
	return verdict;
}

int64_t
registry_service_stale_us(const struct registry_service *service)
{
	int64_t latest = 0;
	size_t i;

	for (i = 0; i < service->check_count; i++) {
		const struct registry_check *check = service->checks[i];
		int64_t measured = registry_check_measured_us(check);
		if (measured > 0 && measured + holds_us(check) > latest)
			latest = measured + holds_us(check);
	}
	return latest;
}

static void
write_row(struct registry_service *service, const struct registry_check *check,
    enum verdict from, enum verdict to, int64_t at_us)
{
	struct ledger_transition row = {.at_us = at_us};
	const struct registry_site *site = service->site;

	snprintf(row.service, sizeof(row.service), "%s", service->conf->id);
	snprintf(row.from, sizeof(row.from), "%s", verdict_name(from));
	snprintf(row.to, sizeof(row.to), "%s", verdict_name(to));
	if (check != NULL) {
		snprintf(row.check, sizeof(row.check), "%s", check->conf->id);
		if (to != VERDICT_UNKNOWN) {
			snprintf(row.class, sizeof(row.class), "%s",
			    probe_class_name(check->last.class));
			snprintf(row.message, sizeof(row.message), "%s",
			    check->last.message);
		}
	}
	ledger_add_transition(site->ledger, &row);
}

/* The verdict before held until known_us at least. Writes what happened between. */
static void
advance(struct registry_service *service, const struct registry_check *check,
    enum verdict before, int64_t known_us, int64_t holds, enum verdict now,
    int64_t at_us)
{
	if (before != VERDICT_UNKNOWN && at_us - known_us > holds) {
		write_row(service, check, before, VERDICT_UNKNOWN, known_us + holds);
		before = VERDICT_UNKNOWN;
	}
	if (before != now)
		write_row(service, check, before, now, at_us);
}

/* The last time before this start at which one of its checks was measured. */
static int64_t
service_before_us(const struct registry_service *service)
{
	int64_t latest = 0;
	size_t i;

	for (i = 0; i < service->check_count; i++)
		if (service->checks[i]->before_us > latest)
			latest = service->checks[i]->before_us;
	return latest;
}

/* A check that is yet to be measured for the first time since the start. */
static bool
awaits_first(const struct registry_service *service)
{
	size_t i;

	for (i = 0; i < service->check_count; i++)
		if (service->checks[i]->last_us == 0 &&
		    service->checks[i]->last.class != PROBE_INTERNAL)
			return true;
	return false;
}

static void
service_result(struct registry_service *service, int64_t at_us)
{
	enum verdict now = registry_service_verdict(service, at_us);
	int64_t holds = service_holds_us(service), known = service->last_us;
	bool gap;

	if (now == VERDICT_UNKNOWN && awaits_first(service))
		return;
	if (known == 0)
		known = service_before_us(service);
	gap = at_us - known > holds;
	if (service->recalled)
		advance(service, NULL, service->verdict, known, holds, now, at_us);
	if (now != service->verdict || gap)
		service->since_us = now == VERDICT_UNKNOWN ? 0 : at_us;
	service->verdict = now;
	if (now != VERDICT_UNKNOWN)
		service->last_us = at_us;
}

static enum verdict
verdict_of(const struct registry_check *check)
{
	const struct probe_result *result = &check->last;
	int total = check->collector->total;
	double p95_s = (double)check->service->conf->objective.p95_us / CLOCK_SECOND;

	if (result->class == PROBE_INTERNAL)
		return VERDICT_UNKNOWN;
	return verdict_of_result(result->class != PROBE_OK, result->warn,
	    total >= 0 ? result->values[total] : NAN, p95_s);
}

void
change_result(struct registry_check *check)
{
	enum verdict before = check->verdict, now = verdict_of(check);
	bool first = check->since_us == 0;
	bool gap = check->last_us - check->before_us > holds_us(check);

	if (check->recalled)
		advance(check->service, check, first ? VERDICT_UNKNOWN : before,
		    check->before_us, holds_us(check), now, check->last_us);
	check->verdict = now;
	if (first || now != before || gap)
		check->since_us = check->last_us;
	service_result(check->service, check->last_us);
}

struct recall {
	struct registry *registry;
	char site[64], service[64], check[64];
};

static enum verdict
verdict_named(const char *name)
{
	enum verdict verdict;

	for (verdict = 0; verdict < VERDICTS; verdict++)
		if (strcmp(verdict_name(verdict), name) == 0)
			return verdict;
	return VERDICT_UNKNOWN;
}

/* How it stood before the start; what was measured since is joined to it. */
static void
recall_check(struct registry_check *check, const struct ledger_transition *row)
{
	enum verdict before = row != NULL ? verdict_named(row->to) : VERDICT_UNKNOWN;

	check->recalled = true;
	if (check->since_us == 0) {
		/* Nothing measured yet: the first result will be compared with it. */
		if (row != NULL && before != VERDICT_UNKNOWN) {
			check->verdict = before;
			check->since_us = row->at_us;
		}
		return;
	}
	if (before == check->verdict &&
	    check->since_us - check->before_us <= holds_us(check))
		check->since_us = row->at_us;
	else
		advance(check->service, check, before, check->before_us,
		    holds_us(check), check->verdict, check->since_us);
}

static void
recall_service(struct registry_service *service, const struct ledger_transition *row)
{
	enum verdict before = row != NULL ? verdict_named(row->to) : VERDICT_UNKNOWN;
	int64_t known = service_before_us(service), holds = service_holds_us(service);

	service->recalled = true;
	if (service->since_us == 0) {
		if (row != NULL && before != VERDICT_UNKNOWN) {
			service->verdict = before;
			service->since_us = row->at_us;
		}
		return;
	}
	if (before == service->verdict && service->since_us - known <= holds)
		service->since_us = row->at_us;
	else
		advance(service, NULL, before, known, holds, service->verdict,
		    service->since_us);
}

static void
on_recalled(const struct ledger_transition *rows, size_t count, int error, void *arg)
{
	struct recall *recall = arg;
	struct registry_site *site = registry_find_site(recall->registry, recall->site);
	struct registry_service *service =
	    site != NULL ? registry_find_service(site, recall->service) : NULL;
	struct registry_check *check = service != NULL && recall->check[0] != '\0'
					   ? registry_find_check(service, recall->check)
					   : NULL;

	if (check != NULL && !check->recalled)
		recall_check(check, count > 0 ? &rows[0] : NULL);
	else if (service != NULL && recall->check[0] == '\0' && !service->recalled)
		recall_service(service, count > 0 ? &rows[0] : NULL);
	if (site != NULL)
		site->generation++;
	free(recall);
}

static void
ask(struct registry *registry, struct registry_service *service, const char *check)
{
	struct recall *recall = mem_zalloc(sizeof(*recall));

	recall->registry = registry;
	snprintf(recall->site, sizeof(recall->site), "%s", service->site->conf->id);
	snprintf(recall->service, sizeof(recall->service), "%s", service->conf->id);
	snprintf(recall->check, sizeof(recall->check), "%s", check);
	ledger_transitions(service->site->ledger, service->conf->id, check, 0,
	    INT64_MAX, 1, on_recalled, recall);
}

void
change_recall(struct registry *registry, struct registry_site *site)
{
	size_t i, j;

	for (i = 0; i < site->service_count; i++) {
		struct registry_service *service = site->services[i];
		if (!service->recalled)
			ask(registry, service, "");
		for (j = 0; j < service->check_count; j++)
			if (!service->checks[j]->recalled)
				ask(registry, service, service->checks[j]->conf->id);
	}
}
