// SPDX-License-Identifier: Apache-2.0
// What the files of this folder share: libcrypto's objects with their cleanups, faults as diags,
// certificates as text.
#pragma once

#include "base/buf.h"
#include "base/diag.h"
#include "pki/pki.h"

// OpenSSL's names for its own types; the files that use them include its headers.
typedef struct x509_st X509;
typedef struct X509_crl_st X509_CRL;
typedef struct X509_req_st X509_REQ;
typedef struct evp_pkey_st EVP_PKEY;
typedef struct bio_st BIO;
typedef struct stack_st_GENERAL_NAME GENERAL_NAMES;
typedef struct asn1_string_st ASN1_INTEGER;
typedef struct asn1_string_st ASN1_TIME;

// Frees at the end of the block: pki_auto(X509) certificate = ...
void pki_free_X509(X509 **p);
void pki_free_X509_CRL(X509_CRL **p);
void pki_free_X509_REQ(X509_REQ **p);
void pki_free_EVP_PKEY(EVP_PKEY **p);
void pki_free_BIO(BIO **p);
void pki_free_GENERAL_NAMES(GENERAL_NAMES **p);
void pki_free_ASN1_INTEGER(ASN1_INTEGER **p);
void pki_free_ASN1_TIME(ASN1_TIME **p);
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
