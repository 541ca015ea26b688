// SPDX-License-Identifier: Apache-2.0
// What the proof of the policy in force leans on, by numbers of rules in the tree: which rule's packets need not come to its
// kernel rules, as which other one decides them. It is kept through changes, so that one that goes is asked about no more
// than was said because of it.
#pragma once

#include "backend/nft/decided.h"

struct buf;
struct wire_reader;

// Zeroed nothing is known. Heap.
struct nft_reasons {
	bool known;
	struct nft_reason *at; // of the same rules there may be several
	size_t len, room;
	size_t sorted; // when it was last put in order, so many were left
};
void nft_reasons_fini(struct nft_reasons *reasons);
// Those of a proof, too, if any are known: `number` says of each rule of its list the number in the tree.
void nft_reasons_take(struct nft_reasons *reasons, const struct nft_reason_list *found,
		      const uint32_t *number);
// One more. Of too many none is known any more, and where none is known none is kept.
void nft_reasons_add(struct nft_reasons *reasons, struct nft_reason reason);
// As bytes, for another process of this program; and back in the place of what there was. Of what are no such bytes none
// are known.
void nft_reasons_encode(const struct nft_reasons *reasons, struct buf *out);
void nft_reasons_decode(struct nft_reasons *reasons, struct wire_reader *in);
// Which packets the reason is about, as far as they are in the area, too.
void nft_reason_narrow(const struct nft_reason *reason, struct arena *arena,
		       struct nft_area *packets);
