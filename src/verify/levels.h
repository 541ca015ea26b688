// SPDX-License-Identifier: Apache-2.0
// Which rules must precede which, as numbers: so that a list whose order carries no meaning means the same.
#pragma once

#include "verify/verify.h"

#define VERIFY_LEVELS_MOST 255u // what `priority` of the NSF-facing model holds

struct verify_levels {
	uint8_t *level; // of each rule, in the arena: higher wins; rules of one unit have one level
	unsigned
		needed; // the highest; beyond VERIFY_LEVELS_MOST there are more, and `level` says nothing
};

// Two rules need an order when some packet matches both and it matters who comes first: verdict or log differ
// (rates are measured of what gets to a rule, so a rule with one is ordered against all that it meets). `before` is NULL or
// a level for each rule, 0 for none, that was given earlier: such rules keep theirs unless the order asks for more, so
// that a small change changes few levels. Without it, or when it leads beyond the most, the levels are the fewest. What
// differs only in opaque conditions counts as meeting; so does what only calendars keep apart, but for packet rules of one
// clock.
enum verify_status verify_levels(const struct ir_ruleset *ruleset, const uint8_t *before,
				 const struct verify_options *options, struct arena *arena,
				 struct verify_levels *out) must_check;

// Gives each rule its level as its priority and puts the rules into that order, in which they mean the same. Where more
// levels are needed than there are, or the budget is over, the priorities are 0 and the order stays: false.
bool verify_levels_give(struct ir_ruleset *ruleset, const uint8_t *before,
			const struct verify_options *options, struct arena *arena) must_check;
