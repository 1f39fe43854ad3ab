/* What has to hold across the values of a configuration; conf/ only. */
#ifndef VT_CONF_CHECK_H
#define VT_CONF_CHECK_H

struct binder;
struct conf;
struct conf_node;

/* After binding: links the structs, takes the addresses of the sites apart, opens
 * their time zones, and reports what does not fit together. */
void check_all(struct binder *binder, struct conf *conf, struct conf_node *root);

#endif
