// SPDX-License-Identifier: Apache-2.0
// The intermediate representation: the one meaning of a policy, whatever model it came from and
// wherever it goes.
//
// A ruleset is an ordered list of Event-Condition-Action rules; the first rule that matches a
// packet decides (RFC 8329 section 7). A rule's condition is a disjunction of clauses, a clause a
// conjunction of exact sets, one a dimension; beside them stand opaque conditions that all must
// hold. How resolution strategies and priorities become this order is ir_document_order's work.
// What a rule means for one packet at one time is ir_eval's: the definition that every compiler,
// verifier and read-back is tested against.
#pragma once

#include "algebra/set.h"
#include "base/arena.h"

enum ir_dim {
#define X(code, key, bits, kind, text) code,
#include "ir/dims.def"
#undef X
	IR_DIMS
};

enum ir_dim_kind { IR_KIND_TUPLE, IR_KIND_PACKET, IR_KIND_CLOCK };

struct ir_dim_info {
	const char *key, *text;
	unsigned bits;
	enum ir_dim_kind kind;
};
extern const struct ir_dim_info ir_dim_info[IR_DIMS];

enum ir_opaque_kind {
#define X(code, name, capability, leaf) code,
#include "ir/opaques.def"
#undef X
	IR_OPAQUES
};
struct ir_opaque_info {
	const char *name, *capability, *leaf;
};
extern const struct ir_opaque_info ir_opaque_info[IR_OPAQUES];

enum { IR_STATE_NEW, IR_STATE_ESTABLISHED, IR_STATE_RELATED, IR_STATE_INVALID, IR_STATE_UNTRACKED };

// One dimension must lie in the set. The set is never empty and never the whole dimension.
struct ir_cond {
	enum ir_dim dim;
	struct algebra_set set;
};

// Conditions in the order of enum ir_dim, one a dimension at most; none means every packet.
// `clock`: seconds added to UTC before the CLOCK dimensions other than IR_TIME are derived. It
// carries the time zone and the start of the period, so that a period past midnight is one range of
// IR_HOUR on the day on which it began.
struct ir_clause {
	struct ir_cond *cond;
	size_t len;
	int32_t clock;
};

// Any one of the values; what a value looks like is its kind's (a URL, base64 content, a user's
// name, an identity). `negated`: holds when none of them does.
struct ir_opaque {
	enum ir_opaque_kind kind;
	const char *name; // as the customer named it, or NULL
	const char **value;
	size_t len;
	bool negated;
};

// Names are those of the models' identities; IR_NONE logs at the most and leaves the verdict to
// later rules.
enum ir_verdict {
	IR_NONE,
	IR_PASS,
	IR_DROP,   // silent
	IR_REJECT, // answers: TCP reset, else ICMP port unreachable
	IR_MIRROR,
	IR_RATE_LIMIT, // passes what is within the rate, drops what is beyond it
	IR_INVOKE_SIGNALING,
	IR_TUNNEL_ENCAPSULATION,
	IR_FORWARDING,
	IR_TRANSFORMATION,
	IR_VERDICTS
};
extern const char *const ir_verdict_name[IR_VERDICTS];
enum ir_log { IR_LOG_NONE, IR_LOG_RULE, IR_LOG_SESSION };

// Rates per second, 0 is none. With IR_RATE_LIMIT they are the limit; with any other verdict the
// rule matches only while the traffic that its condition selects exceeds one of them.
struct ir_rate {
	uint64_t packets, flows;
	uint64_t bytes_x100; // hundredths of bytes, as `limit` has two fraction digits
};

struct ir_rule {
	const char *policy, *name, *description;
	const char *file; // where it came from; for messages
	unsigned line;
	uint8_t priority; // 1..255, higher wins; 0 none
	bool flow;        // flow-action: judged by the flow's first packet, replies included; else
			  // packet-action
	enum ir_verdict verdict;
	enum ir_log log;
	struct ir_rate rate;
	struct ir_clause *clause; // any one of them must match; none: the rule matches nothing
	size_t clauses;
	struct ir_opaque *opaque; // all of them must hold
	size_t opaques;
};

enum ir_resolution { IR_FMR, IR_LMR, IR_PMRE, IR_PMRN };
enum ir_usage { IR_BY_ORDER, IR_BY_NUMBER };

struct ir_policy {
	const char *name;
	enum ir_resolution resolution;
	enum ir_usage usage;
	enum ir_verdict default_action; // IR_NONE: the model has none, or none was given
	VEC(struct ir_rule) rule;       // as configured
};

// What a document says: several policies; an earlier policy decides before a later one.
struct ir_document {
	VEC(struct ir_policy) policy;
};

// What an NSF enforces. Plain data in one arena.
struct ir_ruleset {
	VEC(struct ir_rule) rule; // the first that matches decides
	enum ir_verdict default_action;
};

struct diags;

// Puts each policy's rules into the order in which the first match decides, as its resolution
// strategy and priority usage say: numbers first (higher wins, none is lowest), ties by fmr the
// earlier, lmr the later, pmrn the earlier; pmre reports a tie whose rules overlap and differ as an
// error. The rules' contents are shared with the document.
void ir_document_order(const struct ir_document *document, struct arena *arena, struct diags *diags,
		       struct ir_ruleset *out);

// What pmre demands of two rules of one number; `a` is the earlier one. Adds an error when they overlap and differ.
void ir_rules_check_tie(const struct ir_rule *a, const struct ir_rule *b, struct diags *diags);

// --- building clauses (ir/clause.c) ---

// Narrows the clause to `set` in one dimension (intersecting with what it had). False, and the
// clause unusable, when nothing is left. A full set changes nothing.
bool ir_clause_narrow(struct ir_clause *clause, struct arena *arena, enum ir_dim dim,
		      struct algebra_set set) must_check;
// NULL when the clause does not restrict the dimension.
const struct algebra_set *ir_clause_set(const struct ir_clause *clause, enum ir_dim dim) must_check;
struct ir_clause ir_clause_copy(const struct ir_clause *clause, struct arena *arena) must_check;
// The same conditions on the same clock.
bool ir_clause_equal(const struct ir_clause *a, const struct ir_clause *b) must_check;
// Has a CLOCK dimension but IR_TIME, so that its clock is part of what it means.
bool ir_clause_has_clock(const struct ir_clause *clause) must_check;
// The conjunction of two clauses that have the same clock or where one has no CLOCK dimension but
// IR_TIME.
bool ir_clause_and(struct ir_clause *clause, struct arena *arena,
		   const struct ir_clause *other) must_check;
// Whether some packet matches both; exact but for clocks that differ, where it may say true for a
// pair that never meet.
bool ir_clause_overlaps(const struct ir_clause *a, const struct ir_clause *b) must_check;
// The IP versions that the clause can match (bit 0: 4, bit 1: 6) and the transport protocols (bit p % 64 of word p / 64):
// what its dimensions imply counts too (a port is of TCP, UDP, UDP-Lite, SCTP or DCCP, an ICMPv6 type of IPv6).
unsigned ir_clause_versions(const struct ir_clause *clause) must_check;
struct ir_protocols {
	uint64_t bit[4];
};
struct ir_protocols ir_clause_protocols(const struct ir_clause *clause) must_check;
bool ir_protocols_equal(struct ir_protocols a, struct ir_protocols b) must_check;
bool ir_clause_allows_protocol(const struct ir_clause *clause, uint8_t protocol) must_check;
// What a condition on the dimension says beside its value: only packets of these versions and transport protocols
// (0-terminated; empty: any) have it at all.
unsigned ir_dim_versions(enum ir_dim dim) must_check;
const uint8_t *ir_dim_protocols(enum ir_dim dim) must_check;
// Only packets of some protocols have it: it is of the transport header. False for numbers from IR_DIMS on.
bool ir_dim_is_transport(enum ir_dim dim) must_check;
bool ir_dim_is_of(enum ir_dim dim,
		  unsigned protocol) must_check; // packets of the protocol may have it
// Of DCCP packets only requests (type 0) and responses (1) have a service code (RFC 4340 sections 5.1 and 8.1.2).
#define IR_DCCP_SERVICE_LAST 1u
bool ir_clause_asks_transport(const struct ir_clause *clause)
	must_check; // some condition is on such a dimension

#include "ir/eval.h"
#include "ir/text.h"
#include "ir/period.h"
