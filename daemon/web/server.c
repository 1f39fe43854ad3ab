/*
 * The HTTP server over libmicrohttpd: the one file that includes microhttpd.h.
 *
 * A listener is one MHD_Daemon without threads; its epoll descriptor is a watch of
 * the loop, MHD_run() is called when it is ready, and MHD_get_timeout() says when
 * otherwise (0 while a connection has more work than one turn gives it: turns are
 * what keeps a busy client from holding the loop).
 *
 * A connection belongs to MHD; our context of it is a member of the crowd, which
 * says who gives way when the server is full.
 *
 * A request belongs to us from its first line on. It dies when MHD has completed it
 * and the handler has answered, whichever comes last. While the answer is awaited
 * its connection is suspended; then MHD calls again and gets it queued.
 *
 * A content makes its MHD_Responses once, per encoding, at the first use. A request
 * holds a reference to its content until MHD is done with it.
 */
#include "web/server.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "web/content.h"
#include "web/crowd.h"
#include "web/head.h"
#include "web/listen.h"

#define SERVER_MAGIC 0x68737276
#define LISTENER_MAGIC 0x6c736e72
#define CONNECTION_MAGIC 0x636e6374
#define REQUEST_MAGIC 0x72717374

#define HEAD_MEMORY 16384 /* of a connection: its head, and the head of its answer */
#define IDLE_S 15         /* without a byte */
#define HEAD_MAX_US (30 * CLOCK_SECOND)  /* for a head, however it drips */
#define SEND_MAX_US (600 * CLOCK_SECOND) /* for an answer */
#define CONNECTIONS_SLACK 64             /* told to go and not gone yet */
#define TURNS_MAX 4

struct connection {
	MAGIC;
	struct crowd_member *member;
	bool loopback;
};

struct server_request {
	MAGIC;
	LIST_ENTRY(server_request) entry;
	struct server *server;      /* NULL once it is closed */
	struct MHD_Connection *mhd; /* NULL once it is completed */
	struct connection *connection;
	struct server_content *content; /* the answer, or NULL */
	enum { STAGE_NEW, STAGE_READ, STAGE_ASKED } stage;
	bool suspended;
	struct head head;
	char text[]; /* of the head */
};

struct listener {
	MAGIC;
	LIST_ENTRY(listener) entry;
	struct server *server;
	struct MHD_Daemon *mhd;
	struct loop_watch *watch;
	struct loop_timer *timer;
	int64_t timer_us; /* what it is set to, INT64_MAX: not */
	char *address;
	bool running;
};

enum { REFUSE_TARGET, REFUSE_METHOD, REFUSE_BODY, REFUSALS };

struct server {
	MAGIC;
	struct loop *loop;
	server_handler *handler;
	void *arg;
	unsigned connections_max;
	LIST_HEAD(, listener) listeners;
	LIST_HEAD(, server_request) requests; /* not yet answered and completed */
	struct crowd *crowd;
	int wake; /* an eventfd: there is work that no socket tells of */
	bool woken;
	struct loop_watch *wake_watch;
	struct server_content *refusal[REFUSALS];
	struct server_stats stats;
};

/* --- responses --- */

static void
add_header(struct MHD_Response *response, const char *name, const char *value)
{
	if (MHD_add_response_header(response, name, value) != MHD_YES)
		log_error("server: a header that cannot be sent: %s", name);
}

static void
add_headers(struct MHD_Response *response, const struct server_content *content)
{
	const char *value;
	char *name;
	size_t i;

	for (i = 0; content->headers[i] != NULL; i++) {
		value = strchr(content->headers[i], ':');
		assert(value != NULL);
		name = mem_strndup(content->headers[i], value - content->headers[i]);
		add_header(response, name, value + 1 + strspn(value + 1, " "));
		free(name);
	}
}

static struct MHD_Response *
make_response(struct server_content *content, enum server_encoding encoding, bool same)
{
	static const char *const names[SERVER_ENCODINGS] = {NULL, "gzip", "br"};
	const struct buf *body = &content->body[encoding];
	struct MHD_Response *response;
	static char empty[] = "";

	response = MHD_create_response_from_buffer(same ? 0 : body->length,
	    same || body->length == 0 ? empty : body->data, MHD_RESPMEM_PERSISTENT);
	assert(response != NULL);
	if (!same && content->type != NULL)
		add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content->type);
	if (!same && names[encoding] != NULL)
		add_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, names[encoding]);
	if (content->tag[encoding][0] != '\0')
		add_header(response, MHD_HTTP_HEADER_ETAG, content->tag[encoding]);
	if (content->several)
		add_header(
		    response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
	add_header(response, "X-Content-Type-Options", "nosniff");
	if (content->closes)
		add_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	add_headers(response, content);
	return response;
}

static void
forget_responses(struct server_content *content)
{
	int e;

	for (e = 0; e < SERVER_ENCODINGS; e++) {
		if (content->full[e] != NULL)
			MHD_destroy_response(content->full[e]);
		if (content->same[e] != NULL)
			MHD_destroy_response(content->same[e]);
	}
}

/* --- connections --- */

static bool
is_loopback(const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

	if (address == NULL || address->sa_family == AF_UNIX)
		return address != NULL;
	if (address->sa_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	return address->sa_family == AF_INET6 &&
	       (IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
		   (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) &&
		       v6->sin6_addr.s6_addr[12] == 127));
}

static enum MHD_Result
on_accept(void *arg, const struct sockaddr *address, socklen_t length)
{
	struct listener *listener = arg;
	struct server *server = listener->server;

	MAGIC_CHECK(listener, LISTENER_MAGIC);
	if (crowd_has_room(server->crowd))
		return MHD_YES;
	server->stats.refused++;
	return MHD_NO;
}

static void
on_connection(void *arg, struct MHD_Connection *mhd, void **context,
    enum MHD_ConnectionNotificationCode code)
{
	struct listener *listener = arg;
	struct server *server = listener->server;
	struct connection *connection = *context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		connection = mem_zalloc(sizeof(*connection));
		MAGIC_SET(connection, CONNECTION_MAGIC);
		connection->member = crowd_enter(server->crowd,
		    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)
			->connect_fd);
		connection->loopback = is_loopback(
		    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)
			->client_addr);
		*context = connection;
		return;
	}
	MAGIC_CHECK(connection, CONNECTION_MAGIC);
	crowd_leave(connection->member);
	MAGIC_CLEAR(connection);
	free(connection);
	*context = NULL;
}

/* --- requests --- */

static void
request_free(struct server_request *request)
{
	if (request->server != NULL)
		LIST_REMOVE(request, entry);
	server_content_unref(request->content);
	head_clear(&request->head);
	MAGIC_CLEAR(request);
	free(request);
}

/* Called with the target as sent, before the head is read on. */
static void *
on_target(void *arg, const char *target, struct MHD_Connection *mhd)
{
	struct listener *listener = arg;
	struct server_request *request;

	request = mem_zalloc(sizeof(*request) + 2 * strlen(target) + 2);
	MAGIC_SET(request, REQUEST_MAGIC);
	request->server = listener->server;
	request->mhd = mhd;
	request->connection =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
		->socket_context;
	MAGIC_CHECK(request->connection, CONNECTION_MAGIC);
	LIST_INSERT_HEAD(&listener->server->requests, request, entry);
	head_target(&request->head, target, request->text);
	return request;
}

static enum MHD_Result
on_header(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_length,
    const char *value, size_t length)
{
	struct server_request *request = arg;

	head_field(
	    &request->head, name, name_length, value != NULL ? value : "", length);
	return MHD_YES;
}

static struct server_content *
refusal_for(struct server_request *request, const char *method)
{
	struct server_content *const *refusal = request->server->refusal;

	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return refusal[REFUSE_METHOD];
	if (request->head.body)
		return refusal[REFUSE_BODY];
	return request->head.bad ? refusal[REFUSE_TARGET] : NULL;
}

static void
read_head(struct server_request *request, const char *method)
{
	struct server *server = request->server;
	struct server_content *refusal;

	request->stage = STAGE_READ;
	server->stats.requests++;
	crowd_move(request->connection->member, CROWD_BUSY);
	MHD_get_connection_values_n(request->mhd, MHD_HEADER_KIND, on_header, request);
	head_end(&request->head);
	request->head.seen.loopback = request->connection->loopback;
	refusal = refusal_for(request, method);
	if (refusal == NULL)
		return;
	server->stats.refused++;
	server_reply(request, refusal);
}

static enum MHD_Result
queue(struct server_request *request)
{
	struct server_content *content = request->content;
	struct server_stats *stats = &request->server->stats;
	enum server_encoding encoding =
	    content_choose(content, request->head.accept_encoding);
	bool same = content_is_known(content, encoding, request->head.if_none_match);
	struct MHD_Response **response =
	    same ? &content->same[encoding] : &content->full[encoding];
	unsigned status = same ? MHD_HTTP_NOT_MODIFIED : content->status;

	if (*response == NULL)
		*response = make_response(content, encoding, same);
	content->forget = forget_responses;
	if (same)
		stats->not_modified++;
	if (status >= 100 && status < 600)
		stats->by_status[status / 100]++;
	crowd_move(request->connection->member, CROWD_SENDING);
	return MHD_queue_response(request->mhd, status, *response);
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *mhd, const char *url, const char *method,
    const char *version, const char *data, size_t *data_length, void **context)
{
	struct server_request *request = *context;

	MAGIC_CHECK(request, REQUEST_MAGIC);
	*data_length = 0;
	if (request->stage == STAGE_NEW) {
		/* An answer in this first call closes the connection and reads no body:
		 * right for a refusal, and for nothing else. */
		read_head(request, method);
		return request->content != NULL ? queue(request) : MHD_YES;
	}
	if (request->stage == STAGE_READ) {
		request->stage = STAGE_ASKED;
		request->server->handler(
		    request, &request->head.seen, request->server->arg);
	}
	if (request->content != NULL)
		return queue(request);
	request->suspended = true;
	MHD_suspend_connection(mhd);
	return MHD_YES;
}

static void
on_completed(void *arg, struct MHD_Connection *mhd, void **context,
    enum MHD_RequestTerminationCode code)
{
	struct server_request *request = *context;

	if (request == NULL)
		return;
	MAGIC_CHECK(request, REQUEST_MAGIC);
	*context = NULL;
	crowd_move(request->connection->member, CROWD_IDLE);
	request->mhd = NULL;
	head_keep(&request->head);
	if (request->content != NULL || request->stage != STAGE_ASKED)
		request_free(request);
}

/* MHD resumes in MHD_run(), and does not tell its epoll descriptor that it would. */
static void
wake(struct server *server)
{
	uint64_t one = 1;
	ssize_t ignored;

	if (server->woken)
		return;
	server->woken = true;
	ignored = write(server->wake, &one, sizeof(one));
	(void)ignored;
}

void
server_reply(struct server_request *request, struct server_content *content)
{
	MAGIC_CHECK(request, REQUEST_MAGIC);
	assert(request->content == NULL);
	if (request->mhd == NULL) { /* nobody waits any more */
		request_free(request);
		return;
	}
	server_content_ref(content);
	request->content = content;
	if (!request->suspended)
		return; /* from within the handler */
	request->suspended = false;
	MHD_resume_connection(request->mhd);
	wake(request->server);
}

void
server_reply_text(
    struct server_request *request, unsigned status, const char *type, const char *text)
{
	struct server_content *content =
	    content_of_text(status, type, text, "Cache-Control: no-store");

	server_reply(request, content);
	server_content_unref(content);
}

/* --- listeners --- */

static void
turn(struct listener *listener)
{
	MHD_UNSIGNED_LONG_LONG wait_ms = 0;
	int64_t until_us;
	bool waits = true;
	int i;

	crowd_tick(listener->server->crowd);
	listener->running = true;
	for (i = 0; i < TURNS_MAX && waits && wait_ms == 0; i++) {
		MHD_run(listener->mhd);
		waits = MHD_get_timeout(listener->mhd, &wait_ms) == MHD_YES;
	}
	listener->running = false;
	if (waits && wait_ms == 0)
		wake(listener->server);
	if (!waits || wait_ms == 0)
		return;
	/* Every request moves the deadline on: a timer that is set for earlier may
	 * stay, it only comes to ask again. */
	until_us = clock_mono_us() + (int64_t)wait_ms * 1000;
	if (until_us >= listener->timer_us)
		return;
	listener->timer_us = until_us;
	loop_timer_set_at(listener->timer, until_us);
}

static void
on_timer(void *arg)
{
	struct listener *listener = arg;

	MAGIC_CHECK(listener, LISTENER_MAGIC);
	listener->timer_us = INT64_MAX;
	turn(listener);
}

static void
on_ready(int fd, int events, void *arg)
{
	struct listener *listener = arg;

	MAGIC_CHECK(listener, LISTENER_MAGIC);
	turn(listener);
}

static void
on_wake(int fd, int events, void *arg)
{
	struct server *server = arg;
	struct listener *listener;
	uint64_t count;
	ssize_t ignored = read(fd, &count, sizeof(count));

	(void)ignored;
	MAGIC_CHECK(server, SERVER_MAGIC);
	server->woken = false;
	LIST_FOREACH (listener, &server->listeners, entry)
		turn(listener);
}

/* The path is decoded by query_path(), from what on_target() saw. */
static size_t
leave_escaped(void *arg, struct MHD_Connection *mhd, char *text)
{
	return strlen(text);
}

static void
listener_free(struct listener *listener)
{
	loop_watch_destroy(listener->watch);
	loop_timer_destroy(listener->timer);
	if (listener->mhd != NULL)
		MHD_stop_daemon(listener->mhd); /* closes the socket */
	if (listener->address != NULL)
		listen_unlink(listener->address);
	free(listener->address);
	LIST_REMOVE(listener, entry);
	MAGIC_CLEAR(listener);
	free(listener);
}

static int
listener_open(struct server *server, const char *address)
{
	struct listener *listener = mem_zalloc(sizeof(*listener)), *last;
	int fd = -1, code;

	MAGIC_SET(listener, LISTENER_MAGIC);
	listener->server = server;
	listener->timer_us = INT64_MAX;
	last = LIST_FIRST(&server->listeners);
	while (last != NULL && LIST_NEXT(last, entry) != NULL)
		last = LIST_NEXT(last, entry);
	if (last != NULL)
		LIST_INSERT_AFTER(last, listener, entry);
	else
		LIST_INSERT_HEAD(&server->listeners, listener, entry);
	code = listen_open(address, &fd, &listener->address);
	if (code != 0)
		goto fail;
	listener->mhd = MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO, 0, on_accept,
	    listener, on_request, listener, MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_CONNECTION_LIMIT, server->connections_max + CONNECTIONS_SLACK,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_MEMORY,
	    MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_STRICT_FOR_CLIENT, 1,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, listener,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, listener,
	    MHD_OPTION_URI_LOG_CALLBACK, on_target, listener,
	    MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_END);
	if (listener->mhd == NULL) {
		close(fd);
		code = ERR_LIBRARY;
		goto fail;
	}
	listener->timer = loop_timer_create(server->loop, on_timer, listener);
	listener->watch = loop_watch_create(server->loop,
	    MHD_get_daemon_info(listener->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
	    LOOP_READ, on_ready, listener);
	return 0;
fail:
	log_error("server: cannot listen on %s: %s", address,
	    code == ERR_SYNTAX ? "expected ADDRESS:PORT or unix:PATH" : err_text(code));
	listener_free(listener);
	return code;
}

int
server_open(struct loop *loop, const struct conf_strings *addresses,
    unsigned connections_max, server_handler *handler, void *arg, struct server **out)
{
	static const char plain[] = "text/plain; charset=utf-8";
	struct server *server = mem_zalloc(sizeof(*server));
	size_t i;
	int code;

	MAGIC_SET(server, SERVER_MAGIC);
	server->loop = loop;
	server->handler = handler;
	server->arg = arg;
	server->connections_max = connections_max;
	LIST_INIT(&server->listeners);
	LIST_INIT(&server->requests);
	server->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert(server->wake >= 0);
	server->wake_watch =
	    loop_watch_create(loop, server->wake, LOOP_READ, on_wake, server);
	server->crowd = crowd_create(loop, connections_max, HEAD_MAX_US, SEND_MAX_US);
	server->refusal[REFUSE_TARGET] =
	    content_of_text(400, plain, "This address cannot be read.\n", NULL);
	server->refusal[REFUSE_METHOD] =
	    content_of_text(405, plain, "Only GET and HEAD.\n", "Allow: GET, HEAD");
	server->refusal[REFUSE_BODY] =
	    content_of_text(413, plain, "A request here has no body.\n", NULL);
	for (i = 0; i < REFUSALS; i++)
		server->refusal[i]->closes = true;
	for (i = 0; i < addresses->count; i++) {
		code = listener_open(server, addresses->items[i]);
		if (code != 0) {
			server_close(server);
			return code;
		}
	}
	*out = server;
	return 0;
}

void
server_close(struct server *server)
{
	struct server_request *request;
	struct listener *listener;
	size_t i;

	if (server == NULL)
		return;
	MAGIC_CHECK(server, SERVER_MAGIC);
	LIST_FOREACH (listener, &server->listeners, entry)
		assert(!listener->running);
	LIST_FOREACH (request, &server->requests, entry)
		if (request->suspended)
			MHD_resume_connection(request->mhd); /* or MHD does not stop */
	while (!LIST_EMPTY(&server->listeners))
		listener_free(LIST_FIRST(&server->listeners));
	while ((request = LIST_FIRST(&server->requests)) != NULL) {
		LIST_REMOVE(request, entry);
		request->server = NULL;
	}
	for (i = 0; i < REFUSALS; i++)
		server_content_unref(server->refusal[i]);
	crowd_destroy(server->crowd);
	loop_watch_destroy(server->wake_watch);
	close(server->wake);
	MAGIC_CLEAR(server);
	free(server);
}

const char *
server_address(const struct server *server, size_t i)
{
	const struct listener *listener = LIST_FIRST(&server->listeners);

	while (listener != NULL && i-- > 0)
		listener = LIST_NEXT(listener, entry);
	return listener != NULL ? listener->address : NULL;
}

void
server_stats(const struct server *server, struct server_stats *out)
{
	*out = server->stats;
	out->connections = crowd_count(server->crowd);
	out->dismissed = crowd_dismissed(server->crowd);
}
