/*
 * What a collector is, and how a check is run: the contract of collectors/.
 *
 * The scheduler calls start() in the check's slot; the collector measures without
 * blocking and calls probe_done() exactly once, later and never from within
 * start(). It may be told to cancel(), and then does not call probe_done().
 */
#ifndef VT_WATCH_PROBE_H
#define VT_WATCH_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/option.h"
#include "store/archive.h"

struct echo;
struct loop;
struct fetch_pool;
struct resolve;
struct probe_run;
struct spawn_pool;
struct stream_pool;
struct worker_pool;

/* The closed list of classes, in design.md and vetrinad(8). */
enum probe_class {
	PROBE_OK, PROBE_RESOLVE, PROBE_REFUSED, PROBE_CONNECT_TIMEOUT, PROBE_TLS_TIMEOUT,
	PROBE_FIRST_BYTE_TIMEOUT, PROBE_READ_TIMEOUT, PROBE_CERTIFICATE_EXPIRED,
	PROBE_CERTIFICATE_NAME, PROBE_CERTIFICATE_ISSUER, PROBE_TLS, PROBE_STATUS,
	PROBE_MATCH, PROBE_JSON, PROBE_TOO_LARGE, PROBE_REDIRECTS, PROBE_CLOSED,
	PROBE_PROTOCOL, PROBE_SLOW, PROBE_INTERNAL, PROBE_CLASSES
};
const char *probe_class_name(enum probe_class class); /* "first_byte_timeout" */

struct probe_result {
	enum probe_class class;	/* PROBE_OK: all expectations hold */
	bool warn;		/* ok, but a warn bound is passed */
	char message[256];	/* a sentence, English; administrators only */
	double values[ARCHIVE_SOURCES_MAX]; /* in the order of the sources; NAN unknown */
};

/* What a collector may use; the daemon's, for as long as it lives. */
struct probe_env {
	struct loop *loop;
	struct resolve *resolve;
	struct fetch_pool *fetch;
	struct echo *echo;
	struct spawn_pool *spawn;
	struct stream_pool *streams;
	struct worker_pool *io;	/* for what takes long; NULL: do it here */
};

struct collector {
	const char *name;
	const char *text;
	const struct option *options;
	size_t options_size;
	const char *shorthand;	/* as conf_collector */
	void (*check)(const void *options, conf_complain *complain, void *arg);
	const struct archive_source *sources; /* of every check; then those of extra() */
	size_t source_count;
	/* As conf_collector's; at most ARCHIVE_SOURCES_MAX with the above. */
	size_t (*extra)(const void *options, struct archive_source *out);
	int total;		/* index of the source that is the response time, -1 none */
	/* State of one check, made from options (kept by the caller until close). -> 0
	 * or negative, with a sentence in error. */
	int (*open)(const struct probe_env *env, const void *options, int64_t dns_cache_us,
	    void **state, char error[256]);
	/* fresh: a retry, on nothing kept from before. */
	void (*start)(void *state, struct probe_run *run, int64_t timeout_us, bool fresh);
	void (*cancel)(void *state); /* the running start(), if any */
	void (*close)(void *state);
	/* The options moved to another address, all equal; NULL: closed and opened. */
	void (*rebind)(void *state, const void *options);
	int (*retries)(const void *options); /* 0 or more, after a first failure */
	int64_t (*load_us)(const void *options); /* CPU of a run on the loop, about */
};

/* Class ok, no message, every value unknown. */
void probe_result_clear(struct probe_result *result);
void probe_done(struct probe_run *run, const struct probe_result *result);

#endif
