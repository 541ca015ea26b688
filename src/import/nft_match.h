// SPDX-License-Identifier: Apache-2.0
// Matches of nftables as sets of packets.
#pragma once

#include "import/flatten.h"
#include "import/nft_field.h"

// What is not about headers and must hold, as one list that many alternatives share. `serial` orders them as they came.
struct nft_opaques {
	unsigned serial;
	struct ir_opaque *at;
	size_t len;
};

// Packets that a rule can match: a clause, and what else must hold for it. NULL: nothing else.
struct nft_alternative {
	struct ir_clause clause;
	const struct nft_opaques *opaques;
};
struct nft_alternatives {
	VEC(struct nft_alternative) list;
};

struct nft_matcher {
	struct nft_reader reader;
	const struct nft_table *table;
	struct arena *arena;
	struct map seen; // texts of conditions that differ from time to time, to their counts
	unsigned serials;
	const struct nft_opaques *last_from, *last_to; // the list that was extended last
	const char *last_text;
	const char *gap; // set when the last match is not modelled, or not wholly
	bool over;       // more alternatives than anybody can use
};

// Narrows every alternative of `state` to the packets that the match matches.
void nft_match_apply(struct nft_matcher *m, const struct nft_stmt *stmt,
		     struct nft_alternatives *state);
// The alternatives under which each verdict of a verdict map is taken.
struct nft_way {
	const struct nft_expr *decision;
	struct nft_alternatives state;
};
struct nft_ways {
	VEC(struct nft_way) list;
	bool whole; // false: there may be verdicts that are not in the list
};
void nft_vmap_apply(struct nft_matcher *m, const struct nft_stmt *stmt,
		    const struct nft_alternatives *state, struct nft_ways *out);
// A condition of which only the text is known. `varies`: another rule's condition of this text is another condition.
void nft_opaque_apply(struct nft_matcher *m, const char *text, bool varies,
		      struct nft_alternatives *state);
// What reading these fields says about the packet.
void nft_implied_apply(struct nft_matcher *m, const struct nft_expr *expr,
		       struct nft_alternatives *state);
void nft_narrow(struct nft_matcher *m, enum ir_dim dim, u128 value, struct nft_alternatives *state);

// --- nft_place.c ---

// Where a set of a field's numbers goes.
struct nft_placing {
	struct nft_matcher *m;
	const struct nft_field *field;
	struct algebra_set set; // of the field's numbers
	const char *text;       // of the whole match
	struct nft_alternatives *out;
};
// Adds to `out` the packets of `from` whose field is in the set.
void nft_place(struct nft_placing *placing, const struct nft_alternatives *from);
// The states of connections: nft's bit, the IR's number.
struct nft_state {
	unsigned bit, state;
};
extern const struct nft_state nft_state[];
extern const size_t nft_states;
void nft_add(struct nft_matcher *m, struct nft_alternatives *to, struct nft_alternative one);
bool nft_narrow_one(struct nft_matcher *m, struct nft_alternative *one, enum ir_dim dim,
		    u128 value) must_check;
const struct nft_opaques *nft_extend(struct nft_matcher *m, const struct nft_opaques *from,
				     const char *text, bool negated) must_check;
