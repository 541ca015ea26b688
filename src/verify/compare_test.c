// SPDX-License-Identifier: Apache-2.0
// Two rulesets against each other: cases by hand, large ones, and random ones against all packets there are.
#include "verify/test_hand.h"
#include "verify/test_sets.h"
#include "verify/test.h"
#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
enum { CASES = 100, RULES = 400 };
#else
enum { CASES = 700, RULES = 3000 };
#endif

struct fixture {
	struct arena arena;
	struct ir_ruleset a, b;
	struct verify_options options;
	struct verify_comparison is;
};

static void begin(struct fixture *f, const char *a, const char *b)
{
	arena_init(&f->arena);
	f->a = test_rules(a, IR_DROP, &f->arena);
	f->b = test_rules(b, IR_DROP, &f->arena);
	f->options = test_options();
}

static void compare(struct fixture *f)
{
	verify_compare(&f->a, &f->b, &f->options, 100, &f->arena, &f->is);
	assert_int_equal(f->is.status, VERIFY_DONE);
	assert_int_equal(f->is.equal, !f->is.differences);
}

static void expect_equal(const char *a, const char *b)
{
	struct fixture f;
	begin(&f, a, b);
	compare(&f);
	assert_true(f.is.equal);
	arena_fini(&f.arena);
}

// One region of one pair, in words; rules by name, NULL: the default.
static void expect(struct fixture *f, size_t i, const char *rule_a, const char *rule_b,
		   const char *words)
{
	assert_true(i < f->is.difference.len);
	const struct verify_difference *d = &f->is.difference.at[i];
	assert_int_equal(d->rule_a != NULL, rule_a != NULL);
	assert_int_equal(d->rule_b != NULL, rule_b != NULL);
	if (rule_a)
		assert_string_equal(d->rule_a->name, rule_a);
	if (rule_b)
		assert_string_equal(d->rule_b->name, rule_b);
	assert_string_equal(test_words(&d->region, &f->arena), words);
	assert_true(d->exact);
}

static void order_and_form_do_not_matter(void **unused)
{
	(void)unused;
	expect_equal("", "");
	expect_equal("action=pass,src=10.0.0.0/8", "action=pass,src=10.0.0.0/9\n"
						   "action=pass,src=10.128.0.0/9");
	expect_equal("action=pass,dport=22\naction=drop,dport=23,name=a",
		     "action=drop,dport=23\naction=pass,dport=22,name=b");
	expect_equal("action=pass,proto=tcp,dport=22", "action=pass,proto=tcp,dport=22\n"
						       "action=drop,dport=22");
	expect_equal("action=reject,dport=1-9\naction=pass,dport=1-100",
		     "action=pass,dport=10-100\naction=reject,dport=1-50");
	expect_equal("", "action=drop");
}

static void a_difference_is_shown_in_words(void **unused)
{
	(void)unused;
	struct fixture f;
	begin(&f, "action=pass,name=ssh,proto=tcp,dport=22\naction=pass,name=web,dport=80",
	      "action=pass,name=ssh,proto=tcp,src=10.0.0.0/"
	      "8,dport=22\naction=pass,name=web,dport=80");
	compare(&f);
	assert_int_equal(f.is.differences, 1);
	assert_int_equal(f.is.difference.len, 2);
	expect(&f, 0, "ssh", NULL, "IPv6 tcp dport 22");
	expect(&f, 1, "ssh", NULL, "from not 10.0.0.0/8 tcp dport 22");
	assert_int_equal(f.is.difference.at[0].verdict_a, IR_PASS);
	assert_int_equal(f.is.difference.at[0].verdict_b, IR_DROP);
	arena_fini(&f.arena);
}

static void both_ip_versions_are_one_region(void **unused)
{
	(void)unused;
	struct fixture f;
	begin(&f, "action=pass,name=web,dport=80|443", "action=pass,name=web,dport=80");
	compare(&f);
	assert_int_equal(f.is.difference.len, 1);
	expect(&f, 0, "web", NULL, "dport 443");
	arena_fini(&f.arena);
}

static void packets_without_ports_have_none_in_words(void **unused)
{
	(void)unused;
	struct fixture f;
	begin(&f, "action=drop,name=p,dport=80\naction=pass,name=all",
	      "action=drop,name=p,dport=80");
	compare(&f);
	assert_int_equal(f.is.differences, 1);
	assert_int_equal(f.is.difference.len, 2);
	bool ports = false, others = false; // each in words of its own
	for (size_t i = 0; i < 2; i++) {
		const struct ir_clause *region = &f.is.difference.at[i].region;
		assert_true(f.is.difference.at[i].exact);
		ports |= ir_clause_set(region, IR_DPORT) && !ir_clause_set(region, IR_PROTO);
		others |= !ir_clause_set(region, IR_DPORT) && !ir_clause_allows_protocol(region, 6);
	}
	assert_true(ports && others);
	arena_fini(&f.arena);
}

// Requests and responses of DCCP have a service code, other types have none (RFC 4340 section 5.1).
static void only_some_packets_have_a_service_code(void **unused)
{
	(void)unused;
	struct fixture f;
	begin(&f, "action=drop,name=s,dccp-service!=7\naction=pass,name=t,dccp-type=1-3",
	      "action=drop,name=s,dccp-service!=7");
	compare(&f);
	assert_true(f.is.differences > 0);
	for (size_t i = 0; i < f.is.difference.len; i++) {
		const struct ir_packet *packet = f.is.difference.at[i].packet;
		bool coded = packet->value[IR_DCCPTYPE] <= 1;
		assert_int_equal(packet->has >> IR_DCCPSERVICE & 1, coded);
		assert_int_equal(packet->value[IR_DCCPSERVICE], coded ? 7 : 0);
	}
	arena_fini(&f.arena);
	expect_equal("action=drop,name=s,dccp-type=5,dccp-service=7", "");
}

static void defaults_are_compared(void **unused)
{
	(void)unused;
	struct fixture f;
	begin(&f, "action=drop,name=a,dport=1", "action=drop,name=a,dport=1");
	f.b.default_action = IR_NONE;
	compare(&f);
	assert_int_equal(f.is.differences, 1);
	assert_null(f.is.difference.at[0].rule_a);
	assert_int_equal(f.is.difference.at[0].verdict_a, IR_DROP);
	assert_int_equal(f.is.difference.at[0].verdict_b, IR_NONE);
	f.a.default_action = IR_NONE;
	compare(&f);
	assert_true(f.is.equal);
	arena_fini(&f.arena);
}

static void rates_are_verdicts(void **unused)
{
	(void)unused;
	struct fixture f;
	begin(&f, "action=pass,name=a,dport=1", "action=pass,name=b,dport=1");
	f.a.rule.at[0].verdict = f.b.rule.at[0].verdict = IR_RATE_LIMIT;
	f.a.rule.at[0].rate.packets = f.b.rule.at[0].rate.packets = 10;
	compare(&f);
	assert_true(f.is.equal);
	f.b.rule.at[0].rate.packets = 20;
	compare(&f);
	assert_int_equal(f.is.difference.len, 1);
	expect(&f, 0, "a", "b", "dport 1");
	arena_fini(&f.arena);
}

static void replies_are_named_apart(void **unused)
{
	(void)unused;
	struct fixture f;
	begin(&f, "action=pass,name=flow,flow=yes,src=10.0.0.0/8,dport=22",
	      "action=pass,name=packet,src=10.0.0.0/8,dport=22");
	compare(&f);
	size_t replies = 0, unknown = 0;
	for (size_t i = 0; i < f.is.difference.len; i++) {
		const struct verify_difference *d = &f.is.difference.at[i];
		replies += d->reply;
		if (d->reply && d->rule_a) // the flow's rule passes what B's rule does not
			assert_non_null(
				strstr(test_words(&d->region, &f.arena), "to 10.0.0.0/8 sport 22"));
		assert_int_equal(d->packet->reply, d->reply);
		unknown += !d->packet->flow; // B passes packets that belong to no flow
	}
	assert_true(replies);
	assert_true(unknown);
	arena_fini(&f.arena);
}

static void only_times_asked_about_count(void **unused)
{
	(void)unused;
	struct fixture f;
	begin(&f, "action=pass,name=t,dport=1,time=2026-11-20T00:00:00Z..2026-11-21T00:00:00Z", "");
	compare(&f);
	assert_int_equal(f.is.difference.len, 1);
	assert_true(f.is.difference.at[0].packet->time >= TEST_NOW);
	f.options.from += 100 * 86400;
	compare(&f);
	assert_true(f.is.equal);
	arena_fini(&f.arena);
}

static void periods_are_said_as_periods(void **unused)
{
	(void)unused;
	struct fixture f;
	begin(&f, "action=pass,name=t,dport=1", "");
	struct ir_clause *clause = &f.a.rule.at[0].clause[0];
	assert_true(ir_clause_narrow(clause, &f.arena, IR_HOUR,
				     algebra_set_one(&f.arena, 9 * 3600, 17 * 3600 - 1)));
	clause->clock = 3600;
	compare(&f);
	assert_int_equal(f.is.difference.len, 1);
	const struct verify_difference *d = &f.is.difference.at[0];
	assert_int_equal(d->region.len, 2);
	assert_int_equal(d->region.clock, 3600);
	assert_non_null(ir_clause_set(&d->region, IR_HOUR));
	assert_true(ir_clause_matches(&d->region, &f.a.rule.at[0], d->packet));
	arena_fini(&f.arena);
}

static void truths_may_be_either_way(void **unused)
{
	(void)unused;
	struct fixture f;
	begin(&f, "action=pass,name=u,users/user=alice,dport=1\naction=pass,name=v,dport=2",
	      "action=pass,name=v,dport=2");
	compare(&f);
	assert_int_equal(f.is.differences, 1);
	const struct verify_difference *d = &f.is.difference.at[0];
	bool known;
	assert_false(d->exact); // the clause cannot say who the user is
	assert_true(d->packet->opaque_holds(d->packet, &f.a.rule.at[0].opaque[0], &known));
	assert_true(known);
	arena_fini(&f.arena);
	expect_equal("action=pass,users/user=alice\naction=pass,users/user!=alice", "action=pass");
}

static void only_packets_asked_about_count(void **unused)
{
	(void)unused;
	struct fixture f;
	begin(&f, "action=pass,name=a,src=10.0.0.0/8", "action=pass,name=a,src=10.0.0.0/9");
	struct ir_clause where = test_clause("src=10.0.0.0/10", &f.arena);
	f.options.where = &where;
	compare(&f);
	assert_true(f.is.equal);
	where = test_clause("src=10.192.0.0/10,proto=udp", &f.arena);
	compare(&f);
	assert_int_equal(f.is.difference.len, 1);
	expect(&f, 0, "a", NULL, "from 10.192.0.0/10 udp");
	where = test_clause("src=2001:db8::/32", &f.arena);
	compare(&f);
	assert_true(f.is.equal);
	arena_fini(&f.arena);
}

static void what_is_not_one_box_is_held_as_a_whole(void **unused)
{
	(void)unused;
	struct fixture f;
	begin(&f, "", "");
	for (unsigned i = 0; i < 30; i++) {
		const char *hole = arena_printf(
			&f.arena, "action=drop,name=h,src=10.0.%u.0/24,dst=10.1.%u.0/24", i * 8,
			i * 8);
		vec_push(&f.arena, &f.a.rule, test_rule(hole, &f.arena));
		vec_push(&f.arena, &f.b.rule, test_rule(hole, &f.arena));
	}
	vec_push(&f.arena, &f.a.rule,
		 test_rule("action=pass,name=net,src=10.0.0.0/16,dst=10.1.0.0/16", &f.arena));
	compare(&f);
	assert_int_equal(f.is.differences, 1);
	assert_true(f.is.difference.len > 1 && f.is.difference.len <= 5);
	const struct verify_difference *last = &f.is.difference.at[f.is.difference.len - 1];
	assert_false(last->exact);
	assert_string_equal(test_words(&last->region, &f.arena), "from 10.0.0.0/16 to 10.1.0.0/16");
	assert_true(f.is.difference.at[0].exact);
	arena_fini(&f.arena);
}

// --- large ones ---

static void print_all(const struct verify_comparison *is, struct buf *out)
{
	buf_printf(out, "%d %zu\n", (int)is->status, is->differences);
	for (size_t i = 0; i < is->difference.len; i++) {
		const struct verify_difference *d = &is->difference.at[i];
		buf_printf(out, "%s %s %d ", d->rule_a ? d->rule_a->name : "-",
			   d->rule_b ? d->rule_b->name : "-", d->exact);
		ir_clause_print(&d->region, out);
		buf_addc(out, ' ');
		ir_packet_print(d->packet, out);
		buf_addc(out, '\n');
	}
}

// Different numbers of threads, the same answer.
static void expect_same_for_threads(struct fixture *f, size_t most)
{
	struct buf one, several;
	buf_init(&one);
	buf_init(&several);
	f->options.threads = 1;
	verify_compare(&f->a, &f->b, &f->options, most, &f->arena, &f->is);
	print_all(&f->is, &one);
	f->options.threads = 5;
	verify_compare(&f->a, &f->b, &f->options, most, &f->arena, &f->is);
	print_all(&f->is, &several);
	assert_string_equal(one.data, several.data);
	buf_fini(&one);
	buf_fini(&several);
}

static void edited_copies_differ(void **unused)
{
	(void)unused;
	for (unsigned kind = 0; kind < TEST_SETS_KINDS; kind++) {
		struct fixture f;
		struct ir_packet packet;
		begin(&f, "", "");
		test_sets_make(&(struct test_sets_spec){kind, kind % 2 ? 6 : 4, RULES, 3}, &f.arena,
			       &f.a);
		test_sets_edit(&f.a, 5, &f.arena, &f.b, &packet);
		expect_same_for_threads(&f, 20);
		assert_false(f.is.equal);
		assert_int_equal(f.is.status, VERIFY_DONE);
		arena_fini(&f.arena);
	}
}

static void rewritten_copies_are_equal(void **unused)
{
	(void)unused;
	for (unsigned kind = 0; kind < TEST_SETS_KINDS; kind++) {
		struct fixture f;
		begin(&f, "", "");
		test_sets_make(&(struct test_sets_spec){kind, kind % 2 ? 4 : 6, RULES, 4}, &f.arena,
			       &f.a);
		test_sets_rewrite(&f.a, 6, &f.arena, &f.b);
		compare(&f);
		assert_true(f.is.equal);
		arena_fini(&f.arena);
	}
}

// 510 sources that pass against 510 destinations that are rejected: every pair differs.
static void pairs_are_counted_up_to_a_bound(void **unused)
{
	(void)unused;
	struct fixture f;
	begin(&f, "", "");
	for (unsigned i = 0; i < 510; i++) {
		unsigned hi = i / 256, lo = i % 256;
		const char *a =
			arena_printf(&f.arena, "action=pass,name=s%u,src=10.%u.%u.0/24", i, hi, lo);
		const char *b = arena_printf(&f.arena, "action=reject,name=d%u,dst=10.%u.%u.0/24",
					     i, hi, lo);
		vec_push(&f.arena, &f.a.rule, test_rule(a, &f.arena));
		vec_push(&f.arena, &f.b.rule, test_rule(b, &f.arena));
	}
	expect_same_for_threads(&f, 3);
	assert_int_equal(f.is.status, VERIFY_OVER_BUDGET);
	assert_false(f.is.equal);
	assert_in_range(f.is.differences, VERIFY_PAIRS_MOST, VERIFY_PAIRS_MOST + 511);
	f.a.rule.len = f.b.rule.len = 50;
	compare(&f);
	assert_int_equal(f.is.differences, 50 * 50 + 50 + 50);
	arena_fini(&f.arena);
}

static void budgets_end_it(void **unused)
{
	(void)unused;
	struct fixture f;
	struct verify_control control = {.stop = true};
	begin(&f, "action=pass,src=10.0.0.0/8", "action=pass,src=10.0.0.0/9");
	f.options.memory = 100;
	verify_compare(&f.a, &f.b, &f.options, 1, &f.arena, &f.is);
	assert_int_equal(f.is.status, VERIFY_OVER_BUDGET);
	assert_null(verify_prepare(&f.a, &f.options));
	f.options.memory = 0;
	f.options.control = &control;
	verify_compare(&f.a, &f.b, &f.options, 1, &f.arena, &f.is);
	assert_int_equal(f.is.status, VERIFY_STOPPED);
	control.stop = false;
	verify_compare(&f.a, &f.b, &f.options, 1, &f.arena, &f.is);
	assert_int_equal(f.is.status, VERIFY_DONE);
	assert_false(f.is.equal);
	assert_true(control.total && control.done <= control.total);
	arena_fini(&f.arena);
}

// --- against all packets ---

static const struct verify_test_engine engine = {.name = "compare", .compare = verify_compare};

static void random_cases(void **unused)
{
	(void)unused;
	test_engine(&engine, CASES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(order_and_form_do_not_matter),
					   TEST(a_difference_is_shown_in_words),
					   TEST(both_ip_versions_are_one_region),
					   TEST(packets_without_ports_have_none_in_words),
					   TEST(only_some_packets_have_a_service_code),
					   TEST(defaults_are_compared),
					   TEST(rates_are_verdicts),
					   TEST(replies_are_named_apart),
					   TEST(only_times_asked_about_count),
					   TEST(periods_are_said_as_periods),
					   TEST(truths_may_be_either_way),
					   TEST(only_packets_asked_about_count),
					   TEST(what_is_not_one_box_is_held_as_a_whole),
					   TEST(edited_copies_differ),
					   TEST(rewritten_copies_are_equal),
					   TEST(pairs_are_counted_up_to_a_bound),
					   TEST(budgets_end_it),
					   TEST(random_cases)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
