// SPDX-License-Identifier: Apache-2.0
// Resource identifiers of RESTCONF: encoding, keys, modules, and what is refused.
#include "schema/test.h"

static const char *path(struct test *t, const char *uri)
{
	test_forget(t);
	return schema_restconf_path(t->schema, uri, &t->arena, &t->diags);
}

static void reads_paths(void **state)
{
	static const char *const cases[][2] = {
		{"/test-net:groups", "/test-net:groups"},
		{"test-net:groups/", "/test-net:groups"},
		{"/test-net:groups/user=a", "/test-net:groups/user[name='a']"},
		{"/test-net:groups/test-net:user=a/mail=x%40y",
		 "/test-net:groups/user[name='a']/mail[.='x@y']"},
		{"/test-net:groups/user", "/test-net:groups/user"},
		{"/test-net:policy=p%2Cq%2Fr%20s%25/rule=r/port=1,65535",
		 "/test-net:policy[name='p,q/r s%']/rule[name='r']/port[low='1'][high='65535']"},
		{"/test-net:groups/user=it%27s", "/test-net:groups/user[name=\"it's\"]"},
		{"/test-net:groups/user=%c3%A4", "/test-net:groups/user[name='\xc3\xa4']"},
		{"/test-net:groups/user=", "/test-net:groups/user[name='']"},
		{"/test-net:groups/user=a=b", "/test-net:groups/user[name='a=b']"},
		{"", "/"},
	};
	struct test *t = *state;
	for (size_t i = 0; i < array_len(cases); i++) {
		const char *found = path(t, cases[i][0]);
		if (!found)
			test_has_diag(t, DIAG_CODES, cases[i][0]);
		assert_string_equal(found, cases[i][1]);
	}
}

static void refuses_what_is_no_path(void **state)
{
	static const struct {
		const char *uri;
		enum diag_code code;
		const char *parts;
	} cases[] = {
		{"/groups", DIAG_VALUE, "module:name"},
		{"/test-net:group", DIAG_UNKNOWN_ELEMENT, "test-net:group"},
		{"/nothing:groups", DIAG_UNKNOWN_ELEMENT, "nothing:groups"},
		{"/test-net:groups/test-types:user=a", DIAG_UNKNOWN_ELEMENT, "test-types:user"},
		{"/test-net:groups//user=a", DIAG_VALUE, "step"},
		{"/test-net:groups=a", DIAG_VALUE, "no keys"},
		{"/test-net:groups/user=a,b", DIAG_VALUE, "%2C"},
		{"/test-net:groups/user=a/mail=b,c", DIAG_VALUE, "%2C"},
		{"/test-net:policy=p/rule=r/port=1", DIAG_MISSING, "every key"},
		{"/test-net:groups/user=%4", DIAG_VALUE, "%25"},
		{"/test-net:groups/user=%zz", DIAG_VALUE, "%25"},
		{"/test-net:groups/user=%00", DIAG_VALUE, "percent"},
		{"/test-net:groups/user=%ff", DIAG_VALUE, "percent"},
		{"/test-net:groups/user=%27%22", DIAG_UNSUPPORTED, "quotes"},
	};
	struct test *t = *state;
	for (size_t i = 0; i < array_len(cases); i++) {
		assert_null(path(t, cases[i].uri));
		test_has_diag(t, cases[i].code, cases[i].parts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_paths, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(refuses_what_is_no_path, test_setup, test_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
