// SPDX-License-Identifier: Apache-2.0
// z3's opinion against all packets of small rulesets, so that it can be asked about large ones.
#include "verify/test.h"
#include "verify/test_z3.h"
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef __SANITIZE_ADDRESS__
enum { SMALL = 10 };
#else
enum { SMALL = 40 };
#endif
#define SECONDS 10

static bool headers_only(const struct verify_test_case *test)
{
	return test_z3_can(&test->a) && test_z3_can(&test->b) && !test->where;
}

static bool check_small(struct verify_test_case *test, struct arena *arena)
{
	struct verify_test_space space;
	struct verify_test_pairs pairs;
	if (!verify_test_space(test, NULL, arena, &space))
		return true;
	verify_test_pairs(&space, &pairs);
	int equal = test_z3_equal(&test->a, &test->b, SECONDS);
	if (equal == !pairs.list.len)
		return true;
	struct buf text;
	buf_init(&text);
	verify_test_print(test, &text);
	printf("z3 says %d, all packets say %d:\n%s", equal, !pairs.list.len, text.data);
	buf_fini(&text);
	return false;
}

static bool small_ones(struct test_random *random)
{
	size_t equal = 0;
	for (unsigned i = 0; i < SMALL;) {
		struct arena arena;
		struct verify_test_case test;
		arena_init(&arena);
		verify_test_random(random, &arena, 4, &test);
		bool asked = headers_only(&test), good = !asked || check_small(&test, &arena);
		i += asked;
		equal += asked && test.rewritten;
		arena_fini(&arena);
		if (!good)
			return false;
	}
	printf("%d small pairs of rulesets, %zu of them rewritten: z3 agrees\n", SMALL, equal);
	return true;
}

// z3_test [SEED]
int main(int argc, char **argv)
{
	struct test_random random = {.state = test_random_seed(argc > 1 ? argv[1] : NULL)};
	return !small_ones(&random);
}
