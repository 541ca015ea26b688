// SPDX-License-Identifier: Apache-2.0
// Gates. Most packets are for no rule that asks for an address, and without those few rules are left. A box may hold more
// than the rule's packets: that only sends some packets the longer way. So each field is a block of values, which the
// kernel keeps in one piece, and boxes of rules that go stay. A map over several fields takes the longer the more boxes it
// has; instead of very many, a hash finds the block in which the address is.
#include "backend/nft/boxes.h"
#include "backend/nft/tree_gate.h"

#include <stdlib.h>
#include <string.h>

#define PARTS_MOST 16u    // of a box that is cut because of others
#define BLOCKS_MOST 1024u // of a rule that comes
// Wider blocks would hold too many packets for which there is no rule.
#define BLOCK_BITS_4 14u
#define BLOCK_BITS_6 80u

bool nft_gate_asks(const struct nft_gate *gate, const struct nft_form *form)
{
	return nft_split_gated(form, gate->field[0], gate->held);
}

// --- a rule's boxes ---

// The smallest block that holds these values.
static struct algebra_range block_around(struct algebra_range range)
{
	u128 inside = range.lo ^ range.hi;
	for (unsigned shift = 1; shift < 128; shift *= 2)
		inside |= inside >> shift;
	return (struct algebra_range){range.lo & ~inside, range.hi | inside};
}

// All that the rule asks of the field.
static struct algebra_range asked_of(const struct nft_form *form, enum nft_field field)
{
	const struct algebra_set *set = nft_form_set(form, field);
	if (!set || !set->len)
		return (struct algebra_range){0, algebra_max(nft_field_info[field].bits)};
	return block_around((struct algebra_range){set->at[0].lo, set->at[set->len - 1].hi});
}

// A box to be added, after all that are wider: most narrow ones lie in one of these.
struct candidate {
	struct nft_box box;
	unsigned bits;
	size_t place;
};
struct candidates {
	struct arena *arena;
	VEC(struct candidate) list;
};

static unsigned bits_of(const struct algebra_range *range, size_t fields)
{
	unsigned bits = 0;
	for (size_t f = 0; f < fields; f++)
		for (u128 left = range[f].hi - range[f].lo; left; left >>= 1)
			bits++;
	return bits;
}

static void add_candidates(const struct nft_gate *gate, const struct nft_form *form,
			   struct candidates *to)
{
	const struct algebra_set *address = nft_form_set(form, gate->field[0]);
	struct algebra_range all[NFT_BOXES_FIELDS];
	for (size_t f = 1; f < gate->fields; f++)
		all[f] = asked_of(form, gate->field[f]);
	for (size_t i = 0; address && i < address->len; i++) {
		all[0] = block_around(address->at[i]);
		struct candidate one = {.bits = bits_of(all, gate->fields), .place = to->list.len};
		one.box.range = arena_memdup(to->arena, all, gate->fields * sizeof(*all));
		one.box.chain = gate->chain;
		vec_push(to->arena, &to->list, one);
	}
}

static int wide_first(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;
	if (a->bits != b->bits)
		return a->bits > b->bits ? -1 : 1;
	return a->place < b->place ? -1 : a->place > b->place;
}

// A box that would fall into many parts is one for all packets with the address.
static bool add_box(const struct nft_gate *gate, struct nft_filling *to, struct nft_box box,
		    struct arena *arena)
{
	if (nft_filling_add(to, &box, PARTS_MOST))
		return true;
	struct algebra_range *wide = arena_array(arena, struct algebra_range, gate->fields);
	wide[0] = box.range[0];
	for (size_t f = 1; f < gate->fields; f++)
		wide[f].hi = algebra_max(nft_field_info[gate->field[f]].bits);
	box.range = wide;
	return nft_filling_add(to, &box, PARTS_MOST);
}

// Those that are new become the gate's.
static bool add_boxes(struct arena *arena, struct nft_gate *gate, struct candidates *from,
		      struct nft_filling *to)
{
	struct nft_boxes all;
	qsort(from->list.at, from->list.len, sizeof(*from->list.at), wide_first);
	for (size_t i = 0; i < from->list.len; i++)
		if (!add_box(gate, to, from->list.at[i].box, from->arena))
			return false;
	nft_filling_take(to, &all);
	if (!gate->box.len)
		vec_reserve(arena, &gate->box, all.len);
	for (size_t i = gate->box.len; i < all.len; i++) {
		struct nft_box box = all.box[i];
		box.range = arena_memdup(arena, box.range, gate->fields * sizeof(*box.range));
		vec_push(arena, &gate->box, box);
	}
	return true;
}

// --- blocks ---

static int by_address(const void *x, const void *y)
{
	const struct algebra_range *a = ((const struct nft_box *)x)->range,
				   *b = ((const struct nft_box *)y)->range;
	return a->lo != b->lo ? (a->lo < b->lo ? -1 : 1) : (a->hi > b->hi) - (a->hi < b->hi);
}

// The boxes by address: the first and the last block of one, without what those before it have. False: they have all.
static bool new_blocks(const struct nft_box *box, unsigned bits, const u128 *before,
		       struct algebra_range *out)
{
	*out = (struct algebra_range){box->range->lo >> bits, box->range->hi >> bits};
	if (before && out->hi <= *before)
		return false;
	if (before && out->lo <= *before)
		out->lo = *before + 1;
	return true;
}

// More than `most` are not counted.
static size_t count_blocks(const struct nft_boxes *by_address, unsigned bits, size_t most)
{
	struct algebra_range some;
	u128 last;
	size_t n = 0;
	for (size_t i = 0; i < by_address->len && n <= most; i++)
		if (new_blocks(&by_address->box[i], bits, i ? &last : NULL, &some)) {
			n += some.hi - some.lo > most ? most + 1 : (size_t)(some.hi - some.lo) + 1;
			last = some.hi;
		}
	return n;
}

static void add_block(struct arena *arena, struct nft_gate *gate, u128 number, size_t known)
{
	struct algebra_range block = {.lo = number << gate->block};
	block.hi = block.lo + (((u128)1 << gate->block) - 1);
	for (size_t i = 0; i < known; i++)
		if (gate->box.at[i].range->lo == block.lo)
			return;
	struct nft_box box = {.range = arena_memdup(arena, &block, sizeof(block)),
			      .chain = gate->chain};
	vec_push(arena, &gate->box, box);
}

// Those that are new become the gate's.
static void add_blocks(struct arena *arena, struct nft_gate *gate,
		       const struct nft_boxes *by_address)
{
	size_t known = gate->box.len;
	struct algebra_range some;
	u128 last;
	for (size_t i = 0; i < by_address->len; i++)
		if (new_blocks(&by_address->box[i], gate->block, i ? &last : NULL, &some)) {
			for (u128 k = 0; k <= some.hi - some.lo; k++)
				add_block(arena, gate, some.lo + k, known);
			last = some.hi;
		}
}

// Instead of very many boxes the smallest blocks of which there are no more, if they are small enough.
static void take_blocks(struct nft_gate *gate, size_t least, struct arena *arena,
			struct arena *scratch)
{
	const struct nft_field_info *info = &nft_field_info[gate->field[0]];
	unsigned most = info->version == 4 ? BLOCK_BITS_4 : BLOCK_BITS_6;
	struct nft_boxes boxes = {.len = gate->box.len};
	if (boxes.len < least)
		return;
	boxes.box = arena_memdup(scratch, gate->box.at, boxes.len * sizeof(*boxes.box));
	qsort(boxes.box, boxes.len, sizeof(*boxes.box), by_address);
	for (unsigned bits = 0; bits <= most; bits++)
		if (count_blocks(&boxes, bits, boxes.len) <= boxes.len) {
			gate->fields = 1;
			gate->block = bits;
			gate->box.len = 0;
			add_blocks(arena, gate, &boxes);
			return;
		}
}

// --- gates ---

static bool some_ask(const struct nft_tree *tree, const struct nft_entries *rules,
		     const struct nft_gate *gate, enum nft_field field)
{
	for (size_t i = 0; i < rules->len; i++) {
		const struct nft_form *form = tree->rule.at[rules->at[i].rule];
		if (nft_gate_asks(gate, form) && nft_form_set(form, field))
			return true;
	}
	return false;
}

// A map finds nothing for a packet that lacks one of its fields, and has two at least.
static void choose_fields(const struct nft_tree *tree, const struct nft_entries *rules,
			  const struct nft_path *path, enum nft_field address,
			  struct nft_gate *gate)
{
	bool flow = nft_field_info[address].side == OF_FLOW;
	enum nft_field port = flow ? F_FLOW_DPORT : F_DPORT;
	gate->field[gate->fields++] = address;
	if (nft_path_fields(path) & nft_split_bit(port) && some_ask(tree, rules, gate, port))
		gate->field[gate->fields++] = port;
	if (nft_field_info[address].version == 4 || gate->fields == 1)
		gate->field[gate->fields++] = nft_field_beside(address);
}

struct nft_gate *nft_gate_new(const struct nft_tree *tree, const struct nft_entries *rules,
			      const struct nft_path *path, enum nft_field address,
			      struct arena *arena)
{
	struct arena scratch cleanup(arena_fini);
	struct candidates all = {.arena = &scratch};
	struct nft_gate *gate = arena_new(arena, struct nft_gate);
	arena_init(&scratch);
	gate->held = nft_path_held(path);
	gate->chain = "";
	choose_fields(tree, rules, path, address, gate);
	for (size_t i = 0; i < rules->len; i++)
		if (nft_gate_asks(gate, tree->rule.at[rules->at[i].rule]))
			add_candidates(gate, tree->rule.at[rules->at[i].rule], &all);
	struct nft_filling *filling =
		nft_filling_new(BOXES_APART, gate->field, gate->fields, &scratch);
	if (!add_boxes(arena, gate, &all, filling))
		return NULL;
	take_blocks(gate, tree->blocks_least, arena, &scratch);
	return gate;
}

void nft_gate_set_chain(struct nft_gate *gate, const char *chain)
{
	gate->chain = chain;
	for (size_t i = 0; i < gate->box.len; i++)
		gate->box.at[i].chain = chain;
}

static int by_range(const void *x, const void *y)
{
	const struct nft_branch *a = x, *b = y;
	return a->range.lo < b->range.lo ? -1 : a->range.lo > b->range.lo;
}

static void blocks_from(const struct nft_gate *gate, size_t from, struct arena *arena,
			struct nft_map *out)
{
	out->field = gate->field[0];
	out->len = gate->box.len - from;
	out->branch = arena_array(arena, struct nft_branch, out->len);
	for (size_t i = 0; i < out->len; i++)
		out->branch[i] = (struct nft_branch){*gate->box.at[from + i].range, gate->chain};
	if (out->len)
		qsort(out->branch, out->len, sizeof(*out->branch), by_range);
}

static struct nft_boxes boxes_from(const struct nft_gate *gate, size_t from)
{
	struct nft_boxes boxes = {.fields = gate->fields, .len = gate->box.len - from};
	boxes.box = boxes.len ? gate->box.at + from : NULL;
	memcpy(boxes.field, gate->field, sizeof(boxes.field));
	return boxes;
}

void nft_gate_form(const struct nft_gate *gate, const char *map, size_t from, struct arena *arena,
		   struct nft_form *out)
{
	*out = (struct nft_form){.chain = gate->chain, .tag = nft_tag_helper()};
	if (gate->fields == 1) {
		out->act = ACT_BRANCH;
		blocks_from(gate, from, arena, &out->map);
		out->map.name = map;
	} else {
		out->act = ACT_BOXES;
		out->boxes = boxes_from(gate, from);
		out->boxes.name = map;
	}
}

static bool add_to_blocks(const struct nft_tree *tree, struct nft_gate *gate,
			  const struct candidates *from)
{
	struct nft_boxes boxes = {.len = from->list.len};
	boxes.box = arena_array(from->arena, struct nft_box, boxes.len);
	for (size_t i = 0; i < boxes.len; i++)
		boxes.box[i] = from->list.at[i].box;
	if (boxes.len)
		qsort(boxes.box, boxes.len, sizeof(*boxes.box), by_address);
	if (count_blocks(&boxes, gate->block, BLOCKS_MOST) > BLOCKS_MOST)
		return false;
	add_blocks(tree->arena, gate, &boxes);
	return true;
}

bool nft_gate_add(const struct nft_tree *tree, struct nft_gate *gate, const struct nft_form *form)
{
	struct arena scratch cleanup(arena_fini);
	struct candidates some = {.arena = &scratch};
	arena_init(&scratch);
	add_candidates(gate, form, &some);
	if (gate->fields == 1)
		return add_to_blocks(tree, gate, &some);
	struct nft_boxes all = boxes_from(gate, 0);
	return add_boxes(tree->arena, gate, &some, nft_filling_again(BOXES_APART, &all, &scratch));
}
