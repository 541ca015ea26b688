// SPDX-License-Identifier: Apache-2.0
// Whether areas together hold another one. The one idea: as areas say whatever their conditions imply, their fields can be
// taken as independent, so the question is one about boxes, which algebra answers. An axis is a field in which some area
// is narrower than the one asked about; its ranks are the intervals of that one's values in which no area begins or ends.
#include "backend/nft/area.h"

#include "algebra/box.h"

#include <stdlib.h>

#define STEPS 100000u
#define BOXES_MOST 16384u // that one area may become
#define SPANS_MOST 40u

struct axis {
	enum nft_field field;
	struct algebra_set all; // the values of the area asked about
	VEC(u128) start;        // of the intervals, ascending
	bool parted;            // some area has several ranges there
	bool masked;            // a bit an interval; else a span of them
	unsigned at;            // its cell, or the number of its mask
};

struct covering {
	const struct nft_area *area;
	struct nft_areas by; // those that meet it
	struct arena *arena;
	uint64_t fields; // in which they do not hold all of it
	struct axis axis[NFT_FIELDS];
	size_t axes;
	struct algebra_shape shape;
	struct algebra_cover cover;
};

static bool has(const struct nft_area *area, enum nft_field field)
{
	return area->has >> field & 1;
}

// A flow has the version of its packets, and areas that ask one say both: one of them is enough.
static uint64_t narrower_in(const struct nft_area *a, const struct nft_area *b)
{
	uint64_t fields = 0;
	for (uint64_t left = b->has & ~((uint64_t)1 << F_FLOW_VERSION); left; left &= left - 1) {
		unsigned f = (unsigned)__builtin_ctzll(left);
		if (!has(a, f) || !algebra_set_within(a->set[f], b->set[f]))
			fields |= (uint64_t)1 << f;
	}
	return fields;
}

// --- axes ---

// The first interval that begins at `value` or behind it.
static size_t first_from(const struct axis *axis, u128 value)
{
	size_t lo = 0, hi = axis->start.len;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (axis->start.at[mid] < value)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void add_start(struct covering *c, struct axis *axis, u128 value)
{
	if (algebra_set_has(axis->all, value))
		vec_push(c->arena, &axis->start, value);
}

static void add_starts(struct covering *c, struct axis *axis, struct algebra_set set)
{
	u128 last = axis->all.at[axis->all.len - 1].hi;
	for (size_t i = 0; i < set.len; i++) {
		add_start(c, axis, set.at[i].lo);
		if (set.at[i].hi < last)
			add_start(c, axis, set.at[i].hi + 1);
	}
}

static void make_axis(struct covering *c, enum nft_field field)
{
	struct axis axis = {.field = field};
	axis.all = has(c->area, field) ? c->area->set[field] : nft_area_domain(field);
	for (size_t i = 0; i < axis.all.len; i++)
		vec_push(c->arena, &axis.start, axis.all.at[i].lo);
	for (size_t i = 0; i < c->by.list.len; i++) {
		const struct nft_area *by = c->by.list.at[i];
		if (!has(by, field))
			continue;
		add_starts(c, &axis, by->set[field]);
		axis.parted |= by->set[field].len > 1;
	}
	algebra_values_sort(axis.start.at, axis.start.len);
	size_t n = 1;
	for (size_t i = 1; i < axis.start.len; i++)
		if (axis.start.at[i] != axis.start.at[n - 1])
			axis.start.at[n++] = axis.start.at[i];
	axis.start.len = n;
	axis.masked = axis.parted && n <= ALGEBRA_NARROW;
	c->axis[c->axes++] = axis;
}

// Spans come before masks. False when there are too many.
static bool make_shape(struct covering *c)
{
	unsigned spans = 0;
	for (size_t i = 0; i < c->axes; i++)
		if (!c->axis[i].masked)
			c->axis[i].at = spans++;
	if (spans > SPANS_MOST)
		return false;
	algebra_shape_init(&c->shape, spans);
	for (size_t i = 0; i < c->axes; i++)
		if (c->axis[i].masked &&
		    !algebra_shape_add(&c->shape, (uint32_t)c->axis[i].start.len, &c->axis[i].at))
			return false;
	return true;
}

// --- boxes ---

static void put_all(const struct covering *c, const struct axis *axis, uint64_t *box)
{
	uint32_t n = (uint32_t)axis->start.len;
	if (!axis->masked)
		box[axis->at] = algebra_span(0, n - 1);
	for (uint32_t i = 0; axis->masked && i < n; i++)
		algebra_put(&c->shape, box, axis->at, i);
}

// The intervals of a range; false when it has none.
static bool ranks_of(const struct axis *axis, struct algebra_range range, uint64_t *span_out)
{
	size_t lo = first_from(axis, range.lo), hi = first_from(axis, range.hi);
	if (hi == axis->start.len || axis->start.at[hi] > range.hi)
		hi--;
	*span_out = algebra_span((uint32_t)lo, (uint32_t)hi);
	return lo < axis->start.len && axis->start.at[lo] <= range.hi;
}

// The mask's values that are in the set.
static void put_some(const struct covering *c, const struct axis *axis, struct algebra_set set,
		     uint64_t *box)
{
	for (uint32_t i = 0; i < axis->start.len; i++)
		if (algebra_set_has(set, axis->start.at[i]))
			algebra_put(&c->shape, box, axis->at, i);
}

// The axes in which an area has several ranges that become boxes of their own.
struct parting {
	const struct nft_area *area;
	const struct axis *axis[SPANS_MOST];
	size_t axes;
};

static void add_boxes(struct covering *c, const struct parting *p, size_t from, uint64_t *box)
{
	if (from == p->axes) {
		algebra_cover_add(&c->cover, box);
		return;
	}
	const struct axis *axis = p->axis[from];
	struct algebra_set set = p->area->set[axis->field];
	for (size_t i = 0; i < set.len; i++)
		if (ranks_of(axis, set.at[i], &box[axis->at]))
			add_boxes(c, p, from + 1, box);
}

static bool add_area(struct covering *c, const struct nft_area *area)
{
	uint64_t box[ALGEBRA_CELLS] = {0};
	struct parting p = {.area = area};
	size_t boxes = 1;
	for (size_t i = 0; i < c->axes; i++) {
		const struct axis *axis = &c->axis[i];
		bool asks = has(area, axis->field);
		size_t ranges = asks ? area->set[axis->field].len : 1;
		if (!asks)
			put_all(c, axis, box);
		else if (axis->masked)
			put_some(c, axis, area->set[axis->field], box);
		else
			p.axis[p.axes++] = axis;
		boxes *= axis->masked ? 1 : ranges;
		if (boxes > BOXES_MOST)
			return false;
	}
	add_boxes(c, &p, 0, box);
	return true;
}

static enum algebra_answer ask(struct covering *c)
{
	uint64_t box[ALGEBRA_CELLS] = {0};
	bool said = true;
	for (size_t i = 0; i < c->axes; i++)
		put_all(c, &c->axis[i], box);
	algebra_cover_init(&c->cover, &c->shape, NULL, STEPS);
	algebra_cover_ask(&c->cover, box);
	for (size_t i = 0; i < c->by.list.len && said; i++)
		said = add_area(c, c->by.list.at[i]);
	enum algebra_answer answer = said ? algebra_cover_answer(&c->cover, NULL) : ALGEBRA_GAVE_UP;
	algebra_cover_fini(&c->cover);
	return answer;
}

enum algebra_answer nft_area_covered(const struct nft_area *a, const struct nft_areas *by,
				     struct arena *arena)
{
	struct covering c = {.area = a, .arena = arena};
	for (size_t i = 0; i < by->list.len && !a->never; i++) {
		const struct nft_area *area = by->list.at[i];
		if (!nft_area_meets(a, area))
			continue;
		uint64_t fields = narrower_in(a, area);
		if (!fields)
			return ALGEBRA_COVERED;
		c.fields |= fields;
		vec_push(arena, &c.by.list, by->list.at[i]);
	}
	if (a->never || !c.by.list.len)
		return a->never ? ALGEBRA_COVERED : ALGEBRA_OPEN;
	for (enum nft_field f = 0; f < NFT_FIELDS; f++)
		if (c.fields >> f & 1)
			make_axis(&c, f);
	return make_shape(&c) ? ask(&c) : ALGEBRA_GAVE_UP;
}
