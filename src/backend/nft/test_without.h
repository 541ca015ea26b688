// SPDX-License-Identifier: Apache-2.0
// For tests: a policy with a rule and without it, and a tree of the first without what stands there for the rule.
#pragma once

#include "backend/nft/form.h"
#include "ir/test.h"

struct test_without {
	struct arena arena;
	struct ir_ruleset ruleset;
	struct nft_program list, tree;            // with the rule, …
	struct nft_program short_list, thin_tree; // … without
	uint32_t gone;                            // the rule
};
// A policy by chance, its tree in some shape, and one of its rules. The arena is the caller's to end.
void test_without_make(struct test_without *w, struct test_random *random);
// Takes the rule out of both. False when there is none, or others may share what stands there for it.
bool test_without_take(struct test_without *w) must_check;
bool test_without_is(const struct test_without *w, const struct nft_form *form) must_check;
