// SPDX-License-Identifier: Apache-2.0
// Which pairs of rules, one of each layer, decide the same packets with different effects.
#pragma once

#include "verify/measure.h"
#include "verify/sides.h"

struct verify_pair {
	uint32_t a, b; // tellers
	double width; // of the widest pair of boxes that was found first in a slice: verify_measure_box
	size_t piece; // of work: for their order
};
struct verify_pairs {
	struct verify_pair *at; // heap; by owners, each pair once
	size_t len;
	bool all; // no other pair differs
};
// False when it was stopped; then what was found is true. `sides` and `measure`: one of each slice of the space. `memory`:
// bytes that the pairs may take.
bool verify_pairs_find(const struct verify_sides *sides, const struct verify_measure *measure,
		       const struct verify_options *options, size_t memory,
		       struct verify_pairs *out) must_check;
void verify_pairs_fini(struct verify_pairs *pairs);
// Who decides, as it is told: dropping for want of a flow is the default's when the default drops, too.
uint32_t verify_teller(const struct verify_space *space, size_t layer, uint32_t owner) must_check;
// The boxes of a teller in a layer: *first_out .. the number returned.
uint32_t verify_boxes_of(const struct verify_space *space, const struct verify_slice *slice,
			 size_t layer, uint32_t teller, uint32_t *first_out) must_check;
