// SPDX-License-Identifier: Apache-2.0
// One packet, as kernel rules see it, and what becomes of it in a program. Pure.
#pragma once

#include "backend/nft/form.h"

// The raw values of a packet's fields. Without F_HEADER it has no transport header; any other field that packets of its
// version and protocol have, and this one has not, may have any value.
struct nft_point {
	uint64_t has; // bit: field
	u128 value[NFT_FIELDS];
};

static inline bool nft_point_has(const struct nft_point *point, enum nft_field field)
{
	return point->has >> field & 1;
}
void nft_point_set(struct nft_point *point, enum nft_field field, u128 value);
// The packet has a family and a protocol, and is whole: it has a transport header unless it is a later fragment.
void nft_point_of(const struct ir_packet *packet, struct arena *arena, struct nft_point *out);

struct nft_taken {                         // a rule by which a packet went on, or was decided
	const struct nft_form *form;       // where it stands
	const struct nft_form *named;      // with its tests named
	const struct algebra_range *range; // of a map: of the branch or box, one a field
};
#define NFT_TRACE_DEPTH 40u // of chains within each other; the kernel allows 16

// Zeroed but for what stands first, or as another trace has left it.
struct nft_trace {
	const struct nft_program *program;
	const struct nft_point *point;
	struct arena *arena; // for the names of tests
	bool over;           // all rates are exceeded now; else none is
	// Told of each rule that the packet comes to. `depth` says how deep that is, from 1. Optional.
	void (*sees)(struct nft_trace *trace, const struct nft_form *form, bool matches);
	void *user;

	enum nft_act end;                     // of the rule that decides; ACT_CONTINUE: none does
	const char *lost;                     // why the rest is not sure; NULL: it is
	struct nft_taken by[NFT_TRACE_DEPTH]; // the way to that rule, with it
	size_t depth;
	size_t looked; // rules and boxes
	uint64_t read; // bit: fields that were tested
	struct nft_form path;
};
// What becomes of the packet from the beginning of the chain on. A chain that is not there decides
// where a goto leads to it, and else takes nothing; either way the trace is lost. NULL: there is none, and nothing decides.
void nft_trace_chain(struct nft_trace *trace, const struct nft_chain *chain);
// The same of one rule alone. Whether it decides.
bool nft_trace_rule(struct nft_trace *trace, const struct nft_form *form);
