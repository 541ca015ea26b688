// SPDX-License-Identifier: Apache-2.0
// Certificates, digests and one-time tokens. The only folder that knows libcrypto's X.509 and
// digests; nothing of it shows here. Private keys never pass through a caller's hands: they live in
// files of mode 0600 that only this folder reads and writes, and go to TLS by name.
//
// All text is PEM unless the name says DER. Functions that return bool add diags with a hint when
// they return false.
#pragma once

#include "base/base.h"

struct buf;
struct diags;

// --- digests, random numbers, comparison ---

#define PKI_DIGEST 32u      // bytes of SHA-256
#define PKI_DIGEST_TEXT 65u // its lower-case hexadecimal and the NUL

void pki_sha256(const void *data, size_t len, unsigned char out[static PKI_DIGEST]);
void pki_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
		     unsigned char out[static PKI_DIGEST]);
void pki_digest_text(const unsigned char digest[static PKI_DIGEST],
		     char out[static PKI_DIGEST_TEXT]);
// False on anything but 64 hexadecimal digits (either case).
bool pki_digest_parse(const char *text, unsigned char out[static PKI_DIGEST]) must_check;
// From the kernel's generator; ends the process when there is none.
void pki_random(void *out, size_t len);
// Takes as long whatever the contents.
bool pki_equal(const void *a, const void *b, size_t len) must_check;

// --- who a certificate speaks for ---

// OU of the subject names the role, CN and the first dNSName the name, O the tenant (or the
// authority's organisation).
// EVIDENCE is the key that an NSF signs its records of proofs with; it opens no connection.
enum pki_role { PKI_CONTROLLER, PKI_NSF, PKI_OPERATOR, PKI_TENANT_USER, PKI_EVIDENCE, PKI_ROLES };
extern const char *const pki_role_name[PKI_ROLES]; // "controller", …, "tenant-user", "evidence"
bool pki_role_parse(const char *name, enum pki_role *out) must_check;

#define PKI_NAME_MOST \
	63u // bytes of a name: letters, digits, '-', '.', '_'; for a controller or NSF a host name
#define PKI_TENANT_MOST \
	64u // bytes of a tenant's or organisation's name (UTF-8, no control characters)
#define PKI_SERIAL_TEXT 41u     // up to 40 upper-case hexadecimal digits and the NUL
#define PKI_PEM_MOST (4u << 20) // bytes of any PEM text that is read

struct pki_identity {
	enum pki_role role;
	char name[PKI_NAME_MOST + 1];
	char tenant[PKI_TENANT_MOST + 1];
	char serial[PKI_SERIAL_TEXT];
	char fingerprint[PKI_DIGEST_TEXT]; // SHA-256 of the certificate's DER
	int64_t not_before, not_after;     // seconds since 1970 UTC
};

// --- verifying a peer ---

struct pki_trust; // certificates of authorities and their revocation lists; immutable

enum pki_verdict {
	PKI_OK,
	PKI_BAD_CERTIFICATE, // cannot be read, or no role or name of ours in it
	PKI_UNKNOWN_ISSUER,  // not signed by an authority that is trusted
	PKI_NOT_YET_VALID,
	PKI_EXPIRED,
	PKI_REVOKED,
	PKI_WRONG_ROLE,
	PKI_WRONG_NAME,
	PKI_VERDICTS
};
// One sentence for a log or a diag, and what to do about it.
const char *pki_verdict_text(enum pki_verdict verdict) must_check;
const char *pki_verdict_hint(enum pki_verdict verdict) must_check;

// `ca` holds one or more certificates; `crl` (may be NULL) any number of lists, each signed by one
// of them. NULL on error; free with pki_trust_free. A list whose next update has passed is still
// honoured (a revocation does not lapse with its list): pki_trust_crl_stale says so.
struct pki_trust *pki_trust_new(const char *ca, const char *crl, struct diags *diags) must_check;
// The same from files; `crl_path` NULL or a file that does not exist: no list.
struct pki_trust *pki_trust_load(const char *ca_path, const char *crl_path,
				 struct diags *diags) must_check;
void pki_trust_free(struct pki_trust *trust);
bool pki_trust_crl_stale(const struct pki_trust *trust, int64_t now) must_check;

struct pki_expect {
	unsigned roles;      // a bit a role (1u << PKI_NSF); 0: any
	const char *name;    // NULL: any; else the subject's name or one of its dNSNames (case does
			     // not matter)
	const char *address; // NULL: any; else an IP address that must be among its iPAddresses
};
// Judges a peer's certificate at the time `now`. *out is written whenever the certificate could be
// read, whatever the verdict (for the log). `expect` NULL: anybody of ours.
enum pki_verdict pki_verify(const struct pki_trust *trust, const void *der, size_t len, int64_t now,
			    const struct pki_expect *expect, struct pki_identity *out) must_check;
// The same for the first certificate in the text.
enum pki_verdict pki_verify_text(const struct pki_trust *trust, const char *certificate,
				 int64_t now, const struct pki_expect *expect,
				 struct pki_identity *out) must_check;
// Who a certificate (the first in the text) speaks for; says nothing about whether to believe it.
bool pki_identify(const char *certificate, struct diags *diags,
		  struct pki_identity *out) must_check;
// SHA-256 over the DER of the first certificate in the text.
bool pki_fingerprint(const char *certificate, struct diags *diags,
		     unsigned char out[static PKI_DIGEST]) must_check;
// From a chain (leaf first) takes the authority with this fingerprint, when it signed the leaf:
// appends its PEM.
bool pki_pin(const char *chain, const unsigned char fingerprint[static PKI_DIGEST],
	     struct diags *diags, struct buf *ca_out) must_check;

// --- keys and requests, on the side of who wants a certificate ---

// A new P-256 key in a file of mode 0600 that appears whole or not at all. An existing file is
// refused.
bool pki_key_new(const char *path, struct diags *diags) must_check;
// A PKCS #10 request for this name, signed with the key in the file. The authority decides on
// everything else.
bool pki_request(const char *key_path, const char *name, struct diags *diags,
		 struct buf *out) must_check;
// Whether the first certificate in the text belongs to the key in the file.
bool pki_key_matches(const char *key_path, const char *certificate, struct diags *diags) must_check;

// --- the authority: a directory ---
//
// ca.key (0600), ca.pem, crl.pem, index (one line a certificate), issued/SERIAL.pem, lock. Every
// file is replaced whole (written aside, synced, renamed); the index is the truth and is written
// before what follows from it, and opening mends what a crash left behind. One process at a time
// has it open.

struct pki;

#define PKI_CA_DAYS 3650u
#define PKI_DAYS_DEFAULT 365u
#define PKI_DAYS_MOST 3650u
#define PKI_CRL_DAYS \
	30u // until the list's next update; it is signed anew when half of that has passed

// Makes the directory (it must not exist or be empty) with a new authority in it.
bool pki_init(const char *dir, const char *organisation, struct diags *diags) must_check;
// NULL and diags when it is no authority's directory or somebody else has it open. Signs the list
// anew when it is due.
struct pki *pki_open(const char *dir, struct diags *diags) must_check;
void pki_close(struct pki *pki);

struct pki_subject {
	enum pki_role role;
	const char *name;
	const char *tenant; // mandatory for PKI_TENANT_USER, else NULL
	const char *const
		*address; // IP addresses that it answers on, text; for controllers and NSFs
	size_t addresses;
	unsigned days; // validity; 0: PKI_DAYS_DEFAULT. It never outlives the authority.
};
// Signs the request's key under this subject; what the request says of its own is not used. Appends
// the certificate and then the authority's, as a TLS server sends them.
bool pki_issue(struct pki *pki, const struct pki_subject *subject, const char *request,
	       struct diags *diags, struct buf *chain_out) must_check;
// The same with a new key, for who has no host of their own: writes NAME.key (0600) and NAME.pem
// into `dir`, neither of which may exist, and nothing at all on failure.
bool pki_issue_files(struct pki *pki, const struct pki_subject *subject, const char *dir,
		     struct diags *diags) must_check;
// A new certificate for the holder of a valid one (`certificate`: verified by the caller or not, it
// is verified again here): the same subject and addresses, the key of the request. The old one
// stays valid until it expires.
bool pki_renew(struct pki *pki, const char *certificate, const char *request, unsigned days,
	       struct diags *diags, struct buf *chain_out) must_check;
// A new certificate for a key that was certified under this name and role before and is not revoked;
// with another key it is refused (DIAG_DENIED).
bool pki_certify_again(struct pki *pki, const struct pki_subject *subject, const char *request,
		       struct diags *diags, struct buf *chain_out) must_check;

// By serial (hexadecimal) or by name (then every certificate of that name that is still valid).
// Writes the list.
bool pki_revoke(struct pki *pki, const char *serial_or_name, struct diags *diags) must_check;
// The authority's certificate and the current list, signed anew when it is due. Append to the buf.
void pki_ca(const struct pki *pki, struct buf *out);
bool pki_crl(struct pki *pki, struct diags *diags, struct buf *out) must_check;
void pki_ca_fingerprint(const struct pki *pki, unsigned char out[static PKI_DIGEST]);

struct pki_entry {
	struct pki_identity identity;
	int64_t revoked; // seconds since 1970 UTC; 0: not revoked
};
// Every certificate that was issued, oldest first. The entry is borrowed for the call.
typedef void (*pki_entry_fn)(const struct pki_entry *entry, void *context);
void pki_each(const struct pki *pki, pki_entry_fn fn, void *context);

// --- one-time tokens for enrolment: "bw1.<id>.<secret>.<fingerprint of the authority>" ---

#define PKI_TOKEN_ID 16u    // hexadecimal digits
#define PKI_TOKEN_TEXT 132u // the longest token and its NUL
struct pki_token {
	char id[PKI_TOKEN_ID + 1];
	unsigned char hash[PKI_DIGEST];        // of the secret: what the issuer of the token keeps
	unsigned char fingerprint[PKI_DIGEST]; // of the authority that the bearer shall trust
};
// A new token; the text is shown once and kept nowhere.
void pki_token_new(const unsigned char fingerprint[static PKI_DIGEST], struct pki_token *token_out,
		   char text_out[static PKI_TOKEN_TEXT]);
bool pki_token_parse(const char *text, struct diags *diags, struct pki_token *out) must_check;
// Whether what the bearer showed is what was kept under this id; in constant time.
bool pki_token_matches(const struct pki_token *shown, const struct pki_token *kept) must_check;
