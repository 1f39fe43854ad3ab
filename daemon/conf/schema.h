/* The option tables of everything but the collectors; conf/ only. */
#ifndef VT_CONF_SCHEMA_H
#define VT_CONF_SCHEMA_H

#include "conf/option.h"

extern const struct option schema_top[];     /* struct conf */
extern const struct option schema_site[];    /* struct conf_site */
extern const struct option schema_service[]; /* struct conf_service */
extern const struct option schema_check[];   /* struct conf_check */

#endif
