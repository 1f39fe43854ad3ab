/* The command line of vetrinad(8). */
#include "cli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

static int
usage(FILE *out)
{
	fputs("usage: vetrinad [-c FILE] [-f] [-v]\n"
	      "       vetrinad [-c FILE] -t | -T\n"
	      "       vetrinad -h | -V\n\n"
	      "  -c FILE  configuration, instead of " SYSCONFDIR
	      "/vetrina/vetrina.yaml\n"
	      "  -f       stay in the foreground, log to standard error\n"
	      "  -t       check the configuration and tell the disk it needs\n"
	      "  -T       print the whole configuration, secrets masked\n"
	      "  -v       log more\n"
	      "  -V       print the version\n",
	    out);
	return out == stdout ? 0 : 2;
}

int
cli_parse(int argc, char **argv, struct cli *out)
{
	static const struct option options[] = {
	    {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
	const char *file = SYSCONFDIR "/vetrina/vetrina.yaml";
	char *folder;
	int c;

	while ((c = getopt_long(argc, argv, "c:fhtTvV", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			file = optarg;
			break;
		case 'f':
			out->foreground = true;
			break;
		case 'h':
			return usage(stdout);
		case 't':
			out->mode = CLI_CHECK;
			break;
		case 'T':
			out->mode = CLI_PRINT;
			break;
		case 'v':
			out->verbose = true;
			break;
		case 'V':
			puts("vetrinad " PACKAGE_VERSION);
			return 0;
		default:
			return usage(stderr);
		}
	}
	if (optind != argc)
		return usage(stderr);
	folder = file[0] == '/' ? NULL : getcwd(NULL, 0);
	out->file =
	    folder != NULL ? mem_printf("%s/%s", folder, file) : mem_strdup(file);
	free(folder);
	return -1;
}
