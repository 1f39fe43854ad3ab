/*
 * The control socket: a Unix stream socket that vetrinactl speaks to. One line of
 * JSON is a request, {"command": NAME, "arguments": {...}}; one line is its answer,
 * {"ok": true, "result": {...}} or {"ok": false, "error": "..."}. Requests of one
 * connection are answered in order. Only root and the daemon's own user may speak.
 */
#ifndef VT_WEB_CONTROL_H
#define VT_WEB_CONTROL_H

#include <jansson.h>

struct loop;
struct control;
struct control_request;

/* Answers now or later with exactly one of control_reply() and control_fail().
 * arguments is borrowed until the handler returns; never NULL. */
typedef void control_handler(struct control_request *request, const char *command,
    json_t *arguments, void *arg);

/* Makes the socket (mode 0600; a stale one is replaced, a live one is an error).
 * -> 0 or negative, the log has the words. */
int control_open(struct loop *loop, const char *path, control_handler *handler, void *arg,
    struct control **out);
/* Requests still open are dropped: answering them later is safe. */
void control_close(struct control *control);

void control_reply(struct control_request *request, json_t *result); /* steals result */
void control_fail(struct control_request *request, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
