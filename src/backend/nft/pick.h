// SPDX-License-Identifier: Apache-2.0
// What each form of a small ruleset would cost. Building a tree (tree.h) takes the cheapest where none is asked for. Pure.
#pragma once

#include "backend/nft/nft.h"
#include "backend/nft/tree.h"

enum { NFT_WEIGHED = 4 };
struct nft_weighed {
	enum backend_nft_form form;
	struct backend_nft_cost cost;
};
// How many; none when the shape asks for a form, or the rules are too many to build all.
size_t nft_forms_weigh(const struct nft_rules *rules, const struct backend_nft_shape *shape,
		       struct nft_weighed out[static NFT_WEIGHED]) must_check;
