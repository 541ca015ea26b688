// SPDX-License-Identifier: Apache-2.0
// What the files of this folder share: libcrypto's objects with their cleanups, faults as diags,
// certificates as text.
#pragma once

#include "base/buf.h"
#include "base/diag.h"
#include "pki/pki.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define PKI_CLEANUP(type, free_fn)                   \
	static inline void pki_free_##type(type **p) \
	{                                            \
		free_fn(*p);                         \
	}
PKI_CLEANUP(X509, X509_free)
PKI_CLEANUP(X509_CRL, X509_CRL_free)
PKI_CLEANUP(X509_REQ, X509_REQ_free)
PKI_CLEANUP(X509_NAME, X509_NAME_free)
PKI_CLEANUP(EVP_PKEY, EVP_PKEY_free)
PKI_CLEANUP(BIO, BIO_free_all)
PKI_CLEANUP(GENERAL_NAMES, GENERAL_NAMES_free)
PKI_CLEANUP(ASN1_INTEGER, ASN1_INTEGER_free)
PKI_CLEANUP(ASN1_TIME, ASN1_TIME_free)
#define pki_auto(type) cleanup(pki_free_##type) type *

// A diag of what libcrypto last complained about; false, so that callers can return it.
bool pki_library_fault(struct diags *diags, const char *what);
// A diag of a failed file; `error` is a negative errno; false.
bool pki_file_fault(struct diags *diags, const char *path, int error, const char *hint);
// PATH "/" NAME SUFFIX
char *pki_path(const char *dir, const char *name, const char *suffix) must_check;

// --- PEM (pem.c) ---
X509 *pki_certificate_read(const char *pem,
			   struct diags *diags) must_check; // the first in the text
void pki_certificate_print(X509 *certificate, struct buf *out);
X509_REQ *pki_request_read(const char *pem,
			   struct diags *diags) must_check; // signature and strength checked
EVP_PKEY *pki_key_make(struct diags *diags) must_check;
EVP_PKEY *pki_key_read(const char *path, struct diags *diags) must_check;
bool pki_key_write(EVP_PKEY *key, const char *path, struct diags *diags) must_check;
// Asks nobody for a pass phrase.
int pki_no_passphrase(char *out, int size, int writing, void *context);

// --- certificates (certificate.c) ---
bool pki_name_check(const char *name, struct diags *diags) must_check;
bool pki_tenant_check(const char *tenant, struct diags *diags) must_check;
// What of the identity can be read; false when role or name is missing or not ours.
bool pki_certificate_identity(const X509 *certificate, struct pki_identity *out) must_check;
int64_t pki_time(const ASN1_TIME *time)
	must_check; // seconds since 1970 UTC; INT64_MIN when it cannot be read
bool pki_serial_text(const ASN1_INTEGER *serial, char out[static PKI_SERIAL_TEXT]) must_check;
// True when `issuer` signed it; nothing about dates.
bool pki_signed_by(X509 *certificate, X509 *issuer) must_check;

struct pki_make {
	const struct pki_subject *subject; // NULL: an authority that signs itself
	const char *organisation;
	EVP_PKEY *key; // of the subject
	X509 *issuer;  // NULL with subject NULL
	EVP_PKEY *signer;
	int64_t now;
};
X509 *pki_certificate_make(const struct pki_make *make, struct diags *diags) must_check;
