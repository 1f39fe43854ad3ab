/* Who is asked: the system's servers, and their names in sentences. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "loop/lookup.h"

#define PORT 53

const char *
lookup_server_format(const struct lookup_server *server, char out[LOOKUP_SERVER_SIZE])
{
	char text[ADDRESS_TEXT_SIZE];

	address_format(&server->address, text);
	if (server->port == PORT)
		snprintf(out, LOOKUP_SERVER_SIZE, "%s", text);
	else
		snprintf(out, LOOKUP_SERVER_SIZE,
		    server->address.version == 4 ? "%s:%u" : "[%s]:%u", text,
		    server->port);
	return out;
}

size_t
lookup_parse_servers(
    const char *text, size_t length, struct lookup_server out[LOOKUP_SERVERS_MAX])
{
	const char *end = text + length, *line, *next;
	char word[ADDRESS_TEXT_SIZE];
	size_t count = 0, i;

	for (line = text; line < end && count < LOOKUP_SERVERS_MAX; line = next) {
		next = memchr(line, '\n', end - line);
		next = next != NULL ? next + 1 : end;
		if (next - line < 11 || memcmp(line, "nameserver", 10) != 0 ||
		    (line[10] != ' ' && line[10] != '\t'))
			continue;
		for (line += 10; line < next && (*line == ' ' || *line == '\t'); line++)
			;
		for (i = 0; i < sizeof(word) - 1 && line + i < next &&
			    strchr(" \t\r\n#;", line[i]) == NULL;
		     i++)
			word[i] = line[i];
		word[i] = '\0';
		if (address_parse(word, &out[count].address))
			out[count++].port = PORT;
	}
	return count;
}

size_t
lookup_system_servers(const char *path, struct lookup_server out[LOOKUP_SERVERS_MAX])
{
	char text[16384];
	size_t count = 0;
	ssize_t n;
	int fd;

	fd = open(path != NULL ? path : "/etc/resolv.conf",
	    O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text));
		if (n > 0)
			count = lookup_parse_servers(text, n, out);
		close(fd);
	}
	if (count > 0)
		return count;
	address_parse("127.0.0.1", &out[0].address);
	out[0].port = PORT;
	return 1;
}
