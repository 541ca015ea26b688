// SPDX-License-Identifier: Apache-2.0
#include "base/deadline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sched.h>
#include <cmocka.h>

static void the_flag_is_set_when_the_time_is_over(void **state)
{
	(void)state;
	_Atomic bool flag = false;
	struct deadline *d = deadline_new(&flag, 20);
	while (!atomic_load(&flag))
		sched_yield(); // the test's own time limit ends it otherwise
	deadline_free(d);
}

static void nothing_is_set_when_it_ends_before(void **state)
{
	(void)state;
	_Atomic bool flag = false;
	deadline_free(deadline_new(&flag, 3600 * 1000));
	assert_false(atomic_load(&flag));
	assert_null(deadline_new(&flag, 0));
	deadline_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_flag_is_set_when_the_time_is_over),
		cmocka_unit_test(nothing_is_set_when_it_ends_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
