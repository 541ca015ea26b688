// SPDX-License-Identifier: Apache-2.0
// Gates of a tree: one map that tells packets of rules with an address from all others.
#pragma once

#include "backend/nft/tree.h"

// Boxes that hold all packets of the rules that ask for an address of one side, and perhaps others'. They lead to one
// chain, so they may overlap, and be as many as there are rules. Very many are blocks of that address, all of one size.
struct nft_gate {
	size_t fields;                          // 1: blocks …
	unsigned block;                         // … of this many bits
	enum nft_field field[NFT_BOXES_FIELDS]; // that address first
	uint32_t held; // sides that other gates have told: of rules that ask for no address there
	const char *chain; // to which the boxes lead
	VEC(struct nft_box) box;
};

// The rule's packets are in boxes, and go one way.
bool nft_gate_asks(const struct nft_gate *gate, const struct nft_form *form) must_check;
// For those of the rules that ask for this address as no packet on the path is known to have it; lives in the arena. NULL:
// the kernel would not take its boxes.
struct nft_gate *nft_gate_new(const struct nft_tree *tree, const struct nft_entries *rules,
			      const struct nft_path *path, enum nft_field address,
			      struct arena *arena) must_check;
// Where its boxes lead, which is not known before. Borrows the name.
void nft_gate_set_chain(struct nft_gate *gate, const char *chain);
// The form that looks the gate's map up; of its boxes all from this one on.
void nft_gate_form(const struct nft_gate *gate, const char *map, size_t from, struct arena *arena,
		   struct nft_form *out);
// Adds the boxes of one more rule, behind those that are there; there may be none that are new. They live in the tree's
// arena. False, and the gate is of no use any more: the kernel would not take them, or they are very many.
bool nft_gate_add(const struct nft_tree *tree, struct nft_gate *gate,
		  const struct nft_form *form) must_check;
