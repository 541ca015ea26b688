// SPDX-License-Identifier: Apache-2.0
// Between the engine and whatever reaches the NSFs: what the engine asks of it, and what it tells
// the engine.
#pragma once

#include "base/arena.h"

struct diags;
struct diag;
struct engine;

#define ENGINE_DIGEST 32u

enum engine_connection {
	ENGINE_CONNECTED,
	ENGINE_AWAY,
	ENGINE_NEVER_SEEN,
	ENGINE_REFUSED,
	ENGINE_CONNECTIONS
};
extern const char *const engine_connection_name[ENGINE_CONNECTIONS];

// Where an NSF is, and how it is known.
struct engine_peer {
	const char *name, *address; // the address in digits; NULL only when it calls
	uint16_t port;
	bool calls_home; // it opens the connection (RFC 8071)
	// Over SSH under this name; NULL: over TLS, where its certificate must carry the name.
	const char *ssh_user;
	const char *const *host_keys; // over SSH: fingerprints that are right; ends with NULL
};

// A flow that a pinhole is for.
struct engine_flow {
	const char *id;
	const char *source, *destination; // addresses of one IP version
	const char *protocol;             // "tcp", "udp", "sctp", "dccp"
	uint8_t protocol_number;
	bool has_source_port;
	uint16_t source_port, destination_port;
	uint32_t lifetime, idle; // seconds
};

enum engine_op {
	ENGINE_OP_LOCK,     // takes running and candidate; `session` says which session has them
	ENGINE_OP_EDIT,     // replaces the whole candidate by `text` (may be empty)
	ENGINE_OP_VALIDATE, // the candidate
	ENGINE_OP_COMMIT,   // confirmed: `persist`, `confirm_timeout`
	ENGINE_OP_CONFIRM,  // the commit of `persist`
	ENGINE_OP_CANCEL,   // the commit of `persist`; what is not there is not an error
	ENGINE_OP_UNLOCK,   // gives back what LOCK took; throws the candidate away
	ENGINE_OP_TRUST,    // `text`: revocation lists in PEM
	ENGINE_OP_PINHOLE_OPEN,  // `flow`
	ENGINE_OP_PINHOLE_CLOSE, // `flow->id`; what is not there is not an error
	ENGINE_OPS
};

struct engine_request {
	enum engine_op op;
	const char *nsf;
	// LOCK writes it. From then on an operation with another session than this fails: with the
	// session went the locks and the candidate. 0: any.
	uint32_t *session;
	const char *text;
	size_t len;
	const char *persist;
	unsigned confirm_timeout; // seconds
	const struct engine_flow *flow;
	unsigned timeout_ms;
};

// What an NSF says that it enforces; digests as in the module bulwark-nsf.
struct engine_report_rule {
	const char *policy, *name;
	bool enforced; // read back, and it means what was intended
	uint64_t packets, bytes;
	const char *difference; // NULL: none
};
struct engine_report_difference {
	const char *policy, *rule, *text; // names may be NULL
};
struct engine_report {
	const char *software; // NULL: it does not say
	bool none;            // nothing of ours is enforced
	bool settled;         // it says that it enforces what it was told
	bool has_intended;    // `intended` can be recomputed from the ruleset and the two times
	bool has_enforced;    // `policy` and `enforced`: before and after the kernel
	unsigned char intended[ENGINE_DIGEST], policy[ENGINE_DIGEST], enforced[ENGINE_DIGEST];
	int64_t lowered_at, horizon; // between which calendar conditions became ranges of time
	const char *persist;         // of the commit that awaits its confirmation; NULL: none
	VEC(struct engine_report_rule) rule;
	VEC(struct engine_report_difference) difference;
	VEC(const char *) pinhole; // ids of those that are open
	VEC(const char *) foreign; // what others have put beside the policy, in words
};
struct engine_report_request {
	const char *nsf;
	bool read_back; // from the kernel now, else what was read back last
	unsigned timeout_ms;
};

// Evidence of proofs, as the NSF has signed it.
struct engine_record {
	const char *text, *signature;
};
struct engine_records {
	const char *certificate; // of the key that signs now; NULL: nobody has certified it
	VEC(struct engine_record) record;
	bool more;
};
struct engine_evidence_request {
	const char *nsf;
	const char *chain; // only records behind this one; NULL: the oldest
	uint64_t serial;
	unsigned timeout_ms;
};

// Each is required. Those that ask block and come from any thread.
struct engine_nsf_ops {
	// All NSFs to keep in touch with, from now on; others are let go.
	void (*configure)(void *context, const struct engine_peer *peers, size_t len);
	// False and diags: refused, lost or too late (DIAG_UNREACHABLE, DIAG_TIMEOUT: it may have
	// happened).
	bool (*request)(void *context, const struct engine_request *request, struct diags *diags);
	// In the arena of diags.
	bool (*report)(void *context, const struct engine_report_request *request,
		       struct diags *diags, struct engine_report *out);
	// The NSF that is asked for what it can do answers with XML of `nsf` elements of
	// ietf-i2nsf-capability, in the arena of diags.
	bool (*capabilities)(void *context, const char *nsf, struct diags *diags, const char **out);
	// In the arena of diags.
	bool (*evidence)(void *context, const struct engine_evidence_request *request,
			 struct diags *diags, struct engine_records *out);
};

// --- what it tells the engine; returns at once, from any thread ---

// A session is up.
void engine_nsf_connected(struct engine *engine, const char *nsf);
// ENGINE_AWAY or ENGINE_REFUSED.
void engine_nsf_disconnected(struct engine *engine, const char *nsf, enum engine_connection how,
			     const char *reason);

// Somebody has called home and was not taken: from where, and why. Too many at once are dropped.
void engine_call_refused(struct engine *engine, const char *from, const char *why);

enum engine_notice_kind {
	ENGINE_NOTICE_DRIFT,
	ENGINE_NOTICE_REPAIRED,
	ENGINE_NOTICE_REVERTED,
	ENGINE_NOTICE_PINHOLE_CLOSED,
	ENGINE_NOTICE_EVIDENCE, // there is a new record
};
struct engine_notice {
	enum engine_notice_kind kind;
	const char *nsf;
	const char *id;   // of the pinhole
	const char *text; // differences or reason
};
void engine_nsf_notice(struct engine *engine, const struct engine_notice *notice);
