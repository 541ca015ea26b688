// SPDX-License-Identifier: Apache-2.0
// For tests of all folders: random numbers that a seed repeats, rulesets as text, and making a counterexample's rulesets
// small.
#pragma once

#include "ir/ir.h"

struct buf;

// A small generator: the same seed gives the same numbers everywhere.
struct test_random {
	uint64_t state;
};
uint64_t test_random_next(struct test_random *random);
uint32_t test_random_below(struct test_random *random, uint32_t n);
bool test_random_chance(struct test_random *random, unsigned percent);
// The seed for a run: the text if there is one, else BULWARK_SEED, else the clock's. It is printed.
uint64_t test_random_seed(const char *text) must_check;

// One rule a line, with its policy, name and index.
void test_ruleset_print(const struct ir_ruleset *ruleset, const char *title, struct buf *out);

// Leaves out rules, clauses, conditions, opaque conditions and logs, one by one, for as long as `still_wrong` says so. The
// rulesets are changed in place: their arrays must not be shared. `still_wrong` is asked at most `asked_most` times.
struct test_shrink {
	struct ir_ruleset *const *ruleset;
	size_t rulesets;
	bool (*still_wrong)(void *user);
	void *user;
	unsigned asked_most;
};
void test_ruleset_shrink(const struct test_shrink *shrink);
// A copy that shares no array with the original.
void test_ruleset_copy(const struct ir_ruleset *in, struct arena *arena, struct ir_ruleset *out);
