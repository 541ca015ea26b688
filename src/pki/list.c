// SPDX-License-Identifier: Apache-2.0
// The revocation list. The one idea: it follows from the index and is made again whenever it does
// not show what the index says, so a crash between the two mends itself. RFC 5280 section 5.
#include "pki/authority.h"

#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { DAY = 86400, BACKDATE = 300 };

// A revoked certificate stays on the list for a while after its end, so that no clock ever sees it
// as good.
static bool belongs(const struct pki_entry *entry, int64_t now)
{
	return entry->revoked && entry->identity.not_after + (int64_t)PKI_CRL_DAYS * DAY > now;
}

static X509_CRL *read_list(const char *path)
{
	cleanup(buf_fini) struct buf text;
	buf_init(&text);
	if (file_read(path, PKI_PEM_MOST, &text) < 0)
		return NULL;
	pki_auto(BIO) bio = base_oom(BIO_new_mem_buf(text.data, (int)text.len));
	X509_CRL *list = PEM_read_bio_X509_CRL(bio, NULL, pki_no_passphrase, NULL);
	ERR_clear_error();
	return list;
}

static ASN1_INTEGER *serial_of(const struct pki_entry *entry)
{
	BIGNUM *number = NULL;
	ASN1_INTEGER *serial = BN_hex2bn(&number, entry->identity.serial)
				       ? BN_to_ASN1_INTEGER(number, NULL)
				       : NULL;
	BN_free(number);
	return base_oom(serial);
}

static bool shows(X509_CRL *list, const struct pki_entry *entry)
{
	pki_auto(ASN1_INTEGER) serial = serial_of(entry);
	X509_REVOKED *found = NULL;
	return X509_CRL_get0_by_serial(list, &found, serial) == 1;
}

static bool is_due(const struct pki *pki, X509_CRL *list, int64_t now)
{
	if (!list || X509_CRL_verify(list, X509_get0_pubkey(pki->certificate)) != 1)
		return true;
	if (pki_time(X509_CRL_get0_nextUpdate(list)) < now + (int64_t)PKI_CRL_DAYS * DAY / 2)
		return true;
	for (size_t i = 0; i < pki->entry.len; i++) {
		if (belongs(&pki->entry.at[i], now) && !shows(list, &pki->entry.at[i]))
			return true;
	}
	return false;
}

static bool add_entry(X509_CRL *list, const struct pki_entry *entry)
{
	X509_REVOKED *revoked = base_oom(X509_REVOKED_new());
	pki_auto(ASN1_INTEGER) serial = serial_of(entry);
	pki_auto(ASN1_TIME) date = base_oom(ASN1_TIME_set(NULL, entry->revoked));
	if (X509_REVOKED_set_serialNumber(revoked, serial) == 1 &&
	    X509_REVOKED_set_revocationDate(revoked, date) == 1 &&
	    X509_CRL_add0_revoked(list, revoked) == 1)
		return true;
	X509_REVOKED_free(revoked);
	return false;
}

// Numbers must grow (section 5.2.3): one more than the last, and the time if that is lost.
static bool add_number(X509_CRL *list, X509_CRL *old, int64_t now)
{
	pki_auto(ASN1_INTEGER) last =
		old ? X509_CRL_get_ext_d2i(old, NID_crl_number, NULL, NULL) : NULL;
	int64_t value = 0;
	if (!last || ASN1_INTEGER_get_int64(&value, last) != 1 || value < now)
		value = now;
	else
		value++;
	pki_auto(ASN1_INTEGER) number = base_oom(ASN1_INTEGER_new());
	return ASN1_INTEGER_set_int64(number, value) == 1 &&
	       X509_CRL_add1_ext_i2d(list, NID_crl_number, number, 0, 0) == 1;
}

static bool add_key_identifier(X509_CRL *list, X509 *issuer)
{
	X509V3_CTX context;
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, NULL, NULL, list, 0);
	X509_EXTENSION *extension =
		X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
	bool ok = extension && X509_CRL_add_ext(list, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok;
}

static X509_CRL *make_list(const struct pki *pki, X509_CRL *old, int64_t now)
{
	pki_auto(X509_CRL) list = base_oom(X509_CRL_new());
	pki_auto(ASN1_TIME) from = base_oom(ASN1_TIME_set(NULL, now - BACKDATE));
	pki_auto(ASN1_TIME) next = base_oom(ASN1_TIME_set(NULL, now + (int64_t)PKI_CRL_DAYS * DAY));
	bool ok = X509_CRL_set_version(list, X509_CRL_VERSION_2) == 1 &&
		  X509_CRL_set_issuer_name(list, X509_get_subject_name(pki->certificate)) == 1 &&
		  X509_CRL_set1_lastUpdate(list, from) == 1 &&
		  X509_CRL_set1_nextUpdate(list, next) == 1 &&
		  add_key_identifier(list, pki->certificate) && add_number(list, old, now);
	for (size_t i = 0; ok && i < pki->entry.len; i++) {
		if (belongs(&pki->entry.at[i], now))
			ok = add_entry(list, &pki->entry.at[i]);
	}
	if (!ok || X509_CRL_sort(list) != 1 || X509_CRL_sign(list, pki->key, EVP_sha256()) <= 0)
		return NULL;
	X509_CRL *result = list;
	list = NULL;
	return result;
}

static bool write_list(const char *path, X509_CRL *list, struct diags *diags)
{
	pki_auto(BIO) bio = base_oom(BIO_new(BIO_s_mem()));
	if (PEM_write_bio_X509_CRL(bio, list) != 1)
		return pki_library_fault(diags, "the revocation list could not be written");
	char *text;
	long len = BIO_get_mem_data(bio, &text);
	int r = file_put(&(struct file_put){
		.path = path, .data = text, .len = (size_t)len, .mode = 0644, .how = FILE_REPLACE});
	return r == 0 || pki_file_fault(diags, path, r,
					"make room on the disk or the directory writable, then ask "
					"for the list again");
}

bool pki_list_refresh(struct pki *pki, int64_t now, struct diags *diags)
{
	cleanup(base_free) char *path = pki_path(pki->dir, "crl.pem", "");
	pki_auto(X509_CRL) old = read_list(path);
	if (!is_due(pki, old, now))
		return true;
	pki_auto(X509_CRL) list = make_list(pki, old, now);
	if (!list)
		return pki_library_fault(diags, "no revocation list could be made");
	return write_list(path, list, diags);
}

bool pki_crl(struct pki *pki, struct diags *diags, struct buf *out)
{
	if (!pki_list_refresh(pki, time(NULL), diags))
		return false;
	cleanup(base_free) char *path = pki_path(pki->dir, "crl.pem", "");
	int r = file_read(path, PKI_PEM_MOST, out);
	return r == 0 || pki_file_fault(diags, path, r, "see whether the file system works");
}

// --- revoking ---

static bool is_meant(const struct pki_entry *entry, const char *serial_or_name, int64_t now)
{
	return strcmp(entry->identity.serial, serial_or_name) == 0 ||
	       (strcmp(entry->identity.name, serial_or_name) == 0 &&
		entry->identity.not_after >= now);
}

bool pki_revoke(struct pki *pki, const char *serial_or_name, struct diags *diags)
{
	int64_t now = time(NULL);
	size_t meant = 0;
	for (size_t i = 0; i < pki->entry.len; i++) {
		struct pki_entry *entry = &pki->entry.at[i];
		if (!is_meant(entry, serial_or_name, now))
			continue;
		meant++;
		if (!entry->revoked)
			entry->revoked = now;
	}
	if (!meant) {
		diag_error(diags, DIAG_ABSENT, NULL,
			   "list the certificates with 'bulwark pki list'",
			   "no valid certificate has the serial or name '%.80s'", serial_or_name);
		return false;
	}
	return pki_index_write(pki, diags) && pki_list_refresh(pki, now, diags);
}
