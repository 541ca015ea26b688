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
	ORDERS = 6,
	MANY = 4096
};                                 // places of one pair; shapes tried, two with many boxes
enum { FEW = 4, STEPS_LEAST = 8 }; // areas of one place; steps that are worth beginning

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

static bool span_apart(uint64_t a, uint64_t b)
{
	return algebra_lo(a) > algebra_hi(b) || algebra_lo(b) > algebra_hi(a);
}

static bool mask_apart(const struct algebra_shape *shape, unsigned mask, const uint64_t *a,
		       const uint64_t *b)
{
	const struct algebra_mask *m = &shape->mask[mask];
	uint64_t common = 0;
	for (unsigned c = m->first; c < m->end; c++)
		common |= a[c] & b[c] & m->field;
	return !common;
}

static const uint64_t *listed(const struct verify_area_search *s, size_t i)
{
	return s->search.list + i * s->slice->shape.cells;
}

// Axes in which boxes grow. There may be very many truths: those beyond stay as narrow as they are.
enum { GROWING = 63 };

static unsigned growing(const struct algebra_shape *shape)
{
	unsigned axes = shape->spans + shape->masks;
	return axes < GROWING ? axes : GROWING;
}

// In which axes each box of the list is apart from `box`: a bit each, the last one for all that do not grow. Only one that
// is apart in no other axis is in the way.
static void look_apart(const struct verify_area_search *s, const uint64_t *box, uint64_t *apart)
{
	const struct algebra_shape *shape = &s->slice->shape;
	for (size_t i = 0; i < s->search.len; i++) {
		apart[i] = 0;
		for (unsigned k = 0; k < shape->spans; k++)
			apart[i] |= (uint64_t)span_apart(listed(s, i)[k], box[k]) << k;
		for (unsigned m = 0, axis = shape->spans; m < shape->masks; m++, axis++)
			apart[i] |= (uint64_t)mask_apart(shape, m, listed(s, i), box)
				    << (axis < GROWING ? axis : GROWING);
	}
}

static void grow_span(const struct verify_area_search *s, uint64_t *box, unsigned span,
		      uint64_t *apart)
{
	uint32_t lo = algebra_lo(s->both[span]), hi = algebra_hi(s->both[span]);
	uint64_t bit = 1ull << span;
	for (size_t i = 0; i < s->search.len; i++) {
		if (apart[i] != bit)
			continue;
		uint64_t other = listed(s, i)[span];
		if (algebra_hi(other) < algebra_lo(box[span]))
			lo = algebra_hi(other) >= lo ? algebra_hi(other) + 1 : lo;
		else
			hi = algebra_lo(other) <= hi ? algebra_lo(other) - 1 : hi;
	}
	box[span] = algebra_span(lo, hi);
	for (size_t i = 0; i < s->search.len; i++)
		if (apart[i] & bit && !span_apart(listed(s, i)[span], box[span]))
			apart[i] &= ~bit;
}

static void grow_mask(const struct verify_area_search *s, uint64_t *box, unsigned mask,
		      uint64_t *apart)
{
	const struct algebra_shape *shape = &s->slice->shape;
	const struct algebra_mask *m = &shape->mask[mask];
	uint64_t bit = 1ull << (shape->spans + mask);
	for (unsigned c = m->first; c < m->end; c++)
		box[c] = (box[c] & ~m->field) | (s->both[c] & m->field);
	for (size_t i = 0; i < s->search.len; i++)
		for (unsigned c = m->first; apart[i] == bit && c < m->end; c++)
			box[c] &= ~(listed(s, i)[c] & m->field);
	for (size_t i = 0; i < s->search.len; i++)
		if (apart[i] & bit && !mask_apart(shape, mask, listed(s, i), box))
			apart[i] &= ~bit;
}

static void grow_from(const struct verify_area_search *s, uint64_t *box, unsigned first,
		      uint64_t *apart)
{
	unsigned spans = s->slice->shape.spans, axes = growing(&s->slice->shape);
	for (unsigned k = 0; k < axes; k++) {
		unsigned axis = (first + k) % axes;
		if (axis < spans)
			grow_span(s, box, axis, apart);
		else
			grow_mask(s, box, axis - spans, apart);
	}
}

// The widest of several boxes around `open` that nothing in the list meets.
static void grow(const struct verify_area_search *s, const uint64_t *open, uint64_t *out)
{
	const struct algebra_shape *shape = &s->slice->shape;
	unsigned axes = growing(shape), orders = s->search.len > MANY ? 2 : ORDERS;
	uint64_t box[ALGEBRA_CELLS],
		*apart = base_oom(calloc(s->search.len * 2 + 1, sizeof(*apart)));
	double widest = 0;
	orders = axes < orders ? axes : orders;
	look_apart(s, open, apart);
	for (unsigned order = 0; order < orders; order++) {
		uint64_t *work = apart + s->search.len;
		memcpy(work, apart, s->search.len * sizeof(*work));
		memcpy(box, open, shape->cells * sizeof(*box));
		grow_from(s, box, order * axes / orders, work);
		double width = verify_measure_box(s->measure, box);
		if (order && width <= widest)
			continue;
		widest = width;
		memcpy(out, box, shape->cells * sizeof(*box));
	}
	free(apart);
}

// --- one pair of boxes ---

// What neither those before nor the areas found hold.
static enum algebra_answer ask_again(struct verify_area_search *s, uint64_t *open)
{
	struct algebra_cover *cover = &s->search.cover;
	cover->steps = s->looks / (s->search.len + 1);
	if (cover->steps < STEPS_LEAST)
		return ALGEBRA_GAVE_UP;
	algebra_cover_ask(cover, s->both);
	for (size_t i = s->first; i < s->out->len; i++)
		algebra_cover_add(cover, s->out->at[i].box);
	for (size_t i = 0; i < s->search.len; i++)
		algebra_cover_add(cover, s->search.list + i * s->slice->shape.cells);
	return algebra_cover_answer(cover, open);
}

// `open` is a box of points that differ.
static void split(struct verify_area_search *s, const struct verify_ahead *ahead, uint64_t *open)
{
	uint64_t box[ALGEBRA_CELLS];
	s->first = s->out->len;
	verify_search_list(&s->search, s->both, ahead);
	for (;;) {
		grow(s, open, box);
		add_area(s, box, open);
		if (!s->search.len)
			return;
		enum algebra_answer answer = ask_again(s, open);
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
	s->search.cover.steps = STEPS;
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
