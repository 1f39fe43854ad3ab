/* loop/resolve with hosts, dns, address: against a DNS server on the same loop. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "loop/address.h"
#include "loop/dns.h"
#include "loop/hosts.h"
#include "loop/loop.h"
#include "loop/resolve.h"

static struct loop *loop;
static struct resolve *resolve;
static struct loop_watch *server, *tcp_server, *tcp_peer;
static int server_fd, tcp_fd, questions, questions_six;

/* ---- the server: what it says depends on the name ---- */

struct packet {
	unsigned char data[512];
	size_t length;
};

static void
put(struct packet *p, const void *data, size_t length)
{
	memcpy(p->data + p->length, data, length);
	p->length += length;
}

static void
put16(struct packet *p, unsigned n)
{
	unsigned char bytes[2] = {n >> 8, n & 255};

	put(p, bytes, 2);
}

/* name is a pointer to the question's, or to an alias put before */
static void
put_record(struct packet *p, unsigned name, unsigned type, unsigned ttl,
    const void *data, size_t length)
{
	put16(p, name);
	put16(p, type);
	put16(p, 1);
	put16(p, ttl >> 16);
	put16(p, ttl & 0xffff);
	put16(p, length);
	put(p, data, length);
}

static void
put_address(struct packet *p, unsigned name, unsigned ttl, const char *text)
{
	struct address address;

	assert_true(address_parse(text, &address));
	put_record(p, name, address.version == 4 ? 1 : 28, ttl, address.bytes,
	    address.version == 4 ? 4 : 16);
}

static void
put_soa(struct packet *p, unsigned ttl, unsigned minimum)
{
	unsigned char data[22] = {0};

	data[20] = minimum >> 8;
	data[21] = minimum & 255;
	put_record(p, 0xc00c, 6, ttl, data, sizeof(data));
}

static void
read_question(
    const unsigned char *data, size_t length, char *name, unsigned *type, size_t *end)
{
	size_t at = 12, out = 0;

	while (at < length && data[at] != 0) {
		if (out > 0)
			name[out++] = '.';
		memcpy(name + out, data + at + 1, data[at]);
		out += data[at];
		at += data[at] + 1;
	}
	name[out] = '\0';
	*type = data[at + 1] << 8 | data[at + 2];
	*end = at + 5;
}

static bool
is(const char *name, const char *wanted)
{
	return strcmp(name, wanted) == 0;
}

static void
on_question(int fd, int events, void *arg)
{
	static const unsigned char alias[] = {2, 'o', 'k', 4, 't', 'e', 's', 't', 0};
	struct sockaddr_storage from;
	socklen_t from_length = sizeof(from);
	unsigned char data[512];
	struct packet p = {.length = 0};
	unsigned type, answers = 0, authority = 0, code = 0;
	char name[256];
	size_t end;
	ssize_t n;
	bool four;

	n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &from_length);
	assert_true(n > 12);
	read_question(data, n, name, &type, &end);
	four = type == 1;
	questions++;
	questions_six += !four;
	put(&p, data, end);
	if (is(name, "big.test"))
		p.data[2] |= 2; /* cut: ask by TCP */
	if (is(name, "silent.test") || (is(name, "slow6.test") && !four))
		return;
	if (is(name, "none.test")) {
		code = 3;
		put_soa(&p, 900, 900);
		authority = 1;
	} else if (is(name, "broken.test")) {
		code = 2;
	} else if (is(name, "garbage.test")) {
		put(&p, "\xc0\x0c\x00\x01\x00\x01\x00", 7);
		answers = 3;
	} else if (is(name, "alias.test") && four) {
		put_record(&p, 0xc00c, 5, 30, alias, sizeof(alias));
		put_address(&p, 0xc000 | (p.length - sizeof(alias)), 60, "192.0.2.7");
		answers = 2;
	} else if (four && !is(name, "six.test")) {
		put_address(&p, 0xc00c, is(name, "zero.test") ? 0 : 60, "192.0.2.1");
		put_address(&p, 0xc00c, is(name, "zero.test") ? 0 : 90, "192.0.2.2");
		answers = 2;
	} else if (!four && (is(name, "link.test") || is(name, "link6.test"))) {
		/* Without a zone nobody gets there. */
		put_address(&p, 0xc00c, 60, "fe80::1");
		put_address(&p, 0xc00c, 60, "::1");
		answers = is(name, "link.test") ? 2 : 1;
		if (answers == 1)
			p.length -= 28;
	} else if (!four && (is(name, "both.test") || is(name, "six.test"))) {
		put_address(&p, 0xc00c, 60, "::1");
		answers = 1;
	} else {
		put_soa(&p, 900, 300);
		authority = 1;
	}
	p.data[2] |= 0x80;
	p.data[3] = code;
	p.data[7] = answers;
	p.data[9] = authority;
	sendto(fd, p.data, p.length, 0, (struct sockaddr *)&from, from_length);
}

/* By TCP there is one answer to all, twelve addresses, a byte at a time. */
static void
on_tcp_question(int fd, int events, void *arg)
{
	unsigned char data[512];
	struct packet p = {.length = 2};
	unsigned type;
	char name[256];
	size_t end, at;
	ssize_t n;
	int i;

	n = recv(fd, data, sizeof(data), 0); /* all of it: it is sent at once */
	assert_true(n > 14);
	read_question(data + 2, n - 2, name, &type, &end);
	put(&p, data + 2, end);
	for (i = 0; i < 12; i++)
		put_address(&p, 0xc00c, 60, "192.0.2.3");
	p.data[1] = p.length - 2;
	p.data[4] |= 0x80;
	p.data[9] = 12;
	for (at = 0; at < p.length; at++)
		assert_int_equal(send(fd, p.data + at, 1, MSG_NOSIGNAL), 1);
	loop_watch_destroy(tcp_peer);
	tcp_peer = NULL;
	close(fd);
}

static void
on_tcp(int listener, int events, void *arg)
{
	int fd = accept(listener, NULL, NULL);

	assert_null(tcp_peer);
	tcp_peer = loop_watch_create(loop, fd, LOOP_READ, on_tcp_question, NULL);
}

static void
listen_on(struct sockaddr_in *at)
{
	socklen_t length = sizeof(*at);

	server_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	at->sin_port = 0;
	assert_int_equal(bind(tcp_fd, (struct sockaddr *)at, sizeof(*at)), 0);
	getsockname(tcp_fd, (struct sockaddr *)at, &length);
	assert_int_equal(listen(tcp_fd, 4), 0);
	if (bind(server_fd, (struct sockaddr *)at, sizeof(*at)) == 0)
		return;
	close(server_fd); /* somebody has the port for UDP */
	close(tcp_fd);
	listen_on(at);
}

static int
set_up(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	char servers[64];

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	loop = loop_create();
	listen_on(&at);
	server = loop_watch_create(loop, server_fd, LOOP_READ, on_question, NULL);
	tcp_server = loop_watch_create(loop, tcp_fd, LOOP_READ, on_tcp, NULL);
	snprintf(servers, sizeof(servers), "127.0.0.1:%d", ntohs(at.sin_port));
	resolve = resolve_create(loop, servers, 6);
	resolve_hosts(resolve, "/nonexistent");
	questions = questions_six = 0;
	return 0;
}

static int
tear_down(void **state)
{
	resolve_destroy(resolve);
	loop_watch_destroy(server);
	loop_watch_destroy(tcp_server);
	close(server_fd);
	close(tcp_fd);
	loop_destroy(loop);
	return 0;
}

/* ---- asking ---- */

struct got {
	int calls;
	struct resolve_answer answer;
	char sentence[400];
};

static void
on_got(const struct resolve_answer *answer, void *arg)
{
	struct got *got = arg;

	got->calls++;
	got->answer = *answer;
	snprintf(got->sentence, sizeof(got->sentence), "%s", answer->sentence);
	if (!clock_is_fake())
		loop_stop(loop);
}

static struct resolve_query *
start(const char *host, enum resolve_family family, int64_t max_age_us, struct got *got)
{
	memset(got, 0, sizeof(*got));
	return resolve_start(
	    resolve, host, family, max_age_us, 5 * CLOCK_SECOND, on_got, got);
}

static void
wait_for(const struct got *got)
{
	while (got->calls == 0)
		loop_advance(loop, 0);
	assert_int_equal(got->calls, 1);
}

static struct got
ask(const char *host, enum resolve_family family, int64_t max_age_us)
{
	struct got got;

	start(host, family, max_age_us, &got);
	assert_int_equal(got.calls, 0);
	wait_for(&got);
	return got;
}

/* The real clock: before it is faked. */
static void
it_runs_on_the_real_clock(void **state)
{
	struct got got;

	start("ok.test", RESOLVE_ANY, -1, &got);
	loop_run(loop);
	assert_int_equal(got.answer.error, 0);
	assert_int_equal(got.answer.count, 2);
	assert_true(got.answer.elapsed_us > 0);
	assert_false(got.answer.cached);
	start("silent.test", RESOLVE_IPV4, -1, &got);
	start("ok.test", RESOLVE_ANY, -1, &got);
	loop_run(loop);
	assert_true(got.answer.cached);
	assert_int_equal(got.answer.elapsed_us, 0);
	clock_fake(1000 * CLOCK_SECOND, 0);
}

static void
an_answer_is_kept_for_its_ttl(void **state)
{
	struct got got = ask("OK.test.", RESOLVE_ANY, -1);

	assert_string_equal(got.answer.address[0], "192.0.2.1");
	assert_string_equal(got.answer.address[1], "192.0.2.2");
	assert_int_equal(questions, 2); /* A and AAAA */
	got = ask("ok.test", RESOLVE_ANY, -1);
	assert_true(got.answer.cached);
	assert_int_equal(questions, 2);
	loop_advance(loop, 30 * CLOCK_SECOND);
	got = ask("ok.test", RESOLVE_IPV4, 10 * CLOCK_SECOND);
	assert_false(got.answer.cached); /* older than asked for */
	assert_int_equal(questions, 3);
	got = ask("ok.test", RESOLVE_IPV4, 0);
	assert_int_equal(questions, 4);
	loop_advance(loop, 60 * CLOCK_SECOND);
	got = ask("ok.test", RESOLVE_ANY, -1);
	assert_false(got.answer.cached);
	assert_int_equal(questions, 5);
	assert_int_equal(questions_six, 1); /* that there is none holds for 300 s */
	got = ask("zero.test", RESOLVE_IPV4, -1);
	got = ask("zero.test", RESOLVE_IPV4, -1);
	assert_int_equal(got.answer.count, 2);
	assert_int_equal(questions, 7);
}

static void
absence_is_kept_briefly(void **state)
{
	struct got got = ask("none.test", RESOLVE_ANY, -1);

	assert_int_equal(got.answer.error, ERR_NOT_FOUND);
	assert_string_equal(got.sentence, "the name none.test does not exist");
	assert_int_equal(questions, 2);
	got = ask("none.test", RESOLVE_ANY, -1);
	assert_int_equal(questions, 2);
	loop_advance(loop, 5 * CLOCK_SECOND);
	got = ask("none.test", RESOLVE_ANY, -1);
	assert_int_equal(questions, 4);
	got = ask("six.test", RESOLVE_IPV4, -1);
	assert_int_equal(got.answer.error, ERR_NOT_FOUND);
	assert_string_equal(got.sentence, "the name six.test has no IPv4 address");
	got = ask("broken.test", RESOLVE_ANY, -1);
	assert_int_equal(got.answer.error, ERR_LIBRARY);
	assert_string_equal(got.sentence,
	    "the DNS servers failed or could not be reached for the name broken.test");
	got = ask("garbage.test", RESOLVE_IPV4, -1);
	assert_int_equal(got.answer.error, ERR_LIBRARY);
	assert_string_equal(got.sentence,
	    "the DNS server's answer is malformed for the name garbage.test");
}

static void
an_alias_shortens_the_ttl(void **state)
{
	struct got got = ask("alias.test", RESOLVE_IPV4, -1);

	assert_int_equal(got.answer.count, 1);
	assert_string_equal(got.answer.address[0], "192.0.2.7");
	loop_advance(loop, 31 * CLOCK_SECOND);
	got = ask("alias.test", RESOLVE_IPV4, -1);
	assert_false(got.answer.cached);
}

static void
families_take_turns(void **state)
{
	struct got got = ask("both.test", RESOLVE_ANY, -1);
	bool six = strchr(got.answer.address[0], ':') != NULL;

	/* A machine may have no IPv6. */
	assert_int_equal(got.answer.count, six ? 3 : 2);
	if (six)
		assert_string_equal(got.answer.address[0], "::1");
	assert_string_equal(got.answer.address[six ? 1 : 0], "192.0.2.1");
	assert_string_equal(got.answer.address[six ? 2 : 1], "192.0.2.2");
	got = ask("both.test", RESOLVE_IPV6, -1);
	assert_true(got.answer.cached);
	assert_int_equal(got.answer.count, 1);
}

static void
an_address_without_a_route_is_left_out(void **state)
{
	bool six = strchr(ask("both.test", RESOLVE_ANY, -1).answer.address[0], ':');
	struct got got;

	loop_advance(loop, 20 * CLOCK_SECOND);
	got = ask("link6.test", RESOLVE_ANY, -1);
	assert_int_equal(got.answer.count, 2);
	assert_string_equal(got.answer.address[0], "192.0.2.1");
	got = ask("link6.test", RESOLVE_IPV6, -1); /* there is no other */
	assert_string_equal(got.answer.address[0], "fe80::1");
	got = ask("link.test", RESOLVE_ANY, -1); /* what holds for one is not all's */
	assert_int_equal(got.answer.count, six ? 3 : 2);
	assert_string_equal(got.answer.address[0], six ? "::1" : "192.0.2.1");
}

static void
a_cut_answer_is_asked_for_by_tcp(void **state)
{
	struct got got = ask("big.test", RESOLVE_IPV4, -1);

	assert_int_equal(got.answer.error, 0);
	assert_int_equal(got.answer.count, RESOLVE_ADDRESSES_MAX);
	assert_string_equal(got.answer.address[0], "192.0.2.3");
}

static void
a_silent_server_times_out(void **state)
{
	struct got got, other, cancelled;
	struct resolve_query *query;

	start("silent.test", RESOLVE_ANY, -1, &got);
	start("silent.test", RESOLVE_ANY, 0, &other); /* shares the question */
	query = start("silent.test", RESOLVE_ANY, -1, &cancelled);
	loop_advance(loop, 4 * CLOCK_SECOND);
	assert_int_equal(got.calls, 0);
	resolve_cancel(query);
	loop_advance(loop, 2 * CLOCK_SECOND);
	assert_int_equal(got.calls, 1);
	assert_int_equal(other.calls, 1);
	assert_int_equal(cancelled.calls, 0);
	assert_int_equal(got.answer.error, -ETIMEDOUT);
	assert_int_equal(got.answer.elapsed_us, 5 * CLOCK_SECOND);
	assert_string_equal(
	    got.sentence, "no DNS server answered within 5 s for the name silent.test");
}

static void
a_retry_asks_anew(void **state)
{
	struct got first, retry;
	int i;

	start("silent.test", RESOLVE_IPV4, 0, &first);
	while (questions == 0)
		loop_poll(loop);
	loop_advance(loop, 5 * CLOCK_SECOND);
	assert_int_equal(first.calls, 1);
	start("silent.test", RESOLVE_IPV4, 0, &retry);
	for (i = 0; questions < 2 && i < 1000; i++)
		loop_poll(loop);
	assert_int_equal(questions, 2);
	loop_advance(loop, 5 * CLOCK_SECOND);
	assert_int_equal(retry.calls, 1);
	assert_int_equal(retry.answer.error, -ETIMEDOUT);
}

static void
one_family_does_not_wait_for_the_other(void **state)
{
	struct got got;

	start("slow6.test", RESOLVE_ANY, -1, &got);
	while (questions < 2)
		loop_advance(loop, 0);
	loop_advance(loop, 0);
	assert_int_equal(got.calls, 0);
	loop_advance(loop, 300 * 1000);
	assert_int_equal(got.calls, 1);
	assert_int_equal(got.answer.error, 0);
	assert_string_equal(got.answer.address[0], "192.0.2.1");
	assert_true(got.answer.elapsed_us <= 60 * 1000);
	got = ask("slow6.test", RESOLVE_ANY, -1);
	assert_true(got.answer.cached);
	assert_int_equal(got.answer.elapsed_us, 0);
	assert_int_equal(questions, 2);
	loop_advance(loop, 2 * CLOCK_SECOND);
	start("slow6.test", RESOLVE_IPV6, -1, &got); /* it is but a guess */
	loop_advance(loop, 61 * CLOCK_SECOND);
	assert_int_equal(got.answer.error, -ETIMEDOUT);
	start("slow6.test", RESOLVE_ANY, -1, &got);
	assert_int_equal(got.calls, 0);
	while (got.calls == 0)
		loop_advance(loop, 10 * 1000);
	assert_false(got.answer.cached); /* nor is it believed for long */
}

static void
equal_questions_are_asked_once(void **state)
{
	struct got got[5];
	struct resolve_query *query;
	int i;

	for (i = 0; i < 5; i++)
		query = start("ok.test", RESOLVE_IPV4, -1, &got[i]);
	resolve_cancel(query);
	for (i = 0; i < 4; i++)
		wait_for(&got[i]);
	assert_int_equal(got[4].calls, 0);
	assert_int_equal(questions, 1);
	query = start("ok.test", RESOLVE_IPV4, -1, &got[4]); /* ready, not delivered */
	resolve_cancel(query);
	loop_advance(loop, CLOCK_SECOND);
	assert_int_equal(got[4].calls, 0);
}

static void
the_cache_is_bounded(void **state)
{
	struct resolve_stats stats;
	char name[32];
	int i;

	ask("keep.test", RESOLVE_IPV4, -1);
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "n%d.test", i);
		ask(name, RESOLVE_IPV4, -1);
		assert_true(ask("keep.test", RESOLVE_IPV4, -1).answer.cached);
	}
	resolve_stats(resolve, &stats);
	assert_int_equal(stats.entries, 6);
	assert_int_equal(stats.queries, 41);
	assert_int_equal(stats.hits, 20);
	assert_false(ask("n0.test", RESOLVE_IPV4, -1).answer.cached);
}

static void
addresses_and_nonsense_need_no_dns(void **state)
{
	static const char *const wrong[] = {"", ".", "a..b", "-\n", "x y", "127.1",
	    "1.2.3", "h\xc3\xa9.test", "[::1", "::g", "fe80::1%eth0", "a/b"};
	char label[70] = "";
	struct got got = ask("192.0.2.9", RESOLVE_ANY, -1);
	size_t i;

	assert_string_equal(got.answer.address[0], "192.0.2.9");
	got = ask("[2001:DB8::1]", RESOLVE_ANY, -1);
	assert_string_equal(got.answer.address[0], "2001:db8::1");
	got = ask("2001:db8::1", RESOLVE_IPV4, -1);
	assert_int_equal(got.answer.error, ERR_NOT_FOUND);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(
		    ask(wrong[i], RESOLVE_ANY, -1).answer.error, ERR_SYNTAX);
	memset(label, 'a', 64);
	assert_int_equal(ask(label, RESOLVE_ANY, -1).answer.error, ERR_SYNTAX);
	got = ask("localhost", RESOLVE_ANY, -1);
	assert_int_equal(got.answer.count, 2);
	got = ask("app.LOCALHOST", RESOLVE_IPV6, -1);
	assert_string_equal(got.answer.address[0], "::1");
	assert_int_equal(questions, 0);
}

static void
write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	fputs(text, file);
	fclose(file);
}

/* No descriptor is to be had any more. */
static void
none_left(bool none)
{
	static struct rlimit before;
	struct rlimit limit;

	if (none)
		getrlimit(RLIMIT_NOFILE, &before);
	limit = before;
	if (none)
		limit.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void
the_hosts_file_is_read_when_it_changes(void **state)
{
	char folder[] = "/tmp/vetrina-hosts.XXXXXX", path[64];
	struct got got;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/hosts", folder);
	write_file(path,
	    "# towns\n10.0.0.1\tTown.test town # one\r\n10.0.0.2 town.test\n"
	    "nonsense x\n::2 town.test\n10.0.0.3");
	resolve_hosts(resolve, path);
	got = ask("town.test", RESOLVE_IPV4, -1);
	assert_int_equal(got.answer.count, 2);
	assert_string_equal(got.answer.address[0], "10.0.0.1");
	assert_string_equal(got.answer.address[1], "10.0.0.2");
	assert_true(got.answer.cached);
	assert_int_equal(ask("town.test", RESOLVE_ANY, 0).answer.count, 3);
	write_file(path, "10.0.0.8 town.test\n");
	none_left(true); /* what was read is kept until the new can be */
	loop_advance(loop, CLOCK_SECOND);
	assert_int_equal(ask("town.test", RESOLVE_ANY, 0).answer.count, 3);
	none_left(false);
	loop_advance(loop, CLOCK_SECOND);
	got = ask("town.test", RESOLVE_IPV4, -1);
	assert_string_equal(got.answer.address[0], "10.0.0.8");
	assert_int_equal(got.answer.count, 1);
	write_file(path, "10.0.0.9 town.test localhost\n");
	got = ask("town.test", RESOLVE_IPV4, -1); /* not looked at within a second */
	assert_string_equal(got.answer.address[0], "10.0.0.8");
	loop_advance(loop, CLOCK_SECOND);
	got = ask("town.test", RESOLVE_IPV4, -1);
	assert_string_equal(got.answer.address[0], "10.0.0.9");
	assert_string_equal(
	    ask("localhost", RESOLVE_ANY, -1).answer.address[0], "10.0.0.9");
	assert_int_equal(questions, 0);
	unlink(path);
	loop_advance(loop, CLOCK_SECOND);
	got = ask("town.test", RESOLVE_IPV4, -1);
	assert_string_equal(got.answer.address[0], "192.0.2.1");
	rmdir(folder);
}

static void
resolv_conf_is_read_when_it_changes(void **state)
{
	char folder[] = "/tmp/vetrina-resolv.XXXXXX", path[64], text[80];
	struct sockaddr_in at;
	socklen_t length = sizeof(at);
	struct got old;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/resolv.conf", folder);
	write_file(path, "nameserver 127.0.0.2\n");
	getsockname(server_fd, (struct sockaddr *)&at, &length);
	snprintf(text, sizeof(text), "%s:%d", path, ntohs(at.sin_port));
	resolve_destroy(resolve);
	resolve = resolve_create(loop, text, 6);
	assert_int_equal(ask("ok.test", RESOLVE_IPV4, -1).answer.error, ERR_LIBRARY);
	write_file(path, "nameserver 127.0.0.1 # back\n");
	assert_int_equal(ask("ok.test", RESOLVE_IPV4, -1).answer.error, ERR_LIBRARY);
	loop_advance(loop, CLOCK_SECOND);
	none_left(true); /* that it cannot be read now is not for ever */
	assert_int_equal(ask("ok.test", RESOLVE_IPV4, -1).answer.error, ERR_FULL);
	none_left(false);
	loop_advance(loop, CLOCK_SECOND);
	assert_int_equal(ask("ok.test", RESOLVE_IPV4, -1).answer.error, 0);
	/* The old one still answers what it was asked. */
	start("both.test", RESOLVE_IPV4, -1, &old);
	write_file(path, "nameserver 127.0.0.2\n");
	loop_advance(loop, CLOCK_SECOND);
	assert_int_equal(ask("six.test", RESOLVE_IPV6, -1).answer.error, ERR_LIBRARY);
	wait_for(&old);
	assert_int_equal(old.answer.error, 0);
	start("silent.test", RESOLVE_IPV4, -1, &old); /* open at the end */
	unlink(path);
	rmdir(folder);
}

/* A callback that asks on and on must not hold the loop. */
static int rounds;

static void
ask_again(const struct resolve_answer *answer, void *arg)
{
	rounds++;
	resolve_start(
	    resolve, "192.0.2.1", RESOLVE_ANY, -1, CLOCK_SECOND, ask_again, NULL);
}

static int crowd;

static void
on_crowd(const struct resolve_answer *answer, void *arg)
{
	crowd++;
}

static void
a_crowd_is_answered_in_turns(void **state)
{
	int i;

	crowd = 0;
	for (i = 0; i < 100; i++)
		resolve_start(
		    resolve, "ok.test", RESOLVE_IPV4, -1, CLOCK_SECOND, on_crowd, NULL);
	while (crowd == 0)
		loop_poll(loop);
	assert_int_equal(crowd, 64);
	loop_advance(loop, 0);
	assert_int_equal(crowd, 100);
}

static void
callbacks_may_ask_and_leave(void **state)
{
	struct got got;

	rounds = 0;
	ask_again(NULL, NULL);
	loop_poll(loop);
	assert_int_equal(rounds, 1);
	start("silent.test", RESOLVE_ANY, -1, &got); /* dropped by tear_down */
	loop_poll(loop);
}

static void
absence_ttl_reads_hostile_bytes(void **state)
{
	struct packet p = {.length = 0};
	size_t i;

	put(&p, "\0\0\x81\x83\0\1\0\0\0\1\0\0", 12);
	put(&p, "\1x\0\0\1\0\1", 7);
	put_soa(&p, 40, 50);
	assert_int_equal(dns_absence_ttl(p.data, p.length), 40);
	for (i = 0; i < p.length; i++)
		assert_int_equal(dns_absence_ttl(p.data, i), -1);
	p.data[12] = 70; /* a label of 70 bytes */
	assert_int_equal(dns_absence_ttl(p.data, p.length), -1);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(it_runs_on_the_real_clock),
	    TEST(an_answer_is_kept_for_its_ttl),
	    TEST(absence_is_kept_briefly),
	    TEST(an_alias_shortens_the_ttl),
	    TEST(families_take_turns),
	    TEST(an_address_without_a_route_is_left_out),
	    TEST(a_cut_answer_is_asked_for_by_tcp),
	    TEST(a_silent_server_times_out),
	    TEST(a_retry_asks_anew),
	    TEST(one_family_does_not_wait_for_the_other),
	    TEST(equal_questions_are_asked_once),
	    TEST(the_cache_is_bounded),
	    TEST(addresses_and_nonsense_need_no_dns),
	    TEST(the_hosts_file_is_read_when_it_changes),
	    TEST(resolv_conf_is_read_when_it_changes),
	    TEST(a_crowd_is_answered_in_turns),
	    TEST(callbacks_may_ask_and_leave),
	    cmocka_unit_test(absence_ttl_reads_hostile_bytes),
	};

	return cmocka_run_group_tests_name("resolve", tests, NULL, NULL);
}
