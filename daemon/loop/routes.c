/* The order of addresses. */
#include "loop/routes.h"

#include <stddef.h>

#include "base/clock.h"

#define CHECK_US (10 * CLOCK_SECOND)

void
routes_init(struct routes *routes)
{
	size_t i;

	for (i = 0; i < ADDRESS_SCOPES; i++)
		routes->v6[i].checked_us = -1;
}

static enum address_route
v6_route(struct routes *routes, const struct address *address)
{
	unsigned scope = address_v6_scope(address);
	int64_t now_us = clock_mono_us();

	if (routes->v6[scope].checked_us < 0 ||
	    now_us - routes->v6[scope].checked_us > CHECK_US) {
		routes->v6[scope].route = address_v6_route(address);
		routes->v6[scope].checked_us = now_us;
	}
	return routes->v6[scope].route;
}

static void
drop_unroutable(struct routes *routes, struct dns_result *six)
{
	size_t i, count = 0;

	for (i = 0; i < six->count; i++)
		if (v6_route(routes, &six->address[i]) != ADDRESS_NO_ROUTE)
			six->address[count++] = six->address[i];
	six->count = count;
}

static void
add_address(struct resolve_answer *out, const struct address *address)
{
	if (out->count < RESOLVE_ADDRESSES_MAX)
		address_format(address, out->address[out->count++]);
}

void
routes_merge(struct routes *routes, const struct dns_result *four,
    struct dns_result *six, struct resolve_answer *out)
{
	const struct dns_result *first = four, *second = six;
	size_t i;

	if (four->count > 0)
		drop_unroutable(routes, six);
	if (four->count > 0 && six->count > 0 &&
	    v6_route(routes, &six->address[0]) == ADDRESS_OWN_SOURCE) {
		first = six;
		second = four;
	}
	for (i = 0; i < first->count || i < second->count; i++) {
		if (i < first->count)
			add_address(out, &first->address[i]);
		if (i < second->count)
			add_address(out, &second->address[i]);
	}
}
