// SPDX-License-Identifier: Apache-2.0
// Changing the tree in place. A rule stands in the leaves that its packets can reach; putting one in walks there, taking
// one out looks there, and what it hid in those leaves comes back: the rules of the part are put to the ways that lead
// there. Nodes and maps stay as they are: in a leaf that other packets come to as well, a rule keeps all of its tests. Of a
// sequence that its packets come to, a rule enters one part: behind all earlier rules that it may meet there, before all
// later ones. Where that will not do (no such part, too many leaves, a leaf that grew long), the tree is to be built anew.
#include "backend/nft/tree_cut.h"
#include "backend/nft/tree_gate.h"

#include <string.h>

#define STEPS_MOST 20u
#define ARRIVALS_MOST 8192u
#define REFILL_MOST (1u << 22) // rules of a part that are put to each way to a leaf
#define LEAF_GROWTH 2u         // times as long as it was made …
#define LEAF_LEAST 32u         // … and so many more rules
#define MISS SIZE_MAX

struct step {
	struct nft_node *node;
	size_t way; // or the part of a sequence, or MISS
};
// One way on which packets of a rule come to a leaf, and what is left to be tested there.
struct arrival {
	struct nft_node *leaf;
	struct nft_entry entry;
	struct step step[STEPS_MOST];
	size_t steps;
};
struct walk {
	struct nft_tree *tree;
	struct arrival at; // while walking
	VEC(struct arrival) found;
	struct arena *arena;
	bool flow, over;
	bool comes, goes;            // the rule; else it is there and stays
	VEC(struct step) chosen;     // parts in which it is to stand
	VEC(struct nft_node *) gate; // whose boxes hold all of its packets
};

// --- where a rule's packets go ---

static void walk(struct walk *w, struct nft_node *node);

static bool asks_flow(const struct nft_node *node)
{
	enum nft_field field = node->gate ? node->gate->field[0] : node->field;
	return field != NFT_FIELDS && nft_field_info[field].side == OF_FLOW;
}

static void go(struct walk *w, struct nft_node *node, size_t way, struct nft_node *to,
	       uint32_t answered)
{
	struct nft_entry before = w->at.entry;
	bool flow = w->flow;
	w->flow |= way != MISS && asks_flow(node);
	w->at.entry.left &= ~answered;
	w->at.step[w->at.steps++] = (struct step){node, way};
	if (!w->flow || !nft_form_needs_no_flow(w->tree->rule.at[before.rule]))
		walk(w, to);
	w->at.steps--;
	w->at.entry = before;
	w->flow = flow;
}

// What the set has of the range.
enum share { NOTHING, SOME, ALL };
static enum share share_of(const struct algebra_set *set, struct algebra_range range)
{
	for (size_t i = 0; i < set->len; i++)
		if (set->at[i].hi >= range.lo && set->at[i].lo <= range.hi)
			return nft_range_within(range, set->at[i]) ? ALL : SOME;
	return NOTHING;
}

// Whether it has values in none of the ways.
static bool has_others(const struct nft_node *node, const struct algebra_set *set)
{
	size_t way = 0;
	for (size_t i = 0; i < set->len; i++) {
		u128 next = set->at[i].lo;
		while (way < node->way.len && node->way.at[way].range.hi < next)
			way++;
		for (size_t k = way; next <= set->at[i].hi; k++) {
			if (k == node->way.len || node->way.at[k].range.lo > next)
				return true;
			if (node->way.at[k].range.hi >= set->at[i].hi)
				break;
			next = node->way.at[k].range.hi + 1;
		}
	}
	return false;
}

// --- sequences ---

// Where the rule stands among those of the part, or would stand.
static size_t place_in_part(const struct nft_tree *tree, const struct nft_tree_part *part,
			    uint32_t rule)
{
	size_t lo = 0, hi = part->len;
	while (lo < hi) {
		size_t middle = (lo + hi) / 2;
		if (tree->rank.at[part->rule[middle]] < tree->rank.at[rule])
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo;
}

static bool is_in_part(const struct nft_tree *tree, const struct nft_tree_part *part, uint32_t rule)
{
	size_t at = place_in_part(tree, part, rule);
	return at < part->len && part->rule[at] == rule;
}

// To the part where it is. When a rule goes behind which others were left out, these are nowhere to be found.
static void walk_sequence(struct walk *w, struct nft_node *node)
{
	uint32_t rule = w->at.entry.rule;
	w->over |= w->goes && node->closer == rule;
	for (size_t i = 0; i < node->part.len && !w->over; i++)
		if (is_in_part(w->tree, &node->part.at[i], rule)) {
			go(w, node, i, node->part.at[i].root, 0);
			return;
		}
}

// The parts in which the rule can stand: behind all earlier rules that it may meet, before all later ones.
static bool parts_for(const struct nft_tree *tree, const struct nft_node *node, uint32_t rule,
		      size_t *lo_out, size_t *hi_out)
{
	size_t lo = 0, hi = node->part.len - 1;
	for (size_t k = 0; k < node->part.len && lo <= hi; k++) {
		const struct nft_tree_part *part = &node->part.at[k];
		for (size_t i = 0; i < part->len; i++) {
			uint32_t other = part->rule[i];
			if (!nft_tree_meet(tree, other, rule))
				continue;
			if (tree->rank.at[other] < tree->rank.at[rule])
				lo = k;
			else
				hi = k < hi ? k : hi;
		}
	}
	*lo_out = lo;
	*hi_out = hi;
	return lo <= hi;
}

static bool fits(const struct nft_tree_part *part, const struct nft_form *form)
{
	enum nft_kind kind = nft_form_kind(form);
	return part->root->list || kind == NFT_KIND_ANY || part->kind == NFT_KIND_ANY ||
	       part->kind == kind;
}

// Sequences to which several ways lead have the rule in one part for all of them.
static bool chosen_before(const struct walk *w, const struct nft_node *node, size_t *part_out)
{
	for (size_t i = 0; i < w->chosen.len; i++)
		if (w->chosen.at[i].node == node) {
			*part_out = w->chosen.at[i].way;
			return true;
		}
	return false;
}

// How many leaves it comes to by this part; the walk is as it was then.
static size_t leaves_by(struct walk *w, struct nft_node *node, size_t part)
{
	struct walk before = *w;
	go(w, node, part, node->part.at[part].root, 0);
	size_t leaves = w->over ? SIZE_MAX : w->found.len - before.found.len;
	w->found.len = before.found.len;
	w->chosen.len = before.chosen.len;
	w->gate.len = before.gate.len;
	w->over = before.over;
	return leaves;
}

// The part in which it stands in the fewest leaves; in a list, which all packets meet, only where it must.
static bool choose_part(struct walk *w, struct nft_node *node, size_t *part_out)
{
	size_t lo, hi, least = SIZE_MAX;
	*part_out = 0;
	if (!parts_for(w->tree, node, w->at.entry.rule, &lo, &hi))
		return false;
	for (size_t i = lo; i <= hi; i++) {
		const struct nft_tree_part *part = &node->part.at[i];
		bool can = fits(part, w->tree->rule.at[w->at.entry.rule]);
		size_t leaves = !can               ? SIZE_MAX
				: lo == hi         ? 0
				: part->root->list ? SIZE_MAX - 1
						   : leaves_by(w, node, i);
		if (leaves < least) {
			least = leaves;
			*part_out = i;
		}
	}
	return least < SIZE_MAX;
}

static void enter_sequence(struct walk *w, struct nft_node *node)
{
	size_t part;
	if (!chosen_before(w, node, &part)) {
		w->over |= !choose_part(w, node, &part);
		vec_push(w->arena, &w->chosen, (struct step){node, part});
	}
	if (!w->over)
		go(w, node, part, node->part.at[part].root, 0);
}

// --- ways ---

static void walk_gate(struct walk *w, struct nft_node *node)
{
	bool asks = nft_gate_asks(node->gate, w->tree->rule.at[w->at.entry.rule]);
	if (asks)
		vec_push(w->arena, &w->gate, node);
	go(w, node, 0, node->way.at[0].to, 0);
	if (!asks)
		go(w, node, MISS, node->miss, 0);
}

static void walk_ways(struct walk *w, struct nft_node *node)
{
	uint32_t bit;
	const struct algebra_set *set = nft_entry_set(w->tree, w->at.entry, node->field, &bit);
	for (size_t i = 0; i < node->way.len && !w->over; i++) {
		enum share share = set ? share_of(set, node->way.at[i].range) : ALL;
		if (share != NOTHING)
			go(w, node, i, node->way.at[i].to, share == ALL ? bit : 0);
	}
	if (node->miss && (!set || has_others(node, set)))
		go(w, node, MISS, node->miss, 0);
}

static void walk(struct walk *w, struct nft_node *node)
{
	w->over |= w->found.len > ARRIVALS_MOST || w->at.steps == STEPS_MOST;
	if (w->over)
		return;
	if (nft_is_leaf(node)) {
		w->at.leaf = node;
		vec_push(w->arena, &w->found, w->at);
	} else if (node->gate) {
		walk_gate(w, node);
	} else if (!node->part.len) {
		walk_ways(w, node);
	} else if (w->comes) {
		enter_sequence(w, node);
	} else {
		walk_sequence(w, node);
	}
}

static bool walk_rule(struct walk *w, uint32_t rule)
{
	w->at = (struct arrival){.entry = nft_entry_of(w->tree, rule)};
	walk(w, w->tree->root);
	return !w->over;
}

// --- the rules that come to a leaf by one way ---

// One step of the way, as building distributes rules; false when the rule does not go there.
static bool takes_step(const struct nft_tree *tree, struct nft_entry *entry,
		       const struct step *step)
{
	if (step->node->part.len)
		return is_in_part(tree, &step->node->part.at[step->way], entry->rule);
	const struct nft_form *form = tree->rule.at[entry->rule];
	bool misses = step->way == MISS, to_flow = asks_flow(step->node);
	if (!misses && to_flow && nft_form_needs_no_flow(form))
		return false;
	if (step->node->gate)
		return !misses || !nft_gate_asks(step->node->gate, form);
	uint32_t bit;
	const struct algebra_set *set = nft_entry_set(tree, *entry, step->node->field, &bit);
	if (misses)
		return !set || has_others(step->node, set);
	if (!set)
		return true;
	enum share share = share_of(set, step->node->way.at[step->way].range);
	if (share == ALL)
		entry->left &= ~bit;
	return share != NOTHING;
}

static bool takes_way(const struct nft_tree *tree, struct nft_entry *entry,
		      const struct arrival *arrival)
{
	for (size_t i = 0; i < arrival->steps; i++)
		if (!takes_step(tree, entry, &arrival->step[i]))
			return false;
	return true;
}

static bool is_hidden(const struct nft_tree *tree, const struct nft_entry *at, size_t len,
		      struct nft_entry entry)
{
	return nft_entries_closed(tree, at, len) || nft_entries_take_all_of(tree, at, len, entry);
}

// --- the two changes ---

// Before the leaf is changed.
static void touch(struct nft_tree *tree, struct nft_touched *touched, struct nft_node *leaf)
{
	for (size_t i = 0; i < touched->leaf.len; i++)
		if (touched->leaf.at[i].leaf == leaf)
			return;
	struct nft_touched_leaf one = {.leaf = leaf, .was = {.name = ""}};
	nft_tree_emit_leaf(tree, leaf, touched->arena, &one.was);
	vec_push(touched->arena, &touched->leaf, one);
	if (!leaf->cut)
		leaf->cut = nft_cut_new(tree->arena);
	leaf->cut->stale = true;
}

static bool holds(const struct nft_node *leaf, uint32_t rule, size_t *at_out)
{
	for (*at_out = 0; *at_out < leaf->entry.len; ++*at_out)
		if (leaf->entry.at[*at_out].rule == rule)
			return true;
	return false;
}

static bool was_seen(const struct walk *w, size_t before)
{
	for (size_t i = 0; i < before; i++)
		if (w->found.at[i].leaf == w->found.at[before].leaf)
			return true;
	return false;
}

// Where in the leaf a rule stands or would stand.
static size_t place_of(const struct nft_tree *tree, const struct nft_node *leaf, uint32_t rule)
{
	size_t at = 0;
	while (at < leaf->entry.len && tree->rank.at[leaf->entry.at[at].rule] < tree->rank.at[rule])
		at++;
	return at;
}

static void put_at(struct nft_tree *tree, struct nft_node *leaf, size_t at, struct nft_entry entry)
{
	vec_push(tree->arena, &leaf->entry, entry);
	memmove(leaf->entry.at + at + 1, leaf->entry.at + at,
		(leaf->entry.len - 1 - at) * sizeof(entry));
	leaf->entry.at[at] = entry;
}

static void add_seen(struct nft_tree *tree, struct nft_entries *seen, struct nft_entries *hidden,
		     struct nft_entry entry)
{
	if (is_hidden(tree, seen->at, seen->len, entry))
		vec_push(tree->arena, hidden, entry);
	else
		vec_push(tree->arena, seen, entry);
}

static void take_from(struct nft_entries *list, size_t at)
{
	list->len--;
	memmove(list->at + at, list->at + at + 1, (list->len - at) * sizeof(*list->at));
}

// The rule goes, and what was hidden by it is judged anew.
static void show_hidden(struct nft_tree *tree, struct nft_node *leaf, size_t at)
{
	struct nft_entry gone = leaf->entry.at[at];
	take_from(&leaf->entry, at);
	for (size_t i = 0; i < leaf->hidden.len;) {
		struct nft_entry entry = leaf->hidden.at[i];
		if (!tree->rule.at[entry.rule]) {
			take_from(&leaf->hidden, i);
			continue;
		}
		size_t place = place_of(tree, leaf, entry.rule);
		if (place < at || !nft_entries_take_all_of(tree, &gone, 1, entry) ||
		    is_hidden(tree, leaf->entry.at, place, entry)) {
			i++;
			continue;
		}
		take_from(&leaf->hidden, i);
		put_at(tree, leaf, place, entry);
	}
}

// The ways of the walk to one leaf.
struct ways {
	const struct arrival *at[ARRIVALS_MOST];
	bool closed[ARRIVALS_MOST]; // what stands behind is not met on this way
	size_t len;
};

// False when others lead there, too.
static bool ways_to(const struct walk *w, const struct nft_node *leaf, struct ways *out)
{
	*out = (struct ways){.len = 0};
	if (leaf->paths > ARRIVALS_MOST)
		return false;
	for (size_t i = 0; i < w->found.len; i++)
		if (w->found.at[i].leaf == leaf)
			out->at[out->len++] = &w->found.at[i];
	return out->len == leaf->paths;
}

// What is left to be tested of a rule when these tests are left on so many ways to a leaf: on the others its packets are
// told by all of its tests.
static struct nft_entry entry_in(const struct nft_tree *tree, const struct nft_node *leaf,
				 struct nft_entry entry, size_t ways)
{
	return ways == leaf->paths ? entry : nft_entry_of(tree, entry.rule);
}

static bool pass_gate(struct nft_tree *tree, struct nft_node *node, uint32_t rule,
		      struct nft_touched *touched)
{
	struct nft_form more;
	size_t before = node->gate->box.len;
	if (!nft_gate_add(tree, node->gate, tree->rule.at[rule]))
		return false;
	nft_gate_form(node->gate, nft_node_map_name(node, touched->arena), before, touched->arena,
		      &more);
	if (node->gate->box.len > before)
		vec_push(touched->arena, &touched->gained, more);
	return true;
}

// The gates on a way that the rule takes, which may never have heard of it when it was left out before it came to them.
static bool pass_gates_on(struct nft_tree *tree, const struct arrival *arrival, uint32_t rule,
			  struct nft_touched *touched)
{
	for (size_t i = 0; i < arrival->steps; i++) {
		struct nft_node *node = arrival->step[i].node;
		if (node->gate && nft_gate_asks(node->gate, tree->rule.at[rule]) &&
		    !pass_gate(tree, node, rule, touched))
			return false;
	}
	return true;
}

// Adds the rule if it comes to the leaf. False: a gate does not take it.
static bool put_to_ways(struct nft_tree *tree, struct nft_node *leaf, struct ways *ways,
			uint32_t rule, struct nft_touched *touched)
{
	struct nft_entry all = {.rule = rule};
	size_t came = 0;
	for (size_t i = 0; i < ways->len; i++) {
		struct nft_entry entry = nft_entry_of(tree, rule);
		if (ways->closed[i] || !takes_way(tree, &entry, ways->at[i]))
			continue;
		if (!pass_gates_on(tree, ways->at[i], rule, touched))
			return false;
		all.left |= entry.left;
		ways->closed[i] = nft_entries_closed(tree, &entry, 1);
		came++;
	}
	if (came)
		add_seen(tree, &leaf->entry, &leaf->hidden, entry_in(tree, leaf, all, came));
	return true;
}

// The part of the last sequence on a way.
static const struct nft_tree_part *part_on(const struct arrival *arrival)
{
	size_t i = arrival->steps;
	while (!arrival->step[--i].node->part.len)
		;
	return &arrival->step[i].node->part.at[arrival->step[i].way];
}

static const struct arrival *first_way_to(const struct walk *w, const struct nft_node *leaf)
{
	size_t i = 0;
	while (w->found.at[i].leaf != leaf)
		i++;
	return &w->found.at[i];
}

// A rule that closed the leaf goes: those behind it come from the part.
static bool refill(struct nft_tree *tree, const struct walk *w, struct nft_node *leaf,
		   uint32_t gone, struct nft_touched *touched)
{
	const struct nft_tree_part *part = part_on(first_way_to(w, leaf));
	struct ways ways;
	if ((uint64_t)leaf->paths * part->len > REFILL_MOST || !ways_to(w, leaf, &ways))
		return false;
	leaf->entry = leaf->hidden = (struct nft_entries){0};
	for (size_t i = 0; i < part->len && memchr(ways.closed, false, ways.len); i++)
		if (tree->rule.at[part->rule[i]] && part->rule[i] != gone &&
		    !put_to_ways(tree, leaf, &ways, part->rule[i], touched))
			return false;
	leaf->lacks = memchr(ways.closed, true, ways.len) != NULL;
	return true;
}

// Whether on one of its ways to the leaf nothing behind the rule is met.
static bool closes_a_way(const struct walk *w, const struct nft_node *leaf)
{
	for (size_t i = 0; i < w->found.len; i++)
		if (w->found.at[i].leaf == leaf &&
		    nft_entries_closed(w->tree, &w->found.at[i].entry, 1))
			return true;
	return false;
}

static bool take_from_leaf(struct nft_tree *tree, const struct walk *w, struct nft_node *leaf,
			   uint32_t rule, struct nft_touched *touched)
{
	size_t at;
	if (!holds(leaf, rule, &at))
		return true;
	if (leaf->list)
		take_from(&leaf->entry, at);
	else if (!leaf->entry.at[at].left || (leaf->lacks && closes_a_way(w, leaf)))
		return refill(tree, w, leaf, rule, touched);
	else
		show_hidden(tree, leaf, at);
	return true;
}

bool nft_tree_remove(struct nft_tree *tree, uint32_t rule, struct nft_touched *touched)
{
	struct walk w = {.tree = tree, .arena = touched->arena, .goes = true};
	bool good = walk_rule(&w, rule);
	size_t at;
	for (size_t i = 0; good && i < w.found.len; i++)
		if (holds(w.found.at[i].leaf, rule, &at)) {
			touch(tree, touched, w.found.at[i].leaf);
			nft_cut_begin_removal(tree, w.found.at[i].leaf, rule, touched);
		}
	for (size_t i = 0; good && i < w.found.len; i++)
		good = was_seen(&w, i) ||
		       take_from_leaf(tree, &w, w.found.at[i].leaf, rule, touched);
	tree->rule.at[rule] = NULL;
	return good;
}

// --- what a rule does ---

bool nft_tree_may_turn(const struct nft_tree *tree, uint32_t rule, const struct nft_form *form)
{
	const struct nft_form *was = tree->rule.at[rule];
	return nft_form_decides(was) == nft_form_decides(form) && nft_form_same_matches(was, form);
}

// The chain to which its boxes lead in all leaves.
static void turn_target(struct nft_tree *tree, uint32_t rule, const struct nft_form *form,
			struct nft_touched *touched)
{
	const char *name = nft_node_name(tree->target.at[rule], touched->arena);
	struct nft_touched_leaf one = {.was = {.name = name}, .now = {.name = name}};
	struct nft_form was = *tree->rule.at[rule], now = *form;
	was.len = now.len = 0;
	vec_push(touched->arena, &one.was.rule, was);
	vec_push(touched->arena, &one.now.rule, now);
	vec_push(touched->arena, &touched->leaf, one);
}

bool nft_tree_turn(struct nft_tree *tree, uint32_t rule, const struct nft_form *form,
		   struct nft_touched *touched)
{
	struct walk w = {.tree = tree, .arena = touched->arena};
	bool direct = nft_tree_direct_as(tree, rule, form),
	     map_says = direct || nft_tree_direct(tree, rule);
	size_t at;
	if (!walk_rule(&w, rule))
		return false;
	for (size_t i = 0; i < w.found.len; i++)
		if (holds(w.found.at[i].leaf, rule, &at)) {
			touch(tree, touched, w.found.at[i].leaf);
			if (map_says)
				nft_cut_turn(w.found.at[i].leaf, rule);
		}
	if (tree->targeted.at[rule] == NFT_TARGET_CHAIN && !direct)
		turn_target(tree, rule, form, touched);
	tree->rule.at[rule] = form;
	return true;
}

// --- where a new rule goes ---

// Asked of all rules one after the other, so there is nothing to guess for the processor.
bool nft_tree_meet(const struct nft_tree *tree, uint32_t a, uint32_t b)
{
	return !nft_hulls_apart(&tree->hull.at[a], &tree->hull.at[b]) && tree->rule.at[a] &&
	       tree->rule.at[b] && nft_form_may_meet(tree->rule.at[a], tree->rule.at[b]);
}

static void hide(struct nft_tree *tree, struct nft_node *leaf, struct nft_entry entry)
{
	size_t at = leaf->hidden.len;
	vec_push(tree->arena, &leaf->hidden, entry);
	for (; at && tree->rank.at[leaf->hidden.at[at - 1].rule] > tree->rank.at[entry.rule]; at--)
		leaf->hidden.at[at] = leaf->hidden.at[at - 1];
	leaf->hidden.at[at] = entry;
}

static void put(struct nft_tree *tree, struct nft_node *leaf, struct nft_entry entry)
{
	size_t at = place_of(tree, leaf, entry.rule);
	if (!leaf->list && is_hidden(tree, leaf->entry.at, at, entry))
		hide(tree, leaf, entry);
	else
		put_at(tree, leaf, at, entry);
}

// As the rule comes to the leaf on its ways, of which this is the first.
static struct nft_entry arriving(const struct walk *w, size_t at)
{
	struct nft_entry entry = w->found.at[at].entry;
	const struct nft_node *leaf = w->found.at[at].leaf;
	size_t ways = 0;
	for (size_t i = at; i < w->found.len; i++)
		if (w->found.at[i].leaf == leaf) {
			entry.left |= w->found.at[i].entry.left;
			ways++;
		}
	return entry_in(w->tree, leaf, entry, ways);
}

// A list that is all there is grows as the policy does.
static bool has_room(const struct nft_tree *tree, const struct nft_node *leaf)
{
	bool whole = leaf->list && tree->root->part.len == 1;
	return whole || leaf->entry.len < leaf->made * LEAF_GROWTH + LEAF_LEAST;
}

static void list_in_part(struct nft_tree *tree, struct nft_tree_part *part, uint32_t rule)
{
	size_t at = place_in_part(tree, part, rule);
	if (part->len == part->cap)
		part->rule = arena_grow(tree->arena, part->rule, part->len, &part->cap,
					sizeof(*part->rule));
	memmove(part->rule + at + 1, part->rule + at, (part->len - at) * sizeof(*part->rule));
	part->rule[at] = rule;
	part->len++;
}

// The boxes of gates on its ways, each once.
static bool pass_gates(const struct walk *w, uint32_t rule, struct nft_touched *touched)
{
	for (size_t i = 0; i < w->gate.len; i++)
		if (!pass_gate(w->tree, w->gate.at[i], rule, touched))
			return false;
	return true;
}

bool nft_tree_place(struct nft_tree *tree, uint32_t rule, struct nft_touched *touched)
{
	struct walk w = {.tree = tree, .arena = touched->arena, .comes = true};
	if (tree->rule.at[rule]->len > 32 || !walk_rule(&w, rule))
		return false;
	for (size_t i = 0; i < w.found.len; i++)
		if (!has_room(tree, w.found.at[i].leaf))
			return false;
	if (!pass_gates(&w, rule, touched))
		return false;
	tree->placed.at[rule] = true;
	tree->leaves.at[rule] = (uint32_t)w.found.len;
	for (size_t i = 0; i < w.chosen.len; i++)
		list_in_part(tree, &w.chosen.at[i].node->part.at[w.chosen.at[i].way], rule);
	for (size_t i = 0; i < w.found.len; i++)
		if (!was_seen(&w, i)) {
			touch(tree, touched, w.found.at[i].leaf);
			put(tree, w.found.at[i].leaf, arriving(&w, i));
		}
	return true;
}
