// SPDX-License-Identifier: Apache-2.0
// Sets and maps over one field as netlink messages. Single values make a hash, anything else intervals; large ones take as
// many messages as they need.
#include "backend/nft/encode.h"
#include "backend/nft/put.h"

#include <assert.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>

#define ELEMENTS_BYTES 40000u // of one message; an attribute holds 65535
#define GUARD_ROOM 8u         // values

static bool has_ranges(struct algebra_set set)
{
	for (size_t i = 0; i < set.len; i++)
		if (set.at[i].lo != set.at[i].hi)
			return true;
	return false;
}

size_t nft_map_room(size_t len)
{
	return len * 2 + 16;
}

// `room`: elements that a set of single values may hold at most.
static void encode_set(struct nft_encoder *e, const char *name, enum nft_field field,
		       uint32_t flags, size_t room, uint32_t owner)
{
	const struct nft_field_info *info = &nft_field_info[field];
	struct nlmsghdr *nlh =
		nft_batch_open(e->batch, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL, owner);
	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, e->table);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, name);
	nft_put_u32(nlh, NFTA_SET_FLAGS, flags);
	nft_put_u32(nlh, NFTA_SET_KEY_TYPE, info->type);
	nft_put_u32(nlh, NFTA_SET_KEY_LEN, info->bytes);
	if (flags & NFT_SET_MAP)
		nft_put_u32(nlh, NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT);
	nft_put_u32(nlh, NFTA_SET_ID, ++e->ids);
	if (!(flags & NFT_SET_INTERVAL)) {
		struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_SET_DESC);
		nft_put_u32(nlh, NFTA_SET_DESC_SIZE, (uint32_t)room);
		mnl_attr_nest_end(nlh, nest);
	}
	nft_batch_close(e->batch);
}

static void put_element(struct nlmsghdr *nlh, u128 key, size_t len, uint32_t flags,
			const char *chain)
{
	struct nlattr *element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	if (flags)
		nft_put_u32(nlh, NFTA_SET_ELEM_FLAGS, flags);
	nft_put_number(nlh, NFTA_SET_ELEM_KEY, key, len);
	if (chain)
		nft_put_verdict_data(nlh, NFTA_SET_ELEM_DATA, (uint32_t)NFT_GOTO, chain);
	mnl_attr_nest_end(nlh, element);
}

// Elements being written, in as many messages as they need.
struct elements {
	struct nft_encoder *encoder;
	const char *name; // of the set
	const struct nft_field_info *info;
	uint16_t type;
	bool ranges;
	uint32_t owner;
	struct nlmsghdr *nlh; // the open message, NULL: none
	struct nlattr *list;
};

static void end_elements(struct elements *e)
{
	if (!e->nlh)
		return;
	mnl_attr_nest_end(e->nlh, e->list);
	nft_batch_close(e->encoder->batch);
	e->nlh = NULL;
}

static void begin_elements(struct elements *e)
{
	uint16_t flags = e->type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE | NLM_F_EXCL : 0;
	e->nlh = nft_batch_open(e->encoder->batch, e->type, flags, e->owner);
	mnl_attr_put_strz(e->nlh, NFTA_SET_ELEM_LIST_TABLE, e->encoder->table);
	mnl_attr_put_strz(e->nlh, NFTA_SET_ELEM_LIST_SET, e->name);
	e->list = mnl_attr_nest_start(e->nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
}

// An interval is its first value and the first one behind it. Named sets want both, even where the next
// interval begins there.
static void add_range(struct elements *e, struct algebra_range r, const char *chain)
{
	const struct nft_field_info *info = e->info;
	if (e->nlh && e->nlh->nlmsg_len > ELEMENTS_BYTES)
		end_elements(e);
	if (!e->nlh)
		begin_elements(e);
	put_element(e->nlh, r.lo << info->shift, info->bytes, 0, chain);
	if (e->ranges && r.hi != algebra_max(info->bits))
		put_element(e->nlh, (r.hi + 1) << info->shift, info->bytes,
			    NFT_SET_ELEM_INTERVAL_END, NULL);
}

static void encode_values(struct nft_encoder *e, uint16_t type, const struct nft_match *match,
			  const char *name, uint32_t owner)
{
	struct elements to = {.encoder = e,
			      .name = name,
			      .info = &nft_field_info[match->field],
			      .type = type,
			      .ranges = has_ranges(match->set),
			      .owner = owner};
	for (size_t i = 0; i < match->set.len; i++)
		add_range(&to, match->set.at[i], NULL);
	end_elements(&to);
}

void nft_encode_match_set(struct nft_encoder *e, const struct nft_match *match, const char *name,
			  uint32_t owner)
{
	uint32_t ranges = has_ranges(match->set) ? NFT_SET_INTERVAL : 0u;
	encode_set(e, name, match->field, NFT_SET_CONSTANT | ranges, match->set.len, owner);
	encode_values(e, NFT_MSG_NEWSETELEM, match, name, owner);
}

void nft_encode_values(struct nft_encoder *e, uint16_t type, const char *guard,
		       const struct nft_match *values)
{
	char name[NFT_NAME];
	encode_values(e, type, values, nft_full_name(e, guard, name), NFT_NO_OWNER);
}

void nft_encode_guard(struct nft_encoder *e, const struct nft_form *form)
{
	char name[NFT_NAME];
	encode_set(e, nft_full_name(e, form->guard, name), form->match[0].field, 0, GUARD_ROOM,
		   form->tag.rule);
	nft_encode_values(e, NFT_MSG_NEWSETELEM, form->guard, &form->match[0]);
}

static void encode_branches(struct elements *to, const struct nft_map *map)
{
	char name[NFT_NAME];
	for (size_t i = 0; i < map->len; i++) {
		bool leads = to->type == NFT_MSG_NEWSETELEM && !nft_is_gate(map->name);
		const char *chain = nft_full_name(to->encoder, map->branch[i].chain, name);
		add_range(to, map->branch[i].range, leads ? chain : NULL);
	}
	end_elements(to);
}

void nft_encode_branches(struct nft_encoder *e, uint16_t type, const struct nft_map *map,
			 bool ranges, uint32_t owner)
{
	char name[NFT_NAME];
	struct elements to = {.encoder = e,
			      .name = nft_full_name(e, map->name, name),
			      .info = &nft_field_info[map->field],
			      .type = type,
			      .ranges = ranges,
			      .owner = owner};
	encode_branches(&to, map);
}

// A map with its elements.
void nft_encode_map(struct nft_encoder *e, const struct nft_map *map, uint32_t owner)
{
	char name[NFT_NAME];
	bool ranges = nft_map_block(map) == NFT_MAP_RANGES;
	uint32_t flags = nft_is_gate(map->name) ? 0u : NFT_SET_MAP;
	assert(map->field != F_STATE && map->field != F_KNOWN);
	encode_set(e, nft_full_name(e, map->name, name), map->field,
		   flags | (ranges ? NFT_SET_INTERVAL : 0u), nft_map_room(map->len), owner);
	nft_encode_branches(e, NFT_MSG_NEWSETELEM, map, ranges, owner);
}

void nft_encode_timer(struct nft_batch *batch, const char *table, const char *set, uint8_t protocol,
		      uint64_t first_ms)
{
	struct nlmsghdr *nlh =
		nft_batch_open(batch, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL, NFT_NO_OWNER);
	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, set);
	nft_put_u32(nlh, NFTA_SET_FLAGS, NFT_SET_TIMEOUT | NFT_SET_EVAL);
	nft_put_u32(nlh, NFTA_SET_KEY_TYPE, nft_field_info[F_FLOW_PROTO].type);
	nft_put_u32(nlh, NFTA_SET_KEY_LEN, 1);
	nft_put_u32(nlh, NFTA_SET_ID, 1);
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_SET_DESC);
	nft_put_u32(nlh, NFTA_SET_DESC_SIZE, 1);
	mnl_attr_nest_end(nlh, nest);
	nft_batch_close(batch);
	nlh = nft_batch_open(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, NFT_NO_OWNER);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set);
	struct nlattr *list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	struct nlattr *element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	nft_put_number(nlh, NFTA_SET_ELEM_KEY, protocol, 1);
	nft_put_u64(nlh, NFTA_SET_ELEM_TIMEOUT, first_ms);
	mnl_attr_nest_end(nlh, element);
	mnl_attr_nest_end(nlh, list);
	nft_batch_close(batch);
}
