// SPDX-License-Identifier: Apache-2.0
// Sixteen boxes side by side, so that one comparison looks at all of them. Between boxes.c (the tree) and lanes.c.
//
// A group of lanes is (1 + cells) * ALGEBRA_LANES cells of 64 bits: first the lanes' numbers, as lows and highs of 32 bits,
// then each span likewise, then each cell of the masks. An empty lane has no numbers: low INT32_MAX, high -1.
#pragma once

#include "algebra/box.h"

#define ALGEBRA_LANES 16

struct algebra_asked {
	const struct algebra_shape *shape;
	const uint64_t *box;
	uint32_t from, last; // numbers
};
// A bit for each lane with numbers among those asked for and a box that meets (or holds) the one asked about.
typedef unsigned (*algebra_lanes_fn)(const struct algebra_asked *asked, const uint64_t *lanes);
struct algebra_lanes {
	algebra_lanes_fn meet, hold;
};
extern const struct algebra_lanes algebra_lanes_plain;
const struct algebra_lanes *algebra_lanes_best(void) must_check; // for this processor
