/*
 * A context holds the parsed bundle of one CA file, which takes 20 ms to read, and is
 * made anew when the file changes; at most CONTEXTS_MAX are kept. OpenSSL counts the
 * references: a connection keeps the context it began with.
 *
 * The verification goes on at each defect and takes note of it, by a pointer from the
 * SSL to its struct tls.
 */
#include "loop/tls.h"

#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "loop/address.h"

#define POOL_MAGIC 0x746c7370
#define TLS_MAGIC 0x746c7363
#define CONTEXTS_MAX 16
#define DH_BITS_MAX 4096
#define CHAIN_MAX 12 /* certificates between the server's and the authority */

/* OpenSSL's own, the same for all contexts. */
static int (*default_security)(
    const SSL *, const SSL_CTX *, int, int, int, void *, void *);

struct context {
	TAILQ_ENTRY(context) entry;
	char *ca_file;
	struct stat seen;
	int64_t checked_us;
	SSL_CTX *ctx;    /* NULL: it could not be made */
	char error[160]; /* why not */
};

TAILQ_HEAD(context_list, context);

struct tls_pool {
	MAGIC;
	struct context_list contexts; /* most recently used first */
	unsigned count;
};

struct tls {
	MAGIC;
	SSL *ssl;
	bool taken; /* the SSL is somebody else's to free */
	unsigned defects;
	char words[3][160]; /* by defect */
};

/* ---- what is wrong with a certificate ---- */

static void
describe_date(X509_STORE_CTX *store, int error, char out[160])
{
	const X509 *certificate = X509_STORE_CTX_get_current_cert(store);
	bool early = error == X509_V_ERR_CERT_NOT_YET_VALID;
	char time[TEXT_TIME_SIZE], subject[CERTIFICATE_TEXT] = "";
	int64_t at_s =
	    early ? certificate_begins_s(certificate) : certificate_ends_s(certificate);

	if (X509_STORE_CTX_get_error_depth(store) > 0)
		certificate_subject(certificate, subject);
	snprintf(out, 160, "%s%s%s%s %s",
	    subject[0] != '\0' ? "that of its issuer " : "",
	    subject[0] != '\0' ? subject : "it", early ? " is valid" : " has expired",
	    early ? " from" : " on", text_time_format(at_s * CLOCK_SECOND, time));
}

static void
note_defect(struct tls *tls, X509_STORE_CTX *store)
{
	int error = X509_STORE_CTX_get_error(store);
	unsigned defect = TLS_UNTRUSTED, i = 0;

	if (error == X509_V_ERR_CERT_HAS_EXPIRED ||
	    error == X509_V_ERR_CERT_NOT_YET_VALID) {
		defect = TLS_EXPIRED;
		i = 1;
	} else if (error == X509_V_ERR_HOSTNAME_MISMATCH ||
		   error == X509_V_ERR_IP_ADDRESS_MISMATCH) {
		defect = TLS_OTHER_NAME;
		i = 2;
	}
	if ((tls->defects & defect) != 0)
		return;
	tls->defects |= defect;
	if (defect == TLS_EXPIRED)
		describe_date(store, error, tls->words[i]);
	else
		strlcpy(tls->words[i], X509_verify_cert_error_string(error),
		    sizeof(tls->words[i]));
}

static int
on_verify(int ok, X509_STORE_CTX *store)
{
	SSL *ssl =
	    X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls *tls = SSL_get_app_data(ssl);

	if (tls == NULL) /* closed amid the handshake */
		return 0;
	MAGIC_CHECK(tls, TLS_MAGIC);
	if (!ok)
		note_defect(tls, store);
	return 1;
}

/* ---- contexts ---- */

/* A key exchange in a group of a stranger's choice, of 10000 bits, would hold the loop
 * for a tenth of a second and more. */
static int
on_security(const SSL *ssl, const SSL_CTX *ctx, int what, int bits, int nid, void *key,
    void *arg)
{
	if (what == SSL_SECOP_TMP_DH && key != NULL &&
	    EVP_PKEY_get_bits(key) > DH_BITS_MAX)
		return 0;
	return default_security(ssl, ctx, what, bits, nid, key, arg);
}

static SSL_CTX *
new_context(const char *ca_file, char error[160])
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	assert(ctx != NULL);
	ERR_clear_error();
	if (SSL_CTX_load_verify_file(ctx, ca_file) != 1) {
		tls_explain(ERR_peek_error(), error);
		SSL_CTX_free(ctx);
		ERR_clear_error();
		return NULL;
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_verify);
	SSL_CTX_set_verify_depth(ctx, CHAIN_MAX);
	/* As libcurl has it: whatever stands in the file is trusted by itself. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
	default_security = SSL_CTX_get_security_callback(ctx);
	SSL_CTX_set_security_callback(ctx, on_security);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	/* Records that carry nothing of the other side's words come one a round. */
	SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return ctx;
}

static void
context_free(struct tls_pool *pool, struct context *context)
{
	TAILQ_REMOVE(&pool->contexts, context, entry);
	pool->count--;
	SSL_CTX_free(context->ctx);
	free(context->ca_file);
	free(context);
}

/* Looks at the file at most once a second. */
static bool
is_same(struct context *context)
{
	int64_t now_us = clock_mono_us();
	struct stat now;

	if (now_us - context->checked_us < CLOCK_SECOND)
		return true;
	context->checked_us = now_us;
	if (stat(context->ca_file, &now) != 0)
		memset(&now, 0, sizeof(now));
	return now.st_dev == context->seen.st_dev &&
	       now.st_ino == context->seen.st_ino &&
	       now.st_size == context->seen.st_size &&
	       now.st_mtim.tv_sec == context->seen.st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == context->seen.st_mtim.tv_nsec;
}

static struct context *
context_new(struct tls_pool *pool, const char *ca_file)
{
	struct context *context = mem_zalloc(sizeof(*context));

	if (pool->count >= CONTEXTS_MAX)
		context_free(pool, TAILQ_LAST(&pool->contexts, context_list));
	context->ca_file = mem_strdup(ca_file);
	context->checked_us = clock_mono_us();
	if (stat(ca_file, &context->seen) != 0)
		memset(&context->seen, 0, sizeof(context->seen));
	context->ctx = new_context(ca_file, context->error);
	TAILQ_INSERT_HEAD(&pool->contexts, context, entry);
	pool->count++;
	return context;
}

static struct context *
context_get(struct tls_pool *pool, const char *ca_file)
{
	struct context *context;

	TAILQ_FOREACH (context, &pool->contexts, entry)
		if (strcmp(context->ca_file, ca_file) == 0)
			break;
	if (context != NULL && !is_same(context)) {
		log_info("tls: %s changed, read again", ca_file);
		context_free(pool, context);
		context = NULL;
	}
	if (context == NULL)
		return context_new(pool, ca_file);
	TAILQ_REMOVE(&pool->contexts, context, entry);
	TAILQ_INSERT_HEAD(&pool->contexts, context, entry);
	return context;
}

struct tls_pool *
tls_pool_create(void)
{
	struct tls_pool *pool = mem_zalloc(sizeof(*pool));

	MAGIC_SET(pool, POOL_MAGIC);
	TAILQ_INIT(&pool->contexts);
	return pool;
}

void
tls_pool_destroy(struct tls_pool *pool)
{
	if (pool == NULL)
		return;
	MAGIC_CHECK(pool, POOL_MAGIC);
	while (!TAILQ_EMPTY(&pool->contexts))
		context_free(pool, TAILQ_FIRST(&pool->contexts));
	MAGIC_CLEAR(pool);
	free(pool);
}

/* ---- a connection ---- */

static void
expect_name(SSL *ssl, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	struct address address;
	char text[ADDRESS_TEXT_SIZE], host[256];
	size_t length;

	if (address_parse(name, &address)) {
		X509_VERIFY_PARAM_set1_ip_asc(param, address_format(&address, text));
		return;
	}
	length = strlcpy(host, name, sizeof(host));
	if (length < sizeof(host) && length > 0 && host[length - 1] == '.')
		host[length - 1] = '\0';
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	X509_VERIFY_PARAM_set1_host(param, host, 0);
	SSL_set_tlsext_host_name(ssl, host);
}

static void
accept_from(SSL *ssl, enum tls_version least)
{
	static const int versions[] = {
	    TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};

	SSL_set_min_proto_version(ssl, versions[least]);
	if (least < TLS_1_2)
		SSL_set_security_level(ssl, 0);
}

int
tls_open(struct tls_pool *pool, const char *ca_file, const char *name,
    enum tls_version least, struct tls **out, char error[256])
{
	struct context *context;
	struct tls *tls;

	MAGIC_CHECK(pool, POOL_MAGIC);
	context = context_get(pool, ca_file);
	if (context->ctx == NULL) {
		snprintf(error, 256, "cannot use the certificates in %.100s: %.100s",
		    ca_file, context->error);
		return ERR_LIBRARY;
	}
	tls = mem_zalloc(sizeof(*tls));
	MAGIC_SET(tls, TLS_MAGIC);
	tls->ssl = SSL_new(context->ctx);
	assert(tls->ssl != NULL);
	SSL_set_app_data(tls->ssl, tls);
	accept_from(tls->ssl, least);
	expect_name(tls->ssl, name);
	*out = tls;
	return 0;
}

void
tls_close(struct tls *tls, const char *goodbye, size_t length)
{
	if (tls == NULL)
		return;
	MAGIC_CHECK(tls, TLS_MAGIC);
	if (SSL_is_init_finished(tls->ssl)) {
		ERR_clear_error();
		if (tls->defects == 0 && length > 0)
			(void)SSL_write(tls->ssl, goodbye, (int)length);
		(void)SSL_shutdown(tls->ssl);
		ERR_clear_error();
	}
	SSL_set_app_data(tls->ssl, NULL);
	if (!tls->taken)
		SSL_free(tls->ssl);
	MAGIC_CLEAR(tls);
	free(tls);
}

struct ssl_st *
tls_take_ssl(struct tls *tls)
{
	assert(!tls->taken);
	tls->taken = true;
	return tls->ssl;
}

void
tls_look(struct tls *tls, struct tls_seen *out)
{
	size_t i;

	memset(out, 0, sizeof(*out));
	strlcpy(out->protocol, SSL_get_version(tls->ssl), sizeof(out->protocol));
	strlcpy(out->cipher, SSL_get_cipher_name(tls->ssl), sizeof(out->cipher));
	certificate_chain(tls->ssl, tls->defects == 0, &out->chain);
	out->defects = tls->defects;
	if (SSL_get0_peer_certificate(tls->ssl) == NULL) {
		out->defects = TLS_UNTRUSTED;
		strlcpy(out->defect, "the server showed none", sizeof(out->defect));
	}
	for (i = 0; i < ARRAY_LENGTH(tls->words) && out->defect[0] == '\0'; i++)
		strlcpy(out->defect, tls->words[i], sizeof(out->defect));
}

/* ---- words ---- */

bool
tls_is_end(unsigned long error)
{
	return ERR_GET_LIB(error) == ERR_LIB_SSL &&
	       ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
}

void
tls_explain(unsigned long error, char out[160])
{
	const char *words = ERR_reason_error_string(error);
	const char *more = "";

	if (ERR_GET_LIB(error) == ERR_LIB_SSL) {
		switch (ERR_GET_REASON(error)) {
		case SSL_R_WRONG_VERSION_NUMBER:
		case SSL_R_HTTP_REQUEST:
		case SSL_R_PACKET_LENGTH_TOO_LONG:
			more = " (what answers does not speak TLS)";
			break;
		case SSL_R_UNSUPPORTED_PROTOCOL:
		case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
			more = " (no version of TLS that both accept)";
			break;
		case SSL_R_DH_KEY_TOO_SMALL:
			more = ", or larger than 4096 bits";
			break;
		case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
			more = " (nothing that both accept)";
			break;
		case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
			more = " (the server wants a certificate of ours)";
			break;
		default:
			break;
		}
	}
	if (words == NULL && ERR_SYSTEM_ERROR(error))
		words = err_text(-ERR_GET_REASON(error));
	snprintf(out, 160, "%s%s", words != NULL ? words : "it gave no reason", more);
	text_clean(out);
}
