// SPDX-License-Identifier: Apache-2.0
// Sums of the atoms' sizes, so that a box costs a look at each axis.
#include "verify/measure.h"

#include <math.h>

static double *sums(const struct verify_axis *axis, struct arena *arena)
{
	double *below = arena_array(arena, double, axis->atoms + 1ul), all = 0;
	for (size_t i = 0; i < axis->pieces; i++) {
		double size = (double)(verify_piece(axis, i).hi - verify_piece(axis, i).lo) + 1;
		below[verify_piece(axis, i).atom + 1] += size;
		all += size;
	}
	for (uint32_t atom = 0; atom < axis->atoms; atom++)
		below[atom + 1] = below[atom] + below[atom + 1] / all;
	return below;
}

void verify_measure_make(const struct verify_slice *slice, struct arena *arena,
			 struct verify_measure *out)
{
	*out = (struct verify_measure){.slice = slice,
				       .below = arena_array(arena, double *, slice->axes + 1)};
	for (size_t a = 0; a < slice->axes; a++)
		out->below[a] = sums(&slice->axis[a], arena);
}

static double mask_part(const double *below, const struct algebra_shape *shape, const uint64_t *box,
			unsigned mask)
{
	double part = 0;
	uint64_t cell[ALGEBRA_CELLS];
	unsigned words = algebra_read(shape, box, mask, cell);
	for (unsigned w = 0; w < words; w++)
		for (uint64_t left = cell[w]; left; left &= left - 1) {
			uint32_t atom = w * 64 + (uint32_t)__builtin_ctzll(left);
			part += below[atom + 1] - below[atom];
		}
	return part;
}

double verify_measure_box(const struct verify_measure *measure, const uint64_t *box)
{
	const struct verify_slice *slice = measure->slice;
	double bits = 0, product = 1; // logarithms are dear
	for (size_t a = 0; a < slice->axes; a++) {
		const struct verify_axis *axis = &slice->axis[a];
		const double *below = measure->below[a];
		double part = axis->span ? below[algebra_hi(box[axis->slot]) + 1ul] -
						   below[algebra_lo(box[axis->slot])]
					 : mask_part(below, &slice->shape, box, axis->slot);
		product *= part > 0 ? part : 0x1p-128;
		if (product < 0x1p-512) {
			bits += log2(product);
			product = 1;
		}
	}
	return bits + log2(product);
}
