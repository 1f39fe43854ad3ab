/* The options of the http collector, and what does not go together. */
#include "collectors/http_options.h"

#include <stdio.h>
#include <string.h>

#include "collectors/expect.h"

#define AT(field) offsetof(struct http_options, field)
const struct option http_options[] = {
    REQUEST_URL_OPTION(AT(request), true, "https://www.example.it/"),
    REQUEST_FIRST_OPTIONS(AT(request)),
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
    REQUEST_LAST_OPTIONS(AT(request)),
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

void
http_options_check(const void *options, conf_complain *complain, void *arg)
{
	const struct http_options *opts = options;

	request_check(&opts->request, complain, arg);
	if (strcmp(request_methods[opts->request.method], "HEAD") == 0 &&
	    opts->match.count + opts->not_match.count + opts->json.count > 0)
		complain(arg, "method", NULL, "an answer to HEAD has no body to match");
	check_expectations(opts, complain, arg);
}
