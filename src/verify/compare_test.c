// SPDX-License-Identifier: Apache-2.0
// Two rulesets against each other: cases by hand, and random ones against all packets there are.
#include "verify/test.h"
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TEST(f) cmocka_unit_test(f)
#ifdef __SANITIZE_ADDRESS__
enum { CASES = 100 };
#else
enum { CASES = 800 };
#endif

static void what_if(const struct ir_ruleset *a, const struct verify_options *options,
		    const struct verify_edit *edit, size_t edits, size_t most, struct arena *arena,
		    struct verify_comparison *out)
{
	struct verify_prepared *prepared = verify_prepare(a, options);
	assert_non_null(prepared);
	verify_what_if(prepared, edit, edits, most, arena, out);
	verify_prepared_free(prepared);
}

static void decides(const struct ir_ruleset *a, const struct verify_options *options,
		    const struct ir_packet *const *packet, size_t packets, size_t *out)
{
	struct verify_prepared *prepared = verify_prepare(a, options);
	assert_non_null(prepared);
	for (size_t i = 0; i < packets; i++)
		out[i] = verify_decides(prepared, packet[i]);
	verify_prepared_free(prepared);
}

static const struct verify_test_engine engine = {.name = "engine",
						 .compare = verify_compare,
						 .what_if = what_if,
						 .decides = decides,
						 .assert = verify_assert};

static void random_cases(void **unused)
{
	(void)unused;
	struct test_random random = {test_random_seed(getenv("BULWARK_SEED") ? NULL : "1")};
	size_t right = 0;
	const char *wanted = getenv("BULWARK_CASES");
	size_t cases = wanted ? strtoul(wanted, NULL, 10) : CASES;
	for (size_t i = 0; i < cases; i++) {
		struct verify_test_case test;
		struct arena arena;
		struct buf fault;
		arena_init(&arena);
		buf_init(&fault);
		verify_test_random(&random, &arena, 2 + (unsigned)(i % 3), &test);
		enum verify_test_result result = verify_test_check(&engine, &test, &fault);
		if (result == VERIFY_TEST_WRONG)
			verify_test_report(&engine, &test);
		assert_int_not_equal(result, VERIFY_TEST_WRONG);
		right += result == VERIFY_TEST_RIGHT;
		buf_fini(&fault);
		arena_fini(&arena);
	}
	assert_true(right > cases / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(random_cases)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
