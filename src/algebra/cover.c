// SPDX-License-Identifier: Apache-2.0
// Is a box covered by the union of others? A part of the question is a box and the list of those that may cover it. One
// that holds it alone ends the part; volumes too small to cover it end the question; else the widest is taken away, what
// lies outside of it becomes new parts, and each part's list is shorter by what does not reach it.
//
// Lists are of the boxes' numbers and lie on one stack: those of the parts that came from a part are above its own, so that
// a part that is taken up next may forget all that is above it.
#include "algebra/box.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CLEARLY_LESS (1 - 1e-9)

struct algebra_part {
	uint64_t box[ALGEBRA_CELLS];
	size_t list, boxes; // where its list begins and how long it is
};

void algebra_cover_init(struct algebra_cover *cover, const struct algebra_shape *shape,
			const _Atomic bool *stop, uint64_t steps)
{
	*cover = (struct algebra_cover){.shape = shape, .stop = stop, .steps = steps};
}

void algebra_cover_fini(struct algebra_cover *cover)
{
	free(cover->list);
	free(cover->reach);
	free(cover->part);
}

static void copy(const struct algebra_shape *shape, const uint64_t *from, uint64_t *to)
{
	memcpy(to, from, shape->cells * sizeof(*to));
}

void algebra_cover_ask(struct algebra_cover *cover, const uint64_t *box)
{
	copy(cover->shape, box, cover->box);
	cover->boxes = 0;
	cover->held = false;
}

static void *grown(void *at, size_t *cap, size_t need, size_t size)
{
	if (need <= *cap)
		return at;
	*cap = need + need / 2 + 64;
	at = realloc(at, *cap * size);
	if (!at)
		abort();
	return at;
}

void algebra_cover_add(struct algebra_cover *cover, const uint64_t *box)
{
	size_t cells = cover->shape->cells, need = (cover->boxes + 1) * cells;
	cover->list = grown(cover->list, &cover->list_cap, need, sizeof(*cover->list));
	uint64_t *at = cover->list + cover->boxes * cells;
	if (cover->held || !algebra_box_clip(cover->shape, box, cover->box, at))
		return;
	cover->held = !memcmp(at, cover->box, cells * sizeof(*at));
	cover->boxes++;
}

static uint32_t *reach_room(struct algebra_cover *cover, size_t boxes)
{
	size_t need = cover->reach_len + boxes;
	cover->reach = grown(cover->reach, &cover->reach_cap, need, sizeof(*cover->reach));
	return cover->reach + cover->reach_len;
}

static void push_part(struct algebra_cover *cover, const uint64_t *box, size_t list, size_t boxes)
{
	cover->part =
		grown(cover->part, &cover->part_cap, cover->part_len + 1, sizeof(*cover->part));
	struct algebra_part *part = &cover->part[cover->part_len++];
	copy(cover->shape, box, part->box);
	part->list = list;
	part->boxes = boxes;
}

// What of `rest` lies outside of `wide`, dimension by dimension; `rest` shrinks to what both have.
static void push_outside(struct algebra_cover *cover, uint64_t *rest, const uint64_t *wide,
			 size_t list, size_t boxes)
{
	const struct algebra_shape *shape = cover->shape;
	for (unsigned s = 0; s < shape->spans; s++) {
		uint32_t lo = algebra_lo(rest[s]), hi = algebra_hi(rest[s]);
		if (lo < algebra_lo(wide[s])) {
			rest[s] = algebra_span(lo, algebra_lo(wide[s]) - 1);
			push_part(cover, rest, list, boxes);
		}
		if (hi > algebra_hi(wide[s])) {
			rest[s] = algebra_span(algebra_hi(wide[s]) + 1, hi);
			push_part(cover, rest, list, boxes);
		}
		rest[s] = wide[s];
	}
	for (unsigned m = 0; m < shape->masks; m++) {
		const struct algebra_mask *mask = &shape->mask[m];
		uint64_t outside = 0;
		for (unsigned c = mask->first; c < mask->end; c++)
			outside |= rest[c] & ~wide[c] & mask->field;
		if (!outside)
			continue;
		for (unsigned c = mask->first; c < mask->end; c++)
			rest[c] &= ~(wide[c] & mask->field);
		push_part(cover, rest, list, boxes);
		for (unsigned c = mask->first; c < mask->end; c++)
			rest[c] = (rest[c] & ~mask->field) | (wide[c] & mask->field);
	}
}

struct filtered {
	size_t boxes, widest;
	bool held;
	double sum, whole;
};

// The boxes of the part's list that reach it, on top of the stack.
static struct filtered filter(struct algebra_cover *cover, const struct algebra_part *part)
{
	const struct algebra_shape *shape = cover->shape;
	struct filtered f = {.whole = algebra_box_volume(shape, part->box)};
	uint32_t *to = reach_room(cover, part->boxes);
	const uint32_t *from = cover->reach + part->list;
	uint64_t both[ALGEBRA_CELLS];
	double widest = 0;
	for (size_t i = 0; i < part->boxes; i++) {
		if (!algebra_box_clip(shape, cover->list + from[i] * (size_t)shape->cells,
				      part->box, both))
			continue;
		double volume = algebra_box_volume(shape, both);
		f.sum += volume;
		if (volume > widest) {
			widest = volume;
			f.widest = f.boxes;
		}
		to[f.boxes++] = from[i];
		if (volume >= f.whole * CLEARLY_LESS &&
		    algebra_box_within(shape, part->box, both)) {
			f.held = true;
			return f;
		}
	}
	return f;
}

// One part: OPEN when it shows a point that nothing covers, COVERED when it is done with (perhaps leaving other parts).
static enum algebra_answer take_part(struct algebra_cover *cover, uint64_t *open_out)
{
	const struct algebra_shape *shape = cover->shape;
	struct algebra_part part = cover->part[--cover->part_len];
	cover->reach_len = part.list + part.boxes;
	struct filtered f = filter(cover, &part);
	if (f.held)
		return ALGEBRA_COVERED;
	if (!f.boxes || (!open_out && f.sum < f.whole * CLEARLY_LESS)) {
		if (open_out)
			copy(shape, part.box, open_out);
		return ALGEBRA_OPEN;
	}
	uint32_t *reach = cover->reach + cover->reach_len, widest = reach[f.widest];
	reach[f.widest] = reach[f.boxes - 1];
	uint64_t wide[ALGEBRA_CELLS];
	bool meet = algebra_box_clip(shape, cover->list + widest * (size_t)shape->cells, part.box,
				     wide);
	assert(meet);
	size_t at = cover->reach_len;
	cover->reach_len += f.boxes - 1;
	push_outside(cover, part.box, wide, at, f.boxes - 1);
	return ALGEBRA_COVERED;
}

enum algebra_answer algebra_cover_answer(struct algebra_cover *cover, uint64_t *open_out)
{
	if (cover->held)
		return ALGEBRA_COVERED;
	cover->part_len = cover->reach_len = 0;
	uint32_t *all = reach_room(cover, cover->boxes);
	for (size_t i = 0; i < cover->boxes; i++)
		all[i] = (uint32_t)i;
	push_part(cover, cover->box, 0, cover->boxes);
	enum algebra_answer answer = ALGEBRA_COVERED;
	for (uint64_t step = 0; cover->part_len && answer == ALGEBRA_COVERED; step++) {
		bool stopped =
			cover->stop && atomic_load_explicit(cover->stop, memory_order_relaxed);
		bool large = cover->reach_most && cover->reach_len > cover->reach_most;
		answer = stopped || large || step >= cover->steps ? ALGEBRA_GAVE_UP
								  : take_part(cover, open_out);
	}
	return answer;
}
