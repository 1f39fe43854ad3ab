/* loop/stream with tls and certificate: against real sockets and OpenSSL on loopback.
 */
#include "unit.h"

#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "loop/resolve.h"
#include "loop/stream.h"
#include "tests/lib/peer.h"

#define DAY 86400

static struct loop *loop;
static struct resolve *resolve;
static struct stream_pool *pool;
static char folder[] = "/tmp/vetrina-stream.XXXXXX", ca_file[64], other_file[64];
static struct certificate root, middle, old_middle, good, expired, early, wrong, alone,
    under_middle, under_old, short_middle, under_short;

/* What a test saw of its stream, and what it does when it is ready. */
static struct seen {
	int ready, data, end;
	struct stream *stream;
	const char *say;
	bool secure_after; /* starts TLS after the first data */
	bool stop_at_data;
	struct stream_info info;
	char heard[20000];
	size_t length;
} seen;

static void
on_stream(struct stream *stream, enum stream_event event, void *arg)
{
	const char *data;
	size_t length;

	assert_ptr_equal(arg, &seen);
	assert_int_equal(seen.end, 0);
	switch (event) {
	case STREAM_READY:
		seen.ready++;
		if (seen.say != NULL)
			stream_write(stream, seen.say, strlen(seen.say));
		if (seen.ready == 2 || (seen.say == NULL && !seen.secure_after))
			loop_stop(loop);
		break;
	case STREAM_DATA:
		seen.data++;
		data = stream_peek(stream, &length);
		if (seen.length + length <= sizeof(seen.heard)) {
			memcpy(seen.heard + seen.length, data, length);
			seen.length += length;
		}
		if (seen.secure_after) {
			stream_consume(stream, 3);
			seen.secure_after = false;
			stream_start_tls(stream);
		} else {
			stream_consume(stream, length);
			if (seen.stop_at_data)
				loop_stop(loop);
		}
		break;
	case STREAM_END:
		seen.end++;
		loop_stop(loop);
	}
}

static struct stream_request
request_to(int port)
{
	return (struct stream_request){.host = "127.0.0.1",
	    .port = (unsigned)port,
	    .dns_cache_us = -1,
	    .timeout_us = 5 * CLOCK_SECOND,
	    .ca_file = ca_file,
	    .least = TLS_1_2,
	    .read_max = 4096};
}

/* Runs until the test's own callback stops it, and closes. */
static void
run(const struct stream_request *request, struct seen wanted)
{
	seen = wanted;
	seen.stream = stream_start(pool, request, on_stream, &seen);
	assert_int_equal(seen.ready + seen.data + seen.end, 0);
	loop_run(loop);
	seen.info = *stream_info(seen.stream);
	stream_close(seen.stream, NULL, 0);
	loop_poll(loop);
}

static void
ends(enum fetch_class class, const char *sentence)
{
	if (seen.end != 1 || seen.info.class != class)
		fail_msg("ended %d times, %s: %s", seen.end,
		    fetch_class_name(seen.info.class), seen.info.sentence);
	if (strstr(seen.info.sentence, sentence) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", sentence, seen.info.sentence);
}

/* ---- in the clear ---- */

static void
echo(int fd, void *arg)
{
	char text[256];
	ssize_t n;

	while ((n = recv(fd, text, sizeof(text), 0)) > 0)
		if (send(fd, text, n, MSG_NOSIGNAL) < 0)
			return;
}

static void
says_and_closes(int fd, void *arg)
{
	peer_say(fd, arg);
}

static void
a_plain_connection_carries_bytes(void **state)
{
	struct peer *peer = peer_start(echo, NULL);
	struct stream_request request = request_to(peer_port(peer));

	run(&request, (struct seen){.say = "hello", .stop_at_data = true});
	assert_int_equal(seen.ready, 1);
	assert_int_equal(seen.end, 0);
	assert_int_equal(seen.length, 5);
	assert_memory_equal(seen.heard, "hello", 5);
	assert_int_equal(seen.info.received, 5);
	assert_int_equal(seen.info.class, FETCH_OK);
	assert_string_equal(seen.info.address, "127.0.0.1");
	assert_true(isnan(seen.info.dns) && isnan(seen.info.tls));
	assert_true(seen.info.connect > 0 && seen.info.connect < 1);
	assert_string_equal(seen.info.seen.protocol, "");

	request.host = "localhost";
	request.family = RESOLVE_IPV4;
	run(&request, (struct seen){.say = "hello", .stop_at_data = true});
	assert_int_equal(seen.length, 5);
	assert_true(seen.info.dns == 0);
	peer_stop(peer);
}

static void
its_end_is_told_after_what_came(void **state)
{
	struct peer *peer = peer_start(says_and_closes, (void *)"220 hello\r\n");
	struct stream_request request = request_to(peer_port(peer));

	/* Not a word of ours, so that it closes in order. */
	run(&request, (struct seen){.say = ""});
	ends(FETCH_CLOSED, "closed the connection after 11 bytes");
	assert_memory_equal(seen.heard, "220 hello\r\n", 11);
	peer_stop(peer);
	peer = peer_start(says_and_closes, (void *)"");
	request.port = (unsigned)peer_port(peer);
	run(&request, (struct seen){.say = ""});
	ends(FETCH_CLOSED, "closed the connection without a word");
	peer_stop(peer);
}

static void
floods(int fd, void *arg)
{
	char text[4096];

	memset(text, 'x', sizeof(text));
	while (send(fd, text, sizeof(text), MSG_NOSIGNAL) > 0)
		;
}

static size_t most, taken;

static void
on_flood(struct stream *stream, enum stream_event event, void *arg)
{
	size_t length;

	assert_int_not_equal(event, STREAM_END);
	if (event == STREAM_READY)
		return;
	stream_peek(stream, &length);
	if (length > most)
		most = length;
	if (++seen.data == 50)
		loop_stop(loop);
	if (length >= 1000) {
		stream_consume(stream, 1000);
		taken += 1000;
	}
}

static void
what_is_unread_is_bounded(void **state)
{
	struct peer *peer = peer_start(floods, NULL);
	struct stream_request request = request_to(peer_port(peer));
	struct stream *stream;
	size_t length;

	request.read_max = 1000;
	seen = (struct seen){0};
	most = taken = 0;
	stream = stream_start(pool, &request, on_flood, NULL);
	loop_run(loop);
	assert_int_equal(most, 1000);
	assert_true(taken > 1000);
	stream_peek(stream, &length);
	assert_int_equal(stream_info(stream)->received, taken + length);
	stream_close(stream, NULL, 0);
	peer_stop(peer);
}

static void
nobody_listens(void **state)
{
	struct peer *peer = peer_start(echo, NULL);
	struct stream_request request = request_to(peer_port(peer));
	char host[] = "two.vetrina.example", path[64];
	FILE *file;

	peer_stop(peer);
	run(&request, (struct seen){0});
	ends(FETCH_REFUSED, "127.0.0.1 port");
	ends(FETCH_REFUSED, "refused the connection");
	assert_true(isnan(seen.info.connect));

	/* Of two addresses the second answers, and then neither. */
	snprintf(path, sizeof(path), "%s/hosts", folder);
	file = fopen(path, "w");
	fprintf(file, "127.0.0.2 %s\n127.0.0.1 %s\n", host, host);
	fclose(file);
	resolve_hosts(resolve, path);
	request.host = host;
	run(&request, (struct seen){0});
	ends(FETCH_REFUSED, "the last of 2 addresses");
	peer = peer_start(echo, NULL);
	request.port = (unsigned)peer_port(peer);
	run(&request, (struct seen){0});
	assert_int_equal(seen.ready, 1);
	assert_string_equal(seen.info.address, "127.0.0.1");
	peer_stop(peer);
	unlink(path);

	request.host = "no-such-host.invalid";
	request.timeout_us = CLOCK_SECOND / 5;
	run(&request, (struct seen){0});
	ends(FETCH_RESOLVE, "");
	assert_true(isnan(seen.info.connect));
}

/* A listener whose queue is full: its connections stay half open. */
static void
nobody_accepts(void **state)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fillers[4], i;
	struct stream_request request;

	assert_int_equal(bind(listener, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(listener, 0), 0);
	getsockname(listener, (struct sockaddr *)&at, &size);
	for (i = 0; i < 4; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fillers[i], (struct sockaddr *)&at, size);
	}
	request = request_to(ntohs(at.sin_port));
	request.timeout_us = CLOCK_SECOND / 20;
	run(&request, (struct seen){0});
	ends(FETCH_CONNECT_TIMEOUT, "no connection within 0.05 s");
	assert_true(isnan(seen.info.connect));
	for (i = 0; i < 4; i++)
		close(fillers[i]);
	close(listener);
}

static void
waits(int fd, void *arg)
{
	peer_wait(fd);
}

static void
says_and_waits(int fd, void *arg)
{
	peer_say(fd, arg);
	peer_wait(fd);
}

static void
silence_is_told_by_its_phase(void **state)
{
	struct peer *silent = peer_start(waits, NULL);
	struct peer *brief = peer_start(says_and_waits, (void *)"220-");
	struct stream_request request = request_to(peer_port(silent));

	request.timeout_us = CLOCK_SECOND / 20;
	run(&request, (struct seen){.say = ""});
	ends(FETCH_FIRST_BYTE_TIMEOUT, "no answer within 0.05 s: connected to");
	request.tls = true;
	run(&request, (struct seen){.say = ""});
	ends(FETCH_TLS_TIMEOUT, "no TLS within 0.05 s");
	assert_true(isnan(seen.info.tls) && !isnan(seen.info.connect));
	request.tls = false;
	request.port = (unsigned)peer_port(brief);
	run(&request, (struct seen){.say = ""});
	ends(FETCH_READ_TIMEOUT, "did not end within 0.05 s: 4 bytes came");
	peer_stop(silent);
	peer_stop(brief);
}

static void
our_own_lack_is_internal(void **state)
{
	struct peer *peer = peer_start(echo, NULL);
	struct stream_request request = request_to(peer_port(peer));
	struct rlimit before, none;
	int next = dup(0);

	close(next);
	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = (rlim_t)next;
	seen = (struct seen){0};
	setrlimit(RLIMIT_NOFILE, &none);
	seen.stream = stream_start(pool, &request, on_stream, &seen);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(seen.end, 0);
	loop_run(loop);
	seen.info = *stream_info(seen.stream);
	ends(FETCH_INTERNAL, "Too many open files");
	stream_close(seen.stream, NULL, 0);
	peer_stop(peer);
}

static void
at_any_time_it_may_be_closed(void **state)
{
	struct peer *peer = peer_start(waits, NULL);
	struct stream_request request = request_to(peer_port(peer));
	struct stream *stream;
	int i;

	for (i = 0; i < 6; i++) {
		request.tls = i % 2 == 1;
		request.host = i < 2 ? "localhost" : "127.0.0.1";
		seen = (struct seen){.say = ""};
		stream = stream_start(pool, &request, on_stream, &seen);
		if (i >= 4)
			while (isnan(stream_info(stream)->connect))
				loop_poll(loop);
		stream_close(stream, "bye", 3);
		loop_poll(loop);
		assert_int_equal(seen.end, 0);
	}
	peer_stop(peer);
}

/* ---- TLS ---- */

struct tls_peer {
	struct peer *peer;
	SSL_CTX *context;
	char heard[256]; /* by the peer, after the handshake */
};

static void
serve_tls(int fd, void *arg)
{
	struct tls_peer *it = arg;
	SSL *ssl = peer_secure(fd, it->context);
	int n;

	if (ssl == NULL)
		return;
	n = SSL_read(ssl, it->heard, sizeof(it->heard) - 1);
	if (n > 0) {
		it->heard[n] = '\0';
		SSL_write(ssl, it->heard, n);
		peer_wait(fd);
	}
	SSL_free(ssl);
}

static struct tls_peer
tls_peer(const struct certificate *own, const struct certificate *chain)
{
	return (struct tls_peer){.context = peer_context(own, chain)};
}

static void
start_tls_peer(struct tls_peer *it)
{
	it->peer = peer_start(serve_tls, it);
}

static void
stop_tls_peer(struct tls_peer *it)
{
	peer_stop(it->peer);
	SSL_CTX_free(it->context);
}

static void
run_tls(const struct certificate *own, const struct certificate *chain,
    const char *name, struct seen wanted)
{
	struct tls_peer it = tls_peer(own, chain);
	struct stream_request request;

	start_tls_peer(&it);
	request = request_to(peer_port(it.peer));
	request.tls = true;
	request.name = name;
	run(&request, wanted);
	stop_tls_peer(&it);
	if (wanted.say == NULL || seen.info.seen.defects != 0)
		assert_string_equal(it.heard, "");
}

static double
days_left(void)
{
	return (double)(seen.info.seen.chain.expires_s -
			clock_wall_us() / CLOCK_SECOND) /
	       DAY;
}

static void
a_secured_connection_carries_bytes(void **state)
{
	run_tls(&good, NULL, "www.vetrina.example",
	    (struct seen){.say = "hello", .stop_at_data = true});
	assert_int_equal(seen.ready, 1);
	assert_int_equal(seen.end, 0);
	assert_memory_equal(seen.heard, "hello", 5);
	assert_string_equal(seen.info.seen.protocol, "TLSv1.3");
	assert_non_null(strstr(seen.info.seen.cipher, "TLS_"));
	assert_int_equal(seen.info.seen.defects, 0);
	assert_string_equal(seen.info.seen.chain.subject, "good");
	assert_string_equal(seen.info.seen.chain.issuer, "Root");
	assert_string_equal(
	    seen.info.seen.chain.names, "www.vetrina.example, 127.0.0.1");
	assert_true(seen.info.tls > 0 && seen.info.tls < 5);
	assert_true(fabs(days_left() - 30) < 0.1);
	assert_string_equal(seen.info.seen.chain.expires_first, "");
	/* An address is looked for in the certificate as well. */
	run_tls(&good, NULL, NULL, (struct seen){0});
	assert_int_equal(seen.ready, 1);
	run_tls(&good, NULL, "WWW.Vetrina.Example.", (struct seen){0});
	assert_int_equal(seen.ready, 1);
}

static void
defects_end_it_and_are_told(void **state)
{
	const char *name = "www.vetrina.example";

	run_tls(&expired, NULL, name, (struct seen){.say = "secret"});
	ends(FETCH_CERTIFICATE_EXPIRED, "is not valid today: it has expired on 20");
	assert_int_equal(seen.ready, 0);
	assert_true(fabs(days_left() + 1) < 0.1);
	assert_string_equal(seen.info.seen.protocol, "TLSv1.3");
	assert_false(isnan(seen.info.tls));
	run_tls(&early, NULL, name, (struct seen){.say = "secret"});
	ends(FETCH_CERTIFICATE_EXPIRED, "it is valid from 20");
	run_tls(&wrong, NULL, name, (struct seen){.say = "secret"});
	ends(FETCH_CERTIFICATE_NAME, "not made out to www.vetrina.example but to "
				     "a.example, b.example, c.example and 2 more");
	assert_true(fabs(days_left() - 30) < 0.1);
	run_tls(&good, NULL, "127.0.0.2", (struct seen){.say = "secret"});
	ends(FETCH_CERTIFICATE_NAME, "not made out to 127.0.0.2 but to www");
	run_tls(&alone, NULL, name, (struct seen){.say = "secret"});
	ends(FETCH_CERTIFICATE_ISSUER, "self-signed certificate, issued by alone");
	assert_true(fabs(days_left() - 30) < 0.1);
	/* Its issuer is not sent, and nobody knows it. */
	run_tls(&under_middle, NULL, name, (struct seen){.say = "secret"});
	ends(FETCH_CERTIFICATE_ISSUER, "unable to get local issuer certificate");
}

static void
the_whole_chain_counts(void **state)
{
	const char *name = "www.vetrina.example";

	run_tls(&under_middle, &middle, name, (struct seen){0});
	assert_int_equal(seen.ready, 1);
	assert_true(fabs(days_left() - 30) < 0.1);
	assert_string_equal(seen.info.seen.chain.issuer, "Middle");
	run_tls(&under_short, &short_middle, name, (struct seen){0});
	assert_int_equal(seen.ready, 1);
	assert_true(fabs(days_left() - 5) < 0.1);
	assert_string_equal(seen.info.seen.chain.expires_first, "Short middle");
	run_tls(&under_old, &old_middle, name, (struct seen){0});
	ends(FETCH_CERTIFICATE_EXPIRED,
	    "that of its issuer Old middle has expired on 20");
	assert_true(fabs(days_left() + 2) < 0.1);
	/* A root that is sent too is no defect; one beside the chain does not count. */
	run_tls(&good, &root, name, (struct seen){0});
	assert_int_equal(seen.ready, 1);
	run_tls(&good, &old_middle, name, (struct seen){0});
	assert_int_equal(seen.ready, 1);
	assert_true(fabs(days_left() - 30) < 0.1);
}

static void
old_versions_are_refused_unless_wanted(void **state)
{
	struct tls_peer it = tls_peer(&good, NULL);
	struct stream_request request;

	SSL_CTX_set_security_level(it.context, 0);
	SSL_CTX_set_min_proto_version(it.context, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(it.context, TLS1_VERSION);
	start_tls_peer(&it);
	request = request_to(peer_port(it.peer));
	request.tls = true;
	run(&request, (struct seen){0});
	ends(FETCH_TLS, "no version of TLS that both accept");
	request.least = TLS_1_0;
	run(&request, (struct seen){0});
	assert_int_equal(seen.ready, 1);
	assert_string_equal(seen.info.seen.protocol, "TLSv1");
	stop_tls_peer(&it);
}

static void
hangs_up(int fd, void *arg)
{
	struct tls_peer *it = arg;
	SSL *ssl = peer_secure(fd, it->context);

	if (ssl != NULL && it->heard[0] == '+')
		SSL_shutdown(ssl);
	SSL_free(ssl);
}

/* With its word of goodbye or without. */
static void
the_end_of_a_secured_connection_is_no_failure(void **state)
{
	struct tls_peer it = tls_peer(&good, NULL);
	struct stream_request request;

	it.peer = peer_start(hangs_up, &it);
	request = request_to(peer_port(it.peer));
	request.tls = true;
	run(&request, (struct seen){.say = ""});
	ends(FETCH_CLOSED, "closed the connection without a word");
	assert_int_equal(seen.ready, 1);
	it.heard[0] = '+';
	run(&request, (struct seen){.say = ""});
	ends(FETCH_CLOSED, "closed the connection without a word");
	stop_tls_peer(&it);
}

static void
a_certificate_of_ours_may_be_wanted(void **state)
{
	struct tls_peer it = tls_peer(&good, NULL);
	struct stream_request request;

	SSL_CTX_set_verify(
	    it.context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	start_tls_peer(&it);
	request = request_to(peer_port(it.peer));
	request.tls = true;
	run(&request, (struct seen){.say = ""});
	ends(FETCH_TLS, "the server wants a certificate of ours");
	assert_int_equal(seen.ready, 1); /* TLS 1.3: it says so later */
	stop_tls_peer(&it);
}

static void
names_are_shown_as_they_fit(void **state)
{
	struct certificate many = {0};
	char text[CERTIFICATE_TEXT];

	certificate_make(&many, &root, "many",
	    "DNS:portale.servizi-al-cittadino.comune.borgosereno.example,"
	    "DNS:pagamenti.servizi-al-cittadino.comune.borgosereno.example,"
	    "DNS:a.example",
	    false, -DAY, DAY);
	certificate_names(many.x509, text);
	assert_string_equal(text,
	    "portale.servizi-al-cittadino.comune.borgosereno.example, a.example and 1 "
	    "more");
	certificate_free(&many);
	certificate_make(&many, &root, "many", NULL, false, -DAY, DAY);
	certificate_names(many.x509, text);
	assert_string_equal(text, "many");
	certificate_free(&many);
}

/* So that nobody makes us calculate for long. */
static void
key_exchanges_are_bounded(void **state)
{
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	struct certificate rsa = {.key = EVP_RSA_gen(2048)};
	EVP_PKEY *group = NULL;
	struct stream_request request;
	struct tls_peer it;

	certificate_make(&rsa, &root, "rsa", "IP:127.0.0.1", false, -DAY, DAY);
	it = tls_peer(&rsa, NULL);
	assert_int_equal(EVP_PKEY_paramgen_init(maker), 1);
	assert_int_equal(EVP_PKEY_CTX_set_group_name(maker, "ffdhe6144"), 1);
	assert_int_equal(EVP_PKEY_paramgen(maker, &group), 1);
	EVP_PKEY_CTX_free(maker);
	assert_int_equal(SSL_CTX_set0_tmp_dh_pkey(it.context, group), 1);
	SSL_CTX_set_max_proto_version(it.context, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(it.context, "DHE-RSA-AES256-GCM-SHA384");
	start_tls_peer(&it);
	request = request_to(peer_port(it.peer));
	request.tls = true;
	run(&request, (struct seen){0});
	ends(FETCH_TLS, "larger than 4096 bits");
	stop_tls_peer(&it);
	certificate_free(&rsa);
}

static void
what_is_no_tls_is_told(void **state)
{
	struct peer *peer = peer_start(says_and_waits, (void *)"220 mail ESMTP\r\n");
	struct stream_request request = request_to(peer_port(peer));

	request.tls = true;
	run(&request, (struct seen){0});
	ends(FETCH_TLS, "what answers does not speak TLS");
	peer_stop(peer);
	peer = peer_start(says_and_closes, (void *)"");
	request.port = (unsigned)peer_port(peer);
	run(&request, (struct seen){0});
	ends(FETCH_TLS, "");
	peer_stop(peer);
	request.ca_file = "/nonexistent/ca.pem";
	peer = peer_start(waits, NULL);
	request.port = (unsigned)peer_port(peer);
	run(&request, (struct seen){0});
	ends(FETCH_INTERNAL, "cannot use the certificates in /nonexistent/ca.pem");
	peer_stop(peer);
}

static void
serve_starttls(int fd, void *arg)
{
	struct tls_peer *it = arg;

	peer_say(fd, it->heard[0] == '+' ? "go\nINJECTED\n" : "go\n");
	it->heard[0] = '\0';
	serve_tls(fd, arg);
}

static void
tls_may_begin_later(void **state)
{
	struct tls_peer it = tls_peer(&good, NULL);
	struct stream_request request;

	it.peer = peer_start(serve_starttls, &it);
	request = request_to(peer_port(it.peer));
	run(&request, (struct seen){.say = "", .secure_after = true});
	assert_int_equal(seen.end, 0);
	assert_int_equal(seen.ready, 2);
	assert_string_equal(seen.info.seen.protocol, "TLSv1.3");
	assert_int_equal(seen.info.received, 3);
	/* What came in the clear must not count as said under TLS. */
	it.heard[0] = '+';
	run(&request, (struct seen){.say = "", .secure_after = true});
	ends(FETCH_PROTOCOL, "said more in the clear");
	assert_int_equal(seen.ready, 1);
	stop_tls_peer(&it);
}

static void
a_goodbye_reaches_the_peer(void **state)
{
	struct tls_peer it = tls_peer(&good, NULL);
	struct stream_request request;
	struct stream *stream;

	start_tls_peer(&it);
	request = request_to(peer_port(it.peer));
	request.tls = true;
	seen = (struct seen){0};
	stream = stream_start(pool, &request, on_stream, &seen);
	loop_run(loop);
	assert_int_equal(seen.ready, 1);
	stream_close(stream, "QUIT\r\n", 6);
	loop_poll(loop); /* libevent closes in its next round */
	loop_poll(loop);
	peer_finish(it.peer);
	SSL_CTX_free(it.context);
	assert_string_equal(it.heard, "QUIT\r\n");
}

/* Contexts are bounded, and one in use may go. */
static void
many_ca_files_are_no_matter(void **state)
{
	struct tls_pool *tls_pool = tls_pool_create();
	struct tls *first, *tls;
	char path[80], error[256];
	int i;

	assert_int_equal(
	    tls_open(tls_pool, ca_file, "a.example", TLS_1_2, &first, error), 0);
	for (i = 0; i < 40; i++) {
		snprintf(path, sizeof(path), "%s/ca-%d", folder, i);
		certificate_write(&root, path);
		assert_int_equal(
		    tls_open(tls_pool, path, "a.example", TLS_1_2, &tls, error), 0);
		tls_close(tls, NULL, 0);
		unlink(path);
	}
	tls_pool_destroy(tls_pool);
	tls_close(first, NULL, 0);
}

/* The last test: the clock stands still from here on. */
static void
a_changed_ca_file_is_read_again(void **state)
{
	struct tls_pool *tls_pool = tls_pool_create();
	FILE *file = fopen(other_file, "w");
	char error[256];
	struct tls *tls;

	fputs("not a certificate\n", file);
	fclose(file);
	clock_fake(clock_mono_us(), clock_wall_us());
	assert_int_not_equal(
	    tls_open(tls_pool, other_file, "a.example", TLS_1_2, &tls, error), 0);
	assert_non_null(strstr(error, "/other.pem: "));
	certificate_write(&root, other_file);
	/* It is looked at once a second. */
	assert_int_not_equal(
	    tls_open(tls_pool, other_file, "a.example", TLS_1_2, &tls, error), 0);
	clock_fake_advance(CLOCK_SECOND);
	assert_int_equal(
	    tls_open(tls_pool, other_file, "a.example", TLS_1_2, &tls, error), 0);
	tls_close(tls, NULL, 0);
	unlink(other_file);
	clock_fake_advance(CLOCK_SECOND);
	assert_int_not_equal(
	    tls_open(tls_pool, other_file, "a.example", TLS_1_2, &tls, error), 0);
	tls_pool_destroy(tls_pool);
}

static int
set_up(void **state)
{
	const char *name = "DNS:www.vetrina.example,IP:127.0.0.1";
	const long month = 30 * DAY;

	signal(SIGPIPE, SIG_IGN);
	assert_non_null(mkdtemp(folder));
	certificate_make(&root, NULL, "Root", NULL, true, -DAY, 10 * month);
	certificate_make(&middle, &root, "Middle", NULL, true, -DAY, 5 * month);
	certificate_make(
	    &old_middle, &root, "Old middle", NULL, true, -month, -2 * DAY);
	certificate_make(
	    &short_middle, &root, "Short middle", NULL, true, -DAY, 5 * DAY);
	certificate_make(&good, &root, "good", name, false, -DAY, month);
	certificate_make(&expired, &root, "expired", name, false, -month, -DAY);
	certificate_make(&early, &root, "early", name, false, DAY, month);
	certificate_make(&wrong, &root, "wrong",
	    "DNS:a.example,DNS:b.example,DNS:c.example,DNS:d.example,DNS:e.example",
	    false, -DAY, month);
	certificate_make(&alone, NULL, "alone", name, false, -DAY, month);
	certificate_make(&under_middle, &middle, "leaf", name, false, -DAY, month);
	certificate_make(&under_old, &old_middle, "leaf", name, false, -DAY, month);
	certificate_make(&under_short, &short_middle, "leaf", name, false, -DAY, month);
	snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", folder);
	snprintf(other_file, sizeof(other_file), "%s/other.pem", folder);
	certificate_write(&root, ca_file);
	loop = loop_create();
	resolve = resolve_create(loop, "127.0.0.1:9", 100);
	pool = stream_pool_create(loop, resolve);
	return 0;
}

static int
tear_down(void **state)
{
	struct certificate *all[] = {&root, &middle, &old_middle, &good, &expired,
	    &early, &wrong, &alone, &under_middle, &under_old, &short_middle,
	    &under_short};
	size_t i;

	stream_pool_destroy(pool);
	resolve_destroy(resolve);
	loop_destroy(loop);
	for (i = 0; i < ARRAY_LENGTH(all); i++)
		certificate_free(all[i]);
	unlink(ca_file);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_plain_connection_carries_bytes),
	    cmocka_unit_test(its_end_is_told_after_what_came),
	    cmocka_unit_test(what_is_unread_is_bounded),
	    cmocka_unit_test(nobody_listens),
	    cmocka_unit_test(nobody_accepts),
	    cmocka_unit_test(silence_is_told_by_its_phase),
	    cmocka_unit_test(our_own_lack_is_internal),
	    cmocka_unit_test(at_any_time_it_may_be_closed),
	    cmocka_unit_test(a_secured_connection_carries_bytes),
	    cmocka_unit_test(defects_end_it_and_are_told),
	    cmocka_unit_test(the_whole_chain_counts),
	    cmocka_unit_test(old_versions_are_refused_unless_wanted),
	    cmocka_unit_test(the_end_of_a_secured_connection_is_no_failure),
	    cmocka_unit_test(a_certificate_of_ours_may_be_wanted),
	    cmocka_unit_test(names_are_shown_as_they_fit),
	    cmocka_unit_test(key_exchanges_are_bounded),
	    cmocka_unit_test(what_is_no_tls_is_told),
	    cmocka_unit_test(tls_may_begin_later),
	    cmocka_unit_test(a_goodbye_reaches_the_peer),
	    cmocka_unit_test(many_ca_files_are_no_matter),
	    cmocka_unit_test(a_changed_ca_file_is_read_again),
	};

	return cmocka_run_group_tests_name("stream", tests, set_up, tear_down);
}
