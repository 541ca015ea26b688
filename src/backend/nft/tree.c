// SPDX-License-Identifier: Apache-2.0
// Building the tree. A list of rules is split by the best field until it is short; every rule goes to all ranges that its
// set meets, without the test where the set holds the whole range. What stands behind a rule that decides every packet of
// its leaf is left out. Equal lists become one node, so the tree is a DAG. Where it would hold more than the budget allows,
// building stops (tree_parts.c).
#include "backend/nft/tree_build.h"
#include "backend/nft/tree_cut.h"
#include "backend/nft/tree_gate.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MOST 9      // the kernel allows 16 chains within each other, those of rules included
#define SHARED_MOST 4096u // longer lists are not looked up
#define GIVEN_MOST 6u     // on the way to the leaves, for each that may stand there
#define BOXES_LEAST 17u   // so many rules are not tested one after the other where a map can be had
#define SORTED_LEAST 64u  // fewer rules are one part
#define BLOCKS_LEAST \
	2000u // boxes of a gate: a map over several fields then takes twice as long as a hash
// Rules from which to check the table takes the kernel some ms. So there are maps in front, and boxes decide by themselves;
// in smaller policies, what is turned is one kernel rule in a chain of its own.
#define CHECK_LEAST 8000u
// Rules from which it matters that the kernel goes through all chains in every transaction, and looks for maps in a list.
#define LARGE_LEAST 20000u
#define CUT_LEAST 400u     // rules of a list that is worth to be cut in few ways …
#define CUT_COPIES_X10 25u // … of so many rules together, for each of them …
#define CUT_HELD_X10 16u   // … behind gates, where few packets come …
#define CUT_LARGE_X10 32u  // … in large trees, of which such lists are a smaller part …
#define CUT_LONG 10000u    // … up to so many rules
// In large trees so many rules share a leaf across addresses that no rule asks for, or across neighbouring blocks.
#define ACROSS_MOST 6u
#define OWN_MOST \
	1u // rules for packets of no way that stand in the chain of the node, though others have them, too
#define DEAD_MOST 160u // in longer leaves, rules that never match are not looked for

#define DIRECT_MOST 16u // leaves
#define MAP_MOST 64u    // rules of a leaf that is a map where a list would have been split

struct nft_known {
	struct nft_entries list;
	uint64_t hash;
	struct nft_node *node;
	struct nft_known *next;
};

// --- lists of entries ---

void nft_entries_push(struct nft_entries *list, struct nft_entry entry)
{
	if (list->len == list->cap) {
		list->cap = list->cap ? list->cap * 2 : 4;
		list->at = base_oom(realloc(list->at, list->cap * sizeof(*list->at)));
	}
	list->at[list->len++] = entry;
}

struct nft_entry nft_entry_of(const struct nft_tree *tree, uint32_t rule)
{
	return (struct nft_entry){rule, (uint32_t)((1ull << tree->rule.at[rule]->len) - 1)};
}

bool nft_form_decides(const struct nft_form *form)
{
	return form->act == ACT_ACCEPT || form->act == ACT_DROP || form->act == ACT_GOTO;
}

bool nft_tree_direct_as(const struct nft_tree *tree, uint32_t rule, const struct nft_form *form)
{
	return tree->direct && tree->leaves.at[rule] <= DIRECT_MOST && nft_form_plain(form);
}

bool nft_tree_direct(const struct nft_tree *tree, uint32_t rule)
{
	return nft_tree_direct_as(tree, rule, tree->rule.at[rule]);
}

bool nft_entries_closed(const struct nft_tree *tree, const struct nft_entry *at, size_t len)
{
	const struct nft_entry *last = len ? &at[len - 1] : NULL;
	return last && !last->left && nft_form_decides(tree->rule.at[last->rule]);
}

static bool closed(const struct nft_tree *tree, const struct nft_entries *list)
{
	return nft_entries_closed(tree, list->at, list->len);
}

// --- nodes that are there already ---

static uint64_t mixed(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 29;
}

// Of the list and of all on the way that the node under it depends on: the ranges of fields that are still asked for.
static uint64_t hash_of(const struct nft_build *b, const struct nft_entries *list,
			const struct nft_path *path)
{
	uint64_t hash = list->len;
	uint32_t asked = 0, bit;
	for (size_t i = 0; i < list->len; i++)
		hash = mixed(hash, (uint64_t)list->at[i].rule << 32 | list->at[i].left);
	if (list->len >= b->tree->boxes_least)
		hash = mixed(hash, nft_path_fields(path));
	if (list->len <= NFT_LEAF_MOST)
		return hash;
	for (size_t f = 0; f < NFT_SPLIT_FIELDS; f++)
		for (size_t i = 0; path->split >> f & 1 && !(asked >> f & 1) && i < list->len; i++)
			if (nft_entry_set(b->tree, list->at[i], nft_split_field[f], &bit))
				asked |= 1u << f;
	for (size_t f = 0; f < NFT_SPLIT_FIELDS; f++)
		if (asked >> f & 1) {
			hash = mixed(hash, (uint64_t)path->range[f].lo ^
						   (uint64_t)(path->range[f].lo >> 64));
			hash = mixed(hash, (uint64_t)path->range[f].hi ^
						   (uint64_t)(path->range[f].hi >> 64));
		}
	for (size_t side = 0; side < 2; side++) {
		hash = mixed(hash, path->version[side]);
		for (size_t i = 0; i < 4; i++)
			hash = mixed(hash, path->protocols[side][i]);
	}
	hash = mixed(hash, path->held);
	return mixed(hash, (uint64_t)path->link << 2 | (uint64_t)path->header << 1 | path->flow);
}

static struct nft_node *find_known(struct nft_build *b, uint64_t hash,
				   const struct nft_entries *list)
{
	for (struct nft_known *k = b->known[hash & b->known_mask]; k; k = k->next)
		if (k->hash == hash && k->list.len == list->len &&
		    (!list->len || !memcmp(k->list.at, list->at, list->len * sizeof(*list->at))))
			return k->node;
	return NULL;
}

static void keep_known(struct nft_build *b, uint64_t hash, const struct nft_entries *list,
		       struct nft_node *node)
{
	if (list->len > SHARED_MOST)
		return;
	struct nft_known *k = arena_new(b->scratch, struct nft_known);
	*k = (struct nft_known){.hash = hash, .node = node, .next = b->known[hash & b->known_mask]};
	k->list.at = arena_memdup(b->scratch, list->at, list->len * sizeof(*list->at));
	k->list.len = list->len;
	b->known[hash & b->known_mask] = k;
}

// --- nodes ---

struct nft_node *nft_build_new(struct nft_build *b, enum nft_field field)
{
	struct nft_node *node = arena_new(b->arena, struct nft_node);
	node->field = field;
	node->closer = NFT_NO_RULE;
	return node;
}

bool nft_is_leaf(const struct nft_node *node)
{
	return node->field == NFT_FIELDS && !node->part.len && !node->gate;
}

static bool takes_all_of(const struct nft_tree *tree, struct nft_entry first,
			 struct nft_entry second)
{
	const struct nft_form *a = tree->rule.at[first.rule], *b = tree->rule.at[second.rule];
	for (size_t i = 0; i < a->len; i++) {
		if (!(first.left >> i & 1))
			continue;
		const struct algebra_set *set = nft_form_set(b, a->match[i].field);
		if (!set || !algebra_set_within(*set, a->match[i].set))
			return false;
	}
	return nft_form_decides(a);
}

bool nft_entries_take_all_of(const struct nft_tree *tree, const struct nft_entry *at, size_t len,
			     struct nft_entry entry)
{
	for (size_t i = 0; i < len; i++)
		if (takes_all_of(tree, at[i], entry))
			return true;
	return false;
}

struct nft_node *nft_build_leaf(struct nft_build *b, const struct nft_entries *list,
				const struct nft_path *path, bool all)
{
	struct nft_node *node = nft_build_new(b, NFT_FIELDS);
	node->list = all;
	node->has = nft_path_fields(path);
	node->entry.at = arena_array(b->arena, struct nft_entry, list->len);
	node->entry.cap = list->len;
	for (size_t i = 0; i < list->len; i++)
		if (all || list->len > DEAD_MOST ||
		    !nft_entries_take_all_of(b->tree, node->entry.at, node->entry.len, list->at[i]))
			node->entry.at[node->entry.len++] = list->at[i];
		else
			vec_push(b->arena, &node->hidden, list->at[i]);
	node->made = node->entry.len;
	if (!all && node->made >= b->tree->boxes_least)
		node->cut = nft_cut_new(b->arena);
	b->spent += node->entry.len > 2 * NFT_LEAF_MOST ? node->entry.len / 2 : node->entry.len;
	b->over |= b->spent > b->budget;
	return node;
}

// A connection that is not known has no flow.
bool nft_form_needs_no_flow(const struct nft_form *form)
{
	const struct algebra_set *state = nft_form_set(form, F_STATE);
	return state && state->len && state->at[0].lo >= IR_STATE_INVALID;
}

// A list that is told apart.
struct branch {
	struct nft_build *b;
	struct nft_node *node;
	const struct nft_split *split;
	const struct nft_path *path;
	unsigned depth;         // of what is below
	struct nft_entries *to; // for each range, and at last for packets of none
	size_t *end;            // of ranges that go together, and at last of packets of none
	size_t ends;
	bool flow; // whoever goes a way has a flow
};

// What is spread so much will not fit into leaves again, though some lists may turn out to be equal.
static void hand_on(struct nft_build *b, struct nft_entries *to, struct nft_entry entry)
{
	nft_entries_push(to, entry);
	b->over |= ++b->given / GIVEN_MOST > b->room;
}

static void give(const struct branch *at, size_t way, struct nft_entry entry, uint32_t answered)
{
	const struct nft_tree *tree = at->b->tree;
	entry.left &= ~answered;
	if (closed(tree, &at->to[way]) ||
	    (at->flow && nft_form_needs_no_flow(tree->rule.at[entry.rule])))
		return;
	hand_on(at->b, &at->to[way], entry);
}

bool nft_range_within(struct algebra_range inner, struct algebra_range outer)
{
	return outer.lo <= inner.lo && inner.hi <= outer.hi;
}

// The first range that does not end before the value.
static size_t first_way(const struct nft_split *split, u128 value)
{
	size_t lo = 0, hi = split->range.len;
	while (lo < hi) {
		size_t middle = (lo + hi) / 2;
		if (split->range.at[middle].hi < value)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo;
}

// To the ranges that the set meets, once each; true when it has values outside of all of them.
static bool spread_set(const struct branch *at, struct nft_entry entry,
		       const struct algebra_set *set, uint32_t bit)
{
	size_t next = 0; // range that has not got it
	bool outside = false;
	for (size_t k = 0; k < set->len; k++) {
		struct algebra_range r = set->at[k];
		u128 covered = r.lo; // up to here some range holds it
		bool more = true;
		for (size_t i = first_way(at->split, r.lo);
		     i < at->split->range.len && at->split->range.at[i].lo <= r.hi; i++) {
			struct algebra_range way = at->split->range.at[i];
			outside |= way.lo > covered;
			more = way.hi < r.hi;
			covered = way.hi + 1;
			if (i >= next)
				give(at, i, entry, nft_range_within(way, r) ? bit : 0);
			next = i >= next ? i + 1 : next;
		}
		outside |= more;
	}
	return outside;
}

static void spread_entry(const struct branch *at, struct nft_entry entry)
{
	uint32_t bit;
	const struct algebra_set *set = nft_entry_set(at->b->tree, entry, at->split->field, &bit);
	struct nft_entries *miss = &at->to[at->split->range.len];
	bool outside = true;
	if (set)
		outside = spread_set(at, entry, set, bit);
	for (size_t i = 0; !set && i < at->split->range.len; i++)
		give(at, i, entry, 0);
	if (outside && !at->split->covers && !closed(at->b->tree, miss))
		hand_on(at->b, miss, entry);
}

// Ranges that lead to one node are one; blocks stay of one size.
static void add_way(struct nft_build *b, struct nft_node *node, struct nft_way way, bool blocks)
{
	struct nft_way *last = node->way.len ? &node->way.at[node->way.len - 1] : NULL;
	if (!blocks && last && last->to == way.to && last->range.hi + 1 == way.range.lo) {
		last->range.hi = way.range.hi;
		return;
	}
	way.to->refs++;
	vec_push(b->arena, &node->way, way);
}

// So few rules are not worth a chain that others lead to, too: they stand in the node's own.
static struct nft_node *build_miss(struct nft_build *b, const struct nft_entries *list,
				   const struct nft_path *path, unsigned depth)
{
	return list->len <= OWN_MOST ? nft_build_leaf(b, list, path, false)
				     : nft_build_node(b, list, path, depth);
}

// --- ways that go together ---

static size_t begin_of(const struct branch *at, size_t together)
{
	return together ? at->end[together - 1] : 0;
}

// Among rules in their order, once, with the test by which they are told apart; how many there are then.
static size_t insert(const struct branch *at, struct nft_entry *all, size_t n,
		     struct nft_entry entry)
{
	const struct nft_tree *tree = at->b->tree;
	uint32_t bit;
	size_t place = n;
	while (place && all[place - 1].rule > entry.rule)
		place--;
	if (place && all[place - 1].rule == entry.rule)
		return n;
	if (nft_entry_set(tree, nft_entry_of(tree, entry.rule), at->split->field, &bit))
		entry.left |= bit;
	memmove(&all[place + 1], &all[place], (n - place) * sizeof(*all));
	all[place] = entry;
	return n + 1;
}

// The rules of neighbouring blocks, in order, become those of the first, with the test that tells them apart.
static void join(const struct branch *at, size_t begin, size_t end)
{
	struct nft_entry all[ACROSS_MOST];
	size_t n = 0;
	for (size_t i = begin; i < end; i++)
		for (size_t k = 0; k < at->to[i].len; k++)
			n = insert(at, all, n, at->to[i].at[k]);
	at->to[begin].len = 0;
	for (size_t i = 0; i < n; i++)
		nft_entries_push(&at->to[begin], all[i]);
}

// Whoever goes that way comes to a list that may stand with others in one: of a closed one nobody knows what is behind.
static bool may_join(const struct branch *at, size_t way)
{
	return at->split->blocks && at->b->tree->large && !closed(at->b->tree, &at->to[way]);
}

// In large trees neighbouring blocks of few rules share a leaf.
static void put_together(struct branch *at)
{
	size_t ranges = at->split->range.len;
	at->end = base_oom(malloc((ranges + 1) * sizeof(*at->end)));
	for (size_t i = 0; i < ranges;) {
		size_t begin = i, rules = at->to[i++].len;
		while (i < ranges && rules + at->to[i].len <= ACROSS_MOST && may_join(at, begin) &&
		       may_join(at, i))
			rules += at->to[i++].len;
		if (i > begin + 1)
			join(at, begin, i);
		at->end[at->ends++] = i;
	}
	if (!at->split->covers)
		at->end[at->ends++] = ranges + 1;
}

static struct nft_node *build_below(void *user, struct nft_build *b, size_t i)
{
	const struct branch *at = user;
	struct nft_path down = *at->path;
	size_t begin = begin_of(at, i);
	if (begin == at->split->range.len)
		return build_miss(b, &at->to[begin], &down, at->depth);
	struct algebra_range range = {at->split->range.at[begin].lo,
				      at->split->range.at[at->end[i] - 1].hi};
	nft_path_follow(&down, at->split->field, range);
	return nft_build_node(b, &at->to[begin], &down, at->depth);
}

static void lead_to(void *user, size_t i, struct nft_node *below)
{
	struct branch *at = user;
	size_t begin = begin_of(at, i);
	uint32_t rules = (uint32_t)at->to[begin].len;
	for (size_t k = begin; k < at->end[i] && k < at->split->range.len; k++)
		add_way(at->b, at->node, (struct nft_way){at->split->range.at[k], below, rules},
			at->split->blocks);
	if (begin < at->split->range.len)
		return;
	at->node->miss = below;
	below->refs++;
}

struct nft_node *nft_build_branch(struct nft_build *b, const struct nft_entries *list,
				  const struct nft_path *path, unsigned depth,
				  const struct nft_split *split)
{
	size_t ranges = split->range.len;
	struct nft_entries *to = base_oom(calloc(ranges + 1, sizeof(*to)));
	struct nft_node *node = nft_build_new(b, split->field);
	bool flow = path->flow || nft_field_info[split->field].side == OF_FLOW;
	struct branch at = {b, node, split, path, depth + 1, to, .flow = flow};
	vec_reserve(b->arena, &node->way, ranges);
	for (size_t i = 0; i < list->len && !b->over; i++)
		spread_entry(&at, list->at[i]);
	put_together(&at);
	const struct nft_beside ways = {at.ends, build_below, lead_to, &at};
	nft_build_beside(b, &ways, list->len);
	for (size_t i = 0; i <= ranges; i++)
		free(to[i].at);
	free(to);
	free(at.end);
	return node;
}

// Rules that ask for the address go one way, all others go there and on.
static void spread_at_gate(struct nft_build *b, const struct nft_entries *list,
			   const struct nft_path *path, enum nft_field address,
			   struct nft_entries *way, struct nft_entries *miss)
{
	uint32_t held = nft_path_held(path);
	bool flow = path->flow || nft_field_info[address].side == OF_FLOW;
	for (size_t i = 0; i < list->len && !b->over; i++) {
		const struct nft_form *form = b->tree->rule.at[list->at[i].rule];
		if (!flow || !nft_form_needs_no_flow(form))
			hand_on(b, way, list->at[i]);
		if (!nft_split_gated(form, address, held) && !closed(b->tree, miss))
			hand_on(b, miss, list->at[i]);
	}
}

static struct nft_node *build_gate(struct nft_build *b, const struct nft_entries *list,
				   const struct nft_path *path, unsigned depth,
				   enum nft_field address)
{
	struct nft_node *node = nft_build_new(b, NFT_FIELDS);
	struct nft_entries way = {0}, miss = {0};
	struct nft_path down = *path;
	down.flow |= nft_field_info[address].side == OF_FLOW;
	down.held |= nft_split_bit(address);
	spread_at_gate(b, list, path, address, &way, &miss);
	if (!b->over) {
		struct nft_node *to = nft_build_node(b, &way, &down, depth + 1);
		add_way(b, node, (struct nft_way){.to = to, .rules = (uint32_t)way.len}, false);
	}
	if (!b->over) {
		node->miss = nft_build_node(b, &miss, path, depth + 1);
		node->miss->refs++;
	}
	if (!b->over)
		node->gate = nft_gate_new(b->tree, list, path, address, b->arena);
	b->over |= !node->gate;
	free(miss.at);
	free(way.at);
	return node;
}

// Addresses of some rule are still to be told.
static bool asks_narrowly(const struct nft_build *b, const struct nft_entries *list,
			  const struct nft_path *path)
{
	for (size_t i = 0; path->held && i < list->len; i++)
		if (nft_split_addresses(b->tree->rule.at[list->at[i].rule]))
			return true;
	return false;
}

// Whether no field is asked any more that tells the rules apart. Where boxes decide by themselves, a map of some tens of
// rules takes a packet no longer than a branch and short lists behind it, and the kernel has a chain less for each of these.
static bool is_leaf(const struct nft_build *b, const struct nft_entries *list,
		    const struct nft_path *path)
{
	return list->len <= b->leaf_most ||
	       (b->tree->direct && list->len <= MAP_MOST &&
		nft_leaf_is_boxes(b->tree, nft_path_fields(path), list));
}

struct nft_node *nft_build_node(struct nft_build *b, const struct nft_entries *list,
				const struct nft_path *path, unsigned depth)
{
	if (b->trunk)
		return nft_build_trunk(b, list, path, depth);
	uint64_t hash = list->len <= SHARED_MOST ? hash_of(b, list, path) : 0;
	struct nft_node *node = list->len <= SHARED_MOST ? find_known(b, hash, list) : NULL;
	if (node) {
		node->has &= nft_path_fields(path); // a short leaf, which may become a map one day
		return node;
	}
	struct arena arena;
	struct nft_split split;
	bool gates = b->gates && list->len > b->leaf_most,
	     held = gates && asks_narrowly(b, list, path), few = b->cut && list->len >= CUT_LEAST;
	bool large = b->tree->large && list->len <= CUT_LONG;
	unsigned copies_x10 = large                 ? CUT_LARGE_X10
			      : nft_path_held(path) ? CUT_HELD_X10
						    : CUT_COPIES_X10;
	struct nft_splitting s = {.tree = b->tree,
				  .path = path,
				  .entries = list,
				  .leaf_most = b->leaf_most,
				  .copies_most = few ? list->len * copies_x10 / 10 : SIZE_MAX,
				  .across_most = b->tree->large ? ACROSS_MOST : 0,
				  .exact = b->exact,
				  .common_only = held || (!few && is_leaf(b, list, path)),
				  .few = few,
				  .gates = gates};
	arena_init(&arena);
	if (list->len <= NFT_LEAF_MOST || depth == DEPTH_MOST || (b->exact && depth > b->first))
		node = nft_build_leaf(b, list, path, false);
	else if (nft_split_choose(&s, &arena, &split))
		node = split.gate ? build_gate(b, list, path, depth, split.field)
				  : nft_build_branch(b, list, path, depth, &split);
	else
		node = held ? nft_build_sequence(b, list, path, depth)
			    : nft_build_leaf(b, list, path, false);
	arena_fini(&arena);
	if (!b->over)
		keep_known(b, hash, list, node);
	return node;
}

// --- rules ---

void nft_tree_add_rule(struct nft_tree *tree, const struct nft_form *form, uint64_t rank)
{
	vec_push(tree->arena, &tree->rule, form);
	vec_push(tree->arena, &tree->asks, nft_form_fields(form));
	vec_push(tree->arena, &tree->rank, rank);
	vec_push(tree->arena, &tree->placed, false);
	vec_push(tree->arena, &tree->hull, nft_hull_of(form));
	vec_push(tree->arena, &tree->leaves, 0);
	vec_push(tree->arena, &tree->target, ++tree->numbers);
	vec_push(tree->arena, &tree->targeted, NFT_TARGET_NONE);
}

size_t nft_tree_room(size_t rules)
{
	return rules + rules / 32 + 64;
}

static void reserve_rules(struct nft_tree *tree, size_t rules)
{
	vec_reserve(tree->arena, &tree->rule, rules);
	vec_reserve(tree->arena, &tree->asks, rules);
	vec_reserve(tree->arena, &tree->rank, rules);
	vec_reserve(tree->arena, &tree->placed, rules);
	vec_reserve(tree->arena, &tree->hull, rules);
	vec_reserve(tree->arena, &tree->leaves, rules);
	vec_reserve(tree->arena, &tree->target, rules);
	vec_reserve(tree->arena, &tree->targeted, rules);
}

void nft_tree_build_as(const struct nft_rules *rules, const struct backend_nft_shape *shape,
		       struct arena *arena, struct nft_tree *out)
{
	size_t len = rules->list.len,
	       overlay_least = shape->overlay_least ? shape->overlay_least : CHECK_LEAST,
	       direct_least = shape->direct_least ? shape->direct_least : CHECK_LEAST,
	       large_least = shape->large_least ? shape->large_least : LARGE_LEAST;
	*out = (struct nft_tree){
		.arena = arena,
		.overlay = len >= overlay_least,
		.direct = len >= direct_least,
		.large = len >= large_least,
		.boxes_least = shape->boxes_least ? shape->boxes_least : BOXES_LEAST,
		.sorted_least = shape->sorted_least ? shape->sorted_least : SORTED_LEAST,
		.blocks_least = shape->blocks_least ? shape->blocks_least : BLOCKS_LEAST};
	reserve_rules(out, nft_tree_room(len));
	for (size_t i = 0; i < len; i++)
		nft_tree_add_rule(out, rules->list.at[i], (i + 1) * NFT_RANK_STEP);
	struct nft_build b = {.tree = out,
			      .arena = arena,
			      .shape = shape,
			      .budget = SIZE_MAX,
			      .room = SIZE_MAX,
			      .exact = shape->form == BACKEND_NFT_HASH};
	b.leaf_most = shape->leaf_most ? shape->leaf_most
		      : out->large     ? 2 * NFT_LEAF_MOST
				       : NFT_LEAF_MOST;
	b.mixed = shape->form == BACKEND_NFT_AUTO || shape->form == BACKEND_NFT_MIXED;
	b.trunk = b.mixed;
	out->root = nft_build_root(&b);
	out->entries = b.spent;
	for (size_t i = 0; i < out->rule.len; i++)
		out->placed.at[i] = true;
	nft_tree_finish(out);
}

struct nft_rules nft_rules_of(const struct nft_program *linear, struct arena *arena)
{
	const struct nft_chain *chain = nft_program_find(linear, "");
	struct nft_rules rules = {.own = linear};
	for (size_t i = 0; i < chain->rule.len; i++)
		vec_push(arena, &rules.list, &chain->rule.at[i]);
	return rules;
}
