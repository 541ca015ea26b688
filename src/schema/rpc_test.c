// SPDX-License-Identifier: Apache-2.0
// Operations: the envelope and its errors, inputs and outputs of both protocols, what any-data carries.
#include "schema/test.h"

#include <stdlib.h>
#include <string.h>

#define BASE "urn:ietf:params:xml:ns:netconf:base:1.0"

struct reply {
	struct schema_tree *tree;
	const char *id, *attributes;
	bool good;
};

static struct reply read_rpc(struct test *t, const char *text)
{
	struct reply r = {0};
	struct schema_input input = {.data = text, .len = strlen(text)};
	test_forget(t);
	r.good = schema_parse_rpc(t->schema, &input, &t->arena, &t->diags, &r.tree, &r.id,
				  &r.attributes);
	assert_int_equal(r.good, !t->diags.errors);
	assert_int_equal(r.good, r.tree != NULL);
	return r;
}

static void reads_an_rpc(void **state)
{
	struct test *t = *state;
	struct reply r =
		read_rpc(t, "<nc:rpc xmlns:nc=\"" BASE
			    "\" message-id='a\"&lt;b' xmlns=\"urn:test:net\" nc:x=\"1\"><restart>"
			    "<reason>why</reason></restart></nc:rpc>");
	assert_true(r.good);
	assert_string_equal(r.id, "a\"<b");
	assert_string_equal(r.attributes,
			    " xmlns:nc=\"" BASE "\" message-id=\"a&quot;&lt;b\" nc:x=\"1\"");
	const struct schema_node *rpc = schema_first(r.tree);
	assert_true(schema_is(rpc, "test-net", "restart"));
	assert_string_equal(schema_get_value(rpc, "reason"), "why");
	assert_string_equal(schema_get_value(rpc, "delay"), "5");
	assert_true(schema_is_default(schema_get(rpc, "delay")));
	schema_tree_free(r.tree);
	r = read_rpc(t,
		     "<rpc message-id='1' xmlns=\"" BASE "\"><ping xmlns=\"urn:test:net\"/></rpc>");
	assert_true(r.good);
	assert_null(schema_child(schema_first(r.tree)));
	schema_tree_free(r.tree);
}

static void refuses_wrong_envelopes(void **state)
{
	static const struct {
		const char *text;
		enum diag_code code;
		const char *parts;
	} cases[] = {
		{"<rpc xmlns=\"" BASE "\"><ping xmlns=\"urn:test:net\"/></rpc>",
		 DIAG_MISSING_ATTRIBUTE, "/rpc/@message-id"},
		{"<rpc xmlns=\"" BASE "\" message-id=\"1\"/>", DIAG_MISSING, "no operation"},
		{"<rpc xmlns=\"" BASE
		 "\" message-id=\"1\">now <ping xmlns=\"urn:test:net\"/></rpc>",
		 DIAG_SYNTAX, "\"rpc\" holds other elements"},
		{"<rpc xmlns=\"" BASE
		 "\" message-id=\"1\"><ping xmlns=\"urn:test:net\">now</ping></rpc>",
		 DIAG_SYNTAX, "\"ping\" holds other elements"},
		{"<rpc xmlns=\"" BASE "\" message-id=\"1\"><ping xmlns=\"urn:test:net\"/><ping "
		 "xmlns=\"urn:test:net\"/></rpc>",
		 DIAG_UNKNOWN_ELEMENT, "more than one"},
		{"<rpc xmlns=\"" BASE "\" message-id=\"1\"><pong xmlns=\"urn:test:net\"/></rpc>",
		 DIAG_UNSUPPORTED, "did you mean \"ping\""},
		{"<rpc xmlns=\"" BASE "\" message-id=\"1\"><groups xmlns=\"urn:test:net\"/></rpc>",
		 DIAG_UNSUPPORTED, "operation"},
		{"<rpc xmlns=\"" BASE "\" message-id=\"1\"><ping xmlns=\"urn:x\"/></rpc>",
		 DIAG_UNKNOWN_NAMESPACE, "urn:x"},
		{"<rpc xmlns=\"urn:x\" message-id=\"1\"><ping xmlns=\"urn:test:net\"/></rpc>",
		 DIAG_UNKNOWN_NAMESPACE, "NETCONF"},
		{"<hello xmlns=\"" BASE "\"/>", DIAG_SYNTAX, "<rpc"},
		{"", DIAG_SYNTAX, "<rpc"},
		{"<rpc xmlns=\"" BASE "\" message-id=\"1\"><restart xmlns=\"urn:test:net\"/></rpc>",
		 DIAG_MISSING, "reason"},
		{"<rpc xmlns=\"" BASE "\" message-id=\"1\"><restart "
		 "xmlns=\"urn:test:net\"><reason>x</reason><delay>70000</delay></restart>"
		 "</rpc>",
		 DIAG_VALUE, "/test-net:restart/delay|65535"},
		{"<rpc xmlns=\"" BASE "\" message-id=\"1\"><restart "
		 "xmlns=\"urn:test:net\"><reason>x</reason><note>y</note></restart></rpc>",
		 DIAG_UNKNOWN_ELEMENT, "note"},
		{"<rpc xmlns=\"" BASE "\" message-id=\"1\"><ping xmlns=\"urn:test:net\"></rpc>",
		 DIAG_SYNTAX, "closes"},
	};
	struct test *t = *state;
	for (size_t i = 0; i < array_len(cases); i++) {
		struct reply r = read_rpc(t, cases[i].text);
		assert_false(r.good);
		assert_non_null(r.attributes);
		test_has_diag(t, cases[i].code, cases[i].parts);
	}
	// The envelope is there although the operation is not.
	struct reply r = read_rpc(t, "<rpc xmlns=\"" BASE
				     "\" message-id=\"7\"><pong xmlns=\"urn:test:net\"/></rpc>");
	assert_string_equal(r.id, "7");
}

static void reads_restconf_bodies(void **state)
{
	struct test *t = *state;
	struct schema_tree *tree = NULL;
	struct schema_input json = {.data = "{\"test-net:input\":{\"reason\":\"x\",\"delay\":7}}",
				    .format = SCHEMA_JSON};
	json.len = strlen(json.data);
	assert_true(schema_parse_operation(t->schema, "test-net:restart", &json, &t->diags, &tree));
	assert_string_equal(schema_get_value(schema_first(tree), "delay"), "7");
	schema_tree_free(tree);
	struct schema_input xml = {
		.data = "<input xmlns=\"urn:test:net\"><reason>x</reason></input>",
		.format = SCHEMA_XML};
	xml.len = strlen(xml.data);
	assert_true(schema_parse_operation(t->schema, "test-net:restart", &xml, &t->diags, &tree));
	schema_tree_free(tree);
	struct schema_input empty = {.data = "", .format = SCHEMA_JSON};
	assert_true(schema_parse_operation(t->schema, "test-net:ping", &empty, &t->diags, &tree));
	schema_tree_free(tree);
	assert_false(
		schema_parse_operation(t->schema, "test-net:restart", &empty, &t->diags, &tree));
	test_has_diag(t, DIAG_MISSING, "reason");
	assert_false(
		schema_parse_operation(t->schema, "test-net:nothing", &empty, &t->diags, &tree));
	test_has_diag(t, DIAG_UNSUPPORTED, "nothing");
	struct schema_input bare = {.data = "{\"test-net:reason\":\"x\"}", .format = SCHEMA_JSON};
	bare.len = strlen(bare.data);
	test_forget(t);
	assert_false(
		schema_parse_operation(t->schema, "test-net:restart", &bare, &t->diags, &tree));
	test_has_diag(t, DIAG_SYNTAX, "test-net:input");
}

static void reads_notifications(void **state)
{
	struct test *t = *state;
	struct schema_tree *tree = NULL;
	struct schema_input rang = {.data = "<rang xmlns=\"urn:test:net\"><bell>b</bell></rang>"};
	rang.len = strlen(rang.data);
	assert_true(schema_parse_notification(t->schema, &rang, &t->diags, &tree));
	assert_string_equal(schema_get_value(schema_first(tree), "bell"), "b");
	schema_tree_free(tree);
}

static void any_data_is_text_or_an_edit(void **state)
{
	struct test *t = *state;
	struct reply r = read_rpc(
		t, "<rpc xmlns=\"" BASE
		   "\" xmlns:k=\"urn:test:types\" message-id=\"1\"><restart xmlns=\"urn:test:net\">"
		   "<reason>x</reason><config><policy><name>p</name><rule><name>r</"
		   "name><kind>k:web</kind></rule></policy>"
		   "</config></restart></rpc>");
	assert_true(r.good);
	const struct schema_node *any = schema_get(schema_first(r.tree), "config");
	struct schema_tree *edit = NULL;
	assert_true(schema_any_tree(t->schema, any, &t->diags, &edit));
	assert_string_equal(
		schema_get_value(schema_find(edit, "/test-net:policy[name='p']/rule[name='r']"),
				 "kind"),
		"test-types:web");
	assert_null(schema_child(any));
	schema_tree_free(edit);
	schema_tree_free(r.tree);
}

static void reads_operations_of_netconf(void **state)
{
	struct test *t = *state;
	static const char *const modules[] = {"ietf-netconf", NULL};
	schema_free(t->schema);
	t->schema = schema_open(BULWARK_SOURCE_YANG_DIR, modules, &t->diags);
	assert_non_null(t->schema);
	struct reply r = read_rpc(
		t,
		"<rpc xmlns=\"" BASE "\" message-id=\"1\"><get-config><source><running/></source>"
		"<filter type=\"subtree\"><a xmlns=\"urn:a\"/></filter></get-config></rpc>");
	assert_true(r.good);
	const struct schema_node *filter = schema_get(schema_first(r.tree), "filter");
	assert_string_equal(schema_attribute(r.tree, filter, "type"), "subtree");
	assert_null(schema_attribute(r.tree, filter, "select"));
	schema_tree_free(r.tree);
	r = read_rpc(t, "<rpc xmlns=\"" BASE "\" "
			"message-id=\"1\"><get-config><source><running/"
			"><candidate/></source></get-config></rpc>");
	assert_false(r.good);
	test_has_diag(t, DIAG_CONFLICT, "running|candidate");
	r = read_rpc(t, "<rpc xmlns=\"" BASE
			"\" message-id=\"1\"><get-config><source/></get-config></rpc>");
	assert_false(r.good);
	test_has_diag(t, DIAG_MISSING, "candidate, running");
	r = read_rpc(t, "<rpc xmlns=\"" BASE
			"\" message-id=\"1\"><commit><confirmed/></commit></rpc>");
	assert_true(r.good);
	assert_string_equal(schema_get_value(schema_first(r.tree), "confirm-timeout"), "600");
	schema_tree_free(r.tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_an_rpc, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(refuses_wrong_envelopes, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(reads_restconf_bodies, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(reads_notifications, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(any_data_is_text_or_an_edit, test_setup,
						test_teardown),
		cmocka_unit_test_setup_teardown(reads_operations_of_netconf, test_setup,
						test_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
