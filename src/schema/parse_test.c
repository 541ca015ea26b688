// SPDX-License-Identifier: Apache-2.0
// Documents in XML and JSON: what is read, what is refused and with which words, and that nothing is lost.
#include "schema/test.h"

#include <stdlib.h>
#include <string.h>

static void reads_xml_with_several_roots(void **state)
{
	struct test *t = *state;
	struct schema_tree *tree = test_valid(
		t, "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- one -->\n"
		   "<groups " NET "><user><name>a &amp; &#x62;</name></user></groups>\n<?pi?>\n"
		   "<policy " NET "><name><![CDATA[<p>]]></name></policy>");
	assert_string_equal(test_print(t, tree, 0),
			    "<policy " NET "><name>&lt;p&gt;</name></policy>"
			    "<groups " NET "><user><name>a &amp; b</name></user></groups>");
	const struct schema_node *user = schema_find(tree, "/test-net:groups/user[name='a & b']");
	assert_non_null(user);
	assert_int_equal(schema_node_line(tree, user), 3);
	assert_string_equal(schema_node_file(tree, user), "test");
	schema_tree_free(tree);
}

static void reads_json_as_xml(void **state)
{
	struct test *t = *state;
	struct schema_tree *xml = test_valid(
		t, "<policy " NET " xmlns:k=\"urn:test:types\"><name>p</name><rule><name>r</"
		   "name><colour>red</colour><kind>k:web</kind>"
		   "<port><low>1</low><high>2</high></port><port><low>3</low><high>3</high></"
		   "port><action><verdict>pass</verdict>"
		   "<limit>1.5</limit></action><syn/></rule></policy><settings " NET
		   "><big>-5</big><on>true</on></settings>");
	struct schema_tree *json =
		test_valid(t, "{\"test-net:settings\":{\"on\":true,\"big\":\"-5\"},\n\"test-net:"
			      "policy\":[{\"rule\":[{\"colour\":\"red\",\n"
			      "\"kind\":\"test-types:web\",\"port\":[{\"high\":2,\"low\":1},{"
			      "\"low\":3e0,\"high\":3.0}],\"syn\":[null],\n"
			      "\"action\":{\"limit\":\"1.5\",\"verdict\":\"pa\\u0073s\"},\"name\":"
			      "\"r\"}],\"name\":\"p\"}]}");
	char *first = strdup(test_print(t, xml, 0));
	assert_string_equal(test_print(t, json, 0), first);
	const struct schema_node *kind =
		schema_find(json, "/test-net:policy[name='p']/rule[name='r']/kind");
	assert_string_equal(schema_identity(kind), "web");
	assert_string_equal(schema_value(kind), "test-types:web");
	assert_int_equal(schema_node_line(json, kind), 3);
	// And back: what is printed as JSON is read as the same.
	buf_clear(&t->buf);
	schema_print(json, SCHEMA_JSON, 0, &t->buf);
	size_t len;
	char *text = buf_take(&t->buf, &len);
	struct schema_tree *again = test_valid(t, text);
	assert_string_equal(test_print(t, again, 0), first);
	free(text);
	free(first);
	schema_tree_free(again);
	schema_tree_free(xml);
	schema_tree_free(json);
}

static void several_files_are_one_document(void **state)
{
	struct test *t = *state;
	struct schema_tree *tree = schema_tree_new(t->schema);
	assert_true(
		test_parse(t, tree, "one", "<groups " NET "><user><name>a</name></user></groups>"));
	assert_true(
		test_parse(t, tree, "two", "<groups " NET "><user><name>b</name></user></groups>"));
	assert_true(schema_validate(tree, &t->diags));
	char *before = strdup(test_print(t, tree, SCHEMA_PRINT_DEFAULTS));
	assert_false(test_parse(t, tree, "three",
				"<settings " NET "><on>true</on></settings>\n<groups " NET
				"><user><name>c</name></user>"
				"<user><name>a</name></user></groups>"));
	test_has_diag(t, DIAG_DUPLICATE, "three:2:|one, line 1|user[name='a']");
	assert_string_equal(test_print(t, tree, SCHEMA_PRINT_DEFAULTS), before);
	free(before);
	schema_tree_free(tree);
}

static void all_faults_are_reported(void **state)
{
	struct test *t = *state;
	struct schema_tree *tree = schema_tree_new(t->schema);
	assert_false(test_parse(t, tree, "f",
				"<policy " NET
				">\n<name>p</name>\n<usge>order</usge>\n<rule><name>r</"
				"name>\n<colour>gren</colour>\n"
				"<priority>300</priority>\n</rule>\n<rule/>\n</policy>"));
	assert_int_equal(t->diags.errors, 4);
	test_has_diag(t, DIAG_UNKNOWN_ELEMENT, "f:3:|did you mean \"usage\"");
	test_has_diag(
		t, DIAG_VALUE,
		"f:5:|did you mean \"green\"|red|/test-net:policy[name='p']/rule[name='r']/colour");
	test_has_diag(t, DIAG_VALUE, "f:6:|a whole number: 1 to 100");
	test_has_diag(t, DIAG_MISSING, "f:8:|add \"name\"");
	schema_tree_free(tree);
}

struct refusal {
	const char *text;
	enum diag_code code;
	const char *parts;
};

static void refuse_all(struct test *t, const struct refusal *cases, size_t len)
{
	for (size_t i = 0; i < len; i++)
		test_refused(t, cases[i].text, cases[i].code, cases[i].parts);
}

static void refuses_what_is_not_well_formed(void **state)
{
	static const struct refusal cases[] = {
		{"<groups " NET ">", DIAG_SYNTAX, "not closed|cut off"},
		{"<groups " NET "><user></groups>", DIAG_SYNTAX, "</groups> closes <user>"},
		{"<groups " NET "><user></user2></groups>", DIAG_SYNTAX, "closes"},
		{"</groups>", DIAG_SYNTAX, "without a start"},
		{"<a:groups xmlns:a=\"urn:test:net\"></groups>", DIAG_SYNTAX, "closes <a:groups>"},
		{"<b:groups/>", DIAG_UNKNOWN_NAMESPACE, "prefix \"b\""},
		{"<groups " NET " x=1/>", DIAG_SYNTAX, "quotes"},
		{"<groups " NET " x='1' x='2'/>", DIAG_SYNTAX, "twice"},
		{"<groups " NET " xmlns:a='u' xmlns:a='u'/>", DIAG_SYNTAX, "declared twice"},
		{"<groups " NET " xmlns='u'/>", DIAG_SYNTAX, "declared twice"},
		{"<groups " NET " x='1'y='2'/>", DIAG_SYNTAX, "tag"},
		{"<groups " NET "><!-- a -- b --></groups>", DIAG_SYNTAX, "--"},
		{"<groups " NET "/>text", DIAG_SYNTAX, "outside"},
		{"<policy " NET "><name>a&b</name></policy>", DIAG_SYNTAX, "&amp;"},
		{"<policy " NET "><name>&evil;</name></policy>", DIAG_SYNTAX, "refused"},
		{"<policy " NET "><name>&#0;</name></policy>", DIAG_SYNTAX, "refused"},
		{"<policy " NET "><name>a]]>b</name></policy>", DIAG_SYNTAX, "]]&gt;"},
		{"<!DOCTYPE a [<!ENTITY b \"c\">]><groups " NET "/>", DIAG_SYNTAX,
		 "document types"},
		{"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><groups " NET "/>", DIAG_SYNTAX,
		 "UTF-8"},
		{"<groups " NET "/><?xml version=\"1.0\"?>", DIAG_SYNTAX, "beginning"},
		{"<policy " NET "><name>\xff</name></policy>", DIAG_SYNTAX, "UTF-8"},
		{"<policy " NET "><name>\xed\xa0\x80</name></policy>", DIAG_SYNTAX, "UTF-8"},
		{"<policy " NET "><name>\x01</name></policy>", DIAG_SYNTAX, "control"},
		{"{\"test-net:groups\":{}", DIAG_SYNTAX, "cut off"},
		{"{\"test-net:groups\":{},}", DIAG_SYNTAX, "string"},
		{"{\"test-net:groups\" {}}", DIAG_SYNTAX, "value"},
		{"{\"test-net:groups\":{}} x", DIAG_SYNTAX, "behind the end"},
		{"[]", DIAG_SYNTAX, "object"},
		{"{\"test-net:settings\":{\"big\":01}}", DIAG_SYNTAX, "0"},
		{"{\"test-net:settings\":{\"big\":\"\\ud800\"}}", DIAG_SYNTAX, "escape"},
		{"{\"test-net:settings\":{\"big\":\"\\x\"}}", DIAG_SYNTAX, "escape"},
		{"{\"test-net:settings\":{\"on\":TRUE}}", DIAG_SYNTAX, "lower case"},
		{"{\"test-net:groups\":{\"user\":[[{}]]}}", DIAG_SYNTAX, "array"},
	};
	refuse_all(*state, cases, array_len(cases));
}

static void refuses_what_the_model_lacks(void **state)
{
	static const struct refusal cases[] = {
		{"<groups/>", DIAG_UNKNOWN_NAMESPACE, "xmlns=\"urn:test:net\""},
		{"<groups xmlns=\"urn:test:nett\"/>", DIAG_UNKNOWN_NAMESPACE,
		 "xmlns=\"urn:test:net\""},
		{"{\"groups\":{}}", DIAG_UNKNOWN_NAMESPACE, "test-net:groups"},
		{"<group " NET "/>", DIAG_UNKNOWN_ELEMENT, "did you mean \"groups\""},
		{"<groups " NET "><user xmlns=\"urn:test:types\"/></groups>", DIAG_UNKNOWN_ELEMENT,
		 "namespace urn:test:net"},
		{"<ping " NET "/>", DIAG_UNKNOWN_ELEMENT, "operation"},
		{"<rang " NET "/>", DIAG_UNKNOWN_ELEMENT, "notification"},
		{"<settings " NET " a=\"b\"/>", DIAG_UNKNOWN_ATTRIBUTE, "/test-net:settings/@a"},
		{"<settings " NET ">x<on>true</on></settings>", DIAG_SYNTAX,
		 "holds other elements"},
		{"<settings " NET "><on><x/></on></settings>", DIAG_VALUE, "not the element <x>"},
		{"<settings " NET "><on>true</on><on>true</on></settings>", DIAG_DUPLICATE,
		 "settings/on"},
		{"<settings " NET "/><settings " NET "/>", DIAG_DUPLICATE, "settings"},
		{"<groups " NET "><user><name>a</name><name>a</name></user></groups>",
		 DIAG_DUPLICATE, "user"},
		{"<settings " NET "><server>a</server><server>a</server></settings>",
		 DIAG_DUPLICATE, "server"},
		{"<settings " NET "><mode>sfe</mode></settings>", DIAG_VALUE,
		 "did you mean \"safe\"|safe, fast"},
		{"<settings " NET "><big>9223372036854775808</big></settings>", DIAG_VALUE,
		 "whole number"},
		{"<settings " NET "><data>*</data></settings>", DIAG_VALUE, "base64"},
		{"{\"test-net:settings\":{\"on\":\"true\"}}", DIAG_VALUE, "without quotes"},
		{"{\"test-net:settings\":{\"big\":5}}", DIAG_VALUE, "double quotes"},
		{"{\"test-net:settings\":{\"server\":\"a\"}}", DIAG_VALUE, "array"},
		{"{\"test-net:settings\":{\"on\":[true]}}", DIAG_VALUE, "without [ ]"},
		{"{\"test-net:settings\":{\"on\":true,\"on\":true}}", DIAG_DUPLICATE, "on"},
		{"{\"test-net:settings\":{\"server\":[\"a\"],\"server\":[\"b\"]}}", DIAG_DUPLICATE,
		 "server"},
		{"{\"test-net:settings\":[]}", DIAG_SYNTAX, "[ ]"},
		{"{\"test-net:groups\":{\"user\":{\"name\":\"a\"}}}", DIAG_SYNTAX, "array"},
		{"{\"test-net:settings\":{\"@on\":{}}}", DIAG_UNKNOWN_ATTRIBUTE, "metadata"},
		{"<policy " NET
		 "><name>p</name><rule><name>r</name><kind>web</kind></rule></policy>",
		 DIAG_VALUE, "xmlns:prefix=\"urn:test:types\""},
		{"<policy " NET "><name>p</name><rule><name>r</name><match/></rule></policy>",
		 DIAG_UNKNOWN_ELEMENT, "match"},
	};
	refuse_all(*state, cases, array_len(cases));
}

static void has_limits(void **state)
{
	struct test *t = *state;
	struct buf buf;
	buf_init(&buf);
	for (int i = 0; i < 100000; i++)
		buf_adds(&buf, "<a>");
	test_refused(t, buf.data, DIAG_LIMIT, "deeper than 64");
	buf_clear(&buf);
	buf_adds(&buf, "{\"a:a\":");
	for (int i = 0; i < 100000; i++)
		buf_adds(&buf, "{\"a\":");
	test_refused(t, buf.data, DIAG_LIMIT, "deeper than 64");
	static const char *const around[][2] = {{"<policy " NET "><name>", "</name></policy>"},
						{"<", "/>"},
						{"<a b='", "'/>"},
						{"{\"test-net:policy\":[{\"name\":\"", "\"}]}"}};
	for (size_t k = 0; k < array_len(around); k++) {
		buf_clear(&buf);
		buf_adds(&buf, around[k][0]);
		for (int i = 0; i < 1 << 20; i++)
			buf_addc(&buf, 'n');
		buf_adds(&buf, around[k][1]);
		test_refused(t, buf.data, DIAG_LIMIT, "65536");
	}
	buf_clear(&buf);
	buf_adds(&buf, "<a ");
	for (int i = 0; i < 2000; i++)
		buf_printf(&buf, " xmlns:n%d='urn:%d'", i, i);
	buf_adds(&buf, "/>");
	test_refused(t, buf.data, DIAG_LIMIT, "namespaces");
	buf_fini(&buf);
}

// Any beginning of a document is refused or read, and every fault has a hint.
static void survives_truncation(void **state)
{
	struct test *t = *state;
	static const char *const texts[] = {
		"<?xml version='1.0'?><!-- c --><policy " NET
		" xmlns:k=\"urn:test:types\"><name>p&lt;</name><rule><name>r</name>"
		"<kind>k:web</kind><address>2001:db8::1</address><action><verdict>pass</verdict></"
		"action></rule></policy>",
		"{\"test-net:policy\":[{\"name\":\"p\\u00e4\",\"rule\":[{\"name\":\"r\",\"action\":"
		"{\"verdict\":\"pass\"},\"syn\":[null]}]}]}"};
	for (size_t k = 0; k < array_len(texts); k++)
		for (size_t len = 0; len < strlen(texts[k]); len++) {
			struct schema_tree *tree = schema_tree_new(t->schema);
			char *copy = malloc(len + 1);
			memcpy(copy, texts[k], len);
			struct schema_input input = {.file = "cut", .data = copy, .len = len};
			test_forget(t);
			bool good = schema_parse(tree, &input, &t->diags);
			assert_int_equal(good, !t->diags.errors);
			for (size_t i = 0; i < t->diags.list.len; i++) {
				assert_non_null(t->diags.list.at[i].hint);
				assert_true(t->diags.list.at[i].line > 0);
			}
			free(copy);
			schema_tree_free(tree);
		}
}

static void reads_nodes(void **state)
{
	struct test *t = *state;
	struct schema_tree *tree = test_valid(
		t, "<groups " NET
		   "><user><name>a'b</name><mail>x</mail><mail>y</mail></user></groups>");
	const struct schema_node *user = schema_find(tree, "/test-net:groups/user[name=\"a'b\"]");
	assert_non_null(user);
	assert_true(schema_is(user, "test-net", "user"));
	assert_false(schema_is(user, "test-types", "user"));
	assert_string_equal(schema_get_value(user, "name"), "a'b");
	assert_null(schema_get_value(user, "nothing"));
	assert_string_equal(schema_path(user, &t->arena), "/test-net:groups/user[name=\"a'b\"]");
	assert_string_equal(schema_name(schema_parent(user)), "groups");
	size_t mails = 0;
	schema_for_each_child (it, user)
		mails += !strcmp(schema_name(it), "mail");
	assert_int_equal(mails, 2);
	assert_null(schema_find(tree, "/test-net:groups/user[name='zz']"));
	assert_null(schema_find(tree, "/nonsense["));
	const struct schema_node *mode = schema_find(tree, "/test-net:settings/mode");
	assert_true(schema_is_default(mode));
	struct schema_tree *copy = schema_tree_copy(tree);
	assert_int_equal(schema_node_line(copy, schema_find(copy, "/test-net:groups")), 1);
	schema_tree_free(tree);
	assert_string_equal(test_print(t, copy, 0),
			    "<groups " NET
			    "><user><name>a'b</name><mail>x</mail><mail>y</mail></user></groups>");
	schema_tree_free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_xml_with_several_roots, test_setup,
						test_teardown),
		cmocka_unit_test_setup_teardown(reads_json_as_xml, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(several_files_are_one_document, test_setup,
						test_teardown),
		cmocka_unit_test_setup_teardown(all_faults_are_reported, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(refuses_what_is_not_well_formed, test_setup,
						test_teardown),
		cmocka_unit_test_setup_teardown(refuses_what_the_model_lacks, test_setup,
						test_teardown),
		cmocka_unit_test_setup_teardown(has_limits, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(survives_truncation, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(reads_nodes, test_setup, test_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
