// SPDX-License-Identifier: Apache-2.0
// Reading kernel rules by running their expressions on what registers stand for: a load puts a place
// of the packet into a register, a comparison says which of its values the rule is for. So it does
// not matter in which words a rule was written (nft(8) writes others than we do). Whatever is not
// known (an expression, an attribute, a flag, an order of statements) makes the rule strange; strange
// rules are differences. Which field a place is, place.c says.
#include "backend/nft/reading.h"
#include "backend/nft/encode.h"
#include "backend/nft/overlay.h"
#include "base/wire.h"

#include <endian.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#define ATTRIBUTES 24
#define HEADER_BYTES 4u // of a transport header, which are there or it is not

void nft_strange(struct nft_reading *r, const char *why)
{
	if (!r->form->strange)
		r->form->strange = arena_strdup(r->arena, why);
}

struct algebra_set nft_values(struct arena *arena, u128 lo, u128 hi)
{
	return lo <= hi ? algebra_set_one(arena, lo, hi) : (struct algebra_set){0};
}

// What the first bytes say, as a set of the whole: each value stands for all that begin with it.
struct algebra_set nft_widened(struct arena *arena, struct algebra_set set, unsigned bits)
{
	struct algebra_builder b = {.arena = arena};
	for (size_t i = 0; i < set.len; i++)
		algebra_builder_add(&b, set.at[i].lo << bits,
				    set.at[i].hi << bits | (((u128)1 << bits) - 1));
	return algebra_builder_take(&b);
}

// --- attributes ---

u128 nft_attr_number(const struct nlattr *attr, size_t bytes)
{
	if (!attr || mnl_attr_get_payload_len(attr) != bytes || bytes > 16)
		return 0;
	const uint8_t *p = mnl_attr_get_payload(attr);
	u128 value = 0;
	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | p[i];
	return value;
}

bool nft_attr_is(const struct nlattr *attr, const char *text)
{
	size_t len = strlen(text) + 1;
	return attr && mnl_attr_get_payload_len(attr) == len &&
	       !memcmp(mnl_attr_get_payload(attr), text, len);
}

static uint32_t u32(const struct nlattr *attr)
{
	return (uint32_t)nft_attr_number(attr, 4);
}

static const char *text(struct arena *arena, const struct nlattr *attr)
{
	return attr ? arena_strndup(arena, mnl_attr_get_payload(attr),
				    mnl_attr_get_payload_len(attr))
		    : NULL;
}

// Sorts the nested attributes by type. False when there is one beyond `known`, the highest type that
// is understood here: it might change what the others mean.
static bool sort(const struct nlattr *nest, uint16_t known,
		 const struct nlattr *at[static ATTRIBUTES])
{
	const struct nlattr *attr;
	bool good = true;
	memset(at, 0, ATTRIBUTES * sizeof(*at));
	if (!nest)
		return false;
	for (attr = nft_attr_next(nest, NULL); attr; attr = nft_attr_next(nest, attr)) {
		uint16_t type = mnl_attr_get_type(attr);
		if (type <= known && type < ATTRIBUTES)
			at[type] = attr;
		else
			good = false;
	}
	return good;
}

// The bytes of NFTA_DATA_VALUE. NULL when there are none.
static const uint8_t *data_of(const struct nlattr *nest, size_t *len_out)
{
	const struct nlattr *at[ATTRIBUTES];
	if (!sort(nest, NFTA_DATA_VALUE, at) || !at[NFTA_DATA_VALUE])
		return NULL;
	*len_out = mnl_attr_get_payload_len(at[NFTA_DATA_VALUE]);
	return *len_out && *len_out <= 16 ? mnl_attr_get_payload(at[NFTA_DATA_VALUE]) : NULL;
}

static u128 number_of(const uint8_t *data, size_t len)
{
	u128 value = 0;
	for (size_t i = 0; i < len; i++)
		value = value << 8 | data[i];
	return value;
}

static size_t slots(size_t bytes)
{
	return (bytes + 3) / 4;
}

// Registers of 16 bytes are 1..4, those of 4 bytes 8..23, in the same 64 bytes.
static bool slot_of(const struct nlattr *attr, size_t *out)
{
	uint32_t n = u32(attr);
	bool large = n >= NFT_REG_1 && n <= NFT_REG_4,
	     small = n >= NFT_REG32_00 && n <= NFT_REG32_15;
	if (large || small)
		*out = large ? (n - NFT_REG_1) * 4 : n - NFT_REG32_00;
	return large || small;
}

static struct nft_reg *reg_of(struct nft_reading *r, const struct nlattr *attr)
{
	size_t slot;
	if (slot_of(attr, &slot))
		return &r->reg[slot];
	nft_strange(r, "a register that Bulwark does not use");
	r->none = (struct nft_reg){0};
	return &r->none;
}

// What stood there, even in part, is gone.
static void write_reg(struct nft_reading *r, const struct nlattr *attr, struct nft_reg value)
{
	size_t slot;
	if (!slot_of(attr, &slot) || slot + slots(value.bytes) > NFT_BOXES_SLOTS) {
		nft_strange(r, "a register that Bulwark does not use");
		return;
	}
	for (size_t i = 0; i < NFT_BOXES_SLOTS; i++)
		if (i < slot + slots(value.bytes) && i + slots(r->reg[i].bytes) > slot)
			r->reg[i] = (struct nft_reg){0};
	r->reg[slot] = value;
}

// --- loads ---

static size_t meta_bytes(uint32_t key)
{
	for (unsigned f = 0; f < NFT_FIELDS; f++)
		if (nft_field_info[f].place.source == SOURCE_META &&
		    nft_field_info[f].place.key == key)
			return nft_field_info[f].bytes;
	return 0;
}

static size_t ct_bytes(uint32_t key)
{
	for (unsigned f = 0; f < NFT_FIELDS; f++)
		if (nft_field_info[f].place.source == SOURCE_CT &&
		    nft_field_info[f].place.key == key)
			return nft_field_info[f].bytes;
	return 0;
}

static void load(struct nft_reading *r, const struct nlattr *dreg, struct nft_place place,
		 size_t bytes)
{
	if (!bytes || bytes > 16) {
		nft_strange(r, "reads something that Bulwark does not read");
		return;
	}
	write_reg(r, dreg,
		  (struct nft_reg){.loaded = true,
				   .place = place,
				   .bytes = bytes,
				   .mask = algebra_max((unsigned)bytes * 8)});
}

static void read_meta(struct nft_reading *r, const struct nlattr *data)
{
	const struct nlattr *at[ATTRIBUTES];
	if (!sort(data, NFTA_META_KEY, at))
		nft_strange(r, "an unknown attribute of meta");
	uint32_t key = u32(at[NFTA_META_KEY]);
	load(r, at[NFTA_META_DREG], (struct nft_place){SOURCE_META, (uint8_t)key, 0},
	     key < 256 ? meta_bytes(key) : 0);
}

static void read_ct(struct nft_reading *r, const struct nlattr *data)
{
	const struct nlattr *at[ATTRIBUTES];
	if (!sort(data, NFTA_CT_DIRECTION, at))
		nft_strange(r, "an unknown attribute of ct");
	uint32_t key = u32(at[NFTA_CT_KEY]);
	bool reply = at[NFTA_CT_DIRECTION] &&
		     nft_attr_number(at[NFTA_CT_DIRECTION], 1) != IP_CT_DIR_ORIGINAL;
	if (reply)
		nft_strange(r, "reads the reply direction of a flow");
	load(r, at[NFTA_CT_DREG], (struct nft_place){SOURCE_CT, (uint8_t)key, 0},
	     key < 256 ? ct_bytes(key) : 0);
}

static void read_payload(struct nft_reading *r, const struct nlattr *data)
{
	const struct nlattr *at[ATTRIBUTES];
	if (!sort(data, NFTA_PAYLOAD_LEN, at) || u32(at[NFTA_PAYLOAD_OFFSET]) > 255 ||
	    u32(at[NFTA_PAYLOAD_BASE]) > NFT_PAYLOAD_TRANSPORT_HEADER) {
		nft_strange(r, "reads a part of the payload that Bulwark does not read");
		return;
	}
	struct nft_place place = {SOURCE_PAYLOAD, (uint8_t)u32(at[NFTA_PAYLOAD_BASE]),
				  (uint8_t)u32(at[NFTA_PAYLOAD_OFFSET])};
	load(r, at[NFTA_PAYLOAD_DREG], place, u32(at[NFTA_PAYLOAD_LEN]));
}

// --- registers ---

static bool host_order(const struct nft_reg *reg)
{
	if (reg->turned || reg->bytes == 1 || reg->place.source == SOURCE_PAYLOAD)
		return false;
	for (unsigned f = 0; f < NFT_FIELDS; f++) {
		const struct nft_field_info *info = &nft_field_info[f];
		if (info->place.source == reg->place.source && info->place.key == reg->place.key)
			return info->order == HOST;
	}
	return false;
}

// Data of the kernel as the number that the register's value is compared with.
static u128 constant(const struct nft_reg *reg, const uint8_t *data, size_t len)
{
	uint8_t turned[16];
	bool turn = host_order(reg) && BYTE_ORDER == LITTLE_ENDIAN;
	for (size_t i = 0; i < len; i++)
		turned[i] = data[turn ? len - 1 - i : i];
	return number_of(turned, len);
}

static void read_bitwise(struct nft_reading *r, const struct nlattr *data)
{
	const struct nlattr *at[ATTRIBUTES];
	size_t mask_len = 0, xor_len = 0;
	bool known = sort(data, NFTA_BITWISE_OP, at);
	const uint8_t *mask = data_of(at[NFTA_BITWISE_MASK], &mask_len),
		      *flip = data_of(at[NFTA_BITWISE_XOR], &xor_len);
	const struct nft_reg *from = reg_of(r, at[NFTA_BITWISE_SREG]);
	if (!known || !mask || !flip || u32(at[NFTA_BITWISE_OP]) != NFT_BITWISE_BOOL ||
	    !from->loaded || mask_len != from->bytes || number_of(flip, xor_len)) {
		nft_strange(r, "a bit operation that Bulwark does not use");
		return;
	}
	struct nft_reg to = *from;
	to.mask &= constant(from, mask, mask_len);
	write_reg(r, at[NFTA_BITWISE_DREG], to);
}

static void read_byteorder(struct nft_reading *r, const struct nlattr *data)
{
	const struct nlattr *at[ATTRIBUTES];
	bool known = sort(data, NFTA_BYTEORDER_SIZE, at);
	const struct nft_reg *from = reg_of(r, at[NFTA_BYTEORDER_SREG]);
	bool whole = from->loaded && u32(at[NFTA_BYTEORDER_LEN]) == from->bytes &&
		     u32(at[NFTA_BYTEORDER_SIZE]) == from->bytes &&
		     from->mask == algebra_max((unsigned)from->bytes * 8);
	if (!known || !whole || !host_order(from)) {
		nft_strange(r, "a change of byte order that Bulwark does not use");
		return;
	}
	struct nft_reg to = *from;
	to.turned = true;
	write_reg(r, at[NFTA_BYTEORDER_DREG], to);
}

// Statements stand in one order only, each once.
static void advance(struct nft_reading *r, enum nft_stage to)
{
	if (r->stage >= to)
		nft_strange(r, "statements in an order that Bulwark does not use");
	r->stage = to;
}

// --- tests ---

static void add_test(struct nft_reading *r, const struct nft_reg *reg, struct algebra_set set)
{
	if (!reg->loaded)
		nft_strange(r, "compares what was not read");
	else if (r->stage != STAGE_MATCH || r->tests == NFT_TESTS_MOST)
		nft_strange(r, "a test behind a statement");
	else
		r->test[r->tests++] = (struct nft_test){*reg, set};
}

static bool compared(struct arena *arena, enum nft_cmp_ops op, u128 v, u128 max,
		     struct algebra_set *out)
{
	switch (op) {
	case NFT_CMP_EQ:
		*out = nft_values(arena, v, v);
		return true;
	case NFT_CMP_NEQ:
		*out = algebra_set_complement(arena, nft_values(arena, v, v), max);
		return true;
	case NFT_CMP_LT:
		*out = v ? nft_values(arena, 0, v - 1) : (struct algebra_set){0};
		return true;
	case NFT_CMP_LTE:
		*out = nft_values(arena, 0, v);
		return true;
	case NFT_CMP_GT:
		*out = v < max ? nft_values(arena, v + 1, max) : (struct algebra_set){0};
		return true;
	case NFT_CMP_GTE:
		*out = nft_values(arena, v, max);
		return true;
	}
	return false;
}

static void read_cmp(struct nft_reading *r, const struct nlattr *data)
{
	const struct nlattr *at[ATTRIBUTES];
	size_t len = 0;
	bool known = sort(data, NFTA_CMP_DATA, at);
	const uint8_t *bytes = data_of(at[NFTA_CMP_DATA], &len);
	const struct nft_reg *reg = reg_of(r, at[NFTA_CMP_SREG]);
	enum nft_cmp_ops op = u32(at[NFTA_CMP_OP]);
	bool by_size = op != NFT_CMP_EQ && op != NFT_CMP_NEQ;
	bool masked = reg->loaded && reg->mask != algebra_max((unsigned)reg->bytes * 8);
	struct algebra_set set;
	if (!known || !bytes || len > reg->bytes || (len < reg->bytes && masked) ||
	    (host_order(reg) && (by_size || len < reg->bytes)) ||
	    !compared(r->arena, op, constant(reg, bytes, len), algebra_max((unsigned)len * 8),
		      &set)) {
		nft_strange(r, "a comparison that Bulwark does not use");
		return;
	}
	add_test(r, reg,
		 len < reg->bytes ? nft_widened(r->arena, set, (unsigned)(reg->bytes - len) * 8)
				  : set);
}

static void read_range(struct nft_reading *r, const struct nlattr *data)
{
	const struct nlattr *at[ATTRIBUTES];
	size_t from_len = 0, to_len = 0;
	bool known = sort(data, NFTA_RANGE_TO_DATA, at);
	const uint8_t *from = data_of(at[NFTA_RANGE_FROM_DATA], &from_len),
		      *to = data_of(at[NFTA_RANGE_TO_DATA], &to_len);
	const struct nft_reg *reg = reg_of(r, at[NFTA_RANGE_SREG]);
	if (!known || !from || !to || from_len != reg->bytes || to_len != reg->bytes ||
	    host_order(reg) || u32(at[NFTA_RANGE_OP]) > NFT_RANGE_NEQ) {
		nft_strange(r, "a range that Bulwark does not use");
		return;
	}
	struct algebra_set set =
		nft_values(r->arena, number_of(from, from_len), number_of(to, to_len));
	if (u32(at[NFTA_RANGE_OP]) == NFT_RANGE_NEQ)
		set = algebra_set_complement(r->arena, set, algebra_max((unsigned)reg->bytes * 8));
	add_test(r, reg, set);
}

static void read_timer(struct nft_reading *r, const struct nft_reg *reg, const char *name)
{
	bool proto =
		reg->loaded && reg->place.source == SOURCE_CT && reg->place.key == NFT_CT_PROTOCOL;
	if (!proto || r->stage != STAGE_MATCH)
		nft_strange(r, "looks up a set that changes");
	r->form->named_set = name;
	r->stage = STAGE_TIMER;
}

// Whether it is an address without its last bits.
static bool is_masked(const struct nft_reg *reg)
{
	u128 last = algebra_max((unsigned)reg->bytes * 8) & ~reg->mask;
	for (unsigned f = 0; f < NFT_FIELDS && last && !(last & (last + 1)) && reg->mask; f++) {
		const struct nft_field_info *info = &nft_field_info[f];
		if (nft_field_is_address((enum nft_field)f) &&
		    info->place.source == reg->place.source && info->place.key == reg->place.key &&
		    info->place.offset == reg->place.offset && info->bytes == reg->bytes)
			return true;
	}
	return false;
}

// Branches of masked values as blocks of values; those that no masked value comes to go.
static void unmask(struct nft_reading *r, struct nft_reg *reg, struct nft_map *map)
{
	struct nft_branch *to = arena_array(r->arena, struct nft_branch, map->len);
	u128 last = algebra_max((unsigned)reg->bytes * 8) & ~reg->mask;
	size_t n = 0;
	for (size_t i = 0; i < map->len; i++) {
		struct algebra_range range = map->branch[i].range;
		bool begins = !(range.lo & last);
		if (!begins && (range.lo | last) >= range.hi)
			continue;
		to[n++] = (struct nft_branch){
			{begins ? range.lo : (range.lo | last) + 1, range.hi | last},
			map->branch[i].chain};
	}
	map->branch = to;
	map->len = n;
	reg->mask |= last;
}

// What is found is where the packet goes; in the set of a gate, that it goes where the rule leads. A set that changes by
// itself is none.
static bool finds_way(const struct nft_dumped_set *set, const struct nlattr *const *at)
{
	bool changes = set->flags & (NFT_SET_TIMEOUT | NFT_SET_EVAL);
	return !u32(at[NFTA_LOOKUP_FLAGS]) && !changes &&
	       (set->flags & NFT_SET_MAP ? u32(at[NFTA_LOOKUP_DREG]) == NFT_REG_VERDICT
					 : !at[NFTA_LOOKUP_DREG]);
}

static const struct algebra_set *near_values(const struct nft_reading *r, const struct nft_reg *reg)
{
	const struct nft_near *near = r->decoder->near;
	return near ? near->values(near->packets, reg) : NULL;
}

// A map and the chains that it leads to are of the rule's generation: then their names say all.
static void read_branch(struct nft_reading *r, struct nft_dumped_set *map,
			const struct nft_reg *reg, const struct nlattr *const *at)
{
	const char *prefix = r->decoder->prefix;
	size_t len = strlen(prefix);
	advance(r, at[NFTA_LOOKUP_DREG] ? STAGE_END : STAGE_GATE);
	r->form->act = ACT_BRANCH;
	if (!map || map->strange || !finds_way(map, at) || !reg->loaded ||
	    map->key_bytes != reg->bytes) {
		nft_strange(r,
			    map && map->strange ? map->strange : "a map that Bulwark does not use");
	} else if (strncmp(map->name, prefix, len) != 0 || map->name[len] != '-') {
		nft_strange(r, "a map of another generation");
	} else if (host_order(reg)) {
		nft_strange(r, "a map of numbers in host order");
	} else {
		r->form->map = (struct nft_map){.field = NFT_FIELDS, .name = map->name + len};
		struct nft_reg *read = arena_memdup(r->arena, reg, sizeof(*reg));
		nft_map_branches(map, prefix, near_values(r, read), r->arena, &r->form->map);
		if (is_masked(read))
			unmask(r, read, &r->form->map);
		r->form->map.reg = read;
	}
}

// The registers of the fields one behind the other; false when they are not what was loaded.
static bool regs_of(const struct nft_reading *r, const struct nlattr *sreg,
		    const struct nft_dumped_set *map, struct nft_reg out[static NFT_BOXES_FIELDS])
{
	size_t slot = 0;
	if (!slot_of(sreg, &slot))
		return false;
	for (size_t f = 0; f < map->fields; f++) {
		const struct nft_reg *reg = slot < NFT_BOXES_SLOTS ? &r->reg[slot] : &r->none;
		if (!reg->loaded || reg->bytes != map->field_bytes[f] || host_order(reg) ||
		    reg->mask != algebra_max((unsigned)reg->bytes * 8))
			return false;
		out[f] = *reg;
		slot += slots(reg->bytes);
	}
	return true;
}

static bool is_transport(const struct nft_reg *reg)
{
	return reg->place.source == SOURCE_PAYLOAD &&
	       reg->place.key == NFT_PAYLOAD_TRANSPORT_HEADER;
}

static bool is_whole(const struct algebra_set set, unsigned bits)
{
	return set.len == 1 && !set.at[0].lo && set.at[0].hi == algebra_max(bits);
}

// Whoever has a transport header has the four bytes where ports would be: where each value of them will do, whatever the
// protocol, they are not asked for.
static bool says_nothing(const struct nft_reading *r, const struct nft_reg *reg,
			 struct algebra_range range)
{
	const struct nft_field_info *header = &nft_field_info[F_HEADER];
	bool has = false;
	for (size_t i = 0; i < r->tests; i++)
		has |= is_transport(&r->test[i].reg) &&
		       r->test[i].reg.place.offset == header->place.offset &&
		       r->test[i].reg.bytes == header->bytes &&
		       is_whole(r->test[i].set, header->bits);
	return has && is_transport(reg) && reg->place.offset + reg->bytes <= HEADER_BYTES &&
	       !range.lo && range.hi == algebra_max((unsigned)reg->bytes * 8);
}

// A box of a map in front is like a rule with the tests of the one that looks it up, and one for each field.
static void read_piece(const struct nft_reading *look_up, const struct nft_box *box,
		       const struct nft_reg *reg, size_t fields, struct nft_form *out)
{
	struct nft_test test[NFT_TESTS_MOST + NFT_BOXES_FIELDS];
	struct nft_reading r = *look_up;
	memcpy(test, look_up->test, look_up->tests * sizeof(*test));
	*out = nft_direct_form(box->direct);
	out->handle = look_up->form->handle;
	r.form = out;
	r.test = test;
	for (size_t f = 0; f < fields; f++)
		if (!says_nothing(look_up, &reg[f], box->range[f]))
			test[r.tests++] = (struct nft_test){
				reg[f], nft_values(r.arena, box->range[f].lo, box->range[f].hi)};
	nft_name_tests(&r);
}

static void read_pieces(struct nft_reading *r, const struct nft_reg *reg)
{
	struct nft_boxes *boxes = &r->form->boxes;
	boxes->piece = arena_array(r->arena, struct nft_form, boxes->len);
	for (; boxes->pieces < boxes->len; boxes->pieces++)
		read_piece(r, &boxes->box[boxes->pieces], reg, boxes->fields,
			   &boxes->piece[boxes->pieces]);
	boxes->len = 0;
	boxes->counts = true;
}

static bool is_front(const struct nft_dumped_set *map, const char *prefix)
{
	const char *name = nft_chain_within(prefix, map->name);
	return map->counts && !strncmp(name, NFT_OVERLAY_NAME, strlen(NFT_OVERLAY_NAME));
}

static void read_boxes(struct nft_reading *r, struct nft_dumped_set *map,
		       const struct nlattr *const *at)
{
	const char *prefix = r->decoder->prefix;
	size_t len = strlen(prefix);
	struct nft_reg reg[NFT_BOXES_FIELDS];
	const struct algebra_set *wanted[NFT_BOXES_FIELDS];
	bool front = is_front(map, prefix);
	if (front && r->stage != STAGE_MATCH)
		nft_strange(r, "does more than to look up rules");
	advance(r, at[NFTA_LOOKUP_DREG] ? STAGE_END : STAGE_GATE);
	r->form->act = ACT_BOXES;
	if (map->strange || !finds_way(map, at) || !regs_of(r, at[NFTA_LOOKUP_SREG], map, reg)) {
		nft_strange(r, map->strange ? map->strange : "a map that Bulwark does not use");
	} else if (strncmp(map->name, prefix, len) != 0 || map->name[len] != '-') {
		nft_strange(r, "a map of another generation");
	} else {
		r->form->boxes = (struct nft_boxes){.name = map->name + len};
		for (size_t f = 0; f < map->fields; f++)
			wanted[f] = near_values(r, &reg[f]);
		if (!nft_map_boxes(map, prefix, r->decoder->near ? wanted : NULL, r->arena,
				   &r->form->boxes))
			nft_strange(r, "a map whose boxes overlap where kernels differ");
		if (front)
			read_pieces(r, reg);
		else
			r->form->boxes.reg = arena_memdup(r->arena, reg, sizeof(reg));
	}
}

static void read_lookup(struct nft_reading *r, const struct nlattr *data)
{
	const struct nlattr *at[ATTRIBUTES];
	bool known = sort(data, NFTA_LOOKUP_FLAGS, at);
	const char *name = text(r->arena, at[NFTA_LOOKUP_SET]);
	struct nft_dumped_set *set = name ? map_get(r->decoder->sets, name) : NULL;
	const struct nft_reg *reg = reg_of(r, at[NFTA_LOOKUP_SREG]);
	uint32_t flags = u32(at[NFTA_LOOKUP_FLAGS]);
	if (set)
		set->used = true;
	bool gate = set && nft_is_gate(nft_chain_within(r->decoder->prefix, set->name)),
	     way = gate || at[NFTA_LOOKUP_DREG];
	if (known && set && set->fields && way) {
		read_boxes(r, set, at);
		return;
	}
	if (known && way) {
		read_branch(r, set, reg, at);
		return;
	}
	if (known && set && !flags && set->flags & NFT_SET_TIMEOUT) {
		read_timer(r, reg, name);
		return;
	}
	if (!known || !set || set->strange || set->fields || set->key_bytes != reg->bytes ||
	    set->flags & NFT_SET_MAP || flags > NFT_LOOKUP_F_INV) {
		nft_strange(r,
			    set && set->strange ? set->strange : "a set that Bulwark does not use");
		return;
	}
	if (host_order(reg) && (set->flags & NFT_SET_INTERVAL || BYTE_ORDER == LITTLE_ENDIAN)) {
		nft_strange(r, "a set of numbers in host order");
		return;
	}
	struct algebra_set is = nft_set_values(set, r->arena);
	if (flags & NFT_LOOKUP_F_INV)
		is = algebra_set_complement(r->arena, is, algebra_max((unsigned)reg->bytes * 8));
	add_test(r, reg, is);
}

// --- statements ---

static void read_dynset(struct nft_reading *r, const struct nlattr *data)
{
	const struct nlattr *at[ATTRIBUTES];
	bool known = sort(data, NFTA_DYNSET_FLAGS, at) && !at[NFTA_DYNSET_SREG_DATA] &&
		     !at[NFTA_DYNSET_EXPR];
	const char *name = text(r->arena, at[NFTA_DYNSET_SET_NAME]);
	const struct nft_reg *reg = reg_of(r, at[NFTA_DYNSET_SREG_KEY]);
	bool same = name && r->form->named_set && !strcmp(name, r->form->named_set);
	bool proto =
		reg->loaded && reg->place.source == SOURCE_CT && reg->place.key == NFT_CT_PROTOCOL;
	if (!known || !same || !proto || u32(at[NFTA_DYNSET_OP]) != NFT_DYNSET_OP_UPDATE ||
	    u32(at[NFTA_DYNSET_FLAGS]) || r->stage != STAGE_TIMER || r->form->refresh_ms)
		nft_strange(r, "changes a set");
	r->form->refresh_ms = (uint64_t)nft_attr_number(at[NFTA_DYNSET_TIMEOUT], 8);
}

static void read_limit(struct nft_reading *r, const struct nlattr *data)
{
	const struct nlattr *at[ATTRIBUTES];
	advance(r, STAGE_LIMIT);
	if (!sort(data, NFTA_LIMIT_PAD, at) || u32(at[NFTA_LIMIT_FLAGS]) != NFT_LIMIT_F_INV ||
	    u32(at[NFTA_LIMIT_TYPE]) > NFT_LIMIT_PKT_BYTES)
		nft_strange(r, "a limit that Bulwark does not use");
	r->form->limited = true;
	r->form->limit = (struct nft_limit){
		.rate = (uint64_t)nft_attr_number(at[NFTA_LIMIT_RATE], 8),
		.unit = (uint64_t)nft_attr_number(at[NFTA_LIMIT_UNIT], 8),
		.burst = u32(at[NFTA_LIMIT_BURST]),
		.bytes = u32(at[NFTA_LIMIT_TYPE]) == NFT_LIMIT_PKT_BYTES,
	};
}

static void read_counter(struct nft_reading *r, const struct nlattr *data)
{
	const struct nlattr *at[ATTRIBUTES];
	advance(r, STAGE_COUNT);
	if (!sort(data, NFTA_COUNTER_PAD, at))
		nft_strange(r, "an unknown attribute of counter");
	r->form->packets = (uint64_t)nft_attr_number(at[NFTA_COUNTER_PACKETS], 8);
	r->form->bytes = (uint64_t)nft_attr_number(at[NFTA_COUNTER_BYTES], 8);
}

static void read_log(struct nft_reading *r, const struct nlattr *data)
{
	const struct nlattr *at[ATTRIBUTES];
	advance(r, STAGE_LOG);
	bool known = sort(data, NFTA_LOG_FLAGS, at);
	bool group = at[NFTA_LOG_GROUP] != NULL;
	if (!known || u32(at[NFTA_LOG_SNAPLEN]) || nft_attr_number(at[NFTA_LOG_QTHRESHOLD], 2) ||
	    u32(at[NFTA_LOG_FLAGS]) || (!group && u32(at[NFTA_LOG_LEVEL]) != NFT_LOGLEVEL_WARNING))
		nft_strange(r, "a log that Bulwark does not write");
	const char *prefix = text(r->arena, at[NFTA_LOG_PREFIX]);
	r->form->log = (struct nft_log){.prefix = prefix ? prefix : "",
					.to_group = group,
					.group = (uint16_t)nft_attr_number(at[NFTA_LOG_GROUP], 2)};
}

static void read_immediate(struct nft_reading *r, const struct nlattr *data)
{
	const struct nlattr *at[ATTRIBUTES], *value[ATTRIBUTES], *verdict[ATTRIBUTES];
	bool gate = r->stage == STAGE_GATE;
	advance(r, STAGE_END);
	if (!sort(data, NFTA_IMMEDIATE_DATA, at) ||
	    u32(at[NFTA_IMMEDIATE_DREG]) != NFT_REG_VERDICT ||
	    !sort(at[NFTA_IMMEDIATE_DATA], NFTA_DATA_VERDICT, value) ||
	    !sort(value[NFTA_DATA_VERDICT], NFTA_VERDICT_CHAIN, verdict)) {
		nft_strange(r, "a verdict that Bulwark does not use");
		return;
	}
	static const struct {
		int code;
		enum nft_act act;
	} acts[] = {{NF_ACCEPT, ACT_ACCEPT}, {NF_DROP, ACT_DROP},  {NFT_RETURN, ACT_RETURN},
		    {NFT_JUMP, ACT_JUMP},    {NFT_GOTO, ACT_GOTO}, {NFT_CONTINUE, ACT_CONTINUE}};
	for (size_t i = 0; i < array_len(acts); i++)
		if ((int)u32(verdict[NFTA_VERDICT_CODE]) == acts[i].code &&
		    (!gate || acts[i].act == ACT_GOTO)) {
			const char *chain = nft_chain_within(
				r->decoder->prefix, text(r->arena, verdict[NFTA_VERDICT_CHAIN]));
			if (gate) {
				nft_gate_lead(r->form, chain, r->arena);
				return;
			}
			r->form->act = acts[i].act;
			r->form->chain = chain;
			return;
		}
	nft_strange(r, "a verdict that Bulwark does not use");
}

static void read_reject(struct nft_reading *r, const struct nlattr *data)
{
	const struct nlattr *at[ATTRIBUTES];
	advance(r, STAGE_END);
	bool known = sort(data, NFTA_REJECT_ICMP_CODE, at);
	uint32_t type = u32(at[NFTA_REJECT_TYPE]);
	bool port = nft_attr_number(at[NFTA_REJECT_ICMP_CODE], 1) == NFT_REJECT_ICMPX_PORT_UNREACH;
	if (known && type == NFT_REJECT_TCP_RST)
		r->form->act = ACT_RESET;
	else if (known && type == NFT_REJECT_ICMPX_UNREACH && port)
		r->form->act = ACT_UNREACHABLE;
	else
		nft_strange(r, "a reject that Bulwark does not use");
}

static void read_expression(struct nft_reading *r, const struct nlattr *expression)
{
	static const struct {
		const char *name;
		void (*read)(struct nft_reading *r, const struct nlattr *data);
	} known[] = {
		{"meta", read_meta},           {"ct", read_ct},
		{"payload", read_payload},     {"bitwise", read_bitwise},
		{"byteorder", read_byteorder}, {"cmp", read_cmp},
		{"range", read_range},         {"lookup", read_lookup},
		{"dynset", read_dynset},       {"limit", read_limit},
		{"counter", read_counter},     {"log", read_log},
		{"immediate", read_immediate}, {"reject", read_reject},
	};
	const struct nlattr *at[ATTRIBUTES];
	(void)sort(expression, NFTA_EXPR_DATA, at);
	for (size_t i = 0; i < array_len(known); i++)
		if (nft_attr_is(at[NFTA_EXPR_NAME], known[i].name)) {
			known[i].read(r, at[NFTA_EXPR_DATA]);
			return;
		}
	const char *name = text(r->arena, at[NFTA_EXPR_NAME]);
	if (!r->form->strange)
		r->form->strange = arena_printf(r->arena, "the expression '%s'", name ? name : "");
}

void nft_decode_rule(const struct nft_decoder *decoder, const struct nlattr *expressions,
		     struct nft_form *form)
{
	struct nft_test test[NFT_TESTS_MOST];
	struct nft_reading r = {
		.decoder = decoder, .arena = decoder->arena, .form = form, .test = test};
	const struct nlattr *attr;
	if (expressions)
		for (attr = nft_attr_next(expressions, NULL); attr;
		     attr = nft_attr_next(expressions, attr))
			read_expression(&r, attr);
	if (r.stage == STAGE_GATE)
		nft_strange(&r, "a gate that leads nowhere");
	nft_name_tests(&r);
	if (form->named_set && !form->refresh_ms)
		nft_strange(&r, "a timer that is not refreshed");
}

bool nft_decode_count(const struct nlattr *expression, struct nft_form *form)
{
	struct nft_reading r = {.form = form, .stage = STAGE_MATCH};
	const struct nlattr *at[ATTRIBUTES];
	if (!sort(expression, NFTA_EXPR_DATA, at) || !at[NFTA_EXPR_DATA] ||
	    !nft_attr_is(at[NFTA_EXPR_NAME], "counter"))
		return false;
	read_counter(&r, at[NFTA_EXPR_DATA]);
	return true;
}

void nft_decode_counter(const struct nlattr *expressions, struct nft_form *form)
{
	const struct nlattr *attr;
	if (!expressions)
		return;
	for (attr = nft_attr_next(expressions, NULL); attr; attr = nft_attr_next(expressions, attr))
		if (nft_decode_count(attr, form))
			return;
}

void nft_decode_counted(struct arena *arena, const struct nlmsghdr *message, struct nft_form *form)
{
	const struct nlattr *attr;
	for (attr = nft_message_next(message, NULL); attr; attr = nft_message_next(message, attr)) {
		if (mnl_attr_get_type(attr) == NFTA_RULE_USERDATA)
			nft_decode_tag(arena, mnl_attr_get_payload(attr),
				       mnl_attr_get_payload_len(attr), &form->tag);
		if (mnl_attr_get_type(attr) == NFTA_RULE_EXPRESSIONS)
			nft_decode_counter(attr, form);
	}
}
