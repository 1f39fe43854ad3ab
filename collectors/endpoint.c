/* Hosts and ports, read by the parser that reads URLs. */
#include "collectors/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "loop/address.h"
#include "loop/url.h"

/* -> 0 or ERR_SYNTAX; url is to be freed in both cases */
static int
parse(const char *text, struct url *url)
{
	struct address address;
	char *whole;
	int code;

	memset(url, 0, sizeof(*url));
	if (text[0] == '\0' || text[strcspn(text, "/?#@%\\ \t")] != '\0')
		return ERR_SYNTAX;
	whole = mem_printf("tcp://%s", text);
	code = url_parse(whole, NULL, url);
	free(whole);
	if (code != 0)
		return code;
	if (!address_parse(url->host, &address))
		return address_is_name(url->host) ? 0 : ERR_SYNTAX;
	/* URLs know 127.1 and 0x7f.1, too. */
	return address.version == 6 || strncmp(text, url->host, strlen(url->host)) == 0
		   ? 0
		   : ERR_SYNTAX;
}

int
endpoint_parse(const char *text, struct endpoint *out, char error[256])
{
	struct url url;
	int code = parse(text, &url);

	memset(out, 0, sizeof(*out));
	if (code == 0 && url.port == 0)
		code = ERR_SYNTAX;
	if (code == 0) {
		out->host = url.host;
		out->port = url.port;
		url.host = NULL;
	} else {
		snprintf(error, 256,
		    "\"%.100s\" is not a host and its port, expected "
		    "\"www.example.it:443\", \"192.0.2.1:443\" or "
		    "\"[2001:db8::1]:443\"",
		    text);
	}
	url_free(&url);
	return code;
}

void
endpoint_free(struct endpoint *endpoint)
{
	free(endpoint->host);
	endpoint->host = NULL;
}

char *
endpoint_host(const char *text, char error[256])
{
	struct address address;
	struct url url;
	char *host = NULL;

	/* IPv6 may come without its brackets. */
	if (address_parse(text, &address)) {
		host = mem_alloc(ADDRESS_TEXT_SIZE);
		address_format(&address, host);
		return host;
	}
	if (parse(text, &url) == 0 && url.port == 0) {
		host = url.host;
		url.host = NULL;
	} else {
		snprintf(error, 256,
		    "\"%.100s\" is not a host, expected a name or an address", text);
	}
	url_free(&url);
	return host;
}

void
endpoint_check(
    const char *address, const char *name, conf_complain *complain, void *arg)
{
	struct endpoint endpoint;
	char error[256], *host;

	if (address != NULL && endpoint_parse(address, &endpoint, error) != 0)
		complain(arg, "address", NULL, error);
	else if (address != NULL)
		endpoint_free(&endpoint);
	if (name == NULL)
		return;
	host = endpoint_host(name, error);
	if (host == NULL)
		complain(arg, "name", NULL, error);
	free(host);
}
