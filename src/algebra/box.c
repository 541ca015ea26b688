// SPDX-License-Identifier: Apache-2.0
// What one box is and how two of them lie to each other.
#include "algebra/box.h"

#include <assert.h>
#include <string.h>

// --- shapes ---

void algebra_shape_init(struct algebra_shape *shape, unsigned spans)
{
	assert(spans <= ALGEBRA_CELLS);
	memset(shape, 0, sizeof(*shape));
	shape->spans = shape->shared_end = shape->cells = spans;
}

static bool add_wide(struct algebra_shape *shape, uint32_t values)
{
	uint32_t cells = (values + 63) / 64;
	if (shape->cells + cells > ALGEBRA_CELLS)
		return false;
	shape->mask[shape->masks++] = (struct algebra_mask){.field = ~0ull,
							    .first = (uint8_t)shape->cells,
							    .end = (uint8_t)(shape->cells + cells)};
	shape->cells += cells;
	return true;
}

// The bit behind the last mask of the last shared cell; 64 when there is none.
static unsigned free_bit(const struct algebra_shape *shape)
{
	unsigned cell = shape->shared_end - 1;
	if (shape->shared_end == shape->spans || !shape->top[cell])
		return 64;
	return 64 - (unsigned)__builtin_clzll(shape->top[cell]);
}

static bool add_narrow(struct algebra_shape *shape, uint32_t values)
{
	unsigned shift = free_bit(shape);
	if (shift + values > 64) {
		if (shape->cells == ALGEBRA_CELLS)
			return false;
		shift = 0;
		shape->cells = ++shape->shared_end;
		shape->begin[shape->cells - 1] = (uint16_t)shape->masks;
		shape->whole[shape->cells - 1] = 1;
	}
	unsigned cell = shape->shared_end - 1;
	uint64_t field = (values == 64 ? ~0ull : (1ull << values) - 1) << shift;
	uint64_t top = 1ull << (shift + values - 1);
	shape->mask[shape->masks++] = (struct algebra_mask){.field = field,
							    .first = (uint8_t)cell,
							    .end = (uint8_t)(cell + 1),
							    .shift = (uint8_t)shift};
	shape->narrow = shape->masks;
	shape->begin[cell + 1] = (uint16_t)shape->masks;
	shape->top[cell] |= top;
	shape->below[cell] |= field & ~top;
	shape->whole[cell] *= values;
	return true;
}

bool algebra_shape_add(struct algebra_shape *shape, uint32_t values, unsigned *mask_out)
{
	bool narrow = values <= ALGEBRA_NARROW;
	assert(values && (!narrow || shape->narrow == shape->masks));
	if (shape->masks == ALGEBRA_MASKS ||
	    !(narrow ? add_narrow(shape, values) : add_wide(shape, values)))
		return false;
	*mask_out = shape->masks - 1;
	return true;
}

void algebra_clear(const struct algebra_shape *shape, uint64_t *box, unsigned mask)
{
	const struct algebra_mask *m = &shape->mask[mask];
	for (unsigned c = m->first; c < m->end; c++)
		box[c] &= ~m->field;
}

unsigned algebra_read(const struct algebra_shape *shape, const uint64_t *box, unsigned mask,
		      uint64_t *words)
{
	const struct algebra_mask *m = &shape->mask[mask];
	for (unsigned c = m->first; c < m->end; c++)
		words[c - m->first] = (box[c] & m->field) >> m->shift;
	return m->end - m->first;
}

void algebra_write(const struct algebra_shape *shape, uint64_t *box, unsigned mask,
		   const uint64_t *words)
{
	const struct algebra_mask *m = &shape->mask[mask];
	for (unsigned c = m->first; c < m->end; c++)
		box[c] = (box[c] & ~m->field) | words[c - m->first] << m->shift;
}

// --- boxes ---

bool algebra_box_meets(const struct algebra_shape *shape, const uint64_t *a, const uint64_t *b)
{
	for (unsigned s = 0; s < shape->spans; s++)
		if (algebra_lo(a[s]) > algebra_hi(b[s]) || algebra_lo(b[s]) > algebra_hi(a[s]))
			return false;
	for (unsigned c = shape->spans; c < shape->shared_end; c++)
		if (!algebra_shared_full(shape, c, a[c] & b[c]))
			return false;
	for (unsigned m = shape->narrow; m < shape->masks; m++) {
		uint64_t common = 0;
		for (unsigned c = shape->mask[m].first; c < shape->mask[m].end; c++)
			common |= a[c] & b[c];
		if (!common)
			return false;
	}
	return true;
}

bool algebra_box_within(const struct algebra_shape *shape, const uint64_t *a, const uint64_t *b)
{
	for (unsigned s = 0; s < shape->spans; s++)
		if (algebra_lo(a[s]) < algebra_lo(b[s]) || algebra_hi(a[s]) > algebra_hi(b[s]))
			return false;
	for (unsigned c = shape->spans; c < shape->cells; c++)
		if (a[c] & ~b[c])
			return false;
	return true;
}

static bool clip_masks(const struct algebra_shape *shape, const uint64_t *a, const uint64_t *b,
		       uint64_t *out)
{
	for (unsigned c = shape->spans; c < shape->shared_end; c++) {
		out[c] = a[c] & b[c];
		if (!algebra_shared_full(shape, c, out[c]))
			return false;
	}
	for (unsigned m = shape->narrow; m < shape->masks; m++) {
		uint64_t common = 0;
		for (unsigned c = shape->mask[m].first; c < shape->mask[m].end; c++)
			common |= out[c] = a[c] & b[c];
		if (!common)
			return false;
	}
	return true;
}

bool algebra_box_clip(const struct algebra_shape *shape, const uint64_t *a, const uint64_t *b,
		      uint64_t *out)
{
	for (unsigned s = 0; s < shape->spans; s++) {
		uint32_t lo = algebra_lo(a[s]), hi = algebra_hi(a[s]);
		if (lo < algebra_lo(b[s]))
			lo = algebra_lo(b[s]);
		if (hi > algebra_hi(b[s]))
			hi = algebra_hi(b[s]);
		if (lo > hi)
			return false;
		out[s] = algebra_span(lo, hi);
	}
	return clip_masks(shape, a, b, out);
}

void algebra_box_narrow(const struct algebra_shape *shape, const uint64_t *box, unsigned axis,
			const uint64_t *by, uint64_t *wide)
{
	if (axis >= shape->spans) {
		const struct algebra_mask *mask = &shape->mask[axis - shape->spans];
		for (unsigned c = mask->first; c < mask->end; c++)
			wide[c] &= ~(by[c] & mask->field);
		return;
	}
	uint32_t lo = algebra_lo(wide[axis]), hi = algebra_hi(wide[axis]);
	if (algebra_hi(by[axis]) < algebra_lo(box[axis]))
		lo = algebra_hi(by[axis]) >= lo ? algebra_hi(by[axis]) + 1 : lo;
	else
		hi = algebra_lo(by[axis]) <= hi ? algebra_lo(by[axis]) - 1 : hi;
	wide[axis] = algebra_span(lo, hi);
}

static double shared_volume(const struct algebra_shape *shape, unsigned cell, uint64_t x)
{
	double volume = 1;
	if (x == (shape->top[cell] | shape->below[cell]))
		return shape->whole[cell];
	for (unsigned m = shape->begin[cell]; m < shape->begin[cell + 1]; m++)
		volume *= __builtin_popcountll(x & shape->mask[m].field);
	return volume;
}

double algebra_box_volume(const struct algebra_shape *shape, const uint64_t *box)
{
	double volume = 1;
	for (unsigned s = 0; s < shape->spans; s++)
		volume *= (double)(algebra_hi(box[s]) - algebra_lo(box[s])) + 1;
	for (unsigned c = shape->spans; c < shape->shared_end; c++)
		volume *= shared_volume(shape, c, box[c]);
	for (unsigned m = shape->narrow; m < shape->masks; m++) {
		int bits = 0;
		for (unsigned c = shape->mask[m].first; c < shape->mask[m].end; c++)
			bits += __builtin_popcountll(box[c]);
		volume *= bits;
	}
	return volume;
}

// A scattered but repeatable choice of one of `n`.
static uint32_t choose(uint32_t which, unsigned dim, uint32_t n)
{
	if (which < 2)
		return which ? n - 1 : 0;
	uint64_t mixed = (which * 0x9E3779B97F4A7C15ull) ^ (dim * 0xC2B2AE3D27D4EB4Full);
	mixed = (mixed ^ mixed >> 29) * 0xBF58476D1CE4E5B9ull;
	return (uint32_t)((mixed >> 32) % n);
}

static uint64_t nth_bit(uint64_t x, uint32_t nth)
{
	while (nth--)
		x &= x - 1;
	return x & -x;
}

// Of the bits of several cells only the nth is kept.
static void keep_bit(uint64_t *cell, unsigned cells, uint32_t nth)
{
	for (unsigned c = 0; c < cells; c++) {
		uint32_t bits = (uint32_t)__builtin_popcountll(cell[c]);
		cell[c] = nth < bits ? nth_bit(cell[c], nth) : 0;
		nth -= bits; // beyond all bits once it is found
	}
}

static void narrow_point(const struct algebra_shape *shape, uint32_t which, uint64_t *out)
{
	for (unsigned m = 0; m < shape->narrow; m++) {
		const struct algebra_mask *mask = &shape->mask[m];
		uint64_t *cell = &out[mask->first], x = *cell & mask->field;
		if (!(x & (x - 1)))
			continue;
		uint32_t nth =
			which ? choose(which, shape->spans + m, (uint32_t)__builtin_popcountll(x))
			      : 0;
		*cell = (*cell & ~mask->field) | nth_bit(x, nth);
	}
}

void algebra_box_point(const struct algebra_shape *shape, const uint64_t *box, uint32_t which,
		       uint64_t *out)
{
	for (unsigned s = 0; s < shape->spans; s++) {
		uint32_t lo = algebra_lo(box[s]),
			 at = lo + choose(which, s, algebra_hi(box[s]) - lo + 1);
		out[s] = algebra_span(at, at);
	}
	for (unsigned c = shape->spans; c < shape->cells; c++)
		out[c] = box[c];
	narrow_point(shape, which, out);
	for (unsigned m = shape->narrow; m < shape->masks; m++) {
		const struct algebra_mask *mask = &shape->mask[m];
		uint32_t bits = 0;
		for (unsigned c = mask->first; c < mask->end; c++)
			bits += (uint32_t)__builtin_popcountll(out[c]);
		keep_bit(out + mask->first, mask->end - mask->first,
			 choose(which, shape->spans + m, bits));
	}
}
