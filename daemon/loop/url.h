/* URLs, taken apart by libcurl's parser, so that nobody reads one differently. */
#ifndef VT_LOOP_URL_H
#define VT_LOOP_URL_H

struct url {
	char *text;	/* normal form, without user, password, fragment */
	char *scheme;	/* lower case */
	char *host;	/* without brackets; internationalised names as xn-- */
	char *user, *password;	/* NULL where it has none */
	unsigned port;
};

/* base: what a relative one is relative to, or NULL. Any scheme; port is 0 if the
 * scheme has no usual one. -> 0, ERR_SYNTAX; out is to be freed in both cases */
int url_parse(const char *text, const char *base, struct url *out);
void url_copy(const struct url *from, struct url *out);
void url_free(struct url *url);
/* The same URL with an address for its host, and a port. -> to be freed, NULL if it
 * cannot be */
char *url_with_address(const char *text, const char *address, unsigned port);

#endif
