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
#include "watch/announce.h"

#define ASKING_MAX 64 /* questions of a site at a time: pages have some, too */

/* A check or a service, with what is kept of its verdict. */
struct subject {
	struct registry_service *service;
	const struct registry_check *check; /* NULL: the service itself */
	enum verdict *verdict;
	int64_t *since_us;
	struct registry_past *past;
	int64_t holds_us;
};

/* How long a result stands when no other follows. A run that fails takes its time
 * limit once more for each retry, and the next one waits for the slot after that. */
static int64_t
holds_us(const struct registry_check *check)
{
	const struct conf_check *conf = check->conf;
	const struct collector *collector = check->collector;
	int retries =
	    collector->retries != NULL ? collector->retries(conf->options) : 0;

	return 2 * conf->every_us + (1 + retries) * conf->timeout_us;
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
	int64_t last_s;

	if (check->last_us != 0 || !check->past.recalled)
		return check->last_us;
	return archive_before(check->series, &last_s) && last_s > 0
		   ? last_s * CLOCK_SECOND - check->conf->every_us
		   : 0;
}

static struct subject
subject_of_check(struct registry_check *check)
{
	return (struct subject){
	    .service = check->service,
	    .check = check,
	    .verdict = &check->verdict,
	    .since_us = &check->since_us,
	    .past = &check->past,
	    .holds_us = holds_us(check),
	};
}

static struct subject
subject_of_service(struct registry_service *service)
{
	return (struct subject){
	    .service = service,
	    .verdict = &service->verdict,
	    .since_us = &service->since_us,
	    .past = &service->past,
	    .holds_us = service_holds_us(service),
	};
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

static void
write_row(
    const struct subject *subject, enum verdict from, enum verdict to, int64_t at_us)
{
	struct ledger_transition row = {.at_us = at_us};
	const struct registry_check *check = subject->check;
	struct registry_site *site = subject->service->site;

	snprintf(row.service, sizeof(row.service), "%s", subject->service->conf->id);
	snprintf(row.from, sizeof(row.from), "%s", verdict_name(from));
	snprintf(row.to, sizeof(row.to), "%s", verdict_name(to));
	if (check != NULL) {
		snprintf(row.check, sizeof(row.check), "%s", check->conf->id);
		/* Of a time in which nobody looked there is nothing to say. */
		if (to == verdict_of(check) &&
		    (to != VERDICT_UNKNOWN || at_us == check->last_us)) {
			snprintf(row.class, sizeof(row.class), "%s",
			    probe_class_name(check->last.class));
			snprintf(row.message, sizeof(row.message), "%s",
			    check->last.message);
		}
	}
	ledger_add_transition(site->ledger, &row);
	announce_change(site->announce, site->conf->id, &row);
}

/* The verdict before held until held_us at least. Writes what happened between. */
static void
advance(const struct subject *subject, enum verdict before, int64_t held_us,
    enum verdict now, int64_t at_us)
{
	if (before != VERDICT_UNKNOWN && at_us - held_us > subject->holds_us) {
		write_row(
		    subject, before, VERDICT_UNKNOWN, held_us + subject->holds_us);
		before = VERDICT_UNKNOWN;
	}
	if (before != now)
		write_row(subject, before, now, at_us);
}

static void
measured(const struct subject *subject, enum verdict now, int64_t at_us)
{
	struct registry_past *past = subject->past;
	bool gap = past->held_us > 0 && at_us - past->held_us > subject->holds_us;

	if (past->recalled) {
		advance(subject, *subject->verdict, past->held_us, now, at_us);
	} else if (past->first_us == 0) {
		past->first = now;
		past->first_us = at_us;
	}
	if (now != *subject->verdict || gap)
		*subject->since_us = now == VERDICT_UNKNOWN ? 0 : at_us;
	*subject->verdict = now;
	past->held_us = at_us;
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

void
change_result(struct registry_check *check)
{
	struct subject subject = subject_of_check(check);
	struct registry_service *service = check->service;
	enum verdict now;

	measured(&subject, verdict_of(check), check->last_us);
	now = registry_service_verdict(service, check->last_us);
	if (now == VERDICT_UNKNOWN && awaits_first(service))
		return;
	subject = subject_of_service(service);
	measured(&subject, now, check->last_us);
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

/* How it stood before the start, row NULL: nobody knows; it held at least until its
 * last sample of then. What was measured since is joined to it. */
static void
recalled(const struct subject *subject, const struct ledger_transition *row,
    int64_t sample_us)
{
	enum verdict before = row != NULL ? verdict_named(row->to) : VERDICT_UNKNOWN;
	int64_t held_us =
	    row != NULL && row->at_us > sample_us ? row->at_us : sample_us;
	struct registry_past *past = subject->past;
	bool joined = before != VERDICT_UNKNOWN && before == past->first &&
		      past->first_us - held_us <= subject->holds_us;

	past->recalled = true;
	if (past->first_us == 0) {
		/* Nothing measured yet: the first result will be compared with it. */
		*subject->verdict = before;
		*subject->since_us = before != VERDICT_UNKNOWN ? row->at_us : 0;
		past->held_us = held_us;
		return;
	}
	if (!joined)
		advance(subject, before, held_us, past->first, past->first_us);
	else if (*subject->since_us == past->first_us)
		*subject->since_us = row->at_us;
	if (*subject->verdict != past->first)
		write_row(subject, past->first, *subject->verdict,
		    *subject->since_us > 0 ? *subject->since_us : past->held_us);
}

static int64_t
sample_us(const struct registry_check *check)
{
	int64_t last_s;

	return archive_before(check->series, &last_s) ? last_s * CLOCK_SECOND : 0;
}

static void
recall_service(struct registry_service *service, const struct ledger_transition *row)
{
	struct subject subject = subject_of_service(service);
	int64_t latest = 0;
	size_t i;

	for (i = 0; i < service->check_count; i++)
		if (sample_us(service->checks[i]) > latest)
			latest = sample_us(service->checks[i]);
	recalled(&subject, row, latest);
}

static void
recall_check(struct registry_check *check, const struct ledger_transition *row)
{
	struct subject subject = subject_of_check(check);

	recalled(&subject, row, sample_us(check));
}

/* An error is asked again, by who calls change_recall() from time to time. */
static void
on_recalled(const struct ledger_transition *rows, size_t count, int error, void *arg)
{
	const struct ledger_transition *row = count > 0 ? &rows[0] : NULL;
	struct recall *recall = arg;
	struct registry_site *site = registry_find_site(recall->registry, recall->site);
	struct registry_service *service =
	    site != NULL ? registry_find_service(site, recall->service) : NULL;
	struct registry_check *check = service != NULL && recall->check[0] != '\0'
					   ? registry_find_check(service, recall->check)
					   : NULL;
	struct registry_past *past = check != NULL ? &check->past
				     : service != NULL && recall->check[0] == '\0'
					 ? &service->past
					 : NULL;

	/* What was opened anew meanwhile has a question of its own. */
	if (past != NULL && past->asked) {
		past->asked = false;
		if (error == 0 && check != NULL)
			recall_check(check, row);
		else if (error == 0)
			recall_service(service, row);
	}
	if (service != NULL)
		service->generation++;
	if (site != NULL) {
		site->generation++;
		if (--site->asking == 0 && error == 0)
			change_recall(recall->registry, site);
	}
	free(recall);
}

static void
ask(struct registry *registry, struct registry_site *site,
    const struct registry_service *service, const char *check,
    struct registry_past *past)
{
	struct recall *recall;

	if (past->asked || site->asking >= ASKING_MAX)
		return;
	past->asked = true;
	site->asking++;
	recall = mem_zalloc(sizeof(*recall));
	recall->registry = registry;
	snprintf(recall->site, sizeof(recall->site), "%s", site->conf->id);
	snprintf(recall->service, sizeof(recall->service), "%s", service->conf->id);
	snprintf(recall->check, sizeof(recall->check), "%s", check);
	/* Not what a clock that was ahead has left in the future. */
	ledger_transitions(site->ledger, service->conf->id, check, 0,
	    clock_wall_us() + CLOCK_SECOND, 1, on_recalled, recall);
}

bool
change_recall(struct registry *registry, struct registry_site *site)
{
	bool left = false;
	int64_t last_s;
	size_t i, j;

	for (i = 0; i < site->service_count; i++) {
		struct registry_service *service = site->services[i];
		size_t open = 0;
		for (j = 0; j < service->check_count; j++) {
			struct registry_check *check = service->checks[j];
			if (check->past.recalled)
				continue;
			open++;
			if (archive_before(check->series, &last_s))
				ask(registry, site, service, check->conf->id,
				    &check->past);
		}
		if (!service->past.recalled && open == 0)
			ask(registry, site, service, "", &service->past);
		left |= open > 0 || !service->past.recalled;
	}
	return left;
}
