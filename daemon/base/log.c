/* The log. One write(2) a line, so that lines of threads do not mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"

static atomic_int threshold = LOG_LEVEL_INFO;
static bool use_syslog, use_stderr = true;
static bool prefixed;

static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

void
log_open(const char *program, enum log_level level, bool to_syslog)
{
	threshold = level;
	use_syslog = to_syslog;
	/* On a terminal, or for who waits for the start, the prefix would disturb. */
	prefixed = !to_syslog && !isatty(STDERR_FILENO);
	if (to_syslog)
		openlog(program, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void
log_detach(void)
{
	use_stderr = false;
}

void
log_level_set(enum log_level level)
{
	threshold = level;
}

bool
log_wants(enum log_level level)
{
	return (int)level <= threshold;
}

/* Escapes what could forge a line or a terminal sequence. */
static size_t
escape(char *out, size_t size, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (; *text != '\0' && n + 5 < size; text++) {
		unsigned char c = *text;
		if (c >= 0x20 && c != 0x7f) {
			out[n++] = c;
		} else {
			out[n++] = '\\';
			out[n++] = 'x';
			out[n++] = hex[c >> 4];
			out[n++] = hex[c & 15];
		}
	}
	return n;
}

__attribute__((format(printf, 2, 0))) static void
write_line(enum log_level level, const char *format, va_list ap)
{
	char text[2048], line[4096];
	size_t n = 0;
	ssize_t ignored;

	if (!log_wants(level))
		return;
	vsnprintf(text, sizeof(text), format, ap);
	if (prefixed)
		n = snprintf(line, sizeof(line), "<%d>", priorities[level]);
	n += escape(line + n, sizeof(line) - n - 1, text);
	if (use_syslog) {
		line[n] = '\0';
		syslog(priorities[level], "%s", line);
	}
	if (!use_stderr)
		return;
	line[n++] = '\n';
	ignored = write(STDERR_FILENO, line, n);
	(void)ignored;
}

#define LOG_FUNCTION(name, level)              \
	void name(const char *format, ...)     \
	{                                      \
		va_list ap;                    \
		va_start(ap, format);          \
		write_line(level, format, ap); \
		va_end(ap);                    \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)

bool
log_limited(struct log_limit *limit, int64_t interval_us, unsigned long *suppressed)
{
	int64_t now = clock_mono_us();

	if (now < limit->next_us) {
		limit->held++;
		return false;
	}
	limit->next_us = now + interval_us;
	*suppressed = limit->held;
	limit->held = 0;
	return true;
}
