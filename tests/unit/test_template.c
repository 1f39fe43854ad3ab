/* web/template: Mustache as its specification behaves, and the bounds that are ours. */
#include "unit.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "web/template.h"

/* Partials stand beside the context, under "partials". */
static json_t *partials;
static struct template *compiled[8];
static const char *compiled_name[8];

static const struct template *
find_partial(const char *name, void *arg)
{
	const char *text = json_string_value(json_object_get(partials, name));
	char error[256];
	int i;

	if (text == NULL)
		return NULL;
	for (i = 0; compiled[i] != NULL; i++)
		if (strcmp(compiled_name[i], name) == 0)
			return compiled[i];
	compiled[i] = template_compile(name, text, strlen(text), error);
	assert_non_null(compiled[i]);
	compiled_name[i] = name;
	return compiled[i];
}

static int
render(const char *text, const char *json, const char *partials_json, struct buf *out)
{
	json_t *context = json_loads(json, JSON_DECODE_ANY, NULL);
	struct template *template;
	char error[256];
	int code, i;

	assert_non_null(context);
	partials = json_loads(partials_json != NULL ? partials_json : "{}", 0, NULL);
	assert_non_null(partials);
	template = template_compile("test", text, strlen(text), error);
	assert_non_null(template);
	code = template_render(template, context, find_partial, NULL, out);
	template_free(template);
	for (i = 0; compiled[i] != NULL; i++) {
		template_free(compiled[i]);
		compiled[i] = NULL;
	}
	json_decref(partials);
	json_decref(context);
	return code;
}

struct example {
	const char *text, *context, *partials, *wanted;
};

static void
check(const struct example *example)
{
	struct buf out = BUF_INIT;

	assert_int_equal(
	    render(example->text, example->context, example->partials, &out), 0);
	if (strcmp(out.data != NULL ? out.data : "", example->wanted) != 0)
		print_error("template: %s\n", example->text);
	assert_string_equal(out.data != NULL ? out.data : "", example->wanted);
	buf_free(&out);
}

#define CHECK(...) check(&(struct example){__VA_ARGS__})

static void
interpolation(void **state)
{
	CHECK("", "{}", NULL, "");
	CHECK("plain\ntext\n", "{}", NULL, "plain\ntext\n");
	CHECK("Comune di {{name}}.", "{\"name\":\"Borgosereno\"}", NULL,
	    "Comune di Borgosereno.");
	CHECK("{{a}}|{{{a}}}|{{&a}}|{{& a }}|{{{ a }}}", "{\"a\":\"<&\\\">'\"}", NULL,
	    "&lt;&amp;&quot;&gt;&#39;|<&\">'|<&\">'|<&\">'|<&\">'");
	CHECK("{{i}} {{r}} {{t}} {{f}} [{{n}}] [{{none}}] [{{o}}] [{{l}}]",
	    "{\"i\":85,\"r\":1.21,\"t\":true,\"f\":false,\"n\":null,\"o\":{},\"l\":[1]"
	    "}",
	    NULL, "85 1.21 true false [] [] [] []");
	/* A value is not a template, and its newlines are left alone. */
	CHECK("{{a}}", "{\"a\":\"{{b}}\",\"b\":1}", NULL, "{{b}}");
	/* An interpolation is never alone on its line. */
	CHECK("  {{a}}\n", "{\"a\":1}", NULL, "  1\n");
	CHECK("  {{{a}}}\n|{{&a}}|\n", "{\"a\":1}", NULL, "  1\n|1|\n");
	CHECK("|{{ a }}|{{\ta\n}}|", "{\"a\":1}", NULL, "|1|1|");
	CHECK("{ {a}} {{a} }}", "{\"a} \":1}", NULL, "{ {a}} ");
}

static void
dotted_names_and_the_stack(void **state)
{
	CHECK("{{a.b.c}}", "{\"a\":{\"b\":{\"c\":7}}}", NULL, "7");
	CHECK("[{{a.b.c}}]", "{\"a\":{\"b\":1}}", NULL, "[]");
	CHECK("[{{a.b}}]", "{\"a\":{}}", NULL, "[]");
	CHECK("{{#a.b}}{{c}}{{/a.b}}", "{\"a\":{\"b\":{\"c\":7}}}", NULL, "7");
	CHECK("{{^a.b}}none{{/a.b}}", "{\"a\":{}}", NULL, "none");
	/* The first part outwards, the rest only within it. */
	CHECK("{{#a}}{{b.c}}{{/a}}", "{\"a\":{\"x\":1},\"b\":{\"c\":2}}", NULL, "2");
	CHECK(
	    "{{#a}}[{{b.c}}]{{/a}}", "{\"a\":{\"b\":{}},\"b\":{\"c\":2}}", NULL, "[]");
	CHECK("{{#a}}{{#b}}{{one}}{{two}}{{three}}{{/b}}{{/a}}",
	    "{\"one\":1,\"a\":{\"two\":2,\"b\":{\"three\":3}}}", NULL, "123");
	/* A null that is there hides what is outside. */
	CHECK("{{#a}}[{{b}}]{{/a}}", "{\"a\":{\"b\":null},\"b\":2}", NULL, "[]");
	/* The implicit iterator, escaped and not, and of a whole document. */
	CHECK("{{#l}}({{.}}){{/l}}", "{\"l\":[\"<\",2,3.5]}", NULL, "(&lt;)(2)(3.5)");
	CHECK("{{#l}}({{{.}}}{{&.}}){{/l}}", "{\"l\":[\"<\"]}", NULL, "(<<)");
	CHECK("{{.}}", "\"whole\"", NULL, "whole");
	CHECK("{{#.}}{{a}},{{/.}}", "[{\"a\":1},{\"a\":2}]", NULL, "1,2,");
	CHECK(
	    "{{#l}}({{#.}}{{.}}{{/.}}){{/l}}", "{\"l\":[[1,2],[3]]}", NULL, "(12)(3)");
}

static void
sections(void **state)
{
	CHECK("{{#a}}yes{{/a}}{{^a}}no{{/a}}", "{\"a\":true}", NULL, "yes");
	CHECK("{{#a}}yes{{/a}}{{^a}}no{{/a}}", "{\"a\":false}", NULL, "no");
	CHECK("{{#a}}yes{{/a}}{{^a}}no{{/a}}", "{\"a\":null}", NULL, "no");
	CHECK("{{#a}}yes{{/a}}{{^a}}no{{/a}}", "{}", NULL, "no");
	CHECK("{{#a}}yes{{/a}}{{^a}}no{{/a}}", "{\"a\":[]}", NULL, "no");
	CHECK("{{#a}}yes{{/a}}{{^a}}no{{/a}}", "{\"a\":\"\"}", NULL, "no");
	CHECK("{{#a}}yes{{/a}}{{^a}}no{{/a}}", "{\"a\":0}", NULL, "yes");
	CHECK("{{#a}}yes{{/a}}{{^a}}no{{/a}}", "{\"a\":{}}", NULL, "yes");
	CHECK("{{#a}}{{.}}{{/a}}", "{\"a\":\"text\"}", NULL, "text");
	CHECK("{{#l}}{{n}}-{{/l}}", "{\"l\":[{\"n\":1},{\"n\":2}]}", NULL, "1-2-");
	/* Each item of a list is a context, a false one too. */
	CHECK("{{#l}}<{{.}}>{{/l}}", "{\"l\":[false,null,0]}", NULL, "<false><><0>");
	CHECK("{{#a}}1{{#a}}2{{/a}}3{{/a}}", "{\"a\":true}", NULL, "123");
	CHECK("{{#a}}1{{#b}}2{{/b}}3{{/a}}", "{\"a\":true}", NULL, "13");
	/* Lines that hold only the tag vanish, with any newline, at either end. */
	CHECK("a\n{{#s}}\nb\n{{/s}}\nc", "{\"s\":true}", NULL, "a\nb\nc");
	CHECK("a\n  {{#s}}  \nb\n\t{{/s}}\t\nc", "{\"s\":true}", NULL, "a\nb\nc");
	CHECK("|\r\n{{#s}}\r\n{{/s}}\r\n|", "{\"s\":true}", NULL, "|\r\n|");
	CHECK("  {{#s}}\n#{{/s}}\n/", "{\"s\":true}", NULL, "#\n/");
	CHECK("#{{#s}}\n/\n  {{/s}}", "{\"s\":true}", NULL, "#\n/\n");
	CHECK(" {{^s}}x{{/s}}\n {{#s}}y{{/s}}\n", "{\"s\":true}", NULL, " \n y\n");
	CHECK("{{#s}}{{/s}}\nb\n", "{\"s\":true}", NULL, "\nb\n");
	CHECK("|{{# s }}={{/ s }}|", "{\"s\":true}", NULL, "|=|");
	CHECK("{{#l}}\n- {{.}}\n{{/l}}\n{{^l}}\nnone\n{{/l}}\n", "{\"l\":[1,2]}", NULL,
	    "- 1\n- 2\n");
}

static void
comments_and_delimiters(void **state)
{
	CHECK("a{{! not shown }}b", "{}", NULL, "ab");
	CHECK("a{{!\nmany\n{{lines\n}}b", "{}", NULL, "ab");
	CHECK("a\n  {{! alone }}\nb\n", "{}", NULL, "a\nb\n");
	CHECK("a\r\n{{! alone }}\r\nb", "{}", NULL, "a\r\nb");
	CHECK("a\n {{!\nmany\n}} \nb", "{}", NULL, "a\nb");
	CHECK("  {{! first }}\na", "{}", NULL, "a");
	CHECK("a\n  {{! last }}", "{}", NULL, "a\n");
	CHECK("  12 {{! not alone }}\n", "{}", NULL, "  12 \n");
	CHECK("{{=<% %>=}}(<%a%>)", "{\"a\":1}", NULL, "(1)");
	CHECK("({{=[ ]=}}[a])[={{ }}=]{{a}}", "{\"a\":1}", NULL, "(1)1");
	CHECK("{{= | | =}}|#s||a||/s|", "{\"a\":1,\"s\":true}", NULL, "1");
	CHECK("|{a}|{{=| |=}}|{a}||&a|", "{\"a\":\"<\"}", NULL, "|{a}|<<");
	CHECK("a\n  {{=@ @=}}\nb\n", "{}", NULL, "a\nb\n");
	CHECK("a\n{{#s}}{{=| |=}}|a|\n|/s|\nb", "{\"s\":1,\"a\":2}", NULL, "a\n2\nb");
	/* Neither into a partial nor out of it. */
	CHECK("{{=| |=}}[|>p|][|a|]", "{\"a\":1}", "{\"p\":\"{{a}}{{=< >=}}<a>\"}",
	    "[11][1]");
}

static void
partials_and_indentation(void **state)
{
	CHECK("[{{>p}}]", "{\"a\":1}", "{\"p\":\"{{a}}\"}", "[1]");
	CHECK("[{{> p }}]", "{}", "{\"p\":\"x\"}", "[x]");
	CHECK("[{{>missing}}]", "{}", NULL, "[]");
	CHECK("{{>tree}}", "{\"v\":1,\"kids\":[{\"v\":2,\"kids\":[]}]}",
	    "{\"tree\":\"{{v}}<{{#kids}}{{>tree}}{{/kids}}>\"}", "1<2<>>");
	/* In the middle of a line nothing is indented, not even within a partial. */
	CHECK("  {{a}}  {{>p}}\n", "{\"a\":1}", "{\"p\":\">\\n>\"}", "  1  >\n>\n");
	/* Alone on a line: each line of the source, not of the values. */
	CHECK("\\\n {{>p}}\n/\n", "{\"c\":\"<\\n->\"}",
	    "{\"p\":\"|\\n{{{c}}}\\n|\\n\"}", "\\\n |\n <\n->\n |\n/\n");
	CHECK("|\r\n{{>p}}\r\n|", "{}", "{\"p\":\">\"}", "|\r\n>|");
	CHECK("  {{>p}}\n>", "{}", "{\"p\":\">\\n>\"}", "  >\n  >>");
	CHECK(">\n  {{>p}}", "{}", "{\"p\":\">\\n>\"}", ">\n  >\n  >");
	CHECK(" {{>p}}\n", "{\"l\":[1,2]}",
	    "{\"p\":\"{{#l}}\\n{{.}}\\n{{/l}}\\nz\\n\"}", " 1\n 2\n z\n");
	/* Indentations add up, an inline partial forgets them. */
	CHECK(" {{>p}}\n", "{}",
	    "{\"p\":\"a\\n  {{>q}}\\nb {{>q}}\\nc\\n\",\"q\":\"1\\n2\\n\"}",
	    " a\n   1\n   2\n b 1\n2\n\n c\n");
	CHECK(" {{>p}}\n", "{\"s\":false}",
	    "{\"p\":\"{{#s}}x{{/s}}\\n{{! no line }}\\n\"}", " \n");
}

static void
errors_name_the_line(void **state)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
	    {"a\n{{b", "page:2: a tag is not closed by }}"},
	    {"{{{b}}", "page:1: a tag is not closed by }}}"},
	    {"\n\n{{#a}}\n", "page:3: the section 'a' is not closed"},
	    {"{{/a}}", "page:1: 'a' closes no section"},
	    {"{{#a}}\n{{/b}}", "page:2: 'b' closes the section 'a' of line 1"},
	    {"{{}}", "page:1: a tag without a name"},
	    {"{{a b}}", "page:1: a space in the name 'a b'"},
	    {"{{a..b}}", "page:1: an empty part in 'a..b'"},
	    {"{{.a}}", "page:1: an empty part in '.a'"},
	    {"{{=a=}}", "page:1: expected two delimiters of at most 8 characters"},
	    {"{{=a b c=}}", "page:1: expected two delimiters of at most 8 characters"},
	};
	char error[256];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(template_compile(
		    "page", cases[i].text, strlen(cases[i].text), error));
		assert_string_equal(error, cases[i].wanted);
	}
	template_free(NULL);
}

static void
what_has_no_end_is_bounded(void **state)
{
	struct buf out = BUF_INIT, deep = BUF_INIT;
	char error[256];
	int i;

	/* A partial that calls itself, once and twice. */
	assert_int_equal(render("{{>p}}", "{}", "{\"p\":\"x{{>p}}\"}", &out), ERR_FULL);
	assert_int_equal(out.length, 32);
	buf_clear(&out);
	assert_int_equal(render("{{#l}}{{#l}}{{#l}}{{#l}}{{#l}}{{#l}}{{/l}}{{/l}}{{/"
				"l}}{{/l}}{{/l}}{{/l}}",
			     "{\"l\":[1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7]}", NULL, &out),
	    ERR_FULL);
	assert_int_equal(
	    render("{{>p}}", "{}",
		"{\"p\":\"{{#a}}{{/a}}{{>q}}{{>q}}\",\"q\":\"{{>r}}{{>r}}\","
		"\"r\":\"{{^a}}{{>s}}{{>s}}{{/a}}\",\"s\":\"\"}",
		&out),
	    0);
	/* The limit of the output. */
	buf_clear(&out);
	out.limit = 10;
	assert_int_equal(render("{{#l}}{{.}}{{/l}}",
			     "{\"l\":[\"1234567\",\"1234567\"]}", NULL, &out),
	    ERR_FULL);
	assert_string_equal(out.data, "1234567123");
	/* Sections. */
	for (i = 0; i < 33; i++)
		buf_add_text(&deep, "{{#a}}");
	assert_null(template_compile("deep", deep.data, deep.length, error));
	assert_string_equal(error, "deep:1: sections nest deeper than 32");
	buf_free(&deep);
	buf_free(&out);
}

static void
a_template_is_used_again(void **state)
{
	static const char text[] = "{{#l}}{{.}};{{/l}}";
	char error[256];
	struct template *template =
	    template_compile("again", text, strlen(text), error);
	json_t *context = json_pack("{s:[i,i]}", "l", 1, 2);
	struct buf out = BUF_INIT;
	int i;

	for (i = 0; i < 3; i++)
		assert_int_equal(
		    template_render(template, context, NULL, NULL, &out), 0);
	assert_string_equal(out.data, "1;2;1;2;1;2;");
	buf_free(&out);
	json_decref(context);
	template_free(template);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(interpolation),
	    cmocka_unit_test(dotted_names_and_the_stack),
	    cmocka_unit_test(sections),
	    cmocka_unit_test(comments_and_delimiters),
	    cmocka_unit_test(partials_and_indentation),
	    cmocka_unit_test(errors_name_the_line),
	    cmocka_unit_test(what_has_no_end_is_bounded),
	    cmocka_unit_test(a_template_is_used_again),
	};

	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
