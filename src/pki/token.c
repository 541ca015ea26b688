// SPDX-License-Identifier: Apache-2.0
// One-time tokens for enrolment. The one idea: the bearer learns from the token whom to trust (the
// authority's fingerprint), the issuer keeps only a digest of the secret, so neither side's storage
// betrays the other. The secret has 256 random bits; a plain digest of it is enough, there is
// nothing to guess. What it does not: expiry and the mark "used"; who keeps the tokens keeps those
// beside them.
#include "pki/pki.h"

#include "base/diag.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#define PREFIX "bw1."
enum { SECRET_TEXT = 43 }; // base64url of 32 bytes, without padding

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void base64url(const unsigned char in[static PKI_DIGEST], char out[static SECRET_TEXT + 1])
{
	unsigned bits = 0, value = 0;
	size_t len = 0;
	for (unsigned i = 0; i < PKI_DIGEST; i++) {
		value = value << 8 | in[i];
		for (bits += 8; bits >= 6; bits -= 6)
			out[len++] = alphabet[value >> (bits - 6) & 63];
	}
	out[len++] = alphabet[value << (6 - bits) & 63];
	out[len] = '\0';
}

void pki_token_new(const unsigned char fingerprint[static PKI_DIGEST], struct pki_token *token_out,
		   char text_out[static PKI_TOKEN_TEXT])
{
	unsigned char random[PKI_DIGEST];
	char hex[PKI_DIGEST_TEXT], secret[SECRET_TEXT + 1];
	pki_random(random, sizeof(random));
	pki_digest_text(random, hex);
	memcpy(token_out->id, hex, PKI_TOKEN_ID);
	token_out->id[PKI_TOKEN_ID] = '\0';
	pki_random(random, sizeof(random));
	base64url(random, secret);
	pki_sha256(secret, SECRET_TEXT, token_out->hash);
	memcpy(token_out->fingerprint, fingerprint, PKI_DIGEST);
	pki_digest_text(fingerprint, hex);

	snprintf(text_out, PKI_TOKEN_TEXT, PREFIX "%s.%s.%s", token_out->id, secret, hex);
	OPENSSL_cleanse(random, sizeof(random));
	OPENSSL_cleanse(secret, sizeof(secret));
}

static bool refuse(struct diags *diags)
{
	diag_error(
		diags, DIAG_VALUE, NULL,
		"copy the whole token, bw1.ID.SECRET.FINGERPRINT, as it was shown when it was made",
		"this is not an enrolment token");
	return false;
}

bool pki_token_parse(const char *text, struct diags *diags, struct pki_token *out)
{
	struct pki_token token = {.id = ""};
	// 1. prefix.
	if (strncmp(text, PREFIX, strlen(PREFIX)) != 0)
		return refuse(diags);
	const char *id = text + strlen(PREFIX);
	// 2. id, lower-case hexadecimal.
	if (strspn(id, "0123456789abcdef") != PKI_TOKEN_ID || id[PKI_TOKEN_ID] != '.')
		return refuse(diags);
	memcpy(token.id, id, PKI_TOKEN_ID);
	// 3. secret.
	const char *secret = id + PKI_TOKEN_ID + 1;
	if (strspn(secret, alphabet) != SECRET_TEXT || secret[SECRET_TEXT] != '.')
		return refuse(diags);
	pki_sha256(secret, SECRET_TEXT, token.hash);
	// 4. fingerprint, to the end.
	if (!pki_digest_parse(secret + SECRET_TEXT + 1, token.fingerprint))
		return refuse(diags);
	*out = token;
	return true;
}

bool pki_token_matches(const struct pki_token *shown, const struct pki_token *kept)
{
	bool id = pki_equal(shown->id, kept->id, PKI_TOKEN_ID);
	bool hash = pki_equal(shown->hash, kept->hash, PKI_DIGEST);
	bool fingerprint = pki_equal(shown->fingerprint, kept->fingerprint, PKI_DIGEST);
	return id & hash & fingerprint;
}
