// SPDX-License-Identifier: Apache-2.0
// Between the files that build the tree: nodes of one list of rules (tree.c), lists that follow each other (tree_parts.c),
// several of these at once (tree_beside.c).
#pragma once

#include "backend/nft/tree.h"

#define NFT_LEAF_MOST 8u // rules of a short leaf

struct nft_known;
// What is being built. An attempt works on a copy.
struct nft_build {
	struct nft_tree *tree;
	const struct backend_nft_shape *shape;
	struct arena *arena;      // of nodes
	struct arena *scratch;    // of the attempt
	struct nft_known **known; // nodes that are there already, by hash
	size_t known_mask;
	unsigned leaf_most;
	size_t spent, budget; // entries in leaves; that there may be
	size_t given, room;   // entries handed on in this attempt; that its leaves may hold
	unsigned first;       // depth where it begins
	unsigned ways;        // by port, before long leaves
	bool over, exact;
	bool mixed; // several parts may follow each other
	bool trunk; // what all rules ask is asked, and then lists follow each other
	bool cut;   // long lists are cut in few ways, whatever they leave
	bool gates; // packets for which no rule has an address are told from the others first
};

// Sub-trees that know nothing of each other, of so many rules in all: each is built, perhaps by some thread, and they are
// taken in their order. When the attempt is over the rest is left out.
struct nft_beside {
	size_t len;
	struct nft_node *(*build)(void *user, struct nft_build *b, size_t i);
	void (*take)(void *user, size_t i, struct nft_node *node);
	void *user;
};
void nft_build_beside(struct nft_build *b, const struct nft_beside *beside, size_t rules);

struct nft_node *nft_build_new(struct nft_build *b, enum nft_field field) must_check;
struct nft_node *nft_build_leaf(struct nft_build *b, const struct nft_entries *list,
				const struct nft_path *path, bool all) must_check;
struct nft_node *nft_build_node(struct nft_build *b, const struct nft_entries *list,
				const struct nft_path *path, unsigned depth) must_check;
struct nft_node *nft_build_branch(struct nft_build *b, const struct nft_entries *list,
				  const struct nft_path *path, unsigned depth,
				  const struct nft_split *split) must_check;
void nft_entries_push(struct nft_entries *list, struct nft_entry entry);

// What nearly all rules ask, and sequences behind that.
struct nft_node *nft_build_trunk(struct nft_build *b, const struct nft_entries *list,
				 const struct nft_path *path, unsigned depth) must_check;
// The rules sorted by the addresses that they ask for, in sub-trees that follow each other.
struct nft_node *nft_build_sequence(struct nft_build *b, const struct nft_entries *list,
				    const struct nft_path *path, unsigned depth) must_check;
// All of the rules: sub-trees of some that follow each other.
struct nft_node *nft_build_root(struct nft_build *b) must_check;
