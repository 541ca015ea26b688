// SPDX-License-Identifier: Apache-2.0
// Somebody changes a tree with gates in the kernel. The packet with which it is told is sent: the kernel lets it fare
// otherwise than the policy says, and did not before.
#include "backend/nft/compile.h"
#include "backend/nft/differ.h"
#include "backend/nft/test_change.h"
#include "backend/nft/test_policy.h"
#include "backend/nft/test_program.h"
#include "base/diag.h"
#include "verify/test_sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define RULES 300
#define PLACES 12
#define ENOUGH 3
#define POLICIES 600

// False: what the packet says is more than the test can make so.
static bool frame_of(const struct ir_packet *dims, bool tracked, struct test_packet *out)
{
	uint64_t said = dims->has & ~((uint64_t)1 << IR_STATE);
	bool v4 = dims->value[IR_FAMILY] == 4, begins = dims->value[IR_STATE] == IR_STATE_NEW;
	unsigned proto = (unsigned)dims->value[IR_PROTO];
	u128 icmp = dims->value[v4 ? IR_ICMP4 : IR_ICMP6];
	*out = (struct test_packet){.version = v4 ? 4 : 6,
				    .src = dims->value[v4 ? IR_SRC4 : IR_SRC6],
				    .dst = dims->value[v4 ? IR_DST4 : IR_DST6],
				    .proto = (uint8_t)proto,
				    .sport = (uint16_t)dims->value[IR_SPORT],
				    .dport = (uint16_t)dims->value[IR_DPORT],
				    .type = (uint8_t)(icmp >> 8),
				    .code = (uint8_t)icmp,
				    .tcp_flags = 2,
				    .window = 1000,
				    .ttl = 64};
	memcpy(out->smac, test_mac_host[SIDE_A], sizeof(out->smac));
	for (enum ir_dim dim = 0; dim < IR_DIMS; dim++)
		if (said >> dim & 1 && ir_dim_info[dim].kind != IR_KIND_TUPLE)
			return false;
	return !dims->over_rate && (!tracked || begins) && (proto == 6 || proto == 17);
}

// Whether the packet fares in the kernel as the policy says.
static bool fares(struct fixture *f, const struct ir_ruleset *ruleset, bool tracked,
		  const struct test_packet *packet)
{
	struct test_case test = {.tracked = tracked};
	test.ruleset[0] = *ruleset;
	(void)test_case_add(&test, &f->arena, packet, -1);
	test_oracle_enter(&f->oracle, tracked);
	bool good = test_oracle_packets(&f->oracle, &test);
	if (!good && strcmp(f->oracle.kind, "verdict") != 0)
		fail_msg("%s", f->oracle.fault);
	return good;
}

struct changed {
	const struct ir_ruleset *ruleset;
	bool tracked;
	const struct nft_program *meant, *is;
};

// How many packets showed it.
static size_t assert_shown(struct fixture *f, const struct changed *c)
{
	struct nft_program found;
	struct backend_differences differences = {.arena = &f->arena};
	size_t shown = 0;
	test_oracle_enter(&f->oracle, c->tracked);
	test_program_load(f, c->is);
	test_program_read(f, &found);
	assert_int_equal(nft_differ(c->ruleset, NULL, &found, "g1", NULL, &differences), 0);
	for (size_t i = 0; i < differences.list.len; i++) {
		const char *witness = differences.list.at[i].witness;
		struct ir_packet dims;
		struct diags diags;
		struct test_packet packet;
		diags_init(&diags, &f->arena);
		if (!witness)
			continue;
		assert_true(ir_packet_parse(witness, time(NULL), &f->arena, &diags, &dims));
		if (!frame_of(&dims, c->tracked, &packet))
			continue;
		if (fares(f, c->ruleset, c->tracked, &packet))
			fail_msg("%s fares as it should", witness);
		test_program_load(f, c->meant);
		if (!fares(f, c->ruleset, c->tracked, &packet))
			fail_msg("%s: %s", witness, f->oracle.fault);
		test_program_load(f, c->is);
		shown++;
	}
	return shown;
}

static void compile(struct fixture *f, const struct ir_ruleset *ruleset,
		    const struct backend_nft_shape *shape, struct nft_program *out)
{
	const struct backend_nft_options options = {.shape = *shape};
	nft_program_init(out, &f->arena);
	nft_compile_shaped(ruleset, &options, out);
}

static size_t change_places(struct fixture *f, const struct test_gate_change *change, int family)
{
	const struct backend_nft_shape shape = {.form = BACKEND_NFT_MIXED};
	const struct test_sets_spec spec = {
		.kind = TEST_SETS_FW, .family = family, .rules = RULES, .seed = 5};
	struct ir_ruleset ruleset;
	size_t shown = 0;
	test_sets_make(&spec, &f->arena, &ruleset);
	for (size_t n = 0; n < PLACES && shown < ENOUGH; n++) {
		struct nft_program meant, is;
		compile(f, &ruleset, &shape, &meant);
		compile(f, &ruleset, &shape, &is);
		assert_true(test_has_gate(&is));
		if (change->change(&f->arena, &is, n))
			shown += assert_shown(f, &(struct changed){&ruleset, false, &meant, &is});
	}
	print_message("IPv%d, %s: %zu packets\n", family, change->name, shown);
	return shown;
}

// Boxes that overlap and lead to different chains are not sure, so not each kind can be shown in both.
static void the_kernel_agrees(void **state)
{
	for (size_t i = 0; i < TEST_GATE_CHANGES; i++) {
		size_t v4 = change_places(*state, &test_gate_change[i], 4),
		       v6 = change_places(*state, &test_gate_change[i], 6);
		assert_true(i == TEST_BOX_ELSEWHERE ? v4 + v6 : v4 && v6);
	}
}

// Flows, rates and logs of all kinds.
static void the_kernel_agrees_by_chance(void **state)
{
	struct fixture *f = *state;
	size_t gated = 0, shown = 0;
	f->random.state = test_random_seed(NULL);
	for (unsigned i = 0; i < POLICIES; i++) {
		struct ir_ruleset ruleset;
		struct nft_program meant, is;
		bool tracked = i % 2;
		const struct backend_nft_shape shape = {
			.form = BACKEND_NFT_MIXED, .sorted_least = 4, .leaf_most = 1u << i % 4};
		test_policy_hosts(&f->random, &f->arena, tracked, time(NULL), &ruleset);
		compile(f, &ruleset, &shape, &meant);
		compile(f, &ruleset, &shape, &is);
		if (!test_has_gate(&is) ||
		    !test_gate_change[i / 2 % TEST_GATE_CHANGES].change(
			    &f->arena, &is, i % 2 ? 0 : test_random_below(&f->random, 4)))
			continue;
		shown += assert_shown(f, &(struct changed){&ruleset, tracked, &meant, &is});
		gated++;
	}
	print_message("%zu policies with gates, %zu packets\n", gated, shown);
	assert_true(gated > POLICIES / 12 && shown > gated / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_kernel_agrees, test_programs_begin,
						test_programs_finish),
		cmocka_unit_test_setup_teardown(the_kernel_agrees_by_chance, test_programs_begin,
						test_programs_finish),
	};
	return cmocka_run_group_tests(tests, test_programs_open, test_programs_close);
}
