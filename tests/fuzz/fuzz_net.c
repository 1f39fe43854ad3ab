/* loop/: a byte that chooses, then a hosts file, a DNS answer, the headers of a
 * redirect, a host. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "loop/address.h"
#include "loop/dns.h"
#include "loop/hosts.h"
#include "loop/redirect.h"
#include "loop/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fuzz_hosts(const char *text, size_t size)
{
	struct hosts *hosts = hosts_open("/nonexistent");
	struct address found[4];

	hosts_find(hosts, "a", 0, found, 4); /* looks at the file, now and not again */
	hosts_parse(hosts, text, size);
	assert(hosts_find(hosts, "a", 0, found, 4) <= 4);
	hosts_close(hosts);
}

static void
fuzz_redirect(const char *text, size_t size)
{
	char *location = redirect_header(text, size, "Location");
	struct url url, again;

	if (location == NULL)
		return;
	if (url_parse(location, "https://one.test/a/b?c", &url) == 0) {
		assert(strchr(url.text, '\n') == NULL);
		if (url_parse(url.text, NULL, &again) == 0)
			assert(redirect_is_same_origin(&url, &again));
		url_free(&again);
	}
	url_free(&url);
	free(location);
}

static void
fuzz_host(const char *text)
{
	struct address address, again;
	char out[ADDRESS_TEXT_SIZE];

	if (!address_parse(text, &address)) {
		if (address_is_name(text))
			assert(strlen(text) <= 254);
		return;
	}
	assert(!address_is_name(text));
	assert(address_parse(address_format(&address, out), &again));
	assert(memcmp(&address, &again, sizeof(address)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0)
		return 0;
	text = mem_alloc(size);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0] % 4) {
	case 0:
		fuzz_hosts(text, size - 1);
		break;
	case 1:
		dns_absence_ttl(data + 1, size - 1);
		break;
	case 2:
		fuzz_redirect(text, size - 1);
		break;
	default:
		fuzz_host(text);
	}
	free(text);
	return 0;
}
