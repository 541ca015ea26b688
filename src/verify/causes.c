// SPDX-License-Identifier: Apache-2.0
// Why a unit is dead or redundant. Causes are found one by one: while a point of the unit is explained by none of them,
// whoever decides that point (or would) is the next. So each of them really does; in the end those go again without
// which all is explained as well.
#include "verify/judge.h"

#include <stdlib.h>
#include <string.h>

enum { MINIMISE_MOST = 64, PROBES = 4 };

static bool has(const struct verify_causes *causes, uint32_t unit)
{
	for (size_t i = 0; i < causes->len; i++)
		if (causes->at[i] == unit)
			return true;
	return false;
}

static void ask_within_unit(struct verify_judge *judge, uint32_t unit)
{
	const struct verify_case *c = judge->of;
	struct verify_site site = {.unit = unit};
	while (verify_site_next(c, &site))
		if (site.slice == judge->slice)
			verify_ask_within(judge, site.lo, site.hi);
}

// All causes but one (none: `but` is their number).
static void ask_within_causes(struct verify_judge *judge, size_t but)
{
	for (size_t i = 0; i < judge->causes.len; i++)
		if (i != but)
			ask_within_unit(judge, judge->causes.at[i]);
}

static enum verify_answer as_answer(enum algebra_answer answer)
{
	return answer == ALGEBRA_COVERED ? VERIFY_YES
	       : answer == ALGEBRA_OPEN  ? VERIFY_NO
					 : VERIFY_GAVE_UP;
}

// What of a unit is to be explained: its boxes against what stands before it, or, when it goes, what comes behind.
struct explaining {
	struct verify_judge *judge;
	struct verify_site site;
	bool goes;
	const struct verify_spot *keep; // whoever decides this stays a cause
};

static void ask_box(const struct explaining *e, const uint64_t *box, size_t but)
{
	verify_ask(e->judge, e->site.slice, box);
	ask_within_causes(e->judge, but);
	if (e->goes && !e->judge->cover.held)
		verify_ask_within(e->judge, 0, e->site.lo);
}

static uint32_t who(const struct explaining *e, const uint64_t *point, uint32_t before)
{
	const struct algebra_boxes *boxes = e->site.layer->boxes;
	uint32_t from = e->goes ? e->site.hi : 0,
		 to = e->goes ? (uint32_t)algebra_boxes_len(boxes) : before,
		 at = verify_first(e->judge->of, e->site.slice, point, from, to);
	return verify_unit_of(e->judge->of, algebra_boxes_owner(boxes, at));
}

static enum verify_answer explain_box(struct explaining *e, uint32_t i)
{
	uint64_t box[ALGEBRA_CELLS], open[ALGEBRA_CELLS];
	uint32_t before = verify_site_before(e->judge->of, &e->site, i);
	algebra_boxes_get(e->site.boxes, i, box);
	ask_box(e, box, SIZE_MAX);
	for (;;) {
		enum algebra_answer answer = verify_answer(e->judge, open);
		if (answer != ALGEBRA_OPEN)
			return as_answer(answer);
		algebra_box_point(&e->site.slice->shape, open, 0, open);
		uint32_t unit = who(e, open, before);
		if (unit >= VERIFY_NO_FLOW) { // later rules that do the same may be very many
			e->judge->causes.by_default = true;
			return VERIFY_YES;
		}
		verify_causes_add(&e->judge->causes, unit);
		ask_within_unit(e->judge, unit);
	}
}

// One box that holds all of this one and decides some of it is the best of causes.
static void try_holder(struct explaining *e, uint32_t i)
{
	const struct verify_case *c = e->judge->of;
	uint64_t box[ALGEBRA_CELLS], point[ALGEBRA_CELLS];
	uint32_t before = verify_site_before(c, &e->site, i);
	algebra_boxes_get(e->site.boxes, i, box);
	uint32_t holder = verify_first(c, e->site.slice, box, 0, before);
	if (holder == before)
		return;
	uint32_t unit = verify_unit_of(c, algebra_boxes_owner(e->site.layer->boxes, holder));
	for (uint32_t which = 0; which < PROBES && !has(&e->judge->causes, unit); which++) {
		algebra_box_point(&e->site.slice->shape, box, which, point);
		if (who(e, point, before) == unit)
			verify_causes_add(&e->judge->causes, unit);
	}
}

static enum verify_answer explain(struct explaining *e)
{
	enum verify_answer answer = VERIFY_YES;
	uint32_t unit = e->site.unit;
	e->judge->causes.len = 0;
	e->judge->causes.by_default = false;
	e->site = (struct verify_site){.unit = unit};
	while (answer == VERIFY_YES && verify_site_next(e->judge->of, &e->site))
		for (uint32_t i = e->site.lo;
		     i < e->site.hi && answer == VERIFY_YES && !e->judge->causes.by_default; i++) {
			if (!e->goes)
				try_holder(e, i);
			answer = explain_box(e, i);
		}
	if (e->judge->causes.by_default)
		e->judge->causes.len = 0;
	return answer;
}

// Whether all is explained without one of the causes.
static bool does_without(struct explaining *e, size_t but)
{
	uint64_t box[ALGEBRA_CELLS];
	e->site = (struct verify_site){.unit = e->site.unit};
	while (verify_site_next(e->judge->of, &e->site))
		for (uint32_t i = e->site.lo; i < e->site.hi; i++) {
			algebra_boxes_get(e->site.boxes, i, box);
			ask_box(e, box, but);
			if (verify_answer(e->judge, NULL) != ALGEBRA_COVERED)
				return false;
		}
	return true;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

// The later ones go first.
static void minimise(struct explaining *e, uint32_t keep)
{
	struct verify_causes *causes = &e->judge->causes;
	if (causes->len > 1)
		qsort(causes->at, causes->len, sizeof(*causes->at), by_number);
	for (size_t i = causes->len;
	     i-- > 0 && causes->len > 1 && causes->len <= MINIMISE_MOST && !causes->by_default;)
		if (causes->at[i] != keep && does_without(e, i)) {
			causes->len--;
			memmove(causes->at + i, causes->at + i + 1,
				(causes->len - i) * sizeof(*causes->at));
		}
}

enum verify_answer verify_why_redundant(struct verify_judge *judge, uint32_t unit)
{
	struct explaining e = {.judge = judge, .site = {.unit = unit}, .goes = true};
	enum verify_answer answer = explain(&e);
	if (answer == VERIFY_YES)
		minimise(&e, UINT32_MAX);
	return answer;
}

// --- does somebody decide otherwise? ---

// A unit that only logs has its wish when those that decide log likewise.
static bool does_otherwise(const struct verify_case *c, uint32_t unit, uint32_t owner)
{
	const struct ir_rule *rule = &c->ruleset->rule.at[c->first[unit]];
	if (verify_only_logs(c, unit))
		return c->ruleset->rule.at[owner].log != rule->log;
	return verify_effect(c->space, 0, owner) != verify_unit_effect(c, unit);
}

struct contest {
	struct verify_judge *judge;
	const struct verify_site *site;
	struct verify_spot *against;
	uint64_t box[ALGEBRA_CELLS]; // what both have
};

static bool decided_otherwise(struct contest *t, const uint64_t *point, uint32_t before)
{
	const struct verify_case *c = t->judge->of;
	uint32_t at = verify_first(c, t->site->slice, point, 0, before);
	if (!does_otherwise(c, t->site->unit, algebra_boxes_owner(t->site->layer->boxes, at)))
		return false;
	t->against->slice = t->site->slice;
	memcpy(t->against->point, point, t->site->slice->shape.cells * sizeof(*point));
	return true;
}

// Whether an earlier box that does otherwise decides something of what it shares with the unit's.
static enum verify_answer contested_by(struct contest *t, uint32_t number)
{
	uint64_t point[ALGEBRA_CELLS];
	for (uint32_t which = 0; which < 2; which++) {
		algebra_box_point(&t->site->slice->shape, t->box, which, point);
		if (decided_otherwise(t, point, number + 1))
			return VERIFY_YES;
	}
	if (verify_first(t->judge->of, t->site->slice, t->box, 0, number) < number)
		return VERIFY_NO;
	verify_ask(t->judge, t->site->slice, t->box);
	verify_ask_within(t->judge, 0, number);
	enum algebra_answer answer = verify_answer(t->judge, point);
	if (answer != ALGEBRA_OPEN)
		return answer == ALGEBRA_COVERED ? VERIFY_NO : VERIFY_GAVE_UP;
	algebra_box_point(&t->site->slice->shape, point, 0, point);
	return decided_otherwise(t, point, number + 1) ? VERIFY_YES : VERIFY_NO;
}

static enum verify_answer contested(struct contest *t, uint32_t i)
{
	const struct verify_case *c = t->judge->of;
	const struct verify_site *site = t->site;
	const struct algebra_boxes *boxes = site->layer->boxes;
	struct algebra_ids *ids = &t->judge->others;
	uint64_t box[ALGEBRA_CELLS], other[ALGEBRA_CELLS];
	enum verify_answer answer = VERIFY_NO;
	uint32_t before = verify_site_before(c, site, i);
	algebra_boxes_get(site->boxes, i, box);
	uint32_t holder = verify_first(c, site->slice, box, 0, before);
	ids->len = 0;
	algebra_boxes_meeting(boxes, box, 0, holder < before ? holder + 1 : before, ids);
	for (size_t k = 0; k < ids->len && answer == VERIFY_NO; k++) {
		if (!does_otherwise(c, site->unit, algebra_boxes_owner(boxes, ids->at[k])))
			continue;
		algebra_boxes_get(boxes, ids->at[k], other);
		if (verify_case_stopped(c))
			answer = VERIFY_GAVE_UP;
		else if (algebra_box_clip(&site->slice->shape, box, other, t->box))
			answer = contested_by(t, ids->at[k]);
	}
	return answer;
}

static enum verify_answer find_contest(struct verify_judge *judge, uint32_t unit,
				       struct verify_spot *against)
{
	enum verify_answer answer = VERIFY_NO;
	struct verify_site site = {.unit = unit};
	struct contest t = {.judge = judge, .site = &site, .against = against};
	while (answer == VERIFY_NO && verify_site_next(judge->of, &site))
		for (uint32_t i = site.lo; i < site.hi && answer == VERIFY_NO; i++)
			answer = contested(&t, i);
	return answer;
}

static uint32_t decider(const struct verify_case *c, const struct verify_spot *spot)
{
	const struct algebra_boxes *boxes = spot->slice->layer[0].boxes;
	uint32_t n = (uint32_t)algebra_boxes_len(boxes),
		 at = verify_first(c, spot->slice, spot->point, 0, n);
	return verify_unit_of(c, algebra_boxes_owner(boxes, at));
}

enum verify_answer verify_why_dead(struct verify_judge *judge, uint32_t unit,
				   struct verify_spot *against_out)
{
	struct explaining e = {.judge = judge, .site = {.unit = unit}};
	against_out->slice = NULL;
	enum verify_answer answer = explain(&e);
	if (answer != VERIFY_YES)
		return VERIFY_GAVE_UP;
	if (find_contest(judge, unit, against_out) == VERIFY_GAVE_UP)
		return VERIFY_GAVE_UP;
	uint32_t keep = UINT32_MAX;
	if (against_out->slice) {
		keep = decider(judge->of, against_out);
		if (!has(&judge->causes, keep))
			verify_causes_add(&judge->causes, keep);
	}
	minimise(&e, keep);
	return VERIFY_YES;
}
