// SPDX-License-Identifier: Apache-2.0
// Levels from overlaps: from the last unit to the first, each stands above every later one that it meets and that does
// otherwise, which is the longest chain below it. Boxes tell who may meet (calendars and opaque conditions left out, so
// that the answer holds for ever); where calendars are involved the clauses themselves are asked.
#include "verify/levels.h"
#include "base/diag.h"
#include "verify/judge.h"

#include <stdlib.h>
#include <string.h>

struct levelling {
	struct verify_case c;
	struct algebra_ids met;
	const struct ir_ruleset *ruleset; // with calendars
	const uint8_t *before;
	uint32_t *level; // of each unit
	uint32_t unit;   // that is placed
	uint32_t best;   // the level that it has to stand above
};

// --- what the boxes are made of ---

static bool is_calendar(const struct ir_cond *cond)
{
	return ir_dim_info[cond->dim].kind == IR_KIND_CLOCK;
}

static struct ir_clause timeless(const struct ir_clause *clause, struct arena *arena)
{
	struct ir_clause out = {.cond = arena_array(arena, struct ir_cond, clause->len)};
	for (size_t i = 0; i < clause->len; i++)
		if (!is_calendar(&clause->cond[i]))
			out.cond[out.len++] = clause->cond[i];
	return out;
}

static struct ir_ruleset without_truths(const struct ir_ruleset *ruleset, struct arena *arena)
{
	struct ir_ruleset out = {.default_action = ruleset->default_action};
	for (size_t i = 0; i < ruleset->rule.len; i++) {
		struct ir_rule rule = ruleset->rule.at[i];
		struct ir_clause *clause = arena_array(arena, struct ir_clause, rule.clauses);
		for (size_t k = 0; k < rule.clauses; k++)
			clause[k] = timeless(&rule.clause[k], arena);
		rule.clause = clause;
		rule.opaques = 0;
		if (ir_rule_has_rate(
			    &rule)) { // a unit of its own: what is measured depends on the order
			rule.name = NULL;
			rule.rate = (struct ir_rate){0};
		}
		vec_push(arena, &out.rule, rule);
	}
	return out;
}

// --- who needs an order ---

static bool order_matters(const struct ir_rule *a, const struct ir_rule *b)
{
	return a->verdict != b->verdict || a->log != b->log || ir_rule_has_rate(a) ||
	       ir_rule_has_rate(b);
}

static bool has_calendar(const struct ir_rule *rule)
{
	for (size_t k = 0; k < rule->clauses; k++)
		for (size_t i = 0; i < rule->clause[k].len; i++)
			if (is_calendar(&rule->clause[k].cond[i]))
				return true;
	return false;
}

// Boxes of both meet. Only packet rules are compared as they stand: replies may match a flow rule that their own headers
// do not match.
static bool meet(const struct ir_rule *a, const struct ir_rule *b)
{
	if (a->flow || b->flow || !has_calendar(a) || !has_calendar(b))
		return true;
	for (size_t i = 0; i < a->clauses; i++)
		for (size_t j = 0; j < b->clauses; j++)
			if (ir_clause_overlaps(&a->clause[i], &b->clause[j]))
				return true;
	return false;
}

static bool units_meet(const struct levelling *l, uint32_t x, uint32_t y)
{
	for (uint32_t i = l->c.first[x]; i < l->c.first[x + 1]; i++)
		for (uint32_t j = l->c.first[y]; j < l->c.first[y + 1]; j++)
			if (meet(&l->ruleset->rule.at[i], &l->ruleset->rule.at[j]))
				return true;
	return false;
}

static void stand_above(struct levelling *l, uint32_t other)
{
	const struct ir_rule *rule = l->ruleset->rule.at;
	if (l->level[other] > l->best &&
	    order_matters(&rule[l->c.first[l->unit]], &rule[l->c.first[other]]) &&
	    units_meet(l, l->unit, other))
		l->best = l->level[other];
}

// --- placing ---

static void stand_above_met(struct levelling *l, const struct verify_site *site,
			    const struct algebra_boxes *boxes, const uint64_t *box, uint32_t from)
{
	l->met.len = 0;
	verify_meeting(site->slice, boxes, box, from, (uint32_t)algebra_boxes_len(boxes), &l->met);
	for (size_t i = 0; i < l->met.len; i++) {
		uint32_t owner = algebra_boxes_owner(boxes, l->met.at[i]);
		uint32_t unit = owner < VERIFY_NO_FLOW ? l->c.unit[owner] : l->unit;
		if (unit != l->unit)
			stand_above(l, unit);
	}
}

// The first of the boxes that only log and stand behind so many that decide.
static uint32_t logging_behind(const struct verify_layer *layer, uint32_t decide)
{
	uint32_t lo = 0, hi = (uint32_t)algebra_boxes_len(layer->logging);
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (layer->before[mid] < decide)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void look_at_site(struct levelling *l, const struct verify_site *site)
{
	const struct verify_layer *layer = site->layer;
	bool logs = site->boxes == layer->logging;
	uint64_t box[ALGEBRA_CELLS];
	for (uint32_t i = site->lo; i < site->hi && !verify_case_stopped(&l->c); i++) {
		algebra_boxes_get(site->boxes, i, box);
		stand_above_met(l, site, layer->boxes, box, logs ? layer->before[i] : site->hi);
		if (!logs)
			stand_above_met(l, site, layer->logging, box,
					logging_behind(layer, site->hi));
	}
}

static uint32_t highest(struct levelling *l)
{
	uint32_t most = 0;
	for (uint32_t unit = l->c.units;
	     unit-- > 0 && most <= VERIFY_LEVELS_MOST && !verify_case_stopped(&l->c);) {
		struct verify_site site = {.unit = unit};
		uint32_t kept = l->before ? l->before[l->c.first[unit]] : 0;
		l->unit = unit;
		l->best = 0;
		while (verify_site_next(&l->c, &site))
			look_at_site(l, &site);
		l->level[unit] = kept > l->best ? kept : l->best + 1;
		most = l->level[unit] > most ? l->level[unit] : most;
	}
	return most;
}

static enum verify_status place_all(struct levelling *l, struct arena *arena,
				    struct verify_levels *out)
{
	out->needed = highest(l);
	if (out->needed > VERIFY_LEVELS_MOST && l->before) {
		l->before = NULL;
		out->needed = highest(l);
	}
	size_t n = l->ruleset->rule.len;
	out->level = arena_array(arena, uint8_t, n + 1);
	for (size_t i = 0; i < n; i++)
		out->level[i] = (uint8_t)l->level[l->c.unit[i]];
	return verify_case_stopped(&l->c) ? VERIFY_STOPPED : VERIFY_DONE;
}

enum verify_status verify_levels(const struct ir_ruleset *ruleset, const uint8_t *before,
				 const struct verify_options *options, struct arena *arena,
				 struct verify_levels *out)
{
	struct arena scratch;
	struct verify_space *space;
	struct verify_notes notes = {0};
	struct levelling l = {.ruleset = ruleset, .before = before};
	arena_init(&scratch);
	*out = (struct verify_levels){0};
	struct ir_ruleset bare = without_truths(ruleset, &scratch);
	const struct ir_ruleset *list[] = {&bare};
	enum verify_status status =
		verify_space_new(list, 1, true, options, &scratch, &notes, &space);
	if (status == VERIFY_DONE) {
		verify_case_init(&l.c, space, options, &scratch);
		l.level = arena_array(&scratch, uint32_t, l.c.units + 1);
		status = place_all(&l, arena, out);
	}
	free(l.met.at);
	verify_space_free(space);
	arena_fini(&scratch);
	return status;
}

// --- given to the rules ---

// In new rules, as the old ones may be shared. Without numbers ir_document_order leaves the order as it is.
bool verify_levels_give(struct ir_ruleset *ruleset, const uint8_t *before,
			const struct verify_options *options, struct arena *arena)
{
	struct verify_levels levels;
	struct ir_policy policy = {.usage = IR_BY_NUMBER,
				   .default_action = ruleset->default_action};
	const struct ir_document document = {.policy = {.at = &policy, .len = 1}};
	struct diags none; // only ties of another strategy are reported
	bool good = verify_levels(ruleset, before, options, arena, &levels) == VERIFY_DONE &&
		    levels.needed <= VERIFY_LEVELS_MOST;
	diags_init(&none, arena);
	for (size_t i = 0; i < ruleset->rule.len; i++) {
		struct ir_rule rule = ruleset->rule.at[i];
		rule.priority = good ? levels.level[i] : 0;
		vec_push(arena, &policy.rule, rule);
	}
	ir_document_order(&document, arena, &none, ruleset);
	return good;
}
