/* The head of a request. */
#include "web/head.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "web/header.h"
#include "web/query.h"

void
head_target(struct head *head, const char *target, char *text)
{
	size_t path, host;

	if (strncasecmp(target, "http://", 7) == 0) { /* as to a proxy */
		target += 7;
		host = strcspn(target, "/?");
		head->absolute = true;
		head->bad =
		    host == 0 || !header_host(target, host, head->host, HEAD_HOST_SIZE);
		target += host;
	}
	path = strcspn(target, "?");
	if (query_path(target, path, text) != 0)
		head->bad = true;
	head->seen.path = text;
	head->seen.query = "";
	if (target[path] == '?')
		head->seen.query = strcpy(text + path + 1, target + path + 1);
}

static void
join(const char **value, char **joined, const char *more)
{
	char *longer;

	if (*value == NULL) {
		*value = more;
		return;
	}
	longer = mem_printf("%s, %s", *value, more);
	free(*joined);
	*value = *joined = longer;
}

static void
take_host(struct head *head, const char *value, size_t length)
{
	char other[HEAD_HOST_SIZE];

	if (head->hosts++ > 0 ||
	    !header_host(
		value, length, head->absolute ? other : head->host, HEAD_HOST_SIZE))
		head->bad = true;
}

static bool
is_named(const char *name, size_t length, const char *wanted)
{
	return strlen(wanted) == length && strncasecmp(name, wanted, length) == 0;
}

void
head_field(struct head *head, const char *name, size_t name_length, const char *value,
    size_t length)
{
	switch (name_length) { /* saves most comparisons */
	case 4:
		if (is_named(name, 4, "Host"))
			take_host(head, value, length);
		break;
	case 6:
		if (is_named(name, 6, "Accept"))
			join(&head->accept, &head->joined[0], value);
		break;
	case 13:
		if (is_named(name, 13, "If-None-Match"))
			join(&head->if_none_match, &head->joined[1], value);
		break;
	case 14:
		if (is_named(name, 14, "Content-Length") && strcmp(value, "0") != 0)
			head->body = true;
		break;
	case 15:
		if (is_named(name, 15, "Accept-Encoding"))
			join(&head->accept_encoding, &head->joined[2], value);
		break;
	case 17:
		if (is_named(name, 17, "Transfer-Encoding"))
			head->body = true;
		break;
	default:
		break;
	}
}

void
head_end(struct head *head)
{
	head->seen.host = head->host;
	head->seen.accept = head->accept != NULL ? head->accept : "";
}

void
head_keep(struct head *head)
{
	head->accept_encoding = head->if_none_match = NULL;
	if (head->accept == NULL)
		return;
	if (head->joined[0] == NULL)
		head->joined[0] = mem_strdup(head->accept);
	head->accept = head->seen.accept = head->joined[0];
}

void
head_clear(struct head *head)
{
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(head->joined); i++)
		free(head->joined[i]);
}
