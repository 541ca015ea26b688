// SPDX-License-Identifier: Apache-2.0
// Whether on its way to a rule of a program a packet meets one that the list has behind it. Pure.
#pragma once

#include "backend/nft/decided.h"
#include "backend/nft/ways.h"

struct nft_stand { // where a rule of the list stands in the program
	struct nft_rule_at spot;
	size_t rule;
};
struct nft_jump_index;

struct nft_later {
	const struct nft_ways *ways;
	const struct nft_form *rule; // of the list
	size_t rules;
	struct arena *arena;
	struct nft_decided *decided; // of whose rule it is asked
	size_t **is;                 // by stop and rule: the rule of the list; no index of it: none
	VEC(struct nft_stand)
	place; // of all such; once it has begun sorted by rule of the list, then as in the program
	size_t **highest;              // by stop and rule: the highest index before it, + 1
	size_t *highest_behind;        // by jump: the highest index behind it, + 1
	struct nft_jump_index *behind; // by jump
};
// When all places are known.
void nft_later_begin(struct nft_later *later);
void nft_later_fini(struct nft_later *later);
// Whether some rule that the list has behind that one stands before this place and meets the packets, but for those that
// earlier ones decide.
bool nft_later_meets(struct nft_later *later, const struct nft_visit *at,
		     const struct nft_area *packets, struct arena *arena) must_check;
