// SPDX-License-Identifier: Apache-2.0
// Every question answered by trying all packets of the case. Slow, and short enough to be read through.
#include "verify/test.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

// The case that a question is about, and its packets.
struct asked {
	struct verify_test_case test;
	struct verify_test_space space;
	struct arena arena;
};

// What the rulesets of a question say; too large a case is a fault of the test.
static void look(struct asked *q, const struct verify_options *options, struct arena *arena)
{
	q->test.from = options->from;
	q->test.until = options->until;
	q->test.where = options->where;
	if (!verify_test_space(&q->test, NULL, arena, &q->space))
		abort();
}

// Units go, the last first, for as long as nothing changes; what could not go may do so when others have gone.
static bool *all_that_can_go(const struct verify_test_units *u, struct arena *arena)
{
	bool *gone = arena_array(arena, bool, u->list.len + 1), more = true;
	while (more) {
		more = false;
		for (size_t i = u->list.len; i-- > 0;) {
			if (gone[i] || (u->list.at[i].only_logs && u->list.at[i].lives))
				continue;
			gone[i] = true;
			gone[i] = verify_test_may_go(u, gone);
			more |= gone[i];
		}
	}
	return gone;
}

// A packet that the unit and the cause match, the best there is: with conflicts the cause must decide it, else the unit
// should.
static const struct ir_packet *shared_packet(const struct verify_test_units *u, size_t unit,
					     size_t cause, bool conflict)
{
	const struct ir_packet *some = NULL;
	for (size_t i = 0; i < u->space->class.len; i++) {
		const struct verify_test_class *c = &u->space->class.at[i];
		bool both =
			(c->match & u->list.at[unit].bits) && (c->match & u->list.at[cause].bits);
		bool good = u->fate[i].rule != SIZE_MAX &&
			    u->of[u->fate[i].rule] == (conflict ? cause : unit);
		if (both && good)
			return c->packet;
		if (both && !some && !conflict)
			some = c->packet;
	}
	return some;
}

static struct verify_finding told(const struct verify_test_units *u,
				  const struct verify_test_finding *found)
{
	struct verify_finding f = {
		.kind = found->kind, .rule = found->rule, .by_default = found->by_default};
	bool conflict = found->kind == VERIFY_CONFLICTING;
	for (size_t i = 0; i < u->list.len; i++) {
		if (!(found->causes >> u->list.at[i].rule & 1))
			continue;
		if (f.causes < VERIFY_CAUSES_MOST)
			f.cause[f.causes++] = u->list.at[i].rule;
		f.causes_all++;
		bool shows = conflict ? verify_test_otherwise(u, u->of[f.rule], i)
				      : found->kind > VERIFY_REDUNDANT;
		if (shows && !f.packet)
			f.packet = shared_packet(u, u->of[f.rule], i, conflict);
	}
	return f;
}

static enum verify_kind kind_of(const struct verify_test_findings *all, size_t rule)
{
	for (size_t i = 0; i < all->list.len; i++)
		if (all->list.at[i].rule == rule && all->list.at[i].kind <= VERIFY_REDUNDANT)
			return all->list.at[i].kind;
	return VERIFY_REDUNDANT; // because others go
}

static void naive_findings(const struct ir_ruleset *ruleset, const struct verify_options *options,
			   struct arena *arena, verify_finding_fn found, void *user,
			   struct verify_summary *out)
{
	struct asked q = {.test = {.a = *ruleset}};
	struct verify_test_findings all;
	struct verify_test_units u;
	*out = (struct verify_summary){.status = VERIFY_DONE};
	look(&q, options, arena);
	verify_test_look(&q.space, &u);
	verify_test_findings(&u, &all);
	for (size_t i = 0; i < all.list.len; i++) {
		struct verify_finding f = told(&u, &all.list.at[i]);
		found(user, &f);
		out->count[f.kind]++;
	}
	bool *gone = all_that_can_go(&u, arena);
	for (size_t i = 0; i < u.list.len; i++) {
		size_t rule = u.list.at[i].rule;
		struct verify_finding f = {
			.kind = kind_of(&all, rule), .rule = rule, .together = true};
		if (gone[i])
			found(user, &f);
		out->removable += gone[i];
	}
}

static void naive_compare(const struct ir_ruleset *a, const struct ir_ruleset *b,
			  const struct verify_options *options, size_t most, struct arena *arena,
			  struct verify_comparison *out)
{
	struct asked q = {.test = {.a = *a, .b = *b}};
	struct verify_test_pairs pairs;
	*out = (struct verify_comparison){.status = VERIFY_DONE};
	look(&q, options, arena);
	verify_test_pairs(&q.space, &pairs);
	out->equal = !pairs.list.len;
	out->differences = pairs.list.len;
	for (size_t i = 0; i < pairs.list.len && i < most; i++) {
		const struct verify_test_pair *p = &pairs.list.at[i];
		vec_push(arena, &out->difference,
			 (struct verify_difference){
				 .verdict_a = p->verdict_a,
				 .verdict_b = p->verdict_b,
				 .rule_a = p->a == SIZE_MAX ? NULL : &a->rule.at[p->a],
				 .rule_b = p->b == SIZE_MAX ? NULL : &b->rule.at[p->b],
				 .reply = p->packet->reply,
				 .packet = p->packet});
	}
}

static void naive_what_if(const struct ir_ruleset *a, const struct verify_options *options,
			  const struct verify_edit *edit, size_t edits, size_t most,
			  struct arena *arena, struct verify_comparison *out)
{
	struct ir_ruleset b = {.default_action = a->default_action};
	VEC(const struct ir_rule *) source = {0};
	size_t at = 0;
	for (size_t e = 0; e <= edits; e++) {
		size_t end = e < edits ? edit[e].at : a->rule.len;
		for (; at < end; at++)
			vec_push(arena, &source, &a->rule.at[at]);
		for (size_t i = 0; e < edits && i < edit[e].inserts; i++)
			vec_push(arena, &source, &edit[e].insert[i]);
		at += e < edits ? edit[e].removed : 0;
	}
	for (size_t i = 0; i < source.len; i++)
		vec_push(arena, &b.rule, *source.at[i]);
	naive_compare(a, &b, options, most, arena, out);
	for (size_t i = 0; i < out->difference.len; i++) {
		const struct ir_rule **rule = &out->difference.at[i].rule_b;
		*rule = *rule ? source.at[*rule - b.rule.at] : NULL;
	}
}

static void naive_decides(const struct ir_ruleset *a, const struct verify_options *options,
			  const struct ir_packet *const *packet, size_t packets, size_t *out)
{
	(void)options;
	for (size_t i = 0; i < packets; i++)
		out[i] = verify_test_fate(a, packet[i]).rule;
}

static void naive_assert(const struct ir_ruleset *ruleset, const struct ir_rule *guarantee,
			 size_t guarantees, const struct verify_options *options,
			 struct arena *arena, struct verify_assertion *out)
{
	struct asked q = {.test = {.a = *ruleset}};
	*out = (struct verify_assertion){.status = VERIFY_DONE};
	for (size_t g = 0; g < guarantees; g++)
		vec_push(arena, &q.test.guarantee, guarantee[g]);
	look(&q, options, arena);
	for (size_t g = 0; g < guarantees; g++) {
		bool must_pass = guarantee[g].verdict == IR_PASS;
		for (size_t i = 0; i < q.space.class.len; i++) {
			const struct verify_test_class *c = &q.space.class.at[i];
			struct verify_test_fate fate = verify_test_fate(ruleset, c->packet);
			bool passes = fate.verdict == IR_PASS || fate.verdict == IR_RATE_LIMIT;
			if (!(c->match >> (ruleset->rule.len + g) & 1) || passes == must_pass)
				continue;
			vec_push(arena, &out->broken,
				 (struct verify_broken){
					 .guarantee = &guarantee[g],
					 .by = fate.rule == SIZE_MAX ? NULL
								     : &ruleset->rule.at[fate.rule],
					 .verdict = fate.verdict,
					 .packet = c->packet});
			break;
		}
	}
}

const struct verify_test_engine verify_test_naive = {
	.name = "naive",
	.units = verify_test_units,
	.findings = naive_findings,
	.compare = naive_compare,
	.what_if = naive_what_if,
	.decides = naive_decides,
	.assert = naive_assert,
};
