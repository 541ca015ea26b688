// SPDX-License-Identifier: Apache-2.0
// Evidence of proofs: what an NSF found when it read its kernel back, as a record that it signs and chains to the one
// before. The signed form is one line of JSON with its members in one order; a signature and a digest are over exactly
// these bytes, without the end of the line.
#pragma once

#include "base/arena.h"
#include "base/map.h"

struct buf;
struct diags;
struct pki_trust;

#define EVIDENCE_FORMAT "bulwark-evidence-1"
#define EVIDENCE_DIGEST 65u              // SHA-256 in hexadecimal and the NUL
#define EVIDENCE_CHAIN 17u               // 16 hexadecimal digits and the NUL
#define EVIDENCE_TEXT_MOST 400u          // bytes of a text in a record; longer ones end in "…"
#define EVIDENCE_DIFFERENCES 8u          // so many differences are shown; all are counted
#define EVIDENCE_RECORD_MOST (32u << 10) // bytes of a record

// What made the NSF look.
enum evidence_trigger {
#define X(id, name, meaning) id,
#include "evidence/triggers.def"
#undef X
	EVIDENCE_TRIGGERS
};
extern const char *const evidence_trigger_name[EVIDENCE_TRIGGERS];

enum evidence_result {
	EVIDENCE_EQUAL,     // what is enforced means what is intended, and nothing else is there
	EVIDENCE_DIFFERENT, // it does not
	EVIDENCE_UNKNOWN,   // it could not be judged
	EVIDENCE_RESULTS
};
extern const char *const evidence_result_name[EVIDENCE_RESULTS];

struct evidence_difference {
	const char *kind, *policy, *rule, *intended, *found,
		*witness; // a packet that fares otherwise; but the kind, all may be NULL
};

// Texts that may be NULL: commit, the three digests, fault.
struct evidence_record {
	const char *nsf;
	const char *chain; // 16 hexadecimal digits; another one when the NSF has lost its records
	uint64_t serial;   // in the chain, from 1
	const char *previous; // digest of the record before; 64 zeros for the first
	const char *key;      // that signs: SHA-256 over the DER of its public half
	int64_t time;         // of the beginning, seconds since 1970 UTC
	uint32_t milliseconds;
	enum evidence_trigger trigger;
	const char *method, *back_end, *kernel;
	uint32_t generation;
	const char *commit; // persist-id of the commit that brought the policy
	uint32_t rules;     // intended
	const char *intended, *policy, *enforced; // digests, as in the module bulwark-nsf
	int64_t lowered_at, horizon;
	enum evidence_result result;
	const char *fault;                          // why it could not be judged
	uint32_t differences;                       // all of them
	VEC(struct evidence_difference) difference; // the first
};

// Appends the form that is signed.
void evidence_print(const struct evidence_record *record, struct buf *out);
// Reads what evidence_print wrote and nothing else; texts live in the arena of diags. DIAG_UNSUPPORTED: of another
// version.
bool evidence_read(const char *text, size_t len, struct diags *diags,
		   struct evidence_record *out) must_check;
void evidence_digest(const char *text, size_t len, char out[static EVIDENCE_DIGEST]);

// --- is it true? ---

// Whether the certificate is one for evidence of the record's NSF, valid when it was made, and its key has signed this.
bool evidence_signed(const struct evidence_record *record, const char *text, const char *signature,
		     const char *certificate, const struct pki_trust *trust,
		     struct diags *diags) must_check;

// The last record of a chain that was seen.
struct evidence_link {
	char chain[EVIDENCE_CHAIN], digest[EVIDENCE_DIGEST];
	uint64_t serial; // 0: none
	int64_t time;
};
// Clocks are set; what is more than this earlier than the record before it is a fault.
#define EVIDENCE_CLOCK_SKEW 300
// Whether the record stands behind the last one without a gap. `last` is moved to it either way.
bool evidence_follows(struct evidence_link *last, const struct evidence_record *record,
		      const char *text, struct diags *diags) must_check;

// --- many of them, in a file ---

// A record as it is kept and passed on.
struct evidence_item {
	const char *text, *signature;
	unsigned line; // in the bundle, for messages; 0: in none
};
struct evidence_certificate {
	const char *pem, *key; // key: as in records
	int64_t not_before, not_after;
	struct evidence_certificate *other; // for the same key
};
struct evidence_bundle {
	VEC(struct evidence_certificate *) certificate;
	struct map by_key; // of them
	VEC(struct evidence_item) item;
};
#define EVIDENCE_CERTIFICATES_MOST 10000u
#define EVIDENCE_BUNDLE_MOST (256u << 20) // bytes
// False and diags when it is no certificate of ours. In the arena of diags.
bool evidence_bundle_certify(struct evidence_bundle *bundle, const char *pem,
			     struct diags *diags) must_check;
void evidence_bundle_print(const struct evidence_bundle *bundle, const char *note, struct buf *out);
// Borrows from `text`, which it cuts into pieces. False and diags with the line: truncated, or no bundle.
bool evidence_bundle_read(char *text, size_t len, struct diags *diags,
			  struct evidence_bundle *out) must_check;
// The certificate for this key in the bundle that was valid at the time, else any for it; NULL: there is none.
const char *evidence_bundle_certificate(const struct evidence_bundle *bundle, const char *key,
					int64_t time) must_check;
