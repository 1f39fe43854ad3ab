/* URLs, by libcurl's URL functions. */
#include "loop/url.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "loop/address.h"
#include "loop/libcurl.h"

static char *
url_part(CURLU *handle, CURLUPart part, unsigned flags)
{
	char *text = NULL, *copy = NULL;

	if (curl_url_get(handle, part, &text, flags) == CURLUE_OK)
		copy = mem_strdup(text);
	/* Set with an error too, by 7.88, where a name cannot be had as xn--. */
	curl_free(text);
	return copy;
}

/* The host as DNS knows it. libidn2 reads text in the locale's charset, ours is
 * always UTF-8, so the thread has such a locale for this moment. */
static char *
url_host(CURLU *handle)
{
	static locale_t utf8; /* kept for the life of the process */
	locale_t before;
	char *host;

	if (utf8 == (locale_t)0)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	before = uselocale(utf8); /* 0, where there is none, changes nothing */
	host = url_part(handle, CURLUPART_HOST, CURLU_PUNYCODE);
	uselocale(before);
	return host;
}

static void
strip_brackets(char *host)
{
	size_t length = strlen(host);

	if (length < 2 || host[0] != '[')
		return;
	memmove(host, host + 1, length - 2);
	host[length - 2] = '\0';
}

int
url_parse(const char *text, const char *base, struct url *out)
{
	CURLU *handle = curl_url();
	char *port = NULL;
	int code = ERR_SYNTAX;

	memset(out, 0, sizeof(*out));
	assert(handle != NULL);
	if (base != NULL && curl_url_set(handle, CURLUPART_URL, base, 0) != CURLUE_OK)
		goto end;
	if (curl_url_set(handle, CURLUPART_URL, text,
		CURLU_URLENCODE | CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
		goto end;
	out->user = url_part(handle, CURLUPART_USER, CURLU_URLDECODE);
	out->password = url_part(handle, CURLUPART_PASSWORD, CURLU_URLDECODE);
	curl_url_set(handle, CURLUPART_USER, NULL, 0);
	curl_url_set(handle, CURLUPART_PASSWORD, NULL, 0);
	curl_url_set(handle, CURLUPART_FRAGMENT, NULL, 0);
	out->scheme = url_part(handle, CURLUPART_SCHEME, 0);
	out->host = url_host(handle);
	port = url_part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	if (out->scheme == NULL || out->host == NULL)
		goto end;
	if (curl_url_set(handle, CURLUPART_HOST, out->host, 0) != CURLUE_OK)
		goto end;
	out->text = url_part(handle, CURLUPART_URL, 0);
	if (out->text == NULL)
		goto end;
	strip_brackets(out->host);
	out->port = port != NULL ? atoi(port) : 0;
	code = 0;
end:
	free(port);
	curl_url_cleanup(handle);
	return code;
}

void
url_copy(const struct url *from, struct url *out)
{
	out->text = mem_strdup(from->text);
	out->scheme = mem_strdup(from->scheme);
	out->host = mem_strdup(from->host);
	out->user = mem_strdup(from->user);
	out->password = mem_strdup(from->password);
	out->port = from->port;
}

void
url_free(struct url *url)
{
	free(url->text);
	free(url->scheme);
	free(url->host);
	free(url->user);
	free(url->password);
	memset(url, 0, sizeof(*url));
}

char *
url_with_address(const char *text, const char *address, unsigned port)
{
	CURLU *handle = curl_url();
	char host[ADDRESS_TEXT_SIZE + 2], number[12], *result = NULL;
	bool six = strchr(address, ':') != NULL;

	assert(handle != NULL);
	snprintf(host, sizeof(host), six ? "[%s]" : "%s", address);
	snprintf(number, sizeof(number), "%u", port);
	if (curl_url_set(handle, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) ==
		CURLUE_OK &&
	    curl_url_set(handle, CURLUPART_HOST, host, 0) == CURLUE_OK &&
	    curl_url_set(handle, CURLUPART_PORT, number, 0) == CURLUE_OK)
		result = url_part(handle, CURLUPART_URL, 0);
	curl_url_cleanup(handle);
	return result;
}
