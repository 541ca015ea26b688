// SPDX-License-Identifier: Apache-2.0
// Placement: which network security function enforces which rule, and why not when none can.
//
// A function stands on the path between two addresses iff it guards exactly one of them. A rule
// belongs to every function on whose path some packet of it can travel; its address sets are not
// cut. Rules of one policy and name are one unit: placed together or refused together, with every
// missing capability named and who or what would have it (negotiation, NSF-9).
#pragma once

#include "cap/cap.h"
#include "ir/ir.h"

struct diags;

// One capability that a rule needs. `identity` CAP_UNSPEAKABLE: the model has no word for it,
// nobody can be asked.
struct place_need {
	enum cap_set set;
	enum cap_identity identity;
	const char *condition; // what of the rule needs it, as the models name it; static
};
struct place_needs {
	VEC(struct place_need) list; // without duplicates
};

// What a rule needs, as it would be sent over the NSF-facing interface.
void place_needs(const struct ir_rule *rule, struct arena *arena, struct place_needs *out);

struct place_nsf {
	const char *name;
	const struct cap *cap;
	struct algebra_set guarded4, guarded6; // addresses behind it
	enum ir_verdict default_action;
	bool enabled; // else it is as if it were not there
};

struct place_input {
	const struct ir_ruleset *ruleset; // in order; its default action is not used
	const struct place_nsf *nsf;
	size_t nsfs;
};

// One unit on one function on whose path it lies.
struct place_assignment {
	const char *policy, *rule;
	size_t nsf;    // index into the input
	bool enforced; // false: left out there because another function on each such path drops
		       // first
};
// One missing capability.
struct place_refusal {
	const char *policy, *rule;
	size_t nsf; // SIZE_MAX: no function is on its path
	struct place_need need;
};

struct place_result {
	struct ir_ruleset *nsf; // one an input function, rules in order, shared with the input
	VEC(struct place_assignment) assignment;
	VEC(struct place_refusal) refusal;
};

// Fills `out` whatever happens: refused units are in no ruleset, and neither are rules that match
// nothing. False when a unit was refused or a function cannot have its default action; each has an
// error: DIAG_CAPABILITY, or DIAG_PLACE where no path is touched.
bool place_rules(const struct place_input *in, struct arena *arena, struct diags *diags,
		 struct place_result *out) must_check;

// For one function without topology: an error a missing capability. False when there was one.
bool place_check(const struct ir_ruleset *ruleset, const struct place_nsf *nsf, struct arena *arena,
		 struct diags *diags) must_check;
