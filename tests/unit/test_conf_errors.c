/* conf/: a bad file in, every error with its place out. */
#include "conf_sample.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

/* What was told, with "." for the folder of the test. */
static char *
without_folder(const struct buf *buf)
{
	char *folder = realpath(".", NULL), *text = mem_strdup(text_of(buf)), *p;

	while ((p = strstr(text, folder)) != NULL) {
		*p++ = '.';
		memmove(p, p + strlen(folder) - 1, strlen(p + strlen(folder) - 1) + 1);
	}
	free(folder);
	return text;
}

struct bad {
	const char *text, *errors;
};

static void
expect_errors(const struct bad *bad, size_t count, bool check_system)
{
	struct conf_load load;
	size_t i;

	for (i = 0; i < count; i++) {
		struct conf *conf = load_text(bad[i].text, check_system, &load);
		unsigned lines = 0;
		char *errors = without_folder(&load.errors), *p;
		if (getenv("TEST_CONF_SHOW") != NULL)
			fprintf(stderr, "---\nCASE\n%sERRORS\n%s", bad[i].text, errors);
		else
			assert_string_equal(errors, bad[i].errors);
		for (p = errors; *p != '\0'; p++)
			lines += *p == '\n';
		assert_int_equal(load.error_count, lines);
		assert_null(conf);
		free(errors);
		forget(&load, conf);
	}
}

static const struct bad bad_yaml[] = {
    {"sites:\n  - a\n  b: c\n",
	"v.yaml:3:3: YAML syntax: did not find expected '-' indicator, while parsing a "
	"block collection that begins at 2:3\n"},
    {"listen: {public: [a}\n",
	"v.yaml:1:20: YAML syntax: did not find expected ',' or ']', while parsing a "
	"flow sequence that begins at 1:18\n"},
    {"a:\n\tb: c\n", "v.yaml:2:1: YAML syntax: found a tab, expected spaces, while "
		     "scanning for the next token that begins at 2:1\n"},
    {"name: \xff\n", "v.yaml:1:7: YAML syntax: invalid leading UTF-8 octet\n"},
    {"log: \"a\\0b\"\n", "v.yaml:1:6: log: holds a NUL character, expected text\n"},
    {"log: &a info\nstore: *a\nlisten: !!map {}\n",
	"v.yaml:1:6: log: an anchor (&) is not accepted, expected a plain value\n"
	"v.yaml:2:8: store: an alias (*) is not accepted, expected a plain value\n"
	"v.yaml:3:9: listen: a tag (!) is not accepted, expected a plain value\n"},
    {"log: info\n---\nlog: debug\n",
	"v.yaml:2:1: a second document begins, expected one\n"},
    {"? [a, b]\n: c\n? {d: e}\n: f\n", "v.yaml:1:3: is not a key, expected a name\n"
				       "v.yaml:3:3: is not a key, expected a name\n"},
    {"a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: "
     "{a: {a: {a: {a: {a: 1}}}}}}}}}}}}}}}}}}}}}}}}}\n",
	"v.yaml:1:97: a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a: is nested too "
	"deep, expected at most 24\n"},
    {"- log\n- info\n", "v.yaml:1:1: is not a mapping, expected options\n"},
    {"log: 'info\n", "v.yaml:2:1: YAML syntax: found unexpected end of stream, while "
		     "scanning a quoted scalar that begins at 1:6\n"},
    {"log: \"\xc3\xa0\"\n\tstore: {}\n",
	"v.yaml:2:1: YAML syntax: found a tab, expected spaces, while scanning for the "
	"next token that begins at 2:1\n"},
};

static const struct bad bad_keys[] = {
    {"lisen: {}\nlog: info\nquatsch: 1\n",
	"v.yaml:1:1: lisen: unknown option, did you mean \"listen\"?\n"
	"v.yaml:3:1: quatsch: unknown option, expected listen, store, log, include or "
	"sites\n"},
    {"log: info\nlog: debug\nstore: {path: a, path: b}\n",
	"v.yaml:2:1: log: duplicate key, expected once; the first is at line 1\n"
	"v.yaml:3:18: store.path: duplicate key, expected once; the first is at line "
	"3\n"},
    {"\"a\\nb\\u009b\": 1\n", "v.yaml:1:1: a?b?: unknown option, expected listen, "
			      "store, log, include or sites\n"},
    {SITE "    srevices: {}\n    sevrices:\n      a: {}\n",
	"v.yaml:7:5: sites.borgo.srevices: unknown option, did you mean \"services\"?\n"
	"v.yaml:8:5: sites.borgo.sevrices: unknown option, did you mean "
	"\"services\"?\n"},
    {SERVICE "        title: {it: A, it: B, english: C}\n",
	"v.yaml:9:24: sites.borgo.services.anagrafe.title.it: duplicate key, expected "
	"once; the first is at line 9\n"
	"v.yaml:9:31: sites.borgo.services.anagrafe.title.english: is not a language, "
	"expected a code such as it, en or de-AT\n"},
    {"sites:\n  Borgo: {}\n  -x: {}\n  \"\": {}\n  "
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: "
     "{}\n",
	"v.yaml:2:3: sites.Borgo: is not an identifier, expected a-z 0-9 _ -, "
	"beginning with a letter or digit, at most 63\n"
	"v.yaml:3:3: sites.-x: is not an identifier, expected a-z 0-9 _ -, beginning "
	"with a letter or digit, at most 63\n"
	"v.yaml:4:3: sites.: is not an identifier, expected a-z 0-9 _ -, beginning "
	"with a letter or digit, at most 63\n"
	"v.yaml:5:3: "
	"sites.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...: is "
	"not an identifier, expected a-z 0-9 _ -, beginning with a letter or digit, at "
	"most 63\n"},
    {"sites:\n  borgo:\n",
	"v.yaml:2:3: sites.borgo.name: is missing, expected text of 1 to 200 bytes\n"
	"v.yaml:2:3: sites.borgo.url: is missing, expected an address that begins with "
	"http:// or https://\n"
	"v.yaml:2:3: sites.borgo.languages: is missing, expected a list of texts out "
	"of it or en\n"
	"v.yaml:2:3: sites.borgo.timezone: is missing, expected text of 1 to 64 "
	"bytes\n"},
    {"sites: [borgo]\n",
	"v.yaml:1:8: sites: is a list, expected a mapping of identifiers\n"},
    {"sites: {borgo: text}\n",
	"v.yaml:1:16: sites.borgo: \"text\" is a single value, expected a mapping\n"},
    {SITE "  borgo: {}\n", "v.yaml:7:3: sites.borgo: duplicate key, expected once; the "
			   "first is at line 2\n"},
};

static const struct bad bad_values[] = {
    {"log: inof\n", "v.yaml:1:6: log: \"inof\" is unknown (did you mean \"info\"?), "
		    "expected one of error, warning, info or debug\n"},
    {"log: [info]\n",
	"v.yaml:1:6: log: is a list, expected one of error, warning, info or debug\n"},
    {"log:\n", "v.yaml:1:5: log: has no value, expected one of error, warning, info or "
	       "debug\n"},
    {"log: ~\nstore: {path: null}\n",
	"v.yaml:1:6: log: has no value, expected one of error, warning, info or debug\n"
	"v.yaml:2:15: store.path: has no value, expected a path\n"},
    {"listen: {public: {a: b}, admin: [[]], control: ''}\n",
	"v.yaml:1:18: listen.public: is a mapping, expected a list of texts\n"
	"v.yaml:1:34: listen.admin: is a list, expected a list of texts\n"
	"v.yaml:1:48: listen.control: \"\" is empty, expected a path\n"},
    {"store: {flush: 3600, pending_max: 1X, retention: [1m]}\n",
	"v.yaml:1:16: store.flush: \"3600\" has no unit, expected a duration from 10s "
	"to 1d\n"
	"v.yaml:1:35: store.pending_max: \"1X\" is not a size, expected a size from 1M "
	"to 64G\n"
	"v.yaml:1:51: store.retention: \"1m\" is not step:time, expected a list of "
	"step:time such as [1m:14d, 1h:3y]\n"},
    {"store: {flush: 1s, pending_max: 1K, retention: []}\n",
	"v.yaml:1:16: store.flush: \"1s\" is out of range, expected a duration from "
	"10s to 1d\n"
	"v.yaml:1:33: store.pending_max: \"1K\" is out of range, expected a size from "
	"1M to 64G\n"
	"v.yaml:1:48: store.retention: is empty, expected a list of step:time such as "
	"[1m:14d, 1h:3y]\n"},
    {"store: {flush: -1h, pending_max: 1.5M, retention: [1m:1d, 30s:2d]}\n",
	"v.yaml:1:16: store.flush: \"-1h\" is not a duration, expected a duration from "
	"10s to 1d\n"
	"v.yaml:1:34: store.pending_max: \"1.5M\" is not a size, expected a size from "
	"1M to 64G\n"
	"v.yaml:1:59: store.retention: \"30s:2d\" has a step that is not longer than "
	"the one before, expected a list of step:time such as [1m:14d, 1h:3y]\n"},
    {"store: {retention: [90:1d]}\n",
	"v.yaml:1:21: store.retention: \"90:1d\" is not step:time, expected a list of "
	"step:time such as [1m:14d, 1h:3y]\n"},
    {"store: {retention: [500ms:1d, 1m:1d]}\n",
	"v.yaml:1:21: store.retention: \"500ms:1d\" has a step that is not whole "
	"seconds, expected a list of step:time such as [1m:14d, 1h:3y]\n"},
    {"store: {retention: [1m:1d, 1h:1d]}\n",
	"v.yaml:1:28: store.retention: \"1h:1d\" keeps no longer than the one before, "
	"expected a list of step:time such as [1m:14d, 1h:3y]\n"},
    {"store: {retention: [1s:10y]}\n",
	"v.yaml:1:21: store.retention: \"1s:10y\" keeps less than a row or more than "
	"five million, expected a list of step:time such as [1m:14d, 1h:3y]\n"},
    {"store: {retention: [1h:1m]}\n",
	"v.yaml:1:21: store.retention: \"1h:1m\" keeps less than a row or more than "
	"five million, expected a list of step:time such as [1m:14d, 1h:3y]\n"},
    {"store: {retention: [1s:1m, 2s:2m, 3s:3m, 4s:4m, 5s:5m, 6s:6m, 7s:7m, 8s:8m, "
     "9s:9m]}\n",
	"v.yaml:1:77: store.retention: \"9s:9m\" is one tier too many, expected a list "
	"of step:time such as [1m:14d, 1h:3y]\n"},
    {SAMPLE "              flag: yes\n              count: 11\n              ratio: "
	    "1.5\n              wait: 90\n              size: 1\n",
	"v.yaml:13:21: sites.borgo.services.anagrafe.checks.portale.sample.flag: "
	"\"yes\" is neither, expected true or false\n"
	"v.yaml:14:22: sites.borgo.services.anagrafe.checks.portale.sample.count: "
	"\"11\" is out of range, expected a whole number from 1 to 10\n"
	"v.yaml:15:22: sites.borgo.services.anagrafe.checks.portale.sample.ratio: "
	"\"1.5\" is out of range, expected a number from 0 to 1\n"
	"v.yaml:16:21: sites.borgo.services.anagrafe.checks.portale.sample.wait: "
	"\"90\" has no unit, expected a duration from 0s to 1m, or never\n"
	"v.yaml:17:21: sites.borgo.services.anagrafe.checks.portale.sample.size: \"1\" "
	"is out of range, expected a size from 1K to 1G\n"},
    {SAMPLE "              count: 1.5\n              ratio: much\n              wait: "
	    "61s\n              size: 1 M\n              flag: [true]\n",
	"v.yaml:13:22: sites.borgo.services.anagrafe.checks.portale.sample.count: "
	"\"1.5\" is not a whole number, expected a whole number from 1 to 10\n"
	"v.yaml:14:22: sites.borgo.services.anagrafe.checks.portale.sample.ratio: "
	"\"much\" is not a number, expected a number from 0 to 1\n"
	"v.yaml:15:21: sites.borgo.services.anagrafe.checks.portale.sample.wait: "
	"\"61s\" is out of range, expected a duration from 0s to 1m, or never\n"
	"v.yaml:16:21: sites.borgo.services.anagrafe.checks.portale.sample.size: \"1 "
	"M\" is not a size, expected a size from 1K to 1G\n"
	"v.yaml:17:21: sites.borgo.services.anagrafe.checks.portale.sample.flag: is a "
	"list, expected true or false\n"},
    {SAMPLE "              count: 99999999999999999999\n              ratio: 1e999\n   "
	    "           wait: soon\n              size: {}\n              mode: Post\n",
	"v.yaml:13:22: sites.borgo.services.anagrafe.checks.portale.sample.count: "
	"\"99999999999999999999\" is out of range, expected a whole number from 1 to "
	"10\n"
	"v.yaml:14:22: sites.borgo.services.anagrafe.checks.portale.sample.ratio: "
	"\"1e999\" is out of range, expected a number from 0 to 1\n"
	"v.yaml:15:21: sites.borgo.services.anagrafe.checks.portale.sample.wait: "
	"\"soon\" is not a duration, expected a duration from 0s to 1m, or never\n"
	"v.yaml:16:21: sites.borgo.services.anagrafe.checks.portale.sample.size: is a "
	"mapping, expected a size from 1K to 1G\n"
	"v.yaml:17:21: sites.borgo.services.anagrafe.checks.portale.sample.mode: "
	"\"Post\" is unknown (did you mean \"post\"?), expected one of get, post or "
	"delete\n"},
    {SAMPLE "              note: 12345678901234567890123456789012345678901\n           "
	    "   inner: {deep: x, word: longer, wrod: x}\n",
	"v.yaml:13:21: sites.borgo.services.anagrafe.checks.portale.sample.note: "
	"\"12345678901234567890123456789012345678901\" has 41 bytes, expected text of "
	"at most 40 bytes\n"
	"v.yaml:14:29: sites.borgo.services.anagrafe.checks.portale.sample.inner.deep: "
	"\"x\" is not a whole number, expected a whole number\n"
	"v.yaml:14:38: sites.borgo.services.anagrafe.checks.portale.sample.inner.word: "
	"\"longer\" has 6 bytes, expected text of at most 5 bytes\n"
	"v.yaml:14:46: sites.borgo.services.anagrafe.checks.portale.sample.inner.wrod: "
	"unknown option, did you mean \"word\"?\n"},
    {SAMPLE "              note: \"a\\nb\"\n              file: \"a\\tb\"\n            "
	    "  names: [a, \"b\\x7f\", \"c\\x85\"]\n              label: \"a\\x01\"\n",
	"v.yaml:13:21: sites.borgo.services.anagrafe.checks.portale.sample.note: "
	"\"a?b\" holds control characters, expected text of at most 40 bytes\n"
	"v.yaml:14:21: sites.borgo.services.anagrafe.checks.portale.sample.file: "
	"\"a?b\" holds control characters, expected a path\n"
	"v.yaml:15:26: sites.borgo.services.anagrafe.checks.portale.sample.names: "
	"\"b?\" holds control characters, expected a list of texts\n"
	"v.yaml:15:35: sites.borgo.services.anagrafe.checks.portale.sample.names: "
	"\"c?\" holds control characters, expected a list of texts\n"
	"v.yaml:16:22: sites.borgo.services.anagrafe.checks.portale.sample.label: "
	"\"a?\" holds control characters, expected text, or a mapping of languages to "
	"texts\n"},
    {SAMPLE "              label: {}\n              names: [{}]\n              inner: "
	    "3\n              note: ''\n              mode: pots\n",
	"v.yaml:13:22: sites.borgo.services.anagrafe.checks.portale.sample.label: is "
	"empty, expected text, or a mapping of languages to texts\n"
	"v.yaml:14:23: sites.borgo.services.anagrafe.checks.portale.sample.names: is a "
	"mapping, expected a list of texts\n"
	"v.yaml:15:22: sites.borgo.services.anagrafe.checks.portale.sample.inner: "
	"\"3\" is a single value, expected a mapping\n"
	"v.yaml:17:21: sites.borgo.services.anagrafe.checks.portale.sample.mode: "
	"\"pots\" is unknown (did you mean \"post\"?), expected one of get, post or "
	"delete\n"},
    {SAMPLE "              label: {it: ' ', en: []}\n",
	"v.yaml:13:27: sites.borgo.services.anagrafe.checks.portale.sample.label.it: "
	"\" \" is empty, expected text, or a mapping of languages to texts\n"
	"v.yaml:13:36: sites.borgo.services.anagrafe.checks.portale.sample.label.en: "
	"is a list, expected text, or a mapping of languages to texts\n"},
    {SAMPLE "              pattern: 'a('\n",
	"v.yaml:13:24: sites.borgo.services.anagrafe.checks.portale.sample.pattern: "
	"\"a(\" does not compile: at 3: missing closing parenthesis, expected a "
	"regular expression\n"},
    {SAMPLE "              status: 200-\n",
	"v.yaml:13:23: sites.borgo.services.anagrafe.checks.portale.sample.status: "
	"\"200-\" is no status or range of them, expected HTTP statuses such as "
	"200-299, 301\n"},
    {SAMPLE "              status: [99, 200]\n              keep: {}\n",
	"v.yaml:13:24: sites.borgo.services.anagrafe.checks.portale.sample.status: "
	"\"99\" is no status or range of them, expected HTTP statuses such as 200-299, "
	"301\n"
	"v.yaml:14:21: sites.borgo.services.anagrafe.checks.portale.sample.keep: is a "
	"mapping, expected a list of step:time such as [1m:14d, 1h:3y]\n"},
    {SAMPLE "              status: 299-200\n",
	"v.yaml:13:23: sites.borgo.services.anagrafe.checks.portale.sample.status: "
	"\"299-200\" is no status or range of them, expected HTTP statuses such as "
	"200-299, 301\n"},
    {SAMPLE "              status: []\n",
	"v.yaml:13:23: sites.borgo.services.anagrafe.checks.portale.sample.status: is "
	"empty, expected HTTP statuses such as 200-299, 301\n"},
    {SAMPLE "              status: [1xx]\n",
	"v.yaml:13:24: sites.borgo.services.anagrafe.checks.portale.sample.status: "
	"\"1xx\" is no status or range of them, expected HTTP statuses such as "
	"200-299, 301\n"},
    {SAMPLE "              status: [100, 101, 102, 103, 104, 105, 106, 107, 108, 109, "
	    "110, 111, 112, 113, 114, 115, 116]\n",
	"v.yaml:13:104: sites.borgo.services.anagrafe.checks.portale.sample.status: "
	"\"116\" is one too many, expected HTTP statuses such as 200-299, 301\n"},
    {CHECK "            sample: ftp://borgo.example/\n",
	"v.yaml:11:21: sites.borgo.services.anagrafe.checks.portale.sample: "
	"\"ftp://borgo.example/\" is not such an address, expected an address that "
	"begins with http:// or https://\n"},
    {CHECK "            sample: https://user:hunter2@borgo.example/\n",
	"v.yaml:11:21: sites.borgo.services.anagrafe.checks.portale.sample: holds a "
	"user or password, which belongs into a file, expected an address that begins "
	"with http:// or https://\n"},
    {CHECK "            sample: https://borgo.example:99999/\n",
	"v.yaml:11:21: sites.borgo.services.anagrafe.checks.portale.sample: "
	"\"https://borgo.example:99999/\" has no valid port, expected an address that "
	"begins with http:// or https://\n"},
    {CHECK "            sample: https:///x\n",
	"v.yaml:11:21: sites.borgo.services.anagrafe.checks.portale.sample: "
	"\"https:///x\" has no valid host, expected an address that begins with "
	"http:// or https://\n"},
    {CHECK "            sample: https://bor go/\n",
	"v.yaml:11:21: sites.borgo.services.anagrafe.checks.portale.sample: "
	"\"https://bor go/\" holds a character that an address writes as %XX, expected "
	"an address that begins with http:// or https://\n"},
    {CHECK "            sample: \"http://[::g]/\"\n",
	"v.yaml:11:21: sites.borgo.services.anagrafe.checks.portale.sample: "
	"\"http://[::g]/\" has no valid host, expected an address that begins with "
	"http:// or https://\n"},
    {CHECK "            sample: [a, b]\n",
	"v.yaml:11:21: sites.borgo.services.anagrafe.checks.portale.sample: is a list, "
	"expected an address that begins with http:// or https://\n"},
    {SAMPLE "              note: \"a\\u2028b\"\n              file: \"\\uFEFF\"\n      "
	    "        label: \"\\uFFFE\"\n",
	"v.yaml:13:21: sites.borgo.services.anagrafe.checks.portale.sample.note: "
	"\"a?b\" holds control characters, expected text of at most 40 bytes\n"
	"v.yaml:14:21: sites.borgo.services.anagrafe.checks.portale.sample.file: \"?\" "
	"holds control characters, expected a path\n"
	"v.yaml:15:22: sites.borgo.services.anagrafe.checks.portale.sample.label: "
	"\"?\" holds control characters, expected text, or a mapping of languages to "
	"texts\n"},
};

static const struct bad bad_checks[] = {
    {CHECKS "          portale: {}\n          zwei: {smaple: x}\n",
	"v.yaml:10:11: sites.borgo.services.anagrafe.checks.portale: has no collector, "
	"expected sample or plain\n"
	"v.yaml:11:18: sites.borgo.services.anagrafe.checks.zwei.smaple: unknown "
	"option, did you mean \"sample\"?\n"},
    {CHECK "            sample: https://a.example/\n            plain: {}\n",
	"v.yaml:12:13: sites.borgo.services.anagrafe.checks.portale.plain: a second "
	"collector beside \"sample\", expected one in a check\n"},
    {CHECK "            sample: {mode: post}\n",
	"v.yaml:11:13: sites.borgo.services.anagrafe.checks.portale.sample.url: is "
	"missing, expected an address that begins with http:// or https://\n"
	"v.yaml:11:13: "
	"sites.borgo.services.anagrafe.checks.portale.sample.note: is missing, "
	"expected text to post\n"},
    {SAMPLE "              mode: post\n",
	"v.yaml:11:13: sites.borgo.services.anagrafe.checks.portale.sample.note: is "
	"missing, expected text to post\n"},
    {SAMPLE "              mode: delete\n",
	"v.yaml:13:21: sites.borgo.services.anagrafe.checks.portale.sample.mode: "
	"deletes https://borgo.example/x, expected \"get\" or \"post\"\n"},
    {CHECK "            plain: {}\n            every: 5s\n",
	"v.yaml:12:20: sites.borgo.services.anagrafe.checks.portale.every: \"5s\" is "
	"below the timeout of 10s (the default), expected at least that\n"},
    {CHECK "            plain: {}\n            every: 5s\n            timeout: 6s\n",
	"v.yaml:12:20: sites.borgo.services.anagrafe.checks.portale.every: \"5s\" is "
	"below the timeout of 6s, expected at least that\n"},
    {CHECK "            plain: {}\n            timeout: 90s\n",
	"v.yaml:12:22: sites.borgo.services.anagrafe.checks.portale.timeout: \"90s\" "
	"is over the interval of 1m (the default), expected at most that\n"},
    {CHECK "            plain: {}\n            every: 60500ms\n",
	"v.yaml:12:20: sites.borgo.services.anagrafe.checks.portale.every: \"60500ms\" "
	"is not whole seconds, expected a duration such as 60s or 5m\n"},
    {CHECK "            plain: {}\n            every: 500ms\n            timeout: 1s\n",
	"v.yaml:12:20: sites.borgo.services.anagrafe.checks.portale.every: \"500ms\" "
	"is out of range, expected a duration from 1s to 1d\n"},
    {CHECK "            plain: {}\n            every: soon\n            timeout: 5\n   "
	   "         dns_cache: tll\n",
	"v.yaml:12:20: sites.borgo.services.anagrafe.checks.portale.every: \"soon\" is "
	"not a duration, expected a duration from 1s to 1d\n"
	"v.yaml:13:22: sites.borgo.services.anagrafe.checks.portale.timeout: \"5\" has "
	"no unit, expected a duration from 10ms to 10m\n"
	"v.yaml:14:24: sites.borgo.services.anagrafe.checks.portale.dns_cache: \"tll\" "
	"is not a duration, expected a duration from 0s to 1d, or ttl\n"},
};

static const struct bad bad_cross[] = {
    {SITE "    areas: {a: {title: A}, b: {title: A}, c: {title: A}, d: {title: A}, e: "
	  "{title: A}, f: {title: A}, g: {title: A}, h: {title: A}, i: {title: A}}\n   "
	  " services:\n      s: {area: zzzz, supplier: y}\n",
	"v.yaml:9:17: sites.borgo.services.s.area: \"zzzz\" is not among the site's "
	"areas, expected a, b, c, d, e, f, g, h, ...\n"
	"v.yaml:9:33: sites.borgo.services.s.supplier: \"y\" is not among the site's "
	"suppliers, expected an entry in its suppliers\n"},
    {SITE "    areas: {tributi: {title: T}}\n    suppliers: {nuvola: {title: N}}\n    "
	  "services:\n      a: {area: tribut, supplier: nuvola, checks: {}}\n      b: "
	  "{area: xyz, supplier: nvola}\n      c: {area: tributi, supplier: []}\n",
	"v.yaml:10:17: sites.borgo.services.a.area: \"tribut\" is not among the site's "
	"areas, did you mean \"tributi\"?\n"
	"v.yaml:11:17: sites.borgo.services.b.area: \"xyz\" is not among the site's "
	"areas, expected tributi\n"
	"v.yaml:11:32: sites.borgo.services.b.supplier: \"nvola\" is not among the "
	"site's suppliers, did you mean \"nuvola\"?\n"
	"v.yaml:12:36: sites.borgo.services.c.supplier: is a list, expected text of 1 "
	"to 63 bytes\n"},
    {SERVICE "        public: true\n",
	"v.yaml:8:7: sites.borgo.services.anagrafe.title: is missing, expected text, "
	"because the service is public\n"
	"v.yaml:8:7: sites.borgo.services.anagrafe.description: is missing, expected "
	"text, because the service is public\n"},
    {SERVICE "        public: true\n        title: {}\n        description: ''\n",
	"v.yaml:10:16: sites.borgo.services.anagrafe.title: is empty, expected text, "
	"or a mapping of languages to texts\n"
	"v.yaml:11:22: sites.borgo.services.anagrafe.description: \"\" is empty, "
	"expected text, or a mapping of languages to texts\n"},
    {SITE
	"  secondo:\n    name: Secondo\n    url: HTTPS://BORGO.example:443/\n    "
	"languages: it\n    timezone: Europe/Rome\n  terzo:\n    name: Terzo\n    url: "
	"https://borgo.example/terzo\n    languages: it\n    timezone: Europe/Rome\n",
	"v.yaml:9:10: sites.secondo.url: borgo.example is the address of the site "
	"\"borgo\" too (v.yaml:2), expected its own\n"},
    {"sites:\n  borgo:\n    name: ''\n    url: borgo.example\n    languages: [it, de, "
     "it]\n    timezone: []\n    istat: 42\n    ipa: C/1\n    contact: nobody\n",
	"v.yaml:3:11: sites.borgo.name: \"\" has 0 bytes, expected text of 1 to 200 "
	"bytes\n"
	"v.yaml:4:10: sites.borgo.url: \"borgo.example\" is not such an address, "
	"expected an address that begins with http:// or https://\n"
	"v.yaml:5:16: sites.borgo.languages: holds 3 items, expected a list of texts "
	"out of it or en\n"
	"v.yaml:6:15: sites.borgo.timezone: is a list, expected text of 1 to 64 bytes\n"
	"v.yaml:7:12: sites.borgo.istat: \"42\" has 2 bytes, expected text of 6 bytes\n"
	"v.yaml:8:10: sites.borgo.ipa: \"C/1\" holds more than a-z 0-9 _, expected a "
	"code such as c_l841\n"
	"v.yaml:9:14: sites.borgo.contact: \"nobody\" is not a mail address, expected "
	"one such as urp@example.it\n"},
    {"sites:\n  borgo:\n    name: B\n    url: https://borgo.example/a//b?x=1\n    "
     "languages: [it, it]\n    timezone: Europe/Rome\n    istat: abcdef\n    pages: "
     "{privacy: /privacy, legal: x}\n",
	"v.yaml:4:10: sites.borgo.url: has a path that pages cannot live under, "
	"expected letters, digits and - _ ~ between single slashes, no query\n"
	"v.yaml:5:16: sites.borgo.languages: \"it\" stands twice, expected each once\n"
	"v.yaml:7:12: sites.borgo.istat: \"abcdef\" is not six digits, expected a code "
	"such as \"004242\"\n"
	"v.yaml:8:22: sites.borgo.pages.privacy: \"/privacy\" is not such an address, "
	"expected an address that begins with http:// or https://\n"
	"v.yaml:8:39: sites.borgo.pages.legal: \"x\" is not such an address, expected "
	"an address that begins with http:// or https://\n"},
    {"listen:\n  public: [8080, \"1.2.3.4:80\", \"[::1]:x\", \"unix:\", localhost:80, "
     "\"1.2.3.4:80\"]\n  admin: [\"0.0.0.0:81\", \"[::]:81\", \"[::1]:81\", "
     "\"127.9.9.9:1\", \"1.2.3.4:99999\"]\n",
	"v.yaml:2:12: listen.public: \"8080\" has no valid port, expected "
	"address:port, [v6]:port or unix:path\n"
	"v.yaml:2:32: listen.public: \"[::1]:x\" has no valid port, expected "
	"address:port, [v6]:port or unix:path\n"
	"v.yaml:2:43: listen.public: \"unix:\" has no path, expected address:port, "
	"[v6]:port or unix:path\n"
	"v.yaml:2:52: listen.public: \"localhost:80\" has no numeric host, expected "
	"address:port, [v6]:port or unix:path\n"
	"v.yaml:2:66: listen.public: \"1.2.3.4:80\" stands twice, expected each "
	"address once\n"
	"v.yaml:3:11: listen.admin: \"0.0.0.0:81\" can be reached from elsewhere, "
	"expected a loopback address, because nobody logs in there\n"
	"v.yaml:3:25: listen.admin: \"[::]:81\" can be reached from elsewhere, "
	"expected a loopback address, because nobody logs in there\n"
	"v.yaml:3:63: listen.admin: \"1.2.3.4:99999\" has no valid port, expected "
	"address:port, [v6]:port or unix:path\n"},
    {"listen: {public: \"127.0.0.1:80\", admin: [\"127.0.0.1:0\", \"127.0.0.1:0\", "
     "\"127.0.0.1:80\"]}\n",
	"v.yaml:1:72: listen.admin: \"127.0.0.1:80\" stands twice, expected each "
	"address once\n"},
};

static const struct bad bad_system[] = {
    {"listen: {control: v.yaml/x/c.sock}\nstore: {path: v.yaml/store}\n",
	"v.yaml:1:19: listen.control: ./v.yaml/x/c.sock cannot be made: Not a "
	"directory, expected a path in a folder of this user\n"
	"v.yaml:2:15: store.path: ./v.yaml/store cannot be written: Not a directory, "
	"expected a folder of this user\n"},
    {"listen: []\nstore: {path: []}\n",
	"v.yaml:1:9: listen: is a list, expected a mapping\n"
	"v.yaml:2:15: store.path: is a list, expected a path\n"},
    {"listen: {control: folder}\nstore: {path: empty}\n",
	"v.yaml:1:19: listen.control: ./folder cannot be made: File exists, expected a "
	"path in a folder of this user\n"
	"v.yaml:2:15: store.path: ./empty cannot be written: Not a directory, expected "
	"a folder of this user\n"},
    {"store: {path: store}\nlisten: {control: c.sock}\nsites:\n  borgo: {name: B, url: "
     "http://b.example, languages: it, timezone: Europe/Roma}\n  due: {name: B, url: "
     "http://c.example, languages: it, timezone: ../../etc/passwd}\n",
	"v.yaml:4:68: sites.borgo.timezone: \"Europe/Roma\" is not in the time zone "
	"database, expected a name such as Europe/Rome\n"
	"v.yaml:5:66: sites.due.timezone: \"../../etc/passwd\" is not in the time zone "
	"database, expected a name such as Europe/Rome\n"},
    {"store: {path: store}\nlisten: {control: c.sock}\n" SAMPLE
     "              key_file: none\n",
	"v.yaml:15:25: sites.borgo.services.anagrafe.checks.portale.sample.key_file: "
	"cannot be read: No such file or directory, expected the path of a readable "
	"file with the secret\n"},
    {"store: {path: store}\nlisten: {control: c.sock}\n" SAMPLE
     "              key_file: folder\n",
	"v.yaml:15:25: sites.borgo.services.anagrafe.checks.portale.sample.key_file: "
	"is not a file, expected the path of a readable file with the secret\n"},
    {"store: {path: store}\nlisten: {control: c.sock}\n" SAMPLE
     "              key_file: empty\n",
	"v.yaml:15:25: sites.borgo.services.anagrafe.checks.portale.sample.key_file: "
	"is an empty file, expected the path of a readable file with the secret\n"},
};

static void
a_bad_file_tells_all_errors(void **state)
{
	expect_errors(bad_yaml, ARRAY_LENGTH(bad_yaml), false);
	expect_errors(bad_keys, ARRAY_LENGTH(bad_keys), false);
	expect_errors(bad_values, ARRAY_LENGTH(bad_values), false);
	expect_errors(bad_checks, ARRAY_LENGTH(bad_checks), false);
	expect_errors(bad_cross, ARRAY_LENGTH(bad_cross), false);
}

static void
a_bad_system_is_an_error_where_it_is_named(void **state)
{
	mkdir("folder", 0755);
	write_file("empty", "");
	expect_errors(bad_system, ARRAY_LENGTH(bad_system), true);
}

static void
a_secret_that_everybody_reads_is_a_warning(void **state)
{
	static const char text[] =
	    "store: {path: store}\nlisten: {control: c.sock}\n" SAMPLE
	    "              key_file: secret\n";
	struct conf_load load;
	struct conf *conf;

	write_file("secret", "x");
	assert_int_equal(chmod("secret", 0644), 0);
	conf = load_text(text, true, &load);
	assert_non_null(conf);
	assert_non_null(strstr(load.warnings.data,
	    "v.yaml:15:25: warning: "
	    "sites.borgo.services.anagrafe.checks.portale.sample.key_file: can "
	    "be read by everybody, expected mode 0640 or less\n"));
	forget(&load, conf);
	assert_int_equal(chmod("secret", 0640), 0);
	conf = load_text(text, true, &load);
	assert_null(strstr(load.warnings.data, "everybody"));
	forget(&load, conf);
}

#define MANY 300

static void
errors_are_bounded_and_counted(void **state)
{
	struct buf text = BUF_INIT;
	struct conf_load load;
	const char *p;
	int i, lines = 0;

	buf_add_text(&text, "log: quatsch\n");
	for (i = 0; i < MANY; i++)
		buf_printf(&text, "key-%d: 1\n", i);
	assert_null(load_text(text.data, false, &load));
	assert_int_equal(load.error_count, MANY + 1);
	for (p = load.errors.data; *p != '\0'; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 201);
	assert_non_null(strstr(load.errors.data, "\nand 101 more\n"));
	forget(&load, NULL);
	buf_free(&text);
}

static void
a_file_that_is_not_there_is_an_error(void **state)
{
	struct conf_load load = {.file = "none.yaml", .collectors = collectors};

	assert_null(conf_load(&load));
	assert_string_equal(load.errors.data, "none.yaml:1:1: cannot be read: No such "
					      "file or directory, expected a file\n");
	forget(&load, NULL);
	load = (struct conf_load){.file = ".", .collectors = collectors};
	assert_null(conf_load(&load));
	assert_string_equal(load.errors.data,
	    ".:1:1: cannot be read: Is a directory, expected a file\n");
	forget(&load, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_bad_file_tells_all_errors),
	    cmocka_unit_test(a_bad_system_is_an_error_where_it_is_named),
	    cmocka_unit_test(a_secret_that_everybody_reads_is_a_warning),
	    cmocka_unit_test(errors_are_bounded_and_counted),
	    cmocka_unit_test(a_file_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
