// SPDX-License-Identifier: Apache-2.0
// A tree that several threads have built is the one that a single thread builds: the same chains in the same order, of the
// same names.
#include "backend/nft/compile.h"
#include "backend/nft/test_policy.h"
#include "verify/test_sets.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void build(const struct ir_ruleset *ruleset, unsigned beside_least, struct arena *arena,
		  struct nft_program *out)
{
	const struct backend_nft_options options = {
		.shape = {.form = BACKEND_NFT_MIXED, .beside_least = beside_least}};
	nft_program_init(out, arena);
	nft_compile_shaped(ruleset, &options, out);
}

static void assert_same(const struct nft_program *a, const struct nft_program *b)
{
	assert_int_equal(a->chain.len, b->chain.len);
	for (size_t i = 0; i < a->chain.len; i++) {
		const struct nft_chain *one = a->chain.at[i], *other = b->chain.at[i];
		assert_string_equal(one->name, other->name);
		assert_int_equal(one->rule.len, other->rule.len);
		for (size_t k = 0; k < one->rule.len; k++)
			assert_true(nft_form_same((struct nft_form_of){a, &one->rule.at[k]},
						  (struct nft_form_of){b, &other->rule.at[k]},
						  true));
	}
}

static void threads_build_the_same_tree(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	for (unsigned i = 0; i < 30; i++) {
		struct arena arena;
		struct ir_ruleset ruleset;
		struct nft_program alone, beside;
		arena_init(&arena);
		const struct test_sets_spec spec = {.kind = i % TEST_SETS_KINDS,
						    .family = i % 2 ? 6 : 4,
						    .rules = 100 + 100 * i,
						    .seed = test_random_next(&random)};
		test_sets_make(&spec, &arena, &ruleset);
		for (size_t k = 0; k < ruleset.rule.len; k++)
			ruleset.rule.at[k].flow = i % 4 == 3 || (i % 4 == 2 && k % 9 == 0);
		build(&ruleset, UINT_MAX, &arena, &alone);
		build(&ruleset, 1, &arena, &beside);
		assert_same(&alone, &beside);
		arena_fini(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_build_the_same_tree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
