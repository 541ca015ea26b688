// SPDX-License-Identifier: Apache-2.0
// The second ruleset of a case: the first one edited, rewritten by steps that keep its meaning, or another one.
#include "verify/test.h"

#include <string.h>

#define EDITS_MOST 3
#define STEPS_MOST 6

static uint32_t below(struct verify_test_world *w, uint32_t n)
{
	return test_random_below(w->random, n);
}

static bool chance(struct verify_test_world *w, unsigned percent)
{
	return test_random_chance(w->random, percent);
}

// --- edits ---

// A rule like this one, but not quite.
static struct ir_rule touched(struct verify_test_world *w, const struct ir_rule *rule)
{
	struct ir_rule other = verify_test_rule(w), is = *rule;
	switch (below(w, 4)) {
	case 0:
		is.verdict = is.verdict == IR_PASS ? IR_DROP : IR_PASS;
		break;
	case 1:
		is.clause = other.clause;
		is.clauses = other.clauses;
		break;
	case 2:
		if (is.clauses > 1)
			is.clauses--;
		break;
	default: // the same again
		break;
	}
	return is;
}

static struct verify_edit some_edit(struct verify_test_world *w, const struct ir_ruleset *a,
				    size_t from)
{
	struct verify_edit edit = {.at = from + below(w, (uint32_t)(a->rule.len - from) + 1)};
	size_t left = a->rule.len - edit.at;
	edit.removed = left ? below(w, left > 1 ? 3 : 2) : 0;
	edit.inserts = below(w, 3);
	struct ir_rule *insert = arena_array(w->arena, struct ir_rule, edit.inserts);
	for (size_t i = 0; i < edit.inserts; i++)
		insert[i] = edit.at + i < a->rule.len && chance(w, 70)
				    ? touched(w, &a->rule.at[edit.at + i])
				    : verify_test_rule(w);
	edit.insert = insert;
	return edit;
}

static void put(struct verify_test_world *w, struct verify_test_case *test,
		const struct ir_rule *rule)
{
	vec_push(w->arena, &test->b.rule, *rule);
	vec_push(w->arena, &test->b_source, rule);
}

static void apply_edits(struct verify_test_world *w, struct verify_test_case *test)
{
	size_t at = 0;
	for (size_t e = 0; e <= test->edit.len; e++) {
		const struct verify_edit *edit = e < test->edit.len ? &test->edit.at[e] : NULL;
		size_t end = edit ? edit->at : test->a.rule.len;
		for (; at < end; at++)
			put(w, test, &test->a.rule.at[at]);
		for (size_t i = 0; edit && i < edit->inserts; i++)
			put(w, test, &edit->insert[i]);
		at += edit ? edit->removed : 0;
	}
}

static void edited(struct verify_test_world *w, struct verify_test_case *test)
{
	size_t from = 0;
	for (unsigned i = 0, n = 1 + below(w, EDITS_MOST); i < n && from <= test->a.rule.len; i++) {
		struct verify_edit edit = some_edit(w, &test->a, from);
		vec_push(w->arena, &test->edit, edit);
		from = edit.at + edit.removed + 1;
	}
	apply_edits(w, test);
}

// --- rewriting ---

static void insert(struct verify_test_world *w, struct ir_ruleset *r, size_t at,
		   struct ir_rule rule)
{
	vec_push(w->arena, &r->rule, rule);
	memmove(r->rule.at + at + 1, r->rule.at + at, (r->rule.len - 1 - at) * sizeof(rule));
	r->rule.at[at] = rule;
}

static bool halves(struct verify_test_world *w, struct algebra_set set, struct algebra_set half[2])
{
	struct algebra_range r = set.at[set.len - 1];
	if (r.lo == r.hi && set.len == 1)
		return false;
	u128 middle = r.lo == r.hi ? r.lo - 1 : r.lo + (r.hi - r.lo) / 2;
	struct algebra_set low = algebra_set_one(w->arena, 0, middle);
	half[0] = algebra_set_intersect(w->arena, set, low);
	half[1] = algebra_set_intersect(
		w->arena, set, algebra_set_complement(w->arena, low, set.at[set.len - 1].hi));
	return half[0].len && half[1].len;
}

// One rule becomes two, each with a part of one condition.
static void split(struct verify_test_world *w, struct ir_ruleset *r, size_t at)
{
	struct ir_rule first = r->rule.at[at], second = first;
	struct algebra_set half[2];
	if (first.clauses != 1 || !first.clause[0].len || first.rate.packets)
		return;
	size_t which = below(w, (uint32_t)first.clause[0].len);
	if (!halves(w, first.clause[0].cond[which].set, half))
		return;
	first.clause = arena_new(w->arena, struct ir_clause);
	second.clause = arena_new(w->arena, struct ir_clause);
	*first.clause = ir_clause_copy(&r->rule.at[at].clause[0], w->arena);
	*second.clause = ir_clause_copy(&r->rule.at[at].clause[0], w->arena);
	first.clause[0].cond[which].set = half[0];
	second.clause[0].cond[which].set = half[1];
	r->rule.at[at] = first;
	insert(w, r, at + 1, second);
}

// A rule again, somewhere behind itself: it decides nothing there.
static void repeat(struct verify_test_world *w, struct ir_ruleset *r, size_t at)
{
	struct ir_rule again = r->rule.at[at];
	if (again.verdict == IR_NONE)
		return;
	if (again.verdict != IR_RATE_LIMIT && !again.rate.packets && chance(w, 50) && !again.flow)
		again.verdict = again.verdict == IR_PASS ? IR_DROP : IR_PASS;
	again.name = arena_printf(w->arena, "again%zu", at);
	insert(w, r, at + 1 + below(w, (uint32_t)(r->rule.len - at)), again);
}

static void exchange(struct ir_ruleset *r, size_t at)
{
	if (at + 1 == r->rule.len)
		return;
	struct ir_rule *a = &r->rule.at[at], *b = a + 1, kept = *a;
	bool same = a->verdict == b->verdict && a->verdict != IR_RATE_LIMIT;
	if (!same && a->verdict != IR_NONE && b->verdict != IR_NONE)
		return;
	*a = *b;
	*b = kept;
}

static void rewritten(struct verify_test_world *w, struct verify_test_case *test)
{
	struct ir_ruleset *b = &test->b;
	for (size_t i = 0; i < test->a.rule.len; i++)
		vec_push(w->arena, &b->rule, test->a.rule.at[i]);
	for (unsigned i = 0, n = below(w, STEPS_MOST); i < n; i++) {
		size_t at = below(w, (uint32_t)b->rule.len);
		switch (below(w, 3)) {
		case 0:
			split(w, b, at);
			break;
		case 1:
			repeat(w, b, at);
			break;
		default:
			exchange(b, at);
		}
	}
	test->rewritten = true;
}

void verify_test_second(struct verify_test_world *w, struct verify_test_case *test)
{
	unsigned how = below(w, 100);
	test->b.default_action = test->a.default_action;
	if (how < 45) {
		edited(w, test);
	} else if (how < 80) {
		rewritten(w, test);
	} else {
		test->b.default_action = chance(w, 70) ? test->a.default_action : IR_PASS;
		for (unsigned i = 0, n = 1 + below(w, (uint32_t)test->a.rule.len + 2); i < n; i++)
			vec_push(w->arena, &test->b.rule, verify_test_rule(w));
	}
}
