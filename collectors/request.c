/*
 * A request: options are its caller's, secrets and the URL in parts are its own. As a
 * reply may not come from within request_start(), a timer carries a refusal.
 */
#include "collectors/request.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "collectors/secret.h"
#include "loop/loop.h"
#include "loop/url.h"

#define REQUEST_MAGIC 0x72657173

struct request {
	MAGIC;
	struct fetch_pool *pool;
	const struct request_options *options;
	struct url url; /* of the options; empty if it cannot be parsed */
	int64_t dns_cache_us;
	const char **headers; /* NULL-terminated, borrowed from options; those of files
			       * come behind them while a run is begun */
	struct secret **header_secrets; /* as options->header_files */
	struct secret *bearer, *password;
	struct fetch *fetch; /* running, or NULL */
	struct loop_timer *refusal;
	char error[256];
	fetch_cb *cb;
	void *arg;
};

enum probe_class request_class(enum fetch_class class)
{
	static const enum probe_class classes[] = {
	    [FETCH_OK] = PROBE_OK,
	    [FETCH_RESOLVE] = PROBE_RESOLVE,
	    [FETCH_REFUSED] = PROBE_REFUSED,
	    [FETCH_CONNECT_TIMEOUT] = PROBE_CONNECT_TIMEOUT,
	    [FETCH_TLS_TIMEOUT] = PROBE_TLS_TIMEOUT,
	    [FETCH_FIRST_BYTE_TIMEOUT] = PROBE_FIRST_BYTE_TIMEOUT,
	    [FETCH_READ_TIMEOUT] = PROBE_READ_TIMEOUT,
	    [FETCH_CERTIFICATE_EXPIRED] = PROBE_CERTIFICATE_EXPIRED,
	    [FETCH_CERTIFICATE_NAME] = PROBE_CERTIFICATE_NAME,
	    [FETCH_CERTIFICATE_ISSUER] = PROBE_CERTIFICATE_ISSUER,
	    [FETCH_TLS] = PROBE_TLS,
	    [FETCH_TOO_LARGE] = PROBE_TOO_LARGE,
	    [FETCH_REDIRECTS] = PROBE_REDIRECTS,
	    [FETCH_CLOSED] = PROBE_CLOSED,
	    [FETCH_PROTOCOL] = PROBE_PROTOCOL,
	    [FETCH_INTERNAL] = PROBE_INTERNAL,
	};

	return classes[class];
}

/* "12,345" */
static void
group_digits(size_t number, char out[32])
{
	char digits[24];
	size_t length = snprintf(digits, sizeof(digits), "%zu", number), i, n = 0;

	for (i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			out[n++] = ',';
		out[n++] = digits[i];
	}
	out[n] = '\0';
}

void
request_describe(const struct fetch_reply *reply, char out[256])
{
	const char *version = reply->http_version == 10   ? "HTTP/1.0"
			      : reply->http_version == 11 ? "HTTP/1.1"
			      : reply->http_version == 20 ? "HTTP/2"
							  : "HTTP";
	char bytes[32], redirects[32] = "";

	group_digits(reply->body.length, bytes);
	if (reply->hops > 0)
		snprintf(redirects, sizeof(redirects), ", %d redirect%s", reply->hops,
		    reply->hops > 1 ? "s" : "");
	snprintf(out, 256, "%d, %s, %s byte%s%s", reply->status, version, bytes,
	    reply->body.length == 1 ? "" : "s", redirects);
}

static void
on_refusal(void *arg)
{
	struct request *request = arg;
	struct fetch_reply reply = {.class = FETCH_INTERNAL,
	    .dns = NAN,
	    .connect = NAN,
	    .tls = NAN,
	    .first_byte = NAN,
	    .total = NAN};

	MAGIC_CHECK(request, REQUEST_MAGIC);
	strlcpy(reply.sentence, request->error, sizeof(reply.sentence));
	request->cb(&reply, request->arg);
}

static void
on_reply(struct fetch_reply *reply, void *arg)
{
	struct request *request = arg;

	MAGIC_CHECK(request, REQUEST_MAGIC);
	request->fetch = NULL;
	request->cb(reply, request->arg);
}

/* The headers that stand in files, behind the others. -> false with the sentence */
static bool
add_header_secrets(struct request *request)
{
	const struct conf_files *files = &request->options->header_files;
	const char **at = request->headers + request->options->headers.count;
	size_t i;

	for (i = 0; i < files->count; i++) {
		const char *value =
		    secret_get(request->header_secrets[i], request->error);
		if (value == NULL)
			return false;
		*at++ = mem_printf("%s: %s", files->items[i].name, value);
		*at = NULL;
	}
	return true;
}

static void
wipe_header_secrets(struct request *request)
{
	const char **at = request->headers + request->options->headers.count;

	for (; *at != NULL; at++) {
		explicit_bzero((char *)*at, strlen(*at));
		free((char *)*at);
		*at = NULL;
	}
}

/* -> false with the sentence */
static bool
read_secrets(struct request *request, struct fetch_request *out)
{
	char *error = request->error;

	if (request->bearer != NULL &&
	    (out->bearer = secret_get(request->bearer, error)) == NULL)
		return false;
	if (request->password != NULL &&
	    (out->password = secret_get(request->password, error)) == NULL)
		return false;
	return add_header_secrets(request);
}

void
request_start(struct request *request, int64_t timeout_us, bool fresh)
{
	const struct request_options *opts = request->options;
	struct fetch_request out = {
	    .method = request_methods[opts->method],
	    .url = opts->url,
	    .parsed = request->url.text != NULL ? &request->url : NULL,
	    .headers = request->headers,
	    .body = opts->body,
	    .body_length = opts->body != NULL ? strlen(opts->body) : 0,
	    .user = opts->user,
	    .ca_file = opts->ca_file,
	    .certificate_file = opts->certificate_file,
	    .private_key_file = opts->key_file,
	    .proxy = opts->proxy,
	    .family = (enum resolve_family)opts->ip,
	    .reuse = (enum fetch_reuse)opts->reuse,
	    .fresh = fresh,
	    .dns_cache_us = request->dns_cache_us,
	    .timeout_us = timeout_us,
	    .max_body = opts->max_body,
	    .follow = (int)opts->follow,
	    .want_certificate = true,
	};

	MAGIC_CHECK(request, REQUEST_MAGIC);
	if (read_secrets(request, &out))
		request->fetch = fetch_start(request->pool, &out, on_reply, request);
	else
		loop_timer_set(request->refusal, 0);
	wipe_header_secrets(request);
}

void
request_rebind(struct request *request, const struct request_options *options)
{
	size_t i;

	MAGIC_CHECK(request, REQUEST_MAGIC);
	request->options = options;
	for (i = 0; i < options->headers.count; i++)
		request->headers[i] = options->headers.items[i];
}

struct request *
request_create(const struct probe_env *env, const struct request_options *opts,
    int64_t dns_cache_us, fetch_cb *cb, void *arg)
{
	struct request *request = mem_zalloc(sizeof(*request));
	size_t i;

	MAGIC_SET(request, REQUEST_MAGIC);
	request->pool = env->fetch;
	request->dns_cache_us = dns_cache_us;
	request->cb = cb;
	request->arg = arg;
	request->headers = mem_array(opts->headers.count + opts->header_files.count + 1,
	    sizeof(*request->headers));
	request_rebind(request, opts);
	request->header_secrets =
	    mem_array(opts->header_files.count + 1, sizeof(*request->header_secrets));
	for (i = 0; i < opts->header_files.count; i++)
		request->header_secrets[i] =
		    secret_create(opts->header_files.items[i].path);
	if (opts->url == NULL || url_parse(opts->url, NULL, &request->url) != 0)
		url_free(&request->url);
	if (opts->bearer_file != NULL)
		request->bearer = secret_create(opts->bearer_file);
	if (opts->password_file != NULL)
		request->password = secret_create(opts->password_file);
	request->refusal = loop_timer_create(env->loop, on_refusal, request);
	return request;
}

void
request_cancel(struct request *request)
{
	MAGIC_CHECK(request, REQUEST_MAGIC);
	if (request->fetch != NULL)
		fetch_cancel(request->fetch);
	request->fetch = NULL;
	loop_timer_clear(request->refusal);
}

void
request_destroy(struct request *request)
{
	size_t i;

	if (request == NULL)
		return;
	request_cancel(request);
	loop_timer_destroy(request->refusal);
	for (i = 0; request->header_secrets[i] != NULL; i++)
		secret_destroy(request->header_secrets[i]);
	free(request->header_secrets);
	secret_destroy(request->bearer);
	secret_destroy(request->password);
	url_free(&request->url);
	free(request->headers);
	MAGIC_CLEAR(request);
	free(request);
}
