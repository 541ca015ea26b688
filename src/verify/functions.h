// SPDX-License-Identifier: Apache-2.0
// The rulesets of one slice as decision diagrams: a variable for each axis, a ruleset a function of points.
#pragma once

#include "algebra/diagram.h"
#include "verify/space.h"

// What a layer says in a part of the slice (a box): its boxes clipped to it, in order, up to the first that holds all of it,
// each with its result. Heap; fini it.
struct verify_says {
	uint64_t *box; // shape.cells cells each
	uint32_t *result;
	size_t len;
};
void verify_layer_says(const struct verify_space *space, const struct verify_slice *slice,
		       size_t layer, const uint64_t *part, bool effects, struct verify_says *out);
void verify_says_fini(struct verify_says *says);
void verify_whole_part(const struct verify_slice *slice, uint64_t part_out[static ALGEBRA_CELLS]);

struct verify_functions {
	const struct verify_space *space;
	const struct verify_slice *slice;
	struct algebra_diagram *diagram;
	uint32_t *axis_of, *var_of; // by variable, by axis
	size_t vars;
	uint64_t part[ALGEBRA_CELLS]; // layers are functions within it, 0 elsewhere; whole at first
};
void verify_functions_init(struct verify_functions *functions, const struct verify_space *space,
			   const struct verify_slice *slice,
			   const struct algebra_diagram_limits *limits, struct arena *arena);
void verify_functions_fini(struct verify_functions *functions);

// Only points whose value of the dimension is between the least and the largest of the set shall matter.
void verify_functions_narrow(struct verify_functions *functions, unsigned dim,
			     struct algebra_set set);
// Which rule of the layer decides: results by verify_owner_result; 0 for points that nobody asked about. Or with `effects`
// what it does: the layer's effect numbers + 1. Pinned.
uint32_t verify_functions_layer(struct verify_functions *functions, size_t layer,
				bool effects) must_check;
uint32_t verify_owner_result(uint32_t owner) must_check;
uint32_t verify_result_owner(uint32_t result) must_check;

// The same of any list of boxes of the slice (shape.cells cells each), the first that holds a point decides.
uint32_t verify_functions_list(struct verify_functions *functions,
			       const struct verify_says *says) must_check;

// `result` where the values of the dimensions are in the sets, 0 elsewhere. Sets of dimensions that have no axis say
// nothing; on an axis an atom is in or out by its first value.
struct verify_want {
	unsigned dim;
	struct algebra_set set;
};
uint32_t verify_functions_box(struct verify_functions *functions, const struct verify_want *want,
			      size_t wants, uint32_t result) must_check;
// NULL: the slice has no such axis.
const struct verify_axis *verify_functions_axis(const struct verify_functions *functions,
						unsigned dim, size_t *var_out) must_check;
// The values that a side of a box means.
struct algebra_set verify_side_values(const struct verify_axis *axis,
				      const struct algebra_side *side,
				      struct arena *arena) must_check;
// The point (a value for each variable) as a box of the slice; the cells are 0 before, but for a slice without axes.
void verify_functions_cells(const struct verify_functions *functions, const int32_t *point,
			    uint64_t *cells);
// The packet of a point (a value for each variable).
const struct ir_packet *verify_functions_packet(const struct verify_functions *functions,
						const int32_t *point,
						struct arena *arena) must_check;
