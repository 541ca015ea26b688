// SPDX-License-Identifier: Apache-2.0
// Access control through sessions of several users: operations, reading, editing, committing, copying, notifications.
#include "access/access.h"
#include "proto/netconf/test_peer.h"

#include <string.h>

static struct test_world w;
static struct test_peer root, a, b;

#define NACM(content) \
	"<nacm xmlns=\"" ACCESS_NAMESPACE "\" xmlns:b=\"urn:test:box\">" content "</nacm>"
#define RULE(name, what, action) \
	"<rule><name>" name "</name>" what "<action>" action "</action></rule>"
#define MAY(operations) "<access-operations>" operations "</access-operations>"
#define PATH(path) "<path>" path "</path>"
#define LIST(name, group, rules) \
	"<rule-list><name>" name "</name><group>" group "</group>" rules "</rule-list>"
#define GROUP(name, user) "<group><name>" name "</name><user-name>" user "</user-name></group>"
#define EDIT(config) \
	"<edit-config><target><candidate/></target><config>" config "</config></edit-config>"
#define NC "xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\""
#define GET(datastore) "<get-config><source><" datastore "/></source></get-config>"

// guest-amy works on items whose name is hers, guest-bob may only look, and not at the label.
#define RULES                                                                                      \
	NACM("<groups>" GROUP("admins", "admin") GROUP("workers", "guest-amy") GROUP(              \
		"lookers", "guest-bob") "</groups>" LIST("0", "admins", RULE("all", "", "permit")) \
		     LIST("1", "workers",                                                          \
			  RULE("own", PATH("/b:box/b:item[b:name=$USER]"), "permit") RULE(         \
				  "label", PATH("/b:box/b:label") MAY("update"), "permit")         \
				  RULE("bell", "<notification-name>rang</notification-name>",      \
				       "deny"))                                                    \
			     LIST("2", "lookers",                                                  \
				  RULE("label", PATH("/b:box/b:label"), "deny") RULE(              \
					  "size", PATH("/b:box/b:item/b:size") MAY("read"),        \
					  "deny") RULE("load", PATH("/b:box/b:load"), "deny")      \
					  RULE("change", "<rpc-name>edit-config</rpc-name>",       \
					       "deny")))

static int setup(void **state)
{
	(void)state;
	test_world_init(&w, NULL);
	root = a = b = (struct test_peer){.world = &w};
	test_peer_open(&root, &w);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_peer_fini(&root);
	test_peer_fini(&a);
	test_peer_fini(&b);
	test_world_fini(&w);
	return 0;
}

static void login(struct test_peer *peer, const char *name)
{
	test_peer_connect(peer, &w, name);
	test_peer_hello(peer, "1.1");
}

// Who may do so changes the rules, and the box with them.
static void use_rules(const char *rules)
{
	test_ok(&root,
		arena_printf(&w.arena,
			     EDIT("%s<box " BOX "><item><name>amy</name></item><item><name>bob"
				  "</name></item><label>secret</label></box>"),
			     rules));
	test_ok(&root, "<commit/>");
	login(&a, "guest-amy");
	login(&b, "guest-bob");
}

static void use(void)
{
	use_rules(RULES);
}

// Shows: RFC 8341 3.2.7 delete-config is denied unless a rule permits it
// Shows: RFC 8341 3.2.10 kill-session is denied unless a rule permits it, close-session never is
// Shows: RFC 8341 3.4.4 operations: exec-default, rules by rpc-name, error-path, denied-operations
static void operations(void **state)
{
	(void)state;
	use();
	test_error(&a, "<kill-session><session-id>1</session-id></kill-session>", "access-denied",
		   "kill-session");
	test_error(&a, "<delete-config><target><startup/></target></delete-config>",
		   "access-denied", "delete-config");
	test_ok(&a, "<discard-changes/>");
	test_error(&b, EDIT("<box " BOX "/>"), "access-denied", "<error-path");
	test_has(test_ask(&root,
			  "<get><filter><nacm xmlns=\"" ACCESS_NAMESPACE "\"/></filter></get>"),
		 "<denied-operations>3</denied-operations>");
	test_ok(&b, "<close-session/>");
}

// Shows: RFC 8341 3.2.4 what may not be read is left out of get and get-config without a word, filters see the rest only
static void reading(void **state)
{
	(void)state;
	use();
	test_has(test_ask(&a, GET("running")), "secret");
	const char *seen = test_ask(&b, GET("running"));
	test_has(seen, "<item><name>amy</name></item>");
	test_has_not(seen, "label");
	test_has_not(seen, "nacm"); // which is guarded by its module
	seen = test_ask(&root, GET("running"));
	test_has(seen, "<nacm");
	test_has(seen, "/tb:box/tb:item[tb:name=$USER]"); // as it was written, but for the prefix
	seen = test_ask(&b, "<get/>");
	test_has(seen, "<seconds>77</seconds>");
	test_has_not(seen, "percent");
	test_has_not(seen, "denied-operations");
	test_has(test_ask(&a, "<get/>"), "percent");
	test_has(test_ask(&b, "<get-config><source><running/></source><filter><box " BOX
			      "><label>secret</label></box></filter></get-config>"),
		 "<data></data>");
	// What a hidden leaf holds is not found out by looking for it.
	test_ok(&root, EDIT("<box " BOX "><item><name>amy</name><size>4</size></item></box>"));
	test_ok(&root, "<commit/>");
	static const char guess[] =
		"<get-config><source><running/></source><filter><box " BOX
		"><item><size>4</size><name/></item></box></filter></get-config>";
	test_has(test_ask(&a, guess), "<name>amy</name>");
	test_has_not(test_ask(&b, guess), "amy");
	static const char path[] = "<get-config><source><running/></source><filter type=\"xpath\" "
				   "xmlns:b=\"urn:test:box\" select=\"/b:box/b:item[b:size=4] | "
				   "//b:size[. > 3]/../b:name\"/></get-config>";
	test_has(test_ask(&a, path), "<name>amy</name>");
	test_has_not(test_ask(&b, path), "amy");
}

// Shows: RFC 8341 3.2.5 edit-config: each change needs its own right, in the candidate, too; all or nothing
// Shows: RFC 8341 3.4.3 access-denied with error-path; denied-data-writes
static void editing(void **state)
{
	(void)state;
	use();
	test_ok(&a, EDIT("<box " BOX "><label>open</label></box>"));
	test_error(&a,
		   EDIT("<box " BOX "><item><name>guest-amy</name></item><level>4</level></box>"),
		   "access-denied", "level");
	test_has_not(test_ask(&root, GET("candidate")), "<item><name>guest-amy");
	test_ok(&a, EDIT("<box " BOX "><item><name>guest-amy</name><size>4</size></item></box>"));
	test_error(&a, EDIT("<box " BOX " " NC "><label nc:operation=\"delete\"/></box>"),
		   "access-denied", "label");
	test_error(&a, EDIT("<box " BOX "><item><name>bob</name><size>1</size></item></box>"),
		   "access-denied", "size</error-path>");
	// What changes nothing needs no right.
	test_ok(&a, EDIT("<box " BOX "><item><name>bob</name></item></box>"));
	test_error(&a,
		   "<edit-config><target><candidate/></target><test-option>test-then-set"
		   "</test-option><config><other " BOX "><text>x</text></other></config>"
		   "</edit-config>",
		   "access-denied", "other");
	test_has(test_ask(&root,
			  "<get><filter><nacm xmlns=\"" ACCESS_NAMESPACE "\"/></filter></get>"),
		 "<denied-data-writes>4</denied-data-writes>");
	test_ok(&a, "<commit/>");
	test_has(test_ask(&root, GET("running")), "<size>4</size>");
}

// Shows: RFC 8341 3.2.8 commit: what differs between candidate and running, whoever has put it there
static void committing(void **state)
{
	(void)state;
	use();
	test_ok(&root, EDIT("<box " BOX "><level>4</level></box>"));
	test_error(&a, "<commit/>", "access-denied", "level");
	test_has_not(test_ask(&root, GET("running")), "level");
	test_ok(&a, "<discard-changes/>");
	test_ok(&root, EDIT("<box " BOX "><label>new</label></box>"));
	test_ok(&a, "<commit/>");
	test_has(test_ask(&root, GET("running")), "new");
}

#define COPY(source, target) \
	"<copy-config><target><" target "/></target><source>" source "</source></copy-config>"

// Shows: RFC 8341 3.2.6 copy-config from running to startup needs the right to call alone
// Shows: RFC 8341 3.2.6 else unreadable data is not copied, and the changes of the target are asked about
static void copying(void **state)
{
	(void)state;
	use();
	test_ok(&b, COPY("<running/>", "startup"));
	test_has(test_ask(&root, GET("startup")), "secret");
	// Without what bob may not read, startup's label would go.
	test_error(&b, COPY("<startup/>", "candidate"), "access-denied", "access-denied");
	test_has(test_ask(&root, GET("candidate")), "secret");
	test_error(&a, COPY("<config><box " BOX "><label>x</label></box></config>", "candidate"),
		   "access-denied", "access-denied");
	test_ok(&root, COPY("<startup/>", "candidate"));
}

// Shows: RFC 8341 3.4.6 notifications that a user may not have are not sent; denied-notifications
static void notifications(void **state)
{
	static const char rang[] = "<rang " BOX "><bell>1</bell></rang>",
			  fell[] = "<fell " BOX "/>";
	static const char subscribe[] =
		"<create-subscription xmlns=\"urn:ietf:params:xml:ns:netconf:notification:1.0\"/>";
	(void)state;
	use();
	test_ok(&a, subscribe);
	test_ok(&b, subscribe);
	netconf_server_notify(w.box.server, rang, strlen(rang), 0);
	netconf_server_notify(w.box.server, fell, strlen(fell), 0);
	test_has(test_receive(&a), "<fell");
	test_has(test_receive(&b), "<rang");
	test_has(test_receive(&b), "<fell");
	test_has(test_ask(&root,
			  "<get><filter><nacm xmlns=\"" ACCESS_NAMESPACE "\"/></filter></get>"),
		 "<denied-notifications>1</denied-notifications>");
}

// Shows: RFC 8341 3.3.5 a change of the rules counts from its commit on, for sessions that stand, too
static void rules_change_under_a_session(void **state)
{
	(void)state;
	use();
	test_ok(&root, EDIT("<nacm xmlns=\"" ACCESS_NAMESPACE "\" " NC " nc:operation=\"replace\">"
			    "<exec-default>deny</exec-default></nacm>"));
	// An administrator has locked itself out, but for the recovery session.
	test_ok(&root, "<commit/>");
	test_error(&a, "<discard-changes/>", "access-denied", "discard-changes");
	test_error(&root, "<discard-changes/>", "access-denied", "discard-changes");
	test_peer_fini(&b);
	b = (struct test_peer){.world = &w};
	login(&b, "root");
	test_ok(&b, "<edit-config><target><candidate/></target><default-operation>none"
		    "</default-operation><config><nacm xmlns=\"" ACCESS_NAMESPACE "\" " NC
		    " nc:operation=\"delete\"/></config></edit-config>");
	test_ok(&b, "<commit/>");
	// What the application gives where nothing is configured.
	test_ok(&root, "<discard-changes/>");
}

// A path that names nothing is found by validate and commit.
static void rules_that_cannot_be_used_are_refused(void **state)
{
	(void)state;
	test_ok(&root, EDIT(NACM(LIST("1", "*", RULE("x", PATH("/b:box/b:nothing"), "deny")))));
	test_error(&root, "<validate><source><candidate/></source></validate>", "invalid-value",
		   "nothing");
	test_error(&root, "<commit/>", "invalid-value", "rule");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(operations),
		T(reading),
		T(editing),
		T(committing),
		T(copying),
		T(notifications),
		T(rules_change_under_a_session),
		T(rules_that_cannot_be_used_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
