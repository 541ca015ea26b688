// SPDX-License-Identifier: Apache-2.0
// Which rules of a part stand together.
#pragma once

#include "backend/nft/tree.h"

#define NFT_CLASSES 4
// The class of each rule of the part: all rules of a lower class may stand before all of a higher one. True when those
// behind the first class are few: then they are of one class, and to be told apart by whether they have an address.
bool nft_parts_sort(const struct nft_tree *tree, const struct nft_tree_part *part,
		    uint8_t *class_out) must_check;
