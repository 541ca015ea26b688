// SPDX-License-Identifier: Apache-2.0
// Two layers of one slice against each other: what of them cannot differ, found without looking at pairs.
#pragma once

#include "verify/search.h"
#include "verify/work.h"

// What is known of a box before any pair is looked at.
struct verify_lone {
	uint32_t effect;
	uint32_t
		reach; // the other layer's boxes up to this one cover it: none behind decides any of it
	bool quiet; // has a twin, and all quiet boxes stand in the same order on both sides: two of them never differ
	bool dead; // the boxes before it in its own layer cover it
};
struct verify_side {
	const struct algebra_boxes *boxes;
	uint32_t len;
	struct verify_lone *lone;
};
struct verify_sides {
	const struct verify_space *space;
	const struct verify_slice *slice;
	struct verify_side side[2];
	// Those of side 1 that are neither quiet nor dead, owner: the number; NULL: they are most of its boxes, or no box of
	// side 0 is quiet.
	struct algebra_boxes *odd;
};

// Heap. The space has two layers. False: it was stopped, or `memory` (bytes, reduced by what is taken) is not enough.
bool verify_sides_make(const struct verify_space *space, const struct verify_slice *slice,
		       const struct verify_options *options, size_t *memory,
		       struct verify_sides *out) must_check;
void verify_sides_fini(struct verify_sides *sides);
