// SPDX-License-Identifier: Apache-2.0
// The address space cut by who guards what: a zone is all addresses that the same functions guard.
#pragma once

#include "place/place.h"

// A bit a function.
struct place_mask {
	uint64_t *word;
};

struct place_zone {
	struct algebra_set addresses;
	struct place_mask guards;
};

struct place_zones {
	VEC(struct place_zone) list;
	size_t words;           // of a mask
	struct place_mask path; // room for one
};

// Zones of one IP version (4 or 6); functions that are not enabled do not count.
void place_zones_make(const struct place_input *in, unsigned version, struct arena *arena,
		      struct place_zones *out);

// The set of addresses of one direction that a clause can have in an IP version.
struct algebra_set place_addresses(const struct ir_clause *clause, unsigned version,
				   bool source) must_check;
// Whether some packet of the clause crosses a function that guards `guarded` of this version.
bool place_crosses(const struct ir_clause *clause, unsigned version,
		   struct algebra_set guarded) must_check;

// Called for every pair of zones between which packets of the clause can travel and some function
// stands: the mask has the functions of the path.
typedef void place_path_fn(const struct place_mask *path, void *context);
void place_paths(const struct place_zones *zones, const struct ir_clause *clause, unsigned version,
		 place_path_fn *fn, void *context);
