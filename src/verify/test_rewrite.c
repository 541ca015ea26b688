// SPDX-License-Identifier: Apache-2.0
// Second versions of large rulesets whose answer is known: one that differs, one that is equal.
#include "verify/test_sets.h"

#include <string.h>

#define EDITS 10
#define ADDED_PERCENT 5
#define MERGED_PERCENT 10
#define PARTS_MOST 4
#define SPLITS_MOST 2 // of one rule, one behind the other
#define SHUFFLES 200  // how far a rule may wander, in exchanges tried

struct rewriting {
	struct test_random random;
	struct arena *arena;
	struct ir_ruleset *out;
};

static uint32_t below(struct rewriting *w, size_t n)
{
	return test_random_below(&w->random, (uint32_t)n);
}

static bool chance(struct rewriting *w, unsigned percent)
{
	return test_random_chance(&w->random, percent);
}

static void push(struct rewriting *w, struct ir_rule rule)
{
	vec_push(w->arena, &w->out->rule, rule);
}

static void insert(struct rewriting *w, size_t at, struct ir_rule rule)
{
	struct ir_ruleset *r = w->out;
	push(w, rule);
	memmove(r->rule.at + at + 1, r->rule.at + at, (r->rule.len - 1 - at) * sizeof(rule));
	r->rule.at[at] = rule;
}

static void take_out(struct rewriting *w, size_t at)
{
	struct ir_ruleset *r = w->out;
	memmove(r->rule.at + at, r->rule.at + at + 1, (r->rule.len - 1 - at) * sizeof(*r->rule.at));
	r->rule.len--;
}

static void copy(const struct ir_ruleset *in, struct rewriting *w)
{
	*w->out = (struct ir_ruleset){.default_action = in->default_action};
	for (size_t i = 0; i < in->rule.len; i++)
		push(w, in->rule.at[i]);
}

static enum ir_verdict opposite(enum ir_verdict verdict)
{
	return verdict == IR_PASS ? IR_DROP : IR_PASS;
}

// --- edits ---

static u128 value_in(const struct ir_clause *clause, enum ir_dim dim, u128 otherwise)
{
	const struct algebra_set *set = ir_clause_set(clause, dim);
	return set ? set->at[0].lo : otherwise;
}

// A packet of the rule's.
static void aim(const struct ir_rule *rule, struct ir_packet *out)
{
	const struct ir_clause *c = &rule->clause[0];
	bool four = value_in(c, IR_FAMILY, 4) == 4;
	*out = (struct ir_packet){.time = 1773187200};
	ir_packet_set(out, IR_FAMILY, four ? 4 : 6);
	ir_packet_set(out, four ? IR_SRC4 : IR_SRC6, value_in(c, four ? IR_SRC4 : IR_SRC6, 1));
	ir_packet_set(out, four ? IR_DST4 : IR_DST6, value_in(c, four ? IR_DST4 : IR_DST6, 1));
	u128 proto = value_in(c, IR_PROTO, 6);
	ir_packet_set(out, IR_PROTO, proto);
	if (proto == 6 || proto == 17) {
		ir_packet_set(out, IR_SPORT, value_in(c, IR_SPORT, 40000));
		ir_packet_set(out, IR_DPORT, value_in(c, IR_DPORT, 9));
	}
}

static enum ir_verdict verdict_of(const struct ir_ruleset *ruleset, const struct ir_packet *packet)
{
	struct arena arena;
	struct ir_outcome outcome;
	arena_init(&arena);
	ir_eval(ruleset, packet, &arena, &outcome);
	arena_fini(&arena);
	return outcome.verdict;
}

// The very first rule says otherwise for this one packet.
static void insert_exception(struct rewriting *w, const struct ir_ruleset *in,
			     struct ir_packet *differs_out)
{
	struct ir_rule rule = in->rule.at[below(w, in->rule.len)];
	struct ir_clause *clause = arena_new(w->arena, struct ir_clause);
	aim(&rule, differs_out);
	for (unsigned d = 0; d < IR_DIMS; d++) {
		u128 v = differs_out->value[d];
		if (differs_out->has >> d & 1 && !ir_clause_narrow(clause, w->arena, (enum ir_dim)d,
								   algebra_set_one(w->arena, v, v)))
			return; // does not happen: each dimension is narrowed once
	}
	rule.name = "exception";
	rule.clause = clause;
	rule.clauses = 1;
	rule.verdict = opposite(verdict_of(in, differs_out));
	insert(w, 0, rule);
}

void test_sets_edit(const struct ir_ruleset *in, uint64_t seed, struct arena *arena,
		    struct ir_ruleset *out, struct ir_packet *differs_out)
{
	struct rewriting w = {.random = {seed}, .arena = arena, .out = out};
	copy(in, &w);
	for (unsigned i = 0; i < EDITS; i++) {
		size_t at = below(&w, out->rule.len), to = below(&w, out->rule.len);
		struct ir_rule rule = out->rule.at[at];
		switch (i % 4) {
		case 0:
			out->rule.at[at].verdict = opposite(rule.verdict);
			break;
		case 1:
			take_out(&w, at);
			break;
		case 2: // what another rule is about, decided otherwise
			rule.verdict = opposite(rule.verdict);
			rule.name = arena_printf(arena, "added %u", i);
			insert(&w, to, rule);
			break;
		default:
			take_out(&w, at);
			insert(&w, to < out->rule.len ? to : 0, rule);
		}
	}
	insert_exception(&w, in, differs_out);
}

// --- rewriting ---

static struct ir_rule with_set(struct rewriting *w, const struct ir_rule *rule, size_t cond,
			       struct algebra_set set)
{
	struct ir_rule is = *rule;
	is.clause = arena_new(w->arena, struct ir_clause);
	*is.clause = ir_clause_copy(&rule->clause[0], w->arena);
	is.clause[0].cond[cond].set = set;
	return is;
}

// A range in parts, in any order. How many.
static unsigned parts_of(struct rewriting *w, struct algebra_range r, struct algebra_range *part)
{
	unsigned n = 2 + below(w, PARTS_MOST - 1), parts = 0;
	u128 step = (r.hi - r.lo) / n + 1;
	for (u128 lo = r.lo; parts < n && lo <= r.hi && lo >= r.lo; lo += step)
		part[parts++] = (struct algebra_range){lo, r.hi - lo < step ? r.hi : lo + step - 1};
	for (unsigned i = parts; i > 1; i--) {
		unsigned k = below(w, i);
		struct algebra_range kept = part[i - 1];
		part[i - 1] = part[k];
		part[k] = kept;
	}
	return parts;
}

// One of the conditions that can be cut; their number when there is none.
static size_t some_range(struct rewriting *w, const struct ir_clause *c)
{
	size_t from = c->len ? below(w, c->len) : 0;
	for (size_t i = 0; i < c->len; i++) {
		struct algebra_set set = c->cond[(from + i) % c->len].set;
		if (set.len == 1 && set.at[0].lo < set.at[0].hi)
			return (from + i) % c->len;
	}
	return c->len;
}

// The rule, cut along one of its conditions, its parts perhaps once more along another.
static void push_split(struct rewriting *w, struct ir_rule rule, unsigned percent, unsigned depth)
{
	const struct ir_clause *c = &rule.clause[0];
	size_t which = some_range(w, c);
	struct algebra_range part[PARTS_MOST];
	if (depth == SPLITS_MOST || which == c->len || !chance(w, depth ? percent / 3 : percent)) {
		push(w, rule);
		return;
	}
	unsigned parts = parts_of(w, c->cond[which].set.at[0], part);
	for (unsigned i = 0; i < parts; i++)
		push_split(w,
			   with_set(w, &rule, which,
				    algebra_set_one(w->arena, part[i].lo, part[i].hi)),
			   percent, depth + 1);
}

// A part of the rule before it, doing the same: the rule itself would decide these packets.
static void add_part(struct rewriting *w, const struct ir_rule *rule)
{
	const struct ir_clause *c = &rule->clause[0];
	for (size_t i = 0; i < c->len; i++) {
		struct algebra_range r = c->cond[i].set.at[0];
		if (c->cond[i].set.len != 1 || r.lo == r.hi)
			continue;
		struct ir_rule part = with_set(
			w, rule, i, algebra_set_one(w->arena, r.lo, r.lo + (r.hi - r.lo) / 3));
		part.name = arena_printf(w->arena, "%s part", rule->name);
		push(w, part);
		return;
	}
}

// Two neighbours that do the same are one rule of two clauses.
static bool merge(struct rewriting *w, const struct ir_rule *rule)
{
	struct ir_rule *last = w->out->rule.len ? &w->out->rule.at[w->out->rule.len - 1] : NULL;
	if (!last || last->verdict != rule->verdict || last->clauses != 1)
		return false;
	struct ir_clause *both = arena_array(w->arena, struct ir_clause, 2);
	both[0] = last->clause[0];
	both[1] = rule->clause[0];
	last->clause = both;
	last->clauses = 2;
	return true;
}

static bool may_exchange(const struct ir_rule *a, const struct ir_rule *b)
{
	if (a->verdict == b->verdict)
		return true;
	for (size_t i = 0; i < a->clauses; i++)
		for (size_t k = 0; k < b->clauses; k++)
			if (ir_clause_overlaps(&a->clause[i], &b->clause[k]))
				return false;
	return true;
}

static void shuffle(struct rewriting *w)
{
	struct ir_rule *rule = w->out->rule.at;
	for (size_t i = 0; i + 1 < w->out->rule.len; i++) {
		size_t at = i;
		for (unsigned k = below(w, SHUFFLES); k && at + 1 < w->out->rule.len; k--) {
			if (!may_exchange(&rule[at], &rule[at + 1]))
				break;
			struct ir_rule kept = rule[at];
			rule[at] = rule[at + 1];
			rule[++at] = kept;
		}
	}
}

void test_sets_rewrite_as(const struct ir_ruleset *in, const struct test_sets_rewriting *how,
			  struct arena *arena, struct ir_ruleset *out)
{
	struct rewriting w = {.random = {how->seed}, .arena = arena, .out = out};
	*out = (struct ir_ruleset){.default_action = in->default_action};
	for (size_t i = 0; i < in->rule.len; i++) {
		const struct ir_rule *rule = &in->rule.at[i];
		if (chance(&w, ADDED_PERCENT))
			add_part(&w, rule);
		if (!chance(&w, MERGED_PERCENT) || !merge(&w, rule))
			push_split(&w, *rule, how->split_percent, 0);
		if (chance(&w, ADDED_PERCENT) && i) { // again, behind itself: decides nothing
			struct ir_rule again = in->rule.at[below(&w, i)];
			again.name = arena_printf(arena, "%s again", again.name);
			again.verdict = opposite(again.verdict);
			push(&w, again);
		}
	}
	shuffle(&w);
}

void test_sets_rewrite(const struct ir_ruleset *in, uint64_t seed, struct arena *arena,
		       struct ir_ruleset *out)
{
	test_sets_rewrite_as(in, &(struct test_sets_rewriting){seed, 20}, arena, out);
}
