// SPDX-License-Identifier: Apache-2.0
// Elements of a leaf's map that accept or drop by themselves, and what somebody makes of them with nft(8): each is told for
// what it is, and what packets find there is what was read.
#include "backend/nft/encode.h"
#include "backend/nft/open.h"
#include "backend/nft/table.h"
#include "backend/nft/test_fixture.h"

#include <linux/netfilter/nf_tables.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define RULES 60u
#define PORT 1000u

// Rule i passes port PORT + i; by default packets are dropped.
static int set_up(void **state)
{
	struct test_fixture *f = test_fixture_new(&test_fixture_one_map);
	f->ruleset.default_action = IR_DROP;
	for (u128 i = 0; i < RULES; i++) {
		struct ir_rule rule = test_fixture_rule(f, IR_PASS, PORT + i, PORT + i);
		rule.name = arena_printf(&f->arena, "rule %u", (unsigned)i);
		vec_push(&f->arena, &f->ruleset.rule, rule);
	}
	test_fixture_deploy(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	test_fixture_free(*state);
	return 0;
}

// The map that decides by itself for rule 3, and its box there.
static const struct nft_dumped_set *find_map(struct test_fixture *f, const struct nft_box **box_out)
{
	struct nft_table table;
	assert_int_equal(nft_table_read(&f->nft->socket, "bulwark", NFT_ALL, &f->arena, &table), 0);
	for (size_t i = 0; i < table.set.len; i++)
		for (size_t k = 0; k < table.set.at[i]->box.len; k++) {
			const struct nft_box *box = &table.set.at[i]->box.at[k];
			if (box->direct && box->direct->tag.rule == 3) {
				*box_out = box;
				return table.set.at[i];
			}
		}
	fail_msg("rule 3 decides in no map");
	return NULL;
}

// The ports are the fields of the map, in any order.
static const char *key(struct test_fixture *f, const struct nft_box *box, unsigned port)
{
	bool first = box->range[0].hi == PORT + 3;
	return arena_printf(&f->arena, first ? "%u . 0-65535" : "0-65535 . %u", port);
}

static void run(struct test_fixture *f, const char *what, const char *map, const char *element)
{
	test_fixture_run(
		arena_printf(&f->arena, "%s element inet bulwark %s { %s }\n", what, map, element));
}

static const struct backend_difference *told(struct test_fixture *f, enum backend_change change,
					     const char *rule)
{
	struct backend_differences *all = arena_new(&f->arena, struct backend_differences);
	all->arena = &f->arena;
	assert_int_equal(backend_nft_compare(f->nft, &f->ruleset, all), 0);
	for (size_t i = 0; i < all->list.len; i++) {
		const struct backend_difference *d = &all->list.at[i];
		bool same = rule ? d->rule && !strcmp(d->rule, rule) : !d->rule;
		if (d->change == change && same)
			return d;
	}
	for (size_t i = 0; i < all->list.len; i++)
		print_message("%s: %s, %s\n", backend_change_name[all->list.at[i].change],
			      all->list.at[i].rule ? all->list.at[i].rule : "nobody",
			      all->list.at[i].found ? all->list.at[i].found : "nothing");
	fail_msg("not told");
	return NULL;
}

static uint64_t passed(struct test_fixture *f, uint16_t port)
{
	struct backend_counters counters;
	test_fixture_send(f, port, 1);
	assert_int_equal(backend_nft_counters(f->nft, &f->ruleset, &f->arena, &counters), 0);
	return counters.rule[port - PORT].packets;
}

static void an_element_that_is_gone_is_missed(void **state)
{
	struct test_fixture *f = *state;
	const struct nft_box *box;
	const char *map = find_map(f, &box)->name;
	assert_int_equal(passed(f, PORT + 3), 1);
	run(f, "delete", map, key(f, box, PORT + 3));
	assert_non_null(told(f, BACKEND_MISSING, "rule 3")->witness);
	assert_int_equal(passed(f, PORT + 3), 0);
}

static void an_element_that_does_something_else_is_nobodys(void **state)
{
	struct test_fixture *f = *state;
	const struct nft_box *box;
	const char *map = find_map(f, &box)->name;
	run(f, "delete", map, key(f, box, PORT + 3));
	run(f, "add", map, arena_printf(&f->arena, "%s : drop", key(f, box, PORT + 3)));
	assert_non_null(told(f, BACKEND_MISSING, "rule 3"));
	assert_non_null(strstr(told(f, BACKEND_FOREIGN, NULL)->found,
			       arena_printf(&f->arena, "an element of %s", map)));
}

static void an_element_for_other_packets_is_foreign(void **state)
{
	struct test_fixture *f = *state;
	const struct nft_box *box;
	const char *map = find_map(f, &box)->name;
	run(f, "add", map, arena_printf(&f->arena, "%s : accept", key(f, box, 9)));
	const struct backend_difference *is = told(f, BACKEND_FOREIGN, NULL);
	assert_non_null(strstr(is->found, map));
	assert_non_null(is->witness);
}

// It does and says what another rule does, for the packets of rule 3.
static void a_tag_proves_nothing(void **state)
{
	struct test_fixture *f = *state;
	const struct nft_box *box;
	struct nft_table table;
	const char *map = find_map(f, &box)->name;
	run(f, "delete", map, key(f, box, PORT + 3));
	assert_int_equal(nft_table_read(&f->nft->socket, "bulwark", NFT_ALL, &f->arena, &table), 0);
	struct nft_box *lies =
		&((struct nft_dumped_set *)map_get(&table.set_by_name, map))->box.at[0];
	struct nft_form rule = nft_direct_form(lies->direct);
	struct nft_boxes boxes = {.fields = 2, .name = map + 2, .box = lies, .len = 1};
	struct nft_batch batch;
	struct nft_fault fault;
	struct nft_encoder encoder = {
		.arena = &f->arena, .batch = &batch, .table = "bulwark", .prefix = "g1"};
	boxes.field[0] = F_SPORT;
	boxes.field[1] = F_DPORT;
	lies->rule = &rule;
	lies->range = box->range;
	nft_batch_init(&batch, &f->arena);
	nft_encode_box_elements(&encoder, NFT_MSG_NEWSETELEM, &boxes, NFT_NO_OWNER);
	assert_int_equal(nft_batch_run(&f->nft->socket, &batch, &fault), 0);
	nft_batch_fini(&batch);
	assert_non_null(told(f, BACKEND_MISSING, "rule 3"));
}

// The map is made anew because of the rule that turns, and once more because of those that come. Boxes that lead to a chain
// are counted as gone once.
static void a_map_that_is_made_anew_twice_is_one_change(void **state)
{
	struct test_fixture *f = *state;
	struct ir_ruleset *rules = &f->ruleset;
	struct backend_edit edit[] = {{3, 1, 3, 1}, {7, 0, 7, 6}};
	rules->rule.at[7].log = IR_LOG_RULE;
	test_fixture_deploy(f);
	for (size_t i = 0; i < edit[1].inserted; i++)
		vec_push(&f->arena, &rules->rule, rules->rule.at[0]);
	memmove(&rules->rule.at[13], &rules->rule.at[7], (RULES - 7) * sizeof(struct ir_rule));
	for (u128 i = 0; i < edit[1].inserted; i++)
		rules->rule.at[7 + i] = test_fixture_rule(f, IR_DROP, PORT + 9, PORT + 10 + i);
	rules->rule.at[3].verdict = IR_DROP;
	size_t replaced = backend_nft_replaced(f->nft);
	assert_int_equal(backend_nft_change(f->nft, rules, edit, 2, &f->diags), BACKEND_DONE);
	assert_int_equal(backend_nft_replaced(f->nft), replaced);
	assert_int_equal(test_fixture_all_differences(f), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_element_that_is_gone_is_missed),
		TEST(an_element_that_does_something_else_is_nobodys),
		TEST(an_element_for_other_packets_is_foreign),
		TEST(a_tag_proves_nothing),
		TEST(a_map_that_is_made_anew_twice_is_one_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
