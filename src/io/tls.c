// SPDX-License-Identifier: Apache-2.0
// TLS identities: files read into an OpenSSL context that new connections share.
//
// The idea: a context is made whole from the files and then swapped in under a lock; connections
// hold the context that they began with, so rotation disturbs nobody and a half-written set of
// files changes nothing. Session resumption is off: each connection proves its certificate again,
// against the revocation list of that moment. It does not make certificates (pki does) and does not
// fetch revocation lists. RFC 8446; RFC 5280 for the certificates.
#include "io/tls_internal.h"
#include "io/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum which { CERTIFICATE, KEY, CA, CRL, FILES };

struct io_tls {
	char *file[FILES];
	pthread_mutex_t lock; // guards ctx
	SSL_CTX *ctx;
};

static void ctx_free(SSL_CTX **ctx)
{
	SSL_CTX_free(*ctx);
}

static void x509_crl_free(X509_CRL **crl)
{
	X509_CRL_free(*crl);
}

static void bio_free(BIO **bio)
{
	BIO_free(*bio);
}

// The last reason that OpenSSL gives; empties its queue.
static const char *reason(void)
{
	unsigned long e = ERR_peek_last_error();
	const char *text = ERR_reason_error_string(e);
	ERR_clear_error();
	return text ? text : "unknown error";
}

static bool bad_file(struct diags *diags, const char *file, const char *hint, const char *text)
{
	struct diag about = {.code = DIAG_IO, .file = file, .hint = hint};
	diag_add(diags, &about, "%s", text);
	return false;
}

static bool readable(struct diags *diags, const char *file)
{
	FILE *f = fopen(file, "re");
	if (!f)
		return bad_file(diags, file, "make it there and readable for this user",
				strerror(errno));
	fclose(f);
	return true;
}

// An encrypted key must not make a daemon ask at a terminal.
static int no_passphrase(char *buf, int size, int writing, void *context)
{
	(void)buf, (void)size, (void)writing, (void)context;
	return -1;
}

static bool load_identity(const struct io_tls *tls, SSL_CTX *ctx, struct diags *diags)
{
	const char *const *file = (const char *const *)tls->file;
	struct stat st;
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	if (SSL_CTX_use_certificate_chain_file(ctx, file[CERTIFICATE]) != 1)
		return bad_file(diags, file[CERTIFICATE],
				"it must hold PEM certificates, the own one first", reason());
	if (SSL_CTX_use_PrivateKey_file(ctx, file[KEY], SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(ctx) != 1)
		return bad_file(diags, file[KEY],
				"it must hold the PEM key of the certificate, without a passphrase",
				reason());
	if (stat(file[KEY], &st) == 0 && (st.st_mode & 077)) {
		struct diag about = {.severity = DIAG_WARNING,
				     .code = DIAG_DENIED,
				     .file = file[KEY],
				     .hint = "chmod 0600 it"};
		diag_add(diags, &about, "others than its owner can reach the key");
	}
	const X509 *own = SSL_CTX_get0_certificate(ctx);
	if (X509_cmp_current_time(X509_get0_notAfter(own)) <= 0)
		return bad_file(diags, file[CERTIFICATE], "renew it",
				"the certificate has expired");
	if (X509_cmp_current_time(X509_get0_notBefore(own)) > 0)
		return bad_file(diags, file[CERTIFICATE], "see whether the clock is right",
				"the certificate is not valid yet");
	return true;
}

static void warn_stale(const X509_CRL *crl, const char *file, struct diags *diags)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);
	if (!next || X509_cmp_current_time(next) > 0)
		return;
	struct diag about = {
		.severity = DIAG_WARNING,
		.code = DIAG_STALE,
		.file = file,
		.hint = "publish a new revocation list; until then every peer is refused"};
	diag_add(diags, &about, "the revocation list has expired");
}

static bool load_crl(const struct io_tls *tls, SSL_CTX *ctx, struct diags *diags)
{
	const char *file = tls->file[CRL];
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	BIO *bio cleanup(bio_free) = BIO_new_file(file, "r");
	size_t n = 0;
	while (bio) {
		X509_CRL *crl cleanup(x509_crl_free) =
			PEM_read_bio_X509_CRL(bio, NULL, no_passphrase, NULL);
		if (!crl)
			break;
		warn_stale(crl, file, diags);
		if (X509_STORE_add_crl(store, crl) != 1)
			return bad_file(diags, file, "make the revocation list anew", reason());
		n++;
	}
	// Reading to the end leaves "no start line", anything else is a list that is broken.
	if (!n || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return bad_file(diags, file, "it must hold PEM revocation lists", reason());
	ERR_clear_error();
	X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	return true;
}

static bool load_trust(const struct io_tls *tls, SSL_CTX *ctx, struct diags *diags)
{
	if (SSL_CTX_load_verify_file(ctx, tls->file[CA]) != 1)
		return bad_file(diags, tls->file[CA],
				"it must hold PEM certificates of authorities", reason());
	return !tls->file[CRL] || load_crl(tls, ctx, diags);
}

static SSL_CTX *ctx_load(const struct io_tls *tls, struct diags *diags)
{
	for (size_t i = 0; i < FILES; i++)
		if (tls->file[i] && !readable(diags, tls->file[i]))
			return NULL;
	ERR_clear_error();
	SSL_CTX *ctx cleanup(ctx_free) = base_oom(SSL_CTX_new(TLS_method()));
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	if (!load_identity(tls, ctx, diags) || !load_trust(tls, ctx, diags))
		return NULL;
	SSL_CTX *loaded = ctx;
	ctx = NULL;
	return loaded;
}

struct io_tls *io_tls_new(const struct io_tls_files *files, struct diags *diags)
{
	struct io_tls *tls = base_oom(calloc(1, sizeof(*tls)));
	const char *const name[FILES] = {files->certificate, files->key, files->ca, files->crl};
	pthread_mutex_init(&tls->lock, NULL);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < FILES; i++)
		tls->file[i] = name[i] ? base_oom(strdup(name[i])) : NULL;
	tls->ctx = ctx_load(tls, diags);
	if (tls->ctx)
		return tls;
	io_tls_free(tls);
	return NULL;
}

bool io_tls_reload(struct io_tls *tls, struct diags *diags)
{
	SSL_CTX *fresh = ctx_load(tls, diags);
	if (!fresh)
		return false;
	pthread_mutex_lock(&tls->lock);
	SSL_CTX *old = tls->ctx;
	tls->ctx = fresh;
	pthread_mutex_unlock(&tls->lock);
	SSL_CTX_free(old);
	return true;
}

SSL *io_tls_ssl(struct io_tls *tls)
{
	pthread_mutex_lock(&tls->lock);
	SSL *ssl = base_oom(SSL_new(tls->ctx));
	pthread_mutex_unlock(&tls->lock);
	return ssl;
}

void io_tls_free(struct io_tls *tls)
{
	if (!tls)
		return;
	for (size_t i = 0; i < FILES; i++)
		free(tls->file[i]);
	SSL_CTX_free(tls->ctx);
	pthread_mutex_destroy(&tls->lock);
	free(tls);
}
