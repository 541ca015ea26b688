// SPDX-License-Identifier: Apache-2.0
// The vocabulary: every term is found by its name in its own vocabulary and in no other.
#include "intent/intent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const enum intent_vocabulary vocabulary_of[INTENT_TERMS] = {
#define X(code, vocabulary, name) [code] = vocabulary,
#include "intent/terms.def"
#undef X
};

static void every_term_is_found(void **state)
{
	(void)state;
	for (int i = INTENT_NO_TERM + 1; i < INTENT_TERMS; i++) {
		enum intent_term term = (enum intent_term)i;
		assert_int_equal(intent_term_find(vocabulary_of[i], intent_term_name(term)), term);
	}
}

static void foreign_names_are_not_found(void **state)
{
	(void)state;
	assert_int_equal(intent_term_find(INTENT_TRANSPORT, "http"), INTENT_NO_TERM);
	assert_int_equal(intent_term_find(INTENT_PRIMARY_ACTION, ""), INTENT_NO_TERM);
	assert_int_equal(intent_term_find(INTENT_ICMP_MESSAGE, "Echo"), INTENT_NO_TERM);
	assert_string_equal(intent_term_name(INTENT_NO_TERM), "");
}

static void modules_of_identities(void **state)
{
	(void)state;
	assert_true(intent_vocabulary_monitoring(INTENT_TRANSPORT));
	assert_true(intent_vocabulary_monitoring(INTENT_SYSTEM_ALARM));
	assert_false(intent_vocabulary_monitoring(INTENT_ICMP_MESSAGE));
	assert_false(intent_vocabulary_monitoring(INTENT_FREQUENCY));
}

static void members_have_lines(void **state)
{
	(void)state;
	struct intent_mark marks[] = {{offsetof(struct intent_rule, limit), 7}};
	struct intent_rule rule = {.place = {"f", 3}, .mark = {.at = marks, .len = 1}};
	assert_int_equal(intent_rule_line(&rule, offsetof(struct intent_rule, limit)), 7);
	assert_int_equal(intent_rule_line(&rule, offsetof(struct intent_rule, action)), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_term_is_found),
		cmocka_unit_test(foreign_names_are_not_found),
		cmocka_unit_test(modules_of_identities),
		cmocka_unit_test(members_have_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
