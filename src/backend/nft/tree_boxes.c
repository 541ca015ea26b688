// SPDX-License-Identifier: Apache-2.0
// Long leaves: consecutive rules that only ask for ranges of a few fields become one map over these fields, so that a
// packet is put to all of them at once. Each rule has a chain with what it does, to which its boxes lead from all leaves.
#include "backend/nft/boxes.h"
#include "backend/nft/meets.h"
#include "backend/nft/tree_cut.h"

#include <stdlib.h>
#include <string.h>

#define OTHERS_MOST 4u   // rules of a leaf of boxes that are none
#define CORNERS_MOST 8u  // boxes of one rule, and parts into which one is cut
#define SHAPES 4u        // by which addresses a rule has
#define WIDE 16          // parts of a field, one of which is much of it
#define SAMPLE 256u      // rules by which fields are put in order
#define RULES_MOST 2048u // that are looked at for one map
#define LOOKUP_NS 73.0
#define SURVIVOR_NS 2.0

// --- the order of a leaf's rules ---

// A rule of a leaf; rules of one turn stand together.
struct turn {
	uint32_t turn;
	struct nft_entry entry;
	size_t place;
};

static int by_turn(const void *x, const void *y)
{
	const struct turn *a = x, *b = y;
	if (a->turn != b->turn)
		return a->turn < b->turn ? -1 : 1;
	return a->place < b->place ? -1 : a->place > b->place;
}

struct nft_entries nft_leaf_order(const struct nft_tree *tree, struct nft_entries rules,
				  struct arena *arena)
{
	size_t n = rules.len;
	struct nft_entries out = {.at = arena_array(arena, struct nft_entry, n), .len = n};
	const struct nft_form **rule = arena_array(arena, const struct nft_form *, n);
	struct turn *turn = arena_array(arena, struct turn, n);
	for (size_t i = 0; i < n; i++)
		rule[i] = tree->rule.at[rules.at[i].rule];
	struct nft_meets *meets = nft_meets_new(rule, n);
	nft_meets_levels(meets);
	for (size_t i = 0; i < n; i++) {
		struct nft_level level = {SHAPES - 1 - nft_split_addresses(rule[i]), SHAPES,
					  INT32_MAX};
		turn[i] = (struct turn){nft_meets_level(meets, (uint32_t)i, level), rules.at[i], i};
	}
	nft_meets_free(meets);
	qsort(turn, n, sizeof(*turn), by_turn);
	for (size_t i = 0; i < n; i++)
		out.at[i] = turn[i].entry;
	return out;
}

// --- maps ---

struct pick {
	const struct nft_tree *tree;
	const struct nft_node *leaf;
	const struct nft_entry *at;
	size_t len;
	struct arena *arena;
	enum nft_field field[NFT_BOXES_FIELDS];
	size_t fields;
	enum nft_boxes_kind kind; // of the map that was made
	size_t sample;            // rules by which the fields are put in order
	uint64_t wide[SAMPLE];    // of each of them, the fields of which it asks for much
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
	return nft_field_is_address(field) || dim == IR_SPORT || dim == IR_DPORT;
}

// A map finds nothing for a packet that lacks one of its fields.
static bool may_be_axis(uint32_t has, enum nft_field field)
{
	return is_address_or_port(field) && nft_boxes_field(field) && has & nft_split_bit(field);
}

// How many boxes the rule is; 0: it is none, or there is nothing behind it.
static size_t boxes_of(const struct nft_tree *tree, uint32_t has, struct nft_entry entry)
{
	const struct nft_form *form = tree->rule.at[entry.rule];
	size_t n = 1;
	if (!nft_form_decides(form) || !entry.left)
		return 0;
	for (size_t i = 0; i < form->len; i++) {
		if (!(entry.left >> i & 1))
			continue;
		if (!may_be_axis(has, form->match[i].field))
			return 0;
		n *= form->match[i].set.len;
		if (n > CORNERS_MOST)
			return 0;
	}
	return n;
}

bool nft_leaf_is_boxes(const struct nft_tree *tree, uint32_t has, const struct nft_entries *rules)
{
	size_t others = 0;
	for (size_t i = 0; i < rules->len; i++)
		others += !boxes_of(tree, has, rules->at[i]);
	return others <= OTHERS_MOST;
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
	for (; p->len < len && boxes_of(p->tree, p->leaf->has, p->at[p->len]); p->len++) {
		const struct nft_form *form = p->tree->rule.at[p->at[p->len].rule];
		for (size_t i = 0; i < form->len; i++) {
			if (!(p->at[p->len].left >> i & 1))
				continue;
			if (!add_field(p, form->match[i].field))
				return;
		}
	}
}

// Takes much of the field: a usual packet is in it.
static bool is_wide(const struct algebra_range *r, enum nft_field field)
{
	return r->hi - r->lo >= algebra_max(nft_field_info[field].bits) / WIDE;
}

static bool asks_widely(const struct pick *p, struct nft_entry entry, enum nft_field field)
{
	const struct algebra_set *set = set_of(p, entry, field);
	for (size_t i = 0; set && i < set->len; i++)
		if (is_wide(&set->at[i], field))
			return true;
	return !set;
}

static void weigh(struct pick *p)
{
	p->sample = p->len < SAMPLE ? p->len : SAMPLE;
	for (size_t i = 0; i < p->sample; i++)
		for (size_t f = 0; f < p->fields; f++)
			p->wide[i] |= (uint64_t)asks_widely(p, p->at[i], p->field[f])
				      << p->field[f];
}

// Rules of the sample that ask widely for all of the fields.
static size_t count_wide(const struct pick *p, uint64_t fields)
{
	size_t n = 0;
	for (size_t i = 0; i < p->sample; i++)
		n += !(fields & ~p->wide[i]);
	return n;
}

// The kernel looks at one field after the other at those that are left: first the field that leaves the fewest, and so on,
// but this one last, which is looked at in one step.
static void order_fields(struct pick *p, enum nft_field last)
{
	uint64_t before = 0;
	for (size_t f = 0; f < p->fields; f++) {
		size_t best = f, least = SIZE_MAX;
		for (size_t k = f; k < p->fields; k++) {
			size_t n = count_wide(p, before | (uint64_t)1 << p->field[k]);
			if (n < least && (p->field[k] != last || f + 1 == p->fields)) {
				least = n;
				best = k;
			}
		}
		enum nft_field field = p->field[best];
		p->field[best] = p->field[f];
		p->field[f] = field;
		before |= (uint64_t)1 << field;
	}
}

// All combinations of the rule's ranges, in any order: they lead to one chain.
static bool fill_rule(const struct pick *p, struct nft_filling *filling, struct nft_entry entry)
{
	struct nft_box box = {.chain = nft_node_name(p->tree->target.at[entry.rule], p->arena)};
	const struct algebra_set *set[NFT_BOXES_FIELDS];
	size_t n = boxes_of(p->tree, p->leaf->has, entry);
	if (nft_tree_direct(p->tree, entry.rule))
		box.rule = p->tree->rule.at[entry.rule];
	for (size_t f = 0; f < p->fields; f++)
		set[f] = set_of(p, entry, p->field[f]);
	for (size_t i = 0; i < n; i++) {
		struct algebra_range *range =
			arena_array(p->arena, struct algebra_range, p->fields);
		nft_boxes_combination(p->field, set, p->fields, i, range);
		box.range = range;
		if (!nft_filling_add(filling, &box, CORNERS_MOST))
			return false;
	}
	return true;
}

// As many of the rules as go into one map; each as a whole.
static size_t fill_as(const struct pick *p, enum nft_boxes_kind kind, struct nft_boxes *out)
{
	struct nft_filling *filling = nft_filling_new(kind, p->field, p->fields, p->arena);
	size_t n = 0, len = 0;
	*out = (struct nft_boxes){.fields = p->fields};
	memcpy(out->field, p->field, sizeof(out->field));
	for (; n < p->len; n++) {
		if (!fill_rule(p, filling, p->at[n]))
			break;
		nft_filling_take(filling, out);
		len = out->len;
	}
	nft_filling_take(filling, out);
	out->len = len;
	return n;
}

// What it takes a packet that is in none of so many rules, as cost.c says it, for each of them.
static double cost_of(const struct nft_boxes *boxes, size_t rules)
{
	double ns = LOOKUP_NS;
	for (size_t i = 0; i < boxes->len; i++)
		for (size_t f = 0;
		     f + 1 < boxes->fields && is_wide(&boxes->box[i].range[f], boxes->field[f]);
		     f++)
			ns += SURVIVOR_NS;
	return ns / (double)rules;
}

static size_t pieces_of(const struct pick *p, struct nft_entry entry)
{
	enum nft_field last = p->field[p->fields - 1];
	const struct algebra_set *set = set_of(p, entry, last);
	size_t boxes = boxes_of(p->tree, p->leaf->has, entry), pieces = 0;
	for (size_t i = 0; set && i < set->len; i++)
		pieces += nft_boxes_pieces(set->at[i], nft_field_info[last].bits);
	return set ? pieces * (boxes / set->len) : boxes;
}

// The same for the rules that one map is about to hold, with the fields in this order.
static double expected_cost(const struct pick *p)
{
	double ns = LOOKUP_NS;
	size_t n = 0, pieces = 0;
	for (; n < p->sample; n++) {
		pieces += pieces_of(p, p->at[n]);
		if (pieces > NFT_BOXES_PIECES && n)
			break;
		for (size_t f = 0; f + 1 < p->fields && p->wide[n] >> p->field[f] & 1; f++)
			ns += SURVIVOR_NS;
	}
	return ns / (double)n;
}

static void order_for_map(struct pick *p)
{
	enum nft_field field[NFT_BOXES_FIELDS], best = p->field[0];
	double least = 0;
	memcpy(field, p->field, sizeof(field));
	for (size_t i = 0; i < p->fields; i++) {
		order_fields(p, field[i]);
		double cost = expected_cost(p);
		if (!i || cost < least) {
			least = cost;
			best = field[i];
		}
	}
	order_fields(p, best);
}

// What it says, without what filling took beside it.
static struct nft_boxes own_boxes(const struct nft_boxes *from, struct arena *arena)
{
	struct nft_boxes out = *from;
	const char *before = NULL, *chain = NULL;
	out.box = arena_memdup(arena, from->box, from->len * sizeof(*from->box));
	for (size_t i = 0; i < out.len; i++) {
		struct nft_box *box = &out.box[i];
		if (box->chain != before)
			chain = arena_strdup(arena, box->chain);
		before = box->chain;
		box->chain = chain;
		box->range = arena_memdup(arena, box->range, out.fields * sizeof(*box->range));
	}
	return out;
}

// In their order, or cut apart: whatever lets packets pass more quickly.
static size_t fill_best(struct pick *p, struct nft_boxes *out)
{
	struct nft_boxes apart;
	order_for_map(p);
	size_t n = fill_as(p, BOXES_ORDERED, out);
	order_fields(p, NFT_FIELDS);
	size_t more = fill_as(p, BOXES_APART, &apart);
	p->kind = n && (more <= n || cost_of(out, n) <= cost_of(&apart, more)) ? BOXES_ORDERED
									       : BOXES_APART;
	if (p->kind == BOXES_ORDERED)
		return n;
	*out = apart;
	return more;
}

static size_t fill(struct pick *p, struct nft_boxes *out)
{
	struct arena scratch, *arena = p->arena;
	struct nft_boxes boxes;
	arena_init(&scratch);
	p->arena = &scratch;
	size_t n = fill_best(p, &boxes);
	*out = own_boxes(&boxes, arena);
	arena_fini(&scratch);
	return n;
}

enum nft_field nft_field_beside(enum nft_field field)
{
	static const enum nft_field beside[][2] = {
		{F_SRC4, F_DST4},           {F_SRC6, F_DST6},   {F_FLOW_SRC4, F_FLOW_DST4},
		{F_FLOW_SRC6, F_FLOW_DST6}, {F_SPORT, F_DPORT}, {F_FLOW_SPORT, F_FLOW_DPORT}};
	for (size_t i = 0; i < array_len(beside); i++)
		for (size_t k = 0; k < 2; k++)
			if (field == beside[i][k])
				return beside[i][1 - k];
	return NFT_FIELDS;
}

// With one field only, the one beside it is open in all.
static bool has_two_fields(struct pick *p)
{
	enum nft_field beside = p->fields == 1 ? nft_field_beside(p->field[0]) : NFT_FIELDS;
	if (beside != NFT_FIELDS && may_be_axis(p->leaf->has, beside))
		p->field[p->fields++] = beside;
	return p->fields > 1;
}

static size_t pieces_in(const struct nft_boxes *boxes)
{
	size_t last = boxes->fields - 1, pieces = 0;
	for (size_t i = 0; i < boxes->len; i++)
		pieces += nft_boxes_pieces(boxes->box[i].range[last],
					   nft_field_info[boxes->field[last]].bits);
	return pieces;
}

// What packets need to pass it, and what room there is.
static void weigh_map(const struct nft_boxes *boxes, struct nft_group *group)
{
	bool apart = group->kind == BOXES_APART;
	size_t most = apart ? RULES_MOST : NFT_BOXES_PIECES,
	       used = apart ? boxes->len : pieces_in(boxes);
	group->ns = (uint32_t)cost_of(boxes, 1);
	group->room = used < most ? (uint32_t)(most - used) : 0;
}

static void describe(const struct pick *p, const struct nft_boxes *boxes, struct nft_group *out)
{
	*out = (struct nft_group){.kind = (uint8_t)p->kind, .fields = (uint8_t)boxes->fields};
	for (size_t f = 0; f < boxes->fields; f++)
		out->field[f] = (uint8_t)boxes->field[f];
	weigh_map(boxes, out);
}

size_t nft_leaf_boxes(const struct nft_tree *tree, const struct nft_node *leaf,
		      struct nft_entries rules, struct arena *arena, struct nft_group *group_out,
		      struct nft_boxes *out)
{
	struct pick p = {.tree = tree, .leaf = leaf, .at = rules.at, .arena = arena};
	if (rules.len < tree->boxes_least)
		return 0;
	pick_rules(&p, rules.len < RULES_MOST ? rules.len : RULES_MOST);
	if (p.len < tree->boxes_least || !has_two_fields(&p))
		return 0;
	weigh(&p);
	size_t n = fill(&p, out);
	if (n)
		describe(&p, out, group_out);
	return n;
}

static void take_fields(struct pick *p, const struct nft_group *group)
{
	p->fields = group->fields;
	for (size_t f = 0; f < p->fields; f++)
		p->field[f] = (enum nft_field)group->field[f];
}

bool nft_leaf_boxes_again(const struct nft_tree *tree, const struct nft_node *leaf,
			  struct nft_group *group, const struct nft_placed *rules,
			  struct arena *arena, struct nft_boxes *out)
{
	struct pick p = {.tree = tree, .leaf = leaf, .len = group->rules, .arena = arena};
	struct nft_entry *entry = arena_array(arena, struct nft_entry, group->rules);
	for (size_t i = 0; i < group->rules; i++)
		entry[i] = rules[i].entry;
	p.at = entry;
	take_fields(&p, group);
	if (fill_as(&p, (enum nft_boxes_kind)group->kind, out) != group->rules)
		return false;
	weigh_map(out, group);
	return true;
}

static bool asks_only(const struct pick *p, struct nft_entry entry)
{
	struct pick more = *p;
	const struct nft_form *form = p->tree->rule.at[entry.rule];
	for (size_t i = 0; i < form->len; i++)
		if (entry.left >> i & 1 && !add_field(&more, form->match[i].field))
			return false;
	return more.fields == p->fields;
}

bool nft_leaf_fits(const struct nft_tree *tree, const struct nft_node *leaf,
		   const struct nft_group *group, struct nft_entry entry)
{
	struct pick p = {.tree = tree, .leaf = leaf};
	take_fields(&p, group);
	return boxes_of(tree, leaf->has, entry) && asks_only(&p, entry) &&
	       (group->kind == BOXES_APART ? 1 : pieces_of(&p, entry)) <= group->room;
}
