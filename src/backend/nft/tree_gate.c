// SPDX-License-Identifier: Apache-2.0
// Gates. Most packets are for no rule that asks for an address, and without those few rules are left. A box may hold more
// than the rule's packets: that only sends some packets the longer way. So each field is a block of values, which the
// kernel keeps in one piece, and boxes of rules that go stay. A map over several fields takes the longer the more boxes it
// has; instead of very many, a hash finds the block in which the address is.
#include "backend/nft/boxes.h"
#include "backend/nft/tree_gate.h"

#include <stdlib.h>
#include <string.h>

#define PARTS_MOST 16u     // of a box that is cut because of others
#define BLOCKS_MOST 1024u  // of a rule that comes
// The widest blocks: the networks that providers have.
#define BLOCK_BITS_4 16u
#define BLOCK_BITS_6 96u

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
static bool add_boxes(const struct nft_tree *tree, struct nft_gate *gate, struct candidates *from,
		      struct nft_filling *to)
{
	struct nft_boxes all;
	qsort(from->list.at, from->list.len, sizeof(*from->list.at), wide_first);
	for (size_t i = 0; i < from->list.len; i++)
		if (!add_box(gate, to, from->list.at[i].box, from->arena))
			return false;
	nft_filling_take(to, &all);
	if (!gate->box.len)
		vec_reserve(tree->arena, &gate->box, all.len);
	for (size_t i = gate->box.len; i < all.len; i++) {
		struct nft_box box = all.box[i];
		box.range = arena_memdup(tree->arena, box.range, gate->fields * sizeof(*box.range));
		vec_push(tree->arena, &gate->box, box);
	}
	return true;
}

// --- blocks ---

static int by_address(const void *x, const void *y)
{
	const struct algebra_range *a = ((const struct candidate *)x)->box.range,
				   *b = ((const struct candidate *)y)->box.range;
	return a->lo != b->lo ? (a->lo < b->lo ? -1 : 1) : (a->hi > b->hi) - (a->hi < b->hi);
}

// Of the candidates, by address: the first and the last block, without what earlier ones have. False: they have all.
static bool new_blocks(const struct candidate *one, unsigned bits, u128 *last_before, bool first,
		       struct algebra_range *out)
{
	*out = (struct algebra_range){one->box.range->lo >> bits, one->box.range->hi >> bits};
	if (!first && out->hi <= *last_before)
		return false;
	if (!first && out->lo <= *last_before)
		out->lo = *last_before + 1;
	*last_before = out->hi;
	return true;
}

// More than `most` are not counted.
static size_t count_blocks(const struct candidates *from, unsigned bits, size_t most)
{
	struct algebra_range some;
	u128 last = 0;
	size_t n = 0;
	for (size_t i = 0; i < from->list.len && n <= most; i++)
		if (new_blocks(&from->list.at[i], bits, &last, !i, &some))
			n += some.hi - some.lo > most ? most + 1 : (size_t)(some.hi - some.lo) + 1;
	return n;
}

static bool has_block(const struct nft_gate *gate, size_t boxes, u128 lo)
{
	for (size_t i = 0; i < boxes; i++)
		if (gate->box.at[i].range->lo == lo)
			return true;
	return false;
}

// Those that are new become the gate's.
static void add_blocks(const struct nft_tree *tree, struct nft_gate *gate,
		       const struct candidates *from)
{
	size_t before = gate->box.len;
	struct algebra_range some;
	u128 last = 0;
	for (size_t i = 0; i < from->list.len; i++) {
		if (!new_blocks(&from->list.at[i], gate->block, &last, !i, &some))
			continue;
		for (u128 k = 0; k <= some.hi - some.lo; k++) {
			struct algebra_range block = {.lo = (some.lo + k) << gate->block};
			block.hi = block.lo + (((u128)1 << gate->block) - 1);
			if (has_block(gate, before, block.lo))
				continue;
			struct nft_box box = {
				.range = arena_memdup(tree->arena, &block, sizeof(block)),
				.chain = gate->chain};
			vec_push(tree->arena, &gate->box, box);
		}
	}
}

// The smallest blocks of which there are no more than boxes.
static bool choose_blocks(const struct nft_tree *tree, struct nft_gate *gate,
			  const struct candidates *from)
{
	const struct nft_field_info *info = &nft_field_info[gate->field[0]];
	unsigned most = info->version == 4 ? BLOCK_BITS_4 : BLOCK_BITS_6;
	if (from->list.len < tree->blocks_least)
		return false;
	for (unsigned bits = 0; bits <= most; bits++)
		if (count_blocks(from, bits, from->list.len) <= from->list.len) {
			gate->fields = 1;
			gate->block = bits;
			return true;
		}
	return false;
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
			      const struct nft_node *to)
{
	struct arena scratch cleanup(arena_fini);
	struct candidates all = {.arena = &scratch};
	struct nft_gate *gate = arena_new(tree->arena, struct nft_gate);
	arena_init(&scratch);
	gate->held = nft_path_held(path);
	gate->chain = nft_node_name(to->number, tree->arena);
	choose_fields(tree, rules, path, address, gate);
	for (size_t i = 0; i < rules->len; i++)
		if (nft_gate_asks(gate, tree->rule.at[rules->at[i].rule]))
			add_candidates(gate, tree->rule.at[rules->at[i].rule], &all);
	qsort(all.list.at, all.list.len, sizeof(*all.list.at), by_address);
	if (choose_blocks(tree, gate, &all)) {
		add_blocks(tree, gate, &all);
		return gate;
	}
	struct nft_filling *filling =
		nft_filling_new(BOXES_APART, gate->field, gate->fields, &scratch);
	return add_boxes(tree, gate, &all, filling) ? gate : NULL;
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
		out->branch[i] =
			(struct nft_branch){*gate->box.at[from + i].range, gate->chain};
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
	*out = (struct nft_form){.tag = nft_tag_helper()};
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

bool nft_gate_add(const struct nft_tree *tree, struct nft_gate *gate, const struct nft_form *form)
{
	struct arena scratch cleanup(arena_fini);
	struct candidates some = {.arena = &scratch};
	arena_init(&scratch);
	add_candidates(gate, form, &some);
	if (gate->fields > 1) {
		struct nft_boxes all = boxes_from(gate, 0);
		return add_boxes(tree, gate, &some,
				 nft_filling_again(BOXES_APART, &all, &scratch));
	}
	if (some.list.len)
		qsort(some.list.at, some.list.len, sizeof(*some.list.at), by_address);
	if (count_blocks(&some, gate->block, BLOCKS_MOST) > BLOCKS_MOST)
		return false;
	add_blocks(tree, gate, &some);
	return true;
}
