/*
 * Trees of libbsd. Its RB_GENERATE_STATIC needs a macro that glibc does not have,
 * so the static form is ours.
 */
#ifndef VT_BASE_TREE_H
#define VT_BASE_TREE_H

#include <sys/tree.h>

#define TREE_GENERATE(name, type, field, compare) \
	RB_GENERATE_INTERNAL( \
	    name, type, field, compare, static __attribute__((unused)))

#endif
