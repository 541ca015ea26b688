// SPDX-License-Identifier: Apache-2.0
// A clause of a rule as conditions on the packets of one slice (lower.c), and distinct sets as atoms (atoms.c).
#pragma once

#include "verify/space.h"

// Distinct sets of one dimension, by content; the sets are borrowed.
struct verify_sets {
	struct arena *arena;
	VEC(struct algebra_set) set;
	VEC(uint64_t) uses; // how many conditions name it
	uint32_t *slot;     // open addressing: number + 1
	size_t slots;
};
uint32_t verify_sets_put(struct verify_sets *sets, struct algebra_set set) must_check;

// The number of a truth in the space; a new one is appended. Numbers are given before slices are made.
uint32_t verify_truth_number(struct verify_space *space,
			     const struct verify_truth *truth) must_check;
// UINT32_MAX: the space has no such truth.
uint32_t verify_truth_find(const struct verify_space *space,
			   const struct verify_truth *truth) must_check;

bool verify_of_any_frame(enum ir_dim dim) must_check; // packets other than IP have it, too

// One dimension must be in a set, by its number among the dimension's.
struct verify_cond {
	uint32_t dim, set;
};
struct verify_draft { // of one slice, while it is made
	struct verify_space *space;
	struct verify_slice *slice;
	struct arena *arena; // for what is needed until the slice is made
	bool fragments;      // some rule asks for them
	bool settled; // the space is there: truths that it does not know are no condition, but
	bool strange; // noted here
	struct verify_sets *sets; // by dimension
	size_t dims;
	VEC(struct verify_cond) cond;  // of all clauses
	VEC(struct verify_time) times; // of clock conditions, by content
	struct algebra_set *universe;  // by dimension, as far as asked for; or NULL: not kept
	VEC(struct verify_protocols) protocols;
	struct ir_clause where;
};
struct verify_protocols {
	struct ir_protocols bits;
	struct algebra_set set;
};
struct verify_time {
	struct ir_clause clock;
	struct algebra_set set;
};

// Appends the conditions that the clause puts on the slice's packets to draft->cond. False: none of them can match it.
bool verify_lower(struct verify_draft *draft, const struct ir_rule *rule,
		  const struct ir_clause *clause) must_check;
// The values that packets of the slice have in a dimension.
struct algebra_set verify_universe(const struct verify_draft *draft, unsigned dim) must_check;

// The dimension's distinct sets as an axis. *cells_out, in `scratch`: for each set its spans (pairs of pieces) or mask
// cells.
struct verify_cells {
	uint64_t *at;
	size_t *first;  // of each set; first[sets] is the end
	unsigned words; // of a mask
};
// Bytes that making the axis takes at most.
size_t verify_atoms_bytes(const struct verify_sets *sets) must_check;
void verify_atoms(const struct verify_sets *sets, struct algebra_set universe, struct arena *arena,
		  struct arena *scratch, struct verify_axis *axis, struct verify_cells *cells_out);

// The clause of a rule that need not be of the space (around.c). They only read the space, which is not const because the
// same code makes it.
struct verify_around {
	struct verify_space *space;
	struct verify_slice *slice;
	const struct ir_clause *where; // or NULL
	const struct ir_rule *rule;
	const struct ir_clause *clause;
};
// Widened to whole atoms. False: it matches no packet of the slice.
bool verify_around(const struct verify_around *what, uint64_t *out) must_check;
// As it is: at most `most` boxes, appended to out->at, cells by cells. False when it is no union of that few boxes of whole
// atoms.
struct verify_loose {
	uint64_t *at;    // heap
	size_t len, cap; // boxes
};
bool verify_exactly(const struct verify_around *what, size_t most,
		    struct verify_loose *out) must_check;
