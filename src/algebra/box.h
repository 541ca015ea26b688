// SPDX-License-Identifier: Apache-2.0
// Boxes over ranks: products of one set a dimension, where a dimension's values are small integers. Two questions about
// many boxes in an order: which of them meet or hold a box, and do they cover it? Exact.
//
// A box is shape->cells cells of 64 bits. A span is one cell: an interval of ranks. A mask has a bit a value: narrow masks
// share cells, a wide one has several. No dimension of a box is empty.
#pragma once

#include "base/arena.h"

#include <stdatomic.h>

#define ALGEBRA_CELLS 48                  // of one box, at the most
#define ALGEBRA_RANKS ((uint32_t)1 << 31) // ranks of a span are below

#define ALGEBRA_MASKS 1408 // of one box, at the most
#define ALGEBRA_NARROW 64u // values of a mask that shares its cell, at the most

struct algebra_mask {
	uint64_t field;            // its bits in each of its cells
	uint8_t first, end, shift; // cells first .. end - 1; the bit of value 0
};
// The spans' cells, those that narrow masks share, those of wide masks; masks likewise: the narrow ones come first.
struct algebra_shape {
	unsigned spans, shared_end, cells; // shared cells: spans .. shared_end - 1
	unsigned narrow, masks;
	struct algebra_mask mask[ALGEBRA_MASKS];
	// Of each shared cell: the highest bit of each of its masks, their other bits, its first mask, and how many values
	// its masks have, multiplied.
	uint64_t top[ALGEBRA_CELLS], below[ALGEBRA_CELLS];
	uint16_t begin[ALGEBRA_CELLS + 1];
	double whole[ALGEBRA_CELLS];
};
// A shape of so many spans (at most ALGEBRA_CELLS), then its masks, all narrow ones before the first wide one. The number
// of the mask is *mask_out; false when there is no room for it.
void algebra_shape_init(struct algebra_shape *shape, unsigned spans);
bool algebra_shape_add(struct algebra_shape *shape, uint32_t values, unsigned *mask_out) must_check;

// Values of masks in a box.
static inline bool algebra_has(const struct algebra_shape *shape, const uint64_t *box,
			       unsigned mask, uint32_t value)
{
	uint32_t bit = shape->mask[mask].shift + value;
	return box[shape->mask[mask].first + bit / 64] >> bit % 64 & 1;
}
static inline void algebra_put(const struct algebra_shape *shape, uint64_t *box, unsigned mask,
			       uint32_t value)
{
	uint32_t bit = shape->mask[mask].shift + value;
	box[shape->mask[mask].first + bit / 64] |= 1ull << bit % 64;
}
static inline void algebra_drop(const struct algebra_shape *shape, uint64_t *box, unsigned mask,
				uint32_t value)
{
	uint32_t bit = shape->mask[mask].shift + value;
	box[shape->mask[mask].first + bit / 64] &= ~(1ull << bit % 64);
}
// Takes all values of the mask out of the box.
void algebra_clear(const struct algebra_shape *shape, uint64_t *box, unsigned mask);
// The mask alone: a bit a value from bit 0 of words[0] on, in as many words as it has cells; and back.
unsigned algebra_read(const struct algebra_shape *shape, const uint64_t *box, unsigned mask,
		      uint64_t *words);
void algebra_write(const struct algebra_shape *shape, uint64_t *box, unsigned mask,
		   const uint64_t *words);
// Whether each of the masks that share the cell has a value in it. Adding to a mask's lower bits all that they can hold
// carries into its highest bit when there is one among them.
static inline bool algebra_shared_full(const struct algebra_shape *shape, unsigned cell, uint64_t x)
{
	uint64_t top = shape->top[cell];
	return ((((x & ~top) + shape->below[cell]) | x) & top) == top;
}

static inline uint64_t algebra_span(uint32_t lo, uint32_t hi)
{
	return (uint64_t)hi << 32 | lo;
}
static inline uint32_t algebra_lo(uint64_t span)
{
	return (uint32_t)span;
}
static inline uint32_t algebra_hi(uint64_t span)
{
	return (uint32_t)(span >> 32);
}

bool algebra_box_meets(const struct algebra_shape *shape, const uint64_t *a,
		       const uint64_t *b) must_check;
bool algebra_box_within(const struct algebra_shape *shape, const uint64_t *a,
			const uint64_t *b) must_check; // a in b
// What both have; false, and `out` unusable, when that is nothing. `out` may be one of them.
bool algebra_box_clip(const struct algebra_shape *shape, const uint64_t *a, const uint64_t *b,
		      uint64_t *out) must_check;
// `wide` is a box that does not meet `by`, but for being wider in one axis (a span, or shape->spans and the number of
// a mask); `box` is the box before. What makes it meet `by` is taken from it.
void algebra_box_narrow(const struct algebra_shape *shape, const uint64_t *box, unsigned axis,
			const uint64_t *by, uint64_t *wide);
// How many points, as a rounded number: only differences of more than a part in 10^9 mean anything.
double algebra_box_volume(const struct algebra_shape *shape, const uint64_t *box) must_check;
// Some one point of the box, as a box; `which` chooses among them (0 the first, 1 the last, others scattered).
void algebra_box_point(const struct algebra_shape *shape, const uint64_t *box, uint32_t which,
		       uint64_t *out);

// --- many boxes, in an order (boxes.c) ---

// Opaque, heap. Boxes are numbered in the order in which they were added. Once built they are only read: any number of
// threads may ask.
struct algebra_boxes;
struct algebra_boxes *
algebra_boxes_new(const struct algebra_shape *shape) must_check; // borrows the shape
void algebra_boxes_free(struct algebra_boxes *boxes);
void algebra_boxes_add(struct algebra_boxes *boxes, const uint64_t *box, uint32_t owner);
void algebra_boxes_build(
	struct algebra_boxes *boxes); // after the last add, before the first question
// Before it is built: once `stop` is set, building ends soon, and answers are then of no use (but safe to ask for).
void algebra_boxes_stop(struct algebra_boxes *boxes, const _Atomic bool *stop);
size_t algebra_boxes_len(const struct algebra_boxes *boxes) must_check;
size_t algebra_boxes_bytes(const struct algebra_boxes *boxes) must_check; // of memory
uint32_t algebra_boxes_owner(const struct algebra_boxes *boxes, uint32_t number) must_check;
void algebra_boxes_get(const struct algebra_boxes *boxes, uint32_t number, uint64_t *out);

// The lowest number in [from, to) of a box that holds all of `box`; `to` when there is none.
uint32_t algebra_boxes_first(const struct algebra_boxes *boxes, const uint64_t *box, uint32_t from,
			     uint32_t to) must_check;
// Appends the numbers in [from, to) of the boxes that meet `box`, in no order. Heap; free(ids->at) in the end.
struct algebra_ids {
	uint32_t *at;
	size_t len, cap;
};
void algebra_boxes_meeting(const struct algebra_boxes *boxes, const uint64_t *box, uint32_t from,
			   uint32_t to, struct algebra_ids *ids);
// False when there are more than `most`; then some of them are missing.
bool algebra_boxes_meeting_most(const struct algebra_boxes *boxes, const uint64_t *box,
				uint32_t from, uint32_t to, size_t most,
				struct algebra_ids *ids) must_check;
// Those of them that hold all of `box`.
void algebra_boxes_holding(const struct algebra_boxes *boxes, const uint64_t *box, uint32_t from,
			   uint32_t to, struct algebra_ids *ids);
// algebra_box_narrow by all of those in [from, to): `wide` is then as wide as it can be.
void algebra_boxes_narrow(const struct algebra_boxes *boxes, const uint64_t *box, unsigned axis,
			  uint32_t from, uint32_t to, uint64_t *wide);
// From here on boxes have levels, at first none (and none again whenever this is called), and are not asked for by their
// numbers any more.
void algebra_boxes_level(struct algebra_boxes *boxes);
void algebra_boxes_raise(struct algebra_boxes *boxes, uint32_t number, uint32_t level);
// The highest level above `least` of boxes that meet `box`, `least` when there is none; nobody has more than `most`.
uint32_t algebra_boxes_highest(const struct algebra_boxes *boxes, const uint64_t *box,
			       uint32_t least, uint32_t most) must_check;

// --- is a box covered by others? (cover.c) ---

enum algebra_answer { ALGEBRA_COVERED, ALGEBRA_OPEN, ALGEBRA_GAVE_UP };
// A question being asked; one thread. `stop` may be NULL; `steps` bounds the work of one answer (a step looks at one list
// of boxes).
struct algebra_cover {
	const struct algebra_shape *shape;
	const _Atomic bool *stop;
	uint64_t steps;
	uint64_t box[ALGEBRA_CELLS];
	uint64_t *list;  // the boxes
	uint32_t *reach; // which of them reach the parts of the question
	struct algebra_part *part;
	size_t list_cap, reach_len, reach_cap, part_len, part_cap, boxes;
	size_t reach_most; // the work gives up beyond; 0: no bound
	bool held;         // by one box alone
};
void algebra_cover_init(struct algebra_cover *cover, const struct algebra_shape *shape,
			const _Atomic bool *stop, uint64_t steps);
void algebra_cover_fini(struct algebra_cover *cover);
void algebra_cover_ask(struct algebra_cover *cover, const uint64_t *box); // begins a question
void algebra_cover_add(struct algebra_cover *cover,
		       const uint64_t *box); // one more of those that may cover it
// OPEN: some point is in none of them; with `open_out` a whole box of such points (takes longer). GAVE_UP: the steps are
// used up or it was stopped. The question stays: more boxes may be added and the answer asked for again.
enum algebra_answer algebra_cover_answer(struct algebra_cover *cover,
					 uint64_t *open_out) must_check;
