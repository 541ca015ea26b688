// SPDX-License-Identifier: Apache-2.0
// Whether a record is to be believed. The one idea: two questions that do not know of each other. Who says it: the key has
// signed these bytes, and an authority that is trusted has certified the key for this NSF's evidence at that time. Is
// anything missing: the record names the digest of the one before it.
// What it does not: ask whether a certificate was revoked later; what was signed before stays true.
#include "evidence/evidence.h"

#include "base/diag.h"
#include "pki/pki.h"
#include "pki/signature.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define AGAIN "get it again from where it was exported; if it stays so, somebody has changed it"

static bool fault(struct diags *diags, enum diag_code code, const char *hint, const char *why)
{
	diag_error(diags, code, NULL, hint, "%s", why);
	return false;
}

bool evidence_signed(const struct evidence_record *record, const char *text, const char *signature,
		     const char *certificate, const struct pki_trust *trust, struct diags *diags)
{
	struct pki_expect expect = {.roles = 1u << PKI_EVIDENCE, .name = record->nsf};
	struct pki_identity who;
	char key[PKI_DIGEST_TEXT];
	// 1. The certificate is for the key that the record names.
	if (!certificate || !*certificate)
		return fault(diags, DIAG_MISSING,
			     "enrol the NSF: its key for evidence is certified then",
			     "nobody has certified the key that signed it");
	if (!pki_certified_key(certificate, diags, key))
		return false;
	if (strcmp(key, record->key) != 0)
		return fault(diags, DIAG_CONFLICT, AGAIN, "it was signed with another key");
	// 2. The authority says that this key is this NSF's, and said so when it was used.
	enum pki_verdict verdict = pki_verify_text(trust, certificate, record->time, &expect, &who);
	if (verdict != PKI_OK)
		return fault(diags, DIAG_DENIED,
			     "see with openssl x509 -text who has certified the key, for whom "
			     "and until when",
			     pki_verdict_text(verdict));
	// 3. The key has signed these bytes.
	if (!pki_signature_holds(certificate, text, strlen(text), signature))
		return fault(diags, DIAG_CONFLICT, AGAIN,
			     "the signature is not that of this record");
	return true;
}

static void move_to(struct evidence_link *last, const struct evidence_record *record,
		    const char *text)
{
	snprintf(last->chain, sizeof(last->chain), "%s", record->chain);
	evidence_digest(text, strlen(text), last->digest);
	last->serial = record->serial;
	last->time = record->time;
}

static bool compare(const struct evidence_link *last, const struct evidence_record *record,
		    struct diags *diags)
{
	static const char hint[] = "ask the NSF or the controller for what is missing";
	if (!last->serial || strcmp(last->chain, record->chain) != 0)
		return true;
	if (record->serial <= last->serial) {
		diag_error(diags, DIAG_CONFLICT, NULL, AGAIN,
			   "it stands behind number %" PRIu64
			   ": out of order, or two records of one number",
			   last->serial);
		return false;
	}
	if (record->serial > last->serial + 1) {
		diag_error(diags, DIAG_MISSING, NULL, hint,
			   "%" PRIu64 " missing before it, from number %" PRIu64 " on",
			   record->serial - last->serial - 1, last->serial + 1);
		return false;
	}
	if (strcmp(record->previous, last->digest) != 0)
		return fault(diags, DIAG_CONFLICT, AGAIN,
			     "it does not follow the record before it, which is another one than "
			     "the NSF has chained it to");
	if (record->time < last->time - EVIDENCE_CLOCK_SKEW)
		return fault(diags, DIAG_CONFLICT, "see whether the NSF's clock was set back",
			     "it says that it was made before the record before it");
	return true;
}

bool evidence_follows(struct evidence_link *last, const struct evidence_record *record,
		      const char *text, struct diags *diags)
{
	bool follows = compare(last, record, diags);
	move_to(last, record, text);
	return follows;
}
