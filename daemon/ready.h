/*
 * Telling systemd how we are (sd_notify(3), without its library): a datagram to
 * $NOTIFY_SOCKET. Where there is none, nothing happens.
 */
#ifndef VT_DAEMON_READY_H
#define VT_DAEMON_READY_H

#include <stdint.h>

void ready_tell(const char *state); /* "READY=1", "STOPPING=1", "WATCHDOG=1", ... */
/* How often systemd wants WATCHDOG=1, in us; 0: not at all. */
int64_t ready_watchdog_us(void);

#endif
