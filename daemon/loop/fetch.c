/*
 * A request: addresses in turn, redirects hop by hop, phases summed, one deadline.
 *
 * A fetch owns a copy of its request and at any time has one of: a query to the
 * resolver, a transfer, an answer to be told by its timer. The timer otherwise ends
 * the share of an address (what is left, divided by the addresses left) or the
 * whole. It belongs to the pool until its callback.
 *
 * What to say of a failure is in fetch_words.c.
 */
#include "loop/fetch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/address.h"
#include "loop/fetch_words.h"
#include "loop/loop.h"
#include "loop/redirect.h"
#include "loop/transfer.h"

#define POOL_MAGIC 0x66706f6f
#define FETCH_MAGIC 0x66657463

struct fetch {
	MAGIC;
	LIST_ENTRY(fetch) entry;
	struct fetch_pool *pool;
	fetch_cb *cb;
	void *arg;
	struct loop_timer *timer;
	struct resolve_query *query;
	struct transfer *transfer;
	char *text; /* all strings of the request */
	const char **headers;
	struct transfer_request request;
	struct url url, proxy;
	char *url_user, *url_password; /* of the first URL */
	enum resolve_family family;
	int64_t dns_cache_us;
	int follow;
	int64_t started_us, deadline_us, timeout_us, attempt_us;
	struct resolve_answer addresses;
	size_t next;
	bool told; /* how an address of this hop failed: in class and sentence */
	struct fetch_reply reply;
};

struct fetch_pool {
	MAGIC;
	struct loop *loop;
	struct resolve *resolve;
	struct transfer_pool *transfers;
	LIST_HEAD(, fetch) fetches;
};

static void begin_hop(struct fetch *fetch);
static void begin_attempt(struct fetch *fetch);

/* ---- the end ---- */

static void
fetch_destroy(struct fetch *fetch)
{
	if (fetch->query != NULL)
		resolve_cancel(fetch->query);
	if (fetch->transfer != NULL)
		transfer_stop(fetch->transfer, NULL);
	loop_timer_destroy(fetch->timer);
	LIST_REMOVE(fetch, entry);
	buf_free(&fetch->reply.headers);
	buf_free(&fetch->reply.body);
	url_free(&fetch->url);
	url_free(&fetch->proxy);
	free(fetch->url_user);
	free(fetch->url_password);
	free(fetch->headers);
	free(fetch->text);
	MAGIC_CLEAR(fetch);
	free(fetch);
}

static void
finish(struct fetch *fetch)
{
	fetch->reply.total =
	    (double)(clock_mono_us() - fetch->started_us) / CLOCK_SECOND;
	fetch->cb(&fetch->reply, fetch->arg);
	fetch_destroy(fetch);
}

static void
add_phase(double *phase, int64_t us)
{
	if (us >= 0)
		*phase = (isnan(*phase) ? 0 : *phase) + (double)us / CLOCK_SECOND;
}

/* That we have no way to one address is not to hide what befell another. */
static void
explain(struct fetch *fetch, const struct transfer_outcome *outcome)
{
	const struct url *peer = fetch->request.proxy ? &fetch->proxy : &fetch->url;
	struct fetch_words words = {
	    .outcome = outcome,
	    .host = fetch->url.host,
	    .address = fetch->request.address,
	    .port = peer->port,
	    .proxy = fetch->request.proxy != NULL,
	    .addresses = fetch->addresses.count,
	    .tried = fetch->next,
	    .hops = fetch->reply.hops,
	    .timeout_us = fetch->timeout_us,
	    .max_body = fetch->request.max_body,
	};

	if (fetch->told && outcome->no_way)
		return;
	fetch->told = !outcome->no_way;
	fetch->reply.class = outcome->class;
	fetch_words(&words, outcome->class, fetch->reply.sentence);
}

/* ---- redirects ---- */

static void
change_method(struct fetch *fetch)
{
	fetch->request.method = "GET";
	fetch->request.body = NULL;
	fetch->request.body_length = 0;
}

static void
drop_headers(struct fetch *fetch, bool same_origin, bool makes_get)
{
	size_t from, to = 0;

	for (from = 0; fetch->headers[from] != NULL; from++)
		if (redirect_keeps_header(fetch->headers[from], same_origin, makes_get))
			fetch->headers[to++] = fetch->headers[from];
	fetch->headers[to] = NULL;
}

static void
drop_credentials(struct fetch *fetch)
{
	fetch->request.user = fetch->request.password = fetch->request.bearer = NULL;
	fetch->request.certificate_file = fetch->request.private_key_file = NULL;
}

static bool
is_http(const struct url *url)
{
	return strcmp(url->scheme, "http") == 0 || strcmp(url->scheme, "https") == 0;
}

/* -> false: it is not to be followed */
static bool
turn_to(struct fetch *fetch, const char *location, enum fetch_redirect *why)
{
	bool makes_get = redirect_makes_get(fetch->reply.status, fetch->request.method);
	struct url url;
	bool same;

	if (fetch->reply.hops >= fetch->follow) {
		*why = FETCH_REDIRECT_MANY;
		return false;
	}
	if (url_parse(location, fetch->url.text, &url) != 0 || !is_http(&url)) {
		*why = FETCH_REDIRECT_PLACE;
		url_free(&url);
		return false;
	}
	same = redirect_is_same_origin(&fetch->url, &url);
	if (!same && !makes_get && fetch->request.body != NULL) {
		*why = FETCH_REDIRECT_BODY;
		url_free(&url);
		return false;
	}
	if (makes_get)
		change_method(fetch);
	if (!same)
		drop_credentials(fetch);
	drop_headers(fetch, same, makes_get);
	url_free(&fetch->url);
	fetch->url = url;
	return true;
}

/* -> true: it is under way to another place, or its end has been told */
static bool
follow(struct fetch *fetch)
{
	enum fetch_redirect why;
	char *location;

	if (fetch->follow <= 0 || !redirect_is_status(fetch->reply.status))
		return false;
	location = redirect_header(
	    fetch->reply.headers.data, fetch->reply.headers.length, "Location");
	if (location == NULL)
		return false;
	if (!turn_to(fetch, location, &why)) {
		fetch->reply.class = FETCH_REDIRECTS;
		fetch_words_redirect(
		    why, fetch->follow, location, fetch->reply.sentence);
		free(location);
		finish(fetch);
		return true;
	}
	free(location);
	fetch->reply.hops++;
	begin_hop(fetch);
	return true;
}

/* ---- addresses ---- */

static int64_t
left_us(const struct fetch *fetch)
{
	return fetch->deadline_us - clock_mono_us();
}

static bool
is_unreachable(const struct transfer_outcome *outcome)
{
	return outcome->class == FETCH_REFUSED ||
	       outcome->class == FETCH_CONNECT_TIMEOUT;
}

static void
take_outcome(struct fetch *fetch, const struct transfer_outcome *outcome)
{
	struct fetch_reply *reply = &fetch->reply;

	reply->status = outcome->status;
	reply->http_version = outcome->http_version;
	reply->wire_bytes = outcome->wire_bytes;
	if (outcome->certificate_expires_s != 0 &&
	    (reply->certificate_expires_s == 0 ||
		outcome->certificate_expires_s < reply->certificate_expires_s))
		reply->certificate_expires_s = outcome->certificate_expires_s;
	/* The wait for an address that cannot be reached is part of connecting. */
	add_phase(&reply->connect, outcome->connect_us < 0 && is_unreachable(outcome)
				       ? clock_mono_us() - fetch->attempt_us
				       : outcome->connect_us);
	add_phase(&reply->tls, outcome->tls_us);
	add_phase(&reply->first_byte, outcome->first_byte_us);
}

static void
on_transfer(const struct transfer_outcome *outcome, void *arg)
{
	struct fetch *fetch = arg;

	MAGIC_CHECK(fetch, FETCH_MAGIC);
	fetch->transfer = NULL;
	take_outcome(fetch, outcome);
	explain(fetch, outcome);
	if (is_unreachable(outcome) && fetch->next < fetch->addresses.count &&
	    left_us(fetch) > 0)
		begin_attempt(fetch);
	else if (outcome->class != FETCH_OK || !follow(fetch))
		finish(fetch);
}

static void
begin_attempt(struct fetch *fetch)
{
	size_t others = fetch->addresses.count - fetch->next - 1;
	int64_t share_us = left_us(fetch) / (int64_t)(others + 1);

	fetch->request.address = fetch->addresses.address[fetch->next++];
	fetch->attempt_us = clock_mono_us();
	buf_clear(&fetch->reply.headers);
	buf_clear(&fetch->reply.body);
	fetch->transfer = transfer_start(fetch->pool->transfers, &fetch->request,
	    &fetch->reply.headers, &fetch->reply.body, on_transfer, fetch);
	if (fetch->transfer == NULL) {
		fetch->reply.class = FETCH_INTERNAL;
		strlcpy(fetch->reply.sentence,
		    "libcurl did not begin; the log says why",
		    sizeof(fetch->reply.sentence));
		loop_timer_set(fetch->timer, 0);
		return;
	}
	/* Never before libcurl begins: until then it tells the times of another. */
	loop_timer_set(fetch->timer, share_us > 1000 ? share_us : 1000);
}

static void
stop_attempt(struct fetch *fetch, struct transfer_outcome *outcome)
{
	struct transfer *transfer = fetch->transfer;

	fetch->transfer = NULL;
	transfer_stop(transfer, outcome);
	take_outcome(fetch, outcome);
	explain(fetch, outcome);
}

static void
on_timer(void *arg)
{
	struct fetch *fetch = arg;
	struct transfer_outcome outcome;

	MAGIC_CHECK(fetch, FETCH_MAGIC);
	if (fetch->transfer == NULL) {
		finish(fetch);
		return;
	}
	if (left_us(fetch) > 0 && transfer_is_connected(fetch->transfer)) {
		loop_timer_set_at(fetch->timer, fetch->deadline_us);
		return;
	}
	stop_attempt(fetch, &outcome);
	if (left_us(fetch) > 0 && fetch->next < fetch->addresses.count) {
		begin_attempt(fetch);
		return;
	}
	finish(fetch);
}

static void
on_resolved(const struct resolve_answer *answer, void *arg)
{
	struct fetch *fetch = arg;

	MAGIC_CHECK(fetch, FETCH_MAGIC);
	fetch->query = NULL;
	add_phase(&fetch->reply.dns, answer->elapsed_us);
	if (answer->error != 0) {
		fetch->reply.class =
		    answer->error == ERR_FULL ? FETCH_INTERNAL : FETCH_RESOLVE;
		strlcpy(fetch->reply.sentence, answer->sentence,
		    sizeof(fetch->reply.sentence));
		fetch_words_hops(fetch->reply.hops, fetch->reply.sentence);
		finish(fetch);
		return;
	}
	fetch->addresses = *answer;
	begin_attempt(fetch);
}

static void
begin_hop(struct fetch *fetch)
{
	const char *host =
	    fetch->request.proxy != NULL ? fetch->proxy.host : fetch->url.host;
	struct address address;

	fetch->next = 0;
	fetch->told = false;
	loop_timer_clear(fetch->timer); /* the resolver has its own */
	if (left_us(fetch) <= 0) {
		fetch->reply.class = FETCH_READ_TIMEOUT;
		snprintf(fetch->reply.sentence, sizeof(fetch->reply.sentence),
		    "the redirects did not end within %g s (after %d of them)",
		    (double)fetch->timeout_us / CLOCK_SECOND, fetch->reply.hops);
		loop_timer_set(fetch->timer, 0);
		return;
	}
	/* A literal of another family is the resolver's to refuse. */
	if (!address_parse(host, &address) ||
	    (fetch->family != RESOLVE_ANY &&
		(fetch->family == RESOLVE_IPV4) != (address.version == 4))) {
		fetch->query = resolve_start(fetch->pool->resolve, host, fetch->family,
		    fetch->dns_cache_us, left_us(fetch), on_resolved, fetch);
		return;
	}
	fetch->addresses.count = 1;
	address_format(&address, fetch->addresses.address[0]);
	begin_attempt(fetch);
}

/* ---- the beginning ---- */

static const char *
keep(char **at, const char *text)
{
	size_t size;
	char *copy = *at;

	if (text == NULL)
		return NULL;
	size = strlen(text) + 1;
	memcpy(copy, text, size);
	*at += size;
	return copy;
}

static size_t
size_of(const char *text)
{
	return text == NULL ? 0 : strlen(text) + 1;
}

static void
copy_request(struct fetch *fetch, const struct fetch_request *from)
{
	struct transfer_request *to = &fetch->request;
	const char *ca_file = from->ca_file ? from->ca_file : transfer_ca_file();
	size_t size, count = 0, i;
	char *at;

	size = size_of(from->method) + size_of(from->user) + size_of(from->password) +
	       size_of(from->bearer) + size_of(ca_file) +
	       size_of(from->certificate_file) + size_of(from->private_key_file) +
	       from->body_length + 1;
	while (from->headers != NULL && from->headers[count] != NULL)
		size += size_of(from->headers[count++]);
	at = fetch->text = mem_alloc(size);
	fetch->headers = mem_array(count + 1, sizeof(*fetch->headers));
	for (i = 0; i < count; i++)
		fetch->headers[i] = keep(&at, from->headers[i]);
	to->headers = fetch->headers;
	to->method = keep(&at, from->method);
	to->user = keep(&at, from->user);
	to->password = keep(&at, from->password);
	to->bearer = keep(&at, from->bearer);
	to->ca_file = keep(&at, ca_file);
	to->certificate_file = keep(&at, from->certificate_file);
	to->private_key_file = keep(&at, from->private_key_file);
	if (from->body != NULL) {
		to->body = memcpy(at, from->body, from->body_length);
		to->body_length = from->body_length;
	}
	to->reuse = from->fresh ? FETCH_REUSE_NONE : from->reuse;
	to->max_body = from->max_body;
	to->want_certificate = from->want_certificate;
	to->drop_redirect_body = from->follow > 0;
	fetch->family = from->family;
	fetch->dns_cache_us = from->fresh ? 0 : from->dns_cache_us;
	fetch->follow = from->follow;
	fetch->timeout_us = from->timeout_us;
	fetch->deadline_us = fetch->started_us + from->timeout_us;
}

static bool
is_method(const char *text)
{
	size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return length > 0 && text[length] == '\0';
}

/* -> NULL or what is wrong */
static const char *
take_urls(struct fetch *fetch, const struct fetch_request *from)
{
	struct transfer_request *to = &fetch->request;

	if (!is_method(from->method))
		return "the method is not a word of capital letters";
	if (from->parsed != NULL)
		url_copy(from->parsed, &fetch->url);
	else if (url_parse(from->url, NULL, &fetch->url) != 0)
		url_free(&fetch->url);
	if (fetch->url.text == NULL || !is_http(&fetch->url))
		return "the URL is not http:// or https:// with a valid host";
	to->url = &fetch->url;
	if (to->user == NULL && fetch->url.user != NULL) {
		/* The URL changes with a redirect, these stay. */
		to->user = fetch->url_user = fetch->url.user;
		to->password = fetch->url_password = fetch->url.password;
		fetch->url.user = fetch->url.password = NULL;
	}
	if (from->proxy == NULL)
		return NULL;
	if (url_parse(from->proxy, NULL, &fetch->proxy) != 0 ||
	    strcmp(fetch->proxy.scheme, "http") != 0)
		return "the proxy is not an http:// URL";
	to->proxy = &fetch->proxy;
	return NULL;
}

struct fetch *
fetch_start(struct fetch_pool *pool, const struct fetch_request *request, fetch_cb *cb,
    void *arg)
{
	struct fetch *fetch = mem_zalloc(sizeof(*fetch));
	const char *wrong;

	MAGIC_CHECK(pool, POOL_MAGIC);
	MAGIC_SET(fetch, FETCH_MAGIC);
	fetch->pool = pool;
	fetch->cb = cb;
	fetch->arg = arg;
	fetch->started_us = clock_mono_us();
	fetch->timer = loop_timer_create(pool->loop, on_timer, fetch);
	LIST_INSERT_HEAD(&pool->fetches, fetch, entry);
	fetch->reply.dns = fetch->reply.connect = fetch->reply.tls = NAN;
	fetch->reply.first_byte = NAN;
	copy_request(fetch, request);
	wrong = take_urls(fetch, request);
	if (wrong == NULL) {
		begin_hop(fetch);
		return fetch;
	}
	fetch->reply.class = FETCH_INTERNAL;
	strlcpy(fetch->reply.sentence, wrong, sizeof(fetch->reply.sentence));
	loop_timer_set(fetch->timer, 0);
	return fetch;
}

void
fetch_cancel(struct fetch *fetch)
{
	MAGIC_CHECK(fetch, FETCH_MAGIC);
	fetch_destroy(fetch);
}

struct fetch_pool *
fetch_pool_create(struct loop *loop, struct resolve *resolve)
{
	struct transfer_pool *transfers = transfer_pool_create(loop);
	struct fetch_pool *pool;

	if (transfers == NULL)
		return NULL;
	pool = mem_zalloc(sizeof(*pool));
	MAGIC_SET(pool, POOL_MAGIC);
	pool->loop = loop;
	pool->resolve = resolve;
	pool->transfers = transfers;
	LIST_INIT(&pool->fetches);
	return pool;
}

void
fetch_pool_destroy(struct fetch_pool *pool)
{
	if (pool == NULL)
		return;
	MAGIC_CHECK(pool, POOL_MAGIC);
	while (!LIST_EMPTY(&pool->fetches))
		fetch_destroy(LIST_FIRST(&pool->fetches));
	transfer_pool_destroy(pool->transfers);
	MAGIC_CLEAR(pool);
	free(pool);
}
