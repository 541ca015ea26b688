// SPDX-License-Identifier: Apache-2.0
// One ruleset, ready to be asked: what whatif.c, edits.c and local.c share.
#pragma once

#include "verify/compare.h"
#include "verify/lower.h"

// Rules of these kinds make a space look at more packets, or drop packets without a flow.
enum verify_rules_kind { FLOW, PACKET, FLOW_READS_PACKET, ETHERTYPES, FRAGMENTS, KINDS };

struct verify_effect_of { // what a number of the space stands for
	uint32_t number;
	enum ir_verdict verdict;
	struct ir_rate rate; // with rate-limit
};
struct verify_prepared {
	const struct ir_ruleset *ruleset;
	const struct ir_ruleset *layer[1];
	struct verify_options options;
	struct ir_clause where;
	struct arena arena;
	struct verify_space *space;
	struct verify_measure *measure; // by slice
	bool **first_own; // by slice and box: no box before it holds its first point (algebra_box_point)
	struct verify_notes notes;
	size_t kinds[KINDS], first[KINDS]; // how many rules of each, and the first
	VEC(struct verify_effect_of) effect;
};

struct verify_asking {
	const struct verify_prepared *p;
	const struct verify_edit *edit;
	size_t edits;
	struct arena *arena;
};

// Rules that are copies of some of the ruleset's, as they are and as they would be, in their order (local.c).
struct verify_copied {
	struct ir_ruleset ruleset;
	VEC(const struct ir_rule *) source;
};
struct verify_near { // indices of rules
	VEC(uint32_t) list;
};
// Sorts `near` and drops what is there twice; takes all inserted rules.
void verify_copies_make(const struct verify_asking *q, struct verify_near *near,
			struct verify_copied *before, struct verify_copied *after);
void verify_kinds_count(struct verify_prepared *prepared);
// Adds one rule of each kind that the whole ruleset has before and behind the edit. False when the edit adds a kind or takes
// the last of one: then packets that no edited rule matches may fare otherwise.
bool verify_kinds_near(const struct verify_asking *q, struct verify_near *near) must_check;
// Compares the rules that meet the edited ones (or, with `all`, all of them).
void verify_local(const struct verify_asking *q, struct verify_near *near, bool all, size_t most,
		  struct verify_comparison *out);

// Edits of rules whose ends are ends of atoms, on the boxes that are there (edits.c). False, and nothing done, when they are
// not, or too many.
bool verify_edits(const struct verify_asking *q, size_t most,
		  struct verify_comparison *out) must_check;
