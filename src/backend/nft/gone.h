// SPDX-License-Identifier: Apache-2.0
// Rules that were taken out since all was proven.
#pragma once

#include "backend/nft/spots.h"

struct backend_nft;
struct nft_live_rule;

struct nft_gone {
	uint32_t number, in_tree; // of the rule, and of this kernel rule of it
	uint32_t there;           // kernel rules of the rule in the whole table
	size_t form;              // as it was changed
};
// A rule that stands in the tree is going to leave it; its forms are the next that are changed (nft_changed_add).
void nft_gone_add(struct backend_nft *nft, const struct nft_live_rule *rule);
// What is to be proven behind a change, in an arena.
struct nft_to_prove {
	struct nft_some_forms whole; // packets of which nothing is known
	struct nft_some_forms some;  // packets for which only spots have changed, …
	struct nft_numbers leaned;   // … and these rules of the tree have leaned on one that went
};
// Adds what is left to prove of the packets of a form that went (by its place in nft_changed.form): nothing was changed for
// them since all was proven but by that, and by what is proven of other forms. `spots`: what changes have made of the
// kernel's rules; it is known, and nobody is missing there without a reason. `place`: of rules, by number.
void nft_gone_prove(struct backend_nft *nft, const uint32_t *place,
		    const struct nft_spots_diff *spots, size_t form, struct arena *arena,
		    struct nft_to_prove *out);
