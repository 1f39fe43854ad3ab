/* Values of rows: shared by the files that convert them; conf/ only. */
#ifndef VT_CONF_VALUE_H
#define VT_CONF_VALUE_H

#include "conf/bind.h"

/* Reports an error: the value, unless it may hold a secret; what is wrong; what was
 * expected. -> false */
bool value_wrong(struct binder *binder, const struct option *row,
    const struct conf_node *node, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* These report what does not hold. */
bool value_is_scalar(
    struct binder *binder, const struct option *row, const struct conf_node *node);
bool value_is_text(
    struct binder *binder, const struct option *row, const struct conf_node *node);

bool value_is_outside(const struct option *row, double value);

bool value_bind_strings(struct binder *binder, const struct option *row,
    struct conf_node *node, void *field);
bool value_bind_secret_file(struct binder *binder, const struct option *row,
    struct conf_node *node, void *field);
bool value_bind_secret_files(struct binder *binder, const struct option *row,
    struct conf_node *node, void *field);
bool value_bind_text(struct binder *binder, const struct option *row,
    struct conf_node *node, void *field);
bool value_bind_statuses(struct binder *binder, const struct option *row,
    struct conf_node *node, void *field);
bool value_bind_retention(struct binder *binder, const struct option *row,
    struct conf_node *node, void *field);

#endif
