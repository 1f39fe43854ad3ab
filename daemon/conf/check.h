/* What has to hold across the values of a configuration; conf/ only. */
#ifndef VT_CONF_CHECK_H
#define VT_CONF_CHECK_H

#include <stdbool.h>

#include "conf/report.h"

struct binder;
struct conf;
struct conf_node;

/* After binding: links the structs, takes the addresses of the sites apart, opens
 * their time zones, and reports what does not fit together. */
void check_all(struct binder *binder, struct conf *conf, struct conf_node *root);

/* Its part outside the sites. */
void check_machine(struct binder *binder, struct conf *conf, const struct conf_node *root);

/* The node of a key whose value is good, or NULL. */
struct conf_node *check_good(const struct conf_node *map, const char *key);
/* Whether a key is there and in error, which is told already. */
bool check_refused(const struct conf_node *map, const char *key);
/* At the value, or where it is missing: a default does not fit either. */
void check_complain(struct binder *binder, enum report_kind kind,
    const struct conf_node *map, const char *key, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
