// SPDX-License-Identifier: Apache-2.0
// Keys, requests and certificates as PEM. The one idea: a key is read and written here only, from
// and to a file that nobody else can read; what comes from outside is bounded before it is parsed,
// and weak keys do not get in. RFC 7468 (textual encodings), RFC 2986 (requests), RFC 5915 and RFC
// 5958 (keys).
#include "pki/internal.h"

#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

enum { KEY_FILE_MOST = 16384, RSA_LEAST = 2048, RSA_MOST = 8192 };

#define CLEANUP(type, free_fn)         \
	void pki_free_##type(type **p) \
	{                              \
		free_fn(*p);           \
	}
CLEANUP(X509, X509_free)
CLEANUP(X509_CRL, X509_CRL_free)
CLEANUP(X509_REQ, X509_REQ_free)
CLEANUP(EVP_PKEY, EVP_PKEY_free)
CLEANUP(BIO, BIO_free_all)
CLEANUP(GENERAL_NAMES, GENERAL_NAMES_free)
CLEANUP(ASN1_INTEGER, ASN1_INTEGER_free)
CLEANUP(ASN1_TIME, ASN1_TIME_free)
#undef CLEANUP

bool pki_library_fault(struct diags *diags, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	diag_error(diags, DIAG_FAILED, NULL,
		   "this points to a damaged file or installation; try again with a fresh one",
		   "%s: %s", what, reason ? reason : "the cryptographic library gave no reason");
	ERR_clear_error();
	return false;
}

bool pki_file_fault(struct diags *diags, const char *path, int error, const char *hint)
{
	diag_add(diags, &(struct diag){.code = DIAG_IO, .file = path, .hint = hint}, "%s",
		 strerror(-error));
	return false;
}

char *pki_path(const char *dir, const char *name, const char *suffix)
{
	char *path = NULL;
	return asprintf(&path, "%s/%s%s", dir, name, suffix) < 0 ? base_oom(NULL) : path;
}

int pki_no_passphrase(char *out, int size, int writing, void *context)
{
	(void)out, (void)size, (void)writing, (void)context;
	return -1;
}

static BIO *reader(const char *pem, struct diags *diags)
{
	size_t len = strlen(pem);
	if (len > PKI_PEM_MOST) {
		diag_error(diags, DIAG_LIMIT, NULL, "send fewer certificates",
			   "a PEM text of %zu bytes, more than %u", len, PKI_PEM_MOST);
		return NULL;
	}
	return base_oom(BIO_new_mem_buf(pem, (int)len));
}

X509 *pki_certificate_read(const char *pem, struct diags *diags)
{
	pki_auto(BIO) bio = reader(pem, diags);
	if (!bio)
		return NULL;
	X509 *certificate = PEM_read_bio_X509(bio, NULL, pki_no_passphrase, NULL);
	ERR_clear_error();
	if (!certificate)
		diag_error(diags, DIAG_SYNTAX, NULL,
			   "give a certificate in PEM, from -----BEGIN CERTIFICATE----- to "
			   "-----END CERTIFICATE-----",
			   "this is not a certificate");
	return certificate;
}

void pki_certificate_print(X509 *certificate, struct buf *out)
{
	pki_auto(BIO) bio = base_oom(BIO_new(BIO_s_mem()));
	int ok = PEM_write_bio_X509(bio, certificate);
	assert(ok == 1);
	char *text;
	long len = BIO_get_mem_data(bio, &text);
	buf_add(out, text, (size_t)len);
}

// Of at least 112 bits of strength, and of a kind that TLS 1.3 signs with.
static bool key_is_strong(EVP_PKEY *key)
{
	int bits = EVP_PKEY_get_bits(key);
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_EC: {
		char group[32] = "";
		size_t len = 0;
		return EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1 &&
		       (strcmp(group, "prime256v1") == 0 || strcmp(group, "secp384r1") == 0 ||
			strcmp(group, "secp521r1") == 0);
	}
	case EVP_PKEY_RSA:
		return bits >= RSA_LEAST && bits <= RSA_MOST;
	case EVP_PKEY_ED25519:
	case EVP_PKEY_ED448:
		return true;
	default:
		return false;
	}
}

X509_REQ *pki_request_read(const char *pem, struct diags *diags)
{
	pki_auto(BIO) bio = reader(pem, diags);
	if (!bio)
		return NULL;
	pki_auto(X509_REQ) request = PEM_read_bio_X509_REQ(bio, NULL, pki_no_passphrase, NULL);
	EVP_PKEY *key = request ? X509_REQ_get0_pubkey(request) : NULL;
	const char *fault = NULL;
	if (!key)
		fault = "this is not a certificate request";
	else if (!key_is_strong(key))
		fault = "the request's key is too weak or of a kind that is not used here";
	else if (X509_REQ_verify(request, key) != 1)
		fault = "the request is not signed with its own key";
	ERR_clear_error();
	if (fault) {
		diag_error(diags, DIAG_VALUE, NULL,
			   "make a PKCS #10 request in PEM with a key on P-256, P-384, P-521, "
			   "Ed25519, Ed448 or RSA "
			   "with 2048 to 8192 bits",
			   "%s", fault);
		return NULL;
	}
	X509_REQ *result = request;
	request = NULL;
	return result;
}

EVP_PKEY *pki_key_make(struct diags *diags)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	if (!key)
		(void)pki_library_fault(diags, "no key could be made");
	return key;
}

// The file's owner, and only he, may read a key.
static bool key_file_is_private(int fd, const char *path, struct diags *diags)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return pki_file_fault(diags, path, -errno, "see whether the file system works");
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077)) {
		diag_add(diags,
			 &(struct diag){
				 .code = DIAG_DENIED,
				 .file = path,
				 .hint = "chmod 600 it; if others could read it, make a new key"},
			 "a private key that is not a file readable by its owner alone");
		return false;
	}
	return true;
}

EVP_PKEY *pki_key_read(const char *path, struct diags *diags)
{
	cleanup(base_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		(void)pki_file_fault(diags, path, -errno, "name the file of the private key");
		return NULL;
	}
	if (!key_file_is_private(fd, path, diags))
		return NULL;
	char text[KEY_FILE_MOST];
	ssize_t len = read(fd, text, sizeof(text));
	if (len < 0) {
		(void)pki_file_fault(diags, path, -errno, "see whether the file system works");
		return NULL;
	}
	pki_auto(BIO) bio = base_oom(BIO_new_mem_buf(text, (int)len));
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, pki_no_passphrase, NULL);
	OPENSSL_cleanse(text, sizeof(text));
	ERR_clear_error();
	if (!key)
		diag_add(diags,
			 &(struct diag){.code = DIAG_SYNTAX,
					.file = path,
					.hint = "give a private key in PEM without a pass phrase"},
			 "no private key in it");
	return key;
}

bool pki_key_write(EVP_PKEY *key, const char *path, struct diags *diags)
{
	pki_auto(BIO) bio = base_oom(BIO_new(BIO_s_mem()));
	if (PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return pki_library_fault(diags, "the key could not be written");
	char *text;
	long len = BIO_get_mem_data(bio, &text);
	int r = file_put(&(struct file_put){
		.path = path, .data = text, .len = (size_t)len, .mode = 0600, .how = FILE_NEW});
	OPENSSL_cleanse(text, (size_t)len);
	if (r < 0)
		return pki_file_fault(diags, path, r,
				      r == -EEXIST
					      ? "a key is never overwritten; move it away or use it"
					      : "see whether the directory is there and writable");
	return true;
}

bool pki_key_new(const char *path, struct diags *diags)
{
	pki_auto(EVP_PKEY) key = pki_key_make(diags);
	return key && pki_key_write(key, path, diags);
}

bool pki_request(const char *key_path, const char *name, struct diags *diags, struct buf *out)
{
	if (!pki_name_check(name, diags))
		return false;
	pki_auto(EVP_PKEY) key = pki_key_read(key_path, diags);
	if (!key)
		return false;
	pki_auto(X509_REQ) request = base_oom(X509_REQ_new());
	X509_NAME *subject = X509_REQ_get_subject_name(request);
	int kind = EVP_PKEY_get_base_id(key);
	const EVP_MD *digest =
		kind == EVP_PKEY_ED25519 || kind == EVP_PKEY_ED448 ? NULL : EVP_sha256();
	bool ok = X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
		  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
					     (const unsigned char *)name, -1, -1, 0) == 1 &&
		  X509_REQ_set_pubkey(request, key) == 1 && X509_REQ_sign(request, key, digest) > 0;
	pki_auto(BIO) bio = base_oom(BIO_new(BIO_s_mem()));
	if (!ok || PEM_write_bio_X509_REQ(bio, request) != 1)
		return pki_library_fault(diags, "no request could be made");
	char *text;
	long len = BIO_get_mem_data(bio, &text);
	buf_add(out, text, (size_t)len);
	return true;
}

bool pki_key_matches(const char *key_path, const char *certificate, struct diags *diags)
{
	pki_auto(EVP_PKEY) key = pki_key_read(key_path, diags);
	pki_auto(X509) read = key ? pki_certificate_read(certificate, diags) : NULL;
	if (!key || !read)
		return false;
	if (X509_check_private_key(read, key) == 1)
		return true;
	ERR_clear_error();
	diag_add(diags,
		 &(struct diag){.code = DIAG_CONFLICT,
				.file = key_path,
				.hint = "enrol again, or restore the key that the certificate was "
					"requested with"},
		 "the certificate belongs to another key");
	return false;
}
