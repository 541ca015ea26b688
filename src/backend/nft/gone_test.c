// SPDX-License-Identifier: Apache-2.0
// The proof behind rules that were taken out: it is made for what leaned on them, and only when the kernel has everything
// else as it was. Whoever does something there meanwhile is found, and so is a rule that should have shown up.
#include "backend/nft/live.h"
#include "backend/nft/open.h"
#include "backend/nft/table.h"
#include "backend/nft/test_fixture.h"
#include "base/buf.h"
#include "ir/test.h"

#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define EDITS 120

static int set_up_few(void **state)
{
	*state = test_fixture_new(
		&(const struct backend_nft_options){.shape = {.form = BACKEND_NFT_TREE,
							      .leaf_most = 8,
							      .overlay_least = UINT_MAX,
							      .boxes_least = UINT_MAX}});
	return 0;
}

static struct nft_reasons *reasons_of(struct test_fixture *f)
{
	return &f->nft->live->reasons;
}

static size_t some_rule(struct test_fixture *f, struct test_random *random)
{
	return test_random_below(random, (uint32_t)f->ruleset.rule.len);
}

// --- what is proven ---

// Rules go, come and turn; whatever the proof says of them, the full one says so, too. The reasons stay known.
static void rules_taken_out_are_proven(void **state)
{
	struct test_fixture *f = *state;
	struct test_random random = {.state = test_random_seed(NULL)};
	size_t taken = 0, proven = 0;
	assert_true(reasons_of(f)->known);
	for (unsigned i = 0; i < EDITS; i++) {
		size_t at = some_rule(f, &random), kind = i % 4;
		size_t replaced = f->nft->replaced;
		struct ir_rule rule = f->ruleset.rule.at[at];
		if (kind == 3)
			test_fixture_insert(f, some_rule(f, &random), rule, 1);
		else if (kind == 2)
			(void)!test_fixture_turn(f, at);
		else
			test_fixture_take_out(f, at);
		if (kind < 2 && f->nft->replaced == replaced) {
			taken++;
			proven += test_fixture_proven_so(f);
		}
		assert_int_equal(test_fixture_differences(f), 0);
		if (i % 20 == 19)
			assert_int_equal(test_fixture_all_differences(f), 0);
		assert_true(reasons_of(f)->known);
	}
	print_message("%zu rules taken out, %zu proven by reasons\n", taken, proven);
	assert_true(taken > EDITS / 3 && proven > taken / 3);
}

// Several at once.
static void many_go_together(void **state)
{
	struct test_fixture *f = *state;
	struct test_random random = {.state = test_random_seed(NULL)};
	size_t proven = 0;
	for (unsigned i = 0; i < 20; i++) {
		for (unsigned k = 0; k < 3; k++)
			test_fixture_take_out(f, some_rule(f, &random));
		proven += test_fixture_proven_so(f);
		assert_int_equal(test_fixture_differences(f), 0);
	}
	print_message("%zu of 20 proven by reasons\n", proven);
	assert_int_equal(test_fixture_all_differences(f), 0);
}

// --- what is not ---

// A rule that is alone responsible for what has changed since the last proof.
static void take_one_out(struct test_fixture *f, struct test_random *random)
{
	for (unsigned i = 0; i < 100; i++) {
		test_fixture_take_out(f, some_rule(f, random));
		if (test_fixture_proven_so(f) && f->nft->changed.spots.chain.len)
			return;
		assert_int_equal(test_fixture_differences(f), 0);
	}
	fail_msg("no rule that went was proven so");
}

static const struct nft_dumped_chain *touched_chain(struct test_fixture *f, struct nft_table *table)
{
	test_fixture_read(f, table);
	for (size_t i = 0; i < f->nft->changed.spots.chain.len; i++) {
		const struct nft_dumped_chain *chain =
			nft_table_chain(table, f->nft->changed.spots.chain.at[i].name);
		if (chain && chain->rule.len)
			return chain;
	}
	return NULL;
}

static const char *deletion(struct test_fixture *f, const char *chain, uint64_t handle)
{
	return arena_printf(&f->arena, "delete rule inet bulwark %s handle %" PRIu64 "\n", chain,
			    handle);
}

// Of one that has come to stand elsewhere nobody can say whether it should be gone here.
static const char *rule_goes(struct test_fixture *f)
{
	struct nft_table table;
	struct nft_spots_diff spots;
	const struct nft_dumped_chain *chain = touched_chain(f, &table);
	nft_spots_compare(f->nft, &f->arena, &spots);
	for (size_t i = 0; chain && i < chain->rule.len; i++)
		if (!nft_numbers_count(&spots.come, chain->rule.at[i].tag.rule))
			return deletion(f, chain->name, chain->rule.at[i].handle);
	return NULL;
}

static const char *rule_comes(struct test_fixture *f)
{
	struct nft_table table;
	const struct nft_dumped_chain *chain = touched_chain(f, &table);
	return chain ? arena_printf(&f->arena, "insert rule inet bulwark %s accept\n", chain->name)
		     : NULL;
}

// The rule that went is somewhere else yet: tagged as its kernel rules were.
static const char *more_of_it_was_there(struct test_fixture *f)
{
	f->nft->changed.gone.at[0].there++;
	return "";
}

static const char *gates_changed(struct test_fixture *f)
{
	f->nft->changed.spots.gates = true;
	return "";
}

static const char *nothing_is_known(struct test_fixture *f)
{
	reasons_of(f)->known = false;
	return "";
}

static const char *nobody_counted(struct test_fixture *f)
{
	f->nft->changed.counted = false;
	return "";
}

struct doing {
	const char *(*what)(
		struct test_fixture
			*); // NULL: not with this rule; else what somebody does, if anything
	bool differs;
};

// Whether it differs then. A rule that goes may have been there for packets that others decide: that is proven, and right.
static bool is_found(struct test_fixture *f, const struct doing *doing, struct test_random *random)
{
	const char *script = NULL;
	test_fixture_deploy(f);
	while (!script) {
		take_one_out(f, random);
		script = doing->what(f);
		if (!script)
			assert_int_equal(test_fixture_differences(f), 0);
	}
	if (*script) {
		test_fixture_run(script);
		nft_known_chains_fini(&f->nft->live->known.chains);
	}
	bool proven = test_fixture_proven_so(f), differs = test_fixture_differences(f) > 0;
	assert_false(proven && (differs || !doing->differs));
	return differs;
}

static void what_is_not_as_it_was_is_found(void **state)
{
	struct test_fixture *f = *state;
	struct test_random random = {.state = test_random_seed(NULL)};
	static const struct doing doing[] = {
		{rule_goes, true},      {rule_comes, true},        {more_of_it_was_there, false},
		{gates_changed, false}, {nothing_is_known, false}, {nobody_counted, false}};
	for (size_t i = 0; i < array_len(doing); i++) {
		unsigned tries = 0;
		while (is_found(f, &doing[i], &random) != doing[i].differs)
			assert_true(++tries < 10);
	}
	test_fixture_deploy(f);
}

// The full name of a map that has lost boxes and is still looked up.
static const char *thinned_map(struct test_fixture *f)
{
	const struct nft_spots *spots = &f->nft->changed.spots;
	struct nft_table table;
	test_fixture_read(f, &table);
	for (size_t i = 0; i < spots->thinned.len && f->nft->changed.known; i++) {
		const char *name =
			arena_printf(&f->arena, "%s%s", f->nft->live->prefix, spots->thinned.at[i]);
		const struct nft_dumped_set *map = map_get(&table.set_by_name, name);
		if (map && map->used && nft_known_was(&f->nft->live->known, name, &f->arena))
			return name;
	}
	return NULL;
}

// Then it has none at all.
static void boxes_that_are_not_as_they_were_are_found(void **state)
{
	struct test_fixture *f = *state;
	struct test_random random = {.state = test_random_seed(NULL)};
	size_t found = 0;
	for (unsigned i = 0; i < 60 && found < 4; i++) {
		test_fixture_take_out(f, some_rule(f, &random));
		const char *map = thinned_map(f);
		if (map) {
			test_fixture_run(
				arena_printf(&f->arena, "flush map inet bulwark %s\n", map));
			assert_false(test_fixture_proven_so(f));
			assert_true(test_fixture_differences(f) > 0);
			test_fixture_deploy(f);
			found++;
		}
		assert_int_equal(test_fixture_differences(f), 0);
	}
	assert_true(found > 0);
}

// --- what was hidden ---

static uint64_t handle_of(struct test_fixture *f, uint32_t number, const char **chain_out)
{
	struct nft_table table;
	test_fixture_read(f, &table);
	for (size_t i = 0; i < table.chain.len; i++)
		for (size_t k = 0; k < table.chain.at[i]->rule.len; k++) {
			const struct nft_form *form = &table.chain.at[i]->rule.at[k];
			if (form->tag.known && form->tag.rule == number) {
				*chain_out = table.chain.at[i]->name;
				return form->handle;
			}
		}
	return 0;
}

// A rule hid others, two or a hundred, which show up when it goes: they are proven. When one of them does not, that is
// found, as the proof has leaned on the rule for its packets.
static void who_was_hidden_shows_up(void **state)
{
	struct test_fixture *f = *state;
	for (unsigned i = 0; i < 4; i++) {
		bool missing = i % 2, many = i / 2;
		uint32_t hidden = many ? 100 : 1;
		const char *chain = NULL;
		f->ruleset.rule.len = 0;
		f->ruleset.default_action = IR_DROP;
		vec_push(&f->arena, &f->ruleset.rule,
			 test_fixture_rule(f, IR_DROP, 100, many ? 402 : 109));
		for (unsigned k = 0; k < 140; k++)
			vec_push(&f->arena, &f->ruleset.rule,
				 test_fixture_rule(f, k % 2 ? IR_DROP : IR_PASS, 104 + 3 * k,
						   105 + 3 * k));
		test_fixture_deploy(f);
		assert_int_equal(handle_of(f, hidden, &chain), 0);
		test_fixture_take_out(f, 0);
		uint64_t handle = handle_of(f, hidden, &chain);
		assert_true(handle > 0);
		if (missing)
			test_fixture_run(deletion(f, chain, handle));
		assert_int_equal(test_fixture_proven_so(f), !missing);
		assert_int_equal(test_fixture_differences(f) > 0, missing);
	}
}

// --- what was touched beside ---

static bool is_touched(struct test_fixture *f, const char *chain)
{
	const struct nft_spots *spots = &f->nft->changed.spots;
	for (size_t i = 0; i < spots->chain.len; i++)
		if (!strcmp(spots->chain.at[i].name, chain))
			return true;
	return false;
}

// Two rules, or but one of them, decide what the third one is for. A fourth one stands in the same leaf; behind it are 40
// others.
static void deploy_decided(struct test_fixture *f, bool by_two)
{
	f->ruleset.rule.len = 0;
	vec_push(&f->arena, &f->ruleset.rule, test_fixture_rule(f, IR_DROP, 100, 104));
	vec_push(&f->arena, &f->ruleset.rule,
		 test_fixture_rule(f, IR_PASS, by_two ? 105 : 106, 109));
	vec_push(&f->arena, &f->ruleset.rule, test_fixture_rule(f, IR_DROP, 102, 107));
	vec_push(&f->arena, &f->ruleset.rule, test_fixture_rule(f, IR_DROP, 108, 112));
	for (unsigned i = 0; i < 40; i++)
		vec_push(&f->arena, &f->ruleset.rule,
			 test_fixture_rule(f, IR_PASS, 200 + 3 * i, 201 + 3 * i));
	test_fixture_deploy(f);
}

// A rule leaves the kernel with one that went, or as one came, with which it has no packets in common: for all packets of it
// the proof is made, and it holds when others decide them.
static void who_goes_beside_is_proven(void **state)
{
	struct test_fixture *f = *state;
	for (unsigned i = 0; i < 8; i++) {
		bool by_two = i % 2, comes = i / 2 % 2, goes = i / 4;
		const char *chain = NULL;
		deploy_decided(f, by_two);
		if (comes)
			test_fixture_insert(f, 3, test_fixture_rule(f, IR_PASS, 110, 111), 1);
		else
			test_fixture_take_out(f, 3);
		uint64_t handle = handle_of(f, 2, &chain);
		assert_true(handle > 0 && is_touched(f, chain));
		if (goes)
			test_fixture_run(deletion(f, chain, handle));
		assert_int_equal(test_fixture_proven_so(f), by_two || !goes);
		assert_int_equal(test_fixture_differences(f) > 0, !by_two && goes);
	}
}

// --- whose chain boxes led to ---

static int set_up_chains(void **state)
{
	struct backend_nft_options options = test_fixture_one_map;
	options.shape.direct_least = UINT_MAX;
	*state = test_fixture_new(&options);
	return 0;
}

// It goes with the rule. When it does not, or when the rule stood somewhere else, too, that is found.
static void chains_that_boxes_led_to_go(void **state)
{
	struct test_fixture *f = *state;
	for (unsigned i = 0; i < 3; i++) {
		bool stays = i == 1, more = i == 2;
		const char *chain = NULL, *none = NULL;
		f->ruleset.rule.len = 0;
		f->ruleset.default_action = IR_DROP;
		for (unsigned k = 0; k < 60; k++)
			vec_push(&f->arena, &f->ruleset.rule,
				 test_fixture_rule(f, IR_PASS, 1000 + k, 1000 + k));
		test_fixture_deploy(f);
		assert_true(handle_of(f, 7, &chain) > 0);
		test_fixture_take_out(f, 7);
		assert_int_equal(handle_of(f, 7, &none), 0);
		if (stays)
			test_fixture_run(
				arena_printf(&f->arena, "add chain inet bulwark %s\n", chain));
		f->nft->changed.gone.at[0].there += more;
		assert_int_equal(test_fixture_proven_so(f), i == 0);
		assert_int_equal(test_fixture_differences(f) > 0, stays);
	}
}

// --- when nothing is known ---

static void a_change_of_others_voids_all(void **state)
{
	struct test_fixture *f = *state;
	test_fixture_deploy(f);
	assert_true(reasons_of(f)->known);
	test_fixture_run("add table inet other\ndelete table inet other\n");
	test_fixture_take_out(f, 3);
	assert_int_equal(test_fixture_differences(f), 0); // a full proof
	assert_true(reasons_of(f)->known);
	nft_changed_forget(f->nft);
	assert_false(reasons_of(f)->known);
	test_fixture_take_out(f, 3);
	assert_false(test_fixture_proven_so(f));
	test_fixture_deploy(f);
}

// Proven by a copy, which leaned on the same, or has told it badly.
static void reasons_are_adopted(void **state)
{
	struct test_fixture *f = *state;
	struct buf proven;
	buf_init(&proven);
	test_fixture_deploy(f);
	struct nft_reasons *reasons = reasons_of(f);
	size_t there = reasons->len;
	assert_true(reasons->known && there > 0);
	backend_nft_proven(f->nft, &proven);
	nft_reasons_fini(reasons);
	backend_nft_adopt(f->nft, proven.data, proven.len);
	assert_true(reasons->known && reasons->len == there);
	for (size_t less = 1; less <= there * sizeof(*reasons->at); less++) {
		backend_nft_adopt(f->nft, proven.data, proven.len - less);
		assert_true(!reasons_of(f)->known && !reasons_of(f)->len);
	}
	buf_fini(&proven);
	test_fixture_deploy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reasons_are_adopted),
		cmocka_unit_test(rules_taken_out_are_proven),
		cmocka_unit_test(many_go_together),
		cmocka_unit_test(what_is_not_as_it_was_is_found),
		cmocka_unit_test(a_change_of_others_voids_all),
	};
	// A ruleset that was much changed before may come to have none.
	const struct CMUnitTest boxes[] = {
		cmocka_unit_test(boxes_that_are_not_as_they_were_are_found),
	};
	const struct CMUnitTest beside[] = {
		cmocka_unit_test(rules_taken_out_are_proven),
	};
	const struct CMUnitTest few[] = {
		cmocka_unit_test(who_was_hidden_shows_up),
		cmocka_unit_test(who_goes_beside_is_proven),
	};
	const struct CMUnitTest chains[] = {
		cmocka_unit_test(chains_that_boxes_led_to_go),
	};
	int failed = cmocka_run_group_tests(tests, test_fixture_firewall, test_fixture_end);
	failed += cmocka_run_group_tests(boxes, test_fixture_firewall, test_fixture_end);
	failed += cmocka_run_group_tests(beside, test_fixture_chains, test_fixture_end);
	failed += cmocka_run_group_tests(beside, test_fixture_front, test_fixture_end);
	failed += cmocka_run_group_tests(chains, set_up_chains, test_fixture_end);
	return failed + cmocka_run_group_tests(few, set_up_few, test_fixture_end);
}
