// SPDX-License-Identifier: Apache-2.0
// Which boxes of a map packets may be in, without those that lead to a chain that is settled. Pure.
#pragma once

#include "backend/nft/area.h"

struct nft_box_index;
// `settled`: of the chain that each box leads to, the moment until which it is of interest. Borrows neither.
struct nft_box_index *nft_box_index_new(const struct nft_boxes *boxes,
					const size_t *settled) must_check;
void nft_box_index_free(struct nft_box_index *index); // NULL is fine
// The numbers, ascending, of boxes that packets of the area may be in and whose chain is of interest at the moment
// `now`, and perhaps of others. They replace what `ids` holds; free(ids->at) in the end.
void nft_box_index_find(const struct nft_box_index *index, const struct nft_area *packets,
			size_t now, struct algebra_ids *ids);
