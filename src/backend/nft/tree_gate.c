// SPDX-License-Identifier: Apache-2.0
// Gates. Most packets are for no rule that asks for an address, and without those few rules are left. A box may hold more
// than the rule's packets: that only sends some packets the longer way. So each field is a block of values, which the
// kernel keeps in one piece, and boxes of rules that go stay.
#include "backend/nft/boxes.h"
#include "backend/nft/tree_gate.h"

#include <stdlib.h>
#include <string.h>

#define PARTS_MOST 16u // of a box that is cut because of others

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
static bool add_all(const struct nft_tree *tree, struct nft_gate *gate,
		    const struct candidates *from, struct nft_filling *to)
{
	struct nft_boxes all;
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
	qsort(all.list.at, all.list.len, sizeof(*all.list.at), wide_first);
	struct nft_filling *filling =
		nft_filling_new(BOXES_APART, gate->field, gate->fields, &scratch);
	return add_all(tree, gate, &all, filling) ? gate : NULL;
}

void nft_gate_boxes(const struct nft_gate *gate, struct nft_boxes *out)
{
	*out = (struct nft_boxes){
		.fields = gate->fields, .box = gate->box.at, .len = gate->box.len};
	memcpy(out->field, gate->field, sizeof(out->field));
}

bool nft_gate_add(const struct nft_tree *tree, struct nft_gate *gate, const struct nft_form *form,
		  struct nft_boxes *more_out)
{
	struct arena scratch cleanup(arena_fini);
	struct candidates some = {.arena = &scratch};
	struct nft_boxes all;
	size_t before = gate->box.len;
	arena_init(&scratch);
	nft_gate_boxes(gate, &all);
	add_candidates(gate, form, &some);
	bool good = add_all(tree, gate, &some, nft_filling_again(BOXES_APART, &all, &scratch));
	nft_gate_boxes(gate, more_out);
	more_out->box += before;
	more_out->len -= before;
	return good;
}
