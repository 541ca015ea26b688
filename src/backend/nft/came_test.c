// SPDX-License-Identifier: Apache-2.0
// The proof behind rules that were put in: only they are followed, and whoever they have come to stand before, hidden or
// moved; it finds what is not as it should be there.
#include "backend/nft/live.h"
#include "backend/nft/open.h"
#include "backend/nft/table.h"
#include "backend/nft/test_fixture.h"
#include "ir/test.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define EDITS 60

// What the kernel has now, without a look at who has changed it.
static bool came_is_proven(struct test_fixture *f)
{
	struct arena arena cleanup(arena_fini);
	struct nft_spots_diff spots;
	const struct nft_changed *changed = &f->nft->changed;
	arena_init(&arena);
	const uint32_t *place = nft_live_places(f->nft->live, &arena);
	nft_spots_compare(f->nft, &arena, &spots);
	const struct nft_changed_since since = {&spots, {{0}}};
	struct nft_some_forms came = {{0}};
	bool only_came = spots.known && changed->form.len;
	for (size_t i = 0; i < changed->form.len && only_came; i++) {
		only_came = changed->form.at[i].came;
		vec_push(&arena, &came.list, &changed->form.at[i].form);
	}
	return only_came && nft_changed_prove(f->nft, place, &came, &since);
}

static size_t all_differences(struct test_fixture *f)
{
	struct backend_differences differences = {.arena = &f->arena};
	assert_int_equal(backend_nft_compare(f->nft, &f->ruleset, &differences), 0);
	return differences.list.len;
}

// A rule goes, which is proven, and comes again, perhaps somewhere else; or both is proven at once.
static void put_in(struct test_fixture *f, struct test_random *random)
{
	size_t at = test_random_below(random, (uint32_t)f->ruleset.rule.len);
	const struct ir_rule rule = f->ruleset.rule.at[at];
	test_fixture_take_out(f, at);
	if (test_random_chance(random, 70))
		assert_int_equal(test_fixture_differences(f), 0);
	if (test_random_chance(random, 50))
		at = test_random_below(random, (uint32_t)f->ruleset.rule.len + 1);
	test_fixture_insert(f, at, rule, 1);
}

static void rules_put_in_are_proven(void **state)
{
	struct test_fixture *f = *state;
	struct test_random random = {.state = test_random_seed(NULL)};
	size_t proven = 0;
	for (unsigned i = 0; i < EDITS; i++) {
		put_in(f, &random);
		proven += came_is_proven(f);
		assert_int_equal(test_fixture_differences(f), 0);
		if (i % 10 == 0)
			assert_int_equal(all_differences(f), 0);
	}
	print_message("%zu of %u rules put in are proven so\n", proven, EDITS);
	assert_int_equal(all_differences(f), 0);
	assert_true(proven > EDITS / 3);
}

// The rule that came is missing in a chain: mostly its packets there are somebody's else then.
static const char *its_rule_goes(struct test_fixture *f)
{
	const struct nft_changed *changed = &f->nft->changed;
	struct nft_table table;
	test_fixture_read(f, &table);
	for (size_t i = 0; i < changed->spots.chain.len; i++) {
		const struct nft_dumped_chain *chain =
			nft_table_chain(&table, changed->spots.chain.at[i].name);
		for (size_t k = 0; chain && k < chain->rule.len; k++)
			if (chain->rule.at[k].tag.known &&
			    chain->rule.at[k].tag.rule == changed->form.at[0].form.tag.rule)
				return arena_printf(&f->arena,
						    "delete rule inet bulwark %s handle %" PRIu64
						    "\n",
						    chain->name, chain->rule.at[k].handle);
	}
	return NULL;
}

static void what_is_missing_is_found(void **state)
{
	struct test_fixture *f = *state;
	struct test_random random = {.state = test_random_seed(NULL)};
	size_t missing = 0;
	for (unsigned i = 0; i < EDITS && missing < 5; i++) {
		put_in(f, &random);
		const char *script = came_is_proven(f) ? its_rule_goes(f) : NULL;
		if (script) {
			test_fixture_run(script);
			nft_known_fini(&f->nft->live->known);
			bool proven = came_is_proven(f);
			assert_true(!proven || !all_differences(f));
			missing += !proven;
			test_fixture_deploy(f);
		}
		assert_int_equal(test_fixture_differences(f), 0);
	}
	assert_true(missing > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_put_in_are_proven),
		cmocka_unit_test(what_is_missing_is_found),
	};
	const struct CMUnitTest beside[] = {
		cmocka_unit_test(rules_put_in_are_proven),
	};
	int failed = cmocka_run_group_tests(tests, test_fixture_firewall, test_fixture_end);
	failed += cmocka_run_group_tests(beside, test_fixture_chains, test_fixture_end);
	return failed + cmocka_run_group_tests(beside, test_fixture_front, test_fixture_end);
}
