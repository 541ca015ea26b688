// SPDX-License-Identifier: Apache-2.0
// What one box is and how two of them lie to each other.
#include "algebra/box.h"

bool algebra_box_meets(const struct algebra_shape *shape, const uint64_t *a, const uint64_t *b)
{
	for (unsigned s = 0; s < shape->spans; s++)
		if (algebra_lo(a[s]) > algebra_hi(b[s]) || algebra_lo(b[s]) > algebra_hi(a[s]))
			return false;
	for (unsigned m = 0; m < shape->masks; m++) {
		uint64_t common = 0;
		for (unsigned c = shape->first[m]; c < shape->first[m + 1]; c++)
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
	for (unsigned m = 0; m < shape->masks; m++) {
		uint64_t common = 0;
		for (unsigned c = shape->first[m]; c < shape->first[m + 1]; c++)
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

double algebra_box_volume(const struct algebra_shape *shape, const uint64_t *box)
{
	double volume = 1;
	for (unsigned s = 0; s < shape->spans; s++)
		volume *= (double)(algebra_hi(box[s]) - algebra_lo(box[s])) + 1;
	for (unsigned m = 0; m < shape->masks; m++) {
		int bits = 0;
		for (unsigned c = shape->first[m]; c < shape->first[m + 1]; c++)
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

static void keep_bit(uint64_t *cell, unsigned cells, uint32_t nth)
{
	for (unsigned c = 0; c < cells; c++) {
		uint32_t bits = (uint32_t)__builtin_popcountll(cell[c]);
		uint64_t left = cell[c];
		cell[c] = 0;
		if (nth < bits) {
			for (uint32_t i = 0; i < nth; i++)
				left &= left - 1;
			cell[c] = left & -left;
		}
		nth -= bits; // beyond all bits once it is found
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
	for (unsigned m = 0; m < shape->masks; m++) {
		uint32_t bits = 0;
		for (unsigned c = shape->first[m]; c < shape->first[m + 1]; c++)
			bits += (uint32_t)__builtin_popcountll(out[c] = box[c]);
		keep_bit(out + shape->first[m], (unsigned)(shape->first[m + 1] - shape->first[m]),
			 choose(which, shape->spans + m, bits));
	}
}
