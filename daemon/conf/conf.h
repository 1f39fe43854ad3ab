/*
 * The configuration: one immutable snapshot, bound from YAML by option tables.
 * Loading reads every file, reports every error with its place, and gives a
 * snapshot only when there is none. Strings and structs within belong to it.
 */
#ifndef VT_CONF_CONF_H
#define VT_CONF_CONF_H

#include "base/buf.h"
#include "conf/option.h"

struct civil_zone;
struct conf_site;
struct conf_service;

struct conf_area {
	char *id;
	struct conf_place place;
	struct conf_text title;
};

struct conf_supplier {
	char *id;
	struct conf_place place;
	struct conf_text title;
	char *contact;
};

struct conf_check {
	char *id;
	struct conf_place place;
	struct conf_service *service;
	int64_t every_us;	/* interval and step of its archive; whole seconds */
	int64_t timeout_us;	/* at most every_us; whole run, retry not counted */
	bool required;		/* false: its failure only degrades the service */
	int64_t dns_cache_us;	/* -1: by TTL; 0: resolved anew each time */
	const struct conf_collector *collector;
	void *options;		/* the collector's struct */
	uint64_t hash;		/* of everything above: equal means unchanged */
};

struct conf_service {
	char *id;
	struct conf_place place;
	struct conf_site *site;
	struct conf_text title, description, instead;
	char *area;		/* id, or NULL */
	char *supplier;		/* id, or NULL */
	bool public;
	bool public_detail;	/* addresses and error texts may be shown */
	struct {
		double availability;	/* percent, 0: none */
		int64_t p95_us;		/* 0: none */
	} objective;
	size_t check_count;
	struct conf_check *checks; /* in the file's order */
};

struct conf_site {
	char *id;
	struct conf_place place;
	char *name;
	char *ipa, *istat;	/* or NULL */
	char *url;		/* public address without a slash at the end */
	char *host;		/* host of url, lower case, port if not the default */
	char *base_path;	/* path of url: "" or "/trasparenza" */
	struct conf_strings languages; /* first is the default */
	char *timezone;
	struct civil_zone *zone;
	char *contact;		/* mail address, or NULL */
	bool demo;		/* every page says that its data is a demonstration */
	struct {
		char *accessibility, *privacy, *legal, *report; /* URLs or NULL */
	} pages;
	size_t area_count;
	struct conf_area *areas;
	size_t supplier_count;
	struct conf_supplier *suppliers;
	size_t service_count;
	struct conf_service *services;
};

struct conf {
	char *file;
	struct {
		struct conf_strings public, admin; /* host:port, [v6]:port, unix:path */
		char *control;			   /* path of the socket */
	} listen;
	struct {
		char *path;
		struct conf_retention retention;
		int64_t flush_us;
		int64_t pending_max;	/* bytes */
	} store;
	int log_level;		/* enum log_level */
	struct conf_strings include; /* patterns as the file says; what they bring is
				      * among sites */
	size_t site_count;
	struct conf_site *sites;
};

struct conf_load {
	/* In: */
	const char *file;
	const struct conf_collector *collectors; /* ends with a row of name NULL; the
						  * snapshot borrows them */
	bool check_system;	/* also paths, key files, time zones */
	/* Out: */
	struct buf errors;	/* a line each: file:line:column: path: what, expected */
	unsigned error_count;
	struct buf warnings;	/* the same form */
};

/* -> a snapshot, or NULL with errors told. The caller frees both buffers. May run on
 * a worker: reads files, knows no state but its arguments. */
struct conf *conf_load(struct conf_load *load);
void conf_free(struct conf *conf);

/* The text in a language: it, else the one for all, else the first; NULL if none. */
const char *conf_text_get(const struct conf_text *text, const char *language);

/* Disk that the archive of a check takes, in bytes. */
int64_t conf_check_disk(const struct conf *conf, const struct conf_check *check);
/* -t: the disk needed per check and in all, what is free, a warning if short. */
void conf_disk_report(const struct conf *conf, struct buf *out);
/* -T: the whole configuration with its defaults, as YAML, secrets masked. */
void conf_print(const struct conf *conf, struct buf *out);

/* The option tables as documents: JSON Schema, options of vetrina.yaml(5) in
 * mdoc, etc/vetrina.yaml. For the generator and the lint test. */
void conf_write_schema(const struct conf_collector *collectors, struct buf *out);
void conf_write_manual(const struct conf_collector *collectors, struct buf *out);
void conf_write_example(const struct conf_collector *collectors, struct buf *out);

#endif
