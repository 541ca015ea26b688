// SPDX-License-Identifier: Apache-2.0
// Two ways to the same answer: what decision diagrams say of two rulesets is what the cover engine says, on random small
// cases of every kind and on large sets whose answer is known; where they differ, ir_eval says so too.
#include "verify/equal.h"
#include "verify/test.h"
#include "verify/test_sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#ifdef __SANITIZE_ADDRESS__
enum { CASES = 100 };
#else
enum { CASES = 1500 };
#endif

static bool fare_alike(const struct ir_ruleset *a, const struct ir_ruleset *b,
		       const struct ir_packet *packet)
{
	return verify_test_same(verify_test_fate(a, packet), verify_test_fate(b, packet));
}

// Of all slices; a difference is put to ir_eval.
static bool equal_by_diagrams(const struct ir_ruleset *a, const struct ir_ruleset *b,
			      const struct verify_options *options, struct arena *arena)
{
	const struct ir_ruleset *both[] = {a, b};
	static const size_t layers[2] = {0, 1};
	struct verify_notes notes = {0};
	struct verify_space *space;
	bool equal = true;
	assert_int_equal(verify_space_new(both, 2, false, options, arena, &notes, &space),
			 VERIFY_DONE);
	for (size_t i = 0; i < space->slice.len; i++) {
		struct verify_equality answer;
		verify_diagram_equal(space, space->slice.at[i], layers, options, &answer);
		assert_int_equal(answer.status, VERIFY_DONE);
		equal &= answer.equal;
		if (!answer.equal)
			assert_false(fare_alike(
				a, b,
				verify_packet(space, space->slice.at[i], answer.point, arena)));
	}
	verify_space_free(space);
	return equal;
}

static void random_cases_have_one_answer(void **state)
{
	(void)state;
	struct test_random random = {test_random_seed(NULL)};
	size_t equals = 0, differs = 0;
	for (unsigned i = 0; i < CASES; i++) {
		struct arena arena;
		struct verify_test_case test;
		struct verify_comparison comparison;
		arena_init(&arena);
		verify_test_random(&random, &arena, 2 + i % 4, &test);
		struct verify_options options = {.from = test.from,
						 .until = test.until,
						 .where = test.where,
						 .threads = 1 + i % 3};
		verify_compare(&test.a, &test.b, &options, 1, &arena, &comparison);
		assert_int_equal(comparison.status, VERIFY_DONE);
		assert_int_equal(equal_by_diagrams(&test.a, &test.b, &options, &arena),
				 comparison.equal);
		equals += comparison.equal;
		differs += !comparison.equal;
		arena_fini(&arena);
	}
	assert_true(equals > CASES / 20 && differs > CASES / 20); // both kinds were there
}

static void large_sets_are_known(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < TEST_SETS_KINDS; kind++)
		for (int family = 4; family <= 6; family += 2) {
			struct arena arena;
			struct test_sets_spec spec = {(enum test_sets_kind)kind, family, 900, 23};
			struct ir_ruleset set, rewritten, edited;
			struct ir_packet packet;
			struct verify_options options = verify_options_default(1795000000);
			arena_init(&arena);
			test_sets_make(&spec, &arena, &set);
			test_sets_rewrite(&set, 3, &arena, &rewritten);
			test_sets_edit(&rewritten, 5, &arena, &edited, &packet);
			assert_true(equal_by_diagrams(&set, &rewritten, &options, &arena));
			assert_false(equal_by_diagrams(&set, &edited, &options, &arena));
			arena_fini(&arena);
		}
}

// Little memory cuts the space into more parts and changes no answer; none at all is said to be too little.
static void memory_is_bounded(void **state)
{
	(void)state;
	struct arena arena;
	struct test_sets_spec spec = {TEST_SETS_FW, 4, 600, 29};
	struct ir_ruleset set, rewritten;
	struct verify_notes notes = {0};
	struct verify_space *space;
	struct verify_options options = verify_options_default(1795000000);
	static const size_t layers[2] = {0, 1};
	arena_init(&arena);
	test_sets_make(&spec, &arena, &set);
	test_sets_rewrite(&set, 3, &arena, &rewritten);
	const struct ir_ruleset *both[] = {&set, &rewritten};
	assert_int_equal(verify_space_new(both, 2, false, &options, &arena, &notes, &space),
			 VERIFY_DONE);
	struct verify_equality wide, narrow, none;
	options.threads = 1;
	verify_diagram_equal(space, space->slice.at[0], layers, &options, &wide);
	options.memory = (size_t)96 << 10;
	verify_diagram_equal(space, space->slice.at[0], layers, &options, &narrow);
	options.memory = 100;
	verify_diagram_equal(space, space->slice.at[0], layers, &options, &none);
	assert_int_equal(narrow.status, VERIFY_DONE);
	assert_true(wide.equal && narrow.equal && narrow.parts > wide.parts);
	assert_int_equal(none.status, VERIFY_OVER_BUDGET);
	verify_space_free(space);
	arena_fini(&arena);
}

static void a_stop_is_heard(void **state)
{
	(void)state;
	struct arena arena;
	struct test_sets_spec spec = {TEST_SETS_ACL, 4, 300, 31};
	struct ir_ruleset set, rewritten;
	struct verify_notes notes = {0};
	struct verify_space *space;
	struct verify_options options = verify_options_default(1795000000);
	struct verify_control control = {0};
	static const size_t layers[2] = {0, 1};
	arena_init(&arena);
	test_sets_make(&spec, &arena, &set);
	test_sets_rewrite(&set, 3, &arena, &rewritten);
	const struct ir_ruleset *both[] = {&set, &rewritten};
	options.control = &control;
	assert_int_equal(verify_space_new(both, 2, false, &options, &arena, &notes, &space),
			 VERIFY_DONE);
	control.stop = true;
	struct verify_equality answer;
	verify_diagram_equal(space, space->slice.at[0], layers, &options, &answer);
	assert_int_equal(answer.status, VERIFY_STOPPED);
	verify_space_free(space);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_cases_have_one_answer),
		cmocka_unit_test(large_sets_are_known),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(a_stop_is_heard),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
