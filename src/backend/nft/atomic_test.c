// SPDX-License-Identifier: Apache-2.0
// While packets run, the policy is replaced again and again, by new generations and by changes to the one in force, in every
// form, with default drop and default pass. A packet that both policies pass must always arrive, one that both drop never.
// ./bench lossless does the same with larger policies and more packets.
#include "backend/nft/test_swap.h"

#include <stdio.h>

static const struct test_swap swaps[] = {
	{.rules = 400, .edited_one_in = 3, .packets = 20000, .replacements = 10},
	{.rules = 400, .edited_one_in = 40, .delta = true, .packets = 40000, .replacements = 40},
	// Rules stand in front first.
	{.rules = 400,
	 .edited_one_in = 40,
	 .delta = true,
	 .packets_only = true,
	 .packets = 40000,
	 .replacements = 40,
	 .shape = {.overlay_least = 1, .direct_least = 1}},
};
// Of a long leaf a rule leaves its map as boxes; or it turns, in the chain to which its boxes lead or by a map that is made
// anew. The number of rules says which, as all that is random comes from it.
static const size_t leaving_or_turning[] = {307, 320};
static const struct test_swap one_rule = {
	.edited_one_in = 40,
	.delta = true,
	.one_edit = true,
	.packets_only = true,
	.packets = 20000,
	.replacements = 40,
	.default_action = IR_DROP,
	.shape = {.form = BACKEND_NFT_TREE, .leaf_most = 400, .boxes_least = 4}};
// A rule stands in front behind pieces of others, which come and go with its own.
static const size_t behind_others[] = {487, 509, 641};
static const struct test_swap firewall = {
	.edited_one_in = 250,
	.delta = true,
	.one_edit = true,
	.packets_only = true,
	.firewall = true,
	.packets = 40000,
	.replacements = 60,
	.default_action = IR_DROP,
	.shape = {.form = BACKEND_NFT_MIXED, .overlay_least = 1, .direct_least = 1}};
// A rule turns in front, in one lane after the other: behind others, as many rules as those; or apart from these.
static const size_t turning_apart = 402;
static const char *const form_name[] = {[BACKEND_NFT_AUTO] = "auto",
					[BACKEND_NFT_LINEAR] = "linear",
					[BACKEND_NFT_HASH] = "hash",
					[BACKEND_NFT_TREE] = "tree",
					[BACKEND_NFT_MIXED] = "mixed"};

static bool run_one(struct test_swap swap)
{
	struct test_swap_result result;
	test_swap_run(&swap, &result);
	printf("%s, default %s, %s (%u anew, %u in front, %u behind others): %llu wrong;",
	       form_name[swap.shape.form], ir_verdict_name[swap.default_action],
	       swap.delta ? "changed" : "applied", result.anew, result.in_front, result.behind,
	       (unsigned long long)result.wrong);
	for (unsigned kind = 0; kind < TEST_SWAP_KINDS; kind++)
		printf(" %s %llu of %llu", test_swap_kind[kind],
		       (unsigned long long)result.arrived[kind],
		       (unsigned long long)result.sent[kind]);
	puts("");
	// One hash map or one tree for all rules is not what is changed in place.
	bool must = swap.shape.form != BACKEND_NFT_HASH && swap.shape.form != BACKEND_NFT_TREE;
	bool front = !swap.shape.overlay_least || result.in_front;
	front &= !swap.firewall || result.behind;
	return test_swap_good(&result) &&
	       (!must || (result.anew <= swap.replacements / 4 && front));
}

static bool run(struct test_swap swap)
{
	swap.default_action = IR_DROP;
	bool good = run_one(swap);
	swap.default_action = IR_PASS;
	return run_one(swap) && good;
}

int main(void)
{
	bool good = true;
	for (size_t i = 0; i < array_len(leaving_or_turning); i++) {
		struct test_swap swap = one_rule;
		swap.rules = leaving_or_turning[i];
		good &= run_one(swap);
		swap.shape.direct_least = 1;
		good &= run_one(swap);
	}
	for (size_t i = 0; i < array_len(behind_others); i++) {
		struct test_swap swap = firewall;
		swap.rules = behind_others[i];
		good &= run_one(swap);
		swap.turns = true;
		good &= run_one(swap);
	}
	struct test_swap apart = firewall;
	apart.rules = turning_apart;
	apart.firewall = false;
	apart.turns = true;
	good &= run_one(apart);
	for (unsigned form = BACKEND_NFT_AUTO; form <= BACKEND_NFT_MIXED; form++)
		for (size_t i = 0; i < array_len(swaps); i++) {
			struct test_swap swap = swaps[i];
			swap.shape.form = (enum backend_nft_form)form;
			good &= run(swap);
		}
	return !good;
}
