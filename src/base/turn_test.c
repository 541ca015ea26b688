// SPDX-License-Identifier: Apache-2.0
// Turns: interleaving, nesting, ending, and a stack that can be used.
#include "base/turn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct work {
	unsigned left, done; // steps
	char deep;           // of the stack
};

// Uses the stack, so that a switch that loses it is noticed.
static char descend(unsigned levels)
{
	volatile char here[512];
	memset((char *)here, (int)levels, sizeof(here));
	turn_point();
	return levels ? (char)(descend(levels - 1) + here[511]) : here[0];
}

static void work(void *context)
{
	struct work *w = context;
	w->deep = descend(200);
	for (; w->left; w->left--) {
		for (int i = 0; i < 64; i++)
			turn_point();
		w->done++;
	}
}

static void short_work_is_a_call(void **state)
{
	(void)state;
	struct work w = {.left = 3};
	assert_null(turn_begin(work, &w, 10000000));
	assert_int_equal(w.done, 3);
	turn_point(); // nobody's: nothing happens
}

// With slices of no time each look at the clock gives the turn back.
static void two_take_turns(void **state)
{
	(void)state;
	struct work a = {.left = 100}, b = {.left = 50};
	struct turn *ta = turn_begin(work, &a, 0), *tb = turn_begin(work, &b, 0);
	unsigned rounds = 0;
	assert_non_null(ta);
	assert_non_null(tb);
	for (bool more_a = true, more_b = true; more_a || more_b; rounds++) {
		unsigned a_before = a.done, b_before = b.done;
		more_a = more_a && turn_go_on(ta, 0);
		more_b = more_b && turn_go_on(tb, 0);
		assert_true(a.done - a_before <= 2 && b.done - b_before <= 2);
	}
	assert_int_equal(a.done, 100);
	assert_int_equal(b.done, 50);
	assert_true(rounds >= 50);
	assert_int_equal(a.deep, b.deep);
}

static void work_within_work(void *context)
{
	struct work *w = context;
	assert_null(turn_begin(work, w, 0)); // a call, to its end
	w->left = 1;
	work(w);
}

static void nested_work_is_a_call(void **state)
{
	(void)state;
	struct work w = {.left = 10};
	struct turn *t = turn_begin(work_within_work, &w, 0);
	assert_non_null(t);
	turn_end(t);
	assert_int_equal(w.done, 11);
}

static void work_to_its_end(void *context)
{
	turn_keep();
	work(context);
}

static void work_can_be_kept_together(void **state)
{
	(void)state;
	struct work w = {.left = 10};
	assert_null(turn_begin(work_to_its_end, &w, 0));
	assert_int_equal(w.done, 10);
}

static void rest(void *context)
{
	unsigned *done = context;
	*done = 1;
	turn_pause();
	*done = 2;
	turn_give();
	*done = 3;
	turn_keep();
	turn_pause();
	turn_give();
	*done = 4;
	turn_share();
	turn_give();
	*done = 5;
}

static void turns_are_given_away(void **state)
{
	(void)state;
	unsigned done = 0;
	struct turn *t = turn_begin(rest, &done, 0);
	assert_int_equal(done, 1);
	assert_true(turn_go_on(t, 1000000)); // much time is left
	assert_int_equal(done, 2);
	assert_true(turn_go_on(t, 1000000));
	assert_int_equal(done, 4);
	assert_false(turn_go_on(t, 1000000));
	assert_int_equal(done, 5);
	rest(&done); // nobody's
}

#define LARGE (10u << 20)

static void copy_and_free(void *context)
{
	char **copy = context, *from = *copy;
	*copy = base_oom(malloc(LARGE + 1));
	turn_copy(*copy, from, LARGE + 1);
	turn_free(from, LARGE + 1);
}

static void check_large(const char *memory)
{
	for (size_t i = 0; i <= LARGE; i++)
		if (memory[i] != (char)(i >> 12))
			fail_msg("byte %zu is another", i);
}

static char *large_new(void)
{
	char *memory = base_oom(malloc(LARGE + 1));
	for (size_t i = 0; i <= LARGE; i++)
		memory[i] = (char)(i >> 12);
	return memory;
}

static void large_memory_is_copied_and_freed_in_turns(void **state)
{
	(void)state;
	unsigned slices = 1;
	char *memory = large_new();
	struct turn *t = turn_begin(copy_and_free, &memory, 0);
	assert_non_null(t);
	while (turn_go_on(t, 0))
		slices++;
	assert_in_range(slices, 15, 22); // a piece is a megabyte
	check_large(memory);
	copy_and_free(&memory); // nobody's: without points
	check_large(memory);
	turn_free(memory, LARGE + 1);
	turn_free(NULL, 0);
	turn_copy(NULL, NULL, 0);
}

static void many_are_under_way(void **state)
{
	(void)state;
	struct work w[100];
	struct turn *t[100];
	for (size_t i = 0; i < array_len(w); i++) {
		w[i] = (struct work){.left = 20};
		t[i] = turn_begin(work, &w[i], 0);
		assert_non_null(t[i]);
	}
	for (size_t i = 0; i < array_len(w); i++) {
		turn_end(t[i]);
		assert_int_equal(w[i].done, 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_work_is_a_call),
		cmocka_unit_test(two_take_turns),
		cmocka_unit_test(nested_work_is_a_call),
		cmocka_unit_test(work_can_be_kept_together),
		cmocka_unit_test(turns_are_given_away),
		cmocka_unit_test(large_memory_is_copied_and_freed_in_turns),
		cmocka_unit_test(many_are_under_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
