// SPDX-License-Identifier: Apache-2.0
// Asking for what is left over of a box, cheapest first: a point that nothing holds; one box that holds all of it; then more
// points, each telling a box that holds it, until these few cover everything or a point is in none; only then all boxes
// that meet it. Most answers need few boxes of very many, and a tree finds them faster than a list can be read.
#include "verify/search.h"

#include <stdlib.h>
#include <string.h>

enum { POINTS = 3, ROUNDS = 24, STEPS_LEAST = 8 }; // steps that are worth beginning

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
}

static bool stopped(const struct verify_search *search)
{
	return search->cover.stop && atomic_load_explicit(search->cover.stop, memory_order_relaxed);
}

static bool is_listed(const struct verify_ahead *ahead, uint32_t number)
{
	for (size_t l = 0; l < ahead->lists; l++)
		if (number >= ahead->list[l].from && number < ahead->list[l].to)
			return true;
	return false;
}

static bool counts(const struct verify_ahead *ahead, const struct algebra_boxes *boxes,
		   uint32_t number)
{
	return !ahead->counts || ahead->counts(ahead->user, algebra_boxes_owner(boxes, number));
}

// The number of a listed box that holds `box`, in a list of them; false when none does.
static bool held_between_gaps(struct verify_search *search, const struct verify_ahead *ahead,
			      const uint64_t *box, uint32_t *number_out)
{
	const struct verify_before *first = &ahead->list[0], *last = first + ahead->lists - 1;
	search->ids.len = 0;
	algebra_boxes_holding(first->boxes, box, first->from, last->to, &search->ids);
	for (size_t i = 0; i < search->ids.len; i++)
		if (is_listed(ahead, search->ids.at[i]) &&
		    counts(ahead, first->boxes, search->ids.at[i])) {
			*number_out = search->ids.at[i];
			return true;
		}
	return false;
}

static uint32_t first_that_counts(const struct verify_ahead *ahead,
				  const struct verify_before *before, const uint64_t *box)
{
	uint32_t at = before->from;
	while (at < before->to) {
		at = algebra_boxes_first(before->boxes, box, at, before->to);
		if (at < before->to && counts(ahead, before->boxes, at))
			break;
		at++;
	}
	return at < before->to ? at : before->to;
}

static bool held(struct verify_search *search, const struct verify_ahead *ahead,
		 const uint64_t *box, const struct algebra_boxes **boxes_out, uint32_t *number_out)
{
	if (ahead->gaps && ahead->lists > 1) {
		*boxes_out = ahead->list[0].boxes;
		return held_between_gaps(search, ahead, box, number_out);
	}
	for (size_t l = 0; l < ahead->lists; l++) {
		const struct verify_before *before = &ahead->list[l];
		*boxes_out = before->boxes;
		*number_out = first_that_counts(ahead, before, box);
		if (*number_out < before->to)
			return true;
	}
	return false;
}

// Copies a box that holds `box`. False when none does.
static bool holder(struct verify_search *search, const struct verify_ahead *ahead,
		   const uint64_t *box, uint64_t *out)
{
	unsigned cells = search->shape->cells;
	const struct algebra_boxes *boxes;
	uint32_t number;
	for (size_t i = 0; i < ahead->extras; i++)
		if (algebra_box_within(search->shape, box, ahead->extra + i * cells)) {
			memcpy(out, ahead->extra + i * cells, cells * sizeof(*out));
			return true;
		}
	if (!held(search, ahead, box, &boxes, &number))
		return false;
	algebra_boxes_get(boxes, number, out);
	return true;
}

// For questions about so many boxes. A step looks at all of them.
static void set_steps(struct verify_search *search, size_t boxes)
{
	uint64_t bounded = search->looks / (boxes + 1);
	search->cover.steps = search->looks && bounded < search->steps ? bounded : search->steps;
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
	set_steps(search, POINTS * ROUNDS);
	for (int round = 0; round < ROUNDS && !stopped(search); round++) {
		if (open_point(search, left, ahead, out))
			return ALGEBRA_OPEN;
		enum algebra_answer answer = algebra_cover_answer(&search->cover, left);
		if (answer != ALGEBRA_OPEN)
			return answer;
	}
	return ALGEBRA_GAVE_UP;
}

// Adds to the cover all that stand before and meet the box. False when there are more than `most`.
static bool add_all(struct verify_search *search, const uint64_t *box,
		    const struct verify_ahead *ahead, size_t most)
{
	size_t cells = search->shape->cells;
	uint64_t other[ALGEBRA_CELLS];
	algebra_cover_ask(&search->cover, box);
	for (size_t i = 0; i < ahead->extras; i++)
		algebra_cover_add(&search->cover, ahead->extra + i * cells);
	for (size_t l = 0; l < ahead->lists; l++) {
		const struct verify_before *before = &ahead->list[l];
		search->ids.len = 0;
		if (!algebra_boxes_meeting_most(before->boxes, box, before->from, before->to, most,
						&search->ids))
			return false;
		most -= search->ids.len;
		for (size_t i = 0; i < search->ids.len && !search->cover.held; i++) {
			if (!counts(ahead, before->boxes, search->ids.at[i]))
				continue;
			algebra_boxes_get(before->boxes, search->ids.at[i], other);
			algebra_cover_add(&search->cover, other);
		}
	}
	return true;
}

static enum algebra_answer by_all(struct verify_search *search, const uint64_t *box,
				  const struct verify_ahead *ahead, uint64_t *open_out)
{
	if (!add_all(search, box, ahead, search->looks ? search->looks / STEPS_LEAST : SIZE_MAX))
		return ALGEBRA_GAVE_UP;
	set_steps(search, search->cover.boxes);
	return algebra_cover_answer(&search->cover, open_out);
}

enum algebra_answer verify_search_open(struct verify_search *search, const uint64_t *box,
				       const struct verify_ahead *ahead, uint64_t *open_out)
{
	uint64_t point[ALGEBRA_CELLS], holds[ALGEBRA_CELLS];
	enum algebra_answer answer = ALGEBRA_OPEN;
	if (!ahead->lists)
		return by_all(search, box, ahead, open_out);
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
	set_steps(search, POINTS * ROUNDS);
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
