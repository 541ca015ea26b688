// SPDX-License-Identifier: Apache-2.0
// The definitions of verify.h, read aloud over all packets of a case.
#include "verify/test.h"

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
	if (outcome.rule) {
		fate.rule = (size_t)(outcome.rule - ruleset->rule.at);
		fate.log = outcome.rule->log;
	}
	if (outcome.rule && outcome.verdict == IR_RATE_LIMIT)
		fate.rate = outcome.rule->rate;
	for (size_t i = 0; i < outcome.logged.len; i++)
		if (outcome.logged.at[i]->verdict == IR_NONE)
			fate.logged |= (uint64_t)1 << (outcome.logged.at[i] - ruleset->rule.at);
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

static bool logged_alike(struct verify_test_fate a, struct verify_test_fate b)
{
	return verify_test_same(a, b) && a.log == b.log && a.logged == b.logged;
}

// --- units ---

static bool one_unit(const struct ir_rule *a, const struct ir_rule *b)
{
	return a->policy && b->policy && a->name && b->name && !strcmp(a->policy, b->policy) &&
	       !strcmp(a->name, b->name) && a->verdict == b->verdict && a->flow == b->flow &&
	       a->log == b->log && same_rate(a->rate, b->rate);
}

void verify_test_units(const struct ir_ruleset *ruleset, struct arena *arena, size_t **out)
{
	const struct ir_rule *rule = ruleset->rule.at;
	size_t *unit = arena_array(arena, size_t, ruleset->rule.len + 1);
	for (size_t i = 0; i < ruleset->rule.len; i++)
		unit[i] = i && one_unit(&rule[i - 1], &rule[i]) ? unit[i - 1] : i;
	*out = unit;
}

static void find_units(struct verify_test_units *u)
{
	const struct ir_ruleset *a = &u->space->test->a;
	size_t *first;
	verify_test_units(a, u->space->arena, &first);
	u->of = arena_array(u->space->arena, size_t, a->rule.len + 1);
	for (size_t i = 0; i < a->rule.len; i++) {
		if (first[i] == i)
			vec_push(u->space->arena, &u->list,
				 (struct verify_test_unit){
					 .rule = i, .only_logs = a->rule.at[i].verdict == IR_NONE});
		u->of[i] = u->list.len - 1;
		u->list.at[u->of[i]].end = i + 1;
		u->list.at[u->of[i]].bits |= (uint64_t)1 << i;
	}
}

void verify_test_look(const struct verify_test_space *space, struct verify_test_units *out)
{
	*out = (struct verify_test_units){.space = space};
	find_units(out);
	out->fate = arena_array(space->arena, struct verify_test_fate, space->class.len);
	for (size_t i = 0; i < space->class.len; i++) {
		struct verify_test_fate fate =
			verify_test_fate(&space->test->a, space->class.at[i].packet);
		out->fate[i] = fate;
		if (fate.rule != SIZE_MAX)
			out->list.at[out->of[fate.rule]].lives = true;
		for (size_t r = 0; r < space->test->a.rule.len && r < fate.rule; r++)
			if (space->class.at[i].match >> r & 1) // gets there, so it only logs
				out->list.at[out->of[r]].lives = true;
	}
}

bool verify_test_otherwise(const struct verify_test_units *u, size_t a, size_t b)
{
	const struct ir_rule *x = &u->space->test->a.rule.at[u->list.at[a].rule],
			     *y = &u->space->test->a.rule.at[u->list.at[b].rule];
	if (x->log != y->log)
		return true;
	if (u->list.at[a].only_logs || u->list.at[b].only_logs)
		return false;
	return x->verdict != y->verdict ||
	       (x->verdict == IR_RATE_LIMIT && !same_rate(x->rate, y->rate));
}

struct verify_test_fate verify_test_without(const struct verify_test_units *u, const bool *gone,
					    size_t class)
{
	const struct ir_ruleset *a = &u->space->test->a;
	struct ir_ruleset rest = {.default_action = a->default_action};
	struct arena arena;
	VEC(size_t) origin = {0};
	arena_init(&arena);
	for (size_t i = 0; i < a->rule.len; i++)
		if (!gone[u->of[i]]) {
			vec_push(&arena, &rest.rule, a->rule.at[i]);
			vec_push(&arena, &origin, i);
		}
	struct verify_test_fate is = verify_test_fate(&rest, u->space->class.at[class].packet),
				fate = is;
	fate.rule = is.rule == SIZE_MAX ? SIZE_MAX : origin.at[is.rule];
	fate.logged = 0;
	for (size_t i = 0; i < origin.len; i++)
		fate.logged |= (is.logged >> i & 1) << origin.at[i];
	arena_fini(&arena);
	return fate;
}

bool verify_test_may_go(const struct verify_test_units *u, const bool *gone)
{
	for (size_t i = 0; i < u->space->class.len; i++)
		if (!logged_alike(u->fate[i], verify_test_without(u, gone, i)))
			return false;
	return true;
}

// --- findings ---

static void add(const struct verify_test_units *u, struct verify_test_findings *out,
		struct verify_test_finding finding)
{
	vec_push(u->space->arena, &out->list, finding);
}

static uint64_t bit_of(const struct verify_test_units *u, size_t rule)
{
	return (uint64_t)1 << u->list.at[u->of[rule]].rule;
}

// Units before this one that match the packet, decide, and do the same.
static uint64_t repeated(const struct verify_test_units *u, size_t unit, size_t class)
{
	uint64_t same = 0;
	for (size_t k = 0; k < unit; k++)
		if (u->space->class.at[class].match & u->list.at[k].bits &&
		    !u->list.at[k].only_logs && !verify_test_otherwise(u, unit, k))
			same |= bit_of(u, u->list.at[k].rule);
	return same;
}

static void dead(const struct verify_test_units *u, size_t unit, struct verify_test_findings *out)
{
	struct verify_test_finding f = {.kind = VERIFY_EMPTY, .rule = u->list.at[unit].rule};
	uint64_t deciders = 0, all_same = 0;
	for (size_t i = 0; i < u->space->class.len; i++) {
		if (!(u->space->class.at[i].match & u->list.at[unit].bits))
			continue;
		uint64_t same = repeated(u, unit, i);
		deciders |= bit_of(u, u->fate[i].rule); // somebody before it
		all_same |= same;
		if (f.kind == VERIFY_EMPTY)
			f.kind = VERIFY_SHADOWED;
		if (!same)
			f.kind = VERIFY_CONFLICTING;
	}
	f.causes = f.kind == VERIFY_SHADOWED ? all_same : deciders;
	add(u, out, f);
}

static void redundant(const struct verify_test_units *u, size_t unit,
		      struct verify_test_findings *out)
{
	struct verify_test_finding f = {.kind = VERIFY_REDUNDANT, .rule = u->list.at[unit].rule};
	struct arena arena;
	arena_init(&arena);
	bool *gone = arena_array(&arena, bool, u->list.len);
	gone[unit] = true;
	for (size_t i = 0; i < u->space->class.len; i++) {
		if (u->fate[i].rule == SIZE_MAX || u->of[u->fate[i].rule] != unit)
			continue;
		struct verify_test_fate fate = verify_test_without(u, gone, i);
		f.by_default |= fate.rule == SIZE_MAX;
		if (fate.rule != SIZE_MAX)
			f.causes |= bit_of(u, fate.rule);
	}
	if (f.by_default)
		f.causes = 0;
	if (verify_test_may_go(u, gone))
		add(u, out, f);
	arena_fini(&arena);
}

// Whether all, some or none of the packets of unit `a` are of unit `b`.
struct shared {
	bool some, all;
};

static struct shared shared(const struct verify_test_units *u, size_t a, size_t b)
{
	struct shared s = {.all = true};
	for (size_t i = 0; i < u->space->class.len; i++) {
		uint64_t match = u->space->class.at[i].match;
		if (!(match & u->list.at[a].bits))
			continue;
		s.some |= (match & u->list.at[b].bits) != 0;
		s.all &= (match & u->list.at[b].bits) != 0;
	}
	return s;
}

// A later one that lives has packets of its own: none before it has decided them.
static void overlaps(const struct verify_test_units *u, size_t unit,
		     struct verify_test_findings *out)
{
	struct verify_test_finding general = {.kind = VERIFY_GENERALISED,
					      .rule = u->list.at[unit].rule},
				   correlated = general;
	correlated.kind = VERIFY_CORRELATED;
	for (size_t i = unit + 1; i < u->list.len; i++) {
		struct shared s = shared(u, unit, i);
		if (!u->list.at[i].lives || u->list.at[i].only_logs ||
		    !verify_test_otherwise(u, unit, i) || !s.some)
			continue;
		*(s.all ? &general.causes : &correlated.causes) |= bit_of(u, u->list.at[i].rule);
	}
	if (general.causes)
		add(u, out, general);
	if (correlated.causes)
		add(u, out, correlated);
}

void verify_test_findings(const struct verify_test_units *u, struct verify_test_findings *out)
{
	*out = (struct verify_test_findings){0};
	for (size_t i = 0; i < u->list.len; i++) {
		if (!u->list.at[i].lives) {
			dead(u, i, out);
		} else if (!u->list.at[i].only_logs) {
			redundant(u, i, out);
			overlaps(u, i, out);
		}
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
