// SPDX-License-Identifier: Apache-2.0
// One block of memory a map: for each box its ranges, one a field, and the number of the chain where it leads. A range takes
// its first value and one byte more where all ranges of the field hold 2^n values, else both of its ends. In maps that count
// there is a byte more a box, and one that decides by itself has in the chain's place what it does and whose it is.
#include "backend/nft/known.h"
#include "backend/nft/netlink.h"
#include "backend/nft/table.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

struct nft_known_map {
	struct nft_known_map *next;
	uint64_t turn; // when it was asked for
	size_t bytes;
	uint64_t number; // in its name
	uint32_t flags, key_bytes;
	uint32_t len;
	uint8_t fields; // 0: of one field
	uint8_t field_bytes[NFT_BOXES_FIELDS];
	bool block[NFT_BOXES_FIELDS];
	bool sure, counts;
	uint8_t data[];
};
#define CHAIN_BYTES 4u
#define DIRECT_BYTES 9u // what it does, rule and clause
#define NO_CHAIN UINT32_MAX
enum { LEADS, OURS = 1, ACCEPTS = 2, COUNTS = 4, DECIDES = 8 };
#define NAME_MOST 16u // of a chain

// --- names ---

// A number written as we do; what stands behind it. NULL: there is none.
static const char *number_at(const char *at, uint64_t *out)
{
	const char *first = at;
	*out = 0;
	for (; *at >= '0' && *at <= '9' && at - first < 10; at++)
		*out = *out * 10 + (uint64_t)(*at - '0');
	bool good = at != first && (*first != '0' || at == first + 1) && *out <= UINT32_MAX;
	return good ? at : NULL;
}

static bool number_of_chain(const char *name, uint32_t *out)
{
	uint64_t number = 0;
	const char *end =
		nft_is_node(name) ? number_at(name + strlen(NFT_NODE_CHAIN), &number) : NULL;
	*out = (uint32_t)number;
	return end && !*end;
}

// "g7-m12", or one of several of a leaf: "g7-m12.3"; "g7-gate12", as a node has a map or is a gate.
static bool number_of_map(const struct nft_known *known, const char *name, uint64_t *out)
{
	size_t prefix = strlen(known->prefix);
	uint64_t node = 0, one = 0;
	if (strncmp(name, known->prefix, prefix) != 0)
		return false;
	name += prefix;
	bool gate = nft_is_gate(name);
	if (!gate && strncmp(name, "-m", 2) != 0)
		return false;
	const char *end = number_at(name + (gate ? strlen(NFT_GATE_SET) : 2), &node);
	bool several = end && *end == '.';
	if (several)
		end = number_at(end + 1, &one);
	*out = node << 33 | one << 1 | several;
	return end && !*end && node < UINT32_MAX / 2;
}

static const char *chain_name(uint32_t number, struct arena *arena)
{
	char digit[NAME_MOST], *at = digit + sizeof(digit);
	do
		*--at = (char)('0' + number % 10);
	while (number /= 10);
	size_t len = (size_t)(digit + sizeof(digit) - at), prefix = strlen(NFT_NODE_CHAIN);
	char *name = arena_alloc(arena, prefix + len + 1);
	memcpy(name, NFT_NODE_CHAIN, prefix);
	memcpy(name + prefix, at, len);
	return name;
}

// --- the maps ---

static struct nft_known_map **slot_of(struct nft_known *known, uint64_t number)
{
	struct nft_known_map **at = &known->slot[(number >> 33 ^ number >> 1) % NFT_KNOWN_SLOTS];
	while (*at && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

static void drop(struct nft_known *known, struct nft_known_map **at)
{
	struct nft_known_map *map = *at;
	*at = map->next;
	known->bytes -= map->bytes;
	known->maps--;
	free(map);
}

void nft_known_settle(struct nft_known *known)
{
	for (struct nft_known_map *map = known->was, *next; map; map = next) {
		next = map->next;
		free(map);
	}
	known->was = NULL;
}

void nft_known_fini(struct nft_known *known)
{
	for (size_t i = 0; i < NFT_KNOWN_SLOTS; i++)
		while (known->slot[i])
			drop(known, &known->slot[i]);
	nft_known_settle(known);
	nft_known_chains_fini(&known->chains);
}

// All that was asked for last, at the same time, goes: looking for it takes as long as reading a few elements.
static void drop_oldest(struct nft_known *known)
{
	uint64_t oldest = UINT64_MAX;
	for (size_t i = 0; i < NFT_KNOWN_SLOTS; i++)
		for (struct nft_known_map *map = known->slot[i]; map; map = map->next)
			oldest = map->turn < oldest ? map->turn : oldest;
	for (size_t i = 0; i < NFT_KNOWN_SLOTS; i++)
		for (struct nft_known_map **at = &known->slot[i]; *at;)
			if ((*at)->turn == oldest)
				drop(known, at);
			else
				at = &(*at)->next;
}

// --- what is kept of them ---

// The branches or boxes of a map, or those of a gate's set, which lead nowhere by themselves.
static bool is_map(const struct nft_dumped_set *set)
{
	return !set->packed && !set->strange && set->worked_out && set->key_bytes;
}

// The i-th box, or branch as a box of one field.
static struct algebra_range range_of(const struct nft_dumped_set *set, size_t i, size_t field)
{
	return set->fields ? set->box.at[i].range[field] : set->branch[i].range;
}

static const char *chain_of(const struct nft_dumped_set *set, size_t i)
{
	return set->fields ? set->box.at[i].chain : set->branch[i].chain;
}

static size_t len_of(const struct nft_dumped_set *set)
{
	return set->fields ? set->box.len : set->branches;
}

static size_t fields_of(uint8_t fields)
{
	return fields ? fields : 1;
}

static bool all_blocks(const struct nft_dumped_set *set, size_t field)
{
	for (size_t i = 0; i < len_of(set); i++) {
		struct algebra_range range = range_of(set, i, field);
		u128 more = range.hi - range.lo;
		if (more & (more + 1))
			return false;
	}
	return true;
}

static size_t range_bytes(const struct nft_known_map *map, size_t field)
{
	return map->block[field] ? map->field_bytes[field] + 1u : map->field_bytes[field] * 2u;
}

static unsigned bits_of(u128 more)
{
	unsigned bits = 0;
	for (; more; more >>= 1)
		bits++;
	return bits;
}

static uint8_t *put_range(const struct nft_known_map *map, size_t field, struct algebra_range range,
			  uint8_t *at)
{
	size_t bytes = map->field_bytes[field];
	at = nft_pack(at, range.lo, bytes);
	return map->block[field] ? nft_pack(at, bits_of(range.hi - range.lo), 1)
				 : nft_pack(at, range.hi, bytes);
}

static const uint8_t *take_range(const struct nft_known_map *map, size_t field, const uint8_t *at,
				 struct algebra_range *out)
{
	size_t bytes = map->field_bytes[field];
	out->lo = nft_unpack(&at, bytes);
	if (map->block[field]) {
		unsigned more = (unsigned)nft_unpack(&at, 1);
		out->hi = out->lo + (more ? algebra_max(more) : 0);
	} else {
		out->hi = nft_unpack(&at, bytes);
	}
	return at;
}

static size_t outcome_bytes(const struct nft_known_map *map)
{
	return map->counts ? DIRECT_BYTES : CHAIN_BYTES;
}

static size_t box_bytes(const struct nft_known_map *map)
{
	size_t bytes = outcome_bytes(map);
	for (size_t f = 0; f < fields_of(map->fields); f++)
		bytes += range_bytes(map, f);
	return bytes;
}

static struct nft_known_map shape_of(const struct nft_dumped_set *set)
{
	struct nft_known_map shape = {.flags = set->flags,
				      .key_bytes = set->key_bytes,
				      .len = (uint32_t)len_of(set),
				      .fields = (uint8_t)set->fields,
				      .sure = set->sure,
				      .counts = set->counts};
	memcpy(shape.field_bytes, set->field_bytes, sizeof(shape.field_bytes));
	if (!set->fields)
		shape.field_bytes[0] = (uint8_t)set->key_bytes;
	for (size_t f = 0; f < fields_of(shape.fields); f++)
		shape.block[f] = all_blocks(set, f);
	shape.bytes = sizeof(shape) + box_bytes(&shape) * shape.len;
	return shape;
}

static uint8_t *put_direct(uint8_t *at, const struct nft_direct *direct)
{
	const struct nft_tag *tag = &direct->tag;
	at = nft_pack(at,
		      DECIDES | (tag->known ? OURS : 0u) | (direct->accepts ? ACCEPTS : 0u) |
			      (tag->counts ? COUNTS : 0u),
		      1);
	at = nft_pack(at, tag->rule, CHAIN_BYTES);
	return nft_pack(at, tag->clause, CHAIN_BYTES);
}

// NULL when it leads to a chain that is none of a tree.
static uint8_t *put_outcome(uint8_t *at, const struct nft_dumped_set *set, size_t i)
{
	const char *name = chain_of(set, i);
	uint32_t chain = NO_CHAIN;
	if (set->fields && set->box.at[i].direct)
		return put_direct(at, set->box.at[i].direct);
	if (name && !number_of_chain(name, &chain))
		return NULL;
	if (!set->counts)
		return nft_pack(at, chain, CHAIN_BYTES);
	at = nft_pack(at, LEADS, 1);
	at = nft_pack(at, chain, CHAIN_BYTES);
	return nft_pack(at, 0, CHAIN_BYTES);
}

// False when it leads to a chain that is none of a tree.
static bool fill(struct nft_known_map *map, const struct nft_dumped_set *set)
{
	uint8_t *at = map->data;
	for (size_t i = 0; i < map->len && at; i++) {
		for (size_t f = 0; f < fields_of(map->fields); f++)
			at = put_range(map, f, range_of(set, i, f), at);
		at = put_outcome(at, set, i);
	}
	return at;
}

void nft_known_put(struct nft_known *known, const struct nft_dumped_set *set)
{
	uint64_t number;
	if (!is_map(set) || !number_of_map(known, set->name, &number))
		return;
	struct nft_known_map **at = slot_of(known, number);
	if (*at)
		return;
	struct nft_known_map shape = shape_of(set);
	if (shape.bytes > NFT_KNOWN_MOST / 2)
		return;
	struct nft_known_map *map = base_oom(malloc(shape.bytes));
	*map = shape;
	map->number = number;
	map->turn = known->turn;
	if (!fill(map, set)) {
		free(map);
		return;
	}
	map->next = *at;
	*at = map;
	known->bytes += map->bytes;
	known->maps++;
	while (known->bytes > NFT_KNOWN_MOST)
		drop_oldest(known);
}

// --- what is taken of it ---

// The ranges of one box; false when it holds nothing that is wanted.
static bool take_ranges(const struct nft_known_map *map, const uint8_t *at,
			const struct algebra_set *const *wanted, struct algebra_range *out)
{
	for (size_t f = 0; f < fields_of(map->fields); f++) {
		at = take_range(map, f, at, &out[f]);
		if (wanted && !nft_wanted(&wanted[f], &out[f], 1))
			return false;
	}
	return true;
}

// Many lead to the same chain, one behind the other.
struct chains {
	struct arena *arena;
	uint32_t last;
	const char *name; // of that; NULL: none yet
};

static const char *take_chain(struct chains *c, const uint8_t *at)
{
	uint32_t number = (uint32_t)nft_unpack(&at, CHAIN_BYTES);
	if (number == NO_CHAIN)
		return NULL;
	if (!c->name || c->last != number)
		c->name = chain_name(number, c->arena);
	c->last = number;
	return c->name;
}

static const struct nft_direct *take_direct(struct nft_dumped_set *set, const uint8_t *at,
					    struct arena *arena)
{
	unsigned does = (unsigned)nft_unpack(&at, 1);
	struct nft_direct direct = {.accepts = does & ACCEPTS,
				    .tag = {.known = does & OURS, .counts = does & COUNTS}};
	direct.tag.rule = (uint32_t)nft_unpack(&at, CHAIN_BYTES);
	direct.tag.clause = (uint32_t)nft_unpack(&at, CHAIN_BYTES);
	return nft_set_direct(set, &direct, arena);
}

static void take_outcome(struct chains *chains, struct nft_dumped_set *set, const uint8_t *at,
			 struct nft_box *box)
{
	bool decides = set->counts && *at & DECIDES;
	box->direct = decides ? take_direct(set, at, chains->arena) : NULL;
	box->chain = decides ? box->direct->chain : take_chain(chains, at + set->counts);
}

bool nft_known_boxes(struct nft_dumped_set *set, const struct algebra_set *const *wanted,
		     struct arena *arena, struct nft_boxes *out)
{
	const struct nft_known_map *map = set->packed;
	struct chains chains = {.arena = arena};
	struct algebra_range range[NFT_BOXES_FIELDS];
	size_t bytes = box_bytes(map);
	VEC(struct nft_box) kept = {0};
	for (size_t i = 0; i < map->len; i++) {
		const uint8_t *at = map->data + i * bytes;
		struct nft_box box = {.range = range};
		if (!take_ranges(map, at, wanted, range))
			continue;
		box.range = arena_memdup(arena, range, map->fields * sizeof(*range));
		take_outcome(&chains, set, at + bytes - outcome_bytes(map), &box);
		vec_push(arena, &kept, box);
	}
	out->box = kept.at;
	out->len = kept.len;
	return map->sure;
}

void nft_known_branches(struct nft_dumped_set *set, const struct algebra_set *wanted,
			struct arena *arena, struct nft_map *out)
{
	const struct nft_known_map *map = set->packed;
	struct chains chains = {.arena = arena};
	size_t bytes = box_bytes(map);
	VEC(struct nft_branch) kept = {0};
	for (size_t i = 0; i < map->len; i++) {
		const uint8_t *at = map->data + i * bytes;
		struct nft_branch branch;
		if (!take_ranges(map, at, &wanted, &branch.range))
			continue;
		branch.chain = take_chain(&chains, at + bytes - outcome_bytes(map));
		vec_push(arena, &kept, branch);
	}
	out->branch = kept.at;
	out->len = kept.len;
}

static struct nft_known_map *find(struct nft_known *known, const char *name)
{
	uint64_t number;
	return number_of_map(known, name, &number) ? *slot_of(known, number) : NULL;
}

static struct nft_known_map *find_was(const struct nft_known *known, uint64_t number)
{
	struct nft_known_map *map = known->was;
	while (map && map->number != number)
		map = map->next;
	return map;
}

static struct nft_dumped_set *give(struct nft_known *known, struct nft_known_map *map,
				   const char *name, struct arena *arena)
{
	if (!map)
		return NULL;
	struct nft_dumped_set *set = arena_new(arena, struct nft_dumped_set);
	*set = (struct nft_dumped_set){.name = arena_strdup(arena, name),
				       .flags = map->flags,
				       .key_bytes = map->key_bytes,
				       .fields = map->fields,
				       .counts = map->counts,
				       .packed = map};
	memcpy(set->field_bytes, map->field_bytes, map->fields);
	map->turn = known->turn;
	known->given++;
	return set;
}

struct nft_dumped_set *nft_known_get(struct nft_known *known, const char *name, struct arena *arena)
{
	return give(known, find(known, name), name, arena);
}

bool nft_known_has(struct nft_known *known, const char *name)
{
	return find(known, name);
}

struct nft_dumped_set *nft_known_was(struct nft_known *known, const char *name, struct arena *arena)
{
	uint64_t number;
	bool named = number_of_map(known, name, &number);
	return give(known, named ? find_was(known, number) : NULL, name, arena);
}

static bool number_of_own(const struct nft_known *known, const char *name, uint32_t *out)
{
	size_t prefix = strlen(known->prefix);
	return !strncmp(name, known->prefix, prefix) && number_of_chain(name + prefix, out);
}

void nft_known_put_chain(struct nft_known *known, const struct nft_dumped_chain *chain)
{
	uint32_t number;
	if (number_of_own(known, chain->name, &number))
		nft_known_chains_put(&known->chains, number, chain);
}

bool nft_known_get_chain(struct nft_known *known, const char *name, struct arena *arena,
			 struct nft_dumped_chain *out)
{
	uint32_t number;
	return number_of_own(known, name, &number) &&
	       nft_known_chains_get(&known->chains, number, arena, out);
}

// --- what our messages change ---

// What was there before the first of them counts.
static void keep_as_was(struct nft_known *known, struct nft_known_map **at)
{
	struct nft_known_map *map = *at;
	if (find_was(known, map->number)) {
		drop(known, at);
		return;
	}
	*at = map->next;
	known->bytes -= map->bytes;
	known->maps--;
	map->next = known->was;
	known->was = map;
}

static void alter_map(struct nft_known *known, const char *name)
{
	uint64_t number;
	if (number_of_map(known, name, &number) && *slot_of(known, number))
		keep_as_was(known, slot_of(known, number));
}

static void alter_chain(struct nft_known *known, const char *name)
{
	uint32_t number;
	if (number_of_own(known, name, &number))
		nft_known_chains_drop(&known->chains, number);
}

void nft_known_alter(struct nft_known *known, const struct nlmsghdr *message)
{
	static const struct {
		unsigned type, name;
		void (*alter)(struct nft_known *known, const char *name);
	} altered[] = {{NFT_MSG_NEWSET, NFTA_SET_NAME, alter_map},
		       {NFT_MSG_DELSET, NFTA_SET_NAME, alter_map},
		       {NFT_MSG_NEWSETELEM, NFTA_SET_ELEM_LIST_SET, alter_map},
		       {NFT_MSG_DELSETELEM, NFTA_SET_ELEM_LIST_SET, alter_map},
		       {NFT_MSG_NEWCHAIN, NFTA_CHAIN_NAME, alter_chain},
		       {NFT_MSG_DELCHAIN, NFTA_CHAIN_NAME, alter_chain},
		       {NFT_MSG_NEWRULE, NFTA_RULE_CHAIN, alter_chain},
		       {NFT_MSG_DELRULE, NFTA_RULE_CHAIN, alter_chain}};
	const struct nlattr *attr;
	for (size_t i = 0; i < array_len(altered); i++)
		for (attr = (message->nlmsg_type & 0xffu) == altered[i].type
				    ? nft_message_next(message, NULL)
				    : NULL;
		     attr; attr = nft_message_next(message, attr))
			if (mnl_attr_get_type(attr) == altered[i].name)
				altered[i].alter(known, mnl_attr_get_str(attr));
}
