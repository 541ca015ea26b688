// SPDX-License-Identifier: Apache-2.0
// One TLS connection as a transport.
//
// The idea: OpenSSL's many ways of failing become one fault each, in words of the operator: whose
// certificate, what is wrong with it, what to do. A fault of the peer's certificate is ours to
// find; an alert says what the peer finds wrong with ours. RFC 8446 section 6 (alerts), RFC 5280,
// RFC 6125 (names), RFC 7589.
#include "io/tls.h"
#include "io/tls_internal.h"
#include "io/transport_fault.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HINT_OWN "renew or enrol this side's certificate"

struct tls_transport {
	struct io_transport head;
	SSL *ssl;
	char *expected;      // client: the name that was asked for
	const char *refused; // name of the certificate that verification stumbled on
	struct io_peer peer;
	struct arena arena; // of peer
};

static struct tls_transport *of(struct io_transport *t)
{
	return (struct tls_transport *)t;
}

// --- the peer's identity ---

// NULL when it is absent or has a NUL inside, which could make one name look like another.
static const char *text_of(struct arena *arena, const ASN1_STRING *s)
{
	unsigned char *utf8 = NULL;
	int len = s ? ASN1_STRING_to_UTF8(&utf8, s) : -1;
	const char *text = NULL;
	if (len >= 0 && !memchr(utf8, 0, (size_t)len))
		text = arena_strndup(arena, (const char *)utf8, (size_t)len);
	OPENSSL_free(utf8);
	return text;
}

static const char *name_part(struct arena *arena, const X509_NAME *name, int nid)
{
	int at = X509_NAME_get_index_by_NID(name, nid, -1);
	return at < 0 ? NULL
		      : text_of(arena, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
}

static const char *address_text(struct arena *arena, const ASN1_OCTET_STRING *ip)
{
	char text[INET6_ADDRSTRLEN];
	int len = ASN1_STRING_length(ip);
	if (len != 4 && len != 16)
		return NULL;
	inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(ip), text, sizeof(text));
	return arena_strdup(arena, text);
}

static void read_san(struct io_peer *peer, struct arena *arena, const X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int n = names ? sk_GENERAL_NAME_num(names) : 0;
	const char **san = arena_array(arena, const char *, (size_t)n + 1);
	for (int i = 0; i < n; i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);
		const char *text = NULL;
		if (g->type == GEN_DNS)
			text = text_of(arena, g->d.dNSName);
		else if (g->type == GEN_IPADD)
			text = address_text(arena, g->d.iPAddress);
		if (text)
			san[peer->sans++] = text;
	}
	peer->san = san;
	GENERAL_NAMES_free(names);
}

static void read_serial(struct io_peer *peer, struct arena *arena, const X509 *cert)
{
	BIGNUM *n = base_oom(ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL));
	char *hex = base_oom(BN_bn2hex(n));
	peer->serial = arena_strdup(arena, hex);
	OPENSSL_free(hex);
	BN_free(n);
}

static void read_peer(struct tls_transport *t)
{
	struct io_peer *peer = &t->peer;
	const X509 *cert = SSL_get0_peer_certificate(t->ssl);
	assert(cert);
	const X509_NAME *subject = X509_get_subject_name(cert);
	peer->name = name_part(&t->arena, subject, NID_commonName);
	peer->organisation = name_part(&t->arena, subject, NID_organizationName);
	peer->unit = name_part(&t->arena, subject, NID_organizationalUnitName);
	read_san(peer, &t->arena, cert);
	read_serial(peer, &t->arena, cert);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	int ok = X509_digest(cert, EVP_sha256(), digest, &len);
	assert(ok && len == 32);
	for (unsigned i = 0; i < len; i++)
		snprintf(peer->fingerprint + 2 * i, 3, "%02x", digest[i]);
	struct tm tm;
	if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm))
		peer->not_after = timegm(&tm);
	ERR_clear_error();
}

// --- faults ---

static const char *certificate_hint(long verify)
{
	switch (verify) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return "renew the peer's certificate, and see whether both clocks are right";
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "see whether both clocks are right";
	case X509_V_ERR_CERT_REVOKED:
		return "enrol the peer again if it is still to be trusted";
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_CRL_NOT_YET_VALID:
		return "publish a new revocation list of the authority and load it";
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return "see whether this is the right peer, or issue a certificate with this name";
	default:
		return "see whether both sides use the same authority";
	}
}

static const char *certificate_text(long verify)
{
	switch (verify) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return "has expired";
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "is not valid yet";
	case X509_V_ERR_CERT_REVOKED:
		return "is revoked";
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		return "comes from an unknown issuer";
	case X509_V_ERR_UNABLE_TO_GET_CRL:
		return "has an issuer without a revocation list";
	default:
		return NULL;
	}
}

// A list whose next update has passed still revokes what it lists, but it refuses nobody else: an NSF that was away for
// longer than a list lasts must not lock its controller out. OpenSSL forgets a certificate that it refuses, so its name is
// kept here.
static int judge(int ok, X509_STORE_CTX *ctx)
{
	if (!ok && X509_STORE_CTX_get_error(ctx) == X509_V_ERR_CRL_HAS_EXPIRED) {
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	}
	int index = SSL_get_ex_data_X509_STORE_CTX_idx();
	struct tls_transport *t = SSL_get_app_data(X509_STORE_CTX_get_ex_data(ctx, index));
	const X509 *cert = X509_STORE_CTX_get_current_cert(ctx);
	if (!ok && cert && !t->refused)
		t->refused = name_part(&t->arena, X509_get_subject_name(cert), NID_commonName);
	return ok;
}

static enum io_result certificate_fault(struct tls_transport *t, long verify)
{
	const char *hint = certificate_hint(verify), *text = certificate_text(verify);
	const char *name = t->refused ? t->refused : "without a name";
	if (verify == X509_V_ERR_HOSTNAME_MISMATCH || verify == X509_V_ERR_IP_ADDRESS_MISMATCH)
		return io_fault(&t->head, DIAG_DENIED, hint,
				"the peer's certificate (%.64s) is not for %.100s", name,
				t->expected);
	if (text)
		return io_fault(&t->head, DIAG_DENIED, hint, "the peer's certificate (%.64s) %s",
				name, text);
	return io_fault(&t->head, DIAG_DENIED, hint,
			"the peer's certificate (%.64s) is refused: %s", name,
			X509_verify_cert_error_string(verify));
}

// What the peer says about us; NULL: not about our certificate.
static const char *alert_text(int reason)
{
	switch (reason) {
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
		return "it has expired";
	case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
		return "it is revoked";
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
		return "its issuer is unknown there";
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
	case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
		return "it is not accepted there";
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
		return "none was shown";
	default:
		return NULL;
	}
}

static enum io_result protocol_fault(struct tls_transport *t)
{
	unsigned long e = ERR_peek_last_error();
	int why = ERR_GET_REASON(e);
	long verify = SSL_get_verify_result(t->ssl);
	const char *about_us = alert_text(why), *text = ERR_reason_error_string(e);
	if (why == SSL_R_CERTIFICATE_VERIFY_FAILED && verify != X509_V_OK)
		return certificate_fault(t, verify);
	if (why == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
		return io_fault(&t->head, DIAG_DENIED,
				"give the peer a certificate of this authority",
				"the peer shows no certificate");
	if (about_us)
		return io_fault(&t->head, DIAG_DENIED, HINT_OWN,
				"the peer refuses our certificate: %s", about_us);
	if (why == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return io_fault(&t->head, DIAG_IO, IO_HINT_PEER, "the connection broke off");
	return io_fault(&t->head, DIAG_IO, "the peer must speak TLS 1.3", "TLS failed: %s",
			text ? text : "unknown error");
}

static enum io_result result_of(struct tls_transport *t, int rc)
{
	int saved = errno;
	enum io_result r = IO_FAILED;
	switch (SSL_get_error(t->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		r = IO_WANT_READ;
		break;
	case SSL_ERROR_WANT_WRITE:
		r = IO_WANT_WRITE;
		break;
	case SSL_ERROR_ZERO_RETURN:
		r = IO_CLOSED;
		break;
	case SSL_ERROR_SYSCALL:
		r = io_fault(&t->head, DIAG_IO, IO_HINT_PEER, "the connection broke: %s",
			     saved ? strerror(saved) : "closed by the peer");
		break;
	default:
		r = protocol_fault(t);
	}
	ERR_clear_error();
	return r;
}

// --- operations ---

static enum io_result tls_handshake(struct io_transport *head)
{
	struct tls_transport *t = of(head);
	ERR_clear_error();
	errno = 0;
	int rc = SSL_do_handshake(t->ssl);
	if (rc != 1)
		return result_of(t, rc);
	read_peer(t);
	return IO_OK;
}

static enum io_result tls_read(struct io_transport *head, void *data, size_t len, size_t *got_out)
{
	struct tls_transport *t = of(head);
	ERR_clear_error();
	errno = 0;
	int rc = SSL_read_ex(t->ssl, data, len, got_out);
	return rc == 1 ? IO_OK : result_of(t, rc);
}

static enum io_result tls_write(struct io_transport *head, const void *data, size_t len,
				size_t *put_out)
{
	struct tls_transport *t = of(head);
	ERR_clear_error();
	errno = 0;
	int rc = SSL_write_ex(t->ssl, data, len, put_out);
	return rc == 1 ? IO_OK : result_of(t, rc);
}

static void tls_shutdown(struct io_transport *head)
{
	struct tls_transport *t = of(head);
	if (SSL_is_init_finished(t->ssl) && !t->head.fault.text)
		SSL_shutdown(t->ssl);
	ERR_clear_error();
}

static const struct io_peer *tls_peer(const struct io_transport *head)
{
	return &((const struct tls_transport *)head)->peer;
}

static void tls_free(struct io_transport *head)
{
	struct tls_transport *t = of(head);
	SSL_free(t->ssl);
	close(head->fd);
	free(t->expected);
	arena_fini(&t->arena);
	free(t);
}

static const struct io_transport_ops tls_ops = {
	.name = "tls",
	.handshake = tls_handshake,
	.read = tls_read,
	.write = tls_write,
	.shutdown = tls_shutdown,
	.peer = tls_peer,
	.free = tls_free,
};

static struct tls_transport *transport_new(struct io_tls *tls, int fd)
{
	struct tls_transport *t = base_oom(calloc(1, sizeof(*t)));
	t->head.ops = &tls_ops;
	t->head.fd = fd;
	t->ssl = io_tls_ssl(tls);
	arena_init(&t->arena);
	SSL_set_app_data(t->ssl, t);
	SSL_set_verify(t->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, judge);
	int ok = SSL_set_fd(t->ssl, fd);
	assert(ok == 1);
	return t;
}

struct io_transport *io_tls_server(struct io_tls *tls, int fd)
{
	struct tls_transport *t = transport_new(tls, fd);
	SSL_set_accept_state(t->ssl);
	return &t->head;
}

static void expect(struct tls_transport *t, const char *expected_name)
{
	unsigned char ip[16];
	t->expected = base_oom(strdup(expected_name));
	X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	bool numeric = inet_pton(AF_INET, expected_name, ip) == 1 ||
		       inet_pton(AF_INET6, expected_name, ip) == 1;
	int ok = numeric ? X509_VERIFY_PARAM_set1_ip_asc(param, expected_name)
			 : X509_VERIFY_PARAM_set1_host(param, expected_name, 0);
	// An empty name would mean no check at all.
	assert(ok == 1 && *expected_name);
	if (!numeric)
		SSL_set_tlsext_host_name(t->ssl, expected_name);
	ERR_clear_error();
}

struct io_transport *io_tls_client(struct io_tls *tls, int fd, const char *expected_name)
{
	struct tls_transport *t = transport_new(tls, fd);
	SSL_set_connect_state(t->ssl);
	if (expected_name)
		expect(t, expected_name);
	return &t->head;
}

static struct io_transport *open_server(const void *context, int fd)
{
	return io_tls_server((struct io_tls *)context, fd);
}

static struct io_transport *open_client(const void *context, int fd)
{
	const struct io_tls_target *target = context;
	return io_tls_client(target->tls, fd, target->expected_name);
}

struct io_opener io_tls_accepting(struct io_tls *tls)
{
	return (struct io_opener){.open = open_server, .context = tls};
}

struct io_opener io_tls_connecting(const struct io_tls_target *target)
{
	return (struct io_opener){.open = open_client, .context = target};
}
