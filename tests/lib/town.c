/*
 * town PORT TLS_PORT FOLDER: the stand-in for a municipality's services, on
 * loopback. GET /SERVICE answers as town_model.c says of this instant. A port of 0
 * takes a free one; a line "town: http PORT https PORT ca FILE" on stdout tells
 * that it is ready. Certificates (a small CA, and one that ends in six days) are
 * made in FOLDER by the openssl program. Ends with its standard input or SIGTERM.
 */
#include <microhttpd.h>

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "town_model.h"

static volatile sig_atomic_t ended;

static void
on_signal(int number)
{
	ended = 1;
}

static enum MHD_Result
answer(void *cls, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *size,
    void **state)
{
	const struct town_service *service = town_find(url + 1);
	struct MHD_Response *response;
	struct town_moment moment = {0};
	char body[512];
	enum MHD_Result result;
	unsigned status;

	if (service != NULL)
		town_at(service, time(NULL), &moment);
	status = service == NULL ? 404 : moment.down ? 503 : 200;
	usleep((useconds_t)(moment.response_s * 1e6));
	snprintf(body, sizeof(body),
	    "<!doctype html><html lang=\"it\"><title>Borgosereno</title>"
	    "<h1>%s</h1><p>%s</p><p>{\"status\": \"%s\"}</p></html>\n",
	    service != NULL ? service->id : "?",
	    status == 200 ? "Servizio attivo" : "Servizio non disponibile",
	    status == 200 ? "ok" : "ko");
	response =
	    MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_MUST_COPY);
	MHD_add_response_header(response, "Content-Type", "text/html; charset=utf-8");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static char *
read_file(const char *folder, const char *name)
{
	char *path = mem_printf("%s/%s", folder, name);
	FILE *file = fopen(path, "r");
	char data[8192];
	size_t n;

	if (file == NULL) {
		perror(path);
		exit(1);
	}
	n = fread(data, 1, sizeof(data) - 1, file);
	fclose(file);
	free(path);
	return mem_strndup(data, n);
}

static void
make_certificates(const char *folder)
{
	static const char script[] =
	    "set -e; cd '%s'; umask 077\n"
	    "[ -e ca.key ] || openssl req -x509 -newkey ec -pkeyopt "
	    "ec_paramgen_curve:P-256"
	    " -nodes -keyout ca.key -out ca.pem -days 3650 -subj '/CN=Borgosereno demo "
	    "CA'"
	    " 2>/dev/null\n"
	    "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "
	    "town.key"
	    " -out town.csr -subj '/CN=localhost' 2>/dev/null\n"
	    "printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\n' >town.ext\n"
	    "openssl x509 -req -in town.csr -CA ca.pem -CAkey ca.key -CAcreateserial"
	    " -days 6 -extfile town.ext -out town.pem 2>/dev/null\n";
	char *command = mem_printf(script, folder);

	if (system(command) != 0) {
		fprintf(stderr, "town: openssl could not make the certificates in %s\n",
		    folder);
		exit(1);
	}
	free(command);
}

static struct MHD_Daemon *
serve(unsigned flags, int port, const char *key, const char *certificate)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct MHD_OptionItem tls[] = {
	    {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
	    {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)certificate},
	    {MHD_OPTION_END, 0, NULL}};
	struct MHD_Daemon *daemon;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	/* A thread a connection: each may sleep as long as its service takes. */
	daemon = MHD_start_daemon(
	    MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | flags,
	    port, NULL, NULL, answer, NULL, MHD_OPTION_SOCK_ADDR, &address,
	    MHD_OPTION_CONNECTION_LIMIT, 200u, MHD_OPTION_ARRAY,
	    key != NULL ? tls : &tls[2], MHD_OPTION_END);
	if (daemon == NULL) {
		fprintf(stderr, "town: cannot listen on 127.0.0.1:%d\n", port);
		exit(1);
	}
	return daemon;
}

static int
port_of(struct MHD_Daemon *daemon)
{
	return MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

int
main(int argc, char **argv)
{
	struct MHD_Daemon *plain, *tls;
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	char *key, *certificate, byte;

	if (argc != 4) {
		fputs("usage: town PORT TLS_PORT FOLDER\n", stderr);
		return 2;
	}
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	signal(SIGPIPE, SIG_IGN);
	make_certificates(argv[3]);
	key = read_file(argv[3], "town.key");
	certificate = read_file(argv[3], "town.pem");
	plain = serve(0, atoi(argv[1]), NULL, NULL);
	tls = serve(MHD_USE_TLS, atoi(argv[2]), key, certificate);
	printf("town: http %d https %d ca %s/ca.pem\n", port_of(plain), port_of(tls),
	    argv[3]);
	fflush(stdout);
	while (!ended && poll(&input, 1, -1) >= 0)
		if (read(STDIN_FILENO, &byte, 1) <= 0)
			break;
	MHD_stop_daemon(tls);
	MHD_stop_daemon(plain);
	free(key);
	free(certificate);
	return 0;
}
