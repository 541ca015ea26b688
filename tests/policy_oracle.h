// SPDX-License-Identifier: Apache-2.0
// The parts of the policy oracle: a document and its rules, what the nft back end refuses of it, whether
// all that its rules name is in them, and packets through the kernel.
#pragma once

#include "backend/nft/test_oracle.h"
#include "base/buf.h"
#include "base/diag.h"
#include "intent/intent.h"

struct schema;

// An endpoint group that a rule names, in one IP version: it must have a part in what the rule matches.
struct policy_group {
	const char *name;
	bool source;
	bool narrowed; // by a location, users or a feed, so that it may have no part
	unsigned version;
	struct algebra_set addresses;
	size_t matched; // packets with one of its addresses that the rule matched
};

// The rules of the IR that have one policy and name: enforced together, or refused together.
struct policy_unit {
	const char *policy, *name;
	const struct intent_rule *asked; // NULL: of the NSF-facing model
	VEC(size_t) rule;                // indices into `ordered`
	bool refused;
	bool sampled;     // it has more edges than could be tried
	struct buf lacks; // what the back end lacks, if refused
	VEC(struct policy_group) group;
	size_t agreed, matched,
		decided;  // packets aimed at it: sent; that it matched; that it decided
	struct buf rates; // what came of packets beyond its rates
};

struct policy_document {
	struct arena arena;
	struct diags diags;
	struct buf faults; // lines; empty when all is well
	struct intent intent;
	struct ir_ruleset ordered;  // all rules, in first-match order
	struct ir_ruleset enforced; // those that the back end takes
	VEC(struct policy_unit) unit;
	size_t *unit_of; // for each rule of `enforced`
	int64_t now;     // when it was loaded
	size_t packets;  // whose fate was as it should be
	size_t deployed; // how often
};

void policy_fault(struct policy_document *document, const char *fmt, ...) printf_like(2, 3);

// Loads the files as one document, as the command line does. False when it is not accepted; the diags
// then say why.
bool policy_load(struct policy_document *document, struct schema *schema, const char *const *files,
		 size_t n) must_check;
void policy_close(struct policy_document *document);
// Decides for every unit whether the nft back end can enforce it, fills `enforced` with those, and sees
// that each refusal is said in a diag.
void policy_place(struct policy_document *document);
// Sees that the addresses and ports that the rules name are in the IR, whole and each for itself.
void policy_check_groups(struct policy_document *document);
// Whether the unit's rules have no clauses, so that they match nothing.
bool policy_unit_empty(const struct policy_document *document,
		       const struct policy_unit *unit) must_check;

// Whether the clause's times are now, whatever else it asks.
bool policy_clause_active(const struct ir_clause *clause, int64_t time) must_check;
bool policy_unit_active(const struct policy_document *document, const struct policy_unit *unit,
			int64_t time) must_check;
// Whether connections must be tracked to judge the ruleset.
bool policy_tracked(const struct ir_ruleset *ruleset) must_check;

// Sends packets at the edges of every condition, and random ones, with this default action.
void policy_probe(struct policy_document *document, struct test_oracle *oracle,
		  struct test_random *random, enum ir_verdict default_action);
// Sends more than each rule's rates allow.
void policy_flood(struct policy_document *document, struct test_oracle *oracle,
		  struct test_random *random);
