/* collectors/plugin: output of Nagios plugins, good and bad. */
#include "unit.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "collectors/plugin.h"

static struct plugin_output output;

static void
parse(const char *text)
{
	plugin_free(&output);
	/* An allocation of its own, so that a byte too far is seen. */
	char *copy = mem_dup(text, strlen(text));

	plugin_parse(copy, strlen(text), &output);
	free(copy);
}

static void
expect(const char *label, double value, const char *unit)
{
	const struct plugin_datum *datum = plugin_find(&output, label);

	if (datum == NULL)
		fail_msg("no %s", label);
	if (!(isnan(value) ? isnan(datum->value)
			   : fabs(datum->value - value) <= fabs(value) * 1e-12))
		fail_msg("%s is %g, not %g", label, datum->value, value);
	assert_string_equal(datum->unit, unit);
}

/* As Debian's plugins print it. */
static void
real_plugins(void **state)
{
	parse("LOAD OK - total load average: 0.42, 0.97, 1.20"
	      "|load1=0.420;4.000;4.000;0; load5=0.970;4.000;4.000;0; "
	      "load15=1.200;4.000;4.000;0; \n");
	assert_string_equal(
	    output.text, "LOAD OK - total load average: 0.42, 0.97, 1.20");
	assert_int_equal(output.count, 3);
	assert_int_equal(output.dropped, 0);
	expect("load1", 0.42, "");
	expect("load15", 1.2, "");
	parse("DISK OK - free space: / 120 MiB (12%);| "
	      "/=902MB;1000;1010;0;1024 '/var/lib it''s'=1.5GB;;;0;20\n");
	expect("/", 902 * 1048576.0, "bytes");
	expect("/var/lib it's", 1.5 * 1073741824, "bytes");
	parse("PING OK - Packet loss = 0%, RTA = 0.05 ms"
	      "|rta=0.046000ms;100.000000;500.000000;0.000000 pl=25%;20;60;0\n");
	expect("rta", 0.000046, "s");
	expect("pl", 0.25, "1");
	parse("HTTP OK: HTTP/1.1 200 OK - 1 bytes in 0.001 second response time "
	      "|time=0.001234s;;;0.000000;10.000000 size=196B;;;0\n");
	expect("time", 0.001234, "s");
	expect("size", 196, "bytes");
}

/* The second form of the guidelines: long text, and data in several places. */
static void
many_lines(void **state)
{
	parse("DISK OK - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5968\n"
	      "/ 15272 MB (77%);\n"
	      "/boot 68 MB (69%);\n"
	      "/var/log 819 MB (84%); | /boot=68MB;88;93;0;98\n"
	      "/home=69357MB;253404;253409;0;253414\n"
	      "/var/log=818MB;970;975;0;980\n");
	assert_string_equal(output.text, "DISK OK - free space: / 3326 MB (56%);");
	assert_int_equal(output.count, 4);
	expect("/", 2643 * 1048576.0, "bytes");
	expect("/var/log", 818 * 1048576.0, "bytes");
}

static void
odd_values(void **state)
{
	parse("x|a=U b=-1.5e3us c=12c d=7lb e=.5 f=+3 g=1;@10:20;~:5;0;10 h=3KiB");
	expect("a", NAN, "");
	expect("b", -0.0015, "s");
	expect("c", 12, "c");
	expect("d", 7, "lb");
	expect("e", 0.5, "");
	expect("f", 3, "");
	expect("g", 1, "");
	expect("h", 3072, "bytes");
	assert_int_equal(output.count, 8);
	parse("x|a=1,5 b= c 'd'=1x2 e='2' =5 f=1;x;;; g=nan h=inf i=0x10 "
	      "j=1e999 k=2;;;;;; l=1e k=3");
	expect("k", 2, ""); /* the first of a name */
	expect("l", 1, "e");
	assert_int_equal(output.count, 3);
	assert_int_equal(output.dropped, 11);
}

static void
hostile_output(void **state)
{
	char text[2000] = "x|";
	int i;

	parse("");
	assert_string_equal(output.text, "");
	parse("|");
	parse("\n\n|'");
	parse("x|'''''''");
	parse("x|'a=1");
	parse("x|a");
	assert_int_equal(output.count, 0);
	parse("caff\xe8 \x1b[31mrosso\r\n");
	assert_string_equal(output.text, "caff? ?[31mrosso");
	parse("x|\xe9=1 b=2"); /* half a character */
	assert_int_equal(output.count, 1);
	memset(text + 2, 'a', 300);
	strcpy(text + 302, "=1 b=2");
	parse(text);
	assert_int_equal(output.count, 1);
	expect("b", 2, "");
	text[2] = '\0';
	for (i = 0; i < 400; i++)
		strcat(text, "a=1 ");
	parse(text);
	assert_int_equal(output.count, PLUGIN_DATA_MAX);
	assert_int_equal(output.dropped, 400 - PLUGIN_DATA_MAX);
	memset(text, 'x', sizeof(text) - 1);
	parse(text);
	assert_int_equal(strlen(output.text), 255);
}

static void
ranges(void **state)
{
	static const char *const good[] = {
	    "10", "10:", "~:10", "10:20", "@10:20", "0", "-5:5.5", "@~:3"};
	static const char *const bad[] = {
	    "", "@", ":", "20:10", "a", "10:b", "1:2:3", "~", "@@1", "1 2", "10%"};
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(good); i++)
		if (!plugin_range_is(good[i], strlen(good[i])))
			fail_msg("%s", good[i]);
	for (i = 0; i < ARRAY_LENGTH(bad); i++)
		if (plugin_range_is(bad[i], strlen(bad[i])))
			fail_msg("%s", bad[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(real_plugins),
	    cmocka_unit_test(many_lines),
	    cmocka_unit_test(odd_values),
	    cmocka_unit_test(hostile_output),
	    cmocka_unit_test(ranges),
	};
	int failed = cmocka_run_group_tests_name("plugin", tests, NULL, NULL);

	plugin_free(&output);
	return failed;
}
