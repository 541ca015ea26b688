// SPDX-License-Identifier: Apache-2.0
// The engine by examples: what RFC 8341 names one by one. oracle_test.c has the combinations.
#include "access/test.h"

#include <string.h>

#define GROUP(name, user) \
	"<groups><group><name>" name "</name><user-name>" user "</user-name></group></groups>"
#define LIST(name, group, rules) \
	"<rule-list><name>" name "</name><group>" group "</group>" rules "</rule-list>"
#define RULE(name, what, action) \
	"<rule><name>" name "</name>" what "<action>" action "</action></rule>"
#define DATA                                                                            \
	"<shop " SHOP "><shelf><id>amy</id><label>1</label><item><name>x</name><size>1" \
	"</size><margin>7</margin></item></shelf><shelf><id>bob</id><label>2</label>"   \
	"</shelf><queue><name>a</name></queue><queue><name>b</name></queue><till>"      \
	"<drawer>5</drawer></till><safe><content>gold</content></safe></shop>"

static void configure(struct test *t, const char *content)
{
	if (!test_configure(t, content))
		fail_msg("%s", t->diags.list.at[0].text);
}

static bool calls(struct test *t, const char *module, const char *operation)
{
	return access_may_call(t->user, module, operation, &t->diags);
}

// Shows: RFC 8341 3.3.4 read-default, write-default and exec-default: permit, deny, permit
// Shows: RFC 8341 3.2.7 delete-config needs a rule
// Shows: RFC 8341 3.2.10 kill-session needs a rule, close-session never does
// Shows: RFC 8341 3.5.2 default-deny-write and default-deny-all of any module
static void without_rules_the_defaults_decide(void **state)
{
	struct test *t = *state;
	configure(t, "");
	test_login(t, "amy", "");
	struct schema_tree *tree = test_tree(t, DATA), *none = test_tree(t, "");
	const char *seen = test_visible(t, tree);
	assert_non_null(strstr(seen, "<drawer>5</drawer>"));
	assert_null(strstr(seen, "gold"));
	assert_null(strstr(seen, "margin"));
	assert_false(access_may_change(t->user, none, tree, &t->diags));
	assert_false(access_may_change(t->user, tree, none, &t->diags));
	assert_true(access_may_change(t->user, tree, tree, &t->diags));
	assert_true(calls(t, "ietf-netconf", "get"));
	assert_false(calls(t, "ietf-netconf", "delete-config"));
	assert_false(calls(t, "ietf-netconf", "kill-session"));
	assert_false(calls(t, "test-shop", "open-safe"));
	assert_true(access_may_notify(t->user, "test-shop", "sold"));
	assert_false(access_may_notify(t->user, "test-shop", "alarm"));
	assert_int_equal(t->counts.writes, 2);
	assert_int_equal(t->counts.operations, 3);
	assert_int_equal(t->counts.notifications, 1);
	configure(t, "<exec-default>deny</exec-default><read-default>deny</read-default>"
		     "<write-default>permit</write-default>");
	test_login(t, "amy", "");
	assert_string_equal(test_visible(t, tree), "");
	assert_false(calls(t, "ietf-netconf", "get"));
	assert_true(calls(t, "ietf-netconf", "close-session"));
	test_forget(t);
	assert_false(access_may_change(t->user, none, tree, &t->diags));
	assert_string_equal(t->diags.list.at[0].path,
			    "/test-shop:shop/shelf[id='amy']/item[name='x'][size='1']/margin");
	schema_tree_free(tree);
	schema_tree_free(none);
}

// Shows: RFC 8341 3.3.4 enable-nacm: without it nothing is controlled
// Shows: RFC 8341 3.3.3 a recovery session may do everything
static void who_is_not_controlled_may_everything(void **state)
{
	struct test *t = *state;
	struct access_who root = {.name = "root", .recovery = true};
	configure(t, "<enable-nacm>false</enable-nacm>");
	test_login(t, "amy", "");
	assert_true(calls(t, "test-shop", "open-safe"));
	assert_true(access_reads_all(t->user));
	configure(t, "<exec-default>deny</exec-default>");
	access_user_unref(t->user);
	t->user = access_user(t->access, &root);
	assert_true(calls(t, "ietf-netconf", "delete-config"));
	assert_true(access_writes_all(t->user));
	assert_true(access_may_notify(t->user, "test-shop", "alarm"));
}

// Shows: RFC 8341 3.4.4 step 4 groups of the configuration and of the transport; enable-external-groups
// Shows: RFC 8341 3.4.4 step 5 who is in no group meets no rule, not even one for all groups
static void groups_come_from_both_sides(void **state)
{
	struct test *t = *state;
	static const char rules[] = GROUP("staff", "amy")
		LIST("a", "staff", RULE("r", "<rpc-name>open-safe</rpc-name>", "permit"))
			LIST("b", "*", RULE("r", "<rpc-name>water</rpc-name>", "deny"));
	configure(t, rules);
	test_login(t, "amy", "");
	assert_true(calls(t, "test-shop", "open-safe"));
	assert_false(calls(t, "test-more", "water"));
	test_login(t, "bob", "");
	assert_false(calls(t, "test-shop", "open-safe"));
	assert_true(calls(t, "test-more", "water"));
	test_login(t, "bob", "others staff");
	assert_true(calls(t, "test-shop", "open-safe"));
	assert_false(calls(t, "test-more", "water"));
	configure(t,
		  arena_printf(&t->arena,
			       "<enable-external-groups>false</enable-external-groups>%s", rules));
	test_login(t, "bob", "staff");
	assert_false(calls(t, "test-shop", "open-safe"));
	assert_true(calls(t, "test-more", "water"));
}

// Shows: RFC 8341 3.3.5 rule-lists and rules in their order, the first that matches decides
static void the_first_rule_decides(void **state)
{
	struct test *t = *state;
	configure(t, LIST("z", "g", RULE("2", "<path>/s:shop/s:shelf[s:id='bob']</path>", "deny"))
			     LIST("a", "g",
				  RULE("z", "<path>/s:shop/s:safe</path>", "permit")
					  RULE("a", "<path>/s:shop/s:safe</path>", "deny")));
	test_login(t, "amy", "g");
	struct schema_tree *tree = test_tree(t, DATA);
	const char *seen = test_visible(t, tree);
	assert_non_null(strstr(seen, "gold"));
	assert_non_null(strstr(seen, "<id>amy</id>"));
	assert_null(strstr(seen, "bob"));
	assert_false(access_reads_all(t->user));
	schema_tree_free(tree);
}

static void entries_keep_their_keys(void **state)
{
	struct test *t = *state;
	configure(t, LIST("a", "g", RULE("r", "<path>/s:shop/s:shelf/s:id</path>", "deny")));
	test_login(t, "amy", "g");
	struct schema_tree *tree = test_tree(t, DATA);
	assert_non_null(strstr(test_visible(t, tree), "<shelf><id>amy</id><label>1</label>"));
	schema_tree_free(tree);
}

// Shows: RFC 8341 3.5.2 node-instance-identifier with $USER: to each the own entry
static void everybody_has_an_entry(void **state)
{
	struct test *t = *state;
	configure(t, LIST("a", "g",
			  RULE("own", "<path>/s:shop/s:shelf[s:id=$USER]</path>", "permit")
				  RULE("other", "<path>/s:shop/s:shelf</path>", "deny")));
	struct schema_tree *tree = test_tree(t, DATA);
	test_login(t, "amy", "g");
	assert_null(strstr(test_visible(t, tree), "bob"));
	assert_non_null(strstr(test_visible(t, tree), "amy"));
	test_login(t, "bob", "g");
	assert_null(strstr(test_visible(t, tree), "amy"));
	assert_non_null(strstr(test_visible(t, tree), "bob"));
	schema_tree_free(tree);
}

// Shows: RFC 8341 3.5.2 the access control itself is hidden from those whom no rule permits it
static void access_control_is_guarded_by_itself(void **state)
{
	struct test *t = *state;
	configure(t, "<write-default>permit</write-default>" LIST("a", "admin",
								  RULE("all", "", "permit")));
	struct schema_tree *tree = test_valid(t, "<nacm xmlns=\"" ACCESS_NAMESPACE "\">"
						 "<read-default>deny</read-default></nacm>");
	struct schema_tree *none = test_valid(t, "");
	test_login(t, "amy", "");
	assert_null(strstr(test_visible(t, tree), "nacm"));
	assert_false(access_may_change(t->user, tree, none, &t->diags));
	test_login(t, "amy", "admin");
	assert_non_null(strstr(test_visible(t, tree), "<read-default>deny</read-default>"));
	assert_true(access_may_change(t->user, tree, none, &t->diags));
	schema_tree_free(tree);
	schema_tree_free(none);
}

static bool changes(struct test *t, const char *before, const char *after)
{
	struct schema_tree *a = test_valid(t, before), *b = test_valid(t, after);
	test_forget(t);
	bool may = access_may_change(t->user, a, b, &t->diags);
	schema_tree_free(a);
	schema_tree_free(b);
	return may;
}

// Shows: RFC 8341 3.2.8 commit: only the nodes that differ are asked about
// Shows: RFC 8341 3.2.5 what counts is what an edit does, not its operation attribute
static void only_differences_are_asked_about(void **state)
{
	struct test *t = *state;
	static const char one[] = "<shop " SHOP "><queue><name>a</name></queue>"
				  "<queue><name>b</name></queue><name>x</name></shop>";
	configure(t, LIST("a", "g",
			  RULE("1",
			       "<path>/s:shop/s:name</path><access-operations>update"
			       "</access-operations>",
			       "permit")));
	test_login(t, "amy", "g");
	assert_true(changes(t, one, one));
	assert_true(changes(t, one,
			    "<shop " SHOP "><queue><name>a</name></queue>"
			    "<queue><name>b</name></queue><name>y</name></shop>"));
	assert_false(changes(t, one,
			     "<shop " SHOP "><queue><name>a</name></queue>"
			     "<queue><name>b</name></queue></shop>"));
	assert_string_equal(t->diags.list.at[0].path, "/test-shop:shop/name");
	assert_int_equal(t->diags.list.at[0].code, DIAG_DENIED);
	// An order is data, too.
	assert_false(changes(t, one,
			     "<shop " SHOP "><queue><name>b</name></queue>"
			     "<queue><name>a</name></queue><name>x</name></shop>"));
	// A default that is written down is created.
	assert_false(changes(t, one,
			     "<shop " SHOP "><queue><name>a</name></queue><queue><name>b"
			     "</name></queue><name>x</name><opened>9</opened></shop>"));
}

// Shows: RFC 8341 3.4.3 an error tells nothing that the user may not read
static void errors_do_not_tell_secrets(void **state)
{
	struct test *t = *state;
	configure(t, LIST("a", "g",
			  RULE("1", "<path>/s:shop/s:safe</path>", "deny")
				  RULE("2", "<path>/s:shop</path>", "permit")));
	test_login(t, "amy", "g");
	assert_false(changes(t, DATA, ""));
	assert_string_equal(t->diags.list.at[0].path, "/test-shop:shop");
	assert_null(strstr(t->diags.list.at[0].text, "safe"));
}

static void users_with_the_same_rights_share_them(void **state)
{
	struct test *t = *state;
	struct access_who amy = {.name = "amy"}, bob = {.name = "bob"};
	configure(t, LIST("a", "*", RULE("1", "<path>/s:shop/s:shelf</path>", "deny")));
	struct access_user *a = access_user(t->access, &amy), *b = access_user(t->access, &bob);
	assert_ptr_equal(a, b);
	access_user_unref(a);
	access_user_unref(b);
	// Beyond those that are kept, and after the configuration has gone.
	configure(t, LIST("a", "*", RULE("1", "<path>/s:shop/s:shelf[s:id=$USER]</path>", "deny")));
	for (unsigned i = 0; i < 50; i++)
		test_login(t, arena_printf(&t->arena, "u%u", i), "g");
	access_free(t->access);
	t->access = NULL;
	assert_true(access_may_notify(t->user, "test-shop", "sold"));
}

static void paths_that_name_nothing_are_refused(void **state)
{
	struct test *t = *state;
	static const struct {
		const char *path, *why;
	} bad[] = {{"/s:shop/s:nothing", "no data node test-shop:nothing"},
		   {"/s:shop/s:queue[2]", "KEY='VALUE'"},
		   {"/s:restock", "no data node test-shop:restock"},
		   {"/s:shop/s:queue[s:name=concat('a','b')]", "in quotes"},
		   {"/s:shop | /s:owner", "a slash"},
		   {"/shop", "no module"},
		   {"//s:shop", "no module"}};
	for (size_t i = 0; i < array_len(bad); i++) {
		test_forget(t);
		assert_false(test_configure(
			t, arena_printf(&t->arena,
					LIST("a", "g", RULE("1", "<path>%s</path>", "deny")),
					bad[i].path)));
		assert_non_null(t->diags.list.at[0].hint);
		if (!strstr(t->diags.list.at[0].text, bad[i].why))
			fail_msg("%s", t->diags.list.at[0].text);
		assert_string_equal(t->diags.list.at[0].path, "/ietf-netconf-acm:nacm/rule-list"
							      "[name='a']/rule[name='1']/path");
	}
}

static void too_many_rules_are_refused(void **state)
{
	struct test *t = *state;
	struct buf rules cleanup(buf_fini);
	buf_init(&rules);
	for (unsigned list = 0; list < 2; list++) {
		buf_printf(&rules, "<rule-list><name>%u</name><group>g</group>", list);
		for (unsigned i = 0; i <= ACCESS_RULES_MOST / 2; i++)
			buf_printf(&rules,
				   "<rule><name>%u</name><path>/s:shop/s:queue[s:name='%u']</path>"
				   "<action>deny</action></rule>",
				   i, i);
		buf_adds(&rules, "</rule-list>");
	}
	assert_false(test_configure(t, rules.data));
	assert_int_equal(t->diags.list.at[0].code, DIAG_LIMIT);
	assert_non_null(strstr(t->diags.list.at[0].path, "rule-list[name='1']"));
	assert_non_null(t->diags.list.at[0].hint);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)
		T(without_rules_the_defaults_decide),
		T(who_is_not_controlled_may_everything),
		T(groups_come_from_both_sides),
		T(the_first_rule_decides),
		T(everybody_has_an_entry),
		T(entries_keep_their_keys),
		T(access_control_is_guarded_by_itself),
		T(only_differences_are_asked_about),
		T(errors_do_not_tell_secrets),
		T(users_with_the_same_rights_share_them),
		T(paths_that_name_nothing_are_refused),
		T(too_many_rules_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
