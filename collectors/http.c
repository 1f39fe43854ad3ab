/*
 * The http collector: one request, as a citizen's browser would make it, with the
 * time of each phase, and what its answer is expected to be (collectors/expect).
 *
 * State belongs to the probe that opened it, options are its caller's. A secret that
 * cannot be read fails the run before anything is sent; as a result may not come from
 * within start(), a timer carries it.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "collectors/collectors.h"
#include "collectors/expect.h"
#include "collectors/http_options.h"
#include "collectors/judge.h"
#include "collectors/secret.h"
#include "loop/fetch.h"
#include "loop/loop.h"
#include "loop/url.h"

#define HTTP_MAGIC 0x68636865
#define DAY_S 86400.0

struct http {
	MAGIC;
	struct probe_env env;
	const struct http_options *options;
	struct url url; /* of the options; empty if it cannot be parsed */
	int64_t dns_cache_us;
	const char **headers; /* NULL-terminated, borrowed from options; those of files
			       * come behind them while a run is begun */
	struct secret **header_secrets; /* as options->header_files */
	struct expect *expect;
	struct secret *bearer, *password;
	struct fetch *fetch;   /* running, or NULL */
	struct probe_run *run; /* NULL: idle */
	struct judge *judge;   /* of its answer, on a worker, or NULL */
	struct probe_result result;
	struct loop_timer *refusal;
};

enum { DNS, CONNECT, TLS, FIRST_BYTE, TOTAL, SIZE, CERTIFICATE_DAYS, SOURCES };

static const struct archive_source sources[SOURCES] = {
    [DNS] = {"dns", "s", 0, NAN, "Finding the address"},
    [CONNECT] = {"connect", "s", 0, NAN, "Opening the connection"},
    [TLS] = {"tls", "s", 0, NAN, "Agreeing on encryption"},
    [FIRST_BYTE] = {"first_byte", "s", 0, NAN, "Waiting for the answer to begin"},
    [TOTAL] = {"total", "s", 0, NAN, "All of it, until the answer's last byte"},
    [SIZE] = {"size", "bytes", 0, NAN, "Length of the body, decompressed"},
    [CERTIFICATE_DAYS] = {"certificate_days", "days", NAN, NAN,
	"Until the certificate expires"},
};

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

static void
finish(struct http *http)
{
	struct probe_result result = http->result;
	struct probe_run *run = http->run;

	http->run = NULL;
	text_clean(result.message);
	/* Who hears of it may start the next run at once, or close. */
	probe_done(run, &result);
}

static void
result_clear(struct probe_result *result)
{
	size_t i;

	memset(result, 0, sizeof(*result));
	for (i = 0; i < ARCHIVE_SOURCES_MAX; i++)
		result->values[i] = NAN;
}

static void
on_refusal(void *arg)
{
	struct http *http = arg;

	MAGIC_CHECK(http, HTTP_MAGIC);
	finish(http);
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

static void
describe(const struct fetch_reply *reply, char out[256])
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

/* The last word on an answer that came whole; result holds its values and message. */
static void
on_judged(enum probe_class class, const char *sentence, void *arg)
{
	struct http *http = arg;
	struct probe_result *result = &http->result;
	int64_t max_us = http->options->max_time_us;
	char limit[TEXT_DURATION_SIZE];

	MAGIC_CHECK(http, HTTP_MAGIC);
	http->judge = NULL;
	result->class = class;
	if (class != PROBE_OK) {
		strlcpy(result->message, sentence, sizeof(result->message));
	} else if (max_us > 0 && result->values[TOTAL] * CLOCK_SECOND > max_us) {
		result->class = PROBE_SLOW;
		snprintf(result->message, sizeof(result->message),
		    "the answer took %.3f s, more than %s", result->values[TOTAL],
		    text_duration_format(max_us, limit));
	}
	finish(http);
}

static void
judge(struct http *http, const struct fetch_reply *reply)
{
	const struct expect_answer answer = {
	    .status = reply->status,
	    .headers = reply->headers.data,
	    .headers_length = reply->headers.length,
	    .body = reply->body.data,
	    .body_length = reply->body.length,
	};
	char sentence[256];

	http->result.values[TOTAL] = reply->total;
	http->result.values[SIZE] = (double)reply->body.length;
	describe(reply, http->result.message);
	if (judge_start(http->env.io, http->expect, &answer, on_judged, http,
		&http->judge) != 0)
		on_judged(PROBE_INTERNAL, "too many answers wait to be judged", http);
	else if (http->judge == NULL)
		on_judged(
		    expect_judge(http->expect, &answer, sentence), sentence, http);
}

static void
on_reply(struct fetch_reply *reply, void *arg)
{
	struct http *http = arg;
	struct probe_result *result = &http->result;

	MAGIC_CHECK(http, HTTP_MAGIC);
	http->fetch = NULL;
	result->class = classes[reply->class];
	result->values[DNS] = reply->dns;
	/* What it took to be refused is no time of a connection. */
	if (reply->class != FETCH_REFUSED && reply->class != FETCH_CONNECT_TIMEOUT)
		result->values[CONNECT] = reply->connect;
	result->values[TLS] = reply->tls;
	result->values[FIRST_BYTE] = reply->first_byte;
	if (reply->certificate_expires_s != 0)
		result->values[CERTIFICATE_DAYS] =
		    (reply->certificate_expires_s - clock_wall_us() / 1e6) / DAY_S;
	if (reply->class == FETCH_OK) {
		judge(http, reply);
		return;
	}
	strlcpy(result->message, reply->sentence, sizeof(result->message));
	finish(http);
}

/* The headers that stand in files, behind the others. -> false with the sentence */
static bool
add_header_secrets(struct http *http)
{
	const struct conf_files *files = &http->options->header_files;
	const char **at = http->headers + http->options->headers.count;
	size_t i;

	for (i = 0; i < files->count; i++) {
		const char *value =
		    secret_get(http->header_secrets[i], http->result.message);
		if (value == NULL)
			return false;
		*at++ = mem_printf("%s: %s", files->items[i].name, value);
		*at = NULL;
	}
	return true;
}

static void
wipe_header_secrets(struct http *http)
{
	const char **at = http->headers + http->options->headers.count;

	for (; *at != NULL; at++) {
		explicit_bzero((char *)*at, strlen(*at));
		free((char *)*at);
		*at = NULL;
	}
}

/* -> false with the sentence */
static bool
read_secrets(struct http *http, struct fetch_request *request)
{
	char *error = http->result.message;

	if (http->bearer != NULL &&
	    (request->bearer = secret_get(http->bearer, error)) == NULL)
		return false;
	if (http->password != NULL &&
	    (request->password = secret_get(http->password, error)) == NULL)
		return false;
	return add_header_secrets(http);
}

static void
http_start(void *arg, struct probe_run *run, int64_t timeout_us, bool fresh)
{
	struct http *http = arg;
	const struct http_options *opts = http->options;
	struct fetch_request request = {
	    .method = http_methods[opts->method],
	    .url = opts->url,
	    .parsed = http->url.text != NULL ? &http->url : NULL,
	    .headers = http->headers,
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
	    .dns_cache_us = http->dns_cache_us,
	    .timeout_us = timeout_us,
	    .max_body = opts->max_body,
	    .follow = (int)opts->follow,
	    .want_certificate = true,
	};

	MAGIC_CHECK(http, HTTP_MAGIC);
	assert(http->run == NULL);
	http->run = run;
	result_clear(&http->result);
	if (read_secrets(http, &request)) {
		http->fetch = fetch_start(http->env.fetch, &request, on_reply, http);
	} else {
		http->result.class = PROBE_INTERNAL;
		loop_timer_set(http->refusal, 0);
	}
	wipe_header_secrets(http);
}

/* Options and the texts in them; what is compiled from them is ours. */
static void
http_rebind(void *arg, const void *options)
{
	struct http *http = arg;
	size_t i;

	MAGIC_CHECK(http, HTTP_MAGIC);
	http->options = options;
	for (i = 0; i < http->options->headers.count; i++)
		http->headers[i] = http->options->headers.items[i];
}

static int
http_open(const struct probe_env *env, const void *arg, int64_t dns_cache_us,
    void **state, char error[256])
{
	const struct http_options *opts = arg;
	const char *option;
	struct expect *expect = http_options_expect(opts, &option, error);
	struct http *http;
	size_t i;

	if (expect == NULL)
		return ERR_SYNTAX;
	http = mem_zalloc(sizeof(*http));
	MAGIC_SET(http, HTTP_MAGIC);
	http->env = *env;
	http->dns_cache_us = dns_cache_us;
	http->expect = expect;
	http->headers = mem_array(
	    opts->headers.count + opts->header_files.count + 1, sizeof(*http->headers));
	http_rebind(http, opts);
	http->header_secrets =
	    mem_array(opts->header_files.count + 1, sizeof(*http->header_secrets));
	for (i = 0; i < opts->header_files.count; i++)
		http->header_secrets[i] =
		    secret_create(opts->header_files.items[i].path);
	if (url_parse(opts->url, NULL, &http->url) != 0)
		url_free(&http->url);
	if (opts->bearer_file != NULL)
		http->bearer = secret_create(opts->bearer_file);
	if (opts->password_file != NULL)
		http->password = secret_create(opts->password_file);
	http->refusal = loop_timer_create(env->loop, on_refusal, http);
	*state = http;
	return 0;
}

static void
http_cancel(void *arg)
{
	struct http *http = arg;

	MAGIC_CHECK(http, HTTP_MAGIC);
	if (http->fetch != NULL)
		fetch_cancel(http->fetch);
	http->fetch = NULL;
	if (http->judge != NULL)
		judge_cancel(http->judge);
	http->judge = NULL;
	loop_timer_clear(http->refusal);
	http->run = NULL;
}

static void
http_close(void *arg)
{
	struct http *http = arg;
	size_t i;

	http_cancel(http);
	loop_timer_destroy(http->refusal);
	for (i = 0; http->header_secrets[i] != NULL; i++)
		secret_destroy(http->header_secrets[i]);
	free(http->header_secrets);
	secret_destroy(http->bearer);
	secret_destroy(http->password);
	expect_destroy(http->expect);
	url_free(&http->url);
	free(http->headers);
	MAGIC_CLEAR(http);
	free(http);
}

static int
http_retries(const void *arg)
{
	const struct http_options *opts = arg;

	return (int)opts->retry;
}

/* As measured by tests/bench/checks.sh. */
static int64_t
http_load_us(const void *arg)
{
	const struct http_options *opts = arg;
	bool handshakes =
	    strncmp(opts->url, "https:", 6) == 0 && opts->reuse == FETCH_REUSE_NONE;

	return handshakes ? 1000 : 100;
}

const struct collector collector_http = {
    .name = "http",
    .text = "Asks an HTTP server and times each phase of its answer",
    .options = http_options,
    .options_size = sizeof(struct http_options),
    .shorthand = "url",
    .check = http_options_check,
    .sources = sources,
    .source_count = SOURCES,
    .total = TOTAL,
    .open = http_open,
    .start = http_start,
    .cancel = http_cancel,
    .close = http_close,
    .rebind = http_rebind,
    .retries = http_retries,
    .load_us = http_load_us,
};
