// SPDX-License-Identifier: Apache-2.0
// Moments as text and back.
#include "base/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void prints(void **state)
{
	char text[MOMENT_TEXT];
	(void)state;
	moment_print(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00Z");
	moment_print(1700000000 * MOMENT_SECOND + 5, text);
	assert_string_equal(text, "2023-11-14T22:13:20.000005Z");
	moment_print(-1, text);
	assert_string_equal(text, "1969-12-31T23:59:59.999999Z");
}

static void reads(void **state)
{
	static const struct {
		const char *text;
		int64_t moment;
	} cases[] = {
		{"2023-11-14T22:13:20Z", 1700000000 * MOMENT_SECOND},
		{"2023-11-14T23:13:20.25+01:00", 1700000000 * MOMENT_SECOND + 250000},
		{"2023-11-14T14:43:20.1234567-07:30", 1700000000 * MOMENT_SECOND + 123456},
		{"1969-12-31T23:59:59.5Z", -500000},
		{"2016-12-31T23:59:60Z", 1483228800 * MOMENT_SECOND},
	};
	(void)state;
	for (size_t i = 0; i < array_len(cases); i++) {
		int64_t moment = 1;
		assert_true(moment_parse(cases[i].text, &moment));
		assert_int_equal(moment, cases[i].moment);
	}
}

static void refuses(void **state)
{
	static const char *const cases[] = {
		"",
		"2023",
		"2023-11-14",
		"2023-11-14T22:13:20",
		"2023-13-14T22:13:20Z",
		"2023-02-30T22:13:20Z",
		"2023-11-14T24:13:20Z",
		"2023-11-14T22:13:20Zx",
		"2023-11-14T22:13:20+1:00",
		"2023-11-14T22:13:20+24:00",
	};
	(void)state;
	for (size_t i = 0; i < array_len(cases); i++) {
		int64_t moment = 7;
		assert_false(moment_parse(cases[i], &moment));
		assert_int_equal(moment, 7);
	}
}

static void now_is_read_again(void **state)
{
	char text[MOMENT_TEXT];
	int64_t now = moment_now(), again = 0;
	(void)state;
	moment_print(now, text);
	assert_true(moment_parse(text, &again));
	assert_int_equal(now, again);
	assert_true(moment_now() >= now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(prints), cmocka_unit_test(reads),
					   cmocka_unit_test(refuses),
					   cmocka_unit_test(now_is_read_again)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
