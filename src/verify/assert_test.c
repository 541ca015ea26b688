// SPDX-License-Identifier: Apache-2.0
// Guarantees about packets: cases by hand, and random ones against all packets there are. About flows: guarantee_test.c.
#include "verify/test_hand.h"
#include "verify/test.h"

#include <string.h>

#ifdef __SANITIZE_ADDRESS__
enum { CASES = 80 };
#else
enum { CASES = 600 };
#endif

struct fixture {
	struct arena arena;
	struct ir_ruleset set, wanted;
	struct verify_options options;
	struct verify_assertion is;
};

static void ask(struct fixture *f, const char *rules, const char *guarantees)
{
	arena_init(&f->arena);
	f->set = test_rules(rules, IR_DROP, &f->arena);
	f->wanted = test_rules(guarantees, IR_NONE, &f->arena);
	f->options = test_options();
	verify_assert(&f->set, f->wanted.rule.at, f->wanted.rule.len, &f->options, &f->arena,
		      &f->is);
	assert_int_equal(f->is.status, VERIFY_DONE);
}

static void expect_kept(const char *rules, const char *guarantees)
{
	struct fixture f;
	ask(&f, rules, guarantees);
	assert_int_equal(f.is.broken.len, 0);
	arena_fini(&f.arena);
}

// The only guarantee is broken, by the rule of this name or the default.
static const struct verify_broken *expect_broken(struct fixture *f, const char *by)
{
	assert_int_equal(f->is.broken.len, 1);
	const struct verify_broken *broken = &f->is.broken.at[0];
	assert_int_equal(broken->by != NULL, by != NULL);
	if (by)
		assert_string_equal(broken->by->name, by);
	return broken;
}

static void what_is_kept(void **unused)
{
	(void)unused;
	expect_kept("action=pass,dport=22", "action=pass,dport=22,src=10.0.0.0/8");
	expect_kept("action=pass,dport=22", "action=drop,dport=23");
	expect_kept("action=reject,dport=22\naction=pass", "action=drop,dport=22");
	expect_kept("action=pass,dport=1-10\naction=pass,dport=11-20", "action=pass,dport=5-15");
	expect_kept("action=pass,dport=22", "");
	expect_kept("", "action=drop");
}

static void a_rule_breaks_it(void **unused)
{
	(void)unused;
	struct fixture f;
	ask(&f,
	    "action=pass,name=ok,src=10.0.0.0/"
	    "8\naction=drop,name=bad,dport=22\naction=pass,name=rest",
	    "action=pass,name=admins,src=10.0.0.0/7,dport=22");
	const struct verify_broken *broken = expect_broken(&f, "bad");
	assert_ptr_equal(broken->guarantee, &f.wanted.rule.at[0]);
	assert_int_equal(broken->verdict, IR_DROP);
	assert_int_equal(broken->packet->value[IR_DPORT], 22);
	assert_int_equal(broken->packet->value[IR_SRC4] >> 24, 11);
	arena_fini(&f.arena);
}

static void the_default_breaks_it(void **unused)
{
	(void)unused;
	struct fixture f;
	ask(&f, "action=pass,name=ok,src=10.0.0.0/8", "action=pass,src=10.0.0.0/7");
	assert_int_equal(expect_broken(&f, NULL)->verdict, IR_DROP);
	arena_fini(&f.arena);
}

// Guarantees do not hide each other, as rules would.
static void each_stands_for_itself(void **unused)
{
	(void)unused;
	struct fixture f;
	ask(&f, "action=pass,name=a,dport=1-100",
	    "action=pass\naction=drop,dport=50\naction=pass,dport=1");
	assert_int_equal(f.is.broken.len, 2);
	assert_ptr_equal(f.is.broken.at[0].guarantee, &f.wanted.rule.at[0]);
	assert_ptr_equal(f.is.broken.at[1].guarantee, &f.wanted.rule.at[1]);
	arena_fini(&f.arena);
}

static void limited_packets_pass(void **unused)
{
	(void)unused;
	struct fixture f;
	ask(&f, "action=pass,name=slow,dport=22", "action=pass,dport=22\naction=drop,dport=22");
	f.set.rule.at[0].verdict = IR_RATE_LIMIT;
	f.set.rule.at[0].rate.packets = 5;
	verify_assert(&f.set, f.wanted.rule.at, 2, &f.options, &f.arena, &f.is);
	assert_ptr_equal(expect_broken(&f, "slow")->guarantee, &f.wanted.rule.at[1]);
	arena_fini(&f.arena);
}

static void a_truth_may_break_it(void **unused)
{
	(void)unused;
	struct fixture f;
	bool known;
	ask(&f, "action=drop,name=u,users/user=mallory\naction=pass,name=all",
	    "action=pass,dport=80");
	const struct verify_broken *broken = expect_broken(&f, "u");
	assert_true(
		broken->packet->opaque_holds(broken->packet, &f.set.rule.at[0].opaque[0], &known));
	arena_fini(&f.arena);
	expect_kept("action=drop,users/user=mallory\naction=pass",
		    "action=pass,users/user!=mallory");
}

static void packets_of_no_flow_break_it(void **unused)
{
	(void)unused;
	struct fixture f;
	ask(&f, "action=pass,name=a,flow=yes", "action=pass,dport=80");
	assert_null(expect_broken(&f, NULL)->packet->flow);
	arena_fini(&f.arena);
	expect_kept("action=pass,flow=yes", "action=pass,dport=80,state=new|established");
}

static void it_can_be_stopped(void **unused)
{
	(void)unused;
	struct fixture f;
	struct verify_control control = {.stop = true};
	ask(&f, "action=pass", "action=pass");
	f.options.control = &control;
	verify_assert(&f.set, f.wanted.rule.at, 1, &f.options, &f.arena, &f.is);
	assert_int_equal(f.is.status, VERIFY_STOPPED);
	f.options.control = NULL;
	f.options.memory = 50;
	verify_assert(&f.set, f.wanted.rule.at, 1, &f.options, &f.arena, &f.is);
	assert_int_equal(f.is.status, VERIFY_OVER_BUDGET);
	arena_fini(&f.arena);
}

static const struct verify_test_engine engine = {.name = "guarantees", .assert = verify_assert};

static void random_cases(void **unused)
{
	(void)unused;
	test_engine(&engine, CASES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(what_is_kept),
					   TEST(a_rule_breaks_it),
					   TEST(the_default_breaks_it),
					   TEST(each_stands_for_itself),
					   TEST(limited_packets_pass),
					   TEST(a_truth_may_break_it),
					   TEST(packets_of_no_flow_break_it),
					   TEST(it_can_be_stopped),
					   TEST(random_cases)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
