// SPDX-License-Identifier: Apache-2.0
// Long leaves: consecutive rules that only ask for ranges of a few fields become one map over these fields, so that a
// packet is put to all of them at once. Each rule has a chain with what it does, to which its boxes lead from all leaves.
#include "backend/nft/boxes.h"
#include "backend/nft/tree.h"

#include <string.h>

#define CORNERS_MOST 8u // boxes of one rule, and parts into which one is cut

struct pick {
	const struct nft_tree *tree;
	const struct nft_node *leaf;
	const struct nft_entry *at;
	size_t len;
	struct arena *arena;
	enum nft_field field[NFT_BOXES_FIELDS];
	size_t fields;
	size_t open[NFT_FIELDS]; // rules that do not ask for the field
	bool cut[NFT_FIELDS];    // some rule asks for what is no prefix
};

static const struct algebra_set *set_of(const struct pick *p, struct nft_entry entry,
					enum nft_field field)
{
	uint32_t bit;
	return nft_entry_set(p->tree, entry, field, &bit);
}

static bool is_address_or_port(enum nft_field field)
{
	enum ir_dim dim = nft_field_info[field].dim;
	return dim == IR_SRC4 || dim == IR_DST4 || dim == IR_SRC6 || dim == IR_DST6 ||
	       dim == IR_SPORT || dim == IR_DPORT;
}

// A map finds nothing for a packet that lacks one of its fields.
static bool may_be_axis(const struct nft_node *leaf, enum nft_field field)
{
	return is_address_or_port(field) && nft_boxes_field(field) &&
	       leaf->has & nft_split_bit(field);
}

// How many boxes the rule is; 0: it is none.
static size_t boxes_of(const struct nft_tree *tree, const struct nft_node *leaf,
		       struct nft_entry entry)
{
	const struct nft_form *form = tree->rule.at[entry.rule];
	size_t n = 1;
	if (!nft_form_decides(form))
		return 0;
	for (size_t i = 0; i < form->len; i++) {
		if (!(entry.left >> i & 1))
			continue;
		if (!may_be_axis(leaf, form->match[i].field))
			return 0;
		n *= form->match[i].set.len;
		if (n > CORNERS_MOST)
			return 0;
	}
	return n;
}

static bool is_prefix(struct algebra_range r)
{
	u128 size = r.hi - r.lo;
	return !(size & (size + 1)) && !(r.lo & size);
}

static bool add_field(struct pick *p, enum nft_field field)
{
	for (size_t f = 0; f < p->fields; f++)
		if (p->field[f] == field)
			return true;
	if (p->fields == NFT_BOXES_FIELDS)
		return false;
	p->field[p->fields++] = field;
	return true;
}

// Takes rules for as long as they are boxes over the fields that there is room for.
static void pick_rules(struct pick *p, size_t len)
{
	for (; p->len < len && boxes_of(p->tree, p->leaf, p->at[p->len]); p->len++) {
		const struct nft_form *form = p->tree->rule.at[p->at[p->len].rule];
		for (size_t i = 0; i < form->len; i++) {
			if (!(p->at[p->len].left >> i & 1))
				continue;
			if (!add_field(p, form->match[i].field))
				return;
		}
	}
}

static void weigh_fields(struct pick *p)
{
	for (size_t f = 0; f < p->fields; f++)
		for (size_t i = 0; i < p->len; i++) {
			const struct algebra_set *set = set_of(p, p->at[i], p->field[f]);
			p->open[p->field[f]] += !set;
			for (size_t k = 0; set && k < set->len; k++)
				p->cut[p->field[f]] |= !is_prefix(set->at[k]);
		}
}

static void exchange(struct pick *p, size_t a, size_t b)
{
	enum nft_field field = p->field[a];
	p->field[a] = p->field[b];
	p->field[b] = field;
}

// The kernel looks at one field after the other at those that are left: first the field that leaves the fewest. The last
// one is looked at in one step, and its ranges must be few pieces.
static void order_fields(struct pick *p)
{
	for (size_t a = 0; a < p->fields; a++)
		for (size_t b = a + 1; b < p->fields; b++)
			if (p->open[p->field[b]] < p->open[p->field[a]])
				exchange(p, a, b);
	for (size_t a = p->fields; a-- > 0;)
		if (!p->cut[p->field[a]]) {
			for (; a + 1 < p->fields; a++)
				exchange(p, a, a + 1);
			return;
		}
}

// All combinations of the rule's ranges, in any order: they lead to one chain.
static bool fill_rule(const struct pick *p, struct nft_filling *filling, struct nft_entry entry,
		      const char *chain)
{
	const struct algebra_set *set[NFT_BOXES_FIELDS];
	size_t n = boxes_of(p->tree, p->leaf, entry);
	for (size_t f = 0; f < p->fields; f++)
		set[f] = set_of(p, entry, p->field[f]);
	for (size_t i = 0; i < n; i++) {
		struct algebra_range *range =
			arena_array(p->arena, struct algebra_range, p->fields);
		size_t rest = i;
		for (size_t f = 0; f < p->fields; f++) {
			range[f] = (struct algebra_range){
				0, algebra_max(nft_field_info[p->field[f]].bits)};
			if (set[f]) {
				range[f] = set[f]->at[rest % set[f]->len];
				rest /= set[f]->len;
			}
		}
		if (!nft_filling_add(filling, &(struct nft_box){.range = range, .chain = chain},
				     CORNERS_MOST))
			return false;
	}
	return true;
}

static size_t fill(const struct pick *p, struct nft_boxes *out)
{
	struct nft_filling *filling = nft_filling_new(BOXES_ORDERED, p->field, p->fields, p->arena);
	size_t n = 0;
	// A rule of which a part did not fit stands behind the map as a whole: the part does the same.
	for (; n < p->len; n++) {
		const char *chain = nft_node_name(p->tree->target.at[p->at[n].rule], p->arena);
		if (!fill_rule(p, filling, p->at[n], chain))
			break;
	}
	nft_filling_take(filling, out);
	memcpy(out->field, p->field, sizeof(out->field));
	out->fields = p->fields;
	return n;
}

// With one field only, the address or port beside it is open in all.
static bool has_two_fields(struct pick *p)
{
	static const enum nft_field beside[][2] = {
		{F_SRC4, F_DST4},           {F_SRC6, F_DST6},   {F_FLOW_SRC4, F_FLOW_DST4},
		{F_FLOW_SRC6, F_FLOW_DST6}, {F_SPORT, F_DPORT}, {F_FLOW_SPORT, F_FLOW_DPORT}};
	for (size_t i = 0; p->fields == 1 && i < array_len(beside); i++)
		for (size_t k = 0; k < 2; k++)
			if (p->field[0] == beside[i][k] && may_be_axis(p->leaf, beside[i][1 - k])) {
				p->field[p->fields++] = beside[i][1 - k];
				break;
			}
	return p->fields > 1;
}

size_t nft_leaf_boxes(const struct nft_tree *tree, const struct nft_node *leaf, size_t from,
		      struct arena *arena, struct nft_boxes *out)
{
	struct pick p = {.tree = tree, .leaf = leaf, .at = leaf->entry.at + from, .arena = arena};
	if (leaf->list || leaf->entry.len - from < tree->boxes_least)
		return 0;
	pick_rules(&p, leaf->entry.len - from);
	if (p.len < tree->boxes_least || !has_two_fields(&p))
		return 0;
	weigh_fields(&p);
	order_fields(&p);
	return fill(&p, out);
}
