// SPDX-License-Identifier: Apache-2.0
// Boxes as few and short conditions.
#pragma once

#include "verify/areas.h"

struct verify_words {
	struct ir_clause clause;
	bool exact; // a packet that matches the clause (and, with `reply`, is one) is in the box
	bool reply;
	const struct verify_area *area; // where it comes from: the widest when several were joined
	const uint64_t *point;          // one that differs; of the area's slice
};
struct verify_wording {
	VEC(struct verify_words) list;
};
// The areas of one pair of rules, joined where two differ in one dimension only, the widest first. At most `most` exact
// ones are kept; a wider one that is not exact stands for the others.
void verify_words_make(const struct verify_space *space, const struct verify_areas *areas,
		       size_t most, struct arena *arena, struct verify_wording *out);
// Many ranges of time that are those of a rule's periods become these periods. `rule` may be NULL.
void verify_words_time(const struct verify_space *space, const struct ir_rule *rule,
		       struct arena *arena, struct ir_clause *clause);
