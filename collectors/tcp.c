/*
 * The tcp collector: a connection to any port, with TLS or without, what is said there
 * first and what must come back.
 *
 * What came is matched again each time there is more of it, which somebody who sends it
 * byte by byte could make much work: a match is not tried sooner than MATCH_REST times
 * what the last one took. The last one is tried whatever it took.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/pattern.h"
#include "base/text.h"
#include "collectors/collectors.h"
#include "collectors/endpoint.h"
#include "collectors/escape.h"
#include "collectors/request.h"
#include "loop/loop.h"
#include "loop/stream.h"

#define TCP_MAGIC 0x63746370
#define MATCH_REST 10
#define SHOWN_MAX 80 /* bytes of the answer in a message */

struct tcp_options {
	char *address, *send, *expect, *name, *ca_file;
	bool tls;
	int ip; /* enum resolve_family */
	int64_t max_bytes, retry;
};

struct tcp {
	MAGIC;
	struct probe_env env;
	const struct tcp_options *options;
	int64_t dns_cache_us;
	struct endpoint endpoint;
	char *name; /* or NULL */
	struct buf send;
	struct pattern *expect; /* or NULL */
	struct probe_run *run;  /* NULL: idle */
	struct stream *stream;
	struct loop_timer *again; /* the next match */
	int64_t started_us, asked_us, match_us;
	struct probe_result result;
};

enum { DNS, CONNECT, TLS, FIRST_BYTE, TOTAL, SOURCES };

static const struct archive_source sources[SOURCES] = {
    [DNS] = {"dns", "s", 0, NAN, "Finding the address"},
    [CONNECT] = {"connect", "s", 0, NAN, "Opening the connection"},
    [TLS] = {"tls", "s", 0, NAN, "Agreeing on encryption"},
    [FIRST_BYTE] = {"first_byte", "s", 0, NAN, "Waiting for the answer to begin"},
    [TOTAL] = {"total", "s", 0, NAN, "All of it, until the answer is as expected"},
};

#define AT(field) offsetof(struct tcp_options, field)
static const struct option options[] = {
    ADDRESS_OPTION(AT(address), "db.example.it:5432"),
    {.name = "send",
	.type = OPTION_STRING,
	.offset = AT(send),
	.max = 4096,
	.example = "'PING\\r\\n'",
	.text =
	    "What to say first, with \\r, \\n, \\t, \\\\ and \\xHH for bytes, hence in "
	    "single quotes; an answer is waited for"},
    {.name = "expect",
	.type = OPTION_REGEX,
	.offset = AT(expect),
	.example = "'^\\+PONG'",
	.text = "A pattern that what comes must match (PCRE2, on bytes); without send, "
		"what comes by itself. Without either, a connection is all that is "
		"expected"},
    {.name = "max_bytes",
	.type = OPTION_SIZE,
	.offset = AT(max_bytes),
	.fallback = "4K",
	.min = 1,
	.max = 16384,
	.unit = "bytes",
	.text = "How much of the answer is read at most, to find expect in it"},
    {.name = "tls",
	.type = OPTION_BOOL,
	.offset = AT(tls),
	.fallback = "false",
	.text = "Whether to speak TLS, with a certificate that must hold"},
    SERVER_NAME_OPTION(AT(name), "db.example.it"),
    CA_FILE_OPTION(AT(ca_file)),
    RETRY_OPTION(AT(retry)),
    IP_OPTION(AT(ip)),
    OPTION_END,
};
#undef AT

static void
tcp_check(const void *arg, conf_complain *complain, void *complain_arg)
{
	const struct tcp_options *opts = arg;
	struct buf bytes = BUF_INIT;
	char error[256];

	endpoint_check(opts->address, opts->name, complain, complain_arg);
	if (opts->send != NULL && escape_read(opts->send, &bytes, error) != 0)
		complain(complain_arg, "send", NULL, error);
	buf_free(&bytes);
	if (!opts->tls && opts->name != NULL)
		complain(complain_arg, "name", "tls", "it needs tls: true");
	if (!opts->tls && opts->ca_file != NULL)
		complain(complain_arg, "ca_file", "tls", "it needs tls: true");
}

/* ---- a run ---- */

static void
finish(struct tcp *tcp)
{
	const struct stream_info *info = stream_info(tcp->stream);
	struct probe_result result = tcp->result;
	struct probe_run *run = tcp->run;

	loop_timer_clear(tcp->again);
	result.values[DNS] = info->dns;
	result.values[CONNECT] = info->connect;
	result.values[TLS] = info->tls;
	stream_close(tcp->stream, NULL, 0);
	tcp->stream = NULL;
	tcp->run = NULL;
	text_clean(result.message);
	/* Who hears of it may start the next run at once, or close. */
	probe_done(run, &result);
}

/* The answer's first line, as much as is shown of it. */
static int
shown(const char *data, size_t length)
{
	size_t n;

	for (n = 0; n < length && n < SHOWN_MAX; n++)
		if (data[n] == '\r' || data[n] == '\n' || data[n] == '\0')
			break;
	return (int)n;
}

static void
succeed(struct tcp *tcp)
{
	const struct stream_info *info = stream_info(tcp->stream);
	char *out = tcp->result.message;
	const char *data;
	size_t length, n;

	tcp->result.values[TOTAL] =
	    (double)(clock_mono_us() - tcp->started_us) / CLOCK_SECOND;
	n = snprintf(
	    out, 256, "connected to %s port %u", info->address, tcp->endpoint.port);
	if (info->seen.protocol[0] != '\0')
		n += snprintf(out + n, 256 - n, ", %s", info->seen.protocol);
	data = stream_peek(tcp->stream, &length);
	if (length > 0)
		snprintf(
		    out + n, 256 - n, ", it said \"%.*s\"", shown(data, length), data);
	finish(tcp);
}

static void
fail(struct tcp *tcp, enum probe_class class, const char *sentence)
{
	tcp->result.class = class;
	strlcpy(tcp->result.message, sentence, sizeof(tcp->result.message));
	finish(tcp);
}

static void
fail_match(struct tcp *tcp, const char *why)
{
	size_t length;
	const char *data = stream_peek(tcp->stream, &length);

	tcp->result.class = PROBE_MATCH;
	snprintf(tcp->result.message, sizeof(tcp->result.message),
	    "the answer %s the pattern %.80s: it began with \"%.*s\"", why,
	    tcp->options->expect, shown(data, length), data);
	finish(tcp);
}

/* -> whether the run has ended. last: there comes no more, or no more is read. */
static bool
judge(struct tcp *tcp, bool last)
{
	int64_t now_us = clock_mono_us();
	const char *data;
	size_t length;
	int result;

	if (!last && now_us < tcp->match_us) {
		loop_timer_set_at(tcp->again, tcp->match_us);
		return false;
	}
	loop_timer_clear(tcp->again);
	data = stream_peek(tcp->stream, &length);
	result = pattern_match(tcp->expect, data, length);
	tcp->match_us = clock_mono_us();
	tcp->match_us += (tcp->match_us - now_us) * MATCH_REST;
	if (result == 1)
		succeed(tcp);
	else if (result < 0)
		fail_match(tcp, "is too much work for");
	else if (last)
		fail_match(tcp, "does not match");
	else
		return false;
	return true;
}

static void
on_again(void *arg)
{
	struct tcp *tcp = arg;

	MAGIC_CHECK(tcp, TCP_MAGIC);
	judge(tcp, false);
}

static bool
is_full(struct tcp *tcp)
{
	size_t length;

	stream_peek(tcp->stream, &length);
	return (int64_t)length >= tcp->options->max_bytes;
}

static void
on_answer(struct tcp *tcp)
{
	if (isnan(tcp->result.values[FIRST_BYTE]))
		tcp->result.values[FIRST_BYTE] =
		    (double)(clock_mono_us() - tcp->asked_us) / CLOCK_SECOND;
	if (tcp->expect == NULL)
		succeed(tcp);
	else
		judge(tcp, is_full(tcp));
}

static void
on_ready(struct tcp *tcp)
{
	tcp->asked_us = clock_mono_us();
	if (tcp->send.length > 0)
		stream_write(tcp->stream, tcp->send.data, tcp->send.length);
	else if (tcp->expect == NULL)
		succeed(tcp);
}

/* Something came, and then it closed or fell silent: it is not what was expected. */
static void
on_end(struct tcp *tcp, const struct stream_info *info)
{
	size_t length;

	stream_peek(tcp->stream, &length);
	if (length > 0 && tcp->expect != NULL &&
	    (info->class == FETCH_CLOSED || info->class == FETCH_READ_TIMEOUT))
		judge(tcp, true);
	else
		fail(tcp, request_class(info->class), info->sentence);
}

static void
on_stream(struct stream *stream, enum stream_event event, void *arg)
{
	struct tcp *tcp = arg;

	MAGIC_CHECK(tcp, TCP_MAGIC);
	switch (event) {
	case STREAM_READY:
		on_ready(tcp);
		break;
	case STREAM_DATA:
		on_answer(tcp);
		break;
	case STREAM_END:
		on_end(tcp, stream_info(stream));
		break;
	}
}

static void
tcp_start(void *arg, struct probe_run *run, int64_t timeout_us, bool fresh)
{
	struct tcp *tcp = arg;
	const struct tcp_options *opts = tcp->options;
	const struct stream_request request = {
	    .host = tcp->endpoint.host,
	    .port = tcp->endpoint.port,
	    .family = (enum resolve_family)opts->ip,
	    .dns_cache_us = fresh ? 0 : tcp->dns_cache_us,
	    .timeout_us = timeout_us,
	    .tls = opts->tls,
	    .name = tcp->name,
	    .ca_file = opts->ca_file,
	    .least = TLS_1_2,
	    .read_max = (size_t)opts->max_bytes,
	};

	MAGIC_CHECK(tcp, TCP_MAGIC);
	assert(tcp->run == NULL);
	tcp->run = run;
	probe_result_clear(&tcp->result);
	tcp->started_us = clock_mono_us();
	tcp->match_us = 0;
	tcp->stream = stream_start(tcp->env.streams, &request, on_stream, tcp);
}

/* ---- a check ---- */

static void
tcp_cancel(void *arg)
{
	struct tcp *tcp = arg;

	MAGIC_CHECK(tcp, TCP_MAGIC);
	loop_timer_clear(tcp->again);
	if (tcp->stream != NULL)
		stream_close(tcp->stream, NULL, 0);
	tcp->stream = NULL;
	tcp->run = NULL;
}

static void
tcp_close(void *arg)
{
	struct tcp *tcp = arg;

	tcp_cancel(tcp);
	loop_timer_destroy(tcp->again);
	endpoint_free(&tcp->endpoint);
	pattern_free(tcp->expect);
	buf_free(&tcp->send);
	free(tcp->name);
	MAGIC_CLEAR(tcp);
	free(tcp);
}

/* -> 0 or ERR_SYNTAX with what is wrong */
static int
compile(struct tcp *tcp, const struct tcp_options *opts, char error[256])
{
	if (endpoint_parse(opts->address, &tcp->endpoint, error) != 0)
		return ERR_SYNTAX;
	if (opts->send != NULL && escape_read(opts->send, &tcp->send, error) != 0)
		return ERR_SYNTAX;
	if (opts->name != NULL &&
	    (tcp->name = endpoint_host(opts->name, error)) == NULL)
		return ERR_SYNTAX;
	if (opts->expect != NULL &&
	    (tcp->expect = pattern_compile(opts->expect, error)) == NULL)
		return ERR_SYNTAX;
	return 0;
}

static int
tcp_open(const struct probe_env *env, const void *arg, int64_t dns_cache_us,
    void **state, char error[256])
{
	struct tcp *tcp = mem_zalloc(sizeof(*tcp));
	int code;

	MAGIC_SET(tcp, TCP_MAGIC);
	tcp->env = *env;
	tcp->options = arg;
	tcp->dns_cache_us = dns_cache_us;
	tcp->again = loop_timer_create(env->loop, on_again, tcp);
	code = compile(tcp, tcp->options, error);
	if (code == 0)
		*state = tcp;
	else
		tcp_close(tcp);
	return code;
}

static void
tcp_rebind(void *arg, const void *opts)
{
	struct tcp *tcp = arg;

	MAGIC_CHECK(tcp, TCP_MAGIC);
	tcp->options = opts;
}

static int
tcp_retries(const void *arg)
{
	const struct tcp_options *opts = arg;

	return (int)opts->retry;
}

/* As measured by tests/bench/checks.sh for http. */
static int64_t
tcp_load_us(const void *arg)
{
	const struct tcp_options *opts = arg;

	return opts->tls ? 1000 : 100;
}

const struct collector collector_tcp = {
    .name = "tcp",
    .text = "Connects to a port, says something if need be, and looks at the answer",
    .options = options,
    .options_size = sizeof(struct tcp_options),
    .shorthand = "address",
    .check = tcp_check,
    .sources = sources,
    .source_count = SOURCES,
    .total = TOTAL,
    .open = tcp_open,
    .start = tcp_start,
    .cancel = tcp_cancel,
    .close = tcp_close,
    .rebind = tcp_rebind,
    .retries = tcp_retries,
    .load_us = tcp_load_us,
};
