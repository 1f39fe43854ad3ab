/*
 * What collectors have in common that ask for a body and take numbers out of it: the
 * request, the judgement of its answer, and a result. Such a collector's options begin
 * with a struct request_options; its own part is a plan (judge.h), whose values are
 * those behind READING_SOURCES.
 */
#ifndef VT_COLLECTORS_READING_H
#define VT_COLLECTORS_READING_H

#include "collectors/judge.h"
#include "collectors/request.h"
#include "collectors/values.h"

/* The first sources of each. */
enum { READING_TOTAL, READING_FIRST_BYTE, READING_SOURCES };
#define READING_SOURCE_ROWS \
	[READING_TOTAL] = {"total", "s", 0, NAN, "All of it, until the answer's last byte"}, \
	[READING_FIRST_BYTE] = {"first_byte", "s", 0, NAN, "Waiting for the answer to begin"}

/* As conf_collector's check, of the request. */
void reading_check(const void *options, conf_complain *complain, void *arg);

/* plan is the state's from here on, and values are the plan's, or NULL: those of the
 * judgement must be within their bounds, rates of counters too; one that is not is
 * unknown, and the result of class beyond. -> the state of a check */
void *reading_create(const struct probe_env *env, const void *options,
    int64_t dns_cache_us, struct judge_plan *plan, const struct values *values,
    enum probe_class beyond);

/* Reads a local file instead of asking; the options' max_body holds. */
void reading_set_file(void *state, const char *path);

/* As struct collector's. */
void reading_start(void *state, struct probe_run *run, int64_t timeout_us, bool fresh);
void reading_cancel(void *state);
void reading_close(void *state);
void reading_rebind(void *state, const void *options);
int reading_retries(const void *options);
int64_t reading_load_us(const void *options);

#endif
