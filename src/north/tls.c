// SPDX-License-Identifier: Apache-2.0
// The TLS identity of the RESTCONF server, and the judgement of clients.
//
// The idea: GnuTLS asks for the certificate at every handshake, so that a new one is used from the next
// connection on, without a second daemon and without an outage. Clients are not judged by GnuTLS but
// by pki, at every request: who is revoked is out at the next request, even on an open connection.
//
// GnuTLS keeps pointers to an identity for as long as a handshake lasts and does not say when it is
// done; old identities therefore stay until the end (a few kilobytes each, a few a year).
#include "north/tls.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHAIN_MOST 8u

struct identity {
	gnutls_pcert_st chain[CHAIN_MOST];
	unsigned len;
	gnutls_privkey_t key;
	struct identity *older;
};

struct tls {
	char *certificate, *key, *ca, *crl; // names of files
	char *authorities;
	pthread_rwlock_t lock;
	struct identity *identity;
	struct pki_trust *trust;
};

// The callback has no argument of its own: one controller, one identity.
static struct tls *served;

static int retrieve(gnutls_session_t session, const gnutls_datum_t *names, int names_len,
		    const gnutls_pk_algorithm_t *algorithms, int algorithms_len,
		    gnutls_pcert_st **chain_out, unsigned *len_out, gnutls_privkey_t *key_out)
{
	(void)session;
	(void)names;
	(void)names_len;
	(void)algorithms;
	(void)algorithms_len;
	pthread_rwlock_rdlock(&served->lock);
	*chain_out = served->identity->chain;
	*len_out = served->identity->len;
	*key_out = served->identity->key;
	pthread_rwlock_unlock(&served->lock);
	return 0;
}

void *tls_callback(struct tls *tls)
{
	served = tls;
	return (void *)retrieve;
}

// --- reading ---

static bool read_file(const char *path, struct diags *diags, struct buf *out)
{
	int rc = file_read(path, PKI_PEM_MOST, out);
	if (!rc)
		return true;
	diag_add(diags,
		 &(struct diag){.code = DIAG_IO,
				.file = path,
				.hint = "see that the file is there and the controller's user can "
					"read it"},
		 "cannot be read: %s", strerror(-rc));
	return false;
}

static void identity_free(struct identity *identity)
{
	for (unsigned i = 0; i < identity->len; i++)
		gnutls_pcert_deinit(&identity->chain[i]);
	if (identity->key)
		gnutls_privkey_deinit(identity->key);
	free(identity);
}

static bool import(struct identity *identity, const struct buf *certificate, const struct buf *key)
{
	gnutls_datum_t chain = {(unsigned char *)certificate->data, (unsigned)certificate->len};
	gnutls_datum_t secret = {(unsigned char *)key->data, (unsigned)key->len};
	unsigned len = CHAIN_MOST;
	if (gnutls_pcert_list_import_x509_raw(identity->chain, &len, &chain, GNUTLS_X509_FMT_PEM,
					      0))
		return false;
	identity->len = len;
	return gnutls_privkey_init(&identity->key) == 0 &&
	       gnutls_privkey_import_x509_raw(identity->key, &secret, GNUTLS_X509_FMT_PEM, NULL,
					      0) == 0;
}

static struct identity *identity_read(const struct tls *tls, struct diags *diags)
{
	struct buf certificate, key;
	buf_init(&certificate);
	buf_init(&key);
	struct identity *identity = base_oom(calloc(1, sizeof(*identity)));
	bool read = read_file(tls->certificate, diags, &certificate) &&
		    pki_key_matches(tls->key, certificate.data, diags) &&
		    read_file(tls->key, diags, &key);
	bool ok = read && import(identity, &certificate, &key);
	if (read && !ok)
		diag_add(diags,
			 &(struct diag){.code = DIAG_VALUE,
					.file = tls->certificate,
					.hint = "issue a new one with bulwark pki issue"},
			 "the certificate and its key cannot be used");
	gnutls_memset(key.data, 0, key.len);
	buf_fini(&certificate);
	buf_fini(&key);
	if (ok)
		return identity;
	identity_free(identity);
	return NULL;
}

bool tls_reload(struct tls *tls, struct diags *diags)
{
	struct pki_trust *trust = pki_trust_load(tls->ca, tls->crl, diags);
	struct identity *identity = trust ? identity_read(tls, diags) : NULL;
	if (!identity) {
		pki_trust_free(trust);
		return false;
	}
	pthread_rwlock_wrlock(&tls->lock);
	struct pki_trust *old = tls->trust;
	tls->trust = trust;
	identity->older = tls->identity;
	tls->identity = identity;
	pthread_rwlock_unlock(&tls->lock);
	pki_trust_free(old);
	return true;
}

struct tls *tls_new(const struct tls_files *files, struct diags *diags)
{
	struct tls *tls = base_oom(calloc(1, sizeof(*tls)));
	tls->certificate = base_oom(strdup(files->certificate));
	tls->key = base_oom(strdup(files->key));
	tls->ca = base_oom(strdup(files->ca));
	tls->crl = files->crl ? base_oom(strdup(files->crl)) : NULL;
	pthread_rwlock_init(&tls->lock, NULL);
	struct buf authorities;
	size_t len;
	buf_init(&authorities);
	bool ok = read_file(tls->ca, diags, &authorities) && tls_reload(tls, diags);
	tls->authorities = buf_take(&authorities, &len);
	buf_fini(&authorities);
	if (ok)
		return tls;
	tls_free(tls);
	return NULL;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	for (struct identity *i = tls->identity, *older; i; i = older) {
		older = i->older;
		identity_free(i);
	}
	pki_trust_free(tls->trust);
	pthread_rwlock_destroy(&tls->lock);
	free(tls->certificate);
	free(tls->key);
	free(tls->ca);
	free(tls->crl);
	free(tls->authorities);
	free(tls);
}

const char *tls_authorities(const struct tls *tls)
{
	return tls->authorities;
}

// --- judging ---

static const char *as_pem(const gnutls_datum_t *der, struct arena *arena)
{
	gnutls_datum_t pem;
	if (gnutls_pem_base64_encode2("CERTIFICATE", der, &pem))
		return NULL;
	const char *text = arena_strndup(arena, (const char *)pem.data, pem.size);
	gnutls_free(pem.data);
	return text;
}

enum pki_verdict tls_peer(struct tls *tls, struct gnutls_session_int *session, struct arena *arena,
			  struct pki_identity *out, const char **pem_out)
{
	unsigned len = 0;
	const gnutls_datum_t *peers = gnutls_certificate_get_peers(session, &len);
	if (!peers || !len)
		return PKI_VERDICTS;
	pthread_rwlock_rdlock(&tls->lock);
	enum pki_verdict verdict =
		pki_verify(tls->trust, peers[0].data, peers[0].size, time(NULL), NULL, out);
	pthread_rwlock_unlock(&tls->lock);
	*pem_out = as_pem(&peers[0], arena);
	return verdict;
}
