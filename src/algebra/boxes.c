// SPDX-License-Identifier: Apache-2.0
// Many boxes in an order, and a tree of bounding boxes over them. A node has up to sixteen lanes (lanes.h): boxes in a leaf,
// bounds of its children in any other. Lanes know their numbers, too, lowest and highest, because most questions are about
// the boxes before some box. Children of a node stand one after the other.
#include "algebra/lanes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = ALGEBRA_LANES };

struct algebra_boxes {
	const struct algebra_shape *shape;
	const struct algebra_lanes *how;
	const _Atomic bool *stop;
	struct algebra_ids owner;
	size_t len, cap;
	uint64_t *added; // while boxes are added: one after the other; NULL once built
	uint64_t *lanes; // of each node
	uint32_t *child; // of each node: its first; 0: it is a leaf
	uint32_t *place; // of each number: node * LANES + lane
	uint32_t *
		above; // of each node: where its bounds stand, likewise; NULL while there are no levels
	size_t nodes, room;
};

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

// Not touched, so that what is not needed takes no memory.
static void *array(size_t n, size_t size)
{
	return must(aligned_alloc(64, (n * size + 64) & ~(size_t)63));
}

struct algebra_boxes *algebra_boxes_new(const struct algebra_shape *shape)
{
	assert(shape->cells && shape->cells <= ALGEBRA_CELLS);
	struct algebra_boxes *boxes = must(calloc(1, sizeof(*boxes)));
	boxes->shape = shape;
	boxes->how = algebra_lanes_best();
	return boxes;
}

void algebra_boxes_free(struct algebra_boxes *boxes)
{
	if (!boxes)
		return;
	free(boxes->owner.at);
	free(boxes->added);
	free(boxes->lanes);
	free(boxes->child);
	free(boxes->place);
	free(boxes->above);
	free(boxes);
}

static void push_id(struct algebra_ids *ids, uint32_t id)
{
	if (ids->len == ids->cap) {
		ids->cap = ids->cap * 2 + 256;
		ids->at = must(realloc(ids->at, ids->cap * sizeof(*ids->at)));
	}
	ids->at[ids->len++] = id;
}

void algebra_boxes_add(struct algebra_boxes *boxes, const uint64_t *box, uint32_t owner)
{
	size_t cells = boxes->shape->cells;
	if (boxes->len == boxes->cap) {
		boxes->cap = boxes->cap * 2 + 256;
		boxes->added = must(realloc(boxes->added, boxes->cap * cells * sizeof(*box)));
	}
	memcpy(boxes->added + boxes->len++ * cells, box, cells * sizeof(*box));
	push_id(&boxes->owner, owner);
}

size_t algebra_boxes_len(const struct algebra_boxes *boxes)
{
	return boxes->len;
}

uint32_t algebra_boxes_owner(const struct algebra_boxes *boxes, uint32_t number)
{
	return boxes->owner.at[number];
}

static size_t node_cells(const struct algebra_boxes *boxes)
{
	return (size_t)(1 + boxes->shape->cells) * LANES;
}

size_t algebra_boxes_bytes(const struct algebra_boxes *boxes)
{
	size_t cells = boxes->shape->cells;
	return boxes->owner.cap * 4 + (boxes->added ? boxes->cap * cells * 8 : 0) + boxes->len * 4 +
	       boxes->nodes * (node_cells(boxes) * 8 + 4);
}

// Where lows of a span begin, or the lanes of a cell; 0 are the numbers.
static uint64_t *cell_of(const struct algebra_boxes *boxes, size_t node, unsigned cell)
{
	return boxes->lanes + node * node_cells(boxes) + (size_t)cell * LANES;
}

void algebra_boxes_get(const struct algebra_boxes *boxes, uint32_t number, uint64_t *out)
{
	const struct algebra_shape *shape = boxes->shape;
	if (boxes->added) {
		memcpy(out, boxes->added + number * (size_t)shape->cells,
		       shape->cells * sizeof(*out));
		return;
	}
	size_t lane = boxes->place[number] % LANES;
	const uint64_t *at = cell_of(boxes, boxes->place[number] / LANES, 1);
	for (unsigned s = 0; s < shape->spans; s++, at += LANES) {
		const uint32_t *span = (const uint32_t *)at;
		out[s] = algebra_span(span[lane], span[LANES + lane]);
	}
	for (unsigned c = shape->spans; c < shape->cells; c++, at += LANES)
		out[c] = at[lane];
}

void algebra_boxes_stop(struct algebra_boxes *boxes, const _Atomic bool *stop)
{
	boxes->stop = stop;
}

// --- building ---

struct build {
	struct algebra_boxes *boxes;
	uint32_t *order; // numbers, being arranged
	uint64_t *key;   // of each number: what it is arranged by
};

static const uint64_t *added(const struct build *b, uint32_t number)
{
	return b->boxes->added + number * (size_t)b->boxes->shape->cells;
}

// Some of the order, what bounds their boxes, and their numbers.
struct group {
	size_t at, len;
	uint32_t lowest, highest;
	uint64_t bound[ALGEBRA_CELLS];
};

static void widen(const struct algebra_shape *shape, uint64_t *bound, const uint64_t *box)
{
	for (unsigned s = 0; s < shape->spans; s++) {
		uint32_t lo = algebra_lo(bound[s]), hi = algebra_hi(bound[s]);
		bound[s] = algebra_span(algebra_lo(box[s]) < lo ? algebra_lo(box[s]) : lo,
					algebra_hi(box[s]) > hi ? algebra_hi(box[s]) : hi);
	}
	for (unsigned c = shape->spans; c < shape->cells; c++)
		bound[c] |= box[c];
}

static void bound(const struct build *b, struct group *group)
{
	const struct algebra_shape *shape = b->boxes->shape;
	const uint32_t *at = b->order + group->at;
	memcpy(group->bound, added(b, at[0]), shape->cells * sizeof(*group->bound));
	group->lowest = group->highest = at[0];
	for (size_t i = 1; i < group->len; i++) {
		widen(shape, group->bound, added(b, at[i]));
		group->lowest = at[i] < group->lowest ? at[i] : group->lowest;
		group->highest = at[i] > group->highest ? at[i] : group->highest;
	}
}

static void fill_lane(struct build *b, size_t node, unsigned lane, const struct group *group)
{
	const struct algebra_shape *shape = b->boxes->shape;
	uint32_t *number = (uint32_t *)cell_of(b->boxes, node, 0);
	number[lane] = group->lowest;
	number[LANES + lane] = group->highest;
	for (unsigned s = 0; s < shape->spans; s++) {
		uint32_t *span = (uint32_t *)cell_of(b->boxes, node, 1 + s);
		span[lane] = algebra_lo(group->bound[s]);
		span[LANES + lane] = algebra_hi(group->bound[s]);
	}
	for (unsigned c = shape->spans; c < shape->cells; c++)
		cell_of(b->boxes, node, 1 + c)[lane] = group->bound[c];
}

static void clear_numbers(const struct algebra_boxes *boxes, size_t node)
{
	int32_t *number = (int32_t *)cell_of(boxes, node, 0);
	for (int k = 0; k < LANES; k++) {
		number[k] = INT32_MAX;
		number[LANES + k] = -1;
	}
}

static void clear_lanes(struct build *b, size_t node)
{
	memset(cell_of(b->boxes, node, 0), 0, node_cells(b->boxes) * sizeof(uint64_t));
	clear_numbers(b->boxes, node);
}

static void fill_leaf(struct build *b, size_t node, const uint32_t *at, size_t n)
{
	for (unsigned k = 0; k < n; k++) {
		struct group one = {.lowest = at[k], .highest = at[k]};
		memcpy(one.bound, added(b, at[k]), b->boxes->shape->cells * sizeof(*one.bound));
		fill_lane(b, node, k, &one);
		b->boxes->place[at[k]] = (uint32_t)(node * LANES + k);
	}
}

static uint32_t width(uint64_t span)
{
	return algebra_hi(span) - algebra_lo(span);
}

// The span in which the boxes are narrowest against what they bound together: dividing there separates most. `spans` when
// they all reach across everything.
static unsigned narrowest(const struct build *b, const uint64_t *bound, const uint32_t *at,
			  size_t n)
{
	const struct algebra_shape *shape = b->boxes->shape;
	unsigned best = shape->spans;
	double least = 0.98;
	for (unsigned s = 0; s < shape->spans; s++) {
		double sum = 0, whole = (double)width(bound[s]) + 1;
		for (size_t i = 0; i < n; i++)
			sum += (double)width(added(b, at[i])[s]) + 1;
		double mean = sum / whole / (double)n;
		if (whole > 1 && mean < least) {
			least = mean;
			best = s;
		}
	}
	return best;
}

// Keys of at[0 .. n): below the middle goes left. Boxes that reach across most of the bound come last, so that they
// end up together and do not widen the others' nodes.
static void set_keys(struct build *b, unsigned span, const uint64_t *bound, const uint32_t *at,
		     size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (span == b->boxes->shape->spans) {
			b->key[at[i]] = at[i];
			continue;
		}
		uint64_t cell = added(b, at[i])[span];
		bool wide = width(cell) > width(bound[span]) / 2;
		b->key[at[i]] =
			(uint64_t)wide << 40 | ((uint64_t)algebra_lo(cell) + algebra_hi(cell));
	}
}

// Quickselect: the `nth` lowest keys come first.
static void divide(const struct build *b, uint32_t *at, size_t n, size_t nth)
{
	size_t lo = 0, hi = n - 1;
	while (lo < hi) {
		uint64_t pivot = b->key[at[lo + (hi - lo) / 2]];
		size_t i = lo, j = hi;
		while (i <= j) {
			while (b->key[at[i]] < pivot)
				i++;
			while (b->key[at[j]] > pivot)
				j--;
			if (i > j)
				break;
			uint32_t t = at[i];
			at[i++] = at[j];
			at[j] = t;
			if (!j--)
				break;
		}
		if (j < SIZE_MAX && nth <= j)
			hi = j;
		else if (nth >= i)
			lo = i;
		else
			return;
	}
}

// Where the wide ones begin when they are a fair part, else the middle; a multiple of LANES, so that leaves are full.
static size_t dividing_point(const struct build *b, const uint32_t *at, size_t n)
{
	size_t wide = 0, middle = n / 2;
	for (size_t i = 0; i < n; i++)
		wide += b->key[at[i]] >> 40 & 1;
	if (wide >= n / 16 && n - wide >= n / 16)
		middle = n - wide;
	middle = (middle + LANES / 2) / LANES * LANES;
	return middle < LANES ? LANES : middle >= n ? (n - 1) / LANES * LANES : middle;
}

// Divides a group in two; the new one is behind it.
static void divide_group(struct build *b, struct group *group, struct group *behind)
{
	uint32_t *at = b->order + group->at;
	set_keys(b, narrowest(b, group->bound, at, group->len), group->bound, at, group->len);
	size_t left = dividing_point(b, at, group->len);
	divide(b, at, group->len, left);
	behind->at = group->at + left;
	behind->len = group->len - left;
	group->len = left;
	bound(b, group);
	bound(b, behind);
}

// No more groups than it takes for each to need one level less: nodes with few children are a waste.
static unsigned make_groups(struct build *b, struct group *group)
{
	unsigned groups = 1;
	size_t most = LANES;
	while (most * LANES < group[0].len)
		most *= LANES;
	for (;;) {
		unsigned largest = 0;
		for (unsigned i = 1; i < groups; i++)
			if (group[i].len > group[largest].len)
				largest = i;
		if (groups == LANES || group[largest].len <= most)
			return groups;
		divide_group(b, &group[largest], &group[groups++]);
	}
}

static int by_lowest(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	return x->lowest < y->lowest ? -1 : x->lowest > y->lowest;
}

static bool stopped(const struct algebra_boxes *boxes)
{
	return boxes->stop && atomic_load_explicit(boxes->stop, memory_order_relaxed);
}

static void build_node(struct build *b, size_t node, const struct group *whole)
{
	struct algebra_boxes *boxes = b->boxes;
	clear_lanes(b, node);
	boxes->child[node] = 0;
	if (whole->len <= LANES)
		fill_leaf(b, node, b->order + whole->at, whole->len);
	if (whole->len <= LANES || stopped(boxes))
		return;
	struct group *group = must(malloc(LANES * sizeof(*group)));
	group[0] = *whole;
	unsigned groups = make_groups(b, group);
	qsort(group, groups, sizeof(*group), by_lowest); // who asks for the first looks there first
	size_t child = boxes->nodes;
	boxes->child[node] = (uint32_t)child;
	boxes->nodes += groups;
	for (unsigned i = 0; i < groups; i++) {
		fill_lane(b, node, i, &group[i]);
		build_node(b, child + i, &group[i]);
	}
	free(group);
}

void algebra_boxes_build(struct algebra_boxes *boxes)
{
	assert(!boxes->lanes && boxes->len < INT32_MAX / 2);
	// All leaves but the last are full, and a node that is none has two children at least.
	size_t n = boxes->len, nodes = 2 * (n / LANES + 1);
	struct build b = {boxes, must(malloc(n * 4 + 4)), must(malloc(n * 8 + 8))};
	struct group whole = {.len = n};
	for (size_t i = 0; i < n; i++)
		b.order[i] = (uint32_t)i;
	boxes->lanes = array(nodes * node_cells(boxes), sizeof(*boxes->lanes));
	boxes->child = array(nodes, sizeof(*boxes->child));
	boxes->place = must(calloc(n + 1, sizeof(*boxes->place)));
	boxes->nodes = 1;
	if (n)
		bound(&b, &whole);
	build_node(&b, 0, &whole);
	assert(boxes->nodes <= nodes);
	free(b.order);
	free(b.key);
	free(boxes->added);
	boxes->added = NULL;
}

// --- asking ---

struct asking {
	const struct algebra_boxes *boxes;
	struct algebra_asked asked;
	algebra_lanes_fn fits;
	struct algebra_ids *ids;
	size_t most; // ids
};

static void find_first(struct asking *a, size_t node)
{
	const uint64_t *at = cell_of(a->boxes, node, 0);
	const uint32_t *number = (const uint32_t *)at;
	uint32_t child = a->boxes->child[node];
	for (unsigned lanes = a->fits(&a->asked, at); lanes; lanes &= lanes - 1) {
		unsigned lane = (unsigned)__builtin_ctz(lanes);
		if (number[lane] > a->asked.last || a->asked.last + 1 == a->asked.from)
			continue;
		if (child)
			find_first(a, child + lane);
		else
			a->asked.last = number[lane] - 1;
	}
}

uint32_t algebra_boxes_first(const struct algebra_boxes *boxes, const uint64_t *box, uint32_t from,
			     uint32_t to)
{
	struct asking a = {.boxes = boxes,
			   .asked = {boxes->shape, box, from, to - 1},
			   .fits = boxes->how->hold};
	if (from >= to)
		return to;
	find_first(&a, 0);
	return a.asked.last + 1;
}

static void collect(struct asking *a, size_t node)
{
	const uint64_t *at = cell_of(a->boxes, node, 0);
	const uint32_t *number = (const uint32_t *)at;
	uint32_t child = a->boxes->child[node];
	for (unsigned lanes = a->fits(&a->asked, at); lanes; lanes &= lanes - 1) {
		unsigned lane = (unsigned)__builtin_ctz(lanes);
		if (a->ids->len > a->most)
			return;
		if (child)
			collect(a, child + lane);
		else
			push_id(a->ids, number[lane]);
	}
}

static void collect_all(const struct algebra_boxes *boxes, const uint64_t *box, uint32_t from,
			uint32_t to, struct asking a)
{
	a.boxes = boxes;
	a.asked = (struct algebra_asked){boxes->shape, box, from, to - 1};
	if (from < to)
		collect(&a, 0);
}

void algebra_boxes_meeting(const struct algebra_boxes *boxes, const uint64_t *box, uint32_t from,
			   uint32_t to, struct algebra_ids *ids)
{
	collect_all(boxes, box, from, to,
		    (struct asking){.fits = boxes->how->meet, .ids = ids, .most = SIZE_MAX});
}

bool algebra_boxes_meeting_most(const struct algebra_boxes *boxes, const uint64_t *box,
				uint32_t from, uint32_t to, size_t most, struct algebra_ids *ids)
{
	size_t before = ids->len;
	most = most < SIZE_MAX - before ? before + most : SIZE_MAX;
	collect_all(boxes, box, from, to,
		    (struct asking){.fits = boxes->how->meet, .ids = ids, .most = most});
	return ids->len <= most;
}

void algebra_boxes_holding(const struct algebra_boxes *boxes, const uint64_t *box, uint32_t from,
			   uint32_t to, struct algebra_ids *ids)
{
	collect_all(boxes, box, from, to,
		    (struct asking){.fits = boxes->how->hold, .ids = ids, .most = SIZE_MAX});
}

struct narrowing {
	struct asking a; // about `wide`, which becomes narrower meanwhile
	const uint64_t *box;
	uint64_t *wide;
	unsigned axis;
};

// The lane of those given whose bounds are nearest to the box in the axis: what is near leaves least to look at.
static unsigned nearest(const struct narrowing *n, const uint64_t *at, unsigned lanes)
{
	unsigned best = (unsigned)__builtin_ctz(lanes);
	if (n->axis >= n->a.boxes->shape->spans)
		return best;
	const uint32_t *lo = (const uint32_t *)(at + (1 + n->axis) * LANES), *hi = lo + LANES;
	uint32_t box_lo = algebra_lo(n->box[n->axis]), box_hi = algebra_hi(n->box[n->axis]),
		 least = UINT32_MAX;
	for (; lanes && least; lanes &= lanes - 1) {
		unsigned lane = (unsigned)__builtin_ctz(lanes);
		uint32_t far = lo[lane] > box_hi   ? lo[lane] - box_hi
			       : hi[lane] < box_lo ? box_lo - hi[lane]
						   : 0;
		if (far < least) {
			least = far;
			best = lane;
		}
	}
	return best;
}

static void narrow_by(struct narrowing *n, size_t node)
{
	const uint64_t *at = cell_of(n->a.boxes, node, 0);
	uint32_t child = n->a.boxes->child[node];
	uint64_t by[ALGEBRA_CELLS];
	unsigned left = ~0u;
	for (unsigned lanes; (lanes = n->a.fits(&n->a.asked, at) & left);) {
		unsigned lane = nearest(n, at, lanes);
		left &= ~(1u << lane);
		if (child) {
			narrow_by(n, child + lane);
			continue;
		}
		algebra_boxes_get(n->a.boxes, *((const uint32_t *)at + lane), by);
		algebra_box_narrow(n->a.boxes->shape, n->box, n->axis, by, n->wide);
	}
}

void algebra_boxes_narrow(const struct algebra_boxes *boxes, const uint64_t *box, unsigned axis,
			  uint32_t from, uint32_t to, uint64_t *wide)
{
	struct narrowing n = {.a = {.boxes = boxes,
				    .asked = {boxes->shape, wide, from, to - 1},
				    .fits = boxes->how->meet},
			      .box = box,
			      .wide = wide,
			      .axis = axis};
	if (from < to)
		narrow_by(&n, 0);
}

// --- levels ---
// They stand where the numbers stood: 0 and the level for a box, 0 and the highest one below for a node.

static void find_above(struct algebra_boxes *boxes)
{
	boxes->above = must(calloc(boxes->nodes, sizeof(*boxes->above)));
	for (size_t node = 0; node < boxes->nodes; node++) {
		const int32_t *highest = (const int32_t *)cell_of(boxes, node, 0) + LANES;
		for (unsigned k = 0; boxes->child[node] && k < LANES && highest[k] >= 0; k++)
			boxes->above[boxes->child[node] + k] = (uint32_t)(node * LANES + k);
	}
}

void algebra_boxes_level(struct algebra_boxes *boxes)
{
	assert(boxes->lanes);
	if (!boxes->above)
		find_above(boxes);
	for (size_t node = 0; node < boxes->nodes; node++)
		clear_numbers(boxes, node);
}

void algebra_boxes_raise(struct algebra_boxes *boxes, uint32_t number, uint32_t level)
{
	uint32_t at = boxes->place[number];
	for (;;) {
		int32_t *lowest = (int32_t *)cell_of(boxes, at / LANES, 0) + at % LANES,
			*highest = lowest + LANES;
		if (*highest >= (int32_t)level)
			return;
		*lowest = 0;
		*highest = (int32_t)level;
		if (at < LANES)
			return;
		at = boxes->above[at / LANES];
	}
}

static void find_highest(struct asking *a, uint32_t most, size_t node)
{
	const uint64_t *at = cell_of(a->boxes, node, 0);
	const uint32_t *highest = (const uint32_t *)at + LANES;
	uint32_t child = a->boxes->child[node];
	for (unsigned lanes = a->fits(&a->asked, at); lanes; lanes &= lanes - 1) {
		unsigned lane = (unsigned)__builtin_ctz(lanes);
		if (highest[lane] < a->asked.from)
			continue;
		if (child)
			find_highest(a, most, child + lane);
		else
			a->asked.from = highest[lane] + 1;
		if (a->asked.from > most)
			return;
	}
}

uint32_t algebra_boxes_highest(const struct algebra_boxes *boxes, const uint64_t *box,
			       uint32_t least, uint32_t most)
{
	struct asking a = {.boxes = boxes,
			   .asked = {boxes->shape, box, least + 1, most},
			   .fits = boxes->how->meet};
	if (least < most)
		find_highest(&a, most, 0);
	return a.asked.from - 1;
}
