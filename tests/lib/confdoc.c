/*
 * confdoc schema|example: a document made from the option tables, to stdout.
 * confdoc manual FILE: the page FILE, with the options between its two marks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "collectors/collectors.h"
#include "conf/conf.h"

#define BEGIN ".\\\" options: begin"
#define END ".\\\" options: end"

static int
write_manual(const char *path, const struct conf_collector *rows, struct buf *out)
{
	FILE *file = fopen(path, "r");
	bool within = false, marked = false;
	char line[4096];

	if (file == NULL) {
		perror(path);
		return 1;
	}
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, END, strlen(END)) == 0)
			within = false;
		if (!within)
			buf_add_text(out, line);
		if (strncmp(line, BEGIN, strlen(BEGIN)) == 0) {
			within = marked = true;
			conf_write_manual(rows, out);
		}
	}
	fclose(file);
	if (marked && !within)
		return 0;
	fprintf(
	    stderr, "confdoc: %s: expected the lines %s and %s\n", path, BEGIN, END);
	return 1;
}

int
main(int argc, char **argv)
{
	struct conf_collector rows[COLLECTORS_MAX];
	struct buf out = BUF_INIT;
	int code = 0;

	collectors_rows(rows);
	if (argc == 2 && strcmp(argv[1], "schema") == 0) {
		conf_write_schema(rows, &out);
	} else if (argc == 2 && strcmp(argv[1], "example") == 0) {
		conf_write_example(rows, &out);
	} else if (argc == 3 && strcmp(argv[1], "manual") == 0) {
		code = write_manual(argv[2], rows, &out);
	} else {
		fprintf(stderr, "usage: confdoc schema | example | manual FILE\n");
		code = 2;
	}
	if (code == 0 && fwrite(out.data, 1, out.length, stdout) != out.length)
		code = 1;
	buf_free(&out);
	return fflush(stdout) == 0 ? code : 1;
}
