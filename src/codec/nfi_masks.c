// SPDX-License-Identifier: Apache-2.0
// A set of values as values with masks, as models give MAC addresses and prefixes.
#include "codec/nfi_inner.h"

// Whether the set is all values that agree with one in some bits: then one mask says it.
static bool once(struct algebra_set set, unsigned bits, struct nfi_masked *out)
{
	u128 varying = 0, size = 0, first = set.at[0].lo;
	for (size_t i = 0; i < set.len; i++) {
		u128 span = set.at[i].hi - set.at[i].lo;
		varying |= (set.at[i].lo ^ first) | (set.at[i].hi ^ first);
		size += span + 1;
		for (unsigned bit = 0; bit < bits && (span >> bit); bit++)
			varying |= (u128)1 << bit;
	}
	unsigned free_bits = 0;
	for (unsigned bit = 0; bit < bits; bit++)
		free_bits += varying >> bit & 1;
	*out = (struct nfi_masked){first & ~varying, algebra_max(bits) & ~varying};
	return free_bits < 128 && size == (u128)1 << free_bits;
}

// The fewest aligned blocks of a power of two that make the range.
static void add_blocks(const struct nfi_masking *how, struct algebra_range r,
		       struct nfi_masked_list *out)
{
	for (u128 lo = r.lo; out->list.len <= how->most;) {
		u128 span = 0;
		for (unsigned bit = 0; bit < how->bits; bit++) {
			u128 wider = algebra_max(bit + 1);
			if ((lo & wider) || wider > r.hi - lo)
				break;
			span = wider;
		}
		vec_push(how->arena, &out->list,
			 (struct nfi_masked){lo, algebra_max(how->bits) & ~span});
		if (lo + span == r.hi)
			return;
		lo += span + 1;
	}
}

void nfi_mask(const struct nfi_masking *how, struct algebra_set set, struct nfi_masked_list *out)
{
	struct nfi_masked one;
	*out = (struct nfi_masked_list){0};
	if (set.len && set.len <= NFI_MASK_RANGES_MOST && once(set, how->bits, &one)) {
		vec_push(how->arena, &out->list, one);
		return;
	}
	for (size_t i = 0; i < set.len && out->list.len <= how->most; i++)
		add_blocks(how, set.at[i], out);
}
