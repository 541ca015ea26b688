// SPDX-License-Identifier: Apache-2.0
// The kernel against the interpreter: random rulesets and packets aimed at the edges of their
// conditions. A counterexample is made small and printed.
#include "backend/nft/test_oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CHECKS 50000

// oracle_test [SEED [CHECKS]]
int main(int argc, char **argv)
{
	struct test_oracle o;
	struct test_random random = {.state = test_random_seed(argc > 1 ? argv[1] : NULL)};
	size_t wanted = argc > 2 ? strtoul(argv[2], NULL, 0) : CHECKS, checks = 0, cases = 0,
	       by[IR_VERDICTS] = {0};
	test_oracle_open(&o);
	while (checks < wanted) {
		struct arena arena;
		struct test_case test;
		arena_init(&arena);
		test_case_random(&random, &arena, time(NULL), &test);
		if (!test_oracle_run(&o, &test)) {
			printf("case %zu: %s\n", cases, o.fault);
			test_oracle_shrink(&o, &test);
			test_oracle_print(&o, &test);
			return 1;
		}
		for (size_t i = 0; i < test.item.len; i++) {
			checks += test.item.at[i].sent;
			by[test.item.at[i].verdict] += test.item.at[i].sent;
		}
		cases++;
		arena_fini(&arena);
	}
	printf("%zu packets in %zu cases fared as they should: %zu passed, %zu dropped, %zu "
	       "rejected, %zu within a rate\n",
	       checks, cases, by[IR_PASS], by[IR_DROP], by[IR_REJECT], by[IR_RATE_LIMIT]);
	printf("%zu policies were changed in place, %zu times rules in front came to their "
	       "places\n",
	       o.changed, o.settled);
	test_oracle_close(&o);
	return 0;
}
