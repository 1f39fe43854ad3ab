/*
 * Errors: fallible functions return 0 or a negative code. A system error is the
 * negated errno; our own begin at -1000.
 */
#ifndef VT_BASE_ERR_H
#define VT_BASE_ERR_H

enum {
	ERR_RANGE = -1000,	/* a value outside what the function takes */
	ERR_SYNTAX = -1001,	/* text that does not parse */
	ERR_FULL = -1002,	/* a bounded queue, buffer or table is full */
	ERR_NOT_FOUND = -1003,
	ERR_EXISTS = -1004,
	ERR_CLOSED = -1005,	/* the object is shutting down */
	ERR_DAMAGED = -1006,	/* a file of ours that does not read back */
	ERR_LIBRARY = -1007,	/* a library failed; the log has its words */
};

/* A static English sentence for a code of either kind; never NULL. */
const char *err_text(int code);

#endif
