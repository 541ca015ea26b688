// SPDX-License-Identifier: Apache-2.0
// What rules have counted goes on when the policy is changed, whatever becomes of their kernel rules.
#include "backend/nft/live.h"
#include "backend/nft/open.h"
#include "backend/nft/table.h"
#include "backend/nft/test_fixture.h"
#include "backend/nft/test_packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define RULES 100u
#define PORT 1000u

static const struct backend_nft_options one_map = {
	.shape = {.form = BACKEND_NFT_TREE, .leaf_most = 200, .boxes_least = 2}};

// UDP to these ports.
static struct ir_rule rule_of(struct test_fixture *f, u128 lo, u128 hi)
{
	struct ir_rule rule = {.policy = "p",
			       .name = "r",
			       .verdict = IR_PASS,
			       .clauses = 1,
			       .clause = arena_new(&f->arena, struct ir_clause)};
	assert_true(ir_clause_narrow(rule.clause, &f->arena, IR_PROTO,
				     algebra_set_one(&f->arena, 17, 17)));
	assert_true(ir_clause_narrow(rule.clause, &f->arena, IR_DPORT,
				     algebra_set_one(&f->arena, lo, hi)));
	return rule;
}

// Rule i is for port PORT + i, the last one for all others.
static int set_up(void **state)
{
	struct test_fixture *f = test_fixture_new(&one_map);
	f->ruleset.default_action = IR_DROP;
	for (u128 i = 0; i + 1 < RULES; i++)
		vec_push(&f->arena, &f->ruleset.rule, rule_of(f, PORT + i, PORT + i));
	vec_push(&f->arena, &f->ruleset.rule, rule_of(f, 1, 65535));
	assert_int_equal(backend_nft_apply(f->nft, &f->ruleset, &f->diags), BACKEND_DONE);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	test_fixture_free(*state);
	return 0;
}

static void ignore(enum test_side at, const uint8_t *frame, size_t len, void *context)
{
	(void)at, (void)frame, (void)len, (void)context;
}

static void send_packets(struct test_fixture *f, uint16_t port, unsigned n)
{
	struct test_packet p = {.id = 1,
				.version = 4,
				.src = 0x20000001,
				.dst = 0x80000001,
				.proto = 17,
				.sport = 1000,
				.dport = port,
				.ttl = 64};
	uint8_t frame[TEST_FRAME_MOST];
	memcpy(p.smac, test_mac_host[SIDE_A], sizeof(p.smac));
	size_t len = test_packet_frame(&p, frame);
	for (unsigned i = 0; i < n; i++)
		test_net_send(&f->net, SIDE_A, frame, len);
	test_net_collect(&f->net, ignore, NULL);
}

static uint64_t counted(struct test_fixture *f, size_t at)
{
	struct backend_counters counters;
	assert_int_equal(backend_nft_counters(f->nft, &f->arena, &counters), 0);
	return at < counters.rules ? counters.rule[at].packets : 0;
}

static void insert(struct test_fixture *f, size_t at, struct ir_rule rule, size_t times)
{
	const struct backend_edit edit = {at, 0, at, times};
	for (size_t i = 0; i < times; i++) {
		vec_push(&f->arena, &f->ruleset.rule, rule);
		memmove(f->ruleset.rule.at + at + 1, f->ruleset.rule.at + at,
			(f->ruleset.rule.len - 1 - at) * sizeof(rule));
		f->ruleset.rule.at[at] = rule;
	}
	assert_int_equal(backend_nft_change(f->nft, &f->ruleset, &edit, 1, &f->diags),
			 BACKEND_DONE);
}

static void take_out(struct test_fixture *f, size_t at)
{
	const struct backend_edit edit = {at, 1, at, 0};
	memmove(f->ruleset.rule.at + at, f->ruleset.rule.at + at + 1,
		(--f->ruleset.rule.len - at) * sizeof(*f->ruleset.rule.at));
	assert_int_equal(backend_nft_change(f->nft, &f->ruleset, &edit, 1, &f->diags),
			 BACKEND_DONE);
}

static bool has_chain_of(struct test_fixture *f, uint32_t number)
{
	struct nft_table table;
	assert_int_equal(nft_table_read(&f->nft->socket, "bulwark", NFT_ALL, &f->arena, &table), 0);
	for (size_t i = 0; i < table.chain.len; i++)
		for (size_t k = 0; k < table.chain.at[i]->rule.len; k++) {
			const struct nft_tag *tag = &table.chain.at[i]->rule.at[k].tag;
			if (tag->known && tag->rule == number)
				return true;
		}
	return false;
}

// Its boxes leave the map, and the chain to which they led goes; they come back in a new one.
static void a_rule_that_is_hidden_has_counted(void **state)
{
	struct test_fixture *f = *state;
	send_packets(f, PORT + 3, 5);
	send_packets(f, PORT + 4, 2);
	assert_int_equal(counted(f, 3), 5);
	insert(f, 0, rule_of(f, PORT + 2, PORT + 3), 1);
	assert_false(has_chain_of(f, 3));
	send_packets(f, PORT + 3, 7);
	assert_int_equal(counted(f, 0), 7);
	assert_int_equal(counted(f, 4), 5);
	assert_int_equal(counted(f, 5), 2);
	take_out(f, 0);
	assert_true(has_chain_of(f, 3));
	send_packets(f, PORT + 3, 1);
	assert_int_equal(counted(f, 3), 6);
	assert_int_equal(counted(f, 4), 2);
}

// Too many rules for a change in place: those that stay go on, too, wherever they stand then.
static void replacing_keeps_counts(void **state)
{
	struct test_fixture *f = *state;
	size_t replaced = backend_nft_replaced(f->nft);
	send_packets(f, PORT + 3, 5);
	send_packets(f, PORT + 4, 2);
	insert(f, 0, rule_of(f, PORT + 2, PORT + 3), 1);
	insert(f, 4, rule_of(f, PORT + 200, PORT + 200), 100);
	assert_int_equal(backend_nft_replaced(f->nft), replaced + 1);
	send_packets(f, PORT + 4, 1);
	assert_int_equal(counted(f, 104), 5);
	assert_int_equal(counted(f, 105), 3);
	assert_int_equal(backend_nft_apply(f->nft, &f->ruleset, &f->diags), BACKEND_DONE);
	assert_int_equal(counted(f, 105), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_rule_that_is_hidden_has_counted, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(replacing_keeps_counts, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
