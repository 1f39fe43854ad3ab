/* The options of the http collector, and what does not go together. */
#include "collectors/http_options.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "collectors/expect.h"
#include "loop/address.h"
#include "loop/url.h"

const char *const http_methods[] = {
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", NULL};
static const char *const reuses[] = {"none", "session", "connection", NULL};
static const char *const families[] = {"any", "4", "6", NULL};

#define AT(field) offsetof(struct http_options, field)
const struct option http_options[] = {
    {.name = "url",
	.type = OPTION_URL,
	.offset = AT(url),
	.required = true,
	.example = "https://www.example.it/",
	.text = "What is asked for"},
    {.name = "method",
	.type = OPTION_CHOICE,
	.offset = AT(method),
	.fallback = "GET",
	.choices = http_methods,
	.text = "How it is asked for"},
    {.name = "headers",
	.type = OPTION_STRINGS,
	.offset = AT(headers),
	.headers = true,
	.example = "[\"Accept: text/html\"]",
	.text = "Headers to send, each as \"Name: value\"; credentials have options of "
		"their own, and secrets header_files"},
    {.name = "header_files",
	.type = OPTION_SECRET_FILES,
	.offset = AT(header_files),
	.example = "{X-Api-Key: /etc/vetrina/api.key}",
	.text =
	    "Headers whose value is a secret, each by the name of the header and a "
	    "file that holds the value; read again when it changes, and not sent to "
	    "another host by a redirect"},
    {.name = "body",
	.type = OPTION_STRING,
	.offset = AT(body),
	.example = "'{\"ping\": true}'",
	.text = "The body to send"},
    {.name = "status",
	.type = OPTION_STATUSES,
	.offset = AT(status),
	.fallback = "200-299",
	.example = "[200-299, 401]",
	.text = "The statuses that are well, single or as ranges"},
    {.name = "header",
	.type = OPTION_STRINGS,
	.offset = AT(header),
	.example = "[\"Content-Type: ^text/html\"]",
	.headers = true,
	.text = "Headers that the answer must have, as \"Name\" or \"Name: pattern\""},
    {.name = "match",
	.type = OPTION_STRINGS,
	.offset = AT(match),
	.example = "Servizio attivo",
	.text = "Patterns that the body must all match (PCRE2, on bytes)"},
    {.name = "not_match",
	.type = OPTION_STRINGS,
	.offset = AT(not_match),
	.example = "(?i)errore interno",
	.text = "Patterns that the body must not match"},
    {.name = "json",
	.type = OPTION_STRINGS,
	.offset = AT(json),
	.example = "['/status = \"ok\"', /queue/pending < 10]",
	.text =
	    "What must hold in the JSON body: a JSON pointer alone (it is there), or "
	    "compared by =, !=, <, <=, >, >= with a value"},
    {.name = "max_time",
	.type = OPTION_DURATION,
	.offset = AT(max_time_us),
	.min = 1000,
	.max = 3600e6,
	.example = "2s",
	.text = "A whole answer that took longer is a failure of class slow"},
    {.name = "follow",
	.type = OPTION_INTEGER,
	.offset = AT(follow),
	.fallback = "5",
	.max = 20,
	.text = "Redirects followed at most; 0 takes a redirect as the answer"},
    {.name = "max_body",
	.type = OPTION_SIZE,
	.offset = AT(max_body),
	.fallback = "1M",
	.min = 1,
	.max = 64 << 20,
	.unit = "bytes",
	.text = "A longer body, decompressed, is a failure of class too_large"},
    {.name = "reuse",
	.type = OPTION_CHOICE,
	.offset = AT(reuse),
	.fallback = "none",
	.choices = reuses,
	.text =
	    "What is kept for the next run: none measures what a first visit takes, "
	    "session keeps the TLS session (a full handshake at least every 10 "
	    "minutes, "
	    "and each time with a server of TLS 1.2 that only offers tickets, which "
	    "are "
	    "not resumed), connection keeps the connection"},
    {.name = "retry",
	.type = OPTION_INTEGER,
	.offset = AT(retry),
	.fallback = "1",
	.max = 3,
	.text = "How often a failure is measured again at once, before it counts"},
    {.name = "ip",
	.type = OPTION_CHOICE,
	.offset = AT(ip),
	.fallback = "any",
	.choices = families,
	.text = "The version of IP"},
    {.name = "proxy",
	.type = OPTION_URL,
	.offset = AT(proxy),
	.example = "http://proxy.example.it:3128",
	.text = "An HTTP proxy to ask through; the environment is not read"},
    {.name = "ca_file",
	.type = OPTION_PATH,
	.offset = AT(ca_file),
	.text = "Certificates (PEM) to trust, instead of the system's"},
    {.name = "certificate_file",
	.type = OPTION_PATH,
	.offset = AT(certificate_file),
	.text = "Our certificate (PEM), for servers that ask for one"},
    {.name = "key_file",
	.type = OPTION_SECRET_FILE,
	.offset = AT(key_file),
	.text = "The private key (PEM) of certificate_file"},
    {.name = "bearer_file",
	.type = OPTION_SECRET_FILE,
	.offset = AT(bearer_file),
	.text = "A file that holds a bearer token; read again when it changes"},
    {.name = "user",
	.type = OPTION_STRING,
	.offset = AT(user),
	.text = "The user of basic authentication"},
    {.name = "password_file",
	.type = OPTION_SECRET_FILE,
	.offset = AT(password_file),
	.text = "A file that holds the password of user; read again when it changes"},
    OPTION_END,
};
#undef AT

struct expect *
http_options_expect(
    const struct http_options *opts, const char **option, char error[256])
{
	const struct expect_config config = {
	    .status = &opts->status,
	    .header = &opts->header,
	    .match = &opts->match,
	    .not_match = &opts->not_match,
	    .json = &opts->json,
	};

	return expect_create(&config, option, error);
}

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
check_header_files(const struct http_options *opts, conf_complain *complain, void *arg)
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

/* Each expectation by itself, so that all of them are told. */
static void
check_expectations(const struct http_options *opts, conf_complain *complain, void *arg)
{
	const struct conf_strings none = {0}, *lists[] = {&opts->header, &opts->match,
						  &opts->not_match, &opts->json};
	char error[256], text[320];
	const char *option;
	size_t list, i;

	for (list = 0; list < sizeof(lists) / sizeof(lists[0]); list++) {
		for (i = 0; i < lists[list]->count; i++) {
			struct conf_strings one = {
			    .count = 1, .items = &lists[list]->items[i]};
			const struct expect_config config = {
			    .status = &opts->status,
			    .header = list == 0 ? &one : &none,
			    .match = list == 1 ? &one : &none,
			    .not_match = list == 2 ? &one : &none,
			    .json = list == 3 ? &one : &none,
			};
			struct expect *expect = expect_create(&config, &option, error);

			expect_destroy(expect);
			if (expect != NULL)
				continue;
			if (lists[list]->count > 1)
				snprintf(text, sizeof(text), "%zu of %zu: %s", i + 1,
				    lists[list]->count, error);
			else
				snprintf(text, sizeof(text), "%s", error);
			complain(arg, option, NULL, text);
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
http_options_check(const void *options, conf_complain *complain, void *arg)
{
	static const char by_file[] =
	    "credentials do not belong into the configuration: "
	    "use user and password_file, or bearer_file";
	const struct http_options *opts = options;

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
	if (strcmp(http_methods[opts->method], "HEAD") == 0 &&
	    opts->match.count + opts->not_match.count + opts->json.count > 0)
		complain(arg, "method", NULL, "an answer to HEAD has no body to match");
	if (strcmp(http_methods[opts->method], "HEAD") == 0 && opts->body != NULL)
		complain(arg, "body", "method", "a HEAD is asked without a body");
	check_expectations(opts, complain, arg);
}
