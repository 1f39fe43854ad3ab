/* The files of a configuration as one tree; conf/ only. */
#ifndef VT_CONF_FILES_H
#define VT_CONF_FILES_H

#include "conf/bind.h"

/* Reads the file and what it includes. -> the root, whose `sites` holds those of all
 * files, or NULL. Nodes go to the arena given, names and folders to the binder's. */
struct conf_node *files_read(
    struct binder *binder, struct arena *nodes, const char *path, char **absolute);

#endif
