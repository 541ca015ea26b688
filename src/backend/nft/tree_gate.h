// SPDX-License-Identifier: Apache-2.0
// Gates of a tree: one map over several fields that tells packets of rules with an address from all others.
#pragma once

#include "backend/nft/tree.h"

// Boxes that hold all packets of the rules that ask for an address of one side, and perhaps others'. They lead to one
// chain, so they may overlap, and be as many as there are rules.
struct nft_gate {
	size_t fields;
	enum nft_field field[NFT_BOXES_FIELDS]; // that address first
	uint32_t held; // sides that other gates have told: of rules that ask for no address there
	const char *chain; // to which the boxes lead
	VEC(struct nft_box) box;
};

// The rule's packets are in boxes, and go one way.
bool nft_gate_asks(const struct nft_gate *gate, const struct nft_form *form) must_check;
// For those of the rules that ask for this address as no packet on the path is known to have it; leads to this node. NULL:
// the kernel would not take its boxes.
struct nft_gate *nft_gate_new(const struct nft_tree *tree, const struct nft_entries *rules,
			      const struct nft_path *path, enum nft_field address,
			      const struct nft_node *to) must_check;
void nft_gate_boxes(const struct nft_gate *gate, struct nft_boxes *out);
// The boxes of one more rule, of which those that are new are `more_out`; none may be. They live in the tree's arena. False,
// and the gate is of no use any more: the kernel would not take them.
bool nft_gate_add(const struct nft_tree *tree, struct nft_gate *gate, const struct nft_form *form,
		  struct nft_boxes *more_out) must_check;
