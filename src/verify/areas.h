// SPDX-License-Identifier: Apache-2.0
// Where a pair of rules differs, as a few boxes.
#pragma once

#include "verify/measure.h"
#include "verify/search.h"

struct verify_area {
	size_t slice;
	bool exact; // all of the box differs; else the box holds all that the exact ones left over
	double width;    // verify_measure_box
	uint64_t *box;   // heap
	uint64_t *point; // heap: a box of one point that differs
};
// Exact areas and, for each slice in which they are not everything, one that is not exact: together they hold all of the
// pair's points. Heap; verify_areas_fini.
struct verify_areas {
	struct verify_area *at;
	size_t len, cap;
	bool all; // false: the budget was not enough for the promise
};
#define VERIFY_AREAS_MOST 24 // exact ones
void verify_areas_find(const struct verify_space *space, const struct verify_measure *measure,
		       uint32_t teller_a, uint32_t teller_b, const _Atomic bool *stop,
		       struct verify_areas *out);
void verify_areas_fini(struct verify_areas *areas);
