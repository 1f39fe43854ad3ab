/* Structs back to YAML by their tables; conf/ only. */
#ifndef VT_CONF_PRINT_H
#define VT_CONF_PRINT_H

#include <stdbool.h>

#include "base/buf.h"
#include "conf/option.h"

/* The rows of a table in block style. masked: secrets are not shown. What has no
 * default and no value is left out. */
void print_table(const struct option *table, const void *object, unsigned indent,
    bool masked, struct buf *out);

#endif
