// SPDX-License-Identifier: Apache-2.0
// Between the files that choose how a list of rules is told apart.
#pragma once

#include "backend/nft/tree.h"

// What the rules of a list ask of a field: ranges of its values, ascending by where they begin, each once.
struct nft_span {
	struct algebra_range range;
	size_t rules; // that ask for it
};
struct nft_spans {
	enum nft_field field;
	struct algebra_range known; // of the field on this way; the spans are within
	struct nft_span *at;
	size_t len, asked; // spans; ranges that they are made of
	size_t others;     // rules that do not ask for the field
};
// False when no rule asks for the field.
bool nft_spans_init(const struct nft_splitting *s, enum nft_field field, struct algebra_range known,
		    struct nft_spans *out) must_check;
void nft_spans_fini(struct nft_spans *spans);

// What a packet takes behind a split (of the field of the spans) until some rule decides it: each rule has the same
// traffic, evenly over its values, and a list costs what lists of its length usually do. False: too many copies of rules.
bool nft_split_weigh(const struct nft_splitting *s, const struct nft_spans *spans,
		     const struct nft_split *split, double *ns_out) must_check;
// Of so many rules, one after the other.
double nft_rules_ns(size_t rules) must_check;

// The blocks of one size that tell the rules apart best. False when there are none that do.
bool nft_blocks_choose(const struct nft_splitting *s, const struct nft_spans *spans,
		       struct arena *arena, struct nft_split *out, double *ns_out) must_check;
