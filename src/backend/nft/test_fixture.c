// SPDX-License-Identifier: Apache-2.0
#include "backend/nft/test_fixture.h"
#include "backend/nft/live.h"
#include "backend/nft/open.h"
#include "backend/nft/table.h"
#include "verify/test_sets.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

const struct backend_nft_options test_fixture_one_map = {
	.shape = {.form = BACKEND_NFT_TREE, .leaf_most = 200, .boxes_least = 6, .direct_least = 1}};

struct test_fixture *test_fixture_new(const struct backend_nft_options *options)
{
	struct test_fixture *f = base_oom(calloc(1, sizeof(*f)));
	arena_init(&f->arena);
	diags_init(&f->diags, &f->arena);
	test_net_open(&f->net);
	if (backend_nft_open(options, &f->diags, &f->nft))
		exit(77);
	return f;
}

void test_fixture_free(struct test_fixture *f)
{
	backend_nft_close(f->nft);
	test_net_close(&f->net);
	arena_fini(&f->arena);
	free(f);
}

struct ir_rule test_fixture_rule(struct test_fixture *f, enum ir_verdict verdict, u128 lo, u128 hi)
{
	struct ir_rule rule = {.policy = "p",
			       .name = "r",
			       .verdict = verdict,
			       .clauses = 1,
			       .clause = arena_new(&f->arena, struct ir_clause)};
	assert_true(ir_clause_narrow(rule.clause, &f->arena, IR_PROTO,
				     algebra_set_one(&f->arena, 17, 17)));
	assert_true(ir_clause_narrow(rule.clause, &f->arena, IR_DPORT,
				     algebra_set_one(&f->arena, lo, hi)));
	return rule;
}

void test_fixture_deploy(struct test_fixture *f)
{
	struct backend_differences differences = {.arena = &f->arena};
	assert_int_equal(backend_nft_apply(f->nft, &f->ruleset, &f->diags), BACKEND_DONE);
	assert_int_equal(backend_nft_compare(f->nft, &f->ruleset, &differences), 0);
	if (differences.list.len)
		fail_msg("%s", differences.list.at[0].found ? differences.list.at[0].found
							    : differences.list.at[0].intended);
}

static void change(struct test_fixture *f, struct backend_edit edit)
{
	assert_int_equal(backend_nft_change(f->nft, &f->ruleset, &edit, 1, &f->diags),
			 BACKEND_DONE);
}

void test_fixture_insert(struct test_fixture *f, size_t at, struct ir_rule rule, size_t times)
{
	for (size_t i = 0; i < times; i++) {
		vec_push(&f->arena, &f->ruleset.rule, rule);
		memmove(f->ruleset.rule.at + at + 1, f->ruleset.rule.at + at,
			(f->ruleset.rule.len - 1 - at) * sizeof(rule));
		f->ruleset.rule.at[at] = rule;
	}
	change(f, (struct backend_edit){at, 0, at, times});
}

void test_fixture_take_out(struct test_fixture *f, size_t at)
{
	memmove(f->ruleset.rule.at + at, f->ruleset.rule.at + at + 1,
		(--f->ruleset.rule.len - at) * sizeof(*f->ruleset.rule.at));
	change(f, (struct backend_edit){at, 1, at, 0});
}

bool test_fixture_turn(struct test_fixture *f, size_t at)
{
	struct ir_rule *rule = &f->ruleset.rule.at[at];
	const struct backend_edit edit = {at, 1, at, 1};
	rule->verdict = rule->verdict == IR_PASS ? IR_DROP : IR_PASS;
	size_t replaced = backend_nft_replaced(f->nft);
	change(f, edit);
	return backend_nft_replaced(f->nft) == replaced;
}

size_t test_fixture_differences(struct test_fixture *f)
{
	struct backend_differences differences = {.arena = &f->arena};
	assert_int_equal(backend_nft_compare_changed(f->nft, &f->ruleset, &differences), 0);
	return differences.list.len;
}

size_t test_fixture_all_differences(struct test_fixture *f)
{
	struct backend_differences differences = {.arena = &f->arena};
	assert_int_equal(backend_nft_compare(f->nft, &f->ruleset, &differences), 0);
	return differences.list.len;
}

static bool is_proven(struct test_fixture *f, bool whole)
{
	struct arena arena cleanup(arena_fini);
	struct nft_spots_diff spots;
	struct nft_to_prove left;
	arena_init(&arena);
	const uint32_t *place = nft_live_places(f->nft->live, &arena);
	nft_spots_compare(f->nft, &arena, &spots);
	return nft_changed_left(f->nft, place, &spots, &arena, &left) && f->nft->changed.form.len &&
	       (whole || !left.whole.list.len) && nft_changed_holds(f->nft, place, &spots, &left);
}

bool test_fixture_proven(struct test_fixture *f)
{
	return is_proven(f, true);
}

bool test_fixture_proven_so(struct test_fixture *f)
{
	return is_proven(f, false);
}

static void ignore(enum test_side at, const uint8_t *frame, size_t len, void *context)
{
	(void)at, (void)frame, (void)len, (void)context;
}

static struct test_packet packet_to(uint16_t port)
{
	return (struct test_packet){.id = 1,
				    .version = 4,
				    .src = 0x20000001,
				    .dst = 0x80000001,
				    .proto = 17,
				    .sport = 1000,
				    .dport = port,
				    .ttl = 64};
}

void test_fixture_run(const char *script)
{
	if (test_nft(script))
		fail_msg("nft does not take %s", script);
}

void test_fixture_read(struct test_fixture *f, struct nft_table *out)
{
	assert_int_equal(nft_table_read(&f->nft->socket, "bulwark", NFT_ALL, &f->arena, out), 0);
}

static void send_frames(struct test_fixture *f, struct test_packet p, unsigned packets)
{
	uint8_t frame[TEST_FRAME_MOST];
	memcpy(p.smac, test_mac_host[SIDE_A], sizeof(p.smac));
	size_t len = test_packet_frame(&p, frame);
	for (unsigned i = 0; i < packets; i++)
		test_net_send(&f->net, SIDE_A, frame, len);
}

void test_fixture_frames(struct test_fixture *f, uint16_t port, unsigned packets)
{
	send_frames(f, packet_to(port), packets);
}

void test_fixture_send_of(struct test_fixture *f, struct test_packet p, unsigned packets)
{
	send_frames(f, p, packets);
	test_net_collect(&f->net, ignore, NULL);
}

void test_fixture_send(struct test_fixture *f, uint16_t port, unsigned packets)
{
	test_fixture_send_of(f, packet_to(port), packets);
}

static int begin(void **state, enum test_sets_kind kind, unsigned overlay_least)
{
	const struct backend_nft_options options = {.shape = {.form = BACKEND_NFT_MIXED,
							      .sorted_least = 16,
							      .overlay_least = overlay_least,
							      .direct_least = 1}};
	const struct test_sets_spec spec = {
		.kind = kind, .family = 4, .rules = TEST_FIXTURE_RULES, .seed = 1};
	struct test_fixture *f = test_fixture_new(&options);
	test_sets_make(&spec, &f->arena, &f->ruleset);
	test_fixture_deploy(f);
	assert_true(f->nft->changed.counted);
	*state = f;
	return 0;
}

int test_fixture_firewall(void **state)
{
	return begin(state, TEST_SETS_FW, UINT_MAX);
}

int test_fixture_chains(void **state)
{
	return begin(state, TEST_SETS_IPC, UINT_MAX);
}

int test_fixture_front(void **state)
{
	return begin(state, TEST_SETS_FW, 1);
}

int test_fixture_end(void **state)
{
	test_fixture_free(*state);
	return 0;
}
