// SPDX-License-Identifier: Apache-2.0
// Blocks of addresses of one size: they are found by their hash, in a fraction of the time that as many ranges take. A rule
// that asks for many blocks stands behind a miss, and in those blocks that others need.
#include "backend/nft/tree_split.h"

#define ASKED_LEAST 16u  // fewer rules are told apart by ranges as well
#define SIZE_SHARE 32u   // a size is tried when one in so many rules asks for it
#define WIDE_MOST 16u    // blocks of a rule that are made for its own sake
#define BLOCKS_MOST 4u   // for each rule …
#define BLOCKS_MORE 256u // … and so many more
#define LARGE_RULES \
	3u // for each block in large trees: a transaction goes through all chains; behind gates one

struct blocks {
	struct nft_split *split;
	struct arena *arena;
	unsigned bits; // of values within a block
	size_t most;
};

// The blocks in which the range lies, behind those that are there; blocks ascend. False: too many.
static bool add(struct blocks *b, struct algebra_range range)
{
	size_t len = b->split->range.len;
	u128 more = b->bits ? algebra_max(b->bits) : 0, first = range.lo >> b->bits,
	     last = range.hi >> b->bits;
	if (len && first <= b->split->range.at[len - 1].hi >> b->bits)
		first = (b->split->range.at[len - 1].hi >> b->bits) + 1;
	if (first > last)
		return true;
	if (last - first >= b->most - len)
		return false;
	for (size_t i = 0, n = (size_t)(last - first) + 1; i < n; i++) {
		u128 lo = (first + i) << b->bits;
		vec_push(b->arena, &b->split->range, ((struct algebra_range){lo, lo | more}));
	}
	return true;
}

static unsigned zeros(u128 value)
{
	return (uint64_t)value           ? (unsigned)__builtin_ctzll((uint64_t)value)
	       : (uint64_t)(value >> 64) ? 64 + (unsigned)__builtin_ctzll((uint64_t)(value >> 64))
					 : 128;
}

// The largest size of blocks that the range is made of.
static unsigned bits_of(struct algebra_range range)
{
	unsigned lo = zeros(range.lo), hi = zeros(range.hi + 1);
	return lo < hi ? lo : hi;
}

// The blocks of rules that ask for few.
static bool make(const struct nft_splitting *s, const struct nft_spans *spans, unsigned bits,
		 struct arena *arena, struct nft_split *out)
{
	struct blocks b = {.split = out, .arena = arena, .bits = bits};
	*out = (struct nft_split){.field = spans->field, .blocks = true};
	size_t large = nft_path_held(s->path) ? spans->asked : spans->asked / LARGE_RULES;
	b.most = s->across_most ? large : BLOCKS_MOST * spans->asked + BLOCKS_MORE;
	for (size_t i = 0; i < spans->len; i++) {
		struct algebra_range r = spans->at[i].range;
		if ((r.hi >> bits) - (r.lo >> bits) < WIDE_MOST && !add(&b, r))
			return false;
	}
	return out->range.len > NFT_JUMPS_MOST;
}

static bool weigh(const struct nft_splitting *s, const struct nft_spans *spans, unsigned bits,
		  double *ns_out)
{
	struct arena arena;
	struct nft_split split;
	arena_init(&arena);
	bool good =
		make(s, spans, bits, &arena, &split) && nft_split_weigh(s, spans, &split, ns_out);
	arena_fini(&arena);
	return good;
}

bool nft_blocks_choose(const struct nft_splitting *s, const struct nft_spans *spans,
		       struct arena *arena, struct nft_split *out, double *ns_out)
{
	size_t asked[129] = {0};
	unsigned best = 129;
	double ns;
	if (!nft_field_is_address(spans->field) || spans->asked < ASKED_LEAST)
		return false;
	for (size_t i = 0; i < spans->len; i++)
		asked[bits_of(spans->at[i].range)] += spans->at[i].rules;
	for (unsigned bits = 0; bits < nft_field_info[spans->field].bits; bits++)
		if (asked[bits] * SIZE_SHARE >= spans->asked && weigh(s, spans, bits, &ns) &&
		    (best == 129 || ns < *ns_out)) {
			best = bits;
			*ns_out = ns;
		}
	return best < 129 && make(s, spans, best, arena, out);
}
