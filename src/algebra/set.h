// SPDX-License-Identifier: Apache-2.0
// Exact sets of integers as sorted, disjoint, non-adjacent ranges: one dimension of a packet set.
#pragma once

#include "base/arena.h"

// Inclusive at both ends; lo <= hi.
struct algebra_range {
	u128 lo, hi;
};

// Canonical: sorted, disjoint, no two ranges touch. Two sets are equal exactly when their ranges
// are. The ranges live in the arena that made them. Zeroed is the empty set.
struct algebra_set {
	const struct algebra_range *at;
	size_t len;
};

// A set being collected from ranges in any order, overlapping or not.
struct algebra_builder {
	struct arena *arena;
	VEC(struct algebra_range) list;
};
void algebra_builder_add(struct algebra_builder *builder, u128 lo, u128 hi);
struct algebra_set algebra_builder_take(struct algebra_builder *builder) must_check;

// Ascending.
void algebra_values_sort(u128 *at, size_t len);
void algebra_numbers_sort(uint32_t *at, size_t len);
// The largest value of a dimension of this many bits (1..128).
u128 algebra_max(unsigned bits) must_check;
struct algebra_set algebra_set_one(struct arena *arena, u128 lo, u128 hi) must_check;
struct algebra_set algebra_set_union(struct arena *arena, struct algebra_set a,
				     struct algebra_set b) must_check;
struct algebra_set algebra_set_intersect(struct arena *arena, struct algebra_set a,
					 struct algebra_set b) must_check;
// What of 0..max is not in `a`.
struct algebra_set algebra_set_complement(struct arena *arena, struct algebra_set a,
					  u128 max) must_check;
bool algebra_set_has(struct algebra_set a, u128 value) must_check;
bool algebra_set_equal(struct algebra_set a, struct algebra_set b) must_check;
bool algebra_set_overlaps(struct algebra_set a, struct algebra_set b) must_check;
bool algebra_set_within(struct algebra_set a,
			struct algebra_set b) must_check; // a is a subset of b
