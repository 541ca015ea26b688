// SPDX-License-Identifier: Apache-2.0
// Rules in sub-trees that follow each other. Rules that leave an address open would be doubled for every range of the
// others' addresses, so they stand behind these, in a sub-tree of their own: a rule may stand behind a later one as long as
// no packet can match both. What nearly all of them ask is asked before, once. Where it is known which addresses packets
// may still have, the rules that are left are sorted once more: by then, some that held others back are gone. A list that
// does not fit the budget gets longer leaves, is cut in two, or ends as maps.
#include "backend/nft/meets.h"
#include "backend/nft/tree_build.h"

#include <stdlib.h>

#define BUDGET_X10 60u
#define BUDGET_MORE 1500u // of a part, however few its rules: loaded in some 5 ms
#define HELD_BUDGET 2u // for each rule of a list that is one of several of mostly the same rules …
#define HELD_MORE 64u  // … and beside that
#define CUT_BUDGET 2u  // for each rule of a list that is cut in few ways
#define PARTS_MOST 64u
#define CLASSES 4u
#define FEW_MOST 25000u // rules behind the first class that the proof of lists of them has time for
#define LEADING_MOST 8u
#define TRUNK_COPIES 4u // of each rule, by what nearly all ask

static struct nft_entries all_of(const struct nft_tree *tree, const uint32_t *rule, size_t len,
				 bool closed)
{
	struct nft_entries list = {0};
	for (size_t i = 0; i < len && !(closed && nft_entries_closed(tree, list.at, list.len)); i++)
		nft_entries_push(&list, nft_entry_of(tree, rule[i]));
	return list;
}

// --- one sub-tree ---

// A list, where packets know this much, and so many chains below the main one.
struct listed {
	struct nft_entries list;
	const struct nft_path *path;
	unsigned depth;
};
struct attempt {
	unsigned leaf_most;
	size_t budget; // SIZE_MAX: whatever it takes
	bool gates, cut;
};

// NULL when it does not fit the budget; then its nodes are gone.
static struct nft_node *attempt(struct nft_build *b, const struct listed *at, struct attempt how)
{
	struct arena nodes, scratch;
	struct nft_build mine = *b;
	size_t buckets = 64;
	while (buckets < at->list.len)
		buckets *= 2;
	arena_init(&nodes);
	arena_init(&scratch);
	mine.arena = &nodes;
	mine.scratch = &scratch;
	mine.known = arena_array(&scratch, struct nft_known *, buckets);
	mine.known_mask = buckets - 1;
	mine.leaf_most = how.leaf_most;
	mine.gates = how.gates;
	mine.cut = how.cut;
	mine.room = how.budget;
	mine.budget = how.budget == SIZE_MAX ? SIZE_MAX : b->spent + how.budget;
	mine.given = 0;
	mine.first = at->depth;
	mine.over = mine.trunk = false;
	struct nft_node *node = nft_build_node(&mine, &at->list, at->path, at->depth);
	if (!mine.over) {
		arena_join(b->arena, &nodes);
		b->budget += b->budget == SIZE_MAX ? 0 : mine.spent - b->spent;
		b->spent = mine.spent;
	}
	arena_fini(&scratch);
	arena_fini(&nodes);
	return mine.over ? NULL : node;
}

static size_t budget_of(const struct nft_build *b, const struct listed *at)
{
	size_t x10 = b->shape->budget_x10, rules = at->list.len;
	if (x10)
		return rules * x10 / 10 + NFT_LEAF_MOST;
	return nft_path_held(at->path) ? rules * HELD_BUDGET + HELD_MORE
				       : rules * BUDGET_X10 / 10 + BUDGET_MORE;
}

static void add_part(struct nft_build *b, struct nft_node *to, const struct nft_entries *list,
		     struct nft_node *root)
{
	struct nft_tree_part part = {.root = root, .len = list->len, .cap = list->len};
	part.rule = arena_array(b->arena, uint32_t, list->len);
	for (size_t i = 0; i < list->len; i++)
		part.rule[i] = list->at[i].rule;
	root->refs++;
	vec_push(b->arena, &to->part, part);
}

// In so many consecutive pieces.
static bool try_cuts(struct nft_build *b, struct nft_node *to, const struct listed *at,
		     unsigned cuts, struct attempt how)
{
	size_t parts = to->part.len, len = at->list.len;
	for (unsigned i = 0; i < cuts; i++) {
		struct listed some = *at;
		some.list.at += len * i / cuts;
		some.list.len = len * (i + 1) / cuts - len * i / cuts;
		how.budget = budget_of(b, &some);
		struct nft_node *root = attempt(b, &some, how);
		if (!root) {
			to->part.len = parts;
			return false;
		}
		add_part(b, to, &some.list, root);
	}
	return true;
}

// In how many consecutive parts a list is cut, and how long leaves may be (times the least), from quick to slow for a
// packet; and up to how many rules it is worth trying: a list whose rules leave much open has too many ways to one end, and
// longer leaves have hardly ever helped where they did not take half of it.
static const struct {
	unsigned cuts, leaves;
	size_t rules_most;
} attempts[] = {{1, 1, 800}, {2, 1, 800}, {1, 8, 128}, {1, 16, 256}};

struct hints {
	bool narrow; // most rules ask for an address
	bool gates;  // packets for which none does are told from the others first
};

// What is the same for all, few ways if that will do, and then long leaves of maps.
static void add_maps(struct nft_build *b, struct nft_node *to, const struct listed *at)
{
	size_t len = at->list.len;
	struct attempt how = {
		.leaf_most = (unsigned)len, .budget = len * CUT_BUDGET, .cut = b->mixed};
	struct nft_node *root = attempt(b, at, how);
	if (!root)
		root = attempt(b, at,
			       (struct attempt){.leaf_most = (unsigned)len, .budget = SIZE_MAX});
	add_part(b, to, &at->list, root);
}

static void add_list(struct nft_build *b, struct nft_node *to, const struct listed *at,
		     struct hints hints)
{
	bool one = b->exact || !b->mixed, done = false;
	size_t len = at->list.len;
	if (hints.gates)
		done = try_cuts(b, to, at, 1,
				(struct attempt){.leaf_most = b->leaf_most, .gates = true});
	for (size_t i = 0; i < array_len(attempts) && !done; i++) {
		bool worth = len <= attempts[i].rules_most || (hints.narrow && !i);
		struct attempt how = {.leaf_most = b->leaf_most * attempts[i].leaves};
		done = worth && (!one || attempts[i].cuts == 1) &&
		       try_cuts(b, to, at, attempts[i].cuts, how);
	}
	if (!done)
		add_maps(b, to, at);
}

// --- sequences ---

struct order {
	const struct nft_tree *tree;
	uint32_t held; // which of NFT_HAS_SRC and NFT_HAS_DST some rules have as packets here do
	bool few;
	uint8_t *class;
};

// Few rules are told apart by whether some of them has a packet's source, and its destination (tree.c), so all but those
// that have the destination stand together. Very many are not: then whoever asks both addresses is first, then who asks
// the destination, the source, neither. Where some have the packet's addresses, those stand in front.
static uint8_t class_wanted(const struct order *o, const struct nft_form *form)
{
	uint32_t has = nft_split_addresses(form);
	if (o->held == NFT_HAS_SRC)
		return has & NFT_HAS_SRC ? 0 : 1;
	if (o->held || o->few)
		return has & NFT_HAS_DST ? 0 : 1;
	return has == (NFT_HAS_DST | NFT_HAS_SRC) ? 0 : has == NFT_HAS_DST ? 1 : has ? 2 : 3;
}

static uint8_t last_class(const struct order *o)
{
	return o->held || o->few ? 1 : CLASSES - 1;
}

// Whoever comes before a rule and may match the same packets stands before it or beside it. False, and not all is sorted:
// more than `most` rules are not of the first class.
static bool sort(const struct order *o, const struct nft_form *const *rule, size_t len,
		 struct nft_meets *meets, size_t most)
{
	size_t behind = 0;
	nft_meets_levels(meets);
	for (uint32_t i = 0; i < len && behind <= most; i++) {
		struct nft_level level = {class_wanted(o, rule[i]), 1, last_class(o)};
		o->class[i] = (uint8_t)nft_meets_level(meets, i, level);
		behind += o->class[i] > 0;
	}
	return behind <= most;
}

static void put_in_order(struct order *o, const struct nft_entries *list)
{
	const struct nft_form **rule = base_oom(calloc(list->len, sizeof(*rule)));
	for (size_t i = 0; i < list->len; i++)
		rule[i] = o->tree->rule.at[list->at[i].rule];
	struct nft_meets *meets = nft_meets_new(rule, list->len);
	o->few = true;
	o->few = sort(o, rule, list->len, meets, o->held ? SIZE_MAX : FEW_MOST);
	if (!o->few)
		(void)sort(o, rule, list->len, meets, SIZE_MAX);
	nft_meets_free(meets);
	free(rule);
}

static struct nft_entries of_class(const struct order *o, const struct nft_entries *list,
				   size_t class)
{
	struct nft_entries out = {0};
	for (size_t i = 0; i < list->len; i++)
		if (o->class[i] == class)
			nft_entries_push(&out, list->at[i]);
	return out;
}

struct sorted {
	struct order order;
	const struct listed *at;
	struct nft_build *b;
	struct nft_node *to;
};

// A sequence of the parts that the rules of a class become.
static struct nft_node *build_class(void *user, struct nft_build *b, size_t class)
{
	const struct sorted *sorted = user;
	const struct order *o = &sorted->order;
	struct nft_node *node = nft_build_new(b, NFT_FIELDS);
	struct listed some = *sorted->at;
	struct hints hints = {.narrow = class < last_class(o),
			      .gates = class && o->few && !o->held};
	some.list = of_class(o, &sorted->at->list, class);
	if (some.list.len)
		add_list(b, node, &some, hints);
	free(some.list.at);
	return node;
}

static void take_class(void *user, size_t class, struct nft_node *node)
{
	struct sorted *sorted = user;
	(void)class;
	for (size_t i = 0; i < node->part.len; i++)
		vec_push(sorted->b->arena, &sorted->to->part, node->part.at[i]);
}

static void add_classes(struct nft_build *b, struct nft_node *to, const struct listed *at)
{
	struct sorted sorted = {.at = at, .b = b, .to = to};
	struct order *o = &sorted.order;
	*o = (struct order){.tree = b->tree,
			    .held = nft_path_held(at->path),
			    .class = base_oom(calloc(at->list.len, 1))};
	put_in_order(o, &at->list);
	const struct nft_beside classes = {last_class(o) + 1u, build_class, take_class, &sorted};
	nft_build_beside(b, &classes, at->list.len);
	free(o->class);
}

struct nft_node *nft_build_sequence(struct nft_build *b, const struct nft_entries *list,
				    const struct nft_path *path, unsigned depth)
{
	struct listed at = {*list, path, depth + 1};
	struct nft_node *node = nft_build_new(b, NFT_FIELDS);
	node->closer = nft_entries_closed(b->tree, list->at, list->len)
			       ? list->at[list->len - 1].rule
			       : NFT_NO_RULE;
	// Where both addresses are some rule's, all that kept rules behind is still there.
	bool mixed_up = nft_path_held(path) == (NFT_HAS_SRC | NFT_HAS_DST);
	if (!b->mixed || mixed_up || list->len < b->tree->sorted_least)
		add_list(b, node, &at, (struct hints){.narrow = !mixed_up});
	else
		add_classes(b, node, &at);
	if (node->part.len > 1)
		return node;
	node->part.at[0].root->refs--;
	return node->part.at[0].root;
}

struct nft_node *nft_build_trunk(struct nft_build *b, const struct nft_entries *list,
				 const struct nft_path *path, unsigned depth)
{
	struct arena arena;
	struct nft_split split;
	struct nft_splitting s = {.tree = b->tree,
				  .path = path,
				  .entries = list,
				  .leaf_most = b->leaf_most,
				  .copies_most = list->len * TRUNK_COPIES,
				  .common_only = true};
	arena_init(&arena);
	struct nft_node *node;
	if (nft_split_choose(&s, &arena, &split)) {
		node = nft_build_branch(b, list, path, depth, &split);
		node->common = true;
	} else {
		node = nft_build_sequence(b, list, path, depth);
	}
	arena_fini(&arena);
	return node;
}

// --- all rules ---

// Rules that follow each other.
struct run {
	size_t first, len;
	enum nft_kind kind;
	bool list;
};

static void find_run(const struct nft_tree *tree, struct run *run)
{
	size_t i = run->first;
	run->kind = NFT_KIND_ANY;
	for (; i < tree->rule.len; i++) {
		enum nft_kind now = nft_form_kind(tree->rule.at[i]);
		if (now != NFT_KIND_ANY && run->kind != NFT_KIND_ANY && now != run->kind &&
		    !run->list)
			break;
		run->kind = now != NFT_KIND_ANY ? now : run->kind;
	}
	run->len = i - run->first;
}

static bool too_long(const struct nft_tree *tree)
{
	for (size_t i = 0; i < tree->rule.len; i++)
		if (tree->rule.at[i]->len > 32)
			return true;
	return false;
}

// How many rules at the beginning stand in front of all trees, as a list: up to the last that asks for the state of the
// packet's connection and for no address, as "established: accept" does. Trees do not split by it, so that rule would stand
// in each leaf; here the packets of known connections are judged before anything else is asked.
static size_t leading(const struct nft_build *b)
{
	size_t n = 0, rules = b->tree->rule.len;
	for (size_t i = 0; i < LEADING_MOST && i < rules && b->mixed; i++) {
		const struct nft_form *form = b->tree->rule.at[i];
		if (nft_form_set(form, F_STATE) && !nft_split_addresses(form))
			n = i + 1;
	}
	return rules - n > b->leaf_most ? n : 0;
}

static void add_run(struct nft_build *b, struct nft_node *to, const struct run *run)
{
	static const struct nft_path path;
	uint32_t *rule = base_oom(calloc(run->len, sizeof(*rule)));
	for (size_t i = 0; i < run->len; i++)
		rule[i] = (uint32_t)(run->first + i);
	struct nft_entries all = all_of(b->tree, rule, run->len, false);
	struct nft_entries met = all_of(b->tree, rule, run->len, true);
	add_part(b, to, &all,
		 run->list  ? nft_build_leaf(b, &all, &path, true)
		 : b->mixed ? nft_build_trunk(b, &met, &path, 0)
			    : nft_build_sequence(b, &met, &path, 0));
	to->part.at[to->part.len - 1].kind = run->kind;
	free(met.at);
	free(all.at);
	free(rule);
}

struct nft_node *nft_build_root(struct nft_build *b)
{
	struct nft_node *root = nft_build_new(b, NFT_FIELDS);
	root->refs = 1;
	bool lists = too_long(b->tree) || b->shape->form == BACKEND_NFT_LINEAR;
	struct run first = {.len = lists ? 0 : leading(b), .list = true};
	if (first.len)
		add_run(b, root, &first);
	for (struct run run = {.first = first.len}; run.first < b->tree->rule.len;
	     run.first += run.len) {
		run.list = lists || root->part.len >= PARTS_MOST;
		find_run(b->tree, &run);
		run.list |= b->mixed && run.len <= b->leaf_most;
		add_run(b, root, &run);
	}
	return root;
}
