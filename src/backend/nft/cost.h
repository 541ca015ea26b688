// SPDX-License-Identifier: Apache-2.0
// What a program is expected to cost a packet, and how large it is.
#pragma once

#include "backend/nft/form.h"
#include "backend/nft/nft.h"

// Of one program, whose jumps and gotos never lead back. Borrows it; lives in `arena`.
struct nft_costs;
struct nft_costs *nft_costs_new(const struct nft_program *program, struct arena *arena) must_check;

// From the hook through the main chain.
struct backend_nft_cost nft_costs_program(struct nft_costs *costs) must_check;

// Of a packet that nothing in the chain decides, through it and all that it leads to: how long it takes on a usual way
// and on the longest. The chain need not be one of the program.
struct nft_passing {
	double usual, worst; // ns
};
struct nft_passing nft_costs_passing(struct nft_costs *costs,
				     const struct nft_chain *chain) must_check;

// The chain and all that it leads to, without what an earlier call has counted; itself only if `own`.
struct backend_nft_size nft_costs_size(struct nft_costs *costs, const struct nft_chain *chain,
				       bool own) must_check;
// Of a map with so many elements.
double nft_cost_lookup(bool of_ranges, size_t elements) must_check;
// To the nearest nanosecond.
uint64_t nft_cost_whole(double cost) must_check;
