// SPDX-License-Identifier: Apache-2.0
// Can a unit go without any packet faring otherwise? A few points show it for most that cannot. Else, for each of its
// boxes, only what comes before the first later box that holds all of it matters; whatever of that does otherwise must
// not be the first to get a packet of the unit. The boxes of a ruleset are total, so the default is a box like others.
#include "verify/judge.h"

#include <string.h>

enum { PROBES = 6 };

struct leaving {
	struct verify_judge *judge;
	struct verify_site site;
	uint32_t effect;
	uint32_t *witness;
	uint64_t box[ALGEBRA_CELLS], part[ALGEBRA_CELLS];
};

static bool is_otherwise(struct leaving *l, uint32_t number)
{
	uint32_t unit =
		verify_unit_of(l->judge->of, algebra_boxes_owner(l->site.layer->boxes, number));
	if (verify_unit_effect(l->judge->of, unit) == l->effect)
		return false;
	*l->witness = unit;
	return true;
}

// Whether the point is the unit's, and who is next does otherwise.
static bool shows(struct leaving *l, const struct verify_slice *slice, uint32_t lo, uint32_t hi,
		  const uint64_t *point)
{
	const struct verify_case *c = l->judge->of;
	uint32_t n = (uint32_t)algebra_boxes_len(slice->layer[0].boxes);
	if (verify_first(c, slice, point, 0, lo) < lo)
		return false;
	return is_otherwise(l, verify_first(c, slice, point, hi, n));
}

static bool probes_show(struct leaving *l, const uint64_t *box, uint32_t probes)
{
	uint64_t point[ALGEBRA_CELLS];
	for (uint32_t which = 0; which < probes; which++) {
		algebra_box_point(&l->site.slice->shape, box, which, point);
		if (shows(l, l->site.slice, l->site.lo, l->site.hi, point))
			return true;
	}
	return false;
}

// --- exactly ---

// Is all of the part decided before the unit, or, without it, by boxes from its end to `to`?
static enum verify_answer is_taken(struct leaving *l, uint32_t to)
{
	const struct algebra_boxes *boxes = l->site.slice->layer[0].boxes;
	const struct verify_before all[] = {{boxes, 0, l->site.lo}, {boxes, l->site.hi, to}};
	enum algebra_answer answer =
		verify_left_by(l->judge, l->site.slice, l->part, all, array_len(all), NULL);
	return answer == ALGEBRA_COVERED ? VERIFY_YES
	       : answer == ALGEBRA_OPEN  ? VERIFY_NO
					 : VERIFY_GAVE_UP;
}

static enum verify_answer passes_by(struct leaving *l, uint32_t number)
{
	const struct verify_case *c = l->judge->of;
	uint64_t other[ALGEBRA_CELLS];
	algebra_boxes_get(l->site.layer->boxes, number, other);
	if (!algebra_box_clip(&l->site.slice->shape, l->box, other, l->part) ||
	    verify_first(c, l->site.slice, l->part, 0, l->site.lo) < l->site.lo ||
	    verify_first(c, l->site.slice, l->part, l->site.hi, number) < number)
		return VERIFY_YES;
	if (probes_show(l, l->part, PROBES))
		return VERIFY_NO;
	enum verify_answer answer = is_taken(l, number);
	if (answer == VERIFY_NO)
		*l->witness = verify_unit_of(c, algebra_boxes_owner(l->site.layer->boxes, number));
	return answer;
}

// The later boxes up to `holder` that do otherwise and meet the unit's, in order. False when there is no memory for them.
static bool collect_others(struct leaving *l, uint32_t holder)
{
	const struct verify_case *c = l->judge->of;
	const struct algebra_boxes *boxes = l->site.layer->boxes;
	struct algebra_ids *ids = &l->judge->others;
	size_t kept = 0;
	ids->len = 0;
	if (!algebra_boxes_meeting_most(boxes, l->box, l->site.hi, holder + 1, c->list_most, ids))
		return false;
	for (size_t i = 0; i < ids->len; i++) {
		uint32_t owner = algebra_boxes_owner(boxes, ids->at[i]);
		if (verify_effect(c->space, 0, owner) != l->effect && verify_stays(c, owner))
			ids->at[kept++] = ids->at[i];
	}
	ids->len = kept;
	algebra_numbers_sort(ids->at, kept);
	return true;
}

// Rules behind the unit that only log must not see more than they did.
static enum verify_answer logs_the_same(struct leaving *l, uint32_t holder)
{
	const struct verify_case *c = l->judge->of;
	const struct verify_layer *layer = l->site.layer;
	struct algebra_ids *ids = &l->judge->others;
	uint64_t other[ALGEBRA_CELLS];
	enum verify_answer answer = VERIFY_YES;
	ids->len = 0;
	if (!algebra_boxes_meeting_most(layer->logging, l->box, 0,
					(uint32_t)algebra_boxes_len(layer->logging), c->list_most,
					ids))
		return VERIFY_GAVE_UP;
	for (size_t i = 0; i < ids->len && answer == VERIFY_YES; i++) {
		uint32_t before = layer->before[ids->at[i]],
			 owner = algebra_boxes_owner(layer->logging, ids->at[i]);
		if (before < l->site.hi || before > holder || !verify_stays(c, owner) ||
		    c->ruleset->rule.at[owner].log == IR_LOG_NONE)
			continue;
		algebra_boxes_get(layer->logging, ids->at[i], other);
		if (algebra_box_clip(&l->site.slice->shape, l->box, other, l->part))
			answer = is_taken(l, before);
		if (answer == VERIFY_NO)
			*l->witness = c->unit[owner];
	}
	return answer;
}

static enum verify_answer box_can_go(struct leaving *l)
{
	const struct verify_case *c = l->judge->of;
	uint32_t n = (uint32_t)algebra_boxes_len(l->site.layer->boxes),
		 holder = verify_first(c, l->site.slice, l->box, l->site.hi, n);
	enum verify_answer answer = VERIFY_YES;
	if (verify_first(c, l->site.slice, l->box, 0, l->site.lo) < l->site.lo)
		return answer; // none of it is the unit's
	if (!collect_others(l, holder < n ? holder : n - 1))
		return VERIFY_GAVE_UP;
	for (size_t i = 0; i < l->judge->others.len && answer == VERIFY_YES; i++)
		answer = verify_case_stopped(c) ? VERIFY_GAVE_UP
						: passes_by(l, l->judge->others.at[i]);
	return answer == VERIFY_YES ? logs_the_same(l, holder) : answer;
}

// Packets of no flow are dropped while there is a flow rule: the last of them can go when that makes no difference.
static enum verify_answer flow_can_go(struct leaving *l, uint32_t unit)
{
	const struct verify_case *c = l->judge->of;
	enum verify_answer answer = VERIFY_YES;
	if (!c->ruleset->rule.at[c->first[unit]].flow || c->flow_units != 1 ||
	    verify_unit_effect(c, VERIFY_NO_FLOW) == verify_unit_effect(c, VERIFY_DEFAULT))
		return answer;
	for (size_t s = 0; s < c->space->slice.len && answer == VERIFY_YES; s++) {
		l->site.slice = c->space->slice.at[s];
		const struct algebra_boxes *boxes = l->site.slice->layer[0].boxes;
		uint32_t n = (uint32_t)algebra_boxes_len(boxes);
		for (uint32_t i = n; i-- > 0 && algebra_boxes_owner(boxes, i) >= VERIFY_NO_FLOW;) {
			if (algebra_boxes_owner(boxes, i) != VERIFY_NO_FLOW)
				continue;
			algebra_boxes_get(boxes, i, l->part);
			l->site.lo = l->site.hi = 0; // a flow rule has no packets of no flow
			if (answer == VERIFY_YES)
				answer = is_taken(l, i);
		}
	}
	*l->witness = VERIFY_DEFAULT;
	return answer;
}

static bool quickly_not(struct leaving *l, uint32_t unit, const struct verify_spot *spot)
{
	struct verify_site site = {.unit = unit};
	while (verify_site_next(l->judge->of, &site)) {
		l->site = site;
		if (spot && spot->slice == site.slice &&
		    shows(l, site.slice, site.lo, site.hi, spot->point))
			return true;
		for (uint32_t i = site.lo; i < site.hi && !verify_case_stopped(l->judge->of); i++) {
			algebra_boxes_get(site.boxes, i, l->box);
			if (probes_show(l, l->box, PROBES))
				return true;
		}
	}
	return false;
}

enum verify_answer verify_can_go(struct verify_judge *judge, uint32_t unit,
				 const struct verify_spot *spot, uint32_t *witness_out)
{
	struct leaving l = {.judge = judge,
			    .effect = verify_unit_effect(judge->of, unit),
			    .witness = witness_out};
	*witness_out = VERIFY_DEFAULT;
	if (verify_only_logs(judge->of, unit)) // and logs nothing, then and now
		return flow_can_go(&l, unit);
	if (quickly_not(&l, unit, spot))
		return VERIFY_NO;
	enum verify_answer answer = flow_can_go(&l, unit);
	l.site = (struct verify_site){.unit = unit};
	while (answer == VERIFY_YES && verify_site_next(judge->of, &l.site))
		for (uint32_t i = l.site.lo; i < l.site.hi && answer == VERIFY_YES; i++) {
			algebra_boxes_get(l.site.boxes, i, l.box);
			answer = box_can_go(&l);
		}
	return answer;
}
