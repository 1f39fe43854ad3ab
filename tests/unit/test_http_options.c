/*
 * The options of collectors/http: what does not go together, what a file may say, and
 * that no secret of them shows.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "collectors/collectors.h"
#include "collectors/http_options.h"
#include "conf/conf.h"
#include "conf/mask.h"
#include "loop/fetch.h"
#include "watch/probe.h"

static char folder[64];

static struct http_options
defaults(void)
{
	return (struct http_options){.request.url = (char *)"https://www.example.it/",
	    .status = {1, {{200, 299}}},
	    .request.follow = 5,
	    .request.max_body = 1 << 20,
	    .request.retry = 1};
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
complain(void *arg, const char *option, const char *other, const char *problem)
{
	(void)other;
	buf_printf(arg, "%s: %s\n", option, problem);
}

static void
options_that_do_not_fit_are_told(void **state)
{
	char *path = (char *)"/x", *key[] = {(char *)"x-key: secret"};
	char *header[] = {(char *)"Accept text/html"};
	char *credentials[] = {(char *)"authorization: Basic c2VjcmV0"};
	char *pattern[] = {(char *)"("}, *patterns[] = {(char *)"(", (char *)"[a"};
	const struct {
		const char *key, *words;
		struct http_options options;
	} cases[] = {
	    {"url", "do not belong",
		{.request.url = (char *)"https://anna:secret@example.it/"}},
	    {"proxy", "do not belong",
		{.request.proxy = (char *)"http://anna:secret@proxy"}},
	    {"headers", "1 of 1: expected \"Name: value\"",
		{.request.headers = {1, header, NULL}}},
	    {"headers", "credentials come from files",
		{.request.headers = {1, credentials, NULL}}},
	    {"header_files", "1 of 1: expected the name",
		{.request.header_files = {1,
		     &(struct conf_file_item){(char *)"X Key", path}}}},
	    {"header_files", "X-Key stands twice",
		{.request.headers = {1, key, NULL},
		    .request.header_files = {1,
			&(struct conf_file_item){(char *)"X-Key", path}}}},
	    {"header_files", "x-key stands twice",
		{.request.header_files = {2,
		     (struct conf_file_item[]){
			 {(char *)"X-Key", path}, {(char *)"x-key", path}}}}},
	    {"header_files", "either Authorization",
		{.request.bearer_file = path,
		    .request.header_files = {1,
			&(struct conf_file_item){(char *)"authorization", path}}}},
	    {"user", "go together", {.request.user = (char *)"anna"}},
	    {"password_file", "go together", {.request.password_file = (char *)"/x"}},
	    {"user", "no colon",
		{.request.user = (char *)"a:b", .request.password_file = (char *)"/x"}},
	    {"bearer_file", "not both",
		{.request.user = (char *)"a",
		    .request.password_file = (char *)"/x",
		    .request.bearer_file = (char *)"/y"}},
	    {"key_file", "go together", {.request.key_file = (char *)"/x"}},
	    {"certificate_file", "go together",
		{.request.certificate_file = (char *)"/x"}},
	    {"method", "no body", {.request.method = 1, .match = {1, pattern, NULL}}},
	    {"body", "without a body",
		{.request.method = 1, .request.body = (char *)"x"}},
	    {"proxy", "http://", {.request.proxy = (char *)"https://proxy.example.it"}},
	    {"ip", "other version",
		{.request.url = (char *)"http://192.0.2.1/", .request.ip = 2}},
	    {"ip", "other version",
		{.request.url = (char *)"http://[::1]:80/", .request.ip = 1}},
	    {"match", "missing closing parenthesis", {.match = {1, pattern, NULL}}},
	    {"json", "begins with /", {.json = {1, pattern, NULL}}},
	};
	struct http_options good = defaults();
	struct buf told = BUF_INIT;
	size_t i;

	collector_http.check(&good, complain, &told);
	good.request.url = (char *)"https://example.it/a@b?c=d@e";
	good.request.headers = (struct conf_strings){1, key, NULL};
	good.request.header_files = (struct conf_files){
	    2, (struct conf_file_item[]){
		   {(char *)"Authorization", path}, {(char *)"X", path}}};
	collector_http.check(&good, complain, &told);
	good.request.ip = 2;
	collector_http.check(&good, complain, &told);
	good.request.url = (char *)"http://[::1]/";
	collector_http.check(&good, complain, &told);
	assert_int_equal(told.length, 0);
	for (i = 0; i < ARRAY_LENGTH(cases); i++) {
		char *begin = mem_printf("%s: ", cases[i].key);

		buf_clear(&told);
		collector_http.check(&cases[i].options, complain, &told);
		if (told.length == 0 || strncmp(told.data, begin, strlen(begin)) != 0 ||
		    strstr(told.data, cases[i].words) == NULL)
			fail_msg("%s%s: %s", begin, cases[i].words, told.data);
		assert_null(strstr(told.data, "secret"));
		assert_null(strstr(told.data, "c2VjcmV0"));
		free(begin);
	}
	buf_clear(&told);
	good = defaults();
	good.request.user = (char *)"a:b";
	good.match = (struct conf_strings){2, patterns, NULL};
	good.json = (struct conf_strings){1, pattern, NULL};
	collector_http.check(&good, complain, &told);
	assert_non_null(strstr(told.data, "user: user and password_file go together\n"
					  "user: a user of basic authentication has no "
					  "colon\nmatch: 1 of 2: "));
	assert_non_null(strstr(told.data, "\nmatch: 2 of 2: "));
	assert_non_null(strstr(told.data, "\njson: "));
	buf_free(&told);
}

static struct conf *
load(const char *http, struct conf_load *out)
{
	static struct conf_collector rows[COLLECTORS_MAX];
	char *text =
	    mem_printf("sites:\n prova:\n  name: Prova\n  url: http://localhost\n"
		       "  languages: [it]\n  timezone: Europe/Rome\n  services:\n"
		       "   s:\n    title: S\n    checks:\n     c:\n      http: %s\n",
		http);
	char *path = write_file("vetrina.yaml", text);
	struct conf *conf;

	memset(out, 0, sizeof(*out));
	collectors_rows(rows);
	out->file = path;
	out->collectors = rows;
	conf = conf_load(out);
	unlink(path);
	free(path);
	free(text);
	return conf;
}

static void
a_file_binds_the_options(void **state)
{
	static const char all[] =
	    "{url: 'https://a.it/', method: POST, headers: ['Accept: a, b', 'X: y'],"
	    " body: '{}', status: [200-299, 401], header: 'ETag', match: 'a,b',"
	    " not_match: ['x\\d+', y], json: ['/a = \"b\"', /c < 1], max_time: 250ms,"
	    " follow: 0, max_body: 64K, reuse: session, retry: 3, ip: 6, user: u,"
	    " proxy: 'http://p:3128', ca_file: ca.pem, certificate_file: c.pem,"
	    " key_file: k.pem, password_file: p}";
	const struct http_options *options;
	struct conf_load out;
	struct conf *conf = load(all, &out);

	if (conf == NULL)
		fail_msg("%s", out.errors.data);
	options = conf->sites[0].services[0].checks[0].options;
	assert_string_equal(options->request.url, "https://a.it/");
	assert_string_equal(request_methods[options->request.method], "POST");
	assert_int_equal(options->request.headers.count, 2);
	assert_string_equal(options->request.headers.items[0], "Accept: a, b");
	assert_int_equal(options->status.count, 2);
	assert_int_equal(options->status.ranges[1].first, 401);
	assert_int_equal(options->match.count, 1);
	assert_string_equal(options->match.items[0], "a,b");
	assert_string_equal(options->not_match.items[0], "x\\d+");
	assert_int_equal(options->json.count, 2);
	assert_int_equal(options->max_time_us, 250000);
	assert_int_equal(options->request.follow, 0);
	assert_int_equal(options->request.max_body, 65536);
	assert_int_equal(options->request.reuse, FETCH_REUSE_SESSION);
	assert_int_equal(options->request.retry, 3);
	assert_int_equal(options->request.ip, RESOLVE_IPV6);
	assert_non_null(strstr(options->request.password_file, "/p"));
	conf_free(conf);
	buf_free(&out.errors);
	buf_free(&out.warnings);

	conf = load("https://a.it/", &out);
	if (conf == NULL)
		fail_msg("%s", out.errors.data);
	options = conf->sites[0].services[0].checks[0].options;
	assert_string_equal(options->request.url, "https://a.it/");
	assert_string_equal(request_methods[options->request.method], "GET");
	assert_int_equal(options->status.ranges[0].first, 200);
	assert_int_equal(options->status.ranges[0].last, 299);
	assert_int_equal(options->request.follow, 5);
	assert_int_equal(options->request.max_body, 1 << 20);
	assert_int_equal(options->request.reuse, FETCH_REUSE_NONE);
	assert_int_equal(options->request.retry, 1);
	assert_int_equal(options->request.ip, RESOLVE_ANY);
	conf_free(conf);
	buf_free(&out.errors);
	buf_free(&out.warnings);

	assert_null(load("{url: 'https://a.it/', match: '('}", &out));
	print_message("# %s", out.errors.data);
	assert_non_null(strstr(out.errors.data, "missing closing parenthesis"));
	assert_non_null(strstr(out.errors.data, "vetrina.yaml:12:"));
	buf_free(&out.errors);
	buf_free(&out.warnings);
}

static void
secrets_of_requests_do_not_show(void **state)
{
	static const char http[] =
	    "{url: 'https://a.it/x?Subscription-Key=s3cret&area=1&postcode=9', "
	    "headers: ['Accept: a', 'X-Api-Key: s3cret', 'Cookie: s3cret=1', "
	    "'X-Monkey: k'], header: ['Set-Cookie: s3cret', 'ETag'], "
	    "match: 'token: \\d', header_files: {Ocp-Apim-Subscription-Key: %s, X-B: "
	    "%s}}";
	char *path = write_file("s3cret", "v4lue"),
	     *text = mem_printf(http, path, path);
	struct buf printed = BUF_INIT;
	const struct http_options *options;
	struct conf_load out;
	struct conf *conf;

	conf = load(text, &out);
	if (conf == NULL)
		fail_msg("%s", out.errors.data);
	options = conf->sites[0].services[0].checks[0].options;
	assert_int_equal(options->request.header_files.count, 2);
	assert_string_equal(options->request.header_files.items[1].name, "X-B");
	assert_string_equal(options->request.header_files.items[1].path, path);
	conf_print(conf, &printed);
	assert_null(strstr(printed.data, "s3cret"));
	assert_null(strstr(printed.data, "v4lue"));
	assert_non_null(strstr(printed.data,
	    " url: \"https://a.it/x?Subscription-Key=********&area=1&postcode=9\"\n"));
	assert_non_null(
	    strstr(printed.data, " headers: [\"Accept: a\", \"X-Api-Key: ********\", "
				 "\"Cookie: ********\", \"X-Monkey: k\"]\n"));
	assert_non_null(
	    strstr(printed.data, " header: [\"Set-Cookie: ********\", \"ETag\"]\n"));
	assert_non_null(strstr(printed.data, " match: [\"token: \\\\d\"]\n"));
	assert_non_null(strstr(printed.data,
	    " header_files: {\"Ocp-Apim-Subscription-Key\": \"********\", "
	    "\"X-B\": \"********\"}\n"));
	conf_free(conf);
	buf_free(&out.errors);
	buf_free(&out.warnings);

	/* Nor where it is wrong. */
	assert_null(
	    load("{url: 'ftp://a.it/?sig=s3cret', headers: [\"X-Token: "
		 "s3cret\\x01\"], header_files: {X: /s3cret/none, Y: [], X: z}}",
		&out));
	assert_null(strstr(out.errors.data, "s3cret"));
	assert_int_equal(out.error_count, 4);
	assert_non_null(strstr(out.errors.data, ".header_files.Y: is a list"));
	assert_non_null(strstr(out.errors.data, ".header_files.X: duplicate key"));
	buf_free(&out.errors);
	buf_free(&out.warnings);
	assert_null(load("{url: 'http://a.it/', header_files: [a]}", &out));
	assert_non_null(strstr(out.errors.data,
	    ".header_files: is a list, expected a mapping of names to paths"));
	buf_free(&out.errors);
	buf_free(&out.warnings);
	buf_free(&printed);
	unlink(path);
	free(path);
	free(text);
}

static void
names_that_look_secret(void **state)
{
	static const char *const secret[] = {"Authorization: b", "X-API-Key:b",
	    "apikey: b", "X-Auth: b", "Proxy-Authorization: b", "xAuthToken: b",
	    "My-Secret: b", "accessKey: b", "x_key: b", "Session-Id: b"};
	static const char *const open[] = {"Accept: b", "Author: b", "X-Monkey: b",
	    "Keyboard: b", "Content-Type: key", "nothing", "X-Key:", "", "Keys",
	    ": key"};
	static const char *const urls[][2] = {
	    {"https://u:p@a.it/", "https://********@a.it/"},
	    {"https://a.it/@b?x=1#token=2", "https://a.it/@b?x=1#token=2"},
	    {"https://a.it?code=1&&api_key=&sig=2&q", "https://a.it?code=********&&"
						      "api_key=&sig=********&q"},
	    {"https://a.it/?a=b?key=1", "https://a.it/?a=b?key=1"}};
	struct buf out = BUF_INIT;
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(secret); i++) {
		buf_clear(&out);
		mask_header(secret[i], &out);
		if (strstr(out.data, ": ********") == NULL &&
		    strstr(out.data, ":********") == NULL)
			fail_msg("%s", out.data);
	}
	for (i = 0; i < ARRAY_LENGTH(open); i++) {
		buf_clear(&out);
		buf_add_text(&out, "");
		mask_header(open[i], &out);
		assert_string_equal(out.length > 0 ? out.data : "", open[i]);
	}
	for (i = 0; i < ARRAY_LENGTH(urls); i++) {
		buf_clear(&out);
		mask_url(urls[i][0], &out);
		assert_string_equal(out.data, urls[i][1]);
	}
	buf_free(&out);
}

static void
the_table_is_sound(void **state)
{
	struct conf_collector rows[COLLECTORS_MAX];
	const struct option *option, *other;
	size_t i, length;

	collectors_rows(rows);
	for (i = 0; rows[i].name != NULL; i++) {
		assert_true(rows[i].sources <= ARCHIVE_SOURCES_MAX);
		for (option = rows[i].options; option->name != NULL; option++) {
			assert_true(option->offset < rows[i].size);
			assert_non_null(option->text);
			length = strlen(option->text);
			assert_true(length > 0 && option->text[length - 1] != '.');
			for (other = option + 1; other->name != NULL; other++) {
				assert_string_not_equal(option->name, other->name);
				assert_int_not_equal(option->offset, other->offset);
			}
		}
	}
	assert_true(i > 0 && collectors_all[i] == NULL);
}

static int
set_up(void **state)
{
	strcpy(folder, "/tmp/vetrina-http.XXXXXX");
	return mkdtemp(folder) == NULL;
}

static int
tear_down(void **state)
{
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(options_that_do_not_fit_are_told),
	    cmocka_unit_test(a_file_binds_the_options),
	    cmocka_unit_test(secrets_of_requests_do_not_show),
	    cmocka_unit_test(names_that_look_secret),
	    cmocka_unit_test(the_table_is_sound),
	};

	return cmocka_run_group_tests_name("http_options", tests, set_up, tear_down);
}
