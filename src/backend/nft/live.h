// SPDX-License-Identifier: Apache-2.0
// The policy in force as this process has put it there, so that a change costs what it touches: the rules' forms, the tree
// that they stand in, the sets that they look up.
#pragma once

#include "backend/nft/compile.h"
#include "backend/nft/counts.h"
#include "backend/nft/encode.h"
#include "backend/nft/known.h"
#include "backend/nft/overlay.h"
#include "backend/nft/reasons.h"
#include "backend/nft/spots.h"
#include "backend/nft/turned.h"

// A rule of the policy. Its number stands in the user data of its kernel rules and never changes; places do.
struct nft_live_rule {
	uint32_t number;
	uint32_t first, forms; // numbers of its rules in the tree
	uint64_t rank, end; // of the first of them; behind the last one; of no meaning without any
	bool flow;
};

struct nft_live {
	struct arena arena;
	struct backend_nft_options options;
	struct nft_program program; // the chains that rules have of their own
	struct nft_tree tree;
	VEC(struct nft_live_rule) rule; // in the policy's order
	uint32_t last, lasts;           // numbers in the tree of the rules behind them
	uint64_t end;                   // rank of the first of these
	uint32_t numbers;               // given to rules
	struct nft_counts counts;       // of kernel rules that are gone
	struct nft_waiting front;       // kernel rules that stand in no part of the tree …
	struct nft_pieces piece;        // … but in the maps in front
	size_t flow_rules;
	enum ir_verdict default_action;
	const char *prefix;         // of the generation
	struct nft_encoder encoder; // its sets
	VEC(uint32_t) leading;      // by number of a chain: how many boxes lead there
	struct nft_places places;   // of rules, in the kernel
	struct nft_known known;     // maps as they were read
	struct nft_reasons reasons; // of what is proven
	size_t grown;               // arena.total beyond which it is made anew
};

// From a ruleset that backend_nft_check has accepted; heap.
struct nft_live *nft_live_new(const struct ir_ruleset *lowered,
			      const struct backend_nft_options *options,
			      uint32_t generation) must_check;
void nft_live_free(struct nft_live *live); // NULL is fine
// The rules as they are to be, one behind the other; new ones have a number, and are not in the tree yet.
void nft_live_edit(struct nft_live *live, const struct ir_ruleset *lowered,
		   const struct backend_edit *edit, size_t edits);
// Everything that is to be in the kernel, as messages of the batch.
void nft_live_encode(struct nft_live *live, struct nft_batch *batch, const char *table);
// One chain, made and filled; an nft_chain_fn whose context is the policy.
void nft_live_encode_chain(void *live, const struct nft_chain *chain);
// The batch changes the policy: what it deletes from here on leaves its counts to the rules, and maps that it changes are
// known no more.
void nft_live_attend(struct nft_live *live, struct nft_batch *batch);
// A map leads to its chains from now on, or is a place of rules. Maps do so no more for these rules; those to whose chains
// nothing leads any more are added to `gone`.
void nft_live_leads(struct nft_live *live, const struct nft_boxes *boxes);
void nft_live_leads_no_more(struct nft_live *live, const struct nft_unled *unled,
			    struct arena *arena, struct nft_numbers *gone);
// By number: the place of the rule in the policy, NFT_NO_PLACE when it is gone.
#define NFT_NO_PLACE UINT32_MAX
const uint32_t *nft_live_places(const struct nft_live *live, struct arena *arena) must_check;
// The rules of the tree that a rule with this number, or such a tag, has; none when it is gone.
struct nft_live_forms {
	uint32_t first, forms;
};
struct nft_live_forms nft_live_forms(const struct nft_live *live, const uint32_t *places,
				     uint32_t number) must_check;
// The tag of a kernel rule says the rule's place instead of its number; not known when that is gone.
void nft_live_place(const struct nft_live *live, const uint32_t *places, struct nft_tag *tag);
