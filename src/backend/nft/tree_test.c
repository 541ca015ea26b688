// SPDX-License-Identifier: Apache-2.0
// The tree does what the list does: random rulesets in all forms and budgets, packets aimed at the edges of their rules,
// walked through both. And large sets become small trees.
#include "backend/nft/compile.h"
#include "backend/nft/test_case.h"
#include "backend/nft/test_policy.h"
#include "backend/nft/test_walk.h"
#include "backend/nft/tree.h"
#include "base/diag.h"
#include "verify/test_sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

// 16 in the kernel; a rule's own chains are up to three more.
#define DEPTH_MOST 12u

static const char *form_name[] = {"auto", "linear", "hash", "tree", "mixed"};

static bool same_walk(const struct test_walk *a, const struct test_walk *b)
{
	return a->len == b->len && !memcmp(a->matched, b->matched, a->len * sizeof(*a->matched)) &&
	       a->end == b->end && !a->chain == !b->chain &&
	       (!a->chain || !strcmp(a->chain, b->chain));
}

struct tried {
	struct arena *arena;
	struct test_random *random;
	const struct ir_ruleset *ruleset;
	struct backend_nft_options options;
	size_t packets, put_to;
};

static void compare_walks(struct tried *t)
{
	struct nft_program linear, shaped;
	nft_program_init(&linear, t->arena);
	nft_program_init(&shaped, t->arena);
	nft_compile(t->ruleset, &t->options, &linear);
	nft_compile_shaped(t->ruleset, &t->options, &shaped);
	const struct nft_chain *rules = nft_program_find(&linear, "");
	for (size_t i = 0; i < t->packets; i++) {
		struct test_fields packet;
		struct test_walk by_list, by_tree;
		test_fields_random(t->random, rules, &packet);
		test_walk_program(&linear, &packet, &by_list);
		test_walk_program(&shaped, &packet, &by_tree);
		t->put_to += by_tree.rules;
		assert_true(by_tree.depth_most <= DEPTH_MOST);
		if (same_walk(&by_list, &by_tree))
			continue;
		fail_msg("%s, leaf %u, budget %u: the list ends with %d after %zu rules that "
			 "match, the tree with %d after %zu",
			 form_name[t->options.shape.form], t->options.shape.leaf_most,
			 t->options.shape.budget_x10, by_list.end, by_list.len, by_tree.end,
			 by_tree.len);
	}
}

static void random_rulesets(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	for (unsigned i = 0; i < 400; i++) {
		struct arena arena;
		struct ir_ruleset ruleset;
		arena_init(&arena);
		test_policy_random(&random, &arena, test_random_chance(&random, 70), 1800000000,
				   &ruleset);
		struct tried t = {
			.arena = &arena, .random = &random, .ruleset = &ruleset, .packets = 60};
		t.options.shape = test_shape_random(&random);
		compare_walks(&t);
		arena_fini(&arena);
	}
}

static void make_set(const struct test_sets_spec *spec, bool flow, struct arena *arena,
		     struct ir_ruleset *out)
{
	test_sets_make(spec, arena, out);
	for (size_t i = 0; i < out->rule.len; i++)
		out->rule.at[i].flow = flow;
}

static void large_sets(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	for (unsigned i = 0; i < 12; i++) {
		struct arena arena;
		struct ir_ruleset ruleset;
		arena_init(&arena);
		struct test_sets_spec spec = {.kind = i % TEST_SETS_KINDS,
					      .family = i / 3 % 2 ? 6 : 4,
					      .rules = 600,
					      .seed = test_random_next(&random)};
		make_set(&spec, i / 6, &arena, &ruleset);
		struct tried t = {
			.arena = &arena, .random = &random, .ruleset = &ruleset, .packets = 3000};
		t.options.shape = test_shape_random(&random);
		compare_walks(&t);
		arena_fini(&arena);
	}
}

// A packet meets few of thousands of rules, and the tree keeps to its budget.
static void few_rules_are_met(void **state)
{
	(void)state;
	static const unsigned met_most[TEST_SETS_KINDS] = {
		[TEST_SETS_ACL] = 50, [TEST_SETS_FW] = 1600, [TEST_SETS_IPC] = 900};
	struct test_random random = {.state = test_random_seed(NULL)};
	for (unsigned kind = 0; kind < TEST_SETS_KINDS; kind++) {
		struct arena arena;
		struct ir_ruleset ruleset;
		struct nft_program linear;
		struct nft_tree tree;
		arena_init(&arena);
		nft_program_init(&linear, &arena);
		struct test_sets_spec spec = {.kind = kind, .family = 4, .rules = 3000, .seed = 7};
		test_sets_make(&spec, &arena, &ruleset);
		struct tried t = {
			.arena = &arena, .random = &random, .ruleset = &ruleset, .packets = 1000};
		t.options.shape.form = BACKEND_NFT_MIXED;
		compare_walks(&t);
		print_message("%s: a packet meets %zu rules\n", test_sets_kind_name[kind],
			      t.put_to / t.packets);
		assert_true(t.put_to / t.packets < met_most[kind]);
		nft_compile(&ruleset, &t.options, &linear);
		nft_tree_build(nft_program_find(&linear, ""), &t.options.shape, &arena, &tree);
		assert_true(tree.entries < 7 * ruleset.rule.len);
		arena_fini(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_rulesets),
		cmocka_unit_test(large_sets),
		cmocka_unit_test(few_rules_are_met),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
