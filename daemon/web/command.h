/*
 * The commands of the control socket: what vetrinactl(1) asks, from the registry,
 * the archive and the web, as the JSON of the design's section 5.
 */
#ifndef VT_WEB_COMMAND_H
#define VT_WEB_COMMAND_H

#include "web/control.h"
#include "web/web.h"

struct command_env {
	const struct web_env *web_env;
	struct web *web;
	/* Loads the configuration anew and answers the request when that is done. */
	void (*reload)(struct control_request *request, void *arg);
	void *arg;
};

/* A control_handler; arg is a struct command_env. */
void command_handle(struct control_request *request, const char *command,
    json_t *arguments, void *arg);

#endif
