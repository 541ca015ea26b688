// SPDX-License-Identifier: Apache-2.0
// Judging a peer's certificate. The one idea: our authorities sign directly, so a chain is one
// signature; everything is checked in one function in numbered steps, with the time as an argument,
// and each refusal has its own verdict. What it does not: intermediate authorities, policies, name
// constraints, OCSP. RFC 5280 section 6, RFC 6125 section 6.4 (no wildcards), RFC 7589 section 6.
#include "pki/internal.h"

#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { AUTHORITIES_MOST = 16, LISTS_MOST = 16 };

struct pki_trust {
	X509 *authority[AUTHORITIES_MOST];
	X509_CRL *list[LISTS_MOST];
	X509 *list_by[LISTS_MOST]; // which of the authorities signed it
	size_t authorities, lists;
};

static const struct {
	const char *text, *hint;
} verdict_info[PKI_VERDICTS] = {
	[PKI_OK] = {"the certificate is good", "nothing needs to be done"},
	[PKI_BAD_CERTIFICATE] =
		{"the certificate does not say who it is for in the way that is used here",
		 "enrol the peer, or issue its certificate with 'bulwark pki issue'"},
	[PKI_UNKNOWN_ISSUER] =
		{"the certificate was not issued by an authority that is trusted here",
		 "enrol the peer with this controller's authority, or add its authority to the "
		 "trusted ones"},
	[PKI_NOT_YET_VALID] = {"the certificate is not valid yet",
			       "compare the clocks of both hosts"},
	[PKI_EXPIRED] = {"the certificate has expired",
			 "renew it, or enrol the peer again; compare the clocks of both hosts"},
	[PKI_REVOKED] = {"the certificate has been revoked",
			 "if the peer is to come back, enrol it again"},
	[PKI_WRONG_ROLE] = {"the certificate is for another role",
			    "use a certificate that was issued for this role"},
	[PKI_WRONG_NAME] =
		{"the certificate is for another name",
		 "compare the name or address that was asked for with the certificate's"},
};

const char *pki_verdict_text(enum pki_verdict verdict)
{
	assert(verdict < PKI_VERDICTS);
	return verdict_info[verdict].text;
}

const char *pki_verdict_hint(enum pki_verdict verdict)
{
	assert(verdict < PKI_VERDICTS);
	return verdict_info[verdict].hint;
}

// --- what is trusted ---

void pki_trust_free(struct pki_trust *trust)
{
	if (!trust)
		return;
	for (size_t i = 0; i < trust->authorities; i++)
		X509_free(trust->authority[i]);
	for (size_t i = 0; i < trust->lists; i++)
		X509_CRL_free(trust->list[i]);
	free(trust);
}

static bool refuse_pem(struct diags *diags, const char *what, const char *hint)
{
	ERR_clear_error();
	diag_error(diags, DIAG_VALUE, NULL, hint, "%s", what);
	return false;
}

// After the last item the library reports that no further one begins; anything else is a broken
// item.
static bool ended_in_order(void)
{
	unsigned long error = ERR_peek_last_error();
	bool in_order =
		ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
	ERR_clear_error();
	return in_order;
}

static bool add_authorities(struct pki_trust *trust, BIO *bio, struct diags *diags)
{
	static const char hint[] = "give the authority's certificate (ca.pem) in PEM";
	X509 *read;
	while ((read = PEM_read_bio_X509(bio, NULL, pki_no_passphrase, NULL))) {
		bool full = trust->authorities == AUTHORITIES_MOST;
		if (full || X509_check_ca(read) != 1) {
			X509_free(read);
			return refuse_pem(diags,
					  full ? "more than 16 authorities"
					       : "a certificate that is not an authority's",
					  hint);
		}
		trust->authority[trust->authorities++] = read;
	}
	if (!ended_in_order())
		return refuse_pem(diags, "a certificate of an authority that cannot be read", hint);
	return trust->authorities || refuse_pem(diags, "no certificate of an authority", hint);
}

static X509 *list_signer(const struct pki_trust *trust, X509_CRL *list)
{
	for (size_t i = 0; i < trust->authorities; i++) {
		X509 *authority = trust->authority[i];
		if (X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(authority)) ==
			    0 &&
		    X509_CRL_verify(list, X509_get0_pubkey(authority)) == 1)
			return authority;
	}
	return NULL;
}

static bool add_lists(struct pki_trust *trust, BIO *bio, struct diags *diags)
{
	static const char hint[] = "give the lists (crl.pem) of the authorities that are trusted";
	X509_CRL *read;
	while ((read = PEM_read_bio_X509_CRL(bio, NULL, pki_no_passphrase, NULL))) {
		X509 *by = list_signer(trust, read);
		if (trust->lists == LISTS_MOST || !by) {
			X509_CRL_free(read);
			return refuse_pem(
				diags,
				by ? "more than 16 revocation lists"
				   : "a revocation list that no trusted authority has signed",
				hint);
		}
		trust->list_by[trust->lists] = by;
		trust->list[trust->lists++] = read;
	}
	if (!ended_in_order())
		return refuse_pem(diags, "a revocation list that cannot be read", hint);
	return trust->lists || refuse_pem(diags, "no revocation list", hint);
}

static bool add_pem(struct pki_trust *trust, const char *pem,
		    bool (*add)(struct pki_trust *, BIO *, struct diags *), struct diags *diags)
{
	size_t len = strlen(pem);
	if (len > PKI_PEM_MOST)
		return refuse_pem(diags, "a PEM text of more than 4 MiB",
				  "send fewer certificates or a shorter list");
	pki_auto(BIO) bio = base_oom(BIO_new_mem_buf(pem, (int)len));
	return add(trust, bio, diags);
}

struct pki_trust *pki_trust_new(const char *ca, const char *crl, struct diags *diags)
{
	struct pki_trust *trust = base_oom(calloc(1, sizeof(*trust)));
	if (add_pem(trust, ca, add_authorities, diags) &&
	    (!crl || add_pem(trust, crl, add_lists, diags)))
		return trust;
	pki_trust_free(trust);
	return NULL;
}

struct pki_trust *pki_trust_load(const char *ca_path, const char *crl_path, struct diags *diags)
{
	cleanup(buf_fini) struct buf ca;
	cleanup(buf_fini) struct buf crl;
	buf_init(&ca);
	buf_init(&crl);
	int r = file_read(ca_path, PKI_PEM_MOST, &ca);
	if (r < 0) {
		(void)pki_file_fault(diags, ca_path, r,
				     "put the authority's certificate there, or enrol");
		return NULL;
	}
	r = crl_path ? file_read(crl_path, PKI_PEM_MOST, &crl) : -ENOENT;
	if (r < 0 && r != -ENOENT) {
		(void)pki_file_fault(diags, crl_path, r,
				     "make the revocation list readable; without it, revoked peers "
				     "would get in");
		return NULL;
	}
	return pki_trust_new(ca.data, r < 0 ? NULL : crl.data, diags);
}

bool pki_trust_crl_stale(const struct pki_trust *trust, int64_t now)
{
	for (size_t i = 0; i < trust->lists; i++) {
		const ASN1_TIME *next = X509_CRL_get0_nextUpdate(trust->list[i]);
		if (next && pki_time(next) < now)
			return true;
	}
	return false;
}

// --- judging ---

static X509 *find_issuer(const struct pki_trust *trust, X509 *certificate, int64_t now)
{
	for (size_t i = 0; i < trust->authorities; i++) {
		X509 *authority = trust->authority[i];
		bool in_time = pki_time(X509_get0_notBefore(authority)) <= now &&
			       now <= pki_time(X509_get0_notAfter(authority));
		if (in_time && pki_signed_by(certificate, authority))
			return authority;
	}
	return NULL;
}

static bool is_revoked(const struct pki_trust *trust, X509 *certificate, const X509 *issuer)
{
	enum { ON_THE_LIST = 1 }; // 2: taken off it by a delta list, which we do not make
	for (size_t i = 0; i < trust->lists; i++) {
		X509_REVOKED *entry = NULL;
		if (trust->list_by[i] == issuer &&
		    X509_CRL_get0_by_cert(trust->list[i], &entry, certificate) == ON_THE_LIST)
			return true;
	}
	return false;
}

static bool has_dns_name(X509 *certificate, const char *name)
{
	pki_auto(GENERAL_NAMES) names =
		X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	size_t len = strlen(name);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		int kind;
		const ASN1_STRING *text =
			GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &kind);
		if (kind == GEN_DNS && (size_t)ASN1_STRING_length(text) == len &&
		    strncasecmp((const char *)ASN1_STRING_get0_data(text), name, len) == 0)
			return true;
	}
	return false;
}

static enum pki_verdict check_expected(X509 *certificate, const struct pki_expect *expect,
				       const struct pki_identity *identity)
{
	if (expect->roles && !(expect->roles & 1u << identity->role))
		return PKI_WRONG_ROLE;
	if (expect->name && strcasecmp(expect->name, identity->name) != 0 &&
	    !has_dns_name(certificate, expect->name))
		return PKI_WRONG_NAME;
	if (expect->address && X509_check_ip_asc(certificate, expect->address, 0) != 1)
		return PKI_WRONG_NAME;
	return PKI_OK;
}

static enum pki_verdict judge(const struct pki_trust *trust, X509 *certificate, int64_t now,
			      const struct pki_expect *expect, struct pki_identity *out)
{
	// 1. It says who it is for, is no authority's, and demands nothing that we do not know.
	bool readable = pki_certificate_identity(certificate, out);
	uint32_t flags = X509_get_extension_flags(certificate);
	if (flags & (EXFLAG_INVALID | EXFLAG_CRITICAL | EXFLAG_CA))
		return PKI_BAD_CERTIFICATE;
	// 2. An authority that is trusted and valid has signed it.
	X509 *issuer = find_issuer(trust, certificate, now);
	if (!issuer)
		return PKI_UNKNOWN_ISSUER;
	if (!readable)
		return PKI_BAD_CERTIFICATE;
	// 3. Its time.
	if (now < out->not_before)
		return PKI_NOT_YET_VALID;
	if (now > out->not_after)
		return PKI_EXPIRED;
	// 4. Revocation.
	if (is_revoked(trust, certificate, issuer))
		return PKI_REVOKED;
	// 5. What the caller expects.
	return expect ? check_expected(certificate, expect, out) : PKI_OK;
}

enum pki_verdict pki_verify(const struct pki_trust *trust, const void *der, size_t len, int64_t now,
			    const struct pki_expect *expect, struct pki_identity *out)
{
	const unsigned char *at = der;
	pki_auto(X509) certificate = len <= PKI_PEM_MOST ? d2i_X509(NULL, &at, (long)len) : NULL;
	enum pki_verdict verdict = PKI_BAD_CERTIFICATE;
	if (certificate && at == (const unsigned char *)der + len)
		verdict = judge(trust, certificate, now, expect, out);
	ERR_clear_error();
	return verdict;
}

enum pki_verdict pki_verify_text(const struct pki_trust *trust, const char *certificate,
				 int64_t now, const struct pki_expect *expect,
				 struct pki_identity *out)
{
	size_t len = strlen(certificate);
	pki_auto(BIO) bio =
		len <= PKI_PEM_MOST ? base_oom(BIO_new_mem_buf(certificate, (int)len)) : NULL;
	pki_auto(X509) read = bio ? PEM_read_bio_X509(bio, NULL, pki_no_passphrase, NULL) : NULL;
	enum pki_verdict verdict =
		read ? judge(trust, read, now, expect, out) : PKI_BAD_CERTIFICATE;
	ERR_clear_error();
	return verdict;
}

bool pki_identify(const char *certificate, struct diags *diags, struct pki_identity *out)
{
	pki_auto(X509) read = pki_certificate_read(certificate, diags);
	struct pki_identity identity;
	if (!read)
		return false;
	if (!pki_certificate_identity(read, &identity)) {
		diag_error(diags, DIAG_VALUE, NULL, pki_verdict_hint(PKI_BAD_CERTIFICATE), "%s",
			   pki_verdict_text(PKI_BAD_CERTIFICATE));
		return false;
	}
	*out = identity;
	return true;
}

static bool digest_of(X509 *certificate, unsigned char out[static PKI_DIGEST])
{
	unsigned len = 0;
	return X509_digest(certificate, EVP_sha256(), out, &len) == 1 && len == PKI_DIGEST;
}

bool pki_fingerprint(const char *certificate, struct diags *diags,
		     unsigned char out[static PKI_DIGEST])
{
	pki_auto(X509) read = pki_certificate_read(certificate, diags);
	if (!read)
		return false;
	return digest_of(read, out) || pki_library_fault(diags, "the certificate has no digest");
}

static bool chain_is_pinned(BIO *chain, const unsigned char fingerprint[static PKI_DIGEST],
			    struct buf *ca_out)
{
	pki_auto(X509) leaf = PEM_read_bio_X509(chain, NULL, pki_no_passphrase, NULL);
	for (unsigned i = 0; leaf && i < AUTHORITIES_MOST; i++) {
		pki_auto(X509) issuer = PEM_read_bio_X509(chain, NULL, pki_no_passphrase, NULL);
		unsigned char digest[PKI_DIGEST];
		if (!issuer)
			break;
		if (digest_of(issuer, digest) && pki_equal(digest, fingerprint, PKI_DIGEST) &&
		    X509_check_ca(issuer) == 1 && pki_signed_by(leaf, issuer)) {
			pki_certificate_print(issuer, ca_out);
			return true;
		}
	}
	return false;
}

bool pki_pin(const char *chain, const unsigned char fingerprint[static PKI_DIGEST],
	     struct diags *diags, struct buf *ca_out)
{
	size_t len = strlen(chain);
	pki_auto(BIO) bio = len <= PKI_PEM_MOST ? base_oom(BIO_new_mem_buf(chain, (int)len)) : NULL;
	bool pinned = bio && chain_is_pinned(bio, fingerprint, ca_out);
	ERR_clear_error();
	if (!pinned)
		diag_error(diags, DIAG_DENIED, NULL,
			   "check the address; if it is right, somebody may be in between, or the "
			   "token is from another controller",
			   "the server's certificate was not issued by the authority that the "
			   "token names");
	return pinned;
}
