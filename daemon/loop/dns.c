/*
 * c-ares on the loop: the one file that includes ares.h.
 *
 * c-ares works on a channel. When resolv.conf changes, new questions go to a new
 * channel; the old one answers what it was asked and is then destroyed. c-ares
 * calls back from within its own functions, where a channel must not be destroyed,
 * so an answer is only noted there and delivered after c-ares has returned; one
 * that comes from within dns_ask() itself is delivered by a timer.
 *
 * Names are asked as they are: no search domains, no alias file, no hosts file.
 */
#include "loop/dns.h"

#include <ares.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/loop.h"

#define DNS_MAGIC 0x646e7321
#define QUESTION_MAGIC 0x71756573
#define CHANNEL_MAGIC 0x6368616e
#define QUESTIONS_MAX 4096
/* One server is asked again after 1.5 s and 4.5 s and given up after 10.5 s; of more
 * each is asked twice within that time. */
#define TRY_MS 1500
#define TRIES 3
#define GIVE_UP_MS 10500
#define PAUSE_US 10000 /* between looks at all questions */
#define TYPE_A 1
#define TYPE_SOA 6
#define TYPE_AAAA 28
#define CLASS_IN 1

struct question {
	MAGIC;
	STAILQ_ENTRY(question) entry; /* of dns->answered */
	struct channel *channel;
	int version;
	dns_cb *cb;
	void *arg;
	struct dns_result result;
};

struct socket_watch {
	LIST_ENTRY(socket_watch) entry;
	struct channel *channel;
	struct loop_watch *watch;
	int fd;
};

struct channel {
	MAGIC;
	LIST_ENTRY(channel) entry;
	struct dns *dns;
	ares_channel ares;
	struct loop_timer *timer;
	int64_t wakes_us; /* while the timer is set */
	int try_ms;
	LIST_HEAD(, socket_watch) sockets;
	unsigned open; /* questions */
};

struct dns {
	MAGIC;
	struct loop *loop;
	char *servers; /* or NULL: then file is read */
	char *file;
	int port;                      /* of the servers in file */
	LIST_HEAD(, channel) channels; /* the first takes new questions */
	STAILQ_HEAD(, question) answered;
	struct loop_timer *deliver_timer;
	unsigned open;
	bool closing;
	int64_t checked_us;
	struct stat seen;
};

static void settle(struct dns *dns);

/* ---- a channel ---- */

static void
wake_at(struct channel *channel, int64_t mono_us)
{
	if (loop_timer_is_set(channel->timer) && channel->wakes_us <= mono_us)
		return;
	channel->wakes_us = mono_us;
	loop_timer_set_at(channel->timer, mono_us);
}

/* Nothing sent now is asked again before this. ares_timeout() would go through all
 * that is open. */
static void
wake_for_question(struct channel *channel)
{
	wake_at(channel, clock_mono_us() + channel->try_ms * INT64_C(1000) + 1000);
}

static void
on_timer(void *arg)
{
	struct channel *channel = arg;
	struct timeval tv;
	int64_t wait_us;

	MAGIC_CHECK(channel, CHANNEL_MAGIC);
	ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	if (ares_timeout(channel->ares, NULL, &tv) != NULL) {
		wait_us = tv.tv_sec * CLOCK_SECOND + tv.tv_usec + 1000;
		wake_at(channel,
		    clock_mono_us() + (wait_us > PAUSE_US ? wait_us : PAUSE_US));
	}
	settle(channel->dns);
}

static void
on_socket(int fd, int events, void *arg)
{
	struct channel *channel = arg;

	MAGIC_CHECK(channel, CHANNEL_MAGIC);
	ares_process_fd(channel->ares, events & LOOP_READ ? fd : ARES_SOCKET_BAD,
	    events & LOOP_WRITE ? fd : ARES_SOCKET_BAD);
	if (channel->open > 0) /* it may have asked the next server */
		wake_for_question(channel);
	settle(channel->dns);
}

static void
on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct channel *channel = arg;
	int events = (readable ? LOOP_READ : 0) | (writable ? LOOP_WRITE : 0);
	struct socket_watch *s;

	MAGIC_CHECK(channel, CHANNEL_MAGIC);
	LIST_FOREACH (s, &channel->sockets, entry)
		if (s->fd == fd)
			break;
	if (events == 0) {
		if (s == NULL)
			return;
		loop_watch_destroy(s->watch);
		LIST_REMOVE(s, entry);
		free(s);
		return;
	}
	if (s != NULL) {
		loop_watch_set(s->watch, events);
		return;
	}
	s = mem_zalloc(sizeof(*s));
	s->fd = fd;
	s->watch =
	    loop_watch_create(channel->dns->loop, fd, events, on_socket, channel);
	LIST_INSERT_HEAD(&channel->sockets, s, entry);
}

static void
channel_destroy(struct channel *channel)
{
	if (channel->ares != NULL)
		ares_destroy(channel->ares);
	assert(LIST_EMPTY(&channel->sockets));
	loop_timer_destroy(channel->timer);
	LIST_REMOVE(channel, entry);
	MAGIC_CLEAR(channel);
	free(channel);
}

/* -> a status of c-ares */
static int
open_ares(struct channel *channel, int tries)
{
	struct dns *dns = channel->dns;
	char lookups[] = "b";
	struct ares_options options = {
	    .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
	    .timeout = channel->try_ms,
	    .tries = tries,
	    .lookups = lookups,
	    .sock_state_cb = on_socket_state,
	    .sock_state_cb_data = channel,
	    .resolvconf_path = dns->file,
	    .udp_port = dns->port,
	    .tcp_port = dns->port,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
		   ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS | ARES_OPT_SOCK_STATE_CB |
		   ARES_OPT_NOROTATE;
	int status;

	if (dns->file != NULL)
		mask |= ARES_OPT_RESOLVCONF | ARES_OPT_UDP_PORT | ARES_OPT_TCP_PORT;
	status = ares_init_options(&channel->ares, &options, mask);
	if (status == ARES_SUCCESS && dns->servers != NULL)
		status = ares_set_servers_ports_csv(channel->ares, dns->servers);
	return status;
}

static int
count_servers(ares_channel ares)
{
	struct ares_addr_port_node *servers = NULL, *node;
	int count = 0;

	ares_get_servers_ports(ares, &servers);
	for (node = servers; node != NULL; node = node->next)
		count++;
	ares_free_data(servers);
	return count;
}

/* -> 0, ERR_LIBRARY (logged); the new channel is the first */
static int
channel_create(struct dns *dns)
{
	struct channel *channel = mem_zalloc(sizeof(*channel));
	int status, servers;

	MAGIC_SET(channel, CHANNEL_MAGIC);
	channel->dns = dns;
	channel->timer = loop_timer_create(dns->loop, on_timer, channel);
	LIST_INIT(&channel->sockets);
	LIST_INSERT_HEAD(&dns->channels, channel, entry);
	channel->try_ms = TRY_MS;
	status = open_ares(channel, TRIES);
	servers = status == ARES_SUCCESS ? count_servers(channel->ares) : 0;
	if (servers > 1) {
		/* The second round waits twice as long as the first. */
		if (GIVE_UP_MS / (3 * servers) < TRY_MS)
			channel->try_ms = GIVE_UP_MS / (3 * servers);
		ares_destroy(channel->ares);
		channel->ares = NULL;
		status = open_ares(channel, 2);
	}
	if (status == ARES_SUCCESS)
		return 0;
	log_error("dns: c-ares cannot begin: %s", ares_strerror(status));
	channel_destroy(channel);
	return ERR_LIBRARY;
}

/* ---- resolv.conf ---- */

static void
refresh(struct dns *dns)
{
	int64_t now_us = clock_mono_us();
	struct stat now = {0};
	bool first = dns->checked_us < 0;

	if (dns->servers != NULL || (!first && now_us - dns->checked_us < CLOCK_SECOND))
		return;
	dns->checked_us = now_us;
	if (stat(dns->file, &now) != 0)
		memset(&now, 0, sizeof(now));
	if (!first && now.st_ino == dns->seen.st_ino &&
	    now.st_size == dns->seen.st_size &&
	    now.st_mtim.tv_sec == dns->seen.st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == dns->seen.st_mtim.tv_nsec)
		return;
	if (!first && channel_create(dns) != 0)
		return; /* and tried again in a second */
	if (!first)
		log_info("dns: %s changed, read again", dns->file);
	dns->seen = now;
}

/* ---- answers ---- */

static void
take_addresses(
    struct dns_result *result, int version, const unsigned char *answer, int length)
{
	struct ares_addrttl four[DNS_ADDRESSES_MAX];
	struct ares_addr6ttl six[DNS_ADDRESSES_MAX];
	int count = DNS_ADDRESSES_MAX, status, ttl, i;

	if (version == 4)
		status = ares_parse_a_reply(answer, length, NULL, four, &count);
	else
		status = ares_parse_aaaa_reply(answer, length, NULL, six, &count);
	if (status != ARES_SUCCESS && status != ARES_ENODATA) {
		result->error = ERR_LIBRARY;
		result->reason = "the DNS server's answer is malformed";
		return;
	}
	if (status == ARES_ENODATA || count <= 0) {
		result->error = ERR_NOT_FOUND;
		result->exists = true;
		result->ttl_s = dns_absence_ttl(answer, length);
		return;
	}
	for (i = 0; i < count; i++) {
		result->address[i].version = version;
		memcpy(result->address[i].bytes,
		    version == 4 ? (void *)&four[i].ipaddr : (void *)&six[i].ip6addr,
		    version == 4 ? 4 : 16);
		ttl = version == 4 ? four[i].ttl : six[i].ttl;
		if (i == 0 || ttl < result->ttl_s)
			result->ttl_s = ttl < 0 ? 0 : ttl;
	}
	result->count = count;
}

static const char *
reason_of(int status)
{
	switch (status) {
	case ARES_ESERVFAIL:
		return "the DNS server failed (SERVFAIL)";
	case ARES_EREFUSED:
		return "the DNS server refused the question";
	case ARES_ECONNREFUSED:
		/* c-ares 1.18 says so of SERVFAIL too, after it went on to the next
		 * server, which we want it to do. */
		return "the DNS servers failed or could not be reached";
	case ARES_ETIMEOUT:
		return "no DNS server answered";
	case ARES_EBADNAME:
		return "the name is not valid in DNS";
	default:
		return ares_strerror(status);
	}
}

/* c-ares says of a socket that it does not get what it says of a server that refuses.
 * This is asked in the same moment. */
static bool
lacks_descriptors(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		       errno == ENOMEM;
	close(fd);
	return false;
}

static void
on_answer(void *arg, int status, int timeouts, unsigned char *answer, int length)
{
	struct question *question = arg;
	struct dns *dns = question->channel->dns;
	struct dns_result *result = &question->result;

	MAGIC_CHECK(question, QUESTION_MAGIC);
	question->channel->open--;
	dns->open--;
	if (dns->closing) {
		MAGIC_CLEAR(question);
		free(question);
		return;
	}
	result->ttl_s = -1;
	if (status == ARES_SUCCESS) {
		take_addresses(result, question->version, answer, length);
	} else if (status == ARES_ENOTFOUND || status == ARES_ENODATA) {
		result->error = ERR_NOT_FOUND;
		result->exists = status == ARES_ENODATA;
		if (answer != NULL && length > 0)
			result->ttl_s = dns_absence_ttl(answer, length);
	} else if (status == ARES_ECONNREFUSED && lacks_descriptors()) {
		result->error = ERR_FULL;
		result->reason = "no descriptor is left to ask DNS";
	} else {
		result->error = status == ARES_ETIMEOUT ? -ETIMEDOUT : ERR_LIBRARY;
		result->reason = reason_of(status);
	}
	if (result->error == ERR_NOT_FOUND)
		result->reason = result->exists ? "no such record" : "no such name";
	STAILQ_INSERT_TAIL(&dns->answered, question, entry);
}

/* Delivers what is answered, then lets go of channels that are done. */
static void
settle(struct dns *dns)
{
	STAILQ_HEAD(, question) answered = STAILQ_HEAD_INITIALIZER(answered);
	struct channel *channel, *next;
	struct question *question;

	STAILQ_CONCAT(&answered, &dns->answered);
	while ((question = STAILQ_FIRST(&answered)) != NULL) {
		STAILQ_REMOVE_HEAD(&answered, entry);
		question->cb(&question->result, question->arg);
		MAGIC_CLEAR(question);
		free(question);
	}
	for (channel = LIST_NEXT(LIST_FIRST(&dns->channels), entry); channel != NULL;
	     channel = next) {
		next = LIST_NEXT(channel, entry);
		if (channel->open == 0)
			channel_destroy(channel);
	}
}

static void
on_deliver(void *arg)
{
	struct dns *dns = arg;

	MAGIC_CHECK(dns, DNS_MAGIC);
	settle(dns);
}

int
dns_ask(struct dns *dns, const char *name, int version, dns_cb *cb, void *arg)
{
	struct question *question;
	struct channel *channel;

	MAGIC_CHECK(dns, DNS_MAGIC);
	if (dns->open >= QUESTIONS_MAX)
		return ERR_FULL;
	refresh(dns);
	channel = LIST_FIRST(&dns->channels);
	question = mem_zalloc(sizeof(*question));
	MAGIC_SET(question, QUESTION_MAGIC);
	question->channel = channel;
	question->version = version;
	question->cb = cb;
	question->arg = arg;
	channel->open++;
	dns->open++;
	ares_query(channel->ares, name, CLASS_IN, version == 4 ? TYPE_A : TYPE_AAAA,
	    on_answer, question);
	wake_for_question(channel);
	if (!STAILQ_EMPTY(&dns->answered))
		loop_timer_set(dns->deliver_timer, 0);
	return 0;
}

struct dns *
dns_create(struct loop *loop, const char *servers)
{
	struct dns *dns = mem_zalloc(sizeof(*dns));
	char *colon;

	MAGIC_SET(dns, DNS_MAGIC);
	dns->loop = loop;
	dns->port = 53;
	if (servers != NULL && servers[0] != '/') {
		dns->servers = mem_strdup(servers);
	} else {
		dns->file = mem_strdup(servers ? servers : "/etc/resolv.conf");
		colon = strchr(dns->file, ':');
		if (colon != NULL) {
			*colon = '\0';
			dns->port = atoi(colon + 1);
		}
	}
	dns->checked_us = -1;
	LIST_INIT(&dns->channels);
	STAILQ_INIT(&dns->answered);
	ares_library_init(ARES_LIB_INIT_ALL);
	refresh(dns);
	if (channel_create(dns) != 0) {
		dns_destroy(dns);
		return NULL;
	}
	dns->deliver_timer = loop_timer_create(loop, on_deliver, dns);
	return dns;
}

void
dns_destroy(struct dns *dns)
{
	struct question *question;

	if (dns == NULL)
		return;
	MAGIC_CHECK(dns, DNS_MAGIC);
	dns->closing = true;
	while (!LIST_EMPTY(&dns->channels))
		channel_destroy(LIST_FIRST(&dns->channels));
	while ((question = STAILQ_FIRST(&dns->answered)) != NULL) {
		STAILQ_REMOVE_HEAD(&dns->answered, entry);
		free(question);
	}
	loop_timer_destroy(dns->deliver_timer);
	ares_library_cleanup();
	free(dns->servers);
	free(dns->file);
	MAGIC_CLEAR(dns);
	free(dns);
}

/* ---- the wire format, as far as we read it ourselves ---- */

static unsigned
get16(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t
get32(const unsigned char *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* -> where the name at offset ends, 0 if it does not end within length */
static size_t
skip_name(const unsigned char *p, size_t length, size_t offset)
{
	while (offset < length) {
		if (p[offset] == 0)
			return offset + 1;
		if (p[offset] >= 0xc0)
			return offset + 2 <= length ? offset + 2 : 0;
		if (p[offset] > 63)
			return 0;
		offset += p[offset] + 1;
	}
	return 0;
}

int64_t
dns_absence_ttl(const unsigned char *p, size_t length)
{
	size_t offset = 12, records, data;
	unsigned questions, i;
	uint32_t ttl, minimum;

	if (length < 12)
		return -1;
	questions = get16(p + 4);
	records = get16(p + 6) + get16(p + 8); /* answers and authority */
	for (i = 0; i < questions; i++) {
		offset = skip_name(p, length, offset);
		if (offset == 0 || length - offset < 4)
			return -1;
		offset += 4;
	}
	for (; records > 0; records--) {
		offset = skip_name(p, length, offset);
		if (offset == 0 || length - offset < 10)
			return -1;
		data = get16(p + offset + 8);
		if (length - offset - 10 < data)
			return -1;
		if (get16(p + offset) == TYPE_SOA && data >= 22) {
			ttl = get32(p + offset + 4);
			minimum = get32(p + offset + 10 + data - 4);
			return ttl < minimum ? ttl : minimum;
		}
		offset += 10 + data;
	}
	return -1;
}
