// SPDX-License-Identifier: Apache-2.0
#include "backend/nft/hull.h"
#include "backend/nft/tree.h"

enum nft_kind nft_form_kind(const struct nft_form *form)
{
	for (size_t i = 0; i < form->len; i++)
		if (nft_field_info[form->match[i].field].side == OF_FLOW)
			return NFT_KIND_FLOW;
	return form->len && !nft_form_needs_no_flow(form) ? NFT_KIND_PACKET : NFT_KIND_ANY;
}

// The first 32 bits of the field's values, from the lowest to the highest; false when the rule does not ask.
static bool hull_in(const struct nft_form *form, enum nft_field field, uint32_t *out)
{
	const struct algebra_set *set = nft_form_set(form, field);
	unsigned bits = nft_field_info[field].bits, shift = bits > 32 ? bits - 32 : 0;
	if (!set || !set->len)
		return false;
	out[0] = (uint32_t)(set->at[0].lo >> shift);
	out[1] = (uint32_t)(set->at[set->len - 1].hi >> shift);
	return true;
}

static void hull_of_version(const struct nft_form *form, uint8_t version, enum nft_field src,
			    enum nft_field dst, struct nft_hull *hull)
{
	if (hull_in(form, src, hull->src))
		hull->version = version;
	if (hull_in(form, dst, hull->dst))
		hull->version = version;
}

struct nft_hull nft_hull_of(const struct nft_form *form)
{
	struct nft_hull hull = {.src = {0, UINT32_MAX},
				.dst = {0, UINT32_MAX},
				.port = {0, UINT16_MAX},
				.proto = {0, UINT8_MAX}};
	bool flow = nft_form_kind(form) == NFT_KIND_FLOW;
	uint32_t in[2];
	hull.kind = (uint8_t)nft_form_kind(form);
	if (flow) {
		hull_of_version(form, 4, F_FLOW_SRC4, F_FLOW_DST4, &hull);
		hull_of_version(form, 6, F_FLOW_SRC6, F_FLOW_DST6, &hull);
	} else {
		hull_of_version(form, 4, F_SRC4, F_DST4, &hull);
		hull_of_version(form, 6, F_SRC6, F_DST6, &hull);
	}
	if (hull_in(form, flow ? F_FLOW_DPORT : F_DPORT, in)) {
		hull.port[0] = (uint16_t)in[0];
		hull.port[1] = (uint16_t)in[1];
	}
	if (hull_in(form, flow ? F_FLOW_PROTO : F_PROTO, in)) {
		hull.proto[0] = (uint8_t)in[0];
		hull.proto[1] = (uint8_t)in[1];
	}
	return hull;
}

bool nft_hull_widen(struct nft_hull *hull, const struct nft_hull *by)
{
	if (hull->version != by->version || hull->kind != by->kind)
		return false;
	hull->src[0] = by->src[0] < hull->src[0] ? by->src[0] : hull->src[0];
	hull->src[1] = by->src[1] > hull->src[1] ? by->src[1] : hull->src[1];
	hull->dst[0] = by->dst[0] < hull->dst[0] ? by->dst[0] : hull->dst[0];
	hull->dst[1] = by->dst[1] > hull->dst[1] ? by->dst[1] : hull->dst[1];
	hull->port[0] = by->port[0] < hull->port[0] ? by->port[0] : hull->port[0];
	hull->port[1] = by->port[1] > hull->port[1] ? by->port[1] : hull->port[1];
	hull->proto[0] = by->proto[0] < hull->proto[0] ? by->proto[0] : hull->proto[0];
	hull->proto[1] = by->proto[1] > hull->proto[1] ? by->proto[1] : hull->proto[1];
	return true;
}

bool nft_hulls_apart(const struct nft_hull *a, const struct nft_hull *b)
{
	bool said = (a->version != 0) & (b->version != 0),
	     away = (a->version != b->version) | (a->src[0] > b->src[1]) | (b->src[0] > a->src[1]) |
		    (a->dst[0] > b->dst[1]) | (b->dst[0] > a->dst[1]),
	     other = (a->port[0] > b->port[1]) | (b->port[0] > a->port[1]) |
		     (a->proto[0] > b->proto[1]) | (b->proto[0] > a->proto[1]);
	return (a->kind == b->kind) & ((said & away) | other);
}
