// SPDX-License-Identifier: Apache-2.0
// First match as formulas over bit vectors, put to the solver z3: an opinion on rulesets that are too large to try all
// packets of. Packet rules over headers only: no flows, clocks, opaque conditions, rates, fragments or EtherTypes.
#pragma once

#include "ir/ir.h"

struct buf;

// Whether the ruleset is of that kind.
bool test_z3_can(const struct ir_ruleset *ruleset) must_check;
// The packet's dimensions. Comes first in a script.
void test_z3_begin(struct buf *script);
// Defines for rule I of the ruleset NAME: NAME.m.I, it matches; NAME.b.I, one before it decides; NAME.v.I, the number of
// the treatment by it and those behind it, NAME.v.0 being the ruleset's. Rate limits of different rates are different
// treatments.
void test_z3_ruleset(const struct ir_ruleset *ruleset, const char *name, struct buf *script);
// The words that z3 prints ("sat", "unsat", "unknown" ...), one for each (check-sat) of the script. False when z3 cannot be
// run or says something else.
bool test_z3_ask(const struct buf *script, unsigned seconds, struct buf *answer_out) must_check;
// Whether two rulesets are equal: 1 yes, 0 no, -1 not known within the time.
int test_z3_equal(const struct ir_ruleset *a, const struct ir_ruleset *b,
		  unsigned seconds) must_check;
// Of some rules (indices): does it decide any packet, and would all of these fare as before without it? False when z3 does
// not know within the time.
struct test_z3_life {
	bool lives, redundant; // redundant: lives, but nothing would change
};
bool test_z3_lives(const struct ir_ruleset *ruleset, const size_t *rule, size_t rules,
		   unsigned seconds, struct test_z3_life *out) must_check;
