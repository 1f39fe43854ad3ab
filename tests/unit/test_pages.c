/*
 * web/pages and web/series over HTTP, with the town of web_fake: which site, which
 * page, how long it is kept, what is refused, and shutting down in the middle.
 */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "web/cache.h"
#include "web/pages.h"
#include "web/server.h"
#include "web_fake.h"

#define PEERS 20

static struct registry_site *site;
static struct loop *loop;
static struct worker_pool *io;
static struct pages *pages;
static struct server *server;

static void
handle(struct server_request *request, const struct server_head *head, void *arg)
{
	pages_serve(pages, request, head);
}

static int
set_up(void **state)
{
	char address[] = "127.0.0.1:0";
	struct conf_strings addresses = {.count = 1, .items = (char *[]){address}};

	site = fake_site_open();
	loop = loop_create();
	io = worker_pool_create(loop, "io", 1, 64);
	pages = pages_create(loop, io, NULL);
	if (pages == NULL)
		return 1;
	return server_open(loop, &addresses, 100, handle, NULL, &server);
}

static int
tear_down(void **state)
{
	server_close(server);
	pages_destroy(pages);
	worker_pool_destroy(io);
	fake_deliver(); /* what was asked comes when nobody is there any more */
	loop_destroy(loop);
	fake_site_close();
	return 0;
}

static int
dial(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons(atoi(strrchr(server_address(server, 0), ':') + 1));
	assert_true(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ||
		    errno == EINPROGRESS);
	return fd;
}

static void
say(int fd, const char *path, const char *host)
{
	char text[1024];
	int length = snprintf(text, sizeof(text),
	    "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, host);

	assert_int_equal(send(fd, text, length, MSG_NOSIGNAL), length);
}

/* Turns the loop until the answer is whole. */
static void
hear(int fd, bool deliver, struct buf *out)
{
	char data[65536];
	ssize_t n;

	buf_clear(out);
	do {
		loop_poll(loop);
		worker_settle(io);
		if (deliver)
			fake_deliver();
		n = recv(fd, data, sizeof(data), 0);
		if (n > 0)
			buf_add(out, data, n);
		else if (n < 0 && errno == EAGAIN)
			usleep(100);
	} while (n > 0 || (n < 0 && errno == EAGAIN));
	close(fd);
}

static struct buf answer;

/* -> the status; the whole answer is in answer */
static int
get_from(const char *path, const char *host)
{
	int fd = dial(), status = 0;

	say(fd, path, host);
	hear(fd, true, &answer);
	assert_int_equal(sscanf(answer.data, "HTTP/1.1 %d", &status), 1);
	return status;
}

static int
get(const char *path)
{
	return get_from(path, "any.example");
}

static bool
has(const char *text)
{
	return strstr(answer.data, text) != NULL;
}

static const char *
body(void)
{
	return strstr(answer.data, "\r\n\r\n") + 4;
}

static uint64_t
builds(void)
{
	struct cache_stats stats;

	cache_stats(pages_cache(pages), &stats);
	return stats.builds;
}

static void
every_address_answers_and_tells_no_secret(void **state)
{
	static const struct {
		const char *path;
		int status;
		const char *type;
	} rows[] = {
	    {"/vetrina/", 200, "text/html"},
	    {"/vetrina/index.json", 200, "application/json"},
	    {"/vetrina/index.csv", 200, "text/csv"},
	    {"/vetrina/en/", 200, "text/html"},
	    {"/vetrina/servizi/", 200, "text/html"},
	    {"/vetrina/servizi/index.json", 200, "application/json"},
	    {"/vetrina/servizi/anagrafe", 200, "text/html"},
	    {"/vetrina/servizi/anagrafe?p=1y", 200, "text/html"},
	    {"/vetrina/servizi/anagrafe.json?p=30d", 200, "application/json"},
	    {"/vetrina/servizi/anagrafe.csv", 200, "text/csv"},
	    {"/vetrina/en/services/tributi", 200, "text/html"},
	    {"/vetrina/metodo/", 200, "text/html"},
	    {"/vetrina/dati/", 200, "text/html"},
	    {"/vetrina/accessibilita/", 200, "text/html"},
	    {"/vetrina/privacy/", 200, "text/html"},
	    {"/vetrina/note-legali/", 200, "text/html"},
	    {"/vetrina/robots.txt", 200, "text/plain"},
	    {"/vetrina/api/v1/services", 200, "application/json"},
	    {"/vetrina/api/v1/series/anagrafe/portale/total", 200, "application/json"},
	    {"/vetrina/api/v1/series/anagrafe/portale/nothing", 400,
		"application/json"},
	    {"/vetrina/nothing", 404, "text/html"},
	    {"/vetrina/en/nothing", 404, "text/html"},
	    {"/vetrina/servizi/nessuno", 404, "text/html"},
	    {"/vetrina/assets/none.css", 404, "text/html"},
	    {"/vetrina/servizi/nessuno.json", 404, "application/json"},
	    {"/vetrina/nothing.json", 404, "application/json"},
	    {"/vetrina/api/v1/nothing", 404, "application/json"},
	    {"/vetrina/api/v1/series/anagrafe/portale", 404, "application/json"},
	    {"/vetrina/api/v1/series/nessuno/portale/total", 404, "application/json"},
	    {"/vetrina/metrics", 404, "text/html"},
	    {"/vetrina/healthz", 404, "text/html"},
	};
	char type[64];
	size_t i, j;

	for (i = 0; i < ARRAY_LENGTH(rows); i++) {
		int status = get(rows[i].path);
		if (status != rows[i].status)
			fail_msg("%s: %d", rows[i].path, status);
		snprintf(type, sizeof(type), "Content-Type: %s", rows[i].type);
		if (!has(type))
			fail_msg("%s: not %s", rows[i].path, type);
		assert_true(has("X-Content-Type-Options: nosniff"));
		assert_false(has("Set-Cookie"));
		if (strcmp(rows[i].type, "text/html") == 0)
			assert_true(
			    has("\r\nContent-Security-Policy: default-src 'none'; "
				"script-src 'self'; style-src 'self'; "));
		else if (strcmp(rows[i].type, "text/plain") != 0)
			assert_true(has("\r\nAccess-Control-Allow-Origin: *"));
		for (j = 0; fake_secrets[j] != NULL; j++)
			if (has(fake_secrets[j]))
				fail_msg(
				    "%s holds \"%s\"", rows[i].path, fake_secrets[j]);
	}
}

static void
data_says_that_it_is_a_demonstration(void **state)
{
	static const char *const documents[] = {"/vetrina/index.json",
	    "/vetrina/servizi/anagrafe.json", "/vetrina/api/v1/services",
	    "/vetrina/api/v1/series/anagrafe/portale/up"};
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(documents); i++) {
		assert_int_equal(get(documents[i]), 200);
		if (!has("\"demo\":true"))
			fail_msg("%s does not say so", documents[i]);
	}
	get("/vetrina/index.csv");
	assert_true(has("\r\nContent-Disposition: inline; "
			"filename=\"borgo-dimostrativo.csv\"\r\n"));
	assert_true(has(",measured,demo\r\n"));
	get("/vetrina/en/services/anagrafe.csv");
	assert_true(has("filename=\"borgo-anagrafe-demo.csv\"\r\n"));
	assert_true(has(",known,demo\r\n"));
	fake_two_sites(true);
	pages_configure(pages);
	get_from("/api/v1/services", "altro.example");
	assert_false(has("demo"));
	get_from("/index.csv", "altro.example");
	assert_true(has("filename=\"altro.csv\"\r\n"));
	assert_false(has("demo"));
}

static void
what_is_private_is_not_there(void **state)
{
	char *missing;

	assert_int_equal(get("/vetrina/servizi/nessuno"), 404);
	missing = mem_strdup(body());
	assert_int_equal(get("/vetrina/servizi/segreto"), 404);
	assert_string_equal(body(), missing);
	free(missing);
	assert_int_equal(get("/vetrina/servizi/segreto.json"), 404);
	assert_int_equal(get("/vetrina/servizi/segreto.csv"), 404);
	assert_int_equal(get("/vetrina/api/v1/series/nessuno/interna/total"), 404);
	missing = mem_strdup(body());
	assert_int_equal(get("/vetrina/api/v1/series/segreto/interna/total"), 404);
	assert_string_equal(body(), missing);
	assert_int_equal(get("/vetrina/api/v1/series/segreto/interna/nothing"), 404);
	assert_string_equal(body(), missing);
	free(missing);
}

static void
addresses_are_mended(void **state)
{
	assert_int_equal(get("/vetrina"), 301);
	assert_true(has("\r\nLocation: /vetrina/\r\n"));
	assert_int_equal(get("/vetrina/servizi"), 301);
	assert_true(has("\r\nLocation: /vetrina/servizi/\r\n"));
	assert_int_equal(get("/vetrina/en/services/multe/"), 301);
	assert_true(has("\r\nLocation: /vetrina/en/services/multe\r\n"));
}

static void
host_and_base_path_choose_the_site(void **state)
{
	/* One site alone is everybody's, but for its path. */
	assert_int_equal(get_from("/vetrina/", "127.0.0.1:8080"), 200);
	assert_int_equal(get_from("/", "dati.borgo.example"), 404);
	assert_int_equal(get_from("/vetrinaria/", "dati.borgo.example"), 404);
	fake_two_sites(true);
	pages_configure(pages);
	assert_int_equal(get_from("/vetrina/", "dati.borgo.example"), 200);
	assert_true(has("Comune di Borgo"));
	assert_int_equal(get_from("/vetrina/", "DATI.BORGO.EXAMPLE:443"), 200);
	assert_int_equal(get_from("/vetrina/", "dati.borgo.example.:80"), 200);
	assert_int_equal(get_from("/vetrina/", "dati.borgo.example."), 200);
	assert_int_equal(get_from("/vetrina/", "dati.borgo.example:8080"), 421);
	assert_int_equal(get_from("/vetrina/", "dati.borgo.exampl"), 421);
	assert_int_equal(get_from("/vetrina/", "dati.borgo.examplee"), 421);
	assert_int_equal(get_from("/vetrina/", "aaa.example"), 421);
	assert_int_equal(get_from("/vetrina/", "zzz.example"), 421);
	assert_int_equal(get_from("/", "dati.borgo.example"), 404);
	assert_false(has("altro"));
	assert_int_equal(get_from("/", "altro.example"), 200);
	assert_true(has("Comune altro"));
	assert_true(has("<html lang=\"en\">"));
	assert_int_equal(get_from("/vetrina/", "127.0.0.1:8080"), 421);
	assert_false(has("orgo"));
	assert_int_equal(get_from("/vetrina/", "dati.borgo.example.evil.example"), 421);
}

static void
a_page_is_built_when_something_changed(void **state)
{
	uint64_t before;

	get("/vetrina/");
	before = builds();
	get("/vetrina/");
	get("/vetrina/?utm=1");
	assert_int_equal(builds(), before);
	/* A result, within the same second: not yet. */
	clock_fake_advance(CLOCK_SECOND);
	site->generation++;
	get("/vetrina/");
	assert_int_equal(builds(), before + 1);
	site->generation++;
	get("/vetrina/");
	assert_int_equal(builds(), before + 1);
	clock_fake_advance(CLOCK_SECOND);
	get("/vetrina/");
	assert_int_equal(builds(), before + 2);
	/* A reload. */
	pages_configure(pages);
	get("/vetrina/");
	assert_int_equal(builds(), before + 3);
}

static void
a_page_of_a_service_is_its_own(void **state)
{
	struct registry_service *own = fake_service("anagrafe");
	uint64_t before;

	get("/vetrina/servizi/anagrafe");
	clock_fake_advance(CLOCK_SECOND);
	get("/vetrina/servizi/anagrafe"); /* its figures came while it was built */
	get("/vetrina/servizi/tributi");
	clock_fake_advance(CLOCK_SECOND);
	before = builds();
	/* Another one's result, and its figures. */
	fake_service("multe")->generation++;
	site->generation++;
	get("/vetrina/servizi/multe");
	assert_int_equal(builds(), before + 1);
	get("/vetrina/servizi/anagrafe");
	assert_int_equal(builds(), before + 1);
	/* Its own. */
	own->generation++;
	get("/vetrina/servizi/anagrafe");
	assert_int_equal(builds(), before + 2);
	get("/vetrina/servizi/multe");
	clock_fake_advance(CLOCK_SECOND);
	before = builds();
	get("/vetrina/servizi/anagrafe");
	assert_int_equal(builds(), before);
	pages_configure(pages);
	get("/vetrina/servizi/anagrafe");
	assert_int_equal(builds(), before + 1);
}

static void
the_first_page_is_there_before_its_reader(void **state)
{
	pages_build_ahead(pages);
	fake_deliver();
	worker_settle(io);
	loop_poll(loop);
	assert_int_equal(builds(), 1);
	assert_int_equal(get("/vetrina/"), 200);
	assert_int_equal(builds(), 1);
	pages_build_ahead(pages);
	assert_int_equal(builds(), 1);
	/* A reload; one page a site, in its first language. */
	fake_two_sites(true);
	pages_configure(pages);
	pages_build_ahead(pages);
	while (fake_deliver() > 0)
		worker_settle(io);
	assert_int_equal(builds(), 3);
	assert_int_equal(get_from("/vetrina/", "dati.borgo.example"), 200);
	assert_int_equal(get_from("/", "altro.example"), 200);
	assert_int_equal(builds(), 3);
	assert_int_equal(get_from("/vetrina/en/", "dati.borgo.example"), 200);
	assert_int_equal(builds(), 4);
}

static void
a_page_says_that_it_is_old(void **state)
{
	get("/vetrina/servizi/anagrafe");
	assert_false(has("Dati non aggiornati"));
	assert_true(has("Il servizio funziona."));
	/* 30 s old now, stale at 120 s. Nothing happens meanwhile. */
	clock_fake_advance(80 * CLOCK_SECOND);
	get("/vetrina/servizi/anagrafe"); /* new figures are asked */
	clock_fake_advance(2 * CLOCK_SECOND);
	get("/vetrina/servizi/anagrafe");
	assert_false(has("Dati non aggiornati"));
	clock_fake_advance(9 * CLOCK_SECOND);
	get("/vetrina/servizi/anagrafe");
	assert_true(has("Dati non aggiornati"));
	assert_true(has("Non sappiamo se il servizio funziona"));
	get("/vetrina/servizi/anagrafe.json");
	assert_true(has("\"stale\":true"));
	assert_true(has("\"state\":\"unknown\""));
}

static void
the_same_page_is_built_once_for_all(void **state)
{
	int peers[PEERS], i;
	uint64_t before = builds();

	for (i = 0; i < PEERS; i++) {
		peers[i] = dial();
		say(peers[i], "/vetrina/", "x");
	}
	for (i = 0; i < 200; i++)
		loop_poll(loop); /* all are asked, no figure is there */
	for (i = 0; i < PEERS; i++) {
		hear(peers[i], true, &answer);
		assert_true(has("HTTP/1.1 200"));
	}
	assert_int_equal(builds(), before + 1);
	assert_int_equal(fake_history_runs, 5); /* the public ones, once each */
}

static void
series_are_read_few_at_once(void **state)
{
	int peers[PEERS], i, busy = 0;
	char path[128];

	for (i = 0; i < PEERS; i++) {
		snprintf(path, sizeof(path),
		    "/vetrina/api/v1/series/anagrafe/portale/total?from=%d",
		    1795500000 + i);
		peers[i] = dial();
		say(peers[i], path, "x");
	}
	for (i = 0; i < 300; i++)
		loop_poll(loop);
	for (i = 0; i < PEERS; i++) {
		hear(peers[i], true, &answer);
		busy += has("HTTP/1.1 503");
	}
	assert_int_equal(busy, PEERS - 16);
}

static void
series_refuse_nonsense(void **state)
{
	static const char *const bad[] = {"from=x", "to=2026-13-01", "step=0",
	    "step=-5", "step=1y1", "cf=LAST", "from=2026-11-24T10:00:00%2B99:00",
	    "from=99999999999999999", "from=0&step=60", "from=2026-11-24&to=2026-11-23",
	    "from=%00", "step=%zz"};
	static const char *const good[] = {"", "from=2026-11-24", "cf=MAX", "step=5m",
	    "from=2026-11-24T00:00:00%2B01:00&to=2026-11-24T09:00:00Z", "from=0",
	    "to=4000000000", "nonsense=1"};
	char path[256];
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(bad); i++) {
		snprintf(path, sizeof(path),
		    "/vetrina/api/v1/series/anagrafe/portale/total?%s", bad[i]);
		if (get(path) != 400)
			fail_msg("%s is taken", bad[i]);
		assert_true(has("{\"error\":\""));
	}
	for (i = 0; i < ARRAY_LENGTH(good); i++) {
		snprintf(path, sizeof(path),
		    "/vetrina/api/v1/series/anagrafe/portale/total?%s", good[i]);
		if (get(path) != 200)
			fail_msg("%s is refused", good[i]);
	}
	assert_string_equal(body(),
	    "{\"demo\":true,\"unit\":\"s\",\"step\":60,\"points\":[[1795513440,0.25],"
	    "[1795513500,null]]}\n");
}

static void
closing_in_the_middle(void **state)
{
	int a = dial(), b = dial(), c = dial(), i;

	say(a, "/vetrina/", "x");
	say(b, "/vetrina/servizi/multe", "x");
	say(c, "/vetrina/api/v1/series/anagrafe/portale/total", "x");
	for (i = 0; i < 200; i++)
		loop_poll(loop);
	server_close(server);
	server = NULL;
	pages_destroy(pages);
	pages = NULL;
	fake_deliver();
	close(a);
	close(b);
	close(c);
}

/* The document is with a worker: it comes back when nobody is there any more. */
static void
closing_while_a_page_is_rendered(void **state)
{
	int a = dial(), b = dial(), i;

	say(a, "/vetrina/", "x");
	say(b, "/vetrina/index.json", "x");
	for (i = 0; i < 200; i++)
		loop_poll(loop);
	assert_int_equal(builds(), 2);
	while (fake_deliver() > 0)
		;
	server_close(server);
	server = NULL;
	pages_destroy(pages);
	pages = NULL;
	close(a);
	close(b);
}

static void
a_service_that_went_away_meanwhile(void **state)
{
	int fd = dial(), i;
	struct conf_service *conf = (struct conf_service *)fake_service("multe")->conf;

	say(fd, "/vetrina/servizi/multe", "x");
	for (i = 0; i < 100; i++)
		loop_poll(loop);
	conf->public = false;
	pages_configure(pages);
	hear(fd, true, &answer);
	conf->public = true;
	assert_true(has("HTTP/1.1 404"));
	assert_false(has("Multe"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		every_address_answers_and_tells_no_secret, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		data_says_that_it_is_a_demonstration, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		what_is_private_is_not_there, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(addresses_are_mended, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		host_and_base_path_choose_the_site, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_page_is_built_when_something_changed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_page_of_a_service_is_its_own, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		the_first_page_is_there_before_its_reader, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_page_says_that_it_is_old, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		the_same_page_is_built_once_for_all, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		series_are_read_few_at_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(series_refuse_nonsense, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(closing_in_the_middle, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		closing_while_a_page_is_rendered, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_service_that_went_away_meanwhile, set_up, tear_down),
	};
	int failed = cmocka_run_group_tests_name("pages", tests, NULL, NULL);

	buf_free(&answer);
	return failed;
}
