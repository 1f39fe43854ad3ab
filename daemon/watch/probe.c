/* The closed list of classes. */
#include "watch/probe.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

const char *probe_class_name(enum probe_class class)
{
	static const char *const names[PROBE_CLASSES] = {
	    [PROBE_OK] = "ok",
	    [PROBE_RESOLVE] = "resolve",
	    [PROBE_REFUSED] = "refused",
	    [PROBE_CONNECT_TIMEOUT] = "connect_timeout",
	    [PROBE_TLS_TIMEOUT] = "tls_timeout",
	    [PROBE_FIRST_BYTE_TIMEOUT] = "first_byte_timeout",
	    [PROBE_READ_TIMEOUT] = "read_timeout",
	    [PROBE_CERTIFICATE_EXPIRED] = "certificate_expired",
	    [PROBE_CERTIFICATE_NAME] = "certificate_name",
	    [PROBE_CERTIFICATE_ISSUER] = "certificate_issuer",
	    [PROBE_TLS] = "tls",
	    [PROBE_STATUS] = "status",
	    [PROBE_MATCH] = "match",
	    [PROBE_JSON] = "json",
	    [PROBE_TOO_LARGE] = "too_large",
	    [PROBE_REDIRECTS] = "redirects",
	    [PROBE_CLOSED] = "closed",
	    [PROBE_PROTOCOL] = "protocol",
	    [PROBE_SLOW] = "slow",
	    [PROBE_INTERNAL] = "internal",
	};

	assert(class < PROBE_CLASSES);
	return names[class];
}

void
probe_result_clear(struct probe_result *result)
{
	size_t i;

	memset(result, 0, sizeof(*result));
	for (i = 0; i < ARCHIVE_SOURCES_MAX; i++)
		result->values[i] = NAN;
}
