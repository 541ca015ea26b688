// SPDX-License-Identifier: Apache-2.0
// What stands in a certificate of ours, written and read. The one idea: one table of subject fields
// (role in OU, name in CN and as dNSName, tenant in O) serves both directions, so what is written
// is what is believed. What it does not: decide whether a certificate is to be believed; that is
// verify.c. RFC 5280.
#include "pki/internal.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

enum { DAY = 86400, BACKDATE = 300 }; // clocks of hosts differ a little

const char *const pki_role_name[PKI_ROLES] = {
	[PKI_CONTROLLER] = "controller",   [PKI_NSF] = "nsf",           [PKI_OPERATOR] = "operator",
	[PKI_TENANT_USER] = "tenant-user", [PKI_EVIDENCE] = "evidence",
};

bool pki_role_parse(const char *name, enum pki_role *out)
{
	for (unsigned i = 0; i < PKI_ROLES; i++) {
		if (strcmp(name, pki_role_name[i]) == 0) {
			*out = (enum pki_role)i;
			return true;
		}
	}
	return false;
}

static bool name_is_good(const char *name)
{
	size_t len = strlen(name);
	if (!len || len > PKI_NAME_MOST || !isalnum((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)name[i]) && !strchr("-._", name[i]))
			return false;
	}
	return true;
}

bool pki_name_check(const char *name, struct diags *diags)
{
	if (name_is_good(name))
		return true;
	diag_error(
		diags, DIAG_VALUE, NULL,
		"use up to 63 letters, digits, '-', '.' and '_', beginning with a letter or digit",
		"'%.80s' cannot be a name in a certificate", name);
	return false;
}

static bool tenant_is_good(const char *tenant)
{
	size_t len = strlen(tenant);
	if (!len || len > PKI_TENANT_MOST)
		return false;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)tenant[i] < 0x20 || tenant[i] == 0x7f)
			return false;
	}
	return true;
}

bool pki_tenant_check(const char *tenant, struct diags *diags)
{
	if (tenant_is_good(tenant))
		return true;
	diag_error(diags, DIAG_VALUE, NULL, "use 1 to 64 bytes of text without control characters",
		   "'%.80s' cannot be the name of a tenant or an organisation", tenant);
	return false;
}

// --- reading ---

int64_t pki_time(const ASN1_TIME *time)
{
	struct tm tm;
	if (!time || ASN1_TIME_to_tm(time, &tm) != 1)
		return INT64_MIN;
	return timegm(&tm);
}

bool pki_serial_text(const ASN1_INTEGER *serial, char out[static PKI_SERIAL_TEXT])
{
	BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
	char *text = number && !BN_is_negative(number) ? BN_bn2hex(number) : NULL;
	bool fits = text && strlen(text) < PKI_SERIAL_TEXT;
	if (fits)
		snprintf(out, PKI_SERIAL_TEXT, "%s", text);
	OPENSSL_free(text);
	BN_free(number);
	return fits;
}

// The only value of that field, as UTF-8. A field that stands twice or holds a NUL is as good as
// absent.
static bool subject_field(const X509 *certificate, int nid, char *out, size_t size)
{
	const X509_NAME *name = X509_get_subject_name(certificate);
	int at = X509_NAME_get_index_by_NID(name, nid, -1);
	if (at < 0 || X509_NAME_get_index_by_NID(name, nid, at) >= 0)
		return false;
	unsigned char *text = NULL;
	int len =
		ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	bool good = len > 0 && (size_t)len < size && !memchr(text, '\0', (size_t)len);
	if (good)
		snprintf(out, size, "%.*s", len, (const char *)text);
	OPENSSL_free(text);
	return good;
}

bool pki_certificate_identity(const X509 *certificate, struct pki_identity *out)
{
	*out = (struct pki_identity){.not_before = pki_time(X509_get0_notBefore(certificate)),
				     .not_after = pki_time(X509_get0_notAfter(certificate))};
	unsigned char digest[PKI_DIGEST];
	unsigned len = 0;
	if (X509_digest(certificate, EVP_sha256(), digest, &len) != 1)
		return false;
	pki_digest_text(digest, out->fingerprint);
	char role[32];
	bool good = pki_serial_text(X509_get0_serialNumber(certificate), out->serial);
	good &= subject_field(certificate, NID_organizationalUnitName, role, sizeof(role)) &&
		pki_role_parse(role, &out->role);
	good &= subject_field(certificate, NID_commonName, out->name, sizeof(out->name)) &&
		name_is_good(out->name);
	good &= subject_field(certificate, NID_organizationName, out->tenant,
			      sizeof(out->tenant)) &&
		tenant_is_good(out->tenant);
	ERR_clear_error();
	return good && out->not_before != INT64_MIN && out->not_after != INT64_MIN;
}

bool pki_signed_by(X509 *certificate, X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	bool ok = key && X509_check_issued(issuer, certificate) == X509_V_OK &&
		  X509_verify(certificate, key) == 1;
	ERR_clear_error();
	return ok;
}

// --- writing ---

static bool add_field(X509_NAME *name, const char *field, const char *text)
{
	return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)text,
					  -1, -1, 0) == 1;
}

static bool write_subject(X509 *certificate, const struct pki_make *make)
{
	X509_NAME *name = X509_get_subject_name(certificate);
	const struct pki_subject *subject = make->subject;
	if (!subject)
		return add_field(name, "O", make->organisation) &&
		       add_field(name, "CN", "Bulwark certificate authority");
	return add_field(name, "O", subject->tenant ? subject->tenant : make->organisation) &&
	       add_field(name, "OU", pki_role_name[subject->role]) &&
	       add_field(name, "CN", subject->name);
}

// 127 random bits: never negative, never zero, unique without bookkeeping.
static bool write_serial(X509 *certificate)
{
	unsigned char random[16];
	pki_random(random, sizeof(random));
	random[0] = (random[0] & 0x7f) | 0x40;
	BIGNUM *number = BN_bin2bn(random, sizeof(random), NULL);
	bool ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
	BN_free(number);
	return ok;
}

static bool write_dates(X509 *certificate, const struct pki_make *make)
{
	unsigned days = make->subject ? make->subject->days : PKI_CA_DAYS;
	if (make->subject && !days)
		days = PKI_DAYS_DEFAULT;
	int64_t end = make->now + (int64_t)days * DAY;
	if (make->issuer && end > pki_time(X509_get0_notAfter(make->issuer)))
		end = pki_time(X509_get0_notAfter(make->issuer));
	return ASN1_TIME_set(X509_getm_notBefore(certificate), make->now - BACKDATE) &&
	       ASN1_TIME_set(X509_getm_notAfter(certificate), end);
}

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	bool ok = extension && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok;
}

static bool add_alternative_names(X509 *certificate, const struct pki_subject *subject)
{
	cleanup(buf_fini) struct buf names;
	buf_init(&names);
	buf_printf(&names, "DNS:%s", subject->name); // checked: no comma, no colon
	for (size_t i = 0; i < subject->addresses; i++)
		buf_printf(&names, ",IP:%s", subject->address[i]);
	return add_extension(certificate, NULL, NID_subject_alt_name, names.data);
}

// What signs evidence opens no connection: id-kp-documentSigning (RFC 9336).
static const char *usage_of(enum pki_role role)
{
	if (role == PKI_EVIDENCE)
		return "1.3.6.1.5.5.7.3.36";
	return role == PKI_CONTROLLER || role == PKI_NSF ? "serverAuth,clientAuth" : "clientAuth";
}

static bool write_extensions(X509 *certificate, const struct pki_make *make)
{
	const struct pki_subject *subject = make->subject;
	X509 *issuer = make->issuer ? make->issuer : certificate;
	if (!add_extension(certificate, issuer, NID_subject_key_identifier, "hash") ||
	    !add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always"))
		return false;
	if (!subject)
		return add_extension(certificate, issuer, NID_basic_constraints,
				     "critical,CA:TRUE,pathlen:0") &&
		       add_extension(certificate, issuer, NID_key_usage,
				     "critical,keyCertSign,cRLSign");
	return add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(certificate, issuer, NID_ext_key_usage, usage_of(subject->role)) &&
	       add_alternative_names(certificate, subject);
}

X509 *pki_certificate_make(const struct pki_make *make, struct diags *diags)
{
	pki_auto(X509) certificate = base_oom(X509_new());
	const X509_NAME *issuer = make->issuer ? X509_get_subject_name(make->issuer)
					       : X509_get_subject_name(certificate);
	bool ok = X509_set_version(certificate, X509_VERSION_3) == 1 && write_serial(certificate) &&
		  write_subject(certificate, make) &&
		  X509_set_issuer_name(certificate, issuer) == 1 &&
		  write_dates(certificate, make) && X509_set_pubkey(certificate, make->key) == 1 &&
		  write_extensions(certificate, make) &&
		  X509_sign(certificate, make->signer, EVP_sha256()) > 0;
	if (!ok) {
		(void)pki_library_fault(diags, "no certificate could be made");
		return NULL;
	}
	X509 *result = certificate;
	certificate = NULL;
	return result;
}
