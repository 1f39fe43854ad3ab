/* The options of the dns collector, and what does not go together. */
#include "collectors/dns_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "collectors/dns_expect.h"
#include "collectors/request.h"
#include "loop/dnstype.h"

#define DNS_PORT 53
#define NAMESERVERS_MAX 16
#define EXPECT_MAX 64

#define AT(field) offsetof(struct dns_options, field)
const struct option dns_options[] = {
    {.name = "name",
	.type = OPTION_STRING,
	.offset = AT(name),
	.required = true,
	.min = 1,
	.max = 1000,
	.example = "www.example.it",
	.text = "The name that is asked for, as it is: no search domain is appended; "
		"letters beyond ASCII are written as xn--"},
    {.name = "type",
	.type = OPTION_STRING,
	.offset = AT(type),
	.min = 1,
	.max = 32,
	.example = "MX",
	.text =
	    "The type of record, such as A, AAAA, CNAME, MX, NS, TXT, SOA, SRV, CAA, "
	    "PTR, DS, DNSKEY, TLSA, HTTPS, or any as TYPE and its number; A, or "
	    "with soa_agreement SOA, if nothing is said"},
    {.name = "server",
	.type = OPTION_STRING,
	.offset = AT(server),
	.min = 1,
	.max = 300,
	.example = "192.0.2.53",
	.text =
	    "Who is asked, as an address or a name, with a port if it is not 53, as in "
	    "[2001:db8::53]:5353; the system's servers if nothing is said"},
    {.name = "expect",
	.type = OPTION_STRINGS,
	.offset = AT(expect),
	.max = EXPECT_MAX,
	.example = "[192.0.2.80, 192.0.2.81]",
	.text =
	    "Answers that must be there, each as in a zone file; addresses and names "
	    "are compared as such, of an MX record the name may stand alone, of a SOA "
	    "record the serial. Between slashes a pattern (PCRE2) that one of the "
	    "answers must match, as in /^v=spf1 /"},
    {.name = "not_expect",
	.type = OPTION_STRINGS,
	.offset = AT(not_expect),
	.max = EXPECT_MAX,
	.example = "[192.0.2.66]",
	.text = "Answers that must not be there, written as those of expect"},
    {.name = "exact",
	.type = OPTION_BOOL,
	.offset = AT(exact),
	.fallback = "false",
	.text = "No answer may be there but those of expect"},
    {.name = "dnssec",
	.type = OPTION_BOOL,
	.offset = AT(dnssec),
	.fallback = "false",
	.text =
	    "The server must have validated the answer (flag AD), which is worth as "
	    "much as the way to that server"},
    {.name = "soa_agreement",
	.type = OPTION_BOOL,
	.offset = AT(soa_agreement),
	.fallback = "false",
	.text =
	    "All servers of the zone that name is must answer, with authority and the "
	    "same serial; expect and the others are compared with the newest SOA "
	    "record"},
    {.name = "nameservers",
	.type = OPTION_STRINGS,
	.offset = AT(nameservers),
	.max = NAMESERVERS_MAX,
	.example = "[192.0.2.1, ns2.example.it]",
	.text = "The servers that soa_agreement compares, instead of those that the "
		"zone names"},
    {.name = "max_time",
	.type = OPTION_DURATION,
	.offset = AT(max_time_us),
	.min = 1000,
	.max = 3600e6,
	.example = "500ms",
	.text = "An answer that took longer is a failure of class slow"},
    RETRY_OPTION(AT(retry)),
    OPTION_END,
};
#undef AT

/* "HOST:PORT" cut in two; an IPv6 address with a port is in brackets. -> false: not
 * a port */
static bool
split(const char *text, char host[256], unsigned *port)
{
	const char *colon = strrchr(text, ':');
	int64_t number;
	size_t length = strlen(text);

	*port = DNS_PORT;
	if (colon != NULL &&
	    (text[0] == '[' ? colon[-1] == ']' : strchr(text, ':') == colon)) {
		length = colon - text;
		if (text_integer(colon + 1, &number) != 0 || number < 1 ||
		    number > 65535)
			return false;
		*port = number;
	}
	if (length == 0 || length >= 256)
		return false;
	memcpy(host, text, length);
	host[length] = '\0';
	return true;
}

int
dns_server_parse(const char *text, struct dns_server *out, char error[160])
{
	memset(out, 0, sizeof(*out));
	if (split(text, out->host, &out->port)) {
		out->literal = address_parse(out->host, &out->address);
		if (out->literal || address_is_name(out->host))
			return 0;
	}
	snprintf(error, 160,
	    "expected an address or a name, with or without a port: 192.0.2.53, "
	    "[2001:db8::53]:5353, ns1.example.it");
	return ERR_SYNTAX;
}

int
dns_options_type(const struct dns_options *options, unsigned *type, char error[160])
{
	const char *const *names = dnstype_names(), *nearest;
	size_t count = 0;
	int code;

	if (options->type == NULL) {
		*type = options->soa_agreement ? DNSTYPE_SOA : DNSTYPE_A;
		return 0;
	}
	code = dnstype_number(options->type, type);
	if (code == 0)
		return 0;
	if (code == ERR_RANGE) {
		snprintf(error, 160,
		    "%.32s is no type of a record: expected one such as A, MX, TXT",
		    options->type);
		return ERR_SYNTAX;
	}
	while (names[count] != NULL)
		count++;
	nearest = text_nearest(options->type, names, count);
	snprintf(error, 160,
	    "%.32s is not a type we know: expected a name such as A, MX, TXT, or TYPE "
	    "and its number%s%s%s",
	    options->type, nearest != NULL ? "; did you mean " : "",
	    nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
	return ERR_SYNTAX;
}

static void
check_nameservers(const struct dns_options *opts, conf_complain *complain, void *arg)
{
	char error[160], text[192];
	struct dns_server server;
	size_t i;

	for (i = 0; i < opts->nameservers.count; i++) {
		if (dns_server_parse(opts->nameservers.items[i], &server, error) == 0)
			continue;
		snprintf(text, sizeof(text), "%zu of %zu: %s", i + 1,
		    opts->nameservers.count, error);
		complain(arg, "nameservers", NULL, text);
	}
	if (opts->nameservers.count > 0 && !opts->soa_agreement)
		complain(arg, "nameservers", "soa_agreement",
		    "it is of use with soa_agreement: true only");
	if (opts->nameservers.count == 1)
		complain(
		    arg, "nameservers", NULL, "expected two or more, to be compared");
}

/* One at a time, so that all that is wrong is told. */
static void
check_expectations(const struct dns_options *opts, unsigned type, const char *option,
    const struct conf_strings *list, conf_complain *complain, void *arg)
{
	const struct conf_strings none = {0};
	char error[256], text[320];
	const char *blamed;
	size_t i;

	for (i = 0; i < list->count; i++) {
		const struct conf_strings one = {.count = 1, .items = &list->items[i]};
		struct dns_expect *expect =
		    dns_expect_create(type, &one, &none, false, &blamed, error);

		dns_expect_destroy(expect);
		if (expect != NULL)
			continue;
		if (list->count > 1)
			snprintf(text, sizeof(text), "%zu of %zu: %s", i + 1,
			    list->count, error);
		else
			snprintf(text, sizeof(text), "%s", error);
		complain(arg, option, NULL, text);
	}
}

void
dns_options_check(const void *options, conf_complain *complain, void *arg)
{
	const struct dns_options *opts = options;
	struct buf name = BUF_INIT;
	struct dns_server server;
	char error[160];
	unsigned type;
	size_t i;

	if (opts->name != NULL && dnstype_canonical_name(opts->name, &name) != 0)
		complain(arg, "name", NULL,
		    "not a name of DNS: expected labels of 1 to 63 bytes, 253 in all");
	buf_free(&name);
	if (opts->server != NULL && dns_server_parse(opts->server, &server, error) != 0)
		complain(arg, "server", NULL, error);
	check_nameservers(opts, complain, arg);
	if (dns_options_type(opts, &type, error) != 0) {
		complain(arg, "type", NULL, error);
		return;
	}
	if (opts->soa_agreement && type != DNSTYPE_SOA)
		complain(arg, "type", "soa_agreement",
		    "soa_agreement compares SOA records: expected SOA");
	if (opts->soa_agreement && opts->dnssec)
		complain(arg, "dnssec", "soa_agreement",
		    "the zone's own servers do not validate: expected a check of its "
		    "own for each of the two");
	check_expectations(opts, type, "expect", &opts->expect, complain, arg);
	check_expectations(opts, type, "not_expect", &opts->not_expect, complain, arg);
	if (opts->exact && opts->expect.count == 0)
		complain(arg, "exact", "expect", "expected the answers in expect");
	for (i = 0; opts->exact && i < opts->expect.count; i++)
		if (dns_expect_is_pattern(opts->expect.items[i])) {
			complain(arg, "exact", "expect",
			    "it goes with answers only, not with patterns");
			break;
		}
}
