// SPDX-License-Identifier: Apache-2.0
// Many boxes in an order, and a tree of bounding boxes over them. Leaves hold LANES boxes side by side, dimension by
// dimension, so that one comparison looks at many; nodes stand in the order in which they are visited, and one that cannot
// matter is left by jumping over what is below it. A node also knows the lowest and highest number below it, because most
// questions are about the boxes before some box.
#include "algebra/box.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 16 };

struct node {
	uint32_t lowest, highest; // numbers below it
	uint32_t skip;            // the node after all that is below it
	uint32_t leaf;            // of a leaf: which; else NO_LEAF
};
#define NO_LEAF UINT32_MAX

struct algebra_boxes {
	const struct algebra_shape *shape;
	struct algebra_ids owner;
	size_t len, cap;
	uint64_t *added; // while boxes are added: one after the other; NULL once built
	uint64_t *
		leaf; // leaf l, cell c: LANES cells at (l * cells + c) * LANES; spans: LANES lows, then LANES highs
	uint32_t *number; // leaf l, lane k: the box's number; UINT32_MAX: no box
	uint32_t *place;  // of each number: l * LANES + k
	struct node *node;
	uint64_t *bound; // cells of each node
	size_t leaves, nodes;
};

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static void *array(size_t n, size_t size)
{
	void *at = must(aligned_alloc(64, (n * size + 64) & ~(size_t)63));
	memset(at, 0, n * size);
	return at;
}

struct algebra_boxes *algebra_boxes_new(const struct algebra_shape *shape)
{
	assert(shape->cells && shape->cells <= ALGEBRA_CELLS);
	struct algebra_boxes *boxes = must(calloc(1, sizeof(*boxes)));
	boxes->shape = shape;
	return boxes;
}

void algebra_boxes_free(struct algebra_boxes *boxes)
{
	if (!boxes)
		return;
	free(boxes->owner.at);
	free(boxes->added);
	free(boxes->leaf);
	free(boxes->number);
	free(boxes->place);
	free(boxes->node);
	free(boxes->bound);
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

size_t algebra_boxes_bytes(const struct algebra_boxes *boxes)
{
	size_t cells = boxes->shape->cells, lanes = boxes->leaves * LANES;
	return boxes->owner.cap * 4 + (boxes->added ? boxes->cap * cells * 8 : 0) +
	       lanes * (cells * 8 + 4) + boxes->len * 4 +
	       boxes->nodes * (sizeof(struct node) + cells * 8);
}

static uint32_t *lanes_of(const struct algebra_boxes *boxes, size_t leaf, unsigned cell)
{
	return (uint32_t *)(boxes->leaf + (leaf * boxes->shape->cells + cell) * LANES);
}

void algebra_boxes_get(const struct algebra_boxes *boxes, uint32_t number, uint64_t *out)
{
	const struct algebra_shape *shape = boxes->shape;
	if (boxes->added) {
		memcpy(out, boxes->added + number * (size_t)shape->cells,
		       shape->cells * sizeof(*out));
		return;
	}
	size_t leaf = boxes->place[number] / LANES, lane = boxes->place[number] % LANES;
	for (unsigned s = 0; s < shape->spans; s++) {
		const uint32_t *at = lanes_of(boxes, leaf, s);
		out[s] = algebra_span(at[lane], at[LANES + lane]);
	}
	for (unsigned c = shape->spans; c < shape->cells; c++)
		out[c] = boxes->leaf[(leaf * shape->cells + c) * LANES + lane];
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

static void fill_bound(struct build *b, struct node *node, uint64_t *bound, const uint32_t *at,
		       size_t n)
{
	const struct algebra_shape *shape = b->boxes->shape;
	memcpy(bound, added(b, at[0]), shape->cells * sizeof(*bound));
	node->lowest = node->highest = at[0];
	for (size_t i = 1; i < n; i++) {
		const uint64_t *box = added(b, at[i]);
		for (unsigned s = 0; s < shape->spans; s++) {
			uint32_t lo = algebra_lo(bound[s]), hi = algebra_hi(bound[s]);
			bound[s] = algebra_span(algebra_lo(box[s]) < lo ? algebra_lo(box[s]) : lo,
						algebra_hi(box[s]) > hi ? algebra_hi(box[s]) : hi);
		}
		for (unsigned c = shape->spans; c < shape->cells; c++)
			bound[c] |= box[c];
		node->lowest = at[i] < node->lowest ? at[i] : node->lowest;
		node->highest = at[i] > node->highest ? at[i] : node->highest;
	}
}

static void fill_leaf(struct build *b, size_t leaf, const uint32_t *at, size_t n)
{
	struct algebra_boxes *boxes = b->boxes;
	const struct algebra_shape *shape = boxes->shape;
	for (size_t k = 0; k < LANES; k++) {
		const uint64_t *box = added(b, at[k < n ? k : 0]);
		boxes->number[leaf * LANES + k] = k < n ? at[k] : UINT32_MAX;
		if (k < n)
			boxes->place[at[k]] = (uint32_t)(leaf * LANES + k);
		for (unsigned s = 0; s < shape->spans; s++) {
			uint32_t *lanes = lanes_of(boxes, leaf, s);
			lanes[k] = k < n ? algebra_lo(box[s]) : 1; // an empty lane meets nothing
			lanes[LANES + k] = k < n ? algebra_hi(box[s]) : 0;
		}
		for (unsigned c = shape->spans; c < shape->cells; c++)
			boxes->leaf[(leaf * shape->cells + c) * LANES + k] = k < n ? box[c] : 0;
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

static void build_node(struct build *b, uint32_t *at, size_t n)
{
	struct algebra_boxes *boxes = b->boxes;
	size_t me = boxes->nodes++;
	struct node *node = &boxes->node[me];
	uint64_t *bound = boxes->bound + me * boxes->shape->cells;
	fill_bound(b, node, bound, at, n);
	node->leaf = NO_LEAF;
	if (n <= LANES) {
		node->leaf = (uint32_t)boxes->leaves++;
		fill_leaf(b, node->leaf, at, n);
	} else {
		set_keys(b, narrowest(b, bound, at, n), bound, at, n);
		size_t left = dividing_point(b, at, n);
		divide(b, at, n, left);
		build_node(b, at, left);
		build_node(b, at + left, n - left);
	}
	node->skip = (uint32_t)boxes->nodes;
}

void algebra_boxes_build(struct algebra_boxes *boxes)
{
	assert(!boxes->node);
	size_t n = boxes->len, cells = boxes->shape->cells, leaves = n / 8 + 2;
	struct build b = {boxes, must(malloc(n * 4 + 4)), must(malloc(n * 8 + 8))};
	for (size_t i = 0; i < n; i++)
		b.order[i] = (uint32_t)i;
	boxes->leaf = array(leaves * cells * LANES, sizeof(*boxes->leaf));
	boxes->number = array(leaves * LANES, sizeof(*boxes->number));
	boxes->place = array(n, sizeof(*boxes->place));
	boxes->node = array(2 * leaves, sizeof(*boxes->node));
	boxes->bound = array(2 * leaves * cells, sizeof(*boxes->bound));
	if (n)
		build_node(&b, b.order, n);
	assert(boxes->leaves <= leaves);
	free(b.order);
	free(b.key);
	free(boxes->added);
	boxes->added = NULL;
}

// --- asking ---

// A bit a lane: which boxes of the leaf meet (or hold) the box.
static unsigned leaf_meets(const struct algebra_boxes *boxes, size_t leaf, const uint64_t *box)
{
	const struct algebra_shape *shape = boxes->shape;
	uint32_t ok[LANES];
	memset(ok, 0xff, sizeof(ok));
	for (unsigned s = 0; s < shape->spans; s++) {
		const int32_t *lo = (const int32_t *)lanes_of(boxes, leaf, s), *hi = lo + LANES;
		int32_t qlo = (int32_t)algebra_lo(box[s]), qhi = (int32_t)algebra_hi(box[s]);
		for (int k = 0; k < LANES; k++)
			ok[k] &= -(uint32_t)(lo[k] <= qhi) & -(uint32_t)(hi[k] >= qlo);
	}
	for (unsigned m = 0; m < shape->masks; m++) {
		uint64_t common[LANES] = {0};
		for (unsigned c = shape->first[m]; c < shape->first[m + 1]; c++) {
			const uint64_t *cell = boxes->leaf + (leaf * shape->cells + c) * LANES;
			for (int k = 0; k < LANES; k++)
				common[k] |= cell[k] & box[c];
		}
		for (int k = 0; k < LANES; k++)
			ok[k] &= common[k] ? ~0u : 0;
	}
	unsigned lanes = 0;
	for (unsigned k = 0; k < LANES; k++)
		lanes |= (ok[k] & 1) << k;
	return lanes;
}

static unsigned leaf_holds(const struct algebra_boxes *boxes, size_t leaf, const uint64_t *box)
{
	const struct algebra_shape *shape = boxes->shape;
	uint32_t ok[LANES];
	memset(ok, 0xff, sizeof(ok));
	for (unsigned s = 0; s < shape->spans; s++) {
		const int32_t *lo = (const int32_t *)lanes_of(boxes, leaf, s), *hi = lo + LANES;
		int32_t qlo = (int32_t)algebra_lo(box[s]), qhi = (int32_t)algebra_hi(box[s]);
		for (int k = 0; k < LANES; k++)
			ok[k] &= -(uint32_t)(lo[k] <= qlo) & -(uint32_t)(hi[k] >= qhi);
	}
	for (unsigned c = shape->spans; c < shape->cells; c++) {
		const uint64_t *cell = boxes->leaf + (leaf * shape->cells + c) * LANES;
		for (int k = 0; k < LANES; k++)
			ok[k] &= box[c] & ~cell[k] ? 0 : ~0u;
	}
	unsigned lanes = 0;
	for (unsigned k = 0; k < LANES; k++)
		lanes |= (ok[k] & 1) << k;
	return lanes;
}

uint32_t algebra_boxes_first(const struct algebra_boxes *boxes, const uint64_t *box, uint32_t from,
			     uint32_t to)
{
	const struct algebra_shape *shape = boxes->shape;
	for (size_t i = 0; i < boxes->nodes;) {
		const struct node *node = &boxes->node[i];
		if (node->lowest >= to || node->highest < from ||
		    !algebra_box_within(shape, box, boxes->bound + i * shape->cells)) {
			i = node->skip;
			continue;
		}
		i++;
		if (node->leaf == NO_LEAF)
			continue;
		const uint32_t *number = boxes->number + (size_t)node->leaf * LANES;
		for (unsigned lanes = leaf_holds(boxes, node->leaf, box); lanes;
		     lanes &= lanes - 1) {
			uint32_t n = number[__builtin_ctz(lanes)];
			if (n >= from && n < to)
				to = n;
		}
	}
	return to;
}

typedef bool (*bound_fn)(const struct algebra_shape *shape, const uint64_t *box,
			 const uint64_t *bound);
typedef unsigned (*leaf_fn)(const struct algebra_boxes *boxes, size_t leaf, const uint64_t *box);

static inline __attribute__((always_inline)) void collect(const struct algebra_boxes *boxes,
							  const uint64_t *box, uint32_t from,
							  uint32_t to, bound_fn in_bound,
							  leaf_fn in_leaf, struct algebra_ids *ids)
{
	const struct algebra_shape *shape = boxes->shape;
	for (size_t i = 0; i < boxes->nodes;) {
		const struct node *node = &boxes->node[i];
		if (node->lowest >= to || node->highest < from ||
		    !in_bound(shape, box, boxes->bound + i * shape->cells)) {
			i = node->skip;
			continue;
		}
		i++;
		if (node->leaf == NO_LEAF)
			continue;
		const uint32_t *number = boxes->number + (size_t)node->leaf * LANES;
		for (unsigned lanes = in_leaf(boxes, node->leaf, box); lanes; lanes &= lanes - 1) {
			uint32_t n = number[__builtin_ctz(lanes)];
			if (n >= from && n < to)
				push_id(ids, n);
		}
	}
}

void algebra_boxes_meeting(const struct algebra_boxes *boxes, const uint64_t *box, uint32_t from,
			   uint32_t to, struct algebra_ids *ids)
{
	collect(boxes, box, from, to, algebra_box_meets, leaf_meets, ids);
}

void algebra_boxes_holding(const struct algebra_boxes *boxes, const uint64_t *box, uint32_t from,
			   uint32_t to, struct algebra_ids *ids)
{
	collect(boxes, box, from, to, algebra_box_within, leaf_holds, ids);
}
