// SPDX-License-Identifier: Apache-2.0
// Are two rulesets equal? Decided by decision diagrams: a second way beside compare.c, which shares nothing with it behind
// the boxes, and which does not mind how differently the two are written.
#pragma once

#include "verify/space.h"

struct verify_equality {
	enum verify_status status;
	bool equal;                    // with VERIFY_DONE
	uint64_t point[ALGEBRA_CELLS]; // of the slice; not equal: a point where they differ
	size_t parts;                  // into which the slice was cut
};
// Layers `a` and `b` of the slice. Memory, threads and control are the options'; each part that is decided takes at most
// its thread's share of the memory. Differences end the search at once.
void verify_diagram_equal(const struct verify_space *space, const struct verify_slice *slice,
			  const size_t layers[static 2], const struct verify_options *options,
			  struct verify_equality *out);
