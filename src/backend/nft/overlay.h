// SPDX-License-Identifier: Apache-2.0
// Maps in front of a large tree, for rules that have just been put in (docs/why/nft-overlay.md): each element is a box of
// packets that it accepts or drops, with a counter and the tag of its rule. The boxes of a rule are its packets without
// those of all earlier rules; or all of its packets, behind boxes of what earlier rules have of them. So wherever the rule
// belongs, they may be asked first. Packets come to the maps only while a set, the guard, holds their version of IP: else
// they would pay for empty maps. Those with a transport header then pay for one map, and leave; the others for another
// one. Pure.
#pragma once

#include "backend/nft/tree.h"

#define NFT_OVERLAY_PIECES 1024u // in all maps together
#define NFT_OVERLAY_CUT 64u      // of one rule, without those of earlier ones
#define NFT_OVERLAY_RULES 16u    // kernel rules that stand there

// A box that stands in front because of the rule with this number in the tree, and the map that it stands in, from 0. It
// does what box.rule does: that rule, or an earlier one that has some of its packets.
struct nft_piece {
	uint32_t rule;
	size_t map;
	struct nft_box box;
};
struct nft_pieces {
	VEC(struct nft_piece) list;
};

// Rules by their numbers in the tree: those that stand in no part of it.
struct nft_waiting {
	VEC(uint32_t) rule;
};

// Into the order of the list.
void nft_overlay_sort(const struct nft_tree *tree, struct nft_waiting *rules);

// The rules that look the maps up, which are empty. They stand in a chain of their own.
void nft_overlay_front(const struct nft_tree *tree, struct arena *arena, struct nft_chain *to);
#define NFT_OVERLAY_CHAIN NFT_NODE_CHAIN "0" // nodes have other numbers
// What the main chain begins with: a jump there for packets of the versions of IP that are in a set, which is empty.
struct nft_form nft_overlay_guard(struct arena *arena) must_check;
#define NFT_OVERLAY_GUARD "-guard"
// The versions of IP that must be in that set while these pieces stand in front.
struct algebra_set nft_overlay_versions(const struct nft_pieces *pieces,
					struct arena *arena) must_check;
// Pieces of one map, as its elements.
void nft_overlay_map(const struct nft_tree *tree, size_t map, const struct nft_pieces *pieces,
		     struct arena *arena, struct nft_boxes *out);
#define NFT_OVERLAY_KINDS 4u // of packets: of a version of IP, with a transport header or without …
#define NFT_OVERLAY_LANES 4u // … and so many maps for each, which packets meet one behind the other
#define NFT_OVERLAY_MAPS (NFT_OVERLAY_KINDS * NFT_OVERLAY_LANES)
#define NFT_OVERLAY_NAME "-o" // what their names begin with

// The pieces of a rule that stands in no part of the tree, behind those that are `there` and in `out`. False when it cannot
// stand in the overlay: it does more than accept or drop, or an earlier rule does, and many meet it; its packets cannot be
// told by the maps' fields, or only in too many pieces; an earlier rule lets some of them go on; a later rule in the overlay
// has pieces cut from them. Rules with numbers from `new_from` on are not there yet, but come with it.
bool nft_overlay_cut(const struct nft_tree *tree, const struct nft_pieces *there, uint32_t rule,
		     uint32_t new_from, struct arena *arena, struct nft_pieces *out) must_check;
// The pieces of a rule for the packets of one that was in front, with those of its own that are about to leave: the same
// boxes, in a lane that is looked up behind theirs, so that it has no packet before they have left. False when no such lane
// takes them.
bool nft_overlay_again(const struct nft_tree *tree, const struct nft_pieces *there,
		       const struct nft_pieces *leaving, uint32_t was, uint32_t rule,
		       struct arena *arena, struct nft_pieces *out) must_check;
// Whether a rule that goes has had packets that one of those in front would have else.
bool nft_overlay_needs(const struct nft_tree *tree, const struct nft_waiting *front,
		       uint32_t rule) must_check;
// Whether a rule has pieces among those of other rules; whether other rules have some among its own.
bool nft_overlay_helps(const struct nft_tree *tree, const struct nft_pieces *there,
		       uint32_t rule) must_check;
bool nft_overlay_helped(const struct nft_tree *tree, const struct nft_pieces *there,
			uint32_t rule) must_check;
