/*
 * The log: one line an event, English, to stderr with the kernel's <N> priority
 * prefix (systemd's journal reads it) or, in the background, to syslog. Newlines
 * and control characters in a message are written escaped. Safe from any thread.
 */
#ifndef VT_BASE_LOG_H
#define VT_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_open(const char *program, enum log_level level, bool to_syslog);
/* In the background: from now on to syslog alone, until now to stderr too. */
void log_detach(void);
void log_level_set(enum log_level level);
bool log_wants(enum log_level level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For what may repeat without end: true once per interval_us, and suppressed
 * tells how many were kept back since. The caller holds the struct, zeroed. */
struct log_limit {
	int64_t next_us;
	unsigned long held;
};
bool log_limited(struct log_limit *limit, int64_t interval_us, unsigned long *suppressed);

#endif
