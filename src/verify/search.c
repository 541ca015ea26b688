// SPDX-License-Identifier: Apache-2.0
// Asking for what is left over of a box, cheapest first: a point that nothing holds; one box that holds all of it; then more
// points, each telling a box that holds it, until these few cover everything or a point is in none; only then all boxes
// that meet it. Most answers need few boxes of very many, and a tree finds them faster than a list can be read.
#include "verify/search.h"

#include <stdlib.h>
#include <string.h>

enum { POINTS = 3, ROUNDS = 24 };

void verify_search_init(struct verify_search *search, const struct algebra_shape *shape,
			const _Atomic bool *stop, uint64_t steps)
{
	*search = (struct verify_search){.shape = shape, .steps = steps};
	algebra_cover_init(&search->cover, shape, stop, steps);
}

void verify_search_fini(struct verify_search *search)
{
	algebra_cover_fini(&search->cover);
	free(search->ids.at);
	free(search->list);
}

static bool stopped(const struct verify_search *search)
{
	return search->cover.stop && atomic_load_explicit(search->cover.stop, memory_order_relaxed);
}

// Copies a box that holds `box`. False when none does.
static bool holder(const struct verify_search *search, const struct verify_ahead *ahead,
		   const uint64_t *box, uint64_t *out)
{
	unsigned cells = search->shape->cells;
	for (size_t i = 0; i < ahead->extras; i++)
		if (algebra_box_within(search->shape, box, ahead->extra + i * cells)) {
			memcpy(out, ahead->extra + i * cells, cells * sizeof(*out));
			return true;
		}
	for (size_t l = 0; l < ahead->lists; l++) {
		const struct verify_before *before = &ahead->list[l];
		if (before->from >= before->to)
			continue;
		uint32_t at = algebra_boxes_first(before->boxes, box, before->from, before->to);
		if (at == before->to)
			continue;
		algebra_boxes_get(before->boxes, at, out);
		return true;
	}
	return false;
}

// A point of the box that none holds; else what holds the points is added to the cover.
static bool open_point(struct verify_search *search, const uint64_t *box,
		       const struct verify_ahead *ahead, uint64_t *out)
{
	uint64_t holds[ALGEBRA_CELLS];
	for (uint32_t which = 0; which < POINTS; which++) {
		algebra_box_point(search->shape, box, which, out);
		if (!holder(search, ahead, out, holds))
			return true;
		algebra_cover_add(&search->cover, holds);
	}
	return false;
}

static enum algebra_answer by_points(struct verify_search *search, const uint64_t *box,
				     const struct verify_ahead *ahead, uint64_t *out)
{
	uint64_t left[ALGEBRA_CELLS];
	memcpy(left, box, search->shape->cells * sizeof(*left));
	algebra_cover_ask(&search->cover, box);
	for (int round = 0; round < ROUNDS && !stopped(search); round++) {
		if (open_point(search, left, ahead, out))
			return ALGEBRA_OPEN;
		enum algebra_answer answer = algebra_cover_answer(&search->cover, left);
		if (answer != ALGEBRA_OPEN)
			return answer;
	}
	return ALGEBRA_GAVE_UP;
}

static uint64_t *list_room(struct verify_search *search, size_t more)
{
	size_t cells = search->shape->cells;
	if (search->len + more > search->cap) {
		search->cap = (search->len + more) * 2;
		search->list = base_oom(
			realloc(search->list, search->cap * cells * sizeof(*search->list)));
	}
	return search->list + search->len * cells;
}

void verify_search_list(struct verify_search *search, const uint64_t *box,
			const struct verify_ahead *ahead)
{
	size_t cells = search->shape->cells;
	search->len = 0;
	for (size_t l = 0; l < ahead->lists; l++) {
		const struct verify_before *before = &ahead->list[l];
		search->ids.len = 0;
		if (before->from < before->to)
			algebra_boxes_meeting(before->boxes, box, before->from, before->to,
					      &search->ids);
		uint64_t *to = list_room(search, search->ids.len);
		for (size_t i = 0; i < search->ids.len; i++, to += cells)
			algebra_boxes_get(before->boxes, search->ids.at[i], to);
		search->len += search->ids.len;
	}
	for (size_t i = 0; i < ahead->extras; i++) {
		const uint64_t *extra = ahead->extra + i * cells;
		uint64_t *to = list_room(search, 1);
		if (!algebra_box_meets(search->shape, extra, box))
			continue;
		memcpy(to, extra, cells * sizeof(*to));
		search->len++;
	}
}

static enum algebra_answer by_all(struct verify_search *search, const uint64_t *box,
				  const struct verify_ahead *ahead, uint64_t *open_out)
{
	verify_search_list(search, box, ahead);
	algebra_cover_ask(&search->cover, box);
	for (size_t i = 0; i < search->len; i++)
		algebra_cover_add(&search->cover, search->list + i * search->shape->cells);
	return algebra_cover_answer(&search->cover, open_out);
}

enum algebra_answer verify_search_open(struct verify_search *search, const uint64_t *box,
				       const struct verify_ahead *ahead, uint64_t *open_out)
{
	uint64_t point[ALGEBRA_CELLS], holds[ALGEBRA_CELLS];
	enum algebra_answer answer = ALGEBRA_OPEN;
	algebra_box_point(search->shape, box, 0, point);
	if (holder(search, ahead, point, holds)) {
		if (algebra_box_within(search->shape, box, holds) ||
		    holder(search, ahead, box, holds))
			return ALGEBRA_COVERED;
		answer = by_points(search, box, ahead, point);
	}
	if (answer == ALGEBRA_OPEN && open_out)
		memcpy(open_out, point, search->shape->cells * sizeof(*point));
	if (answer != ALGEBRA_GAVE_UP || stopped(search))
		return answer;
	return by_all(search, box, ahead, open_out);
}

uint32_t verify_search_prefix(struct verify_search *search, const uint64_t *box,
			      struct verify_before before)
{
	uint64_t left[ALGEBRA_CELLS], point[ALGEBRA_CELLS], holds[ALGEBRA_CELLS];
	uint32_t alone = algebra_boxes_first(before.boxes, box, before.from, before.to), last = 0;
	memcpy(left, box, search->shape->cells * sizeof(*left));
	algebra_cover_ask(&search->cover, box);
	for (int round = 0; round < ROUNDS && !stopped(search); round++) {
		for (uint32_t which = 0; which < POINTS; which++) {
			algebra_box_point(search->shape, left, which, point);
			uint32_t at = algebra_boxes_first(before.boxes, point, before.from, alone);
			if (at == alone)
				return alone;
			last = at > last ? at : last;
			algebra_boxes_get(before.boxes, at, holds);
			algebra_cover_add(&search->cover, holds);
		}
		enum algebra_answer answer = algebra_cover_answer(&search->cover, left);
		if (answer != ALGEBRA_OPEN)
			return answer == ALGEBRA_COVERED ? last : alone;
	}
	return alone;
}
