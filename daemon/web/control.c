/*
 * The control socket. A client is owned by the control; a request is owned by
 * whoever answers it and knows its client until that is gone. While a client has
 * an open request its input is not read, so that answers keep their order and
 * nothing piles up.
 */
#include "web/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "loop/loop.h"

#define CONTROL_MAGIC 0x6374726c
#define CLIENT_MAGIC 0x63636c69
#define CLIENTS_MAX 32
#define LINE_MAX_BYTES 65536
#define UNTELLABLE \
	"{\"ok\":false,\"error\":\"the answer cannot be told; the log says more\"}"

struct client {
	MAGIC;
	LIST_ENTRY(client) entry;
	struct control *control;
	struct loop_watch *watch;
	int fd;
	struct buf in, out;
	struct control_request *request; /* open, or NULL */
	bool ended;                      /* no more input comes */
};

struct control_request {
	struct client *client; /* NULL once it is gone */
};

struct control {
	MAGIC;
	struct loop *loop;
	struct loop_watch *watch;
	int fd, reserve;
	char *path;
	control_handler *handler;
	void *arg;
	LIST_HEAD(, client) clients;
	unsigned count;
};

static void
client_destroy(struct client *client)
{
	if (client->request != NULL)
		client->request->client = NULL;
	LIST_REMOVE(client, entry);
	client->control->count--;
	loop_watch_destroy(client->watch);
	close(client->fd);
	buf_free(&client->in);
	buf_free(&client->out);
	MAGIC_CLEAR(client);
	free(client);
}

static void
handle_line(struct client *client, const char *line, size_t length)
{
	struct control_request *request = mem_zalloc(sizeof(*request));
	json_t *document, *arguments;
	const char *command = NULL;
	json_error_t error;

	request->client = client;
	client->request = request;
	document = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(document))
		command = json_string_value(json_object_get(document, "command"));
	if (command == NULL) {
		control_fail(request, "expected one line of JSON with a \"command\"");
	} else {
		arguments = json_object_get(document, "arguments");
		if (json_is_object(arguments))
			json_incref(arguments);
		else
			arguments = json_object();
		client->control->handler(
		    request, command, arguments, client->control->arg);
		json_decref(arguments);
	}
	json_decref(document);
}

/* The end of its first line, NULL: that has not come yet */
static char *
line_end(const struct client *client)
{
	return client->in.length > 0 ? memchr(client->in.data, '\n', client->in.length)
				     : NULL;
}

/* The next line, once the answer to the one before is taken: one a round of the loop,
 * so that nobody holds it and no answers pile up. */
static void
handle_input(struct client *client)
{
	char *end = line_end(client), *line;
	size_t length;

	if (client->request != NULL || client->out.length > 0 || end == NULL)
		return;
	length = end - client->in.data;
	line = mem_dup(client->in.data, length + 1);
	buf_remove(&client->in, length + 1);
	handle_line(client, line, length);
	free(line);
}

static void
update_watch(struct client *client)
{
	bool waits = client->request == NULL && line_end(client) != NULL;
	int events = 0;

	if (client->request == NULL && !client->ended && !waits)
		events |= LOOP_READ;
	if (client->out.length > 0 || waits)
		events |= LOOP_WRITE;
	loop_watch_set(client->watch, events);
}

/* -> false when the client is gone */
static bool
write_output(struct client *client)
{
	ssize_t n;

	while (client->out.length > 0) {
		n = send(
		    client->fd, client->out.data, client->out.length, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0) {
			client_destroy(client);
			return false;
		}
		buf_remove(&client->out, n);
	}
	if (client->ended && client->request == NULL && client->out.length == 0 &&
	    line_end(client) == NULL) {
		client_destroy(client);
		return false;
	}
	return true;
}

static void
on_client(int fd, int events, void *arg)
{
	struct client *client = arg;
	char data[8192];
	ssize_t n;

	MAGIC_CHECK(client, CLIENT_MAGIC);
	if (events & LOOP_READ) {
		n = read(fd, data, sizeof(data));
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			client_destroy(client);
			return;
		}
		if (n == 0)
			client->ended = true;
		if (n > 0)
			buf_add(&client->in, data, n);
		if (client->in.length > LINE_MAX_BYTES) {
			client_destroy(client);
			return;
		}
	}
	handle_input(client);
	if (write_output(client))
		update_watch(client);
}

static bool
is_trusted(int fd)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
		return false;
	return peer.uid == 0 || peer.uid == geteuid();
}

/* Without a descriptor left, the one in reserve serves to send the caller away: he
 * would wake the loop again and again. */
static void
send_away(struct control *control)
{
	int peer;

	close(control->reserve);
	peer = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC);
	if (peer >= 0)
		close(peer);
	control->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
on_accept(int fd, int events, void *arg)
{
	struct control *control = arg;
	struct client *client;
	int peer;

	MAGIC_CHECK(control, CONTROL_MAGIC);
	peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (peer < 0) {
		if (errno == EMFILE || errno == ENFILE)
			send_away(control);
		return;
	}
	if (!is_trusted(peer) || control->count >= CLIENTS_MAX) {
		log_warning("control: a connection was refused (%s)",
		    control->count >= CLIENTS_MAX ? "too many" : "another user");
		close(peer);
		return;
	}
	client = mem_zalloc(sizeof(*client));
	MAGIC_SET(client, CLIENT_MAGIC);
	client->control = control;
	client->fd = peer;
	client->watch =
	    loop_watch_create(control->loop, peer, LOOP_READ, on_client, client);
	LIST_INSERT_HEAD(&control->clients, client, entry);
	control->count++;
}

/* A socket that nobody listens on any more is removed. -> 0, -EADDRINUSE */
static int
remove_stale(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct stat st;
	bool alive;

	if (fd < 0)
		return -errno;
	/* EAGAIN: somebody is there, and busy. */
	alive = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
		errno == EAGAIN;
	close(fd);
	if (alive)
		return -EADDRINUSE;
	if (lstat(address->sun_path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(address->sun_path);
	return 0;
}

static int
listen_on(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, code;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	code = remove_stale(&address);
	if (code != 0)
		return code;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* The file gets the mode that its socket has; a umask would be the workers',
	 * too. */
	if (fchmod(fd, 0600) == 0 &&
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    listen(fd, 16) == 0)
		return fd;
	code = -errno;
	close(fd);
	return code;
}

int
control_open(struct loop *loop, const char *path, control_handler *handler, void *arg,
    struct control **out)
{
	struct control *control;
	char *folder = mem_strdup(path), *slash = strrchr(folder, '/');
	int fd;

	if (slash != NULL && slash != folder) {
		*slash = '\0';
		if (mkdir(folder, 0755) != 0 && errno != EEXIST)
			log_warning(
			    "control: cannot make %s: %s", folder, strerror(errno));
	}
	free(folder);
	fd = listen_on(path);
	if (fd < 0) {
		log_error("control: cannot listen on %s: %s", path, err_text(fd));
		return fd;
	}
	control = mem_zalloc(sizeof(*control));
	MAGIC_SET(control, CONTROL_MAGIC);
	control->loop = loop;
	control->fd = fd;
	control->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	control->path = mem_strdup(path);
	control->handler = handler;
	control->arg = arg;
	LIST_INIT(&control->clients);
	control->watch = loop_watch_create(loop, fd, LOOP_READ, on_accept, control);
	*out = control;
	return 0;
}

void
control_close(struct control *control)
{
	struct client *client;

	if (control == NULL)
		return;
	MAGIC_CHECK(control, CONTROL_MAGIC);
	while ((client = LIST_FIRST(&control->clients)) != NULL)
		if (write_output(client)) /* what it still takes of its answer */
			client_destroy(client);
	loop_watch_destroy(control->watch);
	close(control->fd);
	close(control->reserve);
	unlink(control->path);
	free(control->path);
	MAGIC_CLEAR(control);
	free(control);
}

static void
answer(struct control_request *request, json_t *document)
{
	struct client *client = request->client;
	char *text;

	free(request);
	if (client != NULL) {
		MAGIC_CHECK(client, CLIENT_MAGIC);
		client->request = NULL;
		text = document != NULL ? json_dumps(document, JSON_COMPACT) : NULL;
		if (text == NULL)
			log_error("control: an answer cannot be told: no UTF-8 in it?");
		buf_add_text(&client->out, text != NULL ? text : UNTELLABLE);
		buf_add_char(&client->out, '\n');
		free(text);
		/* The descriptor is ready to be written: the loop goes on there, and
		 * takes up input that waited. */
		loop_watch_set(client->watch, LOOP_WRITE);
	}
	json_decref(document);
}

void
control_reply(struct control_request *request, json_t *result)
{
	answer(request, json_pack("{s:b, s:o}", "ok", 1, "result", result));
}

void
control_fail(struct control_request *request, const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	text = mem_vprintf(format, ap);
	va_end(ap);
	text_clean_lines(text);
	answer(request, json_pack("{s:b, s:s}", "ok", 0, "error", text));
	free(text);
}
