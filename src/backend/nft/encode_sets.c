// SPDX-License-Identifier: Apache-2.0
// Sets and maps over one field as netlink messages. Single values make a hash, anything else intervals; large ones take as
// many messages as they need.
#include "backend/nft/encode.h"

#include <assert.h>
#include <libmnl/libmnl.h>
#include <libnftnl/set.h>
#include <linux/netfilter/nf_tables.h>

#define ELEMENTS_BYTES 40000u // of one message; an attribute holds 65535
#define GUARD_ROOM 8u         // values

// --- sets ---

struct nftnl_set *nft_set_in(const char *table, const char *name)
{
	struct nftnl_set *set = base_oom(nftnl_set_alloc());
	nftnl_set_set_str(set, NFTNL_SET_TABLE, table);
	nftnl_set_set_str(set, NFTNL_SET_NAME, name);
	return set;
}

void nft_write_set(struct nft_batch *batch, uint16_t type, uint16_t flags, uint32_t owner,
		   struct nftnl_set *set)
{
	nftnl_set_nlmsg_build_payload(nft_batch_open(batch, type, flags, owner), set);
	nft_batch_close(batch);
	nftnl_set_free(set);
}

// --- elements ---

static void begin(struct nft_elements *e)
{
	uint16_t flags = e->type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE | NLM_F_EXCL : 0;
	e->open = nft_batch_open(e->batch, e->type, flags, e->owner);
	mnl_attr_put_strz(e->open, NFTA_SET_ELEM_LIST_TABLE, e->table);
	mnl_attr_put_strz(e->open, NFTA_SET_ELEM_LIST_SET, e->set);
	e->list = mnl_attr_nest_start(e->open, NFTA_SET_ELEM_LIST_ELEMENTS);
}

void nft_elements_end(struct nft_elements *e)
{
	if (!e->open)
		return;
	mnl_attr_nest_end(e->open, e->list);
	nft_batch_close(e->batch);
	e->open = NULL;
}

void nft_elements_add(struct nft_elements *e, struct nftnl_set_elem *element)
{
	if (e->open && e->open->nlmsg_len >= ELEMENTS_BYTES)
		nft_elements_end(e);
	if (!e->open)
		begin(e);
	(void)nftnl_set_elem_nlmsg_build(e->open, element, NFTA_LIST_ELEM);
	nftnl_set_elem_free(element);
}

void nft_element_goto(struct nftnl_set_elem *element, const char *chain)
{
	nftnl_set_elem_set_u32(element, NFTNL_SET_ELEM_VERDICT, (uint32_t)NFT_GOTO);
	nftnl_set_elem_set_str(element, NFTNL_SET_ELEM_CHAIN, chain);
}

static struct nftnl_set_elem *element_of(u128 key, uint32_t len)
{
	uint8_t bytes[16];
	struct nftnl_set_elem *element = base_oom(nftnl_set_elem_alloc());
	nft_to_bytes(key, len, bytes);
	nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, bytes, len);
	return element;
}

// --- over one field ---

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
	struct nftnl_set *set = nft_set_in(e->table, name);
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, flags);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, info->type);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, info->bytes);
	if (flags & NFT_SET_MAP)
		nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE, NFT_DATA_VERDICT);
	nftnl_set_set_u32(set, NFTNL_SET_ID, ++e->ids);
	if (!(flags & NFT_SET_INTERVAL))
		nftnl_set_set_u32(set, NFTNL_SET_DESC_SIZE, (uint32_t)room);
	nft_write_set(e->batch, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL, owner, set);
}

// Elements over one field, being written.
struct values {
	struct nft_elements to;
	const struct nft_field_info *info;
	bool ranges;
};

static struct values values_of(struct nft_encoder *e, uint16_t type, const char *set,
			       enum nft_field field, uint32_t owner)
{
	return (struct values){.to = {.batch = e->batch,
				      .table = e->table,
				      .set = set,
				      .type = type,
				      .owner = owner},
			       .info = &nft_field_info[field]};
}

// An interval is its first value and the first one behind it. Named sets want both, even where the next
// interval begins there. `chain` NULL: it leads to none.
static void add_range(struct values *v, struct algebra_range r, const char *chain)
{
	const struct nft_field_info *info = v->info;
	struct nftnl_set_elem *first = element_of(r.lo << info->shift, info->bytes);
	if (chain)
		nft_element_goto(first, chain);
	nft_elements_add(&v->to, first);
	if (!v->ranges || r.hi == algebra_max(info->bits))
		return;
	struct nftnl_set_elem *behind = element_of((r.hi + 1) << info->shift, info->bytes);
	nftnl_set_elem_set_u32(behind, NFTNL_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
	nft_elements_add(&v->to, behind);
}

static void encode_values(struct nft_encoder *e, uint16_t type, const struct nft_match *match,
			  const char *name, uint32_t owner)
{
	struct values values = values_of(e, type, name, match->field, owner);
	values.ranges = has_ranges(match->set);
	for (size_t i = 0; i < match->set.len; i++)
		add_range(&values, match->set.at[i], NULL);
	nft_elements_end(&values.to);
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

void nft_encode_branches(struct nft_encoder *e, uint16_t type, const struct nft_map *map,
			 bool ranges, uint32_t owner)
{
	char name[NFT_NAME], chain[NFT_NAME];
	bool leads = type == NFT_MSG_NEWSETELEM && !nft_is_gate(map->name);
	struct values values =
		values_of(e, type, nft_full_name(e, map->name, name), map->field, owner);
	values.ranges = ranges;
	for (size_t i = 0; i < map->len; i++)
		add_range(&values, map->branch[i].range,
			  leads ? nft_full_name(e, map->branch[i].chain, chain) : NULL);
	nft_elements_end(&values.to);
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

void nft_encode_timer(struct nft_batch *batch, const char *table, const char *name,
		      uint8_t protocol, uint64_t first_ms)
{
	struct nftnl_set *set = nft_set_in(table, name);
	struct nft_elements to = {.batch = batch,
				  .table = table,
				  .set = name,
				  .type = NFT_MSG_NEWSETELEM,
				  .owner = NFT_NO_OWNER};
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, NFT_SET_TIMEOUT | NFT_SET_EVAL);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, nft_field_info[F_FLOW_PROTO].type);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, 1);
	nftnl_set_set_u32(set, NFTNL_SET_ID, 1);
	nftnl_set_set_u32(set, NFTNL_SET_DESC_SIZE, 1);
	nft_write_set(batch, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL, NFT_NO_OWNER, set);
	struct nftnl_set_elem *element = element_of(protocol, 1);
	nftnl_set_elem_set_u64(element, NFTNL_SET_ELEM_TIMEOUT, first_ms);
	nft_elements_add(&to, element);
	nft_elements_end(&to);
}
