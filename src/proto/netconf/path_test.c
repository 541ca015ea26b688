// SPDX-License-Identifier: Apache-2.0
// Instance paths on the wire and back.
#include "proto/netconf/path.h"
#include "base/buf.h"
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
	const char *inside, *wire;
} cases[] = {
	{"/m:a", "/m:a"},
	{"/m:a/b[k='1'][l=\"it's\"]/n:c",
	 "/m:a/m:b[m:k=&apos;1&apos;][m:l=&quot;it&apos;s&quot;]/n:c"},
	{"/m:a/n:b/c[.='x/y:z']", "/m:a/n:b/n:c[.=&apos;x/y:z&apos;]"},
	{"/m:a/b[2]/@name", "/m:a/m:b[2]/@name"},
	{"/rpc/@message-id", "/rpc/@message-id"},
	{"/m:a.b/c-d.e[f.g='']", "/m:a.b/m:c-d.e[m:f.g=&apos;&apos;]"},
	{"/m:a/b[k='<&>']", "/m:a/m:b[m:k=&apos;&lt;&amp;&gt;&apos;]"},
	{"", ""},
};

static void each_name_has_its_prefix(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_len(cases); i++) {
		struct buf out cleanup(buf_fini);
		buf_init(&out);
		netconf_path_print(cases[i].inside, &out);
		assert_string_equal(out.data, cases[i].wire);
	}
}

static void back(void **state)
{
	struct arena arena cleanup(arena_fini);
	(void)state;
	arena_init(&arena);
	assert_string_equal(netconf_path_read(&arena, "/m:a/m:b[m:k='m:1']/n:c/@x"),
			    "/m:a/b[k='m:1']/n:c/@x");
	assert_string_equal(netconf_path_read(&arena, "/a/b"), "/a/b");
	assert_string_equal(netconf_path_read(&arena, "/m:a['"), "/m:a['");
}

static void declarations(void **state)
{
	struct arena arena cleanup(arena_fini);
	struct buf out cleanup(buf_fini);
	(void)state;
	arena_init(&arena);
	buf_init(&out);
	struct map namespaces = {.arena = &arena};
	map_put(&namespaces, "m", (char *)(uintptr_t) "urn:m");
	map_put(&namespaces, "n", (char *)(uintptr_t) "urn:\"n");
	netconf_path_declare("/m:a/n:b[k='x:y']/m:c/o:d", &namespaces, &out);
	assert_string_equal(out.data, " xmlns:m=\"urn:m\" xmlns:n=\"urn:&quot;n\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_name_has_its_prefix),
					   cmocka_unit_test(back), cmocka_unit_test(declarations)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
