// SPDX-License-Identifier: Apache-2.0
// Certificates for tests. Keys are P-256, so that making one costs nothing.
#include "io/test_certs.h"

#include <assert.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#define DAY 86400L

struct test_ca {
	EVP_PKEY *key;
	X509 *cert;
	long serial;
};

static FILE *create(const char *path)
{
	FILE *f = fopen(path, "we");
	assert(f);
	return f;
}

static void write_cert(const char *path, X509 *cert)
{
	FILE *f = create(path);
	int ok = PEM_write_X509(f, cert);
	assert(ok);
	fclose(f);
}

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert(e);
	X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
}

static X509 *cert_new(const char *name, long serial, long begins, long ends)
{
	X509 *c = base_oom(X509_new());
	X509_set_version(c, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c), serial);
	X509_gmtime_adj(X509_getm_notBefore(c), begins);
	X509_gmtime_adj(X509_getm_notAfter(c), ends);
	X509_NAME *n = X509_get_subject_name(c);
	X509_NAME_add_entry_by_txt(n, "O", MBSTRING_UTF8, (const unsigned char *)"Test", -1, -1, 0);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
	return c;
}

static void sign(X509 *cert, EVP_PKEY *key)
{
	int ok = X509_sign(cert, key, EVP_sha256());
	assert(ok);
}

struct test_ca *test_ca_new(const char *name, const char *path)
{
	struct test_ca *ca = base_oom(calloc(1, sizeof(*ca)));
	ca->key = base_oom(EVP_EC_gen("P-256"));
	ca->cert = cert_new(name, 1, -DAY, DAY);
	ca->serial = 1;
	X509_set_issuer_name(ca->cert, X509_get_subject_name(ca->cert));
	X509_set_pubkey(ca->cert, ca->key);
	extend(ca->cert, ca->cert, NID_basic_constraints, "critical,CA:TRUE");
	extend(ca->cert, ca->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	extend(ca->cert, ca->cert, NID_subject_key_identifier, "hash");
	sign(ca->cert, ca->key);
	write_cert(path, ca->cert);
	return ca;
}

void test_ca_free(struct test_ca *ca)
{
	if (!ca)
		return;
	EVP_PKEY_free(ca->key);
	X509_free(ca->cert);
	free(ca);
}

long test_ca_issue(struct test_ca *ca, const struct test_cert *cert)
{
	EVP_PKEY *key = base_oom(EVP_EC_gen("P-256"));
	bool usual = !cert->begins && !cert->ends;
	X509 *c = cert_new(cert->name, ++ca->serial, usual ? -DAY : cert->begins,
			   usual ? DAY : cert->ends);
	if (cert->unit)
		X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "OU", MBSTRING_UTF8,
					   (const unsigned char *)cert->unit, -1, -1, 0);
	X509_set_issuer_name(c, X509_get_subject_name(ca->cert));
	X509_set_pubkey(c, key);
	if (cert->san)
		extend(c, ca->cert, NID_subject_alt_name, cert->san);
	sign(c, ca->key);
	write_cert(cert->file, c);
	FILE *f = create(cert->key_file);
	int ok = PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	assert(ok);
	fclose(f);
	X509_free(c);
	EVP_PKEY_free(key);
	return ca->serial;
}

static void revoke(X509_CRL *crl, long serial)
{
	X509_REVOKED *r = base_oom(X509_REVOKED_new());
	ASN1_INTEGER *n = base_oom(ASN1_INTEGER_new());
	ASN1_TIME *when = base_oom(X509_gmtime_adj(NULL, -DAY));
	ASN1_INTEGER_set(n, serial);
	X509_REVOKED_set_serialNumber(r, n);
	X509_REVOKED_set_revocationDate(r, when);
	X509_CRL_add0_revoked(crl, r);
	ASN1_INTEGER_free(n);
	ASN1_TIME_free(when);
}

void test_ca_publish(struct test_ca *ca, const char *path, long revoked, long ends)
{
	X509_CRL *crl = base_oom(X509_CRL_new());
	ASN1_TIME *from = base_oom(X509_gmtime_adj(NULL, -DAY)),
		  *to = base_oom(X509_gmtime_adj(NULL, ends));
	X509_CRL_set_version(crl, 1);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert));
	X509_CRL_set1_lastUpdate(crl, from);
	X509_CRL_set1_nextUpdate(crl, to);
	if (revoked)
		revoke(crl, revoked);
	int ok = X509_CRL_sign(crl, ca->key, EVP_sha256());
	assert(ok);
	FILE *f = create(path);
	ok = PEM_write_X509_CRL(f, crl);
	assert(ok);
	fclose(f);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	X509_CRL_free(crl);
}
