// SPDX-License-Identifier: Apache-2.0
// A plan: what changes on which network security function, before it is done.
//
// Rules are known by policy and name (the n-th of a name is its own). A rule has changed when its
// meaning has; a new description alone changes nothing. Rules that stay are put into order with the
// fewest moves.
#pragma once

#include "ir/ir.h"

struct buf;

#define PLAN_NOWHERE SIZE_MAX
// Of each rule after the place of the same rule before, or PLAN_NOWHERE.
const size_t *plan_match(const struct ir_ruleset *before, const struct ir_ruleset *after,
			 struct arena *arena) must_check;

struct plan_input {
	const char *nsf;
	const struct ir_ruleset *deployed; // NULL: nothing is known to be there
	const struct ir_ruleset *intended;
};

enum plan_kind { PLAN_ADD, PLAN_REMOVE, PLAN_CHANGE, PLAN_MOVE };

struct plan_change {
	enum plan_kind kind;
	const struct ir_rule *before, *after; // NULL for an added, a removed rule
	size_t before_at, after_at;           // places, from 0, or PLAN_NOWHERE
	bool moved;                           // a changed rule that also moved
};

struct plan_nsf {
	const char *nsf;
	const struct ir_ruleset *deployed, *intended;
	VEC(struct plan_change) change; // removals and the rest in the order of the places
	size_t added, removed, changed, moved, unchanged;
	bool first;           // nothing was deployed
	bool default_changed; // always with `first`
};

struct plan {
	VEC(struct plan_nsf) nsf; // in the order of the input
};

// Borrows the rulesets, which must outlive the plan.
void plan_make(const struct plan_input *in, size_t nsfs, struct arena *arena, struct plan *out);
// Whether nothing at all would change.
bool plan_empty(const struct plan *plan) must_check;
// The whole plan, before and after, as canonical bytes: equal bytes, equal plan. For its hash.
void plan_bytes(const struct plan *plan, struct buf *out);
// For people: "+ rule", "- rule", "~ rule", "> rule" (moved), with colours by ANSI codes when asked
// for.
void plan_print(const struct plan *plan, bool colour, struct buf *out);
