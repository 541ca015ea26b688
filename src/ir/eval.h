// SPDX-License-Identifier: Apache-2.0
// The interpreter: what a ruleset means for one packet at one time, and packets to ask it about.
#pragma once

#include "ir/ir.h"

// A packet at a time. `has` is a bit a dimension. `flow`: the first packet of its flow (TUPLE
// dimensions only), itself when it is the first, NULL when connection tracking knows no flow for it
// (invalid, untracked). `reply`: it travels against the flow's first packet. `over_rate`: the rates
// of rate conditions are exceeded now.
struct ir_packet {
	uint64_t has;
	u128 value[IR_DIMS];
	int64_t time; // seconds since 1970 UTC; sets the CLOCK dimensions
	const struct ir_packet *flow;
	bool reply, over_rate;
	// For an opaque condition, as if it were not negated: does it hold? NULL: unknown.
	bool (*opaque_holds)(const struct ir_packet *packet, const struct ir_opaque *opaque,
			     bool *known_out);
	// Whether the rate of this one rule is exceeded; NULL: over_rate says it of all.
	bool (*rate_exceeded)(const struct ir_packet *packet, const struct ir_rule *rule);
	void *context; // of the two
};

// Of verdicts with which packets go on their way, all of them or those within a rate.
bool ir_verdict_passes(enum ir_verdict verdict) must_check;
bool ir_rate_equal(struct ir_rate a, struct ir_rate b) must_check;
// Has a rate at all; has one as a condition, not as the limit.
bool ir_rule_has_rate(const struct ir_rule *rule) must_check;
bool ir_rule_has_rate_condition(const struct ir_rule *rule) must_check;

void ir_packet_set(struct ir_packet *packet, enum ir_dim dim, u128 value);

struct ir_outcome {
	enum ir_verdict verdict;    // of the deciding rule, or the default action
	const struct ir_rule *rule; // NULL: the default decided
	bool no_flow;               // dropped because no flow is known and flow rules are in force
	const struct ir_rule *depends; // the first rule that would decide if its opaque conditions
				       // held; NULL when none
	VEC(const struct ir_rule *) logged; // rules that log it, in order
};

bool ir_clause_matches(const struct ir_clause *clause, const struct ir_rule *rule,
		       const struct ir_packet *packet) must_check;
// Reading as numbered steps of what a ruleset means:
// 1. Rules are tried in order. A packet rule reads the packet. A flow rule reads TUPLE dimensions
// from the packet's flow;
//    it matches no packet without a flow. Against the flow's direction its PACKET dimensions cannot
//    be read: then a rule that passes matches by its tuple alone, any other does not match.
// 2. A rule with a rate and a verdict other than rate-limit matches only while the rate is
// exceeded.
// 3. Opaque conditions that are unknown: the rule is passed over and named in `depends` (the first
// such).
// 4. A matching rule with a verdict decides; one without is noted in `logged`.
// 5. No rule decided: a packet without a flow is dropped when the ruleset has flow rules; else the
// default action.
void ir_eval(const struct ir_ruleset *ruleset, const struct ir_packet *packet, struct arena *arena,
	     struct ir_outcome *out);

// The packet syntax of `bulwark query`: key=value,… (see the manual). Adds diags and returns false
// on errors. `now` is used when no time= is given.
bool ir_packet_parse(const char *text, int64_t now, struct arena *arena, struct diags *diags,
		     struct ir_packet *out) must_check;

// What somebody says of opaque conditions: those of `told` hold by name or by one of their values, others of a kind that is
// told do not; of kinds that are not told nothing is known, unless `all_known`: then they do not hold. The callbacks of
// a packet whose context it is.
struct ir_told {
	enum ir_opaque_kind kind;
	const char *value;
};
struct ir_truths {
	VEC(struct ir_told) told;
	bool all_known;
	VEC(const struct ir_rule *)
	exceeded; // rules whose rate is exceeded, compared by meaning of rate and clauses
	VEC(const char *) over; // and those of these names
};
bool ir_truths_hold(const struct ir_packet *packet, const struct ir_opaque *opaque,
		    bool *known_out);
bool ir_truths_exceeded(const struct ir_packet *packet, const struct ir_rule *rule);
