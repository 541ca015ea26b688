// SPDX-License-Identifier: Apache-2.0
// Resources of RESTCONF: paths (encoding, keys, modules), what they name in a tree, bodies as edits, places.
#include "schema/resource.h"
#include "schema/test.h"

#include <string.h>

static bool read_uri(struct test *t, const char *uri, struct schema_resource *out)
{
	test_forget(t);
	return schema_resource_read(t->schema, NULL, uri, &t->arena, &t->diags, out);
}

static struct schema_resource resource(struct test *t, const char *uri)
{
	struct schema_resource out;
	if (!read_uri(t, uri, &out))
		test_has_diag(t, DIAG_CODES, uri);
	return out;
}

// Shows: RFC 8040 3.5.3 percent-encoded paths, keys with any character, empty keys
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
		struct schema_resource r = resource(t, cases[i][0]);
		assert_string_equal(r.path, cases[i][1]);
		if (r.step.len)
			assert_string_equal(schema_resource_path(&r, r.step.len, &t->arena),
					    cases[i][1]);
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
		{"/test-net:ping", DIAG_UNKNOWN_ELEMENT, "operations"},
	};
	struct test *t = *state;
	for (size_t i = 0; i < array_len(cases); i++) {
		struct schema_resource r;
		assert_false(read_uri(t, cases[i].uri, &r));
		test_has_diag(t, cases[i].code, cases[i].parts);
	}
}

static void knows_kinds(void **state)
{
	static const struct {
		const char *uri;
		enum schema_resource_kind kind;
		bool ordered, is_key, plain;
	} cases[] = {
		{"", SCHEMA_DATASTORE, false, false, false},
		{"/test-net:groups", SCHEMA_CONTAINER, false, false, true},
		{"/test-net:settings/log", SCHEMA_CONTAINER, false, false, false},
		{"/test-net:groups/user", SCHEMA_LIST, false, false, false},
		{"/test-net:groups/user=a", SCHEMA_ENTRY, false, false, false},
		{"/test-net:groups/user=a/name", SCHEMA_LEAF, false, true, false},
		{"/test-net:groups/user=a/mail", SCHEMA_LEAF_LIST, false, false, false},
		{"/test-net:settings/server=x", SCHEMA_VALUE, true, false, false},
		{"/test-net:settings/step=x", SCHEMA_ENTRY, true, false, false},
		{"/test-net:settings/mode", SCHEMA_LEAF, false, false, false},
	};
	struct test *t = *state;
	for (size_t i = 0; i < array_len(cases); i++) {
		struct schema_resource r = resource(t, cases[i].uri);
		assert_int_equal(r.kind, cases[i].kind);
		assert_int_equal(r.ordered_by_user, cases[i].ordered);
		assert_int_equal(r.is_key, cases[i].is_key);
		assert_int_equal(r.plain, cases[i].plain);
		assert_true(r.config);
	}
}

static void continues_a_path(void **state)
{
	struct test *t = *state;
	struct schema_resource base = resource(t, "/test-net:groups"), r;
	assert_true(
		schema_resource_read(t->schema, &base, "/user=a/mail=b", &t->arena, &t->diags, &r));
	assert_string_equal(r.path, "/test-net:groups/user[name='a']/mail[.='b']");
	assert_int_equal(base.step.len, 1);
	assert_true(schema_resource_read(t->schema, &base, "/", &t->arena, &t->diags, &r));
	assert_int_equal(r.kind, SCHEMA_CONTAINER);
}

#define QUOTES         \
	"<groups " NET \
	"><user><name>i\"t's</name><mail>m</mail></user><user><name/></user></groups>"

static void finds_nodes(void **state)
{
	struct test *t = *state;
	static const char *const uris[] = {"/test-net:groups/user=i%22t%27s",
					   "/test-net:groups/user=i%22t%27s/mail=m",
					   "/test-net:groups/user=", "/test-net:groups"};
	struct schema_tree *tree = test_valid(t, QUOTES);
	struct buf uri;
	buf_init(&uri);
	for (size_t i = 0; i < array_len(uris); i++) {
		struct schema_resource r = resource(t, uris[i]);
		const struct schema_node *n = schema_resource_find(tree, &r, r.step.len);
		assert_non_null(n);
		buf_clear(&uri);
		schema_resource_uri(n, &uri);
		assert_string_equal(uri.data, uris[i]);
	}
	struct schema_resource r = resource(t, "/test-net:groups/user=i%22t%27x");
	assert_null(schema_resource_find(tree, &r, 2));
	assert_non_null(schema_resource_find(tree, &r, 1));
	buf_fini(&uri);
	schema_tree_free(tree);
}

static const struct schema_node *parse_body(struct test *t, struct schema_tree *edit,
					    const char *uri, size_t up, const char *body)
{
	struct schema_resource r = resource(t, uri);
	struct schema_input input = {.data = body, .len = strlen(body)};
	test_forget(t);
	return schema_resource_parse(edit, &r, r.step.len - up, &input, &t->diags);
}

static void reads_bodies(void **state)
{
	static const struct {
		const char *uri, *body, *result;
	} cases[] = {
		{"/test-net:policy=p/rule=r/port=1,2",
		 "{\"test-net:port\":[{\"low\":1,\"high\":2}]}",
		 "<policy " NET
		 "><name>p</name><rule><name>r</name><port><low>1</low><high>2</high>"
		 "</port></rule></policy>"},
		{"/test-net:groups/user=%22%27%3C/mail=x", "<mail " NET ">x</mail>",
		 "<groups " NET "><user><name>\"'&lt;</name><mail>x</mail></user></groups>"},
		{"/test-net:settings",
		 "<?xml version='1.0'?><settings " NET "><on>true</on></settings>",
		 "<settings " NET "><on>true</on></settings>"},
		{"/test-net:groups/user=a/name", "{\"test-net:name\":\"a\"}",
		 "<groups " NET "><user><name>a</name></user></groups>"},
	};
	struct test *t = *state;
	for (size_t i = 0; i < array_len(cases); i++) {
		struct schema_tree *edit = schema_tree_new(t->schema);
		const struct schema_node *n = parse_body(t, edit, cases[i].uri, 1, cases[i].body);
		if (!n)
			test_has_diag(t, DIAG_CODES, cases[i].uri);
		struct schema_resource r = resource(t, cases[i].uri);
		assert_ptr_equal(schema_resource_find(edit, &r, r.step.len), n);
		assert_string_equal(test_print(t, edit, 0), cases[i].result);
		schema_tree_free(edit);
	}
}

static void refuses_bodies(void **state)
{
	static const struct {
		const char *uri, *body;
		enum diag_code code;
		const char *parts;
	} cases[] = {
		{"/test-net:settings", "", DIAG_SYNTAX, ""},
		{"/test-net:settings", "{}", DIAG_SYNTAX, "exactly one"},
		{"/test-net:settings", "{\"test-net:settings\":{},\"test-net:groups\":{}}",
		 DIAG_SYNTAX, "exactly one"},
		{"/test-net:settings/mode", "{\"mode\":\"safe\"}", DIAG_UNKNOWN_NAMESPACE, "mode"},
		{"/test-net:settings/mode", "{\n\"test-net:mode\":\"x\"}", DIAG_VALUE,
		 "2:|settings/mode"},
		{"/test-net:groups/user=a/name", "<name " NET ">b</name>", DIAG_VALUE,
		 "cannot be changed"},
		{"/test-net:settings/on",
		 "<on " NET
		 " xmlns:nc='urn:ietf:params:xml:ns:netconf:base:1.0' nc:operation='delete'/>",
		 DIAG_UNKNOWN_ATTRIBUTE, "operation"},
	};
	struct test *t = *state;
	for (size_t i = 0; i < array_len(cases); i++) {
		struct schema_tree *edit = schema_tree_new(t->schema);
		assert_null(parse_body(t, edit, cases[i].uri, 1, cases[i].body));
		test_has_diag(t, cases[i].code, cases[i].parts);
		schema_tree_free(edit);
	}
}

static void edit_step(struct test *t, struct schema_tree *tree, const char *uri,
		      const struct schema_mark *mark)
{
	struct schema_resource r = resource(t, uri);
	struct schema_tree *edit = schema_tree_new(t->schema);
	assert_true(schema_resource_edit(edit, &r, mark, &t->diags));
	assert_true(schema_edit(tree, edit, SCHEMA_OP_MERGE, &t->diags));
	schema_tree_free(edit);
}

#define STEPS                                                                                   \
	"<settings " NET "><on>true</on><server>a</server><server>b</server><server>c</server>" \
	"<step><id>1</id></step><step><id>2</id></step></settings>"

static void moves_and_removes(void **state)
{
	struct test *t = *state;
	struct schema_tree *tree = test_valid(t, STEPS);
	struct schema_resource a = resource(t, "/test-net:settings/server=a");
	struct schema_mark after = {SCHEMA_OP_MERGE, SCHEMA_AFTER, &a},
			   first = {SCHEMA_OP_MERGE, SCHEMA_FIRST, NULL},
			   delete = {.operation = SCHEMA_OP_DELETE},
			   remove = {.operation = SCHEMA_OP_REMOVE};
	edit_step(t, tree, "/test-net:settings/server=c", &after);
	edit_step(t, tree, "/test-net:settings/step=2", &first);
	edit_step(t, tree, "/test-net:settings/on", &delete);
	edit_step(t, tree, "/test-net:settings/big", &remove);
	assert_string_equal(test_print(t, tree, 0),
			    "<settings " NET
			    "><server>a</server><server>c</server><server>b</server>"
			    "<step><id>2</id></step><step><id>1</id></step></settings>");
	edit_step(t, tree, "/test-net:settings/server=b", &delete);
	edit_step(t, tree, "/test-net:settings/step=1", &delete);
	assert_string_equal(test_print(t, tree, 0),
			    "<settings " NET "><server>a</server><server>c</server>"
			    "<step><id>2</id></step></settings>");
	schema_tree_free(tree);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)
	const struct CMUnitTest tests[] = {
		TEST(reads_paths),    TEST(refuses_what_is_no_path),
		TEST(knows_kinds),    TEST(continues_a_path),
		TEST(finds_nodes),    TEST(reads_bodies),
		TEST(refuses_bodies), TEST(moves_and_removes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
