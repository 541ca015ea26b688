// SPDX-License-Identifier: Apache-2.0
// What an edit does, by comparison: packets fare otherwise only where an edited rule matches, so the rules that meet the
// edited ones, found through the tree, are two small rulesets (before and behind the edit) that differ as the whole ones do.
#include "verify/prepared.h"

#include <stdlib.h>
#include <string.h>

// --- kinds ---

static unsigned kinds_of(const struct ir_rule *rule)
{
	unsigned kinds = 1u << (rule->flow ? FLOW : PACKET);
	for (size_t k = 0; k < rule->clauses; k++)
		for (size_t i = 0; i < rule->clause[k].len; i++) {
			enum ir_dim dim = rule->clause[k].cond[i].dim;
			if (rule->flow && ir_dim_info[dim].kind == IR_KIND_PACKET)
				kinds |= 1u << FLOW_READS_PACKET;
			if (dim == IR_ETHERTYPE)
				kinds |= 1u << ETHERTYPES;
			if (dim == IR_FRAGOFF)
				kinds |= 1u << FRAGMENTS;
		}
	return kinds;
}

void verify_kinds_count(struct verify_prepared *p)
{
	for (size_t i = p->ruleset->rule.len; i-- > 0;) {
		unsigned kinds = kinds_of(&p->ruleset->rule.at[i]);
		for (unsigned k = 0; k < KINDS; k++) {
			p->kinds[k] += kinds >> k & 1;
			if (kinds >> k & 1)
				p->first[k] = i;
		}
	}
}

static bool is_removed(const struct verify_asking *q, size_t rule)
{
	size_t lo = 0, hi = q->edits; // edits that begin at it or before
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (q->edit[mid].at <= rule)
			lo = mid + 1;
		else
			hi = mid;
	}
	while (lo && !q->edit[lo - 1].removed)
		lo--;
	return lo && rule < q->edit[lo - 1].at + q->edit[lo - 1].removed;
}

static void count_kinds(const struct ir_rule *rule, size_t *count, bool more)
{
	unsigned kinds = kinds_of(rule);
	for (unsigned k = 0; k < KINDS; k++)
		count[k] += more ? kinds >> k & 1 : -(size_t)(kinds >> k & 1);
}

static void add_near(const struct verify_asking *q, struct verify_near *near, size_t rule)
{
	vec_push(q->arena, &near->list, (uint32_t)rule);
}

static void add_kind(const struct verify_asking *q, unsigned kind, struct verify_near *near)
{
	const struct ir_ruleset *ruleset = q->p->ruleset;
	for (size_t i = q->p->first[kind]; i < ruleset->rule.len; i++)
		if (kinds_of(&ruleset->rule.at[i]) >> kind & 1 && !is_removed(q, i)) {
			add_near(q, near, i);
			return;
		}
}

bool verify_kinds_near(const struct verify_asking *q, struct verify_near *near)
{
	size_t after[KINDS];
	memcpy(after, q->p->kinds, sizeof(after));
	for (size_t e = 0; e < q->edits; e++) {
		const struct verify_edit *edit = &q->edit[e];
		for (size_t i = 0; i < edit->removed; i++)
			count_kinds(&q->p->ruleset->rule.at[edit->at + i], after, false);
		for (size_t i = 0; i < edit->inserts; i++)
			count_kinds(&edit->insert[i], after, true);
	}
	for (unsigned k = 0; k < KINDS; k++) {
		if (!q->p->kinds[k] != !after[k])
			return false;
		if (after[k])
			add_kind(q, k, near);
	}
	return true;
}

// --- small rulesets ---

static void settle(struct verify_near *near)
{
	size_t kept = 0;
	algebra_numbers_sort(near->list.at, near->list.len);
	for (size_t i = 0; i < near->list.len; i++)
		if (!kept || near->list.at[kept - 1] != near->list.at[i])
			near->list.at[kept++] = near->list.at[i];
	near->list.len = kept;
}

static void copy_rule(const struct verify_asking *q, struct verify_copied *to,
		      const struct ir_rule *rule)
{
	vec_push(q->arena, &to->ruleset.rule, *rule);
	vec_push(q->arena, &to->source, rule);
}

void verify_copies_make(const struct verify_asking *q, struct verify_near *near,
			struct verify_copied *before, struct verify_copied *after)
{
	const struct ir_ruleset *ruleset = q->p->ruleset;
	size_t e = 0;
	settle(near);
	for (size_t i = 0; i <= near->list.len; i++) {
		size_t rule = i < near->list.len ? near->list.at[i] : ruleset->rule.len;
		for (; e < q->edits && q->edit[e].at <= rule; e++)
			for (size_t k = 0; k < q->edit[e].inserts; k++)
				copy_rule(q, after, &q->edit[e].insert[k]);
		if (i == near->list.len)
			break;
		copy_rule(q, before, &ruleset->rule.at[rule]);
		if (!is_removed(q, rule))
			copy_rule(q, after, &ruleset->rule.at[rule]);
	}
	before->ruleset.default_action = after->ruleset.default_action = ruleset->default_action;
}

// --- rules that meet the edited ones ---

static void add_meeting(const struct verify_asking *q, const struct verify_slice *slice,
			const uint64_t *box, struct verify_near *near)
{
	const struct algebra_boxes *boxes = slice->layer[0].boxes;
	struct algebra_ids ids = {0};
	algebra_boxes_meeting(boxes, box, 0, (uint32_t)algebra_boxes_len(boxes), &ids);
	for (size_t i = 0; i < ids.len; i++) {
		uint32_t owner = algebra_boxes_owner(boxes, ids.at[i]);
		if (owner < VERIFY_NO_FLOW)
			add_near(q, near, owner);
	}
	free(ids.at);
}

static void add_around(const struct verify_asking *q, const struct ir_rule *rule,
		       struct verify_near *near)
{
	uint64_t box[ALGEBRA_CELLS];
	for (size_t s = 0; s < q->p->space->slice.len; s++)
		for (size_t k = 0; k < rule->clauses; k++) {
			const struct verify_around what = {.space = q->p->space,
							   .slice = q->p->space->slice.at[s],
							   .where = q->p->options.where,
							   .rule = rule,
							   .clause = &rule->clause[k]};
			if (verify_around(&what, box))
				add_meeting(q, what.slice, box, near);
		}
}

static void add_edited(const struct verify_asking *q, struct verify_near *near)
{
	const struct ir_rule *rule = q->p->ruleset->rule.at;
	for (size_t e = 0; e < q->edits; e++) {
		const struct verify_edit *edit = &q->edit[e];
		for (size_t i = edit->at; i < edit->at + edit->removed; i++) {
			add_near(q, near, i);
			add_around(q, &rule[i], near);
		}
		for (size_t i = 0; i < edit->inserts; i++)
			add_around(q, &edit->insert[i], near);
	}
}

static void compare(const struct verify_asking *q, const struct verify_copied *before,
		    const struct verify_copied *after, size_t most, struct verify_comparison *out)
{
	const struct ir_ruleset *a = &before->ruleset, *b = &after->ruleset;
	const struct ir_ruleset **both = arena_array(q->arena, const struct ir_ruleset *, 2);
	struct verify_notes notes = {0}; // the prepared ones speak of all rules
	struct verify_space *space;
	both[0] = a;
	both[1] = b;
	out->status = verify_space_new(both, 2, false, &q->p->options, q->arena, &notes, &space);
	space->dims |= q->p->space->dims; // packets have what the other rules ask for, too
	if (out->status == VERIFY_DONE)
		verify_compare_space(space, &q->p->options, most, q->arena, out);
	verify_space_free(space);
	for (size_t i = 0; i < out->difference.len; i++) {
		struct verify_difference *d = &out->difference.at[i];
		d->rule_a = d->rule_a ? before->source.at[d->rule_a - a->rule.at] : NULL;
		d->rule_b = d->rule_b ? after->source.at[d->rule_b - b->rule.at] : NULL;
	}
}

void verify_local(const struct verify_asking *q, struct verify_near *near, bool all, size_t most,
		  struct verify_comparison *out)
{
	struct verify_copied before = {0}, after = {0};
	for (size_t i = 0; all && i < q->p->ruleset->rule.len; i++)
		add_near(q, near, i);
	if (!all)
		add_edited(q, near);
	verify_copies_make(q, near, &before, &after);
	compare(q, &before, &after, most, out);
}
