/*
 * Option tables: the single declaration of what a configuration may say. A row
 * binds one key to a field of a struct; the parser, -t, -T, vetrina.yaml(5),
 * etc/vetrina.yaml and the JSON Schema all read the same rows.
 *
 * A struct that a table binds begins zeroed, gets every default, then what the
 * file says. What is pointed to belongs to the snapshot (conf.h), which frees it.
 */
#ifndef VT_CONF_OPTION_H
#define VT_CONF_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A place in a file, for errors found after parsing. file is borrowed from the
 * snapshot. line and column count from 1; 0 means the value is a default. */
struct conf_place {
	const char *file;
	unsigned line, column;
};

enum option_type {
	OPTION_BOOL,		/* bool: true false */
	OPTION_INTEGER,		/* int64_t, within min..max */
	OPTION_NUMBER,		/* double, within min..max */
	OPTION_DURATION,	/* int64_t microseconds: 90s 15m 30d; min..max in us;
				 * the i-th of choices stands for -1 - i */
	OPTION_SIZE,		/* int64_t bytes: 64K 1M; min..max in bytes */
	OPTION_STRING,		/* char *, UTF-8 without control characters; min..max
				 * bytes */
	OPTION_CHOICE,		/* int: index into choices */
	OPTION_URL,		/* char *: http:// or https:// */
	OPTION_PATH,		/* char *, made absolute against the file's folder */
	OPTION_SECRET_FILE,	/* char *, as PATH; must be readable, shown masked */
	OPTION_SECRET_FILES,	/* struct conf_files: a mapping from names to such files */
	OPTION_REGEX,		/* char *, must compile as PCRE2 */
	OPTION_STRINGS,		/* struct conf_strings: a list, or one scalar; min..max
				 * items; each one of choices, if given */
	OPTION_TEXT,		/* struct conf_text: per language, or one scalar */
	OPTION_STATUSES,	/* struct conf_statuses: 200-299, 301 */
	OPTION_RETENTION,	/* struct conf_retention: [1m:14d, 5m:90d] */
	OPTION_GROUP,		/* a mapping with a table of its own, embedded struct */
	OPTION_MAP,		/* struct conf_map: a mapping from identifiers to structs
				 * of a table, each of which begins as conf_item */
	OPTION_COLLECTOR,	/* conf/ only: one key that is a collector's name */
};

struct conf_strings {
	size_t count;
	char **items;
	struct conf_place *places; /* one an item */
};

struct conf_files {
	size_t count;
	struct conf_file_item {
		char *name;
		char *path;
	} *items;
};

/* Text in languages; language NULL: the file gave one scalar for all. */
struct conf_text {
	size_t count;
	struct conf_text_item {
		char *language;
		char *text;
	} *items;
};

struct conf_statuses {
	size_t count;
	struct {
		int first, last;
	} ranges[16];
};

struct conf_retention {
	size_t count;
	struct {
		int64_t step_us, keep_us;
	} tiers[8];
};

/* The i-th item is at items + i * size of the row. */
struct conf_map {
	size_t count;
	void *items;
};

struct conf_item {
	char *id;
	struct conf_place place; /* of its key */
};

struct option {
	const char *name;
	enum option_type type;
	size_t offset;		/* of the field in the bound struct */
	const char *fallback;	/* the default as YAML text; NULL: none (zero, NULL) */
	double min, max;	/* both 0: no bound */
	bool required;
	bool shown;		/* in the example as if it were required */
	bool unset_nan;		/* NUMBER without a default: NAN where nothing is said */
	bool headers;		/* STRINGS: "Name: value" or "NAME=value"; one like a secret
				 * by its name is shown masked */
	const char *unit;	/* for the manual: "s", "bytes", "%"; NULL: none. MAP: the
				 * word for an item's identifier */
	const char *const *choices; /* NULL-terminated */
	const struct option *group; /* GROUP, MAP: ends with a row of name NULL */
	size_t size;		/* MAP: of an item */
	const char *example;	/* as YAML text, for the documents. MAP: an identifier */
	const char *text;	/* one sentence, English, no full stop needed */
};

#define OPTION_END {.name = NULL}

/* Of a problem: the option to blame, and another that takes part in it or NULL. It is not
 * told where the value of either is in error already. */
typedef void conf_complain(
    void *arg, const char *option, const char *other, const char *problem);

struct archive_source; /* store/archive.h; only passed on here */

/* A collector as the configuration sees it; daemon.c makes these from collectors/. */
struct conf_collector {
	const char *name;
	const char *text;	/* one sentence for the manual */
	const struct option *options;
	size_t size;		/* of the struct that options binds */
	size_t sources;		/* data sources of its samples, without up and known */
	/* Of those that its options bring besides: fills out unless it is NULL; what out
	 * points to belongs to options. -> how many. NULL: never any. */
	size_t (*extra)(const void *options, struct archive_source *out);
	/* The option that may stand alone, as in `http: "https://..."`; NULL: none. */
	const char *shorthand;
	/* What options cannot tell one by one; complains of each problem. NULL: none. */
	void (*check)(const void *options, conf_complain *complain, void *arg);
};

#endif
