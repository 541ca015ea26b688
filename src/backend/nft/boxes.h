// SPDX-License-Identifier: Apache-2.0
// Which boxes one map of the kernel takes and finds in their order (docs/why/nft-boxes.md). Pure.
#pragma once

#include "backend/nft/form.h"

// Whether a field can be one of a map's: of sizes that the kernel has quick code for, in whole bytes.
bool nft_boxes_field(enum nft_field field) must_check;
// Registers of four bytes that the first `fields` of them need; NFT_BOXES_SLOTS at most.
size_t nft_boxes_slots(const struct nft_boxes *boxes, size_t fields) must_check;

// Of all combinations of the fields' ranges the one with this number, as one range a field. Fields without a set (NULL) are
// open.
void nft_boxes_combination(const enum nft_field *field, const struct algebra_set *const *set,
			   size_t fields, size_t number, struct algebra_range *range);

// How the boxes of a map may overlap so that every kernel finds the same one.
enum nft_boxes_kind {
	BOXES_ORDERED, // in any way, the first one is found; NFT_BOXES_PIECES at most
	BOXES_APART,   // only boxes that lead to the same chain; any number
};
// Pieces of the last field: as many as a range has prefixes, so 1 for a value, a prefix, or an open field.
#define NFT_BOXES_PIECES 256u
size_t nft_boxes_pieces(struct algebra_range range, unsigned bits) must_check;

// A map being filled. In the arena, which it keeps.
struct nft_filling;
struct nft_filling *nft_filling_new(enum nft_boxes_kind kind, const enum nft_field *field,
				    size_t fields, struct arena *arena) must_check;
// One that has these boxes, which a filling has made, and gets a few more: nothing is made to find them quickly.
struct nft_filling *nft_filling_again(enum nft_boxes_kind kind, const struct nft_boxes *boxes,
				      struct arena *arena) must_check;
// Adds a box behind those that are there. What of it lies in them is cut off where the kernel would refuse it, or where it
// must not overlap; nobody would find it there. At most `parts` boxes then stand for it; none at all is good too. False,
// and nothing is added: that does not do, or the map is full. Borrows the box's ranges and chain.
bool nft_filling_add(struct nft_filling *filling, const struct nft_box *box,
		     size_t parts) must_check;
// The boxes up to now: borrows them.
void nft_filling_take(const struct nft_filling *filling, struct nft_boxes *out);

// Whether the kernel surely finds the first box that holds a value, whatever its version. `bits` of each field.
bool nft_boxes_sure(const struct nft_box *box, size_t len, const unsigned *bits, size_t fields,
		    struct arena *arena) must_check;
