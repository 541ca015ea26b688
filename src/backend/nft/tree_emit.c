// SPDX-License-Identifier: Apache-2.0
// The tree as chains. A node's chain begins with its verdict map, or with one goto a range where there are few; what
// comes behind is for packets of no range. A sequence jumps to one part after the other, so that a packet that no rule of a
// part decides comes back and goes on; the kernel allows 16 chains within each other, whether by jump or goto.
#include "backend/nft/overlay.h"
#include "backend/nft/tree_cut.h"
#include "backend/nft/tree_gate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const struct nft_node nft_main_node;

struct emission {
	struct nft_tree *tree;
	struct arena *arena; // of the chain being made
	nft_chain_fn each;
	void *context;
	bool keep;                         // what was made
	bool shallow;                      // one chain only, without the branches of maps
	bool kept;                         // maps that are there already are only named
	struct nft_touched *loses;         // takes what maps lose
	bool *done;                        // by number
	const struct nft_touched *touched; // leaves whose rules are there; NULL: none are
};

char *nft_node_name(uint32_t number, struct arena *arena)
{
	return arena_printf(arena, NFT_NODE_CHAIN "%u", number);
}

char *nft_node_map_name(const struct nft_node *node, struct arena *arena)
{
	return arena_printf(arena, "%s%u", node->gate ? NFT_GATE_SET : "-m", node->number);
}

uint32_t nft_node_number(const char *name)
{
	assert(nft_is_node(name));
	return (uint32_t)strtoul(name + strlen(NFT_NODE_CHAIN), NULL, 10);
}

static const char *name_of(struct emission *e, const struct nft_node *node)
{
	return nft_node_name(node->number, e->arena);
}

static void push(struct emission *e, struct nft_chain *to, struct nft_form form)
{
	vec_push(e->arena, &to->rule, form);
}

static void push_to(struct emission *e, struct nft_chain *to, enum nft_act act,
		    const struct nft_node *node)
{
	push(e, to,
	     (struct nft_form){.act = act, .chain = name_of(e, node), .tag = nft_tag_helper()});
}

struct nft_form nft_entry_form(const struct nft_tree *tree, struct nft_entry entry,
			       struct arena *arena)
{
	const struct nft_form *rule = tree->rule.at[entry.rule];
	struct nft_form form = *rule;
	form.len = 0;
	form.match = arena_array(arena, struct nft_match, rule->len);
	for (size_t i = 0; i < rule->len; i++)
		if (entry.left >> i & 1)
			form.match[form.len++] = rule->match[i];
	return form;
}

static void emit_leaf(struct emission *e, const struct nft_node *node, struct nft_chain *to);

static const char *target_name(struct emission *e, struct nft_entry entry)
{
	return nft_node_name(e->tree->target.at[entry.rule], e->arena);
}

// What a rule does, for its boxes in all leaves.
static void emit_target(struct emission *e, struct nft_entry entry)
{
	bool direct = nft_tree_direct(e->tree, entry.rule);
	uint8_t now = direct ? NFT_TARGET_DIRECT : NFT_TARGET_CHAIN;
	if (e->tree->targeted.at[entry.rule] == now)
		return;
	e->tree->targeted.at[entry.rule] = now;
	struct nft_form form = nft_entry_form(e->tree, (struct nft_entry){entry.rule, 0}, e->arena);
	struct nft_chain chain = {.name = target_name(e, entry), .direct = direct};
	vec_push(e->arena, &chain.rule, form);
	e->each(e->context, arena_memdup(e->arena, &chain, sizeof(chain)));
}

void nft_tree_emit_leaf(struct nft_tree *tree, const struct nft_node *leaf, struct arena *arena,
			struct nft_chain *to)
{
	struct emission e = {.tree = tree, .arena = arena, .shallow = true, .kept = true};
	emit_leaf(&e, leaf, to);
}

void nft_tree_emit_touched(struct nft_tree *tree, struct nft_touched *touched, nft_chain_fn each,
			   void *context)
{
	struct emission e = {.tree = tree,
			     .arena = touched->arena,
			     .each = each,
			     .context = context,
			     .kept = true,
			     .loses = touched};
	for (size_t i = 0; i < touched->leaf.len; i++)
		if (touched->leaf.at[i].leaf)
			emit_leaf(&e, touched->leaf.at[i].leaf, &touched->leaf.at[i].now);
}

// Filling maps is slow: rules that are there are taken.
static const struct nft_chain *emitted(const struct emission *e, const struct nft_node *leaf)
{
	for (size_t i = 0; e->touched && i < e->touched->leaf.len; i++)
		if (e->touched->leaf.at[i].leaf == leaf)
			return &e->touched->leaf.at[i].now;
	return NULL;
}

static void fill_again(struct emission *e, const struct nft_node *leaf, struct nft_group *group,
		       const struct nft_placed *rule, struct nft_boxes *out)
{
	bool filled = nft_leaf_boxes_again(e->tree, leaf, group, rule, e->arena, out);
	assert(filled);
}

static void emit_map_of(struct emission *e, const struct nft_node *leaf, struct nft_group *group,
			const struct nft_placed *rule, struct nft_chain *to)
{
	struct nft_form form = {.act = ACT_BOXES, .tag = nft_tag_helper()};
	if (group->boxes)
		form.boxes = *group->boxes;
	else if (!e->kept)
		fill_again(e, leaf, group, rule, &form.boxes);
	group->boxes = NULL;
	form.boxes.name = nft_group_name(leaf, group, e->arena);
	push(e, to, form);
	// A rule that earlier ones cover has no boxes.
	for (size_t i = 0; i < group->rules && !e->shallow; i++)
		if (rule[i].boxes)
			emit_target(e, rule[i].entry);
}

static void emit_cut(struct emission *e, const struct nft_node *leaf, struct nft_chain *to)
{
	const struct nft_placed *rule = leaf->cut->rule.at;
	for (size_t i = 0; i < leaf->cut->group.len; i++) {
		struct nft_group *group = &leaf->cut->group.at[i];
		if (group->map)
			emit_map_of(e, leaf, group, rule, to);
		else
			push(e, to, nft_entry_form(e->tree, rule->entry, e->arena));
		rule += group->rules;
	}
}

static void emit_leaf(struct emission *e, const struct nft_node *node, struct nft_chain *to)
{
	const struct nft_chain *there = emitted(e, node);
	for (size_t i = 0; there && i < there->rule.len; i++)
		push(e, to, there->rule.at[i]);
	if (there)
		return;
	nft_cut_update(e->tree, node, e->arena, e->loses);
	if (node->cut && node->cut->group.len)
		emit_cut(e, node, to);
	else
		for (size_t i = 0; i < node->entry.len; i++)
			push(e, to, nft_entry_form(e->tree, node->entry.at[i], e->arena));
}

// First where the most rules are: most packets, too, as far as anybody knows.
static int by_rules(const void *x, const void *y)
{
	const struct nft_way *a = *(const struct nft_way *const *)x,
			     *b = *(const struct nft_way *const *)y;
	if (a->rules != b->rules)
		return a->rules > b->rules ? -1 : 1;
	return a->range.lo < b->range.lo ? -1 : 1;
}

static bool by_jumps(const struct nft_node *node)
{
	return node->way.len && node->way.len <= NFT_JUMPS_MOST && !node->gate;
}

static void sort_ways(const struct nft_node *node, const struct nft_way **way)
{
	for (size_t i = 0; i < node->way.len; i++)
		way[i] = &node->way.at[i];
	qsort(way, node->way.len, sizeof(*way), by_rules);
}

static void ask(struct emission *e, const struct nft_node *node, const struct nft_way *way,
		struct nft_form *form)
{
	nft_form_match(form, e->arena, node->field,
		       algebra_set_one(e->arena, way->range.lo, way->range.hi));
	form->chain = name_of(e, way->to);
}

// One rule asks what is asked on the way past the chains between.
static void emit_shortcut(struct emission *e, const struct nft_node *node, struct nft_chain *to)
{
	const struct nft_way *way[NFT_JUMPS_MOST];
	struct nft_form form = {.act = ACT_GOTO, .tag = nft_tag_helper()};
	bool ends;
	do {
		sort_ways(node, way);
		ask(e, node, way[0], &form);
		ends = node->shortcut == NFT_SHORTCUT_ENDS;
		node = way[0]->to;
	} while (!ends);
	push(e, to, form);
}

static void emit_jumps(struct emission *e, const struct nft_node *node, struct nft_chain *to)
{
	const struct nft_way *way[NFT_JUMPS_MOST];
	sort_ways(node, way);
	if (node->shortcut == NFT_SHORTCUT_BEGINS)
		emit_shortcut(e, node, to);
	for (size_t i = node->shortcut == NFT_SHORTCUT_ENDS; i < node->way.len; i++) {
		struct nft_form form = {.act = ACT_GOTO, .tag = nft_tag_helper()};
		ask(e, node, way[i], &form);
		push(e, to, form);
	}
}

static void emit_map(struct emission *e, const struct nft_node *node, struct nft_chain *to)
{
	struct nft_form form = {.act = ACT_BRANCH, .tag = nft_tag_helper()};
	form.map =
		(struct nft_map){.field = node->field,
				 .name = nft_node_map_name(node, e->arena),
				 .branch = arena_array(e->arena, struct nft_branch, node->way.len),
				 .len = node->way.len};
	for (size_t i = 0; i < form.map.len; i++)
		form.map.branch[i] =
			(struct nft_branch){node->way.at[i].range, name_of(e, node->way.at[i].to)};
	push(e, to, form);
}

static void emit_gate(struct emission *e, const struct nft_node *node, struct nft_chain *to)
{
	struct nft_form form;
	nft_gate_form(node->gate, nft_node_map_name(node, e->arena),
		      e->kept ? node->gate->box.len : 0, e->arena, &form);
	push(e, to, form);
}

static void emit_chain(struct emission *e, const struct nft_node *node);

// The rules for packets of no way stand behind it, in its chain.
static bool stands_with(const struct nft_node *node)
{
	return node->miss && node->miss->refs == 1;
}

static void emit_into(struct emission *e, const struct nft_node *node, struct nft_chain *to);

// Its rules stand in the sequence's chain.
static bool stands_in(const struct nft_node *sequence, size_t part)
{
	return part + 1 == sequence->part.len || nft_is_leaf(sequence->part.at[part].root);
}

static void emit_parts(struct emission *e, const struct nft_node *node, struct nft_chain *to)
{
	for (size_t i = 0; i < node->part.len; i++) {
		const struct nft_node *root = node->part.at[i].root;
		if (stands_in(node, i)) {
			emit_into(e, root, to);
		} else {
			push_to(e, to, ACT_JUMP, root);
			emit_chain(e, root);
		}
	}
}

static void emit_ways(struct emission *e, const struct nft_node *node, struct nft_chain *to)
{
	if (node->gate)
		emit_gate(e, node, to);
	else if (by_jumps(node))
		emit_jumps(e, node, to);
	else
		emit_map(e, node, to);
	for (size_t i = 0; i < node->way.len; i++)
		emit_chain(e, node->way.at[i].to);
	if (!node->miss)
		return;
	if (stands_with(node)) {
		emit_into(e, node->miss, to);
	} else {
		push_to(e, to, ACT_GOTO, node->miss);
		emit_chain(e, node->miss);
	}
}

static void emit_into(struct emission *e, const struct nft_node *node, struct nft_chain *to)
{
	if (nft_is_leaf(node))
		emit_leaf(e, node, to);
	else if (node->part.len)
		emit_parts(e, node, to);
	else
		emit_ways(e, node, to);
}

static void emit_chain(struct emission *e, const struct nft_node *node)
{
	if (e->shallow || e->done[node->number])
		return;
	e->done[node->number] = true;
	struct arena arena, *before = e->arena;
	arena_init(&arena);
	if (!e->keep)
		e->arena = &arena;
	struct nft_chain *chain = arena_new(e->arena, struct nft_chain);
	chain->name = name_of(e, node);
	emit_into(e, node, chain);
	e->each(e->context, chain);
	e->arena = before;
	arena_fini(&arena);
}

static void emit_front(struct emission *e, struct nft_chain *main_chain)
{
	struct nft_chain *front = arena_new(e->arena, struct nft_chain);
	front->name = NFT_OVERLAY_CHAIN;
	nft_overlay_front(e->tree, e->arena, front);
	if (!e->shallow)
		e->each(e->context, front);
	push(e, main_chain, nft_overlay_guard(e->arena));
}

static void emit_main(struct emission *e, struct nft_chain *main_chain)
{
	if (e->tree->overlay)
		emit_front(e, main_chain);
	emit_into(e, e->tree->root, main_chain);
}

static void emit(struct emission *e)
{
	for (size_t i = 0; i < e->tree->targeted.len; i++)
		e->tree->targeted.at[i] = NFT_TARGET_NONE;
	struct arena arena;
	arena_init(&arena);
	e->done = base_oom(calloc((size_t)e->tree->numbers + 1, 1));
	if (!e->keep)
		e->arena = &arena;
	struct nft_chain *main_chain = arena_new(e->arena, struct nft_chain);
	main_chain->name = "";
	emit_main(e, main_chain);
	e->each(e->context, main_chain);
	free(e->done);
	arena_fini(&arena);
}

void nft_tree_emit(struct nft_tree *tree, nft_chain_fn each, void *context)
{
	emit(&(struct emission){.tree = tree, .each = each, .context = context});
}

static void add_chain(void *context, const struct nft_chain *chain)
{
	struct nft_program *program = context;
	vec_push(program->arena, &program->chain, (struct nft_chain *)chain);
	map_put(&program->by_name, chain->name, (void *)chain);
}

void nft_tree_program(struct nft_tree *tree, struct nft_program *program)
{
	emit(&(struct emission){.tree = tree,
				.each = add_chain,
				.context = program,
				.arena = program->arena,
				.keep = true});
}

void nft_tree_emit_chain(struct nft_tree *tree, const struct nft_node *host,
			 const struct nft_touched *touched, struct nft_chain *to)
{
	struct emission e = {.tree = tree,
			     .arena = touched->arena,
			     .shallow = true,
			     .kept = true,
			     .touched = touched};
	if (host != &nft_main_node)
		emit_into(&e, host, to);
	else
		emit_main(&e, to);
}

// --- what the chains are ---

// Past nodes to which nothing else leads: what lies behind is not led to twice, as the kernel would check it twice.
static void find_shortcut(struct nft_node *from)
{
	const struct nft_way *way[NFT_JUMPS_MOST];
	struct nft_node *last = from;
	while (!from->shortcut && last->common && by_jumps(last)) {
		sort_ways(last, way);
		struct nft_node *next = way[0]->to;
		if (!next->common || !by_jumps(next) || next->refs > 1)
			break;
		next->shortcut = NFT_SHORTCUT_INSIDE;
		last = next;
	}
	if (last == from)
		return;
	from->shortcut = NFT_SHORTCUT_BEGINS;
	last->shortcut = NFT_SHORTCUT_ENDS;
}

static void find_hosts(struct nft_node *node, const struct nft_node *host)
{
	node->host = host;
	find_shortcut(node);
	for (size_t i = 0; i < node->way.len; i++)
		if (!node->way.at[i].to->host)
			find_hosts(node->way.at[i].to, node->way.at[i].to);
	if (node->miss && !node->miss->host)
		find_hosts(node->miss, stands_with(node) ? host : node->miss);
	for (size_t i = 0; i < node->part.len; i++)
		find_hosts(node->part.at[i].root,
			   stands_in(node, i) ? host : node->part.at[i].root);
}

struct counting {
	struct arena *arena;
	uint32_t *seen; // references of each node that are counted, by number
	VEC(struct nft_node *) ready;
};

static void add_paths(struct counting *c, struct nft_node *node, uint32_t paths)
{
	if (__builtin_add_overflow(node->paths, paths, &node->paths))
		node->paths = UINT32_MAX;
	if (++c->seen[node->number] == node->refs)
		vec_push(c->arena, &c->ready, node);
}

static void count_rules(struct nft_tree *tree, const struct nft_node *leaf)
{
	for (size_t i = 0; i < leaf->entry.len; i++)
		tree->leaves.at[leaf->entry.at[i].rule]++;
}

// A node is counted when all that lead to it are.
static void count_paths(struct nft_tree *tree)
{
	struct arena arena;
	arena_init(&arena);
	struct counting c = {.arena = &arena};
	c.seen = arena_array(&arena, uint32_t, (size_t)tree->numbers + 1);
	add_paths(&c, tree->root, 1);
	while (c.ready.len) {
		struct nft_node *node = c.ready.at[--c.ready.len];
		count_rules(tree, node);
		for (size_t i = 0; i < node->way.len; i++)
			add_paths(&c, node->way.at[i].to, node->paths);
		if (node->miss)
			add_paths(&c, node->miss, node->paths);
		for (size_t i = 0; i < node->part.len; i++)
			add_paths(&c, node->part.at[i].root, node->paths);
	}
	arena_fini(&arena);
}

// Whatever has built it, and in which order.
static void number_nodes(struct nft_tree *tree, struct nft_node *node)
{
	if (node->number)
		return;
	node->number = ++tree->numbers;
	for (size_t i = 0; i < node->way.len; i++)
		number_nodes(tree, node->way.at[i].to);
	if (node->miss)
		number_nodes(tree, node->miss);
	for (size_t i = 0; i < node->part.len; i++)
		number_nodes(tree, node->part.at[i].root);
	if (node->gate)
		nft_gate_set_chain(node->gate,
				   nft_node_name(node->way.at[0].to->number, tree->arena));
}

void nft_tree_finish(struct nft_tree *tree)
{
	number_nodes(tree, tree->root);
	count_paths(tree);
	find_hosts(tree->root, &nft_main_node);
}
