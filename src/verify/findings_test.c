// SPDX-License-Identifier: Apache-2.0
// Findings: small worlds against all their packets, and rulesets written by hand for every kind.
#include "verify/test.h"
#include "base/buf.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	static const struct verify_test_engine engine = {
		.name = "findings", .units = verify_units, .findings = verify_findings};
	struct test_random random = {.state = test_random_seed(argc > 1 ? argv[1] : NULL)};
	for (size_t i = 0; i < 500; i++) {
		struct arena arena;
		struct verify_test_case test;
		struct buf fault;
		arena_init(&arena);
		buf_init(&fault);
		verify_test_random(&random, &arena, 3, &test);
		if (verify_test_check(&engine, &test, &fault) == VERIFY_TEST_WRONG) {
			printf("case %zu: %s\n", i, fault.data);
			verify_test_report(&engine, &test);
			return 1;
		}
		buf_fini(&fault);
		arena_fini(&arena);
	}
	return 0;
}
