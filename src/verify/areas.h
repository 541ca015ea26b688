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
// The two layers of a space.
void verify_areas_find(const struct verify_space *space, const struct verify_measure *measure,
		       uint32_t teller_a, uint32_t teller_b, const _Atomic bool *stop,
		       struct verify_areas *out);
void verify_areas_fini(struct verify_areas *areas);

// The same piece by piece: for each slice the places where one box of either side decides.
struct verify_area_search {
	const struct verify_slice *slice;
	const struct verify_measure *measure; // of the slice
	size_t number;                        // of the slice
	uint64_t looks; // of verify_search: to find what is still open after an area
	struct verify_search search;
	struct verify_areas *out;
	size_t before, first, asked; // areas of other slices, of other places; places
	const uint64_t *both;
	struct verify_area rest; // not exact; no box: nothing
};
// `number`, `slice`, `measure`, `looks` and `out` are set.
void verify_area_begin(struct verify_area_search *s, const _Atomic bool *stop);
void verify_area_add(struct verify_area_search *s, const uint64_t *both,
		     const struct verify_ahead *ahead);
void verify_area_end(struct verify_area_search *s);
