// SPDX-License-Identifier: Apache-2.0
// Inside of translate: the rule that is being translated, as branches.
//
// A branch is a clause and a set of opaque conditions (bits, see struct draft): alternatives of a
// rule that differ in their opaque conditions cannot stand in one IR rule, so they are kept apart
// until the end. Each condition of a rule becomes branches of its own; the rule is their product.
#pragma once

#include "base/diag.h"
#include "base/map.h"
#include "intent/intent.h"
#include "ir/ir.h"
#include "translate/translate.h"

struct branch {
	struct ir_clause clause; // its conditions may be shared: only replaced, never changed
	uint64_t opaque;
};
struct branches {
	struct branch *at;
	size_t len, cap;
};

enum side { SOURCE, DESTINATION };

struct address_sets {
	struct algebra_set v4, v6;
};

// One translation: everything that rules share.
struct context {
	const struct intent *intent;
	const struct translate_options *options;
	struct arena *arena;
	struct diags *diags;
	size_t arena_before;
	bool exhausted; // said already that it takes too much memory
	// By name: struct group (groups.c), struct intent_list, struct intent_payload, struct feed
	// (feeds.c); locations by "country/region/city" (locations.c); unions by what they unite.
	struct map group, url_group, voice_group, payload, feed, location, unions;
};

// The most opaque conditions of one rule: bits of a branch.
#define DRAFT_OPAQUES_MOST 64u

struct draft {
	struct context *context;
	const struct intent_policy *policy;
	const struct intent_rule *rule;
	struct ir_rule base; // all but clauses and opaque conditions
	struct branches branches;
	VEC(struct ir_opaque) opaque; // what the bits mean
	struct intent_terms by_port;  // applications that were recognised by port
	bool empty;                   // said already that nothing can match
};

// --- diagnostics (draft.c) ---

// The instance path of an entry: "/module:LIST[name='NAME']", in the arena.
const char *translate_path(struct arena *arena, const char *list, const char *name) must_check;
// About the rule; `where` is below its list entry ("condition/firewall/source").
void draft_diag(struct draft *draft, const struct diag *about, const char *where, const char *fmt,
		...) printf_like(4, 5);
#define draft_error(draft, code_, where, hint_, ...) \
	draft_diag((draft), &(struct diag){.code = (code_), .hint = (hint_)}, (where), __VA_ARGS__)
// Nothing can match: a warning, once a rule, and no branch stays.
void draft_empty(struct draft *draft, const char *where, const char *hint, const char *fmt, ...)
	printf_like(4, 5);

// --- branches (draft.c) ---

// The bit of an opaque condition of the rule (name and values are borrowed); 0 and a diag when the
// rule has too many.
uint64_t draft_opaque(struct draft *draft, const struct ir_opaque *opaque) must_check;
void branches_add(struct arena *arena, struct branches *to, const struct branch *branch);
void branches_append(struct arena *arena, struct branches *to, const struct branches *from);
// The conjunctions that can match. False and a diag when there are too many.
bool branches_and(struct draft *draft, const struct branches *a, const struct branches *b,
		  struct branches *out) must_check;
// Restricts the rule to these branches. False when that leaves nothing of a rule that had something.
bool draft_narrow(struct draft *draft, const struct branches *part) must_check;
// The same for branches that are the meaning of the condition `where`, with the warning.
void draft_and(struct draft *draft, const struct branches *part, const char *where);
// Restricts the rule by a condition that is opaque as a whole.
void draft_and_opaque(struct draft *draft, enum ir_opaque_kind kind, const char *name,
		      const struct intent_texts *values);
// Whether the translation has taken more memory than it may, with the error.
bool draft_exhausted(struct draft *draft) must_check;
// Whether the rule has rates, so that it cannot become several rules.
bool draft_has_rate(const struct draft *draft) must_check;
// The rules that the branches are, appended to the policy.
void draft_finish(struct draft *draft, struct ir_policy *out);

// "a, b", in the arena.
const char *texts_join(struct arena *arena, const struct intent_texts *texts) must_check;
// A key for context->unions: equal for equal kinds and lists.
const char *texts_key(struct arena *arena, const char *kind,
		      const struct intent_texts *texts) must_check;
const char *terms_join(struct arena *arena, const struct intent_terms *terms) must_check;
struct intent_texts terms_texts(struct arena *arena, const struct intent_terms *terms) must_check;

// --- addresses (addresses.c) ---

// Where addresses were given, for messages.
struct address_owner {
	struct intent_place place;
	const char *path;
};
// The union; errors for ranges that end before they start.
struct address_sets addresses_union(struct context *context, const struct intent_addresses *given,
				    const struct address_owner *owner) must_check;
// A branch for each IP version that has addresses: the side's address lies in the set.
void addresses_branches(struct context *context, const struct address_sets *sets, enum side side,
			struct branches *out);
// A union being collected from single addresses, prefixes and ranges.
struct address_builder {
	struct algebra_builder v4, v6;
};
struct address_builder address_builder(struct context *context) must_check;
struct address_sets address_builder_take(struct address_builder *builder) must_check;
// The union of several sets; allocates once.
struct address_sets addresses_join(struct context *context, const struct address_sets *const *sets,
				   size_t len) must_check;
void address_add_prefix(struct algebra_builder *to, u128 address, unsigned length, unsigned bits);

// --- conditions, a file each: what the rule says about it narrows the draft ---

void groups_prepare(struct context *context);
void groups_apply(struct draft *draft);
void locations_prepare(struct context *context);
void locations_apply(struct draft *draft);
void feeds_prepare(struct context *context);
void feeds_apply(struct draft *draft);
void traffic_apply(struct draft *draft);
// What a set of applications means beside the ports that the rule itself gives.
void traffic_applications(struct draft *draft, const struct intent_terms *applications,
			  struct branches *out);
void content_prepare(struct context *context);
void content_apply(struct draft *draft);
void period_apply(struct draft *draft);
// Verdict, log and rates into draft->base.
void action_apply(struct draft *draft);
