// SPDX-License-Identifier: Apache-2.0
// The ways that packets take through the chains of a program: verdict maps and gotos that only lead on, jumps from which
// they come back, and the rules that they come to, each with the packets that come there. Pure.
#pragma once

#include "backend/nft/area.h"

struct nft_box_index;

struct nft_lead { // a rule that only leads on
	uint32_t rule;
	struct nft_stop **to; // the chain, or those of its branches or boxes; NULL: is not there
	bool gate;            // nft_form_gate
	bool tried;
	const struct nft_form *
		named; // then its tests, named for the first way that led here; NULL: they have no names
	unsigned asked;              // of boxes: how often
	struct nft_box_index *index; // of them; NULL: there are few, or they are asked seldom
};
struct nft_stop { // a chain on the way
	const struct nft_chain *chain;
	uint32_t number;
	uint32_t jump; // jumps lead to it: a number, from 1; 0: none does
	uint64_t *
		below; // then, bits: the stops that packets can come to behind such a jump; NULL: all of them
	enum {
		NFT_MAY_DECIDE,
		NFT_DECIDES,
		NFT_LETS_GO
	} end;                 // whether all packets come to an end there
	struct nft_lead *lead; // ascending
	size_t leads;
	size_t settled; // walks of a later moment do not follow packets that a box leads there; SIZE_MAX: all do
};
struct nft_ways {
	const struct nft_program *program;
	struct arena *arena;
	VEC(struct nft_stop *) stop; // by number; the first is the main chain
	struct map by_name;          // of chains
	VEC(struct nft_stop *) jump; // chains to which jumps lead, by number - 1
};
// The program is borrowed; without a main chain there are no stops.
void nft_ways_find(const struct nft_program *program, struct arena *arena, struct nft_ways *out);
void nft_ways_fini(struct nft_ways *ways);
// Says of each stop when it is settled, by number; before that none ever is.
void nft_ways_settle(struct nft_ways *ways, const size_t *settled);
// A rule that only leads on: to a chain of a tree, or to several.
bool nft_leads_on(const struct nft_form *form) must_check;
// Packets that match it do not come to what stands behind it, whatever becomes of them.
bool nft_takes(const struct nft_form *form) must_check;
const struct nft_form *nft_lead_form(const struct nft_stop *stop,
				     const struct nft_lead *lead) must_check;
// To how many chains it leads, as `to` has them.
size_t nft_lead_targets(const struct nft_form *form) must_check;
// Where a jump leads to; NULL: nowhere, or it is none. And whether packets can come from there to the stop.
struct nft_stop *nft_lead_jump(const struct nft_stop *stop, const struct nft_lead *lead) must_check;
bool nft_jump_reaches(const struct nft_stop *jump, uint32_t stop) must_check;

struct nft_back { // packets that go on behind a jump
	struct arena *arena;
	struct nft_areas areas;
};
// Where a walk is: a stop, the number of the rule in it, and where it came from.
struct nft_visit {
	const struct nft_visit *from; // NULL: the walk began here
	struct nft_stop *stop;
	size_t rule;
	struct nft_back *back; // packets that come to an end go on there; NULL: they are dropped
	u128 *mark;            // of this visit, for whoever walks; 0 at first
	bool *wide;            // the packets may be more than really come here
};
// Whether other rules follow in its chain.
bool nft_more_behind(const struct nft_visit *at) must_check;
// One rule of a chain.
struct nft_rule_at {
	uint32_t stop, rule;
};

struct nft_walk {
	struct nft_ways *ways;
	void *user;
	// A rule with packets that come to it, its tests named by what is known of them. `rest` gets those that go on.
	void (*rule)(struct nft_walk *walk, const struct nft_visit *at, const struct nft_form *form,
		     const struct nft_area *packets, struct arena *arena, struct nft_areas *rest);
	// Packets at the end of a chain. Without at->back the base chain's policy drops them; else true lets them go on
	// behind the jump.
	bool (*ends)(struct nft_walk *walk, const struct nft_visit *at,
		     const struct nft_area *packets);
	// With all_back packets of which none is seen behind a box, as all are in it and it leads to a chain that decides.
	// Optional.
	void (*held)(struct nft_walk *walk, const struct nft_stop *to,
		     const struct nft_area *packets);
	// Chains that lead nowhere are not entered: who only asks which chains there are.
	bool leading_only;
	// A chain that is not there, before `lost` says so of the rule that leads to it. Optional.
	void (*missing)(struct nft_walk *walk, const char *chain);
	// A rule that leads on for packets that nobody can name, or to a chain that is not there.
	void (*lost)(struct nft_walk *walk, const struct nft_visit *at,
		     const struct nft_area *packets, const char *why);
	// After a jump all packets go on, also those that some rule has taken: what was said of them stands before. But what
	// stands in front of a tree is so little that it is told which come back.
	bool all_back;
	// What comes to chains that were settled before this moment is of no interest: packets in a box that leads there are
	// not followed, and may be let go on as if they were in no box.
	size_t now;
	// Whether it is of no interest where these packets go. NULL: it always is.
	bool (*done)(struct nft_walk *walk, const struct nft_area *packets);
	// With all_back packets that a box has taken for good, to this chain, come to what is behind it, too. NULL: nobody
	// wants to know when.
	void (*again)(struct nft_walk *walk, const struct nft_visit *at, const struct nft_stop *to);
	// Rules that it looks at, ascending; NULL: all. It follows those that lead on anyway, but jumps only to where it
	// can come to one of them.
	const struct nft_rule_at *only;
	size_t only_len;
	size_t steps;           // that are left
	bool over;              // there were none left
	struct algebra_ids met; // of the walk
};
// The first of the rules that it looks at that is not before this one.
size_t nft_walk_only(const struct nft_walk *walk, struct nft_rule_at from) must_check;
// The packets that go on behind a rule that decides some of them, or more than these, as one area: for who does not ask
// which.
void nft_walk_past(const struct nft_walk *walk, const struct nft_form *form,
		   const struct nft_area *packets, struct arena *arena, struct nft_areas *rest);
// Follows all packets of the area from the main chain on.
void nft_walk(struct nft_walk *walk, const struct nft_area *packets);
