// SPDX-License-Identifier: Apache-2.0
// Which later units that live and do otherwise does a unit share packets with? Boxes that meet its boxes tell; those whose
// units hold every box of it, alone or with others of the same unit, are more general than it.
#include "verify/judge.h"

#include <stdlib.h>
#include <string.h>

enum { PROBES = 8 };

struct verify_met {
	uint32_t unit;
	uint32_t boxes, held;     // of the unit that is judged: met, and held by one box
	uint32_t last, last_held; // the last box counted, + 1
};

// judge->met_at tells where a unit is in the list, judge->met what is really there. NULL: there is no memory for it.
static struct verify_met *met(struct verify_judge *judge, uint32_t unit)
{
	const size_t numbers = sizeof(struct verify_met) / sizeof(uint32_t);
	if (judge->of->units > judge->of->list_most)
		return NULL;
	if (!judge->met_at)
		judge->met_at = base_oom(calloc(judge->of->units + 1, sizeof(*judge->met_at)));
	uint32_t at = judge->met_at[unit];
	if (at < judge->met_len && judge->met[at].unit == unit)
		return &judge->met[at];
	if ((judge->met_len + 1) * numbers > judge->of->list_most * 4)
		return NULL;
	if (judge->met_len == judge->met_cap) {
		judge->met_cap = judge->met_cap * 2 + 64;
		judge->met = base_oom(realloc(judge->met, judge->met_cap * sizeof(*judge->met)));
	}
	judge->met_at[unit] = (uint32_t)judge->met_len;
	judge->met[judge->met_len] = (struct verify_met){.unit = unit};
	return &judge->met[judge->met_len++];
}

struct pairing {
	struct verify_judge *judge;
	uint32_t unit, effect;
	uint32_t box; // its number over all slices, + 1
	enum verify_answer answer;
};

// Whether boxes of this owner count.
static bool counts(struct pairing *p, uint32_t owner)
{
	const struct verify_case *c = p->judge->of;
	if (owner >= VERIFY_NO_FLOW || verify_effect(c->space, 0, owner) == p->effect)
		return false;
	enum verify_life life = verify_life_known(p->judge, c->unit[owner]);
	if (life == VERIFY_UNSURE)
		p->answer = VERIFY_GAVE_UP;
	return life == VERIFY_LIVES;
}

static void look_at(struct pairing *p, const struct verify_site *site, uint32_t i)
{
	struct verify_judge *judge = p->judge;
	uint64_t box[ALGEBRA_CELLS];
	uint32_t n = (uint32_t)algebra_boxes_len(site->boxes);
	algebra_boxes_get(site->boxes, i, box);
	for (int holding = 0; holding < 2; holding++) {
		judge->pairs.len = 0;
		if (holding)
			algebra_boxes_holding(site->boxes, box, site->hi, n, &judge->pairs);
		else if (!algebra_boxes_meeting_most(site->boxes, box, site->hi, n,
						     judge->of->list_most, &judge->pairs))
			p->answer = VERIFY_GAVE_UP;
		if (p->answer == VERIFY_GAVE_UP)
			return;
		for (size_t k = 0; k < judge->pairs.len; k++) {
			uint32_t owner = algebra_boxes_owner(site->boxes, judge->pairs.at[k]);
			if (!counts(p, owner))
				continue;
			struct verify_met *m = met(judge, judge->of->unit[owner]);
			if (!m) {
				p->answer = VERIFY_GAVE_UP;
				return;
			}
			uint32_t *last = holding ? &m->last_held : &m->last;
			if (*last == p->box)
				continue;
			*last = p->box;
			*(holding ? &m->held : &m->boxes) += 1;
		}
	}
}

// Whether the boxes of one unit cover all those of another.
static enum algebra_answer covers(struct verify_judge *judge, uint32_t general, uint32_t unit)
{
	enum algebra_answer answer = ALGEBRA_COVERED;
	uint64_t box[ALGEBRA_CELLS];
	struct verify_site site = {.unit = unit};
	while (answer == ALGEBRA_COVERED && verify_site_next(judge->of, &site))
		for (uint32_t i = site.lo; i < site.hi && answer == ALGEBRA_COVERED; i++) {
			algebra_boxes_get(site.boxes, i, box);
			struct verify_site other = {.unit = general};
			while (verify_site_next(judge->of, &other) && other.slice != site.slice)
				;
			const struct verify_before all = {other.boxes, other.lo, other.hi};
			answer = other.slice == site.slice
					 ? verify_left_by(judge, site.slice, box, &all, 1, NULL)
					 : ALGEBRA_OPEN;
		}
	return answer;
}

static void keep_lowest(struct verify_overlaps *o, uint32_t unit)
{
	o->all++;
	size_t at = o->len;
	while (at > 0 && o->unit[at - 1] > unit)
		at--;
	if (at == VERIFY_CAUSES_MOST)
		return;
	o->len += o->len < VERIFY_CAUSES_MOST;
	memmove(o->unit + at + 1, o->unit + at, (o->len - 1 - at) * sizeof(*o->unit));
	o->unit[at] = unit;
}

enum verify_answer verify_overlapping(struct verify_judge *judge, uint32_t unit,
				      struct verify_overlaps *around_out,
				      struct verify_overlaps *across_out)
{
	struct pairing p = {.judge = judge,
			    .unit = unit,
			    .effect = verify_unit_effect(judge->of, unit),
			    .answer = VERIFY_YES};
	struct verify_site site = {.unit = unit};
	*around_out = *across_out = (struct verify_overlaps){0};
	judge->met_len = 0;
	while (verify_site_next(judge->of, &site))
		for (uint32_t i = site.lo; i < site.hi && !verify_case_stopped(judge->of); i++) {
			p.box++;
			look_at(&p, &site, i);
		}
	for (size_t i = 0; i < judge->met_len && !verify_case_stopped(judge->of); i++) {
		const struct verify_met *m = &judge->met[i];
		enum algebra_answer around = m->held == p.box ? ALGEBRA_COVERED : ALGEBRA_OPEN;
		if (m->boxes == p.box && m->held < p.box && judge->of->several[m->unit])
			around = covers(judge, m->unit, unit);
		if (around == ALGEBRA_GAVE_UP)
			p.answer = VERIFY_GAVE_UP;
		else
			keep_lowest(around == ALGEBRA_COVERED ? around_out : across_out, m->unit);
	}
	return verify_case_stopped(judge->of) ? VERIFY_GAVE_UP : p.answer;
}

// --- a point that both match ---

struct sharing {
	struct verify_judge *judge;
	struct verify_site site, that; // of the unit and of the other
	struct verify_spot *out;
	bool exactly;
};

// Whether the unit decides a point of the part, which stands in out then.
static bool decides_some(struct sharing *s, const uint64_t *part)
{
	const struct verify_slice *slice = s->site.slice;
	s->out->slice = slice;
	for (uint32_t which = PROBES; which-- > 0 && !s->exactly;) {
		algebra_box_point(&slice->shape, part, which, s->out->point);
		if (verify_first(s->judge->of, slice, s->out->point, 0, s->site.lo) == s->site.lo)
			return true;
	}
	if (!s->exactly)
		return false;
	uint64_t open[ALGEBRA_CELLS];
	if (verify_first(s->judge->of, slice, part, 0, s->site.lo) < s->site.lo)
		return false;
	const struct verify_before all = {s->site.boxes, 0, s->site.lo};
	if (verify_left_by(s->judge, slice, part, &all, 1, open) != ALGEBRA_OPEN)
		return false;
	algebra_box_point(&slice->shape, open, PROBES, s->out->point);
	return true;
}

static bool look_for_shared(struct sharing *s, uint32_t i)
{
	struct algebra_ids *ids = &s->judge->pairs;
	uint64_t box[ALGEBRA_CELLS], theirs[ALGEBRA_CELLS];
	algebra_boxes_get(s->site.boxes, i, box);
	ids->len = 0;
	verify_meeting(s->site.slice, s->site.boxes, box, s->that.lo, s->that.hi, ids);
	for (size_t k = 0; k < ids->len; k++) {
		algebra_boxes_get(s->site.boxes, ids->at[k], theirs);
		if (algebra_box_clip(&s->site.slice->shape, box, theirs, theirs) &&
		    decides_some(s, theirs))
			return true;
	}
	return false;
}

void verify_shared(struct verify_judge *judge, uint32_t unit, uint32_t other,
		   struct verify_spot *out)
{
	struct sharing s = {.judge = judge, .out = out};
	for (int exactly = 0; exactly < 2; exactly++) {
		s.exactly = exactly;
		s.site = (struct verify_site){.unit = unit};
		while (verify_site_next(judge->of, &s.site)) {
			s.that = (struct verify_site){.unit = other};
			while (verify_site_next(judge->of, &s.that))
				for (uint32_t i = s.site.lo;
				     s.that.slice == s.site.slice && i < s.site.hi; i++)
					if (look_for_shared(&s, i))
						return;
		}
	}
}
