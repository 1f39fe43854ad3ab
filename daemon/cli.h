/* The command line of vetrinad(8). */
#ifndef VT_DAEMON_CLI_H
#define VT_DAEMON_CLI_H

#include <stdbool.h>

enum cli_mode { CLI_RUN, CLI_CHECK, CLI_PRINT };

struct cli {
	enum cli_mode mode;
	char *file;	/* absolute, so that it stays true after a chdir; caller frees */
	bool foreground, verbose;
};

/* -> -1 to go on, else an exit code: help, version or a mistake was told. */
int cli_parse(int argc, char **argv, struct cli *out);

#endif
