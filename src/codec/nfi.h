// SPDX-License-Identifier: Apache-2.0
// ietf-i2nsf-nsf-facing-interface, both directions.
//
// Names. A ruleset is written as one policy of the name CODEC_NFI_POLICY whose rules are named
// "POLICY/RULE": the customer's policy and rule, with '%', '/' and '#' inside them written as %25, %2F
// and %23. The model's rules are narrower than ours, so that one rule may need several. Then a suffix
// follows: '#', the number of the clause, and, when that clause needs several, '.' and the number of the
// part: "POLICY/RULE#2.1". Where a ruleset has several rules of one policy and name, the number of the
// rule among them and ':' stand before: "POLICY/RULE#1:2.1". Reading a policy of that name takes the names
// apart and joins the parts again; any other policy is read as it stands.
#pragma once

#include "base/map.h"
#include "ir/ir.h"

struct buf;
struct diags;
struct schema_node;
struct schema_tree;

#define CODEC_NFI_POLICY "bulwark"
#define CODEC_NFI_MODULE "ietf-i2nsf-nsf-facing-interface"
#define CODEC_NFI_NAMESPACE "urn:ietf:params:xml:ns:yang:ietf-i2nsf-nsf-facing-interface"
// The most rules of the model that one rule of ours may become; beyond it the rule is refused.
#define CODEC_NFI_PARTS_MOST 4096u

// Every policy of a validated tree. Rules that are disabled are left out with a note. False when it
// added errors; what could be read is in `out` then, too. Strings are copied into the arena.
bool codec_nfi_read(const struct schema_tree *tree, struct arena *arena, struct diags *diags,
		    struct ir_document *out) must_check;

// --- the same rule by rule, for who knows which entries of `rules` have changed ---

// A policy without its rules. What it holds lives in the arena, `node` as long as the tree stays as it is.
struct codec_nfi_frame {
	const struct schema_tree *tree;
	const struct schema_node *node;
	struct ir_policy policy;
	struct map disabled; // rules that a group disables
	bool parts;          // entries may be parts of one rule
};
void codec_nfi_frame(const struct schema_tree *tree, const struct schema_node *node,
		     struct arena *arena, struct diags *diags, struct codec_nfi_frame *out);
// Whether the entry is a rule at all: not disabled.
bool codec_nfi_is_on(const struct codec_nfi_frame *frame,
		     const struct schema_node *rules) must_check;
uint8_t codec_nfi_priority(const struct schema_node *rules) must_check; // 0: none
// Neighbours of the same unit, but for what is disabled between them, are to be read together: they may be one rule. NULL:
// the entry stands for itself.
const char *codec_nfi_unit(const struct codec_nfi_frame *frame, const struct schema_node *rules,
			   struct arena *arena) must_check;
// The rules of some entries, in the order of the document; errors as codec_nfi_read has them.
void codec_nfi_read_rules(const struct codec_nfi_frame *frame,
			  const struct schema_node *const *rules, size_t n, struct arena *arena,
			  struct diags *diags, struct ir_policy *out);

// One <i2nsf-security-policy> element with fmr and the default action, appended to `out`:
// priority-by-number when every rule has a priority and none has a higher one than those before it,
// else priority-by-order. Lossless: reading it gives rules of the same meaning, policies and names. What the
// model cannot say is an error DIAG_UNSUPPORTED a rule; then false, and `out` as before.
bool codec_nfi_write(const struct ir_ruleset *ruleset, struct diags *diags,
		     struct buf *out) must_check;
// The form in which a rule comes back when it is written and read: the same meaning, with equal bytes
// (ir_rule_meaning). Going through the model a second time changes nothing. A rule that cannot be
// written stays as it is. Clauses that no packet matches are gone. Shares what it can with the rule,
// which `out` may be.
void codec_nfi_normal(const struct ir_rule *rule, struct arena *arena, struct ir_rule *out);
// Whether one rule can be written; errors as codec_nfi_write adds them.
bool codec_nfi_can(const struct ir_rule *rule, struct diags *diags) must_check;
