/* collectors/http: over a fetch of our own, which answers what a test tells it to. */
#include "unit.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "collectors/collectors.h"
#include "collectors/http_options.h"
#include "conf/conf.h"
#include "loop/fetch.h"
#include "loop/loop.h"
#include "loop/worker.h"

/* In the place of loop/fetch.c and watch/probe.c. */
struct fetch {
	struct fetch_request request;
	char bearer[64], user[64], password[64], headers[256];
	fetch_cb *cb;
	void *arg;
	bool running, cancelled;
};

static struct fetch fetch;
static struct probe_result result;
static int results;
static struct loop *loop;
static struct worker_pool *io;
static char folder[64];

struct fetch *
fetch_start(struct fetch_pool *pool, const struct fetch_request *request, fetch_cb *cb,
    void *arg)
{
	size_t i;

	assert_false(fetch.running);
	memset(&fetch, 0, sizeof(fetch));
	fetch.request = *request;
	/* What is borrowed may go. */
	snprintf(fetch.bearer, sizeof(fetch.bearer), "%s", request->bearer ?: "");
	snprintf(fetch.user, sizeof(fetch.user), "%s", request->user ?: "");
	snprintf(fetch.password, sizeof(fetch.password), "%s", request->password ?: "");
	for (i = 0; request->headers != NULL && request->headers[i] != NULL; i++) {
		strlcat(fetch.headers, request->headers[i], sizeof(fetch.headers));
		strlcat(fetch.headers, "\n", sizeof(fetch.headers));
	}
	fetch.cb = cb;
	fetch.arg = arg;
	fetch.running = true;
	return &fetch;
}

void
fetch_cancel(struct fetch *it)
{
	assert_ptr_equal(it, &fetch);
	assert_true(fetch.running);
	fetch.running = false;
	fetch.cancelled = true;
}

void
probe_done(struct probe_run *run, const struct probe_result *it)
{
	assert_ptr_equal(run, &results);
	result = *it;
	results++;
}

static struct probe_run *const run = (struct probe_run *)&results;

static void
answer(struct fetch_reply *reply)
{
	fetch.running = false;
	fetch.cb(reply, fetch.arg);
	buf_free(&reply->body);
	buf_free(&reply->headers);
}

static struct fetch_reply
well(const char *body)
{
	struct fetch_reply reply = {.class = FETCH_OK,
	    .status = 200,
	    .http_version = 20,
	    .dns = 0.001,
	    .connect = 0.002,
	    .tls = 0.003,
	    .first_byte = 0.004,
	    .total = 0.011};

	buf_add_text(&reply.headers, "HTTP/2 200\r\nContent-Type: text/plain\r\n\r\n");
	buf_add_text(&reply.body, body);
	return reply;
}

static struct http_options
defaults(void)
{
	return (struct http_options){.request.url = (char *)"https://www.example.it/",
	    .status = {1, {{200, 299}}},
	    .request.follow = 5,
	    .request.max_body = 1 << 20,
	    .request.retry = 1};
}

static int64_t dns_cache_us = -1;

static void *
open_check(const struct http_options *options)
{
	const struct probe_env env = {.loop = loop, .io = io};
	char error[256];
	void *state;

	results = 0;
	if (collector_http.open(&env, options, dns_cache_us, &state, error) != 0)
		fail_msg("%s", error);
	return state;
}

static double
value(const char *name)
{
	size_t i;

	for (i = 0; i < collector_http.source_count; i++)
		if (strcmp(collector_http.sources[i].name, name) == 0)
			return result.values[i];
	fail_msg("no source %s", name);
	return NAN;
}

static void
a_good_answer_has_all_its_values(void **state)
{
	struct http_options options = defaults();
	void *check = open_check(&options);
	struct fetch_reply reply = well("");
	size_t i;

	for (i = 0; i < 12345; i++)
		buf_add_char(&reply.body, 'x');
	reply.certificate_expires_s = clock_wall_us() / CLOCK_SECOND + 30 * 86400;
	collector_http.start(check, run, 10 * CLOCK_SECOND, false);
	assert_string_equal(fetch.request.method, "GET");
	assert_int_equal(fetch.request.timeout_us, 10 * CLOCK_SECOND);
	assert_int_equal(fetch.request.dns_cache_us, -1);
	assert_false(fetch.request.fresh);
	assert_null(fetch.request.headers[0]);
	assert_int_equal(results, 0);
	answer(&reply);
	assert_int_equal(results, 1);
	assert_int_equal(result.class, PROBE_OK);
	assert_string_equal(result.message, "200, HTTP/2, 12,345 bytes");
	assert_true(value("dns") == 0.001 && value("connect") == 0.002);
	assert_true(value("tls") == 0.003 && value("first_byte") == 0.004);
	assert_true(value("total") == 0.011 && value("size") == 12345);
	assert_true(fabs(value("certificate_days") - 30) < 0.001);
	for (i = collector_http.source_count; i < ARCHIVE_SOURCES_MAX; i++)
		assert_true(isnan(result.values[i]));
	assert_string_equal(collector_http.sources[collector_http.total].name, "total");

	collector_http.start(check, run, 1, true); /* a retry */
	assert_true(fetch.request.fresh);
	reply = well("x");
	reply.http_version = 11;
	reply.hops = 2;
	answer(&reply);
	assert_string_equal(result.message, "200, HTTP/1.1, 1 byte, 2 redirects");
	assert_true(isnan(value("certificate_days")));
	collector_http.close(check);
}

static void
options_reach_the_request(void **state)
{
	char *headers[] = {(char *)"Accept: text/html", (char *)"X-A: b"};
	struct http_options options = defaults();
	void *check;

	options.request.method = 2;
	options.request.headers = (struct conf_strings){2, headers, NULL};
	options.request.body = (char *)"{}";
	options.request.reuse = FETCH_REUSE_SESSION;
	options.request.ip = RESOLVE_IPV6;
	options.request.proxy = (char *)"http://proxy:3128";
	options.request.ca_file = (char *)"/ca.pem";
	options.request.certificate_file = (char *)"/our.pem";
	options.request.key_file = (char *)"/our.key";
	options.request.follow = 0;
	options.request.max_body = 99;
	options.request.retry = 3;
	dns_cache_us = 0;
	check = open_check(&options);
	dns_cache_us = -1;
	collector_http.start(check, run, 1, false);
	assert_int_equal(fetch.request.dns_cache_us, 0);
	assert_string_equal(fetch.request.method, "POST");
	assert_string_equal(fetch.request.headers[0], "Accept: text/html");
	assert_string_equal(fetch.request.headers[1], "X-A: b");
	assert_null(fetch.request.headers[2]);
	assert_string_equal(fetch.request.body, "{}");
	assert_int_equal(fetch.request.body_length, 2);
	assert_int_equal(fetch.request.reuse, FETCH_REUSE_SESSION);
	assert_int_equal(fetch.request.family, RESOLVE_IPV6);
	assert_string_equal(fetch.request.proxy, "http://proxy:3128");
	assert_string_equal(fetch.request.ca_file, "/ca.pem");
	assert_string_equal(fetch.request.certificate_file, "/our.pem");
	assert_string_equal(fetch.request.private_key_file, "/our.key");
	assert_int_equal(fetch.request.follow, 0);
	assert_int_equal(fetch.request.max_body, 99);
	assert_int_equal(collector_http.retries(&options), 3);
	/* Closing while it runs cancels. */
	collector_http.close(check);
	assert_true(fetch.cancelled);
	assert_int_equal(results, 0);
}

static void
each_failure_of_fetch_has_its_class(void **state)
{
	static const struct {
		enum fetch_class fetch;
		enum probe_class class;
	} cases[] = {
	    {FETCH_RESOLVE, PROBE_RESOLVE},
	    {FETCH_REFUSED, PROBE_REFUSED},
	    {FETCH_CONNECT_TIMEOUT, PROBE_CONNECT_TIMEOUT},
	    {FETCH_TLS_TIMEOUT, PROBE_TLS_TIMEOUT},
	    {FETCH_FIRST_BYTE_TIMEOUT, PROBE_FIRST_BYTE_TIMEOUT},
	    {FETCH_READ_TIMEOUT, PROBE_READ_TIMEOUT},
	    {FETCH_CERTIFICATE_EXPIRED, PROBE_CERTIFICATE_EXPIRED},
	    {FETCH_CERTIFICATE_NAME, PROBE_CERTIFICATE_NAME},
	    {FETCH_CERTIFICATE_ISSUER, PROBE_CERTIFICATE_ISSUER},
	    {FETCH_TLS, PROBE_TLS},
	    {FETCH_TOO_LARGE, PROBE_TOO_LARGE},
	    {FETCH_REDIRECTS, PROBE_REDIRECTS},
	    {FETCH_CLOSED, PROBE_CLOSED},
	    {FETCH_PROTOCOL, PROBE_PROTOCOL},
	    {FETCH_INTERNAL, PROBE_INTERNAL},
	};
	struct http_options options = defaults();
	void *check = open_check(&options);
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct fetch_reply reply = {.class = cases[i].fetch,
		    .sentence = "it \xff went",
		    .dns = 0.5,
		    .connect = 0.6,
		    .tls = NAN,
		    .first_byte = NAN,
		    .total = 3};

		collector_http.start(check, run, 1, false);
		answer(&reply);
		assert_int_equal(result.class, cases[i].class);
		assert_string_equal(result.message, "it ? went");
		assert_true(value("dns") == 0.5);
		/* A failure has no response time: refused in 1 ms is not quick. */
		assert_true(isnan(value("total")) && isnan(value("size")));
		if (result.class == PROBE_REFUSED ||
		    result.class == PROBE_CONNECT_TIMEOUT)
			assert_true(isnan(value("connect")));
		else
			assert_true(value("connect") == 0.6);
	}
	assert_int_equal(results, ARRAY_LENGTH(cases));
	collector_http.close(check);
}

static void
expectations_are_judged(void **state)
{
	char *match[] = {(char *)"attivo"}, *json[] = {(char *)"/a = 1"};
	struct http_options options = defaults();
	struct fetch_reply reply = well("down");
	void *check;

	options.match = (struct conf_strings){1, match, NULL};
	check = open_check(&options);
	collector_http.start(check, run, 1, false);
	answer(&reply);
	assert_int_equal(result.class, PROBE_MATCH);
	assert_string_equal(
	    result.message, "the body does not match the pattern attivo");
	assert_true(value("total") == 0.011); /* an answer came: it took so long */
	collector_http.close(check);

	options = defaults();
	options.json = (struct conf_strings){1, json, NULL};
	options.max_time_us = 11000;
	check = open_check(&options);
	reply = well("{\"a\": 2}");
	collector_http.start(check, run, 1, false);
	answer(&reply);
	assert_int_equal(result.class, PROBE_JSON);
	reply = well("{\"a\": 1}");
	collector_http.start(check, run, 1, false);
	answer(&reply);
	assert_int_equal(result.class, PROBE_OK);
	reply = well("{\"a\": 1}");
	reply.total = 0.0124;
	collector_http.start(check, run, 1, false);
	answer(&reply);
	assert_int_equal(result.class, PROBE_SLOW);
	assert_string_equal(result.message, "the answer took 0.012 s, more than 11ms");
	collector_http.close(check);
}

static struct fetch_reply
long_answer(void)
{
	struct fetch_reply reply = well("");
	size_t i;

	buf_add_char(&reply.body, '[');
	for (i = 0; i < 100000; i++)
		buf_add_text(&reply.body, "1, ");
	buf_add_text(&reply.body, "2]");
	return reply;
}

static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER;

static void
wait_for_door(void *arg)
{
	pthread_mutex_lock(&door);
	pthread_mutex_unlock(&door);
}

static void
a_long_answer_is_judged_on_a_worker(void **state)
{
	char *json[] = {(char *)"/100000 = 2", (char *)"/0 = 3"};
	struct http_options options = defaults();
	struct fetch_reply reply = long_answer();
	struct worker_stats stats;
	void *check;

	options.json = (struct conf_strings){1, json, NULL};
	options.max_time_us = 11000;
	check = open_check(&options);
	collector_http.start(check, run, 1, false);
	answer(&reply);
	assert_int_equal(results, 0);
	worker_settle(io);
	assert_int_equal(results, 1);
	assert_int_equal(result.class, PROBE_OK);
	assert_string_equal(result.message, "200, HTTP/2, 300,003 bytes");
	assert_true(value("total") == 0.011 && value("size") == 300003);
	reply = long_answer();
	reply.total = 0.1;
	collector_http.start(check, run, 1, false);
	answer(&reply);
	worker_settle(io);
	assert_int_equal(result.class, PROBE_SLOW);

	/* Cancelled meanwhile, started again, closed meanwhile: nothing comes twice. */
	results = 0;
	reply = long_answer();
	collector_http.start(check, run, 1, false);
	answer(&reply);
	collector_http.cancel(check);
	reply = well("[]");
	collector_http.start(check, run, 1, false);
	answer(&reply);
	assert_int_equal(results, 1);
	assert_int_equal(result.class, PROBE_JSON);
	worker_settle(io);
	assert_int_equal(results, 1);
	reply = long_answer();
	collector_http.start(check, run, 1, false);
	answer(&reply);
	collector_http.close(check);
	worker_settle(io);
	assert_int_equal(results, 1);

	options.json.count = 2;
	options.json.items = json;
	check = open_check(&options);
	reply = long_answer();
	collector_http.start(check, run, 1, false);
	answer(&reply);
	worker_settle(io);
	assert_int_equal(result.class, PROBE_JSON);
	assert_string_equal(result.message, "/0 is 1, expected 3");

	/* Where the workers take no more, the loop does not do their work. */
	pthread_mutex_lock(&door);
	worker_submit(io, WORKER_NORMAL, wait_for_door, NULL, NULL);
	do
		worker_stats(io, &stats);
	while (stats.running == 0);
	while (worker_submit(io, WORKER_NORMAL, wait_for_door, NULL, NULL) == 0)
		;
	reply = long_answer();
	collector_http.start(check, run, 1, false);
	answer(&reply);
	pthread_mutex_unlock(&door);
	assert_int_equal(result.class, PROBE_INTERNAL);
	assert_string_equal(result.message, "too many answers wait to be judged");
	worker_settle(io);
	collector_http.close(check);
}

/* A reload frees the options of before; a check that did not change goes on. */
static void
options_may_move_while_it_runs(void **state)
{
	char **items = mem_array(1, sizeof(*items));
	struct http_options *options = mem_alloc(sizeof(*options)), moved;
	struct fetch_reply reply = well("x");
	char *header[] = {(char *)"X: y"};
	void *check;

	items[0] = mem_strdup("X: y");
	*options = defaults();
	options->request.headers = (struct conf_strings){1, items, NULL};
	options->max_time_us = 1000;
	moved = *options;
	moved.request.headers.items = header;
	check = open_check(options);
	collector_http.start(check, run, 1, false);
	collector_http.rebind(check, &moved);
	free(items[0]);
	free(items);
	free(options);
	answer(&reply);
	assert_int_equal(result.class, PROBE_SLOW);
	collector_http.start(check, run, 1, false);
	assert_string_equal(fetch.request.headers[0], "X: y");
	assert_ptr_equal(fetch.request.headers[0], header[0]);
	collector_http.close(check);
}

static void
cancelled_it_stays_silent_and_starts_again(void **state)
{
	struct http_options options = defaults();
	void *check = open_check(&options);
	struct fetch_reply reply = well("x");

	collector_http.cancel(check); /* idle: nothing */
	collector_http.start(check, run, 1, false);
	collector_http.cancel(check);
	assert_true(fetch.cancelled);
	loop_advance(loop, CLOCK_SECOND);
	assert_int_equal(results, 0);
	collector_http.start(check, run, 1, false);
	answer(&reply);
	assert_int_equal(results, 1);
	collector_http.close(check);
}

static char *
write_file(const char *name, const char *text)
{
	char *path = mem_printf("%s/%s", folder, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return path;
}

static void
headers_may_stand_in_files(void **state)
{
	struct conf_file_item items[2] = {
	    {(char *)"X-Api-Key", NULL}, {(char *)"Ocp-Apim-Subscription-Key", NULL}};
	struct http_options options = defaults();
	char *plain[] = {(char *)"Accept: text/html"};
	struct fetch_reply reply = well("x");
	void *check;

	items[0].path = write_file("a", "k-1\n");
	items[1].path = write_file("b", "k-2");
	options.request.headers = (struct conf_strings){1, plain, NULL};
	options.request.header_files = (struct conf_files){2, items};
	check = open_check(&options);
	collector_http.start(check, run, 1, false);
	assert_string_equal(fetch.headers,
	    "Accept: text/html\nX-Api-Key: k-1\nOcp-Apim-Subscription-Key: k-2\n");
	answer(&reply);
	free(write_file("b", "changed\n"));
	collector_http.start(check, run, 1, false);
	assert_string_equal(fetch.headers, "Accept: text/html\nX-Api-Key: k-1\n"
					   "Ocp-Apim-Subscription-Key: changed\n");
	reply = well("x");
	answer(&reply);

	/* Half of them is not sent. */
	unlink(items[1].path);
	results = 0;
	collector_http.start(check, run, 1, false);
	assert_false(fetch.running);
	loop_advance(loop, 1);
	assert_int_equal(results, 1);
	assert_int_equal(result.class, PROBE_INTERNAL);
	assert_non_null(strstr(result.message, "/b: No such file or directory"));
	free(write_file("b", "k\r\nX-Injected: yes"));
	collector_http.start(check, run, 1, false);
	loop_advance(loop, 1);
	assert_int_equal(result.class, PROBE_INTERNAL);
	collector_http.close(check);
	unlink(items[0].path);
	unlink(items[1].path);
	free(items[0].path);
	free(items[1].path);
}

static void
secrets_are_read_and_read_again(void **state)
{
	struct http_options options = defaults();
	char *path = write_file("token", "first-secret\r\n");
	struct fetch_reply reply = well("x");
	char error[300], *longer;
	void *check;

	options.request.bearer_file = path;
	check = open_check(&options);
	collector_http.start(check, run, 1, false);
	assert_string_equal(fetch.bearer, "first-secret");
	answer(&reply);
	free(write_file("token", "second\n"));
	collector_http.start(check, run, 1, false);
	assert_string_equal(fetch.bearer, "second");
	reply = well("x");
	answer(&reply);

	/* Gone: the run fails, but not from within start(), and may be cancelled. */
	unlink(path);
	results = 0;
	collector_http.start(check, run, 1, false);
	assert_int_equal(results, 0);
	collector_http.cancel(check);
	loop_advance(loop, 1);
	assert_int_equal(results, 0);
	collector_http.start(check, run, 1, false);
	loop_advance(loop, 1);
	assert_int_equal(results, 1);
	assert_int_equal(result.class, PROBE_INTERNAL);
	snprintf(error, sizeof(error),
	    "cannot read the secret in %s: No such file or directory", path);
	assert_string_equal(result.message, error);
	assert_true(isnan(value("total")));

	free(write_file("token", "one\ntwo-secret\n"));
	collector_http.start(check, run, 1, false);
	loop_advance(loop, 1);
	assert_int_equal(result.class, PROBE_INTERNAL);
	assert_null(strstr(result.message, "two-secret"));
	assert_non_null(strstr(result.message, "a second line"));
	free(write_file("token", "\n"));
	collector_http.start(check, run, 1, false);
	loop_advance(loop, 1);
	assert_non_null(strstr(result.message, "it is empty"));
	longer = mem_zalloc(65538);
	memset(longer, 's', 65537);
	free(write_file("token", longer));
	free(longer);
	collector_http.start(check, run, 1, false);
	loop_advance(loop, 1);
	assert_non_null(strstr(result.message, "it is over 64 KiB"));
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	collector_http.start(check, run, 1, false);
	loop_advance(loop, 1);
	assert_non_null(strstr(result.message, "it is no regular file"));
	unlink(path);
	collector_http.close(check);

	options = defaults();
	options.request.user = (char *)"anna";
	options.request.password_file = write_file("password", " pass word");
	check = open_check(&options);
	collector_http.start(check, run, 1, false);
	assert_string_equal(fetch.user, "anna");
	assert_string_equal(fetch.password, " pass word");
	collector_http.close(check);
	unlink(options.request.password_file);
	free(options.request.password_file);
	free(path);
}

static int
set_up(void **state)
{
	clock_fake(1000000, INT64_C(1795000000) * CLOCK_SECOND);
	loop = loop_create();
	io = worker_pool_create(loop, "io", 1, 4);
	strcpy(folder, "/tmp/vetrina-http.XXXXXX");
	return mkdtemp(folder) == NULL;
}

static int
tear_down(void **state)
{
	worker_pool_destroy(io);
	loop_destroy(loop);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_good_answer_has_all_its_values),
	    cmocka_unit_test(options_reach_the_request),
	    cmocka_unit_test(each_failure_of_fetch_has_its_class),
	    cmocka_unit_test(expectations_are_judged),
	    cmocka_unit_test(a_long_answer_is_judged_on_a_worker),
	    cmocka_unit_test(options_may_move_while_it_runs),
	    cmocka_unit_test(cancelled_it_stays_silent_and_starts_again),
	    cmocka_unit_test(headers_may_stand_in_files),
	    cmocka_unit_test(secrets_are_read_and_read_again),
	};

	return cmocka_run_group_tests_name("http", tests, set_up, tear_down);
}
