// SPDX-License-Identifier: Apache-2.0
// How a long leaf is cut into maps over several fields, and what between them stands by itself. A leaf remembers it, so
// that a change makes anew the maps whose rules have changed, and no others.
#pragma once

#include "backend/nft/tree.h"

// A rule of a cut, and how many boxes of the map it stands in are its own.
struct nft_placed {
	struct nft_entry entry;
	uint32_t boxes;
	bool direct; // they decide by themselves
};
// Rules of a cut that follow each other: those of one map, or one by itself.
struct nft_group {
	uint32_t rules;
	uint32_t map;  // its number in the leaf, from 1; 0: no map
	uint32_t ns;   // that it is expected to take a packet to pass it
	uint32_t room; // pieces of its last field that there may still be
	uint8_t kind;  // enum nft_boxes_kind
	uint8_t fields;
	uint8_t field[NFT_BOXES_FIELDS];
	bool turned;      // a rule of it does something else from now on, or is told in another way
	bool anew, mixed; // while the cut is changed: to be made anew, and its rules put in order
	const struct nft_boxes *boxes; // of a map that has just been made, until it is emitted
	const struct nft_boxes *were;  // of a map of which a rule goes, before it does
};
struct nft_cut {
	VEC(struct nft_placed) rule; // as packets meet them
	VEC(struct nft_group) group;
	uint32_t maps;                  // numbers given
	uint64_t whole_ns, whole_rules; // when it was made as a whole
	bool stale;                     // the leaf's rules are others now
};
_Static_assert(NFT_FIELDS <= UINT8_MAX, "a field fits a byte");

char *nft_group_name(const struct nft_node *leaf, const struct nft_group *group,
		     struct arena *arena) must_check;
// An empty one.
struct nft_cut *nft_cut_new(struct arena *arena) must_check;
// Before a rule of the leaf, of which it holds boxes, does something else.
void nft_cut_turn(const struct nft_node *leaf, uint32_t rule);
// Before a rule goes that may stand in the leaf.
void nft_cut_begin_removal(struct nft_tree *tree, const struct nft_node *leaf, uint32_t rule,
			   struct nft_touched *touched);
// The leaf's cut becomes that of its rules; empty when there are too few. What maps lose is added to what is touched, which
// may be NULL. New maps live in `arena`.
void nft_cut_update(struct nft_tree *tree, const struct nft_node *leaf, struct arena *arena,
		    struct nft_touched *touched);

// --- tree_boxes.c ---

// The rules so that those that ask for the same addresses stand together, as far as the order of rules that may match the
// same packet allows.
struct nft_entries nft_leaf_order(const struct nft_tree *tree, struct nft_entries rules,
				  struct arena *arena) must_check;
// Some of these rules of a leaf, from the first on, as boxes: how many; 0 when they are better tested one after the other.
// The map's name, its number and its rules are left to the caller.
size_t nft_leaf_boxes(const struct nft_tree *tree, const struct nft_node *leaf,
		      struct nft_entries rules, struct arena *arena, struct nft_group *group_out,
		      struct nft_boxes *out) must_check;
// The map once more, with all of its rules. Or without some of them: then it may have other boxes; false when these do not
// go into one map.
bool nft_leaf_boxes_again(const struct nft_tree *tree, const struct nft_node *leaf,
			  struct nft_group *group, const struct nft_placed *rules,
			  struct arena *arena, struct nft_boxes *out) must_check;
// Whether nearly all rules of a leaf would be boxes of maps, where packets have these fields.
bool nft_leaf_is_boxes(const struct nft_tree *tree, uint32_t has,
		       const struct nft_entries *rules) must_check;
// Whether the map can take one more rule of the leaf, as far as can be told without trying.
bool nft_leaf_fits(const struct nft_tree *tree, const struct nft_node *leaf,
		   const struct nft_group *group, struct nft_entry entry) must_check;
