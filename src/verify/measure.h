// SPDX-License-Identifier: Apache-2.0
// How wide a box is in values, not in atoms: what is sorted by, for people.
#pragma once

#include "verify/space.h"

struct verify_measure { // of one slice
	const struct verify_slice *slice;
	double **
		below; // of each axis and atom: the part of all values that is in the atoms before it
};
void verify_measure_make(const struct verify_slice *slice, struct arena *arena,
			 struct verify_measure *out);
// The binary logarithm of the part of the slice's packets that the box holds; 0 is all of them.
double verify_measure_box(const struct verify_measure *measure, const uint64_t *box) must_check;
