// SPDX-License-Identifier: Apache-2.0
// "Always" and "never" as people mean them: of flows, both ways, over rulesets that know connections and over some that do
// not. Random guarantees against all packets there are: assert_test.c.
#include "verify/verify.h"
#include "base/buf.h"
#include "base/diag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define TEST(f) cmocka_unit_test(f)
#define NOW 1795000000

static void add_rule(struct arena *a, struct ir_ruleset *set, const char *text)
{
	struct diags diags;
	struct ir_rule rule;
	diags_init(&diags, a);
	assert_true(ir_rule_parse(text, "test", a, &diags, &rule));
	vec_push(a, &set->rule, rule);
}

// NULL: it holds; else the packet that breaks it.
static const char *asked(struct arena *a, const struct ir_ruleset *set, bool always,
			 const char *text)
{
	struct diags diags;
	struct ir_clause clause;
	struct verify_assertion out;
	struct verify_options options = verify_options_default(NOW);
	struct buf packet;
	diags_init(&diags, a);
	assert_true(ir_clause_parse(text, "test", a, &diags, &clause, NULL));
	struct ir_rule guarantee = verify_guarantee(text, &clause, always, a);
	verify_assert(set, &guarantee, 1, &options, a, &out);
	assert_int_equal(out.status, VERIFY_DONE);
	if (!out.broken.len)
		return NULL;
	buf_init(&packet);
	ir_packet_print(out.broken.at[0].packet, &packet);
	const char *copy = arena_strdup(a, packet.data);
	buf_fini(&packet);
	return copy;
}

static void expect_broken(struct arena *a, const struct ir_ruleset *set, bool always,
			  const char *text, const char *by)
{
	const char *packet = asked(a, set, always, text);
	assert_non_null(packet);
	if (!strstr(packet, by))
		print_message("%s: %s\n", text, packet);
	assert_non_null(strstr(packet, by));
}

static void connections_are_known(void **unused)
{
	(void)unused;
	struct arena a;
	arena_init(&a);
	struct ir_ruleset set = {.default_action = IR_DROP};
	add_rule(&a, &set, "action=pass,state=established|related");
	add_rule(&a, &set, "action=pass,proto=tcp,dport=22,state=new");
	assert_null(asked(&a, &set, true, "proto=tcp,dport=22"));
	assert_null(asked(&a, &set, false, "proto=tcp,dport=23"));
	assert_null(asked(&a, &set, false, "proto=udp"));
	expect_broken(&a, &set, false, "dport=22", "dport=22");
	expect_broken(&a, &set, true, "proto=tcp,dport=22-23", "dport=23");
	expect_broken(&a, &set, true, "proto=tcp,dport=22,state=invalid", "state=invalid");
	expect_broken(&a, &set, false, "dport=23,state=established", "state=established");
	arena_fini(&a);
}

static void replies_count(void **unused)
{
	(void)unused;
	struct arena a;
	arena_init(&a);
	struct ir_ruleset set = {.default_action = IR_DROP};
	add_rule(&a, &set, "action=pass,proto=tcp,dport=22");
	expect_broken(&a, &set, true, "proto=tcp,dport=22", "direction=reply");
	add_rule(&a, &set, "action=pass,proto=tcp,sport=22");
	assert_null(asked(&a, &set, true, "proto=tcp,dport=22"));
	expect_broken(&a, &set, false, "proto=tcp,dport=23",
		      "sport=22"); // whoever sends from port 22 gets in
	arena_fini(&a);
}

static void flow_rules_hold_both_ways(void **unused)
{
	(void)unused;
	struct arena a;
	arena_init(&a);
	struct ir_ruleset set = {.default_action = IR_DROP};
	add_rule(&a, &set, "action=pass,flow=yes,proto=tcp,dport=443,dst=2001:db8::/32");
	assert_null(asked(&a, &set, true, "dst=2001:db8::5,proto=tcp,dport=443"));
	expect_broken(&a, &set, true, "dst=2001:db9::5,proto=tcp,dport=443", "2001:db9::5");
	assert_null(asked(&a, &set, false, "family=4"));
	assert_null(asked(&a, &set, false, "dport=80"));
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(connections_are_known), TEST(replies_count),
					   TEST(flow_rules_hold_both_ways)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
