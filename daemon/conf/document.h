/* What the documents made from the option tables share; conf/ only. */
#ifndef VT_CONF_DOCUMENT_H
#define VT_CONF_DOCUMENT_H

#include <jansson.h>

#include "base/buf.h"
#include "conf/option.h"

/* A default or example, which is YAML text, as the JSON that the row's type has. */
json_t *document_value(const struct option *row, const char *text);

#endif
