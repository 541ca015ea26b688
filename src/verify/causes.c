// SPDX-License-Identifier: Apache-2.0
// Why a unit is dead or redundant. Causes are found one by one: while a point of the unit is explained by none of them,
// whoever decides that point (or would, or does the same there) is the next; in the end those go again without which all
// is explained as well.
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

// A unit that only logs has its wish when those that decide log likewise.
static bool does_otherwise(const struct verify_case *c, uint32_t unit, uint32_t owner)
{
	const struct ir_rule *rule = &c->ruleset->rule.at[c->first[unit]];
	if (verify_only_logs(c, unit))
		return c->ruleset->rule.at[owner].log != rule->log;
	return verify_effect(c->space, 0, owner) != verify_unit_effect(c, unit);
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

// What of a unit is to be explained: its boxes by what stands before it and decides, by what stands before it and does
// the same, or, when it goes, by what comes behind.
struct explaining {
	struct verify_judge *judge;
	struct verify_site site;
	bool same, goes;
};

// The lowest box in [from, to) that holds all of `box` and may be a cause; else `to`.
static uint32_t holder_of(const struct explaining *e, const uint64_t *box, uint32_t from,
			  uint32_t to)
{
	const struct verify_case *c = e->judge->of;
	for (;; from++) {
		from = verify_first(c, e->site.slice, box, from, to);
		if (from == to || !e->same ||
		    !does_otherwise(c, e->site.unit,
				    algebra_boxes_owner(e->site.layer->boxes, from)))
			return from;
	}
}

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
		 at = holder_of(e, point, from, to);
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
	uint32_t holder = holder_of(e, box, 0, before);
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

// --- do those before it that do the same match all its packets? ---

static enum verify_answer same_match(struct verify_judge *judge, const struct verify_site *site,
				     uint32_t i, struct verify_spot *against)
{
	const struct verify_case *c = judge->of;
	const struct algebra_boxes *boxes = site->layer->boxes;
	uint64_t box[ALGEBRA_CELLS], other[ALGEBRA_CELLS];
	algebra_boxes_get(site->boxes, i, box);
	verify_ask(judge, site->slice, box);
	judge->others.len = 0;
	verify_meeting(site->slice, boxes, box, 0, verify_site_before(c, site, i), &judge->others);
	for (size_t k = 0; k < judge->others.len; k++) {
		uint32_t owner = algebra_boxes_owner(boxes, judge->others.at[k]);
		if (does_otherwise(c, site->unit, owner))
			continue;
		algebra_boxes_get(boxes, judge->others.at[k], other);
		algebra_cover_add(&judge->cover, other);
	}
	enum algebra_answer answer = verify_answer(judge, other);
	if (answer == ALGEBRA_OPEN) {
		against->slice = site->slice;
		algebra_box_point(&site->slice->shape, other, 0, against->point);
	}
	return as_answer(answer);
}

// NO: *against_out is a packet that none of them matches.
static enum verify_answer same_match_all(struct verify_judge *judge, uint32_t unit,
					 struct verify_spot *against_out)
{
	enum verify_answer answer = VERIFY_YES;
	struct verify_site site = {.unit = unit};
	while (answer == VERIFY_YES && verify_site_next(judge->of, &site))
		for (uint32_t i = site.lo; i < site.hi && answer == VERIFY_YES; i++)
			answer = same_match(judge, &site, i, against_out);
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
	uint32_t keep = UINT32_MAX;
	against_out->slice = NULL;
	enum verify_answer same = same_match_all(judge, unit, against_out);
	e.same = same == VERIFY_YES;
	if (same == VERIFY_GAVE_UP || explain(&e) != VERIFY_YES)
		return VERIFY_GAVE_UP;
	if (!e.same) {
		keep = decider(judge->of, against_out);
		if (!has(&judge->causes, keep))
			verify_causes_add(&judge->causes, keep);
	}
	minimise(&e, keep);
	return VERIFY_YES;
}
