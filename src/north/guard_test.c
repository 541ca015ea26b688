// SPDX-License-Identifier: Apache-2.0
// Access control of RESTCONF: what is shipped, what operators make of it, and what tenants never get at.
#include "north/test.h"

#include <stdio.h>
#include <string.h>

#define NACM DATA "/ietf-netconf-acm:nacm"
#define NETWORK "{\"" BWC ":sites\":{\"site\":[{\"name\":\"north\"},{\"name\":\"south\"}]}}"

static const struct pki_identity carol = {.role = PKI_OPERATOR, .name = "carol"};

static unsigned call(struct bench *b, const struct pki_identity *who, const char *name,
		     const char *input)
{
	const char *path = arena_printf(&b->arena, "/restconf/operations/" BWC ":%s", name);
	const char *body = arena_printf(&b->arena, "{\"" BWC ":input\":%s}", input);
	return ask(b, "POST", path, body, who);
}

// A list of rules, in JSON.
static void add_rules(struct bench *b, const char *name, const char *group, const char *rules)
{
	const char *body =
		arena_printf(&b->arena,
			     "{\"ietf-netconf-acm:rule-list\":[{\"name\":\"%s\",\"group\""
			     ":[\"%s\"],\"rule\":[%s]}]}",
			     name, group, rules);
	assert_int_equal(ask(b, "POST", NACM, body, .query = "insert", .value = "first"), 201);
}

// Shows: RFC 8341 3.5.2 the access control that a controller is shipped with can be read, by operators
static void what_is_shipped(void **state)
{
	struct bench *b = *state;
	assert_int_equal(ask(b, "GET", NACM), 200);
	bench_expect(b, "\"name\":\"tenants\"");
	bench_expect(b, "\"denied-operations\":0");
	assert_int_equal(ask(b, "GET", NACM, .who = &bench_bob), 404);
	assert_int_equal(ask(b, "GET", DATA, .who = &bench_bob), 200);
	bench_expect_not(b, "nacm");
	assert_int_equal(ask(b, "PUT", NACM "/read-default",
			     "{\"ietf-netconf-acm:read-default\":\"permit\"}", .who = &bench_bob),
			 403);
	assert_int_equal(call(b, &bench_bob, "enrolment-token", "{\"nsf-name\":\"fw9\"}"), 403);
	assert_int_equal(call(b, &bench_bob, "revoke", "{\"name\":\"fw9\"}"), 403);
	assert_int_equal(call(b, &bench_bob, "status", "{}"), 200);
	assert_int_equal(call(b, &bench_agent, "status", "{}"), 403);
	assert_int_equal(ask(b, "PUT", DATA "/" CFI ":endpoint-groups", GROUPS, .who = &bench_bob),
			 201);
	assert_int_equal(ask(b, "PUT", DATA "/" BWC ":sites", NETWORK, .who = &bench_bob), 403);
	assert_int_equal(ask(b, "GET", NACM "/denied-operations"), 200);
	bench_expect(b, "2");
}

// Shows: RFC 8341 3.4.4 an operation that a rule denies is 403, access-denied
// Shows: RFC 8341 3.4.5 data that a rule denies to read is not there, to write is 403
static void operators_make_rules(void **state)
{
	struct bench *b = *state;
	assert_int_equal(ask(b, "PUT", DATA "/" BWC ":sites", NETWORK), 201);
	add_rules(b, "mine", "operator",
		  "{\"name\":\"hide\",\"path\":\"/" BWC
		  ":sites/site[name='south']\",\"access-operations\""
		  ":\"read\",\"action\":\"deny\"},"
		  "{\"name\":\"keep\",\"path\":\"/" BWC
		  ":sites/site\",\"access-operations\":\"delete\","
		  "\"action\":\"deny\"},"
		  "{\"name\":\"no\",\"module-name\":\"" BWC
		  "\",\"rpc-name\":\"analyse\",\"action\":\"deny\"}");
	assert_int_equal(ask(b, "GET", DATA "/" BWC ":sites"), 200);
	bench_expect(b, "north");
	bench_expect_not(b, "south");
	assert_int_equal(ask(b, "GET", DATA "/" BWC ":sites/site=south"), 404);
	assert_int_equal(ask(b, "GET", DATA "/" BWC ":sites/site=south/name"), 404);
	assert_int_equal(ask(b, "GET", DATA "/" BWC ":sites/site"), 200);
	bench_expect_not(b, "south");
	assert_int_equal(ask(b, "DELETE", DATA "/" BWC ":sites/site=north"), 403);
	bench_expect(b, "access-denied");
	bench_expect(b, "sites/site[name='north']");
	// Replacing the list deletes what it does not have; the hidden one is not named.
	assert_int_equal(ask(b, "PUT", DATA "/" BWC ":sites",
			     "{\"" BWC ":sites\":{\"site\":[{\"name\":\"north\"}]}}"),
			 403);
	bench_expect_not(b, "south");
	assert_int_equal(ask(b, "PATCH", DATA "/" BWC ":sites",
			     "{\"" BWC ":sites\":{\"site\":[{\"name\":\"west\"}]}}"),
			 204);
	assert_int_equal(call(b, NULL, "analyse", "{}"), 403);
	bench_expect(b, "access-denied");
	assert_int_equal(call(b, NULL, "status", "{}"), 200);
	assert_int_equal(ask(b, "GET", NACM "/denied-data-writes"), 200);
	bench_expect(b, "2");
}

// Shows: RFC 8341 3.5.2 rules are configuration: they are kept, have revisions, and are refused when they cannot be used
static void rules_are_kept(void **state)
{
	struct bench *b = *state;
	add_rules(b, "mine", "tenant-user",
		  "{\"name\":\"no\",\"rpc-name\":\"status\",\"action\":\"deny\"}");
	assert_int_equal(call(b, &bench_bob, "status", "{}"), 403);
	// As after a restart: nothing is known but what is stored.
	workspaces_fini(&b->workspaces);
	assert_true(workspaces_init(&b->workspaces, 1, &b->diags));
	assert_int_equal(call(b, &bench_bob, "status", "{}"), 403);
	assert_int_equal(ask(b, "GET", DATA "/" BWC ":revisions"), 200);
	bench_expect(b, "\"kind\":\"access\"");
	assert_int_equal(ask(b, "POST", NACM,
			     "{\"ietf-netconf-acm:rule-list\":[{\"name\":\"bad\",\"group\":[\"*\"],"
			     "\"rule\":[{\"name\":\"x\",\"path\":\"/" BWC ":nothing\",\"action\":"
			     "\"deny\"}]}]}"),
			 400);
	bench_expect(b, "no data node");
	assert_int_equal(ask(b, "DELETE", NACM "/rule-list=mine"), 204);
	assert_int_equal(call(b, &bench_bob, "status", "{}"), 200);
	// What says nothing means what is shipped.
	assert_int_equal(ask(b, "DELETE", NACM), 204);
	assert_int_equal(ask(b, "GET", NACM), 200);
	bench_expect(b, "\"name\":\"tenants\"");
	assert_int_equal(call(b, &bench_bob, "revoke", "{\"name\":\"fw9\"}"), 403);
}

// Shows: RFC 8341 3.5.2 default-deny-all: operations that make or unmake trust need a rule, whatever the defaults are
static void trust_needs_a_rule(void **state)
{
	struct bench *b = *state;
	assert_int_equal(
		ask(b, "PUT", NACM, "{\"ietf-netconf-acm:nacm\":{\"exec-default\":\"permit\"}}"),
		204);
	assert_int_equal(call(b, NULL, "status", "{}"), 200);
	assert_int_equal(call(b, NULL, "revoke", "{\"name\":\"fw9\"}"), 403);
	assert_int_equal(call(b, NULL, "enrolment-token", "{\"nsf-name\":\"fw9\"}"), 403);
	assert_int_equal(ask(b, "GET", NACM), 404);
}

// Whatever the rules say, nobody gets at documents of another tenant.
static void tenants_stay_apart(void **state)
{
	struct bench *b = *state;
	assert_int_equal(ask(b, "PUT", DATA "/" CFI ":endpoint-groups", GROUPS), 201);
	assert_int_equal(ask(b, "PUT", DATA "/" BWC ":sites", NETWORK), 201);
	add_rules(b, "mine", "tenant:acme", "{\"name\":\"all\",\"action\":\"permit\"}");
	assert_int_equal(ask(b, "GET", DATA "/" CFI ":endpoint-groups", .who = &bench_bob), 404);
	assert_int_equal(ask(b, "GET", DATA "/" BWC ":sites", .who = &bench_bob), 404);
	assert_int_equal(ask(b, "GET", NACM, .who = &bench_bob), 404);
	assert_int_equal(ask(b, "PUT", DATA "/" BWC ":sites", NETWORK, .who = &bench_bob), 403);
	assert_int_equal(ask(b, "DELETE", NACM, .who = &bench_bob), 403);
	assert_int_equal(call(b, &bench_bob, "revoke", "{\"name\":\"fw9\"}"), 403);
}

// Shows: RFC 8341 3.3.3 a recovery session undoes rules that lock everybody out
static void a_recovery_user_mends_rules(void **state)
{
	struct bench *b = *state;
	b->workspaces.recovery = "carol";
	add_rules(b, "oops", "*", "{\"name\":\"nothing\",\"action\":\"deny\"}");
	assert_int_equal(ask(b, "DELETE", NACM "/rule-list=oops"), 403);
	assert_int_equal(ask(b, "GET", NACM), 404);
	assert_int_equal(ask(b, "DELETE", NACM "/rule-list=oops", .who = &carol), 204);
	assert_int_equal(ask(b, "GET", NACM), 200);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(trust_needs_a_rule),   TEST(what_is_shipped),
		TEST(operators_make_rules), TEST(rules_are_kept),
		TEST(tenants_stay_apart),   TEST(a_recovery_user_mends_rules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
