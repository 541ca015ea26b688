// SPDX-License-Identifier: Apache-2.0
// What a change has made of the kernel rules in the chains that it touched: each of them, and each box that decides by
// itself, is a spot of some rule.
#pragma once

#include "backend/nft/form.h"

struct backend_nft;
struct nft_dumped_chain;
struct nft_table;
struct nft_touched;

struct nft_numbers {
	VEC(uint32_t) list;
};
// How often it is there.
size_t nft_numbers_count(const struct nft_numbers *numbers, uint32_t number) must_check;

struct nft_spots_chain {  // as it was before
	const char *name; // full
	struct nft_form *
		rule; // of those that are turned or look boxes up all, of others the handle and the tag
	size_t len;
};
struct nft_spots_map {    // that went, with its boxes
	const char *name; // without the prefix
	struct nft_boxes boxes;
};
// What was touched since all was proven.
struct nft_spots {
	VEC(struct nft_spots_chain) chain;
	VEC(struct nft_spots_map) map;
	VEC(const char *) thinned; // maps that stay and have lost boxes
	bool again;                // a chain was touched once more
	bool gates;                // have changed, too
	struct nft_numbers front;  // rules that stood in front when that was made anew
};
// A change is going to touch the chain, which it has read.
void nft_spots_touch(struct backend_nft *nft, const struct nft_dumped_chain *is);
// A map goes that one of its rules looks up.
void nft_spots_take(struct backend_nft *nft, const struct nft_form *look_up);
// What a change does beside: boxes leave maps that stay, gates change.
void nft_spots_thin(struct backend_nft *nft, const struct nft_touched *touched);
// What stands in front is going to be made anew.
void nft_spots_front(struct backend_nft *nft);

// The boxes of a map as they were before what was done since all was proven. False when nobody knows.
bool nft_spots_old_map(struct backend_nft *nft, const char *name, struct arena *arena,
		       struct nft_boxes *out) must_check;
// The touched chains as the kernel has them now, without what their maps hold; 0 or a negative errno.
int nft_spots_read(struct backend_nft *nft, struct arena *arena, struct nft_table *out) must_check;
// A map's boxes as the kernel has them now. False when they can't be read.
bool nft_spots_read_map(struct backend_nft *nft, const char *name, struct arena *arena,
			struct nft_boxes *out) must_check;
// Whether both test the same; not where a set was not read.
bool nft_same_tests(const struct nft_form *a, const struct nft_form *b) must_check;
// Whether boxes lead to the same chain, or decide the same for the same rule.
bool nft_same_outcome(const struct nft_box *a, const struct nft_box *b) must_check;
// Whether boxes are looked up for the same packets, by the same fields.
bool nft_same_look_up(const struct nft_form *a, const struct nft_form *b) must_check;

// Numbers of the rules, or what their tags say, whose spots are not what they were: one for each spot. Where it is not
// known, nothing is.
struct nft_spots_diff {
	bool known;
	struct nft_numbers lost; // all boxes that led to one chain are one
	struct nft_numbers come;
	struct nft_numbers moved; // before or behind another one
	struct nft_numbers led;   // of those with boxes that lead to a chain which is there
};
void nft_spots_compare(struct backend_nft *nft, struct arena *arena, struct nft_spots_diff *out);
// Whether none is left of a rule that had so many in the whole table, nor a chain to which boxes lead.
bool nft_spots_gone(const struct nft_spots_diff *diff, uint32_t number, uint32_t there) must_check;
