/*
 * An exchange: libcurl's easy handles, their options, what is received.
 *
 * A transfer is an easy handle with its state and is used again. Ordinary ones
 * wait in a stack; those that may resume a TLS session are found by a key, for
 * libcurl keeps sessions in the easy handle (a share keeps eight in all), and are
 * replaced every ten minutes, so that there is a full handshake. A handle that
 * had anything but a plain GET is reset before its next use.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "loop/address.h"
#include "loop/certificate.h"
#include "loop/libcurl.h"
#include "loop/loop.h"
#include "loop/redirect.h"

#define IDLE_MAX 128
#define KEYED_MAX 1024
#define HEADERS_MAX 65536
#define FULL_HANDSHAKE_S 600
#define PACKED_MORE_MAX 65536 /* more than unpacked, at most */

static int
key_compare(struct transfer *a, struct transfer *b)
{
	return strcmp(a->key, b->key);
}

TREE_GENERATE(key_tree, transfer, key_link, key_compare)

const char *
transfer_ca_file(void)
{
	static const char *const places[] = {"/etc/ssl/certs/ca-certificates.crt",
	    "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
	    "/etc/ssl/cert.pem"};
	static const char *found;
	size_t i;

	for (i = 0; found == NULL && i < ARRAY_LENGTH(places); i++)
		if (access(places[i], R_OK) == 0)
			found = places[i];
	return found != NULL ? found : places[0];
}

/* ---- what libcurl calls ---- */

/* CURLOPT_CERTINFO would write out every certificate of the chain as text. */
void
transfer_see_certificate(struct transfer *transfer)
{
	struct curl_tlssessioninfo *session = NULL;
	int64_t expires_s = 0;

	if (!transfer->wants_certificate)
		return;
	curl_easy_getinfo(transfer->easy, CURLINFO_TLS_SSL_PTR, &session);
	if (session != NULL && session->internals != NULL)
		expires_s = certificate_expires_s(session->internals);
	if (expires_s == 0)
		return;
	transfer->expires_s = expires_s;
	transfer->wants_certificate = false;
}

/* Of Content-Encoding and Transfer-Encoding, as libcurl reads them: what unpacks. */
static unsigned
count_codings(const char *line, size_t length)
{
	static const char *const free_of_charge[] = {"chunked", "identity", "none"};
	const char *end = line + length, *p = memchr(line, ':', length), *word;
	unsigned count = 0;
	size_t i;

	for (p++; p < end; p++) {
		while (p < end && strchr(" \t\r\n,", *p) != NULL)
			p++;
		for (word = p; p < end && strchr(" \t\r\n,", *p) == NULL; p++)
			;
		if (p == word)
			continue;
		count++;
		for (i = 0; i < ARRAY_LENGTH(free_of_charge); i++)
			if (strlen(free_of_charge[i]) == (size_t)(p - word) &&
			    strncasecmp(word, free_of_charge[i], p - word) == 0)
				count--;
	}
	return count;
}

/* libcurl unpacks codings upon codings in one go, those of a 1xx answer too, and only
 * what the last of them yields comes to on_body(): two multiply. */
static bool
is_packed_twice(struct transfer *transfer, const char *line, size_t length)
{
	if ((length > 17 && strncasecmp(line, "Content-Encoding:", 17) == 0) ||
	    (length > 18 && strncasecmp(line, "Transfer-Encoding:", 18) == 0))
		transfer->codings += count_codings(line, length);
	return transfer->codings > 1;
}

static size_t
on_header(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	size_t length = size * count;

	transfer->header_bytes += length;
	if (transfer->header_bytes > HEADERS_MAX) {
		transfer->headers_too_large = true;
		return 0;
	}
	if (length > 5 && memcmp(data, "HTTP/", 5) == 0) {
		buf_clear(transfer->headers); /* the final answer's remain */
		transfer_see_certificate(transfer);
	} else if (is_packed_twice(transfer, data, length)) {
		return 0;
	}
	buf_add(transfer->headers, data, length);
	return length;
}

/* Ours for CLOEXEC and to know when connecting began. */
static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *transfer = arg;
	int fd;

	transfer->opened_us = clock_mono_us();
	transfer->open_family = address->family;
	fd = socket(
	    address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (fd < 0)
		transfer->open_error = errno;
	return fd;
}

/* libcurl 7.88 tells the time of connecting only once the handshake is done; this
 * comes before it begins. */
static CURLcode
on_tls_begin(CURL *easy, void *context, void *arg)
{
	struct transfer *transfer = arg;

	transfer->tls_began_us = clock_mono_us();
	return CURLE_OK;
}

/* libcurl reads a proxy's answer to CONNECT byte by byte, as long as there are any,
 * and tells of each in on_progress() alone: without this it would not return. */
static bool
is_long_tunnel(struct transfer *transfer)
{
	if (!transfer->proxied || !transfer->tls || transfer->tls_began_us != 0)
		return false;
	transfer->headers_too_large = ++transfer->tunnel_bytes > HEADERS_MAX;
	return transfer->headers_too_large;
}

/* What is received may be much and unpack to little: that is bounded too. Not so what
 * libcurl drops, extensions of chunks: those go on until the time is over. */
static int
on_progress(
    void *arg, curl_off_t all, curl_off_t received, curl_off_t to_send, curl_off_t sent)
{
	struct transfer *transfer = arg;

	if (is_long_tunnel(transfer))
		return 1;
	if (received <= transfer->max_body + PACKED_MORE_MAX)
		return 0;
	transfer->too_large = true;
	return 1;
}

static bool
is_redirect(struct transfer *transfer)
{
	long status = 0;
	char *location;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	if (!redirect_is_status(status))
		return false;
	location = redirect_header(
	    transfer->headers->data, transfer->headers->length, "Location");
	free(location);
	return location != NULL;
}

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	size_t length = size * count;

	if (transfer->drop_redirect_body && transfer->body_bytes == 0)
		transfer->drop_redirect_body = is_redirect(transfer);
	if (transfer->body_bytes + (int64_t)length > transfer->max_body) {
		buf_add(
		    transfer->body, data, transfer->max_body - transfer->body_bytes);
		transfer->body_bytes = transfer->max_body;
		transfer->too_large = true;
		return 0;
	}
	transfer->body_bytes += length;
	if (!transfer->drop_redirect_body)
		buf_add(transfer->body, data, length);
	return length;
}

/* ---- transfers, between and during exchanges ---- */

static void
transfer_free(struct transfer *transfer)
{
	if (transfer->key != NULL) {
		RB_REMOVE(key_tree, &transfer->pool->keys, transfer);
		transfer->pool->keyed_count--;
	}
	free(transfer->key);
	curl_easy_cleanup(transfer->easy);
	MAGIC_CLEAR(transfer);
	free(transfer);
}

/* Back to where it waits, or gone. */
static void
release(struct transfer *transfer)
{
	struct transfer_pool *pool = transfer->pool;

	struct multi *multi = transfer->multi;

	TAILQ_REMOVE(&pool->running, transfer, entry);
	transfer->multi = NULL;
	multi->running--;
	multi_rest(multi);
	curl_slist_free_all(transfer->header_list);
	curl_slist_free_all(transfer->connect_list);
	transfer->header_list = transfer->connect_list = NULL;
	if (transfer->key != NULL) {
		TAILQ_INSERT_TAIL(&pool->keyed, transfer, entry);
	} else if (pool->idle_count < IDLE_MAX) {
		TAILQ_INSERT_HEAD(&pool->idle, transfer, entry);
		pool->idle_count++;
	} else {
		transfer_free(transfer);
	}
}

/* Options that never change. */
static void
set_constants(struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls_begin);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, transfer);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "Vetrina/" PACKAGE_VERSION);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	/* Empty: the environment's proxies do not apply. */
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	/* Addresses are numeric; a cache of them would be searched through again
	 * and again. */
	curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	/* A kept connection shows its certificate at least that often. */
	curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, (long)FULL_HANDSHAKE_S);
	/* Not 118 s of idleness, after which a check of 2 minutes would keep nothing.
	 */
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)FULL_HANDSHAKE_S);
	/* Not 300 s: the time limit is loop/fetch's. */
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, 3600L);
	transfer->dirty = false;
}

static struct transfer *
transfer_new(struct transfer_pool *pool)
{
	struct transfer *transfer = mem_zalloc(sizeof(*transfer));

	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL) {
		free(transfer);
		return NULL;
	}
	MAGIC_SET(transfer, TRANSFER_MAGIC);
	transfer->pool = pool;
	transfer->created_us = clock_mono_us();
	set_constants(transfer);
	return transfer;
}

static struct transfer *
new_keyed(struct transfer_pool *pool, const char *key)
{
	struct transfer *transfer;

	if (pool->keyed_count >= KEYED_MAX) {
		transfer = TAILQ_FIRST(&pool->keyed);
		if (transfer == NULL)
			return NULL;
		TAILQ_REMOVE(&pool->keyed, transfer, entry);
		transfer_free(transfer);
	}
	transfer = transfer_new(pool);
	if (transfer == NULL)
		return NULL;
	transfer->key = mem_strdup(key);
	RB_INSERT(key_tree, &pool->keys, transfer);
	pool->keyed_count++;
	return transfer;
}

/* -> NULL: none is to be had, there will be no session */
static struct transfer *
get_keyed(struct transfer_pool *pool, const char *text)
{
	struct transfer key = {.key = (char *)text}, *transfer;

	transfer = RB_FIND(key_tree, &pool->keys, &key);
	if (transfer == NULL)
		return new_keyed(pool, text);
	if (transfer->multi != NULL) /* at work */
		return NULL;
	TAILQ_REMOVE(&pool->keyed, transfer, entry);
	if (clock_mono_us() - transfer->created_us < FULL_HANDSHAKE_S * CLOCK_SECOND)
		return transfer;
	transfer_free(transfer);
	return new_keyed(pool, text);
}

static struct transfer *
get_transfer(struct transfer_pool *pool, const struct transfer_request *request)
{
	struct transfer *transfer;
	char *key;

	if (request->reuse == FETCH_REUSE_SESSION) {
		key = mem_printf("%s %u %s %s %s", request->url->host,
		    request->url->port, request->ca_file,
		    request->certificate_file ? request->certificate_file : "",
		    request->proxy ? request->proxy->text : "");
		transfer = get_keyed(pool, key);
		free(key);
		if (transfer != NULL)
			return transfer;
	}
	transfer = TAILQ_FIRST(&pool->idle);
	if (transfer == NULL)
		return transfer_new(pool);
	TAILQ_REMOVE(&pool->idle, transfer, entry);
	pool->idle_count--;
	return transfer;
}

/* ---- an exchange ---- */

static void
add_header(struct transfer *transfer, const char *line)
{
	struct curl_slist *list = curl_slist_append(transfer->header_list, line);

	assert(list != NULL);
	transfer->header_list = list;
}

/* libcurl takes "Name:" as "do not send Name"; "Name;" sends it empty. */
static void
add_user_header(struct transfer *transfer, const char *line)
{
	const char *colon = strchr(line, ':');
	char *empty;

	if (colon == NULL || strpbrk(line, "\r\n") != NULL)
		return;
	if (colon[1 + strspn(colon + 1, " \t")] != '\0') {
		add_header(transfer, line);
		return;
	}
	empty = mem_printf("%.*s;", (int)(colon - line), line);
	add_header(transfer, empty);
	free(empty);
}

static void
set_method(struct transfer *transfer, const struct transfer_request *request)
{
	CURL *easy = transfer->easy;
	bool has_body = request->body != NULL || strcmp(request->method, "POST") == 0;

	if (strcmp(request->method, "GET") == 0 && !has_body)
		return;
	transfer->dirty = true;
	if (strcmp(request->method, "HEAD") == 0 && !has_body) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (has_body) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(
		    easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)request->body_length);
		add_header(transfer, "Expect:"); /* do not ask, send */
	}
	if (strcmp(request->method, "POST") != 0)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void
set_credentials(struct transfer *transfer, const struct transfer_request *request)
{
	CURL *easy = transfer->easy;
	char *line;

	if (request->bearer != NULL && strpbrk(request->bearer, "\r\n") == NULL) {
		line = mem_printf("Authorization: Bearer %s", request->bearer);
		add_header(transfer, line);
		free(line);
	}
	if (request->user != NULL) {
		transfer->dirty = true;
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(easy, CURLOPT_USERNAME, request->user);
		curl_easy_setopt(
		    easy, CURLOPT_PASSWORD, request->password ? request->password : "");
	}
	if (request->certificate_file != NULL) {
		transfer->dirty = true;
		curl_easy_setopt(easy, CURLOPT_SSLCERT, request->certificate_file);
		curl_easy_setopt(easy, CURLOPT_SSLKEY,
		    request->private_key_file ? request->private_key_file
					      : request->certificate_file);
		/* Not to be asked for at a terminal. */
		curl_easy_setopt(easy, CURLOPT_KEYPASSWD, "");
	}
}

/* Where the connection goes: to the address, whatever the name says. */
static void
set_address(struct transfer *transfer, const struct transfer_request *request)
{
	char line[ADDRESS_TEXT_SIZE + 32];
	bool six = strchr(request->address, ':') != NULL;
	char *proxy;

	if (request->proxy == NULL) {
		/* Empty host and port stand for any. */
		snprintf(line, sizeof(line), six ? "::[%s]:%u" : "::%s:%u",
		    request->address, request->url->port);
		transfer->connect_list = curl_slist_append(NULL, line);
		return;
	}
	transfer->dirty = true;
	proxy = url_with_address(
	    request->proxy->text, request->address, request->proxy->port);
	assert(proxy != NULL); /* it parsed before */
	curl_easy_setopt(transfer->easy, CURLOPT_PROXY, proxy);
	if (request->proxy->user != NULL)
		curl_easy_setopt(
		    transfer->easy, CURLOPT_PROXYUSERNAME, request->proxy->user);
	if (request->proxy->password != NULL)
		curl_easy_setopt(
		    transfer->easy, CURLOPT_PROXYPASSWORD, request->proxy->password);
	free(proxy);
}

static void
prepare(struct transfer *transfer, const struct transfer_request *request)
{
	CURL *easy = transfer->easy;
	size_t i;

	if (transfer->dirty) {
		curl_easy_reset(easy);
		set_constants(transfer);
	}
	transfer->tls = strcmp(request->url->scheme, "https") == 0;
	transfer->proxied = request->proxy != NULL;
	transfer->max_body = request->max_body;
	transfer->body_bytes = 0;
	transfer->header_bytes = transfer->tunnel_bytes = 0;
	transfer->opened_us = transfer->tls_began_us = 0;
	transfer->open_error = 0;
	transfer->codings = 0;
	transfer->too_large = transfer->headers_too_large = false;
	transfer->wants_certificate = request->want_certificate && transfer->tls;
	transfer->drop_redirect_body = request->drop_redirect_body;
	transfer->error[0] = '\0';
	if (transfer->key == NULL)
		transfer->expires_s = 0;
	curl_easy_setopt(easy, CURLOPT_URL, request->url->text);
	set_method(transfer, request);
	set_credentials(transfer, request);
	for (i = 0; request->headers != NULL && request->headers[i] != NULL; i++)
		add_user_header(transfer, request->headers[i]);
	set_address(transfer, request);
	/* Set in any case: the handle may know lists that are gone. */
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->header_list);
	curl_easy_setopt(easy, CURLOPT_CONNECT_TO, transfer->connect_list);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT,
	    (long)(request->reuse != FETCH_REUSE_CONNECTION));
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE,
	    (long)(request->reuse != FETCH_REUSE_CONNECTION));
	/* The size of a HEAD's answer is not ours to download. */
	curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE,
	    (curl_off_t)(strcmp(request->method, "HEAD") == 0 ? 0 : request->max_body));
	if (!transfer->tls)
		return;
	curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file);
	curl_easy_setopt(
	    easy, CURLOPT_SSL_SESSIONID_CACHE, (long)(transfer->key != NULL));
}

struct transfer *
transfer_start(struct transfer_pool *pool, const struct transfer_request *request,
    struct buf *headers, struct buf *body, transfer_cb *cb, void *arg)
{
	struct transfer *transfer;
	CURLMcode code;

	MAGIC_CHECK(pool, TRANSFER_POOL_MAGIC);
	transfer = get_transfer(pool, request);
	if (transfer == NULL) {
		log_error("fetch: libcurl gives no handle");
		return NULL;
	}
	transfer->cb = cb;
	transfer->arg = arg;
	transfer->headers = headers;
	transfer->body = body;
	prepare(transfer, request);
	transfer->multi = multi_get(pool, request->ca_file);
	transfer->multi->running++;
	TAILQ_INSERT_TAIL(&pool->running, transfer, entry);
	code = curl_multi_add_handle(transfer->multi->curl, transfer->easy);
	if (code == CURLM_OK)
		return transfer;
	log_error("fetch: libcurl refuses a transfer: %s", curl_multi_strerror(code));
	release(transfer);
	return NULL;
}

void
transfer_done(struct transfer *transfer, CURLcode code)
{
	struct transfer_outcome outcome;
	transfer_cb *cb = transfer->cb;
	void *arg = transfer->arg;

	outcome_take(transfer, &outcome);
	outcome.class = outcome_class(transfer, code, &outcome);
	if (outcome.class != FETCH_OK && outcome.detail[0] == '\0')
		snprintf(outcome.detail, sizeof(outcome.detail), "%s",
		    curl_easy_strerror(code));
	curl_multi_remove_handle(transfer->multi->curl, transfer->easy);
	release(transfer);
	cb(&outcome, arg);
}

void
transfer_stop(struct transfer *transfer, struct transfer_outcome *out)
{
	MAGIC_CHECK(transfer, TRANSFER_MAGIC);
	if (out != NULL) {
		outcome_take(transfer, out);
		out->class = outcome_timeout(transfer);
	}
	curl_multi_remove_handle(transfer->multi->curl, transfer->easy);
	release(transfer);
}

bool
transfer_is_connected(struct transfer *transfer)
{
	curl_off_t connected = 0, sent = 0;

	MAGIC_CHECK(transfer, TRANSFER_MAGIC);
	curl_easy_getinfo(transfer->easy, CURLINFO_CONNECT_TIME_T, &connected);
	curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &sent);
	return transfer->tls_began_us > 0 || connected > 0 || sent > 0;
}

struct transfer_pool *
transfer_pool_create(struct loop *loop)
{
	struct transfer_pool *pool = mem_zalloc(sizeof(*pool));

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		log_error("fetch: libcurl cannot begin");
		free(pool);
		return NULL;
	}
	MAGIC_SET(pool, TRANSFER_POOL_MAGIC);
	pool->loop = loop;
	TAILQ_INIT(&pool->multis);
	TAILQ_INIT(&pool->running);
	TAILQ_INIT(&pool->idle);
	TAILQ_INIT(&pool->keyed);
	RB_INIT(&pool->keys);
	return pool;
}

static void
free_all(struct transfer_list *list)
{
	struct transfer *transfer;

	while ((transfer = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, transfer, entry);
		transfer_free(transfer);
	}
}

void
transfer_pool_destroy(struct transfer_pool *pool)
{
	if (pool == NULL)
		return;
	MAGIC_CHECK(pool, TRANSFER_POOL_MAGIC);
	assert(TAILQ_EMPTY(&pool->running));
	while (!TAILQ_EMPTY(&pool->multis))
		multi_destroy(TAILQ_FIRST(&pool->multis));
	free_all(&pool->idle);
	free_all(&pool->keyed);
	curl_global_cleanup();
	MAGIC_CLEAR(pool);
	free(pool);
}
