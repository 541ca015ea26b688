// SPDX-License-Identifier: Apache-2.0
// From a point that nothing before holds to a box around it: each axis in turn is widened to the nearest box that stands
// before and in the way. Which axis comes first decides the shape, so several orders are tried and the widest box is
// kept. What is still open after a box is found the same way; after a few of them the rest is one box that holds more.
#include "verify/areas.h"
#include "verify/pairs.h"

#include <stdlib.h>
#include <string.h>

#define STEPS ((uint64_t)1 << 18) // of one question
#define LOOKS ((uint64_t)1 << 22) // boxes looked at to find what is still open
enum {
	ASKED_MOST = 4096,
	FEW = 4,
	ORDERS = 6
}; // places of one pair; areas of a place; shapes tried

static uint64_t *copy(const uint64_t *box, unsigned cells)
{
	uint64_t *at = base_oom(malloc(cells * sizeof(*box)));
	memcpy(at, box, cells * sizeof(*box));
	return at;
}

static struct verify_area *push(struct verify_areas *areas)
{
	if (areas->len == areas->cap) {
		areas->cap = areas->cap * 2 + 8;
		areas->at = base_oom(realloc(areas->at, areas->cap * sizeof(*areas->at)));
	}
	return &areas->at[areas->len++];
}

static void add_area(struct verify_area_search *s, const uint64_t *box, const uint64_t *open)
{
	uint64_t point[ALGEBRA_CELLS];
	const struct algebra_shape *shape = &s->slice->shape;
	algebra_box_point(shape, open, 0, point);
	*push(s->out) = (struct verify_area){.slice = s->number,
					     .exact = true,
					     .width = verify_measure_box(s->measure, box),
					     .box = copy(box, shape->cells),
					     .point = copy(point, shape->cells)};
}

// Makes `hull` hold `box`.
static void widen(const struct algebra_shape *shape, uint64_t *hull, const uint64_t *box)
{
	for (unsigned s = 0; s < shape->spans; s++) {
		uint32_t lo = algebra_lo(hull[s]), hi = algebra_hi(hull[s]);
		hull[s] = algebra_span(lo < algebra_lo(box[s]) ? lo : algebra_lo(box[s]),
				       hi > algebra_hi(box[s]) ? hi : algebra_hi(box[s]));
	}
	for (unsigned c = shape->spans; c < shape->cells; c++)
		hull[c] |= box[c];
}

// `open`: a box of points that differ, or NULL.
static void add_rest(struct verify_area_search *s, const uint64_t *box, const uint64_t *open)
{
	uint64_t point[ALGEBRA_CELLS];
	const struct algebra_shape *shape = &s->slice->shape;
	if (!s->rest.box)
		s->rest.box = copy(box, shape->cells);
	widen(shape, s->rest.box, box);
	if (!open || s->rest.point)
		return;
	algebra_box_point(shape, open, 0, point);
	s->rest.point = copy(point, shape->cells);
}

// --- growing ---

// There may be very many truths: in axes beyond these a box stays as narrow as it is.
enum { GROWING = 63 };

// Puts all of `both` into the box in one axis. False when it was there already.
static bool widen_axis(const struct verify_area_search *s, unsigned axis, uint64_t *box)
{
	const struct algebra_shape *shape = &s->slice->shape;
	bool wider = false;
	if (axis < shape->spans) {
		wider = box[axis] != s->both[axis];
		box[axis] = s->both[axis];
		return wider;
	}
	const struct algebra_mask *mask = &shape->mask[axis - shape->spans];
	for (unsigned c = mask->first; c < mask->end; c++) {
		uint64_t cell = box[c] | (s->both[c] & mask->field);
		wider |= cell != box[c];
		box[c] = cell;
	}
	return wider;
}

// The axes in which there is room around the box.
static unsigned list_axes(const struct verify_area_search *s, const uint64_t *box,
			  unsigned axis[static GROWING])
{
	const struct algebra_shape *shape = &s->slice->shape;
	uint64_t wide[ALGEBRA_CELLS];
	unsigned axes = 0;
	memcpy(wide, box, shape->cells * sizeof(*wide));
	for (unsigned k = 0; k < shape->spans + shape->masks && k < GROWING; k++)
		if (widen_axis(s, k, wide))
			axis[axes++] = k;
	return axes;
}

static void grow_axis(const struct verify_area_search *s, const struct verify_ahead *ahead,
		      unsigned axis, uint64_t *box)
{
	const struct algebra_shape *shape = &s->slice->shape;
	size_t bytes = shape->cells * sizeof(*box);
	uint64_t wide[ALGEBRA_CELLS];
	memcpy(wide, box, bytes);
	if (!widen_axis(s, axis, wide))
		return;
	for (size_t i = 0; i < ahead->extras; i++) {
		const uint64_t *extra = ahead->extra + i * shape->cells;
		if (algebra_box_meets(shape, wide, extra))
			algebra_box_narrow(shape, box, axis, extra, wide);
	}
	for (size_t l = 0; l < ahead->lists; l++)
		algebra_boxes_narrow(ahead->list[l].boxes, box, axis, ahead->list[l].from,
				     ahead->list[l].to, wide);
	memcpy(box, wide, bytes);
}

// The widest of several boxes around `open` that nothing before meets.
static void grow(const struct verify_area_search *s, const struct verify_ahead *ahead,
		 const uint64_t *open, uint64_t *out)
{
	const struct algebra_shape *shape = &s->slice->shape;
	size_t bytes = shape->cells * sizeof(*out);
	unsigned axis[GROWING], axes = list_axes(s, open, axis),
				orders = axes < ORDERS ? axes : ORDERS;
	uint64_t box[ALGEBRA_CELLS];
	double widest = 0;
	memcpy(out, open, bytes);
	for (unsigned order = 0; order < orders; order++) {
		memcpy(box, open, bytes);
		for (unsigned k = 0; k < axes; k++)
			grow_axis(s, ahead, axis[(order * axes / orders + k) % axes], box);
		double width = verify_measure_box(s->measure, box);
		if (order && width <= widest)
			continue;
		widest = width;
		memcpy(out, box, bytes);
	}
}

// --- one pair of boxes ---

// What neither those before nor the areas of the place hold.
static enum algebra_answer ask_again(struct verify_area_search *s, const struct verify_ahead *ahead,
				     uint64_t *open)
{
	size_t cells = s->slice->shape.cells, found = s->out->len - s->first;
	struct verify_ahead all = *ahead;
	uint64_t *extra = base_oom(malloc((ahead->extras + found) * cells * sizeof(*extra)));
	if (ahead->extras)
		memcpy(extra, ahead->extra, ahead->extras * cells * sizeof(*extra));
	for (size_t i = 0; i < found; i++)
		memcpy(extra + (ahead->extras + i) * cells, s->out->at[s->first + i].box,
		       cells * sizeof(*extra));
	all.extra = extra;
	all.extras += found;
	s->search.looks = s->looks;
	enum algebra_answer answer = verify_search_open(&s->search, s->both, &all, open);
	s->search.looks = 0;
	free(extra);
	return answer;
}

// `open` is a box of points that differ.
static void split(struct verify_area_search *s, const struct verify_ahead *ahead, uint64_t *open)
{
	uint64_t box[ALGEBRA_CELLS];
	size_t bytes = s->slice->shape.cells * sizeof(*box);
	s->first = s->out->len;
	for (;;) {
		grow(s, ahead, open, box);
		add_area(s, box, open);
		if (!memcmp(box, s->both, bytes))
			return;
		enum algebra_answer answer = ask_again(s, ahead, open);
		if (answer == ALGEBRA_COVERED)
			return;
		if (answer == ALGEBRA_OPEN && s->out->len - s->first < FEW &&
		    s->out->len < VERIFY_AREAS_MOST)
			continue;
		add_rest(s, s->both, answer == ALGEBRA_OPEN ? open : s->out->at[s->first].point);
		return;
	}
}

void verify_area_begin(struct verify_area_search *s, const _Atomic bool *stop)
{
	verify_search_init(&s->search, &s->slice->shape, stop, STEPS);
	s->before = s->out->len;
}

void verify_area_add(struct verify_area_search *s, const uint64_t *both,
		     const struct verify_ahead *ahead)
{
	uint64_t open[ALGEBRA_CELLS];
	s->both = both;
	if (++s->asked > ASKED_MOST) {
		add_rest(s, both, NULL);
		return;
	}
	enum algebra_answer answer = verify_search_open(&s->search, both, ahead, open);
	if (answer == ALGEBRA_OPEN && s->out->len < VERIFY_AREAS_MOST)
		split(s, ahead, open);
	else if (answer != ALGEBRA_COVERED)
		add_rest(s, both, answer == ALGEBRA_OPEN ? open : NULL);
}

// A rest without a point of its own: no point in it is known to differ, but some may.
void verify_area_end(struct verify_area_search *s)
{
	verify_search_fini(&s->search);
	if (!s->rest.box)
		return;
	if (!s->rest.point && s->before < s->out->len) {
		s->rest.point = copy(s->out->at[s->before].point, s->slice->shape.cells);
		widen(&s->slice->shape, s->rest.box, s->rest.point);
	}
	if (!s->rest.point) {
		free(s->rest.box);
		s->out->all = false;
		return;
	}
	s->rest.slice = s->number;
	s->rest.width = verify_measure_box(s->measure, s->rest.box);
	*push(s->out) = s->rest;
}

// --- one pair of rules ---

static void take_boxes(struct verify_area_search *s, uint32_t i, uint32_t j)
{
	uint64_t both[ALGEBRA_CELLS], other[ALGEBRA_CELLS];
	const struct verify_layer *layer = s->slice->layer;
	const struct verify_before before[] = {{layer[0].boxes, 0, i}, {layer[1].boxes, 0, j}};
	algebra_boxes_get(layer[0].boxes, i, both);
	algebra_boxes_get(layer[1].boxes, j, other);
	if (algebra_box_clip(&s->slice->shape, both, other, both))
		verify_area_add(s, both, &(struct verify_ahead){.list = before, .lists = 2});
}

static void take_slice(struct verify_area_search *s, const struct verify_space *space,
		       const uint32_t teller[2], const _Atomic bool *stop)
{
	uint32_t first[2], end[2];
	for (unsigned l = 0; l < 2; l++)
		end[l] = verify_boxes_of(space, s->slice, l, teller[l], &first[l]);
	verify_area_begin(s, stop);
	for (uint32_t i = first[0]; i < end[0]; i++)
		for (uint32_t j = first[1]; j < end[1]; j++)
			take_boxes(s, i, j);
	verify_area_end(s);
}

void verify_areas_find(const struct verify_space *space, const struct verify_measure *measure,
		       uint32_t teller_a, uint32_t teller_b, const _Atomic bool *stop,
		       struct verify_areas *out)
{
	const uint32_t teller[2] = {teller_a, teller_b};
	*out = (struct verify_areas){.all = true};
	for (size_t i = 0; i < space->slice.len; i++) {
		struct verify_area_search s = {.slice = space->slice.at[i],
					       .measure = &measure[i],
					       .number = i,
					       .looks = LOOKS,
					       .out = out};
		take_slice(&s, space, teller, stop);
	}
}

void verify_areas_fini(struct verify_areas *areas)
{
	for (size_t i = 0; i < areas->len; i++) {
		free(areas->at[i].box);
		free(areas->at[i].point);
	}
	free(areas->at);
}
