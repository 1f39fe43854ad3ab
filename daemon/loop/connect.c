/*
 * At any time there is one of: a query to the resolver, a socket that is being
 * connected, an end to be told by the timer. The timer otherwise ends the share of an
 * address: what is left, divided by the addresses left.
 */
#include "loop/connect.h"

#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "loop/address.h"
#include "loop/loop.h"

#define CONNECT_MAGIC 0x636f6e6e

struct connect {
	MAGIC;
	struct loop *loop;
	connect_cb *cb;
	void *arg;
	struct connect_request request;
	struct loop_timer *timer;
	struct resolve_query *query;
	struct resolve_answer addresses;
	size_t next;
	bool told; /* how an address failed: it stands in outcome */
	int fd;
	struct loop_watch *watch;
	int64_t deadline_us, began_us;
	struct connect_outcome outcome;
};

static void
close_socket(struct connect *it)
{
	loop_watch_destroy(it->watch);
	it->watch = NULL;
	if (it->fd >= 0)
		close(it->fd);
	it->fd = -1;
}

void
connect_cancel(struct connect *it)
{
	MAGIC_CHECK(it, CONNECT_MAGIC);
	if (it->query != NULL)
		resolve_cancel(it->query);
	close_socket(it);
	loop_timer_destroy(it->timer);
	MAGIC_CLEAR(it);
	free(it);
}

static void
finish(struct connect *it)
{
	struct connect_outcome outcome = it->outcome;
	connect_cb *cb = it->cb;
	void *arg = it->arg;

	it->fd = -1; /* it goes with the outcome */
	connect_cancel(it);
	cb(&outcome, arg);
}

/* What we lack ourselves says nothing of the other side, and that we have no way to one
 * address is not to hide what befell another. */
static void
take_failure(struct connect *it, int code)
{
	const char *address = it->addresses.address[it->next - 1];
	bool no_way =
	    code == ENETUNREACH || code == EAFNOSUPPORT || code == EADDRNOTAVAIL;
	enum fetch_class class = FETCH_REFUSED;

	close_socket(it);
	if (code == ETIMEDOUT)
		class = FETCH_CONNECT_TIMEOUT;
	/* No source for it; with IPv4 that would be no free port. */
	else if (code == EMFILE || code == ENFILE || code == ENOBUFS ||
		 code == ENOMEM ||
		 (code == EADDRNOTAVAIL && strchr(address, ':') == NULL))
		class = FETCH_INTERNAL;
	if (it->told && no_way)
		return;
	it->told = !no_way;
	it->outcome.class = class;
	it->outcome.tried = it->next;
	strlcpy(it->outcome.address, address, sizeof(it->outcome.address));
	strlcpy(it->outcome.detail, err_text(-code), sizeof(it->outcome.detail));
}

static void
succeed(struct connect *it)
{
	it->outcome.class = FETCH_OK;
	it->outcome.fd = it->fd;
	it->outcome.connect = (double)(clock_mono_us() - it->began_us) / CLOCK_SECOND;
	it->outcome.tried = it->next;
	strlcpy(it->outcome.address, it->addresses.address[it->next - 1],
	    sizeof(it->outcome.address));
	it->outcome.detail[0] = '\0';
	finish(it);
}

static int64_t
left_us(const struct connect *it)
{
	return it->deadline_us - clock_mono_us();
}

static bool
has_another(const struct connect *it)
{
	return it->outcome.class != FETCH_INTERNAL && it->next < it->addresses.count &&
	       left_us(it) > 0;
}

/* ---- an address ---- */

static socklen_t
socket_address(const char *text, unsigned port, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	struct address address;

	memset(out, 0, sizeof(*out));
	if (!address_parse(text, &address))
		return 0;
	if (address.version == 4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, address.bytes, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	memcpy(&v6->sin6_addr, address.bytes, 16);
	return sizeof(*v6);
}

/* -> 0 under way, or an errno */
static int
open_socket(struct connect *it, const char *address)
{
	struct sockaddr_storage to;
	socklen_t size = socket_address(address, it->request.port, &to);

	it->fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (it->fd < 0)
		return errno;
	if (connect(it->fd, (struct sockaddr *)&to, size) == 0 || errno == EINPROGRESS)
		return 0;
	return errno;
}

static void begin(struct connect *it);

static void
on_writable(int fd, int events, void *arg)
{
	struct connect *it = arg;
	socklen_t size = sizeof(int);
	int code = 0;

	MAGIC_CHECK(it, CONNECT_MAGIC);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0)
		code = errno;
	if (code == 0) {
		loop_watch_destroy(it->watch);
		it->watch = NULL;
		succeed(it);
		return;
	}
	take_failure(it, code);
	if (has_another(it))
		begin(it);
	else
		finish(it);
}

/* The next address that does not fail at once. */
static void
begin(struct connect *it)
{
	int64_t share_us;
	int code;

	do {
		share_us = left_us(it) / (int64_t)(it->addresses.count - it->next);
		code = open_socket(it, it->addresses.address[it->next++]);
		if (code != 0)
			take_failure(it, code);
	} while (code != 0 && has_another(it));
	if (code != 0) {
		loop_timer_set(it->timer, 0);
		return;
	}
	it->watch = loop_watch_create(it->loop, it->fd, LOOP_WRITE, on_writable, it);
	loop_timer_set(it->timer, share_us > 0 ? share_us : 0);
}

static void
on_timer(void *arg)
{
	struct connect *it = arg;

	MAGIC_CHECK(it, CONNECT_MAGIC);
	if (it->fd >= 0)
		take_failure(it, ETIMEDOUT);
	else
		it->next = it->addresses.count; /* there is none left */
	if (has_another(it))
		begin(it);
	else
		finish(it);
}

/* ---- the beginning ---- */

static void
begin_first(struct connect *it)
{
	it->outcome.addresses = it->addresses.count;
	it->began_us = clock_mono_us();
	begin(it);
}

static void
on_resolved(const struct resolve_answer *answer, void *arg)
{
	struct connect *it = arg;

	MAGIC_CHECK(it, CONNECT_MAGIC);
	it->query = NULL;
	it->outcome.dns = (double)answer->elapsed_us / CLOCK_SECOND;
	if (answer->error == 0) {
		it->addresses = *answer;
		begin_first(it);
		return;
	}
	it->outcome.class = answer->error == ERR_FULL ? FETCH_INTERNAL : FETCH_RESOLVE;
	strlcpy(it->outcome.detail, answer->sentence, sizeof(it->outcome.detail));
	finish(it);
}

struct connect *
connect_start(struct loop *loop, struct resolve *resolve,
    const struct connect_request *request, connect_cb *cb, void *arg)
{
	struct connect *it = mem_zalloc(sizeof(*it));
	struct address address;

	MAGIC_SET(it, CONNECT_MAGIC);
	it->loop = loop;
	it->cb = cb;
	it->arg = arg;
	it->request = *request;
	it->fd = it->outcome.fd = -1;
	it->outcome.dns = it->outcome.connect = NAN;
	it->deadline_us = clock_mono_us() + request->timeout_us;
	it->timer = loop_timer_create(loop, on_timer, it);
	if (!address_parse(request->host, &address)) {
		it->query = resolve_start(resolve, request->host, request->family,
		    request->dns_cache_us, request->timeout_us, on_resolved, it);
		return it;
	}
	it->addresses.count = 1;
	address_format(&address, it->addresses.address[0]);
	begin_first(it);
	return it;
}
