// SPDX-License-Identifier: Apache-2.0
// Packets that a program judges otherwise than the policy does, for one difference after the other. Pure.
#pragma once

#include "backend/nft/packet.h"
#include "backend/nft/point.h"
#include "backend/nft/prove.h"

struct nft_stops { // by their numbers
	VEC(uint32_t) list;
};

struct nft_witnesses {
	const struct ir_ruleset *lowered;
	const struct nft_program *list, *found; // `list`: the policy as nft_compile makes it
	struct nft_some some;
	struct arena *arena;

	const struct nft_form *rule; // of the list
	size_t rules;
	struct nft_ways ways;   // of `found`
	struct nft_stops *from; // by stop: those that lead there
	uint64_t fields, dims;  // bit: that kernel rules, and the policy, ask for
	bool clock;             // somebody asks for the time
	bool gates;             // there are some (struct nft_lead)
	bool limits;            // some rule has a rate
	size_t work;            // rules and boxes that may still be looked at
};
// Zeroed but for what stands first, of `some` the time. Borrows all of it.
void nft_witnesses_init(struct nft_witnesses *witnesses);
void nft_witnesses_fini(struct nft_witnesses *witnesses);

// What a difference is about; each may be missing.
struct nft_sought {
	size_t rule;                   // of the list, NFT_MISFIT_NONE
	const struct nft_chain *chain; // of the program found: to where its packets come
	const struct nft_form *form;   // the rule there
};
// One that the policy judges by this rule, or the program by a kernel rule of it, and the other side otherwise: ir_eval says
// it of the policy, nft_trace_chain of the program, with all rates exceeded or none. It says no more than somebody asks
// for. False: none was found; that there is none is not said.
bool nft_witness_find(struct nft_witnesses *witnesses, const struct nft_sought *sought,
		      struct arena *arena, struct ir_packet *out) must_check;
// Whether a packet that comes from elsewhere is one: the same two say so of it.
bool nft_witness_shows(struct nft_witnesses *witnesses, const struct ir_packet *packet) must_check;
