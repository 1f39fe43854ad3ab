/* Addresses as the configuration checks and takes them apart. */
#ifndef VT_CONF_URL_H
#define VT_CONF_URL_H

#include <stdbool.h>
#include <stddef.h>

/* Slices of the text parsed. */
struct url {
	bool secure;		/* https */
	const char *host;	/* with brackets, if an IPv6 address */
	size_t host_length;
	unsigned port;		/* of the scheme, if not given */
	bool port_given;
	const char *rest;	/* path, query, fragment: "" or from the first / ? # */
};

/* -> NULL, or what is wrong with the text (static) */
const char *url_split(const char *text, struct url *out);

/* "127.0.0.1:8080", "[::1]:8080", "unix:path", "name:port". -> NULL or what is wrong */
const char *url_check_listener(const char *text, bool *loopback);

#endif
