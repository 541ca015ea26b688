// SPDX-License-Identifier: Apache-2.0
// What of a box do the boxes that stand before leave over? One thread asks.
#pragma once

#include "verify/space.h"

// Boxes numbered from `from` on, below `to`.
struct verify_before {
	const struct algebra_boxes *boxes;
	uint32_t from, to;
};
// All that stands before.
struct verify_ahead {
	const struct verify_before *list;
	size_t lists;
	bool gaps; // the lists are what is left between gaps of the same boxes: they are asked for at once
	const uint64_t *extra; // boxes of no list, one after the other
	size_t extras;
	bool (*counts)(const void *user,
		       uint32_t owner); // of the lists; NULL: boxes of all owners do
	const void *user;
};
struct verify_search {
	const struct algebra_shape *shape;
	struct algebra_cover cover;
	struct algebra_ids ids;
	uint64_t steps;
	uint64_t
		looks; // boxes that one answer may look at, where somebody is waiting; 0: as many as it takes
};
void verify_search_init(struct verify_search *search, const struct algebra_shape *shape,
			const _Atomic bool *stop, uint64_t steps);
void verify_search_fini(struct verify_search *search);
// OPEN: some point of the box is in none of those before; with `open_out` such a point or a box of such points.
enum algebra_answer verify_search_open(struct verify_search *search, const uint64_t *box,
				       const struct verify_ahead *ahead,
				       uint64_t *open_out) must_check;
// A number in the list such that the box is covered by the list's boxes up to it, with it; small, not always the smallest.
// `to`: none was found.
uint32_t verify_search_prefix(struct verify_search *search, const uint64_t *box,
			      struct verify_before before) must_check;
