// SPDX-License-Identifier: Apache-2.0
#include "backend/nft/reasons.h"
#include "base/wire.h"

#include <stdlib.h>
#include <string.h>

#define ORDER_LEAST 65536u // more than that are put in order when they have doubled

void nft_reasons_fini(struct nft_reasons *reasons)
{
	free(reasons->at);
	*reasons = (struct nft_reasons){.known = false};
}

static int by_all(const void *x, const void *y)
{
	return memcmp(x, y, sizeof(struct nft_reason));
}

// Both are of one rule by the same other one, and become one reason.
static bool join(struct nft_reason *reason, const struct nft_reason *other)
{
	return reason->rule == other->rule && reason->by == other->by &&
	       other->by != NFT_REASON_ANY && nft_hull_widen(&reason->packets, &other->packets);
}

// Rules are proven again and again for some of their packets; what is said of one by one other is said once then.
static void put_in_order(struct nft_reasons *reasons)
{
	size_t n = 0;
	qsort(reasons->at, reasons->len, sizeof(*reasons->at), by_all);
	for (size_t i = 0; i < reasons->len; i++) {
		struct nft_reason *last = n ? &reasons->at[n - 1] : NULL;
		if (!last || (!join(last, &reasons->at[i]) && by_all(last, &reasons->at[i]) != 0))
			reasons->at[n++] = reasons->at[i];
	}
	reasons->len = reasons->sorted = n;
}

void nft_reasons_add(struct nft_reasons *reasons, struct nft_reason reason)
{
	if (reasons->len >= ORDER_LEAST && reasons->len >= 2 * reasons->sorted)
		put_in_order(reasons);
	reasons->known &= reasons->len < NFT_REASONS_MOST;
	if (!reasons->known)
		return;
	if (reasons->len == reasons->room) {
		reasons->room = reasons->room * 2 + 64;
		reasons->at = base_oom(realloc(reasons->at, reasons->room * sizeof(reason)));
	}
	reasons->at[reasons->len++] = reason;
}

static uint32_t number_of(uint32_t rule, const uint32_t *number)
{
	return rule == NFT_REASON_ANY ? rule : number[rule];
}

void nft_reasons_take(struct nft_reasons *reasons, const struct nft_reason_list *found,
		      const uint32_t *number)
{
	reasons->known &= !found->over;
	for (size_t i = 0; i < found->list.len && reasons->known; i++) {
		struct nft_reason reason = found->list.at[i];
		reason.rule = number_of(reason.rule, number);
		reason.by = number_of(reason.by, number);
		nft_reasons_add(reasons, reason);
	}
}

void nft_reasons_encode(const struct nft_reasons *reasons, struct buf *out)
{
	wire_put_u8(out, reasons->known);
	if (reasons->known)
		wire_put_bytes(out, reasons->at, reasons->len * sizeof(*reasons->at));
}

void nft_reasons_decode(struct nft_reasons *reasons, struct wire_reader *in)
{
	size_t bytes = 0;
	bool known = wire_u8(in);
	const void *at = known ? wire_bytes(in, &bytes) : NULL;
	nft_reasons_fini(reasons);
	reasons->known = known && !in->bad && bytes % sizeof(*reasons->at) == 0;
	if (!reasons->known || !bytes)
		return;
	reasons->at = base_oom(malloc(bytes));
	memcpy(reasons->at, at, bytes);
	reasons->len = reasons->room = bytes / sizeof(*reasons->at);
}

// Addresses are known by their first 32 bits.
static void narrow_address(struct nft_area *packets, struct arena *arena, enum nft_field field,
			   const uint32_t range[2])
{
	unsigned bits = nft_field_info[field].bits, shift = bits > 32 ? bits - 32 : 0;
	u128 lo = (u128)range[0] << shift, hi = (u128)range[1] << shift | (((u128)1 << shift) - 1);
	if (lo || hi != algebra_max(bits))
		nft_area_narrow(packets, arena, field, algebra_set_one(arena, lo, hi));
}

static void narrow_number(struct nft_area *packets, struct arena *arena, enum nft_field field,
			  uint32_t lo, uint32_t hi, uint32_t most)
{
	if (lo || hi != most)
		nft_area_narrow(packets, arena, field, algebra_set_one(arena, lo, hi));
}

void nft_reason_narrow(const struct nft_reason *reason, struct arena *arena,
		       struct nft_area *packets)
{
	const struct nft_hull *hull = &reason->packets;
	bool flow = hull->kind == NFT_KIND_FLOW;
	if (hull->version) {
		bool four = hull->version == 4;
		enum nft_field src = four ? F_SRC4 : F_SRC6, dst = four ? F_DST4 : F_DST6;
		if (flow) {
			src = four ? F_FLOW_SRC4 : F_FLOW_SRC6;
			dst = four ? F_FLOW_DST4 : F_FLOW_DST6;
		}
		narrow_address(packets, arena, src, hull->src);
		narrow_address(packets, arena, dst, hull->dst);
	}
	narrow_number(packets, arena, flow ? F_FLOW_DPORT : F_DPORT, hull->port[0], hull->port[1],
		      UINT16_MAX);
	narrow_number(packets, arena, flow ? F_FLOW_PROTO : F_PROTO, hull->proto[0], hull->proto[1],
		      UINT8_MAX);
}
