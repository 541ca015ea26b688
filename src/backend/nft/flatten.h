// SPDX-License-Identifier: Apache-2.0
// A program, a tree perhaps, as a list of rules that does the same. Pure.
#pragma once

#include "backend/nft/prove.h"

struct nft_list {
	// The main chain is the list; each rule has its tag and handle, and the other chains are there, but for the tree's.
	struct nft_program program;
	const struct nft_chain **chain; // by rule: where it was found; NULL: nowhere
	bool over;                      // too much work: the list is not all that the program does
};
// Exact, whatever the program is: what cannot be said is in the list as a strange rule. The last rule decides every packet.
void nft_flatten(const struct nft_program *program, struct arena *arena, struct nft_list *out);
