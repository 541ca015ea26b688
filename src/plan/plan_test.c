// SPDX-License-Identifier: Apache-2.0
// Plans against a naive application of their changes, and their text.
#include "plan/plan.h"
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static unsigned seed;

static unsigned pick(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

static int start(void **state)
{
	struct arena *a = malloc(sizeof(*a));
	arena_init(a);
	*state = a;
	seed = 6241;
	return 0;
}

static int stop(void **state)
{
	arena_fini(*state);
	free(*state);
	return 0;
}

// A rule of this name whose meaning is the port.
static struct ir_rule rule(struct arena *a, const char *name, unsigned port)
{
	struct ir_clause *clause = arena_new(a, struct ir_clause);
	bool good = ir_clause_narrow(clause, a, IR_DPORT, algebra_set_one(a, port, port));
	assert_true(good);
	return (struct ir_rule){
		.policy = "p", .name = name, .verdict = IR_PASS, .clause = clause, .clauses = 1};
}

// "a1 b2": rules a and b with the ports 1 and 2.
static struct ir_ruleset *ruleset(struct arena *a, const char *text)
{
	struct ir_ruleset *set = arena_new(a, struct ir_ruleset);
	set->default_action = IR_DROP;
	for (const char *p = text; *p; p += strcspn(p, " "), p += strspn(p, " "))
		vec_push(a, &set->rule,
			 rule(a, arena_strndup(a, p, 1), (unsigned)strtoul(p + 1, NULL, 10)));
	return set;
}

static struct plan_nsf *diff(struct arena *a, const char *before, const char *after)
{
	struct plan *plan = arena_new(a, struct plan);
	struct plan_input in = {"n", before ? ruleset(a, before) : NULL, ruleset(a, after)};
	plan_make(&in, 1, a, plan);
	return plan->nsf.at;
}

static void assert_counts(const struct plan_nsf *n, const size_t counts[static 5])
{
	assert_int_equal(n->added, counts[0]);
	assert_int_equal(n->changed, counts[1]);
	assert_int_equal(n->moved, counts[2]);
	assert_int_equal(n->removed, counts[3]);
	assert_int_equal(n->unchanged, counts[4]);
}

static void counts_are_the_fewest(void **state)
{
	static const struct {
		const char *before, *after;
		size_t counts[5]; // added, changed, moved, removed, unchanged
	} cases[] = {
		{"a1 b2 c3", "a1 b2 c3", {0, 0, 0, 0, 3}},
		{"", "a1 b2", {2, 0, 0, 0, 0}},
		{"a1 b2", "", {0, 0, 0, 2, 0}},
		{"a1 b2 c3", "a1 b9 c3", {0, 1, 0, 0, 2}},
		{"a1 b2 c3 d4", "d4 a1 b2 c3", {0, 0, 1, 0, 3}},
		{"a1 b2 c3", "c3 b2 a1", {0, 0, 2, 0, 1}},
		{"a1 b2 c3", "x7 a1 c3", {1, 0, 0, 1, 2}},
		{"a1 a2", "a1 a2 a3", {1, 0, 0, 0, 2}}, // the n-th of a name is its own
		{"a1 a2", "a2", {0, 1, 0, 1, 0}},
	};
	for (size_t i = 0; i < array_len(cases); i++)
		assert_counts(diff(*state, cases[i].before, cases[i].after), cases[i].counts);
}

static void a_changed_rule_can_move_too(void **state)
{
	struct plan_nsf *n = diff(*state, "a1 b2 c3", "b2 c3 a9");
	assert_counts(n, (size_t[]){0, 1, 0, 0, 2});
	assert_int_equal(n->change.len, 1);
	assert_int_equal(n->change.at[0].kind, PLAN_CHANGE);
	assert_true(n->change.at[0].moved);
	assert_int_equal(n->change.at[0].before_at, 0);
	assert_int_equal(n->change.at[0].after_at, 2);
}

static void only_meaning_counts(void **state)
{
	struct arena *a = *state;
	struct ir_ruleset *before = ruleset(a, "a1"), *after = ruleset(a, "a1");
	struct plan plan;
	after->rule.at[0].description = "said better";
	after->rule.at[0].priority = 7;
	plan_make(&(struct plan_input){"n", before, after}, 1, a, &plan);
	assert_true(plan_empty(&plan));
	after->default_action = IR_REJECT;
	plan_make(&(struct plan_input){"n", before, after}, 1, a, &plan);
	assert_false(plan_empty(&plan));
	assert_true(plan.nsf.at[0].default_changed);
}

static void nothing_known_is_not_nothing_to_do(void **state)
{
	struct plan_nsf *n = diff(*state, NULL, "");
	assert_true(n->first && n->default_changed);
	assert_counts(n, (size_t[]){0, 0, 0, 0, 0});
}

// --- properties ---

static struct ir_ruleset *random_ruleset(struct arena *a)
{
	struct ir_ruleset *set = arena_new(a, struct ir_ruleset);
	set->default_action = IR_DROP;
	for (unsigned i = pick(30); i > 0; i--)
		vec_push(a, &set->rule, rule(a, arena_printf(a, "r%u", pick(40)), pick(3)));
	return set;
}

// The rules before without those that go, and with those that move or change taken out, are in the
// order of the rules after.
static void assert_order(const struct plan_nsf *n, struct arena *a)
{
	bool *out = arena_array(a, bool, n->deployed->rule.len);
	bool *in = arena_array(a, bool, n->intended->rule.len);
	for (size_t i = 0; i < n->change.len; i++) {
		const struct plan_change *c = &n->change.at[i];
		bool replaced = c->kind == PLAN_REMOVE || c->kind == PLAN_ADD || c->moved;
		if (c->before && replaced)
			out[c->before_at] = true;
		if (c->after && replaced)
			in[c->after_at] = true;
	}
	size_t k = 0;
	for (size_t i = 0; i < n->intended->rule.len; i++) {
		if (in[i])
			continue;
		while (out[k])
			k++;
		assert_string_equal(n->deployed->rule.at[k++].name, n->intended->rule.at[i].name);
	}
}

static void changes_lead_from_before_to_after(void **state)
{
	struct arena *a = *state;
	for (int i = 0; i < 2000; i++) {
		struct plan plan;
		struct plan_input in = {"n", random_ruleset(a), random_ruleset(a)};
		plan_make(&in, 1, a, &plan);
		const struct plan_nsf *n = &plan.nsf.at[0];
		size_t moved_too = 0;
		for (size_t k = 0; k < n->change.len; k++)
			moved_too += n->change.at[k].kind == PLAN_MOVE;
		assert_int_equal(moved_too, n->moved);
		assert_int_equal(n->added + n->changed + n->moved + n->unchanged,
				 in.intended->rule.len);
		assert_int_equal(n->removed + n->changed + n->moved + n->unchanged,
				 in.deployed->rule.len);
		assert_order(n, a);
	}
}

static void bytes_tell_plans_apart(void **state)
{
	struct arena *a = *state;
	struct buf one cleanup(buf_fini), two cleanup(buf_fini);
	struct plan plan;
	struct plan_input in = {"n", ruleset(a, "a1 b2"), ruleset(a, "a1 c3")};
	buf_init(&one);
	buf_init(&two);
	plan_make(&in, 1, a, &plan);
	plan_bytes(&plan, &one);
	plan_bytes(&plan, &two);
	assert_int_equal(one.len, two.len);
	assert_memory_equal(one.data, two.data, one.len);
	in.deployed = ruleset(a, "a1 b9"); // the same change from another state is another plan
	plan_make(&in, 1, a, &plan);
	buf_clear(&two);
	plan_bytes(&plan, &two);
	assert_true(one.len != two.len || memcmp(one.data, two.data, one.len) != 0);
}

static void text_says_what_changes(void **state)
{
	struct arena *a = *state;
	struct buf out cleanup(buf_fini);
	struct plan plan;
	struct plan_input in[] = {{"left", ruleset(a, "a1 b2 c3"), ruleset(a, "c3 a1 d4")},
				  {"right", ruleset(a, "a1"), ruleset(a, "a1")}};
	buf_init(&out);
	plan_make(in, 2, a, &plan);
	plan_print(&plan, false, &out);
	assert_string_equal(out.data,
			    "left: 1 to add, 0 to change, 1 to move, 1 to remove, 1 stay\n"
			    "  - p/b  dport 2 -> pass\n"
			    "  > p/c  dport 3 -> pass\n"
			    "      moved from place 3 to place 1\n"
			    "  + p/d  dport 4 -> pass\n"
			    "right: nothing changes, 1 rules stay\n");
	buf_clear(&out);
	plan_print(&plan, true, &out);
	assert_non_null(strstr(out.data, "\033[31m- p/b\033[0m"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(counts_are_the_fewest, start, stop),
		cmocka_unit_test_setup_teardown(a_changed_rule_can_move_too, start, stop),
		cmocka_unit_test_setup_teardown(only_meaning_counts, start, stop),
		cmocka_unit_test_setup_teardown(nothing_known_is_not_nothing_to_do, start, stop),
		cmocka_unit_test_setup_teardown(changes_lead_from_before_to_after, start, stop),
		cmocka_unit_test_setup_teardown(bytes_tell_plans_apart, start, stop),
		cmocka_unit_test_setup_teardown(text_says_what_changes, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
