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

// For packets of rules that came to the front nothing is known.
static bool is_proven_as_known(struct test_fixture *f)
{
	return f->nft->live->tree.overlay > 0 ? test_fixture_proven(f) : test_fixture_proven_so(f);
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
		proven += is_proven_as_known(f);
		assert_int_equal(test_fixture_differences(f), 0);
		if (i % 10 == 0)
			assert_int_equal(test_fixture_all_differences(f), 0);
	}
	print_message("%zu of %u rules put in are proven so\n", proven, EDITS);
	assert_int_equal(test_fixture_all_differences(f), 0);
	assert_true(proven > EDITS / 3);
}

#define TOGETHER 6u

// Of some rules one after the other turns, goes, or gets another one before it, all in one step.
static void change_some(struct test_fixture *f, struct test_random *random)
{
	struct backend_edit edit[TOGETHER];
	struct ir_ruleset *rules = &f->ruleset, was = *rules;
	size_t n = 0;
	*rules = (struct ir_ruleset){.default_action = was.default_action};
	for (size_t i = 0; i < was.rule.len; i++) {
		struct ir_rule rule = was.rule.at[i];
		unsigned kind = test_random_below(random, 3);
		bool goes = kind < 2;
		bool comes = kind > 0;
		if (n < TOGETHER && test_random_below(random, 60) == 0) {
			edit[n++] = (struct backend_edit){i, goes, rules->rule.len, comes};
			rule.verdict = rule.verdict == IR_PASS ? IR_DROP : IR_PASS;
			if (comes)
				vec_push(&f->arena, &rules->rule, rule);
			if (goes)
				continue;
			rule = was.rule.at[i];
		}
		vec_push(&f->arena, &rules->rule, rule);
	}
	assert_int_equal(backend_nft_change(f->nft, rules, edit, n, &f->diags), BACKEND_DONE);
}

// Not when some kernel rule of one that turned is still what it was.
static bool is_proven_but_if_turned(struct test_fixture *f)
{
	struct nft_turned *turned = &f->nft->changed.turned;
	bool proven = is_proven_as_known(f);
	if (turned->rule.len && test_fixture_proven_so(f)) {
		turned->rule.at[0].there++;
		assert_false(test_fixture_proven_so(f));
		turned->rule.at[0].there--;
	}
	return proven;
}

static void changes_of_all_kinds_are_proven_together(void **state)
{
	struct test_fixture *f = *state;
	struct test_random random = {.state = test_random_seed(NULL)};
	size_t proven = 0;
	for (unsigned i = 0; i < EDITS / 3; i++) {
		change_some(f, &random);
		proven += is_proven_but_if_turned(f);
		assert_int_equal(test_fixture_differences(f), 0);
		if (i % 5 == 0)
			assert_int_equal(test_fixture_all_differences(f), 0);
	}
	print_message("%zu of %u changes are proven so\n", proven, EDITS / 3);
	assert_true(proven > EDITS / 12);
}

// One that changed is missing in a chain: mostly its packets there are somebody's else then.
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
			    nft_changed_itself(changed, chain->rule.at[k].tag.rule))
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
	for (unsigned i = 0; i < EDITS && missing < 8; i++) {
		if (i % 2)
			put_in(f, &random);
		else
			change_some(f, &random);
		const char *script = test_fixture_proven_so(f) ? its_rule_goes(f) : NULL;
		if (script) {
			test_fixture_run(script);
			nft_known_fini(&f->nft->live->known);
			bool proven = test_fixture_proven_so(f);
			assert_true(!proven || !test_fixture_all_differences(f));
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
		cmocka_unit_test(changes_of_all_kinds_are_proven_together),
		cmocka_unit_test(what_is_missing_is_found),
	};
	const struct CMUnitTest beside[] = {
		cmocka_unit_test(rules_put_in_are_proven),
		cmocka_unit_test(changes_of_all_kinds_are_proven_together),
	};
	int failed = cmocka_run_group_tests(tests, test_fixture_firewall, test_fixture_end);
	failed += cmocka_run_group_tests(beside, test_fixture_chains, test_fixture_end);
	return failed + cmocka_run_group_tests(beside, test_fixture_front, test_fixture_end);
}
