// SPDX-License-Identifier: Apache-2.0
// What front and enforcer say to each other: typed messages, strictly decoded. Front, which parses the network, is not
// trusted by the enforcer beyond what these messages allow.
#pragma once

#include "backend/backend.h"
#include "base/arena.h"
#include "base/diag.h"
#include "evidence/evidence.h"

struct buf;

// Type, whose it is (FRONT asks, ENFORCER answers with the same id or tells with id 0).
enum agent_type {
#define X(code, sender, text) code,
#include "agent/messages.def"
#undef X
	AGENT_TYPES
};
enum agent_sender { AGENT_FRONT, AGENT_ENFORCER };
struct agent_type_info {
	const char *name;
	enum agent_sender sender;
};
extern const struct agent_type_info agent_type_info[AGENT_TYPES];

// Bytes of one message; beyond them the channel is closed. The largest configuration fits.
#define AGENT_MESSAGE_MOST (300u << 20)
#define AGENT_PIECE \
	((size_t)256 << 10) // about so many bytes go into one message where pieces are sent
#define AGENT_EDITS_MOST 65536u
#define AGENT_LISTENERS_MOST 8u
#define AGENT_ENDPOINTS_MOST 16u
#define AGENT_PORT_CALL_HOME 4335 // over TLS
#define AGENT_PORT_CALL_HOME_SSH 4334
#define AGENT_DIGEST_TEXT 65u // SHA-256 in hexadecimal

// Descriptors of front.
enum { AGENT_FD_CHANNEL = 3, AGENT_FD_CERTIFICATES, AGENT_FD_YANG, AGENT_FD_DIAL, AGENT_FD_LISTEN };

enum agent_reason {
	AGENT_TIMEOUT,
	AGENT_SESSION_END,
	AGENT_RESTART,
	AGENT_CANCELLED,
	AGENT_REASONS
};
enum agent_closed {
	AGENT_REQUESTED,
	AGENT_LIFETIME,
	AGENT_IDLE,
	AGENT_UNUSED,
	AGENT_FLUSHED,
	AGENT_CLOSEDS
};
enum agent_enforcement {
	AGENT_NONE,
	AGENT_ENFORCED,
	AGENT_DRIFTED,
	AGENT_PENDING,
	AGENT_UNKNOWN,
	AGENT_ENFORCEMENTS
};
extern const char *const agent_reason_name[AGENT_REASONS]; // as the model spells them
extern const char *const agent_closed_name[AGENT_CLOSEDS];
extern const char *const agent_enforcement_name[AGENT_ENFORCEMENTS];

// Where a controller can be called (RFC 8071), as io_address_parse reads it. Those of one controller stand behind one
// another, in the order of trying.
struct agent_endpoint {
	uint8_t controller; // from 0
	bool ssh;           // else TLS
	const char *address;
};
uint16_t
agent_endpoint_port(const struct agent_endpoint *endpoint) must_check; // where it names none

// A configuration as front has said it: a text, and changes of it (edit-config) in the order in which they were made.
struct agent_running {
	const char *base; // NULL: there is none
	VEC(const char *) edit;
};
// A piece of one, for front. Those of one text follow each other, those of a change follow those of the text.
enum agent_which { AGENT_KEPT_RUNNING, AGENT_KEPT_ROLLBACK, AGENT_KEPT_STARTUP, AGENT_KEPTS };
struct agent_kept {
	enum agent_which which;
	bool begins; // the first one of the text, or of a change
	const void *data;
	size_t len;
};

// What front needs to begin.
struct agent_start {
	const char *name;
	uint8_t listeners;    // descriptors from AGENT_FD_LISTEN on
	uint8_t over_ssh;     // bit i: descriptor AGENT_FD_LISTEN + i is for SSH, else TLS
	uint32_t sessions;    // at the most
	const char *recovery; // user whom access control does not bind; NULL: nobody
	VEC(struct agent_endpoint) endpoint;
	bool last_connected; // calls begin with the endpoint that worked last, else with the first
	uint32_t call_wait;  // seconds between two calls, at the most
	uint32_t keepalive;  // seconds until a peer that has vanished is noticed
	bool pending;        // a confirmed commit that any session may confirm
	const char *persist;
	// Counts what the enforcer took into force, and what it took back, so that both know which policy a change is for.
	uint32_t version;
};

// On which terms something is committed.
struct agent_terms {
	bool confirmed; // revert unless confirmed within `timeout` seconds
	uint32_t timeout;
	const char *persist;
};
// A piece of AGENT_TEXT, or whole rules (ir_rule_encode) one behind the other, in order of decision, not lowered.
struct agent_piece {
	const void *data;
	size_t len;
};
// A commit of all that was sent since the last one.
struct agent_apply {
	enum ir_verdict default_action;
	struct agent_terms terms;
};
// A commit that says what is different. Edits do not touch each other, and none is empty.
struct agent_change {
	uint32_t version; // of the policy that it changes
	uint32_t before;  // how many rules there were
	VEC(struct backend_edit) edit;
	struct agent_piece rules; // that are inserted, as in AGENT_RULES
	const char *text;         // the change of the configuration
	struct agent_terms terms;
};

struct agent_digests {
	const char *intended, *policy, *enforced; // hexadecimal; NULL: there is none
	int64_t lowered_at, horizon;              // seconds since 1970 UTC; 0: no policy
	uint32_t generation;
};

struct agent_rule_state {
	const char *policy, *name, *digest, *difference;
	bool enforced;
	struct backend_count count;
};
struct agent_event_entry {
	uint64_t sequence;
	int64_t time;
	const char *kind, *text;
};
// The answer to AGENT_STATE.
struct agent_report {
	int64_t boot_time, verified_at; // seconds since 1970 UTC; verified_at 0: never
	enum agent_enforcement enforcement;
	struct agent_digests digests;
	bool pending;
	const char *persist;
	uint32_t seconds_left, repairs;
	VEC(struct agent_rule_state) rule;
	struct backend_differences differences;
	struct backend_others others;
	struct backend_pinholes pinholes;
	VEC(struct agent_event_entry) event;
};

// The answer to AGENT_VERIFY.
struct agent_proof {
	bool equal;
	struct agent_digests digests;
	struct backend_differences differences;
};

// What AGENT_EVIDENCE asks for: records behind this one; chain NULL: from the oldest.
struct agent_evidence_ask {
	const char *chain;
	uint64_t serial;
};
struct agent_record {
	const char *text, *signature;
};
// The answer to it.
struct agent_records {
	const char *certificate; // PEM, of the key that signs now; NULL: nobody has certified it
	VEC(struct agent_record) record;
	bool more; // behind the last
};

struct agent_drift {
	struct backend_differences differences; // at most AGENT_DRIFT_MOST
	uint32_t total;
};
#define AGENT_DRIFT_MOST 100u

struct agent_message {
	enum agent_type type;
	uint32_t id;
	union {
		struct agent_start start;   // AGENT_START
		struct agent_kept kept;     // AGENT_KEPT
		struct agent_piece piece;   // AGENT_TEXT, AGENT_RULES
		struct agent_apply apply;   // AGENT_APPLY
		struct agent_change change; // AGENT_CHANGE
		bool session_ended;         // AGENT_CANCEL
		const char *text; // AGENT_STARTUP (NULL: none any more), AGENT_CLOSE (name)
		struct backend_pinhole pinhole; // AGENT_OPEN
		struct {
			const char *ca, *crl;
		} trust; // AGENT_TRUST
		struct {
			bool ok;
			struct diags diags;
		} result;                   // AGENT_RESULT
		struct agent_report report; // AGENT_REPORT
		struct agent_proof proof;   // AGENT_PROOF
		struct {
			const char *digest;
			uint32_t generation;
		} committed; // AGENT_COMMITTED
		struct {
			enum agent_reason reason;
			const char *digest;
		} reverted;               // AGENT_REVERTED
		struct agent_drift drift; // AGENT_DRIFT
		struct {
			uint32_t generation, milliseconds;
		} repaired; // AGENT_REPAIRED
		struct {
			const char *name;
			enum agent_closed reason;
		} closed;                      // AGENT_CLOSED
		struct agent_evidence_ask ask; // AGENT_EVIDENCE
		struct agent_records records;  // AGENT_RECORDS
		struct {
			uint64_t serial;
			enum evidence_trigger trigger;
			enum evidence_result result;
		} proven; // AGENT_PROVEN
	};
};

void agent_message_encode(const struct agent_message *message, struct buf *out);
// False on anything that agent_message_encode does not make. Texts and lists are copied into the arena, the bytes of pieces
// and rules are borrowed.
bool agent_message_decode(const void *data, size_t len, struct arena *arena,
			  struct agent_message *out) must_check;
