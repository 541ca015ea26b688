// SPDX-License-Identifier: Apache-2.0
// What all judgements share: units and their boxes, who is first, and whether a box is covered.
#include "verify/judge.h"
#include "verify/workers.h"

#include <stdlib.h>
#include <string.h>

// Boxes looked at for one answer, about a second; boxes on its stack.
#define LOOKS_MOST ((uint64_t)1 << 26)
#define REACH_MOST ((size_t)1 << 22)
enum { FEW_BOXES = 64 };

// --- units ---

// Only where a unit has several boxes in a slice can it hold more than each of them does.
static void find_several(struct verify_case *c)
{
	for (size_t s = 0; s < c->space->slice.len; s++) {
		const struct algebra_boxes *boxes = c->space->slice.at[s]->layer[0].boxes;
		uint32_t last = VERIFY_DEFAULT, n = (uint32_t)algebra_boxes_len(boxes);
		for (uint32_t i = 0; i < n; i++) {
			uint32_t unit = verify_unit_of(c, algebra_boxes_owner(boxes, i));
			if (unit == last && unit < VERIFY_NO_FLOW)
				c->several[unit] = true;
			last = unit;
		}
	}
}

// What the boxes leave of the memory is for the lists of questions, of which a thread has a few.
static size_t list_most(const struct verify_space *space, const struct verify_options *options)
{
	return verify_memory_left(space, options) / sizeof(uint32_t) / 8 /
	       verify_threads(options->threads);
}

void verify_case_init(struct verify_case *c, const struct verify_space *space,
		      const struct verify_options *options, struct arena *arena)
{
	const struct ir_ruleset *ruleset = space->ruleset[0];
	size_t n = ruleset->rule.len, *unit;
	struct arena scratch;
	arena_init(&scratch);
	verify_units(ruleset, &scratch, &unit);
	*c = (struct verify_case){.space = space,
				  .ruleset = ruleset,
				  .unit = arena_array(arena, uint32_t, n + 1),
				  .first = arena_array(arena, uint32_t, n + 1),
				  .list_most = list_most(space, options),
				  .stop = options->control ? &options->control->stop : NULL};
	for (size_t i = 0; i < n; i++) {
		if (unit[i] == i) {
			c->first[c->units++] = (uint32_t)i;
			c->flow_units += ruleset->rule.at[i].flow;
		}
		c->unit[i] = c->units - 1;
	}
	c->first[c->units] = (uint32_t)n;
	c->reach_most = c->list_most * 2 < REACH_MOST ? c->list_most * 2 + 1 : REACH_MOST;
	c->several = arena_array(arena, bool, c->units + 1);
	find_several(c);
	c->life = (_Atomic uint8_t *)arena_array(arena, uint8_t, c->units + 1);
	arena_fini(&scratch);
}

void verify_judge_init(struct verify_judge *judge, const struct verify_case *c)
{
	*judge = (struct verify_judge){.of = c};
	verify_search_init(&judge->search, NULL, c->stop, UINT64_MAX);
	judge->search.looks = LOOKS_MOST;
	judge->search.cover.reach_most = c->reach_most;
}

void verify_judge_fini(struct verify_judge *judge)
{
	verify_search_fini(&judge->search);
	free(judge->others.at);
	free(judge->pairs.at);
	free(judge->causes.at);
	free(judge->met);
	free(judge->met_at);
}

bool verify_case_stopped(const struct verify_case *c)
{
	return c->stop && atomic_load_explicit(c->stop, memory_order_relaxed);
}

uint32_t verify_unit_of(const struct verify_case *c, uint32_t owner)
{
	return owner >= VERIFY_NO_FLOW ? owner : c->unit[owner];
}

uint32_t verify_unit_effect(const struct verify_case *c, uint32_t unit)
{
	return verify_effect(c->space, 0, unit >= VERIFY_NO_FLOW ? unit : c->first[unit]);
}

bool verify_only_logs(const struct verify_case *c, uint32_t unit)
{
	return c->ruleset->rule.at[c->first[unit]].verdict == IR_NONE;
}

bool verify_stays(const struct verify_case *c, uint32_t owner)
{
	if (!c->gone || owner == VERIFY_DEFAULT)
		return true;
	return owner == VERIFY_NO_FLOW ? !c->no_flow_gone : !c->gone[c->unit[owner]];
}

// --- a unit's boxes ---

bool verify_site_next(const struct verify_case *c, struct verify_site *site)
{
	bool logs = verify_only_logs(c, site->unit);
	while (site->next < c->space->slice.len) {
		site->slice = c->space->slice.at[site->next++];
		site->layer = &site->slice->layer[0];
		site->boxes = logs ? site->layer->logging : site->layer->boxes;
		site->lo = verify_stand_before(site->boxes, c->first[site->unit]);
		site->hi = site->lo;
		uint32_t n = (uint32_t)algebra_boxes_len(site->boxes),
			 end = c->first[site->unit + 1];
		while (site->hi < n && algebra_boxes_owner(site->boxes, site->hi) < end)
			site->hi++;
		if (site->lo < site->hi)
			return true;
	}
	return false;
}

uint32_t verify_site_before(const struct verify_case *c, const struct verify_site *site, uint32_t i)
{
	return verify_only_logs(c, site->unit) ? site->layer->before[i] : site->lo;
}

// --- questions ---

uint32_t verify_first(const struct verify_case *c, const struct verify_slice *slice,
		      const uint64_t *box, uint32_t from, uint32_t to)
{
	const struct algebra_boxes *boxes = slice->layer[0].boxes;
	uint32_t at = algebra_boxes_first(boxes, box, from, to);
	while (at < to && !verify_stays(c, algebra_boxes_owner(boxes, at)))
		at = algebra_boxes_first(boxes, box, at + 1, to);
	return at;
}

// The tree is by place, not by number: where few numbers are asked about it is no help.
void verify_meeting(const struct verify_slice *slice, const struct algebra_boxes *boxes,
		    const uint64_t *box, uint32_t from, uint32_t to, struct algebra_ids *ids)
{
	uint64_t other[ALGEBRA_CELLS];
	if (to - from > FEW_BOXES) {
		algebra_boxes_meeting(boxes, box, from, to, ids);
		return;
	}
	for (uint32_t i = from; i < to; i++) {
		algebra_boxes_get(boxes, i, other);
		if (!algebra_box_meets(&slice->shape, box, other))
			continue;
		if (ids->len == ids->cap) {
			ids->cap = ids->cap * 2 + 256;
			ids->at = base_oom(realloc(ids->at, ids->cap * sizeof(*ids->at)));
		}
		ids->at[ids->len++] = i;
	}
}

enum algebra_answer verify_left_over(struct verify_judge *judge, const struct verify_slice *slice,
				     const uint64_t *box, const struct verify_ahead *ahead,
				     uint64_t *open_out)
{
	judge->search.shape = judge->search.cover.shape = &slice->shape;
	return verify_search_open(&judge->search, box, ahead, open_out);
}

static bool owner_stays(const void *user, uint32_t owner)
{
	return verify_stays(user, owner);
}

enum algebra_answer verify_left_by(struct verify_judge *judge, const struct verify_slice *slice,
				   const uint64_t *box, const struct verify_before *range,
				   size_t ranges, uint64_t *open_out)
{
	const struct verify_ahead ahead = {.list = range,
					   .lists = ranges,
					   .counts = judge->of->gone ? owner_stays : NULL,
					   .user = judge->of};
	return verify_left_over(judge, slice, box, &ahead, open_out);
}

void verify_causes_add(struct verify_causes *causes, uint32_t unit)
{
	if (causes->len == causes->cap) {
		causes->cap = causes->cap * 2 + 16;
		causes->at = base_oom(realloc(causes->at, causes->cap * sizeof(*causes->at)));
	}
	causes->at[causes->len++] = unit;
}
