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
	uint64_t *box;     // those of the causes in the slice, cells by cells
	size_t boxes, cap; // room for so many cells
};

static void add_box(struct explaining *e, const struct verify_site *site, uint32_t i)
{
	unsigned cells = e->site.slice->shape.cells;
	if ((e->boxes + 1) * cells > e->cap) {
		e->cap = e->cap * 2 + 16 * cells;
		e->box = base_oom(realloc(e->box, e->cap * sizeof(*e->box)));
	}
	algebra_boxes_get(site->boxes, i, e->box + e->boxes++ * cells);
}

static void add_unit(struct explaining *e, uint32_t unit)
{
	struct verify_site site = {.unit = unit};
	while (verify_site_next(e->judge->of, &site))
		for (uint32_t i = site.lo; site.slice == e->site.slice && i < site.hi; i++)
			add_box(e, &site, i);
}

// All causes but one (none: `but` is their number).
static void add_causes(struct explaining *e, size_t but)
{
	e->boxes = 0;
	for (size_t i = 0; i < e->judge->causes.len; i++)
		if (i != but)
			add_unit(e, e->judge->causes.at[i]);
}

// What of the box do the causes leave over, and, when the unit goes, what stands before it?
static enum algebra_answer ask_box(struct explaining *e, const uint64_t *box, uint64_t *open)
{
	const struct verify_before before = {e->site.layer->boxes, 0, e->site.lo};
	const struct verify_ahead ahead = {
		.list = &before, .lists = e->goes, .extra = e->box, .extras = e->boxes};
	return verify_left_over(e->judge, e->site.slice, box, &ahead, open);
}

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
	add_causes(e, SIZE_MAX);
	for (;;) {
		enum algebra_answer answer = ask_box(e, box, open);
		if (answer != ALGEBRA_OPEN)
			return as_answer(answer);
		algebra_box_point(&e->site.slice->shape, open, 0, open);
		uint32_t unit = who(e, open, before);
		if (unit >= VERIFY_NO_FLOW) { // later rules that do the same may be very many
			e->judge->causes.by_default = true;
			return VERIFY_YES;
		}
		verify_causes_add(&e->judge->causes, unit);
		add_unit(e, unit);
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
			add_causes(e, but);
			if (ask_box(e, box, NULL) != ALGEBRA_COVERED)
				return false;
		}
	return true;
}

// The later ones go first.
static void minimise(struct explaining *e, uint32_t keep)
{
	struct verify_causes *causes = &e->judge->causes;
	algebra_numbers_sort(causes->at, causes->len);
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
	free(e.box);
	return answer;
}

// --- do those before it that do the same match all its packets? ---

struct sameness {
	const struct verify_case *of;
	uint32_t unit;
};

static bool does_the_same(const void *user, uint32_t owner)
{
	const struct sameness *same = user;
	return !does_otherwise(same->of, same->unit, owner);
}

static enum verify_answer same_match(struct verify_judge *judge, const struct verify_site *site,
				     uint32_t i, struct verify_spot *against)
{
	const struct sameness same = {judge->of, site->unit};
	const struct verify_before before = {site->layer->boxes, 0,
					     verify_site_before(judge->of, site, i)};
	const struct verify_ahead ahead = {
		.list = &before, .lists = 1, .counts = does_the_same, .user = &same};
	uint64_t box[ALGEBRA_CELLS], open[ALGEBRA_CELLS];
	algebra_boxes_get(site->boxes, i, box);
	enum algebra_answer answer = verify_left_over(judge, site->slice, box, &ahead, open);
	if (answer == ALGEBRA_OPEN) {
		against->slice = site->slice;
		algebra_box_point(&site->slice->shape, open, 0, against->point);
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
	enum verify_answer known = same == VERIFY_GAVE_UP ? VERIFY_GAVE_UP : explain(&e);
	if (known == VERIFY_YES && !e.same) {
		keep = decider(judge->of, against_out);
		if (!has(&judge->causes, keep))
			verify_causes_add(&judge->causes, keep);
	}
	if (known == VERIFY_YES)
		minimise(&e, keep);
	free(e.box);
	return known == VERIFY_YES ? VERIFY_YES : VERIFY_GAVE_UP;
}
