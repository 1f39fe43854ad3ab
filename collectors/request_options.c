/* The options of a request, and what does not go together. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "collectors/request.h"
#include "loop/address.h"
#include "loop/url.h"

const char *const request_methods[] = {
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", NULL};
const char *const request_reuses[] = {"none", "session", "connection", NULL};
const char *const request_families[] = {"any", "4", "6", NULL};

/* A secret in the configuration's text would show in -T and in backups. */
static bool
holds_password(const char *url)
{
	const char *host = url != NULL ? strstr(url, "://") : NULL;

	return host != NULL && host[3 + strcspn(host + 3, "/?#@")] == '@';
}

/* families: 1 is IPv4, 2 is IPv6 */
static bool
is_other_literal(const char *text, int family)
{
	struct address address;
	struct url url;
	bool other;

	if (text == NULL)
		return false;
	other = url_parse(text, NULL, &url) == 0 && address_parse(url.host, &address) &&
		address.version != (family == 1 ? 4 : 6);
	url_free(&url);
	return other;
}

static void
check_headers(const struct conf_strings *headers, conf_complain *complain, void *arg)
{
	char error[96];
	size_t i, length;

	for (i = 0; i < headers->count; i++) {
		const char *header = headers->items[i];

		length = strcspn(header, ": \t");
		if (length == 0 || header[length] != ':') {
			snprintf(error, sizeof(error),
			    "%zu of %zu: expected \"Name: value\"", i + 1,
			    headers->count);
			complain(arg, "headers", NULL, error);
		} else if (strncasecmp(header, "Authorization:", 14) == 0 ||
			   strncasecmp(header, "Proxy-Authorization:", 20) == 0) {
			complain(arg, "headers", NULL,
			    "credentials come from files: bearer_file, user and "
			    "password_file, or header_files");
		}
	}
}

static bool
is_header_name(const char *text)
{
	size_t length =
	    strspn(text, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
			 "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return length > 0 && text[length] == '\0';
}

static bool
has_header(const struct conf_strings *headers, const char *name)
{
	size_t length = strlen(name), i;

	for (i = 0; i < headers->count; i++)
		if (strncasecmp(headers->items[i], name, length) == 0 &&
		    headers->items[i][length] == ':')
			return true;
	return false;
}

static void
check_header_files(
    const struct request_options *opts, conf_complain *complain, void *arg)
{
	const struct conf_files *files = &opts->header_files;
	char error[128];
	size_t i, j;

	for (i = 0; i < files->count; i++) {
		const char *name = files->items[i].name;

		for (j = 0; j < i && strcasecmp(files->items[j].name, name) != 0; j++)
			;
		if (!is_header_name(name)) {
			snprintf(error, sizeof(error),
			    "%zu of %zu: expected the name of a header", i + 1,
			    files->count);
			complain(arg, "header_files", NULL, error);
		} else if (j < i || has_header(&opts->headers, name)) {
			snprintf(error, sizeof(error),
			    "%.64s stands twice, expected each header once", name);
			complain(arg, "header_files", "headers", error);
		} else if (strcasecmp(name, "Authorization") == 0 &&
			   (opts->bearer_file != NULL || opts->user != NULL)) {
			complain(arg, "header_files",
			    opts->user != NULL ? "user" : "bearer_file",
			    "either Authorization, or bearer_file or user");
		}
	}
}

static void
check_pair(const char *name, const char *value, const char *other_name,
    const char *other_value, const char *problem, conf_complain *complain, void *arg)
{
	if (value != NULL && other_value == NULL)
		complain(arg, name, other_name, problem);
	else if (value == NULL && other_value != NULL)
		complain(arg, other_name, name, problem);
}

void
request_check(const struct request_options *opts, conf_complain *complain, void *arg)
{
	static const char by_file[] =
	    "credentials do not belong into the configuration: "
	    "use user and password_file, or bearer_file";

	if (holds_password(opts->url))
		complain(arg, "url", NULL, by_file);
	if (holds_password(opts->proxy))
		complain(arg, "proxy", NULL, by_file);
	if (opts->proxy != NULL && strncasecmp(opts->proxy, "http://", 7) != 0)
		complain(arg, "proxy", NULL,
		    "a proxy is spoken to by http://, whatever is asked for through "
		    "it");
	if (opts->ip != 0 && opts->proxy == NULL &&
	    is_other_literal(opts->url, opts->ip))
		complain(
		    arg, "ip", NULL, "the url has an address of the other version");
	check_headers(&opts->headers, complain, arg);
	check_header_files(opts, complain, arg);
	check_pair("user", opts->user, "password_file", opts->password_file,
	    "user and password_file go together", complain, arg);
	if (opts->user != NULL && strchr(opts->user, ':') != NULL)
		complain(
		    arg, "user", NULL, "a user of basic authentication has no colon");
	if (opts->bearer_file != NULL && opts->user != NULL)
		complain(
		    arg, "bearer_file", "user", "either bearer_file or user, not both");
	check_pair("key_file", opts->key_file, "certificate_file",
	    opts->certificate_file, "certificate_file and key_file go together",
	    complain, arg);
	if (strcmp(request_methods[opts->method], "HEAD") == 0 && opts->body != NULL)
		complain(arg, "body", "method", "a HEAD is asked without a body");
}

/* As measured by tests/bench/checks.sh. */
int64_t
request_load_us(const struct request_options *opts)
{
	bool handshakes = opts->url != NULL && strncmp(opts->url, "https:", 6) == 0 &&
			  opts->reuse == FETCH_REUSE_NONE;

	return handshakes ? 1000 : 100;
}
