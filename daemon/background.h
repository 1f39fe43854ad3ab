/*
 * Going to the background: the process that was started waits until the daemon is
 * ready and ends with its outcome, so that a script may go on at once.
 */
#ifndef VT_DAEMON_BACKGROUND_H
#define VT_DAEMON_BACKGROUND_H

/* Forks before any thread; the caller goes on in the child. */
void background_enter(void);
/* Ready: the waiting parent ends with 0. Without background_enter() nothing. */
void background_ready(void);

#endif
