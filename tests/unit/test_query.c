/* web/query and web/header: what stands in a request, however it is written. */
#include "unit.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "web/header.h"
#include "web/query.h"

static void
check_path(const char *raw, const char *wanted)
{
	char out[256];
	int code = query_path(raw, strlen(raw), out);

	assert_int_equal(code, wanted != NULL ? 0 : ERR_SYNTAX);
	assert_string_equal(out, wanted != NULL ? wanted : "");
}

static void
paths(void **state)
{
	char out[8];

	check_path("/", "/");
	check_path("/servizi/anagrafe", "/servizi/anagrafe");
	check_path("/citt%C3%A0%20nuova", "/citt\xc3\xa0 nuova");
	check_path("/a+b", "/a+b");
	check_path("/..a/.b/c..", "/..a/.b/c..");
	check_path("//", "//");
	check_path("", NULL);
	check_path("a", NULL);
	check_path("*", NULL);
	check_path("/%", NULL);
	check_path("/%4", NULL);
	check_path("/%zz", NULL);
	check_path("/%00", NULL);
	check_path("/%0a", NULL);
	check_path("/%7f", NULL);
	check_path("/%ff", NULL);
	check_path("/%c0%af", NULL);
	check_path("/..", NULL);
	check_path("/a/../b", NULL);
	check_path("/a/%2e%2E/b", NULL);
	check_path("/a%2f..%2fb", NULL);
	check_path("/./", NULL);
	/* The bytes given and no more. */
	assert_int_equal(query_path("/abc?x", 4, out), 0);
	assert_string_equal(out, "/abc");
}

static void
parameters(void **state)
{
	const char *query =
	    "p=30d&empty=&bare&na%6De=Citt%C3%A0+nuova&p=7d&bad=%zz&=x&&n=-12";
	char out[16];

	assert_int_equal(query_get(query, "p", out, sizeof(out)), 0);
	assert_string_equal(out, "30d");
	assert_int_equal(query_get(query, "empty", out, sizeof(out)), 0);
	assert_string_equal(out, "");
	assert_int_equal(query_get(query, "bare", out, sizeof(out)), 0);
	assert_string_equal(out, "");
	assert_int_equal(query_get(query, "name", out, sizeof(out)), 0);
	assert_string_equal(out, "Citt\xc3\xa0 nuova");
	assert_int_equal(query_get(query, "name", out, 12), ERR_RANGE);
	assert_string_equal(out, "");
	assert_int_equal(query_get(query, "bad", out, sizeof(out)), ERR_SYNTAX);
	assert_int_equal(query_get(query, "none", out, sizeof(out)), ERR_NOT_FOUND);
	assert_int_equal(query_get("", "p", out, sizeof(out)), ERR_NOT_FOUND);
}

static void
weights(void **state)
{
	assert_int_equal(header_weight("gzip, br", "br"), 1000);
	assert_int_equal(header_weight("gzip;q=0.5 , BR ; Q=0.123", "br"), 123);
	assert_int_equal(header_weight("*;q=0.2,gzip;q=0", "gzip"), 0);
	assert_int_equal(header_weight("*;q=0.2,gzip;q=0", "br"), 200);
	assert_int_equal(header_weight("gzip", "br"), -1);
	assert_int_equal(header_weight("", "br"), -1);
	assert_int_equal(header_weight(",, ,", "br"), -1);
	assert_int_equal(header_weight("br;q=1.001", "br"), -1);
	assert_int_equal(header_weight("br;q=0.1234", "br"), -1);
	assert_int_equal(header_weight("br;q=", "br"), -1);
	assert_int_equal(header_weight("br;q=-1", "br"), -1);
	assert_int_equal(header_weight("br;q=1.", "br"), 1000);
	assert_int_equal(header_weight("brotli", "br"), -1);
	assert_int_equal(header_media_weight("*/*", "text/plain"), 1000);
	assert_int_equal(header_media_weight(
			     "text/*;q=0.3, text/plain;version=0.0.4;q=0.7, */*;q=0.1",
			     "text/plain"),
	    700);
	assert_int_equal(
	    header_media_weight("text/*;q=0.3,*/*;q=0.1", "text/plain"), 300);
	assert_int_equal(
	    header_media_weight("*/*;q=0.1,text/*;q=0.3", "image/png"), 100);
	assert_int_equal(header_media_weight("texts/*", "text/plain"), -1);
	assert_int_equal(header_media_weight("", "text/plain"), -1);
}

static void
tags(void **state)
{
	assert_true(header_names_tag("\"abc\"", "\"abc\""));
	assert_true(header_names_tag("W/\"abc\"", "\"abc\""));
	assert_true(header_names_tag("\"x,y\" , \"abc\"", "\"abc\""));
	assert_true(header_names_tag("*", "\"abc\""));
	assert_false(header_names_tag("\"ab\", \"abcd\"", "\"abc\""));
	assert_false(header_names_tag("abc", "\"abc\""));
	assert_false(header_names_tag("\"abc", "\"abc\""));
	assert_false(header_names_tag("", "\"abc\""));
}

static void
check_host(const char *raw, const char *wanted)
{
	char out[64];

	if (header_host(raw, strlen(raw), out, sizeof(out)))
		assert_string_equal(out, wanted);
	else
		assert_null(wanted);
}

static void
hosts_of_this_machine(void **state)
{
	static const char *const local[] = {"", "127.0.0.1", "127.0.0.1:8081",
	    "localhost", "localhost:8081", "[::1]", "[::1]:8081", "192.0.2.1",
	    "[::ffff:127.0.0.1]:80"};
	static const char *const foreign[] = {"evil.example", "evil.example:8081",
	    "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1.",
	    "localhost.", "127.1", "2130706433", "[::1.2]", "xlocalhost"};
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(local); i++)
		assert_true(header_host_is_local(local[i]));
	for (i = 0; i < ARRAY_LENGTH(foreign); i++)
		assert_false(header_host_is_local(foreign[i]));
}

static void
hosts(void **state)
{
	check_host("", "");
	check_host("Trasparenza.Example.IT", "trasparenza.example.it");
	check_host("example.it:8080", "example.it:8080");
	check_host("127.0.0.1:80", "127.0.0.1:80");
	check_host("[::1]", "[::1]");
	check_host("[::FFFF:127.0.0.1]:8080", "[::ffff:127.0.0.1]:8080");
	check_host("example.it:", NULL);
	check_host("example.it:0", NULL);
	check_host("example.it:65536", NULL);
	check_host("example.it:80:80", NULL);
	check_host(":80", NULL);
	check_host("a b", NULL);
	check_host("a/b", NULL);
	check_host("user@a", NULL);
	check_host("[]", NULL);
	check_host("[::1", NULL);
	check_host("[::1]x", NULL);
	check_host("<script>", NULL);
	check_host("citt\xc3\xa0.it", NULL);
	check_host(
	    "0123456789012345678901234567890123456789012345678901234567890123", NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(paths),
	    cmocka_unit_test(parameters),
	    cmocka_unit_test(weights),
	    cmocka_unit_test(tags),
	    cmocka_unit_test(hosts),
	    cmocka_unit_test(hosts_of_this_machine),
	};

	return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
