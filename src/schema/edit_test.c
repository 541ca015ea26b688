// SPDX-License-Identifier: Apache-2.0
// Edits: each operation of RFC 6241 section 7.2, order, choices, errors and their tags; that a refused edit leaves no
// trace. What random edits do is held against a naive reference in edit_random_test.c.
#include "schema/test.h"

#include <stdlib.h>
#include <string.h>

#define NC "xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\""
#define YANG "xmlns:y=\"urn:ietf:params:xml:ns:yang:1\""
#define EDIT(top, inside) "<" top " " NET " " NC " " YANG ">" inside "</" top ">"
#define DATA(top, inside) "<" top " " NET ">" inside "</" top ">"

static bool edit(struct test *t, struct schema_tree *tree, const char *text,
		 enum schema_operation op)
{
	struct schema_tree *e = schema_tree_new(t->schema);
	struct schema_input input = {.file = "edit", .data = text, .len = strlen(text)};
	test_forget(t);
	bool good = schema_parse_edit(e, &input, &t->diags) && schema_edit(tree, e, op, &t->diags);
	schema_tree_free(e);
	return good;
}

// `before` edited is `after`; both ways of holding the tree, validated and not, give the same.
static void gives(struct test *t, const char *before, const char *change, enum schema_operation op,
		  const char *after)
{
	for (int validated = 0; validated < 2; validated++) {
		struct schema_tree *tree = test_tree(t, before);
		if (validated)
			assert_true(schema_validate(tree, &t->diags));
		if (!edit(t, tree, change, op))
			test_has_diag(t, DIAG_CODES, change);
		assert_string_equal(test_print(t, tree, 0), after);
		if (validated) {
			schema_go(tree, 0);
			assert_string_equal(test_print(t, tree, 0), before);
		}
		schema_tree_free(tree);
	}
}

static void refuses(struct test *t, const char *before, const char *change,
		    enum schema_operation op, enum diag_code code, const char *parts)
{
	struct schema_tree *tree = test_valid(t, before);
	char *all = strdup(test_print(t, tree, SCHEMA_PRINT_DEFAULTS));
	assert_false(edit(t, tree, change, op));
	test_has_diag(t, code, parts);
	assert_string_equal(test_print(t, tree, SCHEMA_PRINT_DEFAULTS), all);
	free(all);
	schema_tree_free(tree);
}

static void merges(void **state)
{
	struct test *t = *state;
	const enum schema_operation op = SCHEMA_OP_MERGE;
	gives(t, "", EDIT("groups", "<user><name>a</name><mail>m</mail></user>"), op,
	      DATA("groups", "<user><name>a</name><mail>m</mail></user>"));
	gives(t, DATA("groups", "<user><name>a</name><mail>m</mail></user>"),
	      EDIT("groups", "<user><name>b</name></user><user><name>a</name><mail>n</"
			     "mail><mail>m</mail></user>"),
	      op,
	      DATA("groups", "<user><name>a</name><mail>m</mail><mail>n</mail></"
			     "user><user><name>b</name></user>"));
	gives(t, DATA("settings", "<big>1</big><on>true</on>"), EDIT("settings", "<big>2</big>"),
	      op, DATA("settings", "<big>2</big><on>true</on>"));
	gives(t, DATA("settings", "<mode>fast</mode>"), EDIT("settings", "<mode>safe</mode>"), op,
	      DATA("settings", "<mode>safe</mode>"));
	// A default becomes explicit, and leaf-list defaults give way.
	gives(t, "", EDIT("settings", "<mode>safe</mode><level>2</level>"), op,
	      DATA("settings", "<mode>safe</mode><level>2</level>"));
	gives(t, "", EDIT("settings", "<log><file>f</file></log>"), op,
	      DATA("settings", "<log><file>f</file></log>"));
}

static void replaces(void **state)
{
	struct test *t = *state;
	const char *groups =
		DATA("groups", "<user><name>a</name><mail>m</mail></user><user><name>b</name></"
			       "user><user><name>c</name></user>");
	gives(t, groups,
	      EDIT("groups", "<user nc:operation=\"replace\"><name>a</name><mail>n</mail></user>"),
	      SCHEMA_OP_MERGE,
	      DATA("groups", "<user><name>a</name><mail>n</mail></user><user><name>b</name></"
			     "user><user><name>c</name></user>"));
	// All of it; the order is that of the edit.
	gives(t, groups,
	      EDIT("groups", "<user><name>c</name></user><user><name>d</name></user><user><name>a</"
			     "name><mail>m</mail></user>"),
	      SCHEMA_OP_REPLACE,
	      DATA("groups", "<user><name>c</name></user><user><name>d</name></user><user><name>a</"
			     "name><mail>m</mail></user>"));
	gives(t, DATA("settings", "<on>true</on>"), EDIT("groups", "<user><name>c</name></user>"),
	      SCHEMA_OP_REPLACE, DATA("groups", "<user><name>c</name></user>"));
	gives(t, groups, "", SCHEMA_OP_REPLACE, "");
	gives(t, DATA("settings", "<server>a</server><server>b</server>"),
	      EDIT("settings", "<server>b</server><server>c</server>"), SCHEMA_OP_REPLACE,
	      DATA("settings", "<server>b</server><server>c</server>"));
	gives(t, "", EDIT("groups", "<user nc:operation=\"replace\"><name>a</name></user>"),
	      SCHEMA_OP_NONE, DATA("groups", "<user><name>a</name></user>"));
}

static void creates_deletes_and_removes(void **state)
{
	struct test *t = *state;
	const char *a = DATA("groups", "<user><name>a</name><mail>m</mail></user>");
	gives(t, a, EDIT("groups", "<user nc:operation=\"create\"><name>b</name></user>"),
	      SCHEMA_OP_MERGE,
	      DATA("groups",
		   "<user><name>a</name><mail>m</mail></user><user><name>b</name></user>"));
	gives(t, a, EDIT("groups", "<user nc:operation=\"delete\"><name>a</name></user>"),
	      SCHEMA_OP_MERGE, "");
	gives(t, a, EDIT("groups", "<user nc:operation=\"remove\"><name>z</name></user>"),
	      SCHEMA_OP_MERGE, a);
	gives(t, a,
	      EDIT("groups", "<user><name>a</name><mail nc:operation=\"remove\">m</mail></user>"),
	      SCHEMA_OP_NONE, DATA("groups", "<user><name>a</name></user>"));
	gives(t, DATA("settings", "<big>1</big>"),
	      EDIT("settings", "<big nc:operation=\"delete\"/>"), SCHEMA_OP_NONE, "");
	refuses(t, a, EDIT("groups", "<user nc:operation=\"create\"><name>a</name></user>"),
		SCHEMA_OP_MERGE, DIAG_EXISTS, "user[name='a']|edit:1");
	refuses(t, a, EDIT("groups", "<user nc:operation=\"delete\"><name>z</name></user>"),
		SCHEMA_OP_MERGE, DIAG_ABSENT, "user[name='z']");
	refuses(t, a, EDIT("groups", "<user><name>z</name><mail>q</mail></user>"), SCHEMA_OP_NONE,
		DIAG_ABSENT, "user[name='z']");
	// A default can be created, but not deleted.
	gives(t, "", EDIT("settings", "<mode nc:operation=\"create\">safe</mode>"), SCHEMA_OP_MERGE,
	      DATA("settings", "<mode>safe</mode>"));
	refuses(t, "", EDIT("settings", "<mode nc:operation=\"delete\"/>"), SCHEMA_OP_MERGE,
		DIAG_ABSENT, "edit:1|/test-net:settings/mode");
	refuses(t, "", EDIT("settings", "<mode nc:operation=\"delete\">safe</mode>"),
		SCHEMA_OP_MERGE, DIAG_ABSENT, "mode");
	// All faults are reported, and what went well before them is taken back.
	refuses(t, a,
		EDIT("groups", "<user nc:operation=\"delete\"><name>a</name></user><user "
			       "nc:operation=\"delete\"><name>y</name></user>"
			       "<device><name>d</name></device><user "
			       "nc:operation=\"delete\"><name>z</name></user>"),
		SCHEMA_OP_MERGE, DIAG_ABSENT, "user[name='z']");
	assert_int_equal(t->diags.errors, 2);
}

static void orders_by_the_user(void **state)
{
	struct test *t = *state;
	const char *abc =
		DATA("settings", "<server>a</server><server>b</server><server>c</server>");
	gives(t, abc, EDIT("settings", "<server y:insert=\"first\">x</server>"), SCHEMA_OP_MERGE,
	      DATA("settings",
		   "<server>x</server><server>a</server><server>b</server><server>c</server>"));
	gives(t, abc, EDIT("settings", "<server y:insert=\"before\" y:value=\"b\">x</server>"),
	      SCHEMA_OP_MERGE,
	      DATA("settings",
		   "<server>a</server><server>x</server><server>b</server><server>c</server>"));
	gives(t, abc, EDIT("settings", "<server y:insert=\"after\" y:value=\"a\">c</server>"),
	      SCHEMA_OP_MERGE,
	      DATA("settings", "<server>a</server><server>c</server><server>b</server>"));
	gives(t, abc, EDIT("settings", "<server y:insert=\"last\">a</server>"), SCHEMA_OP_MERGE,
	      DATA("settings", "<server>b</server><server>c</server><server>a</server>"));
	gives(t, abc,
	      EDIT("settings", "<server>a</server><server nc:operation=\"create\">d</server>"),
	      SCHEMA_OP_MERGE,
	      DATA("settings",
		   "<server>a</server><server>b</server><server>c</server><server>d</server>"));
	const char *steps =
		DATA("settings", "<step><id>1</id></step><step><id>it's</id><text>t</text></step>");
	gives(t, steps,
	      EDIT("settings", "<step xmlns:n=\"urn:test:net\" y:insert=\"before\" "
			       "y:key=\"[n:id=&quot;it's&quot;]\"><id>3</id></step>"),
	      SCHEMA_OP_MERGE,
	      DATA("settings", "<step><id>1</id></step><step><id>3</id></step><step><id>it's</"
			       "id><text>t</text></step>"));
	refuses(t, steps,
		EDIT("settings", "<step y:insert=\"after\" y:key=\"[id='9']\"><id>3</id></step>"),
		SCHEMA_OP_MERGE, DIAG_BAD_ATTRIBUTE, "/@key");
	refuses(t, steps, EDIT("settings", "<step y:insert=\"after\"><id>3</id></step>"),
		SCHEMA_OP_MERGE, DIAG_MISSING_ATTRIBUTE, "/@key");
	refuses(t, steps, EDIT("settings", "<step y:insert=\"up\"><id>3</id></step>"),
		SCHEMA_OP_MERGE, DIAG_BAD_ATTRIBUTE, "first, last");
	refuses(t, "", EDIT("groups", "<user y:insert=\"first\"><name>a</name></user>"),
		SCHEMA_OP_MERGE, DIAG_BAD_ATTRIBUTE, "order");
}

static void one_case_drives_out_the_others(void **state)
{
	struct test *t = *state;
	const char *disk = DATA("settings", "<path>p</path><sync>false</sync>");
	gives(t, disk, EDIT("settings", "<memory><size>3</size></memory>"), SCHEMA_OP_MERGE,
	      DATA("settings", "<memory><size>3</size></memory>"));
	gives(t, DATA("settings", "<memory><size>3</size></memory>"),
	      EDIT("settings", "<path>q</path>"), SCHEMA_OP_MERGE,
	      DATA("settings", "<path>q</path>"));
	gives(t, disk, EDIT("settings", "<memory/>"), SCHEMA_OP_MERGE, disk);
	const char *flag =
		DATA("policy", "<name>p</name><rule><name>r</name><action><verdict>pass</verdict></"
			       "action><fin/></rule>");
	gives(t, flag, EDIT("policy", "<name>p</name><rule><name>r</name><syn/></rule>"),
	      SCHEMA_OP_MERGE,
	      DATA("policy", "<name>p</name><rule><name>r</name><action><verdict>pass</verdict></"
			     "action><syn/></rule>"));
	gives(t, flag, EDIT("policy", "<name>p</name><rule><name>r</name><host>h</host></rule>"),
	      SCHEMA_OP_MERGE,
	      DATA("policy", "<name>p</name><rule><name>r</name><action><verdict>pass</verdict></"
			     "action><host>h</host></rule>"));
	refuses(t, disk, EDIT("settings", "<memory><size>3</size></memory><path>z</path>"),
		SCHEMA_OP_MERGE, DIAG_DUPLICATE, "case");
	refuses(t, disk,
		EDIT("settings", "<memory><size nc:operation=\"delete\">3</size></memory>"),
		SCHEMA_OP_MERGE, DIAG_ABSENT, "size");
}

static void reads_attributes_strictly(void **state)
{
	struct test *t = *state;
	refuses(t, "", EDIT("settings", "<on nc:operation=\"renew\">true</on>"), SCHEMA_OP_MERGE,
		DIAG_BAD_ATTRIBUTE, "/test-net:settings/on/@operation|merge, replace");
	refuses(t, "", EDIT("settings", "<on operation=\"merge\">true</on>"), SCHEMA_OP_MERGE,
		DIAG_UNKNOWN_ATTRIBUTE, "/@operation");
	refuses(t, "", EDIT("state", "<uptime>1</uptime>"), SCHEMA_OP_MERGE, DIAG_UNKNOWN_ELEMENT,
		"state");
	refuses(t, "", EDIT("groups", "<user nc:operation=\"delete\"/>"), SCHEMA_OP_MERGE,
		DIAG_MISSING, "name");
}

// Silence would be another edit than the one that was asked for.
static void keys_go_with_their_entries(void **state)
{
	struct test *t = *state;
	static const char a[] = DATA("groups", "<user><name>a</name></user>"),
			  create[] = EDIT("groups",
					  "<user><name nc:operation=\"create\">a</name></user>");
	static const char *const gone[] = {
		EDIT("groups", "<user><name nc:operation=\"delete\">a</name></user>"),
		EDIT("groups", "<user><name nc:operation=\"remove\">a</name></user>"),
		EDIT("groups", "<user><name nc:operation=\"delete\"/></user>")};
	for (size_t i = 0; i < array_len(gone); i++) {
		test_forget(t);
		refuses(t, a, gone[i], SCHEMA_OP_MERGE, DIAG_BAD_ATTRIBUTE,
			"/name/@operation|entry");
	}
	refuses(t, a, create, SCHEMA_OP_MERGE, DIAG_EXISTS, "/name|there already");
	gives(t, "", create, SCHEMA_OP_MERGE, a);
	gives(t, a, EDIT("groups", "<user><name nc:operation=\"replace\">a</name></user>"),
	      SCHEMA_OP_MERGE, a);
	// The operation was the edit's: what came of it is data, and can be an edit again.
	struct schema_tree *tree = test_valid(t, ""), *other = test_valid(t, a);
	test_forget(t);
	assert_true(edit(t, tree, create, SCHEMA_OP_MERGE));
	assert_true(schema_edit(other, tree, SCHEMA_OP_MERGE, &t->diags));
	schema_tree_free(tree);
	schema_tree_free(other);
}

static void invalid_edits_can_be_undone(void **state)
{
	struct test *t = *state;
	struct schema_tree *tree = test_valid(
		t,
		DATA("groups",
		     "<user><name>a</name></user><device><name>d</name><owner>a</owner></device>"));
	char *before = strdup(test_print(t, tree, SCHEMA_PRINT_DEFAULTS));
	assert_true(edit(t, tree,
			 EDIT("groups", "<user nc:operation=\"delete\"><name>a</name></user>"),
			 SCHEMA_OP_NONE));
	assert_true(edit(t, tree, EDIT("settings", "<path>p</path>"), SCHEMA_OP_MERGE));
	assert_false(schema_validate(tree, &t->diags));
	test_has_diag(t, DIAG_REFERENCE, "no user named \"a\"");
	schema_go(tree, 0);
	assert_string_equal(test_print(t, tree, SCHEMA_PRINT_DEFAULTS), before);
	test_forget(t);
	assert_true(schema_validate(tree, &t->diags));
	// Mending it is as good as undoing it.
	assert_true(edit(t, tree,
			 EDIT("groups", "<user nc:operation=\"delete\"><name>a</name></user>"),
			 SCHEMA_OP_NONE));
	assert_false(schema_validate(tree, &t->diags));
	assert_true(edit(
		t, tree,
		EDIT("groups",
		     "<device><name>d</name><owner nc:operation=\"remove\">a</owner></device>"),
		SCHEMA_OP_NONE));
	assert_true(schema_validate(tree, &t->diags));
	free(before);
	schema_tree_free(tree);
}

// What must be unique in a list can be broken, and mended, by a change deep inside of one entry.
static void a_changed_value_is_held_against_the_other_entries(void **state)
{
	struct test *t = *state;
	struct schema_tree *tree = test_valid(
		t,
		"<policy " NET "><name>p</name><rule><name>a</name><tag><serial>1</serial></tag>"
		"<action><verdict>pass</verdict></action></rule><rule><name>b</name><tag><serial>2"
		"</serial></tag><action><verdict>pass</verdict></action></rule></policy>");
	assert_true(edit(t, tree,
			 EDIT("policy", "<name>p</name><rule><name>b</name><tag><serial>1</serial>"
					"</tag></rule>"),
			 SCHEMA_OP_MERGE));
	assert_false(schema_validate(tree, &t->diags));
	test_has_diag(t, DIAG_CONSTRAINT, "same serial");
	test_forget(t);
	assert_true(edit(t, tree,
			 EDIT("policy", "<name>p</name><rule><name>a</name><tag "
					"nc:operation=\"delete\"/></rule>"),
			 SCHEMA_OP_MERGE));
	assert_true(schema_validate(tree, &t->diags));
	schema_tree_free(tree);
}

struct seen {
	size_t added, removed;
	bool allowed;
};

static bool allows(void *context, const struct schema_tree *tree, size_t first, struct diags *diags)
{
	struct seen *seen = context;
	for (size_t i = first; i < schema_changes(tree); i++) {
		enum schema_change_kind kind = schema_change(tree, i).kind;
		seen->added += kind == SCHEMA_ADDED;
		seen->removed += kind == SCHEMA_REMOVED;
	}
	if (!seen->allowed)
		diag_error(diags, DIAG_DENIED, NULL, "ask for it", "not you");
	return seen->allowed;
}

static bool edit_if(struct test *t, struct schema_tree *tree, const char *text, struct seen *seen)
{
	struct schema_tree *change = schema_tree_new(t->schema);
	struct schema_input input = {.data = text, .len = strlen(text), .format = SCHEMA_XML};
	struct schema_veto veto = {allows, seen};
	assert_true(schema_parse_edit(change, &input, &t->diags));
	bool good = schema_edit_if(tree, change, SCHEMA_OP_MERGE, &veto, &t->diags);
	schema_tree_free(change);
	return good;
}

// Somebody else may refuse what an edit has come to, whether the tree was valid before or not.
static void edits_can_be_refused_by_their_changes(void **state)
{
	struct test *t = *state;
	for (int valid = 0; valid < 2; valid++) {
		const char *text = "<groups " NET "><user><name>a</name></user></groups>";
		struct schema_tree *tree = valid ? test_valid(t, text) : test_tree(t, text);
		struct seen seen = {.allowed = true};
		assert_true(edit_if(t, tree, EDIT("groups", "<user><name>b</name></user>"), &seen));
		assert_int_equal(seen.added, 1);
		assert_int_equal(seen.removed, 0);
		char *before = strdup(test_print(t, tree, 0));
		seen = (struct seen){0};
		assert_false(edit_if(t, tree,
				     EDIT("groups", "<user nc:operation=\"delete\"><name>a</name>"
						    "</user><user><name>c</name></user>"),
				     &seen));
		assert_int_equal(seen.added, 1);
		assert_int_equal(seen.removed, 1);
		test_has_diag(t, DIAG_DENIED, "not you");
		assert_string_equal(test_print(t, tree, 0), before);
		free(before);
		schema_tree_free(tree);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(merges, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(replaces, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(creates_deletes_and_removes, test_setup,
						test_teardown),
		cmocka_unit_test_setup_teardown(orders_by_the_user, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(one_case_drives_out_the_others, test_setup,
						test_teardown),
		cmocka_unit_test_setup_teardown(keys_go_with_their_entries, test_setup,
						test_teardown),
		cmocka_unit_test_setup_teardown(reads_attributes_strictly, test_setup,
						test_teardown),
		cmocka_unit_test_setup_teardown(invalid_edits_can_be_undone, test_setup,
						test_teardown),
		cmocka_unit_test_setup_teardown(a_changed_value_is_held_against_the_other_entries,
						test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(edits_can_be_refused_by_their_changes, test_setup,
						test_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
