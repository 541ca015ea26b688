// SPDX-License-Identifier: Apache-2.0
// Signing statements and checking them. The one idea: the bytes that are signed are never made
// anew by who checks them, so there is no canonical form to disagree about here.
// What it does not: say what is signed, or by whom it ought to be.
#include "pki/signature.h"

#include "pki/internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

struct pki_signer {
	EVP_PKEY *key;
	char name[PKI_DIGEST_TEXT];
};

// EdDSA hashes by itself.
static const EVP_MD *hash_of(const EVP_PKEY *key)
{
	int kind = EVP_PKEY_get_base_id(key);
	return kind == EVP_PKEY_ED25519 || kind == EVP_PKEY_ED448 ? NULL : EVP_sha256();
}

static bool name_key(EVP_PKEY *key, char out[static PKI_DIGEST_TEXT])
{
	unsigned char digest[PKI_DIGEST], *der = NULL;
	int len = i2d_PUBKEY(key, &der);
	if (len <= 0)
		return false;
	pki_sha256(der, (size_t)len, digest);
	OPENSSL_free(der);
	pki_digest_text(digest, out);
	return true;
}

struct pki_signer *pki_signer_open(const char *key_path, struct diags *diags)
{
	pki_auto(EVP_PKEY) key = pki_key_read(key_path, diags);
	char name[PKI_DIGEST_TEXT];
	if (!key)
		return NULL;
	if (!name_key(key, name)) {
		(void)pki_library_fault(diags, "the key has no public half");
		return NULL;
	}
	struct pki_signer *signer = base_oom(calloc(1, sizeof(*signer)));
	memcpy(signer->name, name, sizeof(name));
	signer->key = key;
	key = NULL;
	return signer;
}

void pki_signer_free(struct pki_signer *signer)
{
	if (!signer)
		return;
	EVP_PKEY_free(signer->key);
	free(signer);
}

const char *pki_signer_key(const struct pki_signer *signer)
{
	return signer->name;
}

void pki_sign(const struct pki_signer *signer, const void *data, size_t len, struct buf *out)
{
	enum { RAW_MOST = PKI_SIGNATURE_MOST / 4 * 3 };
	unsigned char raw[RAW_MOST];
	size_t raw_len = sizeof(raw);
	EVP_MD_CTX *context = base_oom(EVP_MD_CTX_new());
	int ok = EVP_DigestSignInit(context, NULL, hash_of(signer->key), NULL, signer->key);
	if (ok == 1)
		ok = EVP_DigestSign(context, raw, &raw_len, data, len);
	assert(ok == 1); // as a digest that fails: nobody can handle it
	EVP_MD_CTX_free(context);
	char *text = buf_reserve(out, (raw_len + 2) / 3 * 4 + 1);
	buf_advance(out, (size_t)EVP_EncodeBlock((unsigned char *)text, raw, (int)raw_len));
}

bool pki_certified_key(const char *certificate, struct diags *diags,
		       char out[static PKI_DIGEST_TEXT])
{
	pki_auto(X509) read = pki_certificate_read(certificate, diags);
	EVP_PKEY *key = read ? X509_get0_pubkey(read) : NULL;
	if (!read)
		return false;
	return (key && name_key(key, out)) ||
	       pki_library_fault(diags, "the certificate has no key that can be used");
}

// The bytes of strict base64 (RFC 4648 section 4); 0: it is none.
static size_t decode(const char *text, unsigned char out[static PKI_SIGNATURE_MOST])
{
	size_t len = strlen(text), padding = len && text[len - 1] == '=';
	padding += len > 1 && text[len - 2] == '=' && padding;
	if (!len || len % 4 || len > PKI_SIGNATURE_MOST)
		return 0;
	if (strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") !=
	    len - padding)
		return 0;
	int got = EVP_DecodeBlock(out, (const unsigned char *)text, (int)len);
	return got < (int)padding ? 0 : (size_t)got - padding;
}

bool pki_signature_holds(const char *certificate, const void *data, size_t len,
			 const char *signature)
{
	unsigned char raw[PKI_SIGNATURE_MOST];
	size_t raw_len = decode(signature, raw);
	struct arena arena cleanup(arena_fini);
	struct diags ignored;
	arena_init(&arena);
	diags_init(&ignored, &arena);
	pki_auto(X509) read = raw_len ? pki_certificate_read(certificate, &ignored) : NULL;
	EVP_PKEY *key = read ? X509_get0_pubkey(read) : NULL;
	EVP_MD_CTX *context = base_oom(EVP_MD_CTX_new());
	bool holds = key && EVP_DigestVerifyInit(context, NULL, hash_of(key), NULL, key) == 1 &&
		     EVP_DigestVerify(context, raw, raw_len, data, len) == 1;
	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return holds;
}
