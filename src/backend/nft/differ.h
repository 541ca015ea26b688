// SPDX-License-Identifier: Apache-2.0
// The differences between a policy and what a program does, with packets that show them.
#pragma once

#include "backend/nft/lift.h"

struct backend_nft_options;
struct nft_reasons;

// Where what the proof leans on is kept: number[i] is of the rule at i of the list. With another number of rules nothing is
// known there.
struct nft_leaning {
	struct nft_reasons *to;
	const uint32_t *number;
	size_t rules;
};

// Appends them; none: it is proven that there are none. `prefix`: of the program's chains in the kernel. 0, or -EOVERFLOW
// when that would take too much work to tell. `leaning`: NULL: nobody asks.
int nft_differ(const struct ir_ruleset *lowered, const struct backend_nft_options *options,
	       const struct nft_program *found, const char *prefix,
	       const struct nft_leaning *leaning, struct backend_differences *out) must_check;
