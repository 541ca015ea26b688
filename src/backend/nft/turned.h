// SPDX-License-Identifier: Apache-2.0
// Rules that do something else for the same packets, and how many kernel rules each rule has.
#pragma once

#include "backend/nft/form.h"

struct backend_nft;
struct nft_dumped_chain;
struct nft_live;
struct nft_table;

// By number of a rule: how many kernel rules with its tag there are, wherever they stand. Heap.
struct nft_places {
	uint32_t *of;
	size_t len; // of others it is not known
};
#define NFT_PLACES_UNKNOWN UINT32_MAX
void nft_places_fini(struct nft_places *places);
// From a table with the tags that the kernel has; nothing is known when one of them has another name than its rule.
void nft_places_count(struct nft_live *live, const struct nft_table *table);
// Whether what is known is so in the table.
bool nft_places_hold(const struct nft_live *live, const struct nft_table *table) must_check;
// By number; NFT_PLACES_UNKNOWN.
uint32_t nft_places_of(const struct nft_places *places, uint32_t number) must_check;
// There are so many, as far as anything is known.
void nft_places_set(struct nft_places *places, uint32_t number, uint32_t n);
// So many kernel rules of this form, or elements that do the same, come (go: less than 0). Of one that has a chain for
// itself it is not known from then on how many there are.
void nft_places_add(struct nft_places *places, const struct nft_form *form, int32_t more);
// Nor of this one.
void nft_places_doubt(struct nft_places *places, const struct nft_tag *tag);

// What was turned since all was proven.
struct nft_turn {
	uint32_t was, now; // numbers of the rule
	uint32_t there;    // kernel rules of it in the whole table
	uint32_t found;    // that were turned
};
struct nft_turned {
	VEC(struct nft_turn) rule;
	size_t forms; // of the list
};
// The rule with the number `was` is `now` from here on, with so many forms.
void nft_turned_add(struct backend_nft *nft, uint32_t was, uint32_t now, uint32_t forms);
// What the rule with this tag was turned into; NULL: it was not.
struct nft_turn *nft_turn_of(const struct nft_turned *turned, const struct nft_tag *tag) must_check;
// Whether nothing was done since all was proven but to turn rules, and these do what they should wherever they were, and
// nothing else is changed there. `place`: of rules, by number. Who else has changed something is not asked.
bool nft_turned_proven(struct backend_nft *nft, const uint32_t *place) must_check;
