// SPDX-License-Identifier: Apache-2.0
// Range sets against bitmaps: every operation on random small sets equals the one bit by bit.
#include "algebra/set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define MAX 63 // a dimension of 6 bits fits a 64-bit map

static struct algebra_set from_bits(struct arena *a, uint64_t bits)
{
	struct algebra_builder b = {.arena = a};
	for (unsigned i = 0; i <= MAX; i++)
		if (bits >> i & 1)
			algebra_builder_add(&b, i, i);
	return algebra_builder_take(&b);
}

static uint64_t to_bits(struct algebra_set s)
{
	uint64_t bits = 0;
	for (unsigned i = 0; i <= MAX; i++)
		if (algebra_set_has(s, i))
			bits |= (uint64_t)1 << i;
	return bits;
}

static uint64_t random_bits(unsigned *seed)
{
	uint64_t bits = 0;
	for (int i = 0; i < 4; i++)
		bits = bits << 16 ^ (uint64_t)rand_r(seed);
	// Runs as well as single values.
	return rand_r(seed) % 2 ? bits : bits & bits << 1 & bits << 2;
}

static void operations_equal_bitmaps(void **state)
{
	(void)state;
	unsigned seed = 20260311;
	for (int round = 0; round < 5000; round++) {
		struct arena a;
		arena_init(&a);
		uint64_t x = random_bits(&seed), y = random_bits(&seed);
		struct algebra_set s = from_bits(&a, x), t = from_bits(&a, y);
		assert_int_equal(to_bits(s), x);
		assert_int_equal(to_bits(algebra_set_union(&a, s, t)), x | y);
		assert_int_equal(to_bits(algebra_set_intersect(&a, s, t)), x & y);
		assert_int_equal(to_bits(algebra_set_complement(&a, s, MAX)), ~x);
		assert_int_equal(algebra_set_overlaps(s, t), (x & y) != 0);
		assert_int_equal(algebra_set_within(s, t), (x & ~y) == 0);
		assert_int_equal(algebra_set_equal(s, t), x == y);
		assert_true(algebra_set_equal(
			algebra_set_complement(&a, algebra_set_complement(&a, s, MAX), MAX), s));
		arena_fini(&a);
	}
}

static void largest_values_do_not_wrap(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a);
	u128 max = algebra_max(128);
	struct algebra_builder b = {.arena = &a};
	algebra_builder_add(&b, max, max);
	algebra_builder_add(&b, max - 1, max - 1);
	algebra_builder_add(&b, 0, 0);
	struct algebra_set s = algebra_builder_take(&b);
	assert_int_equal(s.len, 2);
	assert_true(s.at[1].lo == max - 1 && s.at[1].hi == max);
	struct algebra_set c = algebra_set_complement(&a, s, max);
	assert_int_equal(c.len, 1);
	assert_true(c.at[0].lo == 1 && c.at[0].hi == max - 2);
	arena_fini(&a);
}

// As many bytes of values differ as the bits say.
static void values_are_sorted(void **state)
{
	(void)state;
	unsigned seed = 20260312;
	u128 at[300];
	for (unsigned round = 0; round < 2000; round++) {
		size_t len = (size_t)rand_r(&seed) % array_len(at);
		u128 mask = algebra_max(1 + round % 128), sum = 0;
		for (size_t i = 0; i < len; i++) {
			at[i] = ((u128)random_bits(&seed) << 64 | random_bits(&seed)) & mask;
			sum += at[i];
		}
		algebra_values_sort(at, len);
		for (size_t i = 0; i < len; i++) {
			assert_true(!i || at[i - 1] <= at[i]);
			sum -= at[i];
		}
		assert_true(!sum);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations_equal_bitmaps),
		cmocka_unit_test(largest_values_do_not_wrap),
		cmocka_unit_test(values_are_sorted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
