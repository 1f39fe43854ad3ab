/*
 * YAML as a tree of nodes, each of which knows its place: the subset that a
 * configuration needs. Anchors, aliases, tags and a second document are errors;
 * depth, size and number of nodes are bounded. JSON is read, being YAML. The only
 * file with libyaml's header is yaml.c.
 */
#ifndef VT_CONF_YAML_H
#define VT_CONF_YAML_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct report;

/* A file that nodes come from; outlives them. */
struct conf_file {
	const char *name;	/* as messages show it */
	const char *folder;	/* absolute; relative paths begin here */
	unsigned number;	/* order of reading */
};

enum conf_node_kind {
	NODE_SCALAR,
	NODE_LIST,
	NODE_MAP,
	NODE_BAD,	/* already reported: whatever it is, it is not looked at */
};

struct conf_node {
	enum conf_node_kind kind;
	bool plain;	/* SCALAR: not quoted */
	bool refused;	/* set by who binds: its value was in error */
	const struct conf_file *file;
	unsigned line, column;		/* from 1; 0: a default */
	struct conf_node *parent, *next;
	/* In a map: */
	const char *key;		/* NULL elsewhere */
	unsigned key_line, key_column;
	const struct conf_node *twin;	/* the earlier one with the same key, or NULL */
	/* SCALAR: */
	const char *text;
	/* LIST, MAP: */
	struct conf_node *first, *last;
	size_t count;
	void *object;	/* set by who binds: what it became */
};

#define YAML_DEPTH_MAX 24
#define YAML_NODES_MAX 1000000 /* of one file */

/* -> the root (an empty file is an empty map), or NULL with the error reported. */
struct conf_node *yaml_read(struct arena *arena, struct report *report,
    const struct conf_file *file, const char *data, size_t length);
struct conf_node *yaml_child(const struct conf_node *map, const char *key); /* or NULL */
/* A plain scalar that says nothing: empty, ~ or null. */
bool yaml_is_null(const struct conf_node *node);
/* Moves the children of a map behind those of another, whose twins are to be marked
 * again once all is moved. */
void yaml_merge(struct conf_node *into, struct conf_node *from);
void yaml_mark_twins(struct conf_node *map);

#endif
