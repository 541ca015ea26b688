// SPDX-License-Identifier: Apache-2.0
// What stands in front of the policy in force (overlay.h): its books, and its elements as messages.
#pragma once

#include "backend/nft/live.h"

// The rules stand in front with these pieces; whose boxes are copied.
void nft_front_add(struct nft_live *live, const struct nft_waiting *rules,
		   const struct nft_pieces *pieces);
// A rule leaves the front, as it is in the tree now.
void nft_front_leave(struct nft_live *live, uint32_t rule);
// A rule goes that stands in front and nowhere else; its pieces are added to these: its own ones, and those of others that
// it stands behind.
void nft_front_take(struct nft_live *live, uint32_t rule, struct arena *arena,
		    struct nft_pieces *own, struct nft_pieces *others);
// What stands in front, and these rules, in the order of the list.
void nft_front_waiting(const struct nft_live *live, const struct nft_waiting *more,
		       struct arena *arena, struct nft_waiting *out);
// The maps are made anew, with pieces of the rules that have no place in the tree: where one that has left stood before
// them, they have others now. The maps before were looked up by `old`. False: they cannot stand there any more.
bool nft_front_empty(struct nft_live *live, struct arena *arena, struct nft_chain *old) must_check;

// Messages of the live encoder's batch. Of a type: NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM.
void nft_front_encode(struct nft_live *live, uint16_t type, const struct nft_pieces *pieces,
		      struct arena *arena);
// Packets of these versions of IP come to the maps in front or do so no more, but for those that are among the others.
void nft_front_encode_guard(struct nft_live *live, uint16_t type, struct algebra_set versions,
			    struct algebra_set but, struct arena *arena);
