// SPDX-License-Identifier: Apache-2.0
// Statements that a key vouches for: signed by who holds it, checked by who has its certificate.
// Signatures are ECDSA (or EdDSA) as `openssl dgst -sha256` makes them, as text in base64.
#pragma once

#include "pki/pki.h"

#define PKI_SIGNATURE_MOST 2048u // characters of a signature's text

struct pki_signer; // a private key in memory

// The key of pki_key_new in this file. NULL and diags when there is none.
struct pki_signer *pki_signer_open(const char *key_path, struct diags *diags) must_check;
void pki_signer_free(struct pki_signer *signer); // NULL is fine
// Which key it is: SHA-256 over the DER of its public half, in hexadecimal. Borrowed.
const char *pki_signer_key(const struct pki_signer *signer) must_check;
// Appends the signature's text.
void pki_sign(const struct pki_signer *signer, const void *data, size_t len, struct buf *out);

// Which key the first certificate in the text is for, likewise.
bool pki_certified_key(const char *certificate, struct diags *diags,
		       char out[static PKI_DIGEST_TEXT]) must_check;
// Whether the key of the first certificate in the text has signed this. Says nothing about whose key it is.
bool pki_signature_holds(const char *certificate, const void *data, size_t len,
			 const char *signature) must_check;
