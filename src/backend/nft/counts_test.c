// SPDX-License-Identifier: Apache-2.0
// What rules have counted goes on when the policy is changed, whatever becomes of their kernel rules.
#include "backend/nft/live.h"
#include "backend/nft/open.h"
#include "backend/nft/table.h"
#include "backend/nft/test_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define RULES 100u
#define PORT 1000u

// Rule i is for port PORT + i, the last one for all others.
static int set_up(void **state)
{
	struct test_fixture *f = test_fixture_new(&test_fixture_one_map);
	f->ruleset.default_action = IR_DROP;
	for (u128 i = 0; i + 1 < RULES; i++)
		vec_push(&f->arena, &f->ruleset.rule,
			 test_fixture_rule(f, IR_PASS, PORT + i, PORT + i));
	vec_push(&f->arena, &f->ruleset.rule, test_fixture_rule(f, IR_PASS, 1, 65535));
	assert_int_equal(backend_nft_apply(f->nft, &f->ruleset, &f->diags), BACKEND_DONE);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	test_fixture_free(*state);
	return 0;
}

static uint64_t counted(struct test_fixture *f, size_t at)
{
	struct backend_counters counters;
	assert_int_equal(backend_nft_counters(f->nft, &f->ruleset, &f->arena, &counters), 0);
	return at < counters.rules ? counters.rule[at].packets : 0;
}

// In a map by itself, or in the chain to which boxes lead.
static bool decides_in_map(const struct nft_table *table, uint32_t number)
{
	for (size_t i = 0; i < table->set.len; i++)
		for (size_t k = 0; k < table->set.at[i]->direct.len; k++)
			if (table->set.at[i]->direct.at[k]->tag.rule == number)
				return true;
	return false;
}

static bool is_there(struct test_fixture *f, uint32_t number)
{
	struct nft_table table;
	assert_int_equal(nft_table_read(&f->nft->socket, "bulwark", NFT_ALL, &f->arena, &table), 0);
	if (decides_in_map(&table, number))
		return true;
	for (size_t i = 0; i < table.chain.len; i++)
		for (size_t k = 0; k < table.chain.at[i]->rule.len; k++) {
			const struct nft_tag *tag = &table.chain.at[i]->rule.at[k].tag;
			if (tag->known && tag->rule == number)
				return true;
		}
	return false;
}

// So many rules stand beside a map; the next one makes it anew with them.
static void put_beside_map(struct test_fixture *f)
{
	for (u128 i = 0; i < 4; i++)
		test_fixture_insert(f, RULES - 1, test_fixture_rule(f, IR_PASS, 1 + i, 1 + i), 1);
}

// Its boxes leave the map, and the chain goes to which they led, if they did; they come back in a new one.
static void hide(struct test_fixture *f)
{
	test_fixture_send(f, PORT + 3, 5);
	test_fixture_send(f, PORT + 4, 2);
	assert_int_equal(counted(f, 3), 5);
	put_beside_map(f);
	assert_true(is_there(f, 3));
	test_fixture_insert(f, 0, test_fixture_rule(f, IR_PASS, PORT + 2, PORT + 3), 1);
	assert_false(is_there(f, 3));
	test_fixture_send(f, PORT + 3, 7);
	assert_int_equal(counted(f, 0), 7);
	assert_int_equal(counted(f, 4), 5);
	assert_int_equal(counted(f, 5), 2);
	test_fixture_take_out(f, 0);
	assert_true(is_there(f, 3));
	test_fixture_send(f, PORT + 3, 1);
	assert_int_equal(counted(f, 3), 6);
	assert_int_equal(counted(f, 4), 2);
}

static void a_rule_that_is_hidden_has_counted(void **state)
{
	hide(*state);
}

// A rule that logs has a chain.
static void set_up_chain(struct test_fixture *f)
{
	struct nft_table table;
	f->ruleset.rule.at[3].log = IR_LOG_RULE;
	assert_int_equal(backend_nft_apply(f->nft, &f->ruleset, &f->diags), BACKEND_DONE);
	assert_int_equal(nft_table_read(&f->nft->socket, "bulwark", NFT_ALL, &f->arena, &table), 0);
	assert_true(is_there(f, 3) && !decides_in_map(&table, 3) && decides_in_map(&table, 4));
}

static void a_rule_with_a_chain_that_is_hidden_has_counted(void **state)
{
	set_up_chain(*state);
	hide(*state);
}

// As another rule it begins anew; all others go on, also those of its map.
static void turn(struct test_fixture *f)
{
	size_t replaced = backend_nft_replaced(f->nft);
	struct backend_edit edit = {3, 1, 3, 1};
	test_fixture_send(f, PORT + 3, 5);
	test_fixture_send(f, PORT + 4, 2);
	for (unsigned i = 0; i < 2; i++) {
		struct ir_rule *rule = &f->ruleset.rule.at[3];
		rule->verdict = rule->verdict == IR_PASS ? IR_DROP : IR_PASS;
		assert_int_equal(backend_nft_change(f->nft, &f->ruleset, &edit, 1, &f->diags),
				 BACKEND_DONE);
		assert_int_equal(counted(f, 3), 0);
	}
	assert_int_equal(backend_nft_replaced(f->nft), replaced);
	test_fixture_send(f, PORT + 3, 1);
	assert_int_equal(counted(f, 3), 1);
	assert_int_equal(counted(f, 4), 2);
}

static void a_rule_that_turns_counts_anew(void **state)
{
	turn(*state);
}

static void a_rule_with_a_chain_that_turns_counts_anew(void **state)
{
	set_up_chain(*state);
	turn(*state);
}

// What it does moves from its map to a chain, and back.
static void a_rule_that_begins_to_log(void **state)
{
	struct test_fixture *f = *state;
	size_t replaced = backend_nft_replaced(f->nft);
	struct backend_edit edit = {3, 1, 3, 1};
	test_fixture_send(f, PORT + 4, 2);
	for (unsigned i = 0; i < 4; i++) {
		f->ruleset.rule.at[3].log = i % 2 ? IR_LOG_NONE : IR_LOG_RULE;
		assert_int_equal(backend_nft_change(f->nft, &f->ruleset, &edit, 1, &f->diags),
				 BACKEND_DONE);
		assert_int_equal(counted(f, 3), 0);
		test_fixture_send(f, PORT + 3, 1 + i);
		assert_int_equal(counted(f, 3), 1 + i);
		assert_int_equal(counted(f, 4), 2);
		assert_int_equal(test_fixture_differences(f), 0);
	}
	assert_int_equal(backend_nft_replaced(f->nft), replaced);
}

// Too many rules for a change in place: those that stay go on, too, wherever they stand then.
static void replacing_keeps_counts(void **state)
{
	struct test_fixture *f = *state;
	size_t replaced = backend_nft_replaced(f->nft);
	test_fixture_send(f, PORT + 3, 5);
	test_fixture_send(f, PORT + 4, 2);
	test_fixture_insert(f, 0, test_fixture_rule(f, IR_PASS, PORT + 2, PORT + 3), 1);
	test_fixture_insert(f, 4, test_fixture_rule(f, IR_PASS, PORT + 200, PORT + 200), 100);
	assert_int_equal(backend_nft_replaced(f->nft), replaced + 1);
	test_fixture_send(f, PORT + 4, 1);
	assert_int_equal(counted(f, 104), 5);
	assert_int_equal(counted(f, 105), 3);
	assert_int_equal(backend_nft_apply(f->nft, &f->ruleset, &f->diags), BACKEND_DONE);
	assert_int_equal(counted(f, 105), 0);
}

// Numbers of rules are no places any more when the policy was changed; who comes next knows that only from their names.
static void the_next_process_counts_on(void **state)
{
	struct test_fixture *f = *state;
	f->ruleset = (struct ir_ruleset){.default_action = IR_DROP};
	for (unsigned i = 0; i < 3; i++) {
		struct ir_rule rule = test_fixture_rule(f, IR_PASS, 100 + i, 100 + i);
		rule.name = arena_printf(&f->arena, "rule %u", i);
		vec_push(&f->arena, &f->ruleset.rule, rule);
	}
	assert_int_equal(backend_nft_apply(f->nft, &f->ruleset, &f->diags), BACKEND_DONE);
	struct ir_rule first = test_fixture_rule(f, IR_PASS, 103, 103);
	first.name = "first";
	test_fixture_insert(f, 0, first, 1);
	test_fixture_take_out(f, 2); // "rule 1"
	for (unsigned i = 0; i < 4; i++)
		test_fixture_send(f, (uint16_t)(100 + i), i + 1);
	for (unsigned process = 0; process < 2; process++) {
		assert_int_equal(counted(f, 0), 4);
		assert_int_equal(counted(f, 1), 1);
		assert_int_equal(counted(f, 2), 3);
		backend_nft_close(f->nft);
		assert_int_equal(backend_nft_open(NULL, &f->diags, &f->nft), 0);
	}
	// Of two that are called the same nobody can tell which has counted.
	f->ruleset.rule.at[1].name = f->ruleset.rule.at[2].name;
	assert_int_equal(counted(f, 0), 4);
	assert_int_equal(counted(f, 2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_rule_that_is_hidden_has_counted, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_rule_with_a_chain_that_is_hidden_has_counted,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_rule_that_turns_counts_anew, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_rule_with_a_chain_that_turns_counts_anew, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_rule_that_begins_to_log, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_next_process_counts_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(replacing_keeps_counts, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
