// SPDX-License-Identifier: Apache-2.0
// The comparison of the two layers of a space that is there already.
#pragma once

#include "verify/pairs.h"
#include "verify/words.h"

// `out` has its notes; everything else is set.
void verify_compare_space(struct verify_space *space, const struct verify_options *options,
			  size_t most, struct arena *arena, struct verify_comparison *out);
