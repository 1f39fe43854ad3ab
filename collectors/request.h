/*
 * One HTTP request, as the configuration says it: the options that http, json and
 * others share, as rows for their tables, the checks of these, and the request itself
 * with its secrets. A secret that cannot be read fails the run before anything is sent.
 */
#ifndef VT_COLLECTORS_REQUEST_H
#define VT_COLLECTORS_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/option.h"
#include "loop/fetch.h"
#include "watch/probe.h"

struct request_options {
	char *url;
	int method;		/* index into request_methods */
	struct conf_strings headers;
	struct conf_files header_files;
	char *body;
	int64_t follow, max_body, retry;
	int reuse, ip;		/* enum fetch_reuse, enum resolve_family */
	char *proxy, *ca_file, *certificate_file, *key_file;
	char *bearer_file, *user, *password_file;
};

extern const char *const request_methods[], *const request_reuses[],
    *const request_families[];

/* Rows of an option table; base is the offset of the struct request_options. */
#define REQUEST_AT(base, field) ((base) + offsetof(struct request_options, field))

/* Those that collectors of other things than URLs have too. */
#define RETRY_OPTION(at) \
	{.name = "retry", \
	    .type = OPTION_INTEGER, \
	    .offset = (at), \
	    .fallback = "1", \
	    .max = 3, \
	    .text = "How often a failure is measured again at once, before it counts"}
#define IP_OPTION(at) \
	{.name = "ip", \
	    .type = OPTION_CHOICE, \
	    .offset = (at), \
	    .fallback = "any", \
	    .choices = request_families, \
	    .text = "The version of IP"}
#define CA_FILE_OPTION(at) \
	{.name = "ca_file", \
	    .type = OPTION_PATH, \
	    .offset = (at), \
	    .text = "Certificates (PEM) to trust, instead of the system's"}

#define REQUEST_URL_OPTION(base, needed, instance) \
	{.name = "url", \
	    .type = OPTION_URL, \
	    .offset = REQUEST_AT(base, url), \
	    .required = needed, \
	    .shown = true, \
	    .example = instance, \
	    .text = "What is asked for"}

#define REQUEST_FIRST_OPTIONS(base) \
	{.name = "method", \
	    .type = OPTION_CHOICE, \
	    .offset = REQUEST_AT(base, method), \
	    .fallback = "GET", \
	    .choices = request_methods, \
	    .text = "How it is asked for"}, \
	{.name = "headers", \
	    .type = OPTION_STRINGS, \
	    .offset = REQUEST_AT(base, headers), \
	    .headers = true, \
	    .example = "[\"Accept: text/html\"]", \
	    .text = "Headers to send, each as \"Name: value\"; credentials have options of " \
	    "their own, and secrets header_files"}, \
	{.name = "header_files", \
	    .type = OPTION_SECRET_FILES, \
	    .offset = REQUEST_AT(base, header_files), \
	    .example = "{X-Api-Key: /etc/vetrina/api.key}", \
	    .text = \
	    "Headers whose value is a secret, each by the name of the header and a " \
	    "file that holds the value; read again when it changes, and not sent to " \
	    "another host by a redirect"}, \
	{.name = "body", \
	    .type = OPTION_STRING, \
	    .offset = REQUEST_AT(base, body), \
	    .example = "'{\"ping\": true}'", \
	    .text = "The body to send"}

#define REQUEST_LAST_OPTIONS(base) \
	{.name = "follow", \
	    .type = OPTION_INTEGER, \
	    .offset = REQUEST_AT(base, follow), \
	    .fallback = "5", \
	    .max = 20, \
	    .text = "Redirects followed at most; 0 takes a redirect as the answer"}, \
	{.name = "max_body", \
	    .type = OPTION_SIZE, \
	    .offset = REQUEST_AT(base, max_body), \
	    .fallback = "1M", \
	    .min = 1, \
	    .max = 64 << 20, \
	    .unit = "bytes", \
	    .text = "A longer body, decompressed, is a failure of class too_large"}, \
	{.name = "reuse", \
	    .type = OPTION_CHOICE, \
	    .offset = REQUEST_AT(base, reuse), \
	    .fallback = "none", \
	    .choices = request_reuses, \
	    .text = \
	    "What is kept for the next run: none measures what a first visit takes, " \
	    "session keeps the TLS session (a full handshake at least every 10 " \
	    "minutes, " \
	    "and each time with a server of TLS 1.2 that only offers tickets, which " \
	    "are " \
	    "not resumed), connection keeps the connection"}, \
	RETRY_OPTION(REQUEST_AT(base, retry)), \
	IP_OPTION(REQUEST_AT(base, ip)), \
	{.name = "proxy", \
	    .type = OPTION_URL, \
	    .offset = REQUEST_AT(base, proxy), \
	    .example = "http://proxy.example.it:3128", \
	    .text = "An HTTP proxy to ask through; the environment is not read"}, \
	CA_FILE_OPTION(REQUEST_AT(base, ca_file)), \
	{.name = "certificate_file", \
	    .type = OPTION_PATH, \
	    .offset = REQUEST_AT(base, certificate_file), \
	    .text = "Our certificate (PEM), for servers that ask for one"}, \
	{.name = "key_file", \
	    .type = OPTION_SECRET_FILE, \
	    .offset = REQUEST_AT(base, key_file), \
	    .text = "The private key (PEM) of certificate_file"}, \
	{.name = "bearer_file", \
	    .type = OPTION_SECRET_FILE, \
	    .offset = REQUEST_AT(base, bearer_file), \
	    .text = "A file that holds a bearer token; read again when it changes"}, \
	{.name = "user", \
	    .type = OPTION_STRING, \
	    .offset = REQUEST_AT(base, user), \
	    .text = "The user of basic authentication"}, \
	{.name = "password_file", \
	    .type = OPTION_SECRET_FILE, \
	    .offset = REQUEST_AT(base, password_file), \
	    .text = "A file that holds the password of user; read again when it changes"}

/* As conf_collector's check. */
void request_check(const struct request_options *options, conf_complain *complain, void *arg);
int64_t request_load_us(const struct request_options *options); /* as collector's */

struct request; /* opaque */

/* Called once, never from within request_start(). A secret that cannot be read gives
 * class FETCH_INTERNAL with a sentence, and no times. */
struct request *request_create(const struct probe_env *env,
    const struct request_options *options, int64_t dns_cache_us, fetch_cb *cb, void *arg);
void request_destroy(struct request *request); /* NULL is fine; cancels */
/* The options moved, all equal. */
void request_rebind(struct request *request, const struct request_options *options);
void request_start(struct request *request, int64_t timeout_us, bool fresh);
void request_cancel(struct request *request); /* cb is not called */

enum probe_class request_class(enum fetch_class class);
/* "200, HTTP/2, 12,345 bytes, 2 redirects" */
void request_describe(const struct fetch_reply *reply, char out[256]);

#endif
