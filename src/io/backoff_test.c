// SPDX-License-Identifier: Apache-2.0
// Waits grow, are capped, spread, and begin anew.
#include "io/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define LATEST UINT32_MAX

static struct io_backoff usual(void)
{
	return (struct io_backoff){.first_ms = 1000, .most_ms = 60000, .held_ms = 30000};
}

static void waits_grow_up_to_the_cap(void **state)
{
	static const unsigned bound[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
	struct io_backoff b = usual();
	(void)state;
	for (size_t i = 0; i < array_len(bound); i++)
		assert_int_equal(io_backoff_next(&b, 0, LATEST), bound[i] - 1);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(io_backoff_next(&b, 0, LATEST), 59999);
	assert_int_equal(io_backoff_next(&b, 0, 0), 0);
}

// A thousand who begin together: no tenth of the time gets more than a fifth of them.
static void chance_spreads_them(void **state)
{
	unsigned tenth[10] = {0};
	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		tenth[io_backoff_spread(1000, io_chance()) / 100]++;
	for (unsigned i = 0; i < 10; i++)
		assert_true(tenth[i] < 200);
}

static void what_has_held_begins_anew(void **state)
{
	struct io_backoff b = usual();
	(void)state;
	for (unsigned i = 0; i < 5; i++)
		(void)!io_backoff_next(&b, 0, LATEST);
	io_backoff_holds(&b, 1000);
	assert_int_equal(io_backoff_next(&b, 30999, LATEST), 31999); // not for long enough
	io_backoff_holds(&b, 100000);
	assert_int_equal(io_backoff_next(&b, 130000, LATEST), 999);
	assert_int_equal(io_backoff_next(&b, 200000, LATEST), 1999); // nothing holds any more
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_grow_up_to_the_cap),
		cmocka_unit_test(chance_spreads_them),
		cmocka_unit_test(what_has_held_begins_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
