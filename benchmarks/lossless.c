// SPDX-License-Identifier: Apache-2.0
// Whether packets are lost or misjudged while a policy of 10,000 rules is replaced a hundred times by another, and while
// it is changed a hundred times by a few rules: a million packets at least, with default drop and default pass. The packets
// are counted one by one (backend/nft/test_swap.h says how it is known that only the policy drops any).
#include "backend/nft/test_swap.h"
#include "benchmarks/figure.h"

#define RULES 10000
#define PACKETS 1000000
#define REPLACEMENTS 100

static uint64_t sum(const uint64_t of[TEST_SWAP_KINDS])
{
	uint64_t all = 0;
	for (unsigned kind = 0; kind < TEST_SWAP_KINDS; kind++)
		all += of[kind];
	return all;
}

static bool run(enum ir_verdict default_action, bool delta)
{
	struct test_swap swap = {.rules = RULES,
				 .edited_one_in = delta ? RULES / 10 : 3,
				 .delta = delta,
				 .default_action = default_action,
				 .packets = PACKETS,
				 .replacements = REPLACEMENTS};
	struct test_swap_result result;
	setvbuf(stdout, NULL, _IOLBF, 0);
	double begin = figure_seconds();
	test_swap_run(&swap, &result);
	printf("lossless %u rules, default %s, %u %s: %llu of %llu packets wrong, %llu passed, %u "
	       "done anew, %.0f s\n",
	       RULES, ir_verdict_name[default_action], REPLACEMENTS,
	       delta ? "changes of some 10 rules" : "replacements",
	       (unsigned long long)result.wrong, (unsigned long long)sum(result.sent),
	       (unsigned long long)sum(result.arrived), result.anew, figure_seconds() - begin);
	return test_swap_good(&result);
}

int main(void)
{
	bool good = run(IR_DROP, false);
	good &= run(IR_PASS, false);
	good &= run(IR_DROP, true);
	good &= run(IR_PASS, true);
	return !good;
}
