/* A stranger's body as a JSON document, within bounds; on any thread. */
#ifndef VT_COLLECTORS_DOCUMENT_H
#define VT_COLLECTORS_DOCUMENT_H

#include <jansson.h>
#include <stddef.h>

/* -> NULL with a sentence: empty, not JSON, or with more values than memory is given. */
json_t *document_parse(const char *body, size_t length, char sentence[256]);

#endif
