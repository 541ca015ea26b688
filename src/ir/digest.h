// SPDX-License-Identifier: Apache-2.0
// Digests of rules and of rulesets, the same for everybody who has the same rules in the same order.
//
// A rule's digest is SHA-256 over its meaning (ir_rule_meaning). The digests of all rules, in order, are cut into runs: a
// run ends behind a digest whose last octet has its six low bits zero, but never before it has 2 digests; it ends when it
// has 256, and with the last one. The SHA-256 digests over each run's digests are a shorter list, which is cut in the same
// way, and so on until one digest is left. The ruleset's digest is SHA-256 over the number of rules (4 octets, most
// significant first), the default action (1 octet), and that one digest, or 32 zero octets when there is no rule.
//
// So where a run ends is told by what stands there, not by a number: when one rule changes, runs before and behind it stay
// as they were, and some hundred digests are read instead of all.
#pragma once

#include "ir/ir.h"

#define IR_DIGEST 32u
struct ir_digest {
	unsigned char octet[IR_DIGEST];
};

struct ir_digest ir_rule_digest(const struct ir_rule *rule) must_check;
struct ir_digest ir_ruleset_digest(const struct ir_ruleset *ruleset) must_check;

// The digests of a list of rules, kept so that a changed list costs what was changed.
struct ir_digests;
struct ir_digests *ir_digests_new(void) must_check;
void ir_digests_free(struct ir_digests *digests); // NULL is fine

size_t ir_digests_len(const struct ir_digests *digests) must_check;
// Of the rule at this place.
const struct ir_digest *ir_digests_at(const struct ir_digests *digests, size_t at) must_check;
// Instead of `removed` rules from place `at` on there are now these.
struct ir_digests_splice {
	size_t at, removed, inserted;
	const struct ir_digest *digest;
};
void ir_digests_splice(struct ir_digests *digests, const struct ir_digests_splice *splice);
// The digest of the ruleset.
struct ir_digest ir_digests_total(const struct ir_digests *digests,
				  enum ir_verdict default_action) must_check;
