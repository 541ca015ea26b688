// SPDX-License-Identifier: Apache-2.0
#include "cap/cap.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static void names_are_found_both_ways(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CAP_IDENTITIES; i++) {
		enum cap_identity found;
		assert_true(cap_identity_find(cap_identity_name((enum cap_identity)i), &found));
		assert_int_equal(found, i);
	}
	for (unsigned i = 0; i < CAP_SETS; i++) {
		enum cap_set found;
		assert_true(cap_set_find(cap_set_info[i].name, &found));
		assert_int_equal(found, i);
	}
	enum cap_identity identity;
	enum cap_set set;
	assert_false(cap_identity_find("no-such-thing", &identity));
	assert_false(cap_identity_find("", &identity));
	assert_false(cap_set_find("ipv5-capability", &set));
}

static void derivation_follows_the_model(void **state)
{
	(void)state;
	assert_true(cap_allows(CAP_SET_TCP, CAP_SOURCE_PORT_NUMBER));
	assert_true(cap_allows(CAP_SET_IPV4, CAP_FLAGS));
	assert_true(cap_allows(CAP_SET_TCP, CAP_FLAGS));
	assert_false(cap_allows(CAP_SET_IPV6, CAP_FLAGS));
	assert_false(cap_allows(CAP_SET_TCP, CAP_TCP));          // the base itself is not a value
	assert_true(cap_allows(CAP_SET_EGRESS_ACTION, CAP_NAT)); // two steps away
	assert_false(cap_allows(CAP_SET_INGRESS_ACTION, CAP_FORWARDING));
	assert_true(cap_allows(CAP_SET_SYSTEM_ALARM, CAP_CPU_ALARM));
	assert_false(cap_allows(CAP_SET_SYSTEM_EVENT, CAP_CPU_ALARM));
}

static void bits_are_per_set(void **state)
{
	(void)state;
	struct cap a = {0}, b = {0};
	cap_add(&a, CAP_SET_INGRESS_ACTION, CAP_DROP);
	assert_true(cap_has(&a, CAP_SET_INGRESS_ACTION, CAP_DROP));
	assert_false(cap_has(&a, CAP_SET_EGRESS_ACTION, CAP_DROP));
	assert_false(cap_has(&a, CAP_SET_INGRESS_ACTION, CAP_PASS));
	assert_false(cap_equal(&a, &b));
	cap_add(&b, CAP_SET_INGRESS_ACTION, CAP_DROP);
	assert_true(cap_equal(&a, &b));
}

static void nobody_has_what_the_model_cannot_say(void **state)
{
	(void)state;
	struct cap all = {0};
	cap_add_all(&all);
	for (unsigned s = 0; s < CAP_SETS; s++) {
		assert_false(cap_has(&all, (enum cap_set)s, CAP_UNSPEAKABLE));
		for (unsigned i = 0; i < CAP_IDENTITIES; i++)
			assert_int_equal(cap_has(&all, (enum cap_set)s, (enum cap_identity)i),
					 cap_allows((enum cap_set)s, (enum cap_identity)i));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_found_both_ways),
		cmocka_unit_test(derivation_follows_the_model),
		cmocka_unit_test(bits_are_per_set),
		cmocka_unit_test(nobody_has_what_the_model_cannot_say),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
