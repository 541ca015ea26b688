// SPDX-License-Identifier: Apache-2.0
// Subtree filters: each rule of RFC 6241 section 6 on a small tree, and that filtering leaves the tree as it was.
#include "schema/test.h"
#include "schema/view.h"

#include <stdlib.h>
#include <string.h>

#define T "xmlns=\"urn:test:net\""

static const char data[] = "<policy " T "><name>p</name><rule><name>a</name><colour>red</"
			   "colour><action><verdict>pass</verdict></action>"
			   "</rule><rule><name>b</name><colour>green</"
			   "colour><action><verdict>drop</verdict></action></rule></policy>"
			   "<policy " T "><name>q</name></policy>"
			   "<groups " T "><user><name>u</name><mail>m1</mail><mail>m2</mail></"
			   "user><user><name>v</name><mail>m1</mail></user>"
			   "<device><name>d</name><owner>u</owner></device></groups>";

// The filter travels as the content of an anydata, as in an rpc.
static struct schema_tree *carry(struct test *t, const char *filter)
{
	struct schema_tree *rpc = NULL;
	const char *id, *attributes;
	buf_clear(&t->buf);
	buf_printf(&t->buf,
		   "<rpc xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\" "
		   "xmlns:n=\"urn:test:net\" message-id=\"1\">"
		   "<n:restart><n:reason>x</n:reason><n:config>%s</n:config></n:restart></rpc>",
		   filter);
	struct schema_input input = {.data = t->buf.data, .len = t->buf.len};
	if (!schema_parse_rpc(t->schema, &input, &t->arena, &t->diags, &rpc, &id, &attributes))
		test_has_diag(t, DIAG_CODES, filter);
	return rpc;
}

static void show(struct test *t, const struct schema_tree *tree, const struct schema_tree *rpc,
		 const struct schema_view_options *options)
{
	struct schema_view *view = schema_view_new(tree, options);
	assert_true(schema_view_subtree(view, schema_get(schema_first(rpc), "config"), &t->diags));
	buf_clear(&t->buf);
	schema_view_print(view, &t->buf);
	schema_view_free(view);
}

static void selects(struct test *t, const char *filter, const char *expected)
{
	struct schema_tree *tree = test_valid(t, data), *rpc = carry(t, filter);
	struct schema_view_options explicit_xml = {0};
	show(t, tree, rpc, &explicit_xml);
	assert_string_equal(t->buf.data, expected);
	// Nothing of it stays in the tree.
	assert_string_equal(test_print(t, tree, 0), data);
	schema_tree_free(tree);
	schema_tree_free(rpc);
}

static void selection_and_containment(void **state)
{
	struct test *t = *state;
	selects(t, "", "");
	selects(t, "<groups " T "/>",
		"<groups " T
		"><user><name>u</name><mail>m1</mail><mail>m2</mail></user><user><name>v</name>"
		"<mail>m1</mail></user><device><name>d</name><owner>u</owner></device></groups>");
	selects(t, "<groups " T "><device/></groups>",
		"<groups " T "><device><name>d</name><owner>u</owner></device></groups>");
	// Keys come along with what is selected.
	selects(t, "<policy " T "><rule><colour/></rule></policy>",
		"<policy " T "><name>p</name><rule><name>a</name><colour>red</colour></"
		"rule><rule><name>b</name><colour>green</colour>"
		"</rule></policy>");
	selects(t, "<groups " T "><user><name/></user></groups>",
		"<groups " T "><user><name>u</name></user><user><name>v</name></user></groups>");
	// What is not there selects nothing, and its containers do not appear.
	selects(t, "<groups " T "><device><nothing/></device></groups>", "");
	selects(t, "<settings " T "/>", "");
	selects(t, "<policy " T "><rule><name><x/></name></rule></policy>", "");
}

static void content_match(void **state)
{
	struct test *t = *state;
	// Only matches: the whole entry.
	selects(t, "<policy " T "><rule><name>b</name></rule></policy>",
		"<policy " T "><name>p</name><rule><name>b</name><colour>green</"
		"colour><action><verdict>drop</verdict></action></rule></policy>");
	// A match beside a selection: only what is asked for.
	selects(t, "<policy " T "><rule><name> b\n</name><colour/></rule></policy>",
		"<policy " T
		"><name>p</name><rule><name>b</name><colour>green</colour></rule></policy>");
	// All matches of a set must hold.
	selects(t, "<policy " T "><rule><name>b</name><colour>red</colour></rule></policy>", "");
	selects(t, "<policy " T "><rule><name>b</name><colour>green</colour></rule></policy>",
		"<policy " T "><name>p</name><rule><name>b</name><colour>green</"
		"colour><action><verdict>drop</verdict></action></rule></policy>");
	// A match that fails stops the whole set, selections beside it included.
	selects(t, "<policy " T "><name>q</name><rule/></policy>",
		"<policy " T "><name>q</name></policy>");
	selects(t, "<policy " T "><name>z</name><rule/></policy>", "");
	// One value of a leaf-list is enough, and only it is part of the output beside selections.
	selects(t, "<groups " T "><user><mail>m2</mail><name/></user></groups>",
		"<groups " T "><user><name>u</name><mail>m2</mail></user></groups>");
	// A container has no value; an unknown element holds nothing.
	selects(t, "<groups " T ">text</groups>", "");
	selects(t, "<groups " T "><nothing>1</nothing><user/></groups>", "");
	selects(t, "<policy " T "><rule><colour>blue</colour></rule></policy>", "");
}

static void several_siblings(void **state)
{
	struct test *t = *state;
	selects(t,
		"<policy " T "><rule><name>a</name><colour/></rule><rule><name>b</name><action/></"
		"rule></policy>",
		"<policy " T "><name>p</name><rule><name>a</name><colour>red</colour></"
		"rule><rule><name>b</name><action><verdict>drop</verdict>"
		"</action></rule></policy>");
	// Parts of one entry, asked for twice, are one entry.
	selects(t,
		"<policy " T "><rule><name>a</name><colour/></rule></policy><policy " T
		"><rule><name>a</name><action/></rule></policy>",
		"<policy " T "><name>p</name><rule><name>a</name><colour>red</"
		"colour><action><verdict>pass</verdict></action></rule></policy>");
	selects(t, "<groups " T "><device/></groups><policy " T "><name>q</name></policy>",
		"<policy " T "><name>q</name></policy><groups " T
		"><device><name>d</name><owner>u</owner></device></groups>");
}

static void namespaces(void **state)
{
	struct test *t = *state;
	const char *device =
		"<groups " T "><device><name>d</name><owner>u</owner></device></groups>";
	selects(t, "<groups xmlns=\"urn:test:types\"><device/></groups>", "");
	selects(t, "<groups xmlns=\"urn:unknown\"><device/></groups>", "");
	selects(t, "<groups xmlns=\"\"><device/></groups>", device);
	selects(t, "<groups><device/></groups>", device); // in the namespace of <filter>
	selects(t, "<n:groups><n:device/></n:groups>", device);
	selects(t, "<n:groups><device xmlns=\"urn:test:types\"/></n:groups>", "");
}

static void attributes_select_nothing(void **state)
{
	struct test *t = *state;
	selects(t, "<groups " T "><device a=\"b\"/></groups>", "");
	selects(t, "<groups " T "><device><name a=\"b\">d</name></device></groups>", "");
}

static void defaults_and_indent(void **state)
{
	struct test *t = *state;
	struct schema_tree *tree = test_valid(t, data),
			   *rpc = carry(t, "<settings " T "><mode/></settings>");
	struct schema_view_options options = {.defaults = SCHEMA_DEFAULTS_ALL, .indent = true};
	show(t, tree, rpc, &options);
	assert_string_equal(t->buf.data, "<settings " T ">\n  <mode>safe</mode>\n</settings>\n");
	schema_tree_free(tree);
	schema_tree_free(rpc);
}

static struct schema_tree *many_users(struct test *t, unsigned n)
{
	buf_clear(&t->buf);
	buf_adds(&t->buf, "<groups " T ">");
	for (unsigned i = 0; i < n; i++)
		buf_printf(&t->buf, "<user><name>u%u</name><mail>m</mail></user>", i);
	buf_adds(&t->buf, "</groups>");
	return test_valid(t, t->buf.data);
}

// Many filters on a long list: by keys they find their entries; without, there is an end to looking.
static void long_filters_end(void **state)
{
	struct test *t = *state;
	enum { USERS = 10000 };
	struct schema_tree *tree = many_users(t, USERS);
	struct buf by_key, by_value;
	buf_init(&by_key);
	buf_init(&by_value);
	for (unsigned i = 0; i < USERS; i++) {
		buf_printf(&by_key, "<user><name>u%u</name><mail/></user>", i);
		buf_adds(&by_value, "<user><mail>n</mail></user>");
	}
	for (unsigned i = 0; i < 2; i++) {
		const char *users = i ? by_value.data : by_key.data;
		struct buf filter cleanup(buf_fini);
		buf_init(&filter);
		buf_printf(&filter, "<groups " T ">%s</groups>", users);
		struct schema_tree *rpc = carry(t, filter.data);
		struct schema_view_options options = {0};
		struct schema_view *view = schema_view_new(tree, &options);
		bool good = schema_view_subtree(view, schema_get(schema_first(rpc), "config"),
						&t->diags);
		buf_clear(&t->buf);
		schema_view_print(view, &t->buf);
		schema_view_free(view);
		schema_tree_free(rpc);
		assert_int_equal(good, i == 0);
		if (!good)
			continue;
		buf_clear(&by_key);
		schema_print(tree, SCHEMA_XML, 0, &by_key);
		assert_string_equal(t->buf.data, by_key.data);
	}
	test_has_diag(t, DIAG_LIMIT, "too many nodes");
	buf_fini(&by_key);
	buf_fini(&by_value);
	schema_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(selection_and_containment, test_setup,
						test_teardown),
		cmocka_unit_test_setup_teardown(content_match, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(several_siblings, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(namespaces, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(attributes_select_nothing, test_setup,
						test_teardown),
		cmocka_unit_test_setup_teardown(defaults_and_indent, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(long_filters_end, test_setup, test_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
