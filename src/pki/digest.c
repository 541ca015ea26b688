// SPDX-License-Identifier: Apache-2.0
// Digests, random numbers and comparison in constant time. Thin on purpose: a failure of the
// library here is a fault of the installation that nobody can handle, so it ends the process. RFC
// 6234 (SHA-256), RFC 2104 (HMAC).
#include "pki/pki.h"

#include <assert.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

void pki_sha256(const void *data, size_t len, unsigned char out[static PKI_DIGEST])
{
	unsigned digest_len = 0;
	int ok = EVP_Digest(data, len, out, &digest_len, EVP_sha256(), NULL);
	assert(ok == 1 && digest_len == PKI_DIGEST);
}

void pki_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
		     unsigned char out[static PKI_DIGEST])
{
	assert(key_len <= INT32_MAX);
	unsigned digest_len = 0;
	const void *ok = HMAC(EVP_sha256(), key, (int)key_len, data, len, out, &digest_len);
	assert(ok && digest_len == PKI_DIGEST);
}

void pki_digest_text(const unsigned char digest[static PKI_DIGEST],
		     char out[static PKI_DIGEST_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	for (unsigned i = 0; i < PKI_DIGEST; i++) {
		out[2 * i] = digits[digest[i] >> 4];
		out[2 * i + 1] = digits[digest[i] & 15];
	}
	out[2 * PKI_DIGEST] = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool pki_digest_parse(const char *text, unsigned char out[static PKI_DIGEST])
{
	if (strlen(text) != 2 * PKI_DIGEST)
		return false;
	unsigned char digest[PKI_DIGEST];
	for (unsigned i = 0; i < PKI_DIGEST; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		digest[i] = (unsigned char)(high << 4 | low);
	}
	memcpy(out, digest, sizeof(digest));
	return true;
}

void pki_random(void *out, size_t len)
{
	assert(len <= INT32_MAX);
	int ok = RAND_bytes(out, (int)len);
	assert(ok == 1);
}

bool pki_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}
