// SPDX-License-Identifier: Apache-2.0
// The ways that packets take through the chains of a program: verdict maps and gotos that only lead on, jumps from which
// they come back, and the rules that they come to, each with the packets that come there. Pure.
#pragma once

#include "backend/nft/area.h"

struct nft_stop { // a chain on the way
	const struct nft_chain *chain;
	uint32_t number;
	uint32_t part;  // what a jump of the main chain leads into, from 1; 0: no jump
	bool shared;    // in several parts, which then are one
	uint32_t *lead; // the rules that only lead on, ascending
	size_t leads;
};
struct nft_ways {
	const struct nft_program *program;
	struct arena *arena;
	VEC(struct nft_stop *) stop; // by number; the first is the main chain
	struct map by_name;          // of chains
	uint32_t parts;              // numbers of parts are below
};
// The program is borrowed; without a main chain there are no stops.
void nft_ways_find(const struct nft_program *program, struct arena *arena, struct nft_ways *out);
// A rule that only leads on: to a chain of a tree, or to several.
bool nft_leads_on(const struct nft_form *form) must_check;
// Packets that match it do not come to what stands behind it, whatever becomes of them.
bool nft_takes(const struct nft_form *form) must_check;
// Where a rule that leads on leads to; NULL: nowhere, or to several.
struct nft_stop *nft_ways_to(const struct nft_ways *ways, const struct nft_form *form) must_check;

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
};
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
	// A chain that is not there, before `lost` says so of the rule that leads to it. Optional.
	void (*missing)(struct nft_walk *walk, const char *chain);
	// A rule that leads on for packets that nobody can name.
	void (*lost)(struct nft_walk *walk, const struct nft_visit *at, const char *why);
	// After a jump all packets go on, also those that some rule has taken: what was said of them stands before.
	bool all_back;
	// Whether it is of no interest which packets come to a chain that a box leads to: they are not followed there, and
	// may be let go on as if they were in no box. NULL: it always is.
	bool (*settled)(struct nft_walk *walk, const struct nft_stop *stop);
	// Then packets that a box has taken for good, to this chain, come to what is behind it, too. NULL: nobody wants to
	// know when.
	void (*again)(struct nft_walk *walk, const struct nft_visit *at, const struct nft_stop *to);
	// Rules that it looks at, ascending; NULL: all. It follows those that lead on anyway, but into no part that has
	// none of them, unless it is `home`.
	const struct nft_rule_at *only;
	size_t only_len;
	uint32_t home;
	size_t steps; // that are left
	bool over;    // there were none left
};
// Follows all packets of the area from the main chain on.
void nft_walk(struct nft_walk *walk, const struct nft_area *packets);
// What boxes on the way have taken and the walk lets go on all the same: appends it, as far as it meets the packets.
void nft_ways_taken(struct nft_walk *walk, const struct nft_visit *at,
		    const struct nft_area *packets, struct arena *arena, struct nft_areas *out);
