/* collectors/csv and table: rows, encodings, numbers, what is taken of them. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "collectors/collectors.h"
#include "collectors/reading.h"
#include "collectors/table.h"
#include "collectors/values.h"
#include "tests/lib/answers.h"

/* Rows as a|b / c|d, or the sentence. */
static const char *
rows_of(const char *text, enum table_encoding encoding, char separator)
{
	static char out[1024];
	char *copy = mem_dup(text, strlen(text)), sentence[256];
	struct table *table =
	    table_open(copy, strlen(text), encoding, separator, sentence);
	size_t column, i;
	int code = 0;

	out[0] = '\0';
	while (table != NULL && (code = table_next(table, sentence)) == 1) {
		snprintf(out + strlen(out), sizeof(out) - strlen(out),
		    "%s%zu:", out[0] != '\0' ? " / " : "", table_line(table));
		assert_int_equal(table_column(table, "a", &column), 0);
		assert_int_equal(column, 0);
		for (i = 0; i < 2; i++) {
			strlcat(out, i > 0 ? "|" : "", sizeof(out));
			strlcat(out, table_cell(table, i), sizeof(out));
		}
	}
	if (table == NULL || code < 0)
		strlcpy(out, sentence, sizeof(out));
	table_close(table);
	free(copy);
	return out;
}

static void
rows_are_read(void **state)
{
	static const struct {
		const char *text, *rows;
		enum table_encoding encoding;
		char separator;
	} cases[] = {
	    {"a,b\n1,2\n3,4\n", "2:1|2 / 3:3|4", TABLE_ANY, 0},
	    {"a;b\r\n1,5;2\r\n\r\n3;4", "2:1,5|2 / 4:3|4", TABLE_ANY, 0},
	    {"a\tb\n\t2\n1\t\n", "2:|2 / 3:1|", TABLE_ANY, 0},
	    {"a,b\n \xc3\xa8 , \"x\" \n", "2:\xc3\xa8|x", TABLE_ANY, 0},
	    {"a,b\nx \"y\",\"\"\n", "2:x \"y\"|", TABLE_ANY, 0},
	    {"\xef\xbb\xbf\"a\",b\n \xc3\xa8 ,\" x,\"\"y\"\"\nz\"\r\n1,2\n",
		"2:\xc3\xa8|x,\"y\"\nz / 4:1|2", TABLE_ANY, 0},
	    {"sep=;\r\na;b\n1;2\n", "3:1|2", TABLE_ANY, 0},
	    {"a;b,c\n1;2\n", "2:1|2", TABLE_ANY, ';'},
	    {"a,b\n\xe8\x80,\x93\n", "2:\xc3\xa8\xe2\x82\xac|\xe2\x80\x9c", TABLE_ANY,
		0},
	    {"a,b\n\xc3\xa8,\x81\n", "2:\xc3\x83\xc2\xa8|\xef\xbf\xbd",
		TABLE_WINDOWS_1252, 0},
	    {"a,b\n\xe8,1\n", "the table is not UTF-8", TABLE_UTF8, 0},
	    {"a,b\n1\n", "line 2 has 1 cell, expected 2", TABLE_ANY, 0},
	    {"a,b\n1,2,3\n", "line 2 has 3 cells, expected 2", TABLE_ANY, 0},
	    {"a,b\n1,\"2\n3\n", "line 2 has quotes that do not end with a cell",
		TABLE_ANY, 0},
	    {"a,b\n1,\"2\"3\n", "line 2 has quotes that do not end with a cell",
		TABLE_ANY, 0},
	    {"", "the table is empty", TABLE_ANY, 0},
	    {"\n\r\n", "the table is empty", TABLE_ANY, 0},
	    {"a,b\n", "", TABLE_ANY, 0},
	};
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(cases); i++) {
		assert_string_equal(
		    rows_of(cases[i].text, cases[i].encoding, cases[i].separator),
		    cases[i].rows);
	}
}

static void
numbers_are_read(void **state)
{
	static const struct {
		const char *cell;
		double point, comma; /* NAN: none */
	} cases[] = {
	    {"12", 12, 12},
	    {"-12.5", -12.5, NAN},
	    {"12,5", NAN, 12.5},
	    {"1.234", 1.234, 1234},
	    {"1,234", 1234, 1.234},
	    {"1.234.567,89", NAN, 1234567.89},
	    {"1,234,567.89", 1234567.89, NAN},
	    {"1.234.56,7", NAN, NAN},
	    {"12.34.567", NAN, NAN},
	    {"1234.567,8", NAN, NAN},
	    {".5", 0.5, NAN},
	    {",5", NAN, 0.5},
	    {"+1e3", 1000, 1000},
	    {"--1", NAN, NAN},
	    {"1.2.3", NAN, NAN},
	    {"", NAN, NAN},
	    {"12%", NAN, NAN},
	    {"nan", NAN, NAN},
	};
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(cases); i++) {
		double point = NAN, comma = NAN;

		table_number(cases[i].cell, false, &point);
		table_number(cases[i].cell, true, &comma);
		if ((point != cases[i].point && !isnan(cases[i].point)) ||
		    isnan(point) != isnan(cases[i].point) ||
		    (comma != cases[i].comma && !isnan(cases[i].comma)) ||
		    isnan(comma) != isnan(cases[i].comma))
			fail_msg("%s: %f, %f", cases[i].cell, point, comma);
	}
}

/* As the option table binds it; test_conf sees that it does. */
static struct options {
	struct request_options request;
	char *path;
	struct conf_map values;
	int encoding, separator, decimal;
} options;

enum { LAST, FIRST, SUM, COUNT };

static char *opened[] = {(char *)"Stato=aperto"},
	    *both[] = {(char *)"Stato=aperto", (char *)"Anno=2026"},
	    *nobody[] = {(char *)"Stato=perso"};
static struct value_option values[4];

static struct value_option
value(const char *name, const char *column, int take, char **where, size_t count)
{
	return (struct value_option){.item = {.id = (char *)name},
	    .from = (char *)column,
	    .unit = (char *)"1",
	    .min = NAN,
	    .max = 10000,
	    .take = take,
	    .where = {.count = count, .items = where}};
}

static int
set_options(void **state)
{
	memset(&options, 0, sizeof(options));
	answers_request(&options.request, "https://www.example.it/dati.csv");
	values[0] = value("last", "Importo", LAST, opened, 1);
	values[1] = value("first", "Importo", FIRST, opened, 1);
	values[2] = value("sum", "Importo", SUM, opened, 1);
	values[3] = value("count", NULL, COUNT, both, 2);
	options.values = (struct conf_map){4, values};
	return 0;
}

static void
expect_of(const char *body, enum probe_class class, const char *message, double last,
    double first, double sum, double count)
{
	const double wanted[] = {last, first, sum, count};
	const struct probe_result *result =
	    answers_once(&collector_csv, &options, body, strlen(body));
	size_t i;

	assert_int_equal(sizeof(options), collector_csv.options_size);
	if (message != NULL)
		assert_string_equal(result->message, message);
	assert_int_equal(result->class, class);
	for (i = 0; i < 4; i++) {
		double got = result->values[READING_SOURCES + i];

		if (isnan(wanted[i]) ? !isnan(got) : got != wanted[i])
			fail_msg("%zu: %f", i, got);
	}
}

#define HEAD "Anno;Stato;Importo\n"

static void
values_are_taken(void **state)
{
	expect_of(HEAD "2025;aperto;1.000,5\n2026;chiuso;7\n2026;aperto;2\n", PROBE_OK,
	    NULL, 2, 1000.5, 1002.5, 1);
	expect_of("Anno,Stato,Importo\n2026,aperto,\"1,000.5\"\n2026,aperto,\n",
	    PROBE_OK, NULL, NAN, 1000.5, 1000.5, 2);
	expect_of(HEAD "2026;chiuso;1\n", PROBE_MATCH, "the table has no row for last",
	    NAN, NAN, 0, 0);
	/* Only what is taken need be a number. */
	expect_of(HEAD "2026;aperto;boh\n2026;aperto;2\n", PROBE_MATCH,
	    "line 2: Importo is boh, expected a number with a decimal comma", 2, NAN,
	    NAN, 2);
	expect_of(HEAD "2026;aperto;9000\n2026;aperto;2000\n", PROBE_MATCH,
	    "sum is 11000, expected 10000 or less", 2000, 9000, NAN, 2);
	options.decimal = 1;
	expect_of(HEAD "2026;aperto;1.5\n", PROBE_OK, NULL, 1.5, 1.5, 1.5, 1);
}

static void
what_is_not_there_is_told(void **state)
{
	expect_of("Anno;Importo\n2026;1\n", PROBE_MATCH,
	    "the table has no column Stato", NAN, NAN, NAN, NAN);
	expect_of("Anno;Stato;Importo;Importo\n2026;aperto;1;2\n", PROBE_MATCH,
	    "the table has more than one column Importo", NAN, NAN, NAN, 1);
	expect_of(HEAD "2026;aperto;1\n2026;ape", PROBE_PROTOCOL,
	    "line 3 has 2 cells, expected 3", NAN, NAN, NAN, NAN);
	expect_of("", PROBE_PROTOCOL, "the table is empty", NAN, NAN, NAN, NAN);
	values[2].where.items = nobody;
	expect_of(HEAD "2026;aperto;1\n", PROBE_OK, NULL, 1, 1, 0, 1);
}

static void
files_are_read(void **state)
{
	char path[] = "/tmp/vetrina-csv-XXXXXX", message[300];
	static const char body[] = HEAD "2026;aperto;5\n";
	const struct probe_result *result;
	int fd = mkstemp(path);
	void *check;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, body, sizeof(body) - 1), sizeof(body) - 1);
	options.request.url = NULL;
	options.path = path;
	check = answers_open(&collector_csv, &options);
	result = answers_wait(&collector_csv, check);
	assert_int_equal(result->class, PROBE_OK);
	assert_string_equal(result->message, "33 bytes");
	assert_true(result->values[READING_SOURCES] == 5);
	assert_true(result->values[READING_TOTAL] >= 0);
	assert_true(isnan(result->values[READING_FIRST_BYTE]));
	assert_int_equal(ftruncate(fd, 2 << 20), 0);
	result = answers_wait(&collector_csv, check);
	assert_int_equal(result->class, PROBE_TOO_LARGE);
	unlink(path);
	result = answers_wait(&collector_csv, check);
	assert_int_equal(result->class, PROBE_MATCH);
	snprintf(message, sizeof(message), "%s is not there", path);
	assert_string_equal(result->message, message);
	collector_csv.start(check, NULL, 1, false); /* closed while it runs */
	collector_csv.close(check);
	options.path = (char *)"/dev/null";
	check = answers_open(&collector_csv, &options);
	result = answers_wait(&collector_csv, check);
	assert_int_equal(result->class, PROBE_INTERNAL);
	collector_csv.close(check);
	close(fd);
}

static void
options_are_checked(void **state)
{
	char *wrong[] = {(char *)"Stato"};
	struct buf told = BUF_INIT;

	collector_csv.check(&options, answers_complain, &told);
	assert_int_equal(told.length, 0);
	options.path = (char *)"/x";
	values[0].where.items = wrong;
	collector_csv.check(&options, answers_complain, &told);
	assert_string_equal(told.data,
	    "url: expected either url or path\n"
	    "values: last.where: 1 of 1: expected COLUMN=VALUE\n");
	buf_free(&told);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_are_read),
	    cmocka_unit_test(numbers_are_read),
	    cmocka_unit_test_setup(values_are_taken, set_options),
	    cmocka_unit_test_setup(what_is_not_there_is_told, set_options),
	    cmocka_unit_test_setup(files_are_read, set_options),
	    cmocka_unit_test_setup(options_are_checked, set_options),
	};

	return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
