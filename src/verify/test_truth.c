// SPDX-License-Identifier: Apache-2.0
// The definitions of verify.h, read aloud over all packets of a case.
#include "verify/test.h"

#include <assert.h>
#include <string.h>

struct verify_test_fate verify_test_fate(const struct ir_ruleset *ruleset,
					 const struct ir_packet *packet)
{
	struct arena arena;
	struct ir_outcome outcome;
	struct verify_test_fate fate = {.rule = SIZE_MAX};
	arena_init(&arena);
	ir_eval(ruleset, packet, &arena, &outcome);
	fate.verdict = outcome.verdict;
	if (outcome.rule)
		fate.rule = (size_t)(outcome.rule - ruleset->rule.at);
	if (outcome.rule && outcome.verdict == IR_RATE_LIMIT)
		fate.rate = outcome.rule->rate;
	arena_fini(&arena);
	return fate;
}

static bool same_rate(struct ir_rate a, struct ir_rate b)
{
	return a.packets == b.packets && a.flows == b.flows && a.bytes_x100 == b.bytes_x100;
}

bool verify_test_same(struct verify_test_fate a, struct verify_test_fate b)
{
	return a.verdict == b.verdict && same_rate(a.rate, b.rate);
}

// --- units ---

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool one_unit(const struct ir_rule *a, const struct ir_rule *b)
{
	return same_text(a->policy, b->policy) && same_text(a->name, b->name) &&
	       a->verdict == b->verdict && a->flow == b->flow && a->log == b->log &&
	       same_rate(a->rate, b->rate);
}

void verify_test_units(const struct ir_ruleset *ruleset, struct arena *arena, size_t **out)
{
	const struct ir_rule *rule = ruleset->rule.at;
	size_t *unit = arena_array(arena, size_t, ruleset->rule.len + 1);
	for (size_t i = 0; i < ruleset->rule.len; i++)
		unit[i] = i && one_unit(&rule[i - 1], &rule[i]) ? unit[i - 1] : i;
	*out = unit;
}

void verify_test_without(const struct ir_ruleset *ruleset, const bool *gone, struct arena *arena,
			 struct ir_ruleset *out)
{
	size_t *unit;
	verify_test_units(ruleset, arena, &unit);
	*out = (struct ir_ruleset){.default_action = ruleset->default_action};
	for (size_t i = 0; i < ruleset->rule.len; i++)
		if (!gone[unit[i]])
			vec_push(arena, &out->rule, ruleset->rule.at[i]);
}

// --- findings ---

const char *const verify_test_kind_name[VERIFY_KINDS] = {
	[VERIFY_EMPTY] = "empty",
	[VERIFY_SHADOWED] = "shadowed",
	[VERIFY_CONFLICTING] = "conflicting",
	[VERIFY_REDUNDANT] = "redundant",
	[VERIFY_GENERALISED] = "generalised",
	[VERIFY_CORRELATED] = "correlated",
};

struct finding {
	const struct verify_test_space *space;
	const struct ir_ruleset *a;
	struct verify_test_findings *out;
	size_t *unit;
	size_t *fate; // unit that decides each class, SIZE_MAX: none
};

// The bits of the rules of a unit.
static uint64_t unit_bits(const struct finding *f, size_t unit)
{
	uint64_t bits = 0;
	for (size_t i = 0; i < f->a->rule.len; i++)
		if (f->unit[i] == unit)
			bits |= (uint64_t)1 << i;
	return bits;
}

static void add(const struct finding *f, struct verify_test_finding finding)
{
	vec_push(f->space->arena, &f->out->list, finding);
}

// Causes as a bit a unit, among the rules that stay.
static void redundant(const struct finding *f, size_t unit)
{
	struct arena arena;
	struct ir_ruleset without;
	struct verify_test_finding finding = {.kind = VERIFY_REDUNDANT, .rule = unit};
	bool same = true;
	arena_init(&arena);
	bool *gone = arena_array(&arena, bool, f->a->rule.len);
	gone[unit] = true;
	verify_test_without(f->a, gone, &arena, &without);
	size_t span = f->a->rule.len - without.rule.len; // its rules
	for (size_t i = 0; i < f->space->class.len && same; i++) {
		const struct ir_packet *packet = f->space->class.at[i].packet;
		struct verify_test_fate fate = verify_test_fate(&without, packet);
		same = verify_test_same(fate, verify_test_fate(f->a, packet));
		if (f->fate[i] != unit)
			continue;
		finding.by_default |= fate.rule == SIZE_MAX;
		if (fate.rule != SIZE_MAX)
			finding.causes |= (uint64_t)1
					  << f->unit[fate.rule + (fate.rule >= unit ? span : 0)];
	}
	arena_fini(&arena);
	if (same)
		add(f, finding);
}

static bool otherwise(const struct ir_rule *a, const struct ir_rule *b)
{
	return a->verdict != b->verdict ||
	       (a->verdict == IR_RATE_LIMIT && !same_rate(a->rate, b->rate));
}

// EMPTY, SHADOWED, CONFLICTING, or REDUNDANT.
static void dead(const struct finding *f, size_t unit)
{
	uint64_t bits = unit_bits(f, unit), causes = 0;
	bool matches = false, decides = false, differs = false;
	for (size_t i = 0; i < f->space->class.len; i++) {
		if (!(f->space->class.at[i].match & bits))
			continue;
		matches = true;
		decides |= f->fate[i] == unit || f->fate[i] == SIZE_MAX || f->fate[i] > unit;
		if (f->fate[i] < unit) {
			causes |= (uint64_t)1 << f->fate[i];
			differs |= otherwise(&f->a->rule.at[f->fate[i]], &f->a->rule.at[unit]);
		}
	}
	if (!matches)
		add(f, (struct verify_test_finding){.kind = VERIFY_EMPTY, .rule = unit});
	else if (!decides)
		add(f, (struct verify_test_finding){.kind = differs ? VERIFY_CONFLICTING
								    : VERIFY_SHADOWED,
						    .rule = unit,
						    .causes = causes});
	else if (f->a->rule.at[unit].verdict != IR_NONE)
		redundant(f, unit);
}

// What of the two units' packets there is: only of the first, of both, only of the second.
struct shares {
	bool first, both, second;
};

static struct shares shares(const struct finding *f, size_t a, size_t b)
{
	uint64_t bits_a = unit_bits(f, a), bits_b = unit_bits(f, b);
	struct shares s = {0};
	for (size_t i = 0; i < f->space->class.len; i++) {
		bool in_a = f->space->class.at[i].match & bits_a,
		     in_b = f->space->class.at[i].match & bits_b;
		s.first |= in_a && !in_b;
		s.both |= in_a && in_b;
		s.second |= in_b && !in_a;
	}
	return s;
}

static void overlaps(const struct finding *f, size_t unit)
{
	const struct ir_rule *rule = f->a->rule.at;
	uint64_t within = 0, across = 0;
	for (size_t i = unit + 1; i < f->a->rule.len && rule[unit].verdict != IR_NONE; i++) {
		if (f->unit[i] != i || rule[i].verdict == IR_NONE ||
		    !otherwise(&rule[unit], &rule[i]))
			continue;
		struct shares s = shares(f, unit, i);
		if (s.both && s.second && !s.first)
			within |= (uint64_t)1 << i;
		if (s.both && s.second && s.first)
			across |= (uint64_t)1 << i;
	}
	if (within)
		add(f, (struct verify_test_finding){VERIFY_GENERALISED, unit, within, false});
	if (across)
		add(f, (struct verify_test_finding){VERIFY_CORRELATED, unit, across, false});
}

void verify_test_findings(const struct verify_test_space *space, struct verify_test_findings *out)
{
	const struct ir_ruleset *a = &space->test->a;
	struct finding f = {.space = space, .a = a, .out = out};
	*out = (struct verify_test_findings){0};
	verify_test_units(a, space->arena, &f.unit);
	f.fate = arena_array(space->arena, size_t, space->class.len);
	for (size_t i = 0; i < space->class.len; i++) {
		struct verify_test_fate fate = verify_test_fate(a, space->class.at[i].packet);
		f.fate[i] = fate.rule == SIZE_MAX ? SIZE_MAX : f.unit[fate.rule];
	}
	for (size_t i = 0; i < a->rule.len; i++)
		if (f.unit[i] == i) {
			dead(&f, i);
			overlaps(&f, i);
		}
}

// --- differences and guarantees ---

void verify_test_pairs(const struct verify_test_space *space, struct verify_test_pairs *out)
{
	*out = (struct verify_test_pairs){0};
	for (size_t i = 0; i < space->class.len; i++) {
		const struct ir_packet *packet = space->class.at[i].packet;
		struct verify_test_fate a = verify_test_fate(&space->test->a, packet),
					b = verify_test_fate(&space->test->b, packet);
		bool known = verify_test_same(a, b);
		for (size_t k = 0; k < out->list.len && !known; k++)
			known = out->list.at[k].a == a.rule && out->list.at[k].b == b.rule &&
				out->list.at[k].verdict_a == a.verdict &&
				out->list.at[k].verdict_b == b.verdict;
		if (!known)
			vec_push(space->arena, &out->list,
				 (struct verify_test_pair){a.rule, b.rule, a.verdict, b.verdict,
							   packet});
	}
}

bool verify_test_broken(const struct verify_test_space *space, size_t guarantee)
{
	const struct verify_test_case *t = space->test;
	const struct ir_rule *g = &t->guarantee.at[guarantee];
	size_t bit = t->a.rule.len + t->b.rule.len + guarantee;
	bool must_pass = g->verdict == IR_PASS || g->verdict == IR_RATE_LIMIT;
	for (size_t i = 0; i < space->class.len; i++) {
		if (!(space->class.at[i].match >> bit & 1))
			continue;
		enum ir_verdict is = verify_test_fate(&t->a, space->class.at[i].packet).verdict;
		if ((is == IR_PASS || is == IR_RATE_LIMIT) != must_pass)
			return true;
	}
	return false;
}
